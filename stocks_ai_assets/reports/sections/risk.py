"""Fifth section: value at risk, its breaches, and tests of both."""

import polars as pl

from stocks_ai_assets.domain.portfolio.weights import STRATEGIES
from stocks_ai_assets.reports.charts import risk as charts
from stocks_ai_assets.reports.data import ReportData, newest_quarter
from stocks_ai_assets.reports.findings import cluster_words, rate_words
from stocks_ai_assets.reports.markup import Column, Figure, Html, missing, section, table
from stocks_ai_assets.reports.selection import known_backtests
from stocks_ai_assets.reports.targets import TEST_LEVEL
from stocks_ai_assets.reports.wording import (
    command,
    decimal,
    percent,
    quarter_label,
    strategy_title,
    whole,
)

RISK, BACKTESTS = "portfolio.risk", "evaluation.var_backtests"
TITLE = "Risk and breaches"


def risk(data: ReportData) -> Html:
    """Returns with VaR lines and breaches by strategy, and the tests."""
    figures = [figure.html for name in STRATEGIES if (figure := _figure(data, name)) is not None]
    if not figures:
        figures = [missing(f"{RISK} has no forecasts.", command(RISK))]
    tests = (
        _table(data)
        if not data.var_backtests.is_empty()
        else missing(f"{BACKTESTS} has no rows.", command(BACKTESTS))
    )
    return section("risk", TITLE, *figures, tests)


def _figure(data: ReportData, strategy: str) -> Figure | None:
    rows = data.risk.filter((pl.col("strategy") == strategy) & pl.col("var_95").is_not_null())
    if rows.is_empty():
        return None
    drawn, weekly = charts.drawn_rows(rows.sort("session"))
    breaches = rows.filter("breach_95").sort("session")
    thinned = "bars span the worst and best session of each week" if weekly else "one dot a session"
    return Figure(
        anchor=f"figure-risk-{strategy}",
        title=f"{strategy_title(strategy)}: returns against value at risk",
        spec=charts.returns_and_limits(
            drawn, breaches.select("session", "net_return", "breach_99")
        ),
        caption=(
            "Red points are losses beyond VaR 95 %, large ones beyond VaR 99 % too; they should "
            f"make up 5 % and 1 % of sessions and not come in clusters; {thinned}."
        ),
        sources=(RISK,),
        legend=(
            ("net return", "var(--muted)", "dot"),
            ("VaR 95 %", "var(--c4)", "line"),
            ("VaR 99 %", "var(--c2)", "line"),
            ("breach", "var(--bad)", "dot"),
        ),
    )


def _table(data: ReportData) -> Html:
    columns = (
        Column(title="Strategy", cell=lambda r: strategy_title(r["strategy"])),
        Column(title="Level", cell=lambda r: percent(r["level"], 0)),
        Column(title="Forecasts", unit="sessions", cell=lambda r: whole(r["n_sessions"])),
        Column(title="Breaches", unit="sessions", cell=lambda r: whole(r["n_breaches"])),
        Column(title="Rate", unit="of sessions", cell=lambda r: percent(r["breach_rate"], 2)),
        Column(title="Kupiec", unit="p", cell=lambda r: decimal(r["kupiec_p"], 3)),
        Column(
            title="Number",
            cell=rate_words,
            mark=lambda r: _rejected(r["kupiec_p"]),
            text=True,
        ),
        Column(title="Christoffersen", unit="p", cell=lambda r: decimal(r["christoffersen_p"], 3)),
        Column(
            title="Order",
            cell=cluster_words,
            mark=lambda r: _rejected(r["christoffersen_p"]),
            text=True,
        ),
        Column(title="Both", unit="p", cell=lambda r: decimal(r["conditional_p"], 3)),
        Column(title="Loss / ES", unit="ratio", cell=lambda r: decimal(r["es_ratio"])),
    )
    return table(
        known_backtests(data),
        columns,
        label="Value at risk tested",
        caption=(
            "p below 5 % rejects the forecast (marked); loss / ES above 1 means that losses beyond "
            "VaR were larger than expected shortfall; known at the start of "
            f"{quarter_label(newest_quarter(data.var_backtests))}."
        ),
        sources=(BACKTESTS,),
    )


def _rejected(p: float | None) -> str:
    return "alarm" if p is not None and p < TEST_LEVEL else ""
