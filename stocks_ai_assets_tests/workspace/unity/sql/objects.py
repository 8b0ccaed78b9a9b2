"""CREATE TABLE, VIEW and FUNCTION."""

import json

from stocks_ai_assets_tests.workspace.unity import functions, storage, tables, types
from stocks_ai_assets_tests.workspace.unity.sql import query
from stocks_ai_assets_tests.workspace.unity.sql.delta import create_delta, open_delta
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Cursor, Failed
from stocks_ai_assets_tests.workspace.unity.sql.masks import set_mask


def columns(session, cursor) -> tuple[list[dict], dict]:
    """Column definitions in brackets: StructFields, and the masks that they name."""
    fields, masks = [], {}
    cursor.need("(")
    while True:
        name = cursor.identifier()
        sql = cursor.until("NOT NULL", "COMMENT", "MASK", "DEFAULT", "GENERATED")
        field = types.struct_field(name, types.parse(sql))
        if cursor.eat("NOT NULL"):
            field["nullable"] = False
        if cursor.eat("COMMENT"):
            field["metadata"] = {"comment": cursor.string()}
        if cursor.eat("MASK"):
            masks[name] = session.full(cursor.name())
        fields.append(field)
        if cursor.eat(")"):
            return fields, masks
        cursor.need(",")


def table(session, cursor, *, replace):
    """Run CREATE [EXTERNAL] TABLE: register a Delta table, or create an empty one."""
    unity, full = session.unity, session.full(cursor.name())
    fields, masks = columns(session, cursor) if cursor.sees("(") else ([], {})
    found = cursor.clauses(
        USING=lambda c: c.identifier().upper(),
        LOCATION=Cursor.string,
        COMMENT=Cursor.string,
        PARTITIONED_BY=Cursor.keys,
        TBLPROPERTIES=Cursor.pairs,
    )
    if found.get("USING", "DELTA") != "DELTA":
        raise Failed(f"[UNSUPPORTED_FEATURE] USING {found['USING']}. SQLSTATE: 0A000")
    location, partitions = found.get("LOCATION"), found.get("PARTITIONED_BY", [])
    if unity.find("table", full):
        raise unity.taken("table", full)
    place = location or storage.managed(unity, "table", full)
    stored = open_delta(unity, place) if storage.local(unity, place) else None
    if stored is None and not fields:
        message = f"You are trying to create an external table `{full}` from `{place}`, but there"
        raise Failed(f"[DELTA_MISSING_DELTA_TABLE] {message} is no Delta table. SQLSTATE: 42P01")
    if stored is not None:
        kept = json.loads(stored.schema().to_json())["fields"]
        given = [(f["name"].lower(), types.text(f["type"])) for f in fields]
        if fields and given != [(f["name"].lower(), types.text(f["type"])) for f in kept]:
            message = f"The specified schema does not match the existing schema at {place}"
            raise Failed(f"[DELTA_CREATE_TABLE_SCHEME_MISMATCH] {message}. SQLSTATE: 42KD7")
        comments = {f["name"].lower(): f["metadata"] for f in fields}
        fields = [f | {"metadata": comments.get(f["name"].lower(), f["metadata"])} for f in kept]
        partitions = stored.metadata().partition_columns
    made = tables.create(
        unity,
        session.principal,
        full,
        table_type="EXTERNAL" if location else "MANAGED",
        data_source_format="DELTA",
        columns=[types.column(f, i, partitions) for i, f in enumerate(fields)],
        storage_location=place,
        comment=found.get("COMMENT"),
        properties=found.get("TBLPROPERTIES", {}),
    )
    if stored is None and storage.local(unity, place):
        create_delta(unity, place, fields, partitions)
    for column, mask in masks.items():
        set_mask(session, made, column, mask, [])


def _view_head(cursor):
    """Names and comments of a view's columns, its comment and properties; up to AS."""
    names, said = [], {}
    if cursor.eat("("):
        while True:
            name = cursor.identifier()
            names.append((name, cursor.string() if cursor.eat("COMMENT") else None))
            if cursor.eat(")"):
                break
            cursor.need(",")
    while not cursor.eat("AS"):
        words = cursor.one_of("COMMENT", "TBLPROPERTIES")
        said[words] = cursor.string() if words == "COMMENT" else cursor.pairs()
    return names, said.get("COMMENT"), said.get("TBLPROPERTIES", {})


