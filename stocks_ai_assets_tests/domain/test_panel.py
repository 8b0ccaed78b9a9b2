"""Panels: where values go, exact ranks, sums that do not move."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.stats import rankdata

from stocks_ai_assets.domain.panel import Panel, filled, ties, total

SESSIONS = (date(2024, 1, 4), date(2024, 1, 5), date(2024, 1, 8))

values_with_ties = npst.arrays(
    float,
    st.tuples(st.integers(1, 9), st.integers(1, 4)),
    elements=st.sampled_from([-1.0, 0, 1, 2]),
)


def test_rows_outside_the_grid_and_missing_values_stay_missing():
    frame = pl.DataFrame(
        {
            "symbol": ["B", "A", "B", "C", "A"],
            "session": [SESSIONS[0], SESSIONS[2], SESSIONS[1], SESSIONS[1], date(2024, 1, 6)],
            "x": [1.0, 2.0, None, 3.0, 4.0],
        }
    )
    panel = Panel(pl.Series(["B", "A", "A"]), SESSIONS)
    at = panel.places(frame)
    nan = float("nan")
    np.testing.assert_array_equal(panel.values(at, frame["x"]), [[nan, nan, 2.0], [1.0, nan, nan]])
    np.testing.assert_array_equal(panel.present(at), [[0, 0, 1], [1, 1, 0]])


@given(values_with_ties, st.data())
def test_names_below_and_equal_give_the_average_rank(values, data):
    missing = data.draw(npst.arrays(bool, values.shape))
    values[missing] = np.nan
    below, equal, count = ties(values)
    for session in range(values.shape[1]):
        known = ~missing[:, session]
        assert count[session] == known.sum()
        expected = rankdata(values[known, session])
        np.testing.assert_array_equal((below + (equal + 1) / 2)[known, session], expected)
        assert not equal[~known, session].any()


@pytest.mark.parametrize("cells", [1, 10, 23])
def test_ranks_are_the_same_however_many_sessions_are_ranked_at_once(monkeypatch, cells):
    values = np.random.default_rng(3).integers(0, 4, (9, 31)).astype(float)
    values[values == 3] = np.nan
    whole = ties(values)
    monkeypatch.setattr("stocks_ai_assets.domain.panel.CELLS_AT_ONCE", cells)
    for expected, found in zip(whole, ties(values), strict=True):
        np.testing.assert_array_equal(found, expected)


@given(npst.arrays(float, (7, 3), elements=st.floats(-1, 1)), st.integers(0, 40))
def test_a_sum_keeps_its_bits_among_more_symbols_and_more_sessions(values, more):
    wide = np.zeros((7 + more, 3 + more))
    wide[more:, more:] = values
    assert total(wide)[more:].tobytes() == (total(values) + 0.0).tobytes()
    assert total(values[:, :1]).tobytes() == total(values)[:1].tobytes()


def test_filled_puts_zero_where_a_value_is_missing():
    np.testing.assert_array_equal(filled(np.array([1.0, np.nan])), [1.0, 0.0])
