"""The calendar: when the exchange closes, and from which session on a fact may be used."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocks_ai_assets.domain.calendar import (
    CALENDAR_END,
    CALENDAR_START,
    next_quarter,
    nyse,
    quarter_start,
    quarters_between,
)
from stocks_ai_assets.errors import CalendarEndError, NotASessionError

SESSIONS = nyse().sessions
days = st.dates(CALENDAR_START, CALENDAR_END)
sessions = st.sampled_from(SESSIONS)
moments = st.datetimes(
    datetime(1997, 1, 1),  # noqa: DTZ001  # hypothesis adds the time zone
    datetime(2027, 12, 31, 20),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("session", "hour", "minute"),
    [
        (date(2024, 1, 3), 21, 0),
        (date(2024, 7, 2), 20, 0),
        (date(2024, 3, 8), 21, 0),
        (date(2024, 3, 11), 20, 0),
        (date(2024, 11, 1), 20, 0),
        (date(2024, 11, 4), 21, 0),
        (date(2024, 7, 3), 17, 0),
        (date(2024, 11, 29), 18, 0),
        (date(2012, 12, 24), 18, 0),
    ],
    ids=[
        "winter",
        "summer",
        "before clocks go forward",
        "after",
        "before clocks go back",
        "after",
        "early close in summer",
        "early close in winter",
        "Christmas Eve",
    ],
)
def test_the_cutoff_is_the_close_in_utc_with_daylight_saving_and_early_closes(
    session, hour, minute
):
    expected = datetime(session.year, session.month, session.day, hour, minute, tzinfo=UTC)
    assert nyse().cutoff(session) == expected


@pytest.mark.parametrize(
    "closed",
    [
        date(2024, 1, 1),
        date(2024, 3, 29),
        date(2022, 6, 20),
        date(2012, 10, 29),
        date(2018, 12, 5),
        date(2001, 9, 11),
        date(2024, 6, 1),
    ],
)
def test_the_exchange_is_closed_on_holidays_mourning_storms_and_weekends(closed):
    assert closed not in nyse()


def test_sessions_and_cutoffs_ascend_and_cutoffs_fall_on_their_session():
    calendar = nyse()
    assert all(a < b for a, b in pairwise(SESSIONS))
    assert all(a < b for a, b in pairwise(calendar.closes))
    assert [close.date() for close in calendar.closes] == list(SESSIONS)


@given(moments)
def test_a_fact_is_known_on_the_first_session_whose_cutoff_it_does_not_miss(available_at):
    calendar = nyse()
    known_on = calendar.known_on(available_at)
    assert available_at <= calendar.cutoff(known_on)
    position = calendar.position(known_on)
    assert position == 0 or calendar.closes[position - 1] < available_at


@given(sessions)
def test_a_fact_at_the_close_is_in_time_and_one_microsecond_later_it_is_not(session):
    calendar = nyse()
    cutoff = calendar.cutoff(session)
    assert calendar.known_on(cutoff) == session
    if session != SESSIONS[-1]:
        late = cutoff + timedelta(microseconds=1)
        assert calendar.known_on(late) == calendar.offset(session, 1)


@given(moments, moments)
def test_what_is_available_earlier_is_never_known_later(a, b):
    early, late = sorted((a, b))
    assert nyse().known_on(early) <= nyse().known_on(late)


@pytest.mark.parametrize(
    ("available_at", "known_on"),
    [
        (datetime(2024, 7, 3, 18, tzinfo=UTC), date(2024, 7, 5)),
        (datetime(2024, 7, 6, 12, tzinfo=UTC), date(2024, 7, 8)),
        (datetime(2024, 7, 8, 0, tzinfo=UTC), date(2024, 7, 8)),
        (datetime(1990, 1, 1, tzinfo=UTC), SESSIONS[0]),
    ],
    ids=["after an early close", "weekend", "before the open", "before the calendar"],
)
def test_known_on_skips_what_is_closed(available_at, known_on):
    assert nyse().known_on(available_at) == known_on


@given(st.lists(moments, max_size=20))
def test_known_on_of_a_frame_is_that_of_each_row_in_the_order_given(available):
    frame = pl.DataFrame(
        {"n": range(len(available)), "available_at": available},
        schema={"n": pl.Int64, "available_at": pl.Datetime("us", "UTC")},
    )
    known = nyse().known_on_frame(frame)
    assert known.drop("known_on").equals(frame)
    assert known["known_on"].to_list() == [nyse().known_on(moment) for moment in available]


def test_moments_beyond_the_calendar_are_an_error_alone_and_null_in_a_frame():
    beyond = datetime(2099, 1, 1, tzinfo=UTC)
    with pytest.raises(CalendarEndError, match="CALENDAR_END"):
        nyse().known_on(beyond)
    frame = pl.DataFrame(
        {"available_at": [beyond, None, datetime(2024, 1, 3, tzinfo=UTC)]},
        schema={"available_at": pl.Datetime("us", "UTC")},
    )
    assert nyse().known_on_frame(frame)["known_on"].to_list() == [None, None, date(2024, 1, 3)]


@given(days)
def test_neighbours_are_the_nearest_sessions_on_either_side(day):
    calendar = nyse()
    if SESSIONS[0] <= day <= SESSIONS[-1]:
        before, after = calendar.previous_or_same(day), calendar.next_or_same(day)
        assert before <= day <= after
        assert calendar.between(before, after) == tuple(sorted({before, after}))
        assert (before == after) == (day in calendar)


@given(sessions, sessions)
def test_sessions_between_two_are_counted_by_their_positions(a, b):
    calendar = nyse()
    first, last = sorted((a, b))
    found = calendar.between(first, last)
    assert (found[0], found[-1]) == (first, last)
    assert len(found) == calendar.position(last) - calendar.position(first) + 1
    assert calendar.offset(first, len(found) - 1) == last
    assert calendar.offset(last, 1 - len(found)) == first


def test_between_two_closed_days_there_is_nothing():
    assert nyse().between(date(2024, 6, 1), date(2024, 6, 2)) == ()


def test_a_day_that_is_no_session_is_answered_with_its_neighbours():
    for ask in (nyse().require, nyse().cutoff, nyse().position):
        with pytest.raises(NotASessionError, match=r"2024-07-04.*2024-07-03 and 2024-07-05"):
            ask(date(2024, 7, 4))
    with pytest.raises(NotASessionError, match="2024-07-04"):
        nyse().offset(date(2024, 7, 4), 1)


@pytest.mark.parametrize("day", [date(1997, 12, 31), date(2028, 1, 3)])
def test_a_day_outside_the_pinned_calendar_is_answered_with_its_ends(day):
    with pytest.raises(CalendarEndError, match=rf"{day}.*1998-01-02\.\.2027-12-31.*CALENDAR"):
        nyse().require(day)
    with pytest.raises(CalendarEndError, match=str(day)):
        nyse().previous_or_same(day)


def test_a_horizon_beyond_the_calendar_is_an_error_and_never_a_shorter_horizon():
    with pytest.raises(CalendarEndError, match=f"21 sessions from {SESSIONS[-20]}"):
        nyse().offset(SESSIONS[-20], 21)
    with pytest.raises(CalendarEndError, match="-2 sessions"):
        nyse().offset(SESSIONS[1], -2)
    with pytest.raises(CalendarEndError):
        nyse().next_or_same(CALENDAR_END + timedelta(days=1))


@given(days)
def test_a_quarter_is_named_by_its_first_day_and_the_next_begins_where_it_ends(day):
    quarter = quarter_start(day)
    after = next_quarter(quarter)
    assert quarter <= day < after
    assert (quarter.day, quarter.month in {1, 4, 7, 10}) == (1, True)
    assert quarter_start(after - timedelta(days=1)) == quarter
    assert next_quarter(day) == after


@given(days, days)
def test_quarters_between_two_days_are_those_of_all_days_between(a, b):
    first, last = sorted((a, b))
    every = {quarter_start(first + timedelta(days=n)) for n in range((last - first).days + 1)}
    assert list(quarters_between(first, last)) == sorted(every)
