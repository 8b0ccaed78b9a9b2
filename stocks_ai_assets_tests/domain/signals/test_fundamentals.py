"""Ratios from filings: what was known at each session, and nothing else."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals.fundamentals import transform
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.tables import TABLES

PARAMETERS = Parameters(first_session=date(2019, 1, 2))
SESSIONS = nyse().between(date(2021, 1, 4), date(2021, 12, 31))
TRANSFORM = transform(PARAMETERS)
FACTS = pl.Schema(
    {
        name: TABLES["market.company_facts"].schema[name]
        for name in TRANSFORM.inputs["company_facts"].columns
    }
)
ACTIONS = pl.Schema(
    {
        name: TABLES["market.corporate_actions"].schema[name]
        for name in TRANSFORM.inputs["corporate_actions"].columns
    }
)
KEYS = ["symbol", "session"]


@dataclass(frozen=True)
class Frames:
    """Inputs of the transform, with every symbol traded on all sessions."""

    facts: tuple
    actions: tuple = ()
    symbols: tuple = ("A",)

    def frames(self):
        technical = pl.DataFrame({"symbol": self.symbols}).join(
            pl.DataFrame({"session": SESSIONS}), how="cross"
        )
        return {
            "technical": technical,
            "company_facts": pl.DataFrame(self.facts, schema=FACTS, orient="row"),
            "corporate_actions": pl.DataFrame(self.actions, schema=ACTIONS, orient="row"),
        }

    def rows(self, *partitions):
        window = Window(partitions=partitions, calendar=nyse(), parameters=PARAMETERS)
        return TRANSFORM.function(self.frames(), window).sort(KEYS)

    def at(self, *day):
        return self.rows(date(*day)).row(0, named=True)


def known(filed):
    return nyse().next_or_same(filed + timedelta(days=1))


def stock(item, value, end, filed, symbol="A"):
    return (symbol, item, None, end, value, "10-Q", filed, known(filed))


def year(item, value, end, filed, symbol="A"):
    start = date(end.year, 1, 1)
    return (symbol, item, start, end, value, "10-K", filed, known(filed))


def filing(year_, values, filed=None, symbol="A"):
    """Return an annual report, filed on 1 February after its year."""
    end, filed = date(year_, 12, 31), filed or date(year_ + 1, 2, 1)
    return tuple(
        (stock if item in {"assets", "equity", "shares_outstanding"} else year)(
            item, value, end, filed, symbol
        )
        for item, value in values.items()
    )


PLAIN = {
    "assets": 200.0,
    "equity": 90.0,
    "shares_outstanding": 10.0,
    "net_income": 20.0,
    "gross_profit": 80.0,
    "cf_operating": 26.0,
    "capex": 6.0,
}
BOTH = filing(2019, {**PLAIN, "assets": 160.0}) + filing(2020, PLAIN)


def test_ratios_come_from_the_newest_filings_known():
    row = Frames(BOTH).at(2021, 2, 2)
    assert row["gross_profit_to_assets"] == pytest.approx(80 / 200)
    assert row["return_on_assets"] == pytest.approx(20 / 200)
    assert row["accruals"] == pytest.approx((20 - 26) / 180)
    assert row["asset_growth"] == pytest.approx(200 / 160 - 1)
    assert row["free_cash_flow"] == 20.0
    assert (row["total_assets"], row["book_equity"], row["shares_outstanding"]) == (
        200.0,
        90.0,
        10.0,
    )
    assert (row["balance_age"], row["flow_age"]) == (33, 33)
    assert row["known_through"] == date(2021, 2, 2)


def test_a_filing_is_invisible_before_the_session_on_which_it_became_known():
    row = Frames(BOTH).at(2021, 2, 1)
    assert row["total_assets"] == 160.0
    assert row["known_through"] == date(2020, 2, 3)


def test_a_symbol_without_filings_has_a_row_of_nulls():
    row = Frames(BOTH, symbols=("B",)).at(2021, 2, 2)
    assert set(row.values()) == {"B", date(2021, 2, 2), None}


def test_a_restatement_and_its_correction_count_from_their_own_sessions():
    end = date(2020, 12, 31)
    restated = stock("assets", 190.0, end, date(2021, 3, 1))
    corrected = stock("assets", 195.0, end, date(2021, 4, 1))
    frames = Frames((corrected, restated, *BOTH))
    days = [(2021, 3, 1), (2021, 3, 2), (2021, 4, 1), (2021, 4, 5)]
    assert [frames.at(*day)["total_assets"] for day in days] == [200.0, 190.0, 190.0, 195.0]


def test_trap_7_a_restated_older_balance_sheet_does_not_displace_the_newest():
    old = stock("assets", 150.0, date(2019, 12, 31), date(2021, 3, 1))
    assert Frames((*BOTH, old)).at(2021, 3, 2)["total_assets"] == 200.0


def test_trap_5_a_filed_error_is_held_back_and_the_balance_sheet_ages():
    wrong = stock("assets", 0.2, date(2021, 3, 31), date(2021, 5, 3))
    row = Frames((*BOTH, wrong)).at(2021, 5, 4)
    assert (row["total_assets"], row["balance_age"]) == (200.0, 124)


def test_traps_2_and_3_shares_are_carried_over_real_splits_and_sums_over_none():
    split, spin_off = date(2021, 6, 10), date(2021, 7, 1)
    actions = (("A", split, 20.0, split), ("A", spin_off, 1.0, spin_off))
    frames = Frames(BOTH, actions)
    assert frames.at(2021, 6, 9)["shares_outstanding"] == 10.0
    after = frames.at(2021, 7, 1)
    assert after["shares_outstanding"] == 200.0
    assert (after["net_income"], after["total_assets"]) == (20.0, 200.0)


def test_a_count_filed_after_a_split_states_the_new_number():
    split, filed = date(2021, 6, 10), date(2021, 6, 11)
    count = stock("shares_outstanding", 201.0, date(2021, 6, 8), filed)
    frames = Frames((*BOTH, count), (("A", split, 20.0, split),))
    assert frames.at(2021, 6, 14)["shares_outstanding"] == 201.0


def test_a_split_announced_ahead_counts_from_its_ex_date_and_a_late_one_from_when_it_was_known():
    ex_date = date(2021, 6, 10)
    for known_on, before, after in [
        (date(2021, 5, 3), date(2021, 6, 9), ex_date),
        (date(2021, 6, 14), date(2021, 6, 11), date(2021, 6, 14)),
    ]:
        rows = Frames(BOTH, (("A", ex_date, 4.0, known_on),)).rows(before, after)
        assert rows.get_column("shares_outstanding").to_list() == [10.0, 40.0]


def test_an_item_that_is_no_longer_reported_is_unknown_after_a_year():
    late = filing(2020, {"assets": 200.0, "net_income": 20.0})
    old = filing(2018, PLAIN, filed=date(2019, 2, 1))
    row = Frames((*old, *late)).at(2021, 2, 2)
    assert row["return_on_assets"] == pytest.approx(0.1)
    silent = ("book_equity", "shares_outstanding", "operating_cash_flow", "accruals")
    assert [row[name] for name in silent] == [None] * 4
    assert row["flow_age"] == 33


def test_sums_of_different_twelve_months_are_not_subtracted_from_each_other():
    quarter = date(2021, 3, 31)
    newer = tuple(
        ("A", "net_income", start, end, value, "10-Q", date(2021, 5, 3), date(2021, 5, 4))
        for start, end, value in [
            (date(2021, 1, 1), quarter, 7.0),
            (date(2020, 1, 1), date(2020, 3, 31), 5.0),
        ]
    )
    row = Frames((*BOTH, *newer)).at(2021, 5, 4)
    assert row["net_income"] == 22.0
    assert row["accruals"] is None
    assert row["free_cash_flow"] == 20.0
    assert row["flow_age"] == 124


def test_trap_6_filed_gross_profit_comes_before_revenue_less_cost():
    both = {**PLAIN, "revenue": 300.0, "cost_of_revenue": 250.0}
    assert Frames(filing(2020, both)).at(2021, 2, 2)["gross_profit_to_assets"] == 0.4
    del both["gross_profit"]
    assert Frames(filing(2020, both)).at(2021, 2, 2)["gross_profit_to_assets"] == 0.25


def test_a_source_without_dates_ages_from_the_filing():
    filed = date(2021, 2, 1)
    rows = tuple(
        ("A", item, None, None, value, None, filed, known(filed))
        for item, value in {"assets": 100.0, "net_income": 9.0}.items()
    )
    row = Frames(rows).at(2021, 2, 3)
    assert (row["return_on_assets"], row["balance_age"], row["flow_age"]) == (0.09, 2, 2)


def test_trap_10_a_history_too_short_for_growth_gives_null_and_not_zero():
    row = Frames(filing(2020, PLAIN)).at(2021, 2, 2)
    assert (row["asset_growth"], row["accruals"]) == (None, None)
    assert row["return_on_assets"] is not None


@pytest.fixture(scope="module")
def world():
    """Three companies, eight quarters of year-to-date figures, restatements and a split."""
    rng = np.random.default_rng(5)
    rows, split = [], date(2021, 6, 10)
    for symbol in ("A", "B", "C"):
        for number in range(12):
            quarter, start = number % 4 + 1, date(2019 + number // 4, 1, 1)
            end = date(start.year, 3 * quarter, 30)
            filed = end + timedelta(days=int(rng.integers(25, 45)))
            for item in ("assets", "equity", "shares_outstanding"):
                value = 100.0 * float(rng.uniform(0.8, 1.2))
                rows.append(stock(item, value, end, filed, symbol))
                later = filed + timedelta(days=30)
                rows.append(stock(item, value * 0.97, end, later, symbol))
            rows += [
                (
                    symbol,
                    item,
                    start,
                    end,
                    quarter * float(rng.uniform(5, 9)),
                    "10-Q",
                    filed,
                    known(filed),
                )
                for item in ("net_income", "revenue", "cost_of_revenue", "cf_operating", "capex")
            ]
    actions = (
        ("A", split, 4.0, split),
        ("B", split, 3.0, date(2021, 6, 14)),
        ("B", split, 2.0, date(2021, 7, 1)),
    )
    return Frames(tuple(rows), actions, symbols=("A", "B", "C"))


def test_a_range_equals_its_days_to_the_bit_with_the_lookback_declared(world, produce):
    whole = world.rows(*SESSIONS)
    assert whole.select(pl.all().is_not_null().all()).row(0) == (True,) * whole.width
    assert whole.get_column("accruals").n_unique() > 50
    facts = {TRANSFORM.inputs[name].table: frame for name, frame in world.frames().items()}
    for day in (*SESSIONS[:3], *SESSIONS[105:120], SESSIONS[-1]):
        window = Window(partitions=(day,), calendar=nyse(), parameters=PARAMETERS)
        alone = produce(TRANSFORM, facts, window)
        assert alone.equals(whole.filter(pl.col("session") == day))


def test_order_of_rows_other_symbols_and_older_facts_change_no_bit(world):
    whole = world.rows(*SESSIONS)
    window = Window(partitions=SESSIONS, calendar=nyse(), parameters=PARAMETERS)
    shuffled = {
        name: frame.sample(fraction=1.0, shuffle=True, seed=2)
        for name, frame in world.frames().items()
    }
    assert TRANSFORM.function(shuffled, window).sort(KEYS).equals(whole)
    alone = replace(world, symbols=("B",)).rows(*SESSIONS)
    assert alone.equals(whole.filter(pl.col("symbol") == "B"))
    older = tuple(row for symbol in ("A", "B", "C") for row in filing(2016, PLAIN, symbol=symbol))
    assert replace(world, facts=(*older, *world.facts)).rows(*SESSIONS).equals(whole)
