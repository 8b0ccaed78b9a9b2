"""The order in which assets run: stages of equal partitions, one job each.

Sessions and model quarters cannot share a run, so the graph is cut into stages: facts and signals
by session, the models fitted on them by quarter, the predictions made with these by session, and
so on. The cut is computed from the graph; a new agent needs no change here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.tables.spec import PartitionedBy


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Assets that run together: all by session, or all by quarter.

    Parameters
    ----------
    name
        Name of the Dagster job.
    kind
        Partitions of the assets. Assets without partitions join the stage of their first reader.
    names
        Asset keys with slashes, in the order of the data flow.
    """

    name: str
    kind: PartitionedBy
    names: tuple[str, ...]


def stages(nodes: Mapping[str, Node], selected: Collection[str] | None = None) -> tuple[Stage, ...]:
    """Cut the graph into stages, in order.

    Parameters
    ----------
    nodes
        All assets by name, each after those it reads.
    selected
        Assets to run; None: all. A stage keeps its name whatever is selected of it.
    """
    levels = _levels(nodes)
    found = []
    for level in range(max(levels.values(), default=-1) + 1):
        members = [name for name in nodes if levels[name] == level]
        if not members:
            continue
        groups = dict.fromkeys(nodes[name].table.name.split(".")[0] for name in members)
        kept = tuple(name for name in members if selected is None or name in selected)
        if kept:
            found.append(
                Stage(
                    name=f"stage_{level + 1}_{'_'.join(groups)}",
                    kind="quarter" if level % 2 else "session",
                    names=kept,
                )
            )
    return tuple(found)


def _levels(nodes: Mapping[str, Node]) -> dict[str, int]:
    """Return the stage of every node: sessions at even levels, quarters at odd ones."""
    levels: dict[str, int] = {}
    for name, node in nodes.items():
        kind = node.table.partitioned_by
        if kind == "none":
            continue
        level = 1 if kind == "quarter" else 0
        for upstream in node.upstream:
            other = nodes[upstream].table.partitioned_by
            if other != "none":
                level = max(level, levels[upstream] + (other != kind))
        levels[name] = level
    for name, node in nodes.items():
        if node.table.partitioned_by == "none":
            readers = [levels[n] for n, other in nodes.items() if name in other.upstream]
            levels[name] = min(readers, default=0)
    return {name: levels[name] for name in nodes}


def stage_jobs(nodes: Mapping[str, Node]) -> list[UnresolvedAssetJobDefinition]:
    """Return one job per stage."""
    return [
        dg.define_asset_job(
            name=stage.name,
            selection=dg.AssetSelection.assets(*(name.split("/") for name in stage.names)),
            description=f"By {stage.kind}: {', '.join(stage.names)}.",
        )
        for stage in stages(nodes)
    ]
