"""Entry points of the package's wheel on a cluster: a step of Pipes, and the bundle's jobs.

Both run the very assets and checks that run locally, against the lake that their settings name.
"""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stocks_ai_assets.errors import UsageError, WorkspaceError
from stocks_ai_assets.settings import PREFIX

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.events.log import EventLogEntry

    from stocks_ai_assets.assets.io_manager import Report
    from stocks_ai_assets.databricks.pipes_messages import Request
    from stocks_ai_assets.databricks.printed import Failure
    from stocks_ai_assets.deployment import Deployment


def pipes() -> None:
    """Run what the Pipes context asks for, and report it."""
    from dagster_pipes import (
        PipesCliArgsParamsLoader,
        PipesUnityCatalogVolumesContextLoader,
        open_dagster_pipes,
    )

    from stocks_ai_assets.databricks.pipes_channel import PatientWriter
    from stocks_ai_assets.databricks.pipes_messages import DONE, failure, request_of

    loader = PipesCliArgsParamsLoader()
    if not loader.is_dagster_pipes_process():
        raise UsageError(
            "This entry point is started by Dagster Pipes (STOCKS_AI_LAUNCH=pipes). To compute "
            "without it, run stocks-ai-job."
        )
    with open_dagster_pipes(
        params_loader=loader,
        context_loader=PipesUnityCatalogVolumesContextLoader(),
        message_writer=PatientWriter(),
    ) as context:
        request = request_of(context.extras)

        def work() -> None:
            require_versions(request.versions)
            with _environment(request.variables, request.secrets) as deployment:
                done = _run(context, request, deployment)
            context.report_custom_message({DONE: done})

        failed = _failure_of(work, [secret["name"] for secret in request.secrets])
        if failed:
            context.report_custom_message(failure(failed))
            raise failed.error


def job() -> None:
    """Run a job of the bundle: `daily`, or `backfill FIRST LAST`."""
    words = sys.argv[1:]
    if words[:1] != ["daily"] and (words[:1] != ["backfill"] or len(words) != 3):
        raise UsageError(
            f"A job is `daily` or `backfill FIRST LAST`, found {' '.join(words) or 'nothing'}."
        )
    environment = os.environ  # noqa: TID251
    for name, value in list(environment.items()):
        if name.startswith(PREFIX) and not value:
            del environment[name]  # a bundle cannot leave a variable out

    def work() -> None:
        with _environment({}, ()) as deployment:
            result = _bring_up_to_date(deployment, words[1:])
        print(json.dumps(result))  # noqa: T201  # the run's output

    if failed := _failure_of(work):
        raise failed.error


def require_versions(expected: Mapping[str, str]) -> None:
    """Raise `WorkspaceError` when libraries differ from those of the machine that asks."""
    from stocks_ai_assets.databricks.step_main import differing

    skewed = differing(expected)
    if skewed:
        pairs = ", ".join(
            f"{name} {found} instead of {expected[name]}" for name, found in skewed.items()
        )
        raise WorkspaceError(
            f"The cluster has {pairs}: its results could differ. Set "
            "STOCKS_AI_DATABRICKS__INSTALL=true and a new cluster, or bake these versions into it."
        )


def _failure_of(work: Callable[[], None], secrets: Sequence[str] = ()) -> "Failure | None":
    """Do the work; return what made it fail, without secrets: the workspace shows and keeps it.

    It is returned, not raised, for an error raised while another is handled brings that one along.
    `secrets` are the variables whose values are secret.
    """
    from stocks_ai_assets.assets.failures import our_error
    from stocks_ai_assets.databricks.printed import Failure, printed

    try:
        work()
    except Exception as error:  # noqa: BLE001  # whatever it is, it ends the run
        values = [os.environ.get(name, "") for name in secrets]  # noqa: TID251  # set for the run
        sys.stderr.write(printed(traceback.format_exc(), values) + "\n")
        return Failure.of(our_error(error), values)
    return None


