"""What is due: partitions never materialized, or older than what they were computed from.

`status` shows it and the backfill runs it. A partition is stale when it was computed by other code
or settings, or when a partition that it reads changed in a later Delta version than the one that it
was computed from. No clock is asked: a table is read at one version, and inputs must be covered
before that version is pinned, so who read at `changed_version` or later has read what is there now.
That holds for ranges covered without a commit too. A table made anew is another table.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.domain.ranges import Range, input_range
from stocks_ai_assets.domain.transform import Parameters, Transform, Window
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.partitions import window_of
from stocks_ai_assets.tables import TABLES

State = Literal["missing", "stale", "fresh"]
Moments = npt.NDArray[np.datetime64]
Versions = npt.NDArray[np.int64]

NEVER = -1
"""Below every Delta version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What happened to each partition of one asset.

    Parameters
    ----------
    partitions
        Sessions or quarters, ascending; one entry for a table written whole.
    computed_at
        When it was last computed; NaT: never. For display.
    code_versions
        Code and settings that computed it; empty: never.
    input_versions
        Versions of the tables that it was computed from, by `Lake.identity`.
    changed_version
        Version of its own table in which its content last changed; -1: never computed.
    """

    partitions: tuple[date, ...]
    computed_at: Moments
    code_versions: tuple[str, ...]
    input_versions: tuple[Mapping[str, int], ...]
    changed_version: Versions


def history(lake: Lake, node: Node, partitions: Sequence[date]) -> History:
    """Read the history of `partitions` of one asset from the lake's coverage."""
    segments = lake.coverage(node.table.name, node.slice)
    days = np.array(partitions, dtype="datetime64[D]")
    firsts = np.array([s.first for s in segments], dtype="datetime64[D]")
    lasts = np.array([s.last for s in segments], dtype="datetime64[D]")
    position = np.searchsorted(lasts, days)
    found = [
        segments[at] if at < len(segments) and firsts[at] <= day else None
        for at, day in zip(position, days, strict=True)
    ]
    return History(
        partitions=tuple(partitions),
        computed_at=np.array(
            [s.computed_at.replace(tzinfo=None) if s else None for s in found],
            dtype="datetime64[us]",
        ),
        code_versions=tuple(s.code_version if s else "" for s in found),
        input_versions=tuple(s.input_versions if s else {} for s in found),
        changed_version=np.array(
            [s.changed_version if s else NEVER for s in found], dtype=np.int64
        ),
    )


def due(
    lake: Lake,
    nodes: Mapping[str, Node],
    name: str,
    window: Window,
    code_version: str,
    cache: dict[str, History] | None = None,
) -> dict[date, State]:
    """Judge every partition of one asset that a range of sessions touches.

    Parameters
    ----------
    lake
        The Delta tables.
    nodes
        All assets by name.
    name
        Asset to judge.
    window
        Sessions.
    code_version
        Version that would compute it now.
    cache
        Histories already read, filled by this call.

    Returns
    -------
    dict
        State by partition, ascending; the one partition of a table written whole is the last
        session of `window`.
    """
    node, cache = nodes[name], {} if cache is None else cache
    if node.table.partitioned_by == "none":
        covered = any(s.code_version == code_version for s in lake.coverage(node.table.name, None))
        return {window.last: "fresh" if covered else "missing"}
    wanted = window_of(node.table.partitioned_by, window)
    own = history(lake, node, wanted.partitions)
    outdated = _outdated(lake, nodes, node, own, wanted, cache)
    states: dict[date, State] = {}
    for i, partition in enumerate(wanted.partitions):
        if own.changed_version[i] == NEVER:
            states[partition] = "missing"
        elif own.code_versions[i] != code_version or outdated[i]:
            states[partition] = "stale"
        else:
            states[partition] = "fresh"
    return states


