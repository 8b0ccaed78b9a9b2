"""The economy: yields and spreads day by day, monthly figures by vintage with their revisions.

Unrelated to the market's returns, so the macro agent has nothing to find; only VIXCLS follows the
market's true volatility.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from stocks_ai_assets.sources.sample.shocks import Market
from stocks_ai_assets.sources.sample.timeline import Days, Floats, Timeline, persistent, stream

MONTHS_BEFORE = 24
"""Months of observations before the market begins."""

REVISIONS = (1, 2, 3, 15)
"""Vintages after the month of observation in which a revised series changes: first print, two
corrections, an annual revision. The last print stands."""

LEVELS: Mapping[str, tuple[float, float, float, float, int]] = {
    "INDPRO": (100.0, 0.0015, 0.006, 0.002, 4),
    "CPIAUCSL": (226.0, 0.0021, 0.0018, 0.0004, 3),
    "PAYEMS": (131000.0, 0.0013, 0.001, 0.0004, 0),
    "RETAILx": (390000.0, 0.0035, 0.009, 0.004, 0),
}
"""Series that grow: start, growth a month and its sd, sd of a first print's error, decimals."""

WITHDRAWN = "UNRATE"
"""One observation of it is withdrawn when it is a year old and comes back a month later."""


def daily_series(seed: int, line: Timeline, whole: Market) -> dict[str, Floats]:
    """Series that are never revised, one value a session from the market's start."""
    draws = stream(seed, "yields").standard_normal((len(line.days), 4))
    ten_year = 2.8 + persistent(draws[:, 0], 0.9985, 0.9)
    spread = 1.0 + persistent(draws[:, 1], 0.998, 0.6)
    stress = np.log(whole.next_volatility / whole.next_volatility[0])
    high_yield = np.exp(np.log(4.2) + 0.3 * stress + persistent(draws[:, 2], 0.995, 0.15))
    implied = 100.0 * np.sqrt(252.0) * whole.next_volatility * 1.12 * np.exp(0.04 * draws[:, 3])
    return {
        "DGS10": np.round(np.maximum(ten_year, 0.3), 2),
        "DGS2": np.round(np.maximum(ten_year - spread, 0.05), 2),
        "BAMLH0A0HYM2": np.round(high_yield, 2),
        "VIXCLS": np.round(implied, 2),
    }


def macro_latest(seed: int, line: Timeline, daily: Mapping[str, Floats]) -> pl.DataFrame:
    """Raw frame `macro_latest`: daily series, and revised ones as they stand at the end.

    The revised ones are a trap: what they say about a month was not known then.
    """
    frames = [
        pl.DataFrame({"series_id": name, "date": line.days, "value": value})
        for name, value in {**daily, "T10Y2Y": np.round(daily["DGS10"] - daily["DGS2"], 2)}.items()
    ]
    final = (
        macro_vintages(seed, line, daily)
        .filter(pl.col("series_id").is_in(["UNRATE", "CPIAUCSL", "INDPRO", "PAYEMS"]))
        .filter(pl.col("value").is_not_null())
        .unique(["series_id", "date"], keep="last", maintain_order=True)
        .select("series_id", "date", "value")
    )
    return (
        pl.concat([*frames, final])
        .sort("series_id", "date")
        .with_columns(as_of=pl.lit(line.last_day.astype(object)), derived=pl.lit(value=False))
    )


