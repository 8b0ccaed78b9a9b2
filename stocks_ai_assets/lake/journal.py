"""Coverage on an object store, where files do not grow and no writer can be kept out.

Every write of a table leaves one record that never changes, under the next free number. Records
are folded in the order of the Delta versions that they speak of, not of their arrival. A commit
that no record speaks of yet says itself what it replaced (`commit_notes`): until its writer, or the
next one, has recorded it, that range is not covered. `docs/decisions/0010` has the reasons.
"""

import json
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from time import sleep
from typing import Any, ClassVar

from stocks_ai_assets.errors import ConflictError, StorageError
from stocks_ai_assets.lake.coverage import FOLDER, Landing, Segment
from stocks_ai_assets.lake.handles import Handle
from stocks_ai_assets.lake.seen import (
    ANY,
    Seen,
    covered_segments,
    encoded,
    folded,
    line_of_seen,
    record_of,
    seen_of,
    touched_by,
)
from stocks_ai_assets.lake.storage import READERS

EVERY = 50
"""Records after which all that is known is written into one object, so that opening stays quick."""

ATTEMPTS = 200
"""Numbers tried before a write gives up: each one that is taken is another writer's success."""

LOOKS = 5
"""Times that the records are listed when some of a list are gone."""

WHOLE = "whole-"
"""Begins the name of an object that holds all records up to a number; sorts after numbers."""


