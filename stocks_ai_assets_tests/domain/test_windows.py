"""Moving windows: the plain statistic of the window's values, and no bit from outside it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stocks_ai_assets.domain.windows import Windows

STATISTICS = ("total", "mean", "std", "covariance", "compound")

numbers = st.one_of(st.none(), st.just(float("nan")), st.floats(-0.5, 0.5))
columns = st.lists(numbers, min_size=1, max_size=25)


def frame_of(panel):
    """Rows of symbols A, B, .. in the order of `panel`, a list of value lists."""
    return pl.DataFrame(
        {
            "symbol": [chr(65 + i) for i, values in enumerate(panel) for _ in values],
            "x": [value for values in panel for value in values],
            "y": [
                None if value is None else value * value - 0.1 * i
                for values in panel
                for i, value in enumerate(values)
            ],
        },
        schema={"symbol": pl.String, "x": pl.Float64, "y": pl.Float64},
    )


def statistic(frame, name, window, *, min_samples=None, skip=0):
    windows = Windows(frame)
    if name == "covariance":
        return windows.covariance(frame["x"], frame["y"], window, min_samples=min_samples)
    if name == "std":
        return windows.std(frame["x"], window, min_samples=min_samples)
    return getattr(windows, name)(frame["x"], window, min_samples=min_samples, skip=skip)


def naive(frame, name, window, *, min_samples=None, skip=0):
    """The same statistic, one window at a time."""
    needed = min_samples or window
    results = []
    for (_,), rows in frame.group_by(["symbol"], maintain_order=True):
        x = rows["x"].fill_null(float("nan")).to_numpy()
        y = rows["y"].fill_null(float("nan")).to_numpy()
        for end in range(1 - skip, len(x) + 1 - skip):
            inside = slice(max(end - window, 0), max(end, 0))
            part, other = x[inside], y[inside]
            known = part[~np.isnan(part)]
            both = ~np.isnan(part) & ~np.isnan(other) if name == "covariance" else ~np.isnan(part)
            n = both.sum()
            if n < max(needed, 2 if name in {"std", "covariance"} else 1):
                results.append(None)
            elif name == "covariance":
                results.append(np.cov(part[both], other[both])[0, 1])
            else:
                function = {
                    "total": np.sum,
                    "mean": np.mean,
                    "std": lambda v: np.std(v, ddof=1),
                    "compound": lambda v: np.prod(1.0 + v) - 1.0,
                }[name]
                results.append(function(known))
    return results


@pytest.mark.parametrize("name", STATISTICS)
@settings(max_examples=40)
@given(st.lists(columns, min_size=1, max_size=3), st.integers(2, 6), st.data())
def test_a_statistic_is_the_plain_one_of_the_values_in_its_window(name, panel, window, data):
    min_samples = data.draw(st.one_of(st.none(), st.integers(1, window)))
    skip = data.draw(st.integers(0, 4)) if name in {"total", "mean", "compound"} else 0
    frame = frame_of(panel)
    found = statistic(frame, name, window, min_samples=min_samples, skip=skip)
    expected = naive(frame, name, window, min_samples=min_samples, skip=skip)
    assert [value is None for value in found] == [value is None for value in expected]
    for ours, plain in zip(found, expected, strict=True):
        assert ours == (plain if plain is None else pytest.approx(plain, rel=1e-9, abs=1e-12))


@pytest.mark.parametrize("name", STATISTICS)
@settings(max_examples=40)
@given(st.lists(numbers, min_size=20, max_size=30), st.integers(1, 15), st.integers(2, 5))
def test_history_before_the_window_changes_no_bit(name, values, cut, window):
    frame = frame_of([values])
    whole = statistic(frame, name, window, min_samples=2)
    part = statistic(frame[cut:], name, window, min_samples=2)
    full = slice(window - 1, None)
    assert bits(part[full]) == bits(whole[cut:][full])


@pytest.mark.parametrize("name", STATISTICS)
@settings(max_examples=40)
@given(columns, columns, columns)
def test_other_symbols_and_their_order_change_no_bit(name, a, b, c):
    alone = statistic(frame_of([a]), name, 3, min_samples=1)
    first = statistic(frame_of([a, b, c]), name, 3, min_samples=1)
    last = statistic(frame_of([c, b, a]), name, 3, min_samples=1)
    assert bits(first.head(len(a))) == bits(alone)
    assert bits(last.tail(len(a))) == bits(alone)


def test_huge_values_that_left_the_window_leave_no_trace():
    values = [1e15, 0.1, 0.2, 0.3, 0.4]
    found = statistic(frame_of([values]), "mean", 2)
    clean = statistic(frame_of([values[1:]]), "mean", 2)
    assert bits(found[2:]) == bits(clean[1:])


def test_values_are_added_oldest_first():
    assert statistic(frame_of([[1.0, 1e16, -1e16]]), "total", 3)[2] == 0.0
    assert statistic(frame_of([[1e16, -1e16, 1.0]]), "total", 3)[2] == 1.0


def test_a_short_history_is_null_and_not_a_small_number():
    frame = frame_of([[0.1, 0.2, 0.3]])
    for name in STATISTICS:
        assert statistic(frame, name, 3)[:2].to_list() == [None, None]
        assert statistic(frame, name, 4).to_list() == [None] * 3


def test_a_window_with_a_gap_is_null_unless_fewer_values_are_enough():
    frame = frame_of([[0.1, None, 0.3]])
    assert statistic(frame, "mean", 3)[2] is None
    assert statistic(frame, "mean", 3, min_samples=2)[2] == pytest.approx(0.2)
    assert statistic(frame, "compound", 3, min_samples=2)[2] == pytest.approx(1.1 * 1.3 - 1)


def test_one_value_has_no_standard_deviation():
    assert statistic(frame_of([[0.1, 0.2]]), "std", 2, min_samples=1).to_list()[0] is None


def test_constant_values_have_a_standard_deviation_of_zero():
    assert statistic(frame_of([[0.1] * 5]), "std", 5)[4] == 0.0


def test_no_rows_give_no_statistics():
    frame = pl.DataFrame(schema={"symbol": pl.String, "x": pl.Float64, "y": pl.Float64})
    for name in STATISTICS:
        assert statistic(frame, name, 3).is_empty()


def bits(series):
    """Exact content, nulls too."""
    return series.is_null().to_list(), series.fill_null(0.0).to_numpy().tobytes()
