"""Who wrote the tables of a lake: Databricks keeps the lineage of what its own Spark writes."""

from collections import defaultdict
from collections.abc import Iterable

from stocks_ai_assets.errors import GovernanceError
from stocks_ai_assets.lake import Lake

DATABRICKS = "Databricks-Runtime"
"""Begins the name that Databricks' Spark gives itself in Delta's log. Other Sparks and delta-rs
have other names, and Databricks sees nothing of what they do."""

LOOKED_AT = 20
"""Commits read before all are: maintenance and changes of columns come between writes."""

Part = tuple[str, str]
"""A table and one slice of it; an empty text where a table has no slices."""


def written_on_databricks(lake: Lake, parts: Iterable[Part]) -> frozenset[Part]:
    """Return the parts of tables whose newest write by this project Databricks' Spark made.

    Parameters
    ----------
    lake
        Where the tables lie.
    parts
        Tables and slices; those that were never written are left out.

    Raises
    ------
    GovernanceError
        There is no table at all: most likely the lake is somewhere else.
    StorageError
        The lake cannot be read.
    """
    there, wanted = set(lake.tables()), defaultdict(set)
    if not there:
        raise GovernanceError(
            f"{lake.root} holds no table, so nobody knows which ones Databricks wrote. Name the "
            "lake in `storage_root` of the policy or in STOCKS_AI_LAKE_ROOT, or fill it first."
        )
    for table, slice_ in parts:
        wanted[table].add(slice_)
    return frozenset(
        (table, slice_)
        for table, slices in wanted.items()
        if table in there
        for slice_, engine in _newest_writers(lake, table, slices).items()
        if engine.startswith(DATABRICKS)
    )


def _newest_writers(lake: Lake, table: str, slices: set[str]) -> dict[str, str]:
    """Return what made the newest write of each slice; none where the log has it no more.

    A slice without rows, as that of an agent that always abstains, is covered without a commit of
    its own: it is worth no look at all of the log.
    """
    found: dict[str, str] = {}
    for newest in (LOOKED_AT, None):
        for commit in lake.history(table, newest):
            if commit.run_id and commit.slice in slices:
                found.setdefault(commit.slice, commit.engine)
        left = slices - found.keys()
        if not any(lake.n_rows(table, slices=[each] if each else None) for each in left):
            break
    return found
