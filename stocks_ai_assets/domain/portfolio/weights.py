"""Target weights from synthesized scores: quintiles of each session, held in staggered cohorts.

Capital is split into `horizon` equal parts; each session's cohort uses one for `horizon` sessions.
Turnover is that of one rebalancing a horizon without the luck of its date.
"""

import numpy as np
import polars as pl

from stocks_ai_assets.domain.panel import Floats, Integers, Panel, filled, ties
from stocks_ai_assets.domain.transform import Frames, Input, Parameters, Transform, Window
from stocks_ai_assets.tables import TABLES

QUINTILE = 5
STRATEGIES = ("long_only", "long_short", "equal_agents")
"""Strategies that follow a score; each is a trial of the deflated Sharpe ratio."""


def quintiles(scores: Floats) -> tuple[Floats, Floats]:
    """Weights of the top and of the bottom fifth of each session, each summing to 1.

    Parameters
    ----------
    scores
        Symbols x sessions; NaN: not scored.

    Returns
    -------
    tuple
        Top and bottom weights, 0 outside; n // 5 names each, none below five names. Names tied
        across the border share what is left of the fifth, so no order among equals is invented.
    """
    return fifths(*ties(scores))


def fifths(below: Integers, equal: Integers, count: Integers) -> tuple[Floats, Floats]:
    """Do the same from ranks: names below and equal (0: not scored), names scored a session."""
    size = count // QUINTILE
    share = np.maximum(equal, 1) * np.maximum(size, 1)
    # A name that is not scored has equal == 0 and gets nothing.
    top: Floats = np.clip(size - (count - below - equal), 0, equal) / share
    bottom: Floats = np.clip(size - below, 0, equal) / share
    return top, bottom


def stagger(cohorts: Floats, horizon: int) -> Floats:
    """Mean of the cohorts of the last `horizon` sessions; those before the first are cash.

    Parameters
    ----------
    cohorts
        Symbols x sessions, weights chosen at each session.
    horizon
        Sessions for which a cohort is held.

    Returns
    -------
    Floats
        Symbols x sessions, weights to hold from the next open.
    """
    n = cohorts.shape[1]
    padded = np.concatenate([np.zeros((len(cohorts), horizon - 1)), cohorts], axis=1)
    weights = np.zeros(cohorts.shape)
    for lag in range(horizon):
        weights += padded[:, lag : lag + n]
    return weights / horizon


def target_weights(frames: Frames, window: Window) -> pl.DataFrame:
    """Weights decided at the close of each session of the window.

    Parameters
    ----------
    frames
        `synthesized`: symbol, prediction_date, score, equal_weight_score, with horizon - 1
        sessions before the window.
    window
        Sessions to decide.

    Returns
    -------
    pl.DataFrame
        Content of portfolio.target_weights; no row where the weight is 0. `long_only`: the top
        fifth with the whole capital; `long_short`: the same less the bottom fifth (capital once
        long, once short, the margin in cash); `equal_agents`: long_short on the plain mean of
        the agents.
    """
    synthesized, horizon = frames["synthesized"], window.parameters.horizon
    start = max(window.calendar.position(window.first) - horizon + 1, 0)
    sessions = window.calendar.between(window.calendar.sessions[start], window.last)
    panel = Panel(synthesized.get_column("symbol"), sessions)
    at = panel.places(synthesized, "prediction_date")
    scores = panel.values(at, synthesized.get_column("score"))
    plain = panel.values(at, synthesized.get_column("equal_weight_score"))
    top, bottom = quintiles(scores)
    plain_top, plain_bottom = quintiles(plain)
    cohorts = (top, top - bottom, plain_top - plain_bottom)
    weights = np.stack([stagger(cohort, horizon) for cohort in cohorts])
    wanted = panel.sessions.is_in(list(window.partitions)).to_numpy()
    strategy, row, column = np.nonzero((weights != 0.0) & wanted)
    return pl.DataFrame(
        {
            "strategy": pl.Series(STRATEGIES, dtype=pl.String).gather(strategy),
            "symbol": panel.symbols.gather(row),
            "session": panel.sessions.gather(column),
            "horizon": np.full(len(row), horizon),
            "weight": weights[strategy, row, column],
        },
        schema=TABLES["portfolio.target_weights"].schema,
    )


def transform(parameters: Parameters) -> Transform:
    """Declaration of `portfolio/target_weights`."""
    return Transform(
        name="portfolio/target_weights",
        table="portfolio.target_weights",
        inputs={
            "synthesized": Input(
                table="meta.synthesized_predictions",
                lookback=parameters.horizon - 1,
                columns=("symbol", "prediction_date", "score", "equal_weight_score"),
            )
        },
        by="session",
        function=target_weights,
        description=(
            "Weights to hold from the next open: top fifth, top less bottom fifth, and the same "
            "for the plain mean of the agents, as the mean of the last horizon sessions' cohorts."
        ),
    )


def weight_panels(weights: pl.DataFrame, panel: Panel) -> dict[str, Floats]:
    """Target weights of each strategy as symbols x sessions, 0 where there is no row."""
    panels = {}
    for strategy in STRATEGIES:
        rows = weights.filter(pl.col("strategy") == strategy)
        panels[strategy] = filled(panel.values(panel.places(rows), rows.get_column("weight")))
    return panels
