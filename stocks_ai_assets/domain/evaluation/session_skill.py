"""Skill session by session: what one set of scores was worth against one label.

Rank correlations are computed in whole numbers, so they are exact and no order of summation can
change them. Means and tests over sessions belong to `skill`.
"""

from dataclasses import dataclass

import numpy as np

from stocks_ai_assets.domain.panel import Flags, Floats, Integers, filled, ties, total
from stocks_ai_assets.domain.portfolio.weights import fifths

MIN_NAMES = 20
"""Below this a session has no rank correlation; agents abstain there too."""

DECAY_LAGS = (5, 21, 63)


@dataclass(frozen=True, slots=True)
class Ranks:
    """Values of each session ranked among each other; all symbols x sessions but `count`."""

    values: Floats
    known: Flags
    below: Integers
    equal: Integers
    count: Integers

    @classmethod
    def of(cls, values: Floats) -> "Ranks":
        """Rank the values that are not NaN."""
        return cls(values, ~np.isnan(values), *ties(values))

    @property
    def doubled(self) -> Integers:
        """Twice the average rank, a whole number; 0 where there is none."""
        return np.where(self.known, 2 * self.below + self.equal + 1, 0)

    @property
    def side(self) -> Integers:
        """1 above the median of the session, -1 below, 0 on it or where there is none."""
        above = 2 * self.below >= self.count
        under = 2 * (self.below + self.equal) <= self.count
        return np.where(self.known, above.astype(np.int64) - under.astype(np.int64), 0)

    def among(self, known: Flags) -> "Ranks":
        """Rank anew among `known` only, which must lie within the known values."""
        stale = (known != self.known).any(axis=0)
        if not stale.any():
            return self
        values = np.where(known, self.values, np.nan)
        below, equal, count = self.below.copy(), self.equal.copy(), self.count.copy()
        below[:, stale], equal[:, stale], count[stale] = ties(values[:, stale])
        return Ranks(values, known, below, equal, count)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionSkill:
    """One value per prediction date.

    Parameters
    ----------
    rank_ic
        Rank correlation of score and label over the names with both; NaN below 20 names.
    decay
        By lag: rank correlation of the scores made that many sessions earlier.
    hits, sides
        Names on the predicted side of the session's median label, and names with a side.
    spread
        Mean label of the top fifth less that of the bottom fifth; NaN without a rank correlation.
    """

    rank_ic: Floats
    decay: dict[int, Floats]
    hits: Integers
    sides: Integers
    spread: Floats


def session_skill(scores: Ranks, labels: Ranks) -> SessionSkill:
    """Compare scores with labels, session by session.

    Parameters
    ----------
    scores
        Ranked scores; a positive score expects a label above the session's median.
    labels
        Ranked labels of the same symbols and prediction dates.

    Returns
    -------
    SessionSkill

    Notes
    -----
    For the decay, scores keep the rank they had in their own session and labels theirs; where the
    names of both sessions agree this is Spearman's correlation.
    """
    both = scores.known & labels.known
    paired_scores, paired_labels = scores.among(both), labels.among(both)
    rank_ic = rank_correlation(paired_scores.doubled, paired_labels.doubled, both)
    doubled_scores, doubled_labels = scores.doubled, labels.doubled
    decay = {}
    for lag in DECAY_LAGS:
        decay[lag] = np.full(len(rank_ic), np.nan)
        earlier = scores.known[:, :-lag] & labels.known[:, lag:]
        decay[lag][lag:] = rank_correlation(
            doubled_scores[:, :-lag], doubled_labels[:, lag:], earlier
        )
    agreement = np.where(both, np.sign(filled(scores.values)) * labels.side, 0.0)
    top, bottom = fifths(paired_scores.below, paired_scores.equal, paired_scores.count)
    spread = total(np.where(both, (top - bottom) * filled(labels.values), 0.0))
    return SessionSkill(
        rank_ic=rank_ic,
        decay=decay,
        hits=(agreement > 0).sum(axis=0),
        sides=(agreement != 0).sum(axis=0),
        spread=np.where(np.isnan(rank_ic), np.nan, spread),
    )


def rank_correlation(x: Integers, y: Integers, both: Flags) -> Floats:
    """Pearson's correlation of whole numbers over the symbols of each session, exactly summed.

    Parameters
    ----------
    x, y
        Symbols x sessions.
    both
        Which pairs count.

    Returns
    -------
    Floats
        One correlation per session; NaN below 20 pairs and when one side is constant.
    """
    x, y = np.where(both, x, 0), np.where(both, y, 0)
    n, sum_x, sum_y = both.sum(axis=0), x.sum(axis=0), y.sum(axis=0)
    covariance = n * (x * y).sum(axis=0) - sum_x * sum_y
    variance_x = n * (x * x).sum(axis=0) - sum_x * sum_x
    variance_y = n * (y * y).sum(axis=0) - sum_y * sum_y
    valid = (n >= MIN_NAMES) & (variance_x > 0) & (variance_y > 0)
    scale = np.sqrt(np.maximum(variance_x, 1).astype(float)) * np.sqrt(
        np.maximum(variance_y, 1).astype(float)
    )
    return np.where(valid, np.clip(covariance / scale, -1.0, 1.0), np.nan)


def score_changes(scores: Floats) -> tuple[Floats, Integers]:
    """Sum of |change of score| / 2 since the session before, and the names with both scores."""
    change = np.full(scores.shape, np.nan)
    change[:, 1:] = np.abs(scores[:, 1:] - scores[:, :-1]) / 2.0
    return total(filled(change)), (~np.isnan(change)).sum(axis=0)
