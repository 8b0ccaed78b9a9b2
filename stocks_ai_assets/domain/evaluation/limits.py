"""Values beyond which skill is more likely a leak than a discovery.

They come from what large-cap scores have ever shown; passing one is a reason to look for a leak,
not evidence of one. A real leak can stay below all of them.
"""

import math

SIGNIFICANT_T = 3.0
"""Scores without skill had sd(t) up to 1.5 with overlapping labels, so 2 says nothing.

Even 3 is passed by luck: by .5 to 2 % of placebo scores on ten years of real labels, and by .5 to
4 % over 300 sessions.
"""

MIN_SESSIONS_FOR_T = 252
"""A t from less than a year of overlapping labels is not judged."""

FIVE_YEARS = 1260
"""Sessions from which the other limits are applied; skill from fewer is early evidence."""

SUSPICIOUS_T = 4.0
SUSPICIOUS_RANK_IC = 0.06
SUSPICIOUS_HIT_RATE = 0.53
SUSPICIOUS_SPREAD_SHARPE = 1.5
SUSPICIOUS_BRIER_SKILL = 0.003
SUSPICIOUS_CONFIDENCE = 0.56


def suspicions(
    *, n_sessions: int, t: float, rank_ic: float, hit_rate: float, spread_sharpe: float
) -> str | None:
    """Name the limits that a skill passes, or return None; NaN passes none.

    Parameters
    ----------
    n_sessions
        Matured sessions behind the figures.
    t, rank_ic, hit_rate, spread_sharpe
        As in evaluation.agent_skill.
    """
    found = []
    if n_sessions >= MIN_SESSIONS_FOR_T and abs(t) > SUSPICIOUS_T:
        found.append(f"|t| {abs(t):.1f} > {SUSPICIOUS_T:g}")
    if n_sessions >= FIVE_YEARS:
        if abs(rank_ic) > SUSPICIOUS_RANK_IC:
            found.append(f"|rank IC| {abs(rank_ic):.3f} > {SUSPICIOUS_RANK_IC:g}")
        if hit_rate > SUSPICIOUS_HIT_RATE:
            found.append(f"hit rate {hit_rate:.3f} > {SUSPICIOUS_HIT_RATE:g}")
        if spread_sharpe > SUSPICIOUS_SPREAD_SHARPE:
            found.append(f"spread Sharpe {spread_sharpe:.2f} > {SUSPICIOUS_SPREAD_SHARPE:g}")
    return "; ".join(found) or None


def significant(t: float, n_sessions: int) -> bool:
    """Whether |t| > 3 over at least a year of sessions."""
    return n_sessions >= MIN_SESSIONS_FOR_T and not math.isnan(t) and abs(t) > SIGNIFICANT_T
