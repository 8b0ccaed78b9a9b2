"""Symbols x sessions arrays made from long frames, and reductions whose bits do not move.

A sum over the symbols of a session adds them one after the other in alphabetical order, so that
more symbols or sessions in the array, which only add zeros, change no bit. numpy's own sum groups
its terms by the array's shape and would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


CELLS_AT_ONCE = 1_000_000
"""Values ranked at once: ranking takes ten times their room."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of a frame go: symbol index, session index; rows outside are not kept."""

    row: Integers
    column: Integers
    keep: Flags


class Panel:
    """A grid of symbols (ascending) and sessions (ascending, without holes).

    Parameters
    ----------
    symbols
        Symbols, any order, may repeat.
    sessions
        Consecutive sessions, ascending.
    """

    def __init__(self, symbols: pl.Series, sessions: Sequence[date]) -> None:
        self.symbols = symbols.unique().sort()
        self.sessions = pl.Series("session", sessions, dtype=pl.Date)
        self._enum = pl.Enum(self.symbols)
        days = self.sessions.to_physical().to_numpy()
        self._origin = int(days[0]) if len(days) else 0
        self._lookup = np.full(int(days[-1]) - self._origin + 1 if len(days) else 0, -1)
        self._lookup[days - self._origin] = np.arange(len(days))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of symbols, number of sessions."""
        return len(self.symbols), len(self.sessions)

    def columns_of(self, days: pl.Series) -> Integers:
        """Index of each day's session; -1 outside the grid."""
        offset = days.to_physical().to_numpy() - self._origin
        inside = (offset >= 0) & (offset < len(self._lookup))
        column = np.full(len(days), -1, dtype=np.int64)
        column[inside] = self._lookup[offset[inside]]
        return column

    def places(self, frame: pl.DataFrame, session: str = "session") -> Places:
        """Positions of the rows of `frame` (`symbol` and the date column `session`)."""
        row = frame.get_column("symbol").cast(self._enum, strict=False).to_physical()
        column = self.columns_of(frame.get_column(session))
        keep = (column >= 0) & row.is_not_null().to_numpy()
        return Places(row.fill_null(0).to_numpy().astype(np.int64)[keep], column[keep], keep)

    def values(self, at: Places, series: pl.Series) -> Floats:
        """Place a column; NaN where there is no row or no value."""
        values = np.full(self.shape, np.nan)
        numbers = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        values[at.row, at.column] = numbers[at.keep]
        return values

    def present(self, at: Places) -> Flags:
        """Whether there is a row."""
        present = np.zeros(self.shape, dtype=np.bool_)
        present[at.row, at.column] = True
        return present


def total(values: Floats) -> Floats:
    """Sum over symbols for each session, in the order of the symbols; NaN is not allowed."""
    result = np.zeros(values.shape[1])
    for row in values:
        result += row
    return result


def filled(values: Floats) -> Floats:
    """Return values with 0 where they are missing."""
    return np.where(np.isnan(values), 0.0, values)


def ties(values: Floats) -> tuple[Integers, Integers, Integers]:
    """Rank the symbols of each session, exactly.

    Parameters
    ----------
    values
        Symbols x sessions; NaN: not ranked.

    Returns
    -------
    tuple
        For each value the number of symbols below it, the number equal to it (itself included),
        both 0 where it is missing; and the number of values of each session.
    """
    n_symbols, n_sessions = values.shape
    below, equal = (np.empty((n_sessions, n_symbols), dtype=np.int64) for _ in range(2))
    count = np.empty(n_sessions, dtype=np.int64)
    step = max(1, CELLS_AT_ONCE // max(n_symbols, 1))
    for start in range(0, n_sessions, step):
        part = slice(start, start + step)
        below[part], equal[part], count[part] = _ties(np.ascontiguousarray(values[:, part].T))
    return below.T, equal.T, count


def _ties(by_session: Floats) -> tuple[Integers, Integers, Integers]:
    """`ties` of sessions x symbols."""
    order = np.argsort(by_session, axis=1)
    ordered = np.take_along_axis(by_session, order, axis=1)
    position = np.broadcast_to(np.arange(ordered.shape[1]), ordered.shape)
    starts = np.ones(ordered.shape, dtype=np.bool_)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(starts, position, 0), axis=1)
    ends = np.ones(ordered.shape, dtype=np.bool_)
    ends[:, :-1] = starts[:, 1:]
    limit = np.where(ends, position, ordered.shape[1])
    last = np.minimum.accumulate(limit[:, ::-1], axis=1)[:, ::-1]
    missing = np.isnan(ordered)
    below, equal = np.empty_like(order), np.empty_like(order)
    np.put_along_axis(below, order, np.where(missing, 0, first), axis=1)
    np.put_along_axis(equal, order, np.where(missing, 0, last - first + 1), axis=1)
    return below, equal, (~missing).sum(axis=1)
