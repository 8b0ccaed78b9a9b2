"""SQL of Databricks for every change, as people review it. Text in, text out."""

import re
from collections.abc import Mapping

from stocks_ai_assets.governance.privileges import Kind, spaced
from stocks_ai_assets.governance.securables import Column, RowFilter, Securable, Shared
from stocks_ai_assets.lake.layout import PROPERTIES

SQL_KIND: dict[Kind, str] = {
    "catalog": "CATALOG",
    "schema": "SCHEMA",
    "table": "TABLE",
    "view": "VIEW",
    "volume": "VOLUME",
    "function": "FUNCTION",
    "model": "MODEL",
    "share": "SHARE",
    "recipient": "RECIPIENT",
}
"""How SQL calls a kind."""

SHARED_BY_SQL = frozenset({"table", "view", "materialized_view", "schema", "model"})
"""What ALTER SHARE takes; volumes, notebooks and what else there may be go by REST alone."""


def identifier(name: str) -> str:
    """Return one name, quoted where SQL needs it."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
    return name if plain else "`" + name.replace("`", "``") + "`"


def full(name: str) -> str:
    """Return a dotted name with each part quoted where SQL needs it."""
    return ".".join(map(identifier, name.split(".")))


def principal(name: str) -> str:
    """Return a user, group or service principal: always quoted."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Return a string of SQL. Two adjacent quotes would join strings there: escape them."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def on(kind: Kind, name: str) -> str:
    """Return kind and name as GRANT takes them; a registered model is a function there."""
    return f"{'FUNCTION' if kind == 'model' else SQL_KIND[kind]} {full(name)}"


def create(thing: Securable) -> str:
    """Return the statement that makes a securable, without tags, grants, masks and filters."""
    special = {"table": _create_table, "view": _create_view, "function": _create_function}
    if thing.kind in special:
        return special[thing.kind](thing)
    name, place = full(thing.name), ""
    if thing.kind == "model":
        return f"-- by REST alone: registered model {name}{_comment(thing)}"
    what = SQL_KIND[thing.kind]
    if thing.kind == "catalog" and thing.location:
        place = f" MANAGED LOCATION {literal(thing.location)}"
    if thing.kind == "volume" and thing.location:
        what, place = "EXTERNAL VOLUME", f" LOCATION {literal(thing.location)}"
    if thing.kind == "recipient" and thing.metastore:
        place = f" USING ID {literal(thing.metastore)}"
    return f"CREATE {what} IF NOT EXISTS {name}{place}{_comment(thing)}"


def _create_view(view: Securable) -> str:
    columns = ", ".join(
        f"{identifier(each.name)} COMMENT {literal(each.comment)}" for each in view.columns
    )
    return f"CREATE VIEW {full(view.name)} ({columns}){_comment(view)} AS {view.definition}"


def _create_function(function: Securable) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {full(function.name)}{function.signature}"
        f"{_comment(function)} RETURN {function.definition}"
    )


def _create_table(table: Securable) -> str:
    columns = ",\n  ".join(
        _column(each, null="" if each.nullable else " NOT NULL") for each in table.columns
    )
    parts = sorted((each for each in table.columns if each.partition is not None), key=_place)
    by = f"\nPARTITIONED BY ({', '.join(identifier(each.name) for each in parts)})" if parts else ""
    properties = _pairs({**PROPERTIES, **table.properties})
    return (
        f"CREATE TABLE IF NOT EXISTS {full(table.name)} (\n  {columns}\n)\nUSING DELTA{by}"
        f"\nLOCATION {literal(table.location or '')}\nCOMMENT {literal(table.comment)}"
        f"\nTBLPROPERTIES ({properties})"
    )


def _place(column: Column) -> int:
    return column.partition or 0


def _column(column: Column, null: str = "") -> str:
    comment = f" COMMENT {literal(column.comment)}" if column.comment else ""
    return f"{identifier(column.name)} {column.type_text}{null}{comment}"


def _comment(thing: Securable) -> str:
    return f" COMMENT {literal(thing.comment)}" if thing.comment else ""


def drop(kind: Kind, name: str) -> str:
    """Return the statement that removes something that holds no data."""
    return f"DROP {SQL_KIND[kind]} IF EXISTS {full(name)}"


def alter_view(view: Securable) -> str:
    """Return the statement that changes a view's query and keeps its grants."""
    return f"ALTER VIEW {full(view.name)} AS {view.definition}"


