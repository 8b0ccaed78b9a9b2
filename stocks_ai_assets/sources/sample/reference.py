"""Lists of companies: who is in the index, what snapshots said, what a vendor says at the end."""

from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.sources.sample.companies import NEVER, SECTORS, Companies, name_of
from stocks_ai_assets.sources.sample.timeline import Flags, Integers, Timeline
from stocks_ai_assets.sources.sample.traps import holders, positions

INDEX_START = date(2000, 1, 3)
NEW_SECTOR = 4
"""Places further in `SECTORS` that a reclassified company moves."""

GROUPS = 3


def membership(members: Companies, line: Timeline) -> tuple[Integers, Integers]:
    """First position in the index and first one out of it again, by company."""
    joined = np.where(members.listed > 0, members.listed + 30, -1)
    left = members.delisted.copy()
    late = holders("late_member", members.n)
    joined[late] = positions("late_member", members.n, line)
    left[holders("removed_member", members.n)] = positions("removed_member", members.n, line)
    return joined, left


def sp500_membership(members: Companies, line: Timeline) -> pl.DataFrame:
    """Raw frame `sp500_membership`; a new ticker ends the old one's membership."""
    joined, left = membership(members, line)
    renamed = _renamed(members, line)
    rows = []
    for i, symbol in enumerate(members.symbols):
        steps = [(listed_as(symbol), int(joined[i]), int(left[i]))]
        if renamed[i] < NEVER:
            steps = [
                (old_ticker(symbol), int(joined[i]), int(renamed[i])),
                (listed_as(symbol), int(renamed[i]), int(left[i])),
            ]
        rows += [
            (name, _day(line, start) or INDEX_START, _day(line, end))
            for name, start, end in steps
            if start < line.length
        ]
    return pl.DataFrame(
        rows,
        schema={"symbol": pl.String, "start_date": pl.Date, "end_date": pl.Date},
        orient="row",
    ).sort("symbol", "start_date")


def sp500_constituents_history(members: Companies, line: Timeline) -> pl.DataFrame:
    """Raw frame `sp500_constituents_history`: a list a quarter, changes only."""
    shown: dict[str, tuple[str, str, str]] = {}
    rows = []
    for position in _snapshots(line):
        found = dict(_listed(members, line, position))
        day = _day(line, position)
        rows += [
            (day, ticker, "present", *entry)
            for ticker, entry in found.items()
            if shown.get(ticker) != entry
        ]
        rows += [(day, ticker, "removed", "", "", "") for ticker in shown if ticker not in found]
        shown = found
    schema = {"snapshot_date": pl.Date}
    names = ("symbol", "status", "name", "gics_sector", "gics_sub_industry")
    return pl.DataFrame(
        rows, schema={**schema, **dict.fromkeys(names, pl.String)}, orient="row"
    ).sort("snapshot_date", "symbol")


