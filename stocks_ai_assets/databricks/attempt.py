"""One attempt at a step: a remote run, from what is staged for it to what is left of it."""

import hashlib
import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from dagster import AssetMaterialization
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.context.system import StepExecutionContext

from stocks_ai_assets.databricks.events import (
    RemoteEvents,
    ends_step,
    materialization,
    record,
    run_metadata,
    starts_step,
    with_run,
)
from stocks_ai_assets.databricks.order import SCRIPT, staged_files
from stocks_ai_assets.databricks.printed import printed
from stocks_ai_assets.databricks.runs import Ending, RemoteRun, ending, life_cycle
from stocks_ai_assets.databricks.staging import Staging, patiently
from stocks_ai_assets.errors import WorkspaceError
from stocks_ai_assets.partitions import names_partitions, requested_keys
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.workspace_client import without_secrets

QUICKEST_LOOK = 0.2
"""Seconds between the first looks at a run; later ones wait a tenth of what has passed."""

PATIENCE = 600.0
"""Seconds beyond the run's own timeout until this side gives up."""

CANCELLING = 30.0
"""Seconds to wait for a cancelled run to stop."""

LOG_LENGTH = 50_000
"""Characters of the driver's output that a run's log shows, the last ones."""


class Attempt:
    """One remote run of one step.

    Parameters
    ----------
    step_context
        The step, as Dagster describes it here.
    settings
        Compute, and what the remote process is to know.
    workspace
        The SDK's client.
    staging
        Where files are handed over.
    """

    def __init__(
        self,
        step_context: StepExecutionContext,
        settings: Settings,
        workspace: Any,
        staging: Staging,
    ) -> None:
        self._context = step_context
        self._settings = settings
        self._workspace = workspace
        self._staging = staging
        self._number = step_context.previous_attempt_count
        # Steps of a mapped output have brackets in their name, which no path may have.
        self.step = step_context.step.key.replace("[", "__").replace("]", "__")
        self.folder = f"{staging.root}/{step_context.run_id}/{self.step}"
        self.run: RemoteRun | None = None
        self._task_id: int | None = None
        self.end: Ending | None = None
        self.last: EventLogEntry | None = None
        self.materialized: dict[str, AssetMaterialization] = {}
        self.seconds = self._started = 0.0

    @property
    def name(self) -> str:
        """The asset, as messages name it."""
        return self.step.replace("__", "/")

    @property
    def link(self) -> str:
        """The asset and its run, as messages name them."""
        return f"{self.name} in {self.run.link}" if self.run else self.name

    def stage(self) -> None:
        """Hand over what the remote process needs."""
        self._staging.write(self.folder, staged_files(self._context, self._settings))

    def submit(self, submit_run: Callable[[Any, Any], int], configuration: Any) -> RemoteRun:
        """Start the remote run, once however often the workspace has to be asked."""
        token = f"{self._context.run_id}/{self._context.step.key}/{self._number}"
        asked = {
            **configuration,
            "run_name": f"{self.name} {self._partitions()}".rstrip(),
            "idempotency_token": hashlib.sha256(token.encode()).hexdigest(),
        }
        script = self._staging.uri(f"{self.folder}/{SCRIPT}")
        parameters = [self._staging.inside(self.folder)]
        task = {"spark_python_task": {"python_file": script, "parameters": parameters}}
        # Before anything else can fail: from here on there is a run to cancel.
        self.run = RemoteRun(run_id=patiently(lambda: submit_run(asked, task)))
        return self.run

    def named(self, run: RemoteRun) -> RemoteRun:
        """Return the run with its job and its page, which the workspace is asked for."""
        found = self._look(run)
        self.run = replace(run, job_id=found.job_id or 0, url=found.run_page_url or "")
        return self.run

    def grant(self, run: RemoteRun, access: Any) -> None:
        """Let others see or manage the run."""
        patiently(
            lambda: self._workspace.permissions.update(
                "jobs", str(run.job_id), access_control_list=access
            )
        )

    def announce(self, run: RemoteRun) -> DagsterEvent:
        """Event that links to the run."""
        return DagsterEvent.from_step(
            event_type=DagsterEventType.ENGINE_EVENT,
            message=f"{self.name} runs as {run.link}.",
            step_context=self._context,
            event_specific_data=EngineEventData(metadata=run_metadata(run)),
        )

    def follow(self, run: RemoteRun) -> Generator[DagsterEvent, None, Ending]:
        """Yield the step's events as they arrive, until the run has ended."""
        events = RemoteEvents(self._staging, f"{self.folder}/{self._number}")
        start, state = time.monotonic(), ""
        while self.end is None:
            passed = time.monotonic() - start
            if passed > self._settings.databricks.timeout_seconds + PATIENCE:
                raise WorkspaceError(
                    f"{self.link} has not ended after {passed:,.0f} s and is cancelled. Raise "
                    "STOCKS_AI_DATABRICKS__TIMEOUT_SECONDS, or run a shorter range."
                )
            time.sleep(min(self._settings.databricks.poll_seconds, max(QUICKEST_LOOK, passed / 10)))
            found = self._look(run)
            self.end = ending(found)
            self._task_id = found.tasks[0].run_id if found.tasks else None
            yield from self._record(run, events.new())
            if (now := life_cycle(found)) != state:
                state = now
                self._context.log.info("%s is %s.", run.link, state)
        return self.end

    def failure(self) -> dict[str, str] | None:
        """Return why the remote process could not try the step, if it says so."""
        found = self._staging.read(f"{self.folder}/{self._number}_failure.json")
        with suppress(ValueError):
            return dict(json.loads(found)) if found else None
        return None

    def show_output(self) -> None:
        """Put what the remote process printed into the run's log."""
        found = self._staging.read(f"{self.folder}/{self._number}_output.json")
        texts: dict[str, str] = {}
        with suppress(ValueError):
            texts = json.loads(found) if found else {"driver's log": self._driver_log()}
        for name, text in texts.items():
            if text.strip():
                shown = printed(text[-LOG_LENGTH:])
                self._context.log.info("%s of %s:\n%s", name, self.link, shown)

    def error(self) -> str:
        """Return the error that ended the remote process, as the workspace kept it; else nothing.

        A process that was killed leaves none.
        """
        found = self._output()
        return without_secrets(found.error or "") if found else ""

    def _driver_log(self) -> str:
        """What the workspace kept of a run that could not hand over its output itself."""
        found = self._output()
        return (found.logs or "") if found else ""

    def _output(self) -> Any:
        from databricks.sdk.errors import DatabricksError

        with suppress(DatabricksError):
            if self._task_id:
                return self._workspace.jobs.get_run_output(self._task_id)
        return None

    def cancel(self) -> None:
        """Stop the remote run, if it was started and goes on, and wait a little until it has."""
        run = self.run
        if run is None or self.end is not None:
            return
        patiently(lambda: self._workspace.jobs.cancel_run(run.run_id))
        self._context.log.info("%s is cancelled.", run.link)
        deadline = time.monotonic() + CANCELLING
        while self.end is None and time.monotonic() < deadline:
            self.end = ending(self._look(run))
            time.sleep(QUICKEST_LOOK)

    def clean(self) -> None:
        """Take the attempt's files away, and nothing else."""
        self._staging.remove(self.folder)

    def record(self, entries: list[EventLogEntry]) -> Iterator[DagsterEvent]:
        """Store events here and yield them."""
        return record(self._context.instance, entries)

    def _record(self, run: RemoteRun, entries: list[EventLogEntry]) -> Iterator[DagsterEvent]:
        kept = []
        for entry in entries:
            if starts_step(entry):
                self._started = entry.timestamp
            if ends_step(entry):
                self.last, self.seconds = entry, entry.timestamp - self._started
                continue
            told = with_run(entry, run)
            if (found := materialization(told)) is not None:
                self.materialized[found.asset_key.to_user_string()] = found
            kept.append(told)
        yield from self.record(kept)

    def _look(self, run: RemoteRun) -> Any:
        return patiently(lambda: self._workspace.jobs.get_run(run.run_id))

    def _partitions(self) -> str:
        tags = self._context.dagster_run.tags
        if not names_partitions(tags):
            return ""
        first, last = requested_keys(tags)
        return first if first == last else f"{first}..{last}"
