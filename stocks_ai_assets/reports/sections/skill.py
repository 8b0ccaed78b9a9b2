"""Second section: skill of every score with its uncertainty."""

import polars as pl

from stocks_ai_assets.domain.evaluation.grid import EQUAL_WEIGHT, SUPERVISOR
from stocks_ai_assets.domain.evaluation.limits import FIVE_YEARS, MIN_SESSIONS_FOR_T
from stocks_ai_assets.reports.charts import skill as charts
from stocks_ai_assets.reports.data import ReportData
from stocks_ai_assets.reports.findings import by_luck, early
from stocks_ai_assets.reports.markup import Column, Figure, Html, element, missing, section, table
from stocks_ai_assets.reports.selection import Row, Rows, known_skill, own_skill
from stocks_ai_assets.reports.wording import (
    BAND,
    BAND_NOTE,
    command,
    decimal,
    percent,
    quarter_label,
    score_title,
    whole,
    yes_no,
)

SKILL = "evaluation.agent_skill"
TITLE = "Skill"


def skill(data: ReportData) -> Html:
    """Forest plot, history, decay and table of rank information coefficients."""
    rows = known_skill(data)
    if not rows:
        return section("skill", TITLE, missing(f"{SKILL} has no rows.", command(SKILL)))
    return section(
        "skill",
        TITLE,
        _forest(rows, data),
        Html(f'<div class="pair">{_history(data)}{_decay(rows).html}</div>'),
        _table(rows, data),
        _behaviour(rows, data),
    )


def _forest(rows: Rows, data: ReportData) -> Html:
    drawn = []
    for row in rows:
        sides = {"raw": ("raw_ic", "raw_low", "raw_high", "raw_t")}
        own = ("rank_ic", "ic_low", "ic_high", "t_newey_west")
        for label in ("residual", "raw"):
            if label == row["label"]:
                names = own
            elif label in sides:
                names = sides[label]
            else:
                continue
            mean, low, high, t = (row[name] for name in names)
            if mean is None or low is None or high is None:
                continue
            drawn.append(
                {
                    "score": score_title(row["agent"]),
                    "label": label,
                    "own": label == row["label"],
                    "rank_ic": mean,
                    "ic_low": low,
                    "ic_high": high,
                    "t": t,
                    "note": f"t {decimal(t, 1)}",
                }
            )
    schema = {
        "score": pl.String,
        "label": pl.String,
        "own": pl.Boolean,
        "rank_ic": pl.Float64,
        "ic_low": pl.Float64,
        "ic_high": pl.Float64,
        "t": pl.Float64,
        "note": pl.String,
    }
    return Figure(
        anchor="figure-forest",
        title=f"Rank IC with its band of {BAND}",
        spec=charts.forest(pl.DataFrame(drawn, schema=schema)),
        caption=(
            "A band that crosses the line at zero is compatible with no skill, and even a band "
            "beside it needs |t| > 3; "
            f"{BAND_NOTE}; the label judged is the return less beta times the market, "
            f"for macro the raw return; known at the start of {quarter_label(data.quarter)}."
        ),
        sources=(SKILL,),
        legend=(
            ("label the score is judged on", "var(--c1)", "dot"),
            ("raw return, for comparison", "var(--muted)", "dot"),
        ),
    ).html


def _history(data: ReportData) -> Html:
    whole_history = own_skill(data.skill).filter(pl.col("n_sessions") >= MIN_SESSIONS_FOR_T)
    rolling = own_skill(data.skill, "252")
    if whole_history.filter(pl.col("agent") == SUPERVISOR).is_empty():
        text = f"No history to draw: it starts with {MIN_SESSIONS_FOR_T} matured sessions."
        return element("p", text, class_="missing")
    return Figure(
        anchor="figure-skill-history",
        title="Rank IC of the supervisor as it became known",
        spec=charts.over_quarters(
            whole_history.filter(pl.col("agent") == SUPERVISOR),
            rolling.filter(pl.col("agent") == SUPERVISOR),
            whole_history.filter(pl.col("agent") != SUPERVISOR),
        ),
        caption=(
            "Each point uses only outcomes matured before its quarter, so skill that exists "
            "settles away from zero while its band narrows; drawn from "
            f"{MIN_SESSIONS_FOR_T} matured sessions on."
        ),
        sources=(SKILL,),
        legend=(
            (f"whole history, {BAND}", "var(--c1)", "line"),
            ("last 252 sessions", "var(--c2)", "dash"),
            ("other scores", "var(--muted)", "line"),
        ),
    ).html


