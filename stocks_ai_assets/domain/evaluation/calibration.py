"""Whether stated probabilities and intervals were right, as known at each quarter's start.

Sums are taken per session first, so that a quarter or a year is a slice of them; only the
calibration error needs the single predictions, sorted once by their probability.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.evaluation.grid import (
    SUPERVISOR,
    Grid,
    evaluated_sessions,
    matured_before,
    predictions_by_agent,
)
from stocks_ai_assets.domain.evaluation.session_skill import Ranks
from stocks_ai_assets.domain.panel import Floats, Integers, Panel, total
from stocks_ai_assets.domain.transform import (
    ALL,
    Frames,
    Input,
    Parameters,
    Transform,
    Window,
)
from stocks_ai_assets.tables import TABLES

N_BINS = 10
ALL_YEARS = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """One agent's matured predictions: sums by prediction date, and single ones by probability.

    Parameters
    ----------
    sums
        By name, one value per prediction date: n, beat, confidence, brier, brier_base, inside_80,
        n_80, inside_90, n_90.
    highest
        Highest confidence of the session; 0 without predictions.
    session
        Index of the prediction date of each single prediction.
    confidence, right
        Its stated probability, ascending, and whether its side was right (1 or 0).
    """

    agent: str
    sums: dict[str, Floats]
    highest: Floats
    session: Integers
    confidence: Floats
    right: Floats


def stated(frames: Frames, grid: Grid, window: Window) -> Iterator[Stated]:
    """Compare every agent's probabilities and intervals with what came.

    Parameters
    ----------
    frames
        Inputs of `evaluation/calibration`.
    grid
        Outcomes by prediction date.
    window
        Only its parameters are used.
    """
    panel, labels = grid.panel, Ranks.of(grid.total_return)
    beat = labels.side > 0
    for agent, rows in predictions_by_agent(frames):
        at = panel.places(rows, "prediction_date")
        confidence = panel.values(at, rows.get_column("confidence_score"))
        upward = panel.values(at, rows.get_column("predicted_alpha")) >= 0.0
        low = panel.values(at, rows.get_column("return_low"))
        high = panel.values(at, rows.get_column("return_high"))
        both = ~np.isnan(confidence) & labels.known
        right = (beat == upward) & both
        wide = _ratio_of_quantiles(frames, agent, grid)
        surprise = np.abs(grid.total_return - (low + high) / 2.0)
        half = (high - low) / 2.0
        covered = ~np.isnan(surprise)
        base = base_rates(both.sum(axis=0), (beat & both).sum(axis=0), window.parameters.horizon)
        probability = np.where(upward, confidence, 1.0 - confidence)
        columns, names = np.nonzero(both.T)
        flat = confidence[names, columns]
        order = np.argsort(flat, kind="stable")
        yield Stated(
            agent=agent,
            sums={
                "n": both.sum(axis=0).astype(float),
                "beat": (beat & both).sum(axis=0).astype(float),
                "confidence": total(np.where(both, confidence, 0.0)),
                "brier": total(np.where(both, (probability - beat) ** 2, 0.0)),
                "brier_base": total(np.where(both, (base - beat) ** 2, 0.0)),
                "inside_80": (covered & (surprise <= half)).sum(axis=0).astype(float),
                "n_80": covered.sum(axis=0).astype(float),
                "inside_90": (covered & (surprise <= half * wide)).sum(axis=0).astype(float),
                "n_90": np.where(np.isnan(wide), 0.0, covered.sum(axis=0)),
            },
            highest=np.where(both, confidence, 0.0).max(axis=0, initial=0.0),
            session=columns[order],
            confidence=flat[order],
            right=right[names, columns][order].astype(float),
        )


def base_rates(n: Integers, beat: Integers, horizon: int) -> Floats:
    """Share that had beaten the median among what had matured at each prediction date.

    Parameters
    ----------
    n, beat
        By prediction date: predictions, and those that beat the median.
    horizon
        A prediction made at t matures at t + horizon + 1.

    Returns
    -------
    Floats
        By prediction date; one half before anything matured.
    """
    delay = min(horizon + 1, len(n))
    known = np.concatenate([np.zeros(delay), np.cumsum(n)[: len(n) - delay]])
    won = np.concatenate([np.zeros(delay), np.cumsum(beat)[: len(n) - delay]])
    return np.where(known > 0, won / np.maximum(known, 1), 0.5)


def _ratio_of_quantiles(frames: Frames, agent: str, grid: Grid) -> Floats:
    """Width of the 90 % interval over that of the 80 % one, by prediction date; NaN: no model."""
    if agent == SUPERVISOR:
        models = frames["supervisor_models"]
    else:
        models = frames["models"].filter(pl.col("model") == agent)
    by_quarter = {}
    for quarter, parameters in models.select("quarter", "parameters").iter_rows():
        fitted = {item["key"]: item["value"] for item in parameters}
        if fitted.get("q80") and fitted.get("q90"):
            by_quarter[quarter] = fitted["q90"] / fitted["q80"]
    quarters = grid.panel.sessions.dt.truncate("1q")
    return np.array([by_quarter.get(quarter, math.nan) for quarter in quarters], dtype=float)


def expected_calibration_error(confidence: Floats, right: Floats) -> float:
    """Mean distance between stated and observed frequency over ten bins of equal count.

    Parameters
    ----------
    confidence
        Stated probabilities, ascending.
    right
        1 where the side was right, else 0.

    Returns
    -------
    float
        A probability; NaN without predictions. Equal probabilities share a bin, that of their
        middle, so a constant probability is one bin and no order among equals is invented.
    """
    n = len(confidence)
    if n == 0:
        return math.nan
    starts = np.flatnonzero(np.r_[True, confidence[1:] != confidence[:-1]])
    ends = np.r_[starts[1:], n]
    bins = (N_BINS * (starts + ends - 1)) // (2 * n)
    first = starts[np.flatnonzero(np.r_[True, bins[1:] != bins[:-1]])]
    gap = np.add.reduceat(confidence, first) - np.add.reduceat(right, first)
    return float(np.abs(gap).sum()) / n


def calibration(frames: Frames, window: Window) -> pl.DataFrame:
    """Calibration by quarter, agent and year of the prediction date.

    Parameters
    ----------
    frames
        `predictions`, `synthesized`, `outcomes`, `models`, `supervisor_models`.
    window
        Quarters.

    Returns
    -------
    pl.DataFrame
        Content of evaluation.calibration: one row for each year with a matured prediction before
        the quarter's first session, and year 0 for all of them.

    Notes
    -----
    Right means: the total return lay on the predicted side (up when alpha is not negative) of the
    median of all symbols. The base rate of the Brier score is the agent's own share of symbols
    above the median, expanding and matured. The 90 % interval has the middle of the 80 % one and
    q90 / q80 of the quarter's model times its width.
    """
    schema = TABLES["evaluation.calibration"].schema
    sessions, names = evaluated_sessions(window), ("outcomes", "predictions", "synthesized")
    if not sessions:
        return pl.DataFrame(schema=schema)
    symbols = pl.concat([frames[name].get_column("symbol").unique() for name in names])
    grid = Grid.of(frames["outcomes"], Panel(symbols, sessions))
    years = grid.panel.sessions.dt.year().to_numpy()
    rows = []
    for agent in stated(frames, grid, window):
        # A year's figures stay the same once all of it has matured.
        computed: dict[tuple[int, int], dict[str, object]] = {}
        for quarter in window.partitions:
            end = matured_before(quarter, window)
            for year, start, stop in _years(years[:end]):
                if not agent.sums["n"][start:stop].any():
                    continue
                if (start, stop) not in computed:
                    computed[start, stop] = _figures(agent, start, stop)
                rows.append(_row(agent.agent, quarter, year, window, computed[start, stop]))
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col(pl.Float64).fill_nan(None))


def _years(years: Integers) -> Iterator[tuple[int, int, int]]:
    """Year (0: all), first index and end of each year among ascending years."""
    if not len(years):
        return
    yield ALL_YEARS, 0, len(years)
    starts = np.flatnonzero(np.r_[True, years[1:] != years[:-1]])
    for start, stop in zip(starts, np.r_[starts[1:], len(years)], strict=True):
        yield int(years[start]), int(start), int(stop)


def _row(
    agent: str, quarter: date, year: int, window: Window, figures: dict[str, object]
) -> dict[str, object]:
    key = {"quarter": quarter, "agent": agent, "horizon": window.parameters.horizon, "year": year}
    return key | figures


def _figures(agent: Stated, start: int, stop: int) -> dict[str, object]:
    sums = {name: float(values[start:stop].sum()) for name, values in agent.sums.items()}
    n = sums["n"]
    use = (agent.session >= start) & (agent.session < stop)
    brier, brier_base = sums["brier"] / n, sums["brier_base"] / n
    return {
        "n": int(n),
        "brier": brier,
        "brier_base": brier_base,
        "brier_skill": 1.0 - brier / brier_base if brier_base > 0.0 else None,
        "ece": expected_calibration_error(agent.confidence[use], agent.right[use]),
        "coverage_80": sums["inside_80"] / sums["n_80"] if sums["n_80"] else None,
        "coverage_90": sums["inside_90"] / sums["n_90"] if sums["n_90"] else None,
        "base_rate": sums["beat"] / n,
        "mean_confidence": sums["confidence"] / n,
        "max_confidence": float(agent.highest[start:stop].max()),
    }


def transform(parameters: Parameters) -> Transform:
    """Declaration of `evaluation/calibration`."""
    del parameters
    stated_columns = ("confidence_score", "predicted_alpha", "return_low", "return_high")
    return Transform(
        name="evaluation/calibration",
        table="evaluation.calibration",
        inputs={
            "predictions": Input(
                table="agents.predictions",
                lookback=ALL,
                columns=("agent", "symbol", "prediction_date", *stated_columns),
            ),
            "synthesized": Input(
                table="meta.synthesized_predictions",
                lookback=ALL,
                columns=("symbol", "prediction_date", *stated_columns),
            ),
            "outcomes": Input(
                table="evaluation.outcomes",
                lookback=ALL,
                columns=("symbol", "prediction_date", "total_return", "market_return"),
            ),
            "models": Input(
                table="agents.models",
                lookback=ALL,
                columns=("model", "quarter", "parameters"),
            ),
            "supervisor_models": Input(
                table="meta.supervisor_models",
                lookback=ALL,
                columns=("quarter", "parameters"),
            ),
        },
        by="quarter",
        function=calibration,
        description=(
            "Brier score against the base rate, calibration error and interval coverage of every "
            "agent and the supervisor, by year, from outcomes matured before the quarter."
        ),
    )
