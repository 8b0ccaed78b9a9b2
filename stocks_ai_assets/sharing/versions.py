"""Versions of a table of the lake: their files, columns and moments. Reads Delta's log only."""

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import polars as pl

from stocks_ai_assets.errors import LakeError, RefusedError, SharingError, TableMissingError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.failures import storage_failures
from stocks_ai_assets.lake.layout import YEAR, folder

BAD_REQUEST = "INVALID_PARAMETER_VALUE"
NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
KEPT = 64
"""Versions kept open, of all tables."""

ActionKind = Literal["add", "cdf", "remove"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version of one table.

    Parameters
    ----------
    table_id
        Delta's identifier of the table.
    number
        The version.
    timestamp
        When it was committed, milliseconds since 1970 UTC.
    schema
        Fields as Delta writes them, without the hidden year.
    partition_columns
        Columns whose values are not in the files, without the hidden year.
    files
        One row a file: `path`, `size_bytes`, `num_records`, and `min.`, `max.`, `null_count.`,
        `partition.` of the columns for which they are known.
    """

    table_id: str
    number: int
    timestamp: int
    schema: tuple[dict[str, Any], ...]
    partition_columns: tuple[str, ...]
    files: pl.DataFrame


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What one commit did to one file.

    Parameters
    ----------
    kind
        `add`, `remove`, or `cdf`: a file with the changed rows.
    path
        File within the table's folder.
    size
        Bytes.
    partition_values
        Values of the partition columns, without the hidden year.
    version, timestamp
        The commit, and when it was made, milliseconds since 1970 UTC.
    """

    kind: ActionKind
    path: str
    size: int
    partition_values: dict[str, str | None]
    version: int
    timestamp: int


class Versions:
    """Versions of the tables of one lake.

    Parameters
    ----------
    lake
        The lake; one in a folder of this machine.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._root = local_root(lake)
        self._kept: OrderedDict[tuple[str, int], Version] = OrderedDict()
        self._mutex = threading.Lock()

    def folder(self, table: str) -> Path:
        """Return the folder of a table."""
        return folder(self._root, table)

    def newest(self, table: str) -> int:
        """Return the newest version, or refuse: the table was never written."""
        newest = self._lake.version(table)
        if newest is None:
            raise RefusedError(
                404,
                NOT_FOUND,
                "The table is shared but was not written yet. Ask the provider when it will be.",
            )
        return newest

    def version(self, table: str, number: int) -> Version:
        """Return one version, or refuse with the versions that there are."""
        newest = self.newest(table)
        if not 0 <= number <= newest:
            raise RefusedError(
                400, BAD_REQUEST, f"There is no version {number}: versions are 0..{newest}."
            )
        key = (self._lake.identity(table) or table, number)
        with self._mutex:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._opened(table, number)
        with self._mutex:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def at(self, table: str, moment: datetime) -> int:
        """Return the version that was newest at `moment`; refuse moments before and after all."""
        commits = self._commits(table)
        if moment > commits[-1][1]:
            raise _out_of_range(moment, "after the newest", commits[-1])
        if moment < commits[0][1]:
            raise _out_of_range(moment, "before the oldest", commits[0])
        return max(number for number, committed in commits if committed <= moment)

    def until(self, table: str, moment: datetime) -> int:
        """Return the last version committed at or before `moment`; refuse when there is none."""
        newest, committed = self._commits(table)[-1]
        return newest if moment > committed else self.at(table, moment)

    def since(self, table: str, moment: datetime) -> int:
        """Return the first version committed at or after `moment`; refuse when there is none."""
        commits = self._commits(table)
        if moment > commits[-1][1]:
            raise _out_of_range(moment, "after the newest", commits[-1])
        return min(number for number, committed in commits if committed >= moment)

    def actions(self, table: str, first: int, last: int, *, changes: bool) -> list[Action]:
        """Return what the commits `first`..`last` did to files, in order.

        Parameters
        ----------
        table
            Name of the table.
        first, last
            Versions, both inclusive.
        changes
            Where a commit recorded its changed rows, return these in place of its files.
        """
        return [
            action
            for number in range(first, last + 1)
            for action in self._commit(table, number, changes=changes)
        ]

    def _opened(self, table: str, number: int) -> Version:
        from deltalake import DeltaTable

        where = self.folder(table)
        try:
            with storage_failures(f"{table} version {number}", where):
                delta = DeltaTable(str(where), version=number)
                files = pl.DataFrame(delta.get_add_actions(flatten=True))
                timestamp = delta.history(1)[0]["timestamp"]
        except (LakeError, TableMissingError):
            raise _gone(number) from None
        metadata = delta.metadata()
        fields = json.loads(delta.schema().to_json())["fields"]
        return Version(
            table_id=str(metadata.id),
            number=number,
            timestamp=int(timestamp),
            schema=tuple(field for field in fields if field["name"] != YEAR),
            partition_columns=tuple(c for c in metadata.partition_columns if c != YEAR),
            # The log holds paths in the spelling of URLs.
            files=files.with_columns(
                pl.Series("path", [unquote(path) for path in files["path"]], dtype=pl.String)
            ).sort("path"),
        )

    def _commits(self, table: str) -> list[tuple[int, datetime]]:
        """All versions with the moments at which they were committed, oldest first."""
        self.newest(table)
        return sorted((each.version, each.timestamp) for each in self._lake.history(table))

    def _commit(self, table: str, number: int, *, changes: bool) -> list[Action]:
        file = self.folder(table) / "_delta_log" / f"{number:020d}.json"
        try:
            entries = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        except FileNotFoundError:
            raise _gone(number) from None
        found = [
            (kind, body)
            for entry in entries
            for name, body in entry.items()
            if (kind := _KINDS.get(name)) and (kind == "cdf" or body.get("dataChange"))
        ]
        recorded = any(kind == "cdf" for kind, _ in found)
        timestamp = next(
            (entry["commitInfo"]["timestamp"] for entry in entries if "commitInfo" in entry), 0
        )
        return [
            self._action(table, kind, body, number, int(timestamp))
            for kind, body in found
            if (kind == "cdf") == (changes and recorded)
        ]

    def _action(
        self, table: str, kind: ActionKind, body: dict[str, Any], number: int, timestamp: int
    ) -> Action:
        path = unquote(body["path"])
        size = body.get("size")
        if size is None:
            try:
                size = (self.folder(table) / path).stat().st_size
            except FileNotFoundError:
                raise _gone(number) from None
        values = body.get("partitionValues") or {}
        return Action(
            kind=kind,
            path=path,
            size=int(size),
            partition_values={name: value for name, value in values.items() if name != YEAR},
            version=number,
            timestamp=timestamp,
        )


_KINDS: dict[str, ActionKind] = {"add": "add", "remove": "remove", "cdc": "cdf"}


def local_root(lake: Lake) -> Path:
    """Return the folder of a lake, or refuse to share one that is not on this machine."""
    root = Path(lake.root)
    if "://" in str(lake.root) or str(root).startswith(("s3:/", "gs:/", "abfss:/", "az:/")):
        raise SharingError(
            f"The lake is in an object store ({lake.root}); `share serve` reads files of this "
            "machine. Share it from Databricks (docs/sharing.md), or copy it to a folder."
        )
    return root


def _gone(number: int) -> RefusedError:
    return RefusedError(
        404,
        NOT_FOUND,
        f"Version {number} is no longer there: its log or its files were removed. "
        "Ask for a newer version.",
    )


def _out_of_range(moment: datetime, where: str, commit: tuple[int, datetime]) -> RefusedError:
    number, committed = commit
    return RefusedError(
        400,
        BAD_REQUEST,
        f"The timestamp {moment:%Y-%m-%d %H:%M:%S.%f %Z} lies {where} version, {number} of "
        f"{committed:%Y-%m-%d %H:%M:%S.%f %Z}.",
    )
