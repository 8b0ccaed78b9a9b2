"""Beta and volatility of every symbol: one shared view, so that no agent depends on another.

Beta is Vasicek-shrunk across the session's symbols; volatility is the forecast of the quarter's
shared model (`domain.models.volatility`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.calendar import quarter_start
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.panel import Floats

VOLATILITY_MODEL = "volatility"

VOLATILITY_FEATURES = (
    "log_parkinson_1",
    "log_parkinson_5",
    "log_parkinson_22",
    "log_squared_return_63",
    "log_squared_return_252",
)
"""Heterogeneous autoregressive features (Corsi 2009) in logs, range-based at the short end."""

RISK_COLUMNS = (
    "symbol",
    "session",
    *VOLATILITY_FEATURES,
    "beta_raw",
    "beta_variance",
    "residual_volatility",
)
"""Columns of signals.risk that exposures need."""

FittedByQuarter = Mapping[date, Mapping[str, float]]
"""Parameters of one model by quarter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """How a symbol moves; every array is symbols x sessions, NaN where not known.

    Parameters
    ----------
    beta
        Shrunk slope on the market's return.
    residual_volatility
        Sd of the return beyond beta x market over 252 sessions, fraction a session: the scale of
        an agent's alpha. It is measured, not forecast, so that a burst of volatility does not
        inflate an opinion.
    volatility
        Forecast sd of the total return, fraction a session.
    """

    beta: Floats
    residual_volatility: Floats
    volatility: Floats


def exposures(risk: pl.DataFrame, section: CrossSection, volatility: FittedByQuarter) -> Exposure:
    """Beta and volatility of every symbol and session of the grid.

    Parameters
    ----------
    risk
        Rows of signals.risk (`RISK_COLUMNS`).
    section
        The grid.
    volatility
        Parameters of the volatility model by quarter.
    """
    at = section.panel.places(risk)
    columns = {
        name: section.panel.values(at, risk.get_column(name))
        for name in RISK_COLUMNS
        if name not in {"symbol", "session"}
    }
    return Exposure(
        beta=section.shrunk_betas(columns["beta_raw"], columns["beta_variance"]),
        residual_volatility=columns["residual_volatility"],
        volatility=volatility_forecast(columns, by_session(volatility, section)),
    )


def volatility_forecast(features: Mapping[str, Floats], fitted: Mapping[str, Floats]) -> Floats:
    """Forecast sd of one session's return over the next month, fraction.

    sqrt(exp(intercept + sum of coefficient x feature) * smearing), added in the order of
    `VOLATILITY_FEATURES`; NaN where a feature or the model is missing.
    """
    shape = features[VOLATILITY_FEATURES[0]].shape
    if "intercept" not in fitted:
        return np.full(shape, np.nan)
    log_variance = np.broadcast_to(fitted["intercept"], shape).copy()
    for name in VOLATILITY_FEATURES:
        log_variance += fitted[name] * features[name]
    # The exponential of polars is the C library's, one value at a time: the same bits wherever
    # a value stands in the array.
    variance = pl.Series(log_variance.ravel()).exp().to_numpy().reshape(shape)
    return np.asarray(np.sqrt(variance * fitted["smearing"]), dtype=np.float64)


def model_parameters(models: pl.DataFrame, name: str) -> dict[date, dict[str, float]]:
    """Parameters of model `name` by quarter from rows of agents.models; unknown ones are NaN."""
    rows = models.filter(pl.col("model") == name).select("quarter", "parameters")
    return {
        quarter: {item["key"]: _number(item["value"]) for item in parameters}
        for quarter, parameters in rows.sort("quarter").iter_rows()
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def by_session(parameters: FittedByQuarter, section: CrossSection) -> dict[str, Floats]:
    """Value of every parameter at every session: that of the session's quarter; NaN if none."""
    quarters = [quarter_start(session) for session in section.panel.sessions]
    names = dict.fromkeys(name for fitted in parameters.values() for name in fitted)
    found = [parameters.get(quarter, {}) for quarter in quarters]
    return {name: np.array([each.get(name, np.nan) for each in found]) for name in names}
