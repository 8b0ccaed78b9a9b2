"""Wrong transforms, each made from a right one: leaks that cutting and poisoning must find."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from stocks_ai_assets.domain.calendar import next_quarter
from stocks_ai_assets.domain.transform import Frames, Transform, Window
from stocks_ai_assets.tables import TABLES

Function = Callable[[Frames, Window], pl.DataFrame]


def rewritten(transform: Transform, name: str, wrap: Callable[[Function], Function]) -> Transform:
    """Return `transform` with its function wrapped when it is called `name`, else as it is."""
    if transform.name != name:
        return transform
    return replace(transform, function=wrap(transform.function))


def label_shifted_by_one(transform: Transform) -> Transform:
    """Outcomes whose holding period ends one open after they are said to have matured."""

    def wrap(function: Function) -> Function:
        def shifted(frames: Frames, window: Window) -> pl.DataFrame:
            technical = _next_session(frames["technical"], "open_return")
            return function({**frames, "technical": technical}, window)

        return shifted

    return rewritten(transform, "evaluation/outcomes", wrap)


def momentum_off_by_one(transform: Transform) -> Transform:
    """Momentum whose window takes in the return of the session after the prediction."""

    def wrap(function: Function) -> Function:
        def extended(frames: Frames, window: Window) -> pl.DataFrame:
            honest = function(frames, window)
            ahead = _next_session(honest, "total_return").select(
                "symbol", "session", ahead=pl.col("total_return") + 1.0
            )
            momentum = pl.col("momentum_252_21", "momentum_126_21")
            return (
                honest.join(ahead, on=["symbol", "session"], how="left")
                .with_columns((momentum + 1.0) * pl.col("ahead") - 1.0)
                .drop("ahead")
            )

        return extended

    return rewritten(transform, "signals/technical", wrap)


def model_sees_its_own_quarter(transform: Transform) -> Transform:
    """Models fitted on what matured before the quarter after the one they are used in."""

    def wrap(function: Function) -> Function:
        def late(frames: Frames, window: Window) -> pl.DataFrame:
            honest, later = function(frames, window), window.partitions[1:]
            if not later:
                return honest
            fitted = function(frames, replace(window, partitions=later))
            own = {next_quarter(quarter): quarter for quarter in window.partitions}
            moved = fitted.with_columns(pl.col("quarter").replace(own))
            newest = honest.filter(pl.col("quarter") == window.last)
            return pl.concat([moved, newest.select(moved.columns)])

        return late

    if transform.table != "agents.models":
        return transform
    return rewritten(transform, transform.name, wrap)


def calibration_sees_immature_outcomes(transform: Transform) -> Transform:
    """Calibration that takes a prediction for matured on the day after it was made."""

    def wrap(function: Function) -> Function:
        def hasty(frames: Frames, window: Window) -> pl.DataFrame:
            parameters = replace(window.parameters, horizon=0)
            horizon = pl.lit(window.parameters.horizon, dtype=_horizon_type(transform))
            found = function(frames, replace(window, parameters=parameters))
            return found.with_columns(horizon=horizon)

        return hasty

    return rewritten(transform, "evaluation/calibration", wrap)


def _next_session(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Put the value of each symbol's next session in place of its own."""
    ordered = frame.sort("symbol", "session")
    return ordered.with_columns(pl.col(column).shift(-1).over("symbol"))


def _horizon_type(transform: Transform) -> pl.DataType:
    return TABLES[transform.table].schema["horizon"]
