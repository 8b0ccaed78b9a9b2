"""Earnings announcements, analysts' grades and ESG ratings.

Prices react to a surprise at once and in full; grades and ESG ratings are unrelated to anything.
"""

import numpy as np
import polars as pl

from stocks_ai_assets.sources.sample.accounts import FIRST_FILED, Accounts
from stocks_ai_assets.sources.sample.companies import SECTORS, Companies
from stocks_ai_assets.sources.sample.timeline import (
    Days,
    Floats,
    Integers,
    Timeline,
    persistent,
    stream,
)
from stocks_ai_assets.sources.sample.traps import holders

SURPRISE_SCALE = 0.05
"""Sd of surprises as a fraction of usual earnings."""

EPS_ERROR = 10.0
GRADES = ("Strong Buy", "Buy", "Hold", "Underperform", "Sell")
FIRMS = tuple(f"Simulated Research {i}" for i in range(1, 9))
GRADES_A_SESSION = 6.0 / 252.0
ESG_EVERY = 252
CONTROVERSY = ("None", "Low", "Moderate", "Significant", "High", "Severe")


def events_earnings(
    members: Companies, books: Accounts, line: Timeline, shares_ratio: Floats
) -> pl.DataFrame:
    """Raw frame `events_earnings`: one row an announcement, EPS on the file's last share basis."""
    announced = (books.reacting >= members.listed) & (books.reacting < members.delisted)
    announced &= books.reacting < line.length
    announced[:, holders("no_earnings", members.n)] = False
    announced[:FIRST_FILED] = False
    who, quarter = np.nonzero(announced.T)
    at = books.reacting[quarter, who]
    factor = np.cumprod(shares_ratio, axis=0)
    income, shares = books.figures["net_income"][quarter, who], books.shares[quarter, who]
    reported = np.round(income / (shares * factor[at, who]), 2)
    usual = np.abs(_typical(books.figures["net_income"])[quarter, who]) / (shares * factor[at, who])
    surprise = books.surprise[quarter, who] * np.maximum(SURPRISE_SCALE * usual, 0.02)
    estimate = np.round(reported - surprise, 2)
    later = factor[-1, who] / factor[at, who]
    later /= np.where(np.isin(who, holders("eps_basis", members.n)), EPS_ERROR, 1.0)
    before_open = books.before_open[quarter, who]
    minutes = np.where(before_open, 7 * 60, 16 * 60 + 10).astype("timedelta64[m]")
    local = line.day(books.announced[quarter, who]).astype("datetime64[us]") + minutes
    known = pl.Series(np.where(estimate == 0.0, np.nan, estimate)).fill_nan(None)
    return pl.DataFrame(
        {
            "symbol": pl.Series(members.symbols).gather(who),
            "local": pl.Series(local).dt.replace_time_zone("America/New_York"),
            "session": pl.Series(["amc", "bmo"]).gather(before_open.astype(np.int64)),
            "reaction_date": line.day(at),
            "eps_estimate": known / later,
            "reported_eps": reported / later,
            "surprise_pct": ((reported - known) / known.abs() * 100.0).round(2),
        }
    ).select(
        "symbol",
        pl.col("local").dt.convert_time_zone("UTC").alias("announced_at"),
        pl.col("local").dt.strftime("%Y-%m-%d %H:%M:%S%:z").alias("announced_local"),
        "session",
        "reaction_date",
        "eps_estimate",
        "reported_eps",
        "surprise_pct",
    )


def _typical(income: Floats) -> Floats:
    """Mean of each quarter and up to three before it."""
    sums = np.cumsum(income, axis=0)
    sums[4:] -= sums[:-4].copy()
    return sums / np.minimum(np.arange(len(income)) + 1, 4)[:, None]


