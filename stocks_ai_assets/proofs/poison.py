"""Absurd futures: raw rows that became public after a session, replaced by nonsense.

A vendor would deliver the nonsense consistently, so a later split also re-bases earlier prices, and
corrections of old figures come in new filings. Values are drawn from a fixed seed.
"""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.sources import layout
from stocks_ai_assets.sources.splits import product_after, real_splits, split_rows

SEED = 7

SPLIT = 7.0
ABSURD = 1000.0
MAX_MOVE = 0.4
"""The market's poisoned move a session; the contract of market.benchmarks sets aside +-50 %."""

Frames = Mapping[str, pl.DataFrame]
Poison = Callable[[pl.DataFrame, pl.DataFrame, "Future"], pl.DataFrame]


class Future:
    """What every poison needs: the first days after the session, and random numbers.

    Parameters
    ----------
    session
        Last session whose facts are left alone.
    prices
        Raw price file.
    """

    def __init__(self, session: date, prices: pl.DataFrame) -> None:
        self.session = session
        self.next = nyse().offset(session, 1)
        self.rng = np.random.default_rng(SEED)
        self.real = split_rows(prices.lazy()).collect()
        later = prices.filter(pl.col("date") > session)
        self.splits = self._splits(later)

    def factors(self, n: int, spread: float = 0.5) -> pl.Series:
        """Random factors around 1."""
        return pl.Series(np.exp(self.rng.normal(0.0, spread, n)), dtype=pl.Float64)

    def _splits(self, later: pl.DataFrame) -> pl.DataFrame:
        """Every split up to the session, and one of 7:1 for every second symbol after it."""
        first = later.group_by("symbol").agg(ex_date=pl.col("date").min()).sort("symbol")
        new = first.gather_every(2).with_columns(ratio=pl.lit(SPLIT))
        return pl.concat([self.real.filter(pl.col("ex_date") <= self.session), new])


def poisoned_frames(raw: Frames, public: Frames, session: date) -> dict[str, pl.DataFrame]:
    """Return raw frames that agree with `raw` on everything public by `session`.

    Parameters
    ----------
    raw
        Raw frames by stem, all rows.
    public
        The rows of them that were public by the close of `session`, as they stand in `raw`.
    session
        Session.

    Returns
    -------
    dict
        Frames by stem; files that are never dated are passed on.
    """
    future = Future(session, raw[layout.PRICES.name])
    frames = dict(raw)
    for name, poison in _POISONS.items():
        if name in raw:
            later = raw[name].join(
                public[name], on=list(layout.RAW_FILES[name].key), how="anti", nulls_equal=True
            )
            frames[name] = poison(public[name], later, future).select(raw[name].columns)
    return frames


