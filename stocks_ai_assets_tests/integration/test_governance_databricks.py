"""Plan, apply, apply again, drift and prune on a workspace that enforces what was granted."""

import shutil
from dataclasses import replace

import pytest

from stocks_ai_assets.errors import (
    GovernanceError,
    WorkspaceDeniedError,
)
from stocks_ai_assets.governance.applying import apply_plan
from stocks_ai_assets.governance.desired import desired_state
from stocks_ai_assets.governance.planning import make_plan
from stocks_ai_assets.governance.policy import DeskPolicy, MaskPolicy
from stocks_ai_assets.governance.reading import actual_state
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.integration.governing import brief, governed

pytestmark = pytest.mark.cluster

# ruff: noqa: S608  # statements of names in this file

VIEW = "stocks_ai.audit.synthesized_predictions"
SYNTHESIS = "stocks_ai.meta.synthesized_predictions"
PREDICTIONS = "stocks_ai.agents.predictions"
AUDITORS, ANALYSTS, ENGINEERS = "regulatory_auditors", "stocks_ai_analysts", "stocks_ai_engineers"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A catalog to which the packaged policy was applied once."""
    with governed(tmp_path_factory.mktemp("governed")) as found:
        assert found.apply().failed is None
        yield found


@pytest.fixture
def empty(tmp_path):
    """A server without our catalog."""
    with governed(tmp_path) as found:
        yield found


def titles(actions):
    return [each.title for each in actions]


def test_a_second_plan_finds_nothing_to_do(catalog):
    assert not catalog.plan().everything


def test_every_table_of_the_contracts_is_registered_where_it_lies(catalog):
    listed = catalog.running.client().tables.list("stocks_ai", "agents")
    found = {each.full_name: each for each in listed}
    assert found[PREDICTIONS].storage_location == f"{catalog.location}/agents/predictions"
    assert found[PREDICTIONS].comment == TABLES["agents.predictions"].description
    assert found[PREDICTIONS].columns[7].comment == "Agent's own part."
    assert found[PREDICTIONS].properties["stocks_ai.slice"] == "agent"


def test_auditors_read_symbol_and_predicted_return_of_the_view(catalog):
    assert catalog.rows(AUDITORS, f"SELECT * FROM {VIEW} ORDER BY symbol") == [
        {"symbol": "AAA", "predicted_return": "0.25"},
        {"symbol": "BBB", "predicted_return": "0.25"},
    ]


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT symbol FROM {SYNTHESIS}",
        f"SELECT symbol FROM {PREDICTIONS}",
        "SELECT symbol FROM stocks_ai.meta.recent_predictions",
        f"SELECT confidence_score FROM {VIEW}",
        "SELECT * FROM stocks_ai.evaluation.trials",
        f"GRANT SELECT ON TABLE {SYNTHESIS} TO `{AUDITORS}`",
        f"ALTER VIEW {VIEW} AS SELECT * FROM {SYNTHESIS}",
    ],
)
def test_auditors_get_nothing_else(catalog, statement):
    with pytest.raises((WorkspaceDeniedError, GovernanceError)):
        catalog.rows(AUDITORS, statement)
    assert not catalog.plan().everything


def test_analysts_read_what_was_granted_and_engineers_all(catalog):
    count = "SELECT count(*) AS n FROM"
    assert catalog.rows(ANALYSTS, f"{count} {SYNTHESIS}") == [{"n": "2"}]
    assert catalog.rows(ENGINEERS, f"{count} {PREDICTIONS}") == [{"n": "2"}]
    with pytest.raises(WorkspaceDeniedError):
        catalog.rows(ANALYSTS, "SELECT * FROM stocks_ai.agents.models")


def test_drift_is_shown_left_alone_and_taken_back_only_by_prune(empty):
    empty.apply(brief())
    admin, client = empty.server(), empty.running.client()
    admin.query(f"GRANT SELECT ON TABLE {SYNTHESIS} TO `{AUDITORS}`")
    admin.query(f"COMMENT ON TABLE {PREDICTIONS} IS 'Something else.'")
    admin.query(f"ALTER TABLE {PREDICTIONS} ALTER COLUMN score SET TAGS ('x' = 'y')")
    admin.query("CREATE VIEW stocks_ai.audit.leak AS SELECT 1 AS one")
    admin.query("CREATE TABLE stocks_ai.meta.scratch (a INT)")
    found = empty.plan(brief())
    assert titles(found.actions) == [
        f"comment table {PREDICTIONS}",
    ]
    assert titles(found.drift) == [
        f"revoke table {SYNTHESIS} SELECT from {AUDITORS}",
        f"untag table {PREDICTIONS} score",
        "drop view stocks_ai.audit.leak",
        "keep table stocks_ai.meta.scratch",
    ]
    assert empty.apply(brief()).failed is None
    assert titles(empty.plan(brief()).drift) == titles(found.drift)
    assert empty.apply(brief(), prune=True).failed is None
    left = empty.plan(brief(), prune=True)
    assert not left.actions
    assert titles(left.drift) == ["keep table stocks_ai.meta.scratch"]
    assert client.tables.get("stocks_ai.meta.scratch").name == "scratch"
    client.tables.delete("stocks_ai.meta.scratch")


def test_an_apply_that_fails_in_the_middle_says_how_far_it_came_and_goes_on_when_run_again(empty):
    planned = empty.plan(brief())
    server = empty.server()
    calls = []

    def tell(action):
        calls.append(action)
        if len(calls) == 30:
            empty.running.workspace.misbehaviour.change(server_errors=20)

    first = apply_plan(planned, server, told=tell)
    empty.running.workspace.misbehaviour.reset()
    assert first.failed is planned.actions[30]
    assert len(first.done) == 30
    assert len(first.left) == len(planned.actions) - 31
    assert "30 changes done" in first.summary
    assert first.failed.title in first.summary
    second = empty.apply(brief())
    assert second.failed is None
    assert set(titles(second.done)) >= set(titles(first.left))
    assert not empty.plan(brief()).everything


def test_an_interrupted_apply_can_be_run_again(empty):
    def interrupt(action):
        if action.verb == "tag":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_plan(empty.plan(brief()), empty.server(), told=interrupt)
    assert empty.apply(brief()).failed is None
    assert not empty.plan(brief()).everything


def test_one_500_and_one_429_are_waited_out(empty):
    faults = empty.running.workspace.misbehaviour
    planned, server = empty.plan(brief()), empty.server()
    done = []

    def tell(action):
        done.append(action)
        if len(done) in (3, 60):
            faults.change(server_errors=1)
        if len(done) == 20:
            faults.change(too_many_requests=1)

    assert apply_plan(planned, server, told=tell).failed is None
    assert not empty.plan(brief()).everything


def test_a_mask_hides_a_column_except_from_those_who_may_see_it_and_unmasking_needs_prune(empty):
    mask = MaskPolicy(enabled=True, columns=("agents.predictions.symbol",), visible_to=(ENGINEERS,))
    masked = brief(masks={"tickers": mask})
    assert empty.apply(masked).failed is None
    assert not empty.plan(masked).everything
    symbols = f"SELECT symbol FROM {PREDICTIONS} ORDER BY symbol"
    assert [each["symbol"] for each in empty.rows(ANALYSTS, symbols)] == [None, None]
    assert [each["symbol"] for each in empty.rows(ENGINEERS, symbols)] == ["AAA", "BBB"]
    drift = titles(empty.plan(brief()).drift)
    assert drift == [
        f"unmask table {PREDICTIONS} symbol",
        "drop function stocks_ai.governance.mask_tickers",
    ]
    assert empty.apply(brief(), prune=True).failed is None
    assert [each["symbol"] for each in empty.rows(ANALYSTS, symbols)] == ["AAA", "BBB"]


def test_the_row_filter_shows_each_desk_its_agents(empty):
    desks = DeskPolicy(
        enabled=True,
        table="agents.predictions",
        column="agent",
        unrestricted=(ENGINEERS,),
        desks={ANALYSTS: ("macro",)},
    )
    policy = brief(desks=desks)
    assert empty.apply(policy).failed is None
    assert not empty.plan(policy).everything
    agents = f"SELECT agent FROM {PREDICTIONS} ORDER BY agent"
    assert [each["agent"] for each in empty.rows(ANALYSTS, agents)] == ["macro"]
    assert [each["agent"] for each in empty.rows(ENGINEERS, agents)] == ["macro", "risk"]
    wider = desks.model_copy(update={"desks": {ANALYSTS: ("macro", "risk")}})
    (change,) = empty.plan(policy.model_copy(update={"desks": wider})).actions
    assert change.verb == "alter"
    assert empty.apply(policy.model_copy(update={"desks": wider})).failed is None
    assert len(empty.rows(ANALYSTS, agents)) == 2


def test_a_column_that_the_contract_gained_is_added_to_the_registered_table(empty):
    server = empty.server()
    desired = desired_state(brief(), empty.location)
    key = ("table", PREDICTIONS)
    kept = tuple(each for each in desired[key].columns if each.name != "model_version")
    older = {**desired, key: replace(desired[key], columns=kept)}
    found = actual_state(server, "stocks_ai", older)
    before = make_plan("stocks_ai", older, found, dialect="databricks")
    assert apply_plan(before, server).failed is None
    assert titles(empty.plan(brief()).actions) == [f"add column table {PREDICTIONS} model_version"]
    assert empty.apply(brief()).failed is None
    assert not empty.plan(brief()).everything


def test_a_view_with_another_query_is_altered_and_its_readers_stay(empty):
    views = brief().views
    name = "audit.synthesized_predictions"
    wider = views[name].model_copy(update={"columns": ("symbol", "predicted_return", "score")})
    assert empty.apply(brief(views={**views, name: wider})).failed is None
    assert len(empty.rows(AUDITORS, f"SELECT * FROM {VIEW}")[0]) == 3
    assert empty.apply(brief()).failed is None
    assert not empty.plan(brief()).everything
    assert sorted(empty.rows(AUDITORS, f"SELECT * FROM {VIEW}")[0]) == [
        "predicted_return",
        "symbol",
    ]


def test_views_over_a_lake_that_is_still_empty_stop_the_apply_with_the_table_named(empty):
    shutil.rmtree(empty.lake / "meta")
    applied = empty.apply(brief())
    assert applied.failed.kind == "view"
    assert "meta.synthesized_predictions" in applied.error
    assert not [each for each in applied.done if each.verb == "grant"]


def test_grants_on_what_the_policy_does_not_list_are_drift_and_taken_back_by_prune(empty):
    assert empty.apply(brief()).failed is None
    admin = empty.server()
    admin.query("CREATE TABLE stocks_ai.default.copy (a INT)")
    admin.query("CREATE SCHEMA stocks_ai.scratch")
    admin.query(f"GRANT SELECT ON TABLE stocks_ai.default.copy TO `{AUDITORS}`")
    admin.query("GRANT USE SCHEMA, SELECT ON SCHEMA stocks_ai.scratch TO `account users`")
    drift = [
        f"revoke table stocks_ai.default.copy SELECT from {AUDITORS}",
        "revoke schema stocks_ai.scratch SELECT, USE SCHEMA from account users",
    ]
    kept = ["keep schema stocks_ai.default", "keep schema stocks_ai.scratch"]
    assert titles(empty.plan(brief()).drift) == [*drift, *kept]
    assert empty.apply(brief(), prune=True).failed is None
    assert titles(empty.plan(brief()).everything) == kept


def test_grants_to_everybody_are_drift(empty):
    empty.apply(brief())
    empty.server().query(f"GRANT SELECT ON TABLE {SYNTHESIS} TO `account users`")
    assert titles(empty.plan(brief()).drift) == [
        f"revoke table {SYNTHESIS} SELECT from account users"
    ]
