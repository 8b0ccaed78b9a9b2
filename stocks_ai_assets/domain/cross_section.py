"""Scores across the symbols of one session: ranks, sector neutrality, composites, shrunk betas.

One issuer has one vote: among the share classes of an issuer that have a value, the first in the
alphabet is ranked and counted, the others get its result. Every number depends on its own session
alone, and sums run over the symbols in alphabetical order (`domain.panel`), so its bits do not
depend on which other sessions are computed with it. Looking back in time belongs to the signals.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtr, ndtri

from stocks_ai_assets.domain.panel import (
    Flags,
    Floats,
    Integers,
    Panel,
    Places,
    filled,
    ties,
    total,
)

MIN_NAMES = 20
"""A session with fewer votes abstains: ranks of a handful of names say nothing."""

SECTOR_SHRINKAGE = 2
"""Names at the universe's mean added to each sector before its mean is taken off."""

TAIL = 0.005
"""Ranks are clipped to [.005, .995] before the normal quantile: the winsorisation."""

SCORE_SD = 1.0 / float(np.sqrt(3.0))
"""Standard deviation of a score that is uniform on [-1, 1]."""


def normal_quantile(probability: Floats) -> Floats:
    """Quantile of the standard normal distribution; NaN stays NaN."""
    return np.asarray(ndtri(probability), dtype=np.float64)


def normal_probability(value: Floats) -> Floats:
    """Distribution function of the standard normal distribution; NaN stays NaN."""
    return np.asarray(ndtr(value), dtype=np.float64)


def uniform_ranks(values: Floats) -> Floats:
    """Average-tie ranks of each session spread evenly over [-1, 1], without issuers' votes.

    Parameters
    ----------
    values
        Symbols x sessions; NaN: not ranked.

    Returns
    -------
    Floats
        Same shape; NaN where missing and in sessions with fewer than 20 values.
    """
    below, equal, count = ties(values)
    return np.where(~np.isnan(values) & (count >= MIN_NAMES), spread(below, equal, count), np.nan)


def spread(below: Integers, equal: Integers, count: Integers) -> Floats:
    """Average-tie ranks, evenly over [-1, 1], from `panel.ties`; 0 for a single value."""
    # Twice the average rank from 0 is a whole number, so the division is the only rounding and
    # the ranks of x and -x are exactly opposite.
    steps = np.where(count > 1, count - 1, 1)
    return np.where(count > 1, 2 * below + equal - count, 0) / steps


