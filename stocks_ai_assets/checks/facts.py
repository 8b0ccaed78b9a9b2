"""Rules about facts: complete, on time, published before they are used, few in quarantine."""

from collections.abc import Iterator

import polars as pl

from stocks_ai_assets.assets.nodes import asset_name
from stocks_ai_assets.checks.rule import Rule, Scope, Verdict
from stocks_ai_assets.domain.calendar import CALENDAR_END
from stocks_ai_assets.partitions import CALENDAR_MARGIN
from stocks_ai_assets.sources.ports import FACT_TABLES

MAX_QUARANTINED = 0.01
"""Share of a table's rows; more than the odd bad row means that the source has changed."""

MAX_AGE = {
    "market.prices": 0,
    "market.benchmarks": 0,
    "market.macro_observations": 31,
    "market.corporate_actions": 63,
    "market.company_facts": 63,
    "market.earnings": 63,
}
"""Sessions without a new row after which a table looks forgotten; the others may rest for long."""


def fact_rules() -> Iterator[Rule]:
    """Rules of every fact table."""
    for table in FACT_TABLES:
        yield Rule(
            name="published_in_time",
            asset=asset_name(table),
            description="Every row was public by the close of the session that may use it.",
            judge=_published_in_time,
            severe=True,
        )
        yield Rule(
            name="few_in_quarantine",
            asset=asset_name(table),
            description=f"At most {MAX_QUARANTINED:.0%} of the rows broke the contract.",
            judge=_few_in_quarantine,
        )
    for table, age in MAX_AGE.items():
        yield Rule(
            name="fresh",
            asset=asset_name(table),
            description=f"The newest row became known within {age} sessions of the last one.",
            judge=_fresh,
        )
    prices = asset_name("market.prices")
    yield Rule(
        name="every_session",
        asset=prices,
        description="There are prices for every session of the exchange, and for no other day.",
        judge=_every_session,
    )
    yield Rule(
        name="calendar_reaches",
        asset=prices,
        description=f"The pinned calendar goes on for {CALENDAR_MARGIN.days} days or more.",
        judge=_calendar_reaches,
    )


def _published_in_time(scope: Scope) -> Verdict:
    rows = scope.read("known_on", "available_at")
    cutoffs = scope.window.calendar.frame.select("known_on", "cutoff")
    late = rows.join(cutoffs, on="known_on", how="left").filter(
        pl.col("cutoff").is_null() | (pl.col("available_at") > pl.col("cutoff"))
    )
    n = late.height
    return Verdict(
        passed=n == 0,
        description=f"{n:,} of {rows.height:,} rows were published after they could be used.",
        figures={"late_rows": n},
    )


def _few_in_quarantine(scope: Scope) -> Verdict:
    window, table = scope.window, scope.node.table
    first = None if window.first == window.parameters.first_session else window.first
    aside = scope.lake.read(
        "market.quarantine",
        first=first,
        last=window.last,
        columns=("reason",),
        slices=(table.name,),
    )
    kept = scope.read(table.partition).height
    share = aside.height / max(kept + aside.height, 1)
    reasons = aside.get_column("reason").value_counts(sort=True).head(3).iter_rows()
    named = "; ".join(f"{reason} ({n:,})" for reason, n in reasons)
    return Verdict(
        passed=share <= MAX_QUARANTINED,
        description=f"{aside.height:,} rows in quarantine. {named}".strip(),
        figures={"quarantined_rows": aside.height, "share": share},
    )


def _fresh(scope: Scope) -> Verdict:
    table, window = scope.node.table, scope.window
    age = MAX_AGE[table.name]
    calendar = window.calendar
    earliest = max(calendar.position(window.last) - age, 0)
    found = scope.lake.read(
        table.name,
        first=calendar.sessions[earliest],
        last=window.last,
        columns=("known_on",),
    )
    newest = found.get_column("known_on").max()
    return Verdict(
        passed=newest is not None,
        description=f"Newest row known on {newest!s}."
        if newest is not None
        else f"No row became known in the {age} sessions before {window.last}, or on it.",
    )


def _every_session(scope: Scope) -> Verdict:
    window = scope.window
    days = set(scope.read("session").get_column("session").unique())
    missing = [day for day in window.partitions if day not in days]
    extra = sorted(day for day in days if day not in window.calendar)
    named = ", ".join(str(day) for day in [*missing, *extra][:5])
    return Verdict(
        passed=not missing and not extra,
        description=(
            f"{len(missing):,} sessions without prices, {len(extra):,} days that are none. {named}"
        ).strip(),
        figures={"missing_sessions": len(missing), "other_days": len(extra)},
    )


def _calendar_reaches(scope: Scope) -> Verdict:
    left = CALENDAR_END - scope.window.last
    return Verdict(
        passed=left >= CALENDAR_MARGIN,
        description=(
            f"The pinned calendar ends on {CALENDAR_END}, {left.days} days after the last session."
            + (
                ""
                if left >= CALENDAR_MARGIN
                else " Raise CALENDAR_END, run `make calendar`, release."
            )
        ),
        figures={"days_left": left.days},
    )
