"""What a catalog holds now, read from its server in the words of `securables`."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from stocks_ai_assets.governance.calls import BASE, path_of, permissions_path
from stocks_ai_assets.governance.privileges import canonical
from stocks_ai_assets.governance.reading_shares import recipients_of, shares_of
from stocks_ai_assets.governance.securables import Column, RowFilter, Securable, State
from stocks_ai_assets.governance.server import AT_ONCE, Server
from stocks_ai_assets.governance.spelling import spelled
from stocks_ai_assets.governance.statements import full, literal
from stocks_ai_assets.workspace_client import workspace_failures

SYSTEM_SCHEMA = "information_schema"
"""Databricks makes it in every catalog, of relations that nobody can change."""


def actual_state(
    server: Server, catalog: str, desired: State, names: Mapping[str, str] | None = None
) -> State:
    """Return what the server holds of a catalog, and the shares and recipients that open it.

    What the policy does not know is read too, with its grants: somebody may have opened it.

    Parameters
    ----------
    server, catalog
        What is read.
    desired
        What is wanted there.
    names
        Principals of the policy, from `spellings`; None: as the server spells them.

    Raises
    ------
    WorkspaceError
        The server cannot be asked.
    """
    with workspace_failures(f"Reading catalog {catalog}"):
        found = list(_catalog(server, catalog))
        if server.dialect == "databricks":
            found = _tagged(server, catalog, found)
            found += shares_of(server, catalog, desired)
        found = [spelled(each, names or {}) for each in _granted(server, found, desired)]
        if server.dialect == "databricks":
            shares = [each for each in found if each.kind == "share"]
            found += recipients_of(server, catalog, desired, shares)
    return {each.key: each for each in found}


def _catalog(server: Server, catalog: str) -> Iterator[Securable]:
    answer = server.get(path_of("catalog", catalog))
    if answer is None:
        return
    yield Securable(
        kind="catalog", name=catalog, location=answer.get("storage_root"), **_described(answer)
    )
    listed = server.pages(f"{BASE}/schemas", "schemas", catalog_name=catalog)
    schemas = [each for each in listed if each["name"] != SYSTEM_SCHEMA]
    for schema in schemas:
        name = f"{catalog}.{schema['name']}"
        yield Securable(kind="schema", name=name, **_described(schema))
    names = [each["name"] for each in schemas]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(lambda name: list(_schema(server, catalog, name)), names):
            yield from found


def _schema(server: Server, catalog: str, schema: str) -> Iterator[Securable]:
    where = {"catalog_name": catalog, "schema_name": schema}
    for each in server.pages(f"{BASE}/tables", "tables", **where):
        yield _table(f"{catalog}.{schema}.{each['name']}", each)
    for each in server.pages(f"{BASE}/volumes", "volumes", **where):
        yield Securable(
            kind="volume",
            name=f"{catalog}.{schema}.{each['name']}",
            location=each.get("storage_location"),
            managed=each.get("volume_type") != "EXTERNAL",
            **_described(each),
        )
    for each in server.pages(f"{BASE}/functions", "functions", **where):
        yield _function(f"{catalog}.{schema}.{each['name']}", each)
    for each in server.pages(f"{BASE}/models", "registered_models", **where):
        name = f"{catalog}.{schema}.{each['name']}"
        yield Securable(kind="model", name=name, managed=True, **_described(each))


def _described(answer: dict[str, Any]) -> dict[str, Any]:
    return {"comment": answer.get("comment") or "", "owner": answer.get("owner")}


def _table(name: str, answer: dict[str, Any]) -> Securable:
    view = answer.get("table_type") == "VIEW"
    rows = answer.get("row_filter")
    return Securable(
        kind="view" if view else "table",
        name=name,
        location=answer.get("storage_location"),
        managed=not view and answer.get("table_type") != "EXTERNAL",
        columns=tuple(_column(each) for each in answer.get("columns") or ()),
        definition=answer.get("view_definition") or "",
        properties=answer.get("properties") or {},
        row_filter=RowFilter(
            function=rows["function_name"], columns=tuple(rows.get("input_column_names") or ())
        )
        if rows
        else None,
        **_described(answer),
    )


def _column(answer: dict[str, Any]) -> Column:
    mask = answer.get("mask") or {}
    return Column(
        name=answer["name"],
        type_text=answer.get("type_text") or "",
        type_name=answer.get("type_name") or "",
        nullable=answer.get("nullable", True),
        comment=answer.get("comment") or "",
        partition=answer.get("partition_index"),
        mask=mask.get("function_name"),
    )


def _function(name: str, answer: dict[str, Any]) -> Securable:
    given = (answer.get("input_params") or {}).get("parameters") or ()
    parameters = ", ".join(f"{each['name']} {each['type_text']}" for each in given)
    return Securable(
        kind="function",
        name=name,
        signature=f"({parameters}) RETURNS {answer.get('full_data_type') or ''}",
        definition=answer.get("routine_definition") or "",
        **_described(answer),
    )


def _granted(server: Server, found: list[Securable], desired: State) -> list[Securable]:
    """Return securables with their grants.

    Raises `PermissionDenied` where the grants of what the policy knows cannot be read. Not for a
    share: it lies in no catalog, so that of the policy may be somebody else's.
    """
    from databricks.sdk.errors import PermissionDenied

    def read(thing: Securable) -> Securable:
        if thing.hidden:
            return thing
        try:
            return replace(thing, grants=dict(_grants(server, thing)))
        except PermissionDenied:
            if thing.key in desired and thing.kind != "share":
                raise
            return replace(thing, grants_hidden=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(read, found))


def _grants(server: Server, thing: Securable) -> Iterator[tuple[str, frozenset[str]]]:
    path = permissions_path(thing.kind, thing.name, server.dialect)
    for each in server.pages(path, "privilege_assignments"):
        privileges = frozenset(map(canonical, each.get("privileges") or ())) - {"OWNER"}
        if privileges and each.get("principal"):
            yield each["principal"], privileges


def _tagged(server: Server, catalog: str, found: Iterable[Securable]) -> list[Securable]:
    """Return securables with their tags, read in four statements."""
    things = list(found)
    if not any(each.kind == "catalog" for each in things):
        return things
    of_things: dict[str, dict[str, str]] = {}
    of_columns: dict[str, dict[str, dict[str, str]]] = {}
    for relation, parts in (
        ("catalog_tags", ()),
        ("schema_tags", ("schema_name",)),
        ("table_tags", ("schema_name", "table_name")),
        ("column_tags", ("schema_name", "table_name", "column_name")),
    ):
        for row in server.query(_tags_of(catalog, relation, parts)):
            name = ".".join([catalog, *(str(row[part]) for part in parts[:2])])
            into = of_things.setdefault(name, {})
            if relation == "column_tags":
                into = of_columns.setdefault(name, {}).setdefault(str(row["column_name"]), {})
            into[str(row["tag_name"])] = row["tag_value"] or ""
    return [
        replace(
            each,
            tags=of_things.get(each.name, {}) if _may_be_tagged(each) else {},
            columns=tuple(
                replace(column, tags=of_columns.get(each.name, {}).get(column.name, {}))
                for column in each.columns
            ),
        )
        for each in things
    ]


def _may_be_tagged(thing: Securable) -> bool:
    """Whether tags were read under this name: a model may share it with a table."""
    return thing.kind in {"catalog", "schema", "table", "view"}


def _tags_of(catalog: str, relation: str, parts: tuple[str, ...]) -> str:
    columns = ", ".join((*parts, "tag_name", "tag_value"))
    where = f"catalog_name = {literal(catalog)}"
    return f"SELECT {columns} FROM {full(catalog)}.information_schema.{relation} WHERE {where}"  # noqa: S608  # a name of the policy, quoted
