"""The data dictionary: every contract as Markdown. `make docs` writes it, a test compares it."""

import sys
from pathlib import Path

import dataframely as dy
import polars as pl

from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.spec import MAP, STAMP_DESCRIPTIONS, STAMPS, Table

_HEADER = """# Data dictionary

Generated from the contracts in `stocks_ai_assets/tables/` by `make docs`; do not edit.
Returns are fractions, windows and horizons are sessions, times are UTC. **Key** columns identify
a row; the partition column says from which session's close on the row may be used.

Every table also carries these stamps, which are not part of its content:

| column | type | meaning |
|---|---|---|
"""

STAMP_TYPES = {"input_versions": "map<string, long>"}


def data_dictionary() -> str:
    """Return the whole dictionary as Markdown."""
    stamps = "\n".join(
        f"| {name} | {STAMP_TYPES.get(name) or type_name(dtype)} | {STAMP_DESCRIPTIONS[name]} |"
        for name, dtype in STAMPS.items()
    )
    return _HEADER + stamps + "\n" + "".join(_section(table) for table in TABLES.values())


def _section(table: Table) -> str:
    layout = f"Partitioned by {table.partitioned_by} (`{table.partition}`)"
    if table.partitioned_by == "none":
        layout = "Written whole"
    slices = f", one slice per `{table.slice}`" if table.slice else ""
    lines = [
        f"\n## stocks_ai.{table.name}\n",
        f"{table.description}\n",
        f"{layout}{slices}.\n",
        "| column | type | unit | null | range | meaning |",
        "|---|---|---|---|---|---|",
    ]
    keys = set(table.key)
    for name, column in table.contract.columns().items():
        shown = f"**{name}**" if name in keys else name
        kind = type_name(column.dtype, is_map=(column.metadata or {}).get("delta") == MAP)
        unit = (column.metadata or {}).get("unit", "none")
        null = "yes" if column.nullable else ""
        lines.append(
            f"| {shown} | {kind} | {unit} | {null} | {_range(column)} | {column.description} |"
        )
    return "\n".join(lines) + "\n"


def type_name(dtype: object, *, is_map: bool = False) -> str:
    """Name of a type as Delta and Spark write it; `is_map`: a list of pairs that is a map."""
    if is_map:
        return "map<string, double>"
    match dtype:
        case pl.List():
            return f"array<{type_name(dtype.inner)}>"
        case pl.Struct():
            fields = ", ".join(f"{f.name}: {type_name(f.dtype)}" for f in dtype.fields)
            return f"struct<{fields}>"
        case pl.Datetime():
            return "timestamp"
    names: dict[object, str] = {
        pl.String: "string",
        pl.Float64: "double",
        pl.Int32: "integer",
        pl.Int64: "long",
        pl.Date: "date",
        pl.Boolean: "boolean",
    }
    return next(name for kind, name in names.items() if dtype == kind)


def _range(column: dy.Column) -> str:
    low = getattr(column, "min", None)
    above = getattr(column, "min_exclusive", None)
    high = getattr(column, "max", None)
    parts = [
        f">= {low:g}" if low is not None else "",
        f"> {above:g}" if above is not None else "",
        f"<= {high:g}" if high is not None else "",
    ]
    return ", ".join(part for part in parts if part)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(data_dictionary(), encoding="utf-8")
