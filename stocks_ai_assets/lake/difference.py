"""Which rows and partitions of a range change when it is written again. Exact bits, no I/O."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from stocks_ai_assets.lake.content import elements, row_of_element
from stocks_ai_assets.tables.spec import Table

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What has to be done to turn the stored rows into the new ones.

    Parameters
    ----------
    upserted
        New rows whose key is not stored, or stored with other content.
    deleted
        Stored rows whose key is not among the new rows.
    changed, unchanged
        Partitions with and without a change, ascending; empty for tables without partitions.
    n_stored
        Number of stored rows.
    """

    upserted: pl.DataFrame
    deleted: pl.DataFrame
    changed: tuple[date, ...]
    unchanged: tuple[date, ...]
    n_stored: int


def difference(stored: pl.DataFrame, new: pl.DataFrame, table: Table) -> Difference:
    """Compare two frames with the content columns of `table`, each unique by its key."""
    if stored.is_empty():
        days = tuple(sorted(_days(table, new)))
        return Difference(upserted=new, deleted=stored, changed=days, unchanged=(), n_stored=0)
    pairs = _pairs(stored.select(table.key), new.select(table.key))
    both = pairs.drop_nulls()
    old_side, new_side = _rows(stored, both["_old"]), _rows(new, both["_new"])
    equal = np.ones(both.height, dtype=np.bool_)
    for name in table.columns:
        equal &= equal_bits(old_side.get_column(name), new_side.get_column(name))
    unequal = both.filter(pl.Series(~equal))
    inserted = pairs.filter(pl.col("_old").is_null()).get_column("_new")
    deleted = stored[pairs.filter(pl.col("_new").is_null()).get_column("_old").sort()]
    upserted = new[pl.concat([unequal.get_column("_new"), inserted]).sort()]
    changed = _days(table, stored[unequal.get_column("_old")], upserted, deleted)
    unchanged = _days(table, stored, new) - changed
    return Difference(
        upserted=upserted,
        deleted=deleted,
        changed=tuple(sorted(changed)),
        unchanged=tuple(sorted(unchanged)),
        n_stored=stored.height,
    )


def _pairs(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return positions `_old` and `_new` of every key, null where a side does not have it."""
    if old.equals(new):
        positions = pl.int_range(old.height, dtype=pl.UInt32, eager=True)
        return pl.DataFrame({"_old": positions, "_new": positions})
    return (
        old.with_row_index("_old")
        .join(new.with_row_index("_new"), on=old.columns, how="full", coalesce=True)
        .select("_old", "_new")
        .sort("_old", "_new")
    )


def _rows(frame: pl.DataFrame, positions: pl.Series) -> pl.DataFrame:
    """Return the rows at ascending positions, without copying when that is all of them."""
    everything = positions.len() == frame.height and positions.is_sorted()
    return frame if everything else frame[positions]


def _days(table: Table, *frames: pl.DataFrame) -> set[date]:
    if not table.partition:
        return set()
    return {day for frame in frames for day in frame.get_column(table.partition).unique()}


def equal_bits(old: pl.Series, new: pl.Series) -> Mask:
    """Whether two columns agree row by row, in every bit; two nulls agree."""
    present = old.is_not_null().to_numpy()
    same: Mask = present == new.is_not_null().to_numpy()
    match old.dtype:
        case pl.List():
            same &= _equal_lists(old, new)
        case pl.Struct():
            for field in old.struct.fields:
                same &= equal_bits(old.struct.field(field), new.struct.field(field))
        case pl.String() | pl.Boolean():
            same &= old.eq_missing(new).to_numpy()
        case _:
            same &= _bits(old) == _bits(new)
    return same


def _bits(values: pl.Series) -> npt.NDArray[np.generic]:
    numbers = values.to_physical().fill_null(0).to_numpy()
    return numbers.view(np.int64) if numbers.dtype == np.float64 else numbers


def _equal_lists(old: pl.Series, new: pl.Series) -> Mask:
    lengths = old.list.len().fill_null(0).to_numpy(), new.list.len().fill_null(0).to_numpy()
    same: Mask = lengths[0] == lengths[1]
    comparable = pl.Series(same)
    old, new = old.filter(comparable), new.filter(comparable)
    agrees = equal_bits(elements(old), elements(new))
    rows = row_of_element(old).to_numpy()[~agrees]
    same[np.flatnonzero(same)[np.unique(rows)]] = False
    return same
