"""One session's skill: Spearman's correlation and its neighbours, against scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from stocks_ai_assets.domain.evaluation.session_skill import (
    DECAY_LAGS,
    Ranks,
    score_changes,
    session_skill,
)

N, T = 30, 80


@pytest.fixture
def panels(rng):
    scores, labels = np.round(rng.normal(size=(2, N, T)), 1)
    scores[rng.uniform(size=(N, T)) < 0.1] = np.nan
    labels[rng.uniform(size=(N, T)) < 0.1] = np.nan
    scores[:, 70] = np.nan
    scores[:, 71] = 0.3
    return scores, labels


def test_the_rank_correlation_is_spearmans_over_the_names_with_both(panels):
    scores, labels = panels
    skill = session_skill(Ranks.of(scores), Ranks.of(labels))
    for t in range(T):
        both = ~np.isnan(scores[:, t]) & ~np.isnan(labels[:, t])
        if t in {70, 71} or both.sum() < 20:
            assert np.isnan(skill.rank_ic[t])
        else:
            expected = spearmanr(scores[both, t], labels[both, t]).statistic
            assert skill.rank_ic[t] == pytest.approx(expected, abs=1e-12)


def test_decay_compares_earlier_scores_with_todays_label(rng):
    scores, labels = rng.normal(size=(2, N, T))
    skill = session_skill(Ranks.of(scores), Ranks.of(labels))
    for lag in DECAY_LAGS:
        assert np.isnan(skill.decay[lag][:lag]).all()
        for t in (lag, T - 1):
            expected = spearmanr(scores[:, t - lag], labels[:, t]).statistic
            assert skill.decay[lag][t] == pytest.approx(expected, abs=1e-12)


def test_hits_count_names_on_the_predicted_side_of_the_median(panels):
    scores, labels = panels
    skill = session_skill(Ranks.of(scores), Ranks.of(labels))
    for t in range(T):
        side = np.sign(labels[:, t] - np.nanmedian(labels[:, t]))
        agreement = side * np.sign(scores[:, t])
        assert skill.hits[t] == (agreement > 0).sum()
        assert skill.sides[t] == (agreement != 0).sum() - np.isnan(agreement).sum()


def test_the_spread_is_the_mean_of_the_top_fifth_less_that_of_the_bottom_fifth(rng):
    scores, labels = rng.normal(size=(2, N, T))
    skill = session_skill(Ranks.of(scores), Ranks.of(labels))
    order = np.argsort(scores[:, 3])
    expected = labels[order[-6:], 3].mean() - labels[order[:6], 3].mean()
    assert skill.spread[3] == pytest.approx(expected)


def test_perfect_foresight_has_correlation_one_and_hits_all(rng):
    labels = Ranks.of(rng.normal(size=(N, T)))
    foresight = Ranks.of(np.sign(labels.values - np.median(labels.values, axis=0)))
    assert (session_skill(labels, labels).rank_ic == 1.0).all()
    skill = session_skill(foresight, labels)
    assert (skill.hits == skill.sides).all()
    assert (skill.sides == N).all()


def test_more_symbols_without_values_change_no_bit(panels):
    scores, labels = panels
    nothing = np.full((50, T), np.nan)
    alone = session_skill(Ranks.of(scores), Ranks.of(labels))
    among = session_skill(
        Ranks.of(np.concatenate([nothing, scores])), Ranks.of(np.concatenate([nothing, labels]))
    )
    assert alone.rank_ic.tobytes() == among.rank_ic.tobytes()
    assert alone.spread.tobytes() == among.spread.tobytes()


def test_turnover_counts_names_scored_twice_in_a_row():
    scores = np.array([[1.0, -1.0, -1.0], [0.0, np.nan, 0.5]])
    change, changed = score_changes(scores)
    np.testing.assert_array_equal(change, [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(changed, [0, 1, 1])
