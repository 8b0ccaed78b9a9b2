"""Promises of the local workspace: clusters live as Databricks' do, all-purpose ones stay warm."""

import json
import time

import pytest

pytestmark = pytest.mark.cluster

SMALL = {"spark_version": "19.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 0}


@pytest.fixture
def client(workspace):
    return workspace.client()


def _submit(workspace, text, cluster_id):
    from databricks.sdk.service.jobs import SubmitTask

    file = workspace.write(f"dbfs:/clusters/{abs(hash(text))}.py", text)
    spec = {"task_key": "step", "spark_python_task": {"python_file": file}}
    task = SubmitTask.from_dict(spec | {"existing_cluster_id": cluster_id})
    return workspace.client().jobs.submit(run_name="c", tasks=[task]).run_id


def test_a_cluster_goes_through_its_states_and_tells_its_events(client):
    from databricks.sdk.errors import DatabricksError, ResourceDoesNotExist

    cluster = client.clusters.create(cluster_name="lives", **SMALL).result()
    key = cluster.cluster_id
    assert (cluster.state.value, cluster.cluster_name) == ("RUNNING", "lives")
    with pytest.raises(DatabricksError, match="unexpected state RUNNING"):
        client.clusters.start(key)
    client.clusters.edit(key, cluster_name="edited", **(SMALL | {"num_workers": 2})).result()
    assert client.clusters.get(key).num_workers == 2
    client.clusters.delete(key).result()
    assert client.clusters.get(key).state.value == "TERMINATED"
    client.clusters.start(key).result()
    client.clusters.restart(key).result()
    kinds = [event.type.value for event in client.clusters.events(key)]
    assert kinds[-3:] == ["RUNNING", "STARTING", "CREATING"]
    assert {"EDITED", "TERMINATING", "RESTARTING"} <= set(kinds)
    assert key in [c.cluster_id for c in client.clusters.list()]
    client.clusters.permanent_delete(key)
    with pytest.raises(ResourceDoesNotExist, match="does not exist"):
        client.clusters.get(key)
    assert "19.x-scala2.13" in [v.key for v in client.clusters.spark_versions().versions]
    assert "i3.xlarge" in [n.node_type_id for n in client.clusters.list_node_types().node_types]


def test_a_policy_fills_in_and_refuses(client, workspace):
    from databricks.sdk.errors import InvalidParameterValue, PermissionDenied

    definition = {
        "autotermination_minutes": {"type": "fixed", "value": 30},
        "num_workers": {"type": "range", "maxValue": 4},
        "custom_tags.team": {"type": "allowlist", "values": ["stocks"], "defaultValue": "stocks"},
        "spark_conf.spark.x": {"type": "forbidden"},
    }
    key = client.cluster_policies.create(name="small", definition=json.dumps(definition)).policy_id
    given = SMALL | {"policy_id": key, "apply_policy_default_values": True}
    made = client.clusters.create(cluster_name="p", **given).result()
    assert made.autotermination_minutes == 30
    assert made.custom_tags == {"team": "stocks"}
    with pytest.raises(InvalidParameterValue, match="Validation failed for num_workers"):
        client.clusters.create(cluster_name="p", **(given | {"num_workers": 8}))
    user = workspace.client(workspace.workspace.add_user("user@example.com"))
    with pytest.raises(PermissionDenied, match="does not have CAN_USE permission"):
        user.clusters.create(cluster_name="p", **given)
    with pytest.raises(InvalidParameterValue, match="Invalid policy definition"):
        client.cluster_policies.create(name="bad", definition="{")
    assert [p.name for p in client.cluster_policies.list()] == ["small"]
    client.cluster_policies.edit(key, name="renamed", definition="{}")
    assert client.cluster_policies.get(key).name == "renamed"
    client.cluster_policies.delete(key)


def test_a_pool_gives_clusters_their_nodes(client, workspace):
    from databricks.sdk.errors import InvalidParameterValue
    from databricks.sdk.service.jobs import SubmitTask

    pool = client.instance_pools.create("pool", "i3.xlarge", min_idle_instances=1)
    key = pool.instance_pool_id
    file = workspace.write("dbfs:/clusters/pool.py", "")
    cluster = {"spark_version": "19.x-scala2.13", "instance_pool_id": key, "num_workers": 1}
    task = {"task_key": "a", "spark_python_task": {"python_file": file}, "new_cluster": cluster}
    run = client.jobs.submit(run_name="pool", tasks=[SubmitTask.from_dict(task)])
    assert workspace.ended(run.run_id).state.result_state.value == "SUCCESS"
    assert [p.instance_pool_name for p in client.instance_pools.list()] == ["pool"]
    client.instance_pools.delete(key)
    with pytest.raises(InvalidParameterValue, match=f"Instance pool {key} does not exist"):
        client.clusters.create(cluster_name="p", **cluster)


def test_a_warm_cluster_forks_its_tasks_and_ends_them_apart(client, workspace):
    cluster = client.clusters.create(
        cluster_name="warm", spark_env_vars={"PASSED": "yes"}, **SMALL
    ).result()
    look = """
import json, os, sys
print(json.dumps([os.environ.get("PASSED"), "dagster" in sys.modules, "left" in sys.modules]))
sys.modules["left"] = sys
os.environ["LEFT"] = "behind"
sys.exit("LEFT" in os.environ and os.environ["LEFT"] != "behind")
"""
    for _ in range(2):
        run = workspace.ended(_submit(workspace, look, cluster.cluster_id))
    assert run.state.result_state.value == "SUCCESS"
    logs = client.jobs.get_run_output(run.tasks[0].run_id).logs
    assert json.loads(logs) == ["yes", True, False]

    sleeping = "import time\ntime.sleep(60)\n"
    slow = _submit(workspace, sleeping, cluster.cluster_id)
    failing = workspace.ended(_submit(workspace, "1 / 0", cluster.cluster_id))
    told = client.jobs.get_run_output(failing.tasks[0].run_id)
    assert told.error == "ZeroDivisionError: division by zero"
    client.jobs.cancel_run(slow)
    assert workspace.ended(slow).state.result_state.value == "CANCELED"

    lost = _submit(workspace, sleeping, cluster.cluster_id)
    while client.jobs.get_run(lost).state.life_cycle_state.value != "RUNNING":
        time.sleep(0.02)
    client.clusters.delete(cluster.cluster_id)
    run = workspace.ended(lost)
    assert run.status.termination_details.code.value == "CLUSTER_ERROR"

    run = workspace.ended(_submit(workspace, "", cluster.cluster_id))
    assert run.state.result_state.value == "SUCCESS"
    assert client.clusters.get(cluster.cluster_id).state.value == "RUNNING"