def _prices(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Random prices, those of every third symbol a thousand times too high; splits of 7:1."""
    columns = ["open", "high", "low", "close"]
    later = later.sort("symbol", "date")
    wild = pl.when(pl.col("symbol").hash(SEED) % 3 == 0).then(ABSURD).otherwise(1.0)
    rows = later.with_columns(_factor=future.factors(later.height)).with_columns(
        *(pl.col(name) * pl.col("_factor") * wild for name in columns),
        volume=(pl.col("volume") / pl.col("_factor")).round(0),
        dividends=pl.col("dividends") * ABSURD,
    )
    both = pl.concat([past, rows.drop("_factor")])
    # From the basis of the real later splits to that of the poisoned ones.
    basis = product_after(both, "date", future.real) / product_after(both, "date", future.splits)
    splits = future.splits.select("symbol", date="ex_date", _ratio="ratio")
    return (
        both.with_columns(
            *(pl.col(name) * basis for name in (*columns, "dividends")),
            volume=pl.col("volume") / basis,
        )
        .join(splits, on=["symbol", "date"], how="left", maintain_order="left")
        .with_columns(
            stock_splits=pl.when(pl.col("date") > future.session)
            .then(pl.col("_ratio").fill_null(0.0))
            .otherwise("stock_splits")
        )
    )


def _benchmarks(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Moves of up to 40 % a session; earlier prices rescaled as by a later dividend."""
    later = later.sort("symbol", "date")
    moves = 1.0 + future.rng.uniform(-MAX_MOVE, MAX_MOVE, later.height)
    rows = later.with_columns(pl.col("open", "close") * pl.Series(np.sqrt(moves)))
    return pl.concat([past, rows]).with_columns(pl.col("open", "close") * 0.9)


def _filings(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Absurd figures, and every item of the newest filings corrected to nonsense the next day."""
    newest = past.sort("filed").group_by("symbol", "item", "tag", maintain_order=True).last()
    corrected = newest.with_columns(
        filed=pl.lit(future.session), accession=pl.lit("poison"), form=pl.lit("10-K/A")
    )
    rows = pl.concat([later, corrected.select(later.columns)])
    wrong = rows.with_columns(value=-ABSURD * pl.col("value") * future.factors(rows.height))
    return pl.concat([past, wrong])


def _statements(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Absurd figures."""
    return pl.concat([past, later.with_columns(pl.col(pl.Float64) * -ABSURD)])


def _latest(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Extreme values."""
    return pl.concat([past, later.with_columns(value=ABSURD * future.factors(later.height))])


def _vintages(day: str) -> Poison:
    def poison(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
        """Extreme values, and the whole past revised to them the next day."""
        revised = past.sort(day).unique(["series_id", "date"], keep="last", maintain_order=True)
        rows = pl.concat([later, revised.with_columns(pl.lit(future.session).alias(day))])
        rows = rows.unique(["series_id", "date", day], keep="first", maintain_order=True)
        return pl.concat([past, rows.with_columns(value=ABSURD * future.factors(rows.height))])

    return poison


def _earnings(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Surprises beyond belief, both ways."""
    side = pl.Series(future.rng.choice([-ABSURD, ABSURD], later.height))
    both = pl.concat([past, later.with_columns(reported_eps=pl.col("reported_eps") * side)])
    basis = _eps_basis(both, future.real) / _eps_basis(both, future.splits)
    return both.with_columns(pl.col("eps_estimate", "reported_eps") * basis)


def _eps_basis(rows: pl.DataFrame, splits: pl.DataFrame) -> pl.Series:
    """Product of the real splits that the vendor's EPS of each row are adjusted for."""
    real = real_splits(splits)
    last = rows.with_columns(eps_basis=pl.col("eps_basis").fill_null(date.max))
    return product_after(rows, "reaction_date", real) / product_after(last, "eps_basis", real)


def _ratings(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Every grade a downgrade."""
    return pl.concat([past, later.with_columns(to_grade=pl.lit("Sell"), action=pl.lit("down"))])


def _esg(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Everybody rated 100 the next day."""
    points = ["total_esg_risk", "environment_risk", "social_risk", "governance_risk"]
    rated = pl.concat([past, later]).unique("symbol", keep="first", maintain_order=True)
    rows = rated.with_columns(
        *(pl.lit(100.0).alias(name) for name in points), available_date=pl.lit(future.session)
    )
    return pl.concat([past, rows])


def _constituents(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Everybody in another sector from the next list on."""
    newest = past.sort("snapshot_date").unique("symbol", keep="last", maintain_order=True)
    rows = newest.filter(pl.col("status") == "present").with_columns(
        snapshot_date=pl.lit(future.session)
    )
    shuffled = pl.Series(future.rng.permutation(rows.height))
    sectors = rows.get_column("gics_sector").gather(shuffled)
    return pl.concat([past, rows.with_columns(gics_sector=sectors)])


def _membership(past: pl.DataFrame, later: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Every member leaves the index two sessions later, nobody joins."""
    gone = nyse().offset(future.session, 2)
    return past.with_columns(end_date=pl.col("end_date").fill_null(gone))


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
    layout.MEMBERSHIP.name: _membership,
}
