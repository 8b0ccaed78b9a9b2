"""Prices, share counts and accounts against public record, and outcomes against a share held."""

from datetime import date

import polars as pl
import pytest

pytestmark = pytest.mark.real

# Closes as printed on the day: the eve of a split and the day itself.
AS_TRADED = {
    ("AAPL", date(2020, 8, 28)): 499.23,
    ("AAPL", date(2020, 8, 31)): 129.04,
    ("AMZN", date(2022, 6, 3)): 2447.00,
    ("AMZN", date(2022, 6, 6)): 124.79,
    ("GOOGL", date(2022, 7, 15)): 2235.55,
    ("GOOGL", date(2022, 7, 18)): 109.03,
    ("NVDA", date(2024, 6, 7)): 1208.88,
    ("NVDA", date(2024, 6, 10)): 121.79,
    ("TSLA", date(2020, 8, 28)): 2213.40,
    ("TSLA", date(2020, 8, 31)): 498.32,
}

# Trailing figures from annual reports, USD bn: net income, cash flow from operations, equity.
REPORTED = {
    ("AAPL", date(2020, 11, 16)): (57.411, 80.674, 65.339),
    ("WMT", date(2024, 4, 1)): (15.511, 35.726, 83.861),
    ("XOM", date(2024, 3, 1)): (36.010, 55.369, 204.802),
    ("META", date(2024, 2, 15)): (39.098, 71.113, 153.168),
    ("PG", date(2023, 9, 1)): (14.653, 16.848, 47.065),
    ("MSFT", date(2023, 9, 1)): (72.361, None, 206.223),
}

# USD bn, to the precision with which share counts of different dates agree.
MARKET_CAPS = {
    ("AAPL", date(2024, 8, 23)): 3_450,
    ("MSFT", date(2024, 8, 23)): 3_100,
    ("NVDA", date(2024, 8, 23)): 3_180,
    ("XOM", date(2024, 8, 23)): 515,
    ("JPM", date(2021, 3, 1)): 460,
    ("TSLA", date(2021, 3, 1)): 690,
    ("GE", date(2017, 3, 1)): 264,
}

HOLDINGS = {
    "AAPL": date(2020, 8, 31),
    "NVDA": date(2024, 6, 10),
    "T": date(2022, 4, 11),
    "GE": date(2023, 1, 4),
    "TSLA": date(2022, 8, 25),
    "DHR": date(2016, 7, 5),
    "XOM": date(2020, 5, 12),
}
"""Days of a split, a spin-off (once coded twice), a dividend."""


def at(frame, symbol, session):
    return frame.filter(pl.col("symbol") == symbol, pl.col("session") == session).row(0, named=True)


def test_prices_are_those_that_were_traded_on_the_day(table):
    prices = table("market.prices", "symbol", "session", "close")
    found = {key: at(prices, *key)["close"] for key in AS_TRADED}
    assert found == pytest.approx(AS_TRADED, abs=0.01)


def test_trailing_figures_are_those_of_the_annual_reports(table):
    rows = table("signals.fundamentals")
    for key, expected in REPORTED.items():
        row = at(rows, *key)
        names = ("net_income", "operating_cash_flow", "book_equity")
        found = tuple(row[name] and row[name] / 1e9 for name in names)
        assert found == pytest.approx(expected, abs=0.001), key


def test_market_values_are_plausible(table):
    rows = table("signals.valuation", "symbol", "session", "market_cap")
    found = {key: at(rows, *key)["market_cap"] / 1e9 for key in MARKET_CAPS}
    assert found == pytest.approx(MARKET_CAPS, rel=0.02)
    known = rows.drop_nulls("market_cap")
    assert known["market_cap"].is_between(1e9, 5e12).all()
    assert known["symbol"].n_unique() >= 92


def test_no_split_moves_a_market_value(table):
    actions = table("market.corporate_actions").filter(pl.col("shares_ratio") != 1.0)
    values = (
        table("signals.valuation", "symbol", "session", "market_cap")
        .join(
            table("signals.technical", "symbol", "session", "total_return"),
            on=["symbol", "session"],
        )
        .sort("symbol", "session")
        .with_columns(
            moved=pl.col("market_cap")
            / pl.col("market_cap").shift(1).over("symbol")
            / (1.0 + pl.col("total_return"))
            - 1.0
        )
        .join(actions, left_on=["symbol", "session"], right_on=["symbol", "ex_date"])
        .drop_nulls("moved")
    )
    assert values.height >= 10
    assert values["moved"].abs().max() < 0.02, values.select("symbol", "session", "moved").rows()


@pytest.mark.parametrize("symbol", HOLDINGS)
def test_an_outcome_is_what_a_share_held_from_open_to_open_brought(
    symbol, table, replay_folder, sessions
):
    """One share bought at the vendor's unadjusted open; payments reinvested at the open."""
    raw = pl.read_parquet(replay_folder / "prices_daily.parquet").filter(pl.col("symbol") == symbol)
    later, days = 1.0, {}
    for row in raw.sort("date", descending=True).iter_rows(named=True):
        days[row["date"]] = (row["open"] * later, row["dividends"] * later, row["stock_splits"])
        later *= row["stock_splits"] or 1.0
    event = sessions.index(HOLDINGS[symbol])
    outcomes = table("evaluation.outcomes").filter(pl.col("symbol") == symbol)
    stored = dict(outcomes.select("prediction_date", "total_return").iter_rows())
    for decided in range(event - 24, event + 3):
        held = sessions[decided + 1 : decided + 23]
        shares = 1.0
        for day in held[1:]:
            price, dividend, split = days[day]
            if (symbol, day) == ("DHR", date(2016, 7, 5)):
                dividend = 0.0  # the spin-off of Fortive, which the ratio of the day holds already
            shares = shares * (split or 1.0) + shares * dividend / price
        earned = shares * days[held[-1]][0] / days[held[0]][0] - 1.0
        assert stored[sessions[decided]] == pytest.approx(earned, abs=2e-5), sessions[decided]


def test_the_market_of_an_outcome_is_the_fund_held_from_open_to_open(
    table, replay_folder, sessions
):
    fund = pl.read_parquet(replay_folder / "benchmarks_daily.parquet").filter(
        pl.col("symbol") == "SPY"
    )
    opens = dict(fund.select("date", "open").iter_rows())
    outcomes = table("evaluation.outcomes").select("prediction_date", "market_return").unique()
    stored = dict(outcomes.iter_rows())
    assert len(stored) == len(sessions) - 22
    for decided in range(0, len(sessions) - 22, 50):
        expected = opens[sessions[decided + 22]] / opens[sessions[decided + 1]] - 1.0
        assert stored[sessions[decided]] == pytest.approx(expected, abs=1e-5)
