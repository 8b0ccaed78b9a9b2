"""The planted skill: what two agents look at, computed inside the simulation as known at a close.

Everything else in this package is independent of what any agent looks at.
"""

from collections.abc import Mapping

import numpy as np

from stocks_ai_assets.sources.sample.accounts import Accounts
from stocks_ai_assets.sources.sample.companies import FINANCIALS, SECTORS, Companies
from stocks_ai_assets.sources.sample.timeline import Flags, Floats, Integers, Timeline
from stocks_ai_assets.sources.sample.traps import holders

PLANTED: Mapping[str, float] = {"valuation": 0.08, "technical": 0.08}
"""Expected rank correlation, by agent, of its score with the residual return over 21 sessions; of
all agents not named: 0, but for what correlation with a named one's score lends them."""

LEAN: Mapping[str, float] = {"valuation": 0.108, "technical": 0.113}
"""Expected return of a session for one sd of the rank, in units of own volatility / sqrt(21).
Measured so that PLANTED comes out. It would be PLANTED itself if the company's own news alone moved
the label, ranks stayed as they are for 21 sessions, and the two ranks were unrelated."""


class Knowledge:
    """Newest figures known of each company as time goes on; NaN: none.

    Filings become usable on the session after their filing date. Of several, the one with the
    newest period counts, not the one that came last.
    """

    def __init__(self, books: Accounts, members: Companies, line: Timeline) -> None:
        following = np.minimum.accumulate(books.filed[::-1], axis=0)[::-1][1:]
        newest = np.ones(books.filed.shape, dtype=bool)
        newest[:-1] = books.filed[:-1] < following
        newest[:3] = False  # less than a year of flows
        quarter, who = np.nonzero(newest)
        usable = np.maximum(books.filed[quarter, who] + 1, 0)
        order = np.lexsort((quarter, usable))
        self._quarter, self._who = quarter[order], who[order]
        self._start = np.searchsorted(usable[order], np.arange(line.length + 1))
        shares = books.shares.copy()
        for trap in ("first_class", "second_class"):
            shares[:, holders(trap, members.n)] = np.nan
        flows = books.figures
        self._figures = {
            "net_income": _year(flows["net_income"]),
            "free_cash_flow": _year(flows["cf_operating"] - flows["capex"]),
            "equity": books.figures["equity"],
            "shares": shares,
        }
        self._figures["free_cash_flow"][:, members.sector == FINANCIALS] = np.nan
        self._newest = {name: np.full(members.n, np.nan) for name in self._figures}
        self._sector = members.sector

    def publish(self, position: int) -> None:
        """Take over the filings that become usable at a position."""
        rows = slice(self._start[position], self._start[position + 1])
        if rows.start < rows.stop:
            quarter, who = self._quarter[rows], self._who[rows]
            for name, newest in self._newest.items():
                newest[who] = self._figures[name][quarter, who]

    def valuation(self, price: Floats) -> Floats:
        """Rank of the mean rank of earnings, book value and free cash flow over price.

        Parameters
        ----------
        price
            USD a share of position 0: splits undone; NaN: no price.
        """
        value = price * self._newest["shares"]
        total, count = np.zeros(len(price)), np.zeros(len(price))
        for name in ("net_income", "equity", "free_cash_flow"):
            rank = _neutral(self._newest[name] / value, self._sector)
            known = ~np.isnan(rank)
            total[known] += rank[known]
            count += known
        mean = np.where(count >= 2.0, total / np.maximum(count, 1.0), np.nan)
        return neutral_rank(mean, self._sector)


def technical(level: Floats, squares: Floats, traded: Flags, sector: Integers) -> Floats:
    """Rank of the return from t-252 to t-21 per unit of volatility.

    Parameters
    ----------
    level
        Logarithm of the total-return index, positions t-252 .. t x symbols.
    squares
        Running sum of squared returns, the same positions.
    traded
        Which symbols have traded for 252 sessions and still do.
    sector
        Their sectors.
    """
    momentum = np.expm1(level[-22] - level[0])
    ratio = momentum / np.sqrt((squares[-1] - squares[-127]) / 126.0)
    return neutral_rank(np.where(traded, ratio, np.nan), sector)


def neutral_rank(values: Floats, sector: Integers) -> Floats:
    """Rank less the mean of the sector, ranked again; mean 0, sd 1, NaN where missing.

    Agents shrink the mean of the sector; here it goes entirely, so that a sector as a whole leans
    nowhere and its momentum foretells nothing.
    """
    missing = np.isnan(values)
    ranks = _rank(_neutral(values, sector), missing)
    ranks[missing] = np.nan
    return ranks


def _neutral(values: Floats, sector: Integers) -> Floats:
    """Rank less the mean of the sector; NaN where missing."""
    missing = np.isnan(values)
    ranks = _rank(values, missing)
    count = np.bincount(sector, ~missing, len(SECTORS))
    apart = ranks - (np.bincount(sector, ranks, len(SECTORS)) / np.maximum(count, 1))[sector]
    apart[missing] = np.nan
    return apart


def _rank(values: Floats, missing: Flags) -> Floats:
    """Ranks evenly over +-sqrt(3) (a uniform variable with sd 1); 0 where missing."""
    known = len(values) - np.count_nonzero(missing)
    ranks = np.zeros(len(values))
    ranks[values.argsort()[:known]] = np.linspace(-np.sqrt(3.0), np.sqrt(3.0), known)
    return ranks


def _year(flows: Floats) -> Floats:
    """Sum of each quarter and the three before it; short at the start."""
    sums = np.cumsum(flows, axis=0)
    sums[4:] -= sums[:-4].copy()
    return sums
