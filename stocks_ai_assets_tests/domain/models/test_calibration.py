"""Calibration: planted skill comes back, absent skill is not invented, intervals cover."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.stats import spearmanr

from stocks_ai_assets.domain.agents.exposure import by_session
from stocks_ai_assets.domain.agents.forecast import forecast
from stocks_ai_assets.domain.calendar import nyse, quarter_start
from stocks_ai_assets.domain.models.calibration import (
    calibrate,
    conformal_quantiles,
    universe_median,
)
from stocks_ai_assets.domain.transform import first_session_of

HORIZON = 5
LATER = date(2014, 1, 1)
"""From here on there is a history of four years to learn from."""


def fit(world, **changed):
    arguments = {
        "score": world.score,
        "exposure": world.exposure,
        "outcomes": world.outcomes,
        "section": world.section,
        "prior": world.prior,
        "window": world.window,
    } | changed
    return calibrate(**arguments)


def walked_forward(world, fits):
    """Forecasts of every session by its own quarter's model, and which sessions are later."""
    parameters = {quarter: each.parameters for quarter, each in fits.items()}
    fitted = by_session(parameters, world.section)
    result = forecast(world.score, world.exposure, fitted, HORIZON)
    later = np.array([quarter_start(s) >= LATER for s in world.section.panel.sessions])
    return result, fitted, later


def brier_skill(world, fits):
    """Improvement on the base rate of P(beats the median), as a fraction."""
    result, fitted, later = walked_forward(world, fits)
    above = np.where(result.alpha >= 0, result.confidence, 1 - result.confidence)[:, later]
    median = np.median(world.outcomes.total_return, axis=0)
    beat = (world.outcomes.total_return > median)[:, later]
    base = np.broadcast_to(fitted["base_rate"], world.score.shape)[:, later]
    return 1 - np.mean((above - beat) ** 2) / np.mean((base - beat) ** 2)


@pytest.fixture(scope="module")
def skilled(simulated):
    world = simulated(0.05)
    return world, fit(world)


@pytest.fixture(scope="module")
def unskilled(simulated):
    world = simulated(0.0, seed=2)
    return world, fit(world)


def test_a_planted_rank_correlation_of_five_hundredths_comes_back(skilled):
    _, fits = skilled
    last = fits[date(2019, 10, 1)].parameters
    assert 0.048 < last["rank_ic"] < 0.052
    assert 0.04 < last["ic"] < 0.06


def test_planted_skill_gives_the_brier_skill_that_theory_gives_it(skilled):
    assert 0.0010 < brier_skill(*skilled) < 0.0017


def test_absent_skill_stays_absent(unskilled):
    world, fits = unskilled
    assert fits[date(2019, 10, 1)].parameters["ic"] < 0.005
    assert brier_skill(world, fits) >= -0.0005


def test_skill_is_shrunk_by_sixty_months_of_nothing(skilled):
    _, fits = skilled
    for each in list(fits.values())[1:]:
        periods = each.n_sessions / HORIZON
        expected = periods * each.parameters["rank_ic"] / (periods + 60)
        assert each.parameters["ic"] == pytest.approx(max(0.0, expected))


def test_skill_on_the_wrong_side_counts_as_none(skilled):
    world, _ = skilled
    fits = fit(world, score=-world.score)
    last = fits[date(2019, 10, 1)].parameters
    assert last["rank_ic"] < -0.04
    assert last["ic"] == 0.0


def test_rank_ic_is_the_mean_of_spearmans_correlations_with_the_residual(simulated):
    world = simulated(0.05, seed=3, beta_sd=0.5)
    fits = fit(world)
    quarter = date(2010, 7, 1)
    cut = fits[quarter].n_sessions
    total, beta = world.outcomes.total_return[:, :cut], world.exposure.beta[:, :cut]
    residual = total - beta * world.outcomes.market_return[:cut]
    for name, label in (("rank_ic", residual), ("rank_ic_raw", total)):
        plain = [spearmanr(world.score[:, i], label[:, i]).statistic for i in range(cut)]
        assert fits[quarter].parameters[name] == pytest.approx(np.mean(plain))
    raw = fit(world, label="raw")[quarter].parameters
    assert raw["rank_ic"] == raw["rank_ic_raw"] == fits[quarter].parameters["rank_ic_raw"]


def test_an_agent_without_a_claim_is_measured_but_claims_nothing(skilled):
    world, fits = skilled
    quarter = date(2019, 10, 1)
    silent = fit(world, has_alpha=False)[quarter].parameters
    assert silent["ic"] == 0.0
    assert silent["rank_ic"] == fits[quarter].parameters["rank_ic"]


def test_a_model_knows_only_what_matured_strictly_before_its_quarters_first_session(skilled):
    world, fits = skilled
    for quarter, each in fits.items():
        if each.fitted_through is None:
            assert quarter == date(2010, 1, 1)
            continue
        start = first_session_of(quarter, world.window)
        assert each.fitted_through == nyse().offset(start, -1)
        assert each.n_sessions == nyse().position(start) - nyse().position(
            world.window.parameters.first_session
        ) - (HORIZON + 1)


