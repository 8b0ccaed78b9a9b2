"""The verdict in words: what the findings amount to, said first and plainly."""

from dataclasses import dataclass

from stocks_ai_assets.domain.evaluation.grid import SUPERVISOR
from stocks_ai_assets.reports import findings
from stocks_ai_assets.reports.data import ReportData
from stocks_ai_assets.reports.findings import LIMIT, Finding, early, judged, negative, positive
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
    return _significance(rows, " in the simulated market" if data.context.simulated else "")


def _significance(rows: Rows, where: str) -> str:
    """Say whose skill is significant."""
    right, wrong = positive(rows), negative(rows)
    remark = early(right or wrong)
    end = f" ({LIMIT}{'; ' if remark else ''}{remark})"
    if any(row["agent"] == SUPERVISOR for row in right):
        return f"The supervisor's skill is significant{where}{end}."
    names = [score_title(row["agent"]) for row in right or wrong]
    verb = "is" if len(names) == 1 else "are"
    if right:
        return f"Only {listed(names)} {verb} significant{where}{end}; the supervisor is not."
    if wrong:
        return f"No skill is significant; {listed(names)} {verb} significantly negative{end}."
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
    right = positive(rows)
    if not right:
        skill = (
            "No agent has significant skill and neither has the supervisor: nothing in this report "
            "is evidence that returns were predicted better than by luck."
        )
    elif any(row["agent"] == SUPERVISOR for row in right):
        skill = "The supervisor's ranking of returns is significant."
    else:
        skill = (
            "The ranking of returns by some scores is significant; that of the supervisor, which "
            "is what one would trade, is not."
        )
    parts = [scope, skill]
    if by_topic["Calibration"].tone == "good":
        parts.append("The supervisor's probabilities and intervals mean what they say.")
    elif by_topic["Calibration"].tone == "bad":
        parts.append("The supervisor's probabilities or intervals miss their targets.")
    outcome = {
        "beat both, beyond luck": "The long-only portfolio beat market and equal weight beyond "
        "luck.",
        "ahead, not beyond luck": "The long-only portfolio is ahead of market and equal weight, "
        "not beyond luck.",
        "did not beat both": "The long-only portfolio did not beat both market and equal weight.",
    }.get(by_topic["Portfolio"].word)
    if outcome:
        parts.append(outcome)
    if suspicious:
        parts.append(
            "Some figures pass the limits of what honest scores have ever shown; see the warning."
        )
    elif not right:
        parts.append("Read the rest as a description of the past, not as a reason to trade.")
    return " ".join(parts)
