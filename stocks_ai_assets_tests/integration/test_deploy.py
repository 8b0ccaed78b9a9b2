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

    def run(command, *arguments, file=FILE, target="dev", token=served.token):
        environment.setenv("DATABRICKS_TOKEN", token)
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
    (daily,) = client.jobs.list(name="stocks_ai daily (dev_admin)")
    settings = client.jobs.get(daily.job_id).settings
    policy = settings.job_clusters[0].new_cluster.policy_id
    assert client.cluster_policies.get(policy).name == "stocks_ai_dev_admin"
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
    (daily,) = client.jobs.list(name="stocks_ai daily (dev_admin)")
    client.api_client.do(
        "POST",
        "/api/2.2/jobs/update",
        body={"job_id": daily.job_id, "new_settings": {"timeout_seconds": 5}},
    )
    client.secrets.delete_acl("stocks_ai_dev_admin", "users")
    shown = databricks("deploy --dry-run --json", file=file)
    assert changes(shown) == {"jobs.daily": "update", "secret_scopes.stocks_ai": "update"}
    details = {row["resource"]: row["details"] for row in json.loads(shown.out)["changes"]}
    told = [details["jobs.daily"], details["secret_scopes.stocks_ai"]]
    assert told == ["timeout_seconds: 5 -> 14400", "WRITE for users"]
    databricks("deploy", file=file)
    assert changes(databricks("deploy --dry-run --json", file=file)) == {}
    assert len(list(client.jobs.list(name="stocks_ai daily (dev_admin)"))) == 1


def edited(tmp_path, *changed):
    """The bundle with some parts replaced."""
    text = FILE.read_text()
    for before, after in changed:
        assert before in text
        text = text.replace(before, after, 1)
    file = tmp_path / "edited.yml"
    file.write_text(text)
    return file


def details(finished):
    """What changes, in words, by resource."""
    assert finished.code == 0, finished.err
    rows = json.loads(finished.out)["changes"]
    return {row["resource"]: row["details"] for row in rows if row["action"] != "none"}


BOBS = (
    (
        """default:\n      - {level: CAN_MANAGE_RUN, group_name: "${var.operators}"}\n""",
        "      - {level: CAN_MANAGE, user_name: bob@example.com}\n",
    ),
    (
        "privileges: [READ_VOLUME, WRITE_VOLUME]}\n",
        "        - {principal: bob@example.com, privileges: [READ_VOLUME]}\n",
    ),
    (
        "could read it too.\n      name: stocks_ai_${var.instance}\n",
        "      permissions: [{level: READ, user_name: bob@example.com}]\n",
    ),
)
"""What stands in the bundle, and the right of one more person after it."""

DAMAGED = ("{", "[]", '{"resources": {"jobs.daily": 3}}', '{"resources":')


def test_rights_that_the_bundle_has_no_more_are_taken_away_and_those_of_others_stay(
    served, databricks, tmp_path
):
    databricks("deploy")
    client = served.client()
    served.workspace.add_user("bob@example.com")
    more = edited(tmp_path, *((before, before + after) for before, after in BOBS))
    gave = {
        "jobs.daily": "CAN_MANAGE for bob@example.com",
        "jobs.backfill": "CAN_MANAGE for bob@example.com",
        "volumes.staging": "READ_VOLUME to bob@example.com",
        "secret_scopes.stocks_ai": "READ for bob@example.com",
    }
    assert details(databricks("deploy --json", file=more)) == gave
    (daily,) = client.jobs.list(name="stocks_ai daily (dev_admin)")
    do, url = client.api_client.do, f"/api/2.0/permissions/jobs/{daily.job_id}"
    auditors = {"group_name": "admins", "permission_level": "CAN_VIEW"}
    do("PATCH", url, body={"access_control_list": [auditors]})  # by hand
    before = do("GET", url)["access_control_list"]

    taken = {name: f"no more {words}" for name, words in gave.items()}
    assert details(databricks("deploy --dry-run --json")) == taken
    assert do("GET", url)["access_control_list"] == before
    assert details(databricks("deploy --json")) == taken
    assert details(databricks("deploy --dry-run --json")) == {}
    after = do("GET", url)["access_control_list"]
    gone = [entry for entry in before if entry not in after]
    assert [entry["user_name"] for entry in gone] == ["bob@example.com"]
    assert [entry for entry in after if entry not in before] == []
    held = client.grants.get("volume", "stocks_ai_dev.ops.staging").privilege_assignments
    assert {one.principal for one in held} == {"admin@example.com"}
    assert "bob" not in str(list(client.secrets.list_acls("stocks_ai_dev_admin")))


