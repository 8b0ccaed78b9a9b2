"""Assets launched through Pipes run on a workspace as they run here: same bits, records, words."""

import io
import json
import shutil
import zipfile
from datetime import date

import dagster as dg
import pytest

from stocks_ai_assets.backfill import plan, run
from stocks_ai_assets.databricks.pipes_files import MessageFiles
from stocks_ai_assets.databricks.pipes_messages import END_OF_FILE
from stocks_ai_assets.databricks.volumes import VolumeStaging
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.errors import (
    LookbackMissingError,
    WorkspaceError,
    WorkspaceLoginError,
    WorkspaceMissingError,
)
from stocks_ai_assets.pipeline import pipeline
from stocks_ai_assets.settings import Settings
from stocks_ai_assets_tests.conftest import END, SMALLEST, START, vendor_settings
from stocks_ai_assets_tests.integration.launching import VOLUME, workspace_with_facts

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def remote(tmp_path_factory, vendor):
    """A workspace that sees the home of a deployment with facts."""
    with workspace_with_facts(tmp_path_factory, vendor) as found:
        yield found


class Launched:
    """What one backfill through Pipes did."""

    def __init__(self, instance):
        self.instance, self.written, self.runs = instance, [], []

    def materialization(self, asset):
        found = self.instance.get_latest_materialization_event(dg.AssetKey(asset.split("/")))
        return found and found.asset_materialization


@pytest.fixture
def launch(remote, vendor, environment):
    """Backfill assets through Pipes on the workspace."""
    environment.setenv("DATABRICKS_HOST", remote.running.url)
    environment.setenv("DATABRICKS_TOKEN", remote.running.token)
    instance = dg.DagsterInstance.ephemeral()

    def go(*assets, first=START, last=END, tell=None, lake_root=None, engine="local", **workspace):
        chosen = {"staging_folder": VOLUME, "poll_seconds": 1.0, "retries": 0, **workspace}
        given = {
            "launch": "pipes",
            "engine": engine,
            "lake_root": str(remote.home / "lake"),
            "databricks": chosen,
        }
        settings = vendor_settings(remote.home, vendor, **given)
        if lake_root:
            # A cluster does not see the vendor's folder of this machine.
            settings = Settings(
                home=remote.home,
                first_session=START,
                sample_symbols=SMALLEST,
                **{**given, "lake_root": lake_root},
            )
        deployment, found = open_deployment(settings), go.found

        def note(name, started):
            found.runs.append((name, started))
            if tell:
                tell()

        steps = plan(deployment, first, last, assets, refresh=True)
        run(
            deployment,
            first,
            last,
            instance=instance,
            steps=steps,
            on_written=found.written.append,
            on_launched=note,
        )
        return found

    go.found = Launched(instance)
    yield go
    remote.running.workspace.misbehaviour.reset()
    instance.dispose()


COMPUTE = {
    "warm cluster": lambda remote: {"cluster_id": remote.cluster_id},
    "new cluster": lambda remote: {"workers": 0, "tags": {"team": "quant"}},
    "serverless": lambda remote: {"serverless": True},
}


@pytest.mark.parametrize("compute", COMPUTE)
def test_a_range_has_the_bits_of_this_machine_on_every_kind_of_compute(
    remote, launch, vendor, computed, compute
):
    assets = ("signals/risk", "signals/technical")
    found = launch(*assets, **COMPUTE[compute](remote))
    assert {report.name for report in found.written} == set(assets)
    ((name, started),) = found.runs  # one run for both
    assert name == "stage_1_market_signals_evaluation"
    here = open_deployment(vendor_settings(computed, vendor)).lake
    there = open_deployment(vendor_settings(remote.home, vendor)).lake
    for table in ("signals.risk", "signals.technical"):
        assert there.fingerprint(table, START, END) == here.fingerprint(table, START, END)
    told = found.materialization("signals/risk").metadata
    assert told["databricks_run_id"].value == started.run_id
    assert told["databricks_run_url"].value == started.url
    assert told["rows_of_range"].value > 0
    assert told["content_hash"].value
    key = dg.AssetKey(["signals", "risk"])
    days = found.instance.get_materialized_partitions(key)
    assert {START.isoformat(), END.isoformat()} <= days


