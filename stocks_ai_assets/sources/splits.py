"""Splits: which are real, and the product of those after a day, to undo a vendor's adjustment."""

from datetime import date

import polars as pl

TOLERANCE = 1e-4
"""Relative; vendors write 1/3 as 0.333333 and 4/3 as 1.3333."""

MAX_DENOMINATOR = 3

SPIN_OFF_DIVIDEND = 0.10
"""Share of the price above which a dividend beside a fractional ratio is the spin-off again."""

NO_BASIS = date(9999, 1, 1)

PUBLIC_RECORD = pl.DataFrame(
    {"symbol": ["NFLX"], "ex_date": [date(2025, 11, 17)], "ratio": [10.0]},
    schema={"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64},
)
"""Splits that vendors' EPS may be adjusted for although a price file ends before them.

NFLX ten-for-one, trading split-adjusted from 2025-11-17 (company's announcement of 2025-10-30).
"""


def is_real_split(ratio: pl.Expr) -> pl.Expr:
    """Whether a ratio changes the number of shares: p/q or q/p with whole p and q <= 3, p > q.

    Spin-offs and mergers are coded as other ratios; they change the price alone.
    """
    larger = pl.max_horizontal(ratio, 1.0 / ratio)
    near = [
        ((larger * q).round() - larger * q).abs() <= TOLERANCE * larger * q
        for q in range(1, MAX_DENOMINATOR + 1)
    ]
    return pl.any_horizontal(near) & (larger > 1.0 + TOLERANCE)


def shares_ratio(ratio: pl.Expr) -> pl.Expr:
    """Change of the number of shares: the ratio of a real split, else 1."""
    return pl.when(is_real_split(ratio)).then(ratio).otherwise(1.0)


def split_rows(prices: pl.LazyFrame) -> pl.LazyFrame:
    """Splits of a price file: `symbol`, `ex_date`, `ratio`; one row per symbol and day.

    Ratios that are not positive and finite are not splits but bad data; the intake sets them aside.
    """
    ratio = pl.col("stock_splits")
    return (
        prices.filter(ratio.is_not_null(), ratio != 0.0, ratio != 1.0)
        .filter(ratio > 0.0, ratio.is_finite())
        .select("symbol", ex_date="date", ratio="stock_splits")
        .sort("symbol", "ex_date", "ratio")
        .unique(["symbol", "ex_date"], keep="first", maintain_order=True)
    )


def real_splits(splits: pl.DataFrame) -> pl.DataFrame:
    """Real splits of the price file and of the public record; columns as `split_rows`."""
    recorded = PUBLIC_RECORD.join(splits, on=["symbol", "ex_date"], how="anti")
    return pl.concat([splits, recorded]).filter(is_real_split(pl.col("ratio")))


def product_after(frame: pl.DataFrame, day: str, splits: pl.DataFrame) -> pl.Series:
    """Product of the splits of a row's symbol with an ex-date after `day`; 1 where there is none.

    Parameters
    ----------
    frame
        Any rows with `symbol` and the date column `day`.
    splits
        `symbol`, `ex_date`, `ratio`, one row per symbol and day.
    """
    if splits.is_empty():
        return pl.repeat(1.0, frame.height, eager=True)
    products = (
        splits.sort("ex_date", descending=True)
        .select("symbol", "ex_date", product=pl.col("ratio").cum_prod().over("symbol"))
        .sort("ex_date")
    )
    return (
        frame.select("symbol", day)
        .with_row_index("_row")
        .sort(day)
        .join_asof(
            products,
            left_on=day,
            right_on="ex_date",
            by="symbol",
            strategy="forward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .sort("_row")
        .get_column("product")
        .fill_null(1.0)
    )
