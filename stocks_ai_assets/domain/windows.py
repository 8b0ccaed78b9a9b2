"""Statistics over a moving window of sessions, along each symbol, the same bits every time.

A result depends on the values inside its window alone: not on where the loaded history starts, on
the number of threads or on other symbols. polars' `rolling_*` updates running sums, so its last
bits depend on the history before the window (measured with polars 2.1: a third of the rows differ).
Here every window is summed afresh, oldest value first, one vectorized addition per lag.

Frames must be sorted by (symbol, session). Nulls and NaN are not counted; a window with fewer than
`min_samples` values gives null.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]


class Windows:
    """Windows along the symbols of one frame.

    Parameters
    ----------
    frame
        Sorted by (`symbol`, `session`); one row per symbol and session.
    """

    def __init__(self, frame: pl.DataFrame, key: str = "symbol") -> None:
        lengths = frame.select(pl.col(key).rle().struct.field("len")).to_series().to_numpy()
        self._lengths = lengths.astype(np.int64)
        self._height = frame.height

    def _padded(self, values: Floats, window: int) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Return values with `window - 1` zeros before each symbol, and the rows' positions."""
        group = np.repeat(np.arange(len(self._lengths)), self._lengths)
        position = np.arange(self._height) + (group + 1) * (window - 1)
        padded = np.zeros(self._height + len(self._lengths) * (window - 1))
        padded[position] = values
        return padded, position

    def _sum(self, values: Floats, window: int, *, skip: int = 0) -> Floats:
        """Sum of `window` values that end `skip` rows before each row, oldest first."""
        width = window + skip
        padded, position = self._padded(values, width)
        n = len(padded) - width + 1
        total = np.zeros(max(n, 0))
        for lag in range(window):
            total += padded[lag : lag + n]
        return total[position - width + 1]

    def total(
        self, values: pl.Series, window: int, *, min_samples: int | None = None, skip: int = 0
    ) -> pl.Series:
        """Sum over the window that ends `skip` sessions before each row; unit of `values`."""
        x, present = _split(values)
        count = self._sum(present, window, skip=skip)
        return _series(self._sum(x, window, skip=skip), count >= (min_samples or window))

    def mean(
        self, values: pl.Series, window: int, *, min_samples: int | None = None, skip: int = 0
    ) -> pl.Series:
        """Arithmetic mean over the window that ends `skip` sessions before each row."""
        x, present = _split(values)
        count = self._sum(present, window, skip=skip)
        mean = self._sum(x, window, skip=skip) / np.maximum(count, 1.0)
        return _series(mean, count >= (min_samples or window))

    def std(self, values: pl.Series, window: int, *, min_samples: int | None = None) -> pl.Series:
        """Sample standard deviation (n - 1), two passes: mean first, then deviations."""
        variance = self.covariance(values, values, window, min_samples=min_samples)
        return variance.sqrt()

    def covariance(
        self, x: pl.Series, y: pl.Series, window: int, *, min_samples: int | None = None
    ) -> pl.Series:
        """Sample covariance (n - 1) over the pairs present in the window."""
        a, a_present = _split(x)
        b, b_present = _split(y)
        both = a_present * b_present
        count = self._sum(both, window)
        divisor = np.maximum(count, 1.0)
        a_mean = self._sum(a * both, window) / divisor
        b_mean = self._sum(b * both, window) / divisor
        a_padded, position = self._padded(a, window)
        b_padded, _ = self._padded(b, window)
        mask, _ = self._padded(both, window)
        start = position - window + 1
        total = np.zeros(self._height)
        for lag in range(window):
            at = start + lag
            total += mask[at] * (a_padded[at] - a_mean) * (b_padded[at] - b_mean)
        enough = count >= max(min_samples or window, 2)
        return _series(total / np.maximum(count - 1.0, 1.0), enough)

    def compound(
        self, returns: pl.Series, window: int, *, min_samples: int | None = None, skip: int = 0
    ) -> pl.Series:
        """Compound simple return over the window: product of (1 + r) - 1, a fraction."""
        x, present = _split(returns)
        width = window + skip
        padded, position = self._padded(x, width)
        n = len(padded) - width + 1
        product = np.ones(max(n, 0))
        for lag in range(window):
            product *= 1.0 + padded[lag : lag + n]
        count = self._sum(present, window, skip=skip)
        return _series(product[position - width + 1] - 1.0, count >= (min_samples or window))


def _split(values: pl.Series) -> tuple[Floats, Floats]:
    """Return values with 0 for missing ones, and 1.0 / 0.0 for present / missing."""
    filled = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    present = ~np.isnan(filled)
    return np.where(present, filled, 0.0), present.astype(np.float64)


def _series(values: Floats, valid: npt.NDArray[np.bool_]) -> pl.Series:
    return pl.Series(np.where(valid, values, np.nan)).fill_nan(None)
