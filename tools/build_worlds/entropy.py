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
_Problem = tuple[Array, Array, Array]


def nearest_table(
    prior: Array, matrix: Array, totals: Array, *, tolerance: float = 1e-11, steps: int = 500
) -> tuple[Array, int]:
    """Min Σ x ln(x/p) − x + p subject to A x = b; so x = p·exp(−Aᵀλ).

    Parameters
    ----------
    prior, matrix, totals : ndarray, shapes (M,), (C, M), (C,)
        p ≥ 0 (a zero stays zero); A, whose rows may depend on each other; b.
    tolerance : float
        Largest |A x − b| relative to the largest |b|.
    steps : int
        Newton steps before it gives up.

    Returns
    -------
    (ndarray, int)
        The table, shape (M,), and the steps taken.

    Raises
    ------
    WorldError
        No table found: the totals contradict each other.
    """
    scale = np.abs(totals).max()
    multiplier = np.zeros(len(totals))
    height, x = _dual(multiplier, prior, matrix, totals)
    for step in range(steps):
        gap = matrix @ x - totals
        if np.abs(gap).max() <= tolerance * scale:
            return x, step
        hessian = (matrix * x) @ matrix.T
        hessian[np.diag_indices_from(hessian)] += 1e-14 * hessian.trace()
        direction: Array = np.linalg.lstsq(hessian, gap, rcond=None)[0].astype(np.float64)
        length = _step_length(multiplier, direction, gap, height, (prior, matrix, totals))
        multiplier = multiplier + length * direction
        height, x = _dual(multiplier, prior, matrix, totals)
    worst = float(np.abs(matrix @ x - totals).max() / scale)
    raise WorldError(f"no table meets these totals: the largest gap is {worst:.1e} of them.")


def _dual(multiplier: Array, prior: Array, matrix: Array, totals: Array) -> tuple[float, Array]:
    """Height of the (convex) dual and the table that belongs to its multipliers."""
    x = prior * np.exp(np.clip(-matrix.T @ multiplier, -700.0, 700.0))
    return float(x.sum() + totals @ multiplier), x


def _step_length(
    start: Array,
    direction: Array,
    gap: Array,
    height: float,
    problem: tuple[Array, Array, Array],
) -> float:
    """Halve from one until the dual falls (Armijo)."""
    _, matrix, totals = problem
    length, slope = 1.0, float(gap @ direction)
    while length > 1e-12:
        new_height, x = _dual(start + length * direction, *problem)
        if np.isfinite(new_height) and new_height <= height - 1e-4 * length * slope:
            break
        # So near the bottom that the height no longer shows it.
        if length == 1.0 and np.abs(matrix @ x - totals).max() < np.abs(gap).max():
            break
        length /= 2
    return length
