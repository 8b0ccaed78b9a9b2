"""Pipes from the command line and from Dagster's web UI: launched, linked, followed, stopped."""

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
from stocks_ai_assets_tests.integration.web_ui import RANGE, running_ui, until

pytestmark = pytest.mark.cluster

BIN = Path(sys.executable).parent
FIRST, LAST = START.isoformat(), END.isoformat()


@pytest.fixture(scope="module")
def remote(tmp_path_factory, vendor):
    """A workspace that sees the home of a deployment with facts."""
    with workspace_with_facts(tmp_path_factory, vendor) as found:
        yield found


@pytest.fixture(scope="module")
def process_environment(remote, vendor):
    """Environment of a process that launches by Pipes."""
    from stocks_ai_assets.instance import environment, write_configuration

    settings = vendor_settings(remote.home, vendor)
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
        "STOCKS_AI_LAUNCH": "pipes",
        "STOCKS_AI_LAKE_ROOT": str(remote.home / "lake"),
        "STOCKS_AI_DATABRICKS__STAGING_FOLDER": VOLUME,
        "STOCKS_AI_DATABRICKS__SERVERLESS": "true",
        "STOCKS_AI_DATABRICKS__POLL_SECONDS": "1",
    }


@pytest.fixture
def healthy(remote):
    """Take the faults of the workspace back."""
    yield remote.running.workspace.misbehaviour
    remote.running.workspace.misbehaviour.reset()


def backfill(process_environment, folder, *selected):
    command = [BIN / "stocks-ai", "backfill", "--from", FIRST, "--to", LAST, "--json"]
    return subprocess.Popen(
        [*command, "--select", *selected],
        cwd=folder,
        env=process_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left(remote):
    """What lies in staging, without the wheel."""
    return [path for path in remote.staged() if path.suffix != ".whl"]


def test_a_backfill_prints_the_link_of_its_run_and_counts_what_was_written(
    remote, process_environment, tmp_path, computed, vendor
):
    process = backfill(process_environment, tmp_path, "group:signals")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    (run,) = remote.runs()
    assert f"Databricks run {run['run_id']} ({run['run_page_url']})" in err
    assert "signals/technical" in err
    said = json.loads(out)
    assert said["runs"] == 1
    assert said["assets"] == said["assets_changed"] == 8
    there, here = (
        open_deployment(vendor_settings(home, vendor)).lake for home in (remote.home, computed)
    )
    for table in ("signals.technical", "signals.sector", "signals.macro"):
        assert there.fingerprint(table, START, END) == here.fingerprint(table, START, END)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_remote_run_and_leaves_nothing_staged(
    remote, process_environment, tmp_path, healthy, number
):
    healthy.change(slow_start_seconds=60)
    before = len(remote.runs())
    process = backfill(process_environment, tmp_path, "agents/models/risk")
    assert "Databricks run" in process.stderr.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("Interrupted.")
    (run,) = remote.runs()[before:]
    assert remote.state(run) == ("TERMINATED", "CANCELED")
    assert left(remote) == []


@pytest.fixture(scope="module")
def web(process_environment, tmp_path_factory):
    """A running web UI with its daemon."""
    with running_ui(process_environment, tmp_path_factory.mktemp("ui")) as ui:
        yield ui


def test_a_range_launched_in_the_web_ui_shows_the_link_of_its_run(remote, web):
    run_id = web.launch("signals/risk", RANGE)
    until(lambda: web.status(run_id) in ("SUCCESS", "FAILURE"), 180)
    assert web.status(run_id) == "SUCCESS"
    link = remote.runs()[-1]["run_page_url"]
    assert {("EngineEvent", link), ("MaterializationEvent", link)} <= web.links(run_id)


def test_terminating_in_the_web_ui_stops_the_remote_run(remote, web, healthy):
    healthy.change(slow_start_seconds=120)
    before = len(remote.runs())
    run_id = web.launch("signals/macro", {"dagster/partition": FIRST})
    (run,) = until(lambda: remote.runs()[before:], 120)
    until(lambda: web.links(run_id), 60)
    web.ask("mutation T($r: String!) { terminateRun(runId: $r) { __typename } }", r=run_id)
    until(lambda: web.status(run_id) == "CANCELED", 120)
    assert remote.state(run) == ("TERMINATED", "CANCELED")
    assert left(remote) == []