@pytest.mark.parametrize("quarter", [date(2010, 4, 1), date(2014, 7, 1)])
def test_outcomes_that_mature_in_its_own_quarter_change_nothing_of_a_model(skilled, quarter):
    world, fits = skilled
    start = first_session_of(quarter, world.window)
    matured = np.array(world.outcomes.matured_on)
    parameters = {}
    for name, poisoned in (
        ("own", matured >= start),
        ("before", matured == nyse().offset(start, -1)),
    ):
        values = np.where(poisoned, 1e6 * world.score, world.outcomes.total_return)
        outcomes = type(world.outcomes)(
            total_return=values,
            market_return=np.where(poisoned, -1e6, world.outcomes.market_return),
            matured_on=world.outcomes.matured_on,
        )
        parameters[name] = fit(world, outcomes=outcomes)[quarter].parameters
    assert parameters["own"] == fits[quarter].parameters
    # The last session before the quarter does count: the cut is neither early nor late.
    assert parameters["before"]["rank_ic"] != fits[quarter].parameters["rank_ic"]


def test_a_range_of_quarters_is_fitted_exactly_as_its_quarters_one_by_one(section_of, skilled):
    world, fits = skilled
    for quarter in (date(2010, 1, 1), date(2010, 4, 1), date(2015, 1, 1)):
        start = first_session_of(quarter, world.window)
        sessions = [s for s in world.section.panel.sessions if s < start]
        n = len(sessions)
        section = section_of(len(world.score), sessions=tuple(sessions))
        alone = fit(
            world,
            score=world.score[:, :n],
            exposure=type(world.exposure)(
                **{name: getattr(world.exposure, name)[:, :n] for name in world.exposure.__slots__}
            ),
            outcomes=type(world.outcomes)(
                total_return=world.outcomes.total_return[:, :n],
                market_return=world.outcomes.market_return[:n],
                matured_on=world.outcomes.matured_on[:n],
            ),
            section=section,
            prior={key: value for key, value in world.prior.items() if key <= quarter},
        )
        assert alone[quarter] == fits[quarter]


def test_the_first_model_has_seen_nothing_and_says_so(skilled):
    _, fits = skilled
    first = fits[date(2010, 1, 1)]
    assert (first.fitted_through, first.n_sessions, first.n_rows) == (None, 0, 0)
    assert first.parameters["ic"] == 0.0
    assert first.parameters["base_rate"] == 0.5
    assert first.parameters["q80"] == pytest.approx(1.2816, abs=1e-4)
    assert first.parameters["q90"] == pytest.approx(1.6449, abs=1e-4)


def test_intervals_cover_what_they_promise_though_volatility_moves_and_tails_are_fat(simulated):
    world = simulated(0.02, seed=4, tails=True)
    result, fitted, later = walked_forward(world, fit(world))
    spread = world.exposure.volatility * np.sqrt(HORIZON)
    for name, low, high in (("q80", 0.78, 0.82), ("q90", 0.88, 0.92)):
        error = np.abs(world.outcomes.total_return - result.expected)
        assert low < np.mean((error <= fitted[name] * spread)[:, later]) < high
    inside = (result.low <= world.outcomes.total_return) & (
        world.outcomes.total_return <= result.high
    )
    assert 0.78 < inside[:, later].mean() < 0.82


def test_widths_come_from_the_last_504_matured_sessions_alone(skilled):
    world, fits = skilled
    quarter = date(2016, 1, 1)
    cut = fits[quarter].n_sessions
    parameters = {}
    for name, at in (("oldest inside", cut - 504), ("just outside", cut - 505)):
        values = world.outcomes.total_return.copy()
        values[:, at] = 1e6
        outcomes = type(world.outcomes)(
            total_return=values,
            market_return=world.outcomes.market_return,
            matured_on=world.outcomes.matured_on,
        )
        parameters[name] = fit(world, outcomes=outcomes)[quarter].parameters["q80"]
    assert parameters["just outside"] == pytest.approx(fits[quarter].parameters["q80"], rel=1e-4)
    assert parameters["oldest inside"] > fits[quarter].parameters["q80"] * (1 + 1e-4)


errors = npst.arrays(
    float, st.tuples(st.integers(1, 6), st.integers(63, 70)), elements=st.floats(0, 9)
)


@given(errors, npst.arrays(bool, (6, 70)))
def test_a_conformal_quantile_is_the_order_statistic_that_guarantees_its_level(ratios, missing):
    ratios = np.where(missing[: ratios.shape[0], : ratios.shape[1]], np.nan, ratios)
    pooled = np.sort(ratios[~np.isnan(ratios)])
    found = conformal_quantiles(ratios)
    if (~np.isnan(ratios)).any(axis=0).sum() < 63:
        assert found["q80"] == pytest.approx(1.2816, abs=1e-4)
        return
    n = len(pooled)
    for name, level in (("q80", 0.8), ("q90", 0.9)):
        assert (pooled <= found[name]).mean() >= min(level * (n + 1) / n, 1.0) - 1e-9
        assert found[name] in pooled
        rank = int(np.ceil((n + 1) * level)) - 1
        assert found[name] == pooled[min(rank, n - 1)]


@given(npst.arrays(float, (7, 3), elements=st.floats(-1, 1) | st.just(float("nan"))))
def test_the_median_is_that_of_the_names_with_a_return(values):
    found = universe_median(values)
    for column, median in zip(values.T, found, strict=True):
        known = column[~np.isnan(column)]
        assert (median == pytest.approx(np.median(known))) if len(known) else np.isnan(median)


def test_the_base_rate_is_the_share_of_scored_names_above_the_median_of_all(simulated):
    world = simulated(0.0, seed=5)
    score = world.score.copy()
    score[: len(score) // 2] = np.nan
    quarter = date(2011, 1, 1)
    each = fit(world, score=score)[quarter]
    total = world.outcomes.total_return[:, : each.n_sessions]
    beat = total > np.median(total, axis=0)
    assert each.parameters["base_rate"] == pytest.approx(beat[len(score) // 2 :].mean())
