"""Contracts of `evaluation`: what came of the predictions, as known at the time."""

import dataframely as dy

from stocks_ai_assets.tables import columns as c


def _quarter() -> dy.Date:
    return c.day(
        "First day of the quarter at whose start this was known: uses outcomes matured before it.",
        primary_key=True,
    )


def _agent() -> dy.String:
    return dy.String(
        primary_key=True,
        metadata={"unit": "none"},
        description="Agent, `supervisor`, or `equal_weight` (plain mean of the voting agents).",
    )


class Outcomes(dy.Schema):
    """Realised return of one symbol over one horizon, in the partition in which it matured."""

    symbol = c.symbol()
    prediction_date = c.day("Session after whose close it was predicted.", primary_key=True)
    horizon = c.horizon()
    matured_on = c.day("Session at whose open the horizon ended (= target_date).")
    total_return = c.number("fraction", "Entry open to exit open, dividends included.", min=-1)
    market_return = c.number("fraction", "The market's total return between the same opens.")
    complete = c.flag("All sessions of the holding period had a price.")


class AgentSkill(dy.Schema):
    """Skill of one agent over a window of matured sessions."""

    quarter = _quarter()
    agent = _agent()
    horizon = c.horizon()
    label = dy.String(
        primary_key=True,
        metadata={"unit": "none"},
        description="`residual`: return less beta x market; `raw`: total return.",
    )
    window = dy.String(
        primary_key=True,
        metadata={"unit": "sessions"},
        description="`all`, or the last 1260 / 252 matured sessions.",
    )
    n_sessions = c.count("sessions", "Matured sessions with a rank correlation.", min=0)
    rank_ic = c.number("correlation", "Mean rank information coefficient.", min=-1, max=1)
    rank_ic_sd = c.number("correlation", "Sd over sessions.", min=0)
    icir = c.number("ratio", "Mean over sd, one session.")
    t_newey_west = c.number("t", "t of the mean, Newey-West with 1.5 horizon lags.")
    ic_low = c.number("correlation", "Mean less 1.96 standard errors; the band covers about 91 %.")
    ic_high = c.number("correlation", "Mean plus 1.96 standard errors.")
    decay_5 = c.number("correlation", "Mean rank IC of scores made 5 sessions earlier.")
    decay_21 = c.number("correlation", "Mean rank IC of scores made 21 sessions earlier.")
    decay_63 = c.number("correlation", "Mean rank IC of scores made 63 sessions earlier.")
    turnover = c.number("fraction", "Mean absolute change of score a session, of 2.", min=0)
    coverage = c.number("fraction", "Share of outcomes with a prediction.", min=0, max=1)
    hit_rate = c.number("fraction", "Share on the predicted side of the median.", min=0, max=1)
    quintile_spread = c.number("fraction", "Mean label of the top fifth less the bottom fifth.")
    spread_sharpe = c.number("ratio/year", "Sharpe ratio of the staggered quintile spread.")
    significant = c.flag("|t| > 3.")
    suspicious = c.flag("Too good to be true: something may leak.")
    suspicion = c.text("Which limits were passed.", nullable=True)


class Calibration(dy.Schema):
    """Whether stated probabilities and intervals were right."""

    quarter = _quarter()
    agent = _agent()
    horizon = c.horizon()
    year = dy.Int32(
        primary_key=True,
        metadata={"unit": "year"},
        description="Year of the prediction date; 0 = all years.",
    )
    n = c.count("rows", "Matured predictions.", min=0)
    brier = c.number("probability^2", "Mean squared error of the probability.", min=0)
    brier_base = c.number("probability^2", "The same for the matured base rate.", min=0)
    brier_skill = c.number("fraction", "1 - brier / brier_base.")
    ece = c.number("probability", "Expected calibration error, 10 equal-count bins.", min=0)
    coverage_80 = c.number("fraction", "Returns inside the 80 % interval.", min=0, max=1)
    coverage_90 = c.number("fraction", "Returns inside the 90 % interval.", min=0, max=1)
    base_rate = c.number("fraction", "Share that beat the median.", min=0, max=1)
    mean_confidence = c.number("probability", "Mean confidence_score.", min=0, max=1)
    max_confidence = c.number("probability", "Highest confidence_score.", min=0, max=1)


class Performance(dy.Schema):
    """A strategy's returns in figures, as known at the quarter's start."""

    quarter = _quarter()
    strategy = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Strategy of portfolio.returns."
    )
    horizon = c.horizon()
    n_sessions = c.count("sessions", "Sessions with a return.", min=0)
    annual_return = c.number("fraction/year", "Compound net return.")
    annual_volatility = c.number("fraction/year", "Sd of net returns x sqrt(252).", min=0)
    sharpe = c.number("ratio/year", "Mean net return over sd, x sqrt(252).")
    sharpe_t = c.number("t", "Newey-West t of the mean net return.")
    deflated_sharpe = c.number(
        "probability", "Probability that the Sharpe ratio exceeds what N trials give by luck."
    )
    expected_max_sharpe = c.number("ratio/session", "SR0: expected best of N trials by luck.")
    n_trials = c.count("trials", "N: distinct configurations ever evaluated.", min=1)
    max_drawdown = c.number("fraction", "Deepest fall from a high, negative.", max=0)
    mean_turnover = c.number("fraction/session", "Mean traded value, purchases and sales.", min=0)
    cost = c.number("fraction/year", "Mean yearly cost.", min=0)


class VarBacktests(dy.Schema):
    """Value-at-risk forecasts against what happened: Kupiec and Christoffersen."""

    quarter = _quarter()
    strategy = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Strategy of portfolio.returns."
    )
    level = dy.Float64(
        primary_key=True, metadata={"unit": "probability"}, description="0.95 or 0.99."
    )
    n_sessions = c.count("sessions", "Forecasts with an outcome.", min=0)
    n_breaches = c.count("sessions", "Losses beyond the forecast.", min=0)
    breach_rate = c.number("fraction", "n_breaches / n_sessions.", min=0, max=1)
    kupiec_p = c.number("probability", "p of the unconditional coverage test.", min=0, max=1)
    christoffersen_p = c.number("probability", "p of the independence test.", min=0, max=1)
    conditional_p = c.number("probability", "p of the conditional coverage test.", min=0, max=1)
    es_ratio = c.number("ratio", "Mean loss on breaches / mean forecast ES on them.")


class Trials(dy.Schema):
    """Ledger: every distinct configuration ever evaluated adds itself once."""

    trial_id = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Hash of the configuration."
    )
    configuration = c.text("Strategy, agents, horizon, costs, source, universe and code as JSON.")
    strategy = c.text("Strategy or agent evaluated.")
    horizon = c.count("sessions", "Holding period.", min=1)
