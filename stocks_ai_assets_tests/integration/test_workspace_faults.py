"""Promises of the local workspace: told to misbehave, it does so as the SDK would meet it."""

import time

import pytest

from stocks_ai_assets_tests.workspace.misbehaviour import RESULT_STATES

pytestmark = pytest.mark.cluster

SMALL = {"spark_version": "19.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 0}


@pytest.fixture
def faults(workspace):
    yield workspace.workspace.misbehaviour
    workspace.workspace.misbehaviour.reset()


@pytest.fixture
def client(workspace):
    return workspace.client()


@pytest.fixture
def submit(workspace):
    def work(text, **task):
        from databricks.sdk.service.jobs import SubmitTask

        file = workspace.write("dbfs:/faults/script.py", text)
        spec = {"task_key": "step", "spark_python_task": {"python_file": file}}
        spec = {**spec, "new_cluster": SMALL, **task}
        made = workspace.client().jobs.submit(run_name="f", tasks=[SubmitTask.from_dict(spec)])
        return made.run_id

    return work


def test_the_sdk_waits_as_long_as_too_many_requests_say(client, faults):
    faults.change(too_many_requests=2, retry_after_seconds=1)
    began = time.monotonic()
    assert client.current_user.me().user_name == "admin@example.com"
    assert time.monotonic() - began >= 2
    assert faults.too_many_requests == 0


def test_the_sdk_raises_server_errors_and_waits_when_unavailable(client, faults):
    from databricks.sdk.errors import InternalError

    faults.change(server_errors=1)
    with pytest.raises(InternalError):
        client.current_user.me()
    faults.change(unavailable=1)
    assert client.current_user.me().user_name == "admin@example.com"


def test_faults_are_set_over_http_by_admins_only(client, faults, workspace):
    from databricks.sdk.errors import InvalidParameterValue, PermissionDenied

    told = client.api_client.do("POST", "/test/misbehave", body={"slow_start_seconds": 0.5})
    assert told["slow_start_seconds"] == faults.slow_start_seconds == 0.5
    with pytest.raises(InvalidParameterValue, match="no fault is called 'typo'"):
        client.api_client.do("POST", "/test/misbehave", body={"typo": 1})
    with pytest.raises(InvalidParameterValue, match="no result state"):
        client.api_client.do("POST", "/test/misbehave", body={"end_runs_as": "GOOD"})
    somebody = workspace.client(workspace.workspace.add_user("somebody@example.com"))
    with pytest.raises(PermissionDenied):
        somebody.api_client.do("POST", "/test/misbehave", body={})


@pytest.mark.parametrize("state", RESULT_STATES)
def test_a_run_ends_in_every_result_state(state, faults, submit, workspace):
    from databricks.sdk.service.jobs import RunResultState

    assert {s.value for s in RunResultState} == set(RESULT_STATES)
    faults.change(end_runs_as=state)
    run = workspace.ended(submit(""))
    assert run.state.result_state.value == state
    assert run.status.state.value == "TERMINATED"
    assert run.status.termination_details.code is not None


def test_a_slow_start_keeps_run_and_cluster_pending(client, faults, submit, workspace):
    faults.change(slow_start_seconds=0.4)
    run_id = submit("")
    time.sleep(0.1)
    assert client.jobs.get_run(run_id).state.life_cycle_state.value == "PENDING"
    cluster = client.clusters.create(cluster_name="slow", **SMALL).cluster_id
    assert client.clusters.get(cluster).state.value == "PENDING"
    run = workspace.ended(run_id)
    assert run.state.result_state.value == "SUCCESS"
    assert client.clusters.get(cluster).state.value == "RUNNING"


def test_a_run_can_be_cancelled_while_it_waits_for_its_start(client, faults, submit, workspace):
    faults.change(slow_start_seconds=30)
    run_id = submit("")
    client.jobs.cancel_run(run_id)
    assert workspace.ended(run_id, seconds=5).state.result_state.value == "CANCELED"


def test_a_lost_cluster_ends_the_run_and_says_so(client, faults, submit, workspace):
    faults.change(lose_cluster_after_seconds=0.3)
    run = workspace.ended(submit("import time; time.sleep(60)"))
    assert run.state.life_cycle_state.value == "INTERNAL_ERROR"
    assert run.state.result_state.value == "FAILED"
    assert "became unusable during the run" in run.state.state_message
    assert run.status.termination_details.code.value == "CLUSTER_ERROR"
    cluster = client.clusters.get(run.cluster_instance.cluster_id)
    assert cluster.state.value == "TERMINATED"
    assert cluster.termination_reason.code.value == "DRIVER_UNREACHABLE"


def test_without_dbfs_root_a_run_sees_no_dbfs(client, faults, workspace):
    from databricks.sdk.service.jobs import SubmitTask

    faults.change(no_dbfs=True)
    workspace.workspace.add_volume("/Volumes/main/ops/code")
    text = "import os; print(os.path.exists('/dbfs'))"
    file = workspace.write("/Volumes/main/ops/code/a.py", text)
    task = {"task_key": "step", "spark_python_task": {"python_file": file}, "new_cluster": SMALL}
    made = client.jobs.submit(run_name="f", tasks=[SubmitTask.from_dict(task)])
    run = workspace.ended(made.run_id)
    assert client.jobs.get_run_output(run.tasks[0].run_id).logs == "False\n"


def test_version_skew_is_claimed_by_metadata_and_by_the_module(client, faults, submit, workspace):
    faults.change(version_skew=("dagster", "1.2.3"))
    text = "import dagster, importlib.metadata as m; "
    text += "print(dagster.__version__, m.version('dagster'))"
    run = workspace.ended(submit(text))
    assert client.jobs.get_run_output(run.tasks[0].run_id).logs == "1.2.3 1.2.3\n"
    import dagster

    pinned = {"pypi": {"package": f"dagster=={dagster.__version__}"}}
    run = workspace.ended(submit(text, libraries=[pinned]))
    assert "dagster 1.2.3 is installed but" in run.state.state_message


def test_something_may_happen_before_a_function_of_a_run_is_called(
    client, faults, submit, workspace
):
    faults.change(before_call=("textwrap:TextWrapper.wrap", "print('before')"))
    text = "import textwrap; print('begun'); print(*textwrap.wrap('called'))"
    run = workspace.ended(submit(text))
    assert client.jobs.get_run_output(run.tasks[0].run_id).logs == "begun\nbefore\ncalled\n"


def test_a_bug_of_the_workspace_looks_like_one(client, workspace, monkeypatch):
    from databricks.sdk.errors import InternalError

    monkeypatch.setattr(workspace.workspace.compute, "cancel", None)
    job = client.jobs.create(name="bug").job_id
    assert client.jobs.get(job)
    with pytest.raises(InternalError, match="bug in the test workspace"):
        client.api_client.do("GET", "/api/2.2/jobs/list", query={"limit": "no number"})


def test_runs_are_refused_clearly_where_they_cannot_be_kept_apart(
    client, submit, workspace, monkeypatch
):
    from stocks_ai_assets_tests.workspace import processes

    monkeypatch.setattr(workspace.workspace.compute, "_permitted", None)
    monkeypatch.setattr(processes, "NAMESPACES", ("--no-such-option",))
    run = workspace.ended(submit(""))
    assert "runs need a file system of their own" in run.state.state_message
