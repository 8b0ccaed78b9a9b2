"""The last earnings announcement of a symbol: what surprised, and how the price took it.

How long an announcement matters is the agent's call.
"""

import numpy as np
import polars as pl

from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.signals.as_known import known_at
from stocks_ai_assets.domain.signals.splits import COLUMNS as ACTION_COLUMNS
from stocks_ai_assets.domain.signals.splits import real_splits, split_factor
from stocks_ai_assets.domain.transform import ALL, Frames, Input, Parameters, Transform, Window

HISTORY = 8
"""Announcements before the last one whose surprises set its scale."""

MIN_HISTORY = 4
"""Surprises without which there is no scale."""

LIMIT = 5.0
"""Standard deviations beyond which more says nothing."""

MIN_DEVIATION = 1e-9
"""USD/share. Less is rounding: surprises that never differed have no scale."""

MEMORY = 63
"""Sessions for which the reaction is kept: from then on it is null."""


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature for all signals
    """Declare signals.events."""
    return Transform(
        name="signals/events",
        table="signals.events",
        inputs={
            "technical": Input(
                table="signals.technical",
                lookback=MEMORY,
                columns=("symbol", "session", "total_return", "volatility_63"),
            ),
            "sector": Input(
                table="signals.sector",
                lookback=MEMORY - 1,
                columns=("symbol", "session", "sector_return"),
            ),
            "earnings": Input(
                table="market.earnings",
                lookback=ALL,
                columns=(
                    "symbol",
                    "reaction_session",
                    "eps_estimate",
                    "eps_reported",
                    "known_on",
                ),
            ),
            "corporate_actions": Input(
                table="market.corporate_actions", lookback=ALL, columns=ACTION_COLUMNS
            ),
        },
        by="symbol",
        function=events,
        description=(
            "Newest earnings announcement known at each session, its surprise in units of the "
            "company's own surprises before, and the sector-relative return of the session that "
            "could first react to it."
        ),
    )


def events(frames: Frames, window: Window) -> pl.DataFrame:
    """Rows of signals.events for the window's sessions.

    An announcement counts from its reaction session on, if it is known by then. The reaction is
    measured in the volatility at the close before it, so that it does not scale itself; it is
    null from the 63rd session after it on.
    """
    sessions = window.only(frames["technical"], "session").select("symbol", "session")
    surprises = _surprises(frames["earnings"], frames["corporate_actions"], window)
    positions = window.calendar.frame.select("position", session="known_on")
    reacted = positions.rename({"session": "reaction_session", "position": "reacted"})
    since = pl.col("position") - pl.col("reacted")
    return (
        known_at(sessions, surprises, by=["symbol"])
        .join(positions, on="session", how="left")
        .join(reacted, on="reaction_session", how="left")
        .join(_reactions(frames, positions), on=["symbol", "reaction_session"], how="left")
        .select(
            "symbol",
            "session",
            "reaction_session",
            sessions_since=since,
            standardized_surprise="standardized_surprise",
            reaction=pl.when(since < MEMORY).then("reaction"),
        )
    )


def _reactions(frames: Frames, positions: pl.DataFrame) -> pl.DataFrame:
    """Sector-relative return of every session in units of the volatility before it."""
    technical = frames["technical"].join(positions, on="session")
    before = technical.select("symbol", pl.col("position") + 1, volatility=pl.col("volatility_63"))
    excess = pl.col("total_return") - pl.col("sector_return")
    return (
        technical.join(frames["sector"], on=["symbol", "session"])
        .join(before, on=["symbol", "position"])
        .select(
            "symbol",
            reaction_session="session",
            reaction=pl.when(pl.col("volatility") > 0.0).then(
                (excess / pl.col("volatility")).clip(-LIMIT, LIMIT)
            ),
        )
    )


def _surprises(earnings: pl.DataFrame, actions: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Newest announcement at the sessions on which one, or a split, becomes known or corrected.

    Columns `symbol`, `known_on`, `reaction_session` and `standardized_surprise`: the surprise over
    the standard deviation of the 8 before it (at least 4), which are carried over the real splits
    since, so that all are per share of the same kind. Surprises are positive three times in four;
    only a company's own past tells how large one is.
    """
    usable = pl.max_horizontal("known_on", "reaction_session")
    known = earnings.with_columns(usable=usable).filter(pl.col("usable") <= window.last)
    splits = real_splits(actions).select("symbol", usable=pl.max_horizontal("known_on", "ex_date"))
    points = (
        pl.concat(
            [known.select("symbol", "usable"), splits.filter(pl.col("usable") <= window.last)]
        )
        .select("symbol", session=pl.max_horizontal("usable", pl.lit(window.first)))
        .unique()
        .sort("symbol", "session")
        .with_row_index("point")
    )
    announced = (
        points.join(known, on="symbol")
        .filter(pl.col("usable") <= pl.col("session"))
        .sort("point", "reaction_session", "known_on", descending=[False, True, True])
        .unique(["point", "reaction_session"], keep="first", maintain_order=True)
        .with_columns(
            back=pl.int_range(pl.len()).over("point"),
            newest=pl.col("reaction_session").first().over("point"),
            surprise=pl.col("eps_reported") - pl.col("eps_estimate"),
        )
        .filter(pl.col("back") <= HISTORY)
    )
    spans = announced.select("symbol", after="reaction_session", until="newest", known_by="session")
    comparable = (announced.get_column("surprise") / split_factor(spans, actions)).to_numpy()
    surprises = np.full((points.height, HISTORY + 1), np.nan)
    row, back = (announced.get_column(name).to_numpy() for name in ("point", "back"))
    surprises[row, back] = comparable
    newest = announced.filter(pl.col("back") == 0).select("point", "reaction_session")
    return points.join(newest, on="point", how="left", maintain_order="left").select(
        "symbol",
        "reaction_session",
        known_on="session",
        standardized_surprise=pl.Series(_standardized(surprises)).fill_nan(None),
    )


def _standardized(surprises: Floats) -> Floats:
    """First column over the standard deviation (n - 1) of the others; NaN: unknown.

    Columns are added one after the other, so a row's bits depend on the row alone.
    """
    present = ~np.isnan(surprises[:, 1:])
    values = np.where(present, surprises[:, 1:], 0.0)
    count = present.sum(axis=1)
    total, squares = np.zeros(len(values)), np.zeros(len(values))
    for column in values.T:
        total += column
    mean = total / np.maximum(count, 1)
    for column, known in zip(values.T, present.T, strict=True):
        squares += np.where(known, (column - mean) ** 2, 0.0)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    enough = (count >= MIN_HISTORY) & (deviation > MIN_DEVIATION)
    scaled = surprises[:, 0] / np.where(enough, deviation, np.nan)
    return np.clip(scaled, -LIMIT, LIMIT)
