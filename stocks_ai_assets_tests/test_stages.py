"""The graph is cut into stages that Dagster can run, in an order in which inputs come first."""

from datetime import date

import pytest

from stocks_ai_assets.assets.nodes import nodes
from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.domain.graph import transforms
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.engines.inputs import with_slices
from stocks_ai_assets.jobs import stages


@pytest.fixture(scope="module")
def graph():
    return nodes(with_slices(transforms(Parameters(first_session=date(2021, 1, 4)))))


def test_every_asset_is_in_exactly_one_stage(graph):
    staged = [name for stage in stages(graph) for name in stage.names]
    assert sorted(staged) == sorted(graph)


def test_no_stage_mixes_sessions_and_quarters(graph):
    for stage in stages(graph):
        kinds = {graph[name].table.partitioned_by for name in stage.names} - {"none"}
        assert kinds == {stage.kind}, stage.name


def test_inputs_are_computed_in_an_earlier_stage_or_earlier_in_the_same_one(graph):
    order = {
        name: (i, j) for i, stage in enumerate(stages(graph)) for j, name in enumerate(stage.names)
    }
    for name, node in graph.items():
        for upstream in node.upstream:
            assert order[upstream] < order[name], f"{upstream} after {name}"


def test_a_stage_keeps_its_name_whatever_is_selected_of_it(graph):
    whole = {name: stage.name for stage in stages(graph) for name in stage.names}
    chosen = {"signals/risk", "agents/models/risk", "meta/synthesized_predictions"}
    for stage in stages(graph, chosen):
        assert {whole[name] for name in stage.names} == {stage.name}
        assert set(stage.names) <= chosen


def test_all_eight_agents_predict_and_have_a_model(graph):
    agents = [agent.name for agent in AGENTS]
    assert len(agents) == 8
    for agent in agents:
        assert f"agents/predictions/{agent}" in graph
        assert f"agents/models/{agent}" in graph
