"""The nightly run: whatever has become due, in all stages, hours before it can be traded.

A session's partition exists from midnight New York on. Stages have partitions of two kinds, which
one run cannot hold, so the nightly job's one step launches a run for each stage, in order.
"""

import dagster as dg

from stocks_ai_assets.assets.failures import readable_failures
from stocks_ai_assets.backfill import due_sessions, run
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.domain.calendar import NEW_YORK
from stocks_ai_assets.settings import Settings

NIGHTLY = "nightly"


def nightly_job(settings: Settings) -> dg.JobDefinition:
    """Job that brings the lake up to the newest session that is over."""

    @dg.op(description="Run every stage for the sessions that are due.")
    def materialize_due_sessions(context: dg.OpExecutionContext) -> None:
        with readable_failures():
            deployment = open_deployment(settings)
            sessions = due_sessions(deployment)
            if sessions is None:
                context.log.info("Nothing is due: the lake holds the source's newest session.")
                return
            first, last = sessions
            context.log.info("Materializing %s..%s.", first, last)
            result = run(deployment, first, last, instance=context.instance)
            context.log.info("%d rows in %d assets.", result.rows, result.written)

    @dg.job(name=NIGHTLY, description="Bring the lake up to the newest session that is over.")
    def nightly() -> None:
        materialize_due_sessions()

    return nightly


def nightly_schedule() -> dg.ScheduleDefinition:
    """Run at half past midnight in New York after every weekday; holidays find nothing due."""
    return dg.ScheduleDefinition(
        name=NIGHTLY,
        job_name=NIGHTLY,
        cron_schedule="30 0 * * 2-6",
        execution_timezone=NEW_YORK.key,
        description="Half past midnight New York, Tuesday to Saturday: the session just ended.",
    )
