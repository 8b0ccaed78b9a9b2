"""Returns: traded at the next open, drifted, paid for."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from polars.testing import assert_frame_equal

from stocks_ai_assets.domain.portfolio.returns import (
    portfolio_returns,
    strategy_returns,
    transform,
)
from stocks_ai_assets.domain.portfolio.weights import target_weights
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.tables import TABLES

KEY = ["strategy", "session"]
FREE = {"cost_bp": 0.0, "borrow_bp": 0.0}


def parameters(window, **costs) -> Parameters:
    return window(0, 0, **costs).parameters


@pytest.fixture(scope="module")
def frames(market, window):
    weights = target_weights({"synthesized": market.synthesized}, window(0, 119))
    return {
        "target_weights": weights,
        "technical": market.technical,
        "benchmarks": market.benchmarks,
    }


@pytest.fixture(scope="module")
def table(frames, window):
    return portfolio_returns(frames, window(0, 119))


def test_they_keep_their_contract(table):
    TABLES["portfolio.returns"].contract.validate(table)


def hand_made(sessions, weights, returns):
    """One symbol, long_short only."""
    n = len(returns)
    return {
        "target_weights": pl.DataFrame(
            {
                "strategy": ["long_short"] * n,
                "symbol": ["A"] * n,
                "session": sessions[:n],
                "horizon": [5] * n,
                "weight": weights,
            },
            schema_overrides={"weight": pl.Float64},
        ).filter(pl.col("weight") != 0),
        "technical": pl.DataFrame(
            {"symbol": ["A"] * n, "session": sessions[:n], "open_return": returns}
        ),
        "benchmarks": pl.DataFrame(
            schema={
                "benchmark": pl.String,
                "session": pl.Date,
                "open_return": pl.Float64,
                "known_on": pl.Date,
            }
        ),
    }


def test_a_weight_decided_at_a_close_earns_from_the_next_open_to_the_one_after(window, sessions):
    frames = hand_made(sessions, [0.0, 1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.1, 0.5])
    rows = portfolio_returns(frames, window(0, 4, **FREE)).filter(strategy="long_short")
    got = dict(rows.select("session", "gross_return").iter_rows())
    assert got == {sessions[2]: 0.0, sessions[3]: pytest.approx(0.1), sessions[4]: 0.0}


def test_turnover_counts_from_the_weights_as_they_had_drifted(window, sessions):
    frames = hand_made(sessions, [0.0, 0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.2, 0.0])
    rows = portfolio_returns(frames, window(0, 4, cost_bp=10.0)).filter(strategy="long_short")
    drifted = 0.5 * 1.2 / 1.1
    assert rows["turnover"].to_list() == [0.0, 0.5, pytest.approx(drifted - 0.5)]
    assert rows["cost"].to_list() == [0.0, 0.0005, pytest.approx((drifted - 0.5) * 0.001)]


def test_a_position_that_drifts_to_its_target_is_not_traded(window):
    returns = np.array([[0.0, 0.0, 0.1, 0.0]])
    weights = np.array([[0.5, 0.5 * 1.1 / 1.05, 0.0, 0.0]])
    _, _, turnover = strategy_returns(weights, returns, parameters(window))
    assert turnover[0] == pytest.approx(0.0, abs=1e-15)


def test_a_short_pays_for_borrowing_and_a_long_does_not(window, sessions):
    for weight, expected in ((-0.6, 0.6 * 252e-4 / 252), (0.6, 0.0)):
        frames = hand_made(sessions, [weight] * 5, [0.0] * 5)
        rows = portfolio_returns(frames, window(4, 4, cost_bp=0.0, borrow_bp=252.0))
        row = rows.filter(strategy="long_short").row(0, named=True)
        assert row["cost"] == pytest.approx(expected)
        assert (row["n_long"], row["n_short"]) == ((0, 1) if weight < 0 else (1, 0))


def test_a_symbol_that_stopped_trading_is_held_as_cash(window, sessions):
    frames = hand_made(sessions, [1.0] * 5, [0.1] * 5)
    gone = frames["technical"].filter(pl.col("session") < sessions[3])
    rows = portfolio_returns(frames | {"technical": gone}, window(0, 4, **FREE))
    got = rows.filter(strategy="long_short")["gross_return"].to_list()
    assert got == [pytest.approx(0.1), 0.0, 0.0]


weights = npst.arrays(float, (4, 6), elements=st.floats(-0.25, 0.25))
moves = npst.arrays(float, (4, 6), elements=st.floats(-0.5, 0.5))
costs = st.floats(0, 100)


@given(weights, moves, costs, costs, costs)
def test_costs_never_raise_returns(window, weights, moves, cost_bp, borrow_bp, more):
    little = parameters(window, cost_bp=cost_bp, borrow_bp=borrow_bp)
    much = parameters(window, cost_bp=cost_bp + more, borrow_bp=borrow_bp + more)
    gross, cost, turnover = strategy_returns(weights, moves, little)
    same_gross, higher_cost, same_turnover = strategy_returns(weights, moves, much)
    assert (cost >= 0).all()
    assert (higher_cost >= cost).all()
    np.testing.assert_array_equal(gross, same_gross)
    np.testing.assert_array_equal(turnover, same_turnover)


@given(st.floats(-0.2, 0.2))
def test_in_a_market_where_all_earn_the_same_only_what_is_net_invested_earns(
    window, market, frames, r
):
    same = market.technical.with_columns(open_return=pl.lit(r))
    rows = portfolio_returns(frames | {"technical": same}, window(30, 40, **FREE))
    earned = rows.group_by("strategy").agg(pl.col("gross_return").unique())
    for strategy, returns in earned.iter_rows():
        expected = {"long_only": r, "equal_weight": r, "long_short": 0.0, "equal_agents": 0.0}
        if strategy in expected:
            np.testing.assert_allclose(returns, expected[strategy], atol=1e-12)
    turnover = rows.filter(strategy="equal_weight")["turnover"]
    np.testing.assert_allclose(turnover, 0.0, atol=1e-12)


def test_the_strategies_start_two_sessions_after_the_first_and_the_benchmarks_with_them(
    table, sessions
):
    starts = dict(table.group_by("strategy").agg(pl.col("session").min()).iter_rows())
    names = ("market", "equal_weight", "long_only", "long_short", "equal_agents")
    assert starts == dict.fromkeys(names, sessions[2])
    assert set(table.group_by("strategy").len()["len"]) == {118}


def test_equal_weight_is_the_mean_of_the_symbols_with_a_price(table, market, sessions):
    rows = market.technical.filter(session=sessions[30])
    got = table.filter(strategy="equal_weight", session=sessions[30])
    assert got.item(0, "gross_return") == pytest.approx(rows["open_return"].mean())
    assert got.item(0, "n_long") == rows.height


def test_equal_weight_holds_what_was_traded_when_it_chose_and_not_what_survived(
    table, market, sessions
):
    # S07 is traded last on session 59. Weights of a session's close earn to the second open after.
    for at, names in ((60, 30), (61, 30), (62, 29)):
        moves = market.technical.filter(pl.col("session") == sessions[at])["open_return"]
        assert len(moves) == 29
        got = table.filter(strategy="equal_weight", session=sessions[at])
        assert got["n_long"].item() == names
        assert got["gross_return"].item() == pytest.approx(moves.sum() / names, abs=1e-15)


def test_the_market_has_no_row_for_a_return_that_was_not_known_in_time(frames, window, sessions):
    late = frames["benchmarks"].with_columns(
        known_on=pl.when(pl.col("session") == sessions[9]).then(sessions[10]).otherwise("known_on")
    )
    rows = portfolio_returns(frames | {"benchmarks": late}, window(8, 11))
    known = rows.filter(strategy="market")
    assert known["session"].to_list() == [sessions[8], sessions[10], sessions[11]]
    assert (known["cost"] == 0).all()


def test_a_day_alone_with_its_declared_lookback_gives_the_bits_of_the_range(
    table, frames, window, sessions
):
    for i in (0, 1, 2, 3, 23, 61, 119):
        today = window(i, i)
        inputs = transform(today.parameters).inputs
        known = {}
        for name, column in (
            ("target_weights", "session"),
            ("technical", "session"),
            ("benchmarks", "known_on"),
        ):
            first = sessions[max(i - inputs[name].lookback, 0)]
            known[name] = (
                frames[name]
                .filter(pl.col(column).is_between(first, sessions[i]))
                .sample(fraction=1.0, shuffle=True, seed=1)
            )
        alone = portfolio_returns(known, today)
        expected = table.filter(pl.col("session") == sessions[i])
        assert expected.height == (5 if i >= 2 else 0)
        assert_frame_equal(alone.sort(KEY), expected.sort(KEY), check_exact=True)
