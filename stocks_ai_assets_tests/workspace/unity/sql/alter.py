"""ALTER, COMMENT ON, SET TAG: tags, properties, owners, comments, masks, filters, shares."""

from stocks_ai_assets_tests.workspace.unity import catalogs, tags, types
from stocks_ai_assets_tests.workspace.unity.sql import delta, masks, objects, sharing
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Failed
from stocks_ai_assets_tests.workspace.unity.sql.session import DONE
from stocks_ai_assets_tests.workspace.unity.tables import column_of

DEPTH = {"catalog": 1, "schema": 2, "share": 1, "recipient": 1}
WORDS = {
    "CATALOG": "catalog",
    "SCHEMA": "schema",
    "DATABASE": "schema",
    "TABLE": "table",
    "VIEW": "table",
    "VOLUME": "volume",
    "FUNCTION": "function",
    "SHARE": "share",
    "RECIPIENT": "recipient",
    "EXTERNAL LOCATION": "external_location",
}


def target(session, cursor, words: str) -> dict:
    """Take the name of a securable of a kind and return it."""
    kind = WORDS[words]
    depth = DEPTH.get(kind, 3)
    if kind == "external_location":
        depth = 1
    parts = cursor.name(1, depth)
    full = session.full(parts, of=depth) if depth > 1 else parts[0]
    document = session.unity.get(kind, full)
    if words == "VIEW" and not session.unity.is_view(document):
        raise Failed(f"[EXPECT_VIEW_NOT_TABLE] '{full}' is a table. SQLSTATE: 42809")
    return document


def alter(session, cursor):
    """Run ALTER ..., its first word taken."""
    words = cursor.one_of(*WORDS)
    if words in ("TABLE", "VIEW") and cursor.eat("IF EXISTS"):
        raise cursor.failed()
    document = target(session, cursor, words)
    if words == "TABLE" and session.unity.is_view(document):
        message = f"'{document['full_name']}' is a view: use ALTER VIEW"
        raise Failed(f"[EXPECT_TABLE_NOT_VIEW.USE_ALTER_VIEW] {message}. SQLSTATE: 42809")
    actions = {
        "SET TAGS": _set_tags,
        "UNSET TAGS": _unset_tags,
        "SET OWNER TO": _owner,
        "OWNER TO": _owner,
    }
    more = {
        "table": {
            "SET TBLPROPERTIES": _set_properties,
            "UNSET TBLPROPERTIES": _unset_properties,
            "SET ROW FILTER": masks.set_filter,
            "DROP ROW FILTER": masks.drop_filter,
            "ADD COLUMNS": _add_columns,
            "ADD COLUMN": _add_columns,
            "ALTER COLUMN": _column,
            "ALTER": _column,
        },
        "schema": {"SET DBPROPERTIES": _set_properties},
        "catalog": {"RENAME TO": _rename},
        "share": {
            "ADD": sharing.add,
            "ALTER": sharing.change,
            "REMOVE": sharing.remove,
            "RENAME TO": _rename_top,
        },
        "recipient": {"RENAME TO": _rename_top},
    }
    actions |= more.get(document["kind"], {})
    if words == "VIEW":
        actions["AS"] = objects.alter_view
    if document["kind"] in ("share", "recipient", "function"):
        actions = {k: v for k, v in actions.items() if "TAGS" not in k}
    for words, work in actions.items():
        if cursor.eat(words):
            work(session, cursor, document)
            cursor.end()
            return DONE
    raise cursor.failed()


def comment(session, cursor):
    """Run COMMENT ON ..., its first two words taken."""
    if cursor.eat("COLUMN"):
        *parts, name = cursor.name(2, 4)
        document = session.unity.get("table", session.full(parts))
        cursor.need("IS")
        text = "" if cursor.eat("NULL") else cursor.string()
        cursor.end()
        _comment_column(session, document, name, text)
        return DONE
    words = cursor.one_of(*(one for one in WORDS if one not in ("VIEW", "FUNCTION")))
    document = target(session, cursor, words)
    cursor.need("IS")
    text = "" if cursor.eat("NULL") else cursor.string()
    cursor.end()
    _may_describe(session, document)
    session.unity.touch(document, session.principal, comment=text)
    return DONE


