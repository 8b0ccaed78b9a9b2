"""The content hash: one value for the rows of a table, whoever wrote them, wherever they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from stocks_ai_assets.lake.layout import map_columns
from stocks_ai_assets.tables import table as table_named

TEXT_BLOCK = 65_536
"""Rows whose texts are joined at a time, to bound memory. Does not change the hash."""

_TAGS: dict[Any, str] = {
    pl.String: "string",
    pl.Float64: "double",
    pl.Int32: "integer",
    pl.Int64: "long",
    pl.Date: "date",
    pl.Boolean: "boolean",
}


class Block(NamedTuple):
    """Rows of one calendar quarter: what is hashed at a time, wherever that happens."""

    start: date | None
    rows: int
    digest: str


def content_hash(frame: pl.DataFrame, table: str) -> str:
    r"""Return the content hash of rows of `table`.

    Parameters
    ----------
    frame
        At least the content columns of the contract, in any order, any number of chunks; rows in
        any order. Other columns (stamps) are ignored.
    table
        Name of the table.

    Returns
    -------
    str
        SHA-256 as 64 hexadecimal digits.

    Notes
    -----
    Definition, to be reproduced from Arrow by any engine, block by block. A block is the rows of
    one calendar quarter of the partition date; a table without partitions is one block. Rows of a
    block are sorted by the table's key, ascending: texts by their UTF-8 bytes, dates and numbers
    by value. The digest of a block is fed:

    1. `rows=<n>\n`
    2. for each content column in the order of the contract `<name>:<type>\n`, then its values.

    The content hash is fed `<first day of the quarter> <n> <digest of the block>\n` for every
    block that has rows, ascending, with `all` in place of the day where there are no partitions.

    The values of a column, one after the other, all numbers little-endian:

    * validity: one byte a row, 1 or 0 for null;
    * double: 8 bytes, exact bits (0.0 and -0.0 differ); date: int32 days since 1970; timestamp:
      int64 microseconds since 1970 UTC; integer: int32; long: int64; boolean: one byte. Nulls are
      zero bytes;
    * string: the length in bytes of every row as uint32 (null: 0), then all bytes, one row after
      the other;
    * array: the number of elements of every row as uint32 (null: 0), then the values of all
      elements of all rows as one column;
    * struct: the values of each field as one column, null where the struct is null;
    * map: as an array of structs `key`, `value`, entries of each row sorted by key.

    Types are written `double`, `date`, `timestamp`, `integer`, `long`, `boolean`, `string`,
    `array<type>`, `struct<name:type,...>`, `map<type,type>`.
    """
    contract = table_named(table)
    return hash_sorted(frame.select(contract.columns).sort(contract.key), table)


def hash_sorted(frame: pl.DataFrame, table: str) -> str:
    """Return the content hash of a frame that is already sorted by the table's key."""
    return combined_hash(blocks_of(frame, table))


def blocks_of(frame: pl.DataFrame, table: str) -> list[Block]:
    """Return the blocks of a frame that is already sorted by the table's key."""
    contract = table_named(table)
    if frame.is_empty():
        return []
    if not contract.partition:
        return [Block(None, frame.height, _digest(frame, table))]
    quarters = frame.get_column(contract.partition).dt.truncate("1q")
    starts = quarters.unique().sort().to_list()
    if len(starts) == 1:
        return [Block(starts[0], frame.height, _digest(frame, table))]
    parts = ((start, frame.filter(quarters == start)) for start in starts)
    return [Block(start, part.height, _digest(part, table)) for start, part in parts]


def combined_hash(blocks: Iterable[Block]) -> str:
    """Return the content hash of rows whose blocks these are, in any order."""
    digest = hashlib.sha256()
    for block in sorted(blocks, key=lambda b: b.start or date.min):
        start = block.start.isoformat() if block.start else "all"
        digest.update(f"{start} {block.rows} {block.digest}\n".encode())
    return digest.hexdigest()


def _digest(frame: pl.DataFrame, table: str) -> str:
    """Return the digest of the rows of one block, sorted by key."""
    contract = table_named(table)
    maps, digest = map_columns(contract), hashlib.sha256(f"rows={frame.height}\n".encode())
    for name, dtype in contract.schema.items():
        is_map = name in maps
        digest.update(f"{name}:{_tag(dtype, is_map=is_map)}\n".encode())
        _feed(digest, frame.get_column(name).cast(dtype).rechunk(), is_map=is_map)
    return digest.hexdigest()


def _tag(dtype: Any, *, is_map: bool = False) -> str:
    match dtype:
        case pl.List() if is_map:
            key, value = (_tag(field.dtype) for field in dtype.inner.fields)  # type: ignore[union-attr]
            return f"map<{key},{value}>"
        case pl.List():
            return f"array<{_tag(dtype.inner)}>"
        case pl.Struct():
            return f"struct<{','.join(f'{f.name}:{_tag(f.dtype)}' for f in dtype.fields)}>"
        case pl.Datetime():
            return "timestamp"
    return next(tag for kind, tag in _TAGS.items() if dtype == kind)


def _feed(digest: hashlib._Hash, values: pl.Series, *, is_map: bool = False) -> None:
    _feed_numbers(digest, values.is_not_null().cast(pl.UInt8))
    match values.dtype:
        case pl.String():
            _feed_texts(digest, values.fill_null(""))
        case pl.List():
            _feed_numbers(digest, values.list.len().fill_null(0).cast(pl.UInt32))
            _feed(digest, elements(canonical_map(values) if is_map else values))
        case pl.Struct():
            for field in values.struct.fields:
                _feed(digest, values.struct.field(field))
        case pl.Boolean():
            _feed_numbers(digest, values.fill_null(value=False).cast(pl.UInt8))
        case _:
            _feed_numbers(digest, values.to_physical().fill_null(0))


def _feed_numbers(digest: hashlib._Hash, values: pl.Series) -> None:
    digest.update(np.ascontiguousarray(values.to_numpy()).data)


def _feed_texts(digest: hashlib._Hash, values: pl.Series) -> None:
    _feed_numbers(digest, values.str.len_bytes().cast(pl.UInt32))
    for start in range(0, values.len(), TEXT_BLOCK):
        digest.update(values.slice(start, TEXT_BLOCK).str.join("").item().encode())


def elements(values: pl.Series) -> pl.Series:
    """All elements of a list column, one after the other; empty and null lists have none."""
    return values.filter(values.list.len() > 0).explode()


def row_of_element(values: pl.Series) -> pl.Series:
    """For each of the `elements`, the position of its row."""
    rows = np.arange(values.len(), dtype=np.uint32)
    return pl.Series("row", np.repeat(rows, values.list.len().fill_null(0).to_numpy()))


def canonical_map(values: pl.Series) -> pl.Series:
    """A map column with the entries of every row sorted by key."""
    if entries_ascend(values).all():
        return values
    return values.list.eval(pl.element().sort_by(pl.element().struct.field("key")))


def entries_ascend(values: pl.Series) -> pl.Series:
    """For each of the `elements` of a map column, whether its key lies beyond the one before."""
    rows, keys = row_of_element(values), elements(values).struct.field("key")
    return ((rows != rows.shift()) | (keys > keys.shift())).fill_null(value=True)
