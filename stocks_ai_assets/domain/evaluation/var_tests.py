"""Whether value at risk was breached as often as promised, and not in clusters.

Sources: Kupiec (1995) for the rate, Christoffersen (1998) for independence and both together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from stocks_ai_assets.domain.portfolio.risk import LEVELS
from stocks_ai_assets.domain.transform import (
    ALL,
    Frames,
    Input,
    Parameters,
    Transform,
    Window,
    first_session_of,
)
from stocks_ai_assets.tables import TABLES


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """p-values of the three likelihood-ratio tests; NaN without a forecast."""

    kupiec: float
    independence: float
    conditional: float


def coverage_tests(breaches: Sequence[bool], probability: float) -> Coverage:
    """Test a sequence of breaches against the promised probability.

    Parameters
    ----------
    breaches
        Whether the loss passed the forecast, session after session.
    probability
        Promised rate, for instance 0.05.

    Returns
    -------
    Coverage
        p-values: chi-squared with 1, 1 and 2 degrees of freedom.
    """
    series = np.asarray(breaches, dtype=np.int64)
    n, hits = len(series), int(series.sum())
    if n == 0:
        return Coverage(kupiec=math.nan, independence=math.nan, conditional=math.nan)
    unconditional = 2.0 * (
        _log_likelihood(hits, n, hits / n) - _log_likelihood(hits, n, probability)
    )
    before, after = series[:-1], series[1:]
    from_calm, from_breach = int((before == 0).sum()), int((before == 1).sum())
    calm_breach = int(((before == 0) & (after == 1)).sum())
    breach_breach = int(((before == 1) & (after == 1)).sum())
    pooled = (calm_breach + breach_breach) / max(n - 1, 1)
    independence = 2.0 * (
        _log_likelihood(calm_breach, from_calm, calm_breach / max(from_calm, 1))
        + _log_likelihood(breach_breach, from_breach, breach_breach / max(from_breach, 1))
        - _log_likelihood(calm_breach + breach_breach, n - 1, pooled)
    )
    unconditional, independence = max(unconditional, 0.0), max(independence, 0.0)
    return Coverage(
        kupiec=math.erfc(math.sqrt(unconditional / 2.0)),
        independence=math.erfc(math.sqrt(independence / 2.0)),
        conditional=math.exp(-(unconditional + independence) / 2.0),
    )


def _log_likelihood(hits: int, n: int, probability: float) -> float:
    """Log likelihood of `hits` among `n`; 0 x log 0 counts as 0."""
    result = 0.0
    if hits:
        result += hits * math.log(probability)
    if n - hits:
        result += (n - hits) * math.log1p(-probability)
    return result


def var_backtests(frames: Frames, window: Window) -> pl.DataFrame:
    """Tests of every strategy's forecasts made before each quarter.

    Parameters
    ----------
    frames
        `risk`: portfolio.risk, all of it.
    window
        Quarters.

    Returns
    -------
    pl.DataFrame
        Content of evaluation.var_backtests; no row for a strategy before its first forecast.
    """
    rows = []
    for (strategy,), past in (
        frames["risk"].sort("strategy", "session").group_by("strategy", maintain_order=True)
    ):
        for quarter in window.partitions:
            before = past.filter(pl.col("session") < first_session_of(quarter, window))
            for level in LEVELS:
                name = f"{level:.2f}"[2:]
                forecast = before.filter(pl.col(f"breach_{name}").is_not_null())
                if forecast.is_empty():
                    continue
                breaches = forecast.get_column(f"breach_{name}")
                tests = coverage_tests(breaches.to_list(), 1.0 - level)
                hit = forecast.filter(breaches)
                losses = -hit.get_column("net_return").to_numpy()
                shortfalls = hit.get_column(f"es_{name}").to_numpy()
                rows.append(
                    {
                        "quarter": quarter,
                        "strategy": strategy,
                        "level": level,
                        "n_sessions": forecast.height,
                        "n_breaches": hit.height,
                        "breach_rate": hit.height / forecast.height,
                        "kupiec_p": tests.kupiec,
                        "christoffersen_p": tests.independence,
                        "conditional_p": tests.conditional,
                        "es_ratio": losses.sum() / shortfalls.sum() if hit.height else None,
                    }
                )
    return pl.DataFrame(rows, schema=TABLES["evaluation.var_backtests"].schema)


def transform(parameters: Parameters) -> Transform:
    """Declaration of `evaluation/var_backtests`."""
    del parameters
    return Transform(
        name="evaluation/var_backtests",
        table="evaluation.var_backtests",
        inputs={"risk": Input(table="portfolio.risk", lookback=ALL)},
        by="quarter",
        function=var_backtests,
        description=(
            "Kupiec and Christoffersen tests of the value-at-risk forecasts made before the "
            "quarter, and how the losses beyond compared with expected shortfall."
        ),
    )
