"""Scores: what each agent likes, how it combines what it sees, and when it is silent."""

import numpy as np
import pytest

from stocks_ai_assets.domain.agents.macro import PREDICTORS, market_forecasts
from stocks_ai_assets.domain.cross_section import mean_of

N = 48
UP = np.arange(N, dtype=float)
RANDOM = np.random.default_rng(5).normal(size=(6, N))
SECTORS = [("Energy", "Financials", "Utilities")[i % 3] for i in range(N)]
FINANCIAL = np.array([sector == "Financials" for sector in SECTORS])

FUNDAMENTALS = {
    "gross_profit_to_assets": 0.0,
    "return_on_assets": 0.0,
    "accruals": 0.0,
    "asset_growth": 0.0,
    "balance_age": 30,
    "flow_age": 30,
}
VALUATION = {
    "market_cap": 1e11,
    "earnings_to_price": 0.0,
    "book_to_price": 0.0,
    "free_cash_flow_to_price": 0.0,
}
EVENTS = {"sessions_since": 10, "standardized_surprise": 0.0, "reaction": 0.0}
TECHNICAL = {"momentum_252_21": 0.1, "volatility_126": 0.02}


def but(values, at, instead):
    """`values` with something else at one place."""
    return np.where(np.arange(N) == at, instead, values)


@pytest.mark.parametrize(
    ("agent", "neutral", "signal", "good"),
    [
        ("fundamentals", FUNDAMENTALS, "gross_profit_to_assets", UP),
        ("fundamentals", FUNDAMENTALS, "return_on_assets", UP),
        ("fundamentals", FUNDAMENTALS, "accruals", -UP),
        ("fundamentals", FUNDAMENTALS, "asset_growth", -UP),
        ("valuation", VALUATION, "earnings_to_price", UP),
        ("valuation", VALUATION, "book_to_price", UP),
        ("valuation", VALUATION, "free_cash_flow_to_price", UP),
        ("technical", TECHNICAL, "momentum_252_21", UP),
        ("technical", TECHNICAL, "volatility_126", 1.0 / (1.0 + UP)),
        ("events", EVENTS, "standardized_surprise", UP),
        ("events", EVENTS, "reaction", UP),
        ("sector", {"sector_momentum_126_21": 0.0}, "sector_momentum_126_21", UP),
        ("esg", {"total_risk": 0.0}, "total_risk", -UP),
    ],
)
def test_what_an_agent_likes_gets_the_highest_scores(score_of, agent, neutral, signal, good):
    score = score_of(agent, {**neutral, signal: good})
    assert (np.diff(score) > 0).all()
    assert (score[0], score[-1]) == (-1.0, 1.0)


def test_the_risk_agent_likes_low_betas(score_of):
    score = score_of("risk", {}, beta=UP)
    np.testing.assert_allclose(score, np.linspace(1, -1, N))


@pytest.mark.parametrize(
    ("agent", "neutral"),
    [
        ("fundamentals", FUNDAMENTALS),
        ("valuation", VALUATION),
        ("technical", TECHNICAL),
        ("events", EVENTS),
        ("sector", {"sector_momentum_126_21": 0.0}),
        ("esg", {"total_risk": 0.0}),
    ],
)
def test_an_agent_that_sees_no_difference_has_no_preference_and_none_without_signals(
    score_of, agent, neutral
):
    assert not score_of(agent, neutral).any()
    assert np.isnan(score_of(agent, dict.fromkeys(neutral, np.nan))).all()


def test_fundamentals_is_the_mean_of_three_parts_profitability_being_the_mean_of_two(
    opinion_of, section_of
):
    values = dict(zip(FUNDAMENTALS, RANDOM, strict=True)) | {"balance_age": 30, "flow_age": 30}
    section = section_of(N)
    gross, returns, accruals, growth = (RANDOM[i][:, None] for i in range(4))
    profit = (section.sneutral(gross) + section.sneutral(returns)) / 2
    parts = (profit + section.sneutral(-accruals) + section.sneutral(-growth)) / 3
    opinion = opinion_of("fundamentals", values)
    np.testing.assert_allclose(opinion.score, section.sneutral(parts))
    shares = [np.ravel(component.share)[0] for component in opinion.components]
    assert shares == [0.5, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("missing", "silent"),
    [
        (("gross_profit_to_assets",), False),
        (("gross_profit_to_assets", "accruals"), False),
        (("gross_profit_to_assets", "return_on_assets"), False),
        (("gross_profit_to_assets", "return_on_assets", "accruals"), True),
        (("accruals", "asset_growth"), True),
    ],
)
def test_fundamentals_needs_two_of_its_three_parts(score_of, missing, silent):
    values = dict(zip(FUNDAMENTALS, RANDOM, strict=True)) | {"balance_age": 30, "flow_age": 30}
    values |= {name: but(values[name], 7, np.nan) for name in missing}
    assert np.isnan(score_of("fundamentals", values)[7]) == silent
    assert not np.isnan(np.delete(score_of("fundamentals", values), 7)).any()


