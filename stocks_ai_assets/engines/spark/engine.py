"""The Spark engine: a transform's blocks are computed by Python workers, never in the driver."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from stocks_ai_assets.domain.ranges import input_range
from stocks_ai_assets.domain.transform import Transform, Window
from stocks_ai_assets.engines.inputs import judged, pinned
from stocks_ai_assets.engines.port import Computed
from stocks_ai_assets.engines.spark.arrow import arrow_schema, frame_of, spark_schema, table_of
from stocks_ai_assets.engines.spark.blocks import BLOCK, assigned, cut, read_columns
from stocks_ai_assets.engines.spark.connect import is_elsewhere, without_token
from stocks_ai_assets.engines.spark.failures import spark_failures
from stocks_ai_assets.engines.spark.rows import SparkRows
from stocks_ai_assets.engines.spark.session import SparkOptions, on_databricks, open_session
from stocks_ai_assets.engines.spark.stored import Names, stored_rows
from stocks_ai_assets.errors import SparkError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.contract import conforming
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.tables import TABLES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_Slices = dict[str, list[Any]]
"""Arrow batches by slice; one slice without a name where a table has none."""

CLUSTER_ID = "spark.databricks.clusterUsageTags.clusterId"
"""What every Databricks cluster says of itself, also through Spark Connect."""

S3 = ("s3://", "s3a://")

BATCH_ROWS = 20_000
"""Rows that a worker sends at a time."""


class SparkEngine:
    """Transforms by their key, on whatever Spark the options reach.

    Parameters
    ----------
    options
        How to reach Spark; the session is opened by the first work.
    catalog
        Catalog of three-level table names; None: tables are named by their path.
    """

    def __init__(self, options: SparkOptions, *, catalog: str | None = None) -> None:
        self._options = options
        self._names = Names(catalog)
        self._session: SparkSession | None = None

    @property
    def session(self) -> "SparkSession":
        """The running session."""
        if self._session is None:
            self._session = open_session(self._options)
        return self._session

    def prepare(self, lake: Lake) -> None:
        """Open the session, and ask whether it reaches the lake and knows the catalog.

        Raises
        ------
        SparkError
            Spark cannot be used for this lake.
        """
        with spark_failures("The session"):
            _require_reach(self.session, lake, self._options.remote)
            self._names.require(self.session)

    def compute(self, lake: Lake, transform: Transform, window: Window) -> Computed:
        """Declare the rows of `transform`; they are computed when they are written.

        Raises
        ------
        LookbackMissingError
            A partition that `transform` needs was never materialized.
        SparkError
            Spark does not start, or cannot reach the lake.
        """
        with spark_failures(transform.table):
            return self._declared(lake, transform, window)

    def _declared(self, lake: Lake, transform: Transform, window: Window) -> Computed:
        _require_reach(self.session, lake, self._options.remote)
        versions = pinned(lake, transform, window)
        inputs, n_rows = {}, 0
        for name, declared in transform.inputs.items():
            found = input_range(transform, name, window)
            inputs[name] = stored_rows(
                self.session,
                lake,
                TABLES[declared.table],
                versions.get(declared.table),
                first=found.first if found else None,
                last=found.last if found else None,
                slices=declared.slices,
                columns=read_columns(declared),
                names=self._names,
            )
            if declared.table in versions:
                n_rows += lake.n_rows(
                    declared.table,
                    found.first if found else None,
                    found.last if found else None,
                    slices=declared.slices,
                    version=versions[declared.table],
                )
        blocks = cut(transform, window, n_rows)
        rows = (
            assigned(self.session, transform, blocks, inputs)
            .groupBy(BLOCK)
            .applyInArrow(_worker(transform, blocks), spark_schema(transform.table))
        )
        return Computed(frame=SparkRows(self.session, rows, self._names), versions=versions)


def _require_reach(session: "SparkSession", lake: Lake, remote: str | None) -> None:
    """Refuse a lake that this Spark does not see, or where it cannot make a safe commit."""
    root = str(lake.root)
    if "://" not in root and is_elsewhere(remote):
        raise SparkError(
            f"{root} is a folder of this machine, and Spark at {without_token(remote or '')} is "
            "on another one. Set STOCKS_AI_LAKE_ROOT to an object store that both reach, or "
            "unset STOCKS_AI_SPARK_REMOTE."
        )
    if "://" not in root or on_databricks() or session.conf.get(CLUSTER_ID, None):
        return
    master = session.conf.get("spark.master", None) or ""
    if master.startswith("local"):
        raise SparkError(
            f"Spark on one machine ({master}) cannot write {root}: it has neither a client "
            "for object stores nor a safe commit there. Use a folder, a cluster, or "
            "STOCKS_AI_ENGINE=local."
        )
    if root.startswith(S3):
        raise SparkError(
            f"Spark outside Databricks cannot write {root} safely: Delta's commits to S3 would "
            "write over those of other writers. Use Databricks, another store, or "
            "STOCKS_AI_ENGINE=local, whose commits S3 itself keeps apart."
        )


@dataclass(frozen=True)
class _Work:
    """What a worker needs to compute any block; sent to it with the function."""

    transform: Transform
    blocks: tuple[Window, ...]
    schema: Any

    def __call__(self, number: int, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield the rows of one block, judged by their contract."""
        window, inputs = self.blocks[number], self._apart(batches)
        frames = {
            name: self._frame(name, inputs.pop(name), window) for name in self.transform.inputs
        }
        found = self.transform.function(frames, window)
        table = TABLES[self.transform.table]
        target = Target(
            table=table, first=window.first, last=window.last, slice=self.transform.slice
        )
        yield from table_of(conforming(found, target), self.schema).to_batches(BATCH_ROWS)

    def _apart(self, batches: Iterator[Any]) -> dict[str, "_Slices"]:
        """Return the rows of each input by slice, as Arrow batches of its own columns.

        A row has one input, yet takes the room of all of them: so it is never kept as it comes.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        parts: dict[str, _Slices] = {name: {} for name in self.transform.inputs}
        for batch in batches:
            for name, slices in parts.items():
                column = batch.column(name)
                if column.null_count == len(column):
                    continue
                own = pa.RecordBatch.from_struct_array(column.filter(pc.is_valid(column)))
                slice_ = TABLES[self.transform.inputs[name].table].slice
                if slice_ is None:
                    slices.setdefault("", []).append(own)
                    continue
                for value in own.column(slice_).unique().to_pylist():
                    rows = own.filter(pc.equal(own.column(slice_), value))
                    slices.setdefault(value, []).append(rows)
        return parts

    def _frame(self, name: str, slices: "_Slices", window: Window) -> pl.DataFrame:
        """Return an input sorted by its key, which begins with the slice."""
        import pyarrow as pa

        declared = self.transform.inputs[name]
        table, columns = TABLES[declared.table], read_columns(declared)
        # Arrow's memory goes slice by slice while polars' grows.
        frames = [
            frame_of(pa.Table.from_batches(slices.pop(value)), table.name, columns).sort(table.key)
            for value in sorted(slices)
        ]
        nothing = pl.DataFrame(schema=table.schema).select(columns)
        return judged(pl.concat(frames) if frames else nothing, self.transform, name, window)


def _worker(transform: Transform, blocks: tuple[Window, ...]) -> Callable[..., Any]:
    import pyarrow as pa

    work = _Work(transform, blocks, arrow_schema(transform.table))

    # Spark reads the annotations: batch by batch, instead of a whole block as one table.
    def compute(
        key: tuple[pa.Scalar, ...], batches: Iterator[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        yield from work(key[0].as_py(), batches)

    return compute
