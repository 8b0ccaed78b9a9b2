"""One remote run of a Pipes step: submitted once, watched to its end, cancelled with the step."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from stocks_ai_assets.databricks.failures import submission_failures
from stocks_ai_assets.databricks.printed import printed
from stocks_ai_assets.databricks.runs import Ending, RemoteRun, ending
from stocks_ai_assets.databricks.staging import patiently
from stocks_ai_assets.errors import WorkspaceError
from stocks_ai_assets.workspace_client import without_secrets
from stocks_ai_assets.workspace_settings import WorkspaceSettings

QUICKEST_LOOK = 0.2
"""Seconds between the first looks at a run; later ones wait a tenth of what has passed."""

PATIENCE = 600.0
"""Seconds beyond the run's own timeout until this side gives up."""

CANCELLING = 30.0
"""Seconds to wait for a cancelled run to stop."""

OUTPUT_LENGTH = 20_000
"""Characters of what the run printed that a failure shows, the last ones."""


@contextmanager
def launched(workspace: Any, start: Callable[[], int], log: Any) -> Iterator[RemoteRun]:
    """Start a run for a block, which is to wait for its end; a failure or interrupt cancels it.

    Also an interrupt that comes while the run is being started: then `start` is called once more
    to learn its number. What failed here is raised, also when the run cannot be cancelled; that is
    logged.

    Parameters
    ----------
    workspace
        The SDK's client.
    start
        Starts the run and returns its number; called again, it returns the same number.
    log
        Told of the cancelling.

    Yields
    ------
    RemoteRun
        The run with its page.
    """
    run_id: int | None = None
    try:
        run_id = start()
        yield named(workspace, run_id)
    except Exception:
        if run_id is not None:
            _cancel(workspace, lambda: run_id, log)
        raise
    except BaseException:
        _cancel(workspace, lambda: start() if run_id is None else run_id, log)
        raise


def submission_of(
    workspace: Any, settings: WorkspaceSettings, body: Mapping[str, Any], what: str
) -> Callable[[], int]:
    """Return what submits a run, once however often it is called; `what` names it in errors."""

    def start() -> int:
        with submission_failures(settings, what):
            answer = patiently(
                lambda: workspace.api_client.do(
                    "POST", "/api/2.2/jobs/runs/submit", body=dict(body)
                )
            )
        return int(answer["run_id"])

    return start


def named(workspace: Any, run_id: int) -> RemoteRun:
    """Return a run with its page."""
    found = patiently(lambda: workspace.jobs.get_run(run_id))
    return RemoteRun(run_id=run_id, url=found.run_page_url or "")


def _cancel(workspace: Any, number: Callable[[], int], log: Any) -> None:
    run_id: int | str = "that was being started"
    try:
        run_id = known = number()
        log.info("Cancelling Databricks run %s.", known)
        patiently(lambda: workspace.jobs.cancel_run(known))
        deadline = time.monotonic() + CANCELLING
        while time.monotonic() < deadline:
            if ending(patiently(lambda: workspace.jobs.get_run(known))) is not None:
                return
            time.sleep(QUICKEST_LOOK)
    except Exception as error:  # noqa: BLE001  # the first failure is the one to raise
        said = without_secrets(str(error))
        log.warning("Databricks run %s could not be cancelled, and may go on: %s", run_id, said)


def follow(
    workspace: Any,
    settings: WorkspaceSettings,
    run: RemoteRun,
    log: Any,
    on_look: Callable[[], None],
) -> Ending:
    """Wait until a run has ended, and say how; `on_look` is called about every `poll_seconds`."""
    start, state = time.monotonic(), ""
    while True:
        found = patiently(lambda: workspace.jobs.get_run(run.run_id))
        on_look()
        end = ending(found)
        if end is not None:
            return end
        life_cycle = found.state.life_cycle_state
        if life_cycle and life_cycle.value != state:
            state = life_cycle.value
            log.info("%s is %s.", run.link, state)
        passed = time.monotonic() - start
        if passed > settings.timeout_seconds + PATIENCE:
            raise WorkspaceError(
                f"{run.link} has not ended after {passed:,.0f} s and is cancelled. Raise "
                "STOCKS_AI_DATABRICKS__TIMEOUT_SECONDS, or run a shorter range."
            )
        time.sleep(min(settings.poll_seconds, max(QUICKEST_LOOK, passed / 10)))


def output(workspace: Any, run: RemoteRun) -> tuple[str, str]:
    """Return the error of a run's task and what it printed, as far as the workspace knows."""
    from databricks.sdk.errors import DatabricksError

    with suppress(DatabricksError):
        tasks = workspace.jobs.get_run(run.run_id).tasks or []
        found = workspace.jobs.get_run_output(tasks[0].run_id if tasks else run.run_id)
        text = "\n".join(filter(None, [found.error_trace, found.logs]))
        return without_secrets(found.error or ""), printed(text[-OUTPUT_LENGTH:])
    return "", ""
