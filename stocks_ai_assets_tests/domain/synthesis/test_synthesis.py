"""The synthesis: contributions add up, a quorum is needed, days alone equal days in a range."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.registry import VOTERS
from stocks_ai_assets.domain.calendar import nyse, quarter_start
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.synthesis.synthesis import synthesized_predictions
from stocks_ai_assets.tables import TABLES

SESSIONS = nyse().between(date(2020, 12, 21), date(2021, 1, 8))


@pytest.fixture(scope="session")
def synthesize(world, voted, supervisors):
    """Synthesized predictions of sessions, from frames that may be changed."""

    def make(sessions=SESSIONS, **changed):
        frames = {
            "predictions": voted,
            "supervisor_models": supervisors,
            **{name: world.frames[name] for name in ("models", "risk", "sector")},
            **changed,
        }
        quarters = [quarter_start(session) for session in sessions]
        days = {"predictions": "prediction_date", "risk": "session", "sector": "session"}
        arriving = {
            name: frame.filter(pl.col(days[name]).is_between(sessions[0], sessions[-1]))
            if name in days
            else frame.filter(pl.col("quarter").is_in(quarters))
            for name, frame in frames.items()
        }
        rows = synthesized_predictions(arriving, world.window(*sessions))
        return rows.sort("prediction_date", "symbol")

    return make


@pytest.fixture(scope="session")
def rows(synthesize):
    return synthesize()


@pytest.fixture(scope="session")
def scores(rows, voted):
    """Scores of the agents beside each synthesized prediction, null where one abstained."""
    wide = voted.pivot("agent", index=["symbol", "prediction_date"], values="score")
    keys = rows.select("symbol", "prediction_date")
    return keys.join(wide, on=["symbol", "prediction_date"], how="left", maintain_order="left")


def with_skill(supervisors, ic):
    """The supervisor's models with another shrunk ic."""
    element = pl.element()
    value = pl.when(element.struct.field("key") == "ic").then(ic)
    changed = pl.struct(
        element.struct.field("key"), value.otherwise(element.struct.field("value")).alias("value")
    )
    return supervisors.with_columns(pl.col("parameters").list.eval(changed))


def test_syntheses_keep_the_contract_of_their_table(rows):
    valid = TABLES["meta.synthesized_predictions"].contract.validate(rows)
    assert valid["prediction_date"].unique().sort().to_list() == list(SESSIONS)
    assert valid.height > 25 * len(SESSIONS)


def test_a_range_is_synthesized_exactly_as_its_days_one_by_one(synthesize, rows):
    assert rows.equals(pl.concat([synthesize((session,)) for session in SESSIONS]))


def test_the_order_of_rows_changes_nothing(synthesize, world, voted, supervisors, rows):
    frames = {
        "predictions": voted,
        "supervisor_models": supervisors,
        **{name: world.frames[name] for name in ("models", "risk", "sector")},
    }
    shuffled = {
        name: frame.sample(fraction=1.0, shuffle=True, seed=9) for name, frame in frames.items()
    }
    assert synthesize(**shuffled).equals(rows)


@pytest.mark.parametrize("ic", [0.0, 0.05])
def test_contributions_of_market_agents_and_ranking_add_up_to_the_predicted_return(
    synthesize, supervisors, ic
):
    rows = synthesize(supervisor_models=with_skill(supervisors, ic))
    values = pl.element().struct.field("value")
    parts = rows["agent_contributions"].list.eval(values.sum()).list.first()
    assert (parts - rows["predicted_return"]).abs().max() <= 1e-12
    market = rows["agent_contributions"].list.first().struct.field("value")
    gap = rows["predicted_return"] - market - rows["predicted_alpha"]
    assert gap.abs().max() <= 1e-12
    assert (rows["predicted_alpha"].abs().max() > 0) == (ic > 0)


def test_an_agent_that_abstains_contributes_null_and_not_zero(rows, scores):
    names = rows["agent_contributions"].list.eval(pl.element().struct.field("key"))
    assert names[0].to_list() == ["market", *VOTERS, "ranking"]
    for at, name in enumerate(VOTERS, start=1):
        values = rows["agent_contributions"].list.get(at).struct.field("value")
        assert values.is_null().to_list() == scores[name].is_null().to_list()
    assert scores.select(VOTERS).null_count().sum_horizontal().item() > 0


def test_an_agent_contributes_its_renormalised_weight_times_its_score(
    synthesize, supervisors, scores, rows
):
    skilled = synthesize(supervisor_models=with_skill(supervisors, 0.05))
    weights = {item["key"]: item["value"] for item in supervisors["weights"][-1]}
    present = scores.select(
        pl.when(pl.col(name).is_not_null()).then(weights[name]).alias(name) for name in VOTERS
    )
    whole = present.sum_horizontal()
    alpha, score = skilled["predicted_alpha"], skilled["score"]
    scale = alpha / score
    for at, name in enumerate(VOTERS, start=1):
        found = skilled["agent_contributions"].list.get(at).struct.field("value")
        expected = scale * scores[name] * present[name] / whole
        use = score.abs() > 1e-6
        gap = (found - expected).filter(use).drop_nulls().abs().max()
        assert gap < 1e-12


