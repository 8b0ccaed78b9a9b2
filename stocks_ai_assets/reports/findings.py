"""What the numbers say, one finding a topic, in words that change with the numbers."""

from dataclasses import dataclass
from typing import Literal

from stocks_ai_assets.domain.evaluation.grid import SUPERVISOR
from stocks_ai_assets.domain.evaluation.limits import (
    FIVE_YEARS,
    MIN_SESSIONS_FOR_T,
    SIGNIFICANT_T,
)
from stocks_ai_assets.reports import targets
from stocks_ai_assets.reports.data import ReportData
from stocks_ai_assets.reports.selection import (
    Comparison,
    Row,
    Rows,
    comparisons,
    known_backtests,
    known_calibration,
    known_performance,
    known_skill,
)
from stocks_ai_assets.reports.wording import (
    BAND,
    command,
    decimal,
    listed,
    percent,
    plural,
    score_title,
    strategy_title,
    whole,
)

LIMIT = f"|t| > {SIGNIFICANT_T:g}"

Tone = Literal["good", "plain", "bad", "missing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One topic judged.

    Parameters
    ----------
    topic
        Skill, Calibration, Portfolio or Risk.
    tone
        How to colour it.
    word
        For those in a hurry.
    text
        Sentences with the figures.
    command
        What fills in missing figures; empty: nothing is missing.
    """

    topic: str
    tone: Tone
    word: str
    text: str
    command: str = ""


def _nothing(topic: str, table: str) -> Finding:
    return Finding(
        topic=topic,
        tone="missing",
        word="not known",
        text=f"{table} has no rows yet. Fill it with",
        command=command(table),
    )


def judged(rows: Rows) -> Rows:
    """Scores with a year of matured sessions and a t: fewer say nothing either way."""
    return [
        row
        for row in rows
        if row["n_sessions"] >= MIN_SESSIONS_FOR_T and row["t_newey_west"] is not None
    ]


def positive(rows: Rows) -> Rows:
    """Scores that are significant and point the right way."""
    return [row for row in judged(rows) if row["significant"] and row["rank_ic"] > 0]


def negative(rows: Rows) -> Rows:
    """Scores that are significant and point the wrong way."""
    return [row for row in judged(rows) if row["significant"] and row["rank_ic"] < 0]


def early(rows: Rows) -> str:
    """Return a remark when any of `rows` rests on less than five years, else nothing."""
    short = any(row["n_sessions"] < FIVE_YEARS for row in rows)
    return f"early: fewer than {whole(FIVE_YEARS)} sessions" if short else ""


def by_luck(rows: Rows) -> str:
    """Say how many of the scores judged in `rows` would be significant without any skill."""
    count = len(judged(rows))
    expected = f"{count * targets.SIGNIFICANT_BY_LUCK:g}"
    return (
        f"By luck alone a score without skill passes {LIMIT} in roughly "
        f"{decimal(targets.SIGNIFICANT_BY_LUCK * 100, 0)} of 100 histories (measured in this "
        "project with placebo scores on ten years of real labels); "
        f"{plural(count, 'score is', 'scores are')} judged, so luck makes about {expected} of "
        f"{plural(count, 'score')} significant."
    )


def skill_figures(row: Row) -> str:
    """Return the figures of one score as part of a sentence."""
    figures = (
        f"rank IC {decimal(row['rank_ic'], 3)}, {BAND} {decimal(row['ic_low'], 3)} to "
        f"{decimal(row['ic_high'], 3)}, t {decimal(row['t_newey_west'], 1)}, "
        f"{whole(row['n_sessions'])} sessions"
    )
    return "; ".join(filter(None, (figures, early([row]))))


def skill_text(row: Row) -> str:
    """Return a score with its figures."""
    return f"{score_title(row['agent'])} ({skill_figures(row)})"


def skill(data: ReportData) -> Finding:
    """Whether the skill of any score is significant."""
    rows = known_skill(data)
    if not rows:
        return _nothing("Skill", "evaluation.agent_skill")
    known = judged(rows)
    if not known:
        most = max(row["n_sessions"] for row in rows)
        return Finding(
            topic="Skill",
            tone="missing",
            word="too early",
            text=f"Too early to judge: at most {plural(most, 'session')} with a rank correlation "
            f"have matured, and a verdict needs {MIN_SESSIONS_FOR_T}.",
        )
    right, wrong = positive(rows), negative(rows)
    rest = f"the {len(known)} scores judged"
    limit = f"{LIMIT} with Newey-West errors"
    if not right and not wrong:
        best = max(known, key=lambda row: abs(row["t_newey_west"]))
        return Finding(
            topic="Skill",
            tone="plain",
            word="not significant",
            text=f"None of {rest} is significant ({limit}). The furthest from zero is "
            f"{skill_text(best)}. {by_luck(rows)}",
        )
    parts = []
    if right:
        parts.append(f"Significant ({limit}): {listed([skill_text(row) for row in right])}.")
    if wrong:
        names = listed([skill_text(row) for row in wrong])
        parts.append(f"Significantly negative ({limit}): {names}.")
    others = len(known) - len(right) - len(wrong)
    if others:
        parts.append(f"Not significant: the other {others} of {rest}.")
    parts.append(by_luck(rows))
    return Finding(
        topic="Skill",
        tone="good" if right else "bad",
        word="significant" if right else "significantly negative",
        text=" ".join(parts),
    )


def calibration(data: ReportData) -> Finding:
    """Whether the supervisor's probabilities and intervals were right."""
    rows = {row["agent"]: row for row in known_calibration(data)}
    row = rows.get(SUPERVISOR)
    if row is None or row["ece"] is None:
        return _nothing("Calibration", "evaluation.calibration")
    brier, ece = row["brier_skill"], row["ece"]
    covered = targets.inside(row["coverage_80"], targets.COVERAGE_80) and targets.inside(
        row["coverage_90"], targets.COVERAGE_90
    )
    honest = ece <= targets.ECE_LIMIT and (brier is None or brier >= targets.BRIER_SKILL_FLOOR)
    information = (
        "They say next to nothing beyond the base rate"
        if brier is None or abs(brier) < targets.BRIER_SKILL_NOTICEABLE
        else "They say more than the base rate"
        if brier > 0
        else "They are worse than the base rate"
    )
    return Finding(
        topic="Calibration",
        tone="good" if honest and covered else "bad",
        word="calibrated" if honest and covered else "off target",
        text=f"The supervisor's probabilities miss what happened by {percent(ece, 2)} on average "
        f"(calibration error; target at most {percent(targets.ECE_LIMIT, 0)}). {information} "
        f"(Brier skill {percent(brier, 2)}). Its 80 % intervals held "
        f"{percent(row['coverage_80'])} of the returns and its 90 % intervals "
        f"{percent(row['coverage_90'])}: {'as promised' if covered else 'not as promised'}.",
    )


def portfolio(data: ReportData) -> Finding:
    """Whether the long-only portfolio beat its benchmarks net of costs, beyond luck and search."""
    rows = {row["strategy"]: row for row in known_performance(data)}
    row = rows.get("long_only")
    found = [each for each in comparisons(data) if each.strategy == "long_only"]
    if row is None or row["annual_return"] is None or not found:
        if row is not None:
            return Finding(
                topic="Portfolio",
                tone="missing",
                word="too early",
                text=f"The long-only portfolio has {plural(row['n_sessions'], 'session')} of "
                "returns known; figures need a quarter of a year.",
            )
        return _nothing("Portfolio", "evaluation.performance")
    beaten = all(each.difference > 0 for each in found)
    sure = all(each.difference > 0 and each.t > SIGNIFICANT_T for each in found)
    deflated = row["deflated_sharpe"]
    enough = deflated is not None and deflated > targets.DEFLATED_SHARPE_ENOUGH
    if beaten:
        word = "beat both, beyond luck" if sure and enough else "ahead, not beyond luck"
    else:
        word = "did not beat both"
    market = rows.get("market", {}).get("sharpe")
    return Finding(
        topic="Portfolio",
        tone="good" if sure and enough else "plain",
        word=word,
        text=f"Net of costs, long only made {percent(row['annual_return'])} a year: "
        f"{listed([_compared(each) for each in found])}, each over the same "
        f"{whole(found[0].n_sessions)} sessions. Its Sharpe ratio is {decimal(row['sharpe'])} a "
        f"year (market {decimal(market)}). {_deflated(rows)}",
    )


def _deflated(rows: dict[str, Row]) -> str:
    """Say what is left of the Sharpe ratios after so many trials."""
    known = [
        f"{percent(rows[name]['deflated_sharpe'], 0)} for {strategy_title(name).lower()}"
        for name in ("long_only", "long_short")
        if name in rows and rows[name]["deflated_sharpe"] is not None
    ]
    if not known:
        return "The deflated Sharpe ratio is not known."
    trials = plural(rows["long_only"]["n_trials"], "trial")
    return (
        f"The probability that a Sharpe ratio is more than the luck of the best of {trials} "
        f"evaluated in this lake is "
        f"{listed(known)} (deflated Sharpe; above "
        f"{percent(targets.DEFLATED_SHARPE_ENOUGH, 0)} would convince; long only carries the "
        "market's own return)."
    )


def _compared(found: Comparison) -> str:
    verb = "more" if found.difference > 0 else "less"
    said = "significant" if abs(found.t) > SIGNIFICANT_T else "not significant"
    return (
        f"{percent(abs(found.difference))} {verb} than the "
        f"{strategy_title(found.benchmark).lower()} (t {decimal(found.t, 1)}, {said})"
    )


def rate_words(row: Row) -> str:
    """Judge the number of breaches by Kupiec's test."""
    if row["kupiec_p"] is None:
        return "not tested"
    if row["kupiec_p"] >= targets.TEST_LEVEL:
        return "as promised"
    return "too many" if row["breach_rate"] > 1.0 - row["level"] else "too few"


def cluster_words(row: Row) -> str:
    """Judge the order of breaches by Christoffersen's test."""
    if row["christoffersen_p"] is None:
        return "not tested"
    return "in clusters" if row["christoffersen_p"] < targets.TEST_LEVEL else "no clusters"


def risk(data: ReportData) -> Finding:
    """Whether the long-only portfolio's value at risk kept its promise."""
    rows = [row for row in known_backtests(data) if row["strategy"] == "long_only"]
    if not rows:
        return _nothing("Risk", "evaluation.var_backtests")
    failed = [
        row
        for row in rows
        for p in (row["kupiec_p"], row["christoffersen_p"])
        if p is not None and p < targets.TEST_LEVEL
    ]
    sentences = [
        f"VaR {percent(row['level'], 0)}: {plural(row['n_breaches'], 'breach', 'breaches')} in "
        f"{plural(row['n_sessions'], 'session')} where "
        f"{decimal(row['n_sessions'] * (1.0 - row['level']), 0)} were due: {rate_words(row)} "
        f"(Kupiec p {decimal(row['kupiec_p'], 3)}), {cluster_words(row)} "
        f"(Christoffersen p {decimal(row['christoffersen_p'], 3)})."
        for row in rows
    ]
    return Finding(
        topic="Risk",
        tone="bad" if failed else "good",
        word="promise not kept" if failed else "promise kept",
        text=f"Long only. {' '.join(sentences)}",
    )
