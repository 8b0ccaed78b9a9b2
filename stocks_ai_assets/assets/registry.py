"""All assets of one deployment, built once from its parameters."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from stocks_ai_assets.assets.computed import computed_asset
from stocks_ai_assets.assets.facts import fact_asset
from stocks_ai_assets.assets.nodes import Node, nodes
from stocks_ai_assets.assets.trials import trials_asset
from stocks_ai_assets.domain.transform import Parameters, Transform
from stocks_ai_assets.engines.inputs import with_slices


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """Nodes by name in the order of the data flow, and the Dagster assets made from them."""

    nodes: dict[str, Node]
    assets: tuple[dg.AssetsDefinition, ...]
    parameters: Parameters


def registry(
    parameters: Parameters,
    transforms: Sequence[Transform],
    universe: Sequence[str] = (),
) -> Registry:
    """Build every asset.

    Parameters
    ----------
    parameters
        Settings that change results.
    transforms
        Declarations of the computed assets.
    universe
        Symbols of the deployment; empty: all that the source has.
    """
    found = nodes(with_slices(transforms))
    with warnings.catch_warnings():
        # Backfill policies and mappings to partitions that may not exist are in beta; tests of
        # ours hold them to what we need.
        warnings.simplefilter("ignore", dg.BetaWarning)
        assets = tuple(_asset(node, found, parameters, universe) for node in found.values())
    return Registry(nodes=found, assets=assets, parameters=parameters)


def _asset(
    node: Node, found: dict[str, Node], parameters: Parameters, universe: Sequence[str]
) -> dg.AssetsDefinition:
    if node.transform is not None:
        return computed_asset(node, node.transform, found, parameters)
    if node.table.kind == "fact":
        return fact_asset(node, parameters, universe)
    return trials_asset(node, found, parameters, universe)
