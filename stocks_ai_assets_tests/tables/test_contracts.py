"""Every table is declared completely, and the dictionary says what the contracts say."""

from pathlib import Path

import pytest

from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.dictionary import data_dictionary

DICTIONARY = Path(__file__).parents[2] / "docs" / "data_dictionary.md"


def test_the_data_dictionary_is_the_one_generated_from_the_contracts():
    assert DICTIONARY.read_text(encoding="utf-8") == data_dictionary(), "run `make docs`"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_every_column_says_what_it_means_and_in_which_unit(table):
    for name, column in table.contract.columns().items():
        assert column.description, name
        assert (column.metadata or {}).get("unit"), name


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_the_partition_column_is_a_date_of_the_table(table):
    if table.partitioned_by != "none":
        assert str(table.schema[table.partition]) == "Date"


@pytest.mark.parametrize("table", [t for t in TABLES.values() if t.slice], ids=lambda t: t.name)
def test_the_key_begins_with_the_slice_so_that_slices_are_sorted_one_by_one(table):
    assert table.key[0] == table.slice
