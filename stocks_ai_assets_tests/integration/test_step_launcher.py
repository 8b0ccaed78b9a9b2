"""Computed assets run on a workspace as they run here: same bits, same records, same words."""

import io
import json
import shutil
import threading
import zipfile
from datetime import date

import dagster as dg
import pytest

from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.errors import LookbackMissingError, WorkspaceError, WorkspaceLoginError
from stocks_ai_assets.packed import package_files
from stocks_ai_assets.partitions import PARTITION, RANGE_END, RANGE_START
from stocks_ai_assets_tests.conftest import END, START, vendor_settings
from stocks_ai_assets_tests.integration.launching import workspace_with_facts

pytestmark = pytest.mark.cluster

STAGE = "stage_1_market_signals_evaluation"
FIRST, LAST = START.isoformat(), END.isoformat()
DBFS = {"staging": "dbfs", "staging_folder": "/stocks_ai/staging"}


@pytest.fixture(scope="module")
def remote(tmp_path_factory, vendor):
    """A workspace that sees the home of a deployment with facts."""
    with workspace_with_facts(tmp_path_factory, vendor) as found:
        yield found


@pytest.fixture
def step(remote, vendor, environment):
    """Launch an asset on the workspace; return how the run ended, and its instance's records."""
    environment.setenv("DATABRICKS_HOST", remote.running.url)
    environment.setenv("DATABRICKS_TOKEN", remote.running.token)
    environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "2000")
    instance = dg.DagsterInstance.ephemeral()

    def launch(
        asset="signals/risk", first=FIRST, last=None, *, tell=None, home=None, where=None, **given
    ):
        from stocks_ai_assets.pipeline import pipeline

        settings = remote.settings(vendor, home=home, where=where, **given)
        tags = {RANGE_START: first, RANGE_END: last} if last else {PARTITION: first}
        return (
            pipeline(open_deployment(settings), on_launched=tell)
            .resolve_job_def(STAGE)
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(asset.split("/"))],
                tags=tags,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        )

    launch.instance = instance
    yield launch
    remote.running.workspace.misbehaviour.reset()
    instance.dispose()


def said(result):
    """Error that made the only failed step fail: its name and its words."""
    (event,) = result.get_step_failure_events()
    data = event.step_failure_data.user_failure_data
    return data.metadata["error"].value, data.description


@pytest.mark.parametrize(
    ("asset", "first", "last", "given"),
    [
        ("signals/technical", "2021-03-25", "2021-03-25", {}),
        ("signals/risk", "2021-03-25", "2021-04-07", {}),
        ("signals/technical", "2021-03-26", "2021-03-26", DBFS),
        ("signals/macro", "2021-03-25", "2021-04-07", DBFS),
    ],
)
def test_a_session_and_a_range_become_the_same_rows_there_as_here(
    remote, step, computed, vendor, asset, first, last, given
):
    table, days = asset.replace("/", "."), (date.fromisoformat(first), date.fromisoformat(last))
    here, there = (
        open_deployment(vendor_settings(home, vendor)).lake for home in (computed, remote.home)
    )
    assert all(end < days[0] for _, end in there.materialized(table, None))
    assert step(asset, first, last if last != first else None, **given).success
    assert there.fingerprint(table, *days) == here.fingerprint(table, *days)
    assert there.fingerprint(table, *days).rows > 0
    assert remote.staged() == [], "what was staged is taken away"


def test_a_range_is_one_run_there_and_a_materialization_a_session_here(remote, step):
    before = len(remote.runs())
    assert step("signals/risk", FIRST, LAST).success
    (run,) = remote.runs()[before:]
    records = step.instance.fetch_materializations(dg.AssetKey(["signals", "risk"]), limit=99)
    found = {record.partition_key: record.asset_materialization for record in records.records}
    assert len(found) == 9
    assert min(found) == FIRST
    assert max(found) == LAST
    for told in found.values():
        assert told.metadata["databricks_run_id"].value == run["run_id"]
        assert told.metadata["databricks_run_url"].value == run["run_page_url"]
        assert told.metadata["rows_of_range"].value > 0
    assert run["run_name"] == f"signals/risk {FIRST}..{LAST}"


SPEAKING = ("stocks_ai_assets.lake.coverage:Ledger.covered", "print('a word from there')")
"""Fault: the remote process prints something."""


def heard(step, result, source):
    """Whether the run's log has what `SPEAKING` printed, and says where it comes from."""
    said = [entry.user_message for entry in step.instance.all_logs(result.run_id)]
    begin = f"{source} of signals/risk in Databricks run"
    return any(words.startswith(begin) and "a word from there" in words for words in said)


