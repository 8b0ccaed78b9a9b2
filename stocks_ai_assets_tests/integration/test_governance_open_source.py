"""The same policy on a server of open-source Unity Catalog: what it has, and what it lacks."""

import pytest

from stocks_ai_assets.errors import GovernanceError
from stocks_ai_assets.governance.applying import apply_plan
from stocks_ai_assets.governance.lineage import require_lineage
from stocks_ai_assets_tests.integration.governing import governed, users_only

pytestmark = pytest.mark.cluster

PREDICTIONS = "stocks_ai.agents.predictions"
ANALYST = "stocks_ai_analysts"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A catalog to which the policy was applied once, members instead of groups."""
    with governed(tmp_path_factory.mktemp("open"), dialect="oss") as found:
        applied = found.apply(users_only())
        assert applied.failed is None, applied.summary
        yield found


def test_the_server_is_recognized(catalog):
    assert catalog.server().dialect == "oss"


def test_the_dialect_that_is_set_is_taken_though_the_server_says_otherwise(
    catalog, stocks_ai, environment
):
    environment.setenv("DATABRICKS_HOST", catalog.running.url)
    environment.setenv("DATABRICKS_TOKEN", catalog.running.token)
    found = stocks_ai("governance", "plan", lake_root=catalog.lake)
    assert found.code == 0, found.err
    assert "Catalog stocks_ai on open-source Unity Catalog" in found.out
    planned = stocks_ai("governance", "plan", "--server", "databricks", lake_root=catalog.lake)
    assert planned.code == 1
    assert "does not know group stocks_ai_engineers" in planned.err, "Databricks has groups"


def test_a_second_plan_does_nothing_and_still_names_what_the_server_lacks(catalog):
    found = catalog.plan(users_only())
    assert not found.actions
    assert not found.drift
    lacking = {(each.verb, each.kind) for each in found.cannot}
    assert {("create", "view"), ("create", "share"), ("tag", "table")} <= lacking


def test_tables_are_registered_with_whole_columns(catalog):
    found = catalog.server().get(f"/api/2.1/unity-catalog/tables/{PREDICTIONS}")
    assert found["storage_location"] == f"{catalog.location}/agents/predictions"
    assert found["comment"]
    assert [each["position"] for each in found["columns"]] == list(range(len(found["columns"])))
    assert all(each["type_json"] for each in found["columns"])


def test_grants_are_kept_in_the_servers_spelling_and_enforced(catalog):
    member = catalog.server(catalog.tokens[ANALYST])
    assert member.get(f"/api/2.1/unity-catalog/tables/{PREDICTIONS}")["name"] == "predictions"
    from databricks.sdk.errors import PermissionDenied

    with pytest.raises(PermissionDenied):
        member.get("/api/2.1/unity-catalog/tables/stocks_ai.agents.models")


def test_prune_drops_an_unknown_external_table_though_the_server_answers_in_text(catalog):
    server = catalog.server()
    body = {
        "catalog_name": "stocks_ai",
        "schema_name": "meta",
        "name": "scratch",
        "table_type": "EXTERNAL",
        "data_source_format": "DELTA",
        "storage_location": f"{catalog.location}/scratch",
        "columns": [],
    }
    catalog.running.client().api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)
    planned = catalog.plan(users_only(), prune=True)
    assert [each.title for each in planned.actions] == ["drop table stocks_ai.meta.scratch"]
    assert apply_plan(planned, server).failed is None
    assert not catalog.plan(users_only(), prune=True).actions


def test_an_unknown_user_is_found_before_anything_is_changed(tmp_path):
    with governed(tmp_path, dialect="oss") as found:
        policy = users_only()
        people = policy.principals.model_copy(update={"users": ("nobody@example.com",)})
        with pytest.raises(GovernanceError, match=r"user nobody@example\.com"):
            found.plan(policy.model_copy(update={"principals": people}))
        assert found.server().get("/api/2.1/unity-catalog/catalogs/stocks_ai") is None


def test_a_server_that_keeps_no_grants_is_found_out(tmp_path):
    with governed(tmp_path, dialect="oss", authorization=False) as found:
        applied = found.apply(users_only())
        assert applied.failed.verb == "grant"
        assert "authorization is off" in applied.error


def test_lineage_is_refused_in_words(catalog):
    with pytest.raises(GovernanceError, match="keeps no lineage"):
        require_lineage(catalog.server())
