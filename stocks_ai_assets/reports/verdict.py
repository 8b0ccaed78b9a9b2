"""The verdict in words: what the findings amount to, said first and plainly."""

from dataclasses import dataclass

from stocks_ai_assets.domain.evaluation.grid import SUPERVISOR
from stocks_ai_assets.reports import findings
from stocks_ai_assets.reports.data import ReportData
from stocks_ai_assets.reports.findings import Finding, judged, provable, provably_wrong
from stocks_ai_assets.reports.selection import Rows, known_skill
from stocks_ai_assets.reports.suspicions import suspicions
from stocks_ai_assets.reports.wording import decimal, listed, plural, quarter_label, score_title

PLANTED = (
    "Prices, filings and news are made up, and skill was planted in them. Finding it shows that "
    "the machinery works. It says nothing about real markets."
)
SURVIVORS = (
    "The universe is what the source has today. Companies that failed or left the index are "
    "missing from the past, so the returns of the equal-weighted universe and of every long "
    "position are flattered; differences between strategies are flattered less."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What to take away.

    Parameters
    ----------
    headline
        One line.
    paragraph
        The same with its reasons.
    findings
        Skill, calibration, portfolio, risk.
    suspicions
        Figures too good to be true.
    note
        What the source does to the results.
    """

    headline: str
    paragraph: str
    findings: tuple[Finding, ...]
    suspicions: tuple[str, ...]
    note: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The verdict for a terminal: headline, one line a finding, suspicions, note."""
        return (
            self.headline,
            *(f"{e.topic}: {e.word}. {e.text} {e.command}".rstrip() for e in self.findings),
            *(f"Too good to be true: {each}" for each in self.suspicions),
            self.note,
        )


def verdict(data: ReportData) -> Verdict:
    """Judge the numbers of a report."""
    found = (
        findings.skill(data),
        findings.calibration(data),
        findings.portfolio(data),
        findings.risk(data),
    )
    suspicious = tuple(suspicions(data))
    return Verdict(
        headline=_headline(data, suspicious=bool(suspicious)),
        paragraph=_paragraph(data, found, suspicious=bool(suspicious)),
        findings=found,
        suspicions=suspicious,
        note=_planted(data) if data.context.simulated else SURVIVORS,
    )


def _planted(data: ReportData) -> str:
    planted = data.context.planted
    if not planted:
        return PLANTED
    agents = listed([f"{name} {decimal(ic)}" for name, ic in planted.items()])
    return f"{PLANTED} Planted rank IC over 21 sessions: {agents}; every other agent 0."


def _headline(data: ReportData, *, suspicious: bool) -> str:
    rows = known_skill(data)
    if not rows:
        return "Nothing to judge yet."
    if suspicious and not data.context.simulated:
        return "Too good to be true: look for a leak before anything else."
    if not judged(rows):
        return "Too early to say."
    return _proof(rows, " in the simulated market" if data.context.simulated else "")


def _proof(rows: Rows, where: str) -> str:
    """Say who has provable skill."""
    proven = [row["agent"] for row in provable(rows)]
    wrong = [row["agent"] for row in provably_wrong(rows)]
    if SUPERVISOR in proven:
        return f"The supervisor has provable skill{where}."
    if proven:
        names = listed([score_title(name) for name in proven])
        verb = "has" if len(proven) == 1 else "have"
        return f"Only {names} {verb} provable skill{where}; the supervisor does not."
    if wrong:
        names = listed([score_title(name) for name in wrong])
        return f"No provable skill, and {names} point{'s' * (len(wrong) == 1)} the wrong way."
    return "Nothing here is significant."


def _paragraph(data: ReportData, found: tuple[Finding, ...], *, suspicious: bool) -> str:
    rows = known_skill(data)
    if not rows:
        return (
            "No prediction has matured and been evaluated. Whatever stands below describes what "
            "was computed, not what it was worth."
        )
    most = max(row["n_sessions"] for row in rows)
    scope = (
        f"Judged on {plural(most, 'matured session')}, as known at the start of "
        f"{quarter_label(data.quarter)}."
    )
    if not judged(rows):
        return f"{scope} That is too short for any statement about skill, good or bad."
    by_topic = {each.topic: each for each in found}
    proven = provable(rows)
    if not proven:
        skill = (
            "No agent has provable skill and neither has the supervisor: nothing in this report is "
            "evidence that returns were predicted better than by luck."
        )
    elif any(row["agent"] == SUPERVISOR for row in proven):
        skill = "The supervisor ranked returns better than luck would explain."
    else:
        skill = (
            "Some agents ranked returns better than luck would explain; the supervisor, which is "
            "what one would trade, did not."
        )
    parts = [scope, skill]
    if by_topic["Calibration"].tone == "good":
        parts.append("The supervisor's probabilities and intervals mean what they say.")
    elif by_topic["Calibration"].tone == "bad":
        parts.append("The supervisor's probabilities or intervals miss their targets.")
    outcome = {
        "beat both, provably": "The long-only portfolio beat market and equal weight beyond luck.",
        "beat both, unproven": "The long-only portfolio is ahead of market and equal weight, by no "
        "more than luck explains.",
        "did not beat both": "The long-only portfolio did not beat both market and equal weight.",
    }.get(by_topic["Portfolio"].word)
    if outcome:
        parts.append(outcome)
    if suspicious:
        parts.append(
            "Some figures pass the limits of what honest scores have ever shown; see the warning."
        )
    elif not proven:
        parts.append("Read the rest as a description of the past, not as a reason to trade.")
    return " ".join(parts)