@contextmanager
def _environment(
    variables: Mapping[str, str], secrets: Sequence[Mapping[str, str]]
) -> Iterator["Deployment"]:
    """Open the deployment that the variables describe; its own folder lasts as long as the run."""
    from stocks_ai_assets.deployment import open_deployment
    from stocks_ai_assets.settings import load_settings

    # The environment of the process is made here: nobody else could hand it over.
    environment = os.environ  # noqa: TID251
    environment.update(variables)
    if secrets:
        from databricks.sdk.runtime import dbutils

        for secret in secrets:
            value = dbutils.secrets.get(scope=secret["scope"], key=secret["key"])
            environment[secret["name"]] = value
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings(home=home, launch="here")
        if settings.lake_root is None:
            raise WorkspaceError(
                "The run has no STOCKS_AI_LAKE_ROOT: its tables would vanish with the cluster. "
                "Set it to a place that outlasts the run."
            )
        yield open_deployment(settings)


def _run(context: Any, request: "Request", deployment: "Deployment") -> dict[str, Any]:
    """Run assets and checks as they run locally; return what was reported about them."""
    import dagster as dg

    from stocks_ai_assets.databricks.pipes_messages import CHECK, WRITTEN
    from stocks_ai_assets.databricks.printed import hidden
    from stocks_ai_assets.instance import open_instance
    from stocks_ai_assets.jobs import stages
    from stocks_ai_assets.pipeline import pipeline

    reported: set[str] = set()
    judged: list[list[str]] = []
    written: list[str] = []
    secrets = [os.environ.get(one["name"], "") for one in request.secrets]  # noqa: TID251  # as set

    def progress(report: "Report") -> None:
        written.append(report.name)
        context.report_custom_message({WRITTEN: asdict(report)})

    def forward(entry: "EventLogEntry") -> None:
        event = entry.dagster_event
        if event is None:
            context.log.log(entry.level, hidden(entry.user_message, secrets))
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            key = event.step_materialization_data.materialization
            if key.asset_key.to_user_string() not in reported:  # one for each partition
                reported.add(key.asset_key.to_user_string())
                context.report_asset_materialization(
                    metadata=_plain(key.metadata), asset_key=key.asset_key.to_escaped_user_string()
                )
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            pair = [found.asset_key.to_user_string(), found.check_name]
            judged.append(pair)
            verdict = {
                "asset": pair[0],
                "name": pair[1],
                "passed": found.passed,
                "severity": found.severity.value,
                "description": found.description,
                "metadata": _plain(found.metadata),
            }
            context.report_custom_message({CHECK: verdict})

    definitions = pipeline(deployment, progress)
    names = {*request.assets, *(asset for asset, _ in request.checks)}
    stage = next(
        stage for stage in stages(deployment.registry.nodes) if names.issubset(stage.names)
    )
    chosen = definitions.resolve_job_def(stage.name).get_subset(
        asset_selection={dg.AssetKey(name.split("/")) for name in request.assets},
        asset_check_selection={
            dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name) for asset, name in request.checks
        },
    )
    with open_instance(deployment.settings) as instance:
        instance.add_event_listener(context.run_id, forward)
        chosen.execute_in_process(
            instance=instance,
            run_id=context.run_id,
            tags=request.tags,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return {"assets": list(request.assets), "checks": judged, "written": written}


def _plain(metadata: "Mapping[str, dg.MetadataValue]") -> dict[str, Any]:
    """Return metadata as JSON: numbers stay numbers, the rest becomes text."""
    return {
        name: value.value if isinstance(value.value, bool | int | float | str) else str(value.value)
        for name, value in metadata.items()
    }


def _bring_up_to_date(deployment: "Deployment", between: Sequence[str]) -> dict[str, Any]:
    from stocks_ai_assets.backfill import due_sessions, run
    from stocks_ai_assets.cli.arguments import parse_range
    from stocks_ai_assets.instance import open_instance

    sessions = parse_range(*between) if between else due_sessions(deployment)
    if sessions is None:
        return {"first": None, "last": None, "rows": 0, "assets": 0, "changed": 0}
    first, last = sessions
    with open_instance(deployment.settings) as instance:
        result = run(deployment, first, last, instance=instance)
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "rows": result.rows,
        "assets": result.written,
        "changed": result.changed,
    }
