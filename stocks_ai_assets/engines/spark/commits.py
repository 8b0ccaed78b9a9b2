"""One commit by Spark: a range replaced, or rows merged, with the stamps and notes of the lake."""

import json
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from stocks_ai_assets.engines.spark.failures import conflicts
from stocks_ai_assets.engines.spark.statements import run_to_its_end
from stocks_ai_assets.engines.spark.stored import Names
from stocks_ai_assets.lake import Lake, Stamps
from stocks_ai_assets.lake.coverage import Ledger, ledger_file
from stocks_ai_assets.lake.handles import Handle
from stocks_ai_assets.lake.layout import YEAR, has_years, stored_schema
from stocks_ai_assets.lake.seen import ANY, changes_rows, touched_by
from stocks_ai_assets.lake.storage import Folder
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.lake.writing import DELETED, MERGED, commit_notes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FILE_ROWS = 40_000
"""Rows of a file, some 2 MB: rewriting a session rewrites a file, not a year."""

NOTES = "spark.databricks.delta.commitInfo.userMetadata"


SETTINGS = threading.Lock()
"""A commit's notes are a setting of the session: one commit of a process at a time."""


def commit(
    session: "SparkSession",
    lake: Lake,
    handle: Handle,
    compared: int,
    *,
    rows: "DataFrame",
    marked: "DataFrame | None",
    target: Target,
    stamps: Stamps,
    names: Names,
) -> int:
    """Turn the stored rows of `target` into `rows` in one commit, and return its version.

    Parameters
    ----------
    session
        Spark.
    lake, handle
        Where the table is.
    compared
        Version with which `rows` were compared.
    rows
        New rows, of the target and around it.
    marked
        Rows that differ, `_deleted` telling those that go; None: nothing is stored there.
    target
        What is replaced.
    stamps
        By whom.
    names
        By what name the table is written.

    Raises
    ------
    CommitFailedError
        Another writer was quicker.
    """
    name = names.of(session, lake, target.table)
    # INSERT goes by position, and a column that the contract gained stands last in the table.
    columns = [field.name for field in handle.newest().schema().fields]
    if marked is not None and target.table.name in MERGED:
        source = _laid_out(_stamped(marked, target, stamps), target, [*columns, DELETED])
        statement = _merge
    else:
        source = _laid_out(_stamped(_inside(rows, target), target, stamps), target, columns)
        statement = _replace
    token = secrets.token_hex(8)
    view = f"new_{token}"
    source.createOrReplaceTempView(view)
    try:
        notes = json.dumps({**commit_notes(target, stamps), "id": token})
        settings = {NOTES: notes, "spark.sql.files.maxRecordsPerFile": str(FILE_ROWS)}
        with conflicts(), handle.committing(alone=True), _set(session, settings):
            run_to_its_end(session, statement(name, target, view), _locks(handle, target))
    finally:
        session.catalog.dropTempView(view)
    return _landed(handle, compared, target, token)


@contextmanager
def _set(session: "SparkSession", settings: dict[str, str]) -> Iterator[None]:
    """Change settings of the session, which may be a notebook's, for as long as the block runs."""
    with SETTINGS:
        before = {name: session.conf.get(name, None) for name in settings}
        for name, value in settings.items():
            session.conf.set(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                session.conf.unset(name) if value is None else session.conf.set(name, value)


def _locks(handle: Handle, target: Target) -> tuple[Path, ...]:
    """Lock files under which this commit is made."""
    if not isinstance(handle.storage, Folder):
        return ()
    ledger = Ledger(ledger_file(handle.storage.root, target.table.name, target.slice))
    return handle.commit_lock(handle.storage), ledger.lock


def _landed(handle: Handle, compared: int, target: Target, token: str) -> int:
    """Return the version of our commit, if nothing of `target` changed since it was compared.

    Spark commits on top of the newest version. Where writers of a slice cannot be kept out, rows
    of the target may have come in between, and what differs has to be found again.
    """
    from deltalake.exceptions import CommitFailedError

    between, version = False, compared + 1
    while (text := handle.storage.read(handle.commit_file(version))) is not None:
        if token.encode() in text:
            if between:
                raise CommitFailedError(f"{target}: another writer came before version {version}")
            return version
        between = between or _touches(version, text, target)
        version += 1
    # Another writer made the same change first, so that nothing was left to merge.
    raise CommitFailedError(f"{target}: nothing was committed")


def _touches(version: int, text: bytes, target: Target) -> bool:
    touched = touched_by(version, text)
    if touched is None:
        # Of another system, which does not say what it changed; or of maintenance.
        return changes_rows(text)
    slice_, seen = touched
    first, last = target.first or date.min, target.last or date.max
    return slice_ in (target.slice or "", ANY) and seen.first <= last and seen.last >= first


def _inside(rows: "DataFrame", target: Target) -> "DataFrame":
    from pyspark.sql import functions as f

    if target.first:
        rows = rows.where(f.col(target.table.partition) >= f.lit(target.first))
    if target.last:
        rows = rows.where(f.col(target.table.partition) <= f.lit(target.last))
    return rows


def _stamped(rows: "DataFrame", target: Target, stamps: Stamps) -> "DataFrame":
    from pyspark.sql import functions as f

    versions = [f.lit(x) for pair in sorted(stamps.input_versions.items()) for x in pair]
    inputs = f.create_map(*versions).cast("map<string,bigint>")
    moment = stamps.created.isoformat(timespec="microseconds")
    stamped = (
        rows.withColumn("run_id", f.lit(stamps.run_id))
        .withColumn("code_version", f.lit(stamps.code_version))
        .withColumn("input_versions", inputs)
        .withColumn("created_timestamp", f.lit(moment).cast("timestamp"))
    )
    if has_years(target.table):
        stamped = stamped.withColumn(YEAR, f.year(f.col(target.table.partition)))
    return stamped


def _laid_out(rows: "DataFrame", target: Target, columns: Sequence[str]) -> "DataFrame":
    """Sort by partition inside each folder, so that a session's rows lie together."""
    table = target.table
    folders = [YEAR] if has_years(table) else []
    ordered = list(dict.fromkeys([*folders, table.partition, *table.key]))
    spread = rows.repartition(*folders) if folders else rows.coalesce(1)
    return spread.sortWithinPartitions(*ordered).select(*columns)


def _replace(name: str, target: Target, source: str) -> str:
    condition = target.predicate()
    how = f"INTO {name} REPLACE WHERE {condition}" if condition else f"OVERWRITE {name}"
    return f"INSERT {how} SELECT * FROM {source}"  # noqa: S608  # names and dates of ours


def _merge(name: str, target: Target, source: str) -> str:
    same_key = [f"t.`{column}` = s.`{column}`" for column in target.table.key]
    conditions = [c for c in (target.predicate("t."), *same_key) if c]
    columns = stored_schema(target.table).names()
    changes = ", ".join(f"`{c}` = s.`{c}`" for c in columns)
    names, values = (", ".join(f"{p}`{c}`" for c in columns) for p in ("", "s."))
    return (
        f"MERGE INTO {name} t USING {source} s ON {' AND '.join(conditions)} "  # noqa: S608
        f"WHEN MATCHED AND s.{DELETED} THEN DELETE "
        f"WHEN MATCHED THEN UPDATE SET {changes} "
        f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
    )
