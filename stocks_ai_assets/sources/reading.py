"""What every family of facts needs to turn raw rows into rows of a fact table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from stocks_ai_assets.domain.calendar import NEW_YORK, Calendar
from stocks_ai_assets.sources.layout import RawFile
from stocks_ai_assets.sources.raw import collect
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
    symbols
        Symbols in scope, ascending.
    splits
        Every split of the price file: `symbol`, `ex_date`, `ratio`.
    simulated
        Whether the facts are simulated.
    first, last
        Sessions asked for, by known_on; `first` None: from the beginning.
    """

    raw: Mapping[str, pl.LazyFrame]
    calendar: Calendar
    symbols: tuple[str, ...]
    splits: pl.DataFrame
    simulated: bool
    first: date | None
    last: date

    def near(self, day: str) -> pl.Expr:
        """Condition that holds for every row that can be known from `first` to `last`.

        A row is known on the session of its day or on the next one. Rows without a day belong to
        the beginning.
        """
        until = pl.col(day) <= self.last
        if self.first is None or self.first == self.calendar.sessions[0]:
            return until.fill_null(value=True)
        return until & (pl.col(day) >= self.calendar.offset(self.first, -1))

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


def end_of_day(day: str) -> pl.Expr:
    """End of a calendar day in New York, as UTC: when a fact with a date alone became public."""
    midnight = pl.col(day).cast(pl.Datetime("us")).dt.offset_by("1d")
    return midnight.dt.replace_time_zone(NEW_YORK.key).dt.convert_time_zone("UTC")


def newest_of_session(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Of several publications that become known in one session, keep the last.

    Rows with the same `available_at` are all kept: the intake decides about those.
    """
    newest = pl.col("available_at").max().over([*key, "known_on"])
    return frame.filter((pl.col("available_at") == newest) | pl.col("available_at").is_null())
