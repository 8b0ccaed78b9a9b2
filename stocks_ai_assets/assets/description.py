"""What the UI shows of an asset: columns, table name, groups, kinds, owners."""

from typing import Any

import dagster as dg

from stocks_ai_assets.tables.dictionary import STAMP_TYPES, type_name
from stocks_ai_assets.tables.spec import MAP, STAMP_DESCRIPTIONS, STAMPS, Table

OWNERS = ("team:quant",)
CATALOG = "stocks_ai"


def definition_metadata(table: Table) -> dict[str, Any]:
    """Metadata that holds whatever is materialized: the table's name and its columns."""
    return {
        "dagster/table_name": f"{CATALOG}.{table.name}",
        "dagster/column_schema": column_schema(table),
        "key_columns": ", ".join(table.key),
    }


def column_schema(table: Table) -> dg.TableSchema:
    """Columns of the contract, then the stamps."""
    columns = [
        dg.TableColumn(
            name=name,
            type=type_name(column.dtype, is_map=(column.metadata or {}).get("delta") == MAP),
            description=_sentence(column.description or "", (column.metadata or {}).get("unit")),
            constraints=dg.TableColumnConstraints(
                nullable=column.nullable, other=["part of the key"] if name in table.key else []
            ),
        )
        for name, column in table.contract.columns().items()
    ]
    stamps = [
        dg.TableColumn(
            name=name,
            type=STAMP_TYPES.get(name) or type_name(dtype),
            description=STAMP_DESCRIPTIONS[name],
        )
        for name, dtype in STAMPS.items()
    ]
    return dg.TableSchema(columns=[*columns, *stamps])


def _sentence(description: str, unit: str | None) -> str:
    return f"{description} Unit: {unit}." if unit not in (None, "none") else description
