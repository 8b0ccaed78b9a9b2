"""Flows over the trailing twelve months, from whatever periods companies file.

Filings give quarters, sums since the start of the fiscal year and years; a cash flow comes as
year-to-date only, a fourth quarter hardly ever. One algorithm serves all, see `trailing_flows`.
"""

from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.signals.filings import newest_reports

QUARTER = 365.25 / 4
"""Days."""

TOLERANCE = 30
"""Days by which a period may miss its number of quarters (52-53 week years, 16-week quarters)."""

SLOTS = 11
"""Quarters looked back: a year's fallback, the year itself, the year before and its first nine
months."""

DEADLINE = 60
"""Days after its year within which a large company must file Form 10-K (General Instruction A)."""

FALLBACK = 4
"""Quarters by which a sum may end before the newest period known."""


def trailing_flows(figures: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Twelve-month sums at every session on which one may have changed.

    The ends of all known periods are counted in quarters back from the newest one, so a figure is
    a flow of 1 to 4 quarters that ends `slot` quarters ago. The first formula whose figures are all
    known gives the sum:

    1. a year;
    2. the year before + the n quarters since - the same n quarters a year earlier, n = 1, 2, 3;
    3. four quarters, each filed or a difference (Q4 = year - nine months).

    Two or three quarters that were not filed as one are added up. Where no formula reaches the
    newest end, the one before is tried, up to a year back. Figures without dates are years that
    end, for want of better, on their filing date; they count where their year must be newer than
    the dated sum. Every sum is made of the figures known at its session, each in its latest
    version.

    Parameters
    ----------
    figures
        Flow items from `known_figures`.
    first, last
        Sessions for which the sums are wanted. What was known before is at `first`.

    Returns
    -------
    pl.DataFrame
        `symbol`, `item`, `session`, `value` (null: no formula), `as_of` (end of the sum),
        `known_on` (newest filing with the item), sorted by the first three.
    """
    flows = figures.filter(pl.col("known_on") <= last).with_columns(
        period_start=pl.coalesce(
            "period_start",
            pl.when(pl.col("form").str.starts_with("10-K")).then(
                pl.col("period_end") - pl.duration(days=364)
            ),
        )
    )
    points = (
        flows.select(
            "symbol", "item", "known_on", session=pl.max_horizontal("known_on", pl.lit(first))
        )
        .sort("symbol", "item", "session", "known_on")
        .unique(["symbol", "item", "session"], keep="last", maintain_order=True)
    )
    sums = _dated(points, flows.filter(pl.col("period_start").is_not_null()))
    years = newest_reports(
        flows.filter(pl.col("period_start").is_null(), pl.col("period_end").is_null())
    ).select("symbol", "item", "known_on", year="value", year_as_of="as_of")
    newer = pl.col("year").is_not_null() & (
        pl.col("value").is_null()
        | (pl.col("year_as_of") - pl.duration(days=DEADLINE) > pl.col("as_of"))
    )
    return (
        sums.join_asof(
            years,
            left_on="session",
            right_on="known_on",
            by=["symbol", "item"],
            check_sortedness=False,
            suffix="_year",
        )
        .with_columns(
            value=pl.when(newer).then("year").otherwise("value"),
            as_of=pl.when(newer).then("year_as_of").otherwise("as_of"),
        )
        .select("symbol", "item", "session", "value", "as_of", "known_on")
    )


def _dated(points: pl.DataFrame, flows: pl.DataFrame) -> pl.DataFrame:
    """Add `value` and `as_of` of the newest sum of dated figures to every point."""
    versions = _versions(flows)
    newest = versions.select(
        "symbol",
        "item",
        session="known_on",
        newest=pl.col("period_end").cum_max().over("symbol", "item"),
    )
    numbered = points.join_asof(
        newest, on="session", by=["symbol", "item"], check_sortedness=False
    ).with_row_index("row")
    back = (pl.col("newest") - pl.col("period_end")).dt.total_days() / QUARTER
    placed = (
        versions.join(
            numbered.select("symbol", "item", "session", "newest", "row"),
            on=["symbol", "item"],
            maintain_order="left",
        )
        .filter(pl.col("known_on") <= pl.col("session"))
        .with_columns(slot=back.round().cast(pl.Int64))
        .filter(pl.col("slot").is_between(0, SLOTS - 1))
    )
    row, slot, length = (placed.get_column(name).to_numpy() for name in ("row", "slot", "quarters"))
    filed = np.full((5, numbered.height, SLOTS), np.nan)
    filed[length, row, slot] = placed.get_column("value").to_numpy()
    ends = np.zeros((numbered.height, SLOTS), dtype=np.int32)
    ends[row, slot] = placed.get_column("period_end").to_physical().to_numpy()
    sums = _twelve_months(filed)[:, : FALLBACK + 1]
    chosen = np.argmax(~np.isnan(sums), axis=1)
    every = np.arange(len(chosen))
    return numbered.with_columns(
        value=pl.Series(sums[every, chosen], dtype=pl.Float64).fill_nan(None),
        as_of=pl.Series(ends[every, chosen], dtype=pl.Int32).cast(pl.Date),
    ).with_columns(as_of=pl.when(pl.col("value").is_not_null()).then("as_of"))


def _versions(flows: pl.DataFrame) -> pl.DataFrame:
    """Figures of 1 to 4 quarters where they are new or changed, in the order they became known.

    Most filings repeat older figures; a repetition changes nothing.
    """
    days = (pl.col("period_end") - pl.col("period_start")).dt.total_days() + 1
    quarters = (days / QUARTER).round().cast(pl.Int64)
    period = ["symbol", "item", "period_start", "period_end"]
    return (
        flows.with_columns(quarters=quarters)
        .filter(
            pl.col("quarters").is_between(1, 4),
            (days - pl.col("quarters") * QUARTER).abs() <= TOLERANCE,
        )
        .sort("known_on", *period)
        .filter(pl.col("value").ne_missing(pl.col("value").shift(1).over(period)))
        .select(*period, "known_on", "value", "quarters")
    )


def _twelve_months(filed: Floats) -> Floats:
    """Sums of four quarters by the slot of their end; NaN where no formula applies.

    Parameters
    ----------
    filed
        Quarters of the flow (0 unused) x points x slots; NaN: not known.
    """
    one, year = filed[1], filed[4]
    two = _first_known(filed[2], one + _ago(one, 1))
    three = _first_known(filed[3], two + _ago(one, 2), one + _ago(two, 1))
    quarter = _first_known(one, two - _ago(one, 1), three - _ago(two, 1), year - _ago(three, 1))
    since = enumerate((one, two, three), start=1)
    return _first_known(
        year,
        *(_ago(year, n) + flow - _ago(flow, 4) for n, flow in since),
        quarter + _ago(quarter, 1) + _ago(quarter, 2) + _ago(quarter, 3),
    )


def _ago(flow: Floats, quarters: int) -> Floats:
    """Return the same flow `quarters` quarters earlier, in the place of the later one."""
    earlier = np.full_like(flow, np.nan)
    earlier[:, :-quarters] = flow[:, quarters:]
    return earlier


def _first_known(*choices: Floats) -> Floats:
    result = choices[0]
    for choice in choices[1:]:
        result = np.where(np.isnan(result), choice, result)
    return result
