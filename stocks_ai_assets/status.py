"""What the lake holds: per asset its partitions, what is missing or stale, versions, quarantine."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from stocks_ai_assets.backfill import code_versions
from stocks_ai_assets.deployment import Deployment
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Window
from stocks_ai_assets.planning import History, due

QUARANTINE = "market.quarantine"


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetStatus:
    """State of one asset between the first partition and the newest one of the lake.

    Parameters
    ----------
    name
        Asset key with slashes.
    first, last
        First and last partition materialized; None: none.
    materialized, missing, stale
        Partitions; `missing` counts those up to the newest session of any asset.
    version
        Delta version of the table; None: never written.
    """

    name: str
    first: date | None
    last: date | None
    materialized: int
    missing: int
    stale: int
    version: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """State of a deployment.

    Parameters
    ----------
    assets
        In the order of the data flow.
    first_session, newest_session
        First partition, and newest session that any asset has; None: the lake is empty.
    source_session
        Newest session of the source.
    quarantined
        `source_table`, `reason`, `rows`: rows from outside that broke a contract.
    """

    assets: tuple[AssetStatus, ...]
    first_session: date
    newest_session: date | None
    source_session: date
    quarantined: pl.DataFrame


def status(deployment: Deployment) -> Status:
    """Read the state of every asset."""
    newest = max((last for _, last in _covered(deployment)), default=None)
    return Status(
        assets=tuple(_assets(deployment, newest)),
        first_session=deployment.parameters.first_session,
        newest_session=newest,
        source_session=deployment.source.last_session(),
        quarantined=_quarantined(deployment),
    )


def _covered(deployment: Deployment) -> Iterator[tuple[date, date]]:
    for node in deployment.registry.nodes.values():
        if node.table.partitioned_by == "session":
            yield from deployment.lake.materialized(node.table.name, node.slice)


def _assets(deployment: Deployment, newest: date | None) -> Iterator[AssetStatus]:
    nodes, lake, calendar = deployment.registry.nodes, deployment.lake, nyse()
    versions, cache = code_versions(deployment), dict[str, History]()
    first = deployment.parameters.first_session
    window = Window(
        partitions=calendar.between(first, newest) if newest else (first,),
        calendar=calendar,
        parameters=deployment.parameters,
    )
    for name, node in nodes.items():
        states = due(lake, nodes, name, window, versions[name], cache)
        present = [day for day, state in states.items() if state != "missing"]
        whole = node.table.partitioned_by == "none"
        yield AssetStatus(
            name=name,
            first=present[0] if present and not whole else None,
            last=present[-1] if present and not whole else None,
            materialized=len(present),
            missing=len(states) - len(present),
            stale=sum(state == "stale" for state in states.values()),
            version=lake.version(node.table.name),
        )


def _quarantined(deployment: Deployment) -> pl.DataFrame:
    if deployment.lake.version(QUARANTINE) is None:
        return pl.DataFrame(
            schema={"source_table": pl.String, "reason": pl.String, "rows": pl.UInt32}
        )
    rows = deployment.lake.read(QUARANTINE, columns=("source_table", "reason"))
    return rows.group_by("source_table", "reason").agg(rows=pl.len()).sort("source_table", "reason")
