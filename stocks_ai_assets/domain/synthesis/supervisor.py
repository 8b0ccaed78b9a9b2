"""The supervisor's model: weights of the agents and what their synthesis has been worth.

One row a quarter, from predictions whose outcomes matured before the quarter.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.agents.exposure import (
    RISK_COLUMNS,
    VOLATILITY_MODEL,
    by_session,
    exposures,
    model_parameters,
)
from stocks_ai_assets.domain.agents.prediction import SECTOR_COLUMNS
from stocks_ai_assets.domain.agents.registry import VOTERS
from stocks_ai_assets.domain.cross_section import CrossSection, rank_correlation
from stocks_ai_assets.domain.models.agent_models import OUTCOMES
from stocks_ai_assets.domain.models.calibration import Fit, calibrate
from stocks_ai_assets.domain.models.maturity import (
    known_sessions,
    matured_before,
    model_quarters,
    outcomes,
)
from stocks_ai_assets.domain.models.rows import mapping, model_version
from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.synthesis.weights import (
    fixed_share_weights,
    skill_weights,
    weighted_mean,
)
from stocks_ai_assets.domain.transform import ALL, Frames, Input, Parameters, Transform, Window
from stocks_ai_assets.tables import TABLES

Weights = Mapping[date, Mapping[str, float]]


def supervisor_models(frames: Frames, window: Window) -> pl.DataFrame:
    """Fit the supervisor for the quarters of the window.

    Parameters
    ----------
    frames
        `predictions` of the voting agents, `models` of the same and of volatility, `outcomes`,
        `risk`, `sector`, all from the beginning.
    window
        Quarters to fit.

    Returns
    -------
    pl.DataFrame
        Content of meta.supervisor_models.
    """
    section = CrossSection(frames["sector"], known_sessions(window))
    models, horizon = frames["models"], window.parameters.horizon
    exposure = exposures(frames["risk"], section, model_parameters(models, VOLATILITY_MODEL))
    quarters = model_quarters(window)
    fitted = {name: model_parameters(models, name) for name in VOTERS}
    weights = {
        quarter: skill_weights(
            {name: fitted[name].get(quarter, {}).get("ic", 0.0) for name in VOTERS}
        )
        for quarter in quarters
    }
    scores = agent_scores(frames["predictions"], section)
    realized = outcomes(frames["outcomes"], section, window)
    score, _ = synthesized_score(scores, weights, section)
    prior = {q: {"market_mean": market_mean(fitted, q)} for q in quarters}
    fits = calibrate(score, exposure, realized, section, prior, window)
    residual = realized.total_return - exposure.beta * realized.market_return
    shadow = fixed_share_weights(
        {name: rank_correlation(scores[name], residual)[0] for name in VOTERS}, horizon
    )
    cuts = matured_before(quarters, realized.matured_on, window)
    return pl.DataFrame(
        [
            _row(quarter, horizon, fits[quarter], weights[quarter], shadow, cut)
            for quarter, cut in zip(quarters, cuts, strict=True)
            if quarter in window.partitions
        ],
        schema=TABLES["meta.supervisor_models"].schema,
    )


def market_mean(fitted: Mapping[str, Mapping[date, Mapping[str, float]]], quarter: date) -> float:
    """Historical mean of the market: the same number in the model of every agent."""
    known = (models[quarter] for models in fitted.values() if quarter in models)
    return next((model["market_mean"] for model in known if "market_mean" in model), float("nan"))


def agent_scores(predictions: pl.DataFrame, section: CrossSection) -> dict[str, Floats]:
    """Scores of each voting agent on the grid; NaN where it abstained."""
    return {
        name: section.place(predictions.filter(pl.col("agent") == name), "score", "prediction_date")
        for name in VOTERS
    }


def synthesized_score(
    scores: Mapping[str, Floats], weights: Weights, section: CrossSection
) -> tuple[Floats, dict[str, Floats]]:
    """Weighted mean of the agents present, ranked; and by agent its share of that mean."""
    used = by_session(weights, section)
    silent = np.full(section.panel.shape[1], np.nan)
    mean, shares = weighted_mean(
        [scores[name] for name in VOTERS], [used.get(name, silent) for name in VOTERS]
    )
    return section.rank11(mean), dict(zip(VOTERS, shares, strict=True))


def _row(
    quarter: date,
    horizon: int,
    fit: Fit,
    weights: Mapping[str, float],
    shadow: Mapping[str, Floats],
    cut: int,
) -> dict[str, object]:
    return {
        "horizon": horizon,
        "quarter": quarter,
        "fitted_through": fit.fitted_through,
        "n_sessions": fit.n_sessions,
        "n_rows": fit.n_rows,
        "weights": mapping(weights),
        "shadow_weights": mapping({name: float(w[cut]) for name, w in shadow.items()}),
        "parameters": mapping(fit.parameters),
        "model_version": model_version(
            "supervisor", horizon, quarter, *weights.items(), *fit.parameters.items()
        ),
    }


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature
    """Declaration of `meta/supervisor_models`."""
    return Transform(
        name="meta/supervisor_models",
        table="meta.supervisor_models",
        inputs={
            "predictions": Input(
                table="agents.predictions",
                lookback=ALL,
                slices=VOTERS,
                columns=("agent", "symbol", "prediction_date", "score"),
            ),
            "models": Input(
                table="agents.models", lookback=ALL, slices=(VOLATILITY_MODEL, *VOTERS)
            ),
            "outcomes": OUTCOMES,
            "risk": Input(table="signals.risk", lookback=ALL, columns=RISK_COLUMNS),
            "sector": Input(table="signals.sector", lookback=ALL, columns=SECTOR_COLUMNS),
        },
        by="quarter",
        function=supervisor_models,
        description=(
            "Weights of the voting agents from their shrunk skill, with equal weight as prior and "
            "fallback, and the calibration of the synthesized score."
        ),
    )
