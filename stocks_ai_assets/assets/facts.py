"""Facts: what the source says became known in a range of sessions, checked row by row."""

import hashlib
from collections.abc import Sequence
from time import perf_counter

import dagster as dg

from stocks_ai_assets.assets.description import OWNERS, definition_metadata
from stocks_ai_assets.assets.failures import readable_failures
from stocks_ai_assets.assets.io_manager import Rows
from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.errors import SourceError
from stocks_ai_assets.partitions import requested_window, sessions_definition
from stocks_ai_assets.sources.intake import intake
from stocks_ai_assets.sources.ports import Source

ADAPTERS = "1"
"""Raised by hand when the sources place facts otherwise or clean them otherwise."""


def fact_version(universe: Sequence[str]) -> str:
    """Version of the adapters and of the universe: facts of another one are stale.

    Not of the package: a release must not read the whole history from today's files again.
    """
    if not universe:
        return f"facts-{ADAPTERS}/all"
    digest = hashlib.sha256(",".join(sorted(universe)).encode()).hexdigest()
    return f"facts-{ADAPTERS}/{digest[:8]}"


def fact_asset(
    node: Node, parameters: Parameters, universe: Sequence[str] = ()
) -> dg.AssetsDefinition:
    """Build the asset that fills one fact table from the configured source.

    The first partition also carries everything known before it.
    """
    version = fact_version(universe)

    @dg.asset(
        key=node.name.split("/"),
        description=node.table.description,
        group_name="market",
        kinds={"polars", "delta"},
        owners=OWNERS,
        metadata=definition_metadata(node.table),
        code_version=version,
        partitions_def=sessions_definition(parameters.first_session),
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"source"},
    )
    def facts(context: dg.AssetExecutionContext) -> Rows:
        with readable_failures():
            window = requested_window(context.run.tags, "session", parameters)
            return read_facts(node, context.resources.source, window, version)

    return facts


def read_facts(node: Node, source: Source, window: Window, version: str) -> Rows:
    """Read the facts of `window`, with bad rows set aside; `version` stamps them."""
    newest = source.last_session()
    if window.last > newest:
        raise SourceError(
            f"{node.name} for {window.last}: source `{source.name}` has prices until {newest} "
            f"only. Ask for sessions until {newest}, or bring the source up to date."
        )
    first = None if window.first == window.parameters.first_session else window.first
    start = perf_counter()
    found = source.read(node.table.name, first, window.last)
    ready = perf_counter()
    taken = intake(node.table.name, found)
    return Rows(
        frame=taken.valid,
        first=first,
        last=window.last,
        code_version=version,
        quarantined=taken.quarantined,
        seconds_reading=ready - start,
        seconds_computing=perf_counter() - ready,
    )
