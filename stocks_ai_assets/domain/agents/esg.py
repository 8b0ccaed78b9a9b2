"""ESG: low rated risk within the sector. A preference of investors, not a claim about returns."""

from stocks_ai_assets.domain.agents.agent import Agent, Component, Evidence, Opinion


def score(evidence: Evidence) -> Opinion:
    """Rank of total ESG risk within the sector, lowest best; silent where there is no rating."""
    risk = evidence.signals["total_risk"]
    opinion = evidence.section.rank_in_sector(-risk)
    return Opinion(
        score=opinion, components=(Component(name="total_risk", value=risk, opinion=opinion),)
    )


AGENT = Agent(
    name="esg",
    title="Environmental, social and governance risk within the sector",
    score=score,
    table="signals.esg",
    columns=("total_risk",),
    has_alpha=False,
    sources="Pastor, Stambaugh & Taylor 2022",
)
