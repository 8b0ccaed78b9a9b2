"""Arithmetic of covered partitions: what a write leaves behind, and which ranges adjoin."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from stocks_ai_assets.domain.calendar import nyse, quarter_start
from stocks_ai_assets.lake.coverage import Segment
from stocks_ai_assets.lake.difference import Difference
from stocks_ai_assets.tables.spec import Table

Range = tuple[date, date]
Change = tuple[int, datetime]
"""Version and moment of a change of content."""
Piece = tuple[date, date, Change]
"""First and last partition, and the last change of their content."""

DAY = timedelta(days=1)


def gaps(segments: Sequence[Segment], first: date, last: date, table: Table) -> list[Range]:
    """Return the parts of `first`..`last` that hold a partition and are not covered, ascending."""
    found, day = [], first
    for segment in segments:
        if segment.last < first or segment.first > last:
            continue
        if segment.first > day and _holds_partition(day, segment.first - DAY, table):
            found.append((day, segment.first - DAY))
        if segment.last >= last:
            return found
        day = segment.last + DAY
    return [*found, (day, last)] if _holds_partition(day, last, table) else found


def pieces_of_write(
    before: Sequence[Segment],
    found: Difference | None,
    first: date,
    last: date,
    change: Change,
    table: Table,
) -> list[Piece]:
    """Return the last change of each part of `first`..`last`, after a write.

    Partitions whose content did not change keep their last change; partitions that were not
    covered before count as changed.

    Parameters
    ----------
    before
        Segments before the write, ascending.
    found
        What changed; None: nothing.
    first, last
        Range written.
    change
        Version after the write, and its moment.
    table
        Table written.
    """
    pieces = [
        (max(s.first, first), min(s.last, last), (s.changed_version, s.changed_at))
        for s in before
        if s.first <= last and s.last >= first
    ]
    for start, end in [*gaps(before, first, last, table), *_changed(found, first, last)]:
        pieces = [part for piece in pieces for part in _without(piece, start, end)]
        pieces.append((start, end, change))
    merged: list[Piece] = []
    for start, end, last_change in sorted(pieces):
        if merged and merged[-1][2] == last_change and _adjoin(merged[-1][1], start, table):
            merged[-1] = (merged[-1][0], end, last_change)
        else:
            merged.append((start, end, last_change))
    return merged


def merged_ranges(segments: Sequence[Segment], table: Table) -> list[Range]:
    """Return the ranges of `segments`, those with no partition between them merged."""
    ranges: list[Range] = []
    for segment in segments:
        if ranges and _adjoin(ranges[-1][1], segment.first, table):
            ranges[-1] = (ranges[-1][0], segment.last)
        else:
            ranges.append((segment.first, segment.last))
    return ranges


def _adjoin(end: date, start: date, table: Table) -> bool:
    return start - end <= DAY or not _holds_partition(end + DAY, start - DAY, table)


def _holds_partition(first: date, last: date, table: Table) -> bool:
    match table.partitioned_by:
        case "session":
            return bool(nyse().between(first, last))
        case "quarter":
            return quarter_start(last) >= first
        case "none":
            return True


def _changed(found: Difference | None, first: date, last: date) -> list[Range]:
    """Return the changed partitions as ranges that hold no unchanged one."""
    if found is None:
        return []
    if not found.unchanged:
        return [(first, last)]
    changed, runs, is_open = set(found.changed), list[Range](), False
    for day in sorted([*found.changed, *found.unchanged]):
        if day in changed:
            start = runs.pop()[0] if is_open else day
            runs.append((start, day))
        is_open = day in changed
    return runs


def _without(piece: Piece, start: date, end: date) -> list[Piece]:
    first, last, change = piece
    if last < start or first > end:
        return [piece]
    parts = [(first, start - DAY, change)] if first < start else []
    return [*parts, (end + DAY, last, change)] if last > end else parts
