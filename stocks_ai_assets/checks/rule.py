"""One rule about one asset, and the Dagster check that runs the rules of a layer.

A layer's rules share one step: a step for each would cost more than its judgement. A rule reads
the range of the run once and gives one verdict for all of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import dagster as dg
import polars as pl

from stocks_ai_assets.assets.failures import readable_failures
from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.partitions import (
    definition_start,
    names_partitions,
    partition_range,
    requested_window,
)

BATCH_ROWS = 100_000
"""Rows that a rule holds at a time, roughly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What a rule may look at: one asset's rows of the partitions that were asked for."""

    lake: Lake
    node: Node
    window: Window

    def read(self, *columns: str) -> pl.DataFrame:
        """Rows of the asset; the first session's partition includes all facts before it."""
        first: date | None = self.window.first
        if self.node.table.kind == "fact" and first == self.window.parameters.first_session:
            first = None
        return self.lake.read(
            self.node.table.name,
            first=first,
            last=self.window.last,
            columns=columns,
            slices=(self.node.slice,) if self.node.slice else None,
        )

    def batches(self, *columns: str, table: str | None = None) -> Iterator[pl.DataFrame]:
        """Rows of the asset, or of another table by session, some partitions at a time.

        So a rule needs as much memory for 5,000 companies as for 100.
        """
        name, days = table or self.node.table.name, self.window.partitions
        slices = (self.node.slice,) if self.node.slice and table is None else None
        n_rows = self.lake.n_rows(name, days[0], days[-1], slices=slices)
        size = max(1, len(days) * BATCH_ROWS // max(n_rows, 1))
        for part in (days[i : i + size] for i in range(0, len(days), size)):
            yield self.lake.read(name, first=part[0], last=part[-1], columns=columns, slices=slices)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a rule holds, in words, with the figures behind it."""

    passed: bool
    description: str
    figures: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A named expectation about one asset.

    Parameters
    ----------
    name
        Name of the Dagster check.
    asset
        Asset key with slashes.
    description
        What holds when the check passes.
    judge
        Looks at a scope and gives the verdict.
    severe
        A failure is an error instead of a warning.
    """

    name: str
    asset: str
    description: str
    judge: Callable[[Scope], Verdict]
    severe: bool = False


def layer_checks(
    layer: str, rules: Sequence[Rule], nodes: Mapping[str, Node], parameters: Parameters
) -> dg.AssetChecksDefinition:
    """Build the step that judges the rules of one layer."""
    by_key = {_check_key(rule): rule for rule in rules}

    @dg.multi_asset_check(
        name=f"{layer}_checks",
        specs=[
            dg.AssetCheckSpec(
                name=rule.name,
                asset=rule.asset.split("/"),
                description=rule.description,
                blocking=False,
            )
            for rule in rules
        ],
        can_subset=True,
        required_resource_keys={"lake"},
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        lake, tags = context.resources.lake, context.run.tags
        with readable_failures():
            for key in sorted(context.selected_asset_check_keys):
                rule = by_key[key]
                window = _window(lake, nodes[rule.asset], tags, parameters)
                if window is None:
                    continue
                scope = Scope(lake=lake, node=nodes[rule.asset], window=window)
                yield _result(key, rule, rule.judge(scope))

    return checks


def _check_key(rule: Rule) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey(rule.asset.split("/")), rule.name)


def _window(
    lake: Lake, node: Node, tags: Mapping[str, str], parameters: Parameters
) -> Window | None:
    """Return the run's partitions, or all that are materialized when the run names none."""
    kind = node.table.partitioned_by
    if names_partitions(tags):
        return requested_window(tags, kind, parameters)
    covered = lake.materialized(node.table.name, node.slice)
    if not covered:
        return None
    first = max(covered[0][0], definition_start(kind, parameters.first_session))
    return partition_range(kind, first, covered[-1][1], parameters)


def _result(key: dg.AssetCheckKey, rule: Rule, verdict: Verdict) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR if rule.severe else dg.AssetCheckSeverity.WARN,
        description=verdict.description,
        metadata=dict(verdict.figures),
    )
