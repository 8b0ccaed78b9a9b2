"""What the signals pick is what the literature says they pick: loadings on published factors.

A shifted date, a wrong sign, a wrong denominator or a stale figure would weaken or turn a loading.
Ordinary least squares of the next session's quintile spread, close to close, on market, size,
value, profitability, investment and momentum with an intercept; plain t.
"""

from datetime import date
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.raw import read_folder

pytestmark = pytest.mark.real

FACTORS = ("mkt_rf", "smb", "hml", "rmw", "cma", "mom")


@pytest.fixture(scope="module")
def returns(table, matrix):
    return matrix(table("signals.technical"), "total_return")


def factor_returns(folder, sessions):
    """Factor returns as fractions, sessions x factors."""
    published = pl.read_parquet(folder / "factors_daily.parquet")
    days = pl.DataFrame({"date": sessions}, schema={"date": published.schema["date"]})
    joined = days.join(published, on="date", how="left", maintain_order="left")
    return joined.select(FACTORS).cast(float).to_numpy() / 100.0


@pytest.fixture(scope="module")
def factors(replay_folder, sessions):
    return factor_returns(replay_folder, sessions)


@pytest.fixture(scope="module")
def sectors(table, sessions, symbols):
    """Code of each symbol's sector, sessions x symbols."""
    rows = table("signals.sector", "symbol", "session", "sector").sort("session", "symbol")
    codes = {name: code for code, name in enumerate(rows["sector"].unique().sort())}
    at_session = {session: i for i, session in enumerate(sessions)}
    at_symbol = {symbol: i for i, symbol in enumerate(symbols)}
    values = np.full((len(sessions), len(symbols)), -1)
    for symbol, session, sector in rows.iter_rows():
        values[at_session[session], at_symbol[symbol]] = codes[sector]
    return values


def against_sector(signal, sectors):
    """Normal scores less the shrunk mean of the sector, sum / (n + 2), session by session."""
    result = np.full(signal.shape, np.nan)
    quantile = np.vectorize(NormalDist().inv_cdf)
    for values, sector, out in zip(signal, sectors, result, strict=True):
        known = np.flatnonzero(~np.isnan(values))
        if len(known) < 20:
            continue
        ranks = values[known].argsort(kind="stable").argsort() / (len(known) - 1.0)
        z = quantile(np.clip(ranks, 0.005, 0.995))
        for code in set(sector[known]):
            members = sector[known] == code
            out[known[members]] = z[members] - z[members].sum() / (members.sum() + 2)
    return result


def loadings(signal, returns, factors):
    """t of each factor in the regression of the spread of the session after the signal's."""
    spread = np.full(len(signal), np.nan)
    for t in range(len(signal) - 1):
        known = np.flatnonzero(~np.isnan(signal[t]) & ~np.isnan(returns[t + 1]))
        if len(known) < 20:
            continue
        ordered = known[signal[t, known].argsort(kind="stable")]
        fifth = len(known) // 5
        top, bottom = returns[t + 1, ordered[-fifth:]], returns[t + 1, ordered[:fifth]]
        spread[t + 1] = top.mean() - bottom.mean()
    use = ~np.isnan(spread) & ~np.isnan(factors).any(axis=1)
    x, y = np.column_stack([np.ones(use.sum()), factors[use]]), spread[use]
    assert len(y) > 2_300
    slopes = np.linalg.solve(x.T @ x, x.T @ y)
    residual = y - x @ slopes
    variance = residual @ residual / (len(y) - x.shape[1])
    t = slopes / np.sqrt(variance * np.diag(np.linalg.inv(x.T @ x)))
    return dict(zip(FACTORS, t[1:].tolist(), strict=True))


def test_book_to_price_loads_on_value(table, matrix, sectors, returns, factors):
    signal = matrix(table("signals.valuation"), "book_to_price")
    t = loadings(against_sector(signal, sectors), returns, factors)
    assert t["hml"] > 10.0, t  # 25.5


def wide(frame, column, symbols):
    """Place a column as sessions x symbols; NaN: no value."""
    placed = frame.pivot(on="symbol", index="session", values=column).sort("session")
    return placed.select(symbols).cast(float).fill_null(float("nan")).to_numpy()


def test_gross_profitability_loads_on_profitability(replay_folder, tmp_path):
    # Four in ten companies have no gross profit in the source, so this one needs all the years of
    # its filings: from 2015 on t is 9.6, with the other loadings far beyond 10.
    first, last = date(2010, 1, 4), date(2024, 8, 23)
    graph = Graph(
        source=FolderSource(read_folder(replay_folder), nyse()),
        parameters=Parameters(first_session=first),
        select=("signals/fundamentals", "signals/sector"),
    )
    lake = Lake(tmp_path)
    materialize(graph, lake, first, last)
    rows = lake.read("signals.sector").join(
        lake.read("signals.fundamentals").join(
            lake.read("signals.technical"), on=["symbol", "session"]
        ),
        on=["symbol", "session"],
    )
    symbols = rows["symbol"].unique().sort().to_list()
    codes = rows.with_columns(code=pl.col("sector").rank("dense").cast(float))
    sectors = np.nan_to_num(wide(codes, "code", symbols), nan=-1.0)
    signal = against_sector(wide(rows, "gross_profit_to_assets", symbols), sectors)
    factors = factor_returns(replay_folder, rows["session"].unique().sort())
    t = loadings(signal, wide(rows, "total_return", symbols), factors)
    assert t["rmw"] > 10.0, t  # 11.6


def test_slow_asset_growth_loads_on_conservative_investment(
    table, matrix, sectors, returns, factors
):
    signal = -matrix(table("signals.fundamentals"), "asset_growth")
    t = loadings(against_sector(signal, sectors), returns, factors)
    assert t["cma"] > 10.0, t  # 20.0


def test_the_technical_score_loads_on_momentum(table, matrix, returns, factors):
    rows = table("agents.predictions", "symbol", "prediction_date", "score", only="technical")
    t = loadings(matrix(rows, "score", "prediction_date"), returns, factors)
    assert t["mom"] > 10.0, t  # 65.4


def test_low_beta_loads_against_the_market(table, matrix, returns, factors):
    rows = table("agents.predictions", "symbol", "prediction_date", "score", only="risk")
    t = loadings(matrix(rows, "score", "prediction_date"), returns, factors)
    assert t["mkt_rf"] < -10.0, t  # -32.6