class CrossSection:
    """Sectors and issuers of a grid of symbols and sessions.

    Parameters
    ----------
    sectors
        `symbol`, `session`, `sector`, `issuer_id` of signals.sector, any order.
    sessions
        Sessions of the grid, ascending.
    """

    def __init__(self, sectors: pl.DataFrame, sessions: Sequence[date]) -> None:
        self.panel = Panel(sectors.get_column("symbol"), sessions)
        at = self.panel.places(sectors)
        self.names, self.sector = self._codes(at, sectors.get_column("sector"))
        _, self._issuer = self._codes(at, sectors.get_column("issuer_id"))
        self._shared = self._symbols_of_shared_issuers()

    def _codes(self, at: Places, labels: pl.Series) -> tuple[tuple[str, ...], Integers]:
        """Distinct labels, and their positions as symbols x sessions; -1 where there is none."""
        names = labels.drop_nulls().unique().sort()
        coded = labels.cast(pl.Enum(names)).to_physical()
        placed = self.panel.values(at, coded)
        return tuple(names), np.where(np.isnan(placed), -1, placed).astype(np.int64)

    def _symbols_of_shared_issuers(self) -> Integers:
        """Symbols that share their issuer with another one in some session of the grid."""
        symbols: dict[int, set[int]] = {}
        for row, codes in enumerate(self._issuer):
            for code in np.unique(codes[codes >= 0]).tolist():
                symbols.setdefault(code, set()).add(row)
        shared = set().union(*(rows for rows in symbols.values() if len(rows) > 1), set())
        return np.array(sorted(shared), dtype=np.int64)

    @property
    def empty(self) -> Floats:
        """A grid without values."""
        return np.full(self.panel.shape, np.nan)

    def place(self, frame: pl.DataFrame, column: str, session: str = "session") -> Floats:
        """One column of a long frame as symbols x sessions; NaN where there is no value."""
        return self.panel.values(self.panel.places(frame, session), frame.get_column(column))

    def broadcast(self, frame: pl.DataFrame, column: str) -> Floats:
        """One column of a frame by session, repeated for every symbol."""
        at = self.panel.columns_of(frame.get_column("session"))
        numbers = frame.get_column(column).cast(pl.Float64).fill_null(float("nan")).to_numpy()
        values = np.full(self.panel.shape[1], np.nan)
        values[at[at >= 0]] = numbers[at >= 0]
        return np.broadcast_to(values, self.panel.shape)

    def within(self, sector: str) -> Flags:
        """Where a symbol belongs to `sector`."""
        code = self.names.index(sector) if sector in self.names else -2
        return np.asarray(self.sector == code)

    def voters(self, values: Floats) -> tuple[Flags, Integers]:
        """Which values are counted, and for each symbol and session the row that stands for it."""
        present = ~np.isnan(values)
        row = np.broadcast_to(np.arange(len(values))[:, None], values.shape)
        if not len(self._shared):
            return present, row
        sessions = np.arange(values.shape[1])
        first = np.full((int(self._issuer.max()) + 1, values.shape[1]), -1)
        stands = row.copy()
        for symbol in self._shared[::-1]:
            use = present[symbol] & (self._issuer[symbol] >= 0)
            first[self._issuer[symbol, use], sessions[use]] = symbol
        for symbol in self._shared:
            use = present[symbol] & (self._issuer[symbol] >= 0)
            stands[symbol, use] = first[self._issuer[symbol, use], sessions[use]]
        return present & (stands == row), stands

    def rank11(self, values: Floats) -> Floats:
        """Average-tie ranks of the issuers of each session, evenly over [-1, 1].

        Parameters
        ----------
        values
            Symbols x sessions; NaN: no opinion.

        Returns
        -------
        Floats
            Same shape; NaN where missing and in sessions with fewer than 20 issuers.
        """
        votes, stands = self.voters(values)
        return self._spread(uniform_ranks(np.where(votes, values, np.nan)), values, stands)

    def _spread(self, results: Floats, values: Floats, stands: Integers) -> Floats:
        """Give every symbol that has a value the result of the row that stands for it."""
        if not len(self._shared):
            return results
        return np.where(np.isnan(values), np.nan, np.take_along_axis(results, stands, axis=0))

    def sneutral(self, values: Floats) -> Floats:
        """Rank, made normal, less the shrunk mean of the sector, ranked again.

        Parameters
        ----------
        values
            Symbols x sessions; NaN: no opinion.

        Returns
        -------
        Floats
            Ranks on [-1, 1]; NaN where missing and below 20 issuers.

        Notes
        -----
        z = Phi^-1(clip((rank11 + 1) / 2, .005, .995)); the sector's mean is sum(z) / (n + 2). The
        clip bounds what one bad datum can do.
        """
        votes, stands = self.voters(values)
        ranks = uniform_ranks(np.where(votes, values, np.nan))
        z = normal_quantile(np.clip((ranks + 1.0) / 2.0, TAIL, 1.0 - TAIL))
        neutral = z - self.sector_sum(z) / (self.sector_sum(np.isfinite(z)) + SECTOR_SHRINKAGE)
        return self._spread(uniform_ranks(neutral), values, stands)

    def sector_sum(self, values: npt.NDArray[np.generic]) -> Floats:
        """Sum over the members of each symbol's sector, in the order of the symbols; NaN is 0."""
        n = self.panel.shape[1]
        cell = (self.sector + 1) * n + np.arange(n)
        terms = filled(values.astype(np.float64))
        sums = np.bincount(cell.ravel(), weights=terms.ravel(), minlength=(len(self.names) + 1) * n)
        return np.asarray(sums[cell], dtype=np.float64)

    def rank_in_sector(self, values: Floats) -> Floats:
        """Average-tie ranks within each sector, evenly over [-1, 1]; alone in a sector: 0.

        NaN where missing and in sessions with fewer than 20 issuers in all sectors together.
        """
        result = self.empty
        votes, stands = self.voters(values)
        enough = votes.sum(axis=0) >= MIN_NAMES
        used = np.flatnonzero(enough)
        for code in range(len(self.names)):
            members = votes[:, used] & (self.sector[:, used] == code)
            below, equal, count = ties(np.where(members, values[:, used], np.nan))
            result[:, used] = np.where(members, spread(below, equal, count), result[:, used])
        return self._spread(result, values, stands)

    def composite(self, parts: Sequence[Floats], at_least: int) -> Floats:
        """Mean of the parts that are there, at least `at_least` of them, made sector-neutral."""
        return self.sneutral(mean_of(parts, at_least))

    def shrunk_betas(self, beta: Floats, variance: Floats) -> Floats:
        """Betas drawn towards their mean by how uncertain they are (Vasicek 1973).

        Parameters
        ----------
        beta
            Regression slopes on the market, symbols x sessions.
        variance
            Their squared standard errors.

        Returns
        -------
        Floats
            w * beta + (1 - w) * mean with w = dispersion / (dispersion + variance), where mean
            and dispersion (sample variance) are those of the session's issuers; NaN where
            missing and below 20 issuers.
        """
        known = ~np.isnan(beta) & ~np.isnan(variance)
        votes, _ = self.voters(np.where(known, beta, np.nan))
        count = votes.sum(axis=0)
        counted = np.where(votes, beta, 0.0)
        mean = total(counted) / np.maximum(count, 1)
        squares = np.where(votes, (counted - mean) ** 2, 0.0)
        dispersion = total(squares) / np.maximum(count - 1, 1)
        scale = dispersion + variance
        weight = np.where(scale > 0.0, dispersion / np.where(scale > 0.0, scale, 1.0), 1.0)
        shrunk = weight * beta + (1.0 - weight) * mean
        return np.where(known & (count >= MIN_NAMES), shrunk, np.nan)


