"""What luck looks like: scores without skill on real labels, as the report says it does."""

import numpy as np
import pytest

from stocks_ai_assets.reports.targets import SIGNIFICANT_BY_LUCK

pytestmark = pytest.mark.real

PLACEBOS = 200
HALF_LIFE = 63
LAGS = 31


def normalized_ranks(values, known):
    """Ranks of the known values of each session with mean 0 and length 1; 0 elsewhere."""
    order = np.where(known, values, np.inf).argsort(axis=1).argsort(axis=1).astype(float)
    count = known.sum(axis=1, keepdims=True)
    centred = np.where(known, order - (count - 1) / 2.0, 0.0)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return centred / np.where(length > 0.0, length, 1.0)


def newey_west_t(series):
    n, d = len(series), series - series.mean()
    variance = d @ d
    for lag in range(1, LAGS + 1):
        variance += 2.0 * (1.0 - lag / (LAGS + 1)) * (d[lag:] @ d[:-lag])
    return series.mean() / (np.sqrt(variance) / n)


@pytest.fixture(scope="module")
def placebo_t(table, matrix):
    """t of scores that drift at random and know nothing, against residual returns."""
    outcomes = table("evaluation.outcomes")
    market = matrix(outcomes, "market_return", "prediction_date")
    beta = matrix(table("signals.risk"), "beta_raw")
    label = matrix(outcomes, "total_return", "prediction_date") - beta * market
    known = ~np.isnan(label)
    sessions = known.sum(axis=1) >= 20
    label, known = label[sessions], known[sessions]
    ranked, rng = normalized_ranks(label, known), np.random.default_rng(1)
    kept = 0.5 ** (1.0 / HALF_LIFE)
    found = []
    for _ in range(PLACEBOS):
        score = rng.normal(size=label.shape)
        for t in range(1, len(score)):
            score[t] = kept * score[t - 1] + np.sqrt(1.0 - kept**2) * score[t]
        found.append(newey_west_t((normalized_ranks(score, known) * ranked).sum(axis=1)))
    return np.array(found)


def test_luck_makes_about_as_many_scores_significant_as_the_report_says(placebo_t):
    share = (np.abs(placebo_t) > 3.0).mean()
    assert share <= 4.0 * SIGNIFICANT_BY_LUCK, share


def test_the_band_covers_less_than_its_width_promises(placebo_t):
    covered = (np.abs(placebo_t) <= 1.96).mean()
    assert 0.86 <= covered <= 0.96, covered