def comment_on(kind: Kind, name: str, comment: str) -> str:
    """Return the statement that sets a comment."""
    if kind == "model":
        return f"-- by REST alone: comment of registered model {full(name)}: {literal(comment)}"
    called = "TABLE" if kind == "view" else SQL_KIND[kind]
    return f"COMMENT ON {called} {full(name)} IS {literal(comment)}"


def comment_on_column(table: str, column: Column) -> str:
    """Return the statement that sets a column's comment."""
    return f"COMMENT ON COLUMN {full(table)}.{identifier(column.name)} IS {literal(column.comment)}"


def add_column(table: str, column: Column) -> str:
    """Return the statement that adds a column; new ones are null in old rows."""
    return f"ALTER TABLE {full(table)} ADD COLUMNS ({_column(column)})"


def set_owner(kind: Kind, name: str, owner: str) -> str:
    """Return the statement that gives a securable to somebody."""
    return f"ALTER {SQL_KIND[kind]} {full(name)} OWNER TO {principal(owner)}"


def set_tags(kind: Kind, name: str, tags: Mapping[str, str], column: str | None = None) -> str:
    """Return the statement that sets tags of a securable or of a column."""
    return f"{_altered(kind, name, column)} SET TAGS ({_pairs(tags)})"


def unset_tags(kind: Kind, name: str, keys: list[str], column: str | None = None) -> str:
    """Return the statement that takes tags away."""
    return f"{_altered(kind, name, column)} UNSET TAGS ({', '.join(map(literal, sorted(keys)))})"


def set_properties(table: str, properties: Mapping[str, str]) -> str:
    """Return the statement that sets properties of a table; others stay."""
    return f"ALTER TABLE {full(table)} SET TBLPROPERTIES ({_pairs(properties)})"


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{literal(key)} = {literal(value)}" for key, value in sorted(values.items()))


def _altered(kind: Kind, name: str, column: str | None) -> str:
    of_column = f" ALTER COLUMN {identifier(column)}" if column else ""
    return f"ALTER {SQL_KIND[kind]} {full(name)}{of_column}"


def set_mask(table: str, column: str, function: str) -> str:
    """Return the statement that masks a column."""
    return f"{_altered('table', table, column)} SET MASK {full(function)}"


def drop_mask(table: str, column: str) -> str:
    """Return the statement that shows a column again."""
    return f"{_altered('table', table, column)} DROP MASK"


def set_filter(table: str, rows: RowFilter) -> str:
    """Return the statement that filters rows."""
    columns = ", ".join(map(identifier, rows.columns))
    return f"ALTER TABLE {full(table)} SET ROW FILTER {full(rows.function)} ON ({columns})"


def drop_filter(table: str) -> str:
    """Return the statement that shows all rows again."""
    return f"ALTER TABLE {full(table)} DROP ROW FILTER"


def grant(kind: Kind, name: str, privileges: list[str], to: str) -> str:
    """Return the statement that grants; on a share, to a recipient."""
    whom = f"RECIPIENT {identifier(to)}" if kind == "share" else principal(to)
    return f"GRANT {', '.join(map(spaced, privileges))} ON {on(kind, name)} TO {whom}"


def revoke(kind: Kind, name: str, privileges: list[str], whose: str) -> str:
    """Return the statement that revokes."""
    whom = f"RECIPIENT {identifier(whose)}" if kind == "share" else principal(whose)
    return f"REVOKE {', '.join(map(spaced, privileges))} ON {on(kind, name)} FROM {whom}"


def share(name: str, thing: Shared, verb: str = "ADD") -> str:
    """Return the statement that adds a table or view to a share.

    `verb` ALTER changes its name there, and whether the history of a table is shared.
    """
    history = ""
    if thing.kind == "table":
        history = " WITH HISTORY" if thing.history else " WITHOUT HISTORY"
    what = f"{_shared(thing)} AS {full(thing.alias)}"
    return f"ALTER SHARE {identifier(name)} {verb} {what}{history}"


def unshare(name: str, thing: Shared) -> str:
    """Return the statement that takes an object out of a share, whatever it is."""
    removed = f"ALTER SHARE {identifier(name)} REMOVE {_shared(thing)}"
    return removed if thing.kind in SHARED_BY_SQL else f"-- by REST alone: {removed}"


def _shared(thing: Shared) -> str:
    return f"{thing.kind.upper().replace('_', ' ')} {full(thing.name)}"
