"""One version of one table: its files, and reading rows from them. Never changes once made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import unquote

import polars as pl

from stocks_ai_assets.lake.layout import YEAR, has_years, stored_schema
from stocks_ai_assets.tables.spec import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """Files of one version.

    Parameters
    ----------
    table
        The table.
    version
        Delta version.
    files
        One row a file: `path`, `slice`, `first`, `last` (partitions in it; null: not known), and
        `rows`, their number.
    """

    table: Table
    version: int
    files: pl.DataFrame

    def read(
        self,
        *,
        first: date | None,
        last: date | None,
        slices: Sequence[str] | None,
        columns: Sequence[str],
    ) -> pl.DataFrame:
        """Return the rows of a range and some slices, sorted by the table's key."""
        table = self.table
        needed = list(dict.fromkeys([*columns, *table.key, *filter(None, [table.partition])]))
        # Keys begin with the slice: sorted slice by slice, the whole is sorted.
        parts = [
            self._scan(slice_, paths, first, last).select(needed).sort(table.key)
            for slice_, paths in self._groups(first, last, slices)
        ]
        if not parts:
            schema = stored_schema(table)
            return pl.DataFrame(schema={name: schema[name] for name in columns})
        return pl.concat(parts).select(columns).collect()

    def n_rows(self, first: date | None, last: date | None, slices: Sequence[str] | None) -> int:
        """Return the number of rows of the files that may hold the range."""
        return int(self._files(first, last, slices).get_column("rows").sum())

    def _groups(
        self, first: date | None, last: date | None, slices: Sequence[str] | None
    ) -> list[tuple[str | None, list[str]]]:
        """Return the files that may hold such rows by slice, slices ascending."""
        files = self._files(first, last, slices).sort("slice", maintain_order=True)
        grouped = files.group_by("slice", maintain_order=True).agg("path")
        return [(value, paths) for value, paths in grouped.iter_rows()]

    def _files(
        self, first: date | None, last: date | None, slices: Sequence[str] | None
    ) -> pl.DataFrame:
        files = self.files
        if first:
            files = files.filter(pl.col("last").is_null() | (pl.col("last") >= first))
        if last:
            files = files.filter(pl.col("first").is_null() | (pl.col("first") <= last))
        if slices is not None:
            files = files.filter(pl.col("slice").is_in(list(slices)))
        return files

    def _scan(
        self, slice_: str | None, paths: list[str], first: date | None, last: date | None
    ) -> pl.LazyFrame:
        table, schema = self.table, stored_schema(self.table)
        in_files = {n: t for n, t in schema.items() if n not in {YEAR, table.slice}}
        rows = pl.scan_parquet(
            paths,
            schema=in_files,
            hive_partitioning=False,
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
        )
        if table.slice:
            # Partition values are in the log, not in the files.
            rows = rows.with_columns(pl.lit(slice_, dtype=pl.String).alias(table.slice))
        if first:
            rows = rows.filter(pl.col(table.partition) >= first)
        if last:
            rows = rows.filter(pl.col(table.partition) <= last)
        return rows


def snapshot_of(handle: Any, table: Table, location: str) -> Snapshot:
    """Return the files of the version at which `handle`, a `deltalake.DeltaTable`, stands."""
    actions = pl.DataFrame(handle.get_add_actions(flatten=True))

    def column(name: str, dtype: Any) -> pl.Expr:
        known = name in actions.columns
        return pl.col(name).cast(dtype) if known else pl.lit(None, dtype=dtype)

    partition = table.partition
    year = column(f"partition.{YEAR}", pl.Int32)
    start = pl.date(year, 1, 1) if has_years(table) else pl.lit(None, dtype=pl.Date)
    end = pl.date(year, 12, 31) if has_years(table) else pl.lit(None, dtype=pl.Date)
    files = actions.select(
        # The log holds paths in the spelling of URLs.
        path=pl.Series(
            [f"{location}/{unquote(path)}" for path in actions["path"]], dtype=pl.String
        ),
        slice=column(f"partition.{table.slice}", pl.String),
        first=pl.coalesce(column(f"min.{partition}", pl.Date), start),
        last=pl.coalesce(column(f"max.{partition}", pl.Date), end),
        rows=column("num_records", pl.Int64),
    ).sort("path")
    return Snapshot(table=table, version=handle.version(), files=files)
