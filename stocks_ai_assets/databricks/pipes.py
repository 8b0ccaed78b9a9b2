"""Dagster Pipes on Databricks: a step becomes one run of the package's wheel and reports back here.

Dagster's own client is not used: it ends an interrupted step as a success, hides which run it
started until that is over, and cannot tell lost messages from none.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.pipes.context import PipesSession

from stocks_ai_assets.assets.io_manager import Report
from stocks_ai_assets.assets.piped import RUN, Outcome
from stocks_ai_assets.databricks import pipes_messages as messages
from stocks_ai_assets.databricks.events import run_metadata
from stocks_ai_assets.databricks.failures import staging_failures
from stocks_ai_assets.databricks.libraries import expected_versions
from stocks_ai_assets.databricks.pipes_files import ContextFile, MessageFiles
from stocks_ai_assets.databricks.pipes_messages import Request
from stocks_ai_assets.databricks.pipes_run import follow, launched, output, submission_of
from stocks_ai_assets.databricks.pipes_task import submission
from stocks_ai_assets.databricks.requirements import require_pipes
from stocks_ai_assets.databricks.runs import Ending, RemoteRun
from stocks_ai_assets.databricks.staging import Staging, patiently
from stocks_ai_assets.databricks.variables import remote_variables, secret_references
from stocks_ai_assets.databricks.volumes import VolumeStaging
from stocks_ai_assets.databricks.wheel import package_wheel
from stocks_ai_assets.errors import WorkspaceError, error_named
from stocks_ai_assets.partitions import PARTITION, RANGE_END, RANGE_START
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.workspace_client import open_client, workspace_failures

TAGS = (PARTITION, RANGE_START, RANGE_END)

OnLaunched = Callable[[str, RemoteRun], None]
OnWritten = Callable[[Report], None]


def open_pipes(
    settings: Settings,
    on_written: OnWritten | None = None,
    on_launched: OnLaunched | None = None,
) -> "DatabricksPipes":
    """Open the workspace that the settings name, and launch steps there through Pipes."""
    require_pipes(settings)
    workspace = open_client(settings.databricks)
    return DatabricksPipes(settings, workspace, on_written, on_launched)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One remote run that has ended, and what it reported."""

    run: RemoteRun
    end: Ending
    request: Request
    session: PipesSession

    @property
    def outcomes(self) -> list[Outcome]:
        """What arrived: materializations, then checks, each naming the run."""
        told = dict(run_metadata(self.run))
        arrived = self.session.get_results(implicit_materializations=False, metadata=told)
        checked = [
            dg.AssetCheckResult(
                asset_key=dg.AssetKey(check["asset"].split("/")),
                check_name=check["name"],
                passed=check["passed"],
                severity=dg.AssetCheckSeverity[check["severity"]],
                description=check["description"],
                metadata={**check["metadata"], **told},
            )
            for check in self.of_kind(messages.CHECK)
        ]
        return [*arrived, *checked]

    def of_kind(self, kind: str) -> list[Any]:
        """Payloads of our own messages of one kind, in the order of sending."""
        return [sent[kind] for sent in self.session.get_custom_messages() if kind in sent]

    def lost(self) -> list[str]:
        """Return what the run did or should have done, and did not report."""
        done = self.of_kind(messages.DONE)
        if not done:
            checks = [f"check {name} of {asset}" for asset, name in self.request.checks]
            return [*self.request.assets, *checks]
        told = [o for o in self.outcomes if isinstance(o, dg.MaterializeResult) and o.asset_key]
        arrived = {o.asset_key.to_user_string() for o in told if o.asset_key}
        judged = {(check["asset"], check["name"]) for check in self.of_kind(messages.CHECK)}
        wanted = [tuple(pair) for pair in done[0]["checks"]]
        written = [report["name"] for report in self.of_kind(messages.WRITTEN)]
        return [
            *(name for name in self.request.assets if name not in arrived),
            *(f"check {name} of {asset}" for asset, name in wanted if (asset, name) not in judged),
            *(f"the rows of {name}" for name in done[0]["written"] if name not in written),
        ]


