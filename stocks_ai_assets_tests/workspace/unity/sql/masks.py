"""Column masks and row filters: a SQL function on a table's column, or on its rows."""

from stocks_ai_assets_tests.workspace.unity import functions
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Failed
from stocks_ai_assets_tests.workspace.unity.tables import column_of


def column(document, name: str) -> dict:
    """Column of a table; an unknown one fails."""
    found = column_of(document, name)
    if found is None:
        held = ", ".join(f"`{one['name']}`" for one in document["info"]["columns"])
        message = f"A column with name `{name}` cannot be resolved. Did you mean one of: [{held}]"
        raise Failed(f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] {message}. SQLSTATE: 42703")
    return found


def _function(session, full, arguments):
    document = session.unity.get("function", full)
    session.unity.require(session.principal, "EXECUTE", document)
    wanted = len(functions.parameters(document))
    if wanted != arguments:
        message = f"The `{full}` requires {wanted} parameters but the actual number is {arguments}"
        raise Failed(f"[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] {message}. SQLSTATE: 42605")
    return document


def _no_view(session, document, what):
    if session.unity.is_view(document):
        message = f"{what} of the view `{document['full_name']}`"
        raise Failed(f"[EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE] {message}. SQLSTATE: 42809")
    for share in session.unity.every("share"):
        if document["full_name"] in [one["name"] for one in share["info"]["objects"]]:
            message = f"`{document['full_name']}` is in the share `{share['full_name']}`"
            raise Failed(f"[UNSUPPORTED_FEATURE] {what}: {message}. SQLSTATE: 0A000")


def set_mask(session, document, name, function, using) -> None:
    """Mask a column of a table by a function of it, and of other columns."""
    session.unity.require_manage(session.principal, document)
    _no_view(session, document, "SET MASK")
    found = column(document, name)
    held = _function(session, function, 1 + len(using))
    for one in using:
        column(document, one)
    if held["info"]["full_data_type"] != found["type_text"]:
        message = (
            f"`{function}` returns {held['info']['full_data_type']}, "
            f"`{name}` is {found['type_text']}"
        )
        raise Failed(f"[DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION] {message}. SQLSTATE: 42K09")
    found["mask"] = {"function_name": function, "using_column_names": using}
    session.unity.touch(document, session.principal)


def set_filter(session, cursor, document) -> None:
    """Run SET ROW FILTER function ON (columns), its first words taken."""
    function = session.full(cursor.name())
    cursor.need("ON")
    names = cursor.names()
    session.unity.require_manage(session.principal, document)
    _no_view(session, document, "SET ROW FILTER")
    held = _function(session, function, len(names))
    if held["info"]["data_type"] != "BOOLEAN":
        message = f"The row filter `{function}` must return BOOLEAN"
        raise Failed(f"[DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN] {message}. SQLSTATE: 42K09")
    for one in names:
        column(document, one)
    document["info"]["row_filter"] = {"function_name": function, "input_column_names": names}
    session.unity.touch(document, session.principal)


def drop_filter(session, _cursor, document) -> None:
    """Run DROP ROW FILTER, its words taken."""
    session.unity.require_manage(session.principal, document)
    document["info"].pop("row_filter", None)
    session.unity.touch(document, session.principal)
