"""Forecasts: one formula from a score to return, probability and interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from stocks_ai_assets.domain.agents.exposure import Exposure
from stocks_ai_assets.domain.agents.forecast import forecast

FITTED = {"ic": 0.04, "base_rate": 0.49, "market_mean": 0.008, "q80": 1.3}


def one(score, *, beta=1.2, residual=0.015, volatility=0.02, horizon=21, **fitted):
    """Forecast for a single symbol and session."""
    exposure = Exposure(
        beta=np.array([[beta]]),
        residual_volatility=np.array([[residual]]),
        volatility=np.array([[volatility]]),
    )
    parameters = {name: np.array([value]) for name, value in (FITTED | fitted).items()}
    result = forecast(np.array([[score]]), exposure, parameters, horizon)
    return {name: getattr(result, name)[0, 0] for name in result.__slots__}


def test_alpha_is_skill_times_standard_score_times_residual_volatility():
    found = one(-0.5)
    assert found["alpha"] == pytest.approx(0.04 * 3**0.5 * -0.5 * 0.015 * 21**0.5)
    assert found["market"] == pytest.approx(1.2 * 0.008)
    assert found["expected"] == found["market"] + found["alpha"]


def test_the_interval_is_the_conformal_quantile_times_volatility_on_both_sides():
    found = one(0.3)
    reach = 1.3 * 0.02 * 21**0.5
    assert found["high"] - found["expected"] == pytest.approx(reach)
    assert found["expected"] - found["low"] == pytest.approx(reach)


@pytest.mark.parametrize("score", [-0.8, 0.6])
def test_confidence_is_the_probability_of_the_predicted_side_of_the_median(score):
    above = norm.cdf(norm.ppf(0.49) + 0.04 * 3**0.5 * score)
    assert one(score)["confidence"] == pytest.approx(above if score > 0 else 1 - above)


def test_without_skill_nothing_beyond_the_market_is_claimed():
    for score in (-1.0, 0.0, 1.0):
        found = one(score, ic=0.0)
        assert (found["alpha"], found["confidence"]) == (0.0, pytest.approx(0.49))
        assert not np.signbit(found["alpha"])
        assert found["expected"] == found["market"]


@given(st.floats(-1, 1), st.floats(0, 0.1), st.floats(0.3, 0.7), st.floats(0.001, 0.2))
def test_opposite_scores_say_opposite_things_about_the_same_company(score, ic, base, residual):
    up, down = (one(s, ic=ic, base_rate=base, residual=residual) for s in (score, -score))
    assert up["alpha"] == -down["alpha"]
    assert up["market"] == down["market"]
    assert 0 <= up["confidence"] <= 1


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_higher_score_never_expects_less(a, b):
    low, high = sorted((a, b))
    assert one(low)["expected"] <= one(high)["expected"]


@pytest.mark.parametrize("name", ["ic", "base_rate", "market_mean", "q80"])
def test_a_parameter_that_was_not_fitted_leaves_the_forecast_unknown(name):
    found = one(0.5, **{name: np.nan})
    stated = (found["expected"], found["low"], found["high"], found["confidence"])
    assert np.isnan(sum(stated))


@pytest.mark.parametrize("base_rate", [0.0, 1.0])
def test_a_base_rate_of_a_few_outcomes_never_claims_certainty(base_rate):
    assert 0.005 < one(0.5, base_rate=base_rate)["confidence"] < 0.995