def test_the_run_is_named_while_it_goes_on_and_what_it_printed_comes_back(remote, step):
    told = []
    remote.running.workspace.misbehaviour.change(before_call=SPEAKING)
    result = step(tell=lambda name, run: told.append((name, run.run_id)))
    assert told == [("signals/risk", remote.runs()[-1]["run_id"])]
    messages = [entry.user_message for entry in step.instance.all_logs(result.run_id)]
    link = remote.runs()[-1]["run_page_url"]
    assert any(f"({link})" in message and "runs as" in message for message in messages)
    assert any(message.startswith("signals/risk: ") for message in messages), "logged there"
    assert heard(step, result, "stdout")


def test_an_error_of_ours_comes_back_as_it_would_be_raised_here(step):
    name, words = said(step("signals/technical", "2021-04-07", "2021-04-08"))
    assert name == "LookbackMissingError"
    assert "market/prices" in words
    assert "stocks-ai backfill" in words


def test_a_failed_step_is_kept_if_asked_and_holds_the_package_and_no_secret(remote, step):
    assert not step("signals/technical", "2021-04-08", keep_failed=True).success
    files = {path.name: path.read_bytes() for path in remote.staged()}
    try:
        with zipfile.ZipFile(io.BytesIO(files["code.zip"])) as packed:
            assert set(packed.namelist()) == set(package_files())
        for name, content in files.items():
            assert remote.running.token.encode() not in content, name
        assert "DATABRICKS_TOKEN" not in json.loads(files["order.json"])["variables"]
    finally:
        for path in remote.staged():
            path.unlink()


def test_every_result_but_success_is_an_error_that_names_it_and_the_run(remote, step):
    from databricks.sdk.service.jobs import RunResultState

    for state in RunResultState:
        if state.value == "SUCCESS":
            continue
        remote.running.workspace.misbehaviour.change(end_runs_as=state.value)
        name, words = said(step(retries=0))
        assert name == "WorkspaceError"
        expected = "RUN_EXECUTION_ERROR" if state.value == "FAILED" else state.value
        assert f"ended as {expected}" in words
        assert remote.runs()[-1]["run_page_url"] in words
        assert len(words.splitlines()) <= 2
    assert remote.staged() == []


def test_a_run_that_reports_nothing_is_no_success(remote, step):
    remote.running.workspace.misbehaviour.change(lose_messages="_events_")
    name, words = said(step(retries=0))
    assert name == "WorkspaceError"
    assert "without saying how the step ended" in words
    assert words.endswith("Run the step again.")
    result = step(retries=1)
    (tried,) = (
        entry.user_message
        for entry in step.instance.all_logs(result.run_id)
        if "Trying again (1 of 1)" in entry.user_message
    )
    assert "without saying how the step ended" in tried
    assert "Run the step again" not in tried


@pytest.fixture
def blocking(remote):
    """Let the staging folder of the newest step refuse files of some names."""
    made = []

    def block(*names):
        def now(*_):
            (order,) = [path for path in remote.staged() if path.name == "order.json"]
            for name in names:
                made.append(order.parent / name)
                made[-1].mkdir()

        return now

    block.end = lambda: [folder.rmdir() for folder in made if folder.exists()]
    yield block
    for path in {folder.parent for folder in made if folder.parent.exists()}:
        shutil.rmtree(path)


def test_events_that_the_staging_folder_refuses_for_a_while_arrive(remote, step, blocking):
    block = blocking("0_events_0.gz")

    def refuse_for_a_while(*told):
        block(*told)
        threading.Timer(3.0, blocking.end).start()

    assert step(tell=refuse_for_a_while).success
    assert step.instance.fetch_materializations(dg.AssetKey(["signals", "risk"]), limit=1).records
    assert remote.staged() == []


@pytest.mark.parametrize("also", [(), ("0_failure.json", "0_output.json")])
def test_a_staging_folder_that_refuses_events_for_good_is_the_cause_that_is_told(
    remote, step, blocking, also
):
    remote.running.workspace.misbehaviour.change(before_call=SPEAKING)
    result = step(tell=blocking("0_events_0.gz", *also), retries=0)
    name, words = said(result)
    assert name == "WorkspaceError"
    assert "IsADirectoryError (Is a directory)" in words
    assert "writable again" in words
    assert "memory" not in words
    assert heard(step, result, "driver's log" if also else "stdout")


def test_other_versions_on_the_cluster_are_named_before_anything_is_unpacked(remote, step):
    remote.running.workspace.misbehaviour.change(version_skew=("polars", "0.1.2"))
    before = len(remote.runs())
    name, words = said(step(install=False, retries=3))
    assert name == "WorkspaceError"
    assert "polars 0.1.2 instead of" in words
    assert "STOCKS_AI_DATABRICKS__INSTALL=true" in words
    assert len(remote.runs()) == before + 1, "it would fail again"
    name, words = said(step(cluster_id=None, workers=1))
    assert "LIBRARY_INSTALLATION_ERROR" in words
    assert "polars" in words


def test_a_busy_or_failing_workspace_is_asked_again(remote, step):
    remote.running.workspace.misbehaviour.change(too_many_requests=2, server_errors=2)
    assert step().success
    remote.running.workspace.misbehaviour.change(unavailable=1)
    assert step().success


