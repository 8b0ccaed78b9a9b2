"""The commands of governance against a real server: plan, apply, apply again, SQL, lineage."""

import json
from importlib.resources import files

import pytest

from stocks_ai_assets_tests.integration.governing import governed

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    with governed(tmp_path_factory.mktemp("commands")) as found:
        yield found


@pytest.fixture
def run(stocks_ai, environment, catalog):
    """Run a command of governance as the admin, or with another token."""

    def command(*arguments, token=None, host=None):
        environment.setenv("DATABRICKS_HOST", host or catalog.running.url)
        environment.setenv("DATABRICKS_TOKEN", token or catalog.running.token)
        environment.setenv("STOCKS_AI_DATABRICKS__PATIENCE_SECONDS", "1")
        return stocks_ai("governance", *arguments, lake_root=catalog.lake)

    return command


def test_plan_apply_and_apply_again(run):
    before = run("plan", "--detailed-exitcode")
    assert before.code == 3
    assert "create catalog stocks_ai" not in before.err
    assert "Run: stocks-ai governance apply" in before.out
    dry = run("apply", "--dry-run", "--json")
    planned = json.loads(dry.out)
    assert planned["server"] == "databricks"
    assert {"reason", "sql", "by"} <= set(planned["actions"][0])
    first = run("apply")
    assert first.code == 0, first.err
    assert f"{len(planned['actions'])} changes done." in first.out
    again = run("apply")
    assert again.code == 0
    assert "nothing to do" in again.out
    assert json.loads(run("apply", "--json").out)["done"] == []
    assert run("plan", "--detailed-exitcode").code == 0


def test_lineage_is_pushed_once_and_shows_each_step_between_its_tables(run, catalog):
    run("apply")
    assert "would be made" in run("lineage", "--dry-run").out
    first = run("lineage")
    assert first.code == 0, first.err
    assert "were made" in first.out
    again = run("lineage")
    assert "0 changes of the lineage" in again.out
    listed = catalog.running.client().api_client.do(
        "GET",
        "/api/2.0/lineage-tracking/external-lineage",
        query={
            "object_info": {"table": {"name": "stocks_ai.meta.synthesized_predictions"}},
            "lineage_direction": "UPSTREAM",
        },
    )
    (step,) = listed["external_lineage_relationships"]
    assert step["external_metadata_info"]["name"] == "stocks_ai_meta_synthesized_predictions"


def test_a_step_that_no_longer_exists_goes_only_with_prune_and_those_of_others_stay(run, catalog):
    run("apply")
    run("lineage")
    client = catalog.running.client().api_client
    path = "/api/2.0/lineage-tracking/external-metadata"
    of_others = {"name": "stocks_ai_dashboard", "system_type": "TABLEAU", "entity_type": "book"}
    stale = {
        "name": "stocks_ai_signals_gone?",
        "system_type": "OTHER",
        "entity_type": "Dagster asset",
        "properties": {"managed_by": "stocks-ai", "catalog": "stocks_ai"},
    }
    of_another_target = {
        **stale,
        "name": "stocks_ai_dev_signals_gone",
        "properties": {"managed_by": "stocks-ai", "catalog": "stocks_ai_dev"},
    }
    client.do("POST", path, body=of_others)
    client.do("POST", path, body=of_another_target)
    client.do("POST", path, body=stale)
    assert "With --prune: remove stocks_ai_signals_gone?" in run("lineage").out
    assert "1 changes" in run("lineage", "--prune").out
    names = {each["name"] for each in client.do("GET", path)["external_metadata"]}
    assert {"stocks_ai_dashboard", "stocks_ai_dev_signals_gone"} <= names
    assert "stocks_ai_signals_gone?" not in names


def test_a_policy_that_names_something_unknown_makes_no_call(run, tmp_path):
    from importlib.resources import files

    text = files("stocks_ai_assets.governance").joinpath("policy.toml").read_text()
    file = tmp_path / "mine.toml"
    file.write_text(text.replace('"risk", "sector"', '"risks", "sector"'), encoding="utf-8")
    ended = run("apply", "--policy", file, host="http://127.0.0.1:9")
    assert ended.code == 1
    assert "PolicyError" in ended.err
    assert "Did you mean `risk`?" in ended.err


def test_an_unreachable_host_an_unknown_token_and_a_wrong_option_are_told_in_words(run, catalog):
    nowhere = run("plan", host="http://127.0.0.1:9")
    assert nowhere.code == 1
    assert "WorkspaceUnreachableError" in nowhere.err
    assert "Correct DATABRICKS_HOST" in nowhere.err
    token = "dapi0123456789abcdef0123456789abcdef"  # noqa: S105  # of nobody
    unknown = run("plan", token=token)
    assert unknown.code == 1
    assert "WorkspaceLoginError" in unknown.err
    assert token not in unknown.out + unknown.err
    assert run("plan", "--server", "snowflake").code == 2


def test_a_failed_apply_says_what_was_done_and_exits_with_1(run, catalog):
    token = catalog.tokens["stocks_ai_analysts"]
    ended = run("apply", token=token)
    assert ended.code == 1
    assert "WorkspaceDeniedError" in ended.err or "changes done" in ended.err


def test_the_policy_of_the_settings_is_that_of_governance_too(stocks_ai, tmp_path):
    packaged = files("stocks_ai_assets.governance").joinpath("policy.toml").read_text()
    ours, named = tmp_path / "ours.toml", tmp_path / "named.toml"
    for file in (ours, named):
        file.write_text(packaged.replace("audit.synthesized_predictions", f"audit.{file.stem}"))
    ended = stocks_ai("governance", "sql", policy=ours)
    assert "CREATE VIEW stocks_ai.audit.ours" in ended.out
    ended = stocks_ai("governance", "sql", "--policy", named, policy=ours)
    assert "CREATE VIEW stocks_ai.audit.named" in ended.out


def test_the_sql_script_needs_no_server(stocks_ai):
    ended = stocks_ai("governance", "sql")
    assert ended.code == 0
    assert "CREATE VIEW stocks_ai.audit.synthesized_predictions" in ended.out
    assert "GRANT SELECT ON VIEW stocks_ai.audit.synthesized_predictions TO" in ended.out
