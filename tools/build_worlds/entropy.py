"""Cross-entropy under linear identities: what plain row-and-column balancing cannot do.

A country's table whose output is itself unknown has a cell (home sales) that enters one
identity with a plus and another with a minus. Then RAS does not apply, and the convex dual
is solved by Newton's method.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detente.errors import WorldError

Array = NDArray[np.float64]


def nearest_table(
    prior: Array, matrix: Array, totals: Array, *, tolerance: float = 1e-11, steps: int = 500
) -> tuple[Array, int]:
    """Min Σ x ln(x/p) − x + p subject to A x = b; so x = p·exp(−Aᵀλ).

    Parameters
    ----------
    prior : ndarray, shape (M,)
        p ≥ 0; a zero stays zero.
    matrix : ndarray, shape (C, M)
        A; rows need not be independent.
    totals : ndarray, shape (C,)
        b.
    tolerance : float
        Largest |A x − b| relative to the largest |b|.
    steps : int
        Newton steps before it gives up.

    Returns
    -------
    ndarray, shape (M,)
        The table.
    int
        Steps taken.

    Raises
    ------
    WorldError
        No table found: the totals contradict each other.
    """
    multiplier = np.zeros(len(totals))
    scale = np.abs(totals).max()

    def dual(values: Array) -> tuple[float, Array]:
        x = prior * np.exp(np.clip(-matrix.T @ values, -700.0, 700.0))
        return float(x.sum() + totals @ values), x

    height, x = dual(multiplier)
    for step in range(steps):
        gap = matrix @ x - totals
        if np.abs(gap).max() <= tolerance * scale:
            return x, step
        hessian = (matrix * x) @ matrix.T
        hessian[np.diag_indices_from(hessian)] += 1e-14 * hessian.trace()
        direction = np.linalg.lstsq(hessian, gap, rcond=None)[0]
        length, slope = 1.0, float(gap @ direction)
        while length > 1e-12:
            new_height, new = dual(multiplier + length * direction)
            if np.isfinite(new_height) and new_height <= height - 1e-4 * length * slope:
                break
            if length == 1.0 and np.abs(matrix @ new - totals).max() < np.abs(gap).max():
                break  # too near the bottom for the height to show it
            length /= 2
        multiplier, height, x = multiplier + length * direction, new_height, new
    worst = float(np.abs(matrix @ x - totals).max() / scale)
    raise WorldError(f"no table meets these totals: the largest gap is {worst:.1e} of them.")