@pytest.mark.parametrize(
    ("given", "error", "named"),
    [
        ({"staging_folder": "/Volumes/main/ops/none"}, "WorkspaceMissingError", "STAGING_FOLDER"),
        ({"cluster_id": "0101-no-such"}, "WorkspaceMissingError", "CLUSTER_ID"),
        ({"cluster_id": None, "node_type": "none.big"}, "WorkspaceMissingError", "NODE_TYPE"),
    ],
)
def test_what_the_workspace_lacks_is_named_with_its_setting(remote, step, given, error, named):
    name, words = said(step(**given))
    assert name == error
    assert named in words
    assert next(iter(v for v in given.values() if v)) in words
    assert remote.staged() == []


def test_a_lake_that_the_cluster_does_not_see_is_named_and_none_is_begun_there(
    step, remote, tmp_path
):
    name, words = said(step(home=tmp_path / "elsewhere"))
    assert name == "WorkspaceError"
    assert f"{tmp_path}/elsewhere/lake" in words
    assert "STOCKS_AI_LAKE_ROOT" in words


def test_a_workspace_without_dbfs_says_to_stage_on_a_volume(remote, step):
    remote.running.workspace.misbehaviour.change(no_dbfs=True)
    name, words = said(step(**DBFS))
    assert name == "WorkspaceDeniedError"
    assert "STAGING=volumes" in words


def test_an_expired_token_is_named_and_not_shown(remote, step, environment):
    token = remote.running.workspace.add_user("quant@example.com")
    remote.running.workspace.expire(token)
    environment.setenv("DATABRICKS_TOKEN", token)
    name, words = said(step())
    assert name == "WorkspaceLoginError"
    assert token not in words


def test_a_workspace_that_cannot_be_reached_is_named(step, environment):
    environment.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    name, words = said(step(patience_seconds=1))
    assert name == "WorkspaceUnreachableError"
    assert "DATABRICKS_HOST" in words


def test_secrets_reach_the_step_by_their_scope_and_a_missing_one_is_named(remote, step):
    remote.client.secrets.create_scope("stocks")
    remote.client.secrets.put_secret("stocks", "horizon", string_value="not-a-number")
    secrets = {"secret_scope": "stocks", "secrets": {"STOCKS_AI_HORIZON": "horizon"}}
    _, words = said(step(**secrets))
    assert "STOCKS_AI_HORIZON" in words, "the remote settings were read with the secret in them"
    _, words = said(step(**secrets | {"secrets": {"LAKE_KEY": "nothing"}}))
    assert "nothing" in words


def test_the_error_of_the_command_line_is_the_error_of_the_step(remote, step, vendor, environment):
    from stocks_ai_assets.backfill import plan, run

    opened, later = open_deployment(remote.settings(vendor)), date(2021, 4, 8)
    steps = plan(opened, later, later, ["signals/risk"])
    with pytest.raises(LookbackMissingError, match="market/prices"):
        run(opened, later, later, instance=step.instance, steps=steps)
    with environment.context() as without:
        without.delenv("DATABRICKS_HOST")
        without.setenv("HOME", "/nowhere")
        with pytest.raises(WorkspaceLoginError, match="DATABRICKS_HOST"):
            run(opened, later, later, instance=step.instance, steps=steps)
    remote.running.workspace.misbehaviour.change(end_runs_as="TIMEDOUT")
    steps = plan(opened, START, END, ["signals/risk"], refresh=True)
    with pytest.raises(WorkspaceError, match="TIMEOUT_SECONDS"):
        run(opened, START, END, instance=step.instance, steps=steps)


def test_a_lake_in_an_object_store_is_read_and_written_there_with_keys_from_the_secret_scope(
    remote, step, vendor, computed, in_object_store, tmp_path
):
    from stocks_ai_assets.backfill import plan, run, select

    where = {"lake_root": in_object_store.url("steps")}
    here = open_deployment(vendor_settings(tmp_path / "home", vendor, **where))
    steps = plan(here, START, START, select(here, "group:market"))
    run(here, START, START, instance=step.instance, steps=steps)
    remote.client.secrets.create_scope("lakes")
    remote.client.secrets.put_secret(
        "lakes", "key", string_value=in_object_store.environment["AWS_SECRET_ACCESS_KEY"]
    )
    variables = dict(in_object_store.environment)
    del variables["AWS_SECRET_ACCESS_KEY"]
    keys = {"secret_scope": "lakes", "secrets": {"AWS_SECRET_ACCESS_KEY": "key"}}
    home = tmp_path / "home"
    result = step("signals/technical", home=home, where=where, variables=variables, **keys)
    assert result.success
    there = here.lake.fingerprint("signals.technical", START, START)
    reference = open_deployment(vendor_settings(computed, vendor)).lake
    assert there == reference.fingerprint("signals.technical", START, START)
    assert there.rows > 0
