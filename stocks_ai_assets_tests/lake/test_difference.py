"""Which rows and partitions change."""

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from stocks_ai_assets.lake.difference import difference, equal_bits
from stocks_ai_assets.tables import TABLES

DAYS = [date(2021, 1, 4), date(2021, 1, 5), date(2021, 1, 6)]
NUMBERS = st.none() | st.sampled_from([0.0, -0.0, 1.0, 2.0])
LISTS = st.none() | st.lists(NUMBERS, max_size=3)


def compared(stored, new, name="meta.synthesized_predictions"):
    table = TABLES[name]
    return difference(stored.sort(table.key), new.sort(table.key), table)


def test_rows_are_inserted_updated_deleted_or_left_alone(rows):
    stored = rows.synthesized(DAYS[:2])
    new = pl.concat(
        [
            rows.synthesized(DAYS[:1], symbols=("AA",)),
            rows.synthesized(DAYS[:1], 0.02, symbols=("BB",)),
            rows.synthesized(DAYS[1:], symbols=("AA",)),
        ]
    )
    found = compared(stored, new)
    assert found.upserted.select("symbol", "prediction_date").rows() == [
        ("AA", DAYS[2]),
        ("BB", DAYS[0]),
    ]
    assert found.deleted.select("symbol", "prediction_date").rows() == [("BB", DAYS[1])]
    assert (found.changed, found.unchanged) == (tuple(DAYS), ())


def test_a_partition_without_a_changed_row_is_unchanged(rows):
    stored = rows.esg(DAYS)
    new = stored.with_columns(
        total_risk=pl.when(pl.col("session") == DAYS[1]).then(-0.0).otherwise("total_risk")
    )
    found = compared(stored, new, "signals.esg")
    assert (found.changed, found.unchanged) == ((DAYS[1],), (DAYS[0], DAYS[2]))


def bits(value):
    """Text that tells every value from every other, signed zeros too."""
    return repr(value)


@given(st.lists(st.tuples(LISTS, LISTS), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_two_lists_are_equal_when_every_bit_of_every_element_is(pairs):
    old = pl.Series([a for a, _ in pairs], dtype=pl.List(pl.Float64))
    new = pl.Series([b for _, b in pairs], dtype=pl.List(pl.Float64))
    assert equal_bits(old, new).tolist() == [bits(a) == bits(b) for a, b in pairs]
    nested = [pl.DataFrame({"x": s, "y": s.list.len()}).to_struct() for s in (old, new)]
    assert equal_bits(*nested).tolist() == [bits(a) == bits(b) for a, b in pairs]
