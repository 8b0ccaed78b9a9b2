"""Sectors as published at the time, and what their members did."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals import sector

SESSIONS = nyse().between(date(2019, 3, 1), date(2019, 3, 15))
SPLIT = SESSIONS[6]


def published(*rows: tuple[str, str | None, str | None, date]) -> pl.DataFrame:
    schema = {"symbol": pl.String, "issuer_id": pl.String, "sector": pl.String, "known_on": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture(scope="module")
def market():
    """Nine symbols with returns; two are reclassified, one is never described."""
    rng = np.random.default_rng(2)
    symbols = [f"S{i}" for i in range(9)]
    technical = (
        pl.DataFrame({"symbol": symbols})
        .join(pl.DataFrame({"session": SESSIONS}), how="cross")
        .with_columns(
            total_return=pl.Series(rng.normal(0.0, 0.02, 9 * len(SESSIONS))),
            momentum_126_21=pl.Series(rng.normal(0.1, 0.3, 9 * len(SESSIONS))),
        )
        # The youngest has no momentum yet.
        .with_columns(pl.when(pl.col("symbol") != "S2").then("momentum_126_21"))
    )
    old = date(2018, 1, 2)
    companies = published(
        *((f"S{i}", f"I{i}", "Information Technology", old) for i in range(5)),
        *((f"S{i}", "I5", "Utilities", old) for i in range(5, 7)),
        ("S7", None, None, old),
        *((f"S{i}", f"I{i}", "Communication Services", SPLIT) for i in (3, 4)),
        ("S0", "I0", None, SESSIONS[2]),
    )
    return {"signals.technical": technical, "market.companies": companies}


@pytest.fixture(scope="module")
def rows(market, window_of, produce, signal_parameters):
    window = window_of(SESSIONS[0], SESSIONS[-1])
    return produce(sector.transform(signal_parameters), market, window)


def test_trap_9_a_reclassification_counts_from_its_day_on(rows):
    moved = rows.filter(pl.col("symbol") == "S3").sort("session")
    expected = ["Information Technology"] * 6 + ["Communication Services"] * 5
    assert moved["sector"].to_list() == expected
    assert moved["n_members"].to_list() == [5] * 6 + [2] * 5
    stayed = rows.filter(pl.col("symbol") == "S1").sort("session")
    assert stayed["n_members"].to_list() == [5] * 6 + [3] * 5


def test_trap_9_a_hole_in_what_is_published_moves_nobody(rows):
    assert rows.filter(pl.col("symbol") == "S0")["sector"].unique().to_list() == [
        "Information Technology"
    ]


def test_a_symbol_nobody_described_is_in_no_sector_and_its_own_issuer(rows):
    unknown = rows.filter(pl.col("symbol").is_in(["S7", "S8"]))
    assert unknown["sector"].unique().to_list() == ["Unknown"]
    assert unknown["n_members"].unique().to_list() == [2]
    assert unknown["sector_return"].null_count() == unknown.height
    assert unknown["sector_momentum_126_21"].null_count() == unknown.height
    assert unknown.filter(pl.col("issuer_id") != pl.col("symbol")).is_empty()
    classes = rows.filter(pl.col("symbol").is_in(["S5", "S6"]))
    assert classes["issuer_id"].unique().to_list() == ["I5"]


def test_trap_10_a_member_without_momentum_is_left_out_of_the_mean_not_counted_as_zero(
    rows, market
):
    day = market["signals.technical"].filter(pl.col("session") == SESSIONS[-1])
    members = day.filter(pl.col("symbol").is_in(["S0", "S1", "S2"]))
    row = rows.filter(pl.col("symbol") == "S2", pl.col("session") == SESSIONS[-1])
    assert row["n_members"].item() == 3
    for name, of in (
        ("sector_return", "total_return"),
        ("sector_momentum_126_21", "momentum_126_21"),
    ):
        expected = members[of].drop_nulls().to_numpy().mean()
        assert row[name].item() == pytest.approx(expected, rel=1e-12)


def test_a_range_equals_its_days_in_any_order_of_rows(
    rows, market, window_of, produce, signal_parameters
):
    shuffled = {name: f.sample(fraction=1.0, shuffle=True, seed=4) for name, f in market.items()}
    declared = sector.transform(signal_parameters)
    days = [produce(declared, shuffled, window_of(day, day)) for day in SESSIONS]
    assert pl.concat(days).sort("symbol", "session").equals(rows)


def test_without_prices_there_are_no_rows(market, window_of, produce, signal_parameters):
    nothing = {name: frame.clear() for name, frame in market.items()}
    window = window_of(SESSIONS[0], SESSIONS[-1])
    assert produce(sector.transform(signal_parameters), nothing, window).is_empty()
