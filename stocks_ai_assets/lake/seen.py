"""What one record of a journal says, and what a commit without a record says for itself."""

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from stocks_ai_assets.lake.coverage import Landing, Segment, lay, line_of, outside, segment_of
from stocks_ai_assets.lake.records import Commit, commit_of

ANY = "*"
"""Slice of a commit that can no longer be read: any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What is known of adjacent partitions at one version; no segment: not covered."""

    first: date
    last: date
    version: int
    number: int
    segment: Segment | None


def folded(parts: Iterable[Seen]) -> list[Seen]:
    """Lay parts over each other in the order given; stretches ascend and do not overlap."""
    stretches: list[Seen] = []
    for part in parts:
        lay(stretches, part.first, part.last, part)
    return stretches


def covered_segments(stretches: Iterable[Seen]) -> Iterable[Segment]:
    """Return the segments of stretches that are covered."""
    return (replace(s.segment, first=s.first, last=s.last) for s in stretches if s.segment)


def record_of(slice_: str, segments: Sequence[Segment], landing: Landing) -> bytes:
    """Return the record of a write; partitions it left alone are known at the version compared."""
    first, last = landing.first, landing.last
    known: list[tuple[int, Segment]] = []
    for segment in segments:
        beside = outside(segment, first, last) if landing.committed is not None else [segment]
        known += [(landing.compared, part) for part in beside]
        if landing.committed is not None and segment.first <= last and segment.last >= first:
            inside = replace(segment, first=max(segment.first, first), last=min(segment.last, last))
            known.append((landing.committed, inside))
    lines = [{"slice": slice_, "version": v, **line_of(segment)} for v, segment in known]
    # Two records are never the same bytes: a writer knows its own again.
    return encoded({"id": secrets.token_hex(8), "committed": landing.committed, "lines": lines})


def line_of_seen(slice_: str, seen: Seen) -> dict[str, Any]:
    """Return what is written of a stretch when records are merged."""
    bounds = {"first": seen.first.isoformat(), "last": seen.last.isoformat()}
    segment = line_of(seen.segment) if seen.segment else {}
    return {**segment, "slice": slice_, "version": seen.version, **bounds}


def seen_of(line: Mapping[str, Any], number: int) -> Seen:
    """Return what a line of record `number` says."""
    return Seen(
        first=date.fromisoformat(line["first"]),
        last=date.fromisoformat(line["last"]),
        version=line["version"],
        number=number,
        segment=segment_of(line) if "code_version" in line else None,
    )


def touched_by(version: int, text: bytes | None) -> tuple[str, Seen] | None:
    """Slice and range that a commit without a record replaced; None: none of ours.

    Also None of a commit that only lays files together: Spark may do so right after ours, with
    our notes.
    """
    slice_, first, last = ANY, "", ""
    if text is not None:
        if not changes_rows(text):
            return None
        commit = _commit(version, text)
        if commit is None or not commit.run_id:
            return None
        slice_, first, last = commit.slice, commit.first, commit.last
    hole = Seen(
        first=date.fromisoformat(first) if first else date.min,
        last=date.fromisoformat(last) if last else date.max,
        version=version,
        number=0,
        segment=None,
    )
    return slice_, hole


def changes_rows(text: bytes) -> bool:
    """Whether a commit adds or removes rows."""
    return re.search(rb'"dataChange"\s*:\s*true', text) is not None


def _commit(version: int, text: bytes) -> Commit | None:
    for line in text.splitlines():
        info = json.loads(line).get("commitInfo") if line else None
        if info is not None:
            return commit_of({"timestamp": 0, "operation": "", **info, "version": version})
    return None


def encoded(record: Mapping[str, Any]) -> bytes:
    """Return the bytes of a record."""
    return f"{json.dumps(record)}\n".encode()
