"""How good a Sharpe ratio must be when it is the best of many tried.

Source: Bailey & Lopez de Prado (2014), The Deflated Sharpe Ratio. All ratios here are per session,
not per year.
"""

import math
from statistics import NormalDist

EULER = 0.5772156649015329
_NORMAL = NormalDist()


def expected_maximum(n_trials: int, variance: float) -> float:
    """Sharpe ratio that the best of `n_trials` without skill is expected to have.

    Parameters
    ----------
    n_trials
        Number of independent trials; 1 or fewer: 0.
    variance
        Variance of the Sharpe ratios across trials, per session.

    Returns
    -------
    float
        SR0, per session.
    """
    if n_trials <= 1:
        return 0.0
    best = _NORMAL.inv_cdf(1.0 - 1.0 / n_trials)
    next_best = _NORMAL.inv_cdf(1.0 - 1.0 / (n_trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER) * best + EULER * next_best)


def probabilistic_sharpe(
    sharpe: float, threshold: float, *, n: int, skewness: float, kurtosis: float
) -> float:
    """Probability that the true Sharpe ratio exceeds `threshold`.

    Parameters
    ----------
    sharpe
        Estimated ratio, per session.
    threshold
        Ratio to beat, per session; `expected_maximum` makes the result the deflated Sharpe ratio.
    n
        Number of returns.
    skewness, kurtosis
        Of the returns; 0 and 3 for a normal distribution.

    Returns
    -------
    float
        Probability; NaN when the moments contradict each other.
    """
    variance = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if variance <= 0.0 or n <= 1:
        return math.nan
    return _NORMAL.cdf((sharpe - threshold) * math.sqrt(n - 1) / math.sqrt(variance))
