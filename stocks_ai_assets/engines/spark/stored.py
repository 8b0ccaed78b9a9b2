"""Tables of the lake as Spark sees them: named by path or by catalog, read at a pinned version."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from stocks_ai_assets.engines.spark.arrow import spark_schema
from stocks_ai_assets.engines.spark.failures import refusals
from stocks_ai_assets.errors import SparkError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.layout import YEAR, has_years
from stocks_ai_assets.tables.spec import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BY_PATH = "unset STOCKS_AI_CATALOG, and tables are named by their path."


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
    names: "Names",
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
    names
        By what name Spark reads the table.
    """
    from pyspark.sql import functions as f

    if version is None:
        return session.createDataFrame([], spark_schema(table.name, columns))
    reader = session.read.format("delta").option("versionAsOf", version)
    rows = (
        reader.table(names.of(session, lake, table))
        if names.catalog
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


class Names:
    """Names by which SQL reads and writes the tables of a lake.

    Parameters
    ----------
    catalog
        Catalog of three-level names; None: tables are named by their path.
    """

    def __init__(self, catalog: str | None = None) -> None:
        self.catalog = catalog
        self._same: set[str | None] = set()

    def require(self, session: "SparkSession") -> None:
        """Raise `SparkError` when the session does not know the catalog, or may not use it."""
        if self.catalog is not None:
            finding = (
                f"STOCKS_AI_CATALOG={self.catalog}: Spark does not know this catalog, or may not "
                "use it"
            )
            remedy = f"Name one that it knows, give this login the right, or {BY_PATH}"
            with refusals(finding, remedy):
                session.sql(f"SHOW SCHEMAS IN `{self.catalog}`").take(1)

    def of(self, session: "SparkSession", lake: Lake, table: Table) -> str:
        """Return the name of a table; a new one is registered in the catalog.

        Raises
        ------
        SparkError
            Spark cannot register or find it, or the catalog has another table of that name.
        """
        location = lake.location(table.name)
        if self.catalog is None:
            return f"delta.`{location.replace('`', '``')}`"
        schema, name = table.name.split(".")
        full = f"`{self.catalog}`.`{schema}`.`{name}`"
        identity = lake.identity(table.name)
        if identity in self._same:
            return full
        remedy = (
            "If this login lacks a right, give it those to register tables in that schema and to "
            f"use {location} there; or {BY_PATH}"
        )
        with refusals(f"{full} cannot be found or registered", remedy):
            if not session.catalog.tableExists(full):
                session.sql(f"CREATE SCHEMA IF NOT EXISTS `{self.catalog}`.`{schema}`")
                session.sql(
                    f"CREATE TABLE IF NOT EXISTS {full} USING delta LOCATION {{place}}",
                    place=location,
                )
            (found,) = session.sql(f"DESCRIBE DETAIL {full}").select("id", "location").collect()
        if identity != f"{table.name}@{(found.id or '')[:8]}":
            raise SparkError(
                f"{full} lies in {found.location} and is not the table of this lake in "
                f"{location}. Drop it from the catalog, or name the catalog of this lake in "
                "STOCKS_AI_CATALOG."
            )
        self._same.add(identity)
        return full
