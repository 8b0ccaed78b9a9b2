"""The bundle deployed into a workspace: once is enough, and drift is shown and taken back."""

import json

import pytest

from stocks_ai_assets_tests.integration.deploying import (
    FILE,
    ROOT,
    changes,
    details,
    edited,
    everything,
)

pytestmark = pytest.mark.cluster


def test_a_deployment_is_planned_made_and_then_has_nothing_to_do(served, databricks):
    before = everything(served)
    planned = changes(databricks("deploy --dry-run --json"))
    assert everything(served) == before
    assert set(planned.values()) == {"create"}
    jobs = {"jobs.daily", "jobs.stream", "jobs.backfill"}
    assert jobs | {"volumes.staging", "secret_scopes.stocks_ai"} <= set(planned)

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


def test_two_people_deploy_dev_side_by_side(served, databricks):
    databricks("deploy")
    token = served.workspace.add_user("eve@example.com", groups=("admins",))
    before = everything(served)
    made = changes(databricks("deploy --dry-run --json", token=token))
    shared = {"schemas", "volumes", "registered_models", "artifacts"}
    assert {name for name, action in made.items() if action == "create"} >= {
        "jobs.daily",
        "jobs.stream",
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


def test_the_case_of_a_catalogs_name_is_no_difference(served, databricks):
    databricks("deploy")
    for name in ("Stocks_AI_dev", "Stocks_AI_dev", "stocks_ai_dev"):
        assert changes(databricks("deploy --json", "--var", f"catalog={name}")) == {}


def test_what_cannot_be_changed_in_place_is_refused_by_plan_and_by_deployment(
    served, databricks, tmp_path
):
    databricks("deploy")
    changeable = ("Clusters of stocks_ai;", "Clusters;")  # compared before
    other = edited(tmp_path, ("volume_type: MANAGED", "volume_type: EXTERNAL"), changeable)
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
    assert set(rest) == {"jobs.daily", "jobs.stream", "jobs.backfill"}


def test_a_missing_catalog_is_named_before_anything_is_made(served, databricks):
    before = everything(served)
    found = databricks("deploy", "--var", "catalog=nowhere", "--var", "operators=users")
    assert found.code == 1
    assert "needs catalog nowhere" in found.err
    assert everything(served) == before
