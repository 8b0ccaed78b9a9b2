"""Calibration: Brier, base rate, calibration error and coverage against plain definitions."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from stocks_ai_assets.domain.evaluation.calibration import (
    base_rates,
    calibration,
    expected_calibration_error,
)
from stocks_ai_assets.tables import TABLES

KEY = ["quarter", "agent", "year"]


@pytest.fixture(scope="module")
def table(world):
    return calibration(world.frames, world.by_quarter())


def test_it_keeps_its_contract(table):
    TABLES["evaluation.calibration"].contract.validate(table)


def test_agents_and_supervisor_have_a_row_for_each_year_and_for_all(table, world):
    last = table.filter(quarter=world.quarters[-1])
    years = last.group_by("agent").agg(pl.col("year").sort())
    assert dict(years.iter_rows()) == {
        "risk": [0, 2018, 2019, 2020],
        "events": [0, 2018, 2019, 2020],
        "supervisor": [0, 2018, 2019, 2020],
        "esg": [0, 2019, 2020],
    }


def test_a_quarter_alone_and_shuffled_gives_the_bits_of_the_range(table, world):
    for quarter in world.quarters[1:]:
        known = {
            name: frame.sample(fraction=1.0, shuffle=True, seed=3)
            for name, frame in world.known_before(quarter).items()
        }
        alone = calibration(known, world.by_quarter(quarter))
        expected = table.filter(pl.col("quarter") == quarter)
        assert_frame_equal(alone.sort(KEY), expected.sort(KEY), check_exact=True)


def test_brier_and_coverage_follow_their_definitions(table, world):
    quarter = world.quarters[-1]
    row = table.filter(quarter=quarter, agent="events", year=0).row(0, named=True)
    matured = world.frames["outcomes"].filter(
        pl.col("matured_on") < world.calendar.next_or_same(quarter)
    )
    both = (
        matured.with_columns(
            beat=pl.col("total_return") > pl.col("total_return").median().over("prediction_date")
        )
        .join(world.frames["predictions"].filter(agent="events"), on=["symbol", "prediction_date"])
        .drop_nulls("total_return")
    )
    right = both["beat"] == (both["predicted_alpha"] >= 0)
    assert row["n"] == both.height
    brier = ((both["confidence_score"] - right.cast(float)) ** 2).mean()
    assert row["brier"] == pytest.approx(brier)
    assert row["base_rate"] == pytest.approx(both["beat"].mean())
    assert row["mean_confidence"] == pytest.approx(both["confidence_score"].mean())
    assert row["max_confidence"] == both["confidence_score"].max()
    surprise = (both["total_return"] - 0.005).abs()
    assert row["coverage_80"] == pytest.approx((surprise <= 0.055).mean())
    assert row["coverage_90"] == pytest.approx((surprise <= 0.055 * 1.6 / 1.2).mean())
    assert row["brier_skill"] == pytest.approx(1 - row["brier"] / row["brier_base"])


def test_without_a_fitted_quantile_there_is_no_coverage_of_90(world):
    frames = world.frames | {"models": world.frames["models"].filter(pl.col("model") != "events")}
    row = calibration(frames, world.by_quarter(world.quarters[-1])).filter(agent="events", year=0)
    assert row.item(0, "coverage_90") is None
    assert row.item(0, "coverage_80") > 0


def test_the_base_rate_uses_only_what_had_matured():
    rates = base_rates(np.array([2, 2, 4, 4]), np.array([2, 0, 4, 4]), horizon=1)
    np.testing.assert_array_equal(rates, [0.5, 0.5, 1.0, 0.5])
    np.testing.assert_array_equal(base_rates(np.array([2]), np.array([2]), horizon=5), [0.5])


def naive_ece(confidence, right):
    n = len(confidence)
    middle = [
        (sum(c < x for c in confidence) + sum(c <= x for c in confidence) - 1) / 2
        for x in confidence
    ]
    bins = [min(int(10 * m / n), 9) for m in middle]
    return sum(
        abs(sum(c - r for c, r, k in zip(confidence, right, bins, strict=True) if k == b)) / n
        for b in set(bins)
    )


@given(st.lists(st.tuples(st.sampled_from([0.4, 0.45, 0.5, 0.52, 0.6]), st.booleans()), min_size=1))
def test_calibration_error_follows_its_definition_with_ties(pairs):
    pairs = sorted(pairs, key=lambda pair: pair[0])
    confidence, right = np.array(pairs, dtype=float).T
    got = expected_calibration_error(confidence, right)
    assert got == pytest.approx(naive_ece(list(confidence), list(right)), abs=1e-12)


def test_a_stated_probability_that_is_right_as_often_has_no_error():
    assert expected_calibration_error(np.full(1000, 0.25), np.arange(1000) % 4 == 0) == 0.0
    assert math.isnan(expected_calibration_error(np.array([]), np.array([])))


def test_honest_probabilities_have_a_small_error_and_boastful_ones_a_large_one(rng):
    honest = np.sort(rng.uniform(0.4, 0.6, 20000))
    right = (rng.uniform(size=20000) < honest).astype(float)
    assert expected_calibration_error(honest, right) < 0.015
    assert expected_calibration_error(honest + 0.1, right) == pytest.approx(0.1, abs=0.01)
