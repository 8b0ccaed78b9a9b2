"""What a score has been worth so far: shrunk skill, base rate, width of its errors.

All numbers of a quarter come from outcomes that matured before the quarter's first session.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Literal

import numpy as np

from stocks_ai_assets.domain.agents.exposure import Exposure, by_session
from stocks_ai_assets.domain.agents.forecast import forecast
from stocks_ai_assets.domain.cross_section import CrossSection, rank_correlation
from stocks_ai_assets.domain.models.maturity import Outcomes, matured_before
from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.transform import Window

PRIOR_PERIODS = 60
"""Non-overlapping horizons of zero skill that the prior is worth (five years of months)."""

CONFORMAL_SESSIONS = 504
MIN_CONFORMAL_SESSIONS = 63
LEVELS = {"q80": (0.80, 1.2815515655446004), "q90": (0.90, 1.6448536269514722)}
"""Interval levels, and the normal quantile that stands in before 63 sessions have matured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Parameters of one model and quarter, and what they were fitted on."""

    parameters: Mapping[str, float]
    fitted_through: date | None = None
    n_sessions: int = 0
    n_rows: int = 0


def calibrate(
    score: Floats,
    exposure: Exposure,
    outcomes: Outcomes,
    section: CrossSection,
    prior: Mapping[date, Mapping[str, float]],
    window: Window,
    *,
    label: Literal["residual", "raw"] = "residual",
    has_alpha: bool = True,
) -> dict[date, Fit]:
    """Fit the calibration of one score for every quarter of `prior`.

    Parameters
    ----------
    score, exposure, outcomes
        On the grid of `section`, from the first partition on.
    prior
        `market_mean` (and what else the model holds) by quarter, ascending.
    label
        Return on which skill is measured.
    has_alpha
        False: skill is measured but never turned into a return (`ic` 0).

    Returns
    -------
    dict
        By quarter: `ic` = max(0, n * rank_ic / (n + 60)) with n = sessions / horizon; `rank_ic`
        and `rank_ic_raw`, plain means over sessions; `base_rate`, share of scored symbols that
        beat the universe's median; `q80`, `q90`, quantiles of |return - expected| / (volatility *
        sqrt(horizon)) over the last 504 matured sessions, where each prediction counts with the
        model of its own quarter.
    """
    quarters, horizon = list(prior), window.parameters.horizon
    cuts = matured_before(quarters, outcomes.matured_on, window)
    residual = outcomes.total_return - exposure.beta * outcomes.market_return
    chosen = outcomes.total_return if label == "raw" else residual
    correlation, count = _votes(section, score, chosen)
    raw, _ = _votes(section, score, outcomes.total_return)
    ic, n, rows = _prefix(correlation), _count(correlation), np.cumsum(count)
    ic_raw, n_raw = _prefix(raw), _count(raw)
    beat, scored = _beats_median(score, outcomes.total_return)

    fitted: dict[date, dict[str, float]] = {}
    for quarter, cut in zip(quarters, cuts, strict=True):
        last = cut - 1
        mean = _ratio(ic, n, last)
        periods = n[last] / horizon if cut else 0.0
        shrunk = max(0.0, periods * mean / (periods + PRIOR_PERIODS)) if periods else 0.0
        fitted[quarter] = {
            **prior[quarter],
            "ic": shrunk if has_alpha else 0.0,
            "rank_ic": mean,
            "rank_ic_raw": _ratio(ic_raw, n_raw, last),
            "base_rate": _ratio(beat, scored, last, empty=0.5),
        }
    ratios = _error_ratios(score, exposure, outcomes, by_session(fitted, section), horizon)
    results = {}
    for quarter, cut in zip(quarters, cuts, strict=True):
        quantiles = conformal_quantiles(ratios[:, max(cut - CONFORMAL_SESSIONS, 0) : cut])
        results[quarter] = Fit(
            parameters={**fitted[quarter], **quantiles},
            fitted_through=outcomes.matured_on[cut - 1] if cut else None,
            n_sessions=int(n[cut - 1]) if cut else 0,
            n_rows=int(rows[cut - 1]) if cut else 0,
        )
    return results


def conformal_quantiles(ratios: Floats) -> dict[str, float]:
    """Split-conformal quantiles of pooled |error| / spread.

    Parameters
    ----------
    ratios
        Symbols x sessions, NaN: no error known.

    Returns
    -------
    dict
        `q80`, `q90`: the ceil((n + 1) * level)-th smallest of n errors; the normal quantile
        below 63 sessions with errors.
    """
    known = ~np.isnan(ratios)
    pooled = ratios[known]
    if int(known.any(axis=0).sum()) < MIN_CONFORMAL_SESSIONS:
        return {name: normal for name, (_, normal) in LEVELS.items()}
    n = len(pooled)
    places = {name: min(ceil((n + 1) * level), n) - 1 for name, (level, _) in LEVELS.items()}
    ordered = np.partition(pooled, list(places.values()))
    return {name: float(ordered[place]) for name, place in places.items()}


def _votes(section: CrossSection, score: Floats, label: Floats) -> tuple[Floats, Floats]:
    """Rank correlation by session with one vote per issuer, and the number of issuers."""
    votes, _ = section.voters(score + label)
    correlation, count = rank_correlation(np.where(votes, score, np.nan), label)
    known = ~np.isnan(correlation)
    return correlation, np.where(known, count, 0).astype(np.float64)


def _beats_median(score: Floats, total_return: Floats) -> tuple[Floats, Floats]:
    """Scored symbols above the universe's median, and scored symbols, added up over sessions."""
    median = universe_median(total_return)
    known = ~np.isnan(score) & ~np.isnan(total_return)
    above = known & (total_return > median)
    return (
        np.cumsum(above.sum(axis=0)).astype(np.float64),
        np.cumsum(known.sum(axis=0)).astype(np.float64),
    )


