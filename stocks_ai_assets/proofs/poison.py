"""Absurd futures: raw rows that became public after a session, replaced by nonsense.

A vendor would deliver the nonsense consistently: a poisoned split also re-bases the prices before
it, and old figures are corrected by new filings. Values are drawn from a fixed seed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.calendar import Calendar
from stocks_ai_assets.sources import layout
from stocks_ai_assets.sources.publication import as_downloaded, public_rows
from stocks_ai_assets.sources.raw import collect

SEED = 7

SPLIT = 7.0
ABSURD = 1000.0

CRASH = 0.01
PAYOUT = 10.0
"""Factors of prices and dividends. Prices that rise as absurdly would cost a short portfolio more
than its capital, which the contract of portfolio.returns does not allow."""

MAX_MOVE = 0.2
"""Factor of a benchmark's poisoned price: its return stays within the contract's +-50 %."""

RESCALED = 0.9
"""Factor of a benchmark's earlier prices: what a later dividend of a tenth makes of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows of one raw file, and what their poison is made of.

    Parameters
    ----------
    past
        Rows public by the session.
    later
        Rows that really followed.
    session
        Last session whose facts are left alone. What a day alone dates and bears this day is
        public only after its close.
    rng
        Random numbers.
    """

    past: pl.DataFrame
    later: pl.DataFrame
    session: date
    rng: np.random.Generator

    def factors(self, n: int) -> pl.Series:
        """Random factors around 1, hardly below 1/2 or above 2."""
        return pl.Series(np.exp(self.rng.normal(0.0, 0.2, n)), dtype=pl.Float64)


Poison = Callable[[Rows], pl.DataFrame]
"""From the rows of a file to those to add to its past."""


def poisoned_frames(
    raw: Mapping[str, pl.LazyFrame], session: date, calendar: Calendar
) -> dict[str, pl.DataFrame]:
    """Return raw frames that agree with `raw` on everything public by `session`.

    Parameters
    ----------
    raw
        Raw frames by stem, all rows, in their canonical types.
    session
        Session.
    calendar
        Sessions and their cutoffs.
    """
    public = public_rows(raw, session, calendar)
    later = {
        name: collect(raw[name], name).join(
            rows, on=list(layout.RAW_FILES[name].key), how="anti", nulls_equal=True
        )
        for name, rows in public.items()
    }
    prices = later[layout.PRICES.name]
    later[layout.PRICES.name] = prices.filter(pl.col("symbol").rank("dense") % VANISHES != 1)
    splits = _splits(later[layout.PRICES.name])
    frames = as_downloaded(raw, session, calendar, later_splits=splits)
    rng = np.random.default_rng(SEED)
    for name, poison in _POISONS.items():
        wrong = poison(Rows(past=public[name], later=later[name], session=session, rng=rng))
        frames[name] = pl.concat([frames[name], wrong.select(frames[name].columns)])
    # Nobody stays in the index, and a later dividend has rescaled the funds' earlier prices.
    members, funds = layout.MEMBERSHIP.name, layout.BENCHMARKS.name
    left = pl.col("end_date").fill_null(calendar.offset(session, 2))
    rescaled = pl.when(pl.col("date") <= session).then(RESCALED).otherwise(1.0)
    frames[members] = frames[members].with_columns(left)
    frames[funds] = frames[funds].with_columns(pl.col("open", "close") * rescaled)
    return frames


VANISHES = 5
"""Every fifth company has no price any more: who survives is part of the future too."""


def _splits(later: pl.DataFrame) -> pl.DataFrame:
    """A split of 7:1 for every second symbol, on its first session after the real past."""
    first = later.group_by("symbol").agg(ex_date=pl.col("date").min()).sort("symbol")
    return first.gather_every(2).with_columns(ratio=pl.lit(SPLIT))


def _prices(rows: Rows) -> pl.DataFrame:
    """Random prices, a hundredth of the real ones for every third symbol; other splits."""
    later = rows.later.sort("symbol", "date")
    splits = _splits(later).rename({"ex_date": "date", "ratio": "_split"})
    later = later.join(splits, on=["symbol", "date"], how="left", maintain_order="left")
    real = pl.when(pl.col("stock_splits") > 0.0).then("stock_splits").otherwise(1.0)
    # The level of the past, which is adjusted for the poisoned splits and no more for the real.
    level = (real.product() / pl.col("_split").fill_null(1.0).product()).over("symbol")
    wild = pl.when(pl.col("symbol").rank("dense") % 3 == 0).then(CRASH).otherwise(1.0)
    factor = rows.factors(later.height)
    return later.with_columns(
        *(pl.col(name) * level * factor * wild for name in ("open", "high", "low", "close")),
        volume=pl.col("volume") / factor,
        dividends=pl.col("dividends") * level * wild * PAYOUT,
        stock_splits=pl.col("_split").fill_null(0.0),
    )


def _benchmarks(rows: Rows) -> pl.DataFrame:
    """Random prices around those of the last session."""
    moves = pl.Series(1.0 + rows.rng.uniform(-MAX_MOVE, MAX_MOVE, rows.later.height))
    return rows.later.with_columns(pl.col("open", "close") * moves)


def _filings(rows: Rows) -> pl.DataFrame:
    """Absurd figures, and the newest figure of every item corrected to nonsense at once."""
    item = ["symbol", "item", "tag"]
    newest = rows.past.sort("filed").unique(item, keep="last", maintain_order=True)
    corrected = newest.with_columns(
        filed=pl.lit(rows.session), accession=pl.lit("poison"), form=pl.lit("10-K/A")
    )
    wrong = pl.concat([rows.later, corrected])
    return wrong.with_columns(value=-ABSURD * pl.col("value") * rows.factors(wrong.height))


def _statements(rows: Rows) -> pl.DataFrame:
    """Absurd figures."""
    return rows.later.with_columns(pl.col(pl.Float64) * -ABSURD)


def _latest(rows: Rows) -> pl.DataFrame:
    """Extreme values."""
    return rows.later.with_columns(value=ABSURD * rows.factors(rows.later.height))


def _vintages(published: str) -> Poison:
    def poison(rows: Rows) -> pl.DataFrame:
        """Extreme values, and the whole past revised to them at once."""
        key = ["series_id", "date"]
        revised = rows.past.unique(key, keep="first", maintain_order=True)
        revised = revised.with_columns(pl.lit(rows.session).alias(published))
        wrong = pl.concat([revised, rows.later]).unique(
            [*key, published], keep="first", maintain_order=True
        )
        return wrong.with_columns(value=ABSURD * rows.factors(wrong.height))

    return poison


def _earnings(rows: Rows) -> pl.DataFrame:
    """Surprises beyond belief, both ways."""
    side = pl.Series(rows.rng.choice([-ABSURD, ABSURD], rows.later.height))
    return rows.later.with_columns(
        reported_eps=pl.col("reported_eps") * side, eps_basis=pl.lit(rows.session)
    )


def _ratings(rows: Rows) -> pl.DataFrame:
    """Every grade a downgrade."""
    return rows.later.with_columns(to_grade=pl.lit("Avoid"), action=pl.lit("down"))


def _esg(rows: Rows) -> pl.DataFrame:
    """Everybody rated 100 at once."""
    points = ("total_esg_risk", "environment_risk", "social_risk", "governance_risk")
    rated = pl.concat([rows.past, rows.later]).unique("symbol", keep="first", maintain_order=True)
    return rated.with_columns(
        *(pl.lit(100.0).alias(name) for name in points), available_date=pl.lit(rows.session)
    )


def _constituents(rows: Rows) -> pl.DataFrame:
    """Everybody in somebody else's sector from the next list on."""
    lists = rows.past.sort("snapshot_date")
    newest = lists.unique("symbol", keep="last", maintain_order=True)
    present = newest.filter(pl.col("status") == "present")
    order = pl.Series(rows.rng.permutation(present.height), dtype=pl.UInt32)
    return present.with_columns(
        snapshot_date=pl.lit(rows.session),
        gics_sector=present.get_column("gics_sector").gather(order),
    )


_POISONS: dict[str, Poison] = {
    layout.PRICES.name: _prices,
    layout.BENCHMARKS.name: _benchmarks,
    layout.FILINGS.name: _filings,
    layout.STATEMENTS.name: _statements,
    layout.MACRO_LATEST.name: _latest,
    layout.MACRO_FREDMD.name: _vintages("available_date"),
    layout.MACRO_GDP.name: _vintages("available_date"),
    layout.MACRO_ALFRED.name: _vintages("realtime_start"),
    layout.EARNINGS.name: _earnings,
    layout.RATINGS.name: _ratings,
    layout.ESG.name: _esg,
    layout.CONSTITUENTS.name: _constituents,
}
