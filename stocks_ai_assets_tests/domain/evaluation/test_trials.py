"""The ledger of trials: one row for every configuration, once."""

import json
from dataclasses import replace
from datetime import date

import pytest
from polars.testing import assert_frame_equal

from stocks_ai_assets.domain.evaluation.trials import merge_trials, trial_rows
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.tables import TABLES

PARAMETERS = Parameters(first_session=date(2021, 1, 4))
SETTINGS = {"source": "sample", "universe": ("A", "B"), "code_version": "1"}
AGENTS = tuple("abcdefgh")


def rows(parameters=PARAMETERS, agents=AGENTS, **changes):
    return trial_rows(parameters, agents=agents, **(SETTINGS | changes))


def test_each_agent_and_each_strategy_is_one_trial():
    table = rows()
    TABLES["evaluation.trials"].contract.validate(table)
    assert table.height == 8 + 3
    assert set(table["strategy"]) == {*AGENTS, "long_only", "long_short", "equal_agents"}


def test_the_same_settings_are_the_same_trials_whatever_the_order_of_symbols():
    assert_frame_equal(rows(), rows(universe=("B", "A", "B")))


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": replace(PARAMETERS, horizon=5)},
        {"parameters": replace(PARAMETERS, cost_bp=0.0)},
        {"parameters": replace(PARAMETERS, borrow_bp=0.0)},
        {"parameters": replace(PARAMETERS, first_session=date(2021, 1, 5))},
        {"source": "folder"},
        {"universe": ("A",)},
        {"code_version": "2"},
        {"agents": AGENTS[:-1]},
    ],
)
def test_any_other_setting_is_another_trial(changed):
    assert not set(rows(**changed)["trial_id"]) & set(rows()["trial_id"])


def test_the_ledger_only_grows_and_repeating_adds_nothing():
    ledger = merge_trials(rows(), rows(source="folder"))
    assert ledger.height == 22
    assert_frame_equal(merge_trials(ledger, rows()), ledger)


def test_the_configuration_can_be_read_back():
    configuration = json.loads(rows().filter(strategy="long_only").item(0, "configuration"))
    assert configuration["strategy"] == "long_only"
    assert configuration["horizon"] == 21
