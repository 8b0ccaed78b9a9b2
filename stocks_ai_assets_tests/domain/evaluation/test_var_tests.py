"""Kupiec and Christoffersen: against likelihoods computed with scipy, and at their limits."""

import math
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.stats import binom, chi2

from stocks_ai_assets.domain.evaluation.var_tests import coverage_tests, var_backtests
from stocks_ai_assets.tables import TABLES

KEY = ["quarter", "strategy", "level"]
breaches = st.lists(st.booleans(), min_size=2, max_size=300)


@given(breaches, st.sampled_from([0.05, 0.01]))
def test_kupiec_is_the_likelihood_ratio_of_two_binomials(series, probability):
    n, hits = len(series), sum(series)
    ratio = 2 * (binom.logpmf(hits, n, hits / n) - binom.logpmf(hits, n, probability))
    expected = chi2.sf(max(ratio, 0), 1)
    assert coverage_tests(series, probability).kupiec == pytest.approx(expected, abs=1e-6)


@given(breaches)
def test_christoffersen_is_the_likelihood_ratio_of_a_markov_chain(series):
    pairs = list(pairwise(series))
    n = {(a, b): pairs.count((a, b)) for a in (False, True) for b in (False, True)}

    def likelihood(hits, total):
        return float(binom.logpmf(hits, total, hits / total) - binom_constant(hits, total))

    def binom_constant(hits, total):
        return math.lgamma(total + 1) - math.lgamma(hits + 1) - math.lgamma(total - hits + 1)

    chain = 0.0
    for before in (False, True):
        total = n[before, False] + n[before, True]
        chain += likelihood(n[before, True], total) if total else 0.0
    pooled = likelihood(n[False, True] + n[True, True], len(pairs))
    tests = coverage_tests(series, 0.05)
    ratio = max(2 * (chain - pooled), 0)
    assert tests.independence == pytest.approx(chi2.sf(ratio, 1), abs=1e-6)
    kupiec = chi2.isf(tests.kupiec, 1)
    if math.isfinite(kupiec):
        assert tests.conditional == pytest.approx(chi2.sf(kupiec + ratio, 2), abs=1e-6)


def test_the_promised_rate_is_never_rejected():
    series = ([True] + [False] * 19) * 20
    assert coverage_tests(series, 0.05).kupiec == 1.0
    assert coverage_tests(series[::-1], 0.05).kupiec == 1.0


def test_breaches_in_one_cluster_are_rejected_although_their_number_is_right():
    series = [True] * 20 + [False] * 380
    tests = coverage_tests(series, 0.05)
    assert tests.kupiec == 1.0
    assert tests.independence < 1e-6
    assert tests.conditional < 1e-6


def test_no_breach_in_a_thousand_sessions_is_too_good():
    assert coverage_tests([False] * 1000, 0.05).kupiec < 1e-6
    assert coverage_tests([True] * 10, 0.05).kupiec < 1e-6


def test_without_forecasts_nothing_is_tested():
    assert math.isnan(coverage_tests([], 0.05).kupiec)


def test_the_table_keeps_its_contract_and_counts_what_came_before_the_quarter(world):
    frames = {"risk": world.frames["portfolio_risk"]}
    table = var_backtests(frames, world.by_quarter())
    TABLES["evaluation.var_backtests"].contract.validate(table)
    assert table["strategy"].n_unique() == 5
    quarter = world.quarters[-1]
    past = frames["risk"].filter(
        (pl.col("strategy") == "market")
        & (pl.col("session") < world.calendar.next_or_same(quarter))
        & pl.col("breach_95").is_not_null()
    )
    row = table.filter(quarter=quarter, strategy="market", level=0.95).row(0, named=True)
    assert row["n_sessions"] == past.height
    assert row["n_breaches"] == past["breach_95"].sum()
    hit = past.filter("breach_95")
    ratio = -hit["net_return"].mean() / hit["es_95"].mean()
    assert row["es_ratio"] == pytest.approx(ratio)


def test_a_quarter_alone_gives_the_bits_of_the_range(world):
    frames = {"risk": world.frames["portfolio_risk"]}
    together = var_backtests(frames, world.by_quarter())
    for quarter in world.quarters[-3:]:
        first = world.calendar.next_or_same(quarter)
        past = frames["risk"].filter(pl.col("session") < first)
        past = past.sample(fraction=1.0, shuffle=True, seed=2)
        alone = var_backtests({"risk": past}, world.by_quarter(quarter))
        expected = together.filter(pl.col("quarter") == quarter)
        assert_frame_equal(alone.sort(KEY), expected.sort(KEY), check_exact=True)
