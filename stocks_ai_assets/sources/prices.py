"""Prices and corporate actions as traded, from a price file that is adjusted for its splits.

The vendor divides every earlier price by each split; a later download shows other numbers for the
same day. Undoing that with the later splits gives what was traded, whichever download it was.
"""

import polars as pl

from stocks_ai_assets.sources.layout import PRICES
from stocks_ai_assets.sources.reading import Reading
from stocks_ai_assets.sources.splits import (
    SPIN_OFF_DIVIDEND,
    is_real_split,
    product_after,
    shares_ratio,
)

PRICE_DECIMALS = 3
"""Measured on 464k rows of Float32: 99.7 % of highs and lows and 99.99 % of opens and closes are
whole cents, the rest half cents or finer; undoing splits errs by up to 0.0002 USD at 5,000 USD. A
grid of 0.001 keeps the half cents and hides the error up to 8,000 USD."""

DIVIDEND_DECIMALS = 4
"""Vendors keep six decimals of the adjusted dividend; undoing a 28-for-one errs by 0.000014 USD."""

COLUMNS = ("open", "high", "low", "close")


def as_traded(raw: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Undo the adjustment for splits after each row's day.

    Parameters
    ----------
    raw
        `symbol`, `date`, the price columns, `volume` and `dividends` of a price file.
    splits
        Every split of that file, see `split_rows`.

    Returns
    -------
    pl.DataFrame
        The same rows: USD and shares as traded on the day. Rounded to fixed decimals, so that the
        result does not depend on which later splits the file knew.
    """
    later = product_after(raw, "date", splits)
    return raw.with_columns(
        *((pl.col(name) * later).round(PRICE_DECIMALS) for name in COLUMNS),
        volume=(pl.col("volume") / later).round(0),
        dividends=(pl.col("dividends") * later).round(DIVIDEND_DECIMALS),
    )


def prices(reading: Reading) -> pl.DataFrame:
    """Rows of market.prices, known at the close of their session."""
    raw = reading.rows(PRICES, reading.near("date"), reading.in_scope())
    return reading.with_close(as_traded(raw, reading.splits), "date").rename({"date": "session"})


def corporate_actions(reading: Reading) -> pl.DataFrame:
    """Rows of market.corporate_actions, known (at the latest) at the close of the ex-date.

    A spin-off that the vendor has as a split ratio and as a dividend too is counted once: the
    dividend is dropped where the ratio is not a real split and the dividend exceeds a tenth of
    the price.
    """
    ratio = pl.col("stock_splits")
    has_dividend = pl.col("dividends").fill_null(0.0) != 0.0
    has_split = ratio.fill_null(0.0).is_in([0.0, 1.0]).not_()
    raw = reading.rows(
        PRICES, reading.near("date"), reading.in_scope(), has_dividend | has_split
    ).with_columns(stock_splits=pl.when(has_split).then(ratio).otherwise(1.0))
    counted_twice = (
        (ratio != 1.0)
        & ~is_real_split(ratio)
        & (pl.col("dividends") > SPIN_OFF_DIVIDEND * pl.col("close"))
    )
    return reading.with_close(as_traded(raw, reading.splits), "date").select(
        "symbol",
        "available_at",
        "source",
        ex_date="date",
        dividend=pl.when(counted_twice).then(0.0).otherwise(pl.col("dividends").fill_null(0.0)),
        split_ratio=ratio,
        shares_ratio=shares_ratio(ratio),
    )