def touched(
    nodes: Mapping[str, Node],
    name: str,
    window: Window,
    running: Mapping[str, tuple[date, date]],
    candidates: Sequence[date],
) -> list[date]:
    """Return those of `candidates` that read a partition which is going to run.

    Parameters
    ----------
    nodes
        All assets by name.
    name
        Asset whose partitions `candidates` are.
    window
        Sessions; only calendar and parameters are used.
    running
        First and last partition that other assets are going to run.
    candidates
        Partitions, ascending.
    """
    transform = nodes[name].transform
    if transform is None:
        return []
    writers = {(n.table.name, n.slice): n for n in nodes.values()}
    spans: dict[str, list[tuple[date, date]]] = {}
    for key, declared in transform.inputs.items():
        upstream = [writers[declared.table, slice_] for slice_ in declared.slices or (None,)]
        for node in upstream:
            if node.name in running:
                first, last = running[node.name]
                # The first partition of facts also holds all that was known before it.
                whole = node.table.kind == "fact" and first <= window.parameters.first_session
                spans.setdefault(key, []).append((date.min if whole else first, last))
    found = []
    for partition in candidates:
        one = replace(window, partitions=(partition,))
        reads = ((input_range(transform, key, one), at) for key, at in spans.items())
        if any(read is not None and _meets(read, at) for read, at in reads):
            found.append(partition)
    return found


def _meets(read: Range, spans: Sequence[tuple[date, date]]) -> bool:
    return any(
        first <= read.last and (read.first is None or read.first <= last) for first, last in spans
    )


def _outdated(
    lake: Lake,
    nodes: Mapping[str, Node],
    node: Node,
    own: History,
    wanted: Window,
    cache: dict[str, History],
) -> npt.NDArray[np.bool_]:
    """Whether any input of each computed partition changed after the version that it read."""
    computed = own.changed_version != NEVER
    outdated = np.zeros(len(own.partitions), dtype=bool)
    if node.transform is None or not computed.any():
        return outdated
    writers = {(n.table.name, n.slice): n for n in nodes.values()}
    for name, declared in node.transform.inputs.items():
        if TABLES[declared.table].partitioned_by == "none":
            # The ledger of trials grows with every configuration; that alone makes no result wrong.
            continue
        identity = lake.identity(declared.table) or ""
        read = np.array([v.get(identity, NEVER) for v in own.input_versions], dtype=np.int64)
        oldest, reach = read[computed].min(), None
        for slice_ in declared.slices or (None,):
            upstream = writers[declared.table, slice_]
            past = cache.get(upstream.name) or _whole_history(lake, upstream, wanted)
            cache[upstream.name] = past
            if past.changed_version.max(initial=NEVER) > oldest:
                # The same for all slices: they have the same partitions.
                reach = reach or _reach(node.transform, name, past.partitions, wanted)
                outdated |= _latest(past.changed_version, reach) > read
    return outdated


def _reach(
    transform: Transform, name: str, days: Sequence[date], wanted: Window
) -> list[tuple[int, int]]:
    """Positions in `days`, from and to before, that each partition of `wanted` reads."""
    calendar, parameters = wanted.calendar, wanted.parameters
    # What was known before the first session came with its partition.
    is_fact = TABLES[transform.inputs[name].table].kind == "fact"
    earliest = parameters.first_session if is_fact else date.min
    found = []
    for partition in wanted.partitions:
        window = Window(partitions=(partition,), calendar=calendar, parameters=parameters)
        read = input_range(transform, name, window)
        if read is None:
            found.append((0, 0))
            continue
        low = 0 if read.first is None else bisect_left(days, read.first)
        found.append((low, bisect_right(days, max(read.last, earliest))))
    return found


def _latest(changed: Versions, reach: Sequence[tuple[int, int]]) -> Versions:
    """Latest version within each range; -1 where there is none."""
    so_far = np.maximum.accumulate(changed)
    latest = [
        NEVER if high <= low else so_far[high - 1] if low == 0 else changed[low:high].max()
        for low, high in reach
    ]
    return np.array(latest, dtype=np.int64)


def _whole_history(lake: Lake, node: Node, wanted: Window) -> History:
    """Read the history of all partitions up to the window's end."""
    parameters: Parameters = wanted.parameters
    last = max(wanted.last, parameters.first_session)
    end = wanted.calendar.next_or_same(last)
    sessions = Window(
        partitions=wanted.calendar.between(parameters.first_session, end),
        calendar=wanted.calendar,
        parameters=parameters,
    )
    found = history(lake, node, window_of(node.table.partitioned_by, sessions).partitions)
    if node.table.kind == "fact":
        # The first partition also holds all that was known before it.
        earlier = [
            segment.changed_version
            for segment in lake.coverage(node.table.name, node.slice)
            if segment.last < parameters.first_session
        ]
        found.changed_version[0] = max(found.changed_version[0], *earlier, NEVER)
    return found
