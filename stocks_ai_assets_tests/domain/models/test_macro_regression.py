"""Macro regressions: sign by theory, floor at zero, only matured labels, at least 1,000 of them."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.macro import PREDICTORS
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.labels import market_returns
from stocks_ai_assets.domain.models.macro_regression import SIGNS, fit
from stocks_ai_assets.domain.models.maturity import market_means
from stocks_ai_assets.domain.transform import Parameters, Window

QUARTERS = (date(2018, 1, 1), date(2018, 4, 1), date(2020, 4, 1))
HORIZON = 21
WINDOW = Window(
    partitions=QUARTERS,
    calendar=nyse(),
    parameters=Parameters(first_session=date(2018, 1, 2), horizon=HORIZON),
)


def last_known(values, count):
    """Values with exactly `count` of them matured before the first quarter, the latest ones."""
    matured = len(nyse().between(date(2012, 1, 3), date(2017, 12, 29))) - (HORIZON + 1)
    missing = np.arange(len(values)) < matured - count
    return pl.Series(np.where(missing, np.nan, values)).fill_nan(None)


@pytest.fixture(scope="module")
def market():
    """Eight years of a benchmark whose next return the term spread and claims foretell."""
    rng = np.random.default_rng(8)
    sessions = nyse().between(date(2012, 1, 3), date(2020, 3, 31))
    n = len(sessions)
    level = np.zeros(n)
    for i in range(1, n):
        level[i] = 0.98 * level[i - 1] + 0.2 * rng.normal()
    daily = 0.0004 * level + rng.normal(0.0003, 0.006, n)
    benchmarks = pl.DataFrame({"session": sessions, "known_on": sessions}).with_columns(
        benchmark=pl.lit("market"), open_return=pl.Series(daily)
    )
    noise = {name: pl.Series(np.cumsum(rng.normal(size=n)) * 0.1) for name in PREDICTORS}
    predictors = pl.DataFrame({"session": sessions}).with_columns(
        **noise
        | {
            "term_spread": pl.Series(level + 1.0),
            "claims": pl.Series(-level),
            "inflation": last_known(-level, 999),
            "yield_change": last_known(-level, 1000),
            "high_yield_spread": pl.Series([None] * n, dtype=pl.Float64),
        }
    )
    return predictors, benchmarks


@pytest.fixture(scope="module")
def fitted(market):
    predictors, benchmarks = market
    return fit(predictors, benchmarks, market_means(benchmarks, QUARTERS, WINDOW), WINDOW)


def matured(market, quarter, name):
    """Predictor and label of the periods that matured before the quarter."""
    predictors, benchmarks = market
    labels = market_returns(benchmarks, nyse(), HORIZON)
    return (
        predictors.join(labels, left_on="session", right_on="prediction_date")
        .filter(pl.col("matured_on") < WINDOW.calendar.next_or_same(quarter))
        .select(name, "market_return")
        .drop_nulls()
    )


@pytest.mark.parametrize("quarter", QUARTERS)
def test_a_predictor_with_the_sign_of_theory_gets_its_least_squares_line(market, fitted, quarter):
    rows = matured(market, quarter, "term_spread")
    slope, intercept = np.polyfit(rows["term_spread"], rows["market_return"], 1)
    assert slope > 0
    assert fitted[quarter]["slope.term_spread"] == pytest.approx(slope, rel=1e-8)
    assert fitted[quarter]["intercept.term_spread"] == pytest.approx(intercept, rel=1e-8)


@pytest.mark.parametrize("quarter", QUARTERS)
def test_a_predictor_against_theory_is_left_at_the_mean(market, fitted, quarter):
    rows = matured(market, quarter, "claims")
    assert np.polyfit(rows["claims"], rows["market_return"], 1)[0] < 0
    assert fitted[quarter]["slope.claims"] == 0.0
    assert fitted[quarter]["intercept.claims"] == pytest.approx(rows["market_return"].mean())


def test_every_predictor_has_a_sign_and_no_slope_goes_against_it(fitted):
    assert set(SIGNS) == set(PREDICTORS)
    for parameters in fitted.values():
        for name, sign in SIGNS.items():
            assert parameters.get(f"slope.{name}", 0.0) * sign >= 0.0


def test_a_predictor_needs_a_thousand_matured_labels(market, fitted):
    first, *later = QUARTERS
    assert matured(market, first, "inflation").height == 999
    assert "slope.inflation" not in fitted[first]
    assert matured(market, first, "yield_change").height == 1000
    assert "slope.yield_change" in fitted[first]
    assert all("slope.inflation" in fitted[quarter] for quarter in later)
    assert not any("slope.high_yield_spread" in parameters for parameters in fitted.values())


def test_without_enough_labels_there_is_no_model(market):
    predictors, benchmarks = market
    short = predictors.filter(pl.col("session") >= date(2016, 6, 1))
    assert fit(short, benchmarks, {QUARTERS[0]: 0.01}, WINDOW) == {QUARTERS[0]: {}}


def test_the_scale_is_the_rms_of_the_gap_over_the_last_756_sessions(market, fitted):
    predictors, benchmarks = market
    quarter = QUARTERS[-1]
    mean = market_means(benchmarks, QUARTERS, WINDOW)[quarter]
    recent = predictors.filter(pl.col("session") < quarter).tail(756)
    parameters = fitted[quarter]
    forecasts = np.array(
        [
            np.maximum(
                parameters[f"intercept.{name}"] + parameters[f"slope.{name}"] * recent[name], 0.0
            )
            for name in PREDICTORS
            if f"slope.{name}" in parameters
        ]
    )
    expected = np.sqrt(np.mean((forecasts.mean(axis=0) - mean) ** 2))
    assert parameters["forecast_rms"] == pytest.approx(expected, rel=1e-9)


def test_a_quarter_sees_nothing_of_itself_and_is_the_same_alone(market, fitted):
    predictors, benchmarks = market
    for quarter in QUARTERS:
        start = WINDOW.calendar.next_or_same(quarter)
        means = {quarter: market_means(benchmarks, QUARTERS, WINDOW)[quarter]}
        own = pl.col("session") >= start
        poisoned = predictors.with_columns(
            pl.when(own).then(1e6).otherwise(pl.col(name)).alias(name) for name in PREDICTORS
        )
        absurd = benchmarks.with_columns(
            open_return=pl.when(own).then(9.0).otherwise("open_return")
        )
        assert fit(poisoned, absurd, means, WINDOW)[quarter] == fitted[quarter]
        cut = (predictors.filter(~own), benchmarks.filter(~own))
        assert fit(*cut, means, WINDOW)[quarter] == fitted[quarter]


def test_the_last_label_before_the_quarter_counts(market, fitted):
    predictors, benchmarks = market
    quarter = QUARTERS[-1]
    means = {quarter: market_means(benchmarks, QUARTERS, WINDOW)[quarter]}
    last = pl.col("session") == date(2020, 3, 31)
    changed = benchmarks.with_columns(open_return=pl.when(last).then(0.5).otherwise("open_return"))
    found = fit(predictors, changed, means, WINDOW)[quarter]
    assert found["slope.term_spread"] != fitted[quarter]["slope.term_spread"]
