"""Figures that are too good to be true, in words. The limits belong to `domain.evaluation`."""

import polars as pl

from stocks_ai_assets.domain.evaluation.limits import (
    FIVE_YEARS,
    SUSPICIOUS_BRIER_SKILL,
    SUSPICIOUS_CONFIDENCE,
)
from stocks_ai_assets.reports.data import ReportData, as_of
from stocks_ai_assets.reports.selection import known_calibration
from stocks_ai_assets.reports.wording import decimal, percent, score_title


def suspicions(data: ReportData) -> list[str]:
    """Name every figure that is too good to be true, as known now."""
    found = [
        f"{score_title(row['agent'])} ({row['label']} label, "
        f"{'all' if row['window'] == 'all' else 'last ' + row['window']} sessions): "
        f"{row['suspicion']}"
        for row in as_of(data.skill)
        .filter(pl.col("suspicious"))
        .sort("agent", "label", "window")
        .to_dicts()
    ]
    for row in known_calibration(data):
        name = score_title(row["agent"])
        brier, highest = row["brier_skill"], row["max_confidence"]
        if brier is not None and row["n"] >= FIVE_YEARS and brier > SUSPICIOUS_BRIER_SKILL:
            limit = percent(SUSPICIOUS_BRIER_SKILL)
            found.append(f"{name}: Brier skill {percent(brier, 2)} > {limit}")
        if highest is not None and highest > SUSPICIOUS_CONFIDENCE:
            found.append(f"{name}: confidence {decimal(highest, 3)} > {SUSPICIOUS_CONFIDENCE:g}")
    return found
