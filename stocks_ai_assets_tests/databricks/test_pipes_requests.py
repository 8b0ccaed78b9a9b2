"""What is asked of Pipes before a run: refusals, entry points, and a start that is interrupted."""

import logging
import sys

import pytest

from stocks_ai_assets.cli import remote
from stocks_ai_assets.databricks.requirements import require_pipes, require_steps
from stocks_ai_assets.databricks.runs import RemoteRun
from stocks_ai_assets.errors import SettingsError, UsageError, WorkspaceError
from stocks_ai_assets.settings import Settings

RUN = RemoteRun(run_id=7, url="https://workspace.test/run/7")


def test_a_lake_that_the_cluster_cannot_reach_is_refused(tmp_path):
    from stocks_ai_assets.databricks.pipes import open_pipes

    with pytest.raises(SettingsError, match="STOCKS_AI_LAKE_ROOT"):
        open_pipes(Settings(home=tmp_path, launch="pipes"))
    with pytest.raises(SettingsError, match="LAUNCH=step needs STOCKS_AI_LAKE_ROOT"):
        require_steps(Settings(home=tmp_path, launch="step"))
    with pytest.raises(SettingsError, match="messages get lost on DBFS"):
        open_pipes(
            Settings(
                home=tmp_path,
                launch="pipes",
                lake_root="s3://bucket/lake",
                databricks={"staging": "dbfs", "staging_folder": "/stocks_ai"},
            )
        )


@pytest.mark.parametrize("words", [[], ["weekly"], ["backfill", "2021-01-04"]])
def test_a_job_that_makes_no_sense_is_refused(monkeypatch, words):
    monkeypatch.setattr(sys, "argv", ["stocks-ai-job", *words])
    with pytest.raises(UsageError, match="`daily` or `backfill FIRST LAST`"):
        remote.job()


def test_a_job_without_a_place_that_outlasts_it_is_refused(environment):
    environment.setattr(sys, "argv", ["stocks-ai-job", "daily"])
    environment.setenv("STOCKS_AI_SOURCE_FOLDER", "")  # as a bundle sets what it does not use
    with pytest.raises(WorkspaceError, match="STOCKS_AI_LAKE_ROOT"):
        remote.job()


def test_the_entry_point_of_pipes_is_started_by_pipes_alone(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stocks-ai-pipes"])
    with pytest.raises(UsageError, match="STOCKS_AI_LAUNCH=pipes"):
        remote.pipes()


class Workspace:
    """Stands in for a workspace that starts and cancels runs, as far as `launched` asks."""

    def __init__(self, *, refuses=False):
        self.refuses, self.cancelled = refuses, []
        self.jobs = self

    def get_run(self, run_id):
        from databricks.sdk.service.jobs import Run

        state = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}
        return Run.from_dict({"run_id": run_id, "run_page_url": RUN.url, "state": state})

    def cancel_run(self, run_id):
        if self.refuses:
            raise OSError("no route, token=abcdef")
        self.cancelled.append(run_id)


@pytest.fixture
def log():
    """A log, and what it was told."""
    said, found = [], logging.getLogger("pipes-test")
    found.setLevel(logging.INFO)

    def keep(record):
        said.append(record.getMessage())

    found.addFilter(keep)
    found.said = said
    yield found
    found.removeFilter(keep)


@pytest.mark.cluster
def test_what_failed_is_raised_also_when_the_run_cannot_be_cancelled(log):
    from stocks_ai_assets.databricks.pipes_run import launched

    def watch():
        with launched(Workspace(refuses=True), lambda: 7, log) as run:
            assert run == RUN
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch()
    assert "run 7 could not be cancelled, and may go on: no route" in log.said[-1]
    assert "abcdef" not in log.said[-1]


@pytest.mark.cluster
def test_an_interrupt_while_a_run_is_being_started_leaves_no_run(log):
    from stocks_ai_assets.databricks.pipes_run import launched

    workspace, asked = Workspace(), []

    def start():
        asked.append(7)
        if len(asked) == 1:  # the workspace has it, and nobody has read the answer
            raise KeyboardInterrupt
        return 7

    with pytest.raises(KeyboardInterrupt), launched(workspace, start, log):
        pass
    assert workspace.cancelled == [7]


@pytest.mark.cluster
def test_an_interrupt_before_the_page_of_a_run_is_known_leaves_no_run(log, monkeypatch):
    from stocks_ai_assets.databricks import pipes_run

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipes_run, "named", interrupted)
    workspace = Workspace()
    with pytest.raises(KeyboardInterrupt), pipes_run.launched(workspace, lambda: 7, log):
        pass
    assert workspace.cancelled == [7]


@pytest.mark.cluster
def test_a_run_that_is_refused_is_not_asked_for_again(log):
    from stocks_ai_assets.databricks.pipes_run import launched

    asked = []

    def start():
        asked.append(7)
        raise WorkspaceError("refused")

    with pytest.raises(WorkspaceError, match="refused"), launched(Workspace(), start, log):
        pass
    assert asked == [7]


SERVERLESS = {"launch": "pipes", "lake_root": "s3://bucket/lake"}
STEP = {**SERVERLESS, "launch": "step"}


@pytest.mark.parametrize(
    ("given", "workspace", "said"),
    [
        ({"engine": "spark"}, {}, "STOCKS_AI_ENGINE=spark does not run on serverless"),
        ({}, {"variables": {"STOCKS_AI_ENGINE": "spark"}}, "ENGINE=spark does not run on"),
        ({}, {"cluster_id": "0101-warm"}, "excludes cluster 0101-warm"),
    ],
)
def test_what_serverless_compute_cannot_do_is_refused_before_anything_is_sent(
    tmp_path, given, workspace, said
):
    with pytest.raises(SettingsError, match=said):
        require_pipes(
            Settings(
                home=tmp_path, databricks={"serverless": True, **workspace}, **SERVERLESS, **given
            )
        )
    require_pipes(Settings(home=tmp_path, databricks={"serverless": True}, **SERVERLESS))
    on_cluster = {**workspace, "serverless": False}
    require_pipes(Settings(home=tmp_path, databricks=on_cluster, **SERVERLESS, **given))


def test_the_step_launcher_says_that_it_needs_a_cluster(tmp_path):
    with pytest.raises(SettingsError, match="LAUNCH=pipes"):
        require_steps(Settings(home=tmp_path, databricks={"serverless": True}, **STEP))
    require_steps(Settings(home=tmp_path, **STEP))
