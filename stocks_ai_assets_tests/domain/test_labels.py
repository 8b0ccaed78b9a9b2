"""Labels: entered at the next open, left horizon opens later, known when they mature."""

import math
from datetime import date
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.labels import holding_returns, market_returns

SESSIONS = nyse().between(date(2024, 1, 2), date(2024, 3, 28))


def returns(values, symbol="A", first=0):
    """Rows of one symbol; `missing` sessions have no row, None is a price without a return."""
    rows = [
        {"symbol": symbol, "session": SESSIONS[first + i], "open_return": value}
        for i, value in enumerate(values)
        if value != "missing"
    ]
    schema = {"symbol": pl.String, "session": pl.Date, "open_return": pl.Float64}
    return pl.DataFrame(rows, schema=schema)


def market(values, known=None):
    return pl.DataFrame(
        {
            "benchmark": ["market"] * len(values),
            "session": SESSIONS[: len(values)],
            "open_return": values,
            "known_on": known or SESSIONS[: len(values)],
        }
    )


def first_label(values, horizon=2):
    labels = holding_returns(returns(values), nyse(), horizon)
    return labels.filter(pl.col("prediction_date") == SESSIONS[0]).row(0, named=True)


def test_a_position_earns_from_the_open_after_the_prediction_to_the_open_horizon_sessions_later():
    label = first_label([0.5, 0.5, 0.1, 0.2, 0.5])
    assert label["matured_on"] == SESSIONS[3]
    assert label["total_return"] == pytest.approx(1.1 * 1.2 - 1)
    assert label["complete"]


@pytest.mark.parametrize(
    ("values", "expected", "complete"),
    [
        ([0.0, 0.0, 0.1, "missing", "missing", "missing"], 0.1, False),
        ([0.0, "missing", 0.1, 0.2, 0.0], None, False),
        ([0.0, 0.0, "missing", None, 0.0], None, False),
        ([None, None, 0.1, 0.2, 0.0], 1.1 * 1.2 - 1, True),
        ([0.0, 0.0, -1.0, 0.2, 0.0], -1.0, True),
    ],
    ids=["stops trading", "no entry", "resumes after a gap", "entry without return", "worthless"],
)
def test_what_is_not_known_of_a_holding_period_is_said(values, expected, complete):
    both = pl.concat([returns(values), returns([0.0] * 6, symbol="B")])
    label = holding_returns(both, nyse(), 2).filter(symbol="A").row(0, named=True)
    assert label["total_return"] == (expected if expected is None else pytest.approx(expected))
    assert label["complete"] is complete


def test_a_symbol_without_a_price_at_the_prediction_has_no_label():
    both = pl.concat([returns([0.0] * 6), returns([0.0] * 5, symbol="B", first=1)])
    labels = holding_returns(both, nyse(), 2)
    assert labels.filter(pl.col("prediction_date") == SESSIONS[0])["symbol"].to_list() == ["A"]


def test_too_short_a_history_has_no_labels():
    assert holding_returns(returns([0.0] * 3), nyse(), 2).is_empty()
    assert holding_returns(returns([]), nyse(), 2).is_empty()
    assert market_returns(market([0.0] * 3), nyse(), 2).is_empty()


def test_the_market_is_measured_between_the_same_opens():
    labels = market_returns(market([0.5, 0.5, 0.1, 0.2, 0.5]), nyse(), 2)
    assert labels.row(0) == (SESSIONS[0], SESSIONS[3], pytest.approx(1.1 * 1.2 - 1))


def test_a_corrected_benchmark_counts_only_for_what_matures_after_the_correction_was_known():
    corrected = pl.DataFrame(
        {
            "benchmark": ["market"],
            "session": [SESSIONS[3]],
            "open_return": [0.3],
            "known_on": [SESSIONS[4]],
        }
    )
    rows = pl.concat([corrected, market([0.0] * 6)])
    labels = market_returns(rows, nyse(), 2)["market_return"].to_list()
    # Sessions 2..3 matured before the correction, 3..4 on the day it was known.
    assert labels == [0.0, pytest.approx(0.3), 0.0]


def test_a_session_missing_in_the_benchmark_leaves_no_market_return():
    rows = market([0.0] * 6).filter(pl.col("session") != SESSIONS[3])
    assert market_returns(rows, nyse(), 2)["market_return"].to_list() == [None, None, 0.0]


prices = st.lists(st.floats(1, 1000), min_size=6, max_size=30)


@given(prices, st.integers(1, 3))
def test_without_dividends_the_label_is_the_ratio_of_the_two_opens(opens, horizon):
    values = [None, *(b / a - 1 for a, b in pairwise(opens))]
    labels = holding_returns(returns(values), nyse(), horizon)
    assert labels.height == len(opens) - horizon - 1
    for i, label in enumerate(labels["total_return"]):
        assert math.isclose(1 + label, opens[i + 1 + horizon] / opens[i + 1], rel_tol=1e-9)


@given(st.lists(st.floats(-0.5, 0.5), min_size=8, max_size=20), st.integers(0, 5), st.randoms())
def test_a_label_keeps_its_bits_with_more_history_other_symbols_and_shuffled_rows(
    values, cut, random
):
    alone = holding_returns(returns(values[cut:], first=cut), nyse(), 2)
    rows = pl.concat([returns(values), returns(values[::-1], symbol="B")])
    order = list(range(rows.height))
    random.shuffle(order)
    among = holding_returns(rows[order], nyse(), 2).filter(symbol="A")
    assert among.tail(alone.height).equals(alone)
