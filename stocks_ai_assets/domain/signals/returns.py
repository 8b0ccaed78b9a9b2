"""Price histories with total returns, as they were known at each session.

Returns come from as-traded prices and the corporate actions known by then; nothing adjusted is
stored. A session without a row of the symbol is a hole, never skipped: windows count sessions of
the exchange, so a lookback is exact.
"""

from collections.abc import Iterator
from datetime import date
from typing import cast

import polars as pl

from stocks_ai_assets.domain.calendar import Calendar
from stocks_ai_assets.domain.signals.as_known import known_at
from stocks_ai_assets.domain.transform import Window

MARKET = "market"
"""Benchmark that stands for the whole market."""

YEAR = 252
"""Sessions before the one produced that its signals need: the close at t-252 begins the oldest of
252 returns."""

BATCH_ROWS = 2_000_000
"""Rows of history computed at once: bounds memory when a vendor corrects every day."""


def enough(window: int) -> int:
    """Sessions of `window` that must have a value: 200 of 252, and as many of shorter ones.

    A hole in a vendor's file must not silence a symbol for a year; a short history must.
    """
    return window * 200 // 252


def returns(
    prices: pl.DataFrame, corporate_actions: pl.DataFrame, calendar: Calendar
) -> pl.DataFrame:
    """Every symbol's history as known after the last of the facts given.

    Parameters
    ----------
    prices
        Rows of market.prices: `symbol`, `session`, `known_on`, `open`, `close` and what else is
        wanted; any order.
    corporate_actions
        Rows of market.corporate_actions: `symbol`, `ex_date`, `known_on`, `dividend`,
        `split_ratio`.
    calendar
        Sessions of the exchange.

    Returns
    -------
    pl.DataFrame
        One row for each symbol and session from the first to the last of `prices`, sorted by both:
        the columns of `prices` (null in a session without a price), `total_return` and
        `open_return` (fractions, see Notes), `view` (number of the history) and `produced`
        (whether there is a price).

    Notes
    -----
    total_return = (close_t * split_ratio + dividend) / close_(t-1) - 1, and open_return the same
    with opens: an ex-date's split and dividend happen before its open. The dividend is paid on
    each share held before a split of the same day. Both returns are null on a symbol's first
    session and on the first after a hole.
    """
    days = prices.get_column("session")
    first, last = cast("date | None", days.min()), cast("date | None", days.max())
    sessions = calendar.between(first, last) if first and last else ()
    views = _symbols(prices).with_columns(
        as_of=pl.lit(date.max),
        start=pl.lit(0, dtype=pl.Int64),
        end=pl.lit(len(sessions), dtype=pl.Int64),
    )
    return _history(_loading(views, 0), sessions, prices, corporate_actions, None)


def histories(
    prices: pl.DataFrame,
    corporate_actions: pl.DataFrame,
    window: Window,
    reach: int,
    benchmarks: pl.DataFrame | None = None,
) -> Iterator[pl.DataFrame]:
    """Histories from which the signals of the window's sessions are computed, in batches.

    Parameters
    ----------
    prices, corporate_actions
        As for `returns`: prices with `reach` sessions before the window, actions from the
        beginning (an action can be known long before its ex-date).
    window
        Sessions to produce.
    reach
        Sessions before each produced one that its signals look at.
    benchmarks
        Rows of market.benchmarks with `reach` sessions before the window, if `market_return`, the
        market's close_return, is wanted.

    Yields
    ------
    pl.DataFrame
        As `returns`. Every (symbol, session) with a price known at that session's close is
        `produced` once, in the `view` that knows what was known at that close: a correction
        starts another view of its symbol (of the market: of all symbols), which repeats `reach`
        sessions. Most symbols have one view.
    """
    calendar = window.calendar
    position = max(calendar.position(window.first) - reach, 0)
    sessions = calendar.between(calendar.sessions[position], window.last)
    symbols = _symbols(prices)
    corrected = [
        _corrected(prices, "session", window).select("symbol", "known_on"),
        _corrected(corporate_actions, "ex_date", window).select("symbol", "known_on"),
    ]
    if benchmarks is not None:
        days = _corrected(benchmarks, "session", window).select("known_on").unique()
        corrected.append(symbols.join(days, how="cross"))
    index = pl.DataFrame({"as_of": sessions}, schema={"as_of": pl.Date}).with_row_index("start")
    views = (
        pl.concat([symbols.with_columns(known_on=pl.lit(window.first)), *corrected])
        .rename({"known_on": "as_of"})
        .unique()
        .join(symbols, on="symbol")
        .join(index, on="as_of")
        .sort("symbol", "as_of")
        .with_columns(pl.col("start").cast(pl.Int64))
        .with_columns(end=pl.col("start").shift(-1).over("symbol").fill_null(len(sessions)))
    )
    for batch in _batches(_loading(views, reach)):
        yield _history(batch, sessions, prices, corporate_actions, benchmarks)


