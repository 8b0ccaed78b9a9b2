"""Committing rows to one Delta table: replace a range, or merge row by row. Retries are bounded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from stocks_ai_assets.lake.difference import Difference
from stocks_ai_assets.lake.layout import MAP_STAMPS, YEAR, has_years, map_columns, stored_schema
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.tables.spec import STAMPS, Table

MERGED = frozenset({"meta.synthesized_predictions", "evaluation.trials"})
"""Tables written by MERGE: unchanged rows keep their stamps, the change feed names the others."""

BATCH_ROWS = 65_536
GROUP_ROWS = 8_192
"""Rows of a Parquet row group: a session is read without decoding its year."""

FILE_BYTES = 2 * 1024 * 1024
"""Size at which a new file is begun: rewriting a session rewrites a file, not a year."""

DELETED = "_deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamps:
    """Who wrote a row.

    Parameters
    ----------
    run_id
        Run that computed it.
    code_version
        Version of package and transform.
    input_versions
        Delta version of every table read.
    created
        Moment of writing, aware.
    """

    run_id: str
    code_version: str
    input_versions: Mapping[str, int]
    created: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What a write did.

    Parameters
    ----------
    version
        Delta version that holds the rows.
    rows
        Rows of the range, changed or not.
    changed
        Whether the content of the range changed, or the range was not covered before.
    content_hash
        Content hash of the range's rows.
    """

    version: int | None
    rows: int
    changed: bool
    content_hash: str


def commit(
    delta: Any, rows: pl.DataFrame, found: Difference, target: Target, stamps: Stamps
) -> None:
    """Turn the stored rows of `target` into `rows` in one commit.

    Only the span of changed partitions is written, so that the rest keeps its stamps.

    Parameters
    ----------
    delta
        `deltalake.DeltaTable` at the version that `found` was computed from.
    rows
        Content columns, sorted by key.
    found
        How `rows` differ from what is stored.
    target, stamps
        What is replaced, by whom.
    """
    target = target.narrowed(found.changed)
    if target.table.name in MERGED and found.n_stored:
        _merge(delta, found, target, stamps)
    else:
        _replace(delta, rows.filter(target.contains()), target, stamps)


def _stamped(frame: pl.DataFrame, table: Table, stamps: Stamps) -> pl.DataFrame:
    """Add stamps and the hidden year; sort by partition, so that a session's rows lie together."""
    inputs = [{"key": k, "value": v} for k, v in sorted(stamps.input_versions.items())]
    values = {
        "run_id": stamps.run_id,
        "code_version": stamps.code_version,
        "input_versions": inputs,
        "created_timestamp": stamps.created,
    }
    frame = frame.with_columns(
        pl.lit(pl.Series(name, [values[name]], dtype=dtype)).first().alias(name)
        for name, dtype in STAMPS.items()
    )
    if has_years(table):
        frame = frame.with_columns(pl.col(table.partition).dt.year().alias(YEAR))
    if table.partition:
        frame = frame.sort(table.partition, maintain_order=True)
    return frame


def _replace(delta: Any, frame: pl.DataFrame, target: Target, stamps: Stamps) -> None:
    from deltalake import write_deltalake

    write_deltalake(
        delta,
        _arrow(_stamped(frame, target.table, stamps), target.table),
        mode="overwrite",
        predicate=target.predicate(),
        target_file_size=FILE_BYTES,
        writer_properties=_writer_properties(),
        **_commit(target, stamps),
    )


def _merge(delta: Any, found: Difference, target: Target, stamps: Stamps) -> None:
    table = target.table
    marked = (
        frame.with_columns(pl.lit(value=gone).alias(DELETED))
        for frame, gone in ((found.upserted, False), (found.deleted, True))
    )
    rows = pl.concat(_stamped(frame, table, stamps) for frame in marked)
    same_key = [f"t.{name} = s.{name}" for name in table.key]
    conditions = [c for c in (target.predicate("t."), *same_key) if c]
    stored = {name: f"s.{name}" for name in stored_schema(table).names()}
    (
        delta.merge(
            _arrow(rows, table),
            " AND ".join(conditions),
            source_alias="s",
            target_alias="t",
            writer_properties=_writer_properties(),
            **_commit(target, stamps),
        )
        .when_matched_delete(f"s.{DELETED}")
        .when_matched_update(stored)
        .when_not_matched_insert(stored)
        .execute()
    )


def commit_notes(target: Target, stamps: Stamps) -> dict[str, str]:
    """What every commit says about itself, whichever engine makes it."""
    return {
        "run_id": stamps.run_id,
        "code_version": stamps.code_version,
        "slice": target.slice or "",
        "first": target.first.isoformat() if target.first else "",
        "last": target.last.isoformat() if target.last else "",
    }


def _commit(target: Target, stamps: Stamps) -> dict[str, Any]:
    from deltalake import CommitProperties, PostCommitHookProperties

    return {
        "commit_properties": CommitProperties(custom_metadata=commit_notes(target, stamps)),
        # Old versions are evidence: nothing is cleaned up behind the reader's back.
        "post_commithook_properties": PostCommitHookProperties(cleanup_expired_logs=False),
    }


def _writer_properties() -> Any:
    from deltalake import WriterProperties

    return WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=GROUP_ROWS)


def _arrow(frame: pl.DataFrame, table: Table) -> Any:
    """Return an Arrow stream in which maps are maps: polars has key-value lists."""
    import pyarrow as pa

    maps = {*map_columns(table), *MAP_STAMPS}
    schema = _convert(frame.clear(), maps).schema

    def batches() -> Iterator[Any]:
        for part in frame.iter_slices(BATCH_ROWS):
            yield from _convert(part, maps).to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def _convert(frame: pl.DataFrame, maps: set[str]) -> Any:
    import pyarrow as pa

    columns = {}
    for name in frame.columns:
        values = frame.get_column(name).rechunk().to_arrow()
        if name in maps:
            entries = values.values
            values = pa.MapArray.from_arrays(
                values.offsets.cast(pa.int32()),
                entries.field("key").cast(pa.string()),
                entries.field("value"),
            )
        columns[name] = values
    return pa.table(columns)
