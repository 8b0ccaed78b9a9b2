"""Contracts of `agents` and `meta`: models by quarter, predictions and their synthesis."""

import dataframely as dy

from stocks_ai_assets.tables import columns as c


def _prediction_id() -> dy.String:
    return c.text("agent:symbol:prediction_date:horizon; the same for the same prediction.")


def _prediction_date() -> dy.Date:
    return c.day("Session after whose close the prediction is made.", primary_key=True)


class Models(dy.Schema):
    """One fitted model per name, horizon and quarter: the eight agents and `volatility`."""

    model = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Agent, or `volatility`."
    )
    horizon = c.horizon()
    quarter = c.day("First day of the quarter in which the model is used.", primary_key=True)
    fitted_through = c.day("Last matured session used; null: none yet.", nullable=True)
    n_sessions = c.count("sessions", "Matured sessions used.", min=0)
    n_rows = c.count("rows", "Rows used.", min=0)
    parameters = c.mapping("see docs", "Fitted parameters by name.")
    model_version = c.text("Hash of name, horizon, quarter and parameters.")


class Predictions(dy.Schema):
    """One agent's prediction of one symbol's return."""

    prediction_id = _prediction_id()
    agent = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Agent that predicts."
    )
    symbol = c.symbol()
    prediction_date = _prediction_date()
    horizon = c.horizon()
    target_date = c.day("Session at whose open the horizon ends.")
    score = c.number("score", "Opinion relative to the others.", nullable=False, min=-1, max=1)
    predicted_alpha = c.number("fraction", "Agent's own part.", nullable=False)
    predicted_return = c.number(
        "fraction", "Total return over the horizon: market part + alpha.", nullable=False
    )
    volatility = c.number("fraction/session", "Forecast sd.", nullable=False, min_exclusive=0)
    confidence_score = c.number(
        "probability",
        "Calibrated probability that the predicted side of the universe's median is right.",
        nullable=False,
        min=0,
        max=1,
    )
    return_low = c.number("fraction", "Lower end of the 80 % interval.", nullable=False)
    return_high = c.number("fraction", "Upper end of the 80 % interval.", nullable=False)
    key_factors = dy.List(
        dy.Struct(
            {
                "factor": dy.String(),
                "value": dy.Float64(nullable=True),
                "contribution": dy.Float64(),
            }
        ),
        nullable=False,
        metadata={"unit": "fraction"},
        description="Reasons; contributions add up to predicted_return.",
    )
    model_version = c.text("Version of the model used.")


class SupervisorModels(dy.Schema):
    """Weights of the agents and calibration of the synthesis, one row per horizon and quarter."""

    horizon = c.horizon()
    quarter = c.day("First day of the quarter in which the model is used.", primary_key=True)
    fitted_through = c.day("Last matured session used; null: none yet.", nullable=True)
    n_sessions = c.count("sessions", "Matured sessions used.", min=0)
    n_rows = c.count("rows", "Rows used.", min=0)
    weights = c.mapping("fraction", "Weight by voting agent; they sum to 1.")
    shadow_weights = c.mapping("fraction", "Fixed-share weights, reported, never used.")
    parameters = c.mapping("see docs", "Calibration of the synthesis by name.")
    model_version = c.text("Hash of horizon, quarter, weights and parameters.")


class SynthesizedPredictions(dy.Schema):
    """The supervisor's synthesis of all agents for one symbol."""

    prediction_id = _prediction_id()
    symbol = c.symbol()
    prediction_date = _prediction_date()
    horizon = c.horizon()
    target_date = c.day("Session at whose open the horizon ends.")
    score = c.number("score", "Weighted opinion, ranked.", nullable=False, min=-1, max=1)
    equal_weight_score = c.number(
        "score", "The same with weight 1/A each, always beside it.", nullable=False, min=-1, max=1
    )
    predicted_alpha = c.number("fraction", "Part beyond the market.", nullable=False)
    predicted_return = c.number(
        "fraction", "Total return over the horizon: market part + alpha.", nullable=False
    )
    volatility = c.number("fraction/session", "Forecast sd.", nullable=False, min_exclusive=0)
    confidence_score = c.number(
        "probability",
        "Calibrated probability that the predicted side of the universe's median is right.",
        nullable=False,
        min=0,
        max=1,
    )
    return_low = c.number("fraction", "Lower end of the 80 % interval.", nullable=False)
    return_high = c.number("fraction", "Upper end of the 80 % interval.", nullable=False)
    agent_contributions = c.mapping(
        "fraction", "Contribution by agent; with `market` they add up to predicted_return."
    )
    disagreement = c.number("score", "Sd of the voting agents' scores.", nullable=False, min=0)
    n_agents = c.count("agents", "Voting agents present.", min=1)
    investment_hypothesis = c.text("The view in one sentence.")
    reasoning_chain = c.texts("Steps from agents to view.")
    key_insights = c.texts("What stands out.")
    risk_factors = c.texts("What could make it wrong.")
    model_version = c.text("Version of the supervisor model used.")
