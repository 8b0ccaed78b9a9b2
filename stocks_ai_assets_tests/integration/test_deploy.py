"""The bundle deployed into a workspace: once is enough, drift is shown, jobs run there."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster

FILE = Path(__file__).parents[2] / "databricks.yml"
ROOT = "/Workspace/Users/admin@example.com/.bundle/stocks_ai/dev"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A workspace with a catalog, which sees a folder for the lake."""
    from stocks_ai_assets_tests.workspace.server import start

    lake = tmp_path_factory.mktemp("lake")
    with start(tmp_path_factory.mktemp("workspace"), external=(lake,)) as running:
        running.client().catalogs.create("stocks_ai_dev")
        running.lake = lake / "dev"
        yield running


@pytest.fixture
def databricks(served, stocks_ai, environment):
    """Run `stocks-ai databricks ... --target dev`; answer what it printed."""
    environment.setenv("DATABRICKS_HOST", served.url)
    environment.setenv("DATABRICKS_TOKEN", served.token)

    def run(command, *arguments, file=FILE, target="dev"):
        words = [*command.split(), "--target", target, "--file", file]
        given = (f"lake_root={served.lake}", "first_session=2024-12-20")
        variables = [word for value in given for word in ("--var", value)]
        return stocks_ai("databricks", *words, *variables, *arguments)

    yield run
    served.workspace.misbehaviour.reset()


def changes(finished):
    """Resources that change, with the action."""
    assert finished.code == 0, finished.err
    rows = json.loads(finished.out)["changes"]
    return {row["resource"]: row["action"] for row in rows if row["action"] != "none"}


def everything(served):
    """All that the workspace has, without what runs on it."""
    with served.workspace.lock:
        return json.dumps(served.workspace._store, sort_keys=True)


def test_a_deployment_is_planned_made_and_then_has_nothing_to_do(served, databricks):
    before = everything(served)
    planned = changes(databricks("deploy --dry-run --json"))
    assert everything(served) == before
    assert set(planned.values()) == {"create"}
    assert {"jobs.daily", "jobs.backfill", "volumes.staging", "secret_scopes.stocks_ai"} <= set(
        planned
    )

    assert changes(databricks("deploy --json")) == planned
    made = everything(served)
    again = databricks("deploy")
    assert (again.code, again.out) == (0, f"Target dev is up to date: {len(planned)} resources.\n")
    assert everything(served) == made

    client = served.client()
    (daily,) = client.jobs.list(name="stocks_ai daily (dev)")
    settings = client.jobs.get(daily.job_id).settings
    policy = settings.job_clusters[0].new_cluster.policy_id
    assert client.cluster_policies.get(policy).name == "stocks_ai_dev"
    wheel = settings.tasks[0].libraries[0].whl
    assert client.workspace.get_status(wheel).path.endswith(".whl")
    granted = client.grants.get("volume", "stocks_ai_dev.ops.staging").privilege_assignments
    assert {one.principal for one in granted} == {"admin@example.com"}


def test_drift_is_shown_and_taken_back(served, databricks, tmp_path):
    scope = "  secret_scopes:\n    stocks_ai:\n"
    shared = f'{scope}      permissions: [{{level: WRITE, group_name: "${{var.operators}}"}}]\n'
    assert scope in FILE.read_text()
    file = tmp_path / "databricks.yml"
    file.write_text(FILE.read_text().replace(scope, shared, 1))
    databricks("deploy", file=file)
    client = served.client()
    (daily,) = client.jobs.list(name="stocks_ai daily (dev)")
    client.api_client.do(
        "POST",
        "/api/2.2/jobs/update",
        body={"job_id": daily.job_id, "new_settings": {"timeout_seconds": 5}},
    )
    client.secrets.delete_acl("stocks_ai_dev", "users")
    shown = databricks("deploy --dry-run --json", file=file)
    assert changes(shown) == {"jobs.daily": "update", "secret_scopes.stocks_ai": "update"}
    details = {row["resource"]: row["details"] for row in json.loads(shown.out)["changes"]}
    told = [details["jobs.daily"], details["secret_scopes.stocks_ai"]]
    assert told == ["timeout_seconds: 5 -> 14400", "WRITE for users"]
    databricks("deploy", file=file)
    assert changes(databricks("deploy --dry-run --json", file=file)) == {}
    assert len(list(client.jobs.list(name="stocks_ai daily (dev)"))) == 1


