"""`explain`: where a prediction came from, from synthesis back to facts."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stocks_ai_assets.cli.arguments import AsJson, SessionArgument, parse_session
from stocks_ai_assets.cli.inspect import simulated_note
from stocks_ai_assets.cli.opening import deployment
from stocks_ai_assets.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from stocks_ai_assets.explanation import Explanation

_HIDDEN = ("symbol", "session", "source", "available_at", "fact_id", "accession", "period_start")


def explain(
    symbol: Annotated[str, typer.Argument(help="Symbol, for instance NVDA.")],
    session: SessionArgument,
    *,
    as_json: AsJson = False,
) -> None:
    """Explain one prediction: synthesis, agents, models, signals, facts, versions."""
    from stocks_ai_assets.explanation import explain as collect

    opened = deployment()
    found = collect(opened, symbol.upper(), parse_session(session, "SESSION"))
    if as_json:
        print_json({"simulated": opened.settings.simulated, **asdict(found)})
        return
    _print(found, simulated_note(opened))


def _print(found: "Explanation", note: str) -> None:
    typer.secho(f"{found.symbol} after the close of {found.session}{note}", bold=True)
    typer.echo(f"Known until {found.cutoff:%Y-%m-%d %H:%M} UTC.\n")
    _print_synthesis(found)
    _print_agents(found)
    _print_models(found)
    for table, values in found.signals.items():
        _print_signals(table, values)
    for table, rows in found.facts.items():
        _print_facts(table, rows)
    print_table(
        "Tables read",
        [{"table": f"stocks_ai.{name}", "version": v} for name, v in found.versions.items()],
    )


def _print_synthesis(found: "Explanation") -> None:
    row = found.synthesis
    if row is None:
        typer.echo("The supervisor abstained: fewer than 3 agents had an opinion and a model.\n")
        return
    typer.echo(row["investment_hypothesis"])
    for title, name in (
        ("Reasoning", "reasoning_chain"),
        ("Insights", "key_insights"),
        ("Risks", "risk_factors"),
    ):
        typer.echo(f"{title}:")
        for sentence in row[name]:
            typer.echo(f"  - {sentence}")
    typer.echo(
        f"Until the open of {row['target_date']}: expected {row['predicted_return']:+.2%}, "
        f"80 % interval {row['return_low']:+.1%}..{row['return_high']:+.1%}, probability of the "
        f"right side of the median {row['confidence_score']:.3f}.\n"
    )
    parts = [
        {"part": item["key"], "contribution": item["value"]} for item in row["agent_contributions"]
    ]
    print_table(
        "stocks_ai.meta.synthesized_predictions: contributions (fraction over the horizon)",
        [*parts, {"part": "= predicted_return", "contribution": row["predicted_return"]}],
        caption=_stamp(row),
    )


def _stamp(row: dict[str, Any]) -> str:
    versions = ", ".join(f"{i['key']} {i['value']}" for i in row["input_versions"] or ())
    return (
        f"Run {row['run_id']}, code {row['code_version']}, written "
        f"{row['created_timestamp']:%Y-%m-%d %H:%M} UTC. Inputs by Delta version: {versions}."
    )


def _print_agents(found: "Explanation") -> None:
    for row in found.agents:
        factors = [
            {
                "factor": item["factor"],
                "value": item["value"],
                "contribution": item["contribution"],
            }
            for item in row["key_factors"]
        ]
        print_table(
            f"stocks_ai.agents.predictions, agent {row['agent']}: score {row['score']:+.3f}, "
            f"expected {row['predicted_return']:+.2%}, confidence {row['confidence_score']:.3f}",
            factors,
            caption=f"Model {row['model_version']}. {_stamp(row)}",
        )


def _print_models(found: "Explanation") -> None:
    rows = [
        {
            "model": name,
            "quarter": model["quarter"],
            "fitted_through": model["fitted_through"],
            "n_sessions": model["n_sessions"],
            "version": model["model_version"],
            "parameters": ", ".join(
                f"{item['key']} {item['value']:.4g}"
                for item in model["parameters"]
                if item["value"] is not None
            ),
        }
        for name, model in found.models.items()
    ]
    if rows:
        print_table("Models in use (stocks_ai.agents.models, meta.supervisor_models)", rows)


def _columns(table: str) -> dict[str, tuple[str, str]]:
    """Unit and meaning of every column of a table."""
    from stocks_ai_assets.tables import TABLES

    return {
        name: ((column.metadata or {}).get("unit", ""), column.description or "")
        for name, column in TABLES[table].contract.columns().items()
    }


def _print_signals(table: str, values: dict[str, Any]) -> None:
    columns = _columns(table)
    print_table(
        f"stocks_ai.{table}",
        [
            {"signal": name, "value": value, "unit": columns[name][0], "meaning": columns[name][1]}
            for name, value in values.items()
            if name not in _HIDDEN
        ],
    )


def _print_facts(table: str, rows: list[dict[str, Any]]) -> None:
    shown = [{name: value for name, value in row.items() if name not in _HIDDEN} for row in rows]
    sources = ", ".join(sorted({str(row["source"]) for row in rows}))
    units = ", ".join(
        f"{name} in {unit}"
        for name, (unit, _) in _columns(table).items()
        if name in shown[0] and unit not in ("", "none", "date", "UTC", "unit", "series")
    )
    caption = f"Source {sources}." + (f" {units}." if units else "")
    print_table(f"stocks_ai.{table}: newest known", shown, caption=caption)
