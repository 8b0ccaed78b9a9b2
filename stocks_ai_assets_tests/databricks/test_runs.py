"""What is asked of the workspace, as the stock launcher takes it; what the end of a run means."""

import re

import pytest

from stocks_ai_assets.databricks.runs import ending, permissions, run_configuration
from stocks_ai_assets.workspace_settings import WorkspaceSettings

pytestmark = pytest.mark.cluster

LIBRARIES = ("polars==2.1.0",)


def asked(**given):
    """Configuration of a run, as the stock launcher's schema completes it."""
    from dagster._config import process_config
    from dagster_databricks import databricks_pyspark_step_launcher

    settings = WorkspaceSettings(**given)
    configured = run_configuration(settings, LIBRARIES)
    # Handed on as it is; the stock schema alone does not know it.
    configured["cluster"].get("new", {}).pop("apply_policy_default_values", None)
    configuration = {
        "run_config": configured,
        "permissions": permissions(settings),
        "databricks_host": "https://workspace.example",
        "secrets_to_env_variables": [],
        "local_dagster_job_package_path": "/nowhere",
    }
    schema = databricks_pyspark_step_launcher.config_schema.config_type
    processed = process_config(schema, configuration)
    assert processed.success, processed.errors
    return run_configuration(settings, LIBRARIES)


def ended(life_cycle, result=None, code=None, message="because"):
    """End of a run as the SDK reads it from the workspace."""
    from databricks.sdk.service.jobs import Run

    state = {"life_cycle_state": life_cycle, "state_message": message}
    answer = {"run_id": 1, "state": state | ({"result_state": result} if result else {})}
    if code:
        answer["status"] = {"state": "TERMINATED", "termination_details": {"code": code}}
    return ending(Run.from_dict(answer))


def result_states():
    """Every result state of the SDK; imported late, for collecting tests needs no extra."""
    from databricks.sdk.service.jobs import RunResultState

    return [state.value for state in RunResultState]


def test_an_existing_cluster_is_named_and_nothing_is_started():
    assert asked(cluster_id="0101-cluster")["cluster"] == {"existing": "0101-cluster"}


def test_a_new_cluster_has_pool_policy_tags_and_size():
    new = asked(pool_id="pool", policy_id="policy", workers=3, tags={"team": "quant"})["cluster"][
        "new"
    ]
    assert new["nodes"] == {"instance_pool_id": "pool"}
    assert new["policy_id"] == "policy"
    assert new["apply_policy_default_values"] is True
    assert new["size"] == {"num_workers": 3}
    assert {"key": "team", "value": "quant"} in new["custom_tags"]


def test_a_cluster_without_workers_is_one_node_that_is_told_so():
    new = asked(workers=0, node_type="m5.large")["cluster"]["new"]
    assert new["spark_conf"]["spark.master"] == "local[*]"
    assert {"key": "ResourceClass", "value": "SingleNode"} in new["custom_tags"]
    assert new["nodes"] == {"node_types": {"node_type_id": "m5.large"}}


def test_libraries_are_pinned_unless_the_image_has_them_and_the_stock_ones_never_come():
    assert asked()["libraries"] == [{"pypi": {"package": "polars==2.1.0"}}]
    assert asked(install=False)["libraries"] == []
    assert asked()["install_default_libraries"] is False


def test_groups_may_see_or_manage_runs():
    granted = permissions(WorkspaceSettings(can_view=("auditors",), can_manage=("ops", "quants")))
    assert granted["job_permissions"]["CAN_VIEW"] == [{"group_name": "auditors"}]
    assert len(granted["job_permissions"]["CAN_MANAGE"]) == 2
    assert permissions(WorkspaceSettings()) == {}


def test_only_success_is_success_and_every_other_result_is_named():
    for result in result_states():
        end = ended("TERMINATED", result)
        assert (end.kind == "succeeded") == (result == "SUCCESS"), result
        assert end.state == result
        assert result == "SUCCESS" or f"ended as {result}: because." in end.sentence


@pytest.mark.parametrize("life_cycle", ["BLOCKED", "PENDING", "QUEUED", "RUNNING", "TERMINATING"])
def test_a_run_that_goes_on_has_not_ended(life_cycle):
    assert ended(life_cycle) is None
    assert ended("WAITING_FOR_RETRY") is None


@pytest.mark.parametrize("code", ["CLUSTER_ERROR", "DRIVER_ERROR", "CLOUD_FAILURE"])
def test_a_run_whose_machines_failed_is_lost(code):
    assert ended("INTERNAL_ERROR", "FAILED", code).kind == "lost"
    assert ended("INTERNAL_ERROR", "FAILED", code).state == code
    sentence = ended("INTERNAL_ERROR", "FAILED", code).sentence
    assert "run the same command again, or raise STOCKS_AI_DATABRICKS__RETRIES" in sentence


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("MAX_CONCURRENT_RUNS_EXCEEDED", "no room for it now: run the same command again later"),
        ("CLUSTER_REQUEST_LIMIT_EXCEEDED", "no room for it now: run the same command again later"),
        ("MAX_SPARK_CONTEXTS_EXCEEDED", "cluster is full: name another one in .*CLUSTER_ID"),
        ("STORAGE_ACCESS_ERROR", "reach its storage"),
    ],
)
def test_limits_and_storage_are_tried_again_and_have_remedies_of_their_own(code, remedy):
    end = ended("INTERNAL_ERROR", "FAILED", code)
    assert end.kind == "lost"
    assert re.search(remedy, end.sentence)
    assert "machines failed" not in end.sentence
    assert end.told == f"ended as {code}: because.", "what is told of a run that is tried again"


@pytest.mark.parametrize("code", ["LIBRARY_INSTALLATION_ERROR", "UNAUTHORIZED_ERROR", "CANCELED"])
def test_a_run_that_would_fail_again_is_not_tried_again(code):
    assert ended("INTERNAL_ERROR", "FAILED", code).kind == "failed"


def test_states_that_this_package_does_not_know_are_failures():
    assert ended("TERMINATED", "A_NEW_RESULT").kind == "failed"
    assert ended("TERMINATED", "FAILED", "A_NEW_CODE").kind == "failed"
    assert ended("SKIPPED").state == "SKIPPED"
