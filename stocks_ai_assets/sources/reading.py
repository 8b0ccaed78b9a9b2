"""What every family of facts needs to turn raw rows into rows of a fact table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from stocks_ai_assets.domain.calendar import NEW_YORK, Calendar
from stocks_ai_assets.sources.raw import collect
from stocks_ai_assets.sources.raw_file import RawFile
from stocks_ai_assets.tables.columns import SYMBOL_PATTERN

SIMULATED = "SIMULATED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Raw frames, and which part of them is asked for.

    Parameters
    ----------
    raw
        Typed lazy frames by stem.
    calendar
        Sessions and their cutoffs.
    began
        Symbols in scope, ascending, and the day of their first price `began`.
    splits
        Every split of the price file: `symbol`, `ex_date`, `ratio`.
    simulated
        Whether the facts are simulated.
    first, last
        Sessions asked for, by known_on; `first` None: from the beginning.
    """

    raw: Mapping[str, pl.LazyFrame]
    calendar: Calendar
    began: pl.DataFrame
    splits: pl.DataFrame
    simulated: bool
    first: date | None
    last: date

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in scope, ascending."""
        return tuple(self.began.get_column("symbol"))

    def near(self, day: str) -> pl.Expr:
        """Condition that holds for every row that can be known from `first` to `last`.

        A row is known on the session of its day or on the next one. Rows without a day belong to
        the beginning.
        """
        until = pl.col(day) <= self.last
        if self.first is None or self.first <= self.calendar.sessions[0]:
            return until.fill_null(value=True)
        return until & (pl.col(day) >= self._session_before(self.first))

    def _session_before(self, day: date) -> date:
        return self.calendar.previous_or_same(day - timedelta(days=1))

    def near_or_new(self, day: str) -> pl.Expr:
        """As `near`, and everything before of symbols whose first price may be in the range."""
        new = self.began.filter(self.near("began")).get_column("symbol").to_list()
        return self.near(day) | (pl.col("symbol").is_in(new) & (pl.col(day) <= self.last))

    def in_scope(self) -> pl.Expr:
        """Condition on `symbol`: in scope, or no symbol at all (the intake sets these aside)."""
        symbol = pl.col("symbol")
        malformed = symbol.is_null() | ~symbol.str.contains(SYMBOL_PATTERN)
        return symbol.is_in(self.symbols) | malformed

    def rows(self, file: RawFile, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows of a raw file that hold the conditions, `source` filled in."""
        origin = self.origin(file)
        if "source" in file.columns and not self.simulated:
            origin = pl.coalesce("source", origin)
        frame = self.raw[file.name].filter(*conditions).with_columns(source=origin)
        return collect(frame, file.name)

    def origin(self, file: RawFile) -> pl.Expr:
        """What `source` says where the rows of a file do not say it themselves."""
        return pl.lit(SIMULATED if self.simulated else file.name)

    def with_close(self, frame: pl.DataFrame, day: str) -> pl.DataFrame:
        """Add `available_at`: the close of `day`, or its end where it is not a session."""
        cutoffs = self.calendar.frame.select(pl.col("known_on").alias(day), "cutoff")
        return (
            frame.join(cutoffs, on=day, how="left", maintain_order="left")
            .with_columns(available_at=pl.coalesce("cutoff", end_of_day(day)))
            .drop("cutoff")
        )

    def taken_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Move `available_at` of facts from before a symbol's first price to the close of that day.

        Who follows the market takes a company up with its first price. That a symbol will be in
        the price file one day is not known before, nor whose ticker it was till then.
        """
        start = self.with_close(self.began, "began").select("symbol", start="available_at")
        moved = pl.max_horizontal("available_at", "start")
        return (
            frame.join(start, on="symbol", how="left", maintain_order="left")
            .with_columns(available_at=pl.when(pl.col("available_at").is_not_null()).then(moved))
            .drop("start")
        )

    def known(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `known_on` to rows with `available_at` and keep those asked for.

        Rows without a date cannot be placed; they go to the calendar's first session, where the
        intake sets them aside. Rows that become public after the calendar's end are not known yet.
        """
        moments = self.calendar.known_on_frame(frame.select("available_at").unique())
        first = self.calendar.sessions[0]
        undated = pl.col("available_at").is_null()
        known_on = pl.when(undated).then(pl.lit(first)).otherwise("known_on")
        after = pl.lit(value=True) if self.first is None else pl.col("known_on") >= self.first
        return (
            frame.join(moments, on="available_at", how="left", nulls_equal=True)
            .with_columns(known_on=known_on)
            .filter(after & (pl.col("known_on") <= self.last))
        )


def new_york_day(moment: str) -> pl.Expr:
    """Calendar day in New York of a moment in UTC."""
    return pl.col(moment).dt.convert_time_zone(NEW_YORK.key).dt.date()


def end_of_day(day: str) -> pl.Expr:
    """End of a calendar day in New York, as UTC: when a fact with a date alone became public."""
    midnight = pl.col(day).cast(pl.Datetime("us")).dt.offset_by("1d")
    return midnight.dt.replace_time_zone(NEW_YORK.key).dt.convert_time_zone("UTC")


def newest_of_session(
    frame: pl.DataFrame, key: list[str], *, by: str = "available_at"
) -> pl.DataFrame:
    """Of several publications that become known in one session, keep the last in the order `by`.

    Rows that are equal in it are all kept: the intake decides about those.
    """
    newest = pl.col(by).max().over([*key, "known_on"])
    return frame.filter((pl.col(by) == newest) | pl.col(by).is_null())
