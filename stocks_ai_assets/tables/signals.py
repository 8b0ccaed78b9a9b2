"""Contracts of `signals`: what one symbol's past says at a session; no ranking across symbols.

One row per symbol with a price in that session (`macro`: one row per session, its predictors are
the same for all symbols). Null: not known or too little history.
"""

import dataframely as dy

from stocks_ai_assets.tables import columns as c


class Technical(dy.Schema):
    """Signals from prices and corporate actions alone."""

    symbol = c.symbol()
    session = c.session()
    close = c.number("USD", "As-traded close.", nullable=False, min_exclusive=0)
    total_return = c.number("fraction", "Total return, previous close to close.", min=-1)
    open_return = c.number("fraction", "Total return, previous open to this open.", min=-1)
    volatility_21 = c.number("fraction/session", "Sd of total_return, 21 sessions.", min=0)
    volatility_63 = c.number("fraction/session", "Sd of total_return, 63 sessions.", min=0)
    volatility_126 = c.number("fraction/session", "Sd of total_return, 126 sessions.", min=0)
    momentum_252_21 = c.number("fraction", "Total return from t-252 to t-21.", min=-1)
    momentum_126_21 = c.number("fraction", "Total return from t-126 to t-21.", min=-1)
    dollar_volume_21 = c.number("USD", "Mean of close x volume, 21 sessions.", min=0)


class Risk(dy.Schema):
    """Inputs of the volatility forecast and of beta."""

    symbol = c.symbol()
    session = c.session()
    log_parkinson_1 = c.number("log fraction^2", "Log Parkinson variance, this session.")
    log_parkinson_5 = c.number("log fraction^2", "Log of mean Parkinson variance, 5 sessions.")
    log_parkinson_22 = c.number("log fraction^2", "Log of mean Parkinson variance, 22 sessions.")
    log_squared_return_63 = c.number("log fraction^2", "Log of mean squared return, 63 sessions.")
    log_squared_return_252 = c.number("log fraction^2", "Log of mean squared return, 252 sessions.")
    beta_raw = c.number("ratio", "Slope on the market's return, 252 sessions (>= 200).")
    beta_variance = c.number("ratio^2", "Squared standard error of beta_raw.", min=0)
    residual_volatility = c.number(
        "fraction/session", "Sd of the market regression's residuals, 252 sessions.", min=0
    )


class Sector(dy.Schema):
    """Sector as published at the time, and the sector's own past."""

    symbol = c.symbol()
    session = c.session()
    sector = c.text("GICS sector known at the session; `Unknown` where nothing was.")
    issuer_id = c.text("Issuer; share classes of one issuer have one vote.")
    n_members = c.count("symbols", "Symbols of the sector with a price in the session.", min=1)
    sector_return = c.number("fraction", "Mean total_return of the members, this session.")
    sector_momentum_126_21 = c.number("fraction", "Mean momentum_126_21 of the members.")


class Fundamentals(dy.Schema):
    """Accounting ratios from the newest filings known; flows over trailing twelve months."""

    symbol = c.symbol()
    session = c.session()
    gross_profit_to_assets = c.number("fraction", "TTM gross profit / total assets.")
    return_on_assets = c.number("fraction", "TTM net income / total assets.")
    accruals = c.number(
        "fraction", "(TTM net income - operating cash flow) / average total assets."
    )
    asset_growth = c.number("fraction", "Total assets / those known 252 sessions ago - 1.")
    total_assets = c.number("USD", "Newest total assets.", min=0)
    book_equity = c.number("USD", "Newest shareholders' equity.")
    net_income = c.number("USD", "TTM net income.")
    operating_cash_flow = c.number("USD", "TTM cash flow from operations.")
    free_cash_flow = c.number("USD", "TTM operating cash flow less capital expenditure.")
    shares_outstanding = c.number(
        "shares", "Newest filed share count carried over real splits since.", min_exclusive=0
    )
    balance_age = c.count("days", "Age of the balance sheet figures.", nullable=True, min=0)
    flow_age = c.count("days", "Age of the flow figures.", nullable=True, min=0)
    known_through = c.day("known_on of the newest filing used.", nullable=True)


class Valuation(dy.Schema):
    """Fundamentals against the market's price."""

    symbol = c.symbol()
    session = c.session()
    market_cap = c.number("USD", "As-traded close x shares; null outside [1e9, 5e12].", min=0)
    earnings_to_price = c.number("fraction", "TTM net income / market_cap.")
    book_to_price = c.number("fraction", "Book equity / market_cap.")
    free_cash_flow_to_price = c.number("fraction", "TTM free cash flow / market_cap.")


class Macro(dy.Schema):
    """Predictors of the market's return, one row per session, from vintages."""

    session = c.session()
    term_spread = c.number("percent points", "10-year less 2-year Treasury yield.")
    credit_spread = c.number("percent points", "Baa less Aaa corporate yield.")
    high_yield_spread = c.number("percent points", "Option-adjusted spread of high yield.")
    variance_premium = c.number("fraction^2/month", "VIX^2/12 less realised variance of 21.")
    yield_change = c.number("percent points", "10-year yield less its mean of 252 sessions.")
    industrial_production = c.number("fraction", "Growth over 12 months.")
    unemployment_change = c.number("percent points", "Change over 12 months.")
    inflation = c.number("fraction", "Consumer prices, growth over 12 months.")
    claims = c.number("fraction", "Initial claims, mean of 4 weeks over that of 52, less 1.")


class Events(dy.Schema):
    """The last earnings announcement: surprise and reaction."""

    symbol = c.symbol()
    session = c.session()
    reaction_session = c.day("First session that could react to it.", nullable=True)
    sessions_since = c.count("sessions", "Sessions since the reaction.", nullable=True, min=0)
    standardized_surprise = c.number(
        "sd", "(EPS - estimate) / sd of the 8 surprises before, clipped to +-5."
    )
    reaction = c.number(
        "sd", "Sector-relative return of the reaction session / volatility_63, clipped to +-5."
    )


class Esg(dy.Schema):
    """The newest ESG risk rating known."""

    symbol = c.symbol()
    session = c.session()
    total_risk = c.number("points", "Total ESG risk; lower is better.", min=0, max=100)
    environment_risk = c.number("points", "Environmental part.", min=0, max=100)
    social_risk = c.number("points", "Social part.", min=0, max=100)
    governance_risk = c.number("points", "Governance part.", min=0, max=100)
    rated_on = c.day("Session on which the rating became known.", nullable=True)