class DatabricksPipes:
    """Launches steps as Databricks runs of the package's wheel.

    Parameters
    ----------
    settings
        Compute, staging, and what the remote process is to know.
    workspace
        The SDK's client.
    on_written
        Called for each asset when its report arrives.
    on_launched
        Called with the step's key and its run when the run is submitted.
    """

    def __init__(
        self,
        settings: Settings,
        workspace: Any,
        on_written: OnWritten | None = None,
        on_launched: OnLaunched | None = None,
    ) -> None:
        self._settings = settings
        self._workspace = workspace
        self._staging: Staging = VolumeStaging(workspace, settings.databricks.staging_folder)
        self._on_written = on_written
        self._on_launched = on_launched

    def run(self, context: dg.AssetExecutionContext) -> Iterator[Outcome]:
        """Run what the step selects; yield what was done there, then raise what went wrong."""
        told: set[str] = set()
        for number in range(self._settings.databricks.retries + 1):
            attempt = self._attempt(context, number, told)
            if attempt.end.kind != "lost":
                break
            allowed = self._settings.databricks.retries
            again = f" Trying again ({number + 1} of {allowed})." if number < allowed else ""
            context.log.warning("%s %s%s", attempt.run.link, attempt.end.told, again)
        yield from attempt.outcomes
        self._require_success(context, attempt)

    def _attempt(self, context: dg.AssetExecutionContext, number: int, told: set[str]) -> Attempt:
        settings, request = self._settings.databricks, self._request(context)
        step = context.op_execution_context.op_handle.name.removeprefix(RUN)
        with workspace_failures(f"Running {step} on Databricks"), ExitStack() as stack:
            with staging_failures(settings):
                wheel = self.staged_wheel()
                session = stack.enter_context(self._session(context, request))
            tell = self._telling(session, told)
            body = self._body(context, number, wheel, session)
            start = submission_of(self._workspace, settings, body, f"Launching {step}")
            with launched(self._workspace, start, context.log) as run:
                _announce(context, f"{step} runs as {run.link}.", run)
                if self._on_launched:
                    self._on_launched(step, run)
                with workspace_failures(f"Following {step} in {run.link}"):
                    end = follow(self._workspace, settings, run, context.log, tell)
        tell()
        return Attempt(run=run, end=end, request=request, session=session)

    @contextmanager
    def _session(
        self, context: dg.AssetExecutionContext, request: Request
    ) -> Iterator[PipesSession]:
        """Open a session of Pipes, which tells the remote process of `request`."""
        interval = self._settings.databricks.poll_seconds - 1
        injector = ContextFile(self._staging, context.log)
        reader = MessageFiles(self._staging, context.log, interval=interval)
        with ExitStack() as stack:
            with warnings.catch_warnings():
                # About calls that Dagster makes within itself.
                warnings.simplefilter("ignore")
                opened = dg.open_pipes_session(context, injector, reader, request.extras())
                session = stack.enter_context(opened)
            yield session

    def staged_wheel(self) -> str:
        """Return the wheel's path in the workspace; a wheel is uploaded once for its content."""
        from databricks.sdk.errors import NotFound

        wheel = package_wheel(install=self._settings.databricks.install)
        folder = f"{self._settings.databricks.staging_folder.rstrip('/')}/wheels"
        path, files = f"{folder}/{wheel.name}", self._workspace.files
        try:
            listed = patiently(lambda: list(files.list_directory_contents(folder)))
            if any(
                one.name == wheel.name and one.file_size == len(wheel.content) for one in listed
            ):
                return path
        except NotFound:
            patiently(lambda: files.create_directory(folder))
        patiently(lambda: files.upload(path, io.BytesIO(wheel.content), overwrite=True))
        return path

    def _request(self, context: dg.AssetExecutionContext) -> Request:
        versions = {k: v for k, v in expected_versions().items() if k != "python"}
        return Request(
            assets=sorted(key.to_user_string() for key in context.selected_asset_keys),
            checks=sorted(
                [key.asset_key.to_user_string(), key.name]
                for key in context.selected_asset_check_keys
            ),
            tags={name: value for name, value in context.run.tags.items() if name in TAGS},
            variables=remote_variables(self._settings),
            secrets=secret_references(self._settings),
            versions=versions,
        )

    def _body(
        self, context: dg.AssetExecutionContext, number: int, wheel: str, session: PipesSession
    ) -> dict[str, Any]:
        step = context.op_execution_context.op_handle.name.removeprefix(RUN)
        first, last = (context.run.tags.get(tag, "") for tag in (RANGE_START, RANGE_END))
        partitions = f"{first}..{last}" if first else context.run.tags.get(PARTITION, "")
        arguments = session.get_bootstrap_cli_arguments()
        return submission(
            self._settings.databricks,
            wheel=wheel,
            name=f"stocks-ai {step} {partitions}".rstrip(),
            parameters=[text for pair in arguments.items() for text in pair],
            token=f"{context.run.run_id}/{step}/{context.retry_number}/{number}",
        )

    def _telling(self, session: PipesSession, told: set[str]) -> Callable[[], None]:
        """Return what hands on the reports that have arrived since it was last called.

        An asset that an earlier attempt reported is `told` already: a lost run may have written it,
        and the next one finds it unchanged.
        """
        before, read = frozenset(told), 0

        def tell() -> None:
            nonlocal read
            arrived = [
                Report(**sent[messages.WRITTEN])
                for sent in session.get_custom_messages()
                if messages.WRITTEN in sent
            ]
            for report in arrived[read:]:
                told.add(report.name)
                if self._on_written and report.name not in before:
                    self._on_written(report)
            read = len(arrived)

        return tell

    def _require_success(self, context: dg.AssetExecutionContext, attempt: Attempt) -> None:
        """Raise unless the run succeeded and everything it did was reported."""
        failed, link = attempt.of_kind(messages.FAILED), attempt.run.link
        if failed and (known := error_named(failed[0]["error"], failed[0]["message"])):
            raise known
        if attempt.end.kind != "succeeded" or failed:
            said, printed = output(self._workspace, attempt.run)
            if printed:
                context.log.error("Output of %s:\n%s", link, printed)
            if failed:
                said = f"{failed[0]['error']}: {failed[0]['message']}"
            cause = f" In the run: {said.strip().splitlines()[0]}" if said.strip() else ""
            raise WorkspaceError(f"{link} {attempt.end.sentence}{cause}")
        if lost := attempt.lost():
            shown = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
            raise WorkspaceError(
                f"{link} succeeded, but its messages about {shown} were lost, so they are not "
                "recorded. What it wrote is whole: run the same with --refresh, which finds it "
                "unchanged."
            )


def _announce(context: dg.AssetExecutionContext, message: str, run: RemoteRun) -> None:
    """Record an event that links to the run."""
    data = EngineEventData(metadata=run_metadata(run))
    DagsterEvent.engine_event(context.get_step_execution_context(), message, data)
