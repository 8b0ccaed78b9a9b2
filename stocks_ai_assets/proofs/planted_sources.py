"""Sources that tell a fact too early, each made from a right one: leaks in what comes in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.sources.ports import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class LeakySource:
    """A source with one table replaced.

    Parameters
    ----------
    honest
        Source that tells each fact when it became known.
    table
        Table that is told too early.
    rewrite
        From all rows of that table to the wrong ones.
    """

    honest: Source
    table: str
    rewrite: Callable[[pl.DataFrame], pl.DataFrame]

    @property
    def name(self) -> str:
        """Name of the honest source."""
        return self.honest.name

    @property
    def simulated(self) -> bool:
        """Whether the facts are simulated."""
        return self.honest.simulated

    def symbols(self) -> tuple[str, ...]:
        """Symbols of the honest source."""
        return self.honest.symbols()

    def last_session(self) -> date:
        """Last session of the honest source."""
        return self.honest.last_session()

    def read(self, table: str, first: date | None, last: date) -> pl.DataFrame:
        """Rows of `table`; those of the leaky one as if they had become known earlier."""
        if table != self.table:
            return self.honest.read(table, first, last)
        # Everything the source has, later facts too: that is the leak.
        wrong = self.rewrite(self.honest.read(table, None, self.last_session()))
        after = pl.col("known_on") >= first if first else pl.lit(value=True)
        return wrong.filter(after & (pl.col("known_on") <= last))


def filing_at_period_end(source: Source) -> Source:
    """Filings that are known on the last day of their period instead of the day they were filed."""

    def rewrite(facts: pl.DataFrame) -> pl.DataFrame:
        sessions = nyse().frame.select(early="known_on", moment="cutoff")
        placed = (
            facts.with_row_index("_row")
            .sort("period_end")
            .join_asof(sessions, left_on="period_end", right_on="early", strategy="forward")
            .sort("_row")
        )
        return _moved(placed, pl.col("early") < pl.col("known_on"), facts.columns)

    return LeakySource(honest=source, table="market.company_facts", rewrite=rewrite)


def earnings_one_session_early(source: Source) -> Source:
    """Earnings that are known one session before they were announced."""

    def rewrite(earnings: pl.DataFrame) -> pl.DataFrame:
        sessions = nyse().frame.select(
            "known_on", early=pl.col("known_on").shift(1), moment=pl.col("cutoff").shift(1)
        )
        placed = earnings.join(sessions, on="known_on", how="left", maintain_order="left")
        return _moved(placed, pl.col("early").is_not_null(), earnings.columns)

    return LeakySource(honest=source, table="market.earnings", rewrite=rewrite)


def back_filled_esg(source: Source) -> Source:
    """ESG ratings of the end of the data for the whole past, as a current snapshot gives them."""

    def rewrite(ratings: pl.DataFrame) -> pl.DataFrame:
        newest = ratings.sort("symbol", "known_on").unique("symbol", keep="last")
        placed = newest.with_columns(early=nyse().sessions[0], moment=nyse().closes[0])
        return _moved(placed, pl.lit(value=True), ratings.columns)

    return LeakySource(honest=source, table="market.esg_ratings", rewrite=rewrite)


def todays_sectors(source: Source) -> Source:
    """Companies in the sector they are in at the end of the data."""
    return _newest_value(source, "market.companies", ["symbol"], ["sector", "sub_industry"])


def latest_revised_macro(source: Source) -> Source:
    """Macroeconomic series as revised until the end of the data."""
    key = ["series_id", "observation_date"]
    return _newest_value(source, "market.macro_observations", key, ["value"])


def correction_under_its_old_date(source: Source) -> Source:
    """Restated figures under the date of the filing they correct."""
    key = ["symbol", "item", "unit", "period_start", "period_end"]
    return _newest_value(source, "market.company_facts", key, ["value"])


def _moved(placed: pl.DataFrame, where: pl.Expr, columns: list[str]) -> pl.DataFrame:
    """Rows with `early` and `moment` as their publication where `where` holds."""
    return placed.with_columns(
        known_on=pl.when(where).then("early").otherwise("known_on"),
        available_at=pl.when(where).then("moment").otherwise("available_at"),
    ).select(columns)


def _newest_value(source: Source, table: str, key: list[str], values: list[str]) -> Source:
    """A source whose every version of a fact has the values of the last one."""

    def rewrite(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.col(values).last().over(key, order_by="known_on"))

    return LeakySource(honest=source, table=table, rewrite=rewrite)
