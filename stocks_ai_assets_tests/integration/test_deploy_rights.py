"""Rights on what a bundle deploys: given, taken back, and shown before."""

import json

import pytest

from stocks_ai_assets_tests.integration.deploying import changes, details, edited

pytestmark = pytest.mark.cluster


OPERATORS = """default:\n      - {level: CAN_MANAGE_RUN, group_name: "${var.operators}"}\n"""
SCOPE = "could read it too.\n      name: stocks_ai_${var.instance}\n"

BOBS = (
    (
        OPERATORS,
        "      - {level: CAN_MANAGE, user_name: bob@example.com}\n",
    ),
    (
        "privileges: [READ_VOLUME, WRITE_VOLUME]}\n",
        "        - {principal: bob@example.com, privileges: [READ_VOLUME]}\n",
    ),
    (
        SCOPE,
        "      permissions: [{level: READ, user_name: bob@example.com}]\n",
    ),
)
"""What stands in the bundle, and the right of one more person after it."""


def test_rights_that_the_bundle_has_no_more_are_taken_away_and_those_of_others_stay(
    served, databricks, tmp_path
):
    databricks("deploy")
    client = served.client()
    served.workspace.add_user("bob@example.com")
    more = edited(tmp_path, *((before, before + after) for before, after in BOBS))
    gave = {
        "jobs.daily": "CAN_MANAGE for bob@example.com",
        "jobs.stream": "CAN_MANAGE for bob@example.com",
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


@pytest.mark.parametrize("instead", ["", "      - {level: CAN_VIEW, user_name: ida@example.com}\n"])
def test_a_right_that_a_failed_call_left_is_taken_away_by_the_next_deployment(
    served, databricks, tmp_path, instead
):
    served.workspace.add_user("ida@example.com")
    ida = "      - {level: CAN_MANAGE, user_name: ida@example.com}\n"
    databricks("deploy", file=edited(tmp_path, (OPERATORS, OPERATORS + ida)))
    wrong = "      - {level: CAN_VIEW, group_name: enginers}\n"
    failed = databricks("deploy", file=edited(tmp_path, (OPERATORS, OPERATORS + instead + wrong)))
    assert (failed.code, "enginers" in failed.err) == (1, True)
    taken = "no more CAN_MANAGE for ida@example.com"
    jobs = ("jobs.daily", "jobs.stream", "jobs.backfill")
    assert details(databricks("deploy --json")) == dict.fromkeys(jobs, taken)
    assert details(databricks("deploy --dry-run --json")) == {}


def test_a_level_that_somebody_changed_is_shown_and_set_back(served, databricks):
    databricks("deploy")
    client = served.client()
    (daily,) = client.jobs.list(name="stocks_ai daily (dev_admin)")
    do, url = client.api_client.do, f"/api/2.0/permissions/jobs/{daily.job_id}"
    raised = {"group_name": "users", "permission_level": "CAN_MANAGE"}
    before = do("GET", url)
    do("PATCH", url, body={"access_control_list": [raised]})
    shown = {"jobs.daily": "CAN_MANAGE -> CAN_MANAGE_RUN for users"}
    assert details(databricks("deploy --dry-run --json")) == shown
    assert details(databricks("deploy --json")) == shown
    found = do("GET", url)["access_control_list"]
    assert sorted(found, key=str) == sorted(before["access_control_list"], key=str)


def test_a_right_on_a_scope_stays_when_the_file_calls_its_holder_another_kind(
    served, databricks, tmp_path
):
    def held():
        acls = served.client().secrets.list_acls("stocks_ai_dev_admin")
        return {acl.principal: acl.permission.value for acl in acls}

    given = "      permissions: [{{level: READ, {}: readers}}]\n"
    served.workspace.add_user("ann@example.com", groups=("readers",))
    user, group = (
        edited(tmp_path, (SCOPE, SCOPE + given.format(kind)))
        for kind in ("user_name", "group_name")
    )
    shown = {"secret_scopes.stocks_ai": "READ for readers"}
    assert details(databricks("deploy --json", file=user)) == shown
    assert details(databricks("deploy --json", file=group)) == {}
    assert held()["readers"] == "READ"
    assert details(databricks("deploy --json")) == {
        "secret_scopes.stocks_ai": "no more READ for readers"
    }
    assert "readers" not in held()