def mean_of(parts: Sequence[Floats], at_least: int) -> Floats:
    """Mean of the parts that are not NaN, in the order given; NaN below `at_least` of them."""
    sums, count = np.zeros(parts[0].shape), np.zeros(parts[0].shape, dtype=np.int64)
    for part in parts:
        sums += filled(part)
        count += ~np.isnan(part)
    return np.where(count >= at_least, sums / np.maximum(count, 1), np.nan)


def rank_correlation(score: Floats, label: Floats) -> tuple[Floats, Integers]:
    """Spearman's rank correlation across the symbols of each session.

    Parameters
    ----------
    score, label
        Symbols x sessions; a symbol counts where both are known.

    Returns
    -------
    tuple
        Correlation by session (NaN below 20 symbols or when one side is constant) and the
        number of symbols that counted.
    """
    both = ~np.isnan(score) & ~np.isnan(label)
    x = filled(uniform_ranks(np.where(both, score, np.nan)))
    y = filled(uniform_ranks(np.where(both, label, np.nan)))
    # Average ranks on [-1, 1] have mean 0, so no mean needs to be taken off.
    scale = np.sqrt(total(x * x) * total(y * y))
    count = both.sum(axis=0)
    valid = (count >= MIN_NAMES) & (scale > 0.0)
    return np.where(valid, total(x * y) / np.where(valid, scale, 1.0), np.nan), count
