"""Rows spread over Spark's workers, compared with what is stored and committed without a driver.

The comparison runs quarter by quarter in the workers with the lake's own functions; what comes back
is one line a quarter. So content hash, stamps and coverage are those of the local lake.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from stocks_ai_assets.engines.spark.arrow import arrow_schema, frame_of, spark_schema, table_of
from stocks_ai_assets.engines.spark.commits import commit
from stocks_ai_assets.engines.spark.failures import spark_failures
from stocks_ai_assets.engines.spark.stored import Names, stored_rows
from stocks_ai_assets.errors import ContractError
from stocks_ai_assets.lake import Lake, Stamps, Written
from stocks_ai_assets.lake.content import Block, blocks_of, combined_hash
from stocks_ai_assets.lake.difference import Difference, difference
from stocks_ai_assets.lake.handles import Handle
from stocks_ai_assets.lake.replacing import Comparison
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.lake.writing import DELETED
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables import table as table_named

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

QUARTER = "_quarter"

_REPORT = (
    "start date, rows long, digest string, stored long, changed array<date>, unchanged array<date>"
)


class SparkRows:
    """Rows of one table in Spark.

    Parameters
    ----------
    session
        Spark.
    rows
        Content columns of the contract, conforming block by block.
    names
        By what names tables are written.
    """

    def __init__(self, session: "SparkSession", rows: "DataFrame", names: Names) -> None:
        self._session = session
        self._rows = rows
        self._names = names

    def write(
        self,
        lake: Lake,
        table: str,
        *,
        first: date | None,
        last: date | None,
        slice: str | None,  # noqa: A002  # as `Lake.write` has it
        stamps: Stamps,
    ) -> Written:
        """Replace partitions of one slice, as `Lake.write` does."""
        target = Target(table=table_named(table), first=first, last=last, slice=slice)
        if not target.table.partition:
            raise ContractError(f"{table} has no partitions: it is written from one process.")
        with spark_failures(str(target)), _kept(self._rows) as rows:
            content = SparkContent(self._session, lake, rows, self._names)
            return lake.replace(target, content, stamps)


class SparkContent:
    """Rows to be written, as the lake compares and commits them."""

    def __init__(
        self, session: "SparkSession", lake: Lake, rows: "DataFrame", names: Names
    ) -> None:
        self._session = session
        self._lake = lake
        self._rows = rows
        self._names = names

    def compared(self, handle: Handle, version: int, target: Target) -> Comparison:
        """Compare with what is stored at `version`, quarter by quarter in the workers."""
        report = (
            self._side_by_side(version, target)
            .applyInArrow(_compare(handle.table.name), _REPORT)
            .collect()
        )
        blocks = [Block(row.start, row.rows, row.digest) for row in report if row.rows]
        changed = sorted(day for row in report for day in row.changed)
        unchanged = sorted(day for row in report for day in row.unchanged)
        nothing = pl.DataFrame(schema=target.table.schema)
        found = Difference(
            upserted=nothing,
            deleted=nothing,
            changed=tuple(changed),
            unchanged=tuple(unchanged),
            n_stored=sum(row.stored for row in report),
        )
        return Comparison(
            rows=sum(block.rows for block in blocks),
            digest=combined_hash(blocks),
            difference=found if changed else None,
        )

    def commit(
        self,
        handle: Handle,
        delta: Any,  # noqa: ARG002  # Spark opens the table by itself
        compared: int,
        found: Difference,
        target: Target,
        stamps: Stamps,
    ) -> int:
        """Make one commit on top of the newest version and return its version."""
        merged = target.narrowed(found.changed)
        schema = f"{_ddl(target.table.name)}, {DELETED} boolean"
        marked = self._side_by_side(compared, merged).applyInArrow(
            _differing(target.table.name), schema
        )
        return commit(
            self._session,
            self._lake,
            handle,
            compared,
            rows=self._rows,
            marked=marked if found.n_stored else None,
            target=merged,
            stamps=stamps,
            names=self._names,
        )

    def _side_by_side(self, version: int, target: Target) -> Any:
        """Return new and stored rows of the range, grouped by quarter."""
        from pyspark.sql import functions as f

        table = target.table
        stored = stored_rows(
            self._session,
            self._lake,
            table,
            version,
            first=target.first,
            last=target.last,
            slices=[target.slice] if target.slice else None,
            columns=tuple(table.columns),
            names=self._names,
        )
        new = self._rows
        if target.first:
            new = new.where(f.col(table.partition) >= f.lit(target.first))
        if target.last:
            new = new.where(f.col(table.partition) <= f.lit(target.last))
        quarter = f.trunc(f.col(table.partition), "quarter")
        return (
            new.withColumn(QUARTER, quarter)
            .groupBy(QUARTER)
            .cogroup(stored.withColumn(QUARTER, quarter).groupBy(QUARTER))
        )


def _frames(table: str, new: Any, stored: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    contract = TABLES[table]
    return (
        frame_of(new, table, contract.columns).sort(contract.key),
        frame_of(stored, table, contract.columns).sort(contract.key),
    )


def _compare(table: str) -> Callable[[Any, Any], Any]:
    def compare(new: Any, stored: Any) -> Any:
        import pyarrow as pa

        rows, old = _frames(table, new, stored)
        partition = TABLES[table].partition
        (block,) = blocks_of(rows, table) or [Block(_quarter(old, partition), 0, "")]
        same = blocks_of(old, table) == [block]
        days = rows.get_column(partition).unique().sort().to_list()
        found = None if same else difference(old, rows, TABLES[table])
        report = {
            "start": [block.start],
            "rows": [block.rows],
            "digest": [block.digest],
            "stored": [old.height],
            "changed": [list(found.changed) if found else []],
            "unchanged": [list(found.unchanged) if found else days],
        }
        kinds = [pa.date32(), pa.int64(), pa.string(), pa.int64()]
        kinds += [pa.list_(pa.date32())] * 2
        return pa.table(report, schema=pa.schema(list(zip(report, kinds, strict=True))))

    return compare


def _quarter(rows: pl.DataFrame, partition: str) -> date:
    first: date = rows.get_column(partition).dt.truncate("1q").item(0)
    return first


def _differing(table: str) -> Callable[[Any, Any], Any]:
    schema = arrow_schema(table)

    def differing(new: Any, stored: Any) -> Any:
        import pyarrow as pa

        rows, old = _frames(table, new, stored)
        found = difference(old, rows, TABLES[table])
        parts = [
            table_of(part, schema).append_column(
                pa.field(DELETED, pa.bool_()), pa.array([gone] * part.height, pa.bool_())
            )
            for part, gone in ((found.upserted, False), (found.deleted, True))
        ]
        return pa.concat_tables(parts)

    return differing


def _ddl(table: str) -> str:
    return ", ".join(
        f"`{field.name}` {field.dataType.simpleString()}" for field in spark_schema(table)
    )


@contextmanager
def _kept(rows: "DataFrame") -> "Iterator[DataFrame]":
    """Compute rows and keep them on the workers' disks while they are compared and written.

    They are computed here, before the lake keeps other writers out.
    """
    from pyspark.storagelevel import StorageLevel

    kept = rows.persist(StorageLevel.DISK_ONLY)
    try:
        kept.count()
        yield kept
    finally:
        kept.unpersist()
