"""Lineage that Databricks does not see: from the transforms' declarations to Unity Catalog.

What its own Spark writes it records by itself (`writers`); pushed too, it would be there twice.
Databricks takes relationships in which one end is external metadata, so each transform becomes
one such object between its inputs and its table. Columns are left out: transforms declare tables.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from stocks_ai_assets.domain.transform import Transform
from stocks_ai_assets.errors import GovernanceError
from stocks_ai_assets.governance.calls import Call
from stocks_ai_assets.governance.server import Server
from stocks_ai_assets.governance.writers import Part
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.workspace_client import workspace_failures

BASE = "/api/2.0/lineage-tracking"
OWN = {"managed_by": "stocks-ai"}
"""Property of the objects that are ours: others are never touched."""

LEFT = "Databricks wrote its table, and records that itself"

End = tuple[str, str]
"""`table` or `external_metadata`, and its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What turns tables into a table: a transform, or the source of facts.

    Parameters
    ----------
    name
        Name of the external metadata object.
    kind, description, properties
        What people read there.
    catalog
        Catalog of its tables.
    inputs, outputs
        Names of tables, without the catalog.
    slice
        What of its outputs it writes; empty: all.
    """

    name: str
    kind: str
    description: str
    properties: dict[str, str]
    catalog: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    slice: str = ""

    @property
    def edges(self) -> set[tuple[End, End]]:
        """Relationships from inputs to the step and from the step to its outputs."""
        here = ("external_metadata", self.name)
        return {(self._table(each), here) for each in self.inputs} | {
            (here, self._table(each)) for each in self.outputs
        }

    def _table(self, name: str) -> End:
        return "table", f"{self.catalog}.{name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LineageChange:
    """One change of the lineage: what it is in words, and the request."""

    title: str
    call: Call
    prune: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {"title": self.title, "prune": self.prune}


def steps_of(catalog: str, transforms: Iterable[Transform], source: str) -> tuple[Step, ...]:
    """Return the steps that fill the catalog's tables.

    Parameters
    ----------
    catalog
        Name of the catalog.
    transforms
        Declarations of the computed tables.
    source
        Name of the source of facts.
    """
    landing = Step(
        name=f"{catalog}_source_{source}",
        kind="source of facts",
        description=f"Source `{source}` of stocks_ai: facts as published.",
        properties={**OWN, "catalog": catalog},
        catalog=catalog,
        inputs=(),
        outputs=tuple(name for name, each in TABLES.items() if each.kind == "fact"),
    )
    computed = (
        Step(
            name=f"{catalog}_{each.name.replace('/', '_')}",
            kind="Dagster asset",
            description=each.description or f"Asset {each.name} of stocks_ai.",
            properties={
                **OWN,
                "catalog": catalog,
                "asset": each.name,
                "code_version": each.code_version,
            },
            catalog=catalog,
            inputs=tuple(sorted({read.table for read in each.inputs.values()})),
            outputs=(each.table,),
            slice=each.slice or "",
        )
        for each in transforms
    )
    return landing, *computed


def require_lineage(server: Server) -> None:
    """Raise `GovernanceError` where a server keeps no lineage."""
    if server.dialect == "oss":
        raise GovernanceError(
            "Open-source Unity Catalog keeps no lineage. Dagster shows it: stocks-ai ui."
        )


def plan_lineage(
    server: Server, catalog: str, steps: tuple[Step, ...], left: Iterable[Part] = ()
) -> list[LineageChange]:
    """Return what must change so that the server shows the steps; nothing the second time.

    Parameters
    ----------
    server
        Where; one that keeps lineage, see `require_lineage`.
    catalog
        Name of the catalog.
    steps
        What fills its tables.
    left
        Tables and their slices whose lineage the server records by itself: no step leads to them.

    Raises
    ------
    GovernanceError
        Tables are not registered yet.
    WorkspaceError
        The server cannot be asked.
    """
    with workspace_failures(f"Reading the lineage of {catalog}"):
        _require_tables(server, catalog, steps)
        there = {
            each["name"]: each
            for each in server.pages(f"{BASE}/external-metadata", "external_metadata")
            if (each.get("properties") or {}).get("managed_by") == OWN["managed_by"]
            and each["properties"].get("catalog") == catalog
        }
        pushed = tuple(_ours(steps, frozenset(left)))
        changes = [change for step in pushed for change in _step(server, step, there)]
    known, wanted = ({step.name for step in each} for each in (steps, pushed))
    changes += [
        LineageChange(
            title=f"remove {name}: {LEFT if name in known else 'no such asset any more'}",
            call=Call(method="DELETE", path=_path(name)),
            prune=True,
        )
        for name in there
        if name not in wanted
    ]
    return changes


def _ours(steps: Iterable[Step], left: frozenset[Part]) -> Iterator[Step]:
    """Steps without the tables that are left to the server, and none that leads to these alone."""
    for step in steps:
        outputs = tuple(each for each in step.outputs if (each, step.slice) not in left)
        if outputs:
            yield replace(step, outputs=outputs)


def _path(name: str) -> str:
    return f"{BASE}/external-metadata/{quote(name, safe='')}"


def _require_tables(server: Server, catalog: str, steps: tuple[Step, ...]) -> None:
    needed = {name for step in steps for name in (*step.inputs, *step.outputs)}
    known = {
        f"{schema}.{each['name']}"
        for schema in sorted({name.split(".")[0] for name in needed})
        for each in server.pages(
            "/api/2.1/unity-catalog/tables",
            "tables",
            catalog_name=catalog,
            schema_name=schema,
            omit_columns="true",
            omit_properties="true",
        )
    }
    missing = sorted(needed - known)
    if missing:
        raise GovernanceError(
            f"{len(missing)} tables are not registered, first {catalog}.{missing[0]}. "
            "Run: stocks-ai governance apply"
        )


def _step(server: Server, step: Step, there: dict[str, Any]) -> Iterator[LineageChange]:
    body = {
        "name": step.name,
        "system_type": "OTHER",
        "entity_type": step.kind,
        "description": step.description,
        "properties": step.properties,
    }
    found = there.get(step.name)
    known: set[tuple[End, End]] = set()
    if found is None:
        call = Call(method="POST", path=f"{BASE}/external-metadata", body=body)
        yield LineageChange(title=f"add {step.kind} {step.name}", call=call)
    else:
        known = set(_edges(server, step.name))
        changed = [key for key in ("description", "properties") if found.get(key) != body[key]]
        if changed:
            yield LineageChange(
                title=f"describe {step.name}: another {' and '.join(changed)} there",
                call=Call(
                    method="PATCH",
                    path=_path(step.name),
                    body=body,
                    query={"update_mask": ",".join(changed)},
                ),
            )
    for source, target in sorted(step.edges - known):
        yield LineageChange(
            title=f"relate {source[1]} to {target[1]}",
            call=Call(
                method="POST",
                path=f"{BASE}/external-lineage",
                body={"source": _end(source), "target": _end(target)},
            ),
        )
    for source, target in sorted(known - step.edges):
        yield LineageChange(
            title=f"separate {source[1]} from {target[1]}: not pushed any more",
            call=Call(
                method="DELETE",
                path=f"{BASE}/external-lineage",
                query={
                    f"external_lineage_relationship.{side}.{kind}.name": name
                    for side, (kind, name) in (("source", source), ("target", target))
                },
            ),
            prune=True,
        )


def _edges(server: Server, name: str) -> Iterator[tuple[End, End]]:
    for direction in ("UPSTREAM", "DOWNSTREAM"):
        for each in server.pages(
            f"{BASE}/external-lineage",
            "external_lineage_relationships",
            **{"object_info.external_metadata.name": name, "lineage_direction": direction},
        ):
            info = each.get("external_lineage_info") or {}
            ends = [_named(info.get("source") or {}), _named(info.get("target") or {})]
            if ends[0] and ends[1]:
                yield ends[0], ends[1]


def _named(end: dict[str, Any]) -> End | None:
    for kind in ("table", "external_metadata"):
        if kind in end:
            return kind, str(end[kind]["name"])
    return None


def _end(end: End) -> dict[str, Any]:
    return {end[0]: {"name": end[1]}}


def push_lineage(server: Server, changes: Iterable[LineageChange]) -> int:
    """Make the changes one after the other and return how many; raises at the first that fails."""
    done = 0
    for change in changes:
        with workspace_failures(change.title):
            server.carry_out(change.call)
        done += 1
    return done
