"""Partitions: sessions and model quarters as Dagster sees them, and which must run first."""

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stocks_ai_assets.domain.calendar import CALENDAR_END, NEW_YORK, nyse, quarter_start
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.errors import CalendarEndError, NotASessionError, UsageError
from stocks_ai_assets.partitions import (
    PARTITION,
    RANGE_END,
    RANGE_START,
    definition_of,
    definition_start,
    mapping_between,
    names_partitions,
    partition_range,
    quarters_definition,
    requested_window,
    sessions_definition,
    window_of,
)

FIRST = date(2016, 1, 4)
PARAMETERS = Parameters(first_session=FIRST)
END_OF_TIME = datetime(2035, 1, 1, tzinfo=NEW_YORK)
SESSIONS = nyse().between(FIRST, CALENDAR_END)


def new_york(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=NEW_YORK)


def keys(definition, now=END_OF_TIME):
    return list(definition.get_partition_keys(current_time=now))


def upstream(source, target, key, now=END_OF_TIME):
    """Partitions of `source` that Dagster wants before partition `key` of `target`."""
    definition = definition_of(target, FIRST)
    result = mapping_between(source, target).get_upstream_mapped_partitions_result_for_partitions(
        definition.subset_with_partition_keys([key]), definition, definition_of(source, FIRST), now
    )
    return sorted(result.partitions_subset.get_partition_keys())


@pytest.mark.parametrize("first", [FIRST, date(1998, 1, 2), date(2024, 12, 31)])
def test_session_partitions_are_exactly_the_sessions_of_the_exchange(first):
    expected = [day.isoformat() for day in nyse().between(first, CALENDAR_END)]
    assert keys(sessions_definition(first)) == expected


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (new_york(2024, 1, 5, 23, 59), "2024-01-04"),
        (new_york(2024, 1, 6), "2024-01-05"),
        (new_york(2024, 1, 8, 12), "2024-01-05"),
        (new_york(2024, 7, 5), "2024-07-03"),
        (new_york(2024, 3, 9, 1), "2024-03-08"),
        (new_york(2024, 11, 2, 1), "2024-11-01"),
    ],
    ids=["during Friday", "Saturday", "Monday noon", "after a holiday", "DST", "end of DST"],
)
def test_a_session_is_a_partition_once_its_day_is_over_and_never_before(now, newest):
    assert keys(sessions_definition(FIRST), now)[-1] == newest


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (new_york(2024, 3, 31, 23), "2024-01-01"),
        (new_york(2024, 4, 1, 1), "2024-04-01"),
        (new_york(2024, 5, 1), "2024-04-01"),
    ],
)
def test_the_running_quarter_exists_from_its_first_day_and_no_later_one_does(now, newest):
    found = keys(quarters_definition(FIRST), now)
    assert (found[0], found[-1]) == ("2016-01-01", newest)


def test_the_first_quarter_is_that_of_the_first_session():
    assert definition_start("quarter", date(2016, 2, 10)) == date(2016, 1, 1)
    assert keys(quarters_definition(date(2016, 2, 10)))[0] == "2016-01-01"
    assert definition_start("session", FIRST) == FIRST


@pytest.mark.parametrize("kind", ["session", "quarter"])
def test_a_day_that_passes_does_not_change_the_definition(kind):
    definition = definition_of(kind, FIRST)
    before = definition.get_serializable_unique_identifier()
    early, late = keys(definition, new_york(2020, 1, 3)), keys(definition, new_york(2024, 6, 3))
    assert early == late[: len(early)]
    assert len(early) < len(late)
    assert definition.get_serializable_unique_identifier() == before
    assert definition_of(kind, FIRST) is definition


def test_a_first_session_that_is_a_holiday_is_answered_with_its_neighbours():
    with pytest.raises(NotASessionError, match="2024-12-24 and 2024-12-26"):
        sessions_definition(date(2024, 12, 25))


@pytest.mark.parametrize(
    ("session", "quarter"),
    [
        ("2016-06-30", "2016-04-01"),
        ("2016-07-01", "2016-07-01"),
        ("2016-01-04", "2016-01-01"),
        ("2016-03-31", "2016-01-01"),
        ("2016-04-01", "2016-04-01"),
        ("2024-12-31", "2024-10-01"),
    ],
)
def test_a_session_needs_the_model_of_its_own_quarter_and_no_later_one(session, quarter):
    assert upstream("quarter", "session", session) == [quarter]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(nyse().between(FIRST, date(2024, 12, 31))))
def test_no_session_ever_depends_on_a_model_that_could_have_seen_it(session):
    found = upstream("quarter", "session", session.isoformat())
    assert found == [quarter_start(session).isoformat()]


