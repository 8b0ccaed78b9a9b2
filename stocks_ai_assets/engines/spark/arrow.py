"""Tables of a contract in Arrow and in Spark's types: what crosses between JVM and Python workers.

Spark's maps are Arrow maps and polars' lists of key and value; times are UTC with microseconds.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from stocks_ai_assets.lake.layout import delta_schema
from stocks_ai_assets.tables import TABLES

if TYPE_CHECKING:
    from pyspark.sql.types import StructType


@cache
def spark_schema(table: str, columns: tuple[str, ...] | None = None) -> "StructType":
    """Return Spark's types of content columns, all nullable: contracts judge what is missing.

    Parameters
    ----------
    table
        Name of the table.
    columns
        Columns in the order wanted; None: all of the contract.
    """
    from pyspark.sql.types import StructField, StructType

    stored = StructType.fromJson(json.loads(delta_schema(table).to_json()))
    names = columns or tuple(TABLES[table].columns)
    return StructType([StructField(name, stored[name].dataType, nullable=True) for name in names])


@cache
def arrow_schema(table: str, columns: tuple[str, ...] | None = None) -> Any:
    """Return the `pyarrow.Schema` of the same columns, as Spark expects it from a worker."""
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(spark_schema(table, columns), timezone="UTC")


def frame_of(rows: Any, table: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return Arrow columns that Spark handed over as a frame with the types of the contract."""
    schema = TABLES[table].schema
    frame = pl.DataFrame(rows.select(list(columns)))
    return frame.cast({name: schema[name] for name in columns})


def table_of(frame: pl.DataFrame, schema: Any) -> Any:
    """Return a frame as a `pyarrow.Table` of `schema`."""
    import pyarrow as pa

    maps = [field.name for field in schema if pa.types.is_map(field.type)]
    frame = frame.select(schema.names).with_columns(
        pl.col(name).cast(_map(frame.schema[name])) for name in maps
    )
    return frame.to_arrow().cast(schema)


def _map(entries: Any) -> pl.Map:
    key, value = (field.dtype for field in entries.inner.fields)
    return pl.Map(key, value)
