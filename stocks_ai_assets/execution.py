"""One Dagster run in this process, and what made it fail in our own errors."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from stocks_ai_assets.assets.failures import AssetFailure, our_error
from stocks_ai_assets.errors import WorkspaceError
from stocks_ai_assets.partitions import PARTITION, RANGE_END, RANGE_START


def execute(
    definitions: dg.Definitions,
    stage: str,
    names: Sequence[str],
    first: date,
    last: date,
    instance: dg.DagsterInstance,
) -> None:
    """Run assets of one stage for a range of partitions, as one Dagster run.

    Raises
    ------
    StocksAiError
        What made an asset fail, here or on a cluster.
    KeyboardInterrupt
        The run was interrupted.
    """
    tags = {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
    if first == last:
        tags = {PARTITION: first.isoformat()}
    job = definitions.resolve_job_def(stage)
    try:
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(name.split("/")) for name in names],
            tags=tags,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    except (AssetFailure, dg.DagsterUserCodeExecutionError) as failure:
        if (ours := our_error(failure)) is failure:
            raise
        raise ours from None
    except dg.DagsterExecutionInterruptedError:
        raise KeyboardInterrupt from None
    for event in result.get_step_failure_events():
        # What fails in this process is raised above; a remote step can only report.
        name = (event.step_key or "").replace("__", "/")
        raise WorkspaceError(
            f"{name} failed on the cluster: {_cause(event)}. Dagster's record of the run has where."
        )


def _cause(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip().rstrip(".") if error else "no message"
