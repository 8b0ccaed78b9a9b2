"""Every asset as a plain node: its key, the table it writes, the nodes it reads.

Factories build Dagster assets from the nodes; jobs and backfill read the order from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stocks_ai_assets.domain.transform import Input, Transform
from stocks_ai_assets.sources.ports import FACT_TABLES
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.spec import Table

TRIALS = "evaluation.trials"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One asset.

    Parameters
    ----------
    name
        Asset key with slashes, for instance `agents/predictions/risk`.
    table
        Contract of the table written.
    slice
        Slice written, or None for the whole table.
    transform
        Declaration of a computed asset; None for facts and the ledger of trials.
    upstream
        Names of the nodes read.
    """

    name: str
    table: Table
    slice: str | None = None
    transform: Transform | None = None
    upstream: tuple[str, ...] = ()


def asset_name(table: str) -> str:
    """Asset key, with slashes, of a table that one asset writes."""
    return table.replace(".", "/")


def nodes(transforms: Sequence[Transform]) -> dict[str, Node]:
    """Return all assets by name, each after the assets it reads.

    Parameters
    ----------
    transforms
        Declarations with their slices written out (`engines.inputs.with_slices`), any order.
    """
    found = {
        asset_name(name): Node(name=asset_name(name), table=TABLES[name])
        for name in (*FACT_TABLES, TRIALS)
    }
    writers: dict[tuple[str, str | None], str] = {
        (node.table.name, None): node.name for node in found.values()
    } | {(t.table, t.slice): t.name for t in transforms}
    waiting = {
        t.name: Node(
            name=t.name,
            table=TABLES[t.table],
            slice=t.slice,
            transform=t,
            upstream=_upstream(t, writers),
        )
        for t in transforms
    }
    while waiting:
        ready = [n for n in waiting.values() if all(up in found for up in n.upstream)]
        if not ready:
            raise ValueError(f"Transforms read each other in a circle: {', '.join(waiting)}")
        for node in ready:
            found[node.name] = waiting.pop(node.name)
    return found


def _upstream(transform: Transform, writers: dict[tuple[str, str | None], str]) -> tuple[str, ...]:
    names = [
        writers[declared.table, slice_]
        for declared in transform.inputs.values()
        for slice_ in _slices(declared)
    ]
    return tuple(dict.fromkeys(names))


def _slices(declared: Input) -> tuple[str | None, ...]:
    return declared.slices or (None,)
