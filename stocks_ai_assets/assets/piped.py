"""The same assets, launched elsewhere: one Databricks run for all that a run asks of a stage.

Keys, partitions, checks, versions and dependencies are those of the assets that compute here; only
the body differs. A run for every asset would start some thirty clusters where a few do.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import dagster as dg

from stocks_ai_assets.assets.failures import readable_failures

Outcome = dg.MaterializeResult[None] | dg.AssetCheckResult

PIPES = "pipes"
"""Key of the resource that launches."""

RUN = "run_"
"""Start of a step's name; Dagster keeps the rest for the job of the stage."""


class Pipes(Protocol):
    """Runs the selected assets of a step somewhere else."""

    def run(self, context: dg.AssetExecutionContext) -> Iterator[Outcome]:
        """Yield what was materialized and checked there, then raise what went wrong."""


def piped_assets(
    assets: Sequence[dg.AssetsDefinition],
    checks: Sequence[dg.AssetCheckSpec],
    stages: Mapping[str, Sequence[str]],
) -> list[dg.AssetsDefinition]:
    """Build the assets that are launched through Pipes, with their checks.

    Parameters
    ----------
    assets
        The assets that compute here, one key each.
    checks
        All checks of these; they are judged where the rows were just written.
    stages
        Names of assets that may share a run, by the name of the stage.
    """
    by_name = {asset.key.to_user_string(): asset for asset in assets}
    found = []
    for stage, names in stages.items():
        # A run of partitions cannot be told of assets without any.
        whole = [name for name in names if by_name[name].partitions_def is None]
        parted = [name for name in names if name not in whole]
        alone = {f"{RUN}{name.replace('/', '_')}": [name] for name in whole}
        groups = {f"{RUN}{stage}": parted, **alone}
        found += [
            _launched(step, [by_name[name] for name in members], checks)
            for step, members in groups.items()
            if members
        ]
    return found


def _launched(
    step: str, assets: Sequence[dg.AssetsDefinition], checks: Sequence[dg.AssetCheckSpec]
) -> dg.AssetsDefinition:
    keys = {asset.key for asset in assets}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.multi_asset(
            name=step,
            specs=[spec for asset in assets for spec in asset.specs],
            check_specs=[check for check in checks if check.asset_key in keys],
            can_subset=True,
            backfill_policy=assets[0].backfill_policy,
            required_resource_keys={PIPES},
        )
        def launched(context: dg.AssetExecutionContext) -> Iterator[Outcome]:
            with readable_failures():
                yield from context.resources.pipes.run(context)

    return launched
