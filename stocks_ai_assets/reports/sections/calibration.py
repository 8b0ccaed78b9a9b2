"""Third section: whether probabilities and intervals meant what they said."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from stocks_ai_assets.domain.evaluation.grid import SUPERVISOR
from stocks_ai_assets.reports import targets
from stocks_ai_assets.reports.charts import calibration as charts
from stocks_ai_assets.reports.data import ReportData, newest_quarter
from stocks_ai_assets.reports.markup import Column, Figure, Html, missing, section, table
from stocks_ai_assets.reports.selection import Rows, calibration_by_year, known_calibration
from stocks_ai_assets.reports.wording import (
    command,
    decimal,
    percent,
    quarter_label,
    score_title,
    whole,
)

CALIBRATION = "evaluation.calibration"
TITLE = "Calibration"
COVERAGE_LEGEND = (
    ("80 % interval", "var(--c1)", "line"),
    ("90 % interval", "var(--c2)", "line"),
    ("target bands", "var(--good-area)", "area"),
)


def calibration(data: ReportData) -> Html:
    """Brier skill, calibration error, coverage by year and score."""
    rows = known_calibration(data)
    if not rows:
        return section(
            "calibration", TITLE, missing(f"{CALIBRATION} has no rows.", command(CALIBRATION))
        )
    years = calibration_by_year(data)
    return section(
        "calibration",
        TITLE,
        Html(f'<div class="pair">{_brier(rows).html}{_error(rows).html}</div>'),
        coverage_figure(years, SUPERVISOR).html,
        _matrix(years, "coverage_80", targets.YEAR_FLOOR_80, "80 %"),
        _matrix(years, "coverage_90", targets.YEAR_FLOOR_90, "90 %"),
        _table(rows, data),
    )


def _drawn(rows: Rows, *columns: str) -> pl.DataFrame:
    schema = {"score": pl.String, **dict.fromkeys(columns, pl.Float64)}
    return pl.DataFrame(
        [{"score": score_title(row["agent"]), **{c: row[c] for c in columns}} for row in rows],
        schema=schema,
    )


def _brier(rows: Rows) -> Figure:
    return Figure(
        anchor="figure-brier",
        title="Information in the probabilities",
        spec=charts.brier_skill(_drawn(rows, "brier_skill", "brier", "brier_base")),
        caption=(
            "Right of zero the probabilities beat the base rate, left of the dashed line they are "
            "worse than saying nothing; 0.1 % is already much (0.64 times the squared IC)."
        ),
        sources=(CALIBRATION,),
    )


def _error(rows: Rows) -> Figure:
    return Figure(
        anchor="figure-ece",
        title="Calibration error",
        spec=charts.calibration_error(_drawn(rows, "ece")),
        caption=(
            "Mean distance between what was stated and what happened over ten bins of equal "
            "count; bars should stay left of the dashed line at two percentage points."
        ),
        sources=(CALIBRATION,),
    )


def coverage_figure(years: pl.DataFrame, score: str) -> Figure:
    """Coverage by year of one score; `years` from `calibration_by_year`."""
    return Figure(
        anchor=f"figure-coverage-{score}",
        title=f"Interval coverage of {score_title(score)} by year of prediction",
        spec=charts.coverage(years.filter(pl.col("agent") == score)),
        caption=(
            "Points below a band: intervals were too narrow in that year; above: too wide; single "
            "years stray because errors of one year are alike."
        ),
        sources=(CALIBRATION,),
        legend=COVERAGE_LEGEND,
    )


def _matrix(years: pl.DataFrame, column: str, floor: float, level: str) -> Html:
    found = years.get_column("year").unique().sort().to_list()
    rows: dict[str, dict[str, Any]] = {}
    for row in years.iter_rows(named=True):
        agent = rows.setdefault(row["agent"], {"agent": row["agent"]})
        agent[str(row["year"])] = row[column]
    columns = [Column(title="Score", cell=lambda r: score_title(r["agent"]))]
    columns += [
        Column(
            title=str(year),
            unit="inside",
            cell=_cell(str(year)),
            mark=_low(str(year), floor),
        )
        for year in found
    ]
    return table(
        list(rows.values()),
        columns,
        label=f"Returns inside the {level} interval, by year of prediction",
        caption=f"Marked: below {percent(floor, 0)}, lower than a single year should fall.",
        sources=(CALIBRATION,),
    )


def _cell(year: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: percent(row.get(year))


def _low(year: str, floor: float) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: "alarm" if row.get(year) is not None and row[year] < floor else ""


def _outside(column: str, band: tuple[float, float]) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: "" if row[column] is None or targets.inside(row[column], band) else "alarm"


def _table(rows: Rows, data: ReportData) -> Html:
    columns = (
        Column(title="Score", cell=lambda r: score_title(r["agent"])),
        Column(title="Predictions", unit="matured", cell=lambda r: whole(r["n"])),
        Column(title="Brier", unit="probability²", cell=lambda r: decimal(r["brier"], 5)),
        Column(
            title="Base rate's", unit="probability²", cell=lambda r: decimal(r["brier_base"], 5)
        ),
        Column(title="Brier skill", cell=lambda r: percent(r["brier_skill"], 3)),
        Column(
            title="Calibration error",
            unit="probability",
            cell=lambda r: percent(r["ece"], 2),
            mark=lambda r: "alarm" if r["ece"] is not None and r["ece"] > targets.ECE_LIMIT else "",
        ),
        Column(
            title="80 % held",
            unit="of returns",
            cell=lambda r: percent(r["coverage_80"]),
            mark=_outside("coverage_80", targets.COVERAGE_80),
        ),
        Column(
            title="90 % held",
            unit="of returns",
            cell=lambda r: percent(r["coverage_90"]),
            mark=_outside("coverage_90", targets.COVERAGE_90),
        ),
        Column(title="Beat the median", unit="of names", cell=lambda r: percent(r["base_rate"])),
        Column(
            title="Mean confidence",
            unit="probability",
            cell=lambda r: decimal(r["mean_confidence"], 3),
        ),
        Column(
            title="Highest confidence",
            unit="probability",
            cell=lambda r: decimal(r["max_confidence"], 3),
        ),
    )
    return table(
        rows,
        columns,
        label="Calibration, all years",
        caption=(
            "Marked: outside its target (calibration error at most 2 %, coverage within two "
            "percentage points); known at the start of "
            f"{quarter_label(newest_quarter(data.calibration))}."
        ),
        sources=(CALIBRATION,),
    )
