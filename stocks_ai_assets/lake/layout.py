"""How a contract becomes a Delta table: columns, folders, properties. No reading or writing.

The features are those that delta-rs and Spark both read and write: no deletion vectors, column
mapping, row tracking, v2 checkpoints, in-commit timestamps or local timestamps.
"""

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.spec import MAP, STAMP_DESCRIPTIONS, STAMPS, Table

YEAR = "_year"
"""Hidden column: year of the partition date, the folder of tables by session."""

PROTOCOL = (1, 4)
"""Reader and writer version of every table: change data feed and nothing newer."""

PROPERTIES = {
    "delta.enableChangeDataFeed": "true",
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}
"""Versions stay readable for ten years; the default forgets them after a week."""

MAP_STAMPS = frozenset({"input_versions"})
"""Stamps that are Delta maps."""

_PRIMITIVES: dict[Any, str] = {
    pl.String: "string",
    pl.Float64: "double",
    pl.Int32: "integer",
    pl.Int64: "long",
    pl.Date: "date",
    pl.Boolean: "boolean",
}


def folder(root: Path, table: str) -> Path:
    """Folder of a table: `<root>/<schema>/<table>`."""
    return root / folder_name(table)


def folder_name(table: str) -> str:
    """Folder of a table, relative to its lake."""
    return table.replace(".", "/")


def has_years(table: Table) -> bool:
    """Whether the table has a folder a year. Tables by quarter are too small for one."""
    return table.partitioned_by == "session"


def partition_columns(table: Table) -> list[str]:
    """Columns by which files are laid out in folders."""
    return [*([YEAR] if has_years(table) else []), *([table.slice] if table.slice else [])]


def map_columns(table: Table) -> tuple[str, ...]:
    """Content columns that are Delta maps."""
    columns = table.contract.columns().items()
    return tuple(name for name, c in columns if (c.metadata or {}).get("delta") == MAP)


def stored_schema(table: Table) -> pl.Schema:
    """Types of everything stored, in order: content, stamps, the hidden year."""
    hidden = {YEAR: pl.Int32()} if has_years(table) else {}
    return pl.Schema({**table.schema, **STAMPS, **hidden})


@cache
def delta_schema(name: str) -> Any:
    """Return the `deltalake.Schema` of a table, with comments and units in the field metadata."""
    from deltalake import Field, Schema

    table, maps = TABLES[name], map_columns(TABLES[name])
    fields = [
        Field(
            column,
            _type(c.dtype, is_map=column in maps),
            nullable=c.nullable,
            metadata={
                "comment": c.description or "",
                "unit": str((c.metadata or {}).get("unit", "none")),
            },
        )
        for column, c in table.contract.columns().items()
    ]
    fields += [
        Field(
            stamp,
            _type(dtype, is_map=stamp in MAP_STAMPS),
            nullable=False,
            metadata={"comment": STAMP_DESCRIPTIONS[stamp]},
        )
        for stamp, dtype in STAMPS.items()
    ]
    if has_years(table):
        comment = f"Year of {table.partition}; where the rows lie."
        fields.append(Field(YEAR, _type(pl.Int32()), nullable=False, metadata={"comment": comment}))
    return Schema(fields)


def _type(dtype: Any, *, is_map: bool = False) -> Any:
    from deltalake.schema import ArrayType, Field, MapType, PrimitiveType, StructType

    match dtype:
        case pl.List() if is_map:
            entry = {field.name: field.dtype for field in dtype.inner.fields}  # type: ignore[union-attr]
            return MapType(_type(entry["key"]), _type(entry["value"]), value_contains_null=True)
        case pl.List():
            return ArrayType(_type(dtype.inner), contains_null=True)
        case pl.Struct():
            return StructType([Field(f.name, _type(f.dtype), nullable=True) for f in dtype.fields])
        case pl.Datetime():
            return PrimitiveType("timestamp")
    return PrimitiveType(next(n for kind, n in _PRIMITIVES.items() if dtype == kind))
