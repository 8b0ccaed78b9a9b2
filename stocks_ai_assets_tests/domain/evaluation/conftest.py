"""A simulated market with random scores: nothing in it can be predicted."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import Calendar, nyse, quarters_between
from stocks_ai_assets.domain.evaluation.outcomes import outcomes
from stocks_ai_assets.domain.evaluation.trials import trial_rows
from stocks_ai_assets.domain.portfolio.returns import portfolio_returns
from stocks_ai_assets.domain.portfolio.risk import portfolio_risk
from stocks_ai_assets.domain.portfolio.weights import target_weights
from stocks_ai_assets.domain.transform import Parameters, Window

FIRST = date(2018, 1, 17)


@dataclass(frozen=True)
class World:
    """Facts, scores and everything computed before the evaluation."""

    parameters: Parameters
    sessions: tuple[date, ...]
    quarters: tuple[date, ...]
    frames: dict[str, pl.DataFrame]

    @property
    def calendar(self) -> Calendar:
        return nyse()

    def by_session(self, *sessions: date) -> Window:
        return Window(
            partitions=sessions or self.sessions,
            calendar=self.calendar,
            parameters=self.parameters,
        )

    def by_quarter(self, *quarters: date) -> Window:
        return Window(
            partitions=quarters or self.quarters,
            calendar=self.calendar,
            parameters=self.parameters,
        )

    def known_before(self, quarter: date) -> dict[str, pl.DataFrame]:
        """Inputs that arrive when `quarter` alone is computed."""
        column = {
            "predictions": "prediction_date",
            "synthesized": "prediction_date",
            "outcomes": "matured_on",
            "benchmarks": "known_on",
        }
        first = self.calendar.next_or_same(quarter)
        known = {}
        for name, frame in self.frames.items():
            if name == "trials":
                known[name] = frame
            elif name in {"models", "supervisor_models", "skill"}:
                known[name] = frame.filter(pl.col("quarter") <= quarter)
            else:
                known[name] = frame.filter(pl.col(column.get(name, "session")) < first)
        return known


def build_world(n_symbols: int, last: date, *, horizon: int = 5, seed: int = 7) -> World:
    calendar, rng = nyse(), np.random.default_rng(seed)
    parameters = Parameters(first_session=FIRST, horizon=horizon)
    sessions = calendar.between(FIRST, last)
    symbols = [f"S{i:02d}" for i in range(n_symbols)]
    keys = pl.DataFrame({"symbol": symbols}).join(pl.DataFrame({"session": sessions}), how="cross")
    market = rng.normal(0.0003, 0.01, len(sessions))
    beta = rng.uniform(0.5, 1.5, n_symbols)
    noise = rng.normal(0.0, 0.015, (n_symbols, len(sessions)))
    technical = keys.with_columns(
        open_return=pl.Series((beta[:, None] * market + noise).ravel())
    ).filter((pl.col("symbol") != "S00") | (pl.col("session") < sessions[-40]))
    n = technical.height
    risk = keys.with_columns(
        beta_raw=pl.Series(np.repeat(beta, len(sessions)) + rng.normal(0, 0.1, keys.height)),
        beta_variance=pl.lit(0.01),
    )
    sector = keys.with_columns(sector=pl.lit("Energy"), issuer_id=pl.col("symbol"))
    benchmarks = pl.DataFrame(
        {
            "benchmark": ["market"] * len(sessions),
            "session": sessions,
            "open_return": market,
            "known_on": sessions,
        }
    )

    def stated() -> pl.DataFrame:
        return technical.select("symbol", prediction_date="session").with_columns(
            score=pl.Series(rng.uniform(-1, 1, n)),
            confidence_score=pl.Series(np.round(rng.uniform(0.48, 0.52, n), 3)),
            predicted_alpha=pl.Series(rng.normal(0, 0.01, n)),
            return_low=pl.lit(-0.05),
            return_high=pl.lit(0.06),
        )

    some = pl.Series(rng.uniform(size=n) < 0.8)
    predictions = pl.concat(
        [
            stated().with_columns(agent=pl.lit("risk")),
            stated().filter(some).with_columns(agent=pl.lit("events")),
            stated()
            .with_columns(agent=pl.lit("esg"))
            .filter(pl.col("prediction_date") > sessions[len(sessions) // 2]),
        ]
    )
    synthesized = stated().with_columns(equal_weight_score=pl.Series(rng.uniform(-1, 1, n)))
    quarters = quarters_between(FIRST, last)
    fitted = [{"key": "q80", "value": 1.2}, {"key": "q90", "value": 1.6}]
    frames = {
        "technical": technical,
        "risk": risk,
        "sector": sector,
        "benchmarks": benchmarks,
        "predictions": predictions,
        "synthesized": synthesized,
        "models": pl.DataFrame(
            [
                {"model": agent, "quarter": quarter, "parameters": fitted}
                for agent in ("events", "risk", "esg")
                for quarter in quarters
            ]
        ),
        "supervisor_models": pl.DataFrame(
            [{"quarter": quarter, "parameters": fitted} for quarter in quarters]
        ),
        "trials": trial_rows(
            parameters, agents=("events", "risk"), source="test", universe=symbols, code_version="1"
        ),
    }
    window = Window(partitions=sessions, calendar=calendar, parameters=parameters)
    frames["outcomes"] = outcomes(frames, window)
    frames["target_weights"] = target_weights(frames, window)
    frames["returns"] = portfolio_returns(frames, window)
    frames["portfolio_risk"] = portfolio_risk(frames, window)
    return World(parameters, sessions, quarters, frames)


@pytest.fixture(scope="session")
def world() -> World:
    """25 symbols, 600 sessions; one stops trading, one agent starts late, one has gaps."""
    return build_world(25, date(2020, 6, 5))


@pytest.fixture(scope="session")
def long_world() -> World:
    """40 symbols, more than five years."""
    return build_world(40, date(2023, 6, 30))


@pytest.fixture(scope="session")
def rng() -> np.random.Generator:
    return np.random.default_rng(11)
