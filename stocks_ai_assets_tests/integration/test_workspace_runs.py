"""Promises of the local workspace: a submitted run really runs, apart from who submitted it."""

import io
import json
import re
import sys
import textwrap
import time
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster

SMALL = {"spark_version": "19.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 0}


@pytest.fixture
def submit(workspace):
    """Submit a script as a run and wait for its end; keywords change task or cluster."""

    def work(text, *parameters, name="script", cluster=None, wait=True, task=None, **settings):
        from databricks.sdk.service.jobs import JobEnvironment, SubmitTask

        file = workspace.write(f"dbfs:/tests/{name}.py", textwrap.dedent(text))
        spec = {"spark_python_task": {"python_file": file, "parameters": list(parameters)}}
        spec |= {"new_cluster": SMALL | (cluster or {})} if cluster is not False else {}
        spec |= {"task_key": "step"} | (task or {})
        environments = settings.pop("environments", ())
        made = workspace.client().jobs.submit(
            run_name="test",
            tasks=[SubmitTask.from_dict(spec)],
            environments=[JobEnvironment.from_dict(e) for e in environments] or None,
            **settings,
        )
        return workspace.ended(made.run_id) if wait else made.run_id

    return work


@pytest.fixture
def output(workspace):
    def of(run):
        return workspace.client().jobs.get_run_output(run.tasks[0].run_id)

    return of


def _result(run):
    return run.state.result_state.value


def test_a_run_does_what_its_file_says_and_tells_what_it_printed(submit, output, workspace):
    run = submit(
        """
        import sys
        open("/dbfs/tests/written", "w").write(" ".join(sys.argv[1:]))
        print("said")
        """,
        "one",
        "two",
    )
    assert _result(run) == "SUCCESS"
    assert run.status.termination_details.code.value == "SUCCESS"
    assert run.run_page_url.startswith(workspace.url)
    assert run.cluster_instance.cluster_id == run.tasks[0].cluster_instance.cluster_id
    assert workspace.workspace.path("dbfs:/tests/written").read_text() == "one two"
    assert output(run).logs == "said\n"


def test_a_run_cannot_import_from_the_checkout_nor_see_the_callers_files(submit, output, tmp_path):
    secret = tmp_path / "of_the_caller"
    secret.write_text("x")
    checkout = Path(__file__).parents[2]
    run = submit(
        f"""
        import importlib.metadata, importlib.util, json, os
        print(json.dumps({{
            "found": importlib.util.find_spec("stocks_ai_assets") is not None,
            "tests": importlib.util.find_spec("stocks_ai_assets_tests") is not None,
            "installed": "stocks-ai-assets" in
                [d.name for d in importlib.metadata.distributions()],
            "dagster": importlib.util.find_spec("dagster") is not None,
            "checkout": os.path.exists({str(checkout / "pyproject.toml")!r}),
            "caller": os.path.exists({str(secret)!r}),
            "processes": [p for p in os.listdir("/proc") if p.isdigit()],
        }}))
        """
    )
    seen = json.loads(output(run).logs)
    assert len(seen.pop("processes")) < 5
    assert seen == {
        "found": False,
        "tests": False,
        "installed": False,
        "dagster": True,
        "checkout": False,
        "caller": False,
    }


def test_a_run_has_only_the_environment_that_it_passes(submit, output, monkeypatch):
    monkeypatch.setenv("DATABRICKS_TOKEN", "of-the-caller")
    monkeypatch.setenv("SOME_VARIABLE", "of-the-caller")
    run = submit(
        "import json, os; print(json.dumps(dict(os.environ)))",
        cluster={"spark_env_vars": {"PASSED": "yes"}},
    )
    seen = json.loads(output(run).logs)
    assert seen.pop("PASSED") == "yes"
    assert "of-the-caller" not in seen.values()
    assert {name.split("_")[0] for name in seen} <= {
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "SPARK",
        "PYSPARK",
        "DATABRICKS",
    }
    assert seen["DATABRICKS_RUNTIME_VERSION"] == "19.0"
    assert not [name for name in seen if "TOKEN" in name or "HOST" in name]


def test_a_secret_reaches_the_run_and_appears_nowhere_else(submit, output, workspace):
    client, value = workspace.client(), "v3ry-s3cret-value"
    client.secrets.create_scope("vault")
    client.secrets.put_secret("vault", "key", string_value=value)
    run = submit(
        """
        import os
        assert os.environ["KEY"] == dbutils.secrets.get("vault", "key") == "-".join(
            ["v3ry", "s3cret", "value"])
        assert os.environ["URL"] == f"https://{os.environ['KEY']}@host"
        """,
        cluster={
            "spark_env_vars": {
                "KEY": "{{secrets/vault/key}}",
                "URL": "https://{{secrets/vault/key}}@host",
            }
        },
    )
    assert _result(run) == "SUCCESS", output(run)
    workspace.workspace.save()
    shown = json.dumps([run.as_dict(), output(run).as_dict()])
    assert value not in shown
    written = [p for p in workspace.workspace.folder.rglob("*") if p.is_file()]
    assert written
    for path in written:
        assert value.encode() not in path.read_bytes(), path
        assert workspace.token.encode() not in path.read_bytes(), path


def test_a_missing_secret_keeps_the_cluster_from_starting(submit):
    run = submit("", cluster={"spark_env_vars": {"KEY": "{{secrets/nowhere/key}}"}})
    assert _result(run) == "FAILED"
    assert "Secret Scope nowhere does not exist" in run.state.state_message
    assert run.status.termination_details.code.value == "CLUSTER_ERROR"


def test_an_error_of_the_work_fails_the_run_and_is_told_with_its_trace(submit, output):
    run = submit("def f(): raise ValueError('no such session')\nf()")
    assert (run.state.life_cycle_state.value, _result(run)) == ("INTERNAL_ERROR", "FAILED")
    assert run.tasks[0].state.life_cycle_state.value == "TERMINATED"
    told = output(run)
    assert told.error == "ValueError: no such session"
    assert "in f" in told.error_trace
    assert "no such session" in told.logs
    assert _result(submit("import sys; sys.exit(3)")) == "FAILED"
    assert _result(submit("import sys; sys.exit(0)")) == "SUCCESS"


def test_cancelling_kills_the_run_and_its_children(submit, workspace):
    run_id = submit(
        """
        import subprocess, time, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        beat = "while :; do date +%N > /dbfs/tests/beat; sleep 0.05; done"
        subprocess.Popen(["setsid", "sh", "-c", beat])
        time.sleep(60)
        """,
        wait=False,
    )
    beat = workspace.workspace.path("dbfs:/tests/beat")
    deadline = time.monotonic() + 10
    while not beat.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    client = workspace.client()
    client.jobs.cancel_run(run_id)
    assert client.jobs.get_run(run_id).state.life_cycle_state.value in ("TERMINATING", "TERMINATED")
    run = workspace.ended(run_id)
    assert _result(run) == "CANCELED"
    assert run.status.termination_details.code.value == "USER_CANCELED"
    last = beat.read_text()
    time.sleep(0.3)
    assert beat.read_text() == last
    client.jobs.cancel_run(run_id)


def test_a_run_that_takes_too_long_is_timed_out(submit):
    run = submit("import time; time.sleep(60)", timeout_seconds=1)
    assert _result(run) == "TIMEDOUT"
    run = submit("import time; time.sleep(60)", task={"timeout_seconds": 1})
    assert _result(run) == "TIMEDOUT"


def test_a_wheel_brings_the_code_and_its_entry_point(submit, workspace, output):
    wheel = _wheel("brought", "1.2.0", "import sys\n\ndef main():\n    print(sys.argv[1:])\n")
    workspace.workspace.add_volume("/Volumes/main/ops/wheels")
    remote = "/Volumes/main/ops/wheels/brought-1.2.0-py3-none-any.whl"
    workspace.client().files.upload(remote, io.BytesIO(wheel), overwrite=True)
    work = {"package_name": "brought", "entry_point": "run", "named_parameters": {"day": "x"}}
    wheel_task = {"spark_python_task": None, "python_wheel_task": work}
    run = submit("", task=wheel_task | {"libraries": [{"whl": remote}]})
    assert output(run).logs == "['--day=x']\n", output(run)
    spec = {"client": "4", "dependencies": [remote, "dagster"]}
    serverless = {"environment_key": "default", "spec": spec}
    run = submit(
        "import brought; print(brought.__file__); print('sc' in globals())",
        cluster=False,
        task={"environment_key": "default"},
        environments=[serverless],
    )
    assert output(run).logs.endswith("/brought/__init__.py\nFalse\n")
    assert run.cluster_instance is None


@pytest.mark.parametrize(
    ("library", "told"),
    [
        ({"pypi": {"package": "dagster==0.1"}}, "dagster .* is installed but dagster==0.1"),
        ({"pypi": {"package": "dagster=1"}}, "Invalid requirement: 'dagster=1'"),
        ({"pypi": {"package": "no-such-thing"}}, "No matching distribution found for no-such"),
        ({"whl": "dbfs:/nowhere.whl"}, "dbfs:/nowhere.whl"),
        ({"maven": {"coordinates": "a:b:1"}}, "maven libraries are not supported"),
    ],
)
def test_a_library_that_cannot_be_had_ends_the_run_before_its_work(submit, library, told):
    run = submit("open('/dbfs/tests/ran', 'w')", task={"libraries": [library]})
    assert run.state.life_cycle_state.value == "INTERNAL_ERROR"
    assert run.status.termination_details.code.value == "LIBRARY_INSTALLATION_ERROR"
    assert re.search(told, run.state.state_message)


def test_a_wheel_whose_requirements_are_not_met_is_named(submit, workspace):
    wheel = _wheel("needy", "1.0", "", requires="dagster<1")
    remote = workspace.write("dbfs:/tests/needy-1.0-py3-none-any.whl", wheel)
    run = submit("", task={"libraries": [{"whl": remote}]})
    assert "dagster<1 is required (needed by needy-1.0" in run.state.state_message


def test_an_idempotency_token_makes_one_run(submit, workspace):
    same = {"idempotency_token": "of this call"}
    runs = [submit("", wait=False, **same) for _ in range(2)]
    assert runs[0] == runs[1]
    workspace.ended(runs[0])


def test_log_delivery_puts_stdout_and_stderr_where_the_cluster_says(submit, workspace):
    run = submit(
        "import sys; print('out'); print('err', file=sys.stderr)",
        cluster={"cluster_log_conf": {"dbfs": {"destination": "dbfs:/logs"}}},
    )
    folder = f"dbfs:/logs/{run.cluster_instance.cluster_id}/driver"
    with workspace.client().dbfs.open(f"{folder}/stdout", read=True) as read:
        assert read.read() == b"out\n"
    assert workspace.workspace.path(f"{folder}/stderr").read_text() == "err\n"


def test_a_run_speaks_to_the_workspace_as_itself(submit, output, workspace):
    run = submit(
        """
        from databricks.sdk import WorkspaceClient
        client = WorkspaceClient()
        print(client.current_user.me().user_name)
        open("/dbfs/tests/token", "w").write(client.config.authenticate()["Authorization"])
        dbutils.fs.mkdirs("dbfs:/tests/made")
        dbutils.fs.put("dbfs:/tests/made/a", "text", True)
        print([f.name for f in dbutils.fs.ls("dbfs:/tests/made")], dbutils.fs.head("/tests/made/a"))
        """
    )
    assert output(run).logs == "admin@example.com\n['a'] text\n", output(run).error_trace
    token = workspace.workspace.path("dbfs:/tests/token").read_text().split()[1]
    assert token != workspace.token
    from databricks.sdk.errors import PermissionDenied

    with pytest.raises(PermissionDenied, match="Invalid access token"):
        workspace.client(token).current_user.me()


def test_a_run_reads_secrets_as_the_principal_that_it_runs_as(submit, workspace, output):
    from databricks.sdk.service.jobs import JobRunAs
    from databricks.sdk.service.workspace import AclPermission

    client = workspace.client()
    robot = client.service_principals.create(display_name="robot").application_id
    client.secrets.create_scope("robots")
    client.secrets.put_secret("robots", "key", string_value="x")
    text, run_as = "dbutils.secrets.get('robots', 'key')", JobRunAs(service_principal_name=robot)
    refused = output(submit(text, run_as=run_as))
    assert "does not have READ permission on scope: robots" in refused.error
    client.secrets.put_acl("robots", robot, AclPermission.READ)
    assert _result(submit(text, run_as=run_as)) == "SUCCESS"


def test_tasks_run_in_their_order_and_a_failure_stops_what_needs_it(workspace):
    from databricks.sdk.service.jobs import SubmitTask

    file = workspace.write(
        "/Workspace/Shared/order.py",
        "import sys\n"
        "open('/dbfs/tests/order', 'a').write(sys.argv[1])\n"
        "sys.exit(sys.argv[1] == 'b')",
    )

    def task(key, *needs, **more):
        spec = {"task_key": key, "depends_on": [{"task_key": n} for n in needs]}
        spec |= {"spark_python_task": {"python_file": file, "parameters": [key]}}
        return SubmitTask.from_dict(spec | {"new_cluster": SMALL} | more)

    tasks = [task("d", "c"), task("c", "b"), task("b", "a"), task("a")]
    tasks.append(task("e", "b", run_if="ALL_DONE"))
    run = workspace.ended(workspace.client().jobs.submit(run_name="order", tasks=tasks).run_id)
    results = {t.task_key: t.state.result_state.value for t in run.tasks}
    assert results == {
        "a": "SUCCESS",
        "b": "FAILED",
        "c": "UPSTREAM_FAILED",
        "d": "UPSTREAM_FAILED",
        "e": "SUCCESS",
    }
    assert workspace.workspace.path("dbfs:/tests/order").read_text() == "abe"
    assert _result(run) == "FAILED"


def test_a_job_retries_queues_and_is_repaired(workspace):
    from databricks.sdk.service.jobs import JobSettings, QueueSettings, Task

    client = workspace.client()
    file = workspace.write(
        "dbfs:/tests/flaky.py",
        """
import os, sys, time
seen = len(os.listdir("/dbfs/tests/attempts"))
open(f"/dbfs/tests/attempts/{seen}", "w").write(sys.argv[1])
time.sleep(0.3)
sys.exit(seen in (0, 2, 3))
""",
    )
    workspace.workspace.path("dbfs:/tests/attempts").mkdir(parents=True)
    task = {"task_key": "flaky", "new_cluster": SMALL, "max_retries": 1}
    task["spark_python_task"] = {"python_file": file, "parameters": ["{{job.parameters.day}}"]}
    job = client.jobs.create(
        name="flaky",
        tasks=[Task.from_dict(task)],
        queue=QueueSettings(enabled=True),
        parameters=None,
    )
    settings = JobSettings.from_dict({"parameters": [{"name": "day", "default": "monday"}]})
    client.jobs.update(job.job_id, new_settings=settings)
    first = client.jobs.run_now(job.job_id).run_id
    second = client.jobs.run_now(job.job_id, job_parameters={"day": "friday"}).run_id
    assert client.jobs.get_run(second).state.life_cycle_state.value == "QUEUED"
    done = workspace.ended(first)
    assert (_result(done), done.tasks[0].attempt_number) == ("SUCCESS", 1)
    failed = workspace.ended(second)
    assert _result(failed) == "FAILED"
    client.jobs.repair_run(second, rerun_all_failed_tasks=True).result(timedelta(seconds=20))
    assert _result(workspace.ended(second)) == "SUCCESS"
    attempts = sorted(workspace.workspace.path("dbfs:/tests/attempts").iterdir())
    assert [p.read_text() for p in attempts] == ["monday"] * 2 + ["friday"] * 3
    listed = [run.run_id for run in client.jobs.list_runs(job_id=job.job_id)]
    assert listed == [second, first]
    client.jobs.update(job.job_id, new_settings=JobSettings(queue=QueueSettings(enabled=False)))
    third, fourth = (client.jobs.run_now(job.job_id).run_id for _ in range(2))
    assert _result(workspace.ended(fourth)) == "MAXIMUM_CONCURRENT_RUNS_REACHED"
    client.jobs.cancel_all_runs(job_id=job.job_id)
    assert _result(workspace.ended(third)) == "CANCELED"
    client.jobs.delete_run(third)
    client.jobs.delete(job.job_id)


@pytest.mark.parametrize(
    ("settings", "task", "told"),
    [
        ({"max_concurrent_runs": 2}, {}, "at most one concurrent run"),
        ({"schedule": {"quartz_cron_expression": "0 0 0 * * ?"}}, {}, "Only one of schedule"),
        ({}, {"max_retries": 1}, "retries are not allowed"),
    ],
)
def test_a_continuous_job_has_one_run_no_retries_and_no_schedule(workspace, settings, task, told):
    from databricks.sdk.errors import InvalidParameterValue

    file = workspace.write("dbfs:/tests/idle.py", "")
    spec = {"task_key": "step", "new_cluster": SMALL, "spark_python_task": {"python_file": file}}
    body = {"continuous": {"pause_status": "PAUSED"}, **settings, "tasks": [spec | task]}
    with pytest.raises(InvalidParameterValue, match=told):
        workspace.client().api_client.do("POST", "/api/2.2/jobs/create", body=body)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"notebook_task": {"notebook_path": "/a"}, "spark_python_task": None}, "notebook_task"),
        ({"new_cluster": None}, "one of existing_cluster_id, new_cluster"),
        ({"new_cluster": None, "existing_cluster_id": "none"}, "cluster none does not exist"),
        ({"new_cluster": SMALL | {"spark_version": "1.0"}}, "Invalid spark version 1.0"),
        ({"new_cluster": SMALL | {"node_type_id": "tiny"}}, "Node type tiny is not supported"),
        ({"new_cluster": SMALL | {"policy_id": "none"}}, "Policy none does not exist"),
        ({"spark_python_task": {"python_file": "file:/a.py"}}, "Invalid python file reference"),
        ({"depends_on": [{"task_key": "step"}]}, "in a circle"),
    ],
)
def test_a_task_that_databricks_would_refuse_is_refused(submit, changed, told):
    from databricks.sdk.errors import InvalidParameterValue

    with pytest.raises(InvalidParameterValue, match=told):
        submit("", task=changed)


