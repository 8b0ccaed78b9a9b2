"""Assets, checks and stage jobs of an open deployment, with the resources they run on."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import dagster as dg

from stocks_ai_assets.assets.io_manager import LakeIOManager, Report
from stocks_ai_assets.assets.piped import Pipes, piped_assets
from stocks_ai_assets.checks.registry import checks
from stocks_ai_assets.deployment import Deployment, remember
from stocks_ai_assets.engines.port import Engine
from stocks_ai_assets.errors import StocksAiError, WorkspaceError
from stocks_ai_assets.jobs import stage_jobs, stages
from stocks_ai_assets.sources.ports import Source

if TYPE_CHECKING:
    from dagster._core.definitions.step_launcher import StepLauncher

    from stocks_ai_assets.databricks.runs import RemoteRun


def pipeline(
    deployment: Deployment,
    on_written: Callable[[Report], None] | None = None,
    on_launched: Callable[[str, "RemoteRun"], None] | None = None,
) -> dg.Definitions:
    """Build what materializes the lake.

    Parameters
    ----------
    deployment
        Where facts come from and tables lie. The source is opened when a run first needs it.
    on_written
        Called after each asset is written, here or remotely.
    on_launched
        Called with an asset's name and its remote run, when there is one.
    """
    registry = deployment.registry

    def open_source(_: dg.InitResourceContext) -> Source:
        return deployment.source

    def open_engine(_: dg.InitResourceContext) -> Engine:
        return _prepared_engine(deployment)

    def open_io_manager(_: dg.InitResourceContext) -> LakeIOManager:
        remember(deployment.settings)
        return LakeIOManager(deployment.lake, registry.nodes, on_written)

    def open_step_launcher(_: dg.InitResourceContext) -> "StepLauncher | None":
        if deployment.settings.launch != "step":
            return None
        if find_spec("dagster_databricks") is None:
            raise WorkspaceError(
                "STOCKS_AI_LAUNCH=step needs the extra `databricks`. "
                "Run: pip install 'stocks-ai-assets[databricks]'."
            )
        from stocks_ai_assets.databricks.launcher import open_launcher

        return open_launcher(deployment, on_written, on_launched)

    def open_pipes(_: dg.InitResourceContext) -> Pipes | None:
        if deployment.settings.launch != "pipes":
            return None
        from stocks_ai_assets.databricks import pipes  # needs its extra

        return pipes.open_pipes(deployment.settings, on_written, on_launched)

    assets: Sequence[dg.AssetsDefinition] = registry.assets
    judges = checks(registry.nodes, deployment.parameters)
    if deployment.settings.launch == "pipes":
        specs = [spec for judge in judges for spec in judge.check_specs]
        by_stage = {stage.name: stage.names for stage in stages(registry.nodes)}
        assets, judges = piped_assets(assets, specs, by_stage), []
    return dg.Definitions(
        assets=assets,
        asset_checks=judges,
        jobs=stage_jobs(registry.nodes),
        resources={
            "lake": dg.ResourceDefinition.hardcoded_resource(deployment.lake),
            "engine": dg.ResourceDefinition(open_engine, description="What computes tables."),
            "source": dg.ResourceDefinition(open_source, description="Where facts come from."),
            "io_manager": dg.IOManagerDefinition(open_io_manager),
            "pipes": dg.ResourceDefinition(open_pipes, description="Launches steps by Pipes."),
            "step_launcher": dg.ResourceDefinition(
                open_step_launcher, description="Where computed assets run."
            ),
        },
        executor=dg.in_process_executor,
    )


def _prepared_engine(deployment: Deployment) -> Engine:
    """Open the engine before the first step: facts would be written, and the first signal fail."""
    try:
        return deployment.prepared_engine()
    except StocksAiError as error:
        raise error from None  # the run's record would show every cause, Java's frames too
