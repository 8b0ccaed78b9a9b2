"""What moves prices apart from the planted skill: market, sectors, each company's own news.

All returns are simple and have the expected value 0 except the market's, so no agent but the
planted ones can know their sign. Volatility persists: a forecast of it has something to find.
"""

from dataclasses import dataclass

import numpy as np

from stocks_ai_assets.sources.sample.companies import SECTORS, Companies
from stocks_ai_assets.sources.sample.timeline import (
    Flags,
    Floats,
    Timeline,
    persistent,
    stream,
)
from stocks_ai_assets.sources.sample.traps import holders

MARKET_PREMIUM = 0.00035
"""Expected return of the market, fraction a session (9 % a year)."""

MARKET_VOLATILITY = 0.0088
SWING = 0.3
"""Sd of the logarithm of the market's volatility."""

OWN_SWING = 0.4
"""The same of each company's own volatility."""

SECTOR_VOLATILITY = 0.0045
OVERNIGHT = 0.3
"""Share of a session's variance that falls between the close before and the open."""

CLASSES_APART = 0.04
"""Sd of what two share classes of one issuer differ by, in units of the company's own news."""

MOST = 0.6
"""Largest loss or gain of one half of a session: keeps prices positive."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Market:
    """The whole market, one value a session of the timeline from its start.

    Attributes
    ----------
    overnight, intraday
        Returns from close to open and from open to close, fractions.
    volatility
        Sd of the whole session's return as known at the close before, fraction.
    next_volatility
        The same for the session after, as known at this close.
    """

    overnight: Floats
    intraday: Floats
    volatility: Floats
    next_volatility: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Shocks:
    """Returns of the companies without any planted skill, positions x symbols.

    Attributes
    ----------
    overnight, intraday
        Returns, fractions.
    own_volatility
        Sd of the company's own part of a session's return, as known at the close before.
    variance
        Variance of the whole intraday return, for its range.
    """

    overnight: Floats
    intraday: Floats
    own_volatility: Floats
    variance: Floats


def market(seed: int, line: Timeline) -> Market:
    """Market with persistent volatility that rises when the market falls."""
    rng = stream(seed, "market")
    night, day, turn = rng.standard_normal((len(line.days) + 1, 3)).T
    fall = -(np.sqrt(OVERNIGHT) * night + np.sqrt(1.0 - OVERNIGHT) * day)
    state = persistent(0.6 * fall + 0.8 * turn, 0.98, SWING)
    # The state after a session moves the volatility of the next one, not its own.
    volatility = MARKET_VOLATILITY * np.exp(state - SWING**2)
    return Market(
        overnight=_half(volatility[:-1], night[1:], OVERNIGHT) + OVERNIGHT * MARKET_PREMIUM,
        intraday=_half(volatility[:-1], day[1:], 1.0 - OVERNIGHT)
        + (1.0 - OVERNIGHT) * MARKET_PREMIUM,
        volatility=volatility[:-1],
        next_volatility=volatility[1:],
    )


def _half(volatility: Floats, noise: Floats, share: float) -> Floats:
    move: Floats = np.clip(np.sqrt(share) * volatility * noise, -MOST, MOST)
    return move


def shocks(
    seed: int, members: Companies, line: Timeline, whole: Market, jumps: tuple[Flags, Floats]
) -> Shocks:
    """Returns of all companies.

    Parameters
    ----------
    members
        The companies.
    line
        The timeline.
    whole
        The market.
    jumps
        Sessions that react to an earnings announcement, and the reaction in units of the
        company's own volatility; positions x symbols.
    """
    shape = (line.length, members.n)
    market_volatility = whole.volatility[line.lead :, None]
    state = np.log(market_volatility / MARKET_VOLATILITY)
    own = stream(seed, "own volatility").standard_normal(shape)
    volatility = members.volatility * np.exp(
        persistent(own, 0.97, OWN_SWING) - OWN_SWING**2 + 0.4 * state
    )
    volatility = volatility[:, members.issuer]
    sector_volatility = SECTOR_VOLATILITY * np.exp(0.5 * state)
    overnight = _part(seed, "overnight", OVERNIGHT, members, volatility, sector_volatility)
    intraday = _part(seed, "intraday", 1.0 - OVERNIGHT, members, volatility, sector_volatility)
    reacting, reaction = jumps
    overnight += np.where(reacting, reaction * volatility, 0.0)
    overnight += members.beta * whole.overnight[line.lead :, None]
    intraday += members.beta * whole.intraday[line.lead :, None]
    return Shocks(
        overnight=np.clip(overnight, -MOST, MOST),
        intraday=np.clip(intraday, -MOST, MOST),
        own_volatility=volatility,
        variance=(1.0 - OVERNIGHT)
        * ((members.beta * market_volatility) ** 2 + sector_volatility**2 + volatility**2),
    )


def _part(
    seed: int,
    half: str,
    share: float,
    members: Companies,
    volatility: Floats,
    sector_volatility: Floats,
) -> Floats:
    """Sector and own part of one half of each session's return."""
    shape = volatility.shape
    own = stream(seed, f"own {half}").standard_normal(shape)[:, members.issuer]
    # The second class strays a little from the first one.
    second = holders("second_class", members.n)
    apart = stream(seed, f"classes {half}").standard_normal((shape[0], len(second)))
    own[:, second] += CLASSES_APART * apart
    common = stream(seed, f"sector {half}").standard_normal((shape[0], len(SECTORS)))
    common *= np.sqrt(share) * sector_volatility
    own *= np.sqrt(share) * volatility
    own += common[:, members.sector]
    return own
