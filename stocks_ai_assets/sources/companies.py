"""Who the companies are: issuer, name and sector as published, membership of the index."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from stocks_ai_assets.sources.layout import CONSTITUENTS, INSTRUMENTS, MEMBERSHIP, PRICES
from stocks_ai_assets.sources.reading import Reading, end_of_day, newest_of_session

SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Telecommunication Services",
    "Utilities",
)
"""GICS sectors; Telecommunication Services until the revision of 2018-09-28."""

SPELLINGS = {"Telecommunications Services": "Telecommunication Services"}

RENAMED = pl.DataFrame(
    [
        ("GOOG", date(2014, 4, 3), "GOOGL"),
        ("PCLN", date(2018, 2, 27), "BKNG"),
        ("PX", date(2018, 10, 31), "LIN"),
        ("UTX", date(2020, 4, 3), "RTX"),
        ("FB", date(2022, 6, 9), "META"),
    ],
    schema={"symbol": pl.String, "until": pl.Date, "new": pl.String},
    orient="row",
)
"""Tickers that price files show under a later name, with the first day of that name.

Public record. GOOG was the class A share until class C took the ticker.
"""

INDEX = "sp500"

CIK_DIGITS = 10
"""Form in which the SEC writes the number of an issuer."""


def companies(reading: Reading) -> pl.DataFrame:
    """Rows of market.companies: identity from the first price on, name and sector as published.

    The identity alone (no name, no sector) is known at a symbol's first price. Lists are usable
    from the session after their day; those before the first price describe another company that
    had the ticker. Leaving the index changes nothing: the last sector published stands. Of two
    lists that become known in one session the last counts.
    """
    issuers = _issuers(reading)
    rows = reading.known(pl.concat([_identity(reading, issuers), _published(reading, issuers)]))
    return newest_of_session(rows, ["symbol"]).drop("known_on")


def index_members(reading: Reading) -> pl.DataFrame:
    """Rows of market.index_members, usable from the session after they took effect.

    All members ever, also those without prices. A change of ticker is not a change of membership.
    """
    spans = _translated(reading.rows(MEMBERSHIP), "start_date", reading.symbols)
    joined = spans.select("symbol", "source", effective_date="start_date", is_member=True)
    left = spans.filter(pl.col("end_date").is_not_null()).select(
        "symbol", "source", effective_date="end_date", is_member=False
    )
    same_day = ["symbol", "effective_date"]
    return pl.concat(
        [
            joined.join(left, on=same_day, how="anti"),
            left.join(joined, on=same_day, how="anti"),
        ]
    ).select(
        "symbol",
        "effective_date",
        "is_member",
        "source",
        index_name=pl.lit(INDEX),
        available_at=end_of_day("effective_date"),
    )


def _issuers(reading: Reading) -> pl.DataFrame:
    """Symbols in scope: `symbol`, `issuer_id`, day of the first price `began`, its `source`."""
    first = reading.began.with_columns(source=reading.origin(PRICES))
    numbers = reading.rows(INSTRUMENTS).unique("symbol", keep="none").select("symbol", "cik")
    number = pl.col("cik").cast(pl.Int64).cast(pl.String).str.zfill(CIK_DIGITS)
    return first.join(numbers, on="symbol", how="left").select(
        "symbol", "began", "source", issuer_id=pl.coalesce(number, "symbol")
    )


def _identity(reading: Reading, issuers: pl.DataFrame) -> pl.DataFrame:
    missing = pl.lit(None, pl.String)
    return reading.with_close(issuers, "began").select(
        "symbol",
        "issuer_id",
        "available_at",
        "source",
        name=missing,
        sector=missing,
        sub_industry=missing,
    )


def _published(reading: Reading, issuers: pl.DataFrame) -> pl.DataFrame:
    lists = reading.rows(CONSTITUENTS, pl.col("status") == "present")
    return (
        _translated(lists, "snapshot_date", reading.symbols)
        .filter(reading.in_scope())
        .join(issuers.select("symbol", "issuer_id", "began"), on="symbol", how="left")
        .filter((pl.col("snapshot_date") >= pl.col("began")).fill_null(value=True))
        .select(
            "symbol",
            pl.coalesce("issuer_id", "symbol"),
            end_of_day("snapshot_date").alias("available_at"),
            "source",
            _text("name"),
            _text("gics_sector").replace(SPELLINGS).alias("sector"),
            _text("gics_sub_industry").alias("sub_industry"),
        )
    )


def _translated(rows: pl.DataFrame, day: str, symbols: Sequence[str]) -> pl.DataFrame:
    """Rows with `symbol` in the price file's spelling: later tickers, BRK-B for BRK.B."""
    spelled = {s.replace("-", "."): s for s in symbols if "-" in s}
    spelled |= {s.replace(".", "-"): s for s in symbols if "." in s}
    renamed = pl.when(pl.col(day) < pl.col("until")).then("new").otherwise("symbol")
    return (
        rows.join(RENAMED, on="symbol", how="left", maintain_order="left")
        .with_columns(symbol=renamed.replace(spelled))
        .drop("until", "new")
    )


def _text(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().replace("", None)