def tag(session, cursor, *, put: bool):
    """Run SET TAG ON ... or UNSET TAG ON ..., those words taken."""
    column = None
    if cursor.eat("COLUMN"):
        *parts, column = cursor.name(2, 4)
        document = session.unity.get("table", session.full(parts))
    else:
        document = target(session, cursor, cursor.one_of(*WORDS))
    key = cursor.key()
    value = cursor.key() if put and cursor.eat("=") else ""
    cursor.end()
    change = {"put": {key: value}} if put else {"remove": [key]}
    tags.change(session.unity, session.principal, document, column=column, **change)
    return DONE


def _may_describe(session, document):
    unity = session.unity
    if not unity.manages(session.principal, document):
        unity.require(session.principal, "MODIFY", document)


def _set_tags(session, cursor, document, column=None):
    found = cursor.pairs()
    tags.change(session.unity, session.principal, document, column=column, put=found)


def _unset_tags(session, cursor, document, column=None):
    found = cursor.keys()
    tags.change(session.unity, session.principal, document, column=column, remove=found)


def _owner(session, cursor, document):
    unity, name = session.unity, cursor.identifier()
    unity.require_manage(session.principal, document)
    unity.touch(document, session.principal, owner=unity.known(name))


def _set_properties(session, cursor, document):
    _may_describe(session, document)
    properties = {**document["info"].get("properties", {}), **cursor.pairs()}
    session.unity.touch(document, session.principal, properties=properties)


def _unset_properties(session, cursor, document):
    _may_describe(session, document)
    quiet = cursor.eat("IF EXISTS")
    properties = dict(document["info"].get("properties", {}))
    for key in cursor.keys():  # noqa: SIM118  # a grammar's method, not a dict's
        if key not in properties and not quiet:
            message = f"'{key}' is not a property of '{document['full_name']}'"
            raise Failed(f"[UNSET_NONEXISTENT_PROPERTIES] {message}. SQLSTATE: 42K0J")
        properties.pop(key, None)
    session.unity.touch(document, session.principal, properties=properties)


def _rename(session, cursor, document):
    session.unity.require_manage(session.principal, document)
    catalogs.rename(session.unity, document, cursor.identifier())


def _rename_top(session, cursor, document):
    session.unity.require_manage(session.principal, document)
    session.unity.rename(document, cursor.identifier())


def _add_columns(session, cursor, document):
    unity = session.unity
    if not unity.manages(session.principal, document):
        unity.require(session.principal, "MODIFY", document)
    fields, _ = objects.columns(session, cursor)
    for field in fields:
        if column_of(document, field["name"]):
            message = f"`{document['full_name']}` has the column `{field['name']}` already"
            raise Failed(f"[FIELD_ALREADY_EXISTS] {message}. SQLSTATE: 42710")
    delta.add_columns(unity, document["info"]["storage_location"], fields)
    held = document["info"]["columns"]
    held += [types.column(field, len(held) + i) for i, field in enumerate(fields)]
    unity.touch(document, session.principal)


def _column(session, cursor, document):
    name = cursor.identifier()
    found = masks.column(document, name)
    if cursor.eat("COMMENT"):
        _comment_column(session, document, name, cursor.string())
    elif cursor.eat("SET TAGS"):
        _set_tags(session, cursor, document, column=name)
    elif cursor.eat("UNSET TAGS"):
        _unset_tags(session, cursor, document, column=name)
    elif cursor.eat("SET MASK"):
        function = session.full(cursor.name())
        using = cursor.names() if cursor.eat("USING COLUMNS") else []
        masks.set_mask(session, document, name, function, using)
    elif cursor.eat("DROP MASK"):
        session.unity.require_manage(session.principal, document)
        if found.pop("mask", None) is None:
            message = f"Column `{name}` of `{document['full_name']}` has no mask"
            raise Failed(f"[COLUMN_MASKS_NOT_FOUND] {message}. SQLSTATE: 42704")
    else:
        raise cursor.failed()


def _comment_column(session, document, name, text):
    _may_describe(session, document)
    masks.column(document, name)["comment"] = text
    session.unity.touch(document, session.principal)
