"""Hand-made sessions, and a small random market."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters, Window

SESSIONS = nyse().between(date(2020, 1, 2), date(2022, 6, 30))


def build_window(first: int, last: int, **changes: object) -> Window:
    """Window of sessions `first`..`last`, counted from the first session."""
    settings = {"horizon": 5, "cost_bp": 5.0, "borrow_bp": 50.0} | changes
    return Window(
        partitions=SESSIONS[first : last + 1],
        calendar=nyse(),
        parameters=Parameters(first_session=SESSIONS[0], **settings),
    )


@dataclass(frozen=True)
class Market:
    """Random scores and returns of 30 symbols; one stops trading, one session has no scores."""

    synthesized: pl.DataFrame
    technical: pl.DataFrame
    benchmarks: pl.DataFrame


@pytest.fixture(scope="session")
def sessions() -> tuple[date, ...]:
    return SESSIONS


@pytest.fixture(scope="session")
def window() -> Callable[..., Window]:
    return build_window


@pytest.fixture(scope="session")
def market() -> Market:
    rng = np.random.default_rng(3)
    days = SESSIONS[:120]
    symbols = [f"S{i:02d}" for i in range(30)]
    keys = pl.DataFrame({"symbol": symbols}).join(pl.DataFrame({"session": days}), how="cross")
    traded = (pl.col("symbol") != "S07") | (pl.col("session") < days[60])
    n = keys.height
    technical = keys.with_columns(open_return=pl.Series(rng.normal(0, 0.02, n))).filter(traded)
    synthesized = keys.with_columns(
        score=pl.Series(np.round(rng.uniform(-1, 1, n), 1)),
        equal_weight_score=pl.Series(rng.uniform(-1, 1, n)),
    ).filter(traded & (pl.col("session") != days[20]))
    benchmarks = pl.DataFrame(
        {
            "benchmark": ["market"] * len(days),
            "session": days,
            "open_return": rng.normal(0, 0.01, len(days)),
            "known_on": days,
        }
    )
    return Market(synthesized.rename({"session": "prediction_date"}), technical, benchmarks)
