"""Prices session by session: news, actions, and the lean towards the planted characteristics.

After each close the characteristics are computed from what is known by then; the next session's
return leans towards their ranks. Nothing else foretells a company's own return.
"""

from dataclasses import dataclass

import numpy as np

from stocks_ai_assets.sources.sample.companies import Companies
from stocks_ai_assets.sources.sample.shocks import Shocks
from stocks_ai_assets.sources.sample.skill import LEAN, Knowledge, technical
from stocks_ai_assets.sources.sample.timeline import Flags, Floats, Integers, Timeline, stream
from stocks_ai_assets.sources.sample.traps import (
    HALT_SESSIONS,
    holders,
    positions,
    split_ratios,
)

DIVIDEND_EVERY = 63
SPECIAL_DIVIDEND = 0.12


@dataclass(frozen=True, kw_only=True, eq=False)
class Prices:
    """As-traded prices and actions, positions x symbols.

    Attributes
    ----------
    open, high, low, close
        USD, in cents.
    volume
        Shares as traded.
    present
        Where there was trading.
    split, shares_ratio
        Ratio of prices and of share counts on ex-dates, else 1.
    dividend
        USD a share as the vendor has it, else 0.
    valuation, technical
        The planted characteristics after each close: ranks with sd 1; NaN: not known.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Integers
    present: Flags
    split: Floats
    shares_ratio: Floats
    dividend: Floats
    valuation: Floats
    technical: Floats


def prices(
    seed: int, members: Companies, line: Timeline, news: Shocks, knowledge: Knowledge
) -> Prices:
    """Trade all sessions."""
    shape = (line.length, members.n)
    split, shares_ratio = split_ratios(members.n, line)
    shares_factor = np.cumprod(shares_ratio, axis=0).astype(np.float64, copy=False)
    yields = _dividend_yields(seed, members, line, split)
    squares = np.cumsum(((1.0 + news.overnight) * (1.0 + news.intraday) - 1.0) ** 2, axis=0)
    overnight_log = np.log1p(news.overnight)
    position = np.arange(line.length)[:, None]
    listed = (position >= members.listed) & (position < members.delisted)
    seasoned = listed & (position >= members.listed + 252)
    opens, closes, level = np.empty(shape), np.empty(shape), np.empty(shape)
    value, momentum = np.full(shape, np.nan), np.full(shape, np.nan)
    dividends = np.zeros(shape)
    close, total, lean = members.price, np.zeros(members.n), np.zeros(members.n)
    for t in range(line.length):
        day = news.intraday[t] + lean * news.own_volatility[t]
        dividends[t] = np.round(yields[t] * close, 2)
        opens[t] = close * (1.0 + news.overnight[t]) / split[t] - dividends[t]
        closes[t] = close = opens[t] * (1.0 + day)
        level[t] = total = total + overnight_log[t] + np.log1p(day)

        knowledge.publish(t)
        value[t] = knowledge.valuation(np.where(listed[t], close * shares_factor[t], np.nan))
        if t >= 252:
            past = slice(t - 252, t + 1)
            momentum[t] = technical(level[past], squares[past], seasoned[t], members.sector)
        lean = _lean(value[t], LEAN["valuation"]) + _lean(momentum[t], LEAN["technical"])
    high, low = _range(seed, opens, closes, news.variance)
    _record_twice(dividends, closes, split, members, line)
    return Prices(
        open=np.round(opens, 2),
        high=np.round(high, 2),
        low=np.round(low, 2),
        close=np.round(closes, 2),
        volume=_volume(seed, members, news, shares_factor),
        present=listed & ~_halted(members, line),
        split=split,
        shares_ratio=shares_ratio,
        dividend=dividends,
        valuation=value,
        technical=momentum,
    )


def _lean(rank: Floats, strength: float) -> Floats:
    """Expected return of the next session in units of own volatility; 0 where not known."""
    return np.where(np.isnan(rank), 0.0, rank * (strength / np.sqrt(21.0)))


def _dividend_yields(seed: int, members: Companies, line: Timeline, split: Floats) -> Floats:
    """Fraction of the price paid on each position; nothing on the day of a split."""
    first = stream(seed, "dividend dates").integers(0, DIVIDEND_EVERY, members.n)[members.issuer]
    pays = (np.arange(line.length)[:, None] - first) % DIVIDEND_EVERY == 0
    yields = np.where(pays, members.dividend_yield * DIVIDEND_EVERY / 252.0, 0.0)
    at, who = positions("special_dividend", members.n, line), holders("special_dividend", members.n)
    reached = at < line.length
    yields[at[reached], who[reached]] = SPECIAL_DIVIDEND
    yields[split != 1.0] = 0.0
    return yields


def _record_twice(
    dividends: Floats, closes: Floats, split: Floats, members: Companies, line: Timeline
) -> None:
    """Add the spun-off value as a dividend although the split ratio has it already."""
    who, at = holders("spin_off_twice", members.n), positions("spin_off_twice", members.n, line)
    who, at = who[at < line.length], at[at < line.length]
    worth = closes[at - 1, who] * (1.0 - 1.0 / split[at, who])
    dividends[at, who] = np.round(worth, 2)


def _halted(members: Companies, line: Timeline) -> Flags:
    """Sessions without trading."""
    at, who = positions("halt", members.n, line), holders("halt", members.n)
    since = np.arange(line.length)[:, None] - at
    halted = np.zeros((line.length, members.n), dtype=bool)
    halted[:, who] = (since >= 0) & (since < HALT_SESSIONS)
    return halted


def _range(seed: int, opens: Floats, closes: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """High and low: extremes of Brownian bridges from the open to the close."""
    move = np.log(closes / opens)
    up = stream(seed, "high").standard_exponential(opens.shape)
    down = stream(seed, "low").standard_exponential(opens.shape)
    high = opens * np.exp(0.5 * (move + np.sqrt(move * move + 2.0 * variance * up)))
    low = opens * np.exp(0.5 * (move - np.sqrt(move * move + 2.0 * variance * down)))
    return np.maximum(high, np.maximum(opens, closes)), np.minimum(low, np.minimum(opens, closes))


def _volume(seed: int, members: Companies, news: Shocks, shares_factor: Floats) -> Integers:
    """Shares as traded: four in a thousand a session, more when prices move."""
    noise = stream(seed, "volume").standard_normal(news.intraday.shape)
    surprise = np.minimum(np.abs(news.intraday) / news.own_volatility, 6.0)
    turnover = 0.004 * np.exp(0.35 * noise + 0.3 * (surprise - 1.0))
    return np.round(members.shares * shares_factor * turnover).astype(np.int64)
