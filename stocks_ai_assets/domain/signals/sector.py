"""Sector signals: the sector as published at the time, and what its members did together.

Sectors come from what was known at the session, never from today's list: a reclassification (the
split of Information Technology and Telecommunication on 2018-09-28) counts from its day on.
"""

import numpy as np
import polars as pl

from stocks_ai_assets.domain.panel import Integers
from stocks_ai_assets.domain.signals.as_known import known_at
from stocks_ai_assets.domain.transform import (
    ALL,
    Frames,
    Input,
    Parameters,
    Transform,
    Window,
)
from stocks_ai_assets.tables import TABLES

UNKNOWN = "Unknown"
"""Sector of a symbol before anything was published about it."""

TECHNICAL_COLUMNS = ("symbol", "session", "total_return", "momentum_126_21")
COMPANY_COLUMNS = ("symbol", "issuer_id", "sector", "known_on")


def sector(frames: Frames, window: Window) -> pl.DataFrame:
    """Sector of every symbol with a price, and the means of the sector's members.

    Parameters
    ----------
    frames
        `technical` of the window's sessions, `companies` from the beginning.
    window
        Sessions to produce.

    Returns
    -------
    pl.DataFrame
        Content of signals.sector. A publication without a sector is a hole: the sector published
        before it stands. Symbols without any are `Unknown`; that is no sector, so its return and
        momentum are null. A symbol without an issuer stands for itself.

    Notes
    -----
    Means are taken over the members that have a value, added in alphabetical order of symbols.
    """
    rows = window.only(frames["technical"], "session").sort("symbol", "session")
    companies = frames["companies"]
    published = companies.filter(pl.col("sector").is_not_null())
    members = known_at(
        known_at(
            rows.select(TECHNICAL_COLUMNS),
            published.select("symbol", "sector", "known_on"),
            ["symbol"],
        ).drop("known_on"),
        companies.select("symbol", "issuer_id", "known_on"),
        ["symbol"],
    ).with_columns(
        pl.col("sector").fill_null(UNKNOWN), pl.col("issuer_id").fill_null(pl.col("symbol"))
    )
    cell = _cells(members, window)
    known = pl.col("sector") != UNKNOWN
    return (
        members.with_columns(
            pl.Series("n_members", np.bincount(cell)[cell], dtype=pl.Int32),
            _mean(cell, members.get_column("total_return")).alias("sector_return"),
            _mean(cell, members.get_column("momentum_126_21")).alias("sector_momentum_126_21"),
        )
        .with_columns(pl.when(known).then(pl.col("sector_return", "sector_momentum_126_21")))
        .select(TABLES["signals.sector"].columns)
    )


def _cells(members: pl.DataFrame, window: Window) -> Integers:
    """Number of each row's sector and session."""
    day = (pl.col("session") - pl.lit(window.first)).dt.total_days()
    days = (window.last - window.first).days + 1
    cell = (pl.col("sector").rank("dense").cast(pl.Int64) - 1) * days + day
    return members.select(cell).to_series().to_numpy()


def _mean(cell: Integers, values: pl.Series) -> pl.Series:
    """Mean over the rows of each row's cell that have a value, added in the order of the rows."""
    present = values.is_not_null().to_numpy()
    sums = np.bincount(cell, weights=values.fill_null(0.0).to_numpy())
    count = np.bincount(cell, weights=present)
    mean = sums / np.maximum(count, 1.0)
    return pl.Series(np.where(count > 0, mean, np.nan)[cell]).fill_nan(None)


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature
    """Declaration of `signals/sector`."""
    return Transform(
        name="signals/sector",
        table="signals.sector",
        inputs={
            "technical": Input(table="signals.technical", columns=TECHNICAL_COLUMNS),
            "companies": Input(table="market.companies", lookback=ALL, columns=COMPANY_COLUMNS),
        },
        by="session",
        function=sector,
        description=(
            "Sector and issuer of every symbol as published by the session, and the mean return "
            "and momentum of the sector's members."
        ),
    )
