"""Agents' models: fitted on their past alone, one by one or as a range, rows within contract."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.macro import PREDICTORS
from stocks_ai_assets.domain.agents.prediction import CALIBRATION
from stocks_ai_assets.domain.agents.registry import AGENTS, agent
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.models import transforms
from stocks_ai_assets.domain.models.agent_models import agent_model, transform
from stocks_ai_assets.domain.models.rows import mapping, model_version
from stocks_ai_assets.domain.transform import first_session_of
from stocks_ai_assets.tables import TABLES

NAMES = [each.name for each in AGENTS]
QUARTER = date(2020, 10, 1)


@pytest.fixture(scope="module")
def fitted(world):
    """Model rows of an agent for quarters, from the world's frames that may be changed."""

    def fit(name, *quarters, frames=None):
        given = {**world.frames, **(frames or {})}
        wanted = {key: given[key] for key in transform(agent(name)).inputs}
        return agent_model(wanted, world.window(*quarters), agent=agent(name))

    return fit


def poisoned(world, start):
    """The world with absurd values in everything that became known from `start` on."""
    known = {
        "outcomes": "matured_on",
        "benchmarks": "known_on",
        "macro_observations": "known_on",
        "models": "quarter",
    }
    frames = {}
    for name, frame in world.frames.items():
        own = pl.col(known.get(name, "session")) >= start
        numbers = [c for c, kind in frame.schema.items() if kind == pl.Float64]
        frames[name] = frame.with_columns(
            pl.when(own).then(pl.lit(77.0)).otherwise(pl.col(c)).alias(c) for c in numbers
        )
    return frames


@pytest.mark.parametrize("name", NAMES)
def test_models_keep_the_contract_of_their_table(fitted, world, name):
    rows = TABLES["agents.models"].contract.validate(fitted(name, *world.quarters))
    assert rows["quarter"].to_list() == list(world.quarters)
    assert rows["model_version"].n_unique() == len(world.quarters)
    for parameters in rows["parameters"]:
        assert {*CALIBRATION, "rank_ic", "rank_ic_raw", "q90"} <= {p["key"] for p in parameters}


@pytest.mark.parametrize("name", NAMES)
def test_a_range_of_quarters_is_fitted_exactly_as_its_quarters_one_by_one(fitted, world, name):
    together = fitted(name, *world.quarters)
    for quarter in world.quarters:
        known = world.until(first_session_of(quarter, world.window(quarter)))
        alone = fitted(name, quarter, frames=known)
        assert alone.equals(together.filter(pl.col("quarter") == quarter))


@pytest.mark.parametrize("name", NAMES)
def test_absurd_values_in_its_own_quarter_change_nothing_of_a_model(fitted, world, name):
    start = first_session_of(QUARTER, world.window(QUARTER))
    clean = fitted(name, QUARTER)
    assert fitted(name, QUARTER, frames=poisoned(world, start)).equals(clean)
    # One session earlier the values are of the past, and count.
    eve = nyse().offset(start, -1)
    if name != "esg":
        assert not fitted(name, QUARTER, frames=poisoned(world, eve)).equals(clean)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_rows_changes_no_bit(fitted, world, name):
    shuffled = {
        key: frame.sample(fraction=1.0, shuffle=True, seed=5) for key, frame in world.frames.items()
    }
    clean = fitted(name, *world.quarters)
    assert fitted(name, *world.quarters, frames=shuffled).equals(clean)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_model_claims_no_skill(fitted, world, name):
    row = fitted(name, world.quarters[0]).row(0, named=True)
    parameters = {item["key"]: item["value"] for item in row["parameters"]}
    assert (row["fitted_through"], row["n_sessions"]) == (None, 0)
    assert (parameters["ic"], parameters["base_rate"]) == (0.0, 0.5)


def test_every_agent_shares_the_markets_mean(fitted):
    means = {
        item["value"]
        for name in NAMES
        for item in fitted(name, QUARTER)["parameters"][0]
        if item["key"] == "market_mean"
    }
    assert len(means) == 1


def parameters_of(rows):
    return {item["key"]: item["value"] for item in rows["parameters"].item()}


@pytest.mark.parametrize("name", NAMES)
def test_skill_is_measured_on_what_the_agent_speaks_about(fitted, world, name):
    found = parameters_of(fitted(name, world.quarters[-1]))
    assert found["rank_ic_raw"] != 0.0
    # An opinion about the market is measured on what the market did, too.
    assert (found["rank_ic"] == found["rank_ic_raw"]) == (name == "macro")


def test_esg_claims_no_return_however_well_it_foretold(fitted, world):
    keys = ["symbol", "prediction_date"]
    rating = world.frames["esg"].select("symbol", "total_risk", prediction_date="session")
    foretold = world.frames["outcomes"].join(rating, on=keys, how="left", maintain_order="left")
    outcomes = foretold.with_columns(total_return=-pl.col("total_risk") / 100.0)
    rows = fitted("esg", world.quarters[-1], frames={"outcomes": outcomes})
    found = parameters_of(rows)
    assert found["rank_ic"] > 0.2
    assert found["ic"] == 0.0


def test_only_the_macro_model_holds_regressions(fitted):
    for name in NAMES:
        keys = {item["key"] for item in fitted(name, QUARTER)["parameters"][0]}
        assert any(key.startswith("slope.") for key in keys) == (name == "macro")
    macro = {item["key"] for item in fitted("macro", QUARTER)["parameters"][0]}
    fitted_predictors = {key.split(".")[1] for key in macro if key.startswith("slope.")}
    assert fitted_predictors == set(PREDICTORS) - {"high_yield_spread"}


def test_volatility_comes_before_the_agents(parameters):
    names = [each.name for each in transforms(parameters)]
    assert names == ["agents/models/volatility", *(f"agents/models/{name}" for name in NAMES)]


def test_a_version_names_every_bit_of_a_model():
    version = model_version("risk", 21, QUARTER, ("ic", 0.1))
    assert version == model_version("risk", 21, QUARTER, ("ic", 0.1))
    assert version != model_version("risk", 21, QUARTER, ("ic", float(np.nextafter(0.1, 1))))
    assert version != model_version("risk", 5, QUARTER, ("ic", 0.1))


def test_a_parameter_that_is_not_a_number_is_stored_as_null():
    assert mapping({"a": float("nan"), "b": 0.0}) == [
        {"key": "a", "value": None},
        {"key": "b", "value": 0.0},
    ]
