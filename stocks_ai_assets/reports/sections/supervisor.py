"""Page of the supervisor: how it weighs the agents and what it says about the last session."""

import polars as pl

from stocks_ai_assets.reports.data import ReportData, as_of, mapping
from stocks_ai_assets.reports.markup import Column, Html, element, missing, section, table
from stocks_ai_assets.reports.sections.agents import parameters
from stocks_ai_assets.reports.wording import (
    MINUS,
    MISSING,
    SCORES,
    command,
    day,
    decimal,
    percent,
    quarter_label,
    whole,
)

MODELS, SYNTHESIZED = "meta.supervisor_models", "meta.synthesized_predictions"
SHOWN = 10
"""Names shown at each end."""


def supervisor(data: ReportData) -> Html:
    """Weights, model and newest opinions."""
    return section(
        "supervisor",
        "The supervisor",
        element(
            "p",
            "It averages the scores of the voting agents by what they were worth so far, with "
            "equal weights as prior and fallback. Its skill and calibration stand in the sections "
            "above.",
        ),
        Html(
            f'<div class="pair"><div>{_weights(data)}</div>'
            f"<div>{parameters(data.supervisor_models, MODELS)}</div></div>"
        ),
        *_names(data),
    )


def _weights(data: ReportData) -> Html:
    if data.supervisor_models.is_empty():
        return Html("")
    model = as_of(data.supervisor_models).row(0, named=True)
    shadow = mapping(model["shadow_weights"])
    rows = [
        {"agent": agent, "weight": weight, "shadow": shadow.get(agent)}
        for agent, weight in mapping(model["weights"]).items()
    ]
    rows.sort(key=lambda row: SCORES.index(row["agent"]) if row["agent"] in SCORES else len(SCORES))
    columns = (
        Column(title="Agent", cell=lambda r: r["agent"]),
        Column(title="Weight", unit="of 100 %", cell=lambda r: percent(r["weight"])),
        Column(title="In shadow", unit="of 100 %", cell=lambda r: percent(r["shadow"])),
    )
    return table(
        rows,
        columns,
        label="Weights in use",
        caption=(
            f"Fitted for {quarter_label(model['quarter'])}; shadow weights (fixed share) are "
            "reported and never used."
        ),
        sources=(MODELS,),
    )


def _names(data: ReportData) -> list[Html]:
    if data.latest.is_empty():
        return [missing(f"{SYNTHESIZED} has no rows.", command(SYNTHESIZED))]
    ranked = data.latest.join(data.names, on="symbol", how="left").sort(
        "score", "symbol", descending=[True, False]
    )
    session = day(ranked.item(0, "prediction_date"))
    target = day(ranked.item(0, "target_date"))
    size = min(SHOWN, (ranked.height + 1) // 2)
    ends = (
        ("Highest scores", ranked.head(size)),
        ("Lowest scores", ranked.tail(min(size, ranked.height - size)).reverse()),
    )
    return [_end(title, rows, session, target) for title, rows in ends if not rows.is_empty()]


def _end(title: str, rows: pl.DataFrame, session: str, target: str) -> Html:
    columns = (
        Column(title="Symbol", cell=lambda r: r["symbol"]),
        Column(title="Name", cell=lambda r: r["name"] or MISSING, text=True),
        Column(
            title="Score", unit=f"{MINUS}1 to 1", cell=lambda r: decimal(r["score"], 2, sign=True)
        ),
        Column(
            title="Expected return",
            unit="over the horizon",
            cell=lambda r: percent(r["predicted_return"], 2, sign=True),
        ),
        Column(
            title="80 % interval",
            unit="over the horizon",
            cell=lambda r: f"{percent(r['return_low'], 0)} to {percent(r['return_high'], 0)}",
        ),
        Column(
            title="Confidence",
            unit="probability",
            cell=lambda r: decimal(r["confidence_score"], 3),
        ),
        Column(
            title="Disagreement", unit="sd of scores", cell=lambda r: decimal(r["disagreement"])
        ),
        Column(title="Agents", unit="voting", cell=lambda r: whole(r["n_agents"])),
        Column(title="View", cell=lambda r: r["investment_hypothesis"], text=True),
    )
    return table(
        rows.to_dicts(),
        columns,
        label=f"{title}, {session}",
        caption=(
            f"Predicted after the close of {session} until the open of {target}; confidence is the "
            "probability that the predicted side of the universe's median is right."
        ),
        sources=(SYNTHESIZED,),
    )