def test_a_file_that_is_not_there_ends_the_run(workspace, submit):
    run = submit("", task={"spark_python_task": {"python_file": "dbfs:/tests/nowhere.py"}})
    assert "Cannot read the python file dbfs:/tests/nowhere.py" in run.state.state_message
    assert run.state.life_cycle_state.value == "INTERNAL_ERROR"


def test_the_workspace_runs_by_itself_and_keeps_its_state(tmp_path):
    import os
    import subprocess

    command = [sys.executable, "-m", "stocks_ai_assets_tests.workspace", "--folder", str(tmp_path)]
    served = {}
    for _ in range(2):
        environment = dict(os.environ)  # noqa: TID251  # PATH of the tests
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[2],
        )
        try:
            told = json.loads(server.stdout.readline())
            from databricks.sdk import WorkspaceClient

            client = WorkspaceClient(host=told["url"], token=told["token"], auth_type="pat")
            served[told["url"]] = [job.settings.name for job in client.jobs.list()]
            client.jobs.create(name="kept")
        finally:
            server.terminate()
            assert server.wait(20) == 0
    assert list(served.values()) == [[], ["kept"]]


def _wheel(name, version, code, requires=None):
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if requires:
        metadata += f"Requires-Dist: {requires}\n"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(f"{name}/__init__.py", code)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\nrun = {name}:main\n")
    return written.getvalue()
