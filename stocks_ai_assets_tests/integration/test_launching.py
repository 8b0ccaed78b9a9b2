"""Step launcher and Pipes alike: compute as asked for, who may what, and machines that are lost."""

import json
import re

import dagster as dg
import pytest

from stocks_ai_assets.backfill import plan, run
from stocks_ai_assets.databricks.bundle import load_bundle
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.errors import (
    WorkspaceDeniedError,
    WorkspaceError,
    WorkspaceLoginError,
    WorkspaceMissingError,
)
from stocks_ai_assets_tests.conftest import END, START, vendor_settings
from stocks_ai_assets_tests.integration.deploying import FILE
from stocks_ai_assets_tests.integration.launching import HALF_DONE, VOLUME, workspace_with_facts

pytestmark = pytest.mark.cluster

QUANT = "quant@example.com"


@pytest.fixture(scope="module")
def remote(tmp_path_factory, vendor):
    """A workspace that sees the home of a deployment with facts."""
    with workspace_with_facts(tmp_path_factory, vendor) as found:
        yield found


@pytest.fixture(params=["step", "pipes"])
def way(request):
    """Way of launching."""
    return request.param


@pytest.fixture
def launch(remote, vendor, environment, way, monkeypatch):
    """Launch an asset; return its run."""
    monkeypatch.setattr("stocks_ai_assets.databricks.launcher.PAUSE", 0.1)
    environment.setenv("DATABRICKS_HOST", remote.running.url)
    instance = dg.DagsterInstance.ephemeral()

    def go(asset="signals/macro", last=START, *, token=remote.running.token, tell=None, **given):
        environment.setenv("DATABRICKS_TOKEN", token)
        chosen = {"poll_seconds": 1.0, "retries": 0, **given}
        opened = open_deployment(remote.settings(vendor, launch=way, **chosen))
        steps = plan(opened, START, last, [asset], refresh=True)
        told = (lambda *_: tell()) if tell else None
        run(opened, START, last, instance=instance, steps=steps, on_launched=told)
        return remote.runs()[-1]

    go.instance = instance
    yield go
    remote.running.workspace.misbehaviour.reset()
    instance.dispose()


@pytest.fixture
def under_policy(remote, way):
    """Settings of a new cluster under the policy of the bundle."""
    bundle = load_bundle(FILE, "dev", {"lake_root": "s3://bucket/dev"}, "admin@example.com")
    found = bundle.resources["cluster_policies"]["stocks_ai"]
    made = remote.client.cluster_policies.create(
        name=f"{found['name']}_{way}", definition=json.dumps(found["definition"])
    )
    yield {"cluster_id": None, "policy_id": made.policy_id, "workers": 0}
    remote.client.cluster_policies.delete(made.policy_id)


@pytest.fixture
def in_pool(remote):
    """Settings of a new cluster in an instance pool."""
    made = remote.client.instance_pools.create("ready", "i3.xlarge")
    return {"cluster_id": None, "pool_id": made.instance_pool_id, "workers": 1}


def test_a_new_cluster_is_as_asked_for_and_groups_see_or_manage_its_run(
    remote, launch, in_pool, way
):
    from databricks.sdk.errors import PermissionDenied

    viewer, manager, other = (
        remote.running.client(
            remote.running.workspace.add_user(f"{name}@example.com", groups=(f"{name}s",))
        )
        for name in ("viewer", "manager", "other")
    )
    run = launch(
        **in_pool,
        tags={"team": "quant"},
        timeout_seconds=900,
        can_view=("viewers",),
        can_manage=("managers",),
    )
    (task,) = run["settings"]["tasks"]
    assert run["settings"]["timeout_seconds"] == 900
    assert task["new_cluster"]["instance_pool_id"] == in_pool["pool_id"]
    assert task["new_cluster"]["num_workers"] == 1
    assert task["new_cluster"]["custom_tags"]["team"] == "quant"
    sent = [next(iter(library.values())) for library in task["libraries"]]
    if way == "step":
        names = {library["package"].split("==")[0] for library in sent}
        assert {"dagster", "polars", "deltalake"} <= names
        assert not [name for name in names if "spark" in name]
    listed = remote.client.permissions.get("jobs", str(run["job_id"])).access_control_list
    held = {one.group_name: one.all_permissions[0].permission_level.value for one in listed}
    assert (held["viewers"], held["managers"]) == ("CAN_VIEW", "CAN_MANAGE")
    assert viewer.jobs.get_run(run["run_id"]).run_id == run["run_id"]
    with pytest.raises(PermissionDenied):
        viewer.jobs.delete_run(run["run_id"])
    with pytest.raises(PermissionDenied):
        other.jobs.get_run(run["run_id"])
    manager.jobs.delete_run(run["run_id"])


def test_a_cluster_under_the_policy_of_the_bundle_has_what_that_fixes_and_its_defaults(
    remote, launch, under_policy
):
    run = launch(**under_policy)
    number = run["tasks"][0]["cluster_instance"]["cluster_id"]
    cluster = remote.client.clusters.get(number)
    assert cluster.policy_id == under_policy["policy_id"]
    assert {"project": "stocks_ai", "target": "dev"}.items() <= cluster.custom_tags.items()
    assert cluster.autotermination_minutes == 30
    with pytest.raises(WorkspaceMissingError, match=r"num_workers.*POLICY_ID"):
        launch(**under_policy | {"workers": 9})


