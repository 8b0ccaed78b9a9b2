"""The simulated market as raw frames in the layout of the `folder` source."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.sources.sample.accounts import accounts, jumps
from stocks_ai_assets.sources.sample.companies import companies
from stocks_ai_assets.sources.sample.events import (
    esg_snapshot,
    events_analyst_ratings,
    events_earnings,
)
from stocks_ai_assets.sources.sample.filings import fundamentals_pit
from stocks_ai_assets.sources.sample.macro import daily_series, macro_latest, macro_vintages
from stocks_ai_assets.sources.sample.prices import prices
from stocks_ai_assets.sources.sample.reference import (
    instruments,
    sp500_constituents_history,
    sp500_membership,
)
from stocks_ai_assets.sources.sample.shocks import market, shocks
from stocks_ai_assets.sources.sample.skill import Knowledge
from stocks_ai_assets.sources.sample.timeline import MARKET_LEAD, timeline
from stocks_ai_assets.sources.sample.vendor import (
    benchmarks_daily,
    corporate_actions,
    prices_daily,
)

FIRST_SESSION = date(2021, 1, 4)
N_SESSIONS = 1005
"""Four years: the last session is 2024-12-31."""


def simulate(
    *,
    n_symbols: int = 60,
    seed: int = 20210104,
    first_session: date = FIRST_SESSION,
    n_sessions: int = N_SESSIONS,
) -> dict[str, pl.DataFrame]:
    """Simulate a market.

    Parameters
    ----------
    n_symbols
        Companies; with fewer than 25 not every trap finds a place.
    seed
        Same seed and sizes, same bits. A longer simulation repeats a shorter one.
    first_session
        First partition; history reaches 756 sessions (prices, filings, events) and 2,268 sessions
        (market, economy) further back.
    n_sessions
        Partitions, from `first_session` on.

    Returns
    -------
    dict
        Raw frames by file stem, as a vendor would deliver them after the last session.

    Raises
    ------
    NotASessionError, CalendarEndError
        `first_session` is no session, or the calendar does not reach far enough.
    """
    line = timeline(first_session, n_sessions)
    members = companies(seed, n_symbols, line)
    books = accounts(seed, members, line)
    whole = market(seed, line)
    news = shocks(seed, members, line, whole, jumps(books, members, line))
    traded = prices(seed, members, line, news, Knowledge(books, members, line))
    del news
    daily = daily_series(seed, line, whole)
    quoted = prices_daily(members, line, traded)
    frames = {
        "prices_daily": quoted,
        "corporate_actions": corporate_actions(quoted),
        "benchmarks_daily": benchmarks_daily(seed, line, whole),
        "fundamentals_pit": fundamentals_pit(members, books, line, traded.shares_ratio),
        "macro_latest": macro_latest(seed, line, daily),
        "macro_vintages_fredmd": macro_vintages(seed, line, daily),
        "events_earnings": events_earnings(members, books, line, traded.shares_ratio),
        "events_analyst_ratings": events_analyst_ratings(seed, members, line),
        "esg_snapshot": esg_snapshot(seed, members, line),
        "sp500_constituents_history": sp500_constituents_history(members, line),
        "sp500_membership": sp500_membership(members, line),
    }
    return {**frames, "instruments": instruments(members, line, frames)}


def simulate_lake(*, n_symbols: int, seed: int, first_session: date) -> dict[str, pl.DataFrame]:
    """Simulate the market of a lake, from its first partition to the last session of 2024.

    A lake that begins before 2021 gets a market that begins as much earlier: another one, not a
    longer one, with the same history before its first partition. One that begins later sees the
    market of 2021.

    Raises
    ------
    SettingsError
        The pinned calendar has no room for the history before `first_session`.
    NotASessionError
        `first_session` is no session.
    """
    earliest = nyse().sessions[MARKET_LEAD]
    if first_session < earliest:
        raise SettingsError(
            f"STOCKS_AI_FIRST_SESSION={first_session}: the simulated market begins on {earliest} "
            f"at the earliest, because {MARKET_LEAD:,} sessions of history come before it."
        )
    first = min(first_session, FIRST_SESSION)
    last = nyse().offset(FIRST_SESSION, N_SESSIONS - 1)
    return simulate(
        n_symbols=n_symbols,
        seed=seed,
        first_session=first,
        n_sessions=len(nyse().between(first, last)),
    )


def write_folder(frames: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Write raw frames as Parquet files that the `folder` source reads; the folder is created."""
    path.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.write_parquet(path / f"{name}.parquet", compression="zstd")
