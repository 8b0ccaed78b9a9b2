"""Charts of daily returns against value at risk, with the breaches."""

import polars as pl

from stocks_ai_assets.reports.charts.theme import (
    BAD,
    FOURTH,
    MUTED,
    SECOND,
    WEEKLY_FROM,
    Spec,
    by_week,
    finished,
    inline,
    years_axis,
)


def drawn_rows(risk: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """Rows of one strategy as they are drawn, and whether sessions were merged to weeks.

    Parameters
    ----------
    risk
        portfolio.risk of one strategy, sorted by session.

    Returns
    -------
    tuple
        `session`, `low`, `high` (worst and best return), `var_95`, `var_99` of the last session,
        as negative fractions. Breaches are not here: each one is drawn.
    """
    rows = risk.with_columns(-pl.col("var_95", "var_99"), low="net_return", high="net_return")
    columns = ["session", "low", "high", "var_95", "var_99"]
    if rows.height <= WEEKLY_FROM:
        return rows.select(columns), False
    week = pl.col("session").dt.truncate("1w")
    merged = rows.with_columns(pl.col("low").min().over(week), pl.col("high").max().over(week))
    weekly, _ = by_week(merged, "session", [])
    return weekly.select(columns), True


def returns_and_limits(drawn: pl.DataFrame, breaches: pl.DataFrame) -> Spec:
    """Returns, VaR lines and breaches of one strategy.

    Parameters
    ----------
    drawn
        From `drawn_rows`.
    breaches
        `session`, `net_return`, `breach_99` of every breach of VaR 95 %.
    """
    import altair as alt  # 1.3 s

    x = alt.X("session:T", axis=alt.Axis(**years_axis()))
    title = "Net return of a session (percent)"
    axis = alt.Axis(
        tickCount=6, labelExpr="datum.value === 0 ? '0%' : format(datum.value, '+.1~%')"
    )
    y = {
        name: alt.Y(f"{name}:Q", title=title, axis=axis)
        for name in ("low", "high", "var_95", "var_99", "net_return")
    }
    rows = pl.concat(
        [drawn.with_columns(kind=pl.lit("line")), breaches.with_columns(kind=pl.lit("breach"))],
        how="diagonal",
    )
    lines = alt.Chart().transform_filter("datum.kind == 'line'")
    bars = lines.mark_rule(color=MUTED, opacity=0.55, strokeWidth=1).encode(
        x=x, y=y["low"], y2="high:Q"
    )
    dots = lines.mark_point(filled=True, size=8, color=MUTED, opacity=0.55).encode(x=x, y=y["high"])
    limits = [
        lines.mark_line(color=colour, strokeWidth=1.4, interpolate="step-after").encode(
            x=x, y=y[name]
        )
        for name, colour in (("var_95", FOURTH), ("var_99", SECOND))
    ]
    points = (
        alt.Chart()
        .transform_filter("datum.kind == 'breach'")
        .mark_point(filled=True, color=BAD, opacity=0.9)
        .encode(
            x=x,
            y=y["net_return"],
            size=alt.condition("datum.breach_99", alt.value(58), alt.value(16)),
            tooltip=[
                alt.Tooltip("session:T", title="session", format="%Y-%m-%d"),
                alt.Tooltip("net_return:Q", title="net return", format="+.2%"),
                alt.Tooltip("breach_99:N", title="beyond VaR 99 % too"),
            ],
        )
    )
    spec = finished(
        alt.layer(bars, dots, *limits, points),
        height=230,
        description="Net returns, value at risk and breaches",
    )
    return spec | {"data": inline(rows, "session")}