def test_two_people_deploy_dev_side_by_side(served, databricks):
    databricks("deploy")
    token = served.workspace.add_user("eve@example.com", groups=("admins",))
    before = everything(served)
    made = changes(databricks("deploy --dry-run --json", token=token))
    shared = {"schemas", "volumes", "registered_models", "artifacts"}
    assert {name for name, action in made.items() if action == "create"} >= {
        "jobs.daily",
        "jobs.backfill",
        "cluster_policies.stocks_ai",
        "secret_scopes.stocks_ai",
        "experiments.fits",
    }
    assert {name.split(".")[0] for name, action in made.items() if action == "update"} <= shared
    assert everything(served) == before
    databricks("deploy", token=token)
    assert changes(databricks("deploy --dry-run --json")) == {}
    names = {job.settings.name for job in served.client().jobs.list()}
    assert {"stocks_ai daily (dev_admin)", "stocks_ai daily (dev_eve)"} <= names


def test_who_runs_what_lies_in_the_folder_may_read_it_and_only_the_deployer_writes(
    served, databricks
):
    client = served.client()
    client.catalogs.create("stocks_ai_staging")
    runner = client.service_principals.create(display_name="runner").application_id
    given = ["--var", f"runner={runner}", "--var", "operators=users", "--var", "readers=admins"]
    root = "/Workspace/stocks_ai/staging"
    planned = databricks("deploy --dry-run --json", *given, target="staging")
    assert details(planned)["workspace.root_path"] == f"CAN_READ for {runner}"
    done = databricks("deploy --json", *given, target="staging")
    rows = json.loads(done.out)["changes"]
    assert [row["resource"] for row in rows[:2]] == ["workspace.root_path", "artifacts.stocks_ai"]
    number = client.workspace.get_status(root).object_id
    held = client.api_client.do("GET", f"/api/2.0/permissions/directories/{number}")
    direct = {
        next(iter(entry.values())): entry["all_permissions"][0]["permission_level"]
        for entry in held["access_control_list"]
        if not entry["all_permissions"][0]["inherited"]
    }
    assert direct == {"admin@example.com": "CAN_MANAGE", runner: "CAN_READ"}
    assert changes(databricks("deploy --dry-run --json", *given, target="staging")) == {}


def test_a_comment_comes_goes_and_may_be_null(served, databricks, tmp_path):
    databricks("deploy")
    client, plain = served.client(), "      volume_type: MANAGED\n"
    read = client.volumes.read
    told = edited(tmp_path, (plain, f"{plain}      comment: steps and wheels\n"))
    assert set(details(databricks("deploy --json", file=told))) == {"volumes.staging"}
    assert read("stocks_ai_dev.ops.staging").comment == "steps and wheels"
    null = edited(tmp_path, (plain, f"{plain}      comment: null\n"))
    shown = details(databricks("deploy --json", file=null))
    assert shown == {"volumes.staging": 'comment: "steps and wheels" -> absent'}
    assert not read("stocks_ai_dev.ops.staging").comment
    assert details(databricks("deploy --dry-run --json", file=null)) == {}
    databricks("deploy", file=edited(tmp_path, (plain, f"{plain}      comment: again\n")))
    assert details(databricks("deploy --json")) == {"volumes.staging": "comment: taken out"}
    assert not read("stocks_ai_dev.ops.staging").comment
    client.volumes.update("stocks_ai_dev.ops.staging", comment="of governance")
    assert details(databricks("deploy --json")) == {}
    assert read("stocks_ai_dev.ops.staging").comment == "of governance"