def instruments(
    members: Companies, line: Timeline, frames: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """Raw frame `instruments`: what a vendor says about each symbol at the end.

    Parameters
    ----------
    members, line
        The simulated world.
    frames
        `prices_daily`, `fundamentals_pit`, `events_earnings`, `esg_snapshot`.
    """
    joined, _ = membership(members, line)
    sector = _sectors(members, line, line.length - 1)
    traded = (
        frames["prices_daily"]
        .group_by("symbol")
        .agg(
            price_first=pl.col("date").min(),
            price_last=pl.col("date").max(),
            price_rows=pl.len().cast(pl.Int64),
        )
    )
    filed = (
        frames["fundamentals_pit"]
        .group_by("symbol")
        .agg(fund_first_filed=pl.col("filed").min(), fund_rows=pl.len().cast(pl.Int64))
    )
    announced = (
        frames["events_earnings"]
        .group_by("symbol")
        .agg(earnings_rows=pl.len().cast(pl.Float64), earnings_first=pl.col("reaction_date").min())
    )
    rated = frames["esg_snapshot"].get_column("symbol").unique()
    table = pl.DataFrame(
        {
            "symbol": members.symbols,
            "name": members.names,
            "gics_sector": [SECTORS[s] for s in sector],
            "gics_sub_industry": [sub_industry(SECTORS[s], i) for i, s in enumerate(sector)],
            "headquarters_location": ["Nowhere (simulated)"] * members.n,
            "date_added": [str(_day(line, int(p)) or INDEX_START) for p in joined],
            "cik": members.cik,
            "founded": ["simulated"] * members.n,
            "in_sp100_2024_04": [False] * members.n,
            "in_sp100_2017": [False] * members.n,
        }
    )
    return (
        table.join(traded, on="symbol", how="inner", maintain_order="left")
        .join(filed, on="symbol", how="left", maintain_order="left")
        .with_columns(pl.col("fund_rows").fill_null(0), fund_source=pl.lit("SIMULATED"))
        .join(announced, on="symbol", how="left", maintain_order="left")
        .with_columns(esg_total_risk_available=pl.col("symbol").is_in(rated.to_list()))
    )


def listed_as(symbol: str) -> str:
    """Ticker as lists spell it: a dot before the share class, where prices have a dash."""
    return symbol.replace("-", ".")


def old_ticker(symbol: str) -> str:
    """Ticker before a change of name."""
    return symbol.replace("SIM", "OLD")


def sub_industry(sector: str, i: int) -> str:
    """Made-up sub-industry of company `i`."""
    return f"{sector} {'ABC'[i % GROUPS]}"


def _renamed(members: Companies, line: Timeline) -> Integers:
    """Position on which each company changes its ticker."""
    renamed = np.full(members.n, NEVER)
    renamed[holders("renaming", members.n)] = positions("renaming", members.n, line)
    return renamed


def _sectors(members: Companies, line: Timeline, position: int) -> list[int]:
    """Sectors at a position."""
    sector = members.sector.copy()
    who = holders("reclassification", members.n)
    moved = who[positions("reclassification", members.n, line) <= position]
    sector[moved] = (sector[moved] + NEW_SECTOR) % len(SECTORS)
    return [int(s) for s in sector]


def _snapshots(line: Timeline) -> list[int]:
    """Positions of the first session of each quarter, and of the first of all."""
    quarter = line.company_days.astype("datetime64[M]").astype(np.int64) // 3
    return [int(p) for p in np.flatnonzero(np.diff(quarter, prepend=quarter[0] - 1))]


def _listed(
    members: Companies, line: Timeline, position: int
) -> list[tuple[str, tuple[str, str, str]]]:
    """Ticker, and name, sector and sub-industry, of each member as a snapshot shows it."""
    joined, left = membership(members, line)
    sector, renamed = _sectors(members, line, position), _renamed(members, line)
    wrong = _mislabelled(members, line, position)
    entries = []
    for i in np.flatnonzero((joined <= position) & (position < left)).tolist():
        symbol, name, label = members.symbols[i], members.names[i], SECTORS[sector[i]]
        ticker = listed_as(symbol)
        if position < renamed[i] < NEVER:
            ticker, name = old_ticker(symbol), name_of(i, "Corp.")
        group = sub_industry(label, i)
        entries.append((ticker, (name, group, "") if wrong[i] else (name, label, group)))
    return entries


def _mislabelled(members: Companies, line: Timeline, position: int) -> Flags:
    """Companies whose entry is wrong in this snapshot: the first one after the trap springs."""
    who, at = holders("mislabelled", members.n), positions("mislabelled", members.n, line)
    before = [p for p in _snapshots(line) if p < position]
    wrong = np.zeros(members.n, dtype=bool)
    wrong[who] = (at <= position) & (at > (before[-1] if before else -1))
    return wrong


def _day(line: Timeline, position: int) -> date | None:
    """Session at a position; None outside the simulated ones."""
    inside = 0 <= position < line.length
    return line.company_days[position].astype(object) if inside else None
