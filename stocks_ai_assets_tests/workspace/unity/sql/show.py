"""SHOW and DESCRIBE."""

from stocks_ai_assets_tests.workspace.unity.sql import grant
from stocks_ai_assets_tests.workspace.unity.sql.delta import history
from stocks_ai_assets_tests.workspace.unity.sql.session import texts


def show(session, cursor):
    """Run SHOW ..., its first word taken."""
    unity, principal = session.unity, session.principal
    if cursor.eat("GRANTS") or cursor.eat("GRANT"):
        return grant.show(session, cursor)
    if cursor.eat("ALL IN SHARE"):
        document = unity.get("share", cursor.identifier())
        cursor.end()
        rows = [
            (o["shared_as"], o["data_object_type"], o["name"], o.get("comment"))
            for o in document["info"]["objects"]
        ]
        return texts("name type shared_object comment", rows)
    if cursor.eat("TBLPROPERTIES"):
        document = unity.get("table", session.full(cursor.name()))
        cursor.end()
        unity.require_see(principal, document)
        return texts("key value", sorted(document["info"].get("properties", {}).items()))
    lists = {
        "CATALOGS": ("catalog", "catalog", 0),
        "SHARES": ("share", "name", 0),
        "RECIPIENTS": ("recipient", "name", 0),
        "SCHEMAS": ("schema", "databaseName", 1),
        "DATABASES": ("schema", "databaseName", 1),
        "TABLES": ("table", "tableName", 2),
        "VIEWS": ("view", "viewName", 2),
        "VOLUMES": ("volume", "volume_name", 2),
        "USER FUNCTIONS": ("function", "function", 2),
        "FUNCTIONS": ("function", "function", 2),
    }
    words = cursor.one_of(*lists)
    kind, column, depth = lists[words]
    above = ""
    if depth and (cursor.eat("IN") or cursor.eat("FROM")):
        above = session.full(cursor.name(1, depth), of=depth)
    elif depth:
        above = session.full([], of=depth)
    cursor.end()
    if depth:
        unity.get("catalog" if depth == 1 else "schema", above)
    where = "table" if kind == "view" else kind
    found = [
        one
        for one in unity.every(where, above)
        if unity.sees(principal, one, browse=True) and (kind != "view" or unity.is_view(one))
    ]
    names = [one["info"]["name"] for one in found]
    if depth < 2:
        return texts(column, [[name] for name in names])
    schema = above.partition(".")[2]
    return texts(f"database {column} isTemporary", [(schema, name, "false") for name in names])


def describe(session, cursor):
    """Run DESCRIBE ..., its first word taken."""
    unity, principal = session.unity, session.principal
    if cursor.eat("HISTORY"):
        full = session.full(cursor.name())
        cursor.end()
        unity.require(principal, "SELECT", ("table", full))
        return history(unity, unity.get("table", full))
    cursor.eat("TABLE")
    extended = cursor.eat("EXTENDED")
    full = session.full(cursor.name())
    cursor.end()
    document = unity.get("table", full)
    unity.require_see(principal, document, browse=True)
    info = document["info"]
    rows = [(c["name"], c["type_text"], c.get("comment")) for c in info["columns"]]
    partitions = [c for c in info["columns"] if "partition_index" in c]
    if partitions:
        rows += [("# Partition Information", "", ""), ("# col_name", "data_type", "comment")]
        rows += [(c["name"], c["type_text"], c.get("comment")) for c in partitions]
    if extended:
        rows += [("", "", ""), ("# Detailed Table Information", "", "")]
        shown = {
            "Catalog": info["catalog_name"],
            "Database": info["schema_name"],
            "Table": info["name"],
            "Owner": info["owner"],
            "Type": info["table_type"],
            "Comment": info.get("comment"),
            "Location": info.get("storage_location"),
            "View Text": info.get("view_definition"),
            "Provider": info["data_source_format"].lower(),
        }
        rows += [(key, value, "") for key, value in shown.items() if value]
        if "row_filter" in info:
            rows.append(("Row Filter", f"`{info['row_filter']['function_name']}`", ""))
    return texts("col_name data_type comment", rows)
