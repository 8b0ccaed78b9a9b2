"""Labels: what a position entered at the next open returned over its horizon.

A prediction made after the close of session t is entered at the open of t+1 and left at the open
of t+1+horizon, the session on which it matures. Models and the evaluation share these functions;
who may use a label at which session is decided by `matured_on`.
"""

from datetime import date
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from stocks_ai_assets.domain.calendar import Calendar

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def holding_returns(returns: pl.DataFrame, calendar: Calendar, horizon: int) -> pl.DataFrame:
    """Total return of every symbol over every whole holding period inside `returns`.

    Parameters
    ----------
    returns
        `symbol`, `session`, `open_return` (fraction, previous open to this open), one row per
        symbol and session with a price, any order.
    calendar
        Sessions of the exchange; a session without a row is one without a price.
    horizon
        Sessions from entry to exit.

    Returns
    -------
    pl.DataFrame
        `symbol`, `prediction_date`, `matured_on`, `total_return`, `complete`; one row for each
        symbol with a price on `prediction_date`, sorted by symbol and prediction_date.

    Notes
    -----
    `total_return` is the product of 1 + open_return over t+2 .. t+1+horizon, oldest first, less 1.
    A symbol that stops trading counts up to its last open and as cash from there on; what its
    holders were paid later is not in the data. It is null without a price at the entry, and when
    a session inside has a price but no return (trading resumed: the gap is unknown). `complete`
    is false in all these cases.
    """
    schema = {
        "symbol": pl.String,
        "prediction_date": pl.Date,
        "matured_on": pl.Date,
        "total_return": pl.Float64,
        "complete": pl.Boolean,
    }
    if returns.is_empty():
        return pl.DataFrame(schema=schema)
    first, last = _span(returns)
    sessions = calendar.between(first, last)
    n = len(sessions) - horizon - 1
    if n <= 0:
        return pl.DataFrame(schema=schema)
    symbols = returns.get_column("symbol").unique().sort()
    values, present = _panel(returns, symbols, sessions)
    known = present & ~np.isnan(values)
    growth = np.where(known, 1.0 + values, 1.0)
    product = np.ones((n, len(symbols)))
    whole = present[:n] & present[1 : n + 1]
    clear = present[1 : n + 1].copy()
    for lag in range(2, horizon + 2):
        product *= growth[lag : lag + n]
        whole &= known[lag : lag + n]
        clear &= known[lag : lag + n] | ~present[lag : lag + n]
    # Symbols outermost, so that rows come out in the order of the key.
    column, row = np.nonzero(present[:n].T)
    days = pl.Series(sessions, dtype=pl.Date)
    return pl.DataFrame(
        {
            "symbol": symbols.gather(column),
            "prediction_date": days.gather(row),
            "matured_on": days.gather(row + horizon + 1),
            "total_return": np.where(clear, product - 1.0, np.nan)[row, column],
            "complete": whole[row, column],
        },
        schema=schema,
    ).with_columns(pl.col("total_return").fill_nan(None))


def market_returns(
    benchmarks: pl.DataFrame, calendar: Calendar, horizon: int, *, benchmark: str = "market"
) -> pl.DataFrame:
    """Return of a benchmark over every whole holding period, as known when it matured.

    Parameters
    ----------
    benchmarks
        `benchmark`, `session`, `open_return`, `known_on` of market.benchmarks, any order; of
        several rows for a session the latest known by `matured_on` counts.
    calendar
        Sessions of the exchange.
    horizon
        Sessions from entry to exit.
    benchmark
        Which one.

    Returns
    -------
    pl.DataFrame
        `prediction_date`, `matured_on`, `market_return` (fraction; null when a session's return
        was not known by then), ascending.
    """
    schema = {"prediction_date": pl.Date, "matured_on": pl.Date, "market_return": pl.Float64}
    rows = benchmarks.filter(pl.col("benchmark") == benchmark).sort("session", "known_on")
    if rows.is_empty():
        return pl.DataFrame(schema=schema)
    first, last = _span(rows)
    sessions = calendar.between(first, last)
    n = len(sessions) - horizon - 1
    if n <= 0:
        return pl.DataFrame(schema=schema)
    days = np.array(sessions, dtype="datetime64[D]")
    at = np.searchsorted(days, rows.get_column("session").to_numpy())
    values = rows.get_column("open_return").to_numpy()
    known_on = np.searchsorted(days, rows.get_column("known_on").to_numpy())
    product, missing = np.ones(n), np.zeros(n, dtype=bool)
    for lag in range(2, horizon + 2):
        known = np.full(n, np.nan)
        # Ascending known_on: a later version overwrites an earlier one where it was known.
        for version in _versions(at):
            start = at[version] - lag
            use = (start >= 0) & (start < n)
            use &= known_on[version] <= start + horizon + 1
            known[start[use]] = values[version][use]
        missing |= np.isnan(known)
        product *= 1.0 + known
    return pl.DataFrame(
        {
            "prediction_date": pl.Series(sessions[:n], dtype=pl.Date),
            "matured_on": pl.Series(sessions[horizon + 1 :], dtype=pl.Date),
            "market_return": np.where(missing, np.nan, product - 1.0),
        },
        schema=schema,
    ).with_columns(pl.col("market_return").fill_nan(None))


def _span(frame: pl.DataFrame) -> tuple[date, date]:
    sessions = frame.get_column("session")
    return cast("date", sessions.min()), cast("date", sessions.max())


def _versions(at: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Split rows sorted by session and known_on into first versions, second versions, ..."""
    start = np.maximum.accumulate(np.where(np.r_[True, at[1:] != at[:-1]], np.arange(len(at)), 0))
    rank = np.arange(len(at)) - start
    return [np.flatnonzero(rank == k) for k in range(int(rank.max()) + 1)]


def _panel(
    returns: pl.DataFrame, symbols: pl.Series, sessions: tuple[date, ...]
) -> tuple[Floats, Flags]:
    """Return open returns as sessions x symbols (NaN: none), and where there was a price."""
    row = np.searchsorted(
        np.array(sessions, dtype="datetime64[D]"), returns.get_column("session").to_numpy()
    )
    column = symbols.search_sorted(returns.get_column("symbol")).to_numpy()
    values = np.full((len(sessions), len(symbols)), np.nan)
    present = np.zeros(values.shape, dtype=bool)
    values[row, column] = (
        returns.get_column("open_return").cast(pl.Float64).fill_null(float("nan")).to_numpy()
    )
    present[row, column] = True
    return values, present
