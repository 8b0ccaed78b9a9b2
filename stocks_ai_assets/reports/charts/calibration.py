"""Charts of calibration: information in probabilities, their error, coverage of intervals."""

import math
from functools import cache

import polars as pl

from stocks_ai_assets.reports import targets
from stocks_ai_assets.reports.charts.theme import (
    BAD,
    FIRST,
    GOOD_AREA,
    INK,
    SECOND,
    Spec,
    constant,
    finished,
    inline,
    zero_line,
)

ROW_HEIGHT = 24
LOWEST_SHOWN, STEP = 0.7, 0.05
"""The axis starts at the first unless a year lies below; then it grows by steps."""


def brier_skill(rows: pl.DataFrame) -> Spec:
    """Brier skill by score against the base rate.

    Parameters
    ----------
    rows
        `score` (title), `brier_skill`, `brier`, `brier_base`, in the order of the report.
    """
    import altair as alt  # 1.3 s

    order = rows.get_column("score").to_list()
    y = alt.Y("score:N", sort=order, title=None, axis=alt.Axis(labelColor=INK, labelLimit=150))
    x = alt.X(
        "brier_skill:Q",
        title="Brier skill (percent of the base rate's score)",
        axis=alt.Axis(
            grid=True,
            tickCount=4,
            labelExpr="datum.value === 0 ? '0' : format(datum.value, '+.2%')",
        ),
        scale=alt.Scale(padding=24, zero=True),
    )
    tooltip = [
        alt.Tooltip("score:N", title="score"),
        alt.Tooltip("brier_skill:Q", title="Brier skill", format=".3%"),
        alt.Tooltip("brier:Q", title="Brier score", format=".5f"),
        alt.Tooltip("brier_base:Q", title="of the base rate", format=".5f"),
    ]
    zero = zero_line(x=alt.datum(0))
    floor = (
        constant()
        .mark_rule(color=BAD, strokeDash=[3, 3])
        .encode(x=alt.datum(targets.BRIER_SKILL_FLOOR))
    )
    stems = alt.Chart().mark_rule(color=FIRST, strokeWidth=2).encode(y=y, x=x, x2=alt.datum(0))
    points = (
        alt.Chart()
        .mark_point(filled=True, opacity=1, size=64, color=FIRST)
        .encode(y=y, x=x, tooltip=tooltip)
    )
    spec = finished(
        alt.layer(floor, zero, stems, points),
        height=ROW_HEIGHT * max(len(order), 1),
        description="Brier skill of every score",
    )
    return spec | {"data": inline(rows)}


def calibration_error(rows: pl.DataFrame) -> Spec:
    """Expected calibration error by score with its limit.

    Parameters
    ----------
    rows
        `score` (title), `ece`, in the order of the report.
    """
    import altair as alt

    order = rows.get_column("score").to_list()
    y = alt.Y("score:N", sort=order, title=None, axis=alt.Axis(labelColor=INK, labelLimit=150))
    x = alt.X(
        "ece:Q",
        title="Calibration error (percentage points)",
        axis=alt.Axis(format=".1%", grid=True, tickCount=4),
        scale=alt.Scale(domainMin=0),
    )
    tooltip = [
        alt.Tooltip("score:N", title="score"),
        alt.Tooltip("ece:Q", title="calibration error", format=".2%"),
    ]
    bars = alt.Chart().mark_bar(color=FIRST, height=10).encode(y=y, x=x, tooltip=tooltip)
    limit = (
        constant().mark_rule(color=BAD, strokeDash=[3, 3]).encode(x=alt.datum(targets.ECE_LIMIT))
    )
    spec = finished(
        alt.layer(bars, limit),
        height=ROW_HEIGHT * max(len(order), 1),
        description="Expected calibration error of every score",
    )
    return spec | {"data": inline(rows)}


def coverage(rows: pl.DataFrame) -> Spec:
    """Coverage of the 80 and 90 % intervals of one score by year.

    Parameters
    ----------
    rows
        `year`, `coverage_80`, `coverage_90`, ascending.
    """
    tidy = rows.select("year", "coverage_80", "coverage_90").unpivot(
        on=["coverage_80", "coverage_90"],
        index="year",
        variable_name="interval",
        value_name="coverage",
    )
    lowest = tidy.select(pl.col("coverage").min()).item()
    floor = 1.0 if lowest is None else math.floor(lowest / STEP) * STEP
    return _coverage(min(LOWEST_SHOWN, floor)) | {"data": inline(tidy)}


@cache
def _coverage(floor: float) -> Spec:
    """Specification with an axis from `floor` on; agents share it."""
    import altair as alt

    x = alt.X("year:O", title=None, axis=alt.Axis(labelAngle=0), scale=alt.Scale(padding=0.4))
    title = "Returns inside the interval (percent)"
    scale = alt.Scale(domain=[floor, 1.0])
    axis = alt.Axis(format=".0%", tickCount=6)
    y = alt.Y("coverage:Q", title=title, scale=scale, axis=axis)
    tooltip = [
        alt.Tooltip("year:O", title="year of prediction"),
        alt.Tooltip("interval:N", title="interval"),
        alt.Tooltip("coverage:Q", title="inside", format=".1%"),
    ]
    bands = [
        constant()
        .mark_rect(color=GOOD_AREA)
        .encode(y=alt.YDatum(low, title=title, scale=scale, axis=axis), y2=alt.datum(high))
        for low, high in (targets.COVERAGE_80, targets.COVERAGE_90)
    ]
    lines = [
        alt.Chart()
        .transform_filter(f"datum.interval == '{name}'")
        .mark_line(color=colour, point=alt.OverlayMarkDef(size=36, color=colour))
        .encode(x=x, y=y, tooltip=tooltip)
        for name, colour in (("coverage_80", FIRST), ("coverage_90", SECOND))
    ]
    return finished(
        alt.layer(*bands, *lines),
        height=210,
        description="Coverage of prediction intervals by year",
    )