@pytest.mark.parametrize(
    ("balance_age", "flow_age", "silent"),
    [
        (200, 460, False),
        (201, 30, True),
        (30, 461, True),
        (np.nan, 30, True),
        (30, np.nan, True),
    ],
)
def test_fundamentals_uses_no_balance_older_than_200_days_and_no_flows_older_than_460(
    score_of, balance_age, flow_age, silent
):
    values = dict(zip(FUNDAMENTALS, RANDOM, strict=True)) | {
        "balance_age": but(30, 7, balance_age),
        "flow_age": but(30, 7, flow_age),
    }
    assert np.isnan(score_of("fundamentals", values)[7]) == silent


def test_old_flows_leave_the_balance_sheet_unused_not_wrongly_used(opinion_of):
    values = dict(zip(FUNDAMENTALS, RANDOM, strict=True)) | {"balance_age": 30, "flow_age": 461}
    seen = {part.name: part.value for part in opinion_of("fundamentals", values).components}
    assert np.isnan(seen["return_on_assets"]).all()
    assert not np.isnan(seen["asset_growth"]).any()


def test_gross_profit_and_accruals_of_financial_companies_are_not_looked_at(score_of):
    values = dict(zip(FUNDAMENTALS, RANDOM, strict=True)) | {"balance_age": 30, "flow_age": 30}
    hidden = ("gross_profit_to_assets", "accruals")
    absurd = {name: np.where(FINANCIAL, 1e9, values[name]) for name in hidden}
    score = score_of("fundamentals", values, sectors=SECTORS)
    np.testing.assert_array_equal(
        score, score_of("fundamentals", {**values, **absurd}, sectors=SECTORS)
    )
    assert not np.isnan(score[FINANCIAL]).any()


def test_valuation_is_the_mean_of_three_ratios(opinion_of, section_of):
    values = dict(zip(VALUATION, RANDOM, strict=False)) | {"market_cap": 1e11}
    section = section_of(N)
    ranks = [section.sneutral(RANDOM[i][:, None]) for i in (1, 2, 3)]
    opinion = opinion_of("valuation", values)
    np.testing.assert_allclose(opinion.score, section.sneutral(sum(ranks) / 3))


@pytest.mark.parametrize(
    ("changed", "silent"),
    [
        ({"earnings_to_price": np.nan}, False),
        ({"earnings_to_price": np.nan, "book_to_price": np.nan}, True),
        ({"market_cap": np.nan}, True),
    ],
)
def test_valuation_needs_two_ratios_and_a_plausible_market_value(score_of, changed, silent):
    values = dict(zip(VALUATION, RANDOM, strict=False)) | {"market_cap": 1e11}
    values |= {name: but(values[name], 7, value) for name, value in changed.items()}
    assert np.isnan(score_of("valuation", values)[7]) == silent


def test_free_cash_flow_of_financial_companies_is_not_looked_at(score_of):
    values = dict(zip(VALUATION, RANDOM, strict=False)) | {"market_cap": 1e11}
    absurd = np.where(FINANCIAL, 1e9, values["free_cash_flow_to_price"])
    np.testing.assert_array_equal(
        score_of("valuation", values, sectors=SECTORS),
        score_of("valuation", {**values, "free_cash_flow_to_price": absurd}, sectors=SECTORS),
    )


def test_momentum_counts_per_unit_of_its_own_volatility(opinion_of):
    values = {"momentum_252_21": RANDOM[0], "volatility_126": np.exp(RANDOM[1])}
    (component,) = opinion_of("technical", values).components
    expected = RANDOM[0] / (np.exp(RANDOM[1]) * np.sqrt(231))
    np.testing.assert_allclose(component.value[:, 0], expected)


@pytest.mark.parametrize(
    ("momentum", "volatility"), [(np.nan, 0.02), (0.1, np.nan), (0.1, 0.0), (0.0, 0.0)]
)
def test_technical_is_silent_without_history_or_movement(score_of, momentum, volatility):
    values = {
        "momentum_252_21": but(RANDOM[0], 7, momentum),
        "volatility_126": but(0.02, 7, volatility),
    }
    score = score_of("technical", values)
    assert np.isnan(score[7])
    assert not np.isnan(np.delete(score, 7)).any()


def test_events_fade_linearly_over_63_sessions(opinion_of, section_of):
    since = np.arange(N) % 60
    values = {
        "sessions_since": since,
        "standardized_surprise": RANDOM[0],
        "reaction": RANDOM[1],
    }
    faded = [(RANDOM[i] * (1 - since / 63))[:, None] for i in (0, 1)]
    expected = section_of(N).sneutral(mean_of(faded, at_least=1))
    np.testing.assert_allclose(opinion_of("events", values).score, expected)


