"""What a write replaces or a read returns: a range of partitions, of all or some slices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from stocks_ai_assets.errors import ContractError
from stocks_ai_assets.lake.layout import YEAR, has_years
from stocks_ai_assets.tables.spec import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A range of partitions of one slice.

    Parameters
    ----------
    table
        The table.
    first, last
        Partitions, both inclusive; None: without bound.
    slice
        Value of the table's slice column; None for tables without one.
    """

    table: Table
    first: date | None
    last: date | None
    slice: str | None

    def __post_init__(self) -> None:
        """Refuse what cannot be a place in this table."""
        if (self.slice is None) != (self.table.slice is None):
            wanted = f"one `{self.table.slice}`" if self.table.slice else "no slice"
            raise ContractError(f"{self.table.name} is written with {wanted}; got {self.slice!r}.")
        if (self.first or self.last) and not self.table.partition:
            raise ContractError(f"{self.table.name} has no partitions: it is written whole.")
        if self.first and self.last and self.first > self.last:
            raise ContractError(
                f"{self.table.name}: the range {self.first}..{self.last} ends before it starts."
            )

    def __str__(self) -> str:
        name = f"{self.table.name} of {self.slice}" if self.slice else self.table.name
        if self.first is None and self.last is None:
            return name
        return f"{name} for {self.first or 'the beginning'}..{self.last or 'the end'}"

    def narrowed(self, changed: Sequence[date]) -> "Target":
        """Return the smallest range that holds the `changed` partitions (ascending)."""
        return replace(self, first=changed[0], last=changed[-1]) if changed else self

    def contains(self) -> pl.Expr:
        """Whether a row lies in the range and the slice."""
        conditions = [pl.lit(value=True)]
        if self.table.slice:
            conditions.append(pl.col(self.table.slice) == self.slice)
        if self.first:
            conditions.append(pl.col(self.table.partition) >= self.first)
        if self.last:
            conditions.append(pl.col(self.table.partition) <= self.last)
        return pl.all_horizontal(conditions)

    def predicate(self, prefix: str = "") -> str | None:
        """Return the same in SQL, with literals that let Delta prune files and tell writers apart.

        None when it holds for the whole table.
        """
        table, conditions = self.table, []
        if self.first:
            conditions.append(f"{prefix}{table.partition} >= '{self.first}'")
        if self.last:
            conditions.append(f"{prefix}{table.partition} < '{self.last + timedelta(days=1)}'")
        if has_years(table) and self.first:
            conditions.append(f"{prefix}{YEAR} >= {self.first.year}")
        if has_years(table) and self.last:
            conditions.append(f"{prefix}{YEAR} <= {self.last.year}")
        if table.slice:
            quoted = str(self.slice).replace("'", "''")
            conditions.append(f"{prefix}{table.slice} = '{quoted}'")
        return " AND ".join(conditions) or None
