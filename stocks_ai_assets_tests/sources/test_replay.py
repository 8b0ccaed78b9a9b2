"""Facts of public record, read from the replay data."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.intake import intake
from stocks_ai_assets.sources.ports import FACT_TABLES
from stocks_ai_assets.sources.publication import as_downloaded
from stocks_ai_assets.sources.raw import read_folder
from stocks_ai_assets.tables import table

pytestmark = pytest.mark.real

LAST = date(2024, 8, 23)


@pytest.fixture(scope="module")
def folder(replay_folder):
    return {name: frame.collect() for name, frame in read_folder(replay_folder).items()}


@pytest.fixture(scope="module")
def replay(folder, replay_folder, calendar):
    return FolderSource(read_folder(replay_folder), calendar)


def one(source, name, day, **where):
    return source.read(name, day, day).filter(**where).row(0, named=True)


@pytest.mark.parametrize(
    ("symbol", "day", "close"),
    [
        ("AAPL", date(2014, 6, 6), 645.57),  # 7:1 and 4:1 came later
        ("AAPL", date(2014, 6, 9), 93.70),
        ("AAPL", date(2015, 3, 2), 129.09),
        ("AAPL", date(2020, 8, 28), 499.23),
        ("AAPL", date(2020, 8, 31), 129.04),
        ("NVDA", date(2024, 6, 7), 1208.88),  # 10:1
        ("NVDA", date(2024, 6, 10), 121.79),
        ("TSLA", date(2020, 8, 28), 2213.40),  # 5:1 and 3:1
        ("GE", date(2021, 7, 30), 12.95),  # 1:8
        ("GOOGL", date(2022, 7, 15), 2235.55),  # 20:1
    ],
)
def test_closes_are_those_that_were_traded(replay, symbol, day, close):
    assert one(replay, "market.prices", day, symbol=symbol)["close"] == close


def test_trap_1_the_fortive_spin_off_counts_once(replay):
    day = date(2016, 7, 5)
    action = one(replay, "market.corporate_actions", day, symbol="DHR")
    assert (action["dividend"], action["split_ratio"], action["shares_ratio"]) == (0.0, 1.319, 1.0)
    after = one(replay, "market.prices", day, symbol="DHR")["close"]
    before = one(replay, "market.prices", date(2016, 7, 1), symbol="DHR")["close"]
    assert after * 1.319 / before - 1 == pytest.approx(0.036, abs=0.01)


def test_trap_8_eps_are_those_that_were_reported(replay):
    reported = {
        ("GE", date(2015, 1, 23)): 0.56,
        ("NFLX", date(2024, 7, 19)): 4.9,
        ("T", date(2015, 4, 23)): 0.63,
        ("AAPL", date(2024, 8, 2)): 1.40,
    }
    for (symbol, day), value in reported.items():
        found = one(replay, "market.earnings", day, symbol=symbol)["eps_reported"]
        assert found == pytest.approx(value, abs=0.051), symbol


def test_trap_11_the_first_prints_are_those_that_were_published(replay):
    facts = replay.read("market.macro_observations", None, LAST).sort("known_on")
    for series, observed, value in (
        ("UNRATE", date(2020, 4, 1), 14.7),
        ("CPIAUCSL", date(2022, 6, 1), 295.328),
    ):
        prints = facts.filter(series_id=series, observation_date=observed)
        assert prints["value"][0] == value
        assert prints["known_on"][0] > observed


def test_trap_9_the_new_sector_came_with_its_publication(replay):
    rows = replay.read("market.companies", None, LAST).filter(symbol="GOOGL").sort("known_on")
    first = rows.filter(sector="Communication Services")["known_on"][0]
    assert first > date(2018, 9, 28)
    assert rows.filter(pl.col("known_on") < first)["sector"].drop_nulls().unique().to_list() == [
        "Information Technology"
    ]
    meta = replay.read("market.companies", None, date(2020, 1, 2)).filter(symbol="META")
    assert "Facebook" in " ".join(meta["name"].drop_nulls())


def test_no_esg_rating_is_known_before_its_snapshot(replay):
    assert replay.read("market.esg_ratings", None, date(2024, 6, 24)).is_empty()
    assert replay.read("market.esg_ratings", None, LAST).height == 103


@pytest.mark.parametrize("name", FACT_TABLES)
def test_no_row_is_known_before_it_was_public(replay, calendar, name):
    rows = replay.read(name, None, LAST).join(calendar.frame, on="known_on")
    assert rows.height > 0
    assert (rows["available_at"] <= rows["cutoff"]).all()


def test_only_the_known_handful_is_set_aside(replay):
    found = {}
    for name in FACT_TABLES:
        aside = intake(name, replay.read(name, None, LAST)).quarantined
        found |= {
            (name, reason.split(" (")[0]): n
            for reason, n in aside["reason"].value_counts().iter_rows()
        }
    assert found == {
        ("market.company_facts", "unit does not fit the item"): 73,
        ("market.company_facts", "period_end is after the filing"): 13,
        ("market.earnings", "key"): 2,
        ("market.companies", "sector is not a GICS sector"): 108,
        ("market.companies", "symbol is badly spelled"): 1,
    }


@pytest.mark.parametrize(
    "session",
    [date(2012, 6, 29), date(2016, 7, 5), date(2020, 8, 28), date(2024, 6, 7), date(2024, 6, 24)],
)
def test_a_download_of_that_day_gives_the_facts_known_then_bit_for_bit(
    folder, replay, calendar, session
):
    then = FolderSource(as_downloaded(folder, session, calendar), calendar)
    for name in FACT_TABLES:
        key = table(name).key
        known, expected = (s.read(name, None, session).sort(key) for s in (then, replay))
        assert known.equals(expected), name


def test_a_range_is_its_days_one_by_one(replay, calendar):
    first, last = date(2020, 5, 1), date(2020, 5, 15)
    for name in FACT_TABLES:
        key = table(name).key
        days = [replay.read(name, day, day) for day in calendar.between(first, last)]
        whole = replay.read(name, first, last).sort(key)
        assert pl.concat(days).sort(key).equals(whole), name
