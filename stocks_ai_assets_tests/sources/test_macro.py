"""Macroeconomic observations by vintage."""

from datetime import date


def rows(facts, series):
    columns = ("observation_date", "value", "known_on")
    return facts.filter(series_id=series).sort("known_on").select(columns).rows()


def test_trap_11_a_latest_file_serves_only_series_that_are_never_revised(read, raw):
    facts = read(raw, "market.macro_observations")
    assert rows(facts, "DGS10") == [
        (date(2024, 6, 6), 4.2, date(2024, 6, 7)),
        (date(2024, 6, 7), 4.3, date(2024, 6, 10)),
    ]
    assert 9.9 not in facts["value"].to_list()


def test_every_vintage_is_a_row_and_a_withdrawn_value_is_null(read, raw):
    april = date(2024, 4, 1)
    assert rows(read(raw, "market.macro_observations"), "UNRATE") == [
        (april, 3.9, date(2024, 6, 3)),
        (april, 4.0, date(2024, 6, 7)),
        (april, None, date(2024, 6, 12)),
    ]


def test_of_two_vintages_that_become_known_in_one_session_the_last_counts(read, raw):
    # Published on Friday and on Saturday.
    found = rows(read(raw, "market.macro_observations"), "GDP")
    assert found == [(date(2024, 1, 1), 28.3, date(2024, 6, 10))]
