"""Runs of deployed jobs: started, watched to their end, and the last one of each."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from stocks_ai_assets.databricks.pipes_run import follow, launched, named, output
from stocks_ai_assets.databricks.runs import Ending, RemoteRun, ending
from stocks_ai_assets.databricks.staging import patiently
from stocks_ai_assets.errors import UsageError, WorkspaceMissingError
from stocks_ai_assets.workspace_client import workspace_failures
from stocks_ai_assets.workspace_settings import WorkspaceSettings

if TYPE_CHECKING:
    from stocks_ai_assets.databricks.deploy import Deployment


Start = Callable[[], int]


class _Log:
    """What a watched run says of itself: nothing, but that it could not be cancelled."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn

    def info(self, *_: object) -> None:
        """Say nothing."""

    def warning(self, text: str, *parts: object) -> None:
        """Hand a warning on."""
        self._warn(text % parts)


def starting(deployment: "Deployment", job: str, parameters: Mapping[str, str]) -> Start:
    """Return what starts a job of the bundle: one run, however often it is called.

    Raises
    ------
    UsageError
        The bundle has no such job, or the job no such parameter.
    WorkspaceMissingError
        The job is not deployed.
    """
    jobs = deployment.bundle.resources.get("jobs", {})
    if job not in jobs:
        raise UsageError(f"The bundle has no job `{job}`. Jobs: {', '.join(jobs)}.")
    known = [found["name"] for found in jobs[job].get("parameters", ())]
    unknown = sorted(parameters.keys() - set(known))
    if unknown:
        allowed = f"Parameters: {', '.join(known)}." if known else "It has none."
        raise UsageError(f"Job {job} has no parameter `{unknown[0]}`. {allowed}")
    target = deployment.bundle.target
    with workspace_failures(f"Running {job} of target {target}"):
        held = deployment.id_of(f"jobs.{job}")
        if held is None:
            raise WorkspaceMissingError(
                f"Job {job} of target {target} is not deployed. Run: stocks-ai databricks deploy "
                f"--target {target}"
            )
    body = {
        "job_id": int(held),
        "job_parameters": dict(parameters),
        "queue": {"enabled": True},
        "idempotency_token": uuid4().hex,
    }
    do = deployment.workspace.api_client.do

    def start() -> int:
        with workspace_failures(f"Running {job} of target {target}"):
            answer = patiently(lambda: do("POST", "/api/2.2/jobs/run-now", body=body))
        return int(answer["run_id"])

    return start


def begun(deployment: "Deployment", start: Start) -> RemoteRun:
    """Start a run, and leave it to itself."""
    with workspace_failures("Starting a run"):
        return named(deployment.workspace, start())


@contextmanager
def watched(
    deployment: "Deployment", start: Start, warn: Callable[[str], None]
) -> Iterator[RemoteRun]:
    """Start a run for a block, in which `wait_for` waits for its end; an interrupt cancels it."""
    with launched(deployment.workspace, start, _Log(warn)) as run:
        yield run


def wait_for(deployment: "Deployment", run: RemoteRun) -> tuple[Ending, str]:
    """Wait until a run has ended; return how, and what it printed."""
    settings = WorkspaceSettings(timeout_seconds=7 * 86400)
    with workspace_failures(f"Watching {run.link}"):
        end = follow(deployment.workspace, settings, run, _Log(lambda _: None), lambda: None)
        _, printed = output(deployment.workspace, run)
    return end, printed


def last_run(deployment: "Deployment", job_id: str) -> str | None:
    """Return how the newest run of a job ended, or that it goes on, with its page."""
    runs: Any = deployment.workspace.jobs.list_runs
    with workspace_failures(f"Reading runs of job {job_id}"):
        newest = patiently(lambda: next(iter(runs(job_id=int(job_id), limit=1)), None))
    if newest is None:
        return None
    end = ending(newest)
    return f"{end.state if end else 'running'} {newest.run_page_url or newest.run_id}"
