"""Which version of a fact counts at which session."""

from datetime import date

import polars as pl

from stocks_ai_assets.domain.signals.as_known import known_at

FACTS = pl.DataFrame(
    {
        "symbol": ["AAA", "AAA", "BBB"],
        "known_on": [date(2020, 1, 2), date(2020, 1, 6), date(2020, 1, 3)],
        "value": [1.0, 2.0, 3.0],
    }
)


def test_a_correction_is_invisible_before_the_session_on_which_it_became_known():
    days = [date(2020, 1, 3), date(2020, 1, 6), date(2020, 1, 7)]
    rows = pl.DataFrame({"symbol": "AAA", "session": days})
    assert known_at(rows, FACTS, ["symbol"])["value"].to_list() == [1.0, 2.0, 2.0]


def test_what_was_never_known_is_null_and_rows_keep_their_order():
    rows = pl.DataFrame(
        {
            "symbol": ["BBB", "CCC", "AAA", "BBB"],
            "session": [
                date(2020, 1, 9),
                date(2020, 1, 9),
                date(2020, 1, 1),
                date(2020, 1, 3),
            ],
        }
    )
    found = known_at(rows, FACTS.reverse(), ["symbol"])
    assert found["symbol"].to_list() == rows["symbol"].to_list()
    assert found["value"].to_list() == [3.0, None, None, 3.0]
