"""Two lakes until one session: equal hashes, or where they first differ, bit by bit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from stocks_ai_assets.domain.calendar import quarter_start
from stocks_ai_assets.lake import Fingerprint, Lake, content_hash
from stocks_ai_assets.lake.difference import difference, equal_bits
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.spec import Table

ROW = "row"
"""Stands for the column where one side has no such row."""

SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The first value that differs, in the order of partition and key.

    Parameters
    ----------
    partition
        Its partition; None for a table written whole.
    key
        Key columns of the row with their values.
    column
        Column that differs; `row` when one side has no such row.
    baseline, other
        Both values as text; `absent` for a missing row.
    """

    partition: date | None
    key: Mapping[str, object]
    column: str
    baseline: str
    other: str

    def __str__(self) -> str:
        """In one line."""
        key = ", ".join(f"{name} {value}" for name, value in self.key.items())
        return f"{key}: {self.column} {self.baseline}, then {self.other}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TableComparison:
    """One table of two lakes.

    Parameters
    ----------
    baseline, other
        What the rows are until the session compared.
    difference
        Where they first differ; None when they are equal.
    """

    baseline: Fingerprint
    other: Fingerprint
    difference: Difference | None

    @property
    def table(self) -> str:
        """Name of the table."""
        return self.baseline.table

    @property
    def equal(self) -> bool:
        """Whether every row is the same, in every bit."""
        return self.baseline == self.other


def compare(baseline: Lake, other: Lake, until: date | None = None) -> Iterator[TableComparison]:
    """Compare every table of two lakes for partitions until `until`, in the order of the data flow.

    Parameters
    ----------
    baseline, other
        Lakes.
    until
        Session; of tables by quarter, quarters that start on or before it count. None: all.

    Yields
    ------
    TableComparison
        One for each table that either lake has.
    """
    written = {*baseline.tables(), *other.tables()}
    for name in (name for name in TABLES if name in written):
        table, last = TABLES[name], _last(TABLES[name], until)
        prints = [_fingerprint(lake, name, last) for lake in (baseline, other)]
        found = None
        if prints[0] != prints[1]:
            frames = [_read(lake, table, last) for lake in (baseline, other)]
            found = first_difference(table, *frames)
        yield TableComparison(baseline=prints[0], other=prints[1], difference=found)


def _last(table: Table, until: date | None) -> date | None:
    if until is None or table.partitioned_by == "none":
        return None
    return quarter_start(until) if table.partitioned_by == "quarter" else until


def _fingerprint(lake: Lake, name: str, last: date | None) -> Fingerprint:
    if lake.version(name) is None:
        nothing = pl.DataFrame(schema=TABLES[name].schema)
        return Fingerprint(table=name, rows=0, content_hash=content_hash(nothing, name))
    return lake.fingerprint(name, None, last)


def _read(lake: Lake, table: Table, last: date | None) -> pl.DataFrame:
    if lake.version(table.name) is None:
        return pl.DataFrame(schema=table.schema)
    return lake.read(table.name, None, last)


def first_difference(table: Table, baseline: pl.DataFrame, other: pl.DataFrame) -> Difference:
    """Return where two frames of `table` that are not equal first differ."""
    changes = difference(baseline, other, table)
    order = list(dict.fromkeys([*filter(None, [table.partition]), *table.key]))
    row = pl.concat([changes.deleted, changes.upserted]).select(order).sort(order).head(1)
    left, right = (
        frame.join(row, on=order, how="semi", nulls_equal=True) for frame in (baseline, other)
    )
    column = _column(table, left, right)
    return Difference(
        partition=row.item(0, table.partition) if table.partition else None,
        key={name: row.item(0, name) for name in table.key},
        column=column,
        baseline=_shown(left, column),
        other=_shown(right, column),
    )


def _column(table: Table, left: pl.DataFrame, right: pl.DataFrame) -> str:
    if left.is_empty() or right.is_empty():
        return ROW
    return next(
        name
        for name in table.columns
        if not equal_bits(left.get_column(name), right.get_column(name)).all()
    )


def _shown(frame: pl.DataFrame, column: str) -> str:
    if frame.is_empty():
        return "absent"
    text = "present" if column == ROW else str(frame.to_dicts()[0][column])
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
