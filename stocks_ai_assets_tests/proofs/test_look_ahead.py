"""No row depends on its future, and every planted leak is found."""

from datetime import date

import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.errors import LookAheadError, UnknownNameError, UsageError
from stocks_ai_assets.proofs.cut import cut, poisoned
from stocks_ai_assets.proofs.look_ahead import Claim, prove_look_ahead
from stocks_ai_assets.proofs.plants import PLANTS, plant
from stocks_ai_assets.proofs.sessions import default_sessions
from stocks_ai_assets.sources.ports import FACT_TABLES
from stocks_ai_assets.tables import TABLES

BEFORE_REPORTS = date(2023, 7, 13)
"""On the next session companies of the simulated market announce earnings."""


@pytest.fixture(scope="module")
def claim(source, parameters):
    return Claim(source=source, parameters=parameters)


def test_no_table_changes_when_its_future_is_taken_away_or_poisoned(claim, days):
    lakes = set()
    proof = prove_look_ahead(claim, [days.quarter], progress=lambda lake, _: lakes.add(lake))
    assert [(each.tables.table, str(each.tables.difference)) for each in proof.differences] == []
    proof.require()
    assert lakes == {"all", "cut after 2023-07-03", "poisoned after 2023-07-03"}
    assert {each.tables.table for each in proof.comparisons} == set(TABLES)
    assert {each.future for each in proof.comparisons} == {"cut", "poisoned"}


@pytest.mark.parametrize("name", PLANTS)
def test_every_planted_leak_is_found_where_it_is_said_to_be(claim, days, name):
    planted = PLANTS[name]
    session = BEFORE_REPORTS if name == "earnings_one_session_early" else days.eve
    claim = Claim(
        source=claim.source,
        parameters=claim.parameters,
        select=(planted.where,),
        plant=planted,
    )
    proof = prove_look_ahead(claim, [session])
    proof.require()
    table = ".".join(planted.where.split("/")[:2])
    assert proof.differences[0].tables.table == table
    assert proof.differences[0].tables.difference.partition <= session


def test_a_leak_that_has_nothing_to_leak_is_reported_as_not_found(claim, days):
    quiet = Claim(
        source=claim.source,
        parameters=claim.parameters,
        select=("market/benchmarks",),
        plant=plant("todays_sectors"),
    )
    proof = prove_look_ahead(quiet, [days.eve])
    assert not proof.holds
    with pytest.raises(LookAheadError, match=r"`todays_sectors` was not found at 2023-06-28"):
        proof.require()


def test_a_difference_without_a_plant_is_an_error_that_names_the_value(claim, days):
    leak = plant("filing_at_period_end")
    caught = prove_look_ahead(
        Claim(
            source=claim.source,
            parameters=claim.parameters,
            select=("market/company_facts",),
            plant=leak,
        ),
        [days.eve],
    )
    blamed = type(caught)(comparisons=caught.comparisons, plant=None, seconds=0.0)
    with pytest.raises(LookAheadError, match=r"market\.company_facts changed until 2023-06-28"):
        blamed.require()


@pytest.mark.parametrize("table", FACT_TABLES)
def test_poison_changes_all_that_follows_and_nothing_before(source, days, table):
    session, after = days.quarter, nyse().offset(days.quarter, 1)
    futures = [source, poisoned(source, session), cut(source, session)]
    key = TABLES[table].columns
    before = [each.read(table, None, session).sort(key) for each in futures]
    assert before[0].equals(before[1])
    assert before[0].equals(before[2])
    real, absurd = (each.read(table, after, source.last_session()) for each in futures[:2])
    assert absurd.height
    same = real.join(absurd, on=key, how="semi", nulls_equal=True)
    assert same.height <= 0.01 * real.height


def test_a_poisoned_split_rebases_the_file_and_not_the_facts(source, days):
    wrong = poisoned(source, days.quarter)
    files = [
        each.raw["prices_daily"].filter(date=days.quarter).collect().sort("symbol")
        for each in (source, wrong)
    ]
    ratio = files[0].get_column("close") / files[1].get_column("close")
    assert ((ratio / 7.0 - 1.0).abs() < 1e-6).sum() >= 10


def test_an_unknown_plant_is_answered_with_those_there_are():
    with pytest.raises(UnknownNameError, match=r"No plant `sunflower`. Plants: .*back_filled_esg"):
        plant("sunflower")


def test_a_session_without_a_future_cannot_be_proved(claim):
    with pytest.raises(UsageError, match=r"2023-10-04 cannot be proved.* until 2023-"):
        prove_look_ahead(claim, [date(2023, 10, 4)])


def test_sessions_are_chosen_where_leaks_have_most_to_leak(claim, days):
    before_split = early_close = days.quarter
    season = date(2023, 7, 25)
    assert default_sessions(claim.source, claim.parameters) == (before_split, season)
    assert before_split == early_close == nyse().offset(days.split, -1)
    announced = claim.source.read("market.earnings", days.eve, date(2023, 9, 1))
    counts = announced.group_by("known_on").len().sort("len", "known_on")
    assert nyse().offset(season, 1) in counts.filter(len=counts["len"].max())["known_on"]
