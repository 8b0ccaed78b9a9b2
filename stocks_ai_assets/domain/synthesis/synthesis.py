"""The synthesis: what the voting agents say together about each symbol, and why."""

import numpy as np
import polars as pl

from stocks_ai_assets.domain.agents.exposure import (
    RISK_COLUMNS,
    VOLATILITY_MODEL,
    by_session,
    exposures,
    model_parameters,
)
from stocks_ai_assets.domain.agents.forecast import forecast
from stocks_ai_assets.domain.agents.prediction import (
    CALIBRATION,
    SECTOR_COLUMNS,
    complete,
    prediction_columns,
    prediction_id,
)
from stocks_ai_assets.domain.agents.registry import VOTERS
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.panel import Floats, filled
from stocks_ai_assets.domain.synthesis.supervisor import agent_scores, synthesized_score
from stocks_ai_assets.domain.synthesis.texts import texts
from stocks_ai_assets.domain.synthesis.weights import disagreement, weighted_mean
from stocks_ai_assets.domain.transform import Frames, Input, Parameters, Transform, Window
from stocks_ai_assets.tables import TABLES

SUPERVISOR = "supervisor"


def synthesized_predictions(frames: Frames, window: Window) -> pl.DataFrame:
    """One prediction per symbol from the predictions of the voting agents.

    Parameters
    ----------
    frames
        `predictions` of the voting agents, `supervisor_models`, `models` of volatility, `risk`,
        `sector`.
    window
        Sessions after whose close to predict.

    Returns
    -------
    pl.DataFrame
        Content of meta.synthesized_predictions. No row with fewer than 3 agents, less than half
        of the weight, or without beta or volatility.
    """
    section = CrossSection(frames["sector"], window.partitions)
    volatility = model_parameters(frames["models"], VOLATILITY_MODEL)
    exposure = exposures(frames["risk"], section, volatility)
    models = frames["supervisor_models"].with_columns(model=pl.lit(SUPERVISOR))
    fitted = by_session(model_parameters(models, SUPERVISOR), section)
    if not all(name in fitted for name in CALIBRATION):
        return pl.DataFrame(schema=TABLES["meta.synthesized_predictions"].schema)
    weights = model_parameters(models.with_columns(parameters="weights"), SUPERVISOR)
    scores = agent_scores(frames["predictions"], section)
    score, shares = synthesized_score(scores, weights, section)
    plain = section.rank11(equal_mean([scores[name] for name in VOTERS]))
    result = forecast(score, exposure, fitted, window.parameters.horizon)
    valid = complete(result) & ~np.isnan(plain)
    row, column = at = np.nonzero(valid)

    parts = {
        name: (result.scale * shares[name])[at] * filled(scores[name])[at] + 0.0 for name in VOTERS
    }
    rest = result.alpha[at]
    for part in parts.values():
        rest = rest - part
    silent = {name: np.isnan(scores[name])[at] for name in VOTERS}
    shown = {name: np.where(silent[name], np.nan, part) for name, part in parts.items()}
    contributions = {"market": result.market[at], **shown, "ranking": rest}
    rows = pl.DataFrame(
        {
            **prediction_columns(result, section, row, column, window),
            "score": score[at],
            "equal_weight_score": plain[at],
            "agent_contributions": maps(contributions),
            "disagreement": disagreement([scores[name] for name in VOTERS])[at],
            "n_agents": sum((~each).astype(np.int32) for each in silent.values()),
            "beta": result.beta[at],
            "market": result.market[at],
            "ic": fitted["ic"][column],
            **{f"score.{name}": scores[name][at] for name in VOTERS},
        }
    ).with_columns(pl.col([f"score.{name}" for name in VOTERS]).fill_nan(None))
    versions = models.select("quarter", "model_version")
    return (
        rows.with_columns(texts(rows, VOTERS, window.parameters.horizon).get_columns())
        .with_columns(
            prediction_id=prediction_id(SUPERVISOR),
            quarter=pl.col("prediction_date").dt.truncate("1q"),
        )
        .join(versions, on="quarter", how="left", maintain_order="left")
        .select(TABLES["meta.synthesized_predictions"].columns)
    )


def equal_mean(scores: list[Floats]) -> Floats:
    """Plain mean of the agents present, at least 3."""
    weights = [np.full(score.shape[1], 1.0 / len(scores)) for score in scores]
    return weighted_mean(scores, weights, min_weight=0.0)[0]


def maps(parts: dict[str, Floats]) -> pl.Series:
    """One map of name to number for each row; NaN is null."""
    width, height = len(parts), len(next(iter(parts.values())))
    names = pl.Series(list(parts), dtype=pl.String)
    values = pl.Series(np.stack(list(parts.values()), axis=1).ravel()).fill_nan(None)
    flat = pl.DataFrame({"key": names.gather(np.tile(np.arange(width), height)), "value": values})
    return flat.to_struct("maps").reshape((height, width)).arr.to_list()


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature
    """Declaration of `meta/synthesized_predictions`."""
    return Transform(
        name="meta/synthesized_predictions",
        table="meta.synthesized_predictions",
        inputs={
            "predictions": Input(
                table="agents.predictions",
                slices=VOTERS,
                columns=("agent", "symbol", "prediction_date", "score"),
            ),
            "supervisor_models": Input(table="meta.supervisor_models"),
            "models": Input(table="agents.models", slices=(VOLATILITY_MODEL,)),
            "risk": Input(table="signals.risk", columns=RISK_COLUMNS),
            "sector": Input(table="signals.sector", columns=SECTOR_COLUMNS),
        },
        by="session",
        function=synthesized_predictions,
        description=(
            "The agents' scores, weighted by shrunk skill and ranked: expected return, confidence, "
            "interval, contributions by agent, disagreement and reasons in words."
        ),
    )
