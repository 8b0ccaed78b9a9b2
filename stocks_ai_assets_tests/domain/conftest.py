"""A small made-up world for scores, models and synthesis: signals and what came of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.exposure import VOLATILITY_FEATURES, Exposure
from stocks_ai_assets.domain.agents.macro import PREDICTORS
from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.domain.calendar import nyse, quarters_between
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.transform import Parameters, Window

FIRST, LAST, HORIZON = date(2020, 1, 2), date(2021, 2, 26), 5
PAST = date(2014, 1, 2)
SECTORS = ("Energy", "Financials", "Health Care", "Information Technology")

Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class World:
    """Frames by the names transforms use, with windows over them."""

    frames: Frames
    sessions: tuple[date, ...]
    quarters: tuple[date, ...]
    parameters: Parameters

    def window(self, *partitions: date) -> Window:
        """Window of the given partitions."""
        return Window(partitions=partitions, calendar=nyse(), parameters=self.parameters)

    def until(self, session: date) -> Frames:
        """Frames as they were known before `session`."""
        days = {
            "outcomes": "matured_on",
            "benchmarks": "known_on",
            "macro_observations": "known_on",
        }
        return {
            # Models are labelled by the quarter of their use and know only what was before it.
            name: frame.filter(pl.col("quarter") <= session)
            if name == "models"
            else frame.filter(pl.col(days.get(name, "session")) < session)
            for name, frame in self.frames.items()
        }


@pytest.fixture(scope="session")
def parameters() -> Parameters:
    return Parameters(first_session=FIRST, horizon=HORIZON)


@pytest.fixture(scope="session")
def world(parameters: Parameters) -> World:
    """40 companies, one of them with two share classes, over 14 months; some signals missing."""
    rng = np.random.default_rng(11)
    sessions = nyse().between(FIRST, LAST)
    quarters = quarters_between(FIRST, LAST)
    symbols = [f"S{i:02d}" for i in range(41)]
    n, t = len(symbols), len(sessions)
    keys = pl.DataFrame({"symbol": symbols}).join(pl.DataFrame({"session": sessions}), how="cross")
    first_half = pl.col("session") < sessions[t // 2]

    def series(scale: float = 1.0, missing: float = 0.0) -> pl.Series:
        level = np.repeat(rng.normal(size=n), t) + 0.3 * rng.normal(size=n * t)
        level[rng.random(n * t) < missing] = np.nan
        return pl.Series(scale * level).fill_nan(None)

    def ages() -> pl.Series:
        return pl.Series(rng.integers(10, 220, n * t).astype(np.int32))

    frames = {
        "sector": keys.with_columns(
            sector=pl.Series([SECTORS[i % 4] for i in range(n) for _ in range(t)]),
            issuer_id=pl.Series([f"I{min(i, 39):02d}" for i in range(n) for _ in range(t)]),
            sector_momentum_126_21=pl.Series(np.tile(rng.normal(size=(4, t)), (11, 1))[:n].ravel()),
        ),
        "risk": keys.with_columns(
            *(series(0.4).alias(name) - 8.5 for name in VOLATILITY_FEATURES),
            beta_raw=1.0 + series(0.3, missing=0.02),
            beta_variance=pl.lit(0.03),
            residual_volatility=0.012 + series(0.001).abs(),
        ),
        "fundamentals": keys.with_columns(
            gross_profit_to_assets=series(missing=0.2),
            return_on_assets=series(missing=0.1),
            accruals=series(missing=0.1),
            asset_growth=series(missing=0.1),
            balance_age=ages(),
            flow_age=ages(),
        ),
        "valuation": keys.with_columns(
            market_cap=pl.Series(np.where(rng.random(n * t) < 0.05, np.nan, 1e11)).fill_nan(None),
            earnings_to_price=series(),
            book_to_price=series(missing=0.1),
            free_cash_flow_to_price=series(missing=0.2),
        ),
        "technical": keys.with_columns(momentum_252_21=series(0.2), volatility_126=pl.lit(0.02)),
        "events": keys.with_columns(
            sessions_since=pl.Series((np.arange(n * t) % 70).astype(np.int32)),
            standardized_surprise=series(missing=0.1),
            reaction=series(),
        ),
        "esg": keys.with_columns(
            total_risk=pl.when(~first_half).then(20.0 + series(4.0, missing=0.05))
        ),
        "macro": pl.DataFrame({"session": sessions}).with_columns(
            pl.Series(name, np.cumsum(rng.normal(size=t)) * 0.05) for name in PREDICTORS
        ),
        "outcomes": keys.with_columns(
            total_return=pl.Series(rng.normal(0.002, 0.03, n * t)),
            market_return=pl.Series(np.tile(rng.normal(0.002, 0.02, t), n)),
            matured_on=pl.Series(
                [nyse().offset(s, HORIZON + 1) for s in sessions] * n, dtype=pl.Date
            ),
        )
        .rename({"session": "prediction_date"})
        .filter(pl.col("matured_on") <= LAST),
        "benchmarks": _benchmarks(rng),
        "macro_observations": _macro_observations(rng),
        "models": pl.DataFrame([_volatility_model(q) for q in quarters]),
    }
    return World(frames=frames, sessions=sessions, quarters=quarters, parameters=parameters)


def _benchmarks(rng: np.random.Generator) -> pl.DataFrame:
    sessions = nyse().between(PAST, LAST)
    daily = rng.normal(0.0004, 0.01, len(sessions))
    return pl.DataFrame({"session": sessions, "known_on": sessions}).with_columns(
        benchmark=pl.lit("market"), open_return=pl.Series(daily), close_return=pl.Series(daily)
    )


def _macro_observations(rng: np.random.Generator) -> pl.DataFrame:
    """Daily and monthly series that wander, known one session and one month later."""
    sessions = nyse().between(PAST, LAST)
    months = pl.date_range(date(2012, 1, 1), date(2021, 1, 1), "1mo", eager=True).to_list()
    lags = {"DGS10": 1, "DGS2": 1, "VIXCLS": 1}
    rows = []
    for name in (*lags, "AAA", "BAA", "INDPRO", "UNRATE", "CPIAUCSL", "CLAIMSx"):
        days = sessions[:-1] if name in lags else months
        values = 50.0 + np.cumsum(rng.normal(size=len(days))) * 0.1
        known = (
            sessions[1:]
            if name in lags
            else [nyse().next_or_same(max(day, PAST) + timedelta(days=45)) for day in days]
        )
        rows.append(
            pl.DataFrame({"observation_date": days, "value": values, "known_on": known}).select(
                pl.lit(name).alias("series_id"), pl.all()
            )
        )
    return pl.concat(rows)


def _volatility_model(quarter: date) -> dict[str, object]:
    weights = {"intercept": -0.4, **dict.fromkeys(VOLATILITY_FEATURES, 0.19), "smearing": 1.2}
    items = [{"key": key, "value": value} for key, value in weights.items()]
    version = f"v{quarter}"
    return {
        "model": "volatility",
        "quarter": quarter,
        "parameters": items,
        "model_version": version,
    }


@pytest.fixture(scope="session")
def agent_models(world: World) -> pl.DataFrame:
    """Rows of agents.models: volatility and every agent, with made-up calibrations."""
    rows = [
        {
            "model": agent.name,
            "quarter": quarter,
            "parameters": [
                {"key": key, "value": value}
                for key, value in {
                    "market_mean": 0.002,
                    "ic": 0.01 * (i + 1) if agent.has_alpha else 0.0,
                    "base_rate": 0.49,
                    "q80": 1.2,
                    "q90": 1.6,
                    **({"forecast_rms": 0.001} if agent.times_market else {}),
                    **{f"intercept.{name}": 0.002 for name in PREDICTORS if agent.times_market},
                    **{f"slope.{name}": 0.001 for name in PREDICTORS if agent.times_market},
                }.items()
            ],
            "model_version": f"{agent.name}{quarter}",
        }
        for i, agent in enumerate(AGENTS)
        for quarter in world.quarters
    ]
    return pl.concat([world.frames["models"], pl.DataFrame(rows)])


SectionMaker = Callable[..., CrossSection]


@pytest.fixture(scope="session")
def section_of() -> SectionMaker:
    """Cross-section of `n` symbols S00.. over some sessions, sectors and issuers by list."""

    def make(
        n: int,
        *,
        sectors: list[str] | None = None,
        issuers: list[str] | None = None,
        sessions: tuple[date, ...] = (FIRST,),
    ) -> CrossSection:
        rows = pl.DataFrame(
            {
                "symbol": [f"S{i:03d}" for i in range(n)],
                "sector": sectors or ["Energy"] * n,
                "issuer_id": issuers or [f"I{i:03d}" for i in range(n)],
            }
        )
        days = pl.DataFrame({"session": sessions}, schema={"session": pl.Date})
        frame = rows.join(days, how="cross")
        return CrossSection(frame, sessions)

    return make


@pytest.fixture(scope="session")
def plain_exposure() -> Callable[[CrossSection], Exposure]:
    """Beta 1 and equal volatility for everyone."""

    def make(section: CrossSection) -> Exposure:
        ones = np.ones(section.panel.shape)
        return Exposure(beta=ones, residual_volatility=0.015 * ones, volatility=0.02 * ones)

    return make
