"""The pinned calendar is the exchange's."""

import warnings

from stocks_ai_assets.domain.calendar import CALENDAR_END, CALENDAR_START, NEW_YORK
from stocks_ai_assets.domain.pinned_calendar import from_library, pinned


def test_the_pinned_calendar_is_the_one_of_exchange_calendars():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert pinned() == from_library(CALENDAR_START, CALENDAR_END, NEW_YORK), "make calendar"
