"""Returns of the strategies at the opens at which they could be traded, net of costs.

Timing: weights decided at the close of session s-2 are traded at the open of s-1 and held to the
open of s. The row of session s is that return; it is known at s.
"""

from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.calendar import SESSIONS_PER_YEAR
from stocks_ai_assets.domain.panel import Flags, Floats, Panel, filled, total
from stocks_ai_assets.domain.portfolio.weights import STRATEGIES, weight_panels
from stocks_ai_assets.domain.transform import Frames, Input, Parameters, Transform, Window
from stocks_ai_assets.tables import TABLES

BENCHMARKS = ("market", "equal_weight")
"""Strategies shown beside the others; they follow no score."""

REACH = 3
"""The trade at the open of s-1 starts from what weights of s-3 had drifted to."""

BASIS_POINT = 1e-4


def strategy_returns(
    weights: Floats, returns: Floats, parameters: Parameters
) -> tuple[Floats, Floats, Floats]:
    """Gross return, cost and turnover of holding target weights from the next open.

    Parameters
    ----------
    weights
        Symbols x sessions: decided at the session's close, fractions of capital; 0: none.
    returns
        Symbols x sessions: open_return, previous open to this open, a fraction; 0 where a symbol
        has none (it is held as cash).
    parameters
        Costs.

    Returns
    -------
    tuple
        One value per session from the fourth (index 3) on: gross return and cost as fractions of
        capital, traded value (purchases and sales together) as a fraction of capital.

    Notes
    -----
    Trading costs `cost_bp` of traded value and is charged at the trade; a short position costs
    `borrow_bp / 252` of its value a session. Cash earns nothing.
    """
    held, before = weights[:, 1:-2], weights[:, :-3]
    gross = total(held * returns[:, 3:])
    growth = 1.0 + total(before * returns[:, 2:-1])
    drifted = before * (1.0 + returns[:, 2:-1]) / growth
    turnover = total(np.abs(held - drifted))
    short = total(np.maximum(-held, 0.0))
    borrowing = parameters.borrow_bp * BASIS_POINT / SESSIONS_PER_YEAR * short
    return gross, parameters.cost_bp * BASIS_POINT * turnover + borrowing, turnover


def equal_weights(present: Flags) -> Floats:
    """The same weight for every symbol with a price in the session, summing to 1."""
    weights: Floats = np.where(present, 1.0, 0.0) / np.maximum(present.sum(axis=0), 1)
    return weights


def portfolio_returns(frames: Frames, window: Window) -> pl.DataFrame:
    """Returns of all strategies in the window's sessions.

    Parameters
    ----------
    frames
        `target_weights`; `technical` (symbol, session, open_return), both with 3 sessions before
        the window; `benchmarks`.
    window
        Sessions at whose open the returns end.

    Returns
    -------
    pl.DataFrame
        Content of portfolio.returns, from the third session on (decide, enter, return). A session
        without weights is spent in cash: its return is 0. `equal_weight` holds every symbol with
        a price, rebalanced every session at the same costs; `market` is the benchmark's return as
        first published, without costs, and has no row when that was not known at the session.
    """
    parameters, calendar = window.parameters, window.calendar
    origin = calendar.position(parameters.first_session)
    partitions = [s for s in window.partitions if calendar.position(s) >= origin + 2]
    if not partitions:
        return pl.DataFrame(schema=TABLES["portfolio.returns"].schema)
    start = calendar.position(partitions[0]) - REACH
    sessions = calendar.sessions[max(start, 0) : calendar.position(partitions[-1]) + 1]
    technical = frames["technical"].filter(pl.col("session") >= parameters.first_session)
    panel = Panel(
        pl.concat([technical.get_column("symbol"), frames["target_weights"].get_column("symbol")]),
        sessions,
    )
    at = panel.places(technical)
    returns = filled(panel.values(at, technical.get_column("open_return")))
    weights = weight_panels(frames["target_weights"], panel)
    weights["equal_weight"] = equal_weights(panel.present(at))
    result = [_market(frames["benchmarks"], partitions[0], parameters, window)]
    for strategy in (*STRATEGIES, "equal_weight"):
        gross, cost, turnover = strategy_returns(weights[strategy], returns, parameters)
        held = weights[strategy][:, 1:-2]
        result.append(
            pl.DataFrame(
                {
                    "strategy": [strategy] * len(gross),
                    "session": panel.sessions[REACH:],
                    "horizon": [parameters.horizon] * len(gross),
                    "gross_return": gross,
                    "cost": cost,
                    "net_return": gross - cost,
                    "turnover": turnover,
                    "n_long": (held > 0.0).sum(axis=0),
                    "n_short": (held < 0.0).sum(axis=0),
                },
                schema=TABLES["portfolio.returns"].schema,
            )
        )
    return pl.concat(result).filter(pl.col("session").is_in(partitions))


def _market(
    benchmarks: pl.DataFrame, first: date, parameters: Parameters, window: Window
) -> pl.DataFrame:
    published = (
        (pl.col("benchmark") == "market")
        & (pl.col("known_on") == pl.col("session"))
        & pl.col("session").is_between(first, window.last)
    )
    schema = TABLES["portfolio.returns"].schema
    return benchmarks.filter(published).select(
        pl.lit("market").alias("strategy"),
        "session",
        pl.lit(parameters.horizon, dtype=schema["horizon"]).alias("horizon"),
        pl.col("open_return").alias("gross_return"),
        pl.lit(0.0).alias("cost"),
        pl.col("open_return").alias("net_return"),
        pl.lit(0.0).alias("turnover"),
        pl.lit(1, dtype=schema["n_long"]).alias("n_long"),
        pl.lit(0, dtype=schema["n_short"]).alias("n_short"),
    )


def transform(parameters: Parameters) -> Transform:
    """Declaration of `portfolio/returns`."""
    del parameters
    return Transform(
        name="portfolio/returns",
        table="portfolio.returns",
        inputs={
            "target_weights": Input(table="portfolio.target_weights", lookback=REACH),
            "technical": Input(
                table="signals.technical",
                lookback=REACH,
                columns=("symbol", "session", "open_return"),
            ),
            "benchmarks": Input(
                table="market.benchmarks",
                columns=("benchmark", "session", "open_return", "known_on"),
            ),
        },
        by="session",
        function=portfolio_returns,
        description=(
            "Return of each strategy from the previous open to this one, after trading and "
            "borrowing costs, with the market and an equal-weighted portfolio beside them."
        ),
    )