class Journal:
    """Coverage of all slices of one table.

    Parameters
    ----------
    handle
        The table; coverage is told for the version at which it was last looked at.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._storage = handle.storage
        self._mutex = threading.RLock()
        self._forget("")

    def segments(self, slice_: str | None) -> tuple[Segment, ...]:
        """Return the segments of a slice; the same object while nothing changes."""
        with self._mutex:
            delta = self._handle.opened
            if delta is None:
                return ()
            self._catch_up(delta)
            key = slice_ or ""
            parts = self._parts(key)
            known = self._results.get(key)
            if known is None or known[0] != parts:
                known = parts, tuple(covered_segments(folded(parts)))
                self._results[key] = known
            return known[1]

    def record(self, slice_: str | None, segments: Sequence[Segment], landing: Landing) -> None:
        """Write down what one write leaves behind.

        Raises
        ------
        ConflictError
            Other writers took every number. The rows are stored, and will be compared again.
        """
        data = record_of(slice_ or "", segments, landing)
        with self._mutex:
            for attempt in range(ATTEMPTS):
                # Another thread of this process may just have closed it.
                self._catch_up(self._handle.opened or self._handle.newest())
                number = self._last + 1
                if self._storage.create(self._file(number), data) and self._counts(number):
                    self._take(number, data)
                    break
                sleep(random.uniform(0, 0.01) * min(attempt + 1, 20))  # noqa: S311  # jitter
            else:
                raise ConflictError(
                    f"{self._handle.table.name}: {ATTEMPTS} records of other writers came first. "
                    "Run it again when they are done; the rows are stored."
                )
            if number - self._whole >= EVERY:
                self._compact()

    def _forget(self, identity: str) -> None:
        """Start anew, with the table of this identity: one that is made anew covers nothing."""
        self._identity = identity
        self._folder = f"{FOLDER}/{self._handle.table.name}/{identity}"
        self._last = self._whole = 0
        self._through = self._version = -1
        self._committed: set[int] = set()
        self._seen: dict[str, list[Seen]] = {}
        self._unrecorded: dict[int, tuple[str, Seen] | None] = {}
        self._results: dict[str, tuple[list[Seen], tuple[Segment, ...]]] = {}

    def _counts(self, number: int) -> bool:
        """Whether the record just made is one that others read.

        A writer that slept while the others merged their records finds the number free again, and
        nobody looks there any more.
        """
        return not self._storage.names(self._folder, f"{WHOLE}{_name(number - 1)}")

    def _catch_up(self, delta: Any) -> None:
        """Take in what was written since the last look."""
        identity = delta.metadata().id
        if identity != self._identity:
            self._forget(identity)
        for _ in range(LOOKS):
            if self._took_new():
                break
            # Records were merged between our list and our reading.
            self._forget(identity)
        else:
            raise StorageError(
                f"Coverage of {self._handle.table.name} in {self._storage.location(self._folder)} "
                "lacks a record. Remove that folder and backfill: what is stored stays, and is "
                "compared again."
            )
        self._version = delta.version()
        versions = set(range(self._through + 1, self._version + 1)) - self._committed
        unknown = sorted(versions - self._unrecorded.keys())
        texts = self._storage.read_all([self._handle.commit_file(v) for v in unknown])
        for version, text in zip(unknown, texts, strict=True):
            self._unrecorded[version] = touched_by(version, text)

    def _took_new(self) -> bool:
        """Take in new records, or the newest object that holds many; False: some were gone."""
        names = self._storage.names(self._folder, _name(self._last))
        numbers = [_number(name) for name in names if not _is_whole(name)]
        newest = max((_number(name) for name in names if _is_whole(name)), default=0)
        few = newest - self._last <= READERS
        if newest > self._last and not (few and {*range(self._last + 1, newest + 1)} <= {*numbers}):
            data = self._storage.read(self._whole_file(newest))
            if data is None:
                return False
            self._take_whole(newest, data)
        self._whole = max(self._whole, newest)
        numbers = [number for number in numbers if number > self._last]
        texts = self._storage.read_all([self._file(number) for number in numbers])
        for number, text in zip(numbers, texts, strict=True):
            if text is None or number != self._last + 1:
                return False
            self._take(number, text)
        return True

    def _take(self, number: int, data: bytes) -> None:
        record = json.loads(data)
        self._last = number
        if record["committed"] is not None:
            self._committed.add(record["committed"])
        self._add(record["lines"], number)

    def _take_whole(self, number: int, data: bytes) -> None:
        whole = json.loads(data)
        self._forget(self._identity)
        self._last = self._whole = number
        self._through, self._committed = whole["through"], set(whole["committed"])
        self._add(whole["lines"], number)

    def _add(self, lines: Iterable[Mapping[str, Any]], number: int) -> None:
        for line in lines:
            self._seen.setdefault(line["slice"], []).append(seen_of(line, number))

    def _parts(self, slice_: str) -> list[Seen]:
        """Return everything known of a slice, in the order of versions."""
        parts = [*self._seen.get(slice_, ()), *self._seen.get(ANY, ())]
        for version, touched in self._unrecorded.items():
            if touched and touched[0] in (slice_, ANY) and version not in self._committed:
                parts.append(touched[1])
        return sorted(parts, key=lambda seen: (seen.version, seen.number))

    def _compact(self) -> None:
        """Write all that is known into one object, and remove what the one before it replaced.

        Whoever listed the records a moment ago still finds them. A process that dies on the way
        leaves some that the next one removes.
        """
        number = self._last
        slices = {*self._seen, *(t[0] for t in self._unrecorded.values() if t)}
        lines = [
            line_of_seen(slice_, seen)
            for slice_ in sorted(slices)
            for seen in folded(self._parts(slice_))
        ]
        through = max(self._version, self._through)
        committed = sorted(v for v in self._committed if v > through)
        whole = encoded({"through": through, "committed": committed, "lines": lines})
        self._storage.create(self._whole_file(number), whole)
        names = self._storage.names(self._folder)
        wholes = [_number(name) for name in names if _is_whole(name)]
        before = max((n for n in wholes if n < number), default=0)
        gone = [n for n in names if _number(n) < before or n == _name(before)]
        if gone:
            self._storage.delete([f"{self._folder}/{name}" for name in gone])
        self._take_whole(number, whole)

    def _file(self, number: int) -> str:
        return f"{self._folder}/{_name(number)}"

    def _whole_file(self, number: int) -> str:
        return f"{self._folder}/{WHOLE}{_name(number)}"


class SliceJournal:
    """The journal of a table, as one of its slices sees it.

    Parameters
    ----------
    journal
        Coverage of all slices.
    slice_
        The slice; None for tables without.
    """

    is_shared: ClassVar[bool] = True

    def __init__(self, journal: Journal, slice_: str | None) -> None:
        self._journal = journal
        self._slice = slice_

    def alone(self, what: str) -> AbstractContextManager[None]:  # noqa: ARG002  # see `Coverage`
        """Nobody can be kept out."""
        return nullcontext()

    def segments(self) -> tuple[Segment, ...]:
        """Segments in ascending order, not overlapping; the same object while nothing changes."""
        return self._journal.segments(self._slice)

    def pending(self, first: date, last: date) -> None:
        """Nothing to do: a commit without a record uncovers its range by itself."""

    def covered(self, segments: Sequence[Segment], landing: Landing) -> None:
        """Record the segments that one write leaves behind."""
        self._journal.record(self._slice, segments, landing)


def _name(number: int) -> str:
    return f"{number:012d}.json"


def _number(name: str) -> int:
    return int(name.removeprefix(WHOLE)[:12])


def _is_whole(name: str) -> bool:
    return name.startswith(WHOLE)