def _symbols(prices: pl.DataFrame) -> pl.DataFrame:
    return prices.select("symbol").unique().sort("symbol")


def _corrected(facts: pl.DataFrame, day: str, window: Window) -> pl.DataFrame:
    """Facts that became known after their day, inside the window."""
    return facts.filter(
        pl.col("known_on") > pl.col(day),
        pl.col("known_on") > window.first,
        pl.col("known_on") <= window.last,
    )


def _loading(views: pl.DataFrame, reach: int) -> pl.DataFrame:
    """Number the views and add where their history starts."""
    return views.with_row_index("view").with_columns(
        first=pl.max_horizontal(pl.col("start") - reach, pl.lit(0, dtype=pl.Int64))
    )


def _batches(views: pl.DataFrame) -> list[pl.DataFrame]:
    if views.is_empty():
        return [views]
    batch = (pl.col("end") - pl.col("first")).cum_sum() // BATCH_ROWS
    return views.with_columns(batch=batch).partition_by("batch", include_key=False)


def _history(
    views: pl.DataFrame,
    sessions: tuple[date, ...],
    prices: pl.DataFrame,
    corporate_actions: pl.DataFrame,
    benchmarks: pl.DataFrame | None,
) -> pl.DataFrame:
    """Fill the views with what each of them knows, and add returns."""
    position = pl.col("position")
    grid = (
        views.with_columns(position=pl.int_ranges("first", "end"))
        .explode("position")
        .with_columns(
            session=pl.lit(pl.Series(sessions, dtype=pl.Date)).gather(position),
            in_view=position >= pl.col("start"),
        )
        # A view knows of a session before it what was known when it begins.
        .with_columns(cutoff=pl.max_horizontal("as_of", "session"))
        .select("view", "symbol", "session", "in_view", "cutoff")
    )
    actions = corporate_actions.select(
        "symbol", "known_on", "split_ratio", "dividend", session="ex_date"
    )
    history = _known(_known(grid, prices, ["symbol"]), actions, ["symbol"])
    if benchmarks is not None:
        market = benchmarks.filter(pl.col("benchmark") == MARKET).select(
            "session", "known_on", market_return="close_return"
        )
        history = _known(history, market, [])
    split, dividend = pl.col("split_ratio").fill_null(1.0), pl.col("dividend").fill_null(0.0)
    same = pl.col("view") == pl.col("view").shift(1)
    return history.with_columns(
        pl.when(same)
        .then((pl.col(price) * split + dividend) / pl.col(price).shift(1) - 1.0)
        .alias(name)
        for name, price in (("total_return", "close"), ("open_return", "open"))
    ).with_columns(produced=pl.col("in_view") & pl.col("close").is_not_null())


def _known(grid: pl.DataFrame, facts: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Add to the grid's rows what was known about their session at their cutoff."""
    return known_at(grid, facts, [*by, "session"], session="cutoff").drop("known_on")
