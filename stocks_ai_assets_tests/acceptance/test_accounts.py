"""The books balance: contributions add up, names are unique, and no row is ahead of its clock."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.tables import TABLES

pytestmark = pytest.mark.real

EXACT = 1e-12
AGENTS = ("fundamentals", "valuation", "technical", "macro", "events", "sector", "risk", "esg")
FACTS = [name for name, table in TABLES.items() if "available_at" in table.columns]
DATED = {
    "market.prices": "session",
    "market.corporate_actions": "ex_date",
    "market.benchmarks": "session",
    "market.company_facts": "filed",
    "market.macro_observations": "observation_date",
    "market.earnings": "reaction_session",
}
"""Day before which a fact cannot be known."""


@pytest.mark.parametrize("agent", AGENTS)
def test_the_reasons_of_every_prediction_add_up_to_its_return(agent, table):
    rows = table("agents.predictions", "key_factors", "predicted_return", only=agent)
    parts = pl.col("key_factors").list.eval(pl.element().struct.field("contribution")).list.sum()
    gap = rows.select((parts - pl.col("predicted_return")).abs().max()).item()
    assert rows.height > 4_000
    assert gap <= EXACT


def test_the_shares_of_market_agents_and_ranking_add_up_to_every_synthesized_return(table):
    rows = table("meta.synthesized_predictions", "agent_contributions", "predicted_return")
    values = pl.col("agent_contributions").list.eval(pl.element().struct.field("value"))
    assert rows.height > 250_000
    assert rows.select((values.list.sum() - pl.col("predicted_return")).abs().max()).item() <= EXACT


def test_a_return_is_the_market_part_and_alpha_and_lies_inside_its_interval(table):
    for name in ("agents.predictions", "meta.synthesized_predictions"):
        columns = ("predicted_return", "return_low", "return_high", "confidence_score", "score")
        rows = table(name, *columns)
        inside = pl.col("predicted_return").is_between("return_low", "return_high", closed="none")
        middle = (pl.col("return_low") + pl.col("return_high")) / 2.0 - pl.col("predicted_return")
        assert rows.select(inside.all()).item()
        assert rows.select(middle.abs().max()).item() <= EXACT
        assert rows["confidence_score"].is_between(0.44, 0.56).all()
        assert rows["score"].is_between(-1.0, 1.0).all()


def test_every_prediction_has_a_name_of_its_own(table):
    ids = pl.concat(
        [
            table("agents.predictions", "prediction_id"),
            table("meta.synthesized_predictions", "prediction_id"),
        ]
    ).to_series()
    assert ids.len() > 1_950_000
    assert ids.n_unique() == ids.len()


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_is_stored_under_the_first_session_at_whose_close_it_was_public(name, table):
    calendar = nyse()
    rows = table(name, "available_at", "known_on")
    assert not rows.is_empty()
    # Facts from before the calendar's first session are stored there; it has none before it.
    closes = pl.DataFrame({"known_on": calendar.sessions}).with_columns(
        cutoff=pl.Series([calendar.cutoff(day) for day in calendar.sessions])
    )
    closes = closes.with_columns(before=pl.col("cutoff").shift(1))
    wrong = rows.join(closes, on="known_on", how="left").filter(
        pl.col("cutoff").is_null()
        | (pl.col("available_at") > pl.col("cutoff"))
        | (pl.col("available_at") <= pl.col("before"))
    )
    assert wrong.is_empty(), wrong.head(3).rows()


@pytest.mark.parametrize("name", DATED)
def test_no_fact_is_known_before_the_day_it_is_about(name, table):
    day = DATED[name]
    rows = table(name, day, "known_on")
    assert rows.filter(pl.col("known_on") < pl.col(day)).is_empty()
    if name == "market.company_facts":
        assert rows.filter(pl.col("known_on") == pl.col(day)).is_empty()


def test_esg_ratings_of_2024_speak_in_2024_only(table):
    rows = table("agents.predictions", "prediction_date", only="esg")
    assert rows["prediction_date"].min() == date(2024, 6, 25)


def test_nobody_predicts_what_had_no_price(table):
    priced = table("signals.technical", "symbol", "session")
    for name in ("agents.predictions", "meta.synthesized_predictions"):
        rows = table(name, "symbol", "prediction_date")
        alone = rows.join(
            priced,
            left_on=["symbol", "prediction_date"],
            right_on=["symbol", "session"],
            how="anti",
        )
        assert alone.is_empty()


def test_models_end_before_the_quarter_in_which_they_are_used(table):
    for name in ("agents.models", "meta.supervisor_models"):
        rows = table(name, "quarter", "fitted_through").drop_nulls()
        assert rows.height > 30
        assert rows.filter(pl.col("fitted_through") >= pl.col("quarter")).is_empty()
