"""Ten years of made-up results: seeded, in the form of the contracts, of nobody's market."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.registry import AGENTS, VOTERS
from stocks_ai_assets.domain.calendar import nyse, quarters_between
from stocks_ai_assets.domain.evaluation.limits import significant, suspicions
from stocks_ai_assets.domain.evaluation.performance import performance
from stocks_ai_assets.domain.evaluation.var_tests import var_backtests
from stocks_ai_assets.domain.portfolio.risk import portfolio_risk
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.reports import ReportContext, ReportData, build_page, gather
from stocks_ai_assets.reports.data import GAPS, INVENTORY, NAMES, PRESENCE, QUARANTINE
from stocks_ai_assets.tables import TABLES

FIRST, LAST = date(2014, 1, 2), date(2023, 12, 29)
PARAMETERS = Parameters(first_session=FIRST)
SYMBOLS = tuple(f"S{i:03d}" for i in range(60))
SECTORS = ("Energy", "Financials", "Health Care", "Information Technology")
SCORES = ("supervisor", "equal_weight", *(agent.name for agent in AGENTS))
DELAY = PARAMETERS.horizon + 1

Rows = list[dict[str, Any]]


def _frame(rows: Rows, table: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TABLES[table].schema)


def _skill(sessions: list[date], means: dict[str, float], last: date) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    rows: Rows = []
    for score in SCORES:
        shock = rng.normal(0.0, 0.13, len(sessions) + 20)
        daily = np.convolve(shock, np.ones(21) / 21**0.5 * 0.8, mode="valid")[: len(sessions)]
        daily += means.get(score, 0.004) - daily.mean()
        own = "raw" if score == "macro" else "residual"
        for quarter in quarters_between(sessions[0], last)[1:]:
            n = sum(session < quarter for session in sessions) - DELAY
            for window, length in (("all", None), ("1260", 1260), ("252", 252)):
                if n < (length or 30):
                    continue
                for label in ("residual", "raw"):
                    part = daily[0 if length is None else n - length : n]
                    part = part if label == own else part * 0.8 + 0.003
                    rows.append(_skill_row(score, quarter, label, window, part))
    return _frame(rows, "evaluation.agent_skill")


def _skill_row(
    score: str, quarter: date, label: str, window: str, series: np.ndarray
) -> dict[str, Any]:
    n, mean, sd = len(series), float(series.mean()), float(series.std(ddof=1))
    error = 0.13 * 0.8 * (21 / n) ** 0.5
    t, hit_rate, sharpe = mean / error, 0.5 + mean / 4, mean * 25
    found = suspicions(n_sessions=n, t=t, rank_ic=mean, hit_rate=hit_rate, spread_sharpe=sharpe)
    return {
        "quarter": quarter,
        "agent": score,
        "horizon": 21,
        "label": label,
        "window": window,
        "n_sessions": n,
        "rank_ic": mean,
        "rank_ic_sd": sd,
        "icir": mean / sd,
        "t_newey_west": t,
        "ic_low": mean - 1.96 * error,
        "ic_high": mean + 1.96 * error,
        "decay_5": mean * 0.95,
        "decay_21": mean * 0.7,
        "decay_63": mean * 0.2 - 0.001,
        "turnover": 0.031,
        "coverage": 0.94,
        "hit_rate": hit_rate,
        "quintile_spread": mean * 0.1,
        "spread_sharpe": sharpe,
        "significant": significant(t, n),
        "suspicious": found is not None,
        "suspicion": found,
    }


def _calibration(skill: pl.DataFrame, highest: float) -> pl.DataFrame:
    rng = np.random.default_rng(4)
    rows: Rows = []
    quarter = skill.get_column("quarter").max()
    years = range(FIRST.year, quarter.year) if isinstance(quarter, date) else ()
    for score in SCORES:
        if score == "equal_weight":
            continue
        for year in (0, *years):
            spread = 0.006 if year == 0 else 0.035
            brier_skill = rng.normal(0.0002, 0.0003)
            rows.append(
                {
                    "quarter": quarter,
                    "agent": score,
                    "horizon": 21,
                    "year": year,
                    "n": 130_000 if year == 0 else 14_500,
                    "brier": 0.25 * (1 - brier_skill),
                    "brier_base": 0.25,
                    "brier_skill": brier_skill,
                    "ece": abs(rng.normal(0.006, 0.004)),
                    "coverage_80": 0.8 + rng.normal(0, spread),
                    "coverage_90": min(0.9 + rng.normal(0, spread * 0.7), 0.99),
                    "base_rate": 0.498,
                    "mean_confidence": 0.503,
                    "max_confidence": highest,
                }
            )
    return _frame(rows, "evaluation.calibration")


def _returns(sessions: list[date], edge: float) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    n = len(sessions)
    volatility = 0.009 * np.exp(np.convolve(rng.normal(0, 0.12, n + 59), np.ones(60) / 4, "valid"))
    market = 0.00045 + volatility * rng.standard_t(5, n) * 0.7
    own = {
        "long_only": market * 1.03 + edge / 252 + rng.normal(0, 0.0028, n),
        "long_short": edge * 0.8 / 252 + rng.normal(0, 0.0055, n),
        "equal_agents": edge * 0.6 / 252 + rng.normal(0, 0.005, n),
        "market": market,
        "equal_weight": market * 1.01 + 0.00004 + rng.normal(0, 0.0018, n),
    }
    parts = []
    for name, earned in own.items():
        start = 260 if name in {"long_only", "long_short", "equal_agents"} else 0
        active = np.arange(n) >= start
        gross = np.where(active, earned, 0.0)
        cost = np.where(active & (name != "market"), 0.00005, 0.0)
        parts.append(
            pl.DataFrame(
                {
                    "strategy": [name] * n,
                    "session": sessions,
                    "horizon": [21] * n,
                    "gross_return": gross,
                    "cost": cost,
                    "net_return": gross - cost,
                    "turnover": np.where(active, 0.09, 0.0),
                    "n_long": np.where(active, 12, 0),
                    "n_short": np.where(active & (name in {"long_short", "equal_agents"}), 12, 0),
                },
                schema=TABLES["portfolio.returns"].schema,
            )
        )
    return pl.concat(parts)


def _models(quarter: date, n: int) -> pl.DataFrame:
    rows: Rows = []
    for agent in AGENTS:
        parameters = {"market_mean": 0.0081}
        if agent.times_market:
            parameters |= {"intercept.claims": 0.004, "slope.claims": -0.02, "forecast_rms": 0.006}
        parameters |= {
            "ic": 0.0041,
            "rank_ic": 0.0093,
            "rank_ic_raw": 0.0102,
            "base_rate": 0.4983,
            "q80": 1.2431,
            "q90": 1.6212,
        }
        rows.append(_model(agent.name, quarter, n, parameters))
    return _frame(rows, "agents.models")


def _model(name: str, quarter: date, n: int, parameters: dict[str, float]) -> dict[str, Any]:
    return {
        "model": name,
        "horizon": 21,
        "quarter": quarter,
        "fitted_through": quarter - timedelta(days=3),
        "n_sessions": n,
        "n_rows": n * 55,
        "parameters": _map(parameters),
        "model_version": f"{len(name):02d}5e1f9a03c7d2b4",
    }


def _map(values: dict[str, float]) -> Rows:
    """A map as the lake returns it: sorted by key."""
    return [{"key": key, "value": float(values[key])} for key in sorted(values)]


def _supervisor(quarter: date, n: int) -> pl.DataFrame:
    row = _model("supervisor", quarter, n, {"ic": 0.005, "base_rate": 0.499, "q80": 1.24})
    del row["model"]
    shares = np.linspace(1.3, 0.7, len(VOTERS)) / len(VOTERS)
    row |= {
        "weights": _map(dict(zip(VOTERS, shares, strict=True))),
        "shadow_weights": _map(dict(zip(VOTERS, shares[::-1], strict=True))),
    }
    return _frame([row], "meta.supervisor_models")


def _latest(session: date) -> pl.DataFrame:
    rng = np.random.default_rng(6)
    rows: Rows = []
    for rank, symbol in enumerate(rng.permutation(SYMBOLS)):
        score = 1 - 2 * rank / (len(SYMBOLS) - 1)
        alpha = score * 0.003
        rows.append(
            {
                "prediction_id": f"supervisor:{symbol}:{session}:21",
                "symbol": str(symbol),
                "prediction_date": session,
                "horizon": 21,
                "target_date": session + timedelta(days=32),
                "score": score,
                "equal_weight_score": score * 0.9,
                "predicted_alpha": alpha,
                "predicted_return": 0.008 + alpha,
                "volatility": 0.016,
                "confidence_score": 0.5 + abs(score) * 0.007,
                "return_low": -0.08,
                "return_high": 0.1,
                "agent_contributions": [{"key": "market", "value": 0.008}],
                "disagreement": float(rng.uniform(0.2, 0.8)),
                "n_agents": 5,
                "investment_hypothesis": (
                    f"{symbol} <{'above' if score > 0 else 'below'} median> with a chance of "
                    f"{50 + abs(score) * 0.7:.1f} %."
                ),
                "reasoning_chain": ["one"],
                "key_insights": ["two"],
                "risk_factors": ["three"],
                "model_version": "a1",
            }
        )
    return _frame(rows, "meta.synthesized_predictions")


def _presence(years: range) -> pl.DataFrame:
    rows = []
    for agent in AGENTS:
        for year in years:
            share = 0.0 if agent.name == "esg" and year < 2019 else 0.93
            rows.append(
                {
                    "agent": agent.name,
                    "year": year,
                    "predictions": int(252 * 60 * share),
                    "priced": 252 * 60,
                    "sessions": 252,
                    "silent_sessions": 0 if share else 252,
                }
            )
    return pl.DataFrame(rows, schema=PRESENCE)


def _inventory() -> pl.DataFrame:
    rows = [
        {
            "table": name,
            "rows": 1234 * (i + 1),
            "first": FIRST if table.partition else None,
            "last": LAST if table.partition else None,
            "version": i + 1,
            "content_hash": f"{i:02d}" * 32 if name.startswith("evaluation") else None,
        }
        for i, (name, table) in enumerate(TABLES.items())
    ]
    return pl.DataFrame(rows, schema=INVENTORY)


def _trials() -> pl.DataFrame:
    rows: Rows = [
        {
            "trial_id": f"{i:064d}",
            "configuration": "{}",
            "strategy": "long_only",
            "horizon": 21,
        }
        for i in range(22)
    ]
    return _frame(rows, "evaluation.trials")


@cache
def _traded(last: date, edge: float) -> dict[str, pl.DataFrame]:
    calendar = nyse()
    sessions = calendar.between(FIRST, last)
    returns = _returns(list(sessions), edge)
    by_session = Window(partitions=sessions, calendar=calendar, parameters=PARAMETERS)
    return {"returns": returns, "risk": portfolio_risk({"returns": returns}, by_session)}


def make(
    *,
    last: date = LAST,
    simulated: bool = False,
    means: dict[str, float] | None = None,
    edge: float = 0.01,
    highest: float = 0.52,
) -> ReportData:
    """Results from `FIRST` on; `means`: rank IC by score, `edge`: of the long side, a year."""
    sessions = list(nyse().between(FIRST, last))
    skill, trials = _skill(sessions, means or {}, last), _trials()
    traded = _traded(last, edge)
    quarter = quarters_between(FIRST, last)[-1]
    window = Window(partitions=(quarter,), calendar=nyse(), parameters=PARAMETERS)
    earned = {"returns": traded["returns"], "skill": skill, "trials": trials}
    known = {"risk": traded["risk"].filter(pl.col("session") < quarter)}
    return ReportData(
        context=ReportContext(
            source="sample" if simulated else "folder",
            simulated=simulated,
            parameters=PARAMETERS,
            code_version="0.1.0+abc12345",
        ),
        skill=skill,
        calibration=_calibration(skill, highest),
        performance=performance(earned, window),
        var_backtests=var_backtests(known, window),
        trials=trials,
        **traded,
        models=_models(quarter, len(sessions)),
        supervisor_models=_supervisor(quarter, len(sessions)),
        latest=_latest(sessions[-1]),
        names=pl.DataFrame(
            {
                "symbol": SYMBOLS,
                "name": [f"Company & Sons {s}" for s in SYMBOLS],
                "sector": [SECTORS[i % 4] for i in range(len(SYMBOLS))],
            },
            schema=NAMES,
        ),
        presence=_presence(range(FIRST.year, last.year + 1)),
        inventory=_inventory(),
        gaps=pl.DataFrame(
            [("agents.predictions", "esg", date(2020, 3, 2), date(2020, 3, 6), 5)],
            schema=GAPS,
            orient="row",
        ),
        quarantine=pl.DataFrame(
            [("market.prices", "high_is_the_highest", 3)], schema=QUARANTINE, orient="row"
        ),
    )


@pytest.fixture(scope="session")
def made() -> Callable[..., ReportData]:
    """Maker of results; see `make`."""
    return make


@pytest.fixture(scope="session")
def luck() -> ReportData:
    """Ten years of results in which nothing is significant."""
    return make()


@pytest.fixture(scope="session")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    """An empty lake."""
    context = ReportContext(
        source="folder", simulated=False, parameters=PARAMETERS, code_version="0.1.0"
    )
    return gather(Lake(tmp_path_factory.mktemp("empty") / "lake"), context)


@pytest.fixture(scope="session")
def simulated() -> ReportData:
    """Ten years of the simulated market, with planted skill that is found."""
    return make(simulated=True, means={"supervisor": 0.055, "technical": 0.05})


@pytest.fixture(scope="session")
def page(luck: ReportData) -> str:
    """The report of `luck`."""
    return build_page(luck)
