"""What a table promises to its readers, beyond the types of its columns."""

from dataclasses import dataclass
from typing import Literal

import dataframely as dy
import polars as pl

PartitionedBy = Literal["session", "quarter", "none"]
Kind = Literal["fact", "computed"]

STAMPS: dict[str, pl.DataType] = {
    "run_id": pl.String(),
    "code_version": pl.String(),
    "input_versions": pl.List(pl.Struct({"key": pl.String(), "value": pl.Int64()})),
    "created_timestamp": pl.Datetime("us", "UTC"),
}
"""Columns the lake adds to every row; they say who wrote it and are not part of its content."""

STAMP_DESCRIPTIONS: dict[str, str] = {
    "run_id": "Run that computed the row (Dagster run id).",
    "code_version": "Version of the package and of the transform that computed the row.",
    "input_versions": "Delta version of every table read, as a map from table to version.",
    "created_timestamp": "When the row was written, UTC.",
}

MAP = "map"
"""Value of a column's `delta` metadata: stored as a Delta map, seen in polars as key-value list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Name, contract and layout of one Delta table.

    Parameters
    ----------
    name
        `schema.table`, without the catalog.
    contract
        dataframely schema of the content columns: types, units, keys, ranges, nullability.
    partition
        Date column by which the table is read and written: for facts `known_on`; empty when the
        table is written whole.
    partitioned_by
        Whether `partition` holds sessions, model quarters, or the table is written whole.
    kind
        `fact`: comes from outside and is quarantined row by row; `computed`: comes from us and
        fails as a whole.
    slice
        Column that separates concurrent writers, or None.
    """

    name: str
    contract: type[dy.Schema]
    partition: str
    partitioned_by: PartitionedBy = "session"
    kind: Kind = "computed"
    slice: str | None = None

    @property
    def key(self) -> list[str]:
        """Columns that identify a row: the canonical sort order starts with them."""
        return self.contract.primary_key()

    @property
    def columns(self) -> list[str]:
        """Content columns in contract order."""
        return self.contract.column_names()

    @property
    def schema(self) -> pl.Schema:
        """Types of the content columns."""
        return pl.Schema({name: c.dtype for name, c in self.contract.columns().items()})

    @property
    def description(self) -> str:
        """First paragraph of the contract's docstring."""
        return " ".join((self.contract.__doc__ or "").split("\n\n")[0].split())
