"""One lake of the replay data for all acceptance tests, and its tables as plain arrays.

The tests here compute again, from what is stored or from the vendor's files, what the formulas of
the package have stored: with numpy or plain Python, never with the package's own formulas.
"""

from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.locks import exclusively
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.raw import read_folder

FIRST, LAST = date(2015, 1, 14), date(2024, 8, 23)


@pytest.fixture(scope="session")
def parameters() -> Parameters:
    return Parameters(first_session=FIRST)


@pytest.fixture(scope="session")
def lake(replay_folder, parameters, tmp_path_factory, worker_id) -> Lake:
    """The whole replay in one range, built by whichever process asks first."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    folder, built = shared / "replayed", shared / "replayed.built"
    with exclusively(shared / "replayed.lock", "The lake of the acceptance tests"):
        if not built.exists():
            source = FolderSource(read_folder(replay_folder), nyse())
            materialize(Graph(source=source, parameters=parameters), Lake(folder), FIRST, LAST)
            built.touch()
    return Lake(folder)


@pytest.fixture(scope="session")
def table(lake) -> Callable[..., pl.DataFrame]:
    """Read a table, its columns and one of its slices; each once."""

    @cache
    def read(name: str, *columns: str, only: str | None = None) -> pl.DataFrame:
        return lake.read(name, columns=columns or None, slices=None if only is None else [only])

    return read


@pytest.fixture(scope="session")
def last_quarter(table) -> date:
    """Quarter as of which everything that can have matured has been evaluated."""
    return table("evaluation.agent_skill", "quarter").to_series().max()


@pytest.fixture(scope="session")
def sessions() -> list[date]:
    return list(nyse().between(FIRST, LAST))


@pytest.fixture(scope="session")
def symbols(table) -> list[str]:
    return table("signals.technical", "symbol").to_series().unique().sort().to_list()


@pytest.fixture(scope="session")
def matrix(sessions, symbols):
    """Place a column as sessions x symbols; NaN: no value."""
    at_session = {session: i for i, session in enumerate(sessions)}
    at_symbol = {symbol: i for i, symbol in enumerate(symbols)}

    def place(frame: pl.DataFrame, column: str, day: str = "session") -> np.ndarray:
        rows = frame.select(day, "symbol", column).drop_nulls()
        values = np.full((len(sessions), len(symbols)), np.nan)
        row = [at_session[session] for session in rows[day]]
        values[row, [at_symbol[symbol] for symbol in rows["symbol"]]] = rows[column].to_numpy()
        return values

    return place


@pytest.fixture(scope="session")
def vendor(replay_folder) -> pl.DataFrame:
    """The vendor's file with total returns, close and open, from its own adjusted prices.

    A spin-off coded as a ratio and as a dividend (more than a tenth of the price beside a ratio
    that is no p/q with q <= 3) is counted once. The dividend belongs to the shares before a split
    of the same day.
    """
    prices = pl.read_parquet(Path(replay_folder) / "prices_daily.parquet").sort("symbol", "date")
    prices = prices.with_columns(pl.col("open", "close", "dividends", "stock_splits").cast(float))
    split = pl.when(pl.col("stock_splits") == 0.0).then(1.0).otherwise("stock_splits")
    large = pl.max_horizontal(split, 1.0 / split)
    whole = pl.any_horizontal(((large * q).round() - large * q).abs() < 1e-3 for q in (1, 2, 3))
    twice = ~whole & (pl.col("dividends") > 0.1 * pl.col("close"))
    paid = pl.when(twice).then(0.0).otherwise(pl.col("dividends") / split)
    return prices.with_columns(
        ((pl.col(price) + paid) / pl.col(price).shift(1).over("symbol") - 1.0).alias(name)
        for name, price in (("close_return", "close"), ("open_return", "open"))
    )
