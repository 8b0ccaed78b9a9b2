"""Contracts as Unity Catalog registers them: columns, types, comments, properties."""

import json
from functools import cache
from typing import Any

from stocks_ai_assets.governance.securables import Column
from stocks_ai_assets.lake.layout import delta_schema, partition_columns
from stocks_ai_assets.tables import TABLES

_SQL = {"integer": "int", "long": "bigint"}
_NAMES = {"integer": "INT", "long": "LONG"}

UNITLESS = frozenset({"", "none", "see docs"})
"""Units that say nothing about a value."""


@cache
def columns_of(table: str) -> tuple[Column, ...]:
    """Return all stored columns of a table, stamps and the hidden year included."""
    partitions = partition_columns(TABLES[table])
    fields = json.loads(delta_schema(table).to_json())["fields"]
    return tuple(_column(each, partitions) for each in fields)


def unit_of(table: str, column: str) -> str | None:
    """Return the unit of a content column; None for stamps and for columns without one."""
    found = TABLES[table].contract.columns().get(column)
    unit = str(((found.metadata if found else None) or {}).get("unit", ""))
    return None if unit in UNITLESS else unit


def properties_of(table: str) -> dict[str, str]:
    """Return what readers of the catalog need to know of the layout; no Delta property."""
    spec = TABLES[table]
    return {
        "stocks_ai.key": ",".join(spec.key),
        "stocks_ai.kind": spec.kind,
        "stocks_ai.partition": spec.partition or "none",
        "stocks_ai.partitioned_by": spec.partitioned_by,
        **({"stocks_ai.slice": spec.slice} if spec.slice else {}),
    }


def type_text(spark: Any) -> str:
    """Return a type of Spark's JSON as SQL."""
    if isinstance(spark, str):
        return _SQL.get(spark, spark)
    match spark["type"]:
        case "array":
            return f"array<{type_text(spark['elementType'])}>"
        case "map":
            return f"map<{type_text(spark['keyType'])},{type_text(spark['valueType'])}>"
    inner = ",".join(f"{each['name']}:{type_text(each['type'])}" for each in spark["fields"])
    return f"struct<{inner}>"


def _column(field: dict[str, Any], partitions: list[str]) -> Column:
    spark = field["type"]
    plain = isinstance(spark, str)
    metadata = dict(sorted(field["metadata"].items()))
    return Column(
        name=field["name"],
        type_text=type_text(spark),
        type_name=_NAMES.get(spark, spark.upper()) if plain else spark["type"].upper(),
        type_json=json.dumps({**field, "metadata": metadata}),
        nullable=field["nullable"],
        comment=metadata.get("comment", ""),
        partition=partitions.index(field["name"]) if field["name"] in partitions else None,
    )
