"""`report`: one HTML file that opens offline."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stocks_ai_assets.cli.arguments import AsJson
from stocks_ai_assets.cli.opening import deployment
from stocks_ai_assets.cli.printing import print_json
from stocks_ai_assets.errors import UsageError

if TYPE_CHECKING:
    from stocks_ai_assets.deployment import Deployment


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenReport:
    """The file, and its verdict in sentences."""

    path: Path
    verdict: tuple[str, ...]


def report(
    output: Annotated[
        Path | None, typer.Option("--output", help="File; default: reports/report.html.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write the report: the verdict in words first, then skill, calibration, returns, risk."""
    written = write(deployment(), output)
    if as_json:
        print_json({"path": written.path, "verdict": written.verdict})
        return
    for line in written.verdict:
        typer.echo(line)
    typer.echo(f"Report: {written.path}")


def write(opened: "Deployment", output: Path | None = None) -> WrittenReport:
    """Write the report of a deployment."""
    from importlib.util import find_spec

    from stocks_ai_assets.assets.trials import code_of_graph
    from stocks_ai_assets.reports import ReportContext, build_page, gather, verdict, write_report

    if find_spec("altair") is None or find_spec("vl_convert") is None:
        raise UsageError(
            "The report's charts are not installed. Run: pip install 'stocks-ai-assets[report]'."
        )
    data = gather(
        opened.lake,
        ReportContext(
            source=opened.settings.source,
            simulated=opened.settings.simulated,
            parameters=opened.parameters,
            code_version=code_of_graph(opened.registry.nodes),
            planted=_planted(opened),
        ),
    )
    path = write_report(build_page(data), output or opened.settings.reports / "report.html")
    return WrittenReport(path=path, verdict=verdict(data).lines)


def _planted(opened: "Deployment") -> dict[str, float]:
    """Skill planted in the simulated market; real ones have none."""
    if not opened.settings.simulated:
        return {}
    from stocks_ai_assets.sources.sample import PLANTED

    return dict(PLANTED)
