"""Assets, checks and stage jobs of an open deployment, with the resources they run on."""

from collections.abc import Callable

import dagster as dg

from stocks_ai_assets.assets.io_manager import LakeIOManager, Report
from stocks_ai_assets.checks.registry import checks
from stocks_ai_assets.deployment import Deployment, remember
from stocks_ai_assets.jobs import stage_jobs
from stocks_ai_assets.sources.ports import Source


def pipeline(
    deployment: Deployment, on_written: Callable[[Report], None] | None = None
) -> dg.Definitions:
    """Build what materializes the lake.

    Parameters
    ----------
    deployment
        Where facts come from and tables lie. The source is opened when a run first needs it.
    on_written
        Called after each asset is written, in the process that wrote it.
    """
    registry = deployment.registry

    def open_source(_: dg.InitResourceContext) -> Source:
        return deployment.source

    def open_io_manager(_: dg.InitResourceContext) -> LakeIOManager:
        remember(deployment.settings)
        return LakeIOManager(deployment.lake, registry.nodes, on_written)

    return dg.Definitions(
        assets=registry.assets,
        asset_checks=checks(registry.nodes, deployment.parameters),
        jobs=stage_jobs(registry.nodes),
        resources={
            "lake": dg.ResourceDefinition.hardcoded_resource(deployment.lake),
            "source": dg.ResourceDefinition(open_source, description="Where facts come from."),
            "io_manager": dg.IOManagerDefinition(open_io_manager),
        },
        executor=dg.in_process_executor,
    )
