"""Jobs of a deployed bundle run in the workspace, once, and say what they did."""

import json

import pytest

from stocks_ai_assets_tests.integration.deploying import FILE

pytestmark = pytest.mark.cluster


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
    paused = next(served.client().jobs.list(name="stocks_ai stream (dev_admin)"))
    assert list(served.client().jobs.list_runs(job_id=paused.job_id)) == []
    streamed = json.loads(json.loads(databricks("run stream --json").out)["output"])
    assert streamed == json.loads(json.loads(again.out)["output"]), "what the daily job does"
    words = ["--param", "first=2024-12-20", "--param", "last=2024-12-23"]
    ranged = databricks("run backfill --json", *words)
    assert json.loads(json.loads(ranged.out)["output"])["last"] == "2024-12-23"
    shown = databricks("status --json")
    rows = {row["resource"]: row for row in json.loads(shown.out)["resources"]}
    assert rows["jobs.daily"]["state"] == "deployed"
    assert rows["jobs.daily"]["last_run"].startswith("SUCCESS http")
    assert rows["jobs.stream"]["last_run"].startswith("SUCCESS http")


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
