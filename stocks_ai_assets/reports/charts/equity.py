"""Charts of what the strategies earned: wealth on a log scale, and its falls from the high."""

import numpy as np
import polars as pl

from stocks_ai_assets.reports.charts.theme import (
    INK,
    MUTED,
    STRATEGY_COLOURS,
    Spec,
    finished,
    inline,
    years_axis,
)
from stocks_ai_assets.reports.wording import strategy_title


def wealth(returns: pl.DataFrame) -> pl.DataFrame:
    """Wealth and drawdown of each strategy from 1 on.

    Parameters
    ----------
    returns
        `strategy`, `session`, `net_return` (fractions), sorted by session within a strategy.

    Returns
    -------
    pl.DataFrame
        The same with `level` (1 before the first session) and `drawdown` (0 or negative).
    """
    parts = []
    for rows in returns.partition_by("strategy", maintain_order=True):
        level = np.cumprod(1.0 + rows.get_column("net_return").to_numpy())
        high = np.maximum.accumulate(np.maximum(level, 1.0))
        parts.append(rows.with_columns(level=level, drawdown=level / high - 1.0))
    if parts:
        return pl.concat(parts)
    nothing = pl.lit(None, pl.Float64)
    return returns.with_columns(level=nothing, drawdown=nothing)


def _lines(rows: pl.DataFrame, value: str, title: str, label: str, *, log: bool) -> Spec:
    import altair as alt  # 1.3 s

    names = rows.get_column("strategy").unique(maintain_order=True).to_list()
    x = alt.X("session:T", axis=alt.Axis(**years_axis()))
    y = alt.Y(
        f"{value}:Q",
        title=title,
        axis=alt.Axis(format=label, tickCount=6),
        scale=alt.Scale(type="log", nice=False) if log else alt.Scale(),
    )
    colour = alt.Color(
        "strategy:N",
        scale=alt.Scale(domain=names, range=[STRATEGY_COLOURS.get(name, MUTED) for name in names]),
        legend=None,
    )
    lines = alt.Chart().mark_line(strokeWidth=1.5).encode(x=x, y=y, color=colour)
    hover = alt.selection_point(
        name="hover", fields=["session"], nearest=True, on="pointerover", empty=False
    )
    marker = (
        alt.Chart()
        .transform_pivot("strategy", value=value, groupby=["session"])
        .mark_rule(color=INK)
        .encode(
            x=x,
            opacity=alt.condition(hover, alt.value(0.5), alt.value(0)),
            tooltip=[
                alt.Tooltip("session:T", title="session", format="%Y-%m-%d"),
                *(
                    alt.Tooltip(f"{name}:Q", title=strategy_title(name), format=label)
                    for name in names
                ),
            ],
        )
        .properties(name=f"{value}_marker")
        .add_params(hover)
    )
    spec = finished(
        alt.layer(lines, marker),
        height=340 if log else 200,
        description=f"{title} by strategy",
    )
    return spec | {"data": inline(rows.select("strategy", "session", value), "session")}


def equity(rows: pl.DataFrame) -> Spec:
    """Wealth of each strategy, log scale.

    Parameters
    ----------
    rows
        From `wealth`, downsampled.
    """
    return _lines(rows, "level", "Wealth (multiples of the start, log scale)", ".2f", log=True)


def drawdown(rows: pl.DataFrame) -> Spec:
    """Fall of each strategy from its highest wealth so far.

    Parameters
    ----------
    rows
        From `wealth`, downsampled.
    """
    return _lines(rows, "drawdown", "Fall from the high (percent)", ".0%", log=False)
