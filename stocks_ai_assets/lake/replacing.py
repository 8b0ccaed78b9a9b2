"""Replacing partitions: compare, commit what differs, keep the coverage true."""

import random
from collections.abc import Mapping
from datetime import date
from time import sleep

import polars as pl

from stocks_ai_assets.errors import ConflictError
from stocks_ai_assets.lake.content import hash_sorted
from stocks_ai_assets.lake.coverage import Ledger, Segment
from stocks_ai_assets.lake.difference import Difference, difference
from stocks_ai_assets.lake.handles import Handle
from stocks_ai_assets.lake.periods import Piece, gaps, pieces_of_write
from stocks_ai_assets.lake.snapshot import Snapshot
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.lake.writing import Stamps, Written, commit

ATTEMPTS = 10
"""Commits tried before a write gives up against other writers."""


def replace_partitions(
    handle: Handle,
    ledger: Ledger,
    target: Target,
    rows: pl.DataFrame,
    digest: str,
    stamps: Stamps,
    inputs: Mapping[str, int],
) -> Written:
    """Make `rows` the content of `target`; the caller keeps other writers of the slice out.

    The range is pending from before the commit until after it: a process that dies in between
    leaves it uncovered, to be run again.

    Parameters
    ----------
    handle, ledger
        The Delta table and the coverage of the slice.
    target
        Partitions and slice.
    rows
        Content columns, conforming and sorted by key.
    digest
        Content hash of `rows`.
    stamps
        Who computed them.
    inputs
        Versions of the tables that they were computed from, by `Lake.identity`.
    """
    first, last = target.first or date.min, target.last or date.max
    handle.writable()  # a table that is made anew has no coverage
    before = ledger.segments()
    found, version = _commit_difference(handle, ledger, target, rows, digest, stamps)
    change = version, stamps.created
    pieces = pieces_of_write(before, found, first, last, change, target.table)
    ledger.covered([_segment(piece, stamps, inputs) for piece in pieces])
    return Written(
        version=version,
        rows=rows.height,
        changed=found is not None or bool(gaps(before, first, last, target.table)),
        content_hash=digest,
    )


def _commit_difference(
    handle: Handle,
    ledger: Ledger,
    target: Target,
    rows: pl.DataFrame,
    digest: str,
    stamps: Stamps,
) -> tuple[Difference | None, int]:
    """Return what was committed (None: the content is stored already) and the version now."""
    from deltalake.exceptions import CommitFailedError

    attempt = 0
    while True:
        delta = handle.writable()
        found = _compared(handle.loaded(delta.version()), target, rows, digest)
        if found is None:
            return None, delta.version()
        ledger.pending(target.first or date.min, target.last or date.max)
        try:
            commit(delta, rows, found, target, stamps)
        except CommitFailedError as error:
            handle.reopen()
            attempt += 1
            if attempt == ATTEMPTS:
                raise ConflictError(
                    f"{target}: other writers kept winning, {ATTEMPTS} commits failed. "
                    "Run it again when they are done."
                ) from error
            sleep(random.uniform(0.02, 0.1) * 2 ** min(attempt, 5))  # noqa: S311  # jitter
        else:
            return found, delta.version()


def _compared(
    snapshot: Snapshot, target: Target, rows: pl.DataFrame, digest: str
) -> Difference | None:
    """Compare with what is stored; None: the same content."""
    table = target.table
    stored = snapshot.read(
        first=target.first,
        last=target.last,
        slices=[target.slice] if target.slice else None,
        columns=table.columns,
    )
    same = stored.height == rows.height and hash_sorted(stored, table.name) == digest
    return None if same else difference(stored, rows, table)


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
