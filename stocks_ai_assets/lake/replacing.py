"""Replacing partitions: compare, commit what differs, keep the coverage true."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from time import sleep
from typing import Any, Protocol

import polars as pl

from stocks_ai_assets.errors import ConflictError
from stocks_ai_assets.lake.content import hash_sorted
from stocks_ai_assets.lake.coverage import Coverage, Landing, Segment, outside
from stocks_ai_assets.lake.difference import Difference, difference
from stocks_ai_assets.lake.handles import Handle
from stocks_ai_assets.lake.periods import Piece, gaps, pieces_of_write
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.lake.writing import Stamps, Written, commit

ATTEMPTS = 60
"""Commits tried before a write gives up: where eight merge into one file, seven lose each round."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What a write would change.

    Parameters
    ----------
    rows
        New rows of the range.
    digest
        Their content hash.
    difference
        How they differ from what is stored; None: the same content.
    """

    rows: int
    digest: str
    difference: Difference | None


class Content(Protocol):
    """Rows that are to be written, wherever they are: a frame here, or spread over a cluster."""

    def compared(self, handle: Handle, version: int, target: Target) -> Comparison:
        """Compare with what is stored at `version`."""

    def commit(
        self,
        handle: Handle,
        delta: Any,
        compared: int,
        found: Difference,
        target: Target,
        stamps: Stamps,
    ) -> int:
        """Make one commit on top of `delta`, `found` at version `compared`; return its version.

        Raises `CommitFailedError` when another writer was quicker.
        """


class FrameContent:
    """Rows in this process, written by delta-rs.

    Parameters
    ----------
    rows
        Content columns, conforming and sorted by key.
    table
        Name of the table.
    """

    def __init__(self, rows: pl.DataFrame, table: str) -> None:
        self._rows = rows
        self._digest = hash_sorted(rows, table)

    def compared(self, handle: Handle, version: int, target: Target) -> Comparison:
        """Compare with what is stored at `version`."""
        table = target.table
        stored = handle.loaded(version).read(
            first=target.first,
            last=target.last,
            slices=[target.slice] if target.slice else None,
            columns=table.columns,
        )
        same = (
            stored.height == self._rows.height and hash_sorted(stored, table.name) == self._digest
        )
        return Comparison(
            rows=self._rows.height,
            digest=self._digest,
            difference=None if same else difference(stored, self._rows, table),
        )

    def commit(
        self,
        handle: Handle,
        delta: Any,
        compared: int,  # noqa: ARG002  # delta-rs finds itself what came since
        found: Difference,
        target: Target,
        stamps: Stamps,
    ) -> int:
        """Make one commit on top of `delta` and return its version."""
        with handle.committing():
            commit(delta, self._rows, found, target, stamps)
        return int(delta.version())


def replace_partitions(
    handle: Handle,
    coverage: Coverage,
    target: Target,
    content: Content,
    stamps: Stamps,
    inputs: Mapping[str, int],
) -> Written:
    """Make `content` the content of `target`; the caller keeps other writers of the slice out.

    Where they can be kept out, the range is pending from before the commit until after it: a
    process that dies in between leaves it uncovered, to be run again.

    Parameters
    ----------
    handle, coverage
        The Delta table and the coverage of the slice.
    target
        Partitions and slice.
    content
        The new rows.
    stamps
        Who computed them.
    inputs
        Versions of the tables that they were computed from, by `Lake.identity`.
    """
    first, last = target.first or date.min, target.last or date.max
    found, before, landing = _commit_difference(handle, coverage, target, content, stamps)
    version = landing.compared if landing.committed is None else landing.committed
    change = version, stamps.created
    pieces = pieces_of_write(before, found.difference, first, last, change, target.table)
    coverage.covered([_segment(piece, stamps, inputs) for piece in pieces], landing)
    changed = found.difference is not None or bool(gaps(before, first, last, target.table))
    return Written(version=version, rows=found.rows, changed=changed, content_hash=found.digest)


def _commit_difference(
    handle: Handle, coverage: Coverage, target: Target, content: Content, stamps: Stamps
) -> tuple[Comparison, tuple[Segment, ...], Landing]:
    """Return what was committed, what was covered before, and where the write stands."""
    from deltalake.exceptions import CommitFailedError

    first, last = target.first or date.min, target.last or date.max
    before: tuple[Segment, ...] | None = None
    found: Comparison | None = None
    lost: CommitFailedError | None = None
    for attempt in range(ATTEMPTS):
        try:
            delta = handle.writable()  # a table that is made anew has no coverage
            if before is None or coverage.is_shared:
                before = coverage.segments()
            compared = int(delta.version())
            found = content.compared(handle, compared, target)
            if found.difference is None:
                nothing = Landing(compared=compared, committed=None, first=first, last=last)
                return found, before, nothing
            coverage.pending(first, last)
            version = content.commit(handle, delta, compared, found.difference, target, stamps)
        except CommitFailedError as error:
            lost = error
            if before is not None and found is not None and found.difference is not None:
                # It may be there all the same. Rows that agree by now have changed since `before`.
                before = _without(before, target.narrowed(found.difference.changed))
            handle.reopen()
            if attempt < ATTEMPTS - 1:
                sleep(random.uniform(0.02, 0.1) * 2 ** min(attempt + 1, 5))  # noqa: S311  # jitter
        else:
            touched = target.narrowed(found.difference.changed)
            landing = Landing(
                compared=compared,
                committed=version,
                first=touched.first or date.min,
                last=touched.last or date.max,
            )
            return found, before, landing
    raise ConflictError(
        f"{target}: other writers kept winning, {ATTEMPTS} commits failed. "
        "Run it again when they are done."
    ) from lost


def _without(segments: tuple[Segment, ...], target: Target) -> tuple[Segment, ...]:
    first, last = target.first or date.min, target.last or date.max
    return tuple(part for segment in segments for part in outside(segment, first, last))


def _segment(piece: Piece, stamps: Stamps, inputs: Mapping[str, int]) -> Segment:
    first, last, (changed_version, changed_at) = piece
    return Segment(
        first=first,
        last=last,
        code_version=stamps.code_version,
        input_versions=inputs,
        changed_version=changed_version,
        computed_at=stamps.created,
        changed_at=changed_at,
    )
