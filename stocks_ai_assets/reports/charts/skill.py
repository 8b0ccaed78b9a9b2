"""Charts of rank information coefficients: by score, over quarters, by age of the score."""

from functools import cache

import polars as pl

from stocks_ai_assets.reports.charts.theme import (
    FIRST,
    INK,
    MUTED,
    SECOND,
    Spec,
    finished,
    inline,
    signed_axis,
    years_axis,
    zero_line,
)
from stocks_ai_assets.reports.wording import BAND

ROW_HEIGHT = 34
LAGS = (0, 5, 21, 63)


def forest(rows: pl.DataFrame) -> Spec:
    """Rank IC with its band by score and label.

    Parameters
    ----------
    rows
        `score` (title), `label`, `own` (the label it is judged on), `rank_ic`, `ic_low`,
        `ic_high`, `t`, in the order of the report.
    """
    import altair as alt  # 1.3 s

    order = rows.get_column("score").unique(maintain_order=True).to_list()
    y = alt.Y("score:N", sort=order, title=None, axis=alt.Axis(labelColor=INK, labelLimit=150))
    offset = alt.YOffset("own:N", sort=["true", "false"], scale=alt.Scale(paddingOuter=0.3))
    shade = alt.condition("datum.own", alt.value(FIRST), alt.value(MUTED))
    tooltip = [
        alt.Tooltip("score:N", title="score"),
        alt.Tooltip("label:N", title="label"),
        alt.Tooltip("rank_ic:Q", title="rank IC", format=".4f"),
        alt.Tooltip("ic_low:Q", title=f"{BAND} from", format=".4f"),
        alt.Tooltip("ic_high:Q", title="to", format=".4f"),
        alt.Tooltip("t:Q", title="t", format=".2f"),
    ]
    x = alt.X(
        "ic_low:Q",
        title="Rank IC (correlation)",
        scale=alt.Scale(padding=46, zero=True),
        axis=alt.Axis(grid=True, tickCount=6, **signed_axis()),
    )
    base = alt.Chart().encode(y=y, yOffset=offset)
    zero = zero_line(x=alt.datum(0))
    bands = base.mark_rule(strokeWidth=2).encode(x=x, x2="ic_high:Q", color=shade, tooltip=tooltip)
    points = base.mark_point(filled=True, opacity=1, size=64).encode(
        x="rank_ic:Q", color=shade, tooltip=tooltip
    )
    labels = (
        base.transform_filter("datum.own")
        .mark_text(align="left", dx=7, fontSize=11, color=MUTED)
        .encode(x="ic_high:Q", text="note:N")
    )
    spec = finished(
        alt.layer(zero, bands, points, labels),
        height=ROW_HEIGHT * max(len(order), 1),
        description=f"Rank information coefficient and {BAND} of every score",
    )
    return spec | {"data": inline(rows)}


def over_quarters(whole: pl.DataFrame, rolling: pl.DataFrame, others: pl.DataFrame) -> Spec:
    """Rank IC of one score as it was known quarter after quarter.

    Parameters
    ----------
    whole
        `quarter`, `rank_ic`, `ic_low`, `ic_high` over the whole history at each quarter.
    rolling
        `quarter`, `rank_ic` over the last 252 sessions.
    others
        `agent`, `quarter`, `rank_ic` of other scores, drawn behind; may have no rows.
    """
    parts = {
        "whole": whole.select("quarter", "rank_ic", "ic_low", "ic_high"),
        "other": others.select("agent", "quarter", "rank_ic"),
        "rolling": rolling.select("quarter", "rank_ic"),
    }
    rows = [frame.with_columns(kind=pl.lit(kind)) for kind, frame in parts.items()]
    drawn = frozenset(kind for kind, frame in parts.items() if not frame.is_empty())
    return _over_quarters(drawn) | {"data": inline(pl.concat(rows, how="diagonal"), "quarter")}


@cache
def _over_quarters(drawn: frozenset[str]) -> Spec:
    """Specification for the kinds of rows there are; agents share it."""
    import altair as alt

    x = alt.X("quarter:T", axis=alt.Axis(**years_axis()))
    title = "Rank IC (correlation)"
    y = alt.Y("rank_ic:Q", title=title, axis=alt.Axis(tickCount=5, **signed_axis()))
    when = alt.Tooltip("quarter:T", title="known on", format="%Y-%m-%d")
    value = alt.Tooltip("rank_ic:Q", title="rank IC", format=".4f")
    whole, other, rolling = (
        alt.Chart().transform_filter(f"datum.kind == '{kind}'")
        for kind in ("whole", "other", "rolling")
    )
    band = whole.mark_area(color=FIRST, opacity=0.15).encode(
        x=x, y=alt.Y("ic_low:Q", title=title), y2="ic_high:Q"
    )
    behind = other.mark_line(color=MUTED, strokeWidth=1, opacity=0.55).encode(
        x=x, y=y, detail="agent:N", tooltip=[alt.Tooltip("agent:N"), when, value]
    )
    year = rolling.mark_line(color=SECOND, strokeWidth=1.4, strokeDash=[4, 3]).encode(x=x, y=y)
    point = alt.OverlayMarkDef(size=18, color=FIRST)
    line = whole.mark_line(color=FIRST, strokeWidth=2.2, point=point).encode(
        x=x, y=y, tooltip=[when, value]
    )
    layers = (("whole", band), ("other", behind), ("rolling", year), ("whole", line))
    return finished(
        alt.layer(zero_line(y=alt.datum(0)), *(layer for kind, layer in layers if kind in drawn)),
        height=230,
        description="Rank information coefficient by quarter in which it was known",
    )


def decay(rows: pl.DataFrame) -> Spec:
    """Rank IC by age of the score.

    Parameters
    ----------
    rows
        `score` (title), `kind` (supervisor, mean or agent), `lag` (sessions), `rank_ic`.
    """
    import altair as alt

    x = alt.X(
        "lag:O",
        sort=list(LAGS),
        title="Age of the score (sessions)",
        axis=alt.Axis(labelAngle=0),
        scale=alt.Scale(padding=0.3),
    )
    y = alt.Y(
        "rank_ic:Q",
        title="Rank IC (correlation)",
        axis=alt.Axis(tickCount=5, **signed_axis()),
    )
    tooltip = [
        alt.Tooltip("score:N", title="score"),
        alt.Tooltip("lag:Q", title="age, sessions"),
        alt.Tooltip("rank_ic:Q", title="rank IC", format=".4f"),
    ]
    styles = (("agent", MUTED, 1.0, 0.6), ("mean", SECOND, 2.0, 1.0), ("supervisor", FIRST, 2.4, 1))
    lines = [
        alt.Chart()
        .transform_filter(f"datum.kind == '{kind}'")
        .mark_line(
            color=colour,
            strokeWidth=width,
            opacity=opacity,
            point=alt.OverlayMarkDef(size=26, color=colour, opacity=opacity),
        )
        .encode(x=x, y=y, detail="score:N", tooltip=tooltip)
        for kind, colour, width, opacity in styles
    ]
    spec = finished(
        alt.layer(zero_line(y=alt.datum(0)), *lines),
        height=230,
        description="Rank information coefficient by age of the score",
    )
    return spec | {"data": inline(rows)}
