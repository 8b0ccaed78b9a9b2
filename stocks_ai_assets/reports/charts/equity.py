"""Charts of what the strategies earned: wealth on a log scale, and its falls from the high."""

import math

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

DENSE = (30, 35, 40, 50, 60, 70, 80, 90)
ENOUGH_TICKS = 5


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


def log_ticks(low: float, high: float) -> list[float]:
    """Round values between `low` and `high` (both positive), at least five where that is possible.

    Vega labels only the powers of ten of a short log axis.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for digits in ((10, 20, 50), (10, 15, 20, 30, 50, 70), (10, 12, 14, 16, 18, 20, 25, *DENSE)):
        found = [digit * 10.0 ** (k - 1) for k in decades for digit in digits]
        found = [value for value in found if low <= value <= high]
        if len(found) >= ENOUGH_TICKS:
            break
    return [float(f"{value:.6g}") for value in found]


def _lines(rows: pl.DataFrame, value: str, title: str, label: str, *, log: bool) -> Spec:
    import altair as alt  # 1.3 s

    names = rows.get_column("strategy").unique(maintain_order=True).to_list()
    wide = rows.pivot("strategy", index="session", values=value).sort("session")
    x = alt.X("session:T", axis=alt.Axis(**years_axis()))
    axis, scale = alt.Axis(format=label, tickCount=6), alt.Scale()
    if log:
        low, high = rows.select(low=pl.col(value).min(), high=pl.col(value).max()).row(0)
        axis = alt.Axis(format=label, values=log_ticks(low, high))
        scale = alt.Scale(type="log", nice=False)
    y = alt.Y(f"{value}:Q", title=title, axis=axis, scale=scale)
    colour = alt.Color(
        "strategy:N",
        scale=alt.Scale(domain=names, range=[STRATEGY_COLOURS.get(name, MUTED) for name in names]),
        legend=None,
    )
    lines = (
        alt.Chart()
        .transform_fold(names, as_=["strategy", value])
        .mark_line(strokeWidth=1.5)
        .encode(x=x, y=y, color=colour)
    )
    hover = alt.selection_point(
        name="hover", fields=["session"], nearest=True, on="pointerover", empty=False
    )
    session = alt.Tooltip("session:T", title="session", format="%Y-%m-%d")
    values = [alt.Tooltip(f"{n}:Q", title=strategy_title(n), format=label) for n in names]
    marker = (
        alt.Chart()
        .mark_rule(color=INK)
        .encode(
            x=x,
            opacity=alt.condition(hover, alt.value(0.5), alt.value(0)),
            tooltip=[session, *values],
        )
        .properties(name=f"{value}_marker")
        .add_params(hover)
    )
    spec = finished(
        alt.layer(lines, marker),
        height=340 if log else 200,
        description=f"{title} by strategy",
    )
    return spec | {"data": inline(wide, "session")}


def equity(rows: pl.DataFrame) -> Spec:
    """Wealth of each strategy, log scale.

    Parameters
    ----------
    rows
        From `wealth`, at least one, downsampled.
    """
    return _lines(rows, "level", "Wealth (multiples of the start, log scale)", ".2f", log=True)


def drawdown(rows: pl.DataFrame) -> Spec:
    """Fall of each strategy from its highest wealth so far.

    Parameters
    ----------
    rows
        From `wealth`, at least one, downsampled.
    """
    return _lines(rows, "drawdown", "Fall from the high (percent)", ".0%", log=False)
