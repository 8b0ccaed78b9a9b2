"""Rules about what we compute: sessions complete, values present, explanations that add up."""

from collections.abc import Iterator, Mapping

import polars as pl

from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.checks.rule import Rule, Scope, Verdict

MAX_NULL_SHARE = 0.5
"""Share of nulls among a table's signals; short histories explain some of them."""

TOLERANCE = 1e-9
"""Rounding of a sum of a handful of contributions, as a fraction."""

SYNTHESIS = "meta/synthesized_predictions"
PREDICTIONS = "agents.predictions"


def signal_rules(nodes: Mapping[str, Node]) -> Iterator[Rule]:
    """Rules of every table of signals."""
    for node in nodes.values():
        if not node.table.name.startswith("signals."):
            continue
        yield Rule(
            name="every_session",
            asset=node.name,
            description="Every session has rows.",
            judge=_every_session,
        )
        yield Rule(
            name="mostly_known",
            asset=node.name,
            description=f"At most {MAX_NULL_SHARE:.0%} of the signals are null.",
            judge=_mostly_known,
        )


def prediction_rules(nodes: Mapping[str, Node]) -> Iterator[Rule]:
    """Rules of every agent's predictions and of their synthesis."""
    for node in nodes.values():
        if node.table.name != PREDICTIONS and node.name != SYNTHESIS:
            continue
        yield Rule(
            name="covers_the_universe",
            asset=node.name,
            description="How many of the symbols with a price were predicted, and on which days.",
            judge=_covers_the_universe,
        )
        yield Rule(
            name="explanation_adds_up",
            asset=node.name,
            description="The contributions of every explanation add up to the predicted return.",
            judge=_explanation_adds_up,
            severe=True,
        )


def _every_session(scope: Scope) -> Verdict:
    days = {day for rows in scope.batches("session") for day in rows["session"].unique()}
    missing = [day for day in scope.window.partitions if day not in days]
    named = f" First: {missing[0]}." if missing else ""
    return Verdict(
        passed=not missing,
        description=f"{len(missing):,} of {len(scope.window.partitions):,} sessions are empty."
        + named,
        figures={"empty_sessions": len(missing)},
    )


def _mostly_known(scope: Scope) -> Verdict:
    table = scope.node.table
    names = [name for name in table.columns if name not in table.key]
    height, nulls = 0, dict.fromkeys(names, 0)
    for rows in scope.batches(*names):
        height += rows.height
        nulls = {name: nulls[name] + rows.get_column(name).null_count() for name in names}
    shares = {name: nulls[name] / max(height, 1) for name in names}
    share = sum(shares.values()) / len(shares)
    emptiest = max(shares, key=lambda name: shares[name])
    return Verdict(
        passed=share <= MAX_NULL_SHARE,
        description=(
            f"{share:.1%} of the signals are null; most of all {emptiest}, {shares[emptiest]:.1%}."
        ),
        figures={"null_share": share},
    )


def _covers_the_universe(scope: Scope) -> Verdict:
    predicted = sum(rows.height for rows in scope.batches("prediction_date"))
    prices = scope.batches("session", table="signals.technical")
    expected = sum(rows.height for rows in prices)
    share = predicted / max(expected, 1)
    return Verdict(
        passed=predicted > 0,
        description=(
            f"{predicted:,} predictions for {expected:,} prices ({share:.1%}); an agent without "
            "its inputs abstains."
        ),
        figures={"coverage": share},
    )


def _explanation_adds_up(scope: Scope) -> Verdict:
    column, field = (
        ("agent_contributions", "value")
        if scope.node.name == SYNTHESIS
        else ("key_factors", "contribution")
    )
    parts = pl.col(column).list.eval(pl.element().struct.field(field)).list.sum()
    largest = (parts - pl.col("predicted_return")).abs().max()
    worst = max(
        rows.select(largest).item() or 0.0 for rows in scope.batches("predicted_return", column)
    )
    return Verdict(
        passed=worst <= TOLERANCE,
        description=f"Largest difference between contributions and prediction: {worst:.1e}.",
        figures={"largest_difference": worst},
    )
