"""Target weights: fifths of each session, a part of capital for each cohort."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from polars.testing import assert_frame_equal

from stocks_ai_assets.domain.portfolio.weights import quintiles, stagger, target_weights, transform
from stocks_ai_assets.tables import TABLES

KEY = ["strategy", "symbol", "session"]


@pytest.fixture(scope="module")
def table(market, window):
    return target_weights({"synthesized": market.synthesized}, window(0, 119))


def test_they_keep_their_contract(table):
    TABLES["portfolio.target_weights"].contract.validate(table)


def test_each_session_invests_one_part_and_missing_cohorts_are_cash(table, sessions):
    invested = (
        table.filter(strategy="long_only")
        .group_by("session")
        .agg(pl.col("weight").sum())
        .sort("session")["weight"]
        .to_numpy()
    )
    np.testing.assert_allclose(invested[:5], [0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(invested[5:20], 1.0)
    np.testing.assert_allclose(invested[20:25], 0.8)
    np.testing.assert_allclose(invested[25:], 1.0)


@pytest.mark.parametrize("strategy", ["long_short", "equal_agents"])
def test_longs_and_shorts_are_of_equal_value_and_at_most_the_capital(table, strategy):
    sums = (
        table.filter(strategy=strategy)
        .group_by("session")
        .agg(net=pl.col("weight").sum(), gross=pl.col("weight").abs().sum())
    )
    assert sums["net"].abs().max() < 1e-12
    assert sums["gross"].max() <= 2 + 1e-12
    assert sums["gross"].max() > 1


scores = npst.arrays(
    float, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.sampled_from([-1.0, 0, 1])
)


@given(scores, st.data())
def test_fifths_sum_to_one_treat_equals_alike_and_prefer_higher_scores(values, data):
    values[data.draw(npst.arrays(bool, values.shape))] = np.nan
    top, bottom = quintiles(values)
    for session in range(values.shape[1]):
        known = ~np.isnan(values[:, session])
        full = 1.0 if known.sum() >= 5 else 0.0
        assert top[:, session].sum() == pytest.approx(full)
        assert bottom[:, session].sum() == pytest.approx(full)
        assert not top[~known, session].any()
        for a in np.flatnonzero(known):
            for b in np.flatnonzero(known):
                if values[a, session] == values[b, session]:
                    assert top[a, session] == top[b, session]
                if values[a, session] > values[b, session]:
                    assert top[a, session] >= top[b, session]
                    assert bottom[a, session] <= bottom[b, session]


def test_a_cohort_is_held_for_horizon_sessions():
    cohorts = np.zeros((1, 8))
    cohorts[0, 1] = 1.0
    np.testing.assert_allclose(stagger(cohorts, 3)[0], np.array([0, 1, 1, 1, 0, 0, 0, 0]) / 3)


def test_a_day_alone_with_its_declared_lookback_gives_the_bits_of_the_range(
    table, market, window, sessions
):
    for i in (0, 3, 22, 61, 119):
        today = window(i, i)
        lookback = transform(today.parameters).inputs["synthesized"].lookback
        first = sessions[max(i - lookback, 0)]
        known = market.synthesized.filter(pl.col("prediction_date").is_between(first, sessions[i]))
        known = known.sample(fraction=1.0, shuffle=True, seed=1)
        alone = target_weights({"synthesized": known}, today)
        expected = table.filter(pl.col("session") == sessions[i])
        assert expected.height
        assert_frame_equal(alone.sort(KEY), expected.sort(KEY), check_exact=True)


def test_a_later_score_changes_no_earlier_weight(table, market, window, sessions):
    poisoned = market.synthesized.with_columns(
        score=pl.when(pl.col("prediction_date") > sessions[50])
        .then(-pl.col("score"))
        .otherwise("score")
    )
    again = target_weights({"synthesized": poisoned}, window(0, 119))
    past = pl.col("session") <= sessions[50]
    assert_frame_equal(again.filter(past).sort(KEY), table.filter(past).sort(KEY), check_exact=True)
    assert not again.sort(KEY).equals(table.sort(KEY))
