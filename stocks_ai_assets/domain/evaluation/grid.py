"""Predictions and outcomes as symbols x sessions, from the first session to a quarter's eve."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.panel import Flags, Floats, Panel
from stocks_ai_assets.domain.transform import Frames, Window, first_session_of

SUPERVISOR = "supervisor"
EQUAL_WEIGHT = "equal_weight"


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """What came of the predictions of each session.

    Parameters
    ----------
    panel
        Symbols, and sessions from the first to the eve of the window's last quarter.
    total_return
        Symbols x prediction dates; NaN: not matured or unknown.
    market_return
        By prediction date; NaN: not matured or unknown.
    matured
        Symbols x prediction dates: whether there is an outcome.
    """

    panel: Panel
    total_return: Floats
    market_return: Floats
    matured: Flags

    @classmethod
    def of(cls, outcomes: pl.DataFrame, panel: Panel) -> "Grid":
        """Place symbol, prediction_date, total_return and market_return of evaluation.outcomes."""
        at = panel.places(outcomes, "prediction_date")
        market = panel.values(at, outcomes.get_column("market_return"))
        return cls(
            panel=panel,
            total_return=panel.values(at, outcomes.get_column("total_return")),
            # The same for all symbols of a session, so any present one will do.
            market_return=np.fmax.reduce(market, axis=0, initial=np.nan),
            matured=panel.present(at),
        )


def evaluated_sessions(window: Window) -> tuple[date, ...]:
    """Sessions from the first one to the eve of the window's last quarter; may be none."""
    first = window.calendar.position(window.parameters.first_session)
    return window.calendar.sessions[first : first + sessions_before(window.last, window)]


def sessions_before(quarter: date, window: Window) -> int:
    """Sessions from the first one to the eve of the quarter."""
    calendar, parameters = window.calendar, window.parameters
    end = calendar.position(first_session_of(quarter, window))
    return max(end - calendar.position(parameters.first_session), 0)


def matured_before(quarter: date, window: Window) -> int:
    """Prediction dates that matured strictly before the quarter's first session."""
    return max(sessions_before(quarter, window) - window.parameters.horizon - 1, 0)


def predictions_by_agent(
    frames: Frames, *, equal_weight: bool = False
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Predictions of each agent in alphabetical order, then the supervisor's.

    Parameters
    ----------
    frames
        `predictions` and `synthesized`.
    equal_weight
        Add the plain mean of the agents, which has a score and no probability.
    """
    predictions = frames["predictions"]
    for agent in predictions.get_column("agent").unique().sort():
        # One at a time: the predictions of all agents are the largest thing in memory.
        yield agent, predictions.filter(pl.col("agent") == agent).drop("agent")
    synthesized = frames["synthesized"]
    if synthesized.is_empty():
        return
    yield SUPERVISOR, synthesized
    if equal_weight:
        yield EQUAL_WEIGHT, synthesized.with_columns(score="equal_weight_score")
