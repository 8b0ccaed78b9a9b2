"""An explanation leads back to facts that were public, and what it adds up adds up."""

from datetime import date

import pytest

from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.errors import TableMissingError, UnknownSymbolError
from stocks_ai_assets.explanation import FACTS, explain

SYMBOL, SESSION = "SIM001", date(2021, 4, 5)


@pytest.fixture(scope="module")
def opened(deployed):
    return open_deployment(deployed)


@pytest.fixture(scope="module")
def found(opened):
    return explain(opened, SYMBOL, SESSION)


def test_every_fact_says_when_it_became_known_and_none_was_too_late(found):
    assert set(found.facts) == set(FACTS)
    for table, rows in found.facts.items():
        for row in rows:
            assert row["known_on"] <= SESSION, table
            assert row["available_at"] <= found.cutoff == nyse().cutoff(SESSION), table


def test_a_fact_is_the_newest_that_was_known(opened, found):
    (price,) = found.facts["market.prices"]
    assert (price["symbol"], price["session"]) == (SYMBOL, SESSION)
    for row in found.facts["market.company_facts"]:
        known = opened.lake.read("market.company_facts", None, SESSION).filter(
            symbol=SYMBOL, item=row["item"]
        )
        newest = known.sort("period_end", "known_on").tail(1).row(0, named=True)
        assert (row["period_end"], row["value"]) == (newest["period_end"], newest["value"])


def test_the_contributions_shown_add_up_to_the_predictions_shown(found):
    parts = [part["value"] or 0.0 for part in found.synthesis["agent_contributions"]]
    assert sum(parts) == pytest.approx(found.synthesis["predicted_return"], abs=1e-12)
    assert len(found.agents) > 4
    for row in found.agents:
        parts = [factor["contribution"] for factor in row["key_factors"]]
        assert sum(parts) == pytest.approx(row["predicted_return"], abs=1e-12), row["agent"]


def test_models_are_those_of_the_sessions_quarter_and_of_nothing_later(found):
    assert {row["agent"] for row in found.agents} | {"supervisor", "volatility"} <= set(
        found.models
    )
    for model in found.models.values():
        assert model["quarter"] == date(2021, 4, 1)
        assert model["fitted_through"] is None or model["fitted_through"] < date(2021, 4, 1)
    for row in found.agents:
        assert row["model_version"] == found.models[row["agent"]]["model_version"]


def test_versions_and_stamps_lead_to_what_was_read(opened, found):
    assert found.versions == {name: opened.lake.version(name) for name in found.versions}
    assert {"market.prices", "signals.risk", "agents.predictions"} <= set(found.versions)
    assert {item["key"] for item in found.synthesis["input_versions"]} >= {"agents.predictions"}
    assert found.synthesis["run_id"]


def test_an_unknown_symbol_is_answered_with_those_that_start_alike(opened):
    with pytest.raises(UnknownSymbolError, match=r"SIM999 had no price on 2021-04-05\. .*SIM001"):
        explain(opened, "SIM999", SESSION)


def test_a_session_that_is_not_materialized_is_answered_with_the_command_that_fills_it(opened):
    with pytest.raises(TableMissingError, match=r"stocks-ai backfill --from 2021-01-04 --to"):
        explain(opened, SYMBOL, nyse().offset(SESSION, 20))


def test_the_command_shows_signals_with_units_facts_with_dates_and_versions(stocks_ai, deployed):
    finished = stocks_ai("explain", SYMBOL.lower(), SESSION, home=deployed.home)
    assert finished.code == 0, finished.err
    for shown in (
        "Known until 2021-04-05 20:00 UTC",
        "= predicted_return",
        "known_on",
        "stocks_ai.signals.technical",
        "stocks_ai.market.company_facts: newest known",
        "Tables read",
        "USD",
        "fraction",
    ):
        assert shown in finished.out, shown
