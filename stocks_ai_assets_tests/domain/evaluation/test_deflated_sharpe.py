"""Deflated Sharpe ratio: the published example and its limits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocks_ai_assets.domain.evaluation.deflated_sharpe import (
    expected_maximum,
    probabilistic_sharpe,
)


def test_the_example_of_bailey_and_lopez_de_prado():
    threshold = expected_maximum(100, 0.5 / 250)
    deflated = probabilistic_sharpe(
        2.5 / math.sqrt(250), threshold, n=1250, skewness=-3, kurtosis=10
    )
    assert threshold == pytest.approx(0.1132, abs=5e-5)
    assert deflated == pytest.approx(0.9004, abs=5e-5)


def test_a_single_trial_has_no_luck_of_search():
    assert expected_maximum(1, 0.5) == 0.0
    assert expected_maximum(2, 0.5) > 0.0


def test_the_expected_best_of_normal_trials_is_near_their_simulated_best(rng):
    best = rng.normal(0, 0.1, (20000, 50)).max(axis=1).mean()
    assert expected_maximum(50, 0.01) == pytest.approx(best, rel=0.02)


@given(st.integers(2, 10**6), st.floats(1e-6, 1.0), st.floats(-0.2, 0.2), st.integers(63, 5000))
def test_more_trials_never_make_a_result_more_credible(n_trials, variance, sharpe, n):
    few, many = (expected_maximum(k, variance) for k in (n_trials, n_trials + 1))
    p = [probabilistic_sharpe(sharpe, t, n=n, skewness=0, kurtosis=3) for t in (few, many)]
    assert few <= many
    assert 0 <= p[1] <= p[0] <= 1


def test_normal_returns_without_skill_are_a_coin_flip():
    assert probabilistic_sharpe(0.0, 0.0, n=500, skewness=0, kurtosis=3) == 0.5
    assert math.isnan(probabilistic_sharpe(1.0, 0.0, n=500, skewness=3, kurtosis=3))
