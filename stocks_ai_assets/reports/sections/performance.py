"""Fourth section: what the strategies earned net of costs, beside market and equal weight."""

from dataclasses import asdict

import polars as pl

from stocks_ai_assets.domain.evaluation.limits import SIGNIFICANT_T
from stocks_ai_assets.reports.charts import equity as charts
from stocks_ai_assets.reports.charts.theme import STRATEGY_COLOURS, by_week
from stocks_ai_assets.reports.data import ReportData, newest_quarter
from stocks_ai_assets.reports.markup import Column, Figure, Html, missing, section, table
from stocks_ai_assets.reports.selection import comparisons, invested, known_performance
from stocks_ai_assets.reports.wording import (
    ALL_STRATEGIES,
    command,
    day,
    decimal,
    percent,
    quarter_label,
    strategy_title,
    whole,
)

RETURNS, PERFORMANCE = "portfolio.returns", "evaluation.performance"
TITLE = "Equity and drawdown"


def performance(data: ReportData) -> Html:
    """Wealth, drawdown and figures of every strategy."""
    charted = (
        _charts(data)
        if not data.returns.is_empty()
        else missing(f"{RETURNS} has no rows.", command(RETURNS))
    )
    figures = (
        _table(data)
        if not data.performance.is_empty()
        else missing(f"{PERFORMANCE} has no rows.", command(PERFORMANCE))
    )
    return section("performance", TITLE, charted, figures, _compared(data))


def _charts(data: ReportData) -> Html:
    since = invested(data.returns, "long_only").get_column("session").min()
    rows = pl.concat([invested(data.returns, name) for name in ALL_STRATEGIES])
    if since is not None:
        rows = rows.filter(pl.col("session") >= since)
    wealth = charts.wealth(rows.select("strategy", "session", "net_return"))
    drawn, weekly = by_week(wealth, "session", ["strategy"])
    week = pl.col("session").dt.truncate("1w")
    deepest = wealth.with_columns(pl.col("drawdown").min().over("strategy", week))
    fallen, _ = by_week(deepest, "session", ["strategy"])
    start = wealth.get_column("session").min()
    thinned = ", one point a week (the last session)" if weekly else ""
    legend = tuple(
        (strategy_title(name), STRATEGY_COLOURS[name], "line")
        for name in drawn.get_column("strategy").unique(maintain_order=True)
    )
    equity = Figure(
        anchor="figure-equity",
        title="Wealth, net of costs",
        spec=charts.equity(drawn),
        caption=(
            "Equal slopes are equal growth because the scale is logarithmic; all start at 1 on "
            f"{day(start)}, the first session with a position{thinned}; hover for values."  # type: ignore[arg-type]  # a date
        ),
        sources=(RETURNS,),
        legend=legend,
    )
    drawdown = Figure(
        anchor="figure-drawdown",
        title="Drawdown",
        spec=charts.drawdown(fallen if weekly else drawn),
        caption=(
            "How far below its own high each strategy stood"
            f"{', at the lowest of each week' if weekly else ''}; 0 is a new high."
        ),
        sources=(RETURNS,),
        legend=legend,
    )
    return Html(f"{equity.html}{drawdown.html}")


def _table(data: ReportData) -> Html:
    columns = (
        Column(title="Strategy", cell=lambda r: strategy_title(r["strategy"])),
        Column(title="Sessions", cell=lambda r: whole(r["n_sessions"])),
        Column(title="Return", unit="a year", cell=lambda r: percent(r["annual_return"])),
        Column(title="Volatility", unit="a year", cell=lambda r: percent(r["annual_volatility"])),
        Column(title="Sharpe", unit="a year", cell=lambda r: decimal(r["sharpe"])),
        Column(title="t", unit="Newey-West", cell=lambda r: decimal(r["sharpe_t"])),
        Column(
            title="Deflated Sharpe",
            unit="probability",
            cell=lambda r: percent(r["deflated_sharpe"]),
        ),
        Column(
            title="SR0", unit="per session", cell=lambda r: decimal(r["expected_max_sharpe"], 4)
        ),
        Column(title="N", unit="trials", cell=lambda r: whole(r["n_trials"])),
        Column(title="Max drawdown", unit="from high", cell=lambda r: percent(r["max_drawdown"])),
        Column(title="Turnover", unit="a session", cell=lambda r: percent(r["mean_turnover"], 2)),
        Column(title="Cost", unit="a year", cell=lambda r: percent(r["cost"], 2)),
    )
    return table(
        known_performance(data),
        columns,
        label="Performance, net of costs",
        caption=(
            "Each strategy from its own first position to the eve of "
            f"{quarter_label(newest_quarter(data.performance))}, so periods differ; SR0 is the "
            "Sharpe ratio that the best of N trials evaluated in this lake has by luck; "
            "no riskless rate is deducted."
        ),
        sources=(PERFORMANCE, "evaluation.trials"),
    )


def _compared(data: ReportData) -> Html:
    found = comparisons(data)
    if not found:
        return Html("")
    columns = (
        Column(title="Strategy", cell=lambda r: strategy_title(r["strategy"])),
        Column(title="Against", cell=lambda r: strategy_title(r["benchmark"]), text=True),
        Column(title="Sessions", unit="in common", cell=lambda r: whole(r["n_sessions"])),
        Column(title="Return", unit="a year", cell=lambda r: percent(r["annual_return"])),
        Column(title="Other's", unit="a year", cell=lambda r: percent(r["benchmark_return"])),
        Column(
            title="Mean difference",
            unit="a year",
            cell=lambda r: percent(r["difference"], 1, sign=True),
        ),
        Column(title="t", unit="Newey-West", cell=lambda r: decimal(r["t"])),
        Column(
            title="Information ratio", unit="a year", cell=lambda r: decimal(r["information_ratio"])
        ),
        Column(
            title="Significant",
            cell=lambda r: "yes" if abs(r["t"]) > SIGNIFICANT_T else "no",
            text=True,
        ),
    )
    return table(
        [asdict(each) for each in found],
        columns,
        label="Against the benchmarks over the same sessions",
        caption=(
            "Computed for this report from the stored net returns; a difference is "
            "significant when |t| > 3."
        ),
        sources=(RETURNS,),
    )
