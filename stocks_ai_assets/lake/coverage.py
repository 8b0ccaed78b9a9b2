"""Which partitions were materialized, by which code, from which versions, and what changed when.

This is the ledger of a lake on a disk; `journal` is the one of a lake on an object store.

A partition may rightly be empty, so the rows of a table do not tell what was computed. One file per
table and slice holds a few JSON lines a write; folding them gives the segments. A range that is
being written is marked pending and not covered: a process that dies leaves it to be run again.

Order is told by Delta versions alone; the moments are for display. From `changed_version` to the
newest version the content of a segment is the same, so whoever read its table at that version or a
later one has read what is there now.
"""

import json
import secrets
import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import quote

from stocks_ai_assets.lake.locks import exclusively

FOLDER = "_materialized"
"""Folder of the lake that holds the ledgers."""

SLACK = 200
"""Lines beyond two a segment before the file is written anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """Adjacent partitions of one slice that have the same history.

    Parameters
    ----------
    first, last
        Partitions, both inclusive; `date.min`, `date.max`: without bound.
    code_version
        Version of package and transform that last computed them.
    input_versions
        Versions of the tables that they were last computed from, by `Lake.identity`.
    changed_version
        Version of their own table in which their content last changed. Partitions that were not
        covered before: the version when they were written, also if they hold nothing.
    computed_at, changed_at
        When they were last computed, and when their content last changed, UTC.
    """

    first: date
    last: date
    code_version: str
    input_versions: Mapping[str, int]
    changed_version: int
    computed_at: datetime
    changed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Landing:
    """Where a write stands in the log of its table.

    Parameters
    ----------
    compared
        Version with whose content the new rows were compared.
    committed
        Version that the write made; None: its content was stored already.
    first, last
        Partitions that the commit replaced; the others of the write were as they should be.
    """

    compared: int
    committed: int | None
    first: date
    last: date


class Coverage(Protocol):
    """What a write needs of the coverage of its slice."""

    is_shared: ClassVar[bool]
    """Whether others may write the slice at the same time."""

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Keep other writers of the slice out, where that is possible."""

    def segments(self) -> tuple[Segment, ...]:
        """Segments in ascending order, not overlapping; the same object while nothing changes."""

    def pending(self, first: date, last: date) -> None:
        """A commit to the range is about to be made."""

    def covered(self, segments: Sequence[Segment], landing: Landing) -> None:
        """Record the segments that one write leaves behind."""


def ledger_file(root: Path, table: str, slice_: str | None) -> Path:
    """Return the file of one table and slice of the lake in `root`."""
    folder = root / FOLDER / table
    file = folder / quote(slice_, safe="") if slice_ else folder
    return file.with_name(f"{file.name}.jsonl")


def forget_coverage(root: Path, table: str) -> None:
    """Remove what is recorded of a table that is not there, of all slices."""
    for file in (ledger_file(root, table, None), *(root / FOLDER / table).glob("*.jsonl")):
        file.unlink(missing_ok=True)


