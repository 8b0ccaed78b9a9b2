"""The lake as the rest of the package sees it: read, write, versions, coverage, history."""

import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from stocks_ai_assets.errors import UnknownNameError
from stocks_ai_assets.lake.content import hash_sorted
from stocks_ai_assets.lake.contract import conforming
from stocks_ai_assets.lake.coverage import Coverage, Ledger, Segment, ledger_file
from stocks_ai_assets.lake.failures import storage_failures
from stocks_ai_assets.lake.handles import Handle
from stocks_ai_assets.lake.journal import Journal, SliceJournal
from stocks_ai_assets.lake.marker import require_format, write_format
from stocks_ai_assets.lake.periods import merged_ranges
from stocks_ai_assets.lake.records import Commit, Fingerprint, commit_of
from stocks_ai_assets.lake.replacing import Content, FrameContent, replace_partitions
from stocks_ai_assets.lake.storage import Folder, open_storage
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.lake.writing import FILE_BYTES, Stamps, Written
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables import table as table_named
from stocks_ai_assets.tables.spec import STAMPS


class Lake:
    """Delta tables under one folder, or one prefix of an object store.

    Parameters
    ----------
    root
        Folder of the lake, made by the first write; or its URL, as a text.
    """

    def __init__(self, root: Path | str) -> None:
        self._storage = open_storage(root)
        self.root = self._storage.root
        self._handles: dict[str, Handle] = {}
        self._ledgers: dict[tuple[str, str | None], Coverage] = {}
        self._journals: dict[str, Journal] = {}
        self._merged: dict[
            tuple[str, str | None], tuple[tuple[Segment, ...], list[tuple[date, date]]]
        ] = {}
        self._lock = threading.RLock()
        self._format_known = False

    def tables(self) -> tuple[str, ...]:
        """Names of the tables that were written, in the order of the data flow."""
        return tuple(name for name in TABLES if self._handle(name).newest() is not None)

    def version(self, table: str) -> int | None:
        """Return the newest Delta version; None: never written."""
        found = self._handle(table).newest()
        return None if found is None else int(found.version())

    def identity(self, table: str) -> str | None:
        """Name a table so that one made anew, whose versions restart, is another; None: not there.

        Name of the table and the start of Delta's own identifier.
        """
        found = self._handle(table).newest()
        return None if found is None else f"{table}@{found.metadata().id[:8]}"

    def read(
        self,
        table: str,
        first: date | None = None,
        last: date | None = None,
        columns: Sequence[str] | None = None,
        slices: Sequence[str] | None = None,
        version: int | None = None,
        *,
        with_stamps: bool = False,
    ) -> pl.DataFrame:
        """Return rows of one version, sorted by the table's key.

        Parameters
        ----------
        table
            Name of the table.
        first, last
            Partitions, both inclusive; None: without bound.
        columns
            Content columns, in the order wanted; None: all in contract order.
        slices
            Values of the slice column; None: all.
        version
            Delta version; None: the newest when called.
        with_stamps
            Add the stamps after the content columns.

        Raises
        ------
        TableMissingError
            The table was never written.
        UnknownNameError
            No such column or table.
        """
        contract = table_named(table)
        wanted = [*(columns or contract.columns), *(STAMPS if with_stamps else ())]
        unknown = [c for c in wanted if c not in contract.schema and c not in STAMPS]
        if unknown:
            raise UnknownNameError(
                f"{table} has no column {', '.join(unknown)}. Columns: "
                f"{', '.join(contract.columns)}."
            )
        handle = self._handle(table)
        snapshot = handle.snapshot(version)
        with storage_failures(f"{table} version {snapshot.version}", handle.location):
            return snapshot.read(first=first, last=last, slices=slices, columns=wanted)

    def n_rows(
        self,
        table: str,
        first: date | None = None,
        last: date | None = None,
        slices: Sequence[str] | None = None,
        version: int | None = None,
    ) -> int:
        """Return the rows of the files that hold the range: never too few, and nothing is read."""
        return self._handle(table).snapshot(version).n_rows(first, last, slices)

    def location(self, table: str) -> str:
        """Where the files of a table lie, as other engines name it."""
        return self._handle(table).location

    def write(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        first: date | None,
        last: date | None,
        slice: str | None,  # noqa: A002  # the field's term, and keyword-only
        stamps: Stamps,
    ) -> Written:
        """Replace the partitions `first`..`last` of one slice by `frame`.

        Content that is already stored makes no new version and keeps its stamps.

        Parameters
        ----------
        table
            Name of the table.
        frame
            Content columns of the contract; any row and column order. May be empty: then the
            partitions are covered and hold nothing.
        first, last
            Partitions, both inclusive; `first` None: from the beginning; both None: all of the
            slice.
        slice
            Value of the table's slice column; None for tables without one.
        stamps
            Who computed the rows.

        Raises
        ------
        ContractError
            The rows break the contract, or lie outside the range or the slice.
        ConflictError
            Other writers kept winning.
        StorageError
            Disk full, read-only, or locked. Nothing was half written.
        """
        target = Target(table=table_named(table), first=first, last=last, slice=slice)
        return self.replace(target, FrameContent(conforming(frame, target), table), stamps)

    def replace(self, target: Target, content: Content, stamps: Stamps) -> Written:
        """Make `content`, which conforms to its contract, the content of `target`.

        `write` for rows that are not in this process; see there.
        """
        table = target.table.name
        handle, ledger = self._handle(table), self._ledger(table, target.slice)
        inputs = {
            identity: version
            for name, version in sorted(stamps.input_versions.items())
            if (identity := self.identity(name)) is not None
        }
        with storage_failures(str(target), handle.location):
            write_format(self._storage)
            with ledger.alone(str(target)), handle.lock:
                return replace_partitions(handle, ledger, target, content, stamps, inputs)

    def materialized(
        self,
        table: str,
        slice: str | None = None,  # noqa: A002  # the field's term
    ) -> list[tuple[date, date]]:
        """Return the covered ranges, ascending, adjacent partitions merged.

        Includes ranges without rows. A range without bound starts at `date.min` or ends at
        `date.max`.
        """
        segments = self.coverage(table, slice)
        known = self._merged.get((table, slice))
        if known is None or known[0] is not segments:
            known = segments, merged_ranges(segments, table_named(table))
            self._merged[table, slice] = known
        return list(known[1])

    def coverage(
        self,
        table: str,
        slice: str | None = None,  # noqa: A002  # the field's term
    ) -> tuple[Segment, ...]:
        """Return what is materialized: by which code, from what, changed when; ascending.

        Nothing of a table that is not there (never written, or moved away) is materialized.
        """
        handle, ledger = self._handle(table), self._ledger(table, slice)
        with storage_failures(f"Coverage of {table}", handle.location):
            return ledger.segments() if handle.exists else ()

    def fingerprint(
        self,
        table: str,
        first: date | None = None,
        last: date | None = None,
        slices: Sequence[str] | None = None,
        version: int | None = None,
    ) -> Fingerprint:
        """Return number and content hash of the rows that `read` would return."""
        rows = self.read(table, first, last, slices=slices, version=version)
        return Fingerprint(table=table, rows=rows.height, content_hash=hash_sorted(rows, table))

    def changes(self, table: str, from_version: int, to_version: int) -> pl.DataFrame:
        """Return the rows that changed after `from_version`, up to and including `to_version`.

        Returns
        -------
        pl.DataFrame
            Content columns, `_change_type` (insert, delete, update_preimage, update_postimage) and
            `_commit_version`; in the order of commits. Compaction changes nothing.
        """
        contract, handle = table_named(table), self._handle(table)
        schema = {**contract.schema, "_change_type": pl.String(), "_commit_version": pl.Int64()}
        with handle.lock, storage_failures(f"Changes of {table}", handle.location):
            handle.require(from_version)
            delta = handle.require(to_version)
            if from_version >= to_version:
                return pl.DataFrame(schema=schema)
            rows = pl.DataFrame(delta.load_cdf(from_version + 1, to_version))
        return (
            rows.select(*schema)
            .cast(pl.Schema(schema))
            .sort("_commit_version", maintain_order=True)
        )

    def history(self, table: str, newest: int | None = None) -> tuple[Commit, ...]:
        """Return the newest versions of a table, or all that its log has, newest first."""
        handle = self._handle(table)
        with handle.lock, storage_failures(f"History of {table}", handle.location):
            return tuple(commit_of(entry) for entry in handle.require().history(newest))

    def compact(self) -> None:
        """Merge small files and write a checkpoint, for every table. Changes no content."""
        from deltalake.exceptions import CommitFailedError

        for name in self.tables():
            handle = self._handle(name)
            with handle.lock, storage_failures(f"Compacting {name}", handle.location):
                delta = handle.require()
                try:
                    with handle.committing():
                        delta.optimize.compact(target_size=FILE_BYTES)
                except CommitFailedError:
                    # A writer came between; what is left will be compacted the next time.
                    handle.reopen()
                    delta = handle.require()
                delta.create_checkpoint()

    def _handle(self, table: str) -> Handle:
        self._require_format()
        with self._lock:
            if table not in self._handles:
                self._handles[table] = Handle(self._storage, table_named(table))
            return self._handles[table]

    def _require_format(self) -> None:
        if not self._format_known:
            with storage_failures("The lake", self.root):
                require_format(self._storage)
            self._format_known = True

    def _ledger(self, table: str, slice_: str | None) -> Coverage:
        handle = self._handle(table)
        with self._lock:
            if (table, slice_) not in self._ledgers:
                self._ledgers[table, slice_] = self._opened_ledger(handle, slice_)
            return self._ledgers[table, slice_]

    def _opened_ledger(self, handle: Handle, slice_: str | None) -> Coverage:
        name = handle.table.name
        if isinstance(self._storage, Folder):
            return Ledger(ledger_file(self._storage.root, name, slice_))
        if name not in self._journals:
            self._journals[name] = Journal(handle)
        return SliceJournal(self._journals[name], slice_)
