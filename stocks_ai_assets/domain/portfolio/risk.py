"""One-session value at risk of each strategy, forecast from its own past, and what happened.

Filtered historical simulation (Barone-Adesi, Giannopoulos & Vosper 1999; Hull & White 1998):
past returns divided by their own volatility forecasts are a sample of what may come, in units of
today's volatility.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.transform import Frames, Input, Parameters, Transform, Window
from stocks_ai_assets.tables import TABLES

DECAY = 0.94
"""RiskMetrics 1996, daily."""

REACH = 756
"""Sessions a forecast sees; its volatility starts at the first of them."""

WARM_UP = 63
"""Sessions that start the volatility and are not standardized."""

SAMPLE = 504
MIN_RETURNS = 252
LEVELS = (0.95, 0.99)


def risk_forecasts(past: Floats) -> dict[str, Floats]:
    """Volatility, VaR and ES of the next session from each row of past returns.

    Parameters
    ----------
    past
        Forecasts x sessions: returns (fractions) strictly before the session forecast, oldest
        first, NaN before the first.

    Returns
    -------
    dict
        `volatility`, `var_95`, `es_95`, `var_99`, `es_99`: fractions, losses positive; NaN below
        252 returns.

    Notes
    -----
    Volatility: sigma^2 = .94 sigma^2 + .06 r^2 from the mean square of the first 63 returns.
    VaR: minus the interpolated 5 % (1 %) quantile of the last 504 standardized returns, times the
    volatility. ES: minus the mean of those not above it, times the volatility.
    """
    n, width = past.shape
    known = ~np.isnan(past)
    count = known.sum(axis=1)
    squares = np.where(known, past, 0.0) ** 2
    order = np.cumsum(known, axis=1)
    seed = np.zeros(n)
    for day in range(width):
        seed += np.where(order[:, day] <= WARM_UP, squares[:, day], 0.0)
    variance = seed / WARM_UP
    standardized = np.full((n, width), np.nan)
    for day in range(width):
        use = known[:, day] & (order[:, day] > WARM_UP)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = past[:, day] / np.sqrt(variance)
        standardized[:, day] = np.where(use & (variance > 0.0), scaled, np.nan)
        variance = np.where(use, DECAY * variance + (1.0 - DECAY) * squares[:, day], variance)
    enough = (count >= MIN_RETURNS) & (variance > 0.0)
    volatility = np.where(enough, np.sqrt(variance), np.nan)
    sample = np.sort(standardized[:, -SAMPLE:], axis=1)
    size = (~np.isnan(sample)).sum(axis=1)
    result = {"volatility": volatility}
    for level in LEVELS:
        name = f"{level:.2f}"[2:]
        quantile, shortfall = _tail(sample, size, 1.0 - level)
        result[f"var_{name}"] = -quantile * volatility
        result[f"es_{name}"] = -shortfall * volatility
    return result


def _tail(
    ordered: Floats, size: npt.NDArray[np.int64], probability: float
) -> tuple[Floats, Floats]:
    """Return the lower quantile of each ascending row, and the mean of the values up to it."""
    position = np.maximum(size - 1, 0) * probability
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(size - 1, 0))
    rows = np.arange(len(ordered))
    low, high = ordered[rows, below], ordered[rows, above]
    quantile = low + (position - below) * (high - low)
    mean = np.zeros(len(ordered))
    for i in range(int(below.max(initial=-1)) + 1):
        mean += np.where(i <= below, ordered[:, i], 0.0)
    return quantile, mean / (below + 1)


def portfolio_risk(frames: Frames, window: Window) -> pl.DataFrame:
    """Forecasts for the window's sessions beside the returns that came.

    Parameters
    ----------
    frames
        `returns`: portfolio.returns with 756 sessions before the window.
    window
        Sessions.

    Returns
    -------
    pl.DataFrame
        Content of portfolio.risk, one row for each row of portfolio.returns. Past sessions
        without a position do not count; forecast and breach are null before 252 returns.
    """
    calendar, schema = window.calendar, TABLES["portfolio.risk"].schema
    start = calendar.position(window.first) - REACH
    sessions = calendar.sessions[max(start, 0) : calendar.position(window.last) + 1]
    position = {session: i for i, session in enumerate(sessions)}
    known = frames["returns"].filter(pl.col("session").is_between(sessions[0], sessions[-1]))
    by_strategy = known.sort("strategy", "session").partition_by(
        "strategy", as_dict=True, maintain_order=True
    )
    result = [pl.DataFrame(schema=schema)]
    for (strategy,), rows in by_strategy.items():
        at = np.array([position[day] for day in rows.get_column("session")], dtype=np.int64)
        invested = (rows["n_long"] + rows["n_short"] > 0).to_numpy()
        grid = np.full(REACH + len(sessions), np.nan)
        grid[REACH + at[invested]] = rows.get_column("net_return").to_numpy()[invested]
        wanted = window.only(rows, "session")
        columns = np.array([position[day] for day in wanted.get_column("session")], dtype=np.int64)
        # Column j of the sliding view holds the REACH sessions that end before session j.
        past = np.lib.stride_tricks.sliding_window_view(grid, REACH)[columns]
        forecasts = {
            name: pl.Series(values, dtype=pl.Float64).fill_nan(None)
            for name, values in risk_forecasts(past).items()
        }
        result.append(
            wanted.select(pl.lit(strategy).alias("strategy"), "session", "horizon", "net_return")
            .with_columns(**forecasts)
            .with_columns(
                breach_95=pl.col("net_return") < -pl.col("var_95"),
                breach_99=pl.col("net_return") < -pl.col("var_99"),
            )
            .select(schema.names())
        )
    return pl.concat(result)


def transform(parameters: Parameters) -> Transform:
    """Declaration of `portfolio/risk`."""
    del parameters
    return Transform(
        name="portfolio/risk",
        table="portfolio.risk",
        inputs={
            "returns": Input(
                table="portfolio.returns",
                lookback=REACH,
                columns=("strategy", "session", "horizon", "net_return", "n_long", "n_short"),
            )
        },
        by="session",
        function=portfolio_risk,
        description=(
            "One-session VaR and expected shortfall at 95 and 99 % by filtered historical "
            "simulation from returns strictly before the session, and whether it was breached."
        ),
    )
