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
from stocks_ai_assets.domain.panel import Panel


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
    sessions = _sessions(returns, calendar)
    n = len(sessions) - horizon - 1
    if n <= 0:
        return pl.DataFrame(schema=schema)
    panel = Panel(returns.get_column("symbol"), sessions)
    at = panel.places(returns)
    values, present = panel.values(at, returns.get_column("open_return")), panel.present(at)
    known = present & ~np.isnan(values)
    growth = np.where(known, 1.0 + values, 1.0)
    product = np.ones((len(panel.symbols), n))
    entered = present[:, 1 : n + 1]
    whole, clear = entered.copy(), entered.copy()
    for lag in range(2, horizon + 2):
        span = slice(lag, lag + n)
        product *= growth[:, span]
        whole &= known[:, span]
        clear &= known[:, span] | ~present[:, span]
    row, column = np.nonzero(present[:, :n])
    return pl.DataFrame(
        {
            "symbol": panel.symbols.gather(row),
            "prediction_date": panel.sessions.gather(column),
            "matured_on": panel.sessions.gather(column + horizon + 1),
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
    sessions = _sessions(rows, calendar)
    n = len(sessions) - horizon - 1
    if n <= 0:
        return pl.DataFrame(schema=schema)
    days = np.array(sessions, dtype="datetime64[D]")
    at = np.searchsorted(days, rows.get_column("session").to_numpy())
    values = rows.get_column("open_return").to_numpy()
    known_on = np.searchsorted(days, rows.get_column("known_on").to_numpy())
    product = np.ones(n)
    for lag in range(2, horizon + 2):
        known = np.full(n, np.nan)
        # Ascending known_on: a later version overwrites an earlier one where it was known.
        for version in _versions(at):
            start = at[version] - lag
            use = (start >= 0) & (start < n) & (known_on[version] <= start + horizon + 1)
            known[start[use]] = values[version][use]
        product *= 1.0 + known
    return pl.DataFrame(
        {
            "prediction_date": pl.Series(sessions[:n], dtype=pl.Date),
            "matured_on": pl.Series(sessions[horizon + 1 :], dtype=pl.Date),
            "market_return": product - 1.0,
        },
        schema=schema,
    ).with_columns(pl.col("market_return").fill_nan(None))


def _sessions(frame: pl.DataFrame, calendar: Calendar) -> tuple[date, ...]:
    """Sessions from the first to the last of `frame`, those without a row too."""
    if frame.is_empty():
        return ()
    sessions = frame.get_column("session")
    return calendar.between(cast("date", sessions.min()), cast("date", sessions.max()))


def _versions(at: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Split rows sorted by session and known_on into first versions, second versions, ..."""
    start = np.maximum.accumulate(np.where(np.r_[True, at[1:] != at[:-1]], np.arange(len(at)), 0))
    rank = np.arange(len(at)) - start
    return [np.flatnonzero(rank == k) for k in range(int(rank.max()) + 1)]
