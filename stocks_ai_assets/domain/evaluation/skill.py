"""Skill of every agent, the supervisor and their plain mean, as known at each quarter's start."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.calendar import SESSIONS_PER_YEAR
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.evaluation.grid import (
    Grid,
    evaluated_sessions,
    matured_before,
    predictions_by_agent,
    sessions_before,
)
from stocks_ai_assets.domain.evaluation.limits import significant, suspicions
from stocks_ai_assets.domain.evaluation.newey_west import overlap_lags, standard_error
from stocks_ai_assets.domain.evaluation.performance import moments
from stocks_ai_assets.domain.evaluation.session_skill import (
    Ranks,
    SessionSkill,
    score_changes,
    session_skill,
)
from stocks_ai_assets.domain.panel import Floats, Integers, filled, total
from stocks_ai_assets.domain.portfolio.weights import fifths, stagger
from stocks_ai_assets.domain.transform import (
    ALL,
    Frames,
    Input,
    Parameters,
    Transform,
    Window,
)
from stocks_ai_assets.tables import TABLES

WINDOWS = {"all": None, "1260": 1260, "252": 252}
"""Sessions of each window; a shorter history has no row for the longer ones."""

BAND = 1.96


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """What one agent did, session by session.

    Parameters
    ----------
    agent
        Name.
    scored
        Names with a score; names among them with an outcome; names with an outcome.
    change, changed
        Sum of |change of score| / 2 and names with a score before.
    skill
        By label.
    spread_return
        By label: return from open to open of the staggered quintile spread, before costs.
    """

    agent: str
    scored: Integers
    covered: Integers
    outcomes: Integers
    change: Floats
    changed: Integers
    skill: dict[str, SessionSkill]
    spread_return: dict[str, Floats]


def tracks(frames: Frames, section: CrossSection, window: Window) -> Iterator[Track]:
    """Compute every agent's sessions in one pass.

    Parameters
    ----------
    frames
        Inputs of `evaluation/agent_skill`.
    section
        Issuers of the sessions evaluated.
    window
        Only its parameters are used.
    """
    panel, risk = section.panel, frames["risk"]
    grid = Grid.of(frames["outcomes"], panel)
    betas = section.shrunk_betas(
        section.place(risk, "beta_raw"), section.place(risk, "beta_variance")
    )
    residual = grid.total_return - betas * grid.market_return
    labels = {
        "residual": Ranks.of(_voted(section, residual)),
        "raw": Ranks.of(_voted(section, grid.total_return)),
    }
    returns = filled(section.place(frames["technical"], "open_return"))
    market = _market(frames["benchmarks"], section)
    for agent, rows in predictions_by_agent(frames, equal_weight=True):
        scores = panel.values(panel.places(rows, "prediction_date"), rows.get_column("score"))
        ranks = Ranks.of(_voted(section, scores))
        change, changed = score_changes(scores)
        top, bottom = fifths(ranks.below, ranks.equal, ranks.count)
        weights = stagger(top - bottom, window.parameters.horizon)
        raw = _held(weights, returns)
        exposure = np.full(len(raw), np.nan)
        exposure[2:] = total(weights * filled(betas))[:-2]
        yield Track(
            agent=agent,
            scored=ranks.count,
            covered=(~np.isnan(scores) & grid.matured).sum(axis=0),
            outcomes=grid.matured.sum(axis=0),
            change=change,
            changed=changed,
            skill={name: session_skill(ranks, label) for name, label in labels.items()},
            spread_return={"raw": raw, "residual": raw - exposure * market},
        )


def _voted(section: CrossSection, values: Floats) -> Floats:
    """Return the values with one vote per issuer."""
    votes, _ = section.voters(values)
    return np.where(votes, values, np.nan)


def _market(benchmarks: pl.DataFrame, section: CrossSection) -> Floats:
    """Return of the market between opens as first published, by session; NaN: not known."""
    published = benchmarks.filter(
        (pl.col("benchmark") == "market") & (pl.col("known_on") == pl.col("session"))
    )
    column = section.panel.columns_of(published.get_column("session"))
    market = np.full(section.panel.shape[1], np.nan)
    market[column[column >= 0]] = published.get_column("open_return").to_numpy()[column >= 0]
    return market


def _held(weights: Floats, returns: Floats) -> Floats:
    """Return at each session's open of weights decided two sessions before; NaN without any."""
    result = np.full(weights.shape[1], np.nan)
    held = weights[:, :-2]
    gross = total(held * returns[:, 2:])
    result[2:] = np.where((held != 0.0).any(axis=0), gross, np.nan)
    return result