def test_compute_that_an_identity_may_not_use_is_named_with_the_right_and_the_setting(
    remote, launch, in_pool, under_policy
):
    token, before = remote.running.workspace.add_user(QUANT), len(remote.runs())
    policy, pool = under_policy["policy_id"], in_pool["pool_id"]
    for given, compute, remedy in (
        ({}, f"cluster {remote.cluster_id}", "CAN_ATTACH_TO on it, or set .*__CLUSTER_ID"),
        (under_policy, f"under policy {policy}", "CAN_USE on the policy, or set .*__POLICY_ID"),
        (in_pool, f"in pool {pool}", "CAN_ATTACH_TO on the pool, or set .*__POOL_ID"),
    ):
        with pytest.raises(WorkspaceDeniedError, match=f"{compute}: User.*{remedy}") as refused:
            launch(token=token, **given)
        assert token not in str(refused.value)
    assert len(remote.runs()) == before
    assert remote.left() == []


def test_a_group_that_is_not_there_is_named_with_its_setting(launch):
    with pytest.raises(WorkspaceMissingError, match=r"nobody does not exist.*CAN_VIEW"):
        launch(can_view=("nobody",))


def test_a_volume_that_an_identity_may_not_write_is_named_with_the_rights(
    remote, launch, monkeypatch
):
    from databricks.sdk.service.catalog import PermissionsChange, Privilege, VolumeType

    token, client = remote.running.workspace.add_user(QUANT), remote.client
    catalog, schema, volume = VOLUME.split("/")[2:5]
    if catalog not in [one.name for one in client.catalogs.list()]:
        client.catalogs.create(catalog)
        client.schemas.create(schema, catalog)
        client.volumes.create(catalog, schema, volume, VolumeType.MANAGED)
    launch()  # so that the wheel is there already
    before = len(remote.runs())
    monkeypatch.setattr(remote.running.workspace, "authorization", True)
    for kind, name, right in (
        ("catalog", catalog, Privilege.USE_CATALOG),
        ("schema", f"{catalog}.{schema}", Privilege.USE_SCHEMA),
        ("volume", f"{catalog}.{schema}.{volume}", Privilege.READ_VOLUME),
    ):
        remedy = "Grant this identity READ VOLUME and WRITE VOLUME on it"
        with pytest.raises(WorkspaceDeniedError, match=f"in {VOLUME}: User does not.*{remedy}"):
            launch(token=token)
        client.grants.update(kind, name, changes=[PermissionsChange([right], principal=QUANT)])
    with pytest.raises(WorkspaceDeniedError, match=f"WRITE VOLUME on Volume.*{remedy}"):
        launch(token=token)
    assert len(remote.runs()) == before
    assert remote.left() == []


def test_a_token_that_ends_while_its_run_is_followed_is_named_and_the_run_may_go_on(remote, launch):
    token = remote.running.workspace.add_user("short@example.com", groups=("admins",))
    with pytest.raises(WorkspaceLoginError) as failed:
        launch(token=token, tell=lambda: remote.running.workspace.expire(token))
    number = remote.runs()[-1]["run_id"]
    assert re.search(rf"Following .* run {number}.*log in again", str(failed.value))
    (record,) = launch.instance.get_runs()
    said = [entry.to_json() for entry in launch.instance.all_logs(record.run_id)]
    assert [line for line in said if "could not be cancelled, and may go on" in line]
    assert not [line for line in said if token in line]
    remote.client.jobs.cancel_run(number)
    remote.running.ended(number)
    for file in remote.left():
        file.unlink()


LOST = {"step": "signals.risk", "pipes": "signals.technical"}


def test_a_cluster_lost_while_rows_are_written_leaves_nothing_half_done(
    remote, launch, way, vendor, computed
):
    table, faults = LOST[way], remote.running.workspace.misbehaviour
    here, there = (
        open_deployment(vendor_settings(home, vendor)).lake for home in (computed, remote.home)
    )
    assert there.materialized(table) == []

    def lose():
        if faults.before_call:
            run = remote.runs()[-1]
            remote.until_half_done(run)
            faults.reset()
            cluster = run["tasks"][0]["cluster_instance"]["cluster_id"]
            remote.running.workspace.compute.lose_cluster(cluster)

    new = {"cluster_id": None, "workers": 0}
    again = r"same command again, or raise STOCKS_AI_DATABRICKS__RETRIES"
    faults.change(before_call=HALF_DONE)
    with pytest.raises(WorkspaceError, match=f"ended as CLUSTER_ERROR.*{again}"):
        launch(table.replace(".", "/"), END, tell=lose, **new)
    assert there.materialized(table) == []
    before = len(remote.runs())
    faults.change(before_call=HALF_DONE)
    launch(table.replace(".", "/"), END, tell=lose, retries=1, **new)
    assert len(remote.runs()) == before + 2
    record, *_ = launch.instance.get_runs()
    said = [entry.to_json() for entry in launch.instance.all_logs(record.run_id)]
    assert [line for line in said if re.search(r"as CLUSTER_ERROR.*Trying again \(1 of 1\)", line)]
    assert not [line for line in said if "same command again" in line], "it is tried again"
    assert there.fingerprint(table, START, END) == here.fingerprint(table, START, END)
    assert there.fingerprint(table, START, END).rows > 0
