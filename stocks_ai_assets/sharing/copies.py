"""Files as recipients get them: the lake's own, or copies outside the lake where those will not do.

A view gets copies with its columns alone, so that the bytes of the others never leave, neither as
pages nor as statistics; one copy may hold several files. Files of a table that only the newest
readers understand are copied in types that all know. A file of a Delta table never changes under
its name: a copy is made once and is good for every version that has the file.
"""

import contextlib
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

CHANGE_TYPE = "_change_type"
"""Column of change files that belongs to the protocol, not to the table."""

FORM = 4
"""Raised when the same copy would be written with other bytes."""

GROUP_ROWS = 131_072

TRIES = 5
"""A copy may be removed between being found and being opened, then it is made again."""

DRAFT_SECONDS = 3600.0
"""After so long a draft is nobody's: its process was killed."""


class Copies:
    """Copies, kept in one folder up to a number of bytes.

    Parameters
    ----------
    folder
        The folder; made when the first copy is written.
    limit
        Bytes beyond which the copies that were not used for longest are removed.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._mutex = threading.Lock()
        self._shrinking = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        self._plain: dict[Path, bool] = {}

    def opened(
        self,
        sources: Sequence[Path],
        table_id: str,
        paths: Sequence[str],
        columns: Any,
    ) -> BinaryIO:
        """Open the file to give, as `shared` finds it: open, it stays readable when it is removed.

        Raises
        ------
        FileNotFoundError
            A source is not there.
        """
        for _ in range(TRIES):
            with contextlib.suppress(FileNotFoundError):
                return self.shared(sources, table_id, paths, columns).open("rb")
        return self.shared(sources, table_id, paths, columns).open("rb")

    def shared(
        self,
        sources: Sequence[Path],
        table_id: str,
        paths: Sequence[str],
        columns: Any,
    ) -> Path:
        """Return the file to give for `sources`: itself, or the copy, made if it is not there.

        Parameters
        ----------
        sources
            Files of the lake; several only with `columns`.
        table_id, paths
            What names their content for ever: Delta's identifier of the table, files within it.
        columns
            Columns to give, in order, as a `pyarrow.Schema`: where a file lacks one, its rows have
            nulls of the type given here. None: those of the file.

        Raises
        ------
        FileNotFoundError
            A source is not there, whether or not there is a copy: what was removed from the
            lake is not given any more.
        """
        for source in sources:
            source.stat()
        if columns is None and self._is_plain(sources[0]):
            return sources[0]
        name = _name(table_id, paths, columns)
        copy = self._folder / name[:2] / f"{name}.parquet"
        if not _touched(copy):
            with self._mutex:
                making = self._making.setdefault(name, threading.Lock())
            with making:
                if not _touched(copy):
                    _write(sources, copy, columns)
            with self._mutex:
                self._making.pop(name, None)
        return copy

    def shrink(self) -> None:
        """Remove the copies that were not used for longest, until the rest is within the limit.

        One thread at a time; what was used since it was looked at stays.
        """
        if not self._shrinking.acquire(blocking=False):
            return
        try:
            self._shrink()
        finally:
            self._shrinking.release()

    def _shrink(self) -> None:
        found = []
        for folder in self._folder.glob("??"):
            with os.scandir(folder) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat()
                        found.append((status.st_mtime, status.st_size, Path(entry.path)))
        newest = max((used for used, _, _ in found), default=0.0)
        excess = sum(size for _, size, _ in found) - self._limit
        for used, size, file in sorted(found):
            if excess <= 0:
                return
            if file.name.startswith(".") and newest - used < DRAFT_SECONDS:
                continue
            with contextlib.suppress(FileNotFoundError):
                if file.stat().st_mtime > used:
                    continue
                file.unlink()
            excess -= size

    def _is_plain(self, source: Path) -> bool:
        if source not in self._plain:
            import pyarrow.parquet as pq

            schema = pq.read_schema(source)
            self._plain[source] = not any("view" in str(field.type) for field in schema)
        return self._plain[source]


def _touched(file: Path) -> bool:
    """Whether the file is there; says that it was used."""
    try:
        os.utime(file)
    except FileNotFoundError:
        return False
    return True


def _name(table_id: str, paths: Sequence[str], columns: Any) -> str:
    given = None if columns is None else [(field.name, str(field.type)) for field in columns]
    content = json.dumps([FORM, table_id, list(paths), given])
    return hashlib.sha256(content.encode()).hexdigest()


def _write(sources: Sequence[Path], target: Path, columns: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(sources, columns)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.stem}.{secrets.token_hex(4)}")
    try:
        # Arrow's own description of the types is what other readers stumble over.
        with pq.ParquetWriter(draft, schema, compression="zstd", store_schema=False) as writer:
            waiting: list[pa.Table] = []
            for source in sources:
                waiting.append(_rows(source, schema))
                # Row groups span files: thousands of small ones would be slow to read.
                if sum(rows.num_rows for rows in waiting) >= GROUP_ROWS:
                    writer.write_table(pa.concat_tables(waiting), row_group_size=GROUP_ROWS)
                    waiting = []
            if waiting:
                writer.write_table(pa.concat_tables(waiting), row_group_size=GROUP_ROWS)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _schema(sources: Sequence[Path], columns: Any) -> Any:
    """Return the columns to write, in types that all readers know: those of the sources."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    there: dict[str, Any] = {}
    for source in sources:
        for field in pq.read_schema(source):
            there.setdefault(field.name, field.with_type(_plain_type(field.type)))
    if columns is None:
        return pa.schema(there.values())
    fields = [there.get(each.name, each.with_type(_plain_type(each.type))) for each in columns]
    if CHANGE_TYPE in there:
        fields.append(there[CHANGE_TYPE])
    # Any source may lack the column.
    return pa.schema([field.with_nullable(nullable=True) for field in fields])


def _rows(source: Path, schema: Any) -> Any:
    """Return the rows of one source; columns that it does not have are null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        there = [name for name in schema.names if name in file.schema_arrow.names]
        rows = file.read(columns=there)
    return pa.table(
        [
            rows[field.name].cast(field.type)
            if field.name in there
            else pa.nulls(rows.num_rows, field.type)
            for field in schema
        ],
        schema=schema,
    )


def _plain_type(dtype: Any) -> Any:
    """Return the type that all readers know, of the same values."""
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_string_view(dtype) or kinds.is_string(dtype):
        return pa.large_string()
    if kinds.is_timestamp(dtype):
        # Files of old Spark have nanoseconds without a zone, which Spark refuses to read in a copy.
        return pa.timestamp("us", "UTC")
    if kinds.is_map(dtype):
        return pa.map_(_plain_type(dtype.key_type), _plain_type(dtype.item_type))
    if kinds.is_struct(dtype):
        fields = [dtype.field(n) for n in range(dtype.num_fields)]
        return pa.struct([field.with_type(_plain_type(field.type)) for field in fields])
    if kinds.is_list(dtype) or kinds.is_large_list(dtype) or "list_view" in str(dtype):
        return pa.large_list(_plain_type(dtype.value_type))
    return dtype
