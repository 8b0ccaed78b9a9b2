"""The registry: who predicts, in which order."""

import pytest

from stocks_ai_assets.domain.agents import transforms
from stocks_ai_assets.domain.agents.registry import AGENTS, VOTERS, agent
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.errors import UnknownNameError
from stocks_ai_assets.tables import TABLES

NAMES = ["fundamentals", "valuation", "technical", "macro", "events", "sector", "risk", "esg"]


def test_there_are_eight_agents_in_the_order_of_reports():
    assert [each.name for each in AGENTS] == NAMES


def test_bets_on_beta_and_agents_without_labels_do_not_vote():
    assert VOTERS == ("fundamentals", "valuation", "technical", "events", "sector")


def test_only_the_macro_agent_is_measured_on_raw_returns():
    assert [each.name for each in AGENTS if each.label == "raw"] == ["macro"]


def test_an_unknown_agent_is_answered_with_the_names_there_are():
    with pytest.raises(UnknownNameError, match="fundamentals, valuation"):
        agent("astrology")


def test_every_agent_writes_its_own_slice_of_predictions(parameters: Parameters):
    declared = transforms(parameters)
    assert [each.slice for each in declared] == NAMES
    assert {each.table for each in declared} == {"agents.predictions"}


def test_inputs_name_columns_that_their_tables_have(parameters: Parameters):
    for transform in transforms(parameters):
        for wanted in transform.inputs.values():
            assert set(wanted.columns or ()) <= set(TABLES[wanted.table].columns)


def test_no_transform_reads_a_table_twice(parameters: Parameters):
    for transform in transforms(parameters):
        tables = [wanted.table for wanted in transform.inputs.values()]
        assert len(tables) == len(set(tables))
