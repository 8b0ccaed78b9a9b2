"""ALTER SHARE ... ADD and REMOVE."""

from stocks_ai_assets_tests.workspace.unity import shares


def add(session, cursor, document) -> None:
    """Run ADD TABLE|VIEW|SCHEMA|MODEL ..., its first word taken.

    A table is shared with its history unless told otherwise, or shared by partitions.
    """
    words = cursor.one_of("TABLE", "VIEW", "SCHEMA", "MODEL")
    full = session.full(cursor.name(1, 3), of=2 if words == "SCHEMA" else 3)
    shared = {"name": full, "data_object_type": words}
    if words == "TABLE":
        if cursor.eat("COMMENT"):
            shared["comment"] = cursor.string()
        if cursor.eat("PARTITION"):
            shared["partitions"] = _partitions(cursor)
        if cursor.eat("AS"):
            shared["shared_as"] = ".".join(cursor.name(2, 2)).lower()
        history = not cursor.eat("WITHOUT HISTORY")
        if history:
            cursor.eat("WITH HISTORY")
        secured = "partitions" in shared
        shared["history_data_sharing_status"] = "DISABLED" if secured or not history else "ENABLED"
    elif words != "SCHEMA":
        if cursor.eat("COMMENT"):
            shared["comment"] = cursor.string()
        if cursor.eat("AS"):
            shared["shared_as"] = ".".join(cursor.name(2, 2)).lower()
    _update(session, document, "ADD", shared)


def change(session, cursor, document) -> None:
    """Run ALTER TABLE ... [AS ...] WITH|WITHOUT HISTORY, its first word taken."""
    cursor.need("TABLE")
    shared = {"name": session.full(cursor.name()), "data_object_type": "TABLE"}
    if cursor.eat("AS"):
        shared["shared_as"] = ".".join(cursor.name(2, 2)).lower()
    kept = cursor.one_of("WITH HISTORY", "WITHOUT HISTORY") == "WITH HISTORY"
    shared["history_data_sharing_status"] = "ENABLED" if kept else "DISABLED"
    _update(session, document, "UPDATE", shared)


def remove(session, cursor, document) -> None:
    """Run REMOVE TABLE|VIEW|SCHEMA|MODEL ..., its first word taken."""
    words = cursor.one_of("TABLE", "VIEW", "SCHEMA", "MODEL")
    full = session.full(cursor.name(1, 3), of=2 if words == "SCHEMA" else 3)
    _update(session, document, "REMOVE", {"name": full, "data_object_type": words})


def _update(session, document, action, given):
    change = [{"action": action, "data_object": given}]
    shares.update(session.unity, session.principal, document, change)


def _partitions(cursor):
    """`(c = v, ...), (...)`: the API's partitions."""
    found = []
    while True:
        values = []
        cursor.need("(")
        while True:
            name, sign = cursor.identifier(), cursor.one_of("=", "LIKE")
            sign = "EQUAL" if sign == "=" else sign
            values.append({"name": name, "op": sign, "value": cursor.value()})
            if cursor.eat(")"):
                break
            cursor.need(",")
        found.append({"values": values})
        if not cursor.eat(","):
            return found
