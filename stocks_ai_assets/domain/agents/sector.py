"""Sector: momentum of whole sectors; all members share one opinion."""

from stocks_ai_assets.domain.agents.agent import Agent, Component, Evidence, Opinion


def score(evidence: Evidence) -> Opinion:
    """Rank of the sector's mean momentum from 6 months to 1 month ago."""
    momentum = evidence.signals["sector_momentum_126_21"]
    opinion = evidence.section.rank11(momentum)
    component = Component(name="sector_momentum_126_21", value=momentum, opinion=opinion)
    return Opinion(score=opinion, components=(component,))


AGENT = Agent(
    name="sector",
    title="Momentum of the sector from 6 months to 1 month ago",
    score=score,
    table="signals.sector",
    columns=("sector_momentum_126_21",),
    votes=True,
    sources="Moskowitz & Grinblatt 1999",
)
