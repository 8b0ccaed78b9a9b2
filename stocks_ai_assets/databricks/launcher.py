"""The step launcher: a computed asset runs as a Databricks run and reports here as if it ran here.

Built on Dagster's own launcher for configuration and submission. Ours: what is staged, events that
arrive in parts, a run that is watched to its real end, named in the metadata, cancelled with the
step and cleaned up after.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import dagster as dg
from dagster._core.errors import raise_execution_interrupts
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.context.system import StepExecutionContext
from dagster_databricks.databricks import DatabricksJobRunner
from dagster_databricks.databricks_pyspark_step_launcher import DatabricksPySparkStepLauncher

from stocks_ai_assets.assets.failures import readable_failures
from stocks_ai_assets.assets.io_manager import Report
from stocks_ai_assets.databricks.attempt import Attempt
from stocks_ai_assets.databricks.dbfs import DbfsStaging
from stocks_ai_assets.databricks.failures import (
    audience_failures,
    staging_failures,
    submission_failures,
)
from stocks_ai_assets.databricks.libraries import pinned_libraries
from stocks_ai_assets.databricks.printed import printed
from stocks_ai_assets.databricks.reports import Reports
from stocks_ai_assets.databricks.requirements import require_steps
from stocks_ai_assets.databricks.runs import Ending, RemoteRun, permissions, run_configuration
from stocks_ai_assets.databricks.volumes import VolumeStaging
from stocks_ai_assets.deployment import Deployment
from stocks_ai_assets.errors import StocksAiError, WorkspaceError, error_named
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.workspace_client import open_client, without_secrets, workspace_failures

PAUSE = 5.0
"""Seconds before a lost run is tried again."""

STAGING = {"volumes": VolumeStaging, "dbfs": DbfsStaging}


class _Runner(DatabricksJobRunner):  # type: ignore[misc]  # untyped without the extra
    """Submits with a client that is already open; the stock one opens its own from a token."""

    def __init__(self, workspace: Any) -> None:
        self.workspace_client = workspace

    @property
    def client(self) -> "_Runner":
        """What `submit_run` asks for its `workspace_client`."""
        return self


def open_launcher(
    deployment: Deployment,
    on_written: Callable[[Report], None] | None = None,
    on_launched: Callable[[str, RemoteRun], None] | None = None,
) -> "WorkspaceStepLauncher":
    """Open the workspace that a deployment names, to launch its steps there.

    Parameters
    ----------
    deployment
        Settings, lake and assets.
    on_written
        Called after each asset is written there.
    on_launched
        Called with the asset's name and its run when that is submitted.
    """
    require_steps(deployment.settings)
    workspace = open_client(deployment.settings.databricks)
    reports = Reports(deployment, on_written) if on_written else None
    return WorkspaceStepLauncher(deployment.settings, workspace, reports, on_launched)


class WorkspaceStepLauncher(DatabricksPySparkStepLauncher):  # type: ignore[misc]  # the same
    """Launches each step of a computed asset as one run of a Databricks workspace.

    Parameters
    ----------
    settings
        Compute, staging, and what the remote process is to know.
    workspace
        The SDK's client.
    reports
        Who wants to know of assets that were written.
    on_launched
        Called with the asset's name and its run when that is submitted.
    """

    def __init__(
        self,
        settings: Settings,
        workspace: Any,
        reports: Reports | None = None,
        on_launched: Callable[[str, RemoteRun], None] | None = None,
    ) -> None:
        # The stock constructor is passed over: it opens a client of its own, from a token alone.
        self.run_config = run_configuration(settings.databricks, pinned_libraries())
        self.permissions = permissions(settings.databricks)
        self.databricks_runner = _Runner(workspace)
        self._settings = settings
        self._workspace = workspace
        self._staging = STAGING[settings.databricks.staging](
            workspace, settings.databricks.staging_folder
        )
        self._reports = reports
        self._on_launched = on_launched

    def launch_step(self, step_context: StepExecutionContext) -> Iterator[DagsterEvent]:
        """Run one step remotely and yield its events as they arrive."""
        attempt = Attempt(step_context, self._settings, self._workspace, self._staging)
        if self._reports:
            self._reports.before(attempt.name)
        with readable_failures():
            try:
                end = yield from self._run(attempt)
                yield from self._conclude(attempt, end, step_context)
            except BaseException:
                self._stop(attempt, step_context)
                raise
        self._clean(attempt, step_context)
        if self._reports:
            self._reports.after(attempt)

    def _run(self, attempt: Attempt) -> Generator[DagsterEvent, None, Ending]:
        """Stage, submit and follow a run to its end."""
        with staging_failures(self._settings.databricks):
            attempt.stage()
        with submission_failures(self._settings.databricks, f"Running {attempt.name}"):
            run = attempt.submit(self.databricks_runner.submit_run, self.run_config)
        with workspace_failures(f"Following {attempt.link}"):
            run = attempt.named(run)
        yield attempt.announce(run)
        if self._on_launched:
            self._on_launched(attempt.name, run)
        with workspace_failures(f"Following {attempt.link}"):
            if self.permissions:
                access = self._format_permissions(self.permissions["job_permissions"])
                with audience_failures(self._settings.databricks, f"Sharing {attempt.link}"):
                    attempt.grant(run, access)
            # Elsewhere Dagster keeps an interrupt until it can handle it; here it ends the wait.
            with raise_execution_interrupts():
                end = yield from attempt.follow(run)
            attempt.show_output()
        return end

    def _conclude(
        self, attempt: Attempt, end: Ending, context: StepExecutionContext
    ) -> Iterator[DagsterEvent]:
        """Yield how the step ended, or raise what made it or its run fail."""
        last = attempt.last
        if last is not None:
            if error := _error_of(last):
                raise error
            if end.kind == "succeeded" or _failed(last):
                yield from attempt.record([last])
                return
        if failure := attempt.failure():
            known = error_named(failure["error"], failure["message"])
            raise known or WorkspaceError(_not_tried(attempt, failure))
        error = WorkspaceError(f"{attempt.link} {end.sentence}")
        said = f"{attempt.link} {end.told}"
        died = last is None and end.state in {"SUCCESS", "FAILED", "RUN_EXECUTION_ERROR"}
        if end.kind != "lost" and not died:
            raise error
        if died:
            cause, remedy = _why_silent(attempt, end)
            silent = f"{attempt.link} ended as {end.state} without saying how the step ended"
            said = f"{silent}: {cause}."
            error = WorkspaceError(f"{said} {remedy}")
        tried, allowed = context.previous_attempt_count, self._settings.databricks.retries
        if tried >= allowed or context.retry_mode.disabled:
            raise error
        context.log.warning("%s Trying again (%d of %d).", said, tried + 1, allowed)
        again = dg.RetryRequested(max_retries=allowed, seconds_to_wait=PAUSE)
        raise again from WorkspaceError(said)  # without what helps: nobody has to do anything

    def _stop(self, attempt: Attempt, context: StepExecutionContext) -> None:
        """End what was started and take it away, whatever went wrong; that is told elsewhere."""
        try:
            attempt.cancel()
        except Exception as error:  # noqa: BLE001  # the first failure is the one to raise
            said = without_secrets(str(error))
            context.log.warning("%s could not be cancelled, and may go on: %s", attempt.link, said)
        if not self._settings.databricks.keep_failed:
            self._clean(attempt, context)

    def _clean(self, attempt: Attempt, context: StepExecutionContext) -> None:
        try:
            attempt.clean()
        except Exception as error:  # noqa: BLE001  # files left behind are no reason to fail
            said = without_secrets(str(error))
            context.log.warning("%s could not be removed: %s", attempt.folder, said)


def _failed(entry: EventLogEntry) -> bool:
    return entry.get_dagster_event().event_type != DagsterEventType.STEP_SUCCESS


def _error_of(entry: EventLogEntry) -> StocksAiError | None:
    """Return the error of ours that made the step fail there, as it would be raised here."""
    event = entry.get_dagster_event()
    if event.event_type != DagsterEventType.STEP_FAILURE:
        return None
    shown = event.step_failure_data.user_failure_data
    told = (shown.metadata or {}).get("error") if shown else None
    if told is None or shown is None:
        return None
    name = str(told.value)
    return error_named(name, (shown.description or "").removeprefix(f"{name}: "))


def _why_silent(attempt: Attempt, end: Ending) -> tuple[str, str]:
    """Return what is known of a run of which no last event came, and what helps."""
    if said := attempt.error():
        return said.rstrip("."), f"Make {attempt.folder} writable again, or see the run's page."
    if end.kind == "succeeded":
        return f"its files in {attempt.folder} were lost", "Run the step again."
    return "its process was killed", "Give the cluster more memory, or run a shorter range."


def _not_tried(attempt: Attempt, failure: dict[str, str]) -> str:
    if failure["error"] == "VersionSkewError":
        return (
            f"{attempt.link} was not tried, because the cluster has {failure['message']}. Set "
            "STOCKS_AI_DATABRICKS__INSTALL=true, or bake these versions into the cluster's image."
        )
    if failure["error"] == "LakeUnseenError":
        return (
            f"{attempt.link} was not tried, because the cluster does not see the lake in "
            f"{failure['message']}. Set STOCKS_AI_LAKE_ROOT to a place that both reach, for "
            "instance s3://bucket/lake."
        )
    said = printed(failure["message"]).strip() or "no message"
    if failure["error"] == "EventsUnsentError":
        return (
            f"{attempt.link} ran, but its events could not be written to {attempt.folder}: "
            f"{said.splitlines()[0]}. Make the folder writable again, and run the step again."
        )
    return (
        f"{attempt.link} could not start: {failure['error']}: {said.splitlines()[0]} "
        "The driver's output is in the run's log."
    )
