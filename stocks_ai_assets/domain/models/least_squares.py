"""Ordinary least squares whose bits depend on its rows alone.

Products are summed row by row within blocks and block by block in the order of time; the small
system is solved in plain arithmetic. A linear algebra library would group its sums by thread
count, shape and processor.
"""

import numpy as np
import numpy.typing as npt

from stocks_ai_assets.domain.panel import Floats


def expanding_products(
    columns: list[Floats], block: npt.NDArray[np.int64], n_blocks: int
) -> Floats:
    """Sums of products of every two columns over all rows up to each block.

    Parameters
    ----------
    columns
        k columns of equal length, finite; the first is usually 1 and the last the target.
    block
        Block of each row, 0 .. n_blocks - 1; rows of a block in a fixed order.
    n_blocks
        Number of blocks.

    Returns
    -------
    Floats
        n_blocks x k x k, each the sum over this block and all before it.
    """
    k = len(columns)
    sums = np.zeros((n_blocks, k, k))
    for i in range(k):
        for j in range(i, k):
            products = np.bincount(block, weights=columns[i] * columns[j], minlength=n_blocks)
            sums[:, i, j] = sums[:, j, i] = np.cumsum(products)
    return sums


def coefficients(products: Floats) -> list[float] | None:
    """Coefficients of the last column on the others; None when they are collinear.

    Parameters
    ----------
    products
        (k + 1) x (k + 1) sums of products, the target last.

    Notes
    -----
    Gaussian elimination on the normal equations with the largest pivot of the diagonal.
    """
    k = len(products) - 1
    rows = [[float(value) for value in line] for line in products[:k]]
    largest = max((abs(rows[i][i]) for i in range(k)), default=0.0)
    order: list[int] = []
    for _ in range(k):
        left = [i for i in range(k) if i not in order]
        pivot = max(left, key=lambda i: rows[i][i])
        if rows[pivot][pivot] <= 1e-12 * largest:
            return None
        order.append(pivot)
        for i in range(k):
            if i != pivot:
                factor = rows[i][pivot] / rows[pivot][pivot]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[pivot], strict=True)]
    return [rows[i][k] / rows[i][i] for i in range(k)]
