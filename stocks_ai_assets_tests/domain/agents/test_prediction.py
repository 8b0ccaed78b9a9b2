"""Predictions: rows within contract, reasons that add up, the same alone and within a range."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.prediction import CALIBRATION, predictions, transform
from stocks_ai_assets.domain.agents.registry import AGENTS, agent
from stocks_ai_assets.domain.calendar import nyse, quarter_start
from stocks_ai_assets.tables import TABLES

CONTRACT = TABLES["agents.predictions"].contract
FIRST, LAST = date(2020, 12, 21), date(2021, 1, 8)
NAMES = [each.name for each in AGENTS]
SESSIONS = nyse().between(FIRST, LAST)


@pytest.fixture(scope="session")
def predicted(world, agent_models):
    """Predictions of an agent for sessions of two quarters, from frames that may be changed."""

    def predict(name, sessions=SESSIONS, **changed):
        frames = {**world.frames, "models": agent_models, **changed}
        quarters = [quarter_start(session) for session in sessions]
        arriving = {
            key: frame.filter(pl.col("quarter").is_in(quarters))
            if key == "models"
            else frame.filter(pl.col("session").is_between(sessions[0], sessions[-1]))
            for key, frame in frames.items()
            if key in transform(agent(name)).inputs
        }
        rows = predictions(arriving, world.window(*sessions), agent=agent(name))
        return rows.sort("prediction_date", "symbol")

    return predict


@pytest.mark.parametrize("name", NAMES)
def test_predictions_keep_the_contract_of_their_table(predicted, name):
    rows = CONTRACT.validate(predicted(name))
    assert rows["prediction_date"].unique().sort().to_list() == list(SESSIONS)
    assert rows.height > 20 * len(SESSIONS)


@pytest.mark.parametrize("name", NAMES)
def test_a_range_is_predicted_exactly_as_its_days_one_by_one(predicted, name):
    days = pl.concat([predicted(name, (session,)) for session in SESSIONS])
    assert predicted(name).equals(days)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_rows_changes_nothing(predicted, world, agent_models, name):
    frames = {**world.frames, "models": agent_models}
    shuffled = {
        key: frame.sample(fraction=1.0, shuffle=True, seed=3) for key, frame in frames.items()
    }
    assert predicted(name, **shuffled).equals(predicted(name))


@pytest.mark.parametrize("name", NAMES)
def test_what_happens_in_other_sessions_changes_nothing(predicted, world, name):
    table = agent(name).table
    absurd = {}
    for key in {"risk", *([table.rsplit(".")[-1]] if table else [])}:
        frame = world.frames[key]
        numbers = [c for c, kind in frame.schema.items() if kind == pl.Float64]
        other = pl.col("session") != SESSIONS[5]
        absurd[key] = frame.with_columns(
            pl.when(other).then(pl.lit(99.0)).otherwise(pl.col(c)).alias(c) for c in numbers
        )
    at = pl.col("prediction_date") == SESSIONS[5]
    assert predicted(name, **absurd).filter(at).equals(predicted(name).filter(at))


@pytest.mark.parametrize("name", NAMES)
def test_contributions_of_the_factors_add_up_to_the_predicted_return(predicted, name):
    rows = predicted(name)
    sums = rows["key_factors"].list.eval(pl.element().struct.field("contribution").sum())
    gap = (sums.list.first() - rows["predicted_return"]).abs()
    assert gap.max() <= 1e-12
    first = rows["key_factors"].list.first().struct.field("contribution")
    others = rows["predicted_return"] - first - rows["predicted_alpha"]
    assert others.abs().max() <= 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_factors_are_the_market_the_agents_signals_and_what_ranking_changed(predicted, name):
    factors = predicted(name)["key_factors"].list.eval(pl.element().struct.field("factor"))
    first = factors[0].to_list()
    assert first[0] == "market"
    assert (first[-1] == "ranking") == (len(first) > 2)
    assert factors.n_unique() == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_prediction_names_itself_its_target_and_its_model(predicted, world, name):
    row = predicted(name).row(0, named=True)
    assert row["prediction_id"] == f"{name}:{row['symbol']}:2020-12-21:5"
    assert row["target_date"] == nyse().offset(FIRST, 6)
    versions = predicted(name).select("prediction_date", "model_version").unique()
    for day, version in versions.iter_rows():
        assert version == f"{name}{quarter_start(day)}"


@pytest.mark.parametrize("name", NAMES)
def test_a_number_that_cannot_be_known_is_an_absent_row(predicted, world, name):
    without = {"beta_raw": "S03", "log_parkinson_5": "S04", "residual_volatility": "S05"}
    risk = world.frames["risk"].with_columns(
        pl.when(pl.col("symbol") == symbol).then(None).otherwise(pl.col(column)).alias(column)
        for column, symbol in without.items()
    )
    rows = predicted(name, risk=risk)
    assert not set(without.values()) & set(rows["symbol"])
    assert rows.null_count().sum_horizontal().item() == 0


def test_esg_is_silent_while_nobody_is_rated_and_never_claims_a_return(predicted):
    early = nyse().between(date(2020, 3, 2), date(2020, 3, 6))
    silent = predicted("esg", early)
    assert silent.is_empty()
    assert silent.schema == TABLES["agents.predictions"].schema
    assert predicted("esg")["predicted_alpha"].abs().max() == 0.0
    assert predicted("esg")["score"].abs().max() == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_without_a_model_for_the_quarter_there_are_no_predictions(predicted, agent_models, name):
    older = agent_models.filter(pl.col("quarter") < date(2021, 1, 1))
    rows = predicted(name, models=older)
    assert rows["prediction_date"].max() == date(2020, 12, 31)
    nothing = predicted(name, models=agent_models.clear())
    assert nothing.is_empty()
    assert nothing.schema == TABLES["agents.predictions"].schema
    lone = agent_models.filter(pl.col("model") != "volatility")
    assert predicted(name, models=lone).is_empty()


@pytest.mark.parametrize("unknown", CALIBRATION)
def test_a_parameter_that_was_not_fitted_is_an_absent_row(predicted, agent_models, unknown):
    element = pl.element()
    value = pl.when(element.struct.field("key") != unknown).then(element.struct.field("value"))
    lacking = pl.struct(element.struct.field("key"), value.alias("value"))
    late = pl.col("quarter") == date(2021, 1, 1)
    parameters = pl.col("parameters")
    models = agent_models.with_columns(
        pl.when(late).then(parameters.list.eval(lacking)).otherwise(parameters)
    )
    assert predicted("risk", models=models)["prediction_date"].max() == date(2020, 12, 31)


@pytest.mark.parametrize("name", NAMES)
def test_other_agents_models_play_no_part(predicted, agent_models, name):
    relevant = agent_models.filter(pl.col("model").is_in(["volatility", name]))
    assert predicted(name, models=relevant).equals(predicted(name))


def test_share_classes_have_one_score_and_their_own_volatility(predicted):
    pair = predicted("technical").filter(pl.col("symbol").is_in(["S39", "S40"]))
    for _, rows in pair.group_by("prediction_date"):
        if rows.height == 2:
            assert rows["score"].n_unique() == 1
            assert rows["volatility"].n_unique() == 2


def test_the_side_and_the_confidence_belong_together(predicted):
    rows = predicted("fundamentals")
    strength = 0.01 * np.sqrt(3)
    up = rows.filter(pl.col("predicted_alpha") > 0)
    down = rows.filter(pl.col("predicted_alpha") < 0)
    assert up["confidence_score"].is_between(0.49, 0.49 + strength).all()
    assert down["confidence_score"].is_between(0.51, 0.51 + strength).all()
