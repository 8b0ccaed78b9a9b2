"""Who wrote the tables of a lake: Databricks keeps the lineage of what its own Spark writes."""

from collections.abc import Iterable

from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.records import Commit

DATABRICKS = "Databricks-Runtime"
"""Begins the name that Databricks' Spark gives itself in Delta's log. Other Sparks and delta-rs
have other names, and Databricks sees nothing of what they do."""

LOOKED_AT = 20
"""Commits read before all are: maintenance and changes of columns come between writes."""


def written_on_databricks(lake: Lake, tables: Iterable[str]) -> tuple[str, ...]:
    """Return the tables whose newest write by this project was made by Databricks' Spark.

    Parameters
    ----------
    lake
        Where the tables lie.
    tables
        Names of tables; those that were never written are left out.

    Raises
    ------
    StorageError
        The lake cannot be read.
    """
    there = set(lake.tables())
    return tuple(
        name
        for name in tables
        if name in there
        and (write := _newest_write(lake, name)) is not None
        and write.engine.startswith(DATABRICKS)
    )


def _newest_write(lake: Lake, table: str) -> Commit | None:
    """Return the newest commit that says which run made it; None: the log has none any more."""
    for newest in (LOOKED_AT, None):
        for commit in lake.history(table, newest):
            if commit.run_id:
                return commit
    return None