class Ledger:
    """Segments of one table and slice, kept in one file.

    Parameters
    ----------
    file
        The file; its folder is made when it is first written.
    """

    is_shared: ClassVar[bool] = False

    def __init__(self, file: Path) -> None:
        self._file = file
        self._mutex = threading.Lock()
        self._segments: list[Segment] = []
        self._result: tuple[Segment, ...] = ()
        self._forget(b"")

    @property
    def lock(self) -> Path:
        """Lock file of whoever writes this table and slice."""
        return self._file.with_suffix(".lock")

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Keep other writers of the slice out."""
        return exclusively(self.lock, what)

    def segments(self) -> tuple[Segment, ...]:
        """Segments in ascending order, not overlapping; the same object while nothing changes."""
        with self._mutex:
            self._catch_up()
            return self._result

    def pending(self, first: date, last: date) -> None:
        """Mark a range as being written: not covered."""
        self._append([{"first": first.isoformat(), "last": last.isoformat()}])

    def covered(
        self,
        segments: Sequence[Segment],
        landing: Landing | None = None,  # noqa: ARG002  # the lock keeps commits in order
    ) -> None:
        """Record the segments that one write leaves behind."""
        self._append([line_of(segment) for segment in segments])
        if self._lines > 2 * len(self._segments) + SLACK:
            self._rewrite()

    def _append(self, lines: Sequence[dict[str, Any]]) -> None:
        with self._mutex:
            self._catch_up()
            header = b"" if self._header else _new_header()
            with self._file.open("ab", buffering=0) as file:
                # What a writer that died or found the disk full left of a line is cut off.
                file.truncate(self._end)
                file.write(header + _encoded(lines))
            self._catch_up()

    def _rewrite(self) -> None:
        with self._mutex:
            temporary = self._file.with_suffix(".new")
            temporary.write_bytes(_new_header() + _encoded(map(line_of, self._segments)))
            temporary.replace(self._file)
            self._catch_up()

    def _catch_up(self) -> None:
        """Fold the lines that were added since the last look."""
        try:
            with self._file.open("rb") as file:
                header = file.readline()
                if header != self._header:
                    self._forget(header if header.endswith(b"\n") else b"")
                file.seek(self._end)
                new = file.read() if self._header else b""
        except FileNotFoundError:
            self._forget(b"")
            return
        whole = new[: new.rfind(b"\n") + 1]
        for line in whole.splitlines():
            _paint(self._segments, json.loads(line))
            self._lines += 1
        if whole:
            self._end += len(whole)
            self._result = tuple(self._segments)

    def _forget(self, header: bytes) -> None:
        """Start anew with a file that is another one than before, or with none."""
        self._header, self._end, self._lines = header, len(header), 0
        self._segments, self._result = [], ()


def _new_header() -> bytes:
    """First line of a file; tells it from the one it replaces."""
    return _encoded([{"file": secrets.token_hex(8)}])


def _encoded(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def line_of(segment: Segment) -> dict[str, Any]:
    """Return what is written of a segment."""
    return {
        "first": segment.first.isoformat(),
        "last": segment.last.isoformat(),
        "code_version": segment.code_version,
        "input_versions": dict(segment.input_versions),
        "changed_version": segment.changed_version,
        "computed_at": segment.computed_at.isoformat(),
        "changed_at": segment.changed_at.isoformat(),
    }


def segment_of(line: Mapping[str, Any]) -> Segment:
    """Return the segment of which `line` was written."""
    return Segment(
        first=date.fromisoformat(line["first"]),
        last=date.fromisoformat(line["last"]),
        code_version=line["code_version"],
        input_versions=line["input_versions"],
        changed_version=line["changed_version"],
        computed_at=datetime.fromisoformat(line["computed_at"]),
        changed_at=datetime.fromisoformat(line["changed_at"]),
    )


class Stretch(Protocol):
    """A dataclass that holds for the days from `first` to `last`."""

    @property
    def first(self) -> date:
        """First day."""

    @property
    def last(self) -> date:
        """Last day."""


S = TypeVar("S", bound=Stretch)


def lay(stretches: list[S], first: date, last: date, new: S | None) -> None:
    """Lay `new` over ascending `stretches`: what it covers goes, ends that stick out stay."""
    start = bisect_left(stretches, first, key=lambda s: s.last)
    stop, kept = start, list[S]()
    while stop < len(stretches) and stretches[stop].first <= last:
        kept.extend(outside(stretches[stop], first, last))
        stop += 1
    if new is not None:
        kept.append(new)
    stretches[start:stop] = sorted(kept, key=lambda s: s.first)


def outside(stretch: S, first: date, last: date) -> list[S]:
    """Return the parts of a stretch before `first` and after `last`."""
    parts = []
    if stretch.first < first:
        end = min(stretch.last, first - timedelta(days=1))
        parts.append(replace(stretch, last=end))  # type: ignore[type-var]  # a dataclass
    if stretch.last > last:
        start = max(stretch.first, last + timedelta(days=1))
        parts.append(replace(stretch, first=start))  # type: ignore[type-var]
    return parts


def _paint(segments: list[Segment], line: Mapping[str, Any]) -> None:
    """Lay one line over the segments."""
    new = segment_of(line) if "code_version" in line else None
    lay(segments, date.fromisoformat(line["first"]), date.fromisoformat(line["last"]), new)