def test_what_the_bundle_has_no_more_is_left_until_asked_and_data_for_ever(
    served, databricks, tmp_path
):
    databricks("deploy")
    text = FILE.read_text()
    less = tmp_path / "databricks.yml"
    start = text.index("    backfill:\n      name: stocks_ai backfill")
    less.write_text(text[:start] + text[text.index("\ntargets:") :].replace("", "", 1))
    renamed = less.read_text().replace("    volatility: {<<: *model, name: volatility}\n", "")
    less.write_text(renamed)
    left = {"jobs.backfill": "left", "registered_models.volatility": "left"}
    assert changes(databricks("deploy --json", file=less)) == left
    asked = changes(databricks("deploy --delete --json", file=less))
    assert asked == {"jobs.backfill": "delete", "registered_models.volatility": "left"}
    client = served.client()
    assert list(client.jobs.list(name="stocks_ai backfill (dev)")) == []
    assert client.registered_models.get("stocks_ai_dev.agents.volatility").name == "volatility"
    assert changes(databricks("deploy --json")) == {"jobs.backfill": "create"}


def test_a_renamed_job_stays_the_same_job(served, databricks, tmp_path):
    databricks("deploy")
    client = served.client()
    (daily,) = client.jobs.list(name="stocks_ai daily (dev)")
    other = tmp_path / "databricks.yml"
    other.write_text(FILE.read_text().replace("stocks_ai daily (", "stocks_ai nightly ("))
    assert changes(databricks("deploy --json", file=other)) == {"jobs.daily": "update"}
    assert client.jobs.get(daily.job_id).settings.name == "stocks_ai nightly (dev)"
    databricks("deploy")


def test_a_deployment_that_fails_halfway_goes_on_where_it_stopped(served, databricks, tmp_path):
    other = tmp_path / "databricks.yml"
    other.write_text(FILE.read_text().replace("name: stocks_ai\n", "name: other\n", 1))
    broken = tmp_path / "broken.yml"
    broken.write_text(other.read_text().replace("entry_point: stocks-ai-job", "entry_point: ''"))
    found = databricks("deploy", "--var", "operators=users", file=broken)
    assert found.code == 1
    assert found.err.startswith("Workspace")
    assert "jobs.daily (stocks_ai daily (dev))" in found.err
    rest = changes(databricks("deploy --dry-run --json", file=other))
    assert set(rest) == {"jobs.daily", "jobs.backfill"}


def test_a_missing_catalog_is_named_before_anything_is_made(served, databricks):
    before = everything(served)
    found = databricks("deploy", "--var", "catalog=nowhere", "--var", "operators=users")
    assert found.code == 1
    assert "needs catalog nowhere" in found.err
    assert everything(served) == before


def test_jobs_run_in_the_workspace_and_say_what_they_did(served, databricks):
    databricks("deploy")
    found = databricks("run daily --json")
    assert found.code == 0, found.err
    said = json.loads(found.out)
    assert said["state"] == "SUCCESS"
    assert said["url"] in found.err
    output = json.loads(said["output"])
    assert output["first"] == "2024-12-20"
    assert output["assets"] == 46
    again = databricks("run daily --json")
    assert json.loads(json.loads(again.out)["output"])["assets"] == 0
    words = ["--param", "first=2024-12-20", "--param", "last=2024-12-23"]
    ranged = databricks("run backfill --json", *words)
    assert json.loads(json.loads(ranged.out)["output"])["last"] == "2024-12-23"
    shown = databricks("status --json")
    rows = {row["resource"]: row for row in json.loads(shown.out)["resources"]}
    assert rows["jobs.daily"]["state"] == "deployed"
    assert rows["jobs.daily"]["last_run"].startswith("SUCCESS http")


def test_wrong_jobs_and_parameters_and_failed_runs_are_said(served, databricks):
    databricks("deploy")
    assert databricks("run weekly").code == 2
    wrong = databricks("run daily", "--param", "first=2024-01-02")
    assert (wrong.code, "has no parameter `first`" in wrong.err) == (2, True)
    failed = databricks("run backfill", "--param", "first=2024-12-25", "--param", "last=2024-12-26")
    assert failed.code == 1
    assert "NotASessionError" in failed.err
    served.workspace.misbehaviour.change(end_runs_as="TIMEDOUT")
    ended = databricks("run daily")
    assert ended.code == 1
    assert "TIMEDOUT" in ended.err
