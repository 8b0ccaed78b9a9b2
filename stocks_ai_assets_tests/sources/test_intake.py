"""Bad rows are set aside with the reason; nothing is lost and nothing is repaired."""

import json
from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.errors import SourceError
from stocks_ai_assets.sources.intake import intake
from stocks_ai_assets.tables import table

DAY = date(2024, 6, 5)


@pytest.fixture
def prices(source):
    return source.read("market.prices", DAY, DAY).sort("symbol")


def changed(prices, **values):
    """Prices in which BBB has other values."""
    here = pl.col("symbol") == "BBB"
    return prices.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in values.items()
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"low": -1.0}, "low is too low"),
        ({"close": None}, "close is missing"),
        ({"close": float("nan")}, "close is not a number"),
        ({"volume": float("inf")}, "volume is infinite"),
        ({"volume": -1.0}, "volume is too low"),
        ({"high": 1.0}, "not so: high is the highest"),
        ({"low": 99.0}, "not so: low is the lowest"),
        ({"symbol": "b b"}, "symbol is badly spelled"),
        ({"symbol": None}, "symbol is missing"),
        ({"session": date(2024, 6, 8)}, "session is not a trading session"),
        ({"session": None}, "session is missing"),
        ({"source": None}, "source is missing"),
        ({"known_on": date(2024, 6, 4)}, "known_on is before the publication"),
        ({"known_on": date(2024, 6, 8)}, "known_on is before the publication"),
    ],
)
def test_a_bad_row_is_set_aside_with_the_reason(prices, values, reason):
    taken = intake("market.prices", changed(prices, **values))
    assert taken.valid["symbol"].to_list() == ["AAA", "CCC"]
    assert taken.quarantined.height == 1
    assert reason in taken.quarantined["reason"].item()
    row = json.loads(taken.quarantined["row"].item())
    assert row["open"] == prices.filter(symbol="BBB")["open"].item()


def test_quarantine_keeps_its_own_contract(prices):
    taken = intake("market.prices", changed(prices, low=-1.0, close=None))
    table("market.quarantine").contract.validate(taken.quarantined)
    row = taken.quarantined.row(0, named=True)
    assert (row["source_table"], row["known_on"]) == ("market.prices", DAY)
    again = intake("market.prices", changed(prices, low=-1.0, close=None)).quarantined
    assert again["row_id"].to_list() == [row["row_id"]]
    assert len(row["row_id"]) == 16


def test_good_rows_pass_unchanged(prices):
    taken = intake("market.prices", prices)
    assert taken.valid.equals(prices)
    assert taken.quarantined.is_empty()
    assert taken.quarantined.schema == table("market.quarantine").schema


def test_identical_rows_are_one_row(prices):
    taken = intake("market.prices", pl.concat([prices, prices]))
    assert taken.valid.sort("symbol").equals(prices)
    assert taken.quarantined.is_empty()


def test_rows_that_contradict_each_other_are_all_set_aside(prices):
    taken = intake("market.prices", pl.concat([prices, changed(prices, volume=5.0)]))
    assert taken.valid["symbol"].sort().to_list() == ["AAA", "CCC"]
    assert taken.quarantined["reason"].unique().to_list() == [
        "key (symbol, session, known_on) occurs more than once with different values"
    ]
    assert taken.quarantined["row_id"].n_unique() == 2


def test_nothing_is_lost(prices):
    frame = pl.concat([prices, changed(prices, low=-1.0), changed(prices, symbol="b b")])
    taken = intake("market.prices", frame)
    assert taken.valid.height + taken.quarantined.height == frame.unique().height


def test_a_missing_column_is_an_error_that_names_it(prices):
    with pytest.raises(
        SourceError, match=r"market\.prices lack the columns volume \(found: symbol"
    ):
        intake("market.prices", prices.drop("volume"))


def test_a_column_of_another_kind_is_an_error(prices):
    with pytest.raises(SourceError, match=r"market\.prices are not of the contract's types"):
        intake("market.prices", prices.with_columns(open=pl.lit("a lot")))


def test_a_row_without_a_session_to_place_it_is_an_error(prices):
    with pytest.raises(SourceError, match=r"1 rows for market\.prices have no known_on"):
        intake("market.prices", changed(prices, known_on=None))


def test_a_table_without_rows_passes_empty():
    empty = pl.DataFrame(schema=table("market.earnings").schema)
    taken = intake("market.earnings", empty)
    assert taken.valid.is_empty()
    assert taken.quarantined.is_empty()
