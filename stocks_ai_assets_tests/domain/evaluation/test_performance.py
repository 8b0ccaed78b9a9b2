"""Performance: figures against plain definitions, and what may be known at a quarter."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.stats import kurtosis, skew

from stocks_ai_assets.domain.evaluation.performance import moments, performance
from stocks_ai_assets.domain.evaluation.skill import agent_skill
from stocks_ai_assets.domain.evaluation.trials import trial_rows
from stocks_ai_assets.tables import TABLES

KEY = ["quarter", "strategy"]


@pytest.fixture(scope="module")
def frames(world):
    return world.frames | {"skill": agent_skill(world.frames, world.by_quarter())}


@pytest.fixture(scope="module")
def table(world, frames):
    return performance(frames, world.by_quarter())


def test_it_keeps_its_contract(table):
    TABLES["evaluation.performance"].contract.validate(table)


def test_moments_follow_their_definitions(rng):
    returns = rng.normal(0.001, 0.01, 300)
    got = moments(returns)
    assert got.volatility == pytest.approx(np.std(returns, ddof=1))
    assert got.sharpe == pytest.approx(returns.mean() / np.std(returns, ddof=1))
    assert got.skewness == pytest.approx(skew(returns))
    assert got.kurtosis == pytest.approx(kurtosis(returns, fisher=False))
    assert got.annual_return == pytest.approx(np.prod(1 + returns) ** (252 / 300) - 1)


def test_a_drawdown_is_measured_from_the_highest_level_the_start_included():
    falls_at_once = np.r_[-0.5, np.full(70, 0.1)]
    assert moments(falls_at_once).max_drawdown == pytest.approx(-0.5)
    assert moments(np.full(100, 0.01)).max_drawdown == 0.0


@given(st.lists(st.floats(-0.2, 0.2), min_size=63, max_size=90))
def test_drawdowns_lie_between_everything_and_nothing(returns):
    got = moments(np.array(returns))
    assert -1.0 <= got.max_drawdown <= 0.0
    assert got.annual_return >= -1.0


def test_a_constant_return_has_no_sharpe_ratio():
    got = moments(np.full(100, 0.001))
    assert got.volatility == 0.0
    assert math.isnan(got.sharpe)


def test_a_short_history_has_only_a_number_of_sessions(rng):
    got = moments(rng.normal(size=62) / 100)
    assert got.n == 62
    assert math.isnan(got.annual_return)
    assert math.isnan(got.max_drawdown)


def test_benchmarks_have_no_deflated_ratio_because_nobody_chose_them(table, world):
    last = table.filter(quarter=world.quarters[-1])
    known = set(last.drop_nulls("deflated_sharpe")["strategy"])
    assert known == {"long_only", "long_short", "equal_agents"}
    assert last["sharpe"].null_count() == 0


def test_more_trials_in_the_ledger_lower_the_deflated_ratio(table, world, frames):
    tried = [
        trial_rows(
            world.parameters, agents=("events",), source=f"s{i}", universe=("A",), code_version="1"
        )
        for i in range(20)
    ]
    ledger = pl.concat([frames["trials"], *tried])
    quarter = world.quarters[-1]
    again = performance(frames | {"trials": ledger}, world.by_quarter(quarter)).sort("strategy")
    before = table.filter(pl.col("quarter") == quarter).sort("strategy")
    assert set(again["n_trials"]) == {5 + 80}
    assert (again["expected_max_sharpe"] > before["expected_max_sharpe"]).drop_nulls().all()
    assert (again["deflated_sharpe"] < before["deflated_sharpe"]).drop_nulls().all()


def test_sessions_before_the_first_position_do_not_count(world, frames):
    start = frames["returns"].filter(pl.col("strategy") == "long_short")["session"].min()
    cash = pl.DataFrame(
        {
            "strategy": ["long_short"] * 10,
            "session": world.calendar.sessions[
                world.calendar.position(start) - 10 : world.calendar.position(start)
            ],
            "horizon": [5] * 10,
            **dict.fromkeys(("gross_return", "cost", "net_return", "turnover"), [0.0] * 10),
            **dict.fromkeys(("n_long", "n_short"), [0] * 10),
        },
        schema=frames["returns"].schema,
    )
    early = frames | {"returns": pl.concat([cash, frames["returns"]])}
    window = world.by_quarter(world.quarters[-1])
    got, expected = (performance(f, window).sort(KEY) for f in (early, frames))
    assert_frame_equal(got, expected, check_exact=True)


def test_a_quarter_alone_and_shuffled_gives_the_bits_of_the_range(table, world, frames):
    for quarter in world.quarters[1:]:
        first = world.calendar.next_or_same(quarter)
        known = {
            "returns": frames["returns"].filter(pl.col("session") < first),
            "skill": frames["skill"].filter(pl.col("quarter") <= quarter),
            "trials": frames["trials"],
        }
        known = {k: f.sample(fraction=1.0, shuffle=True, seed=4) for k, f in known.items()}
        alone = performance(known, world.by_quarter(quarter))
        expected = table.filter(pl.col("quarter") == quarter)
        assert_frame_equal(alone.sort(KEY), expected.sort(KEY), check_exact=True)
