from datetime import date, timedelta

import polars as pl
import pytest

from stocks_ai_assets.reports.charts.equity import log_ticks, wealth
from stocks_ai_assets.reports.charts.theme import WEEKLY_FROM, by_week, inline


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.3), (0.8, 2.6), (0.5, 12.0), (0.01, 900.0)])
def test_a_log_axis_has_enough_round_values_inside_its_range(low: float, high: float):
    ticks = log_ticks(low, high)
    assert all(low <= tick <= high for tick in ticks)
    assert ticks == sorted(ticks)
    assert len(ticks) >= 4 or high / low < 1.5


def test_wealth_compounds_and_drawdown_counts_from_the_start():
    rows = pl.DataFrame({"strategy": ["a"] * 3, "net_return": [-0.1, 0.3, -0.5]})
    found = wealth(rows)
    assert found["level"].to_list() == pytest.approx([0.9, 1.17, 0.585])
    assert found["drawdown"].to_list() == pytest.approx([-0.1, 0.0, -0.5])


def test_short_lines_keep_every_session_and_long_ones_the_last_of_each_week():
    days = [date(2020, 1, 6) + timedelta(days=i) for i in range(WEEKLY_FROM + 1)]
    rows = pl.DataFrame({"strategy": ["a"] * len(days), "session": days})
    short = rows.head(WEEKLY_FROM)
    whole, thinned = by_week(short, "session", ["strategy"])
    assert whole.equals(short)
    assert not thinned
    thin, thinned = by_week(rows, "session", ["strategy"])
    assert thinned
    assert thin["session"].to_list()[:2] == [date(2020, 1, 12), date(2020, 1, 19)]
    assert thin.item(-1, "session") == days[-1]


def test_days_are_read_as_local_midnight_so_no_time_zone_moves_them():
    data = inline(pl.DataFrame({"session": [date(2020, 1, 6)], "x": [1 / 3]}), "session")
    assert data["format"]["parse"] == {"session": "date:'%Y-%m-%d'", "x": "number"}
    assert data["values"] == "session,x\n2020-01-06,0.333333\n"
