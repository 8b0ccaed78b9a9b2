"""The source over raw frames in the import format: a folder of files, or a simulated market."""

from collections.abc import Callable, Sequence
from datetime import date
from difflib import get_close_matches
from functools import cached_property

import polars as pl

from stocks_ai_assets.domain.calendar import Calendar
from stocks_ai_assets.errors import SourceError, UnknownSymbolError
from stocks_ai_assets.sources.benchmarks import benchmarks
from stocks_ai_assets.sources.companies import RENAMED, companies, index_members
from stocks_ai_assets.sources.events import analyst_ratings, earnings, esg_ratings
from stocks_ai_assets.sources.filings import company_facts
from stocks_ai_assets.sources.layout import PRICES
from stocks_ai_assets.sources.macro import macro_observations
from stocks_ai_assets.sources.prices import corporate_actions, prices
from stocks_ai_assets.sources.raw import RawFrames, collect, typed
from stocks_ai_assets.sources.reading import Reading
from stocks_ai_assets.sources.splits import split_rows
from stocks_ai_assets.tables import table as table_named
from stocks_ai_assets.tables.columns import SYMBOL_PATTERN

FAMILIES: dict[str, Callable[[Reading], pl.DataFrame]] = {
    "market.prices": prices,
    "market.corporate_actions": corporate_actions,
    "market.benchmarks": benchmarks,
    "market.company_facts": company_facts,
    "market.macro_observations": macro_observations,
    "market.earnings": earnings,
    "market.analyst_ratings": analyst_ratings,
    "market.esg_ratings": esg_ratings,
    "market.companies": companies,
    "market.index_members": index_members,
}
"""What makes the rows of each fact table, with `available_at` but not yet `known_on`."""


class FolderSource:
    """Facts from raw frames, placed at the session on which they became known.

    Parameters
    ----------
    raw
        Raw frames by stem, see `layout.RAW_FILES`.
    calendar
        Sessions and their cutoffs.
    universe
        Symbols in scope; empty: all of the price file. Of the index all members are read.
    name
        Name of the source, for stamps and messages.
    simulated
        Whether the facts are simulated; their rows then say so.

    Raises
    ------
    SourceError
        A required file, column or row is missing, or a column has the wrong type.
    UnknownSymbolError
        The universe has a symbol without prices.
    """

    def __init__(
        self,
        raw: RawFrames,
        calendar: Calendar,
        *,
        universe: Sequence[str] = (),
        name: str = "folder",
        simulated: bool = False,
    ) -> None:
        self.name = name
        self.simulated = simulated
        self._calendar = calendar
        self._raw = typed(raw, origin=name)
        self._began = self._in_scope(universe)

    @property
    def raw(self) -> dict[str, pl.LazyFrame]:
        """Raw frames by stem, in their canonical types."""
        return dict(self._raw)

    def over(self, raw: RawFrames) -> "FolderSource":
        """Return the source over other raw frames: same name, same symbols if they have prices."""
        other = FolderSource(raw, self._calendar, name=self.name, simulated=self.simulated)
        other._began = other._began.filter(pl.col("symbol").is_in(self.symbols()))
        return other

    def symbols(self) -> tuple[str, ...]:
        """Symbols in scope, ascending."""
        return tuple(self._began.get_column("symbol"))

    def last_session(self) -> date:
        """Last session for which there are prices."""
        return self._last_session

    def read(self, table: str, first: date | None, last: date) -> pl.DataFrame:
        """Rows of `table` with `first` <= known_on <= `last`, not yet validated; any order."""
        columns = table_named(table).columns
        reading = Reading(
            raw=self._raw,
            calendar=self._calendar,
            began=self._began,
            splits=self._splits,
            simulated=self.simulated,
            first=first,
            last=last,
        )
        return reading.known(FAMILIES[table](reading)).select(columns)

    @cached_property
    def _splits(self) -> pl.DataFrame:
        return collect(split_rows(self._raw[PRICES.name]), PRICES.name)

    @cached_property
    def _last_session(self) -> date:
        inside = pl.col("date").is_between(self._calendar.sessions[0], self._calendar.sessions[-1])
        days = self._raw[PRICES.name].filter(inside).select(pl.col("date").max())
        newest: date | None = collect(days, PRICES.name).item()
        if newest is None:
            raise SourceError(
                f"{PRICES.name}.parquet of {self.name} has no price between "
                f"{self._calendar.sessions[0]} and {self._calendar.sessions[-1]}. Export it again."
            )
        return self._calendar.previous_or_same(newest)

    def _in_scope(self, universe: Sequence[str]) -> pl.DataFrame:
        """Symbols with prices, ascending, and the day of the first: `symbol`, `began`."""
        usable = pl.col("date").is_not_null() & pl.col("symbol").str.contains(SYMBOL_PATTERN)
        began = self._raw[PRICES.name].filter(usable).group_by("symbol")
        found = collect(began.agg(began=pl.col("date").min()).sort("symbol"), PRICES.name)
        available = found.get_column("symbol").to_list()
        unknown = sorted(set(universe) - set(available))
        if unknown:
            raise UnknownSymbolError(self._message(unknown, available))
        return found.filter(pl.col("symbol").is_in(universe)) if universe else found

    def _message(self, unknown: Sequence[str], available: Sequence[str]) -> str:
        names = " ".join(f"{symbol}{_near(symbol, available)}" for symbol in unknown)
        return (
            f"Source `{self.name}` has no prices of: {names}. It has {len(available)} symbols. "
            "Correct STOCKS_AI_UNIVERSE or leave it empty for all of them."
        )


def _near(symbol: str, available: Sequence[str]) -> str:
    later = RENAMED.filter(pl.col("symbol") == symbol).get_column("new").to_list()
    near = [s for s in later if s in available] + get_close_matches(symbol, available, 3, 0.5)
    return f" (did you mean {', '.join(dict.fromkeys(near))}?)" if near else ""
