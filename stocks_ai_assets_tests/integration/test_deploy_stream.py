"""The stream job of the bundle: the daily job's command again and again, for what has landed."""

import json
import shutil
import time
from datetime import date

import polars as pl
import pytest

from stocks_ai_assets_tests.workspace.compute import BETWEEN_SECONDS

pytestmark = pytest.mark.cluster

BEGAN, LANDED, LATER = date(2021, 4, 1), date(2021, 4, 5), date(2021, 4, 7)
"""First session, the newest one that is there, and the newest one that lands while the job runs."""


@pytest.fixture
def land(served, vendor):
    """Let the vendor's prices until a session be there; `.folder` is where."""
    folder = served.lake.parent / "landing"
    shutil.copytree(vendor, folder)
    prices = folder / "prices_daily.parquet"
    whole = pl.read_parquet(prices)

    def until(day):
        draft = prices.with_suffix(".draft")
        whole.filter(pl.col("date") <= day).write_parquet(draft)
        draft.replace(prices)

    until.folder = folder
    return until


@pytest.fixture
def deploy(served, databricks, land):
    """Deploy jobs that read the landed files, the stream paused or not."""

    def work(streaming):
        given = {
            "lake_root": served.lake.parent / "streamed",
            "source": "folder",
            "source_folder": land.folder,
            "first_session": BEGAN,
            "streaming": streaming,
        }
        words = [word for item in given.items() for word in ("--var", "{}={}".format(*item))]
        done = databricks("deploy", *words)
        assert done.code == 0, done.err

    return work


@pytest.fixture
def runs(served):
    """Runs of the stream job, the oldest first: what each that has ended printed."""

    def found():
        client = served.client()
        (job,) = client.jobs.list(name="stocks_ai stream (dev_admin)")
        ended = list(client.jobs.list_runs(job_id=job.job_id, completed_only=True))
        return [_said(client, run.run_id) for run in reversed(ended)]

    return found


def _said(client, run_id):
    run = client.jobs.get_run(run_id)
    assert run.state.result_state.value == "SUCCESS", run.state
    assert run.trigger.value == "CONTINUOUS"
    lines = client.jobs.get_run_output(run.tasks[0].run_id).logs.splitlines()
    return json.loads(next(line for line in lines if line.startswith("{")))


def _until(happened, seconds=240):
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_each_run_takes_what_has_landed_since_the_last_one_until_the_job_is_paused(
    served, land, deploy, runs
):
    land(LANDED)
    deploy("UNPAUSED")
    first, second = _until(lambda: runs()[1:] and runs()[:2])
    assert (first["first"], first["last"]) == (str(BEGAN), str(LANDED))
    assert first["assets"] > 40
    assert second["last"] is None, "nothing has landed since"

    land(LATER)
    (taken,) = _until(lambda: [one for one in runs()[1:] if one["last"]])
    assert (taken["first"], taken["last"]) == ("2021-04-06", str(LATER)), "both sessions at once"

    deploy("PAUSED")
    client = served.client()
    _until(lambda: not list(client.jobs.list_runs(active_only=True)))
    n_runs = len(runs())
    time.sleep(4 * BETWEEN_SECONDS)
    assert len(runs()) == n_runs
    assert not list(client.jobs.list_runs(active_only=True))