def test_scores_are_ranks_of_the_weighted_and_of_the_plain_mean(rows, voted, supervisors, world):
    weights = {item["key"]: item["value"] for item in supervisors["weights"][-1]}
    section = CrossSection(world.frames["sector"], SESSIONS)
    score = [
        section.place(voted.filter(pl.col("agent") == name), "score", "prediction_date")
        for name in VOTERS
    ]
    for column, weight in (("score", weights), ("equal_weight_score", dict.fromkeys(VOTERS, 1.0))):
        shares = [
            np.where(np.isnan(s), np.nan, weight[n]) for n, s in zip(VOTERS, score, strict=True)
        ]
        weighted = np.nansum(np.array(score) * shares, axis=0)
        mean = weighted / np.maximum(np.nansum(shares, axis=0), 1e-9)
        quorum = (~np.isnan(score)).sum(axis=0) >= 3
        expected = section.rank11(np.where(quorum, mean, np.nan))
        found = section.place(rows, column, "prediction_date")
        said = ~np.isnan(found)
        np.testing.assert_allclose(found[said], expected[said], atol=1e-9)


def test_disagreement_and_the_number_of_agents_are_those_of_the_scores_present(rows, scores):
    values = scores.select(VOTERS).to_numpy()
    np.testing.assert_allclose(rows["disagreement"], np.nanstd(values, axis=1, ddof=1))
    assert rows["n_agents"].to_list() == (~np.isnan(values)).sum(axis=1).tolist()
    assert rows["n_agents"].min() >= 3


@pytest.mark.parametrize(("silent", "speaks"), [(VOTERS[:2], True), (VOTERS[:3], False)])
def test_fewer_than_three_agents_make_no_synthesis(synthesize, voted, silent, speaks):
    mute = pl.col("agent").is_in(silent) & (pl.col("symbol") == "S07")
    rows = synthesize(predictions=voted.filter(~mute))
    found = rows.filter(pl.col("symbol") == "S07")
    assert found.is_empty() != speaks
    assert set(found["n_agents"]) <= {3}


def test_agents_with_less_than_half_of_the_weight_make_no_synthesis(synthesize, voted, supervisors):
    heavy = [{"key": n, "value": 0.6 if n == "sector" else 0.1} for n in VOTERS]
    models = supervisors.with_columns(
        weights=pl.Series([heavy] * supervisors.height, dtype=supervisors.schema["weights"])
    )
    mute = (pl.col("agent") == "sector") & (pl.col("symbol") == "S07")
    rows = synthesize(predictions=voted.filter(~mute), supervisor_models=models)
    assert "S07" not in rows["symbol"]
    assert "S08" in rows["symbol"]


def test_agents_without_a_vote_play_no_part(synthesize, voted, rows):
    more = voted.filter(pl.col("agent") == "technical").with_columns(
        pl.lit("macro").alias("agent"), -pl.col("score")
    )
    assert synthesize(predictions=pl.concat([voted, more])).equals(rows)


def test_every_synthesis_names_itself_its_target_and_its_model(rows, supervisors):
    row = rows.row(0, named=True)
    assert row["prediction_id"] == f"supervisor:{row['symbol']}:2020-12-21:5"
    assert row["target_date"] == nyse().offset(date(2020, 12, 21), 6)
    versions = dict(supervisors.select("quarter", "model_version").iter_rows())
    for day, version in rows.select("prediction_date", "model_version").unique().iter_rows():
        assert version == versions[quarter_start(day)]


def test_without_a_supervisor_there_is_no_synthesis(synthesize, supervisors):
    nothing = synthesize(supervisor_models=supervisors.clear())
    assert nothing.is_empty()
    assert nothing.schema == TABLES["meta.synthesized_predictions"].schema
    older = synthesize(supervisor_models=supervisors.filter(pl.col("quarter") < date(2021, 1, 1)))
    assert older["prediction_date"].max() == date(2020, 12, 31)


def test_without_predictions_there_is_no_synthesis(synthesize, voted):
    assert synthesize(predictions=voted.clear()).is_empty()


def test_the_texts_say_when_no_skill_has_been_shown(synthesize, supervisors):
    rows = synthesize(supervisor_models=with_skill(supervisors, 0.0))
    assert rows["investment_hypothesis"].str.contains("have shown no skill").all()
    assert not rows["investment_hypothesis"].str.contains("beats|trails").any()
