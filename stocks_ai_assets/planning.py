"""What is due: partitions never materialized, or older than what they were computed from.

`status` shows it and the backfill runs it. A partition is stale when it was computed by other code
or settings, or when an input partition changed after it was computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.domain.ranges import input_range
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.partitions import window_of

State = Literal["missing", "stale", "fresh"]
Moments = npt.NDArray[np.datetime64]

NEVER = np.datetime64("NaT")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What happened to each partition of one asset.

    Parameters
    ----------
    partitions
        Sessions or quarters, ascending; one entry for a table written whole.
    computed_at, changed_at
        When it was last computed, and when its content last changed; NaT: never.
    code_versions
        Code and settings that computed it; empty: never.
    """

    partitions: tuple[date, ...]
    computed_at: Moments
    changed_at: Moments
    code_versions: tuple[str, ...]


def history(lake: Lake, node: Node, partitions: Sequence[date]) -> History:
    """Read the history of `partitions` of one asset from the lake's coverage."""
    days = np.array(partitions, dtype="datetime64[D]")
    computed = np.full(len(days), NEVER, dtype="datetime64[us]")
    changed, versions = computed.copy(), np.full(len(days), "", dtype=object)
    for segment in lake.coverage(node.table.name, node.slice):
        low = np.searchsorted(days, np.datetime64(segment.first), side="left")
        high = np.searchsorted(days, np.datetime64(segment.last), side="right")
        computed[low:high] = _moment(segment.computed_at)
        changed[low:high] = _moment(segment.changed_at)
        versions[low:high] = segment.code_version
    return History(
        partitions=tuple(partitions),
        computed_at=computed,
        changed_at=changed,
        code_versions=tuple(versions),
    )


def _moment(value: datetime) -> np.datetime64:
    return np.datetime64(value.replace(tzinfo=None), "us")


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
    newest = _newest_inputs(lake, nodes, node, wanted, cache)
    states: dict[date, State] = {}
    for i, partition in enumerate(wanted.partitions):
        if np.isnat(own.computed_at[i]):
            states[partition] = "missing"
        elif own.code_versions[i] != code_version or newest[i] > own.computed_at[i]:
            states[partition] = "stale"
        else:
            states[partition] = "fresh"
    return states


def _newest_inputs(
    lake: Lake,
    nodes: Mapping[str, Node],
    node: Node,
    wanted: Window,
    cache: dict[str, History],
) -> Moments:
    """When any input of each partition last changed; NaT where none ever did."""
    newest = np.full(len(wanted.partitions), NEVER, dtype="datetime64[us]")
    if node.transform is None:
        return newest
    windows = [
        Window(partitions=(p,), calendar=wanted.calendar, parameters=wanted.parameters)
        for p in wanted.partitions
    ]
    for name, declared in node.transform.inputs.items():
        ranges = [input_range(node.transform, name, each) for each in windows]
        for slice_ in declared.slices or (None,):
            upstream = next(
                n for n in nodes.values() if (n.table.name, n.slice) == (declared.table, slice_)
            )
            if upstream.table.partitioned_by == "none" or upstream is node:
                # The ledger of trials grows with every configuration; that alone makes no
                # result wrong.
                continue
            past = cache.get(upstream.name) or _whole_history(lake, upstream, wanted)
            cache[upstream.name] = past
            days = np.array(past.partitions, dtype="datetime64[D]")
            # NaT would poison a maximum.
            moments = past.changed_at.astype(np.int64)
            for i, found in enumerate(ranges):
                if found is None:
                    continue
                low = 0 if found.first is None else int(np.searchsorted(days, _day(found.first)))
                high = int(np.searchsorted(days, _day(found.last), side="right"))
                if high > low:
                    latest = moments[low:high].max().astype("datetime64[us]")
                    newest[i] = latest if np.isnat(newest[i]) else np.fmax(newest[i], latest)
    return newest


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
    return history(lake, node, window_of(node.table.partitioned_by, sessions).partitions)


def _day(day: date) -> np.datetime64:
    return np.datetime64(day, "D")
