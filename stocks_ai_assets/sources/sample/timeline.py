"""Sessions of the simulated market, the random streams along them, and nothing else.

A position is a number of sessions after the first one with company prices; the market and the
economy begin earlier, at negative positions.
"""

from dataclasses import dataclass
from datetime import date
from zlib import crc32

import numpy as np
import numpy.typing as npt

from stocks_ai_assets.domain.calendar import nyse

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

PRICE_LEAD = 756
"""Sessions with company prices before the first partition: two years of training after the 252
sessions that momentum and beta need."""

MARKET_LEAD = 2268
"""Sessions of market and economy before the first partition: 1,000 matured labels of the macro
agent, after the years its own predictors need."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """Sessions from the market's first to the last one simulated.

    Attributes
    ----------
    days
        All sessions, ascending.
    lead
        Sessions before position 0.
    first
        Position of the first partition.
    """

    days: Days
    lead: int
    first: int

    @property
    def length(self) -> int:
        """Number of positions from 0 on: sessions with company prices."""
        return len(self.days) - self.lead

    @property
    def company_days(self) -> Days:
        """Sessions from position 0 on."""
        return self.days[self.lead :]

    @property
    def last_day(self) -> np.datetime64:
        """Last session simulated."""
        return np.datetime64(self.days[-1])

    def position(self, days: Days) -> Integers:
        """Position of the first session on or after each day; `length` and more: not yet."""
        return np.searchsorted(self.days, days).astype(np.int64) - self.lead

    def day(self, positions: Integers) -> Days:
        """Session at each position; positions outside the timeline give its nearest end."""
        return self.days[np.clip(positions + self.lead, 0, len(self.days) - 1)]


def timeline(first_session: date, n_sessions: int) -> Timeline:
    """Timeline of `n_sessions` partitions from `first_session` on, with the history before it."""
    calendar = nyse()
    start = calendar.offset(first_session, -MARKET_LEAD)
    end = calendar.offset(first_session, n_sessions - 1)
    return Timeline(
        days=np.array(calendar.between(start, end), dtype="datetime64[D]"),
        lead=MARKET_LEAD - PRICE_LEAD,
        first=PRICE_LEAD,
    )


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Independent generator for one purpose.

    Each purpose draws from its own stream in the order of time, so a longer simulation repeats a
    shorter one and continues it.
    """
    words = np.random.SeedSequence([seed % 2**64, crc32(purpose.encode())])
    return np.random.Generator(np.random.PCG64(words))


def persistent(noise: Floats, persistence: float, deviation: float) -> Floats:
    """First-order autoregression along the first axis, stationary from its first value on.

    Parameters
    ----------
    noise
        Independent standard normal draws, time first.
    persistence
        Correlation of neighbouring values.
    deviation
        Standard deviation of the values.
    """
    values: Floats = noise * (deviation * np.sqrt(1.0 - persistence**2))
    values[0] = noise[0] * deviation
    for t in range(1, len(values)):
        values[t] += persistence * values[t - 1]
    return values
