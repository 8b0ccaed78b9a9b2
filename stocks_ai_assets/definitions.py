"""Everything Dagster knows about the project, from one builder. Nothing happens at import."""

import dagster as dg

from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.pipeline import pipeline
from stocks_ai_assets.schedules import nightly_job, nightly_schedule
from stocks_ai_assets.settings import Settings, load_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Build assets, checks, jobs, schedule and resources for one deployment."""
    return dg.Definitions.merge(
        pipeline(open_deployment(settings)),
        dg.Definitions(jobs=[nightly_job(settings)], schedules=[nightly_schedule()]),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Definitions of the deployment that the environment describes."""
    return build_definitions(load_settings())