def macro_vintages(seed: int, line: Timeline, daily: Mapping[str, Floats]) -> pl.DataFrame:
    """Raw frame `macro_vintages_fredmd`: monthly vintages stored as changes."""
    start = line.days[0].astype("datetime64[M]") - MONTHS_BEFORE
    months = np.arange(start, line.last_day.astype("datetime64[M]"))
    frames = [_revised(seed, name, months) for name in LEVELS]
    draws = stream(seed, "labour").standard_normal((len(months), 3))
    unemployment = np.clip(5.5 + persistent(draws[:, 0], 0.985, 1.4), 2.5, 12.0)
    cycle = 0.1 * (unemployment - 5.5) + persistent(draws[:, 1], 0.9, 0.05)
    claims = 240000.0 * np.exp(cycle)[:, None] * (1.0 + 0.01 * _errors(seed, "CLAIMSx", months))
    unemployment = unemployment[:, None] + 0.07 * _errors(seed, "UNRATE", months)
    frames += [_prints("UNRATE", months, unemployment, 1), _prints("CLAIMSx", months, claims, 0)]
    yields = _monthly_yields(seed, line, months, daily)
    frames += [_prints(name, months, value[:, None], 2) for name, value in yields.items()]
    rows = _withdrawn(pl.concat(frames), line)
    return (
        rows.sort("series_id", "date", "vintage_month")
        .filter(pl.col("value").ne_missing(pl.col("value").shift(1).over("series_id", "date")))
        .with_columns(available_date=pl.col("vintage_month").dt.month_end())
        .filter(pl.col("available_date") <= line.last_day.astype(object))
    )


def _errors(seed: int, name: str, months: Days) -> Floats:
    """Errors of the prints in sd of the first one's: they shrink, the last print has none."""
    draws = stream(seed, f"revisions of {name}").standard_normal((len(months), 3))
    return np.hstack([draws * np.array([1.0, 0.6, 0.4]), np.zeros((len(months), 1))])


def _revised(seed: int, name: str, months: Days) -> pl.DataFrame:
    """Prints of a series that grows."""
    start, mean, deviation, error, decimals = LEVELS[name]
    growth = stream(seed, f"growth of {name}").standard_normal(len(months))
    truth = start * np.exp(np.cumsum(mean + persistent(growth, 0.4, deviation)))
    prints = truth[:, None] * (1.0 + error * _errors(seed, name, months))
    return _prints(name, months, prints, decimals)


def _prints(name: str, months: Days, values: Floats, decimals: int) -> pl.DataFrame:
    """Rows of one series: a column of `values` for each print."""
    prints = values.shape[1]
    lag = np.tile(np.array(REVISIONS[:prints]), len(months))
    observed = np.repeat(months, prints)
    return pl.DataFrame(
        {
            "series_id": name,
            "date": observed.astype("datetime64[D]"),
            "value": np.round(values.ravel(), decimals),
            "vintage_month": (observed + lag).astype("datetime64[D]"),
        }
    )


def _monthly_yields(
    seed: int, line: Timeline, months: Days, daily: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Monthly means of yields; before the market begins its first values stand."""
    month = line.days.astype("datetime64[M]")
    at = np.clip(np.searchsorted(month, months), 0, None)
    edges = np.append(at, np.searchsorted(month, months[-1] + 1))
    premium = persistent(stream(seed, "credit").standard_normal((len(months), 2)), 0.95, 1.0)
    result = {}
    for name, series in (("GS10", "DGS10"), ("GS1", "DGS2"), ("FEDFUNDS", "DGS2")):
        sums = np.append(0.0, np.cumsum(daily[series]))
        count = np.diff(edges)
        mean = (sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(count, 1)
        result[name] = np.where(count > 0, mean, daily[series][0])
    result["AAA"] = result["GS10"] + np.maximum(1.1 + 0.2 * premium[:, 0], 0.4)
    result["BAA"] = result["AAA"] + np.maximum(0.95 + 0.25 * premium[:, 1], 0.4)
    return result


def _withdrawn(rows: pl.DataFrame, line: Timeline) -> pl.DataFrame:
    """Add a vintage without one observation, and the next one with it again."""
    month = line.company_days[line.first].astype("datetime64[M]") + 3
    observed = (month - 13).astype("datetime64[D]").astype(object)
    chosen = (pl.col("series_id") == WITHDRAWN) & (pl.col("date") == observed)
    standing = rows.filter(chosen).sort("vintage_month")[2]
    vintage = pl.lit(month.astype("datetime64[D]").astype(object))
    gone = standing.with_columns(value=pl.lit(None, pl.Float64), vintage_month=vintage)
    back = standing.with_columns(vintage_month=vintage.dt.offset_by("1mo"))
    return pl.concat([rows, gone, back])
