"""The agents, in the order of reports. A new agent is its module and one line here."""

from stocks_ai_assets.domain.agents import (
    esg,
    events,
    fundamentals,
    macro,
    risk,
    sector,
    technical,
    valuation,
)
from stocks_ai_assets.domain.agents.agent import Agent
from stocks_ai_assets.errors import UnknownNameError

AGENTS: tuple[Agent, ...] = (
    fundamentals.AGENT,
    valuation.AGENT,
    technical.AGENT,
    macro.AGENT,
    events.AGENT,
    sector.AGENT,
    risk.AGENT,
    esg.AGENT,
)

VOTERS: tuple[str, ...] = tuple(agent.name for agent in AGENTS if agent.votes)
"""Agents the supervisor counts."""


def agent(name: str) -> Agent:
    """Return the agent `name`, or raise `UnknownNameError` with the names there are."""
    for each in AGENTS:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in AGENTS)
    raise UnknownNameError(f"No agent `{name}`. Agents: {names}.")
