"""Company figures against the market's price of the whole company."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals.valuation import transform
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.tables import TABLES

BEFORE, AFTER = date(2020, 8, 28), date(2020, 8, 31)
TRANSFORM = transform(Parameters(first_session=BEFORE))
FIGURES = {"net_income": 5e9, "book_equity": 20e9, "free_cash_flow": 4e9}


def valued(close, shares, session=BEFORE, **figures):
    keys = {"symbol": ["A"], "session": [session]}
    columns = {**FIGURES, "shares_outstanding": shares, **figures}
    frames = {
        "technical": pl.DataFrame({**keys, "close": [close]}),
        "fundamentals": pl.DataFrame(keys).with_columns(
            pl.lit(value, dtype=pl.Float64).alias(name) for name, value in columns.items()
        ),
    }
    window = Window(
        partitions=(BEFORE, AFTER), calendar=nyse(), parameters=Parameters(first_session=BEFORE)
    )
    frame = TRANSFORM.function(frames, window)
    table = TABLES[TRANSFORM.table]
    table.contract.validate(frame.select(table.columns))
    return frame.row(0, named=True)


def test_ratios_divide_the_companys_figures_by_its_market_value():
    row = valued(100.0, 1e9)
    assert row["market_cap"] == 1e11
    assert row["earnings_to_price"] == pytest.approx(0.05)
    assert row["book_to_price"] == pytest.approx(0.20)
    assert row["free_cash_flow_to_price"] == pytest.approx(0.04)


def test_trap_3_a_split_changes_price_and_shares_but_no_ratio():
    before, after = valued(500.0, 4e9), valued(125.0, 16e9, session=AFTER)
    del before["session"], after["session"]
    assert before == after


@pytest.mark.parametrize("shares", [9.9e6, 5.1e10], ids=["in thousands", "a thousand times"])
def test_trap_4_an_implausible_market_value_silences_every_ratio(shares):
    row = valued(100.0, shares)
    assert [row[name] for name in row if name not in {"symbol", "session"}] == [None] * 4


def test_trap_10_a_missing_share_count_is_unknown_and_a_loss_is_a_number():
    assert valued(100.0, None)["market_cap"] is None
    row = valued(100.0, 1e9, net_income=-5e9, book_equity=None)
    assert (row["earnings_to_price"], row["book_to_price"]) == (pytest.approx(-0.05), None)


def test_a_traded_symbol_without_fundamentals_keeps_its_row():
    keys = {"symbol": ["B"], "session": [BEFORE]}
    frames = {
        "technical": pl.DataFrame({**keys, "close": [10.0]}),
        "fundamentals": pl.DataFrame(
            schema={"symbol": pl.String, "session": pl.Date}
            | dict.fromkeys([*FIGURES, "shares_outstanding"], pl.Float64)
        ),
    }
    window = Window(
        partitions=(BEFORE,), calendar=nyse(), parameters=Parameters(first_session=BEFORE)
    )
    assert TRANSFORM.function(frames, window).row(0) == ("B", BEFORE, None, None, None, None)
