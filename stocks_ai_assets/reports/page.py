"""The page: sections in order, navigation, style, and the library that draws the charts."""

import re
from functools import cache
from importlib.resources import files

from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.reports.charts.theme import CONFIG
from stocks_ai_assets.reports.data import ReportData
from stocks_ai_assets.reports.markup import Html, embedded_json, escaped, joined, link
from stocks_ai_assets.reports.sections.agents import agents
from stocks_ai_assets.reports.sections.calibration import calibration
from stocks_ai_assets.reports.sections.performance import performance
from stocks_ai_assets.reports.sections.quality import quality
from stocks_ai_assets.reports.sections.risk import risk
from stocks_ai_assets.reports.sections.skill import skill
from stocks_ai_assets.reports.sections.summary import summary
from stocks_ai_assets.reports.sections.supervisor import supervisor
from stocks_ai_assets.reports.wording import day

SECTIONS = (summary, skill, calibration, performance, risk, supervisor, agents, quality)
LINKS = (
    ("verdict", "Verdict"),
    ("skill", "Skill"),
    ("calibration", "Calibration"),
    ("performance", "Equity"),
    ("risk", "Risk"),
    ("supervisor", "Supervisor"),
    ("agents", "Agents"),
    ("quality", "Data"),
)

FOOTER = (
    "<footer><p>Past results, simulated or not, say little about future ones. Nothing here is "
    "advice.</p></footer>"
)

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:"
)
"""The browser refuses whatever is not in the file. Vega compiles its expressions, hence eval."""

_ADDRESS = re.compile(r"https?://(?!www\.w3\.org/)[^\"'`\s]*")


def build_page(data: ReportData) -> str:
    """Return the report as one HTML document that loads nothing from anywhere.

    Parameters
    ----------
    data
        Frames of the report.

    Returns
    -------
    str
        HTML; the same data give the same text.
    """
    title = _title(data)
    body = joined(make(data) for make in SECTIONS)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            policy,
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escaped(title)}</title>",
            f"<style>\n{_resource('page.css')}</style>",
            "</head>",
            "<body>",
            _header(data),
            f"<main>\n{body}\n</main>",
            FOOTER,
            f'<script type="application/json" id="chart-config">{embedded_json(CONFIG)}</script>',
            f"<script>{_library()}</script>",
            f"<script>\n{_resource('page.js')}</script>",
            "</body>",
            "</html>",
            "",
        )
    )


def _title(data: ReportData) -> str:
    label = "SIMULATED: " if data.context.simulated else ""
    until = f", {day(data.period[0])} to {day(data.period[1])}" if data.period else ""
    return f"{label}stocks_ai report{until}"


def _header(data: ReportData) -> Html:
    badge = '<b class="badge">SIMULATED</b>' if data.context.simulated else ""
    until = f"<span>{day(data.period[0])} to {day(data.period[1])}</span>" if data.period else ""
    links = "".join(link(anchor, name) for anchor, name in LINKS)
    pages = "".join(link(f"agent-{agent.name}", agent.name) for agent in AGENTS)
    return Html(
        f'<header><p class="brand"><b>stocks_ai</b> What the predictions were worth {until}</p>'
        f'</header><nav>{badge}{links}<span class="agents">{pages}</span></nav>'
        "<noscript><p class='warning'>Charts need JavaScript; every number is in the tables.</p>"
        "</noscript>"
    )


def _resource(name: str) -> str:
    return files("stocks_ai_assets.reports").joinpath(name).read_text(encoding="utf-8")


@cache
def _library() -> str:
    """Vega, Vega-Lite and their embedding as one script, without addresses of other sites."""
    import vl_convert  # 1.3 s for the script

    script = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # it has a default
    # What is left are names of XML namespaces; a JavaScript string reads \/ as /.
    return _ADDRESS.sub("", script).replace("http://www.w3.org", r"http:\/\/www.w3.org")
