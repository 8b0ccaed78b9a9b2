"""Newey-West: against the definition, with and without gaps."""

import math

import numpy as np
import pytest

from stocks_ai_assets.domain.evaluation.newey_west import (
    automatic_lags,
    overlap_lags,
    standard_error,
)


def by_definition(x, lags):
    """Sum of Bartlett-weighted products of deviations over all pairs of sessions."""
    n = len(x)
    d = x - np.mean(x)
    weights = np.maximum(1 - np.abs(np.subtract.outer(range(n), range(n))) / (lags + 1), 0)
    return math.sqrt(d @ weights @ d) / n


@pytest.mark.parametrize("lags", [0, 1, 7])
def test_it_equals_the_weighted_sum_over_all_pairs(rng, lags):
    x = rng.normal(size=60)
    assert standard_error(x, lags) == pytest.approx(by_definition(x, lags))


def test_without_lags_it_is_the_classic_standard_error(rng):
    x = rng.normal(size=50)
    assert standard_error(x, 0) == pytest.approx(np.std(x) / math.sqrt(50))


def test_overlap_widens_the_error_as_much_as_it_should(rng):
    days = rng.normal(size=6000)
    overlapping = np.convolve(days, np.ones(21) / 21, mode="valid")
    true_error = 1 / math.sqrt(len(days))
    assert standard_error(overlapping, overlap_lags(21)) == pytest.approx(true_error, rel=0.35)
    assert standard_error(overlapping, 0) < true_error / 3


def test_a_missing_session_keeps_its_place_and_adds_nothing(rng):
    x = rng.normal(size=40)
    x[[5, 6, 20]] = np.nan
    known = ~np.isnan(x)
    d = np.where(known, x - np.nanmean(x), 0.0)
    expected = d @ d + 2 * sum((1 - k / 4) * (d[k:] @ d[:-k]) for k in (1, 2, 3))
    assert standard_error(x, 3) == pytest.approx(math.sqrt(expected) / 37)


def test_too_short_a_series_has_no_error(rng):
    assert math.isnan(standard_error(rng.normal(size=92), 31))
    assert math.isnan(standard_error(np.array([1.0]), 0))
    assert not math.isnan(standard_error(rng.normal(size=93), 31))


def test_lags():
    assert overlap_lags(21) == 31
    assert [automatic_lags(n) for n in (100, 2400)] == [4, 8]
