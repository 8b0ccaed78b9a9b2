"""Macroeconomic observations by vintage.

A file of latest values may serve series that are never revised; everything else needs vintages.
"""

import polars as pl

from stocks_ai_assets.sources.layout import (
    MACRO_ALFRED,
    MACRO_FREDMD,
    MACRO_GDP,
    MACRO_LATEST,
)
from stocks_ai_assets.sources.raw_file import RawFile
from stocks_ai_assets.sources.reading import Reading, end_of_day, newest_of_session

NEVER_REVISED = (
    "BAA10Y",
    "BAMLH0A0HYM2",
    "DFEDTARL",
    "DFEDTARU",
    "DGS10",
    "DGS2",
    "DGS3MO",
    "T10Y2Y",
    "T10Y3M",
    "T10YIE",
    "T5YIE",
    "VIXCLS",
)
"""Daily market rates and indices, final when published (a day later at the latest)."""

VINTAGES = (MACRO_FREDMD, MACRO_GDP, MACRO_ALFRED)


def macro_observations(reading: Reading) -> pl.DataFrame:
    """Rows of market.macro_observations, one per change of a value.

    Known on the session after the day of publication; for series that are never revised this is
    the day observed. Of two vintages that become known in one session the last counts.
    """
    latest = _rows(reading, MACRO_LATEST, pl.col("series_id").is_in(NEVER_REVISED))
    vintages = [_rows(reading, file) for file in VINTAGES]
    rows = reading.known(pl.concat([latest, *vintages]))
    return newest_of_session(rows, ["series_id", "observation_date"]).drop("known_on")


def _rows(reading: Reading, file: RawFile, *conditions: pl.Expr) -> pl.DataFrame:
    published = file.public_column
    return reading.rows(file, reading.near(published), *conditions).select(
        "series_id",
        "source",
        observation_date="date",
        value=pl.col("value").fill_nan(None),
        available_at=end_of_day(published),
    )
