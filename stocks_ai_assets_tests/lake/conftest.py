"""A lake in a temporary folder, and small hand-made rows of tables with every kind of column."""

import multiprocessing
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from multiprocessing.context import BaseContext
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.lake import Lake, Stamps, Written
from stocks_ai_assets.tables import TABLES

SESSIONS = nyse().between(date(2020, 12, 14), date(2021, 1, 29))
START = datetime(2024, 1, 1, tzinfo=UTC)


def stamps(n: int = 0, code_version: str = "0.1.0/1") -> Stamps:
    """Stamps of run `n`, written `n` seconds after the start."""
    return Stamps(
        run_id=f"run-{n}",
        code_version=code_version,
        input_versions={"market.prices": 3, "market.companies": n},
        created=START + timedelta(seconds=n),
    )


def esg(days: Sequence[date], risk: float | None = 20.0, symbols: Sequence[str] = ("AA", "BB")):
    """Rows of signals.esg."""
    keys = pl.DataFrame({"symbol": symbols}).join(
        pl.DataFrame({"session": days}, schema={"session": pl.Date}), how="cross"
    )
    return keys.select(
        "symbol",
        "session",
        total_risk=pl.lit(risk, dtype=pl.Float64),
        environment_risk=pl.lit(1.5),
        social_risk=pl.lit(None, dtype=pl.Float64),
        governance_risk=pl.lit(0.0),
        rated_on=pl.col("session"),
    )


def aside(days: Sequence[date], table: str, reason: str = "close"):
    """Rows of market.quarantine, one slice."""
    return pl.DataFrame(
        {
            "source_table": table,
            "row_id": [f"{day}" for day in days],
            "reason": reason,
            "row": "{}",
            "known_on": days,
            "source": "test",
        },
        schema=TABLES["market.quarantine"].schema,
    )


def synthesized(days: Sequence[date], alpha: float = 0.01, symbols: Sequence[str] = ("AA", "BB")):
    """Rows of meta.synthesized_predictions: maps, lists and texts."""
    rows = [
        {
            "prediction_id": f"supervisor:{symbol}:{day}:21",
            "symbol": symbol,
            "prediction_date": day,
            "horizon": 21,
            "target_date": day + timedelta(days=30),
            "score": 0.5,
            "equal_weight_score": -0.0,
            "predicted_alpha": alpha,
            "predicted_return": 0.02,
            "volatility": 0.015,
            "confidence_score": 0.55,
            "return_low": -0.1,
            "return_high": 0.1,
            "agent_contributions": [
                {"key": "risk", "value": None},
                {"key": "market", "value": 0.01},
            ],
            "disagreement": 0.2,
            "n_agents": 2,
            "investment_hypothesis": f"{symbol} rises, slightly (ö).",
            "reasoning_chain": ["one", "", "drei äöü"],
            "key_insights": [],
            "risk_factors": ["x"],
            "model_version": "m1",
        }
        for symbol in symbols
        for day in days
    ]
    return pl.DataFrame(rows, schema=TABLES["meta.synthesized_predictions"].schema)


def predictions(days: Sequence[date], agent: str):
    """Rows of agents.predictions: a list of structs, and a slice."""
    rows = [
        {
            "prediction_id": f"{agent}:AA:{day}:21",
            "agent": agent,
            "symbol": "AA",
            "prediction_date": day,
            "horizon": 21,
            "target_date": day + timedelta(days=30),
            "score": 0.5,
            "predicted_alpha": 0.01,
            "predicted_return": 0.02,
            "volatility": 0.015,
            "confidence_score": 0.55,
            "return_low": -0.1,
            "return_high": 0.1,
            "key_factors": [
                {"factor": "momentum", "value": 1.25, "contribution": 0.01},
                {"factor": "beta", "value": None, "contribution": 0.01},
            ],
            "model_version": "m1",
        }
        for day in days
    ]
    return pl.DataFrame(rows, schema=TABLES["agents.predictions"].schema)


def weights(quarters: Sequence[date], weight: float = 1.0):
    """Rows of meta.supervisor_models: partitioned by quarter, with maps."""
    rows = [
        {
            "horizon": 21,
            "quarter": quarter,
            "fitted_through": None,
            "n_sessions": 0,
            "n_rows": 0,
            "weights": [{"key": "risk", "value": weight}],
            "shadow_weights": [],
            "parameters": [{"key": "a", "value": None}],
            "model_version": "m",
        }
        for quarter in quarters
    ]
    return pl.DataFrame(rows, schema=TABLES["meta.supervisor_models"].schema)


def trials(*names: str):
    """Rows of evaluation.trials: a table without partitions."""
    return pl.DataFrame(
        {"trial_id": names, "configuration": "{}", "strategy": "long_only", "horizon": 21},
        schema=TABLES["evaluation.trials"].schema,
    )


@pytest.fixture(scope="session")
def processes() -> BaseContext:
    """Processes that start quickly: a clean one is kept from which they are forked."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stocks_ai_assets.lake", "deltalake", "pyarrow", "pandas"])
    return context


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def sessions() -> tuple[date, ...]:
    """Sessions around a turn of the year: folders of two years."""
    return SESSIONS


@pytest.fixture(scope="session")
def rows() -> SimpleNamespace:
    """Builders of rows, one for each kind of table."""
    return SimpleNamespace(
        esg=esg,
        aside=aside,
        synthesized=synthesized,
        predictions=predictions,
        weights=weights,
        trials=trials,
        stamps=stamps,
    )


@pytest.fixture
def write_esg(lake: Lake) -> Callable[..., Written]:
    """Write rows of signals.esg for exactly the given sessions, as run `n`."""

    def write(days: Sequence[date], risk: float | None = 20.0, n: int = 0, **changes) -> Written:
        return lake.write(
            "signals.esg",
            changes.pop("frame", esg(days, risk)),
            first=days[0],
            last=days[-1],
            slice=None,
            stamps=stamps(n, **changes),
        )

    return write
