"""Tables and views: REST handlers, creation and removal that SQL shares with them."""

import json

from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.unity import storage, types
from stocks_ai_assets_tests.workspace.unity.calls import (
    V21,
    deleted,
    not_allowed,
    paged,
    table_of,
)
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of
from stocks_ai_assets_tests.workspace.unity.catalogs import TIMES

_OSS_FIELDS = (
    "name",
    "catalog_name",
    "schema_name",
    "table_type",
    "data_source_format",
    "columns",
    "storage_location",
    "comment",
    "properties",
    "owner",
    *TIMES,
)
_OSS_COLUMN = (
    "name",
    "type_text",
    "type_json",
    "type_name",
    "type_precision",
    "type_scale",
    "type_interval_type",
    "position",
    "comment",
    "nullable",
    "partition_index",
)


def show(unity, document) -> dict:
    """A table as either server answers it."""
    info = document["info"]
    if unity.oss:
        shown = {key: info.get(key) for key in _OSS_FIELDS}
        shown["columns"] = [{k: c.get(k) for k in _OSS_COLUMN} for c in info.get("columns", [])]
        return shown | {"table_id": document["id"]}
    return {**info, "table_id": document["id"], "metastore_id": unity.metastore["id"]}


def create(unity, principal, full_name: str, **info) -> dict:
    """Create a table or view in the state; storage is the caller's matter."""
    catalog, schema, name = full_name.lower().split(".")
    above = unity.get("schema", f"{catalog}.{schema}")
    unity.require(principal, "CREATE_TABLE", above)
    parts = {"catalog_name": catalog, "schema_name": schema}
    location = info.get("storage_location")
    if location and info.get("table_type") == "EXTERNAL":
        if unity.find("table", full_name):
            raise unity.taken("table", full_name.lower())
        info["storage_location"] = storage.claim(
            unity, principal, location, "CREATE_EXTERNAL_TABLE"
        )
    return unity.add("table", above["full_name"], name, principal, **parts, **info)


def drop(unity, principal, document) -> None:
    """Remove a table or view; files of an external table stay."""
    unity.require_manage(principal, document)
    storage.forget(unity, document)
    unity.remove(document)


def secured(document) -> bool:
    """Whether a table has a row filter or a column mask."""
    columns = document["info"].get("columns", [])
    return "row_filter" in document["info"] or any("mask" in column for column in columns)


def column_of(document, name: str) -> dict | None:
    """A table's column by its name in any case."""
    found = [c for c in document["info"]["columns"] if c["name"].lower() == name.lower()]
    return found[0] if found else None


def _read_columns(unity, given) -> list[dict]:
    columns = []
    for position, one in enumerate(given or []):
        lacking = [key for key in ("name", "type_text", "type_name") if not one.get(key)]
        if unity.oss:
            lacking += [k for k in ("type_json", "position") if one.get(k) in (None, "")]
        if lacking:
            message = f"column {one.get('name') or position}: missing {', '.join(lacking)}"
            raise unity.bad(message)
        if one["type_name"] not in _TYPE_NAMES:
            raise unity.bad(f"column {one['name']}: '{one['type_name']}' is not a type name")
        field = _json(one.get("type_json"))
        if unity.oss and not (isinstance(field, dict) and {"name", "type"} <= set(field)):
            raise unity.bad(f"column {one['name']}: type_json must be the JSON of a StructField")
        columns.append({"nullable": True, "position": position, **one})
    return columns


def _json(text):
    try:
        return json.loads(text or "")
    except ValueError:
        return text


_TYPE_NAMES = {name for _, name in types.NAMES.values()} | {
    "ARRAY",
    "MAP",
    "STRUCT",
    "DECIMAL",
    "CHAR",
    "INTERVAL",
    "VARIANT",
    "USER_DEFINED_TYPE",
}


