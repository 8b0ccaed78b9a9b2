"""How much each voting agent counts: equal weight as prior, shrunk skill on top, never negative.

Signed weights would win here by learning which companies survived.
"""

from collections.abc import Mapping, Sequence
from math import exp

import numpy as np

from stocks_ai_assets.domain.panel import Floats, filled

EQUAL_SHARE = 0.25
"""Part of the weight that is spread evenly, whatever the skill."""

MIN_AGENTS = 3
MIN_WEIGHT = 0.5

LEARNING_RATE = 2.0
SWITCHING_RATE = 1.0 / 252.0
"""Fixed share (Herbster & Warmuth 1998): the best agent is expected to change once a year."""


def skill_weights(skills: Mapping[str, float]) -> dict[str, float]:
    """Weights by agent from shrunk ics, summing to 1.

    0.25 / A + 0.75 * ic / sum(ic); 1 / A for all while no agent has shown skill.
    """
    total = sum(skills.values())
    equal = 1.0 / len(skills)
    if total <= 0.0:
        return dict.fromkeys(skills, equal)
    return {
        name: EQUAL_SHARE * equal + (1.0 - EQUAL_SHARE) * ic / total for name, ic in skills.items()
    }


def fixed_share_weights(correlations: Mapping[str, Floats], horizon: int) -> dict[str, Floats]:
    """Weights that follow the recently best agent; reported beside the real ones, never used.

    Parameters
    ----------
    correlations
        Rank IC of each agent by matured session, in the order of time; NaN: it was silent.
    horizon
        Sessions of a label: neighbours share all but one of them, so each counts 1 / horizon.

    Returns
    -------
    dict
        By agent n + 1 weights: the k-th from the first k sessions alone.

    Notes
    -----
    Loss (1 - IC) / 2. A silent agent suffers the mean loss of the others, so silence neither
    gains nor loses (Freund et al. 1997).
    """
    names = list(correlations)
    equal = 1.0 / len(names)
    weights = [equal] * len(names)
    history = [weights]
    for row in zip(*(correlations[name].tolist() for name in names), strict=True):
        losses = [(1.0 - ic) / 2.0 for ic in row]
        heard = [(w, loss) for w, loss in zip(weights, losses, strict=True) if loss == loss]  # noqa: PLR0124  # not NaN
        if heard:
            mixed = sum(w * loss for w, loss in heard) / sum(w for w, _ in heard)
            losses = [loss if loss == loss else mixed for loss in losses]  # noqa: PLR0124
            posterior = [
                w * exp(-LEARNING_RATE * loss / horizon)
                for w, loss in zip(weights, losses, strict=True)
            ]
            total = sum(posterior)
            weights = [
                (1.0 - SWITCHING_RATE) * w / total + SWITCHING_RATE * equal for w in posterior
            ]
        history.append(weights)
    table = np.array(history)
    return {name: table[:, i] for i, name in enumerate(names)}


def weighted_mean(
    scores: Sequence[Floats], weights: Sequence[Floats], *, min_weight: float = MIN_WEIGHT
) -> tuple[Floats, list[Floats]]:
    """Mean of the agents present and the weight of each in it.

    Parameters
    ----------
    scores
        Symbols x sessions by agent; NaN: the agent abstained.
    weights
        By agent, one number a session, summing to 1 over the agents.
    min_weight
        Share of the weight that must be present.

    Returns
    -------
    tuple
        Mean (NaN with fewer than 3 agents or too little weight), and by agent its renormalised
        weight (0 where it abstained).
    """
    present = [~np.isnan(score) for score in scores]
    weight, count = np.zeros(scores[0].shape), np.zeros(scores[0].shape, dtype=np.int64)
    for here, w in zip(present, weights, strict=True):
        weight += np.where(here, w, 0.0)
        count += here
    enough = (count >= MIN_AGENTS) & (weight >= min_weight)
    safe = np.where(enough, weight, 1.0)
    shares = [
        np.where(here & enough, w / safe, 0.0) for here, w in zip(present, weights, strict=True)
    ]
    mean = np.zeros(scores[0].shape)
    for score, share in zip(scores, shares, strict=True):
        mean += share * filled(score)
    return np.where(enough, mean, np.nan), shares


def disagreement(scores: Sequence[Floats]) -> Floats:
    """Sample standard deviation of the scores present; 0 for a single one."""
    count, sums = np.zeros(scores[0].shape), np.zeros(scores[0].shape)
    for score in scores:
        count += ~np.isnan(score)
        sums += filled(score)
    mean = sums / np.maximum(count, 1.0)
    squares = np.zeros(scores[0].shape)
    for score in scores:
        squares += np.where(np.isnan(score), 0.0, (filled(score) - mean) ** 2)
    return np.asarray(np.sqrt(squares / np.maximum(count - 1.0, 1.0)), dtype=np.float64)
