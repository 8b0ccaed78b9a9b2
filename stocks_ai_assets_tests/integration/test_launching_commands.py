"""Both ways of launching as users launch, follow and stop them: command line and web UI."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets_tests.conftest import END, START, variables, vendor_settings
from stocks_ai_assets_tests.integration.launching import HALF_DONE, VOLUME, workspace_with_facts
from stocks_ai_assets_tests.integration.web_ui import RANGE, SESSION, STAGE, running_ui, until

pytestmark = pytest.mark.cluster

BIN = Path(sys.executable).parent
DEFINITIONS = "stocks_ai_assets.definitions"
FIRST, LAST = START.isoformat(), END.isoformat()


COMPUTE = {
    "step": {"LAUNCH": "step", "DATABRICKS__POLL_SECONDS": "0.2"},
    "pipes": {"LAUNCH": "pipes", "DATABRICKS__POLL_SECONDS": "1", "DATABRICKS__SERVERLESS": "true"},
}


@pytest.fixture(scope="module", params=COMPUTE)
def way(request):
    """Way of launching: steps on a warm cluster, Pipes on serverless compute."""
    return request.param


@pytest.fixture(scope="module")
def remote(tmp_path_factory, vendor, way):  # each has its own
    """A workspace that sees the home of a deployment with facts and one table of signals."""
    with workspace_with_facts(tmp_path_factory, vendor, "signals/technical") as found:
        yield found


@pytest.fixture(scope="module")
def process_environment(remote, vendor, way):
    """Environment of a process that launches."""
    from stocks_ai_assets.instance import environment, write_configuration

    settings = vendor_settings(remote.home, vendor)
    write_configuration(settings)
    launching = dict(COMPUTE[way])
    if way == "step":
        launching["DATABRICKS__CLUSTER_ID"] = remote.cluster_id
    kept = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}  # noqa: TID251
    return {
        **kept,
        **environment(settings),
        **{f"STOCKS_AI_{k.upper()}": v for k, v in variables(settings).items()},
        "PATH": f"{BIN}:/usr/bin:/bin",
        "PYTHONWARNINGS": "ignore",
        "DATABRICKS_HOST": remote.running.url,
        "DATABRICKS_TOKEN": remote.running.token,
        "STOCKS_AI_LAKE_ROOT": str(settings.lake),
        "STOCKS_AI_DATABRICKS__STAGING_FOLDER": VOLUME,
        **{f"STOCKS_AI_{name}": value for name, value in launching.items()},
    }


@pytest.fixture
def healthy(remote):
    """Take the faults of the workspace back."""
    yield remote.running.workspace.misbehaviour
    remote.running.workspace.misbehaviour.reset()


@pytest.fixture
def left(remote, way):
    """Files that a run has left in its staging folder; of Pipes, the wheel stays for the next."""
    return remote.left if way == "pipes" else remote.staged


@pytest.fixture
def lake(remote, vendor):
    """The lake that both sides see."""
    return open_deployment(vendor_settings(remote.home, vendor)).lake


@pytest.fixture
def same_rows(lake, vendor, computed):
    """Compare tables with what this machine computed."""

    def compare(*tables, last=END):
        here = open_deployment(vendor_settings(computed, vendor)).lake
        for table in tables:
            assert lake.fingerprint(table, START, last) == here.fingerprint(table, START, last)
            assert lake.fingerprint(table, START, last).rows > 0

    return compare


def backfill(process_environment, folder, selection, last=LAST):
    """Start the command line."""
    command = [BIN / "stocks-ai", "backfill", "--from", FIRST, "--to", last, "--json"]
    return subprocess.Popen(
        [*command, "--select", selection],
        cwd=folder,
        env=process_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_session_and_then_a_range_print_the_links_of_their_runs_and_count_what_was_written(
    remote, way, process_environment, tmp_path, same_rows
):
    both = 'key:"signals/fundamentals" or key:"signals/sector"'
    for last in (START, END):
        before = len(remote.runs())
        process = backfill(process_environment, tmp_path, both, last.isoformat())
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        runs = remote.runs()[before:]
        assert len(runs) == {"step": 2, "pipes": 1}[way]
        for run in runs:
            assert f"Databricks run {run['run_id']} ({run['run_page_url']})" in err
        said = json.loads(out)
        assert said["runs"] == 1
        assert said["assets"] == said["assets_changed"] == 2
        assert said["rows"] > 0
        same_rows("signals.fundamentals", "signals.sector", last=last)


@pytest.mark.parametrize("way", ["step"], indirect=True)
def test_dagsters_own_command_launches_the_same_step(
    remote, process_environment, tmp_path, same_rows
):
    before = len(remote.runs())
    command = [BIN / "dagster", "job", "execute", "-m", DEFINITIONS, "-j", STAGE, "--tags"]
    done = subprocess.run(
        [*command, json.dumps(RANGE), "--op-selection", "signals__valuation"],
        cwd=tmp_path,
        env=process_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(remote.runs()) == before + 1
    same_rows("signals.valuation")


def test_ctrl_c_in_the_middle_of_a_write_stops_it_and_the_next_backfill_has_the_same_rows(
    remote, process_environment, tmp_path, healthy, lake, left, same_rows
):
    assert lake.materialized("signals.risk") == []
    healthy.change(before_call=HALF_DONE)
    before = len(remote.runs())
    process = backfill(process_environment, tmp_path, "signals/risk")
    (run,) = until(lambda: remote.runs()[before:], 120)
    remote.until_half_done(run)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("Interrupted.")
    assert remote.state(run) == ("TERMINATED", "CANCELED")
    assert not remote.stands_still(run), "its process is gone"
    assert lake.materialized("signals.risk") == []
    assert left() == []
    healthy.reset()
    process = backfill(process_environment, tmp_path, "signals/risk")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    same_rows("signals.risk")


def test_a_signal_before_the_run_has_begun_leaves_no_run_and_nothing_staged(
    remote, process_environment, tmp_path, healthy, left
):
    healthy.change(slow_start_seconds=120)
    before = len(remote.runs())
    process = backfill(process_environment, tmp_path, "signals/esg")
    assert "Databricks run" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("Interrupted.")
    (run,) = remote.runs()[before:]
    assert remote.state(run) == ("TERMINATED", "CANCELED")
    assert left() == []


@pytest.fixture(scope="module")
def web(process_environment, tmp_path_factory):
    """A running web UI with its daemon."""
    with running_ui(process_environment, tmp_path_factory.mktemp("ui")) as ui:
        yield ui


def test_a_session_and_a_range_launched_in_the_web_ui_show_the_links_of_their_runs(
    remote, web, same_rows
):
    for tags, last in ((SESSION, START), (RANGE, END)):
        run_id = web.launch("signals/macro", tags)
        until(lambda: web.status(run_id) in ("SUCCESS", "FAILURE"), 180)  # noqa: B023  # at once
        assert web.status(run_id) == "SUCCESS"
        link = remote.runs()[-1]["run_page_url"]
        assert {("EngineEvent", link), ("MaterializationEvent", link)} <= web.links(run_id)
        same_rows("signals.macro", last=last)


def test_terminating_in_the_web_ui_stops_a_write_and_leaves_nothing_half_done(
    remote, web, healthy, lake, left
):
    assert lake.materialized("signals.esg") == []
    healthy.change(before_call=HALF_DONE)
    before = len(remote.runs())
    run_id = web.launch("signals/esg", SESSION)
    (run,) = until(lambda: remote.runs()[before:], 120)
    remote.until_half_done(run)
    web.terminate(run_id)
    until(lambda: web.status(run_id) == "CANCELED", 120)
    assert remote.state(run) == ("TERMINATED", "CANCELED")
    assert not remote.stands_still(run), "its process is gone"
    assert lake.materialized("signals.esg") == []
    assert left() == []
