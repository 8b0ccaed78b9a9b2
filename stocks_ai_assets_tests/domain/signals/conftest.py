"""A small market with splits, dividends and corrections, and transforms run as the engine does."""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.ranges import input_range
from stocks_ai_assets.domain.transform import Parameters, Transform, Window
from stocks_ai_assets.tables import TABLES

FIRST, LAST = date(2019, 1, 2), date(2020, 6, 30)
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")

Facts = Mapping[str, pl.DataFrame]
WindowMaker = Callable[[date, date], Window]
Producer = Callable[[Transform, Facts, Window], pl.DataFrame]


@pytest.fixture(scope="session")
def signal_parameters() -> Parameters:
    return Parameters(first_session=FIRST)


@pytest.fixture(scope="session")
def window_of(signal_parameters: Parameters) -> WindowMaker:
    """Window of the sessions from one day to another."""

    def make(first: date, last: date) -> Window:
        calendar = nyse()
        return Window(
            partitions=calendar.between(first, last),
            calendar=calendar,
            parameters=signal_parameters,
        )

    return make


@pytest.fixture(scope="session")
def produce() -> Producer:
    """Run a transform on the partitions it declares, and on nothing else."""

    def run(transform: Transform, facts: Facts, window: Window) -> pl.DataFrame:
        frames = {}
        for name, declared in transform.inputs.items():
            found = input_range(transform, name, window)
            table = TABLES[declared.table]
            assert found is not None
            rows = facts[declared.table].filter(pl.col(table.partition) <= found.last)
            if found.first is not None:
                rows = rows.filter(pl.col(table.partition) >= found.first)
            frames[name] = rows.select(declared.columns or rows.columns)
        table = TABLES[transform.table]
        return table.contract.validate(transform.function(frames, window)).sort(table.key)

    return run


@pytest.fixture(scope="session")
def facts() -> Facts:
    """Four stocks over 18 months; CCC is listed later, DDD has a hole; nothing is corrected."""
    rng = np.random.default_rng(5)
    sessions = nyse().between(FIRST, LAST)
    n = len(sessions)
    market = rng.normal(0.0005, 0.01, n)
    split_at = {"AAA": (300, 4.0), "BBB": (330, 0.5)}
    prices, actions = [], []
    for i, symbol in enumerate(SYMBOLS):
        level = 50.0 * (i + 1) * np.cumprod(1.0 + market * (0.5 + 0.4 * i) + rng.normal(0, 0.01, n))
        at, ratio = split_at.get(symbol, (0, 1.0))
        close = level / np.where(np.arange(n) >= at, ratio, 1.0)
        spread = np.abs(rng.normal(0.0, 0.01, (2, n)))
        opened = close * (1.0 + rng.normal(0.0, 0.004, n))
        prices.append(
            pl.DataFrame({"session": sessions, "close": close, "open": opened}).with_columns(
                symbol=pl.lit(symbol),
                high=pl.max_horizontal("open", "close") * (1.0 + pl.Series(spread[0])),
                low=pl.min_horizontal("open", "close") * (1.0 - pl.Series(spread[1])),
                volume=pl.Series(rng.integers(1_000, 9_000, n).astype(np.float64)),
            )
        )
        events = [(sessions[k], 0.3 * (i + 1), 1.0) for k in range(20 + i, n, 63)]
        events += [(sessions[at], 0.0, ratio)] if at else []
        actions.append(
            pl.DataFrame(
                events, schema=["ex_date", "dividend", "split_ratio"], orient="row"
            ).with_columns(symbol=pl.lit(symbol))
        )
    listed = (pl.col("symbol") != "CCC") | (pl.col("session") >= sessions[100])
    there = (pl.col("symbol") != "DDD") | (pl.col("session") != sessions[-40])
    return {
        "market.prices": pl.concat(prices).filter(listed, there).with_columns(known_on="session"),
        "market.corporate_actions": pl.concat(actions).with_columns(
            shares_ratio="split_ratio", known_on="ex_date"
        ),
        "market.benchmarks": pl.DataFrame(
            {"session": sessions, "close_return": market, "open_return": market}
        ).with_columns(benchmark=pl.lit("market"), known_on="session"),
    }


@pytest.fixture(scope="session")
def corrected(facts: Facts) -> Facts:
    """The same market with late rows: corrected prices, a late dividend, a corrected market."""
    sessions = nyse().between(FIRST, LAST)

    def late(table: str, day: str, symbol: str | None, at: int, known: int) -> pl.DataFrame:
        chosen = pl.col(day) == sessions[at]
        if symbol is not None:
            chosen &= pl.col("symbol") == symbol
        return facts[table].filter(chosen).with_columns(known_on=pl.lit(sessions[known]))

    price = pl.col("open", "high", "low", "close")
    prices = [
        late("market.prices", "session", "AAA", -40, -8).with_columns(price * 1.1),
        late("market.prices", "session", "AAA", -40, -5).with_columns(price * 0.9),
        late("market.prices", "session", "AAA", -6, -5).with_columns(price * 1.2),
        late("market.prices", "session", "BBB", -255, -3).with_columns(price * 2.0),
        late("market.prices", "session", "CCC", -1, -1).with_columns(
            pl.lit(sessions[-40]).alias("session"),
            pl.lit("DDD").alias("symbol"),
            pl.lit(sessions[-4]).alias("known_on"),
        ),
    ]
    action = facts["market.corporate_actions"].head(1)
    actions = action.with_columns(
        symbol=pl.lit("CCC"),
        ex_date=pl.lit(sessions[-9]),
        dividend=pl.lit(5.0),
        known_on=pl.lit(sessions[-7]),
    )
    market = late("market.benchmarks", "session", None, -30, -6).with_columns(
        pl.col("close_return", "open_return") + 0.05
    )
    added = {
        "market.prices": pl.concat(prices),
        "market.corporate_actions": actions,
        "market.benchmarks": market,
    }
    return {
        name: pl.concat([frame, added[name].select(frame.columns)]) for name, frame in facts.items()
    }
