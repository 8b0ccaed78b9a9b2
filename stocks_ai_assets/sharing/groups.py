"""Files of a view put together: few large ones are read many times faster than many small ones.

A view has copies anyway, so that which files of the lake are in one copy is free to choose. A
version is always grouped alike. A commit that only adds files changes the last group of its slice;
one that removes a file changes all groups after it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from stocks_ai_assets.sharing import wire
from stocks_ai_assets.sharing.links import FileNames
from stocks_ai_assets.sharing.shares import SharedTable
from stocks_ai_assets.sharing.versions import Version

ROWS = 1_000_000
"""A group of so many rows takes no more files."""


def groups_of(files: pl.DataFrame, partitions: Sequence[str]) -> list[tuple[dict[str, Any], ...]]:
    """Return the files of a version in groups, by the order in which they were written.

    Parameters
    ----------
    files
        Files of a version, one row each.
    partitions
        Partition columns that recipients see: their values are one for each file.

    Returns
    -------
    list
        Groups of rows of `files`; each file is in one of them.
    """
    groups: list[list[dict[str, Any]]] = []
    filling: dict[tuple[Any, ...], tuple[list[dict[str, Any]], int]] = {}
    for row in files.sort("modification_time", "path").to_dicts():
        values = tuple(row.get(f"partition.{name}") for name in partitions)
        group, rows = filling.get(values, ([], ROWS))
        if rows >= ROWS:
            group, rows = [], 0
            groups.append(group)
        group.append(row)
        # A file that does not tell its rows is the last of its group.
        count = row["num_records"]
        filling[values] = (group, ROWS if count is None else rows + count)
    return [tuple(group) for group in groups]


def given_groups(
    shared: SharedTable, version: Version, names: FileNames
) -> list[tuple[str, tuple[dict[str, Any], ...]]]:
    """Return the files of a version as they are given: a table's one by one, a view's in groups.

    Parameters
    ----------
    shared, version
        What is given.
    names
        Gives the names by which links know files and groups.

    Returns
    -------
    list
        Name and rows of `version.files`.
    """
    if shared.columns is None:
        rows = version.files.to_dicts()
        return [(names.of(version.table_id, row["path"]), (row,)) for row in rows]
    groups = groups_of(version.files, wire.partition_columns(shared, version))
    return [
        (
            names.of_group(version.number, version.table_id, [row["path"] for row in group]),
            group,
        )
        for group in groups
    ]


def together(group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is known of a group: as a row of `files`, of the file that it becomes.

    Parameters
    ----------
    group
        Rows of `files`.
    """
    first = group[0]
    return {name: _joined(name, [row[name] for row in group]) for name in first}


def _joined(name: str, values: list[Any]) -> Any:
    kind = name.partition(".")[0]
    if kind == "path":
        return "\n".join(values)
    if kind == "partition":
        return values[0]
    if any(value is None for value in values):
        return None
    if kind in {"num_records", "null_count"}:
        return sum(values)
    if kind in {"min", "max"}:
        return min(values) if kind == "min" else max(values)
    return None
