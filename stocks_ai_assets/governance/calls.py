"""REST calls for what a server changes by REST, in the words of either server.

What is missing here is done by SQL on Databricks, and cannot be done on the open-source server.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from stocks_ai_assets.governance.privileges import Kind, spaced
from stocks_ai_assets.governance.securables import Column, Securable, Shared

Dialect = Literal["databricks", "oss"]

BASE = "/api/2.1/unity-catalog"

PATHS: dict[Kind, str] = {
    "catalog": "catalogs",
    "schema": "schemas",
    "table": "tables",
    "view": "tables",
    "volume": "volumes",
    "function": "functions",
    "model": "models",
    "share": "shares",
    "recipient": "recipients",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request: method, path, JSON body and query."""

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


def path_of(kind: Kind, name: str) -> str:
    """Path of one securable. Shares and recipients of others may be called anything."""
    return f"{BASE}/{PATHS[kind]}/{quote(name, safe='')}"


def create(thing: Securable, dialect: Dialect) -> Call:
    """Return the request that makes a securable; not for views and functions."""
    *above, name = thing.name.split(".")
    body: dict[str, Any] = {"name": name, "comment": thing.comment}
    body |= dict(zip(("catalog_name", "schema_name"), above, strict=False))
    match thing.kind:
        case "catalog" if thing.location:
            body["storage_root"] = thing.location
        case "volume":
            body["volume_type"] = "EXTERNAL" if thing.location else "MANAGED"
            if thing.location:
                body["storage_location"] = thing.location
        case "table":
            body |= {
                "table_type": "EXTERNAL",
                "data_source_format": "DELTA",
                "storage_location": thing.location,
                "columns": [_column(place, each) for place, each in enumerate(thing.columns)],
                "properties": dict(thing.properties),
            }
            if dialect == "databricks":  # its API takes none: COMMENT ON follows
                del body["comment"]
        case "recipient":
            body["authentication_type"] = thing.authentication
            if thing.metastore:
                body["data_recipient_global_metastore_id"] = thing.metastore
    return Call(method="POST", path=f"{BASE}/{PATHS[thing.kind]}", body=body)


def _column(position: int, column: Column) -> dict[str, Any]:
    partition = {} if column.partition is None else {"partition_index": column.partition}
    return {
        "name": column.name,
        "type_name": column.type_name,
        "type_text": column.type_text,
        "type_json": column.type_json,
        "position": position,
        "nullable": column.nullable,
        "comment": column.comment,
        **partition,
    }


def drop(kind: Kind, name: str) -> Call:
    """Return the request that removes something that holds no data."""
    return Call(method="DELETE", path=path_of(kind, name))


def update(kind: Kind, name: str, **fields: str) -> Call:
    """Return the request that sets comment or owner."""
    return Call(method="PATCH", path=path_of(kind, name), body=fields)


def permissions(
    kind: Kind,
    name: str,
    dialect: Dialect,
    *,
    principal: str,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> Call:
    """Return the request that grants or revokes."""
    given = {"add": add, "remove": remove}
    spelled = {
        key: [spaced(each) if dialect == "oss" else each for each in sorted(privileges)]
        for key, privileges in given.items()
    }
    change = {"principal": principal, **{key: found for key, found in spelled.items() if found}}
    return Call(
        method="PATCH",
        path=permissions_path(kind, name, dialect),
        body={"changes": [change]},
    )


def permissions_path(kind: Kind, name: str, dialect: Dialect) -> str:
    """Path of the grants on one securable; a registered model is a function on Databricks."""
    if kind == "share":
        return f"{path_of('share', name)}/permissions"
    model = "registered_model" if dialect == "oss" else "function"
    called = {"view": "table", "model": model}.get(kind, kind)
    return f"{BASE}/permissions/{called}/{quote(name, safe='')}"


def share(name: str, action: Literal["ADD", "UPDATE", "REMOVE"], thing: Shared) -> Call:
    """Return the request that changes what a share holds."""
    shared: dict[str, Any] = {"name": thing.name, "data_object_type": thing.kind.upper()}
    if action != "REMOVE":
        shared["shared_as"] = thing.alias
        if thing.kind == "table":
            shared["history_data_sharing_status"] = "ENABLED" if thing.history else "DISABLED"
    update = {"action": action, "data_object": shared}
    return Call(method="PATCH", path=path_of("share", name), body={"updates": [update]})
