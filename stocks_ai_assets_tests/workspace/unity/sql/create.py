"""CREATE and DROP of catalogs, schemas, tables, views, volumes, functions, shares, recipients."""

from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.unity import (
    catalogs,
    recipients,
    shares,
    tables,
    volumes,
)
from stocks_ai_assets_tests.workspace.unity.sql import objects
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Cursor, Failed
from stocks_ai_assets_tests.workspace.unity.sql.session import DONE


def create(session, cursor):
    """Run CREATE ..., its first word taken."""
    replace = cursor.eat("OR REPLACE")
    for words, work in _KINDS.items():
        if cursor.eat(words):
            if replace and work not in (objects.view, objects.function):
                message = f"CREATE OR REPLACE {words} is not supported. SQLSTATE: 0A000"
                raise Failed(f"[UNSUPPORTED_FEATURE] {message}")
            quiet = cursor.eat("IF NOT EXISTS")
            if quiet and replace:
                raise cursor.failed()
            return _quietly(work, session, cursor, quiet=quiet, replace=replace)
    raise cursor.failed()


def _quietly(work, session, cursor, *, quiet, replace):
    try:
        work(session, cursor, replace=replace)
    except Refused as refused:
        if not (quiet and str(refused.code).endswith("ALREADY_EXISTS")):
            raise
    return DONE


def _catalog(session, cursor, *, replace):
    (name,) = cursor.name(1, 1)
    found = cursor.clauses(COMMENT=Cursor.string, MANAGED_LOCATION=Cursor.string)
    catalogs.create_catalog(
        session.unity,
        session.principal,
        name,
        comment=found.get("COMMENT"),
        storage_root=found.get("MANAGED_LOCATION"),
    )


def _schema(session, cursor, *, replace):
    catalog, name = session.full(cursor.name(1, 2), of=2).split(".")
    found = cursor.clauses(
        COMMENT=Cursor.string, MANAGED_LOCATION=Cursor.string, WITH_DBPROPERTIES=Cursor.pairs
    )
    catalogs.create_schema(
        session.unity,
        session.principal,
        catalog,
        name,
        comment=found.get("COMMENT"),
        storage_root=found.get("MANAGED_LOCATION"),
        properties=found.get("WITH_DBPROPERTIES"),
    )


def _volume(session, cursor, *, replace, external=False):
    full = session.full(cursor.name())
    found = cursor.clauses(COMMENT=Cursor.string, LOCATION=Cursor.string)
    if external != ("LOCATION" in found):
        raise cursor.failed()
    more = {"location": found.get("LOCATION"), "comment": found.get("COMMENT")}
    volumes.create(session.unity, session.principal, full, **more)


def _external_volume(session, cursor, *, replace):
    _volume(session, cursor, replace=replace, external=True)


def _share(session, cursor, *, replace):
    (name,) = cursor.name(1, 1)
    found = cursor.clauses(COMMENT=Cursor.string)
    shares.create(session.unity, session.principal, name, comment=found.get("COMMENT"))


def _recipient(session, cursor, *, replace):
    (name,) = cursor.name(1, 1)
    found = cursor.clauses(
        USING_ID=Cursor.string,
        COMMENT=Cursor.string,
        PROPERTIES=lambda c: {"properties": c.pairs()},
    )
    recipients.create(
        session.unity,
        session.principal,
        name,
        kind="DATABRICKS" if "USING_ID" in found else "TOKEN",
        global_id=found.get("USING_ID"),
        comment=found.get("COMMENT"),
        properties_kvpairs=found.get("PROPERTIES"),
    )


_KINDS = {
    "CATALOG": _catalog,
    "SCHEMA": _schema,
    "DATABASE": _schema,
    "EXTERNAL TABLE": objects.table,
    "TABLE": objects.table,
    "VIEW": objects.view,
    "EXTERNAL VOLUME": _external_volume,
    "VOLUME": _volume,
    "FUNCTION": objects.function,
    "SHARE": _share,
    "RECIPIENT": _recipient,
}


def drop(session, cursor):
    """Run DROP ..., its first word taken."""
    unity, principal = session.unity, session.principal
    kind = cursor.one_of(
        "CATALOG",
        "SCHEMA",
        "DATABASE",
        "TABLE",
        "VIEW",
        "VOLUME",
        "FUNCTION",
        "SHARE",
        "RECIPIENT",
    )
    quiet = cursor.eat("IF EXISTS")
    where = {"DATABASE": "schema", "VIEW": "table"}.get(kind, kind.lower())
    depth = {"catalog": 1, "share": 1, "recipient": 1, "schema": 2}.get(where, 3)
    full = session.full(cursor.name(1, depth), of=depth) if depth > 1 else cursor.name(1, 1)[0]
    cascade = where in ("catalog", "schema") and cursor.eat("CASCADE")
    if where in ("catalog", "schema") and not cascade:
        cursor.eat("RESTRICT")
    cursor.end()
    if quiet and unity.find(where, full) is None:
        return DONE
    document = unity.get(where, full)
    if where == "table" and unity.is_view(document) != (kind == "VIEW"):
        name = "EXPECT_TABLE_NOT_VIEW" if kind == "TABLE" else "EXPECT_VIEW_NOT_TABLE"
        raise Failed(f"[{name}] '{full}' cannot be dropped by DROP {kind}. SQLSTATE: 42809")
    if where in ("catalog", "schema"):
        catalogs.drop(unity, principal, document, force=cascade)
    elif where == "function":
        unity.require_manage(principal, document)
        unity.remove(document)
    else:
        module = {"table": tables, "volume": volumes, "share": shares, "recipient": recipients}
        module[where].drop(unity, principal, document)
    return DONE
