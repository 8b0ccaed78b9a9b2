"""Tables of the lake as Spark sees them: named by path or by catalog, read at a pinned version."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from stocks_ai_assets.engines.spark.arrow import spark_schema
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.layout import YEAR, has_years
from stocks_ai_assets.tables.spec import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def stored_rows(
    session: "SparkSession",
    lake: Lake,
    table: Table,
    version: int | None,
    *,
    first: date | None,
    last: date | None,
    slices: Sequence[str] | None,
    columns: tuple[str, ...],
    catalog: str | None = None,
) -> "DataFrame":
    """Return rows of one version, as `Lake.read` does, in no order.

    Parameters
    ----------
    session
        Spark.
    lake, table
        Where the rows are.
    version
        Delta version; None: the table was never written, and there are no rows.
    first, last
        Partitions, both inclusive; None: without bound.
    slices
        Values of the slice column; None: all.
    columns
        Content columns.
    catalog
        Catalog of three-level names; None: by path.
    """
    from pyspark.sql import functions as f

    if version is None:
        return session.createDataFrame([], spark_schema(table.name, columns))
    reader = session.read.format("delta").option("versionAsOf", version)
    rows = (
        reader.table(table_identifier(session, lake, table, catalog))
        if catalog
        else reader.load(lake.location(table.name))
    )
    if first:
        rows = rows.where(f.col(table.partition) >= f.lit(first))
    if last:
        rows = rows.where(f.col(table.partition) < f.lit(last + timedelta(days=1)))
    if has_years(table) and first:
        rows = rows.where(f.col(YEAR) >= f.lit(first.year))
    if has_years(table) and last:
        rows = rows.where(f.col(YEAR) <= f.lit(last.year))
    if slices is not None and table.slice:
        rows = rows.where(f.col(table.slice).isin(list(slices)))
    return rows.select(*columns)


def table_identifier(session: "SparkSession", lake: Lake, table: Table, catalog: str | None) -> str:
    """Return the name by which SQL writes a table; registers it in the catalog if it is new."""
    location = lake.location(table.name)
    if catalog is None:
        return f"delta.`{location}`"
    schema, name = table.name.split(".")
    full = f"`{catalog}`.`{schema}`.`{name}`"
    if not session.catalog.tableExists(f"{catalog}.{schema}.{name}"):
        session.sql(f"CREATE SCHEMA IF NOT EXISTS `{catalog}`.`{schema}`")
        session.sql(f"CREATE TABLE IF NOT EXISTS {full} USING delta LOCATION '{location}'")
    return full
