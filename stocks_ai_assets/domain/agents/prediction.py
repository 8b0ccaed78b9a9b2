"""Predictions of one agent: scores of the session, valued by the model of the quarter."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

import numpy as np
import polars as pl

from stocks_ai_assets.domain.agents.agent import Agent, Component, frame_name
from stocks_ai_assets.domain.agents.exposure import (
    RISK_COLUMNS,
    VOLATILITY_MODEL,
    by_session,
    exposures,
    model_parameters,
)
from stocks_ai_assets.domain.agents.forecast import Forecast, forecast
from stocks_ai_assets.domain.calendar import Calendar
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.panel import Flags, Floats, Integers, filled
from stocks_ai_assets.domain.transform import Frames, Input, Transform, Window
from stocks_ai_assets.tables import TABLES

SECTOR_COLUMNS = ("symbol", "session", "sector", "issuer_id")
CALIBRATION = ("ic", "base_rate", "market_mean", "q80")
"""Parameters without which nobody can predict."""


def signal_inputs(agent: Agent, lookback: int | None) -> dict[str, Input]:
    """Signals an agent's score is made of: sectors, exposures, its own."""
    columns: dict[str, tuple[str, ...]] = {
        "signals.risk": RISK_COLUMNS,
        "signals.sector": SECTOR_COLUMNS,
    }
    if agent.table is not None:
        keys = [key for key in TABLES[agent.table].key if key in {"symbol", "session"}]
        known = columns.get(agent.table, tuple(keys))
        columns[agent.table] = (*known, *(c for c in agent.columns if c not in known))
    return {
        frame_name(table): Input(table=table, lookback=lookback, columns=wanted)
        for table, wanted in columns.items()
    }


def predictions(frames: Frames, window: Window, *, agent: Agent) -> pl.DataFrame:
    """Predictions of `agent` for every symbol about which it has an opinion.

    Parameters
    ----------
    frames
        `risk`, `sector`, the agent's own signals, and `models` with its model and the volatility
        model of the window's quarters.
    window
        Sessions after whose close to predict.
    agent
        Who predicts.

    Returns
    -------
    pl.DataFrame
        Content of agents.predictions. No row where the score, beta or volatility is missing, and
        none in a session or quarter without a model.
    """
    models, horizon = frames["models"], window.parameters.horizon
    section = CrossSection(frames["sector"], window.partitions)
    volatility = model_parameters(models, VOLATILITY_MODEL)
    exposure = exposures(frames["risk"], section, volatility)
    own = model_parameters(models, agent.name)
    fitted = by_session(own, section)
    if not all(name in fitted for name in CALIBRATION):
        return pl.DataFrame(schema=TABLES["agents.predictions"].schema)
    opinion = agent.score(agent.evidence(frames, section, exposure, fitted))
    result = forecast(opinion.score, exposure, fitted, horizon)
    valid = complete(result)
    row, column = np.nonzero(valid)
    contents = prediction_columns(result, section, row, column, window)
    versions = models.filter(pl.col("model") == agent.name).select("quarter", "model_version")
    return (
        pl.DataFrame(contents)
        .with_columns(
            agent=pl.lit(agent.name),
            score=opinion.score[row, column],
            key_factors=_key_factors(opinion.components, opinion.score, result, valid),
            prediction_id=prediction_id(agent.name),
            quarter=pl.col("prediction_date").dt.truncate("1q"),
        )
        .join(versions, on="quarter", how="left", maintain_order="left")
        .select(TABLES["agents.predictions"].columns)
    )


def complete(result: Forecast) -> Flags:
    """Where everything that a prediction states is known."""
    known = result.expected + result.low + result.high + result.confidence
    return np.isfinite(known) & (result.volatility > 0.0)


def prediction_columns(
    result: Forecast, section: CrossSection, row: Integers, column: Integers, window: Window
) -> dict[str, pl.Series | Floats]:
    """Columns that predictions of agents and of the supervisor share, at the given places."""
    horizon, at = window.parameters.horizon, (row, column)
    panel = section.panel
    targets = target_dates(panel.sessions.to_list(), window.calendar, horizon)
    return {
        "symbol": panel.symbols.gather(row),
        "prediction_date": panel.sessions.gather(column),
        "horizon": pl.repeat(horizon, len(row), dtype=pl.Int32, eager=True),
        "target_date": pl.Series(targets, dtype=pl.Date).gather(column),
        "predicted_alpha": result.alpha[at],
        "predicted_return": result.expected[at],
        "volatility": result.volatility[at],
        "confidence_score": result.confidence[at],
        "return_low": result.low[at],
        "return_high": result.high[at],
    }


def target_dates(sessions: Sequence[date], calendar: Calendar, horizon: int) -> list[date]:
    """Session at whose open the horizon of each session's prediction ends."""
    return [calendar.offset(session, 1 + horizon) for session in sessions]


def prediction_id(author: str) -> pl.Expr:
    """`author:symbol:prediction_date:horizon`."""
    day = pl.col("prediction_date").dt.to_string("iso")
    parts = [pl.lit(author), pl.col("symbol"), day, pl.col("horizon").cast(pl.String)]
    return pl.concat_str(parts, separator=":")


def _key_factors(
    components: Sequence[Component], score: Floats, result: Forecast, valid: Flags
) -> pl.Series:
    """List of factors whose contributions add up to the predicted return.

    The market's part comes first; each component gives its share of the mean before the last
    ranking; what that ranking changed is the last entry, `ranking`, where there are several.
    """
    count = np.zeros(score.shape)
    for component in components:
        count += np.where(np.isnan(component.opinion), 0.0, component.share)
    scale = (result.scale / np.maximum(count, 1.0))[valid]
    contributions: dict[str, tuple[Floats, Floats]] = {}
    rest = result.alpha[valid]
    for component in components:
        part = scale * filled(component.opinion * component.share)[valid] + 0.0
        rest = rest - part
        contributions[component.name] = (component.value[valid], part)
    if len(components) > 1:
        contributions["ranking"] = (score[valid], rest)
    betas = result.beta[valid]
    return factor_lists({"market": (betas, result.market[valid]), **contributions})


def factor_lists(factors: Mapping[str, tuple[Floats, Floats]]) -> pl.Series:
    """One list of structs factor, value, contribution for each row; a NaN value is null."""
    width, height = len(factors), len(next(iter(factors.values()))[0])
    names = pl.Series(list(factors), dtype=pl.String)
    values = np.stack([value for value, _ in factors.values()], axis=1)
    contributions = np.stack([part for _, part in factors.values()], axis=1)
    flat = pl.DataFrame(
        {
            "factor": names.gather(np.tile(np.arange(width), height)),
            "value": pl.Series(values.ravel()).fill_nan(None),
            "contribution": contributions.ravel(),
        }
    )
    return flat.to_struct("key_factors").reshape((height, width)).arr.to_list()


def transform(agent: Agent) -> Transform:
    """Declaration of `agents/predictions/<agent>`."""
    return Transform(
        name=f"agents/predictions/{agent.name}",
        table="agents.predictions",
        slice=agent.name,
        inputs={
            **signal_inputs(agent, lookback=0),
            "models": Input(table="agents.models", slices=(VOLATILITY_MODEL, agent.name)),
        },
        by="session",
        function=partial(predictions, agent=agent),
        description=(
            f"{agent.title}: score, expected return, confidence, interval and reasons for every "
            "symbol, from what was known after the session's close."
        ),
    )