def _decay(rows: Rows) -> Figure:
    kinds = {SUPERVISOR: "supervisor", EQUAL_WEIGHT: "mean"}
    drawn = [
        {
            "score": score_title(row["agent"]),
            "kind": kinds.get(row["agent"], "agent"),
            "lag": lag,
            "rank_ic": row["rank_ic"] if lag == 0 else row[f"decay_{lag}"],
        }
        for row in rows
        for lag in charts.LAGS
    ]
    schema = {"score": pl.String, "kind": pl.String, "lag": pl.Int64, "rank_ic": pl.Float64}
    return Figure(
        anchor="figure-decay",
        title="How fast the scores age",
        spec=charts.decay(pl.DataFrame(drawn, schema=schema).drop_nulls("rank_ic")),
        caption=(
            "A flat line is a slow opinion that can be traded late, a steep one must be traded at "
            "once; a line that rises with age is noise."
        ),
        sources=(SKILL,),
        legend=(
            ("supervisor", "var(--c1)", "line"),
            ("equal-weighted agents", "var(--c2)", "line"),
            ("agents", "var(--muted)", "line"),
        ),
    )


def _table(rows: Rows, data: ReportData) -> Html:
    columns = (
        Column(title="Score", cell=lambda r: score_title(r["agent"])),
        Column(title="Label", cell=lambda r: r["label"], text=True),
        Column(title="Sessions", unit="matured", cell=lambda r: whole(r["n_sessions"])),
        Column(title="Rank IC", unit="correlation", cell=lambda r: decimal(r["rank_ic"], 4)),
        Column(
            title=BAND,
            unit="correlation",
            cell=lambda r: f"{decimal(r['ic_low'], 3)} to {decimal(r['ic_high'], 3)}",
        ),
        Column(title="t", unit="Newey-West", cell=lambda r: decimal(r["t_newey_west"])),
        Column(title="ICIR", unit="per session", cell=lambda r: decimal(r["icir"], 3)),
        Column(title="Raw IC", unit="correlation", cell=lambda r: decimal(r["raw_ic"], 4)),
        Column(
            title="Significant",
            cell=_significant,
            mark=lambda r: "yes" if r["significant"] else "",
            text=True,
        ),
        Column(
            title="Suspicious",
            cell=lambda r: yes_no(r["suspicious"]),
            mark=lambda r: "alarm" if r["suspicious"] else "",
            text=True,
        ),
    )
    return table(
        rows,
        columns,
        label="Skill of every score",
        caption=(
            "Whole history on the label each score is judged on; significant: |t| > 3 over at "
            f"least {MIN_SESSIONS_FOR_T} sessions, early evidence below {whole(FIVE_YEARS)}; "
            f"{BAND_NOTE}; known at the start of {quarter_label(data.quarter)}. {by_luck(rows)}"
        ),
        sources=(SKILL,),
    )


def _significant(row: Row) -> str:
    """Return yes or no; a yes from a short history carries its remark."""
    remark = early([row]) if row["significant"] else ""
    return "; ".join(filter(None, (yes_no(row["significant"]), remark)))


def _behaviour(rows: Rows, data: ReportData) -> Html:
    columns = (
        Column(title="Score", cell=lambda r: score_title(r["agent"])),
        Column(title="IC at age 5", unit="correlation", cell=lambda r: decimal(r["decay_5"], 4)),
        Column(title="at age 21", unit="correlation", cell=lambda r: decimal(r["decay_21"], 4)),
        Column(title="at age 63", unit="correlation", cell=lambda r: decimal(r["decay_63"], 4)),
        Column(title="Hit rate", unit="of names", cell=lambda r: percent(r["hit_rate"])),
        Column(title="Turnover", unit="a session", cell=lambda r: percent(r["turnover"])),
        Column(title="Coverage", unit="of outcomes", cell=lambda r: percent(r["coverage"])),
        Column(
            title="Top less bottom fifth",
            unit="per horizon",
            cell=lambda r: percent(r["quintile_spread"], 2),
        ),
        Column(title="Its Sharpe", unit="a year", cell=lambda r: decimal(r["spread_sharpe"])),
    )
    return table(
        rows,
        columns,
        label="How the scores behave",
        caption=(
            "Hit rate: names on the predicted side of the median; turnover: mean change of score, "
            "of 2; spread and its Sharpe ratio before costs; known at the start of "
            f"{quarter_label(data.quarter)}."
        ),
        sources=(SKILL,),
    )
