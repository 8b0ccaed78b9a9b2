"""Steps are launched, followed and stopped from the command lines and from Dagster's web UI."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets_tests.conftest import END, START, variables, vendor_settings
from stocks_ai_assets_tests.integration.launching import VOLUME, workspace_with_facts
from stocks_ai_assets_tests.integration.web_ui import RANGE, STAGE, running_ui, until

pytestmark = pytest.mark.cluster

BIN = Path(sys.executable).parent
DEFINITIONS = "stocks_ai_assets.definitions"
FIRST, LAST = START.isoformat(), END.isoformat()


@pytest.fixture(scope="module")
def remote(tmp_path_factory, vendor):
    """A workspace that sees the home of a deployment with facts."""
    with workspace_with_facts(tmp_path_factory, vendor) as found:
        yield found


@pytest.fixture(scope="module")
def process_environment(remote, vendor):
    """Environment of a process that launches steps."""
    from stocks_ai_assets.instance import environment, write_configuration

    settings = remote.settings(vendor)
    write_configuration(settings)
    kept = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}  # noqa: TID251
    return {
        **kept,
        **environment(settings),
        **{f"STOCKS_AI_{k.upper()}": v for k, v in variables(settings).items()},
        "PATH": f"{BIN}:/usr/bin:/bin",
        "PYTHONWARNINGS": "ignore",
        "DATABRICKS_HOST": remote.running.url,
        "DATABRICKS_TOKEN": remote.running.token,
        "STOCKS_AI_LAUNCH": "step",
        "STOCKS_AI_LAKE_ROOT": str(settings.lake),
        "STOCKS_AI_DATABRICKS__STAGING_FOLDER": VOLUME,
        "STOCKS_AI_DATABRICKS__CLUSTER_ID": remote.cluster_id,
        "STOCKS_AI_DATABRICKS__POLL_SECONDS": "0.2",
    }


@pytest.fixture
def healthy(remote):
    """Take the faults of the workspace back."""
    yield remote.running.workspace.misbehaviour
    remote.running.workspace.misbehaviour.reset()


@pytest.fixture
def same_rows(remote, vendor, computed):
    """Compare a table with what this machine computed."""

    def compare(table):
        there, here = (
            open_deployment(vendor_settings(home, vendor)).lake.fingerprint(table, START, END)
            for home in (remote.home, computed)
        )
        assert there == here
        assert there.rows > 0

    return compare


def test_a_backfill_prints_the_link_of_every_run_and_counts_what_was_written(
    remote, process_environment, tmp_path, same_rows
):
    command = [BIN / "stocks-ai", "backfill", "--from", FIRST, "--to", LAST, "--json"]
    done = subprocess.run(
        [*command, "--select", "signals/technical"],
        cwd=tmp_path,
        env=process_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    run = remote.runs()[-1]
    assert f"Databricks run {run['run_id']} ({run['run_page_url']})" in done.stderr
    said = json.loads(done.stdout)
    assert said["assets"] == said["assets_changed"] == 1
    assert said["rows"] > 0
    same_rows("signals.technical")


def test_dagsters_own_command_launches_the_same_step(
    remote, process_environment, tmp_path, same_rows
):
    before = len(remote.runs())
    config = tmp_path / "none.yaml"
    config.write_text("{}")
    command = [BIN / "dagster", "job", "execute", "-m", DEFINITIONS, "-j", STAGE, "--tags"]
    subset = {"ops": "signals__macro"}
    done = subprocess.run(
        [*command, json.dumps(RANGE), "--op-selection", subset["ops"]],
        cwd=tmp_path,
        env=process_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(remote.runs()) == before + 1
    same_rows("signals.macro")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_remote_run_and_leaves_nothing_staged(
    remote, process_environment, tmp_path, healthy, number
):
    healthy.change(slow_start_seconds=60)
    before = len(remote.runs())
    process = subprocess.Popen(
        [BIN / "stocks-ai", "backfill", "--from", FIRST, "--to", LAST, "--select", "signals/risk"],
        cwd=tmp_path,
        env=process_environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "Databricks run" in process.stderr.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("Interrupted.")
    (run,) = remote.runs()[before:]
    assert remote.state(run) == ("TERMINATED", "CANCELED")
    assert remote.staged() == []


@pytest.fixture(scope="module")
def web(process_environment, tmp_path_factory):
    """A running web UI with its daemon."""
    with running_ui(process_environment, tmp_path_factory.mktemp("ui")) as ui:
        yield ui


def test_a_range_launched_in_the_web_ui_shows_the_link_of_its_run(remote, web, same_rows):
    run_id = web.launch("signals/risk", RANGE)
    until(lambda: web.status(run_id) in ("SUCCESS", "FAILURE"), 180)
    assert web.status(run_id) == "SUCCESS"
    link = remote.runs()[-1]["run_page_url"]
    assert {("EngineEvent", link), ("MaterializationEvent", link)} <= web.links(run_id)
    same_rows("signals.risk")


def test_terminating_in_the_web_ui_stops_the_remote_run(remote, web, healthy):
    healthy.change(slow_start_seconds=120)
    before = len(remote.runs())
    run_id = web.launch("signals/macro", {"dagster/partition": FIRST})
    (run,) = until(lambda: remote.runs()[before:], 120)
    until(lambda: web.links(run_id), 60)
    web.ask(
        "mutation T($r: String!) { terminateRun(runId: $r) { __typename } }",
        r=run_id,
    )
    until(lambda: web.status(run_id) == "CANCELED", 120)
    assert remote.state(run) == ("TERMINATED", "CANCELED")
    assert remote.staged() == []