@pytest.mark.spark
def test_spark_on_the_cluster_finds_the_bits_that_are_there(remote, launch):
    launch("signals/technical", cluster_id=remote.cluster_id)
    found = launch("signals/technical", engine="spark", cluster_id=remote.cluster_id)
    assert not found.written[-1].changed


def test_one_session_is_one_partition_and_its_checks_come_back(remote, launch):
    found = launch("signals/technical", first=START, last=START, cluster_id=remote.cluster_id)
    told = found.materialization("signals/technical")
    assert told.partition == START.isoformat()
    assert told.metadata["dagster/partition_row_count"].value > 0
    (run_record,) = found.instance.get_runs()
    logs = found.instance.all_logs(
        run_record.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    found_checks = {log.dagster_event.event_specific_data.check_name for log in logs}
    assert {"every_session", "mostly_known"} == found_checks


def test_checks_alone_are_judged_where_the_rows_are(remote, launch, vendor):
    settings = vendor_settings(
        remote.home,
        vendor,
        launch="pipes",
        lake_root=str(remote.home / "lake"),
        databricks={"staging_folder": VOLUME, "cluster_id": remote.cluster_id},
    )
    key = dg.AssetCheckKey(dg.AssetKey(["market", "prices"]), "published_in_time")
    job = pipeline(open_deployment(settings)).resolve_job_def("stage_1_market_signals_evaluation")
    result = job.get_subset(asset_check_selection={key}).execute_in_process(
        instance=launch.found.instance,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    (verdict,) = result.get_asset_check_evaluations()
    assert verdict.passed
    assert verdict.description.startswith("0 of ")
    assert "databricks_run_url" in verdict.metadata
    assert result.get_asset_materialization_events() == []


def test_the_wheel_is_uploaded_once_and_holds_the_package_alone(remote, launch):
    launch("signals/technical", first=START, last=START, cluster_id=remote.cluster_id)
    launch("signals/risk", first=START, last=START, cluster_id=remote.cluster_id)
    (wheel,) = [path for path in remote.staged() if path.suffix == ".whl"]
    names = zipfile.ZipFile(io.BytesIO(wheel.read_bytes())).namelist()
    assert all(name.startswith("stocks_ai_assets") for name in names)
    assert not [name for name in names if "assets_tests" in name or ".env" in name]
    assert [path for path in remote.staged() if path != wheel] == []  # nothing else is left


def test_files_of_messages_are_read_all_at_once_however_many_there_are(remote):
    staging, folder = VolumeStaging(remote.client, VOLUME), f"{VOLUME}/many"
    lines = {
        f"{number}.json": f'{{"n": {number}}}{END_OF_FILE}'.encode() for number in range(1, 31)
    }
    staging.write(folder, lines)
    reader = MessageFiles(staging, log=None, interval=0)
    cursor, found = reader.download_messages(None, {"path": folder})
    assert [json.loads(line)["n"] for line in found.splitlines() if line] == list(range(1, 31))
    assert reader.download_messages(cursor, {"path": folder}) is None
    staging.write(folder, {"31.json": f"{{}}{END_OF_FILE}".encode()})
    assert reader.download_messages(cursor, {"path": folder}) == (32, f"{{}}{END_OF_FILE}")
    shutil.rmtree(remote.running.workspace.path(folder))


def test_an_error_of_ours_on_the_cluster_is_raised_here(remote, launch):
    day = date(2021, 4, 7)
    with pytest.raises(LookbackMissingError, match="stocks-ai backfill --select"):
        launch("agents/predictions/macro", first=day, last=day, cluster_id=remote.cluster_id)
    assert launch.found.materialization("agents/predictions/macro") is None


def test_lost_messages_never_look_materialized(remote, launch):
    remote.running.workspace.misbehaviour.change(lose_messages="1.json")
    with pytest.raises(WorkspaceError, match=r"messages about signals/risk, check .* were lost"):
        launch("signals/risk", cluster_id=remote.cluster_id)
    assert launch.found.materialization("signals/risk") is None
    remote.running.workspace.misbehaviour.reset()
    found = launch("signals/risk", cluster_id=remote.cluster_id)
    assert [report.changed for report in found.written] == [False]
    assert found.materialization("signals/risk") is not None


@pytest.mark.parametrize("state", ["TIMEDOUT", "SUCCESS_WITH_FAILURES"])
def test_a_run_that_ends_otherwise_than_well_fails_by_name_and_shows_its_output(
    remote, launch, state
):
    speaking = ("stocks_ai_assets.lake.coverage:Ledger.covered", "print('a word from there')")
    remote.running.workspace.misbehaviour.change(end_runs_as=state, before_call=speaking)
    with pytest.raises(WorkspaceError, match=state):
        launch("signals/technical", first=START, last=START, cluster_id=remote.cluster_id)
    (run_record,) = launch.found.instance.get_runs()
    said = [log.user_message for log in launch.found.instance.all_logs(run_record.run_id)]
    (shown,) = [words for words in said if words.startswith("Output of Databricks run")]
    assert "a word from there" in shown


def test_other_versions_on_the_cluster_are_refused(remote, launch):
    remote.running.workspace.misbehaviour.change(version_skew=("polars", "1.0.0"))
    with pytest.raises(WorkspaceError, match=r"polars.*1\.0\.0"):
        launch("signals/risk", workers=0)


def test_a_busy_and_stumbling_workspace_is_waited_out(remote, launch):
    remote.running.workspace.misbehaviour.change(
        too_many_requests=2, server_errors=1, unavailable=1
    )
    found = launch("signals/technical", first=START, last=START, cluster_id=remote.cluster_id)
    assert found.materialization("signals/technical") is not None


def test_what_the_workspace_lacks_is_named_with_a_remedy(remote, launch, environment):
    with pytest.raises(WorkspaceMissingError, match="STAGING_FOLDER"):
        launch("signals/risk", staging_folder="/Volumes/main/ops/nothing", serverless=True)
    with pytest.raises(WorkspaceMissingError, match=r"cluster 0101-none.*CLUSTER_ID"):
        launch("signals/risk", cluster_id="0101-none")
    environment.setenv("DATABRICKS_TOKEN", "dapi0123456789abcdef")
    with pytest.raises(WorkspaceLoginError) as refused:
        launch("signals/risk", cluster_id=remote.cluster_id)
    assert "dapi" not in str(refused.value)


def test_a_lake_in_an_object_store_is_reached_with_a_secret_that_nobody_sees(
    remote, launch, in_object_store
):
    public = dict(in_object_store.environment)
    name = "AWS_SECRET_ACCESS_KEY"
    secret = public.pop(name)
    remote.client.secrets.create_scope("lake")
    remote.client.secrets.put_secret("lake", "key", string_value=secret)
    found = launch(
        "market/esg_ratings",
        cluster_id=remote.cluster_id,
        lake_root=in_object_store.url("piped"),
        variables=public,
        secret_scope="lake",  # noqa: S106  # name of a scope
        secrets={name: "key"},
    )
    assert found.materialization("market/esg_ratings") is not None
    assert [report.rows > 0 for report in found.written] == [True]
    (run_record,) = found.instance.get_runs()
    said = [log.to_json() for log in found.instance.all_logs(run_record.run_id)]
    assert not [line for line in said if secret in line]
    assert secret not in str(remote.runs()[-1])
