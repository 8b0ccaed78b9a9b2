"""Real splits between two dates, as known on a third."""

from datetime import date

import polars as pl

from stocks_ai_assets.domain.signals.splits import split_factor

SPLIT, LATER = date(2020, 8, 31), date(2022, 7, 18)


def factors(actions, *spans):
    schema = {
        "symbol": pl.String,
        "ex_date": pl.Date,
        "shares_ratio": pl.Float64,
        "known_on": pl.Date,
    }
    names = ("symbol", "after", "until", "known_by")
    frame = pl.DataFrame(
        spans, schema=dict.fromkeys(names, pl.Date) | {"symbol": pl.String}, orient="row"
    )
    return split_factor(frame, pl.DataFrame(actions, schema=schema, orient="row")).to_list()


def test_a_split_counts_from_its_ex_date_on_for_what_was_filed_before_it():
    spans = [
        ("A", date(2020, 7, 31), date(2020, 8, 28), date(2020, 8, 28)),
        ("A", date(2020, 7, 31), SPLIT, SPLIT),
        ("A", SPLIT, date(2021, 1, 4), date(2021, 1, 4)),
        ("B", date(2020, 7, 31), SPLIT, SPLIT),
    ]
    assert factors([("A", SPLIT, 4.0, SPLIT)], *spans) == [1.0, 4.0, 1.0, 1.0]


def test_several_splits_multiply_and_other_actions_change_nothing():
    actions = [
        ("A", LATER, 3.0, LATER),
        ("A", SPLIT, 5.0, SPLIT),
        ("A", date(2021, 1, 4), 1.0, SPLIT),
    ]
    assert factors(actions, ("A", date(2020, 1, 2), LATER, LATER)) == [15.0]


def test_a_split_is_invisible_before_the_session_on_which_it_became_known():
    actions = [("A", SPLIT, 4.0, LATER)]
    span = ("A", date(2020, 1, 2), LATER)
    assert factors(actions, (*span, date(2022, 7, 15)), (*span, LATER)) == [1.0, 4.0]


def test_a_split_that_was_withdrawn_and_then_confirmed_counts_as_it_was_known():
    days = [SPLIT, date(2020, 9, 2), date(2020, 9, 4)]
    actions = [("A", SPLIT, ratio, day) for ratio, day in zip((4.0, 1.0, 5.0), days, strict=True)]
    spans = [("A", date(2020, 1, 2), day, day) for day in days]
    assert factors(actions[::-1], *spans) == [4.0, 1.0, 5.0]
