"""Risk: low beta against high beta."""

from stocks_ai_assets.domain.agents.agent import Agent, Component, Evidence, Opinion


def score(evidence: Evidence) -> Opinion:
    """Rank of beta, lowest best; needs the beta's 200 sessions."""
    beta = evidence.exposure.beta
    opinion = evidence.section.rank11(-beta)
    return Opinion(score=opinion, components=(Component(name="beta", value=beta, opinion=opinion),))


AGENT = Agent(
    name="risk",
    title="Low beta against high beta",
    score=score,
    sources="Black 1972; Frazzini & Pedersen 2014; Vasicek 1973",
)
