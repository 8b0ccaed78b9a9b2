"""Computed assets: one per transform. They hold no formula and no knowledge of lookbacks."""

from collections.abc import Mapping

import dagster as dg

from stocks_ai_assets.assets.description import OWNERS, definition_metadata
from stocks_ai_assets.assets.failures import readable_failures
from stocks_ai_assets.assets.io_manager import Rows
from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.domain.transform import Parameters, Transform
from stocks_ai_assets.engines import local
from stocks_ai_assets.partitions import definition_of, mapping_between, requested_window


def computed_asset(
    node: Node, transform: Transform, nodes: Mapping[str, Node], parameters: Parameters
) -> dg.AssetsDefinition:
    """Build the asset that runs one transform.

    Upstream assets are declared for the order alone; the lake reads the lookback itself. They are
    dependencies and not inputs of the function, because Dagster would compute the mapped
    partitions of every input (50 ms for ten years) only for us to ignore them.
    """
    kind = node.table.partitioned_by

    @dg.asset(
        key=node.name.split("/"),
        description=transform.description or node.table.description,
        group_name=node.table.name.split(".", maxsplit=1)[0],
        kinds={"polars", "delta"},
        owners=OWNERS,
        tags={"by": transform.by, **transform.tags},
        metadata=definition_metadata(node.table),
        code_version=local.code_version(transform, parameters),
        partitions_def=definition_of(kind, parameters.first_session),
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[
            dg.AssetDep(
                name.split("/"),
                partition_mapping=mapping_between(nodes[name].table.partitioned_by, kind),
            )
            for name in node.upstream
        ],
        required_resource_keys={"lake", "engine", "step_launcher"},
    )
    def computed(context: dg.AssetExecutionContext) -> Rows:
        with readable_failures():
            window = requested_window(context.run.tags, kind, parameters)
            rows = context.resources.engine.compute(context.resources.lake, transform, window)
            return Rows(
                frame=rows.frame,
                first=window.first,
                last=window.last,
                code_version=local.code_version(transform, parameters),
                input_versions=rows.versions,
                seconds_reading=rows.seconds_reading,
                seconds_computing=rows.seconds_computing,
            )

    return computed
