"""Fundamentals: profitable, cash-backed, slowly growing companies against the others."""

import numpy as np

from stocks_ai_assets.domain.agents.agent import Agent, Component, Evidence, Opinion
from stocks_ai_assets.domain.cross_section import mean_of

MAX_BALANCE_AGE = 200
"""Days: a balance sheet older than that misses a filing."""

MAX_FLOW_AGE = 460
"""Days: flows of a year's report stay until the next one is late."""


def score(evidence: Evidence) -> Opinion:
    """Mean of profitability, low accruals and low asset growth; needs two of the three.

    Profitability is the mean of gross profit / assets and return on assets, the parts available.
    Gross profit and accruals say nothing about financial companies and are left out there.
    """
    section, signals = evidence.section, evidence.signals
    balance = signals["balance_age"] <= MAX_BALANCE_AGE
    flows = balance & (signals["flow_age"] <= MAX_FLOW_AGE)
    financial = section.within("Financials")
    gross_profit = np.where(flows & ~financial, signals["gross_profit_to_assets"], np.nan)
    return_on_assets = np.where(flows, signals["return_on_assets"], np.nan)
    accruals = np.where(flows & ~financial, signals["accruals"], np.nan)
    growth = np.where(balance, signals["asset_growth"], np.nan)

    gross_rank, return_rank = section.sneutral(gross_profit), section.sneutral(return_on_assets)
    profitability = mean_of([gross_rank, return_rank], at_least=1)
    few_accruals, slow_growth = section.sneutral(-accruals), section.sneutral(-growth)
    # Half the weight of profitability for each of its parts; the whole where one is missing.
    share = 1.0 / np.maximum(1.0, (~np.isnan(gross_rank)).astype(float) + ~np.isnan(return_rank))
    return Opinion(
        score=section.composite([profitability, few_accruals, slow_growth], at_least=2),
        components=(
            Component(
                name="gross_profit_to_assets", value=gross_profit, opinion=gross_rank, share=share
            ),
            Component(
                name="return_on_assets", value=return_on_assets, opinion=return_rank, share=share
            ),
            Component(name="accruals", value=accruals, opinion=few_accruals),
            Component(name="asset_growth", value=growth, opinion=slow_growth),
        ),
    )


AGENT = Agent(
    name="fundamentals",
    title="Profitability, accruals and asset growth from filings",
    score=score,
    table="signals.fundamentals",
    columns=(
        "gross_profit_to_assets",
        "return_on_assets",
        "accruals",
        "asset_growth",
        "balance_age",
        "flow_age",
    ),
    votes=True,
    sources="Novy-Marx 2013; Sloan 1996; Cooper, Gulen & Schill 2008",
)
