"""What the numbers say, one finding a topic, in words that change with the numbers."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from stocks_ai_assets.domain.evaluation.grid import SUPERVISOR
from stocks_ai_assets.domain.evaluation.limits import (
    FIVE_YEARS,
    MIN_SESSIONS_FOR_T,
    SIGNIFICANT_T,
    SUSPICIOUS_BRIER_SKILL,
    SUSPICIOUS_CONFIDENCE,
)
from stocks_ai_assets.reports import targets
from stocks_ai_assets.reports.data import ReportData, as_of
from stocks_ai_assets.reports.selection import (
    Comparison,
    Row,
    comparisons,
    known_backtests,
    known_calibration,
    known_performance,
    known_skill,
)
from stocks_ai_assets.reports.wording import (
    command,
    decimal,
    listed,
    percent,
    plural,
    score_title,
    strategy_title,
    whole,
)

Tone = Literal["good", "plain", "bad", "missing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One topic judged: a word for those in a hurry, and sentences with the figures."""

    topic: str
    tone: Tone
    word: str
    text: str


def _nothing(topic: str, table: str) -> Finding:
    return Finding(
        topic=topic,
        tone="missing",
        word="not known",
        text=f"{table} has no rows yet. Fill it: {command(table)}",
    )


def judged(rows: list[Row]) -> list[Row]:
    """Scores with a year of matured sessions and a t: fewer prove nothing either way."""
    return [
        row
        for row in rows
        if row["n_sessions"] >= MIN_SESSIONS_FOR_T and row["t_newey_west"] is not None
    ]


def provable(rows: list[Row]) -> list[Row]:
    """Scores that are significant and point the right way."""
    return [row for row in judged(rows) if row["significant"] and row["rank_ic"] > 0]


def provably_wrong(rows: list[Row]) -> list[Row]:
    """Scores that are significant and point the wrong way."""
    return [row for row in judged(rows) if row["significant"] and row["rank_ic"] < 0]


def skill_text(row: Row) -> str:
    """Return the figures of one score as part of a sentence."""
    return (
        f"{score_title(row['agent'])} (rank IC {decimal(row['rank_ic'], 3)}, 95 % band "
        f"{decimal(row['ic_low'], 3)} to {decimal(row['ic_high'], 3)}, "
        f"t {decimal(row['t_newey_west'], 1)}, {whole(row['n_sessions'])} sessions)"
    )


def skill(data: ReportData) -> Finding:
    """Whether any score has provable skill."""
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
    proven, wrong = provable(rows), provably_wrong(rows)
    rest = f"the {len(known)} scores judged"
    limit = f"|t| > {decimal(SIGNIFICANT_T, 0)} with Newey-West errors"
    if not proven and not wrong:
        best = max(known, key=lambda row: abs(row["t_newey_west"]))
        return Finding(
            topic="Skill",
            tone="plain",
            word="not significant",
            text=f"None of {rest} has provable skill ({limit}). The furthest from zero is "
            f"{skill_text(best)}. Luck alone produces such numbers.",
        )
    parts = []
    if proven:
        parts.append(f"Provable skill ({limit}): {listed([skill_text(row) for row in proven])}.")
    if wrong:
        names = listed([skill_text(row) for row in wrong])
        parts.append(f"Provably wrong, the opposite would have been right: {names}.")
    others = len(known) - len(proven) - len(wrong)
    if others:
        parts.append(f"The other {others} of {rest} cannot be told from luck.")
    return Finding(
        topic="Skill",
        tone="good" if proven else "bad",
        word="significant" if proven else "provably wrong",
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
        word = "beat both, provably" if sure else "beat both, unproven"
    else:
        word = "did not beat both"
    return Finding(
        topic="Portfolio",
        tone="good" if sure and enough else "plain",
        word=word,
        text=f"Net of costs, long only made {percent(row['annual_return'])} a year. "
        f"{' '.join(_compared(each) for each in found)} Its Sharpe ratio is "
        f"{decimal(row['sharpe'])} a year; the probability that this is more than the luck of "
        f"the best of {plural(row['n_trials'], 'trial')} is {percent(deflated, 0)} (deflated "
        f"Sharpe; {percent(targets.DEFLATED_SHARPE_ENOUGH, 0)} would be convincing).",
    )


def _compared(found: Comparison) -> str:
    verb = "more" if found.difference > 0 else "less"
    luck = "beyond luck" if abs(found.t) > SIGNIFICANT_T else "not to be told from luck"
    title = strategy_title(found.benchmark)
    return (
        f"That is {percent(abs(found.difference))} a year {verb} than {title[0].lower()}{title[1:]} "
        f"over the same {whole(found.n_sessions)} sessions (t {decimal(found.t, 1)}, {luck})."
    )


def rate_words(row: Row) -> str:
    """Judge the number of breaches by Kupiec's test."""
    if row["kupiec_p"] is None:
        return "not tested"
    if row["kupiec_p"] >= targets.TEST_LEVEL:
        return "as many breaches as promised"
    if row["breach_rate"] > 1.0 - row["level"]:
        return "too many breaches: risk was underestimated"
    return "too few breaches: risk was overestimated"


def cluster_words(row: Row) -> str:
    """Judge the order of breaches by Christoffersen's test."""
    if row["christoffersen_p"] is None:
        return "not tested"
    if row["christoffersen_p"] < targets.TEST_LEVEL:
        return "breaches come in clusters"
    return "no sign of clusters"


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
        f"{decimal(row['n_sessions'] * (1.0 - row['level']), 0)} were due, {rate_words(row)} "
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


def suspicions(data: ReportData) -> list[str]:
    """Name every figure that is too good to be true, as known now."""
    found = [
        f"{score_title(row['agent'])} ({row['label']} label, "
        f"{'all' if row['window'] == 'all' else 'last ' + row['window']} sessions): "
        f"{row['suspicion']}"
        for row in as_of(data.skill)
        .filter(pl.col("suspicious"))
        .sort("agent", "label", "window")
        .to_dicts()
    ]
    for row in known_calibration(data):
        name = score_title(row["agent"])
        brier, highest = row["brier_skill"], row["max_confidence"]
        if brier is not None and row["n"] >= FIVE_YEARS and brier > SUSPICIOUS_BRIER_SKILL:
            limit = percent(SUSPICIOUS_BRIER_SKILL)
            found.append(f"{name}: Brier skill {percent(brier, 2)} > {limit}")
        if highest is not None and highest > SUSPICIOUS_CONFIDENCE:
            found.append(f"{name}: confidence {decimal(highest, 3)} > {SUSPICIOUS_CONFIDENCE:g}")
    return found
