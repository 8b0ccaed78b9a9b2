"""When raw rows became public, and what a vendor would have delivered back then.

The look-ahead proof cuts raw frames with this; the adapter that places facts does not use it, so
that one can be held against the other.
"""

from collections.abc import Callable
from datetime import date

import polars as pl

from stocks_ai_assets.domain.calendar import NEW_YORK, Calendar
from stocks_ai_assets.sources.events import UNDATED_ESG, as_announced
from stocks_ai_assets.sources.layout import (
    EARNINGS,
    ESG,
    MEMBERSHIP,
    PRICES,
    RAW_FILES,
)
from stocks_ai_assets.sources.prices import COLUMNS, as_traded
from stocks_ai_assets.sources.raw import RawFrames, typed
from stocks_ai_assets.sources.raw_file import Usable
from stocks_ai_assets.sources.splits import is_real_split, product_after, split_rows

_SPLITS_SCHEMA = {"symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64}


def is_public(name: str, session: date, calendar: Calendar) -> pl.Expr:
    """Condition on the rows of raw file `name`: public by the close of `session`.

    Rows that a day alone dates are public at its end: those of the session itself are not public
    at its close. Undated rows always are.
    """
    file = RAW_FILES[name]
    day = pl.col(file.public_column) if file.public_column else pl.lit(None, pl.Date)
    if name == ESG.name:
        day = day.fill_null(UNDATED_ESG)
    conditions: dict[Usable, Callable[[], pl.Expr]] = {
        "at_close": lambda: day <= session,
        "next_session": lambda: day < session,
        "instant": lambda: day <= calendar.cutoff(session),
        "announcement": lambda: _announced(day, session),
        "undated": lambda: pl.lit(value=True),
    }
    return conditions[file.usable]()


def public_rows(raw: RawFrames, session: date, calendar: Calendar) -> dict[str, pl.DataFrame]:
    """Raw frames without the rows, and without the cells, that were not public by a close.

    Numbers keep the basis of the download: for prices, dividends, volumes and EPS use
    `as_downloaded`. Columns that the layout does not name are left out: a vendor computes some of
    them from later data.

    Parameters
    ----------
    raw
        Raw frames by stem, of any download.
    session
        Session at whose close they are cut.
    calendar
        Sessions and their cutoffs.

    Returns
    -------
    dict
        Every file of the layout; those that were missing are empty.
    """
    frames = {
        name: frame.filter(is_public(name, session, calendar)).collect()
        for name, frame in _with_esg_day(typed(raw, origin="raw frames")).items()
    }
    # A span of membership shows its later end in the row of its start.
    ended = pl.when(pl.col("end_date") < session).then("end_date")
    frames[MEMBERSHIP.name] = frames[MEMBERSHIP.name].with_columns(ended)
    return frames


def as_downloaded(
    raw: RawFrames,
    session: date,
    calendar: Calendar,
    *,
    later_splits: pl.DataFrame | None = None,
) -> dict[str, pl.DataFrame]:
    """Raw frames as the vendor would have delivered them right after the close of `session`.

    What was not public is cut; prices, dividends, volumes and EPS are adjusted for the splits until
    then only. Prices keep their type (Float32 loses digits, as the vendor's do); volumes are not
    rounded to whole shares.

    Parameters
    ----------
    raw
        Raw frames by stem, of a later download.
    session
        Session after whose close they are downloaded.
    calendar
        Sessions and their cutoffs.
    later_splits
        Further splits after `session`, for which the vendor has adjusted the rows too: `symbol`,
        `ex_date`, `ratio`. For rows of an invented future that are appended to the result.

    Returns
    -------
    dict
        Every file of the layout.
    """
    frames = public_rows(raw, session, calendar)
    splits = split_rows(typed(raw, origin="raw frames")[PRICES.name]).collect()
    known = splits.filter(pl.col("ex_date") <= session)
    further = pl.DataFrame(schema=_SPLITS_SCHEMA) if later_splits is None else later_splits
    basis = pl.concat([known, further.select(*_SPLITS_SCHEMA)])
    frames[PRICES.name] = _adjusted(as_traded(frames[PRICES.name], splits), basis).with_columns(
        pl.col(name).cast(dtype) for name, dtype in _float32(raw[PRICES.name]).items()
    )
    announced = as_announced(
        frames[EARNINGS.name].rename({"reaction_date": "reaction_session"}), splits
    ).rename({"reaction_session": "reaction_date"})
    real = product_after(announced, "reaction_date", known.filter(is_real_split(pl.col("ratio"))))
    frames[EARNINGS.name] = announced.with_columns(
        pl.col("eps_estimate") / real,
        pl.col("reported_eps") / real,
        eps_basis=pl.lit(session),
    )
    return frames


def _adjusted(traded: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Prices as a vendor shows them who knows `splits`: the inverse of `as_traded`."""
    later = product_after(traded, "date", splits)
    return traded.with_columns(
        *(pl.col(name) / later for name in (*COLUMNS, "dividends")),
        volume=pl.col("volume") * later,
    )


def _float32(prices: pl.DataFrame | pl.LazyFrame) -> dict[str, pl.DataType]:
    schema = prices.lazy().collect_schema()
    return {name: schema[name] for name in COLUMNS if schema[name] == pl.Float32}


def _announced(moment: pl.Expr, session: date) -> pl.Expr:
    """The day counts, not the clock time; after the close counts from the next day on."""
    day = moment.dt.convert_time_zone(NEW_YORK.key).dt.date()
    return pl.when(pl.col("session") == "bmo").then(day <= session).otherwise(day < session)


def _with_esg_day(frames: dict[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """Frames in which the undated ESG snapshot carries its day."""
    day = pl.col("available_date").fill_null(UNDATED_ESG)
    return {**frames, ESG.name: frames[ESG.name].with_columns(available_date=day)}
