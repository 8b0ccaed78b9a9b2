"""Least squares: the usual coefficients, from sums that later rows do not touch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocks_ai_assets.domain.models.least_squares import coefficients, expanding_products


def rows(n, k, seed):
    """An intercept, k correlated regressors with a mean, and a target."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    x = [-8.0 + common + 0.3 * rng.normal(size=n) for _ in range(k)]
    y = 0.5 + sum(0.2 * (i + 1) * column for i, column in enumerate(x)) + rng.normal(size=n)
    return [np.ones(n), *x, y]


@given(st.integers(0, 99), st.integers(1, 5))
def test_coefficients_are_those_of_ordinary_least_squares(seed, k):
    columns = rows(400, k, seed)
    products = expanding_products(columns, np.zeros(400, dtype=np.int64), 1)
    expected = np.linalg.lstsq(np.stack(columns[:-1], axis=1), columns[-1], rcond=None)[0]
    assert coefficients(products[0]) == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_each_block_sums_what_came_up_to_it():
    columns = rows(90, 2, 1)
    block = np.repeat([0, 1, 3], 30)
    products = expanding_products(columns, block, 4)
    for last, n in enumerate((30, 60, 60, 90)):
        part = np.stack([column[:n] for column in columns])
        np.testing.assert_allclose(products[last], part @ part.T)


@given(st.permutations(range(30)))
def test_later_blocks_change_no_bit_of_earlier_ones_wherever_their_rows_stand(order):
    columns = rows(60, 2, 2)
    early = [column[:30] for column in columns]
    alone = expanding_products(early, np.zeros(30, dtype=np.int64), 1)
    # The rows of the later block are mixed in between those of the first.
    mixed = np.argsort(np.array([*range(30), *(np.array(order) + 0.5)]), kind="stable")
    block = (mixed >= 30).astype(np.int64)
    among = expanding_products([column[mixed] for column in columns], block, 2)
    assert among[0].tobytes() == alone[0].tobytes()


def test_a_column_that_repeats_another_has_no_coefficients():
    columns = rows(50, 2, 3)
    twice = [*columns[:-1], columns[1], columns[-1]]
    products = expanding_products(twice, np.zeros(50, dtype=np.int64), 1)
    assert coefficients(products[0]) is None
    assert coefficients(np.zeros((3, 3))) is None