def test_what_cannot_be_changed_in_place_is_refused_by_plan_and_by_deployment(
    served, databricks, tmp_path
):
    databricks("deploy")
    other = edited(tmp_path, ("volume_type: MANAGED", "volume_type: EXTERNAL"))
    before = everything(served)
    for command in ("deploy --dry-run", "deploy"):
        found = databricks(command, file=other)
        assert found.code == 1
        assert 'volume_type: "MANAGED" -> "EXTERNAL": this cannot be changed' in found.err
    assert everything(served) == before


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"resources": {"jobs.daily": 3}}', '{"resources":']
)
def test_a_damaged_record_of_what_was_deployed_is_named_with_a_way_out(served, databricks, content):
    from databricks.sdk.service.workspace import ImportFormat

    databricks("deploy")
    files, file = served.client().workspace, f"{ROOT}/state/stocks_ai.json"
    files.upload(file, content.encode(), format=ImportFormat.AUTO, overwrite=True)
    for command in ("deploy", "deploy --dry-run", "run daily", "status"):
        found = databricks(command)
        assert found.code == 1
        assert file in found.err
        assert "is damaged" in found.err
        assert "delete it" in found.err
    files.delete(file)
    assert changes(databricks("deploy --json")) == {}, "found again by their names"


def test_a_job_that_is_started_twice_by_one_command_runs_once(served, databricks, environment):
    from stocks_ai_assets.databricks.bundle import load_bundle
    from stocks_ai_assets.databricks.deploy import Deployment
    from stocks_ai_assets.databricks.deploy_runs import starting

    databricks("deploy")
    given = {"lake_root": str(served.lake)}
    client = served.client()
    deployment = Deployment(load_bundle(FILE, "dev", given, "admin@example.com"), client)
    start = starting(deployment, "daily", {})
    number = start()
    try:
        assert start() == number
        assert starting(deployment, "daily", {})() != number
    finally:
        for run in client.jobs.list_runs(active_only=True):
            client.jobs.cancel_run(run.run_id)


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
    assert list(client.jobs.list(name="stocks_ai backfill (dev_admin)")) == []
    assert client.registered_models.get("stocks_ai_dev.agents.volatility").name == "volatility"
    assert changes(databricks("deploy --json")) == {"jobs.backfill": "create"}


def test_a_renamed_job_stays_the_same_job(served, databricks, tmp_path):
    databricks("deploy")
    client = served.client()
    (daily,) = client.jobs.list(name="stocks_ai daily (dev_admin)")
    other = tmp_path / "databricks.yml"
    other.write_text(FILE.read_text().replace("stocks_ai daily (", "stocks_ai nightly ("))
    assert changes(databricks("deploy --json", file=other)) == {"jobs.daily": "update"}
    assert client.jobs.get(daily.job_id).settings.name == "stocks_ai nightly (dev_admin)"
    databricks("deploy")


def test_a_deployment_that_fails_halfway_goes_on_where_it_stopped(served, databricks, tmp_path):
    other = tmp_path / "databricks.yml"
    other.write_text(FILE.read_text().replace("name: stocks_ai\n", "name: other\n", 1))
    broken = tmp_path / "broken.yml"
    broken.write_text(other.read_text().replace("entry_point: stocks-ai-job", "entry_point: ''"))
    found = databricks("deploy", "--var", "operators=users", file=broken)
    assert found.code == 1
    assert found.err.startswith("Workspace")
    assert "jobs.daily (stocks_ai daily (dev_admin))" in found.err
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
