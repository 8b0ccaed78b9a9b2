"""One model per agent and quarter: what its score was worth, and the macro agent's regressions."""

from collections.abc import Mapping
from datetime import date
from functools import partial

import polars as pl

from stocks_ai_assets.domain.agents.agent import Agent
from stocks_ai_assets.domain.agents.exposure import (
    VOLATILITY_MODEL,
    by_session,
    exposures,
    model_parameters,
)
from stocks_ai_assets.domain.agents.prediction import signal_inputs
from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.models import macro_regression
from stocks_ai_assets.domain.models.calibration import calibrate
from stocks_ai_assets.domain.models.maturity import (
    known_sessions,
    market_means,
    model_quarters,
    outcomes,
)
from stocks_ai_assets.domain.models.rows import model_rows
from stocks_ai_assets.domain.transform import ALL, Frames, Input, Transform, Window

BENCHMARK_COLUMNS = ("benchmark", "session", "close_return", "open_return", "known_on")
OUTCOME_COLUMNS = ("symbol", "prediction_date", "total_return", "market_return")

OUTCOMES = Input(table="evaluation.outcomes", lookback=ALL, columns=OUTCOME_COLUMNS)
BENCHMARKS = Input(table="market.benchmarks", lookback=ALL, columns=BENCHMARK_COLUMNS)


def agent_model(frames: Frames, window: Window, *, agent: Agent) -> pl.DataFrame:
    """Fit the model of `agent` for the quarters of the window.

    Parameters
    ----------
    frames
        The agent's signals, `risk`, `sector`, `models` (volatility), `outcomes`, `benchmarks`;
        for the macro agent `macro_observations` too. All from the beginning.
    window
        Quarters to fit.

    Returns
    -------
    pl.DataFrame
        Content of agents.models, one row a quarter; for its parameters see
        `calibration.calibrate` and `macro_regression.fit`, and `market_mean`.
    """
    section = CrossSection(frames["sector"], known_sessions(window))
    volatility = model_parameters(frames["models"], VOLATILITY_MODEL)
    exposure = exposures(frames["risk"], section, volatility)
    means = market_means(frames["benchmarks"], model_quarters(window), window)
    prior = _prior(agent, frames, means, window)
    opinion = agent.score(agent.evidence(frames, section, exposure, by_session(prior, section)))
    fits = calibrate(
        opinion.score,
        exposure,
        outcomes(frames["outcomes"], section, window),
        section,
        prior,
        window,
        label=agent.label,
        has_alpha=agent.has_alpha,
    )
    return model_rows(agent.name, window.parameters.horizon, fits, window)


def _prior(
    agent: Agent, frames: Frames, means: Mapping[date, float], window: Window
) -> dict[date, dict[str, float]]:
    """Parameters that do not depend on the score."""
    prior = {quarter: {"market_mean": mean} for quarter, mean in means.items()}
    if not agent.times_market:
        return prior
    from stocks_ai_assets.domain.signals.macro import macro_predictors

    predictors = macro_predictors(frames["macro_observations"], frames["benchmarks"], window)
    fitted = macro_regression.fit(predictors, frames["benchmarks"], means, window)
    return {quarter: {**prior[quarter], **fitted[quarter]} for quarter in prior}


def transform(agent: Agent) -> Transform:
    """Declaration of `agents/models/<agent>`."""
    inputs = {
        **signal_inputs(agent, lookback=ALL),
        "models": Input(table="agents.models", lookback=ALL, slices=(VOLATILITY_MODEL,)),
        "outcomes": OUTCOMES,
        "benchmarks": BENCHMARKS,
    }
    if agent.times_market:
        inputs["macro_observations"] = Input(table="market.macro_observations", lookback=ALL)
    return Transform(
        name=f"agents/models/{agent.name}",
        table="agents.models",
        slice=agent.name,
        inputs=inputs,
        by="quarter",
        function=partial(agent_model, agent=agent),
        description=(
            f"What the score of `{agent.name}` was worth in all outcomes that matured before the "
            "quarter: shrunk rank IC, base rate, interval widths."
        ),
    )


def agent_transforms() -> tuple[Transform, ...]:
    """Declarations of all agents' models."""
    return tuple(transform(agent) for agent in AGENTS)
