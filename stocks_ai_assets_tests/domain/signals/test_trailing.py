"""Twelve months from whatever periods are filed, as known at each session."""

import random
from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.domain.signals.filings import known_figures
from stocks_ai_assets.domain.signals.trailing import trailing_flows

FIRST, LAST = date(2020, 1, 2), date(2024, 12, 31)
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
END = {1: (3, 31), 2: (6, 30), 3: (9, 30), 4: (12, 31)}


def flow(value, year, quarter, months, filed=None, form="10-Q"):
    """Return a flow of some months that ends with a calendar quarter, filed a month later."""
    end = date(year, *END[quarter])
    start = quarter - months // 3 + 1
    first = date(year - 1, 3 * start + 10, 1) if start < 1 else date(year, 3 * start - 2, 1)
    filed = filed or (date(year + 1, 2, 1) if quarter == 4 else date(year, 3 * quarter + 2, 1))
    return ("A", "net_income", first, end, value, form, filed, filed)


def sums(*rows, first=FIRST, last=LAST):
    figures = known_figures(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    return trailing_flows(figures, first, last)


def newest(*rows, last=LAST):
    """Value and end of the last sum."""
    return sums(*rows, last=last).select("value", "as_of").row(-1)


def test_a_year_is_its_own_sum():
    assert newest(flow(40.0, 2020, 4, 12)) == (40.0, date(2020, 12, 31))


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_cash_flow_since_the_start_of_the_year_replaces_the_same_months_of_the_year_before(
    quarter,
):
    months = 3 * quarter
    rows = [
        flow(40.0, 2020, 4, 12),
        flow(9.0 * quarter, 2020, quarter, months),
        flow(12.0 * quarter, 2021, quarter, months),
    ]
    assert newest(*rows) == (40.0 + 3.0 * quarter, date(2021, *END[quarter]))


def test_quarters_alone_are_added_up_and_a_missing_fourth_is_the_year_less_nine_months():
    quarters = [flow(float(q), 2020, q, 3) for q in (1, 2, 3)]
    rows = [*quarters, flow(20.0, 2020, 4, 12), flow(5.0, 2021, 1, 3), flow(6.0, 2021, 2, 3)]
    # Q3 3 + Q4 (20 - 1 - 2 - 3) + 5 + 6
    assert newest(*rows) == (28.0, date(2021, 6, 30))
    four = [flow(float(q), 2020, q, 3) for q in (2, 3, 4)]
    assert newest(*four, flow(5.0, 2021, 1, 3)) == (14.0, date(2021, 3, 31))
    no_first = [flow(12.0, 2020, 3, 9), flow(2.0, 2020, 2, 3), flow(3.0, 2020, 3, 3)]
    # Q2 2 + Q3 3 + Q4 (20 - 12) + 5
    assert newest(*no_first, *rows[3:5]) == (18.0, date(2021, 3, 31))


def test_years_of_52_or_53_weeks_and_quarters_of_12_or_16_weeks_are_recognised():
    def weeks(value, start, end):
        return ("A", "net_income", start, end, value, "10-Q", end, end)

    rows = [
        weeks(40.0, date(2018, 9, 3), date(2019, 9, 1)),
        weeks(8.0, date(2018, 9, 3), date(2018, 11, 25)),
        weeks(9.0, date(2019, 9, 2), date(2019, 11, 24)),
        weeks(25.0, date(2018, 9, 3), date(2019, 5, 12)),
        weeks(29.0, date(2019, 9, 2), date(2020, 5, 10)),
    ]
    assert newest(*rows[:3]) == (41.0, date(2019, 11, 24))
    assert newest(*rows) == (44.0, date(2020, 5, 10))


def test_a_quarter_without_its_year_before_leaves_the_sum_at_the_last_year():
    rows = [flow(40.0, 2020, 4, 12), flow(12.0, 2021, 1, 3)]
    assert newest(*rows) == (40.0, date(2020, 12, 31))


def test_a_sum_that_ended_more_than_a_year_before_the_newest_figure_is_unknown():
    assert newest(flow(40.0, 2020, 4, 12), flow(12.0, 2022, 1, 3)) == (None, None)


def test_a_period_that_is_no_number_of_quarters_is_left_out():
    stub = ("A", "net_income", date(2021, 1, 1), date(2021, 2, 28), 9.0, "10-KT", LAST, LAST)
    rows = [flow(5.0, 2020, 1, 3), flow(40.0, 2020, 4, 12), stub]
    assert newest(*rows) == (40.0, date(2020, 12, 31))


def test_a_restatement_counts_from_the_session_on_which_it_became_known():
    restated = flow(30.0, 2020, 4, 12, filed=date(2021, 3, 1))
    again = flow(35.0, 2020, 4, 12, filed=date(2021, 4, 1))
    found = sums(again, flow(40.0, 2020, 4, 12), restated).select("session", "value").rows()
    days = [date(2021, 2, 1), date(2021, 3, 1), date(2021, 4, 1)]
    assert found == list(zip(days, [40.0, 30.0, 35.0], strict=True))


def test_trap_7_a_restated_older_year_does_not_displace_the_newest():
    old = flow(1.0, 2019, 4, 12, filed=date(2021, 6, 1))
    assert newest(flow(40.0, 2020, 4, 12), old) == (40.0, date(2020, 12, 31))


def test_a_figure_without_dates_is_a_year_and_gives_way_to_the_dated_sum_of_the_same_year():
    filed = date(2021, 2, 1)
    undated = ("A", "net_income", None, None, 33.0, None, filed, filed)
    assert newest(undated) == (33.0, filed)
    assert newest(undated, flow(40.0, 2020, 4, 12)) == (40.0, date(2020, 12, 31))
    assert newest(undated, flow(38.0, 2019, 4, 12)) == (33.0, filed)


def test_a_flow_that_ends_on_a_known_day_without_a_start_is_a_year_in_an_annual_report_only():
    end, filed = date(2020, 12, 31), date(2021, 2, 1)
    rows = [("A", "net_income", None, end, 33.0, form, filed, filed) for form in ("10-K", "10-Q")]
    assert newest(rows[0]) == (33.0, end)
    assert newest(rows[1], flow(40.0, 2019, 4, 12)) == (40.0, date(2019, 12, 31))


def history():
    """Three years of year-to-date figures and restatements; values without short binary form."""
    rng = random.Random(3)  # noqa: S311  # made-up figures
    rows = []
    for year in (2019, 2020, 2021):
        for quarter in (1, 2, 3, 4):
            rows.append(flow(rng.uniform(1, 9), year, quarter, 3))
            rows.append(flow(rng.uniform(1, 9) * quarter, year, quarter, 3 * quarter))
        rows.append(flow(rng.uniform(20, 30), year, 2, 6, filed=date(year + 1, 3, 3)))
    return rows


def test_a_sum_keeps_its_bits_when_days_are_computed_alone_and_rows_are_shuffled():
    rows = history()
    whole = sums(*rows, first=date(2019, 1, 2))
    assert whole.height > 10
    random.Random(1).shuffle(rows)  # noqa: S311  # any order will do
    for day in (date(2020, 6, 1), date(2021, 3, 3), date(2021, 11, 1), date(2022, 3, 4)):
        alone = sums(*rows, first=day, last=day)
        expected = whole.filter(pl.col("session") <= day).tail(1)
        assert alone.drop("session").equals(expected.drop("session"))


def test_a_sum_needs_nothing_older_than_three_years():
    old = [flow(7.7, year, 4, 12) for year in (2014, 2015, 2016)]
    recent = sums(*history()).tail(1)
    assert sums(*old, *history()).tail(1).equals(recent)
