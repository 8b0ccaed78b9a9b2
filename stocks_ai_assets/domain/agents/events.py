"""Events: earnings surprises and the reaction to them, fading over a quarter."""

import numpy as np

from stocks_ai_assets.domain.agents.agent import Agent, Component, Evidence, Opinion

FADE = 63
"""Sessions over which an announcement fades to nothing."""

SIGNALS = ("standardized_surprise", "reaction")


def score(evidence: Evidence) -> Opinion:
    """Mean of surprise and reaction, fading linearly; silent from 63 sessions after the report."""
    section, signals = evidence.section, evidence.signals
    remaining = 1.0 - signals["sessions_since"] / FADE
    remaining = np.where(remaining > 0.0, remaining, np.nan)
    faded = {name: signals[name] * remaining for name in SIGNALS}
    return Opinion(
        score=section.composite(list(faded.values()), at_least=1),
        components=tuple(
            Component(name=name, value=signals[name], opinion=section.rank11(faded[name]))
            for name in SIGNALS
        ),
    )


AGENT = Agent(
    name="events",
    title="Earnings surprise and the price's reaction to it",
    score=score,
    table="signals.events",
    columns=("sessions_since", *SIGNALS),
    votes=True,
    sources="Ball & Brown 1968; Bernard & Thomas 1989; Chan, Jegadeesh & Lakonishok 1996",
)
