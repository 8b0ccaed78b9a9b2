"""Seventh section: what the lake holds, what was set aside, who was silent, what is missing."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.reports.data import ReportData
from stocks_ai_assets.reports.markup import (
    Column,
    Html,
    element,
    joined,
    section,
    table,
    table_anchor,
)
from stocks_ai_assets.reports.selection import in_order
from stocks_ai_assets.reports.wording import MISSING, command, day, percent, whole
from stocks_ai_assets.tables import TABLES

QUARANTINE = "market.quarantine"
SPARSE = 0.5
"""Share of names below which an agent's year is marked."""


def quality(data: ReportData) -> Html:
    """Tables, gaps, quarantine, abstentions."""
    return section(
        "quality", "Data quality", _inventory(data), _gaps(data), _quarantine(data), _silence(data)
    )


def _inventory(data: ReportData) -> Html:
    rows = in_order(data.inventory, "table", list(TABLES)).to_dicts()
    columns = (
        Column(title="Table", cell=lambda r: r["table"]),
        Column(
            title="Holds", cell=lambda r: TABLES[r["table"]].description.replace("`", ""), text=True
        ),
        Column(
            title="Rows",
            cell=lambda r: whole(r["rows"]),
            mark=lambda r: "" if r["rows"] else "faint",
        ),
        Column(title="First", unit="partition", cell=lambda r: day(r["first"])),
        Column(title="Last", unit="partition", cell=lambda r: day(r["last"])),
        Column(title="Version", unit="Delta", cell=lambda r: whole(r["version"])),
        Column(title="Content", unit="hash", cell=lambda r: (r["content_hash"] or MISSING)[:12]),
    )
    unwritten = [row["table"] for row in rows if row["version"] is None]
    note = element(
        "p",
        f"Never written: {', '.join(unwritten)}. Fill them with",
        element("code", "stocks-ai backfill"),
        class_="missing",
    )
    return joined(
        [
            table(
                rows,
                columns,
                label="Tables of the lake",
                caption=(
                    "Facts are partitioned by the session on which they became known; hashes "
                    "cover the tables read whole for this report, the Delta version names the "
                    "content of the others."
                ),
                anchor=lambda r: table_anchor(r["table"]),
            ),
            note if unwritten else Html(""),
        ]
    )


def _gaps(data: ReportData) -> Html:
    if data.inventory.drop_nulls("version").is_empty():
        return Html("")
    title = element("h3", "Missing partitions")
    if data.gaps.is_empty():
        text = "None: every partition between the first and the last of each table was computed."
        return joined([title, element("p", text)])
    columns = (
        Column(title="Table", cell=lambda r: r["table"]),
        Column(title="Slice", cell=lambda r: r["slice"] or MISSING, text=True),
        Column(title="From", cell=lambda r: day(r["first"])),
        Column(title="To", cell=lambda r: day(r["last"])),
        Column(title="Missing", unit="partitions", cell=lambda r: whole(r["partitions"])),
        Column(
            title="Fill with",
            cell=lambda r: (
                f"{command(r['table'], r['slice'])} --from {r['first']} --to {r['last']}"
            ),
            text=True,
        ),
    )
    return table(
        data.gaps.sort("table", "slice", "first").to_dicts(),
        columns,
        label="Missing partitions",
        caption="Never materialized, although partitions before and after them are.",
    )


def _quarantine(data: ReportData) -> Html:
    title = element("h3", "Quarantine")
    if data.quarantine.is_empty():
        return joined([title, element("p", "No row from outside broke a contract.")])
    columns = (
        Column(title="Table", cell=lambda r: r["source_table"]),
        Column(title="Reason", cell=lambda r: r["reason"], text=True),
        Column(title="Rows", cell=lambda r: whole(r["rows"])),
    )
    return table(
        data.quarantine.sort("source_table", "reason").to_dicts(),
        columns,
        label="Quarantine",
        caption="Rows from outside that broke a contract; they are kept and not used.",
        sources=(QUARANTINE,),
    )


def _silence(data: ReportData) -> Html:
    if data.presence.is_empty():
        return Html("")
    years = data.presence.get_column("year").unique().sort().to_list()
    shares: dict[str, dict[str, Any]] = {}
    ordered = in_order(data.presence.sort("year"), "agent", [agent.name for agent in AGENTS])
    for row in ordered.iter_rows(named=True):
        agent = shares.setdefault(row["agent"], {"agent": row["agent"]})
        agent[str(row["year"])] = row["predictions"] / row["priced"] if row["priced"] else None
    columns = [Column(title="Agent", cell=lambda r: r["agent"])]
    columns += [
        Column(title=str(year), unit="of names", cell=_cell(str(year)), mark=_sparse(str(year)))
        for year in years
    ]
    silent = data.presence.group_by("agent").agg(pl.col("silent_sessions").sum())
    counts = dict(silent.iter_rows())
    columns.append(
        Column(title="Silent", unit="sessions", cell=lambda r: whole(counts.get(r["agent"])))
    )
    return table(
        list(shares.values()),
        columns,
        label="Share of priced names each agent spoke about",
        caption=(
            "The rest are abstentions: an input was missing or too old; silent sessions are those "
            f"without any prediction; marked: below {percent(SPARSE, 0)}."
        ),
        sources=("agents.predictions", "signals.technical"),
    )


def _cell(year: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: percent(row.get(year))


def _sparse(year: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: "alarm" if row.get(year) is not None and row[year] < SPARSE else ""
