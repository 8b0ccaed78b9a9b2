"""The supervisor's model: weights by shrunk skill, its own calibration, from the past alone."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.registry import VOTERS
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.synthesis.supervisor import market_mean, supervisor_models
from stocks_ai_assets.domain.transform import first_session_of
from stocks_ai_assets.tables import TABLES

QUARTER = date(2020, 10, 1)


def known_before(frames, start):
    """Frames as they were before the session `start`, models of its quarter included."""
    days = {
        "outcomes": "matured_on",
        "predictions": "prediction_date",
        "risk": "session",
        "sector": "session",
    }
    return {
        name: frame.filter(pl.col("quarter") <= start)
        if name == "models"
        else frame.filter(pl.col(days[name]) < start)
        for name, frame in frames.items()
    }


def numbers(rows, column, quarter=QUARTER):
    items = rows.filter(pl.col("quarter") == quarter)[column].item()
    return {item["key"]: item["value"] for item in items.to_list()}


def test_models_keep_the_contract_of_their_table(supervisors, world):
    rows = TABLES["meta.supervisor_models"].contract.validate(supervisors)
    assert rows["quarter"].to_list() == list(world.quarters)


def test_weights_follow_the_shrunk_skill_of_the_quarters_models(supervisors):
    # The made-up skills of the voting agents, by their place in the registry.
    skills = dict(zip(VOTERS, (0.01, 0.02, 0.03, 0.05, 0.06), strict=True))
    expected = {name: 0.05 + 0.75 * ic / sum(skills.values()) for name, ic in skills.items()}
    assert numbers(supervisors, "weights") == pytest.approx(expected)
    assert sum(numbers(supervisors, "weights").values()) == pytest.approx(1.0)


def test_without_skill_or_models_all_weigh_the_same(world, supervised):
    lone = supervised["models"].filter(pl.col("model") == "volatility")
    rows = supervisor_models({**supervised, "models": lone}, world.window(QUARTER))
    assert numbers(rows, "weights") == pytest.approx(dict.fromkeys(VOTERS, 0.2))
    assert numbers(rows, "parameters")["market_mean"] is None


def test_shadow_weights_stand_beside_and_sum_to_one(supervisors, world):
    for quarter in world.quarters:
        shadow = numbers(supervisors, "shadow_weights", quarter)
        assert set(shadow) == set(VOTERS)
        assert sum(shadow.values()) == pytest.approx(1.0)
    first = numbers(supervisors, "shadow_weights", world.quarters[0])
    assert first == pytest.approx(dict.fromkeys(VOTERS, 0.2))


def test_a_range_of_quarters_is_fitted_exactly_as_its_quarters_one_by_one(
    world, supervised, supervisors
):
    for quarter in world.quarters:
        start = first_session_of(quarter, world.window(quarter))
        alone = supervisor_models(known_before(supervised, start), world.window(quarter))
        assert alone.equals(supervisors.filter(pl.col("quarter") == quarter))


def test_absurd_values_in_its_own_quarter_change_nothing_of_a_model(world, supervised, supervisors):
    start = first_session_of(QUARTER, world.window(QUARTER))

    def fitted(first):
        return supervisor_models(
            {
                **supervised,
                "outcomes": supervised["outcomes"].with_columns(
                    total_return=pl.when(pl.col("matured_on") >= first)
                    .then(pl.col("symbol").str.slice(1).cast(pl.Float64) * 1e6)
                    .otherwise("total_return")
                ),
                "predictions": supervised["predictions"].with_columns(
                    score=pl.when(pl.col("prediction_date") >= first)
                    .then(pl.lit(1.0))
                    .otherwise("score")
                ),
            },
            world.window(QUARTER),
        )

    clean = supervisors.filter(pl.col("quarter") == QUARTER)
    assert fitted(start).equals(clean)
    assert not fitted(nyse().offset(start, -1)).equals(clean)


def test_the_order_of_rows_changes_no_bit(world, supervised, supervisors):
    shuffled = {
        name: frame.sample(fraction=1.0, shuffle=True, seed=4) for name, frame in supervised.items()
    }
    assert supervisor_models(shuffled, world.window(*world.quarters)).equals(supervisors)


def test_its_calibration_counts_what_matured_before_the_quarter(supervisors, world):
    row = supervisors.filter(pl.col("quarter") == QUARTER).row(0, named=True)
    assert row["fitted_through"] == date(2020, 9, 30)
    sessions = nyse().between(world.sessions[0], date(2020, 9, 30))
    assert row["n_sessions"] == len(sessions) - 6
    first = supervisors.row(0, named=True)
    assert (first["fitted_through"], first["n_sessions"]) == (None, 0)
    assert numbers(supervisors, "parameters", world.quarters[0])["ic"] == 0.0


def test_the_markets_mean_is_that_of_any_agents_model():
    fitted = {"a": {}, "b": {QUARTER: {"ic": 0.0}}, "c": {QUARTER: {"market_mean": 0.01}}}
    assert market_mean(fitted, QUARTER) == 0.01
    assert np.isnan(market_mean({"a": {}}, QUARTER))
