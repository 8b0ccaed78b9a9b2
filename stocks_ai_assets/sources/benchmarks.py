"""The market's total returns, from the prices of a fund that are adjusted for dividends.

Such a price changes with every later dividend, its returns do not; so only returns are facts.
"""

import polars as pl

from stocks_ai_assets.sources.layout import BENCHMARKS
from stocks_ai_assets.sources.reading import Reading

MARKET_FUND = "SPY"
"""SPDR S&P 500 ETF: the longest-lived fund of the whole market of large companies."""

RETURN_DECIMALS = 10
"""Hides the last bits that a rescaled price file changes; a vendor who rounds prices to six
decimals still moves returns by about 1e-8 from download to download."""


def benchmarks(reading: Reading) -> pl.DataFrame:
    """Rows of market.benchmarks, known at the close of their session.

    A session whose predecessor has no price has no return (null, so the intake sets it aside); the
    first price of the file has none either and makes no row.
    """
    calendar = reading.calendar.frame
    positions = calendar.select(date="known_on", position="position")
    fund = reading.rows(BENCHMARKS, pl.col("symbol") == MARKET_FUND).join(
        positions, on="date", how="left"
    )
    before = fund.filter(pl.col("position").is_not_null()).unique("position", keep="first")
    before = before.select(pl.col("position") + 1, close_before="close", open_before="open")
    later = (pl.col("date") > pl.col("date").min()).fill_null(value=True)
    rows = fund.filter(later).join(before, on="position", how="left")
    return reading.with_close(rows, "date").select(
        "available_at",
        "source",
        benchmark=pl.lit("market"),
        session="date",
        close_return=_total_return("close"),
        open_return=_total_return("open"),
    )


def _total_return(price: str) -> pl.Expr:
    return (pl.col(price) / pl.col(f"{price}_before") - 1.0).round(RETURN_DECIMALS)
