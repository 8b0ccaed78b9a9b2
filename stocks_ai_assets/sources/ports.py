"""What the assets need from a source of facts.

An empty frame means that the source has none. A failure raises `SourceError`: to a backtest,
silence and "no signal" look the same.
"""

from datetime import date
from typing import Protocol

import polars as pl

FACT_TABLES = (
    "market.prices",
    "market.corporate_actions",
    "market.benchmarks",
    "market.company_facts",
    "market.macro_observations",
    "market.earnings",
    "market.analyst_ratings",
    "market.esg_ratings",
    "market.companies",
    "market.index_members",
)


class Source(Protocol):
    """Facts by table, placed at the session on which they became known."""

    @property
    def name(self) -> str:
        """Short name, for stamps and messages."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether the facts are simulated."""
        ...

    def symbols(self) -> tuple[str, ...]:
        """Symbols the source has, ascending."""
        ...

    def last_session(self) -> date:
        """Last session for which the source has prices."""
        ...

    def read(self, table: str, first: date | None, last: date) -> pl.DataFrame:
        """Rows of fact table `table` with `first` <= known_on <= `last`, not yet validated.

        `first` None: from the beginning. Columns are those of the table's contract; values may
        break it (intake quarantines such rows).
        """
        ...
