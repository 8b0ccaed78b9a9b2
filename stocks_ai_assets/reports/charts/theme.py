"""What all charts share: colours, typography, data inside the page, finished specifications."""

from collections.abc import Sequence
from typing import Any

import polars as pl

Spec = dict[str, Any]

FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"

SIGNIFICANT_DIGITS = 6
"""More than a screen can show; keeps the page small."""

WEEKLY_FROM = 1500
"""Sessions from which a line is drawn by week."""

INK, MUTED, RULE = "var(--ink)", "var(--muted)", "var(--rule)"
FIRST, SECOND, THIRD, FOURTH = "var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)"
BAD, GOOD_AREA = "var(--bad)", "var(--good-area)"

STRATEGY_COLOURS = {
    "long_only": FIRST,
    "long_short": SECOND,
    "equal_agents": THIRD,
    "market": INK,
    "equal_weight": FOURTH,
}

CONFIG: Spec = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": RULE,
        "domainColor": RULE,
        "tickColor": RULE,
        "tickSize": 4,
        "labelPadding": 5,
        "labelOverlap": True,
    },
    "axisX": {"grid": False},
    "axisY": {
        "domain": False,
        "ticks": False,
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleX": 0,
        "titleY": -12,
        "titleBaseline": "bottom",
    },
    "line": {"strokeWidth": 1.6, "strokeJoin": "round"},
    "text": {"color": INK, "fontSize": 12},
}
"""Given to every chart when it is drawn."""


def inline(frame: pl.DataFrame, *dates: str) -> Spec:
    """Data of a chart as CSV text inside its specification.

    Parameters
    ----------
    frame
        Rows to draw, already in order; nulls leave a gap.
    dates
        Columns that hold days; they are parsed as local midnight, so no time zone shifts them.
    """
    rounded = frame.with_columns(pl.col(pl.Float64).round_sig_figs(SIGNIFICANT_DIGITS))
    kinds = {
        name: "number" if dtype.is_numeric() else "boolean" if dtype == pl.Boolean else "string"
        for name, dtype in frame.schema.items()
    }
    return {
        "values": rounded.write_csv(),
        "format": {"type": "csv", "parse": kinds | dict.fromkeys(dates, "date:'%Y-%m-%d'")},
    }


def finished(chart: Any, *, height: int, description: str) -> Spec:
    """Specification of a chart as wide as its place, without data or names of other sites.

    Parameters
    ----------
    chart
        Altair chart without data.
    height
        Pixels.
    description
        For screen readers.
    """
    import altair as alt  # 1.3 s

    # With data of its own a chart keeps Altair from giving each layer an empty data set.
    placed = chart.properties(height=height, width="container", data=alt.NamedData(name="rows"))
    spec: Spec = placed.to_dict(validate=False)
    del spec["$schema"], spec["config"]
    return spec | {
        "description": description,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def by_week(frame: pl.DataFrame, day: str, keys: Sequence[str]) -> tuple[pl.DataFrame, bool]:
    """Keep the last session of each week when there are too many to see.

    Parameters
    ----------
    frame
        Rows sorted by `day` within each value of `keys`.
    day
        Column of the session.
    keys
        Columns that separate lines.

    Returns
    -------
    tuple
        Rows to draw, and whether some were left out.
    """
    if frame.get_column(day).n_unique() <= WEEKLY_FROM:
        return frame, False
    week = pl.col(day).dt.truncate("1w")
    return frame.filter(pl.col(day) == pl.col(day).max().over(week, *keys)), True


def constant() -> Any:
    """Chart of a single row: what is drawn once and not for every row of the data."""
    import altair as alt

    return alt.Chart(alt.InlineData(values=[{}]))


def zero_line(**encoding: Any) -> Any:
    """Line at zero; `encoding` says on which axis."""
    return constant().mark_rule(color=INK, strokeWidth=1).encode(**encoding)


def signed_axis(digits: int = 3) -> Spec:
    """Settings of an axis of small signed numbers: signs, no padding zeros."""
    number = f"format(datum.value, '+.{digits}~f')"
    return {"labelExpr": f"datum.value === 0 ? '0' : {number}"}


def years_axis() -> Spec:
    """Settings of a time axis: calendar years, fewer where there is no room."""
    return {"format": "%Y", "tickCount": "year", "title": None, "labelFlush": False}
