"""Valuation: cheap against expensive, by what a company earns and owns."""

import numpy as np

from stocks_ai_assets.domain.agents.agent import Agent, Component, Evidence, Opinion

RATIOS = ("earnings_to_price", "book_to_price", "free_cash_flow_to_price")


def score(evidence: Evidence) -> Opinion:
    """Mean of earnings, book value and free cash flow over price; needs two of the three.

    A market value outside the plausible range is null in the signals and silences all three; free
    cash flow says nothing about financial companies.
    """
    section, signals = evidence.section, evidence.signals
    plausible = ~np.isnan(signals["market_cap"])
    values = {name: np.where(plausible, signals[name], np.nan) for name in RATIOS}
    cash = values["free_cash_flow_to_price"]
    values["free_cash_flow_to_price"] = np.where(section.within("Financials"), np.nan, cash)
    opinions = {name: section.sneutral(value) for name, value in values.items()}
    return Opinion(
        score=section.composite(list(opinions.values()), at_least=2),
        components=tuple(
            Component(name=name, value=values[name], opinion=opinions[name]) for name in RATIOS
        ),
    )


AGENT = Agent(
    name="valuation",
    title="Earnings, book value and free cash flow against the price",
    score=score,
    table="signals.valuation",
    columns=("market_cap", *RATIOS),
    votes=True,
    sources="Basu 1977; Rosenberg, Reid & Lanstein 1985; Lakonishok, Shleifer & Vishny 1994",
)