class Tables:
    """Handlers of tables."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def listing(self, call):
        above = self.unity.get("schema", f"{call.need('catalog_name')}.{call.need('schema_name')}")
        if not self.unity.oss:
            self.unity.require_see(call.principal, above)
        browse = call.flag("include_browse")
        found = [
            self._trimmed(call, show(self.unity, one), own=self.unity.sees(call.principal, one))
            for one in self.unity.every("table", above["full_name"])
            if self.unity.sees(call.principal, one, browse=browse)
        ]
        return paged(self.unity, call, "tables", found, largest=50)

    def _trimmed(self, call, shown, *, own):
        for flag, keys in (
            ("omit_columns", ("columns",)),
            ("omit_properties", ("properties",)),
            ("omit_username", ("owner", "created_by", "updated_by")),
        ):
            if call.flag(flag):
                shown = {key: value for key, value in shown.items() if key not in keys}
        return shown if own else shown | {"browse_only": True}

    def summaries(self, call):
        self.unity.get("catalog", call.need("catalog_name"))
        found = [
            {"full_name": one["full_name"], "table_type": one["info"]["table_type"]}
            for one in self.unity.every("table", call.need("catalog_name"))
            if self.unity.sees(call.principal, one)
        ]
        return paged(self.unity, call, "tables", found)

    def create_one(self, call):
        body = call.body
        full = ".".join(str(call.need(key)) for key in ("catalog_name", "schema_name", "name"))
        kind, location = body.get("table_type"), body.get("storage_location")
        if kind != "EXTERNAL":
            raise self.unity.bad(f"Only EXTERNAL tables can be created by this API, found {kind}")
        if not location:
            raise self.unity.bad("Storage location is required for external table")
        if body.get("data_source_format") not in ("DELTA", "PARQUET", "CSV", "JSON"):
            raise self.unity.bad(
                f"data_source_format '{body.get('data_source_format')}' is not known"
            )
        made = create(
            self.unity,
            call.principal,
            full,
            table_type=kind,
            data_source_format=body["data_source_format"],
            columns=_read_columns(self.unity, body.get("columns")),
            storage_location=location,
            comment=body.get("comment"),
            properties=body.get("properties") or {},
        )
        return show(self.unity, made)

    def get(self, call):
        document = self.unity.get("table", call.path["name"])
        browse = call.flag("include_browse") and not self.unity.oss
        self.unity.require_see(call.principal, document, browse=browse)
        shown = show(self.unity, document)
        own = self.unity.sees(call.principal, document)
        return shown if own else shown | {"browse_only": True}

    def exists(self, call):
        name = call.path["name"]
        above = self.unity.get("schema", name.rpartition(".")[0])
        self.unity.require_see(call.principal, above)
        found = self.unity.find("table", name)
        return {"table_exists": bool(found and self.unity.sees(call.principal, found, browse=True))}

    def update(self, call):
        document = self.unity.get("table", call.path["name"])
        self.unity.require_manage(call.principal, document)
        if call.body.get("owner"):
            self.unity.touch(document, call.principal, owner=self.unity.known(call.body["owner"]))
        return {}

    def delete(self, call):
        drop(self.unity, call.principal, self.unity.get("table", call.path["name"]))
        return deleted(self.unity)

    def no_constraints(self, call):
        raise Refused(501, "NOT_IMPLEMENTED", "table constraints are not kept by this workspace")

    def no_credentials(self, call):
        message = "External data access is not enabled for this metastore."
        raise Refused(403, "PERMISSION_DENIED", message)


def routes(workspace):
    """Routes of tables."""
    here = Tables(workspace)
    both = [
        ("GET", f"{V21}/tables", here.listing),
        ("POST", f"{V21}/tables", here.create_one),
        ("GET", f"{V21}/tables/{{name}}", here.get),
        ("PATCH", f"{V21}/tables/{{name}}", not_allowed if here.unity.oss else here.update),
        ("DELETE", f"{V21}/tables/{{name}}", here.delete),
    ]
    databricks = [
        ("GET", f"{V21}/tables/{{name}}/exists", here.exists),
        ("GET", f"{V21}/table-summaries", here.summaries),
        ("POST", f"{V21}/constraints", here.no_constraints),
        ("DELETE", f"{V21}/constraints/{{name}}", here.no_constraints),
        ("POST", "/api/2.0/unity-catalog/temporary-table-credentials", here.no_credentials),
    ]
    return table_of(workspace, both) + table_of(workspace, databricks, oss=False)
