"""Simulated markets for the tests: a small one, and what lies behind a larger one."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.sources.sample import simulate
from stocks_ai_assets.sources.sample.accounts import Accounts, accounts, jumps
from stocks_ai_assets.sources.sample.companies import Companies, companies
from stocks_ai_assets.sources.sample.prices import Prices, prices
from stocks_ai_assets.sources.sample.shocks import Market, market, shocks
from stocks_ai_assets.sources.sample.skill import Knowledge
from stocks_ai_assets.sources.sample.timeline import Timeline, timeline

FIRST = date(2021, 1, 4)
SEED = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """A simulated market from the inside."""

    line: Timeline
    members: Companies
    books: Accounts
    whole: Market
    traded: Prices


def world(seed: int, n_symbols: int, n_sessions: int = 1005) -> World:
    line = timeline(FIRST, n_sessions)
    members = companies(seed, n_symbols, line)
    books = accounts(seed, members, line)
    whole = market(seed, line)
    news = shocks(seed, members, line, whole, jumps(books, members, line))
    traded = prices(seed, members, line, news, Knowledge(books, members, line))
    return World(line=line, members=members, books=books, whole=whole, traded=traded)


@pytest.fixture(scope="session")
def worlds() -> list[World]:
    """Three markets of 240 companies over four years."""
    return [world(seed, 240) for seed in (1, 2, 3)]


@pytest.fixture(scope="session")
def frames() -> dict[str, pl.DataFrame]:
    """The smallest market that settings allow, long enough for every trap and what follows it."""
    return simulate(n_symbols=25, seed=SEED, first_session=FIRST, n_sessions=540)


def as_traded(frame: pl.DataFrame) -> pl.DataFrame:
    """Prices and dividends with later splits undone, in cents."""
    ratio = pl.when(pl.col("stock_splits") == 0.0).then(1.0).otherwise("stock_splits")
    later = ratio.cum_prod(reverse=True).over("symbol") / ratio
    return frame.sort("symbol", "date").select(
        "symbol",
        "date",
        *((pl.col(name) * later).round(2) for name in ("open", "high", "low", "close")),
        (pl.col("dividends") * later).round(2),
        (pl.col("volume") / later).round(0),
        "stock_splits",
    )


def rank_correlation(x, y) -> float:
    """Mean rank correlation across the symbols of each session."""
    known = ~(np.isnan(x) | np.isnan(y))
    found = [
        np.corrcoef(x[t, k].argsort().argsort(), y[t, k].argsort().argsort())[0, 1]
        for t, k in enumerate(known)
        if k.sum() >= 20
    ]
    return float(np.mean(found))