def events_analyst_ratings(seed: int, members: Companies, line: Timeline) -> pl.DataFrame:
    """Raw frame `events_analyst_ratings`: about six grades a year and company."""
    hits = stream(seed, "grades").random((line.length, members.n)) < GRADES_A_SESSION
    position, who = np.nonzero(hits)
    draw = stream(seed, "kinds of grades").random((len(who), 4))
    followed = _followed(position, who, members)
    position, who, draw = position[followed], who[followed], draw[followed]
    action = np.searchsorted([0.78, 0.84, 0.90, 0.95], draw[:, 0], side="right")
    before = 1 + (3 * draw[:, 1]).astype(np.int64)
    after = before + np.array([0, -1, 1, 0, 0])[action]
    seconds = (11 * 3600 + 9 * 3600 * draw[:, 2]).astype("timedelta64[s]")
    given = line.company_days[position].astype("datetime64[us]") + seconds
    return (
        pl.DataFrame(
            {
                "symbol": pl.Series(members.symbols).gather(who),
                "graded_at": pl.Series(given).dt.replace_time_zone("UTC"),
                "firm": pl.Series(FIRMS).gather((len(FIRMS) * draw[:, 3]).astype(np.int64)),
                "from_grade": pl.Series(GRADES).gather(before),
                "to_grade": pl.Series(GRADES).gather(after),
                "action": pl.Series(["main", "up", "down", "init", "reit"]).gather(action),
                "source": pl.repeat("SIMULATED", len(who), eager=True),
            }
        )
        .with_columns(
            from_grade=pl.when(pl.col("action") == "init").then(pl.lit("")).otherwise("from_grade")
        )
        .sort("symbol", "graded_at", "firm")
    )


def _followed(position: Integers, who: Integers, members: Companies) -> Integers:
    """Grades of companies that trade and have analysts."""
    trades = (position >= members.listed[who]) & (position < members.delisted[who])
    return np.flatnonzero(trades & ~np.isin(who, holders("no_analysts", members.n)))


def esg_snapshot(seed: int, members: Companies, line: Timeline) -> pl.DataFrame:
    """Raw frame `esg_snapshot`: one rating a year and company, with its day."""
    first = stream(seed, "esg dates").integers(0, ESG_EVERY, members.n)
    level = stream(seed, "esg levels").standard_normal((4, members.n))
    years = -(-line.length // ESG_EVERY)
    change = stream(seed, "esg changes").standard_normal((years, members.n, 4))
    state = 0.9 * level.T + 0.4 * persistent(change, 0.8, 1.0)
    position = first + ESG_EVERY * np.arange(years)[:, None]
    rated = (position < line.length) & (position >= members.listed) & (position < members.delisted)
    rated[:, holders("no_esg", members.n)] = False
    year, who = np.nonzero(rated)
    parts = np.round(np.clip(7.0 + 2.5 * state[year, who, :3], 0.1, 25.0), 1)
    total = np.round(parts.sum(axis=1), 1)
    controversy = np.clip(np.round(1.5 + state[year, who, 3]), 0.0, 5.0)
    risk = np.searchsorted([10.0, 20.0, 30.0, 40.0], total, side="right")
    levels = pl.Series(["Negligible", "Low", "Medium", "High", "Severe"])
    return pl.DataFrame(
        {
            "symbol": pl.Series(members.symbols).gather(who),
            "yahoo_sector": pl.Series(SECTORS).gather(members.sector[who]),
            "yahoo_industry": pl.Series(SECTORS).gather(members.sector[who]),
            "full_time_employees": np.round(members.market_cap[who] / 1e6),
            "total_esg_risk": total,
            "environment_risk": parts[:, 0],
            "social_risk": parts[:, 1],
            "governance_risk": parts[:, 2],
            "controversy_level": pl.Series([f"{c} Controversy Level" for c in CONTROVERSY]).gather(
                controversy.astype(np.int64)
            ),
            "controversy_score": controversy,
            "esg_risk_percentile": np.round(np.clip(2.4 * total, 1.0, 99.0)),
            "esg_risk_level": levels.gather(risk),
            "available_date": _days(line, position[year, who]),
        }
    ).sort("symbol", "available_date")


def _days(line: Timeline, positions: Integers) -> Days:
    return line.company_days[positions]
