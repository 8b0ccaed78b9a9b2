"""First section: the verdict in words, the few numbers behind it, and where all of it is from."""

from collections.abc import Mapping
from typing import Any

from stocks_ai_assets.domain.evaluation.grid import SUPERVISOR
from stocks_ai_assets.reports import targets
from stocks_ai_assets.reports.data import ReportData
from stocks_ai_assets.reports.markup import Html, element, escaped, joined, section
from stocks_ai_assets.reports.selection import (
    comparisons,
    known_calibration,
    known_performance,
    known_skill,
)
from stocks_ai_assets.reports.verdict import Verdict, verdict
from stocks_ai_assets.reports.wording import (
    BAND,
    MISSING,
    day,
    decimal,
    percent,
    plural,
    quarter_label,
    whole,
)

Named = Mapping[str, Any]


def summary(data: ReportData) -> Html:
    """Verdict, key figures, provenance."""
    judged = verdict(data)
    return section(
        "verdict",
        "Verdict",
        _banner(data),
        element("p", judged.headline, class_="headline"),
        element("p", judged.paragraph, class_="lead"),
        _warning(data, judged),
        _findings(judged),
        _tiles(data) if not data.skill.is_empty() else Html(""),
        element("p", element("strong", "About the source. "), judged.note, class_="note"),
        _provenance(data),
    )


def _banner(data: ReportData) -> Html:
    if not data.context.simulated:
        return Html("")
    return element(
        "p",
        element("strong", "SIMULATED"),
        "This market does not exist. Its skill was planted. No number here is about real shares.",
        class_="simulated",
        role="alert",
    )


def _warning(data: ReportData, judged: Verdict) -> Html:
    if not judged.suspicions:
        return Html("")
    reading = (
        "In the simulated market planted skill can pass these limits; on real data it would "
        "mean that something leaks. The check that nothing does:"
        if data.context.simulated
        else "Something may leak: honest scores of large companies have not shown such figures. "
        "Believe nothing here before the check passes:"
    )
    items = "".join(element("li", text) for text in judged.suspicions)
    return Html(
        f'<div class="warning" role="alert"><p><strong>Too good to be true.</strong> '
        f"{escaped(reading)} {element('code', 'stocks-ai prove look-ahead')}</p>"
        f"<ul>{items}</ul></div>"
    )


def _findings(judged: Verdict) -> Html:
    items = (
        Html(
            f'<li class="{each.tone}"><span class="topic">{escaped(each.topic)}</span>'
            f'<span class="word">{escaped(each.word)}</span>'
            f"<p>{escaped(each.text)} {_code(each.command)}</p></li>"
        )
        for each in judged.findings
    )
    return Html(f'<ul class="findings">{joined(items)}</ul>')


def _code(command: str) -> Html:
    return element("code", command) if command else Html("")


def _tiles(data: ReportData) -> Html:
    skill: Named = {row["agent"]: row for row in known_skill(data)}.get(SUPERVISOR, {})
    calibration: Named = {row["agent"]: row for row in known_calibration(data)}.get(SUPERVISOR, {})
    by_strategy: dict[str, Named] = {row["strategy"]: row for row in known_performance(data)}
    performance, hedged = by_strategy.get("long_only", {}), by_strategy.get("long_short", {})
    market = next((c for c in comparisons(data) if c.benchmark == "market"), None)
    low, high = targets.COVERAGE_80
    tiles = (
        (
            "Rank IC of the supervisor",
            decimal(skill.get("rank_ic"), 3, sign=True),
            (
                f"correlation; {BAND} {decimal(skill.get('ic_low'), 3)} to "
                f"{decimal(skill.get('ic_high'), 3)}"
            ),
        ),
        (
            "t of the rank IC",
            decimal(skill.get("t_newey_west"), 1, sign=True),
            f"Newey-West; |t| > 3 is significant; {whole(skill.get('n_sessions'))} sessions",
        ),
        (
            "Brier skill",
            percent(calibration.get("brier_skill"), 2, sign=True),
            f"over the base rate; calibration error {percent(calibration.get('ece'), 2)}",
        ),
        (
            "80 % interval held",
            percent(calibration.get("coverage_80")),
            f"of returns; target {percent(low, 0)} to {percent(high, 0)}",
        ),
        (
            "Long only, net",
            percent(performance.get("annual_return"), 1, sign=True),
            "a year; against the market "
            + (f"{percent(market.difference, 1, sign=True)} a year" if market else MISSING),
        ),
        (
            "Long-short, deflated Sharpe",
            percent(hedged.get("deflated_sharpe"), 0),
            (
                f"probability; Sharpe {decimal(hedged.get('sharpe'))} a year, "
                f"{whole(hedged.get('n_trials'))} trials evaluated in this lake"
            ),
        ),
    )
    cells = (
        Html(
            f"<div><dt>{escaped(title)}</dt><dd><b>{escaped(value)}</b>"
            f"<small>{escaped(unit)}</small></dd></div>"
        )
        for title, value, unit in tiles
    )
    return Html(f'<dl class="tiles">{joined(cells)}</dl>')


def _provenance(data: ReportData) -> Html:
    context, parameters = data.context, data.context.parameters
    period = f"{day(data.period[0])} to {day(data.period[1])}" if data.period else MISSING
    universe = data.names.height
    facts = (
        ("Period", period),
        ("Source", context.source + (" (SIMULATED)" if context.simulated else "")),
        ("Universe", plural(universe, "symbol") if universe else MISSING),
        ("Horizon", plural(parameters.horizon, "session")),
        (
            "Costs",
            (
                f"{decimal(parameters.cost_bp, 1)} bp one way, "
                f"{decimal(parameters.borrow_bp, 1)} bp a year for shorts"
            ),
        ),
        ("Evaluation known", f"at the start of {quarter_label(data.quarter)}"),
        ("First partition", day(parameters.first_session)),
        ("Code", context.code_version),
    )
    pairs = "".join(f"<div>{element('dt', k)}{element('dd', v)}</div>" for k, v in facts)
    written = data.inventory.drop_nulls("version").sort("table")
    stamps = "".join(
        f"<li><code>{escaped(row['table'])}</code> v{row['version']} "
        f"{_code((row['content_hash'] or '')[:12])}</li>"
        for row in written.iter_rows(named=True)
    )
    listing = (
        f"<details><summary>Delta versions and content hashes of "
        f"{plural(written.height, 'table')}</summary>"
        f'<ul class="stamps">{stamps}</ul></details>'
        if stamps
        else ""
    )
    return Html(
        f'<div class="provenance" id="provenance"><h3>Provenance</h3><dl>{pairs}</dl>'
        f"{listing}</div>"
    )
