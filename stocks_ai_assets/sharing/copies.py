"""Files as recipients get them: the lake's own, or copies outside the lake where those will not do.

A view gets copies with its columns alone, so that the bytes of the others never leave, neither as
pages nor as statistics. Files of a table that only the newest readers understand are copied in
types that all know. A file of a Delta table never changes under its name: a copy is made once and
is good for every version.
"""

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHANGE_TYPE = "_change_type"
"""Column of change files that belongs to the protocol, not to the table."""

FORM = 1
"""Raised when the same copy would be written with other bytes."""

GROUP_ROWS = 131_072


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
        self._making: dict[str, threading.Lock] = {}
        self._plain: dict[Path, bool] = {}

    def shared(self, source: Path, table_id: str, path: str, columns: Sequence[str] | None) -> Path:
        """Return the file to give for `source`: itself, or its copy, made if it is not there.

        Parameters
        ----------
        source
            File of the lake.
        table_id, path
            What names its content for ever: Delta's identifier of the table, file within it.
        columns
            Columns to give, in order; those that the file does not have are left out. None: all.

        Raises
        ------
        FileNotFoundError
            The source is not there, whether or not there is a copy: what was removed from the
            lake is not given any more.
        """
        source.stat()
        if columns is None and self._is_plain(source):
            return source
        name = _name(table_id, path, columns)
        copy = self._folder / name[:2] / f"{name}.parquet"
        if not _touched(copy):
            with self._mutex:
                making = self._making.setdefault(name, threading.Lock())
            with making:
                if not _touched(copy):
                    _write(source, copy, columns)
            with self._mutex:
                self._making.pop(name, None)
        return copy

    def shrink(self) -> None:
        """Remove the copies that were not used for longest, until the rest is within the limit."""
        found = []
        for folder in self._folder.glob("??"):
            for entry in os.scandir(folder):
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue
                found.append((status.st_mtime, status.st_size, entry.path))
        excess = sum(size for _, size, _ in found) - self._limit
        for _, size, path in sorted(found):
            if excess <= 0:
                return
            Path(path).unlink(missing_ok=True)
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


def _name(table_id: str, path: str, columns: Sequence[str] | None) -> str:
    content = json.dumps([FORM, table_id, path, columns and list(columns)])
    return hashlib.sha256(content.encode()).hexdigest()


def _write(source: Path, target: Path, columns: Sequence[str] | None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        there: list[str] = file.schema_arrow.names
        kept = there if columns is None else [c for c in (*columns, CHANGE_TYPE) if c in there]
        rows = file.read(columns=kept).select(kept)
    schema = pa.schema([field.with_type(_plain_type(field.type)) for field in rows.schema])
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.stem}.{secrets.token_hex(4)}")
    try:
        pq.write_table(
            rows.cast(schema),
            draft,
            compression="zstd",
            row_group_size=GROUP_ROWS,
            # Arrow's own description of the types is what other readers stumble over.
            store_schema=False,
        )
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _plain_type(dtype: Any) -> Any:
    """Return the type that all readers know, of the same values."""
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_string_view(dtype) or kinds.is_string(dtype):
        return pa.large_string()
    if kinds.is_map(dtype):
        return pa.map_(_plain_type(dtype.key_type), _plain_type(dtype.item_type))
    if kinds.is_struct(dtype):
        fields = [dtype.field(n) for n in range(dtype.num_fields)]
        return pa.struct([field.with_type(_plain_type(field.type)) for field in fields])
    if kinds.is_list(dtype) or kinds.is_large_list(dtype) or "list_view" in str(dtype):
        return pa.large_list(_plain_type(dtype.value_type))
    return dtype
