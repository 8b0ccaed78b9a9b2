"""Sixth section: a page for the supervisor and for every agent of the registry."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from stocks_ai_assets.domain.agents.agent import Agent
from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.domain.evaluation.limits import MIN_SESSIONS_FOR_T
from stocks_ai_assets.reports.charts import skill as charts
from stocks_ai_assets.reports.data import ReportData, as_of, mapping
from stocks_ai_assets.reports.findings import skill_figures
from stocks_ai_assets.reports.markup import (
    Column,
    Figure,
    Html,
    element,
    escaped,
    missing,
    section,
    table,
    table_link,
)
from stocks_ai_assets.reports.sections.calibration import coverage_figure
from stocks_ai_assets.reports.selection import calibration_by_year, known_skill, own_skill
from stocks_ai_assets.reports.wording import (
    BAND,
    MISSING,
    command,
    day,
    decimal,
    percent,
    quarter_label,
    whole,
    yes_no,
)

MODELS, PREDICTIONS = "agents.models", "agents.predictions"
CALIBRATION, SKILL = "evaluation.calibration", "evaluation.agent_skill"

PARAMETERS = {
    "ic": ("Rank IC it is credited with, shrunk to 0", "correlation"),
    "rank_ic": ("Mean rank IC so far, on its own label", "correlation"),
    "rank_ic_raw": ("Mean rank IC so far, raw return", "correlation"),
    "base_rate": ("Share of scored names above the median", "fraction"),
    "market_mean": ("Historical mean of the market", "fraction per horizon"),
    "q80": ("Half width of the 80 % interval", "volatilities of the horizon"),
    "q90": ("Half width of the 90 % interval", "volatilities of the horizon"),
    "forecast_rms": ("Usual deviation of the market forecast", "fraction per horizon"),
}
"""What the parameters of a model mean, with their units."""


def agents(data: ReportData) -> Html:
    """Pages of all agents."""
    years = calibration_by_year(data)
    return section("agents", "The agents", *(_page(data, agent, years) for agent in AGENTS))


def _page(data: ReportData, agent: Agent, years: pl.DataFrame) -> Html:
    anchor = f"agent-{agent.name}"
    return section(
        anchor,
        agent.name,
        element("p", agent.title + ".", class_="lead"),
        element("p", _standing(data, agent)),
        _facts(agent),
        _figures(data, agent, years),
        _years(data, agent, years),
        parameters(data.models.filter(pl.col("model") == agent.name), MODELS, agent.name),
        level=3,
    )


def _standing(data: ReportData, agent: Agent) -> str:
    row = next((r for r in known_skill(data) if r["agent"] == agent.name), None)
    if row is None or row["rank_ic"] is None:
        return "Nothing is known about its skill: no prediction of it has matured."
    judged = (
        "too few sessions for a verdict"
        if row["n_sessions"] < MIN_SESSIONS_FOR_T
        else "significant"
        if row["significant"]
        else "not significant"
    )
    return f"Skill {judged}: {skill_figures(row)}."


def _facts(agent: Agent) -> Html:
    read = (
        Html(f"{table_link(agent.table)}: {escaped(', '.join(agent.columns))}")
        if agent.table
        else "beta and volatility only"
    )
    facts: tuple[tuple[str, str], ...] = (
        ("Reads", read),
        ("Literature", agent.sources or MISSING),
        (
            "Judged on",
            "return less beta times market" if agent.label == "residual" else "raw return",
        ),
        ("Counted by the supervisor", yes_no(agent.votes)),
        ("Claims a return of its own", yes_no(agent.has_alpha)),
    )
    pairs = "".join(
        f"<div{wide}>{element('dt', name)}{element('dd', value)}</div>"
        for (name, value), wide in zip(facts, (' class="wide"', "", "", "", ""), strict=True)
    )
    return Html(f'<dl class="facts">{pairs}</dl>')


def _figures(data: ReportData, agent: Agent, years: pl.DataFrame) -> Html:
    own = pl.col("agent") == agent.name
    history = own_skill(data.skill).filter(own & (pl.col("n_sessions") >= MIN_SESSIONS_FOR_T))
    parts = []
    if not history.is_empty():
        parts.append(
            Figure(
                anchor=f"figure-skill-{agent.name}",
                title="Rank IC as it became known",
                spec=charts.over_quarters(
                    history, own_skill(data.skill, "252").filter(own), history.clear()
                ),
                caption="Skill that exists settles away from zero while its band narrows.",
                sources=(SKILL,),
                legend=(
                    (f"whole history, {BAND}", "var(--c1)", "line"),
                    ("last 252 sessions", "var(--c2)", "dash"),
                ),
            ).html
        )
    if not years.filter(own).is_empty():
        parts.append(coverage_figure(years, agent.name).html)
    if not parts:
        return missing("Nothing has been evaluated yet.", command(SKILL))
    return Html(f'<div class="pair">{"".join(parts)}</div>')


def _years(data: ReportData, agent: Agent, years: pl.DataFrame) -> Html:
    own = pl.col("agent") == agent.name
    presence = data.presence.filter(own).drop("agent")
    rows = presence.join(
        years.filter(own).drop("agent", "quarter", "horizon"), on="year", how="full", coalesce=True
    ).sort("year")
    if rows.is_empty():
        return missing(
            f"{PREDICTIONS} has no rows of {agent.name}.", command(PREDICTIONS, agent.name)
        )
    columns = (
        Column(title="Year", cell=lambda r: str(r["year"])),
        Column(title="Predictions", unit="rows", cell=lambda r: whole(r["predictions"])),
        Column(title="Spoke about", unit="of priced names", cell=_share),
        Column(title="Silent", unit="sessions", cell=lambda r: whole(r["silent_sessions"])),
        Column(title="Matured", unit="rows", cell=lambda r: whole(r["n"])),
        Column(title="Brier skill", cell=lambda r: percent(r["brier_skill"], 3)),
        Column(title="Calibration error", unit="probability", cell=lambda r: percent(r["ece"], 2)),
        Column(title="80 % held", unit="of returns", cell=lambda r: percent(r["coverage_80"])),
        Column(title="90 % held", unit="of returns", cell=lambda r: percent(r["coverage_90"])),
        Column(
            title="Mean confidence",
            unit="probability",
            cell=lambda r: decimal(r["mean_confidence"], 3),
        ),
    )
    return table(
        rows.to_dicts(),
        columns,
        caption="By year of the prediction date; a name without a prediction is an abstention.",
        sources=(PREDICTIONS, CALIBRATION),
    )


def _share(row: Mapping[str, Any]) -> str:
    return percent(row["predictions"] / row["priced"]) if row["priced"] else MISSING


def parameters(models: pl.DataFrame, name: str, slice_: str | None = None) -> Html:
    """Parameters of the newest model in `models`, rows of table `name`."""
    if models.is_empty():
        return missing(f"{name} has no model.", command(name, slice_))
    model = as_of(models).row(0, named=True)
    rows = [
        {"name": key, "value": value, "about": PARAMETERS.get(key, (_about(key), ""))}
        for key, value in sorted(
            mapping(model["parameters"]).items(), key=lambda item: _place(item[0])
        )
    ]
    columns = (
        Column(title="Parameter", cell=lambda r: r["name"]),
        Column(title="Value", cell=lambda r: decimal(r["value"], 4)),
        Column(title="Unit", cell=lambda r: r["about"][1], text=True),
        Column(title="Meaning", cell=lambda r: r["about"][0], text=True),
    )
    return table(
        rows,
        columns,
        label="Model in use",
        caption=(
            f"Model of {quarter_label(model['quarter'])}, version {model['model_version']}, fitted "
            f"on {whole(model['n_sessions'])} sessions and {whole(model['n_rows'])} rows matured "
            f"through {day(model['fitted_through'])}."
        ),
        sources=(name,),
    )


def _place(key: str) -> tuple[int, str]:
    """Known parameters first, in the order of `PARAMETERS`."""
    known = list(PARAMETERS)
    return (known.index(key) if key in known else len(known), key)


def _about(key: str) -> str:
    kind, _, predictor = key.partition(".")
    if not predictor:
        return "See the model's documentation"
    return f"{kind.capitalize()} of the market's return on {predictor}"