@pytest.mark.parametrize(("since", "silent"), [(0, False), (62, False), (63, True), (np.nan, True)])
def test_events_is_silent_from_63_sessions_after_the_report(score_of, since, silent):
    values = {**EVENTS, "reaction": RANDOM[0], "sessions_since": but(10, 7, since)}
    assert np.isnan(score_of("events", values)[7]) == silent


def test_events_speaks_with_a_surprise_or_a_reaction_and_is_silent_with_neither(score_of):
    values = {
        **EVENTS,
        "standardized_surprise": np.where(UP < 3, np.nan, RANDOM[0]),
        "reaction": np.where((UP > 0) & (UP < 2), np.nan, RANDOM[1]),
    }
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(score_of("events", values))), [1])


def test_members_of_a_sector_share_one_opinion_on_its_momentum(score_of):
    momentum = np.array([{"Energy": 0.1, "Financials": -0.2, "Utilities": 0.0}[s] for s in SECTORS])
    score = score_of("sector", {"sector_momentum_126_21": momentum}, sectors=SECTORS)
    found = {sector: set(score[np.array(SECTORS) == sector]) for sector in set(SECTORS)}
    (worst,), (middle,), (best,) = found["Financials"], found["Utilities"], found["Energy"]
    assert worst < middle == 0.0 < best


def test_esg_compares_within_the_sector_and_is_silent_without_a_rating(score_of):
    risk = but(np.where(FINANCIAL, 10.0, 40.0) + UP / N, 7, np.nan)
    score = score_of("esg", {"total_risk": risk}, sectors=SECTORS)
    assert np.isnan(score[7])
    for sector in set(SECTORS):
        members = score[(np.array(SECTORS) == sector) & (UP != 7)]
        np.testing.assert_allclose(members, np.linspace(1, -1, len(members)))


MACRO = {
    "market_mean": 0.01,
    "forecast_rms": 0.004,
    **{f"intercept.{name}": 0.01 for name in PREDICTORS},
    **{f"slope.{name}": 0.001 for name in PREDICTORS},
}


@pytest.mark.parametrize(
    ("level", "view"),
    [(2.0, 0.5), (-2.0, -0.5), (0.0, 0.0), (100.0, 1.0), (-100.0, -1.0)],
)
def test_macro_times_the_rank_of_beta_by_how_unusual_the_forecast_is(score_of, level, view):
    score = score_of("macro", dict.fromkeys(PREDICTORS, level), beta=UP, parameters=MACRO)
    np.testing.assert_allclose(score, np.linspace(-1, 1, N) * view, atol=1e-12)


def test_macro_averages_the_predictors_it_knows(score_of):
    values = dict.fromkeys(PREDICTORS, np.nan) | {"claims": 2.0, "inflation": 0.0}
    score = score_of("macro", values, beta=UP, parameters=MACRO)
    np.testing.assert_allclose(score, np.linspace(-1, 1, N) * 0.25, atol=1e-12)


@pytest.mark.parametrize(
    "changed",
    [
        {"forecast_rms": np.nan},
        {"forecast_rms": 0.0},
        {"market_mean": np.nan},
        {name: np.nan for name in MACRO if name.startswith("slope")},
    ],
)
def test_macro_is_silent_without_a_fitted_model(score_of, changed):
    values = dict.fromkeys(PREDICTORS, 1.0)
    assert np.isnan(score_of("macro", values, beta=UP, parameters=MACRO | changed)).all()
    assert np.isnan(score_of("macro", values, beta=UP, parameters={"market_mean": 0.01})).all()


def test_a_forecast_of_the_market_is_never_negative():
    values = {"claims": np.array([-100.0, 0.0, 1.0, np.nan])}
    fitted = {"intercept.claims": np.full(4, 0.01), "slope.claims": np.full(4, 0.01)}
    np.testing.assert_allclose(market_forecasts(values, fitted)["claims"], [0, 0.01, 0.02, np.nan])
    assert np.isnan(market_forecasts(values, {})["claims"]).all()


def test_fewer_than_twenty_companies_with_signals_silence_every_agent(score_of):
    few = np.where(UP < 19, UP, np.nan)
    for agent, neutral in [
        ("fundamentals", FUNDAMENTALS),
        ("valuation", VALUATION),
        ("technical", TECHNICAL),
        ("events", EVENTS),
        ("sector", {"sector_momentum_126_21": 0.0}),
        ("esg", {"total_risk": 0.0}),
    ]:
        assert np.isnan(score_of(agent, dict.fromkeys(neutral, few + 1.0))).all(), agent
    assert np.isnan(score_of("risk", {}, beta=few)).all()
