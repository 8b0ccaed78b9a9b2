"""Prices as a vendor's file shows them: adjusted for splits as of the last session."""

import numpy as np
import polars as pl

from stocks_ai_assets.sources.sample.companies import Companies
from stocks_ai_assets.sources.sample.prices import Prices
from stocks_ai_assets.sources.sample.shocks import Market
from stocks_ai_assets.sources.sample.timeline import Floats, Integers, Timeline, stream

MARKET_FUND = "SPY"
"""The format's name of the market's fund; its prices here are as simulated as all others."""


def prices_daily(members: Companies, line: Timeline, traded: Prices) -> pl.DataFrame:
    """Raw frame `prices_daily`, sorted by symbol and date."""
    later = _later_splits(traded.split)
    kept = np.flatnonzero(traded.present.T)
    who, position = np.divmod(kept, line.length)

    def column(values: Floats | Integers) -> Floats | Integers:
        return values.T.ravel()[kept]

    splits = np.where(traded.split == 1.0, 0.0, traded.split)
    dividends = traded.dividend / later
    close = traded.close / later
    adjusted = close * _later_dividends(close, dividends)
    prices = {
        name: column(values / later).astype(np.float32)
        for name, values in (
            ("open", traded.open),
            ("high", traded.high),
            ("low", traded.low),
            ("close", traded.close),
        )
    }
    return pl.DataFrame(
        {
            "symbol": pl.Series(members.symbols).gather(who),
            "date": line.company_days[position],
            **prices,
            "adj_close": column(adjusted).astype(np.float32),
            "volume": column(np.round(traded.volume * later)).astype(np.int64),
            "dividends": np.round(column(dividends), 6),
            "stock_splits": column(splits),
            "source": pl.repeat("SIMULATED", len(kept), eager=True),
        }
    )


def corporate_actions(prices: pl.DataFrame) -> pl.DataFrame:
    """Raw frame `corporate_actions`: the days of `prices_daily` on which something was paid."""
    return prices.filter((pl.col("dividends") != 0.0) | (pl.col("stock_splits") != 0.0)).select(
        "symbol", "date", "dividends", "stock_splits"
    )


def benchmarks_daily(seed: int, line: Timeline, whole: Market) -> pl.DataFrame:
    """Raw frame `benchmarks_daily`: the market's fund, dividends reinvested from the start."""
    steps = np.cumprod((1.0 + whole.overnight) * (1.0 + whole.intraday))
    opens = 100.0 * steps / (1.0 + whole.intraday)
    closes = 100.0 * steps
    move = np.log1p(whole.intraday)
    draws = stream(seed, "market range").standard_exponential((len(line.days), 2))
    wide = np.sqrt(move[:, None] ** 2 + 1.4 * whole.volatility[:, None] ** 2 * draws)
    return pl.DataFrame(
        {
            "symbol": pl.repeat(MARKET_FUND, len(line.days), eager=True),
            "date": line.days,
            "open": opens,
            "high": opens * np.exp(0.5 * (move + wide[:, 0])),
            "low": opens * np.exp(0.5 * (move - wide[:, 1])),
            "close": closes,
            "volume": np.round(7e7 * whole.volatility / whole.volatility[0]).astype(np.int64),
            "price_kind": pl.repeat("auto_adjusted", len(line.days), eager=True),
            "source": pl.repeat("SIMULATED", len(line.days), eager=True),
        }
    ).with_columns(
        high=pl.max_horizontal("open", "high", "close"),
        low=pl.min_horizontal("open", "low", "close"),
    )


def _later_splits(split: Floats) -> Floats:
    """Product of the ratios after each position."""
    later = np.ones_like(split)
    later[:-1] = np.cumprod(split[:0:-1], axis=0)[::-1]
    return later


def _later_dividends(close: Floats, dividends: Floats) -> Floats:
    """Share of the price that is left when the dividends after each position are taken off."""
    kept = np.ones_like(close)
    kept[:-1] = np.cumprod((1.0 - dividends[1:] / close[:-1])[::-1], axis=0)[::-1]
    return kept
