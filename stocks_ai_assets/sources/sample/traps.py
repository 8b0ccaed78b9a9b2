"""What goes wrong in real data, planted in companies of fixed places so that a demo meets it.

Every block of 60 companies has each trap once; later blocks have them some sessions later.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stocks_ai_assets.sources.sample.timeline import Flags, Floats, Integers, Timeline

BLOCK = 60
BLOCK_DELAY = 11
"""Sessions by which a trap comes later in each further block."""


@dataclass(frozen=True, kw_only=True)
class Trap:
    """A defect or an event.

    Attributes
    ----------
    place
        Position of the company in its block.
    session
        Sessions after the first partition; None: all the time.
    meaning
        What a reader of the data has to withstand.
    """

    place: int
    session: int | None
    meaning: str


TRAPS: Mapping[str, Trap] = {
    "split_2_1": Trap(place=0, session=60, meaning="Two shares for one."),
    "split_4_1": Trap(place=1, session=150, meaning="Four shares for one."),
    "split_3_2": Trap(place=2, session=105, meaning="Three shares for two."),
    "reverse_split": Trap(place=3, session=190, meaning="One share for ten."),
    "spin_off": Trap(
        place=4, session=230, meaning="A spin-off coded as split: prices fall, shares stay."
    ),
    "spin_off_twice": Trap(
        place=5, session=275, meaning="A spin-off coded as split and again as a huge dividend."
    ),
    "first_class": Trap(place=6, session=None, meaning="Two share classes, no share count filed."),
    "second_class": Trap(place=7, session=None, meaning="The second class of the company before."),
    "listing": Trap(place=8, session=180, meaning="Goes public: no prices, filings before."),
    "delisting": Trap(place=9, session=340, meaning="Stops trading; its past stays."),
    "no_earnings": Trap(place=10, session=None, meaning="The vendor has no earnings dates."),
    "balance_error": Trap(
        place=11, session=130, meaning="Balance sheet filed 1,000 times too large, once."
    ),
    "share_error": Trap(
        place=12, session=200, meaning="Share count filed 1,000 times too large, once."
    ),
    "restatement": Trap(
        place=13, session=240, meaning="A 10-Q/A lowers a quarter's income and assets."
    ),
    "reclassification": Trap(place=14, session=260, meaning="The sector changes on a snapshot."),
    "renaming": Trap(place=15, session=220, meaning="Ticker and name change; prices use the new."),
    "late_filing": Trap(
        place=16, session=90, meaning="A filing comes 150 days late, after the next one."
    ),
    "eps_basis": Trap(place=17, session=None, meaning="Vendor's EPS is ten times too large."),
    "no_esg": Trap(place=18, session=None, meaning="Never rated for ESG."),
    "late_member": Trap(place=19, session=120, meaning="Joins the index; no sector known before."),
    "special_dividend": Trap(place=20, session=100, meaning="Pays 12 % of its price, no spin-off."),
    "halt": Trap(place=21, session=140, meaning="No trading for four sessions."),
    "mislabelled": Trap(
        place=22, session=160, meaning="A snapshot has the sub-industry in the sector's column."
    ),
    "removed_member": Trap(place=23, session=300, meaning="Leaves the index, keeps trading."),
    "no_analysts": Trap(place=24, session=None, meaning="No analyst follows it."),
}

SPLITS: Mapping[str, tuple[float, float]] = {
    "split_2_1": (2.0, 2.0),
    "split_4_1": (4.0, 4.0),
    "split_3_2": (1.5, 1.5),
    "reverse_split": (0.1, 0.1),
    "spin_off": (1.237, 1.0),
    "spin_off_twice": (1.283, 1.0),
}
"""Ratio of prices and ratio of shares by trap."""

HALT_SESSIONS = 4


def holders(trap: str, n_symbols: int) -> Integers:
    """Companies that have the trap, ascending."""
    return np.arange(TRAPS[trap].place, n_symbols, BLOCK)


def positions(trap: str, n_symbols: int, line: Timeline) -> Integers:
    """Position on which the trap springs, for each of its holders."""
    session = TRAPS[trap].session or 0
    delay = BLOCK_DELAY * np.arange(len(holders(trap, n_symbols)))
    return line.first + session + delay


def first_after(filed: Integers, when: Integers) -> Flags:
    """First filing of each company on or after a position; quarters x companies."""
    after = filed >= when
    first: Flags = after & (np.cumsum(after, axis=0) == 1)
    return first


def split_ratios(n_symbols: int, line: Timeline) -> tuple[Floats, Floats]:
    """Ratios of prices and of share counts on their ex-dates, positions x symbols; else 1."""
    prices = np.ones((line.length, n_symbols))
    shares = np.ones((line.length, n_symbols))
    for trap, (price_ratio, share_ratio) in SPLITS.items():
        at, who = positions(trap, n_symbols, line), holders(trap, n_symbols)
        reached = at < line.length
        prices[at[reached], who[reached]] = price_ratio
        shares[at[reached], who[reached]] = share_ratio
    return prices, shares
