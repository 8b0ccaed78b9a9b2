"""Macro: more or less beta, by what the economy says about the market's next month."""

import numpy as np

from stocks_ai_assets.domain.agents.agent import Agent, Component, Evidence, Opinion
from stocks_ai_assets.domain.cross_section import mean_of
from stocks_ai_assets.domain.panel import Floats

PREDICTORS = (
    "term_spread",
    "credit_spread",
    "high_yield_spread",
    "variance_premium",
    "yield_change",
    "industrial_production",
    "unemployment_change",
    "inflation",
    "claims",
)


def market_forecasts(values: dict[str, Floats], parameters: dict[str, Floats]) -> dict[str, Floats]:
    """Forecast of the market's return over the horizon by each predictor alone, never negative.

    Parameters
    ----------
    values
        Predictors by name, any shape whose last axis is the session; NaN: not known.
    parameters
        `intercept.<name>` and `slope.<name>` at each session; NaN or absent: not fitted.

    Returns
    -------
    dict
        Fractions of the shape of `values`, NaN where predictor or parameters are missing.

    Notes
    -----
    A negative expected return of the market contradicts any theory of risk, so a forecast stops
    at 0 (Campbell & Thompson 2008).
    """
    forecasts = {}
    for name, value in values.items():
        intercept, slope = parameters.get(f"intercept.{name}"), parameters.get(f"slope.{name}")
        if intercept is None or slope is None:
            forecasts[name] = np.full(value.shape, np.nan)
        else:
            forecasts[name] = np.maximum(intercept + slope * value, 0.0)
    return forecasts


def score(evidence: Evidence) -> Opinion:
    """Rank of beta, times how unusual the mean of the forecasts is.

    rank11(beta) * clip((forecast - historical mean) / its rms over 756 sessions, -1, 1); silent
    without a fitted model.
    """
    section, signals, fitted = evidence.section, evidence.signals, evidence.parameters
    beta_rank = section.rank11(evidence.exposure.beta)
    forecasts = market_forecasts(dict(signals), dict(fitted))
    mean, scale = fitted.get("market_mean"), fitted.get("forecast_rms")
    if mean is None or scale is None:
        nothing = section.empty
        return Opinion(
            score=nothing,
            components=tuple(
                Component(name=name, value=signals[name], opinion=nothing) for name in PREDICTORS
            ),
        )
    scale = np.where(scale > 0.0, scale, np.nan)
    view = (mean_of([forecasts[name] for name in PREDICTORS], at_least=1) - mean) / scale
    return Opinion(
        score=beta_rank * np.clip(view, -1.0, 1.0),
        components=tuple(
            Component(
                name=name,
                value=signals[name],
                opinion=beta_rank * np.clip((forecasts[name] - mean) / scale, -1.0, 1.0),
            )
            for name in PREDICTORS
        ),
    )


AGENT = Agent(
    name="macro",
    title="Market timing by macroeconomic predictors, through beta",
    score=score,
    table="signals.macro",
    columns=PREDICTORS,
    label="raw",
    times_market=True,
    sources="Rapach, Strauss & Zhou 2010; Campbell & Thompson 2008",
)