def test_a_quarter_needs_the_sessions_of_the_quarter_before_and_none_of_its_own():
    found = upstream("session", "quarter", "2016-04-01")
    assert (found[0], found[-1], len(found)) == ("2016-01-04", "2016-03-31", 61)
    found = upstream("session", "quarter", "2024-07-01")
    expected = nyse().between(date(2024, 4, 1), date(2024, 6, 28))
    assert found == [day.isoformat() for day in expected]


def test_the_first_quarter_needs_no_session():
    assert upstream("session", "quarter", "2016-01-01") == []


@pytest.mark.parametrize(("kind", "key"), [("session", "2020-02-18"), ("quarter", "2020-04-01")])
def test_partitions_of_the_same_kind_depend_on_their_like(kind, key):
    assert upstream(kind, kind, key) == [key]


def test_a_table_that_is_written_whole_has_no_partitions_and_no_mapping():
    assert definition_of("none", FIRST) is None
    assert mapping_between("none", "session") is None
    assert mapping_between("session", "none") is None


@given(st.sampled_from(SESSIONS), st.integers(0, 30))
def test_a_range_holds_every_session_between_its_ends(first, more):
    last = SESSIONS[min(SESSIONS.index(first) + more, len(SESSIONS) - 1)]
    window = partition_range("session", first, last, PARAMETERS)
    assert window.partitions == nyse().between(first, last)


@pytest.mark.parametrize(
    ("first", "last", "named"),
    [
        (date(2024, 7, 1), date(2024, 7, 4), "2024-07-04"),
        (date(2024, 7, 4), date(2024, 7, 8), "2024-07-04"),
        (date(2024, 7, 1), date(2024, 7, 6), "2024-07-06"),
    ],
)
def test_a_range_that_starts_or_ends_on_a_closed_day_is_an_error_and_never_rolled(
    first, last, named
):
    with pytest.raises(NotASessionError, match=named):
        partition_range("session", first, last, PARAMETERS)


@pytest.mark.parametrize(
    ("kind", "first", "last", "error", "message"),
    [
        ("session", date(2024, 7, 3), date(2024, 7, 2), UsageError, "Swap them"),
        ("session", date(2015, 12, 31), FIRST, UsageError, "before the first partition"),
        ("session", FIRST, date(2028, 1, 3), CalendarEndError, "ends on 2027-12-31"),
        ("quarter", date(2024, 2, 1), date(2024, 4, 1), UsageError, "first day: 2024-01-01"),
        ("quarter", date(2015, 10, 1), date(2016, 1, 1), UsageError, "first model quarter"),
        ("quarter", date(2024, 1, 1), date(2028, 1, 1), CalendarEndError, "ends on 2027-12-31"),
    ],
)
def test_a_range_that_makes_no_sense_says_why(kind, first, last, error, message):
    with pytest.raises(error, match=message):
        partition_range(kind, first, last, PARAMETERS)


def test_a_range_of_quarters_holds_every_quarter():
    window = partition_range("quarter", date(2023, 10, 1), date(2024, 4, 1), PARAMETERS)
    assert window.partitions == (date(2023, 10, 1), date(2024, 1, 1), date(2024, 4, 1))


def test_a_range_of_sessions_touches_the_quarters_of_its_sessions():
    window = partition_range("session", date(2024, 3, 28), date(2024, 7, 1), PARAMETERS)
    quarters = window_of("quarter", window)
    assert quarters.partitions == (date(2024, 1, 1), date(2024, 4, 1), date(2024, 7, 1))
    assert window_of("session", window) is window


def test_a_run_asks_for_a_range_or_for_one_partition():
    asked = {RANGE_START: "2024-07-01", RANGE_END: "2024-07-03", PARTITION: "2020-01-02"}
    found = requested_window(asked, "session", PARAMETERS)
    assert (found.first, found.last) == (date(2024, 7, 1), date(2024, 7, 3))
    one = requested_window({PARTITION: "2020-01-02"}, "session", PARAMETERS)
    assert one.partitions == (date(2020, 1, 2),)
    assert names_partitions(asked)
    assert names_partitions({PARTITION: "2020-01-02"})


@pytest.mark.parametrize("tags", [{}, {RANGE_START: "2024-07-01"}, {RANGE_END: "2024-07-01"}])
def test_a_run_without_a_partition_or_with_half_a_range_is_refused(tags):
    assert not names_partitions(tags)
    with pytest.raises(UsageError, match="names no partition"):
        requested_window(tags, "session", PARAMETERS)


def test_a_key_that_is_no_date_is_refused():
    with pytest.raises(UsageError, match="`yesterday` is not a date"):
        requested_window({PARTITION: "yesterday"}, "session", PARAMETERS)
