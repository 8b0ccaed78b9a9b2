"""Reads everything a report needs from the lake; each table once, at one version."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

import polars as pl

from stocks_ai_assets.domain.calendar import nyse, quarters_between
from stocks_ai_assets.lake import Lake, content_hash
from stocks_ai_assets.reports.data import (
    GAPS,
    INVENTORY,
    NAMES,
    PRESENCE,
    QUARANTINE,
    ReportContext,
    ReportData,
    empty,
)
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.spec import Table

WHOLE = {
    "skill": "evaluation.agent_skill",
    "calibration": "evaluation.calibration",
    "performance": "evaluation.performance",
    "var_backtests": "evaluation.var_backtests",
    "trials": "evaluation.trials",
    "returns": "portfolio.returns",
    "risk": "portfolio.risk",
    "models": "agents.models",
    "supervisor_models": "meta.supervisor_models",
}
"""Tables read whole, by their name in `ReportData`; they are small and their content is hashed."""

PREDICTIONS, SYNTHESIZED = "agents.predictions", "meta.synthesized_predictions"
PRICED, COMPANIES, QUARANTINED = "signals.technical", "market.companies", "market.quarantine"


def gather(lake: Lake, context: ReportContext) -> ReportData:
    """Read a report's data.

    Parameters
    ----------
    lake
        The lake; it may be empty.
    context
        Settings of the deployment.

    Returns
    -------
    ReportData
        Tables that were never written are empty. Content hashes cover the tables that are read
        whole; the Delta version names the content of the others.
    """
    versions = {name: lake.version(name) for name in TABLES}
    whole = {
        field: empty(name) if versions[name] is None else lake.read(name, version=versions[name])
        for field, name in WHOLE.items()
    }
    predictions = _columns(lake, PREDICTIONS, versions, "agent", "prediction_date")
    priced = _columns(lake, PRICED, versions, "symbol", "session")
    read = {PREDICTIONS: predictions, PRICED: priced} | {
        WHOLE[field]: frame for field, frame in whole.items()
    }
    hashes = {
        WHOLE[field]: content_hash(frame, WHOLE[field])
        for field, frame in whole.items()
        if versions[WHOLE[field]] is not None
    }
    return ReportData(
        context=context,
        **whole,
        latest=_latest(lake, versions),
        names=_names(lake, priced, versions),
        presence=presence(predictions, priced),
        inventory=_inventory(lake, read, versions, hashes),
        gaps=_gaps(lake, predictions, whole["models"], versions),
        quarantine=_quarantine(lake, versions),
    )


def _columns(
    lake: Lake, table: str, versions: dict[str, int | None], *columns: str
) -> pl.DataFrame:
    if versions[table] is None:
        return empty(table).select(columns)
    return lake.read(table, columns=columns, version=versions[table])


def _latest(lake: Lake, versions: dict[str, int | None]) -> pl.DataFrame:
    """Synthesized predictions of the last session that has any."""
    days = _columns(lake, SYNTHESIZED, versions, "prediction_date").get_column("prediction_date")
    last = days.max()
    if not isinstance(last, date):
        return empty(SYNTHESIZED)
    return lake.read(SYNTHESIZED, first=last, last=last, version=versions[SYNTHESIZED])


def _names(lake: Lake, priced: pl.DataFrame, versions: dict[str, int | None]) -> pl.DataFrame:
    """Every symbol that ever had a price, with its newest name and sector."""
    published = _columns(lake, COMPANIES, versions, "symbol", "name", "sector", "known_on")
    newest = published.sort("symbol", "known_on").unique("symbol", keep="last")
    return (
        priced.select(pl.col("symbol").unique())
        .join(newest.drop("known_on"), on="symbol", how="left")
        .sort("symbol")
        .select(pl.col(name).cast(dtype) for name, dtype in NAMES.items())
    )


def presence(predictions: pl.DataFrame, priced: pl.DataFrame) -> pl.DataFrame:
    """Count by agent and year what was said about whom.

    Parameters
    ----------
    predictions
        `agent`, `prediction_date`, one row a prediction.
    priced
        `symbol`, `session`, one row for every symbol with a price.

    Returns
    -------
    pl.DataFrame
        See `ReportData.presence`. Every agent has every year from the first with a price on.
    """
    sessions = priced.group_by("session").agg(priced=pl.len())
    agents = predictions.select(pl.col("agent").unique())
    said = predictions.group_by("agent", session="prediction_date").agg(predictions=pl.len())
    return (
        sessions.join(agents, how="cross")
        .join(said, on=["agent", "session"], how="left")
        .with_columns(pl.col("predictions").fill_null(0), year=pl.col("session").dt.year())
        .group_by("agent", "year")
        .agg(
            pl.col("predictions", "priced").sum(),
            sessions=pl.len(),
            silent_sessions=(pl.col("predictions") == 0).sum(),
        )
        .sort("agent", "year")
        .select(pl.col(name).cast(dtype) for name, dtype in PRESENCE.items())
    )


def _inventory(
    lake: Lake,
    read: dict[str, pl.DataFrame],
    versions: dict[str, int | None],
    hashes: dict[str, str],
) -> pl.DataFrame:
    rows = []
    for name, table in TABLES.items():
        version = versions[name]
        column = table.partition or table.key[0]
        if version is None:
            days = None
        else:
            frame = read.get(name)
            days = (
                lake.read(name, columns=(column,), version=version) if frame is None else frame
            ).get_column(column)
        dated = days is not None and bool(table.partition)
        rows.append(
            {
                "table": name,
                "rows": 0 if days is None else days.len(),
                "first": days.min() if days is not None and dated else None,
                "last": days.max() if days is not None and dated else None,
                "version": version,
                "content_hash": hashes.get(name),
            }
        )
    return pl.DataFrame(rows, schema=INVENTORY)


def _gaps(
    lake: Lake,
    predictions: pl.DataFrame,
    models: pl.DataFrame,
    versions: dict[str, int | None],
) -> pl.DataFrame:
    """Partitions that were never materialized between two that were."""
    slices: dict[str, Sequence[str]] = {
        PREDICTIONS: predictions.get_column("agent").unique().sort().to_list(),
        "agents.models": models.get_column("model").unique().sort().to_list(),
    }
    rows = [
        {"table": name, "slice": slice_, "first": first, "last": last, "partitions": count}
        for name, table in TABLES.items()
        if versions[name] is not None and name != QUARANTINED and table.partition
        for slice_ in (slices[name] if table.slice else (None,))
        for first, last, count in _between(lake.materialized(name, slice_), table)
    ]
    return pl.DataFrame(rows, schema=GAPS)


def _between(covered: list[tuple[date, date]], table: Table) -> Iterator[tuple[date, date, int]]:
    day = timedelta(days=1)
    for (_, before), (after, _) in pairwise(covered):
        if table.partitioned_by == "quarter":
            absent = tuple(q for q in quarters_between(before + day, after - day) if q > before)
        else:
            absent = nyse().between(before + day, after - day)
        if absent:
            yield absent[0], absent[-1], len(absent)


def _quarantine(lake: Lake, versions: dict[str, int | None]) -> pl.DataFrame:
    rows = _columns(lake, QUARANTINED, versions, "source_table", "reason")
    return (
        rows.group_by("source_table", "reason")
        .agg(rows=pl.len())
        .sort("source_table", "reason")
        .select(pl.col(name).cast(dtype) for name, dtype in QUARANTINE.items())
    )
