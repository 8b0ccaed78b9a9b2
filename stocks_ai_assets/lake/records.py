"""What the lake tells about itself: fingerprints and commits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """What the rows of a range are, in one value.

    Parameters
    ----------
    table
        Name of the table.
    rows
        Number of rows.
    content_hash
        See `content_hash`.
    """

    table: str
    rows: int
    content_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """One version in a table's history.

    Parameters
    ----------
    version
        Delta version.
    timestamp
        When it was committed, UTC.
    operation
        Delta's word for it: CREATE TABLE, WRITE, MERGE, OPTIMIZE.
    engine
        What made the commit, by its own words: delta-rs, Apache-Spark, Databricks-Runtime.
    run_id, code_version
        Run and code that wrote it; empty for maintenance.
    slice, first, last
        What was written; empty: no slice, no bound.
    """

    version: int
    timestamp: datetime
    operation: str
    engine: str
    run_id: str
    code_version: str
    slice: str
    first: str
    last: str


def commit_of(entry: Mapping[str, Any]) -> Commit:
    """Read one entry of Delta's history; Spark keeps our notes as one text."""
    notes = {**entry, **_notes(entry.get("userMetadata"))}
    return Commit(
        version=int(entry["version"]),
        timestamp=datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
        operation=str(entry["operation"]),
        engine=str(entry.get("engineInfo", "")),
        run_id=str(notes.get("run_id", "")),
        code_version=str(notes.get("code_version", "")),
        slice=str(notes.get("slice", "")),
        first=str(notes.get("first", "")),
        last=str(notes.get("last", "")),
    )


def _notes(text: Any) -> Mapping[str, Any]:
    try:
        notes = json.loads(text or "{}")
    except ValueError:
        return {}
    return notes if isinstance(notes, dict) else {}
