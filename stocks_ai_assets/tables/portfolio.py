"""Contracts of `portfolio`: from synthesized scores to weights, returns and risk."""

import dataframely as dy

from stocks_ai_assets.tables import columns as c


def _strategy() -> dy.String:
    return dy.String(
        primary_key=True,
        metadata={"unit": "none"},
        description="long_only, long_short, equal_agents; market and equal_weight beside them.",
    )


class TargetWeights(dy.Schema):
    """Weights to hold from the next open: mean of the cohorts of the last `horizon` sessions."""

    strategy = _strategy()
    symbol = c.symbol()
    session = c.session()
    horizon = c.horizon()
    weight = c.number("fraction of capital", "Target weight.", nullable=False, min=-1, max=1)


class Returns(dy.Schema):
    """Return of each strategy from the previous open to this session's open."""

    strategy = _strategy()
    session = c.session()
    horizon = c.horizon()
    gross_return = c.number(
        "fraction", "Before costs; shorts can lose more than the capital.", nullable=False
    )
    cost = c.number("fraction", "Trading and borrowing cost.", nullable=False, min=0)
    net_return = c.number("fraction", "gross_return - cost.", nullable=False)
    turnover = c.number(
        "fraction of capital", "Traded value, purchases and sales.", nullable=False, min=0
    )
    n_long = c.count("symbols", "Long positions.", min=0)
    n_short = c.count("symbols", "Short positions.", min=0)


class Risk(dy.Schema):
    """One-session risk forecast for this session, made from returns before it, and the result."""

    strategy = _strategy()
    session = c.session()
    horizon = c.horizon()
    net_return = c.number("fraction", "What happened.", nullable=False)
    volatility = c.number("fraction/session", "Forecast sd.", min=0)
    var_95 = c.number("fraction", "Loss not passed with 95 %, positive.")
    es_95 = c.number("fraction", "Mean loss beyond var_95.")
    var_99 = c.number("fraction", "Loss not passed with 99 %, positive.")
    es_99 = c.number("fraction", "Mean loss beyond var_99.")
    breach_95 = c.flag("Loss beyond var_95; null: no forecast.", nullable=True)
    breach_99 = c.flag("Loss beyond var_99; null: no forecast.", nullable=True)
