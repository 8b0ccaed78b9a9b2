"""The lake as Dagster's IO manager.

Assets of this package hand over `Rows`, which carry their partitions and the versions they were
computed from. Other assets of a user may load ours by name and get the partitions that Dagster
maps to theirs; lookbacks are for transforms, which declare them (`engines.inputs`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from time import perf_counter
from typing import Any

import dagster as dg
import polars as pl

from stocks_ai_assets.assets.failures import readable_failures
from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.engines.port import Distributed, write
from stocks_ai_assets.errors import ContractError
from stocks_ai_assets.lake import Lake, Stamps, Written


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows for a range of partitions of one table.

    Parameters
    ----------
    frame
        Content columns of the table's contract, here or on a cluster.
    first, last
        Partitions to replace, both inclusive; `first` None: from the beginning of the table; both
        None: the whole table.
    code_version
        Version of package and transform, stamped on the rows.
    input_versions
        Delta version of every table read.
    quarantined
        Rows of `market.quarantine` that belong to these; None where nothing comes from outside.
    seconds_reading, seconds_computing
        Wall time spent on the inputs and on the function.
    """

    frame: pl.DataFrame | Distributed
    first: date | None
    last: date | None
    code_version: str
    input_versions: Mapping[str, int] = field(default_factory=dict)
    quarantined: pl.DataFrame | None = None
    seconds_reading: float = 0.0
    seconds_computing: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One asset was written: what a progress display needs to know.

    Parameters
    ----------
    name
        Asset key with slashes.
    rows
        Rows of the partitions asked for.
    changed
        Whether the lake's content changed.
    seconds_reading, seconds_computing, seconds_writing
        Wall time.
    """

    name: str
    rows: int
    changed: bool
    seconds_reading: float
    seconds_computing: float
    seconds_writing: float


class LakeIOManager(dg.IOManager):
    """Writes `Rows` to the lake and describes what was written.

    Parameters
    ----------
    lake
        The Delta tables.
    nodes
        Assets by name.
    on_written
        Called after every write.
    """

    def __init__(
        self,
        lake: Lake,
        nodes: Mapping[str, Node],
        on_written: Callable[[Report], None] | None = None,
    ) -> None:
        self._lake = lake
        self._nodes = nodes
        self._on_written = on_written

    def handle_output(self, context: dg.OutputContext, obj: Rows) -> None:
        """Replace the partitions in `obj`; content that is already stored changes nothing."""
        name, start = context.asset_key.to_user_string(), perf_counter()
        with readable_failures():
            if name not in self._nodes or not isinstance(obj, Rows):
                raise ContractError(
                    f"{name} returned {type(obj).__name__}, but the lake takes Rows of its own "
                    "tables only. Give the asset another io_manager_key, or let it return nothing."
                )
            node = self._nodes[name]
            stamps = Stamps(
                run_id=context.run_id,
                code_version=obj.code_version,
                input_versions=dict(obj.input_versions),
                created=datetime.now(UTC),  # noqa: TID251  # a stamp, not content
            )
            if obj.quarantined is not None:
                self._lake.write(
                    "market.quarantine",
                    obj.quarantined,
                    first=obj.first,
                    last=obj.last,
                    slice=node.table.name,
                    stamps=stamps,
                )
            written = write(
                self._lake,
                node.table.name,
                obj.frame,
                first=obj.first,
                last=obj.last,
                slice=node.slice,
                stamps=stamps,
            )
        context.log.info(_sentence(node, obj, written))
        context.add_output_metadata(_metadata(obj, written))
        if self._on_written:
            self._on_written(
                Report(
                    name=node.name,
                    rows=written.rows,
                    changed=written.changed,
                    seconds_reading=obj.seconds_reading,
                    seconds_computing=obj.seconds_computing,
                    seconds_writing=perf_counter() - start,
                )
            )

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """Return the upstream partitions that Dagster maps to the ones being computed."""
        node = self._nodes[context.asset_key.to_user_string()]
        slices = (node.slice,) if node.slice else None
        with readable_failures():
            if not context.has_asset_partitions:
                return self._lake.read(node.table.name, slices=slices)
            keys = context.asset_partition_key_range
            return self._lake.read(
                node.table.name,
                first=date.fromisoformat(keys.start),
                last=date.fromisoformat(keys.end),
                slices=slices,
            )


def _sentence(node: Node, rows: Rows, written: Written) -> str:
    where = f" for {rows.first or 'the beginning'}..{rows.last}" if rows.last else ""
    what = f"version {written.version}" if written.changed else "unchanged"
    aside = rows.quarantined.height if rows.quarantined is not None else 0
    note = f", {aside:,} rows quarantined" if aside else ""
    return f"{node.name}: {written.rows:,} rows{where}, {what}{note}."


def _metadata(rows: Rows, written: Written) -> dict[str, Any]:
    """Describe a write.

    Dagster copies this to every partition of a range, so it is small, and a range says how many
    rows it has under a name of its own.
    """
    one = rows.last is None or rows.first == rows.last
    metadata: dict[str, Any] = {
        "dagster/partition_row_count" if one else "rows_of_range": written.rows,
        "delta_version": written.version,
        "content_hash": written.content_hash,
    }
    if rows.quarantined is not None and rows.quarantined.height:
        metadata["quarantined_rows"] = rows.quarantined.height
    return metadata
