"""Forecasts of the market's return by one macroeconomic predictor at a time.

Fitted on all that was known before the quarter, including the years before the first partition:
monthly predictors need decades, not months.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.agents.macro import PREDICTORS, market_forecasts
from stocks_ai_assets.domain.cross_section import mean_of
from stocks_ai_assets.domain.labels import market_returns
from stocks_ai_assets.domain.models.maturity import matured_before
from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.transform import Window

MIN_LABELS = 1000
"""Matured labels below which a predictor has no parameters."""

RMS_SESSIONS = 756

SIGNS: Mapping[str, float] = {
    "term_spread": 1.0,
    "credit_spread": 1.0,
    "high_yield_spread": 1.0,
    "variance_premium": 1.0,
    "yield_change": -1.0,
    "industrial_production": -1.0,
    "unemployment_change": 1.0,
    "inflation": -1.0,
    "claims": 1.0,
}
"""Sign that theory gives each slope: a premium is high when times are bad and risk is dear
(Fama & French 1989; Bollerslev, Tauchen & Zhou 2009; Campbell & Thompson 2008)."""


def fit(
    predictors: pl.DataFrame,
    benchmarks: pl.DataFrame,
    market_means: Mapping[date, float],
    window: Window,
) -> dict[date, dict[str, float]]:
    """Regress the market's return on each predictor, for every quarter of `market_means`.

    Parameters
    ----------
    predictors
        `session` and the predictors as known at each session, from the first fact on.
    benchmarks
        Rows of market.benchmarks.
    market_means
        Historical mean of the market's return by quarter.

    Returns
    -------
    dict
        By quarter: `intercept.<predictor>` and `slope.<predictor>` for predictors with at least
        1,000 matured labels, and `forecast_rms`, the root mean square over the last 756 sessions
        of the mean forecast less the historical mean. Empty where no predictor has enough.

    Notes
    -----
    A slope of the wrong sign is set to 0 and the intercept to the mean of the labels (Campbell &
    Thompson 2008).
    """
    labels = market_returns(benchmarks, window.calendar, window.parameters.horizon)
    pairs = predictors.join(labels, left_on="session", right_on="prediction_date", how="left").sort(
        "session"
    )
    matured = pairs.filter(pl.col("market_return").is_not_null())
    quarters = list(market_means)
    cuts = matured_before(quarters, matured.get_column("matured_on").to_list(), window)
    sums = {name: _sums(matured, name) for name in PREDICTORS}
    ends = matured_before(quarters, pairs.get_column("session").to_list(), window)
    values = {name: _numbers(pairs, name) for name in PREDICTORS}
    results = {}
    for quarter, cut, end in zip(quarters, cuts, ends, strict=True):
        lines = {
            name: _line(sums[name][:, cut - 1], SIGNS[name])
            for name in PREDICTORS
            if cut and sums[name][0, cut - 1] >= MIN_LABELS
        }
        results[quarter] = _parameters(lines, values, end, market_means[quarter])
    return results


def _numbers(frame: pl.DataFrame, name: str) -> Floats:
    return frame.get_column(name).cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _sums(matured: pl.DataFrame, name: str) -> Floats:
    """Running count, x, y, x * x, x * y of the labels, in the order of time."""
    x = _numbers(matured, name)
    known = ~np.isnan(x)
    x, y = np.where(known, x, 0.0), np.where(known, _numbers(matured, "market_return"), 0.0)
    return np.stack([np.cumsum(terms) for terms in (known.astype(np.float64), x, y, x * x, x * y)])


def _line(sums: Floats, sign: float) -> tuple[float, float]:
    """Intercept and sign-constrained slope from the sums."""
    n, x, y, xx, xy = (float(value) for value in sums)
    dispersion = xx - x * x / n
    slope = (xy - x * y / n) / dispersion if dispersion > 0.0 else 0.0
    slope = slope if slope * sign > 0.0 else 0.0
    return y / n - slope * x / n, slope


def _parameters(
    lines: Mapping[str, tuple[float, float]],
    values: Mapping[str, Floats],
    end: int,
    market_mean: float,
) -> dict[str, float]:
    """Parameters of one quarter from its regression lines; empty without any."""
    if not lines:
        return {}
    fitted = {f"intercept.{name}": line[0] for name, line in lines.items()}
    fitted |= {f"slope.{name}": line[1] for name, line in lines.items()}
    recent = {name: values[name][max(end - RMS_SESSIONS, 0) : end] for name in lines}
    constants = {key: np.full(end - max(end - RMS_SESSIONS, 0), v) for key, v in fitted.items()}
    forecasts: Sequence[Floats] = list(market_forecasts(recent, constants).values())
    gap = mean_of(forecasts, at_least=1) - market_mean
    gap = gap[~np.isnan(gap)]
    rms = float(np.sqrt(np.sum(gap * gap) / len(gap))) if len(gap) else float("nan")
    return {**fitted, "forecast_rms": rms}
