"""Filed figures as they were known, and the traps in them."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.domain.signals import filings

SCHEMA = {
    "symbol": pl.String,
    "item": pl.String,
    "period_start": pl.Date,
    "period_end": pl.Date,
    "value": pl.Float64,
    "form": pl.String,
    "filed": pl.Date,
    "known_on": pl.Date,
}
NO_ACTIONS = pl.DataFrame(
    schema={
        "symbol": pl.String,
        "ex_date": pl.Date,
        "shares_ratio": pl.Float64,
        "known_on": pl.Date,
    }
)


def ends(n):
    """Return the ends of n quarters from March 2020 on."""
    return [date(2020 + q // 4, 3 * (q % 4) + 3, 30) for q in range(n)]


def fact(value, end, filed, item="assets", start=None, form="10-Q", known=None):
    return ("A", item, start, end, value, form, filed, known or filed)


def figures(*rows):
    return filings.known_figures(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def counted(values, item="assets", actions=NO_ACTIONS):
    """Values that count, when one figure is filed each quarter, 30 days after its end."""
    rows = [
        fact(value, end, end.replace(day=28), item=item, known=end.replace(day=30))
        for value, end in zip(values, ends(len(values)), strict=True)
    ]
    reports = filings.newest_reports(figures(*rows))
    return filings.without_filed_errors(reports, actions).get_column("value").to_list()


def test_trap_7_a_restated_older_period_does_not_displace_the_newest():
    first, second = ends(2)
    rows = figures(
        fact(100.0, first, date(2020, 5, 1)),
        fact(110.0, second, date(2020, 8, 3)),
        fact(90.0, first, date(2020, 9, 1)),
        fact(115.0, second, date(2020, 9, 8)),
    )
    reports = filings.newest_reports(rows)
    assert reports.get_column("value").to_list() == [100.0, 110.0, 115.0]


def test_the_newest_period_of_a_filing_counts_among_its_comparatives():
    first, second = ends(2)
    rows = figures(fact(110.0, second, date(2020, 8, 3)), fact(100.0, first, date(2020, 8, 3)))
    assert filings.newest_reports(rows).get_column("value").to_list() == [110.0]


def test_of_two_breadths_of_a_figure_in_one_filing_the_larger_counts_and_of_two_filings_the_later():
    end, known = ends(1)[0], date(2020, 5, 4)
    rows = figures(
        fact(100.0, end, date(2020, 5, 1), item="revenue", known=known),
        fact(95.0, end, date(2020, 5, 2), item="revenue", known=known),
        fact(90.0, end, date(2020, 5, 2), item="revenue", known=known),
    )
    assert rows.get_column("value").to_list() == [95.0]


def test_figures_about_the_future_and_impossible_ones_are_passed_over():
    filed = date(2020, 5, 1)
    rows = figures(
        fact(1.0, date(2021, 3, 31), filed),
        fact(0.0, ends(1)[0], filed),
        fact(-5.0, ends(1)[0], filed, item="shares_outstanding"),
        fact(-5.0, ends(1)[0], filed, item="equity"),
    )
    assert rows.get_column("item").to_list() == ["equity"]


@pytest.mark.parametrize(
    ("filed", "expected"),
    [
        ([100.0, 104.0, 0.104, 106.0], [100.0, 104.0, 106.0]),
        ([100.0, 104.0, 400.0, 410.0], [100.0, 104.0, 410.0]),
        ([100.0, 104.0, 400.0, 9000.0, 108.0], [100.0, 104.0]),
        ([100.0, 290.0, 300.0], [100.0, 290.0, 300.0]),
    ],
    ids=["error", "repeated jump", "two errors", "within a factor of three"],
)
def test_trap_5_a_figure_that_jumps_is_held_back_until_the_next_filing_repeats_it(filed, expected):
    assert counted(filed) == expected


def test_trap_10_a_first_figure_is_no_jump_for_want_of_one_before_it():
    assert counted([100.0]) == [100.0]
    assert counted([100.0, 1000.0]) == [100.0]


def test_equity_that_turns_negative_is_no_jump():
    assert counted([5.0, -3.0, 4.0], item="equity") == [5.0, -3.0, 4.0]


def test_trap_2_a_share_count_does_not_jump_at_a_real_split_but_at_any_other_ratio():
    ex_date = date(2020, 8, 31)
    actions = pl.DataFrame([("A", ex_date, 7.0, ex_date)], schema=NO_ACTIONS.schema, orient="row")
    counts = [100.0, 99.0, 690.0, 685.0]
    assert counted(counts, item="shares_outstanding", actions=actions) == counts
    no_split = actions.with_columns(shares_ratio=pl.lit(1.0))
    held = counted(counts, item="shares_outstanding", actions=no_split)
    assert held == [100.0, 99.0, 685.0]


def test_trap_4_a_share_count_filed_a_thousand_times_too_large_is_held_back():
    counts = [1.0e9, 1.0e12, 1.01e9]
    assert counted(counts, item="shares_outstanding") == [1.0e9, 1.01e9]


def test_trap_6_revenue_meets_only_the_cost_of_its_own_filing():
    first, second = ends(2)
    rows = filings.with_margin(
        figures(
            fact(100.0, first, date(2020, 5, 1), item="revenue"),
            fact(60.0, first, date(2020, 5, 1), item="cost_of_revenue"),
            fact(150.0, first, date(2020, 8, 3), item="revenue"),
            fact(65.0, second, date(2020, 8, 3), item="cost_of_revenue"),
        )
    )
    margin = rows.filter(pl.col("item") == filings.MARGIN)
    assert margin.select("as_of", "value").rows() == [(first, 40.0)]