def universe_median(values: Floats) -> Floats:
    """Median over the symbols of each session; NaN without any."""
    ordered = np.sort(values, axis=0)
    count = (~np.isnan(values)).sum(axis=0)
    if not values.size:
        return np.full(values.shape[1], np.nan)
    at = np.maximum(count, 1)
    low = np.take_along_axis(ordered, ((at - 1) // 2)[None, :], axis=0)[0]
    high = np.take_along_axis(ordered, (at // 2)[None, :], axis=0)[0]
    return np.where(count > 0, (low + high) / 2.0, np.nan)


def _error_ratios(
    score: Floats,
    exposure: Exposure,
    outcomes: Outcomes,
    fitted: Mapping[str, Floats],
    horizon: int,
) -> Floats:
    """|return - expected| / (volatility * sqrt(horizon)) of every matured prediction."""
    if not score.size:
        return np.zeros((0, score.shape[1]))
    # The width of the interval is what is being fitted; it plays no part in the errors.
    result = forecast(score, exposure, {**fitted, "q80": np.zeros(score.shape[1])}, horizon)
    spread = exposure.volatility * np.sqrt(float(horizon))
    safe = np.where(spread > 0.0, spread, np.nan)
    return np.abs(outcomes.total_return - result.expected) / safe


def _prefix(values: Floats) -> Floats:
    """Sums from the first session on, in the order of time; NaN is 0."""
    return np.cumsum(np.where(np.isnan(values), 0.0, values))


def _count(values: Floats) -> Floats:
    """Number of values from the first session on."""
    return np.cumsum(~np.isnan(values)).astype(np.float64)


def _ratio(sums: Floats, counts: Floats, last: int, empty: float = 0.0) -> float:
    """Mean up to position `last`; `empty` where nothing is counted."""
    return float(sums[last] / counts[last]) if last >= 0 and counts[last] > 0 else empty
