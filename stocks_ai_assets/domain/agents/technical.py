"""Technical: momentum of the last year without the last month, per unit of its volatility."""

import numpy as np

from stocks_ai_assets.domain.agents.agent import Agent, Component, Evidence, Opinion

MOMENTUM_SESSIONS = 231
"""From t-252 to t-21."""


def score(evidence: Evidence) -> Opinion:
    """Momentum over its own volatility, sector-neutral; needs 252 sessions."""
    momentum = evidence.signals["momentum_252_21"]
    volatility = evidence.signals["volatility_126"]
    scale = np.where(volatility > 0.0, volatility, np.nan) * np.sqrt(MOMENTUM_SESSIONS)
    ratio = momentum / scale
    opinion = evidence.section.sneutral(ratio)
    component = Component(name="momentum_252_21_per_volatility", value=ratio, opinion=opinion)
    return Opinion(score=opinion, components=(component,))


AGENT = Agent(
    name="technical",
    title="Momentum from 12 months to 1 month ago per unit of volatility",
    score=score,
    table="signals.technical",
    columns=("momentum_252_21", "volatility_126"),
    votes=True,
    sources="Jegadeesh & Titman 1993; Barroso & Santa-Clara 2015",
)
