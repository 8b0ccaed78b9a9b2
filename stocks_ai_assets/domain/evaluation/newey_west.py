"""Standard error of the mean of a series whose neighbours are correlated (Newey & West 1987)."""

import math

import numpy as np

from stocks_ai_assets.domain.panel import Floats

MIN_SESSIONS_PER_LAG = 3
"""Below this the long-run variance of a short series is far too small, and t too large."""


def standard_error(series: Floats, lags: int) -> float:
    """Newey-West standard error of the mean, Bartlett weights.

    Parameters
    ----------
    series
        One value per session, any unit; NaN: a session without a value. It keeps its place, so a
        lag is always a number of sessions.
    lags
        Last lag with a weight; weight of lag k is 1 - k / (lags + 1).

    Returns
    -------
    float
        In the unit of `series`; NaN below `3 * lags` (at least 2) values.
    """
    known = ~np.isnan(series)
    n = int(known.sum())
    if n < max(MIN_SESSIONS_PER_LAG * lags, 2):
        return math.nan
    mean = np.where(known, series, 0.0).sum() / n
    deviation = np.where(known, series - mean, 0.0)
    variance = float((deviation * deviation).sum())
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1)
        variance += 2.0 * weight * float((deviation[lag:] * deviation[:-lag]).sum())
    return math.sqrt(max(variance, 0.0)) / n


def automatic_lags(n: int) -> int:
    """Lags for a series of `n` values without overlap: 4 (n / 100)^(2/9) (Newey & West 1994)."""
    return int(4.0 * (n / 100.0) ** (2.0 / 9.0))


def overlap_lags(horizon: int) -> int:
    """Lags for a series of overlapping `horizon`-session returns: 1.5 horizons."""
    return int(1.5 * horizon)
