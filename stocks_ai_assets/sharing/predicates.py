"""Which files a query needs, by what the client hints at. A hint that is not understood is ignored.

Only columns that the recipient sees are looked at: the number of files must not tell what others
hold.
"""

import contextlib
import json
import math
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

SHORT = 31
"""Characters up to which a text can be compared with a recorded maximum, which may be cut off."""

DEPTH = 32
"""Nested operations up to which a hint is read."""

_BITS: dict[type[pl.DataType], int] = {pl.Int8: 8, pl.Int16: 16, pl.Int32: 32, pl.Int64: 64}
"""Whole numbers of Delta."""

_OPERATORS = {
    "equal": "==",
    "lessThan": "<",
    "lessThanOrEqual": "<=",
    "greaterThan": ">",
    "greaterThanOrEqual": ">=",
}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_SQL = {"=": "==", "<>": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}

_LITERAL = r"'(?:[^']|'')*'|-?\d+(?:\.\d+)?|true|false"
_COLUMN = r"`?[A-Za-z_]\w*`?"
_COMPARISON = re.compile(
    rf"\s*(?:(?P<c>{_COLUMN})\s*(?P<o><>|<=|>=|=|<|>)\s*(?P<l>{_LITERAL})"
    rf"|(?P<l2>{_LITERAL})\s*(?P<o2><>|<=|>=|=|<|>)\s*(?P<c2>{_COLUMN}))\s*",
    re.IGNORECASE,
)
_NULL = re.compile(rf"\s*(?P<c>{_COLUMN})\s+is\s+(?P<n>not\s+)?null\s*", re.IGNORECASE)


class _UnknownHintError(Exception):
    """A hint, or a part of one, that cannot be used."""


def needed_files(
    files: pl.DataFrame,
    columns: Sequence[str],
    *,
    json_hint: object = None,
    sql_hints: object = None,
    limit: int | None = None,
) -> pl.DataFrame:
    """Return the files that may hold rows that the hints ask for.

    Parameters
    ----------
    files
        Files of a version, with what is known of their columns; see `Version.files`.
    columns
        Columns that the recipient sees.
    json_hint
        A tree of operations, as text or read.
    sql_hints
        Comparisons of a column with a constant, all of which hold.
    limit
        Rows that the client wants; files beyond them are left out.

    Returns
    -------
    pl.DataFrame
        Some or all rows of `files`.
    """
    seen = {name.lower(): name for name in columns}
    kept = files
    for condition in (_json(json_hint, files, seen), *_all_sql(sql_hints, files, seen)):
        if condition is None:
            continue
        with contextlib.suppress(pl.exceptions.PolarsError, OverflowError):
            kept = kept.filter(condition)
    if limit is not None and limit >= 0 and not kept["num_records"].null_count():
        before = kept["num_records"].cum_sum().shift(1, fill_value=0)
        kept = kept.filter(before < max(limit, 1))
    return kept