def agent_skill(frames: Frames, window: Window) -> pl.DataFrame:
    """Skill by quarter, agent, label and window.

    Parameters
    ----------
    frames
        `predictions`, `synthesized`, `outcomes`, `risk`, `sector`, `technical`, `benchmarks`.
    window
        Quarters.

    Returns
    -------
    pl.DataFrame
        Content of evaluation.agent_skill. An agent has rows from the first quarter that follows a
        matured prediction date on which it scored anything; statistics are null where they are
        not defined.

    Notes
    -----
    Only prediction dates that matured before the quarter's first session count. An issuer has one
    vote, as in the scores. `residual` takes away beta x market, beta shrunk as known on the
    prediction date. `spread_sharpe` is that of the staggered quintile spread from open to open,
    before that session and without costs.
    """
    schema = TABLES["evaluation.agent_skill"].schema
    sessions = evaluated_sessions(window)
    if not sessions:
        return pl.DataFrame(schema=schema)
    section = CrossSection(frames["sector"], sessions)
    rows = [
        _row(track, quarter, label, name, window)
        for track in tracks(frames, section, window)
        for quarter in window.partitions
        if track.scored[: matured_before(quarter, window)].any()
        for name, length in WINDOWS.items()
        if length is None or matured_before(quarter, window) >= length
        for label in track.skill
    ]
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col(pl.Float64).fill_nan(None))


def _row(track: Track, quarter: date, label: str, name: str, window: Window) -> dict[str, object]:
    horizon, length = window.parameters.horizon, WINDOWS[name]
    end, traded = matured_before(quarter, window), sessions_before(quarter, window)
    of = slice(0 if length is None else end - length, end)
    skill = track.skill[label]
    n, mean, deviation = _mean(skill.rank_ic[of])
    error = standard_error(skill.rank_ic[of], overlap_lags(horizon))
    t = mean / error if error > 0.0 else math.nan
    spread = track.spread_return[label][0 if length is None else traded - length : traded]
    sharpe = moments(spread[~np.isnan(spread)]).sharpe * math.sqrt(SESSIONS_PER_YEAR)
    hit_rate = _ratio(skill.hits[of].sum(), skill.sides[of].sum())
    suspicion = suspicions(n_sessions=n, t=t, rank_ic=mean, hit_rate=hit_rate, spread_sharpe=sharpe)
    return {
        "quarter": quarter,
        "agent": track.agent,
        "horizon": horizon,
        "label": label,
        "window": name,
        "n_sessions": n,
        "rank_ic": mean,
        "rank_ic_sd": deviation,
        "icir": mean / deviation if deviation > 0.0 else math.nan,
        "t_newey_west": t,
        "ic_low": mean - BAND * error,
        "ic_high": mean + BAND * error,
        **{f"decay_{lag}": _mean(series[of])[1] for lag, series in skill.decay.items()},
        "turnover": _ratio(track.change[of].sum(), track.changed[of].sum()),
        "coverage": _ratio(track.covered[of].sum(), track.outcomes[of].sum()),
        "hit_rate": hit_rate,
        "quintile_spread": _mean(skill.spread[of])[1],
        "spread_sharpe": sharpe,
        "significant": significant(t, n),
        "suspicious": suspicion is not None,
        "suspicion": suspicion,
    }


def _mean(series: Floats) -> tuple[int, float, float]:
    """Return number, mean and sample standard deviation of the values that are not NaN."""
    known = ~np.isnan(series)
    n = int(known.sum())
    if n == 0:
        return 0, math.nan, math.nan
    mean = float(np.where(known, series, 0.0).sum()) / n
    if n == 1:
        return n, mean, math.nan
    deviation = np.where(known, series - mean, 0.0)
    return n, mean, math.sqrt(float((deviation * deviation).sum()) / (n - 1))


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else math.nan


def transform(parameters: Parameters) -> Transform:
    """Declaration of `evaluation/agent_skill`."""
    del parameters
    return Transform(
        name="evaluation/agent_skill",
        table="evaluation.agent_skill",
        inputs={
            "predictions": Input(
                table="agents.predictions",
                lookback=ALL,
                columns=("agent", "symbol", "prediction_date", "score"),
            ),
            "synthesized": Input(
                table="meta.synthesized_predictions",
                lookback=ALL,
                columns=("symbol", "prediction_date", "score", "equal_weight_score"),
            ),
            "outcomes": Input(
                table="evaluation.outcomes",
                lookback=ALL,
                columns=("symbol", "prediction_date", "total_return", "market_return"),
            ),
            "risk": Input(
                table="signals.risk",
                lookback=ALL,
                columns=("symbol", "session", "beta_raw", "beta_variance"),
            ),
            "sector": Input(
                table="signals.sector",
                lookback=ALL,
                columns=("symbol", "session", "sector", "issuer_id"),
            ),
            "technical": Input(
                table="signals.technical",
                lookback=ALL,
                columns=("symbol", "session", "open_return"),
            ),
            "benchmarks": Input(
                table="market.benchmarks",
                lookback=ALL,
                columns=("benchmark", "session", "open_return", "known_on"),
            ),
        },
        by="quarter",
        function=agent_skill,
        description=(
            "Rank information coefficients, raw and without the market, with Newey-West t and "
            "bands, decay, turnover, coverage, hit rate and spread of every agent, the "
            "supervisor and their plain mean, from outcomes matured before the quarter."
        ),
    )
