"""Exposures: beta and volatility of every symbol, by the model of the session's quarter."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.exposure import (
    VOLATILITY_FEATURES,
    by_session,
    exposures,
    model_parameters,
    volatility_forecast,
)
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.cross_section import CrossSection

SESSIONS = nyse().between(date(2020, 6, 29), date(2020, 7, 2))
MODEL = {"intercept": -0.5, **{name: 0.1 * (i + 1) for i, name in enumerate(VOLATILITY_FEATURES)}}


def test_volatility_is_the_root_of_the_smeared_exponential_of_the_line():
    features = {
        name: np.array([[-8.0 - i, -9.0 + i]]) for i, name in enumerate(VOLATILITY_FEATURES)
    }
    fitted = {name: np.full(2, value) for name, value in (MODEL | {"smearing": 1.3}).items()}
    line = -0.5 + sum(0.1 * (i + 1) * values for i, values in enumerate(features.values()))
    np.testing.assert_allclose(
        volatility_forecast(features, fitted), np.sqrt(1.3 * np.exp(line)), rtol=1e-14
    )


def test_volatility_is_unknown_without_a_model_or_with_a_feature_missing():
    features = {name: np.array([[-8.0, -8.0]]) for name in VOLATILITY_FEATURES}
    assert np.isnan(volatility_forecast(features, {})).all()
    fitted = {name: np.full(2, value) for name, value in (MODEL | {"smearing": 1.3}).items()}
    features["log_parkinson_1"] = np.array([[np.nan, -8.0]])
    assert np.isnan(volatility_forecast(features, fitted)).tolist() == [[True, False]]


def test_every_session_uses_the_parameters_of_its_own_quarter(section_of):
    section = section_of(3, sessions=SESSIONS)
    fitted = {date(2020, 4, 1): {"a": 1.0}, date(2020, 7, 1): {"a": 2.0, "b": 3.0}}
    found = by_session(fitted, section)
    np.testing.assert_array_equal(found["a"], [1.0, 1.0, 2.0, 2.0])
    np.testing.assert_array_equal(found["b"], [np.nan, np.nan, 3.0, 3.0])
    later = by_session({date(2020, 10, 1): {"a": 1.0}}, section)
    assert np.isnan(later["a"]).all()


def test_parameters_that_were_not_fitted_come_back_as_unknown():
    rows = pl.DataFrame(
        {
            "model": ["volatility", "risk"],
            "quarter": [date(2020, 4, 1)] * 2,
            "parameters": [
                [{"key": "a", "value": None}, {"key": "b", "value": 1.5}],
                [{"key": "a", "value": 2.0}],
            ],
        }
    )
    found = model_parameters(rows, "volatility")[date(2020, 4, 1)]
    assert np.isnan(found["a"])
    assert found["b"] == 1.5
    assert model_parameters(rows, "esg") == {}


def test_exposures_keep_their_bits_alone_and_among_other_sessions(world):
    models = model_parameters(world.frames["models"], "volatility")
    many = exposures(
        world.frames["risk"], CrossSection(world.frames["sector"], world.sessions), models
    )
    at = 123
    day = world.sessions[at : at + 1]
    risk = world.frames["risk"].filter(pl.col("session") == day[0]).reverse()
    one = exposures(risk, CrossSection(world.frames["sector"], day), models)
    for name in ("beta", "volatility", "residual_volatility"):
        values = getattr(many, name)[:, at]
        assert values.tobytes() == getattr(one, name)[:, 0].tobytes()
        assert np.isfinite(values).sum() >= 35


def test_beta_lies_between_the_measured_one_and_the_mean_of_all(world):
    section = CrossSection(world.frames["sector"], world.sessions[:1])
    risk = world.frames["risk"]
    shrunk = exposures(risk, section, {}).beta[:, 0]
    raw = section.place(risk, "beta_raw")[:, 0]
    known = ~np.isnan(shrunk)
    mean = np.delete(raw, 40)[~np.isnan(np.delete(raw, 40))].mean()  # S40 shares S39's issuer
    inside = np.minimum(raw, mean) - 1e-12 <= shrunk
    assert (inside & (shrunk <= np.maximum(raw, mean) + 1e-12))[known].all()
    assert shrunk[known].std() < raw[known].std()
    assert shrunk[known].mean() == pytest.approx(mean, abs=0.05)
