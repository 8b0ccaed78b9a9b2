"""From a score to a return, a probability and an interval: one formula for all agents.

The parameters come from the quarter's model. This module applies them; fitting belongs to
`domain.models`, which uses the same functions to see how its past predictions came out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stocks_ai_assets.domain.agents.exposure import Exposure
from stocks_ai_assets.domain.cross_section import SCORE_SD, normal_probability, normal_quantile
from stocks_ai_assets.domain.panel import Floats

BASE_RATE_BOUNDS = (0.01, 0.99)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What a score says about returns; every array is symbols x sessions, NaN where abstained.

    Parameters
    ----------
    beta
        Slope on the market's return.
    market
        beta x the market's historical mean, fraction over the horizon.
    scale
        Return that a score of 1 claims, fraction over the horizon.
    alpha
        scale x score.
    expected
        market + alpha.
    volatility
        Forecast sd of one session's return.
    low, high
        80 % interval of the total return.
    confidence
        Probability that the predicted side of the universe's median is right.
    """

    beta: Floats
    market: Floats
    scale: Floats
    alpha: Floats
    expected: Floats
    volatility: Floats
    low: Floats
    high: Floats
    confidence: Floats


def forecast(
    score: Floats, exposure: Exposure, fitted: Mapping[str, Floats], horizon: int
) -> Forecast:
    """Apply a calibration to scores.

    Parameters
    ----------
    score
        On [-1, 1], symbols x sessions.
    exposure
        Beta and volatility.
    fitted
        Parameters in use at each session: `ic`, `base_rate`, `market_mean`, `q80`.
    horizon
        Sessions from entry to exit.

    Notes
    -----
    alpha = ic * sqrt(3) * score * residual_volatility * sqrt(horizon): the conditional mean of
    Grinold & Kahn (2000), sqrt(3) because a uniform score has standard deviation 1 / sqrt(3).
    P(beats the median) = Phi(Phi^-1(base_rate) + ic * sqrt(3) * score).
    """
    length = np.sqrt(float(horizon))
    strength = fitted["ic"] / SCORE_SD
    scale = strength * exposure.residual_volatility * length
    # Adding 0 turns the -0 of a negative score without skill into 0.
    alpha = scale * score + 0.0
    market = exposure.beta * fitted["market_mean"]
    expected = market + alpha
    reach = fitted["q80"] * exposure.volatility * length
    base = normal_quantile(np.clip(fitted["base_rate"], *BASE_RATE_BOUNDS))
    above = normal_probability(base + strength * score)
    return Forecast(
        beta=exposure.beta,
        market=market,
        scale=scale,
        alpha=alpha,
        expected=expected,
        volatility=exposure.volatility,
        low=expected - reach,
        high=expected + reach,
        confidence=np.where(alpha >= 0.0, above, 1.0 - above),
    )
