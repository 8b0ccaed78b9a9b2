"""The commands of governance against a real server: plan, apply, apply again, SQL, lineage."""

import json
from importlib.resources import files

import pytest

from stocks_ai_assets.lake import Lake
from stocks_ai_assets_tests.governance.states import committed
from stocks_ai_assets_tests.integration.governing import governed
from stocks_ai_assets_tests.integration.writers import PREDICTIONS, SYNTHESIZED

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    with governed(tmp_path_factory.mktemp("commands")) as found:
        yield found


@pytest.fixture
def run(stocks_ai, environment, catalog):
    """Run a command of governance as the admin, or with another token."""

    def command(*arguments, token=None, host=None, lake_root=catalog.lake):
        environment.setenv("DATABRICKS_HOST", host or catalog.running.url)
        environment.setenv("DATABRICKS_TOKEN", token or catalog.running.token)
        environment.setenv("STOCKS_AI_DATABRICKS__PATIENCE_SECONDS", "1")
        return stocks_ai("governance", *arguments, lake_root=lake_root)

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


def test_what_databricks_wrote_is_left_to_its_own_lineage_and_told(run, catalog):
    run("apply")
    run("lineage")
    committed(Lake(catalog.lake), SYNTHESIZED, "Databricks-Runtime/19.0.x-scala2.13")
    asked = run("lineage")
    step = f"stocks_ai_{SYNTHESIZED.replace('.', '_')}"
    assert f"With --prune: remove {step}: Databricks wrote its table" in asked.out
    assert f"Left to Databricks, which wrote them and records that: stocks_ai.{SYNTHESIZED}." in (
        asked.out
    )
    pruned = json.loads(run("lineage", "--prune", "--json").out)
    assert (pruned["done"], pruned["left"]) == (1, [f"stocks_ai.{SYNTHESIZED}"])
    again = json.loads(run("lineage", "--prune", "--json").out)
    assert (again["done"], again["changes"]) == (0, [])
    listed = catalog.running.client().api_client.do(
        "GET", "/api/2.0/lineage-tracking/external-metadata"
    )
    names = {each["name"] for each in listed["external_metadata"]}
    assert step not in names
    assert "stocks_ai_agents_predictions_risk" in names, "delta-rs wrote that one"


def test_a_slice_that_databricks_wrote_is_left_to_it_and_the_others_are_not(run, catalog):
    run("apply")
    committed(Lake(catalog.lake), PREDICTIONS, "Databricks-Runtime/19.0.x-scala2.13", part="esg")
    told = json.loads(run("lineage", "--prune", "--json").out)
    assert f"stocks_ai.{PREDICTIONS} (esg)" in told["left"]
    listed = catalog.running.client().api_client.do(
        "GET", "/api/2.0/lineage-tracking/external-metadata"
    )
    names = {each["name"] for each in listed["external_metadata"]}
    assert "stocks_ai_agents_predictions_esg" not in names
    assert "stocks_ai_agents_predictions_risk" in names


def test_the_lake_that_the_policy_names_is_asked_who_wrote_it(run, catalog, tmp_path):
    run("apply")
    text = files("stocks_ai_assets.governance").joinpath("policy.toml").read_text()
    place = "# storage_root ="
    assert place in text
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(place, f'storage_root = "{tmp_path}/nowhere"  #'), "utf-8")
    refused = run("lineage", "--policy", file)
    assert refused.code == 1
    assert f"{tmp_path}/nowhere holds no table" in refused.err
    for root in (catalog.lake, catalog.location):  # the location is a file:// URL
        file.write_text(text.replace(place, f'storage_root = "{root}"  #'), "utf-8")
        asked = run("lineage", "--policy", file)
        assert "changes of the lineage" in asked.out, asked.err
    file.write_text(text.replace(place, 'storage_root = "https://bucket/lake"  #'), "utf-8")
    refused = run("lineage", "--policy", file)
    assert refused.code == 1
    assert "Correct `storage_root`" in refused.err
    assert "STOCKS_AI_LAKE_ROOT" not in refused.err


def test_the_dialect_that_is_set_is_taken_though_the_server_says_otherwise(run, tmp_path):
    run("apply")
    assert "Catalog stocks_ai on Databricks: nothing to do." in run("plan").out
    planned = run("plan", "--server", "oss")
    assert planned.code == 1
    assert "registered_model is not a valid securable type" in planned.err, "asked as oss is"
    assert "changes of the lineage" in run("lineage").out
    # Refused before the lake is read: there is none.
    refused = run("lineage", "--server", "oss", lake_root=tmp_path / "nowhere")
    assert refused.code == 1
    assert "Open-source Unity Catalog keeps no lineage" in refused.err


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


def test_who_lacks_a_right_is_told_which_and_that_nothing_was_done(run, catalog):
    run("apply")
    ended = run("apply", token=catalog.tokens["stocks_ai_analysts"])
    assert (ended.code, ended.out) == (1, "")
    assert "0 changes done, then `create volume stocks_ai.ops.staging` failed: " in ended.err
    assert "does not have USE SCHEMA on Schema 'stocks_ai.ops'. Ask its owner" in ended.err
    assert run("plan", "--detailed-exitcode").code == 0


def test_an_apply_that_fails_says_what_was_done_and_what_was_not_tried(run, catalog, tmp_path):
    run("apply")
    text = files("stocks_ai_assets.governance").joinpath("policy.toml").read_text()
    for before, after in (
        ("\n[volumes]\n", 'desk = { comment = "A new one." }\n\n[volumes]\n'),
        ("prediction_date > (SELECT", "no_such_column > (SELECT"),
        ('on = "schema meta"\nprivileges = [', 'on = "schema meta"\nprivileges = ["EXECUTE", '),
    ):
        assert before in text
        text = text.replace(before, after)
    file = tmp_path / "mine.toml"
    file.write_text(text)
    planned = json.loads(run("apply", "--policy", file, "--dry-run", "--json").out)["actions"]
    ended = run("apply", "--policy", file)
    catalog.running.client().schemas.delete("stocks_ai.desk")
    assert ended.code == 1
    failed = "1 changes done, then `alter view stocks_ai.meta.recent_predictions` failed: "
    assert failed in ended.err
    assert "`no_such_column` cannot be resolved" in ended.err
    assert len(planned) > 2
    assert f"{len(planned) - 2} not tried. Run the same command again" in ended.err


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
