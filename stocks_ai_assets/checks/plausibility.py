"""Rules about results: skill beyond what such scores ever showed is a warning that data leak."""

from collections.abc import Iterator

import polars as pl

from stocks_ai_assets.checks.rule import Rule, Scope, Verdict
from stocks_ai_assets.domain.evaluation.limits import (
    FIVE_YEARS,
    SUSPICIOUS_BRIER_SKILL,
    SUSPICIOUS_CONFIDENCE,
)


def evaluation_rules() -> Iterator[Rule]:
    """Rules of skill and calibration."""
    yield Rule(
        name="plausible",
        asset="evaluation/agent_skill",
        description="No agent's skill is too good to be true.",
        judge=_plausible_skill,
    )
    yield Rule(
        name="plausible",
        asset="evaluation/calibration",
        description="No probability is sharper than honest ones are.",
        judge=_plausible_calibration,
    )


def _plausible_skill(scope: Scope) -> Verdict:
    rows = scope.read("quarter", "agent", "label", "window", "suspicion").drop_nulls("suspicion")
    return _verdict(
        rows.select("agent", "quarter", reason=pl.format("{} ({})", "suspicion", "label"))
    )


def _plausible_calibration(scope: Scope) -> Verdict:
    rows = scope.read("quarter", "agent", "year", "n", "brier_skill", "max_confidence").filter(
        pl.col("year") == 0
    )
    enough = pl.col("n") >= FIVE_YEARS
    sharp = rows.filter(enough & (pl.col("brier_skill") > SUSPICIOUS_BRIER_SKILL)).select(
        "agent", "quarter", reason=pl.format("Brier skill {}", pl.col("brier_skill").round(4))
    )
    sure = rows.filter(pl.col("max_confidence") > SUSPICIOUS_CONFIDENCE).select(
        "agent", "quarter", reason=pl.format("confidence {}", pl.col("max_confidence").round(3))
    )
    return _verdict(pl.concat([sharp, sure]))


def _verdict(found: pl.DataFrame) -> Verdict:
    if found.is_empty():
        return Verdict(passed=True, description="Nothing is beyond what honest skill looks like.")
    newest = found.sort("quarter", "agent").tail(1).row(0, named=True)
    return Verdict(
        passed=False,
        description=(
            f"Something may leak: {newest['agent']} at {newest['quarter']}: {newest['reason']}. "
            f"{found.height:,} rows are suspicious."
        ),
        figures={"suspicious_rows": found.height},
    )