def _json(hint: object, files: pl.DataFrame, seen: dict[str, str]) -> pl.Expr | None:
    try:
        tree = json.loads(hint) if isinstance(hint, str) else hint
        return _tree(tree, files, seen, negated=False, depth=0) if tree else None
    except (_UnknownHintError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _tree(
    node: Any, files: pl.DataFrame, seen: dict[str, str], *, negated: bool, depth: int
) -> pl.Expr:
    if depth > DEPTH:
        raise _UnknownHintError
    operation, children = node["op"], node.get("children", [])
    if operation == "not":
        (child,) = children
        return _tree(child, files, seen, negated=not negated, depth=depth + 1)
    if operation in {"and", "or"}:
        parts = [_tree(c, files, seen, negated=negated, depth=depth + 1) for c in children]
        if not parts:
            raise _UnknownHintError
        together = (operation == "and") != negated
        return pl.all_horizontal(parts) if together else pl.any_horizontal(parts)
    if operation == "isNull":
        (column,) = children
        return _null(column["name"], files, seen, negated=negated)
    operator, (left, right) = _OPERATORS[operation], children
    if left["op"] == "literal":
        left, right, operator = right, left, _SWAPPED[operator]
    if left["op"] != "column" or right["op"] != "literal":
        raise _UnknownHintError
    if negated:
        operator = _OPPOSITE[operator]
    return _comparison(left["name"], operator, str(right["value"]), files, seen)


def _all_sql(hints: object, files: pl.DataFrame, seen: dict[str, str]) -> list[pl.Expr | None]:
    texts = hints if isinstance(hints, list) else []
    return [_sql(text, files, seen) for text in texts[:100] if isinstance(text, str)]


def _sql(text: str, files: pl.DataFrame, seen: dict[str, str]) -> pl.Expr | None:
    try:
        if found := _NULL.fullmatch(text):
            return _null(found["c"].strip("`"), files, seen, negated=bool(found["n"]))
        if not (found := _COMPARISON.fullmatch(text)):
            return None
        operator = _SQL[found["o"] or found["o2"]]
        operator = operator if found["o"] else _SWAPPED[operator]
        literal = found["l"] or found["l2"]
        if literal.startswith("'"):
            literal = literal[1:-1].replace("''", "'")
        return _comparison((found["c"] or found["c2"]).strip("`"), operator, literal, files, seen)
    except (_UnknownHintError, ValueError):
        return None


def _comparison(
    name: object, operator: str, literal: str, files: pl.DataFrame, seen: dict[str, str]
) -> pl.Expr:
    """Whether a file may hold a row for which the comparison is true."""
    low, high = _bounds(name, files, seen)
    value = pl.lit(_typed(literal, files.schema[low]), dtype=files.schema[low])
    least, most = pl.col(low), pl.col(high)
    match operator:
        case "==":
            may = (least <= value) & (most >= value)
        case "!=":
            may = (least != value) | (most != value)
        case "<":
            may = least < value
        case "<=":
            may = least <= value
        case ">":
            may = most > value
        case _:
            may = most >= value
    return may.fill_null(value=True)


def _null(name: object, files: pl.DataFrame, seen: dict[str, str], *, negated: bool) -> pl.Expr:
    column = _column(name, seen)
    if f"partition.{column}" in files.columns:
        value = pl.col(f"partition.{column}")
        return value.is_not_null() if negated else value.is_null()
    if f"null_count.{column}" not in files.columns:
        raise _UnknownHintError
    nulls = pl.col(f"null_count.{column}")
    may = nulls < pl.col("num_records") if negated else nulls > 0
    return may.fill_null(value=True)


def _column(name: object, seen: dict[str, str]) -> str:
    """The column that the recipient calls so, whatever the case of the letters."""
    if not isinstance(name, str) or name.lower() not in seen:
        raise _UnknownHintError
    return seen[name.lower()]


def _bounds(name: object, files: pl.DataFrame, seen: dict[str, str]) -> tuple[str, str]:
    column = _column(name, seen)
    partition, low, high = f"partition.{column}", f"min.{column}", f"max.{column}"
    if partition in files.columns:
        return partition, partition
    if low in files.columns and high in files.columns:
        return low, high
    raise _UnknownHintError


def _typed(literal: str, dtype: pl.DataType) -> Any:
    """The constant in the column's type. Not moments: their recorded maximum may be cut off."""
    if dtype == pl.Date:
        return date.fromisoformat(literal)
    if bits := _BITS.get(type(dtype)):
        return _whole(int(literal), bits)
    if dtype.is_float() and math.isfinite(number := float(literal)):
        return number
    if dtype == pl.Boolean and literal.lower() in {"true", "false"}:
        return literal.lower() == "true"
    if dtype == pl.String and len(literal) <= SHORT:
        return literal
    raise _UnknownHintError


def _whole(number: int, bits: int) -> int:
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise _UnknownHintError
    return number
