"""Bands in which calibrated predictions stay, and the risk of error of the tests.

They describe honest predictions of large caps; a report is judged by them, nothing is fitted to
them. Limits of suspicion belong to `domain.evaluation.limits`.
"""

COVERAGE_80 = (0.78, 0.82)
COVERAGE_90 = (0.88, 0.92)
"""All years together, 80 % and 90 % intervals."""

YEAR_FLOOR_80 = 0.72
YEAR_FLOOR_90 = 0.84
"""A single year: errors of one year are correlated, so its band is wider."""

ECE_LIMIT = 0.02
BRIER_SKILL_FLOOR = -0.0005
BRIER_SKILL_NOTICEABLE = 0.0005
"""Below this a probability tells next to nothing beyond the base rate (theory: .64 * IC^2)."""

TEST_LEVEL = 0.05
"""Kupiec and Christoffersen: p below this rejects."""

DEFLATED_SHARPE_ENOUGH = 0.95


def inside(value: float | None, band: tuple[float, float]) -> bool:
    """Whether `value` is known and lies in `band`."""
    return value is not None and band[0] <= value <= band[1]


SIGNIFICANT_BY_LUCK = 0.01
"""Share of histories in which a score without skill has |t| > 3.

Measured with 800 persistent placebo scores on ten years of real residual labels: .005 to .02 over
the whole history, .005 to .04 over 300 sessions. `acceptance/test_placebo.py` measures it again.
"""
