"""The volatility model that all agents share: a pooled HAR regression, refitted every quarter.

Log mean squared return of the next month on log variances of the last day, week, month, quarter
and year, one line for all symbols (Corsi 2009; range-based variances: Parkinson 1980).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from stocks_ai_assets.domain.agents.exposure import VOLATILITY_FEATURES, VOLATILITY_MODEL
from stocks_ai_assets.domain.calendar import quarters_between
from stocks_ai_assets.domain.models.calibration import Fit
from stocks_ai_assets.domain.models.least_squares import coefficients, expanding_products
from stocks_ai_assets.domain.models.rows import model_rows
from stocks_ai_assets.domain.panel import Flags, Floats
from stocks_ai_assets.domain.signals.risk import PRICE_COLUMNS, risk_features
from stocks_ai_assets.domain.transform import (
    ALL,
    Frames,
    Input,
    Parameters,
    Transform,
    Window,
    first_session_of,
)
from stocks_ai_assets.domain.windows import Windows

TARGET_SESSIONS = 21
"""What is forecast is the variance of the next month, whatever the horizon of predictions."""

MIN_PAIRS = 1000
"""Pairs of features and target below which there is no model."""


ROWS_AT_ONCE = 1_000_000
"""Rows of history from which features are made at once: each takes some hundred bytes."""


def volatility_model(frames: Frames, window: Window) -> pl.DataFrame:
    """Fit the volatility model for the quarters of the window.

    Parameters
    ----------
    frames
        `prices`, `corporate_actions`, `benchmarks`, all from the first fact on.
    window
        Quarters to fit.

    Returns
    -------
    pl.DataFrame
        Content of agents.models: `intercept`, one coefficient by feature, `smearing`; no row for
        a quarter with fewer than 1,000 pairs.
    """
    fits: dict[date, Fit] = {}
    for quarters in _views(frames, window):
        end = first_session_of(quarters[-1], window)
        known = {name: frame.filter(pl.col("known_on") < end) for name, frame in frames.items()}
        fits |= fit_har(_all_pairs(known), quarters, window)
    return model_rows(VOLATILITY_MODEL, TARGET_SESSIONS, fits, window)


def _all_pairs(facts: Frames) -> pl.DataFrame:
    """`har_pairs` of every symbol with a price, some symbols at a time."""
    prices, actions = facts["prices"], facts["corporate_actions"]
    symbols = prices.get_column("symbol").unique().sort()
    step = max(1, ROWS_AT_ONCE // max(prices.get_column("session").n_unique(), 1))
    pairs = []
    for i in range(0, max(len(symbols), 1), step):
        some = pl.col("symbol").is_in(symbols[i : i + step].implode())
        features = risk_features(prices.filter(some), actions.filter(some), facts["benchmarks"])
        pairs.append(har_pairs(features))
    return pl.concat(pairs)


def _views(frames: Frames, window: Window) -> list[list[date]]:
    """Quarters of the window, grouped by the corrections known before them.

    A correction is a row that became known after its session. Between two corrections all
    quarters see the same past, so its features are computed once.
    """
    dates = {"prices": "session", "corporate_actions": "ex_date", "benchmarks": "session"}
    late = [
        frames[name].filter(pl.col("known_on") > pl.col(day)).get_column("known_on")
        for name, day in dates.items()
    ]
    days = pl.concat(late).unique().sort().to_list()
    views: dict[int, list[date]] = {}
    for quarter in window.partitions:
        known = sum(day < first_session_of(quarter, window) for day in days)
        views.setdefault(known, []).append(quarter)
    return list(views.values())


def har_pairs(features: pl.DataFrame) -> pl.DataFrame:
    """Features of each symbol and session beside what followed.

    Parameters
    ----------
    features
        `symbol`, `session`, `total_return` and the features, any order.

    Returns
    -------
    pl.DataFrame
        `ended` (last session of the target), the features and `target` (log mean squared return
        of the symbol's next 21 sessions), sorted by symbol and session; rows with anything
        missing or not finite are left out.
    """
    ordered = features.sort("symbol", "session")
    squares = ordered.get_column("total_return") ** 2
    past = Windows(ordered).mean(squares, TARGET_SESSIONS)
    return (
        ordered.with_columns(target=past.log())
        .select(
            *VOLATILITY_FEATURES,
            pl.col("target", "session").shift(-TARGET_SESSIONS).over("symbol"),
        )
        .rename({"session": "ended"})
        .filter(pl.all_horizontal(pl.col(*VOLATILITY_FEATURES, "target").is_finite()))
    )


def fit_har(pairs: pl.DataFrame, quarters: Sequence[date], window: Window) -> dict[date, Fit]:
    """Fit one line for each quarter on pairs whose target ended before its first session.

    Parameters
    ----------
    pairs
        `har_pairs` of all symbols.
    quarters
        Quarters to fit, ascending.

    Returns
    -------
    dict
        Fits by quarter, without those that have fewer than 1,000 pairs.

    Notes
    -----
    `smearing` is the mean of exp(residual) over the same pairs (Duan 1983): it makes
    exp(forecast) * smearing a variance without bias, whatever the distribution of the residuals.
    """
    if pairs.is_empty():
        return {}
    ended = pairs.get_column("ended").to_numpy()
    every = quarters_between(ended.min().astype(date), quarters[-1])
    starts = np.array([first_session_of(q, window) for q in every], dtype="datetime64[D]")
    block = np.searchsorted(starts, ended, side="right")
    names = ("intercept", *VOLATILITY_FEATURES)
    columns = [np.ones(len(block))]
    columns += [pairs.get_column(name).to_numpy() for name in (*VOLATILITY_FEATURES, "target")]
    products = expanding_products(columns, block, len(every) + 1)
    fits = {}
    for position, quarter in enumerate(every):
        n = int(products[position, 0, 0])
        line = coefficients(products[position]) if n >= MIN_PAIRS else None
        if quarter not in quarters or line is None:
            continue
        used = block <= position
        parameters = dict(zip(names, line, strict=True))
        smearing = _smearing(columns, line, used)
        fits[quarter] = Fit(
            parameters={**parameters, "smearing": smearing},
            fitted_through=_before(starts[position].astype(date), window),
            n_sessions=len(np.unique(ended[used])),
            n_rows=n,
        )
    return fits


def _smearing(columns: list[Floats], line: Sequence[float], used: Flags) -> float:
    """Mean of exp(residual) over the rows used."""
    residual = columns[-1][used]
    for value, column in zip(line, columns[:-1], strict=True):
        residual -= value * column[used]
    return float(np.mean(pl.Series(residual).exp().to_numpy()))


def _before(session: date, window: Window) -> date:
    return window.calendar.previous_or_same(session - timedelta(days=1))


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature
    """Declaration of `agents/models/volatility`."""
    return Transform(
        name="agents/models/volatility",
        table="agents.models",
        slice=VOLATILITY_MODEL,
        inputs={
            "prices": Input(table="market.prices", lookback=ALL, columns=PRICE_COLUMNS),
            "corporate_actions": Input(table="market.corporate_actions", lookback=ALL),
            "benchmarks": Input(
                table="market.benchmarks", lookback=ALL, columns=("session", "known_on")
            ),
        },
        by="quarter",
        function=volatility_model,
        description=(
            "Pooled HAR regression of the next month's log variance, fitted on every pair whose "
            "target ended before the quarter's first session, from the first price on."
        ),
    )
