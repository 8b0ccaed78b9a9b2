"""Ranges: which partitions of an input a transform reads, never one that lies ahead."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocks_ai_assets.domain.calendar import nyse, quarters_between
from stocks_ai_assets.domain.ranges import Range, input_range
from stocks_ai_assets.domain.transform import (
    ALL,
    Input,
    Parameters,
    Transform,
    Window,
    first_session_of,
)

FIRST = date(2021, 1, 4)
SIGNAL, FACT, MODEL, WHOLE = (
    "signals.risk",
    "market.prices",
    "agents.models",
    "evaluation.trials",
)
BY_SESSION, BY_QUARTER = "agents.predictions", "agents.models"
SESSIONS = nyse().between(FIRST, date(2022, 12, 30))


def window(*partitions, first_session=FIRST):
    parameters = Parameters(first_session=first_session)
    return Window(partitions=partitions, calendar=nyse(), parameters=parameters)


def read(source, target, lookback, asked):
    transform = Transform(
        name="x",
        table=target,
        inputs={"input": Input(table=source, lookback=lookback)},
        by="session",
        function=lambda frames, window: pl.DataFrame(),
    )
    return input_range(transform, "input", asked)


def test_a_session_reads_itself_and_its_lookback_in_sessions():
    asked = window(date(2022, 7, 5), date(2022, 7, 6))
    assert read(SIGNAL, BY_SESSION, 0, asked) == Range(date(2022, 7, 5), date(2022, 7, 6))
    assert read(SIGNAL, BY_SESSION, 2, asked) == Range(date(2022, 6, 30), date(2022, 7, 6))


@pytest.mark.parametrize("source", [SIGNAL, FACT])
def test_a_lookback_that_reaches_the_first_partition_takes_all_that_came_with_it(source):
    third = window(SESSIONS[2])
    assert read(source, BY_SESSION, 1, third) == Range(SESSIONS[1], SESSIONS[2])
    for lookback in (2, 3, 252, ALL):
        assert read(source, BY_SESSION, lookback, third) == Range(None, SESSIONS[2])
    assert read(source, BY_SESSION, 0, window(FIRST)) == Range(None, FIRST)


def test_a_lookback_beyond_the_calendar_begins_with_it():
    first = nyse().sessions[0]
    asked = window(nyse().sessions[3], first_session=first)
    assert read(SIGNAL, BY_SESSION, 99, asked) == Range(None, nyse().sessions[3])


def test_a_session_uses_the_model_of_its_own_quarter():
    assert read(MODEL, BY_SESSION, 0, window(date(2022, 6, 30))) == Range(
        date(2022, 4, 1), date(2022, 4, 1)
    )
    both = window(*nyse().between(date(2022, 6, 30), date(2022, 7, 1)))
    assert read(MODEL, BY_SESSION, 0, both) == Range(date(2022, 4, 1), date(2022, 7, 1))
    assert read(MODEL, BY_SESSION, ALL, both) == Range(None, date(2022, 7, 1))


def test_a_quarter_reads_sessions_strictly_before_its_first_one():
    assert read(SIGNAL, BY_QUARTER, ALL, window(date(2022, 4, 1))) == Range(None, date(2022, 3, 31))
    assert read(FACT, BY_QUARTER, ALL, window(date(2022, 1, 1))) == Range(None, date(2021, 12, 31))
    both = window(date(2022, 1, 1), date(2022, 4, 1))
    assert read(SIGNAL, BY_QUARTER, ALL, both) == Range(None, date(2022, 3, 31))


def test_the_first_quarter_reads_what_was_known_before_it():
    assert read(FACT, BY_QUARTER, ALL, window(date(2021, 1, 1))) == Range(None, date(2020, 12, 31))


def test_a_quarter_may_read_models_of_its_own_quarter():
    assert read(MODEL, BY_QUARTER, ALL, window(date(2022, 4, 1))) == Range(None, date(2022, 4, 1))


def test_a_table_written_whole_is_read_whole():
    assert read(WHOLE, BY_QUARTER, ALL, window(date(2022, 4, 1))) is None


@given(
    st.sampled_from(SESSIONS),
    st.integers(0, 40),
    st.one_of(st.none(), st.integers(0, 600)),
    st.sampled_from([SIGNAL, FACT, MODEL]),
)
def test_a_range_reads_what_its_days_read_and_nothing_else(first, more, lookback, source):
    sessions = nyse().between(first, nyse().offset(first, more))
    whole = read(source, BY_SESSION, lookback, window(*sessions))
    days = [read(source, BY_SESSION, lookback, window(day)) for day in sessions]
    starts = [day.first for day in days]
    assert whole.first == (None if None in starts else min(starts))
    assert whole.last == max(day.last for day in days) <= sessions[-1]


@given(st.sampled_from(SESSIONS))
def test_nothing_of_a_session_or_later_reaches_the_model_of_its_quarter(session):
    quarter = quarters_between(session, session)[0]
    found = read(SIGNAL, BY_QUARTER, ALL, window(quarter))
    assert found.last < first_session_of(quarter, window(quarter)) <= session