def view(session, cursor, *, replace):
    """Run CREATE VIEW; its query is analyzed with the rights of the caller."""
    unity, full = session.unity, session.full(cursor.name())
    names, comment, properties = _view_head(cursor)
    body = cursor.rest()
    info = _analyzed(session, full, body, names) | {"comment": comment}
    info["properties"] |= properties
    held = unity.find("table", full)
    if held is None:
        tables.create(unity, session.principal, full, **info)
        return
    if not replace:
        raise unity.taken("table", full)
    if not unity.is_view(held):
        message = f"`{full}` is a table, not a view"
        raise Failed(f"[EXPECT_VIEW_NOT_TABLE] {message}. SQLSTATE: 42809")
    held["info"].pop("comment", None)
    _redefine(session, held, info)


def alter_view(session, cursor, document) -> None:
    """Run ALTER VIEW ... AS query, its words taken; grants, comment and tags stay.

    Comments of columns go, as they do in Spark: the columns are those of the new query.
    """
    info = _analyzed(session, document["full_name"], cursor.rest(), [])
    info["properties"] = {**document["info"]["properties"], **info["properties"]}
    _redefine(session, document, info)


def _redefine(session, document, info):
    session.unity.require_manage(session.principal, document)
    kept = {column["name"] for column in info["columns"]}
    tags = document["column_tags"]
    document["column_tags"] = {name: found for name, found in tags.items() if name in kept}
    session.unity.touch(document, session.principal, **info)


def _analyzed(session, full, body, names):
    """Fields of a view: its columns are those of its query, under the names given."""
    found = query.describe(session, body)
    if names and len(names) != len(found):
        message = f"view `{full}` names {len(names)} columns, its query has {len(found)}"
        raise Failed(f"[CREATE_VIEW_COLUMN_ARITY_MISMATCH] {message}. SQLSTATE: 21S01")
    shown = names or [(name, None) for name, _ in found]
    fields = [
        types.struct_field(name, spark, metadata={"comment": said} if said else {})
        for (name, said), (_, spark) in zip(shown, found, strict=True)
    ]
    return {
        "table_type": "VIEW",
        "data_source_format": "UNITY_CATALOG",
        "columns": [types.column(field, i) for i, field in enumerate(fields)],
        "view_definition": body,
        "properties": {
            "view.catalogAndNamespace.part.0": session.catalog or full.split(".")[0],
            "view.catalogAndNamespace.part.1": session.schema or full.split(".")[1],
        },
    }


def _function_head(cursor):
    """Parameters, returned type and comment of a function; up to RETURN."""
    parameters, comment = [], None
    cursor.need("(")
    while not cursor.eat(")"):
        if parameters:
            cursor.need(",")
        name = cursor.identifier()
        spark = types.parse(cursor.until("COMMENT", "DEFAULT"))
        parameters.append(functions.parameter(name, spark, len(parameters)))
        if cursor.eat("COMMENT"):
            parameters[-1]["comment"] = cursor.string()
    cursor.need("RETURNS")
    returned = types.parse(cursor.until("RETURN", "COMMENT", "LANGUAGE", "DETERMINISTIC", "NOT"))
    while not cursor.eat("RETURN"):
        if cursor.one_of("COMMENT", "LANGUAGE SQL", "DETERMINISTIC") == "COMMENT":
            comment = cursor.string()
    return parameters, returned, comment


def function(session, cursor, *, replace):
    """Run CREATE FUNCTION of a SQL expression."""
    unity, full = session.unity, session.full(cursor.name())
    parameters, returned, comment = _function_head(cursor)
    body = cursor.rest()
    query.parse(f"SELECT {body}")
    held = unity.find("function", full)
    if held and replace:
        unity.require_manage(session.principal, held)
        used = query.users_of(unity, full)
        if used and len(functions.parameters(held)) != len(parameters):
            message = f"`{full}` is used by {', '.join(used)}"
            raise Failed(f"[UNSUPPORTED_FEATURE] {message}. SQLSTATE: 0A000")
    info = {
        "input_params": {"parameters": parameters},
        "data_type": types.type_name(returned),
        "full_data_type": types.text(returned),
        "routine_body": "SQL",
        "routine_definition": body,
        "parameter_style": "S",
        "is_deterministic": True,
        "is_null_call": False,
        "sql_data_access": "CONTAINS_SQL",
        "security_type": "DEFINER",
        "specific_name": full.rpartition(".")[2],
        "comment": comment,
    }
    if held and replace:
        held["info"].pop("comment", None)
        unity.touch(held, session.principal, **info)
    else:
        functions.create(unity, session.principal, full, **info)
