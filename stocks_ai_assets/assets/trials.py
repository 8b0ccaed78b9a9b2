"""The ledger of trials: each deployment's configuration adds itself once."""

import hashlib
from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from stocks_ai_assets import __version__
from stocks_ai_assets.assets.description import OWNERS, definition_metadata
from stocks_ai_assets.assets.facts import fact_version
from stocks_ai_assets.assets.failures import readable_failures
from stocks_ai_assets.assets.io_manager import Rows
from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.domain.evaluation.trials import merge_trials, trial_rows
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.sources.ports import Source


def trials_asset(
    node: Node, nodes: Mapping[str, Node], parameters: Parameters, universe: Sequence[str]
) -> dg.AssetsDefinition:
    """Build the asset that keeps the ledger. It is written whole and only grows."""
    version = trials_version(nodes, parameters, universe)

    @dg.asset(
        key=node.name.split("/"),
        description=node.table.description,
        group_name="evaluation",
        kinds={"polars", "delta"},
        owners=OWNERS,
        metadata=definition_metadata(node.table),
        code_version=version,
        required_resource_keys={"lake", "source"},
    )
    def trials(context: dg.AssetExecutionContext) -> Rows:
        with readable_failures():
            source: Source = context.resources.source
            new = trial_rows(
                parameters,
                agents=agents_of(nodes),
                source=source.name,
                universe=universe or source.symbols(),
                code_version=code_of_graph(nodes),
            )
            ledger = _ledger(context.resources.lake, node)
            return Rows(
                frame=merge_trials(ledger, new),
                first=None,
                last=None,
                code_version=version,
            )

    return trials


def agents_of(nodes: Mapping[str, Node]) -> tuple[str, ...]:
    """Names of the agents that write predictions, ascending."""
    slices = {n.slice for n in nodes.values() if n.table.name == "agents.predictions" and n.slice}
    return tuple(sorted(slices))


def trials_version(
    nodes: Mapping[str, Node], parameters: Parameters, universe: Sequence[str]
) -> str:
    """Version of code, settings and universe: the ledger is due when one of them is new."""
    return f"{code_of_graph(nodes)}/{parameters.label}/{fact_version(universe)}"


def code_of_graph(nodes: Mapping[str, Node]) -> str:
    """Version of the package and of all transforms: another formula is another trial."""
    versions = sorted(f"{n.name}={n.transform.code_version}" for n in nodes.values() if n.transform)
    digest = hashlib.sha256("\n".join(versions).encode()).hexdigest()
    return f"{__version__}+{digest[:8]}"


def _ledger(lake: Lake, node: Node) -> pl.DataFrame:
    if lake.version(node.table.name) is None:
        return pl.DataFrame(schema=node.table.schema)
    return lake.read(node.table.name)
