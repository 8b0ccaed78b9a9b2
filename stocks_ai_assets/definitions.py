"""Everything Dagster knows about the project, from one builder. Nothing happens at import."""

from collections.abc import Callable

import dagster as dg

from stocks_ai_assets.assets.io_manager import LakeIOManager, Report
from stocks_ai_assets.checks.registry import checks
from stocks_ai_assets.deployment import Deployment, open_deployment, remember
from stocks_ai_assets.jobs import stage_jobs
from stocks_ai_assets.schedules import nightly_job, nightly_schedule
from stocks_ai_assets.settings import Settings, load_settings


def build_definitions(
    settings: Settings, on_written: Callable[[Report], None] | None = None
) -> dg.Definitions:
    """Build assets, checks, jobs, schedule and resources for one deployment.

    Parameters
    ----------
    settings
        Validated settings.
    on_written
        Called after each asset is written, in the process that wrote it.
    """
    return definitions_of(open_deployment(settings), on_written)


def definitions_of(
    deployment: Deployment, on_written: Callable[[Report], None] | None = None
) -> dg.Definitions:
    """Build the definitions of an open deployment."""
    registry, parameters = deployment.registry, deployment.parameters

    def open_source(_: dg.InitResourceContext) -> object:
        return deployment.source

    def open_io_manager(_: dg.InitResourceContext) -> LakeIOManager:
        remember(deployment.settings)
        return LakeIOManager(deployment.lake, registry.nodes, on_written)

    return dg.Definitions(
        assets=registry.assets,
        asset_checks=checks(registry.nodes, parameters),
        jobs=[*stage_jobs(registry.nodes), nightly_job(deployment.settings)],
        schedules=[nightly_schedule()],
        resources={
            "lake": dg.ResourceDefinition.hardcoded_resource(deployment.lake),
            "source": dg.ResourceDefinition(open_source, description="Where facts come from."),
            "io_manager": dg.IOManagerDefinition(open_io_manager),
        },
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Definitions of the deployment that the environment describes."""
    return build_definitions(load_settings())
