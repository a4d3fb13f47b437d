"""Balancing: the table nearest to a prior that meets known totals, cells and floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detente.errors import WorldError

Array = NDArray[np.float64]

#: Totals of rows and of columns may differ by this much, relative, before it is an error.
_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Balanced:
    """A balanced table and how it was reached.

    Attributes
    ----------
    values : ndarray, shape (I, J)
        The table, in the totals' unit.
    row_scale : ndarray, shape (I,)
        r in x = max(floor, p·r·c); where every cell of a row is known it is 1.
    column_scale : ndarray, shape (J,)
        c in the same formula.
    iterations : int
        Sweeps over rows and columns.
    residual : float
        Largest |sum − total|, relative to the total.
    worst : str
        The row or column of the largest residual.
    at_floor : int
        Cells that ended on their floor.
    """

    values: Array
    row_scale: Array
    column_scale: Array
    iterations: int
    residual: float
    worst: str
    at_floor: int


def balance(
    prior: ArrayLike,
    row_totals: ArrayLike,
    column_totals: ArrayLike,
    *,
    known: ArrayLike | None = None,
    floor: ArrayLike | float = 0.0,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    tolerance: float = 1e-12,
    max_iterations: int = 20_000,
) -> Balanced:
    """Cross-entropy balancing: min Σ x ln(x/p) − x, given totals, known cells and floors.

    Without known cells and floors this is RAS, the biproportional fit (Deming & Stephan
    1940; Bacharach 1970), which keeps the prior's odds ratios. A floor f turns the
    solution into x = max(f, p·r·c): each sweep solves every row, then every column,
    exactly, which is coordinate ascent on the concave dual and so converges whenever a
    table with these totals exists.

    Parameters
    ----------
    prior : array_like, shape (I, J)
        Non-negative. A zero stays a zero (or goes to its floor).
    row_totals : array_like, shape (I,)
        Sum of each row, non-negative.
    column_totals : array_like, shape (J,)
        Sum of each column, non-negative; the same grand total as the rows.
    known : array_like, shape (I, J), optional
        Cells that are kept exactly; NaN where a cell is free. May be negative.
    floor : array_like or float, default 0
        Least value of a free cell, non-negative; broadcasts to (I, J).
    row_labels, column_labels : sequence of str, optional
        Names for errors and the report.
    tolerance : float, default 1e-12
        Largest residual relative to a total.
    max_iterations : int, default 20 000
        Sweeps before the totals are called infeasible.

    Returns
    -------
    Balanced

    Raises
    ------
    WorldError
        A shape or sign that does not fit; totals that no table can meet, with the worst
        row or column.
    """
    problem = _problem(prior, row_totals, column_totals, known, floor)
    labels = _labels(problem.prior.shape, row_labels, column_labels)
    _refuse_infeasible(problem, labels)
    return _sweep(problem, labels, tolerance, max_iterations)


@dataclass(frozen=True)
class _Problem:
    """What is left to solve once the known cells are taken out."""

    prior: Array  # zero where known
    floor: Array  # zero where known
    known: Array  # zero where free
    free: NDArray[np.bool_]
    rows: Array
    columns: Array
    row_totals: Array
    column_totals: Array


def _problem(
    prior: ArrayLike,
    row_totals: ArrayLike,
    column_totals: ArrayLike,
    known: ArrayLike | None,
    floor: ArrayLike | float,
) -> _Problem:
    p = np.array(prior, dtype=np.float64)
    if p.ndim != 2:
        raise WorldError(f"a prior to balance has two axes; this one has {p.ndim}.")
    r, c = (np.array(t, dtype=np.float64) for t in (row_totals, column_totals))
    if r.shape != p.shape[:1] or c.shape != p.shape[1:]:
        raise WorldError(
            f"totals of shapes {r.shape} and {c.shape} do not fit a prior of shape {p.shape}."
        )
    k = np.full(p.shape, np.nan) if known is None else np.array(known, dtype=np.float64)
    if k.shape != p.shape:
        raise WorldError(f"known cells have shape {k.shape}; the prior has {p.shape}.")
    f = np.array(np.broadcast_to(np.asarray(floor, dtype=np.float64), p.shape))
    free = np.isnan(k)
    k[~free], p[~free], f[~free] = k[~free], 0.0, 0.0
    k[free] = 0.0
    for name, array in (("prior", p), ("floor", f)):
        if not np.isfinite(array).all() or (array < 0).any():
            raise WorldError(f"the {name} has a cell that is negative or not a number.")
    if not (np.isfinite(r).all() and np.isfinite(c).all() and np.isfinite(k).all()):
        raise WorldError("a total or a known cell is not a finite number.")
    return _Problem(p, f, k, free, r - k.sum(axis=1), c - k.sum(axis=0), r, c)


def _labels(
    shape: tuple[int, ...],
    rows: Sequence[str] | None,
    columns: Sequence[str] | None,
) -> tuple[list[str], list[str]]:
    """Names of rows and columns, with the word that a person reads before them."""
    named = []
    for word, size, given in (("row", shape[0], rows), ("column", shape[1], columns)):
        if given is not None and len(given) != size:
            raise WorldError(f"{len(given)} {word} labels for {size} {word}s.")
        names = range(size) if given is None else given
        named.append([f"{word} '{name}'" for name in names])
    return named[0], named[1]


def _refuse_infeasible(problem: _Problem, labels: tuple[list[str], list[str]]) -> None:
    """Refuse what can be seen before solving: signs, floors, empty rows, unequal sums."""
    for axis, left, total in (
        (1, problem.rows, problem.row_totals),
        (0, problem.columns, problem.column_totals),
    ):
        names = labels[1 - axis]
        scale = np.maximum(np.abs(total), np.abs(total).max(initial=0.0) * 1e-12)
        short = left - problem.floor.sum(axis=axis)
        _refuse(
            short < -_SUM_TOLERANCE * scale,
            -short,
            names,
            total,
            "its known cells and floors exceed its total by",
        )
        empty = ~(problem.prior > 0).any(axis=axis)
        _refuse(
            empty & (np.abs(short) > _SUM_TOLERANCE * scale),
            np.abs(short),
            names,
            total,
            "no cell of it is free to move (the prior is zero or known); it misses",
        )
    gap = float(problem.row_totals.sum() - problem.column_totals.sum())
    size = float(np.abs(problem.row_totals).sum())
    if abs(gap) > _SUM_TOLERANCE * max(size, np.finfo(float).tiny):
        raise WorldError(
            "totals of rows and of columns must have one sum; rows "
            f"{problem.row_totals.sum():.10g}, columns {problem.column_totals.sum():.10g}."
        )


def _refuse(
    bad: NDArray[np.bool_], by: Array, names: list[str], total: Array, why: str
) -> None:
    if not bad.any():
        return
    worst = int(np.argmax(np.where(bad, by, -np.inf)))
    more = f" ({int(bad.sum())} such)" if bad.sum() > 1 else ""
    raise WorldError(
        f"the totals cannot be met: {names[worst]} (total {total[worst]:.6g}): "
        f"{why} {by[worst]:.6g}{more}."
    )


def _sweep(
    problem: _Problem,
    labels: tuple[list[str], list[str]],
    tolerance: float,
    max_iterations: int,
) -> Balanced:
    """Solve rows, then columns, until both hold."""
    r, c = np.ones(problem.rows.size), np.ones(problem.columns.size)
    residual, worst = np.inf, ""
    for iteration in range(1, max_iterations + 1):
        r = _scale(problem.prior * c[None, :], problem.floor, problem.rows)
        weights = problem.prior * r[:, None]
        c = _scale(weights.T, problem.floor.T, problem.columns)
        free = np.maximum(problem.floor, weights * c[None, :])
        if not np.isfinite(free).all():
            break
        values = np.where(problem.free, free, problem.known)
        residual, worst = _residual(values, problem, labels)
        if residual <= tolerance:
            floored = problem.free & (free <= problem.floor) & (problem.floor > 0)
            return Balanced(values, r, c, iteration, residual, worst, int(floored.sum()))
    _refuse_unsolved(residual, worst, iteration)


def _refuse_unsolved(residual: float, worst: str, iterations: int) -> NoReturn:
    raise WorldError(
        f"the totals cannot be met: after {iterations} sweeps {worst or 'a row'} still "
        f"misses its total by {residual:.3g} of it. The prior's zeros, the known cells or "
        "the floors leave no table with these totals."
    )


def _residual(
    values: Array, problem: _Problem, labels: tuple[list[str], list[str]]
) -> tuple[float, str]:
    """Largest relative miss of a total, and where it is."""
    found = (0.0, labels[0][0])
    gross = np.abs(values)
    for axis, total in ((1, problem.row_totals), (0, problem.column_totals)):
        # With known negative cells a total may be near zero: its gross flow is its size.
        size = np.maximum(np.abs(total), gross.sum(axis=axis))
        miss = np.abs(values.sum(axis=axis) - total) / np.where(size > 0, size, 1.0)
        at = int(np.argmax(miss))
        if miss[at] > found[0]:
            found = (float(miss[at]), labels[1 - axis][at])
    return found


def _scale(weight: Array, floor: Array, total: Array) -> Array:
    """Find r with Σⱼ max(fⱼ, aⱼ r) = R for each row, exactly, by sorted break points.

    Parameters
    ----------
    weight, floor : ndarray, shape (I, J)
        a and f; the cell is a·r once r passes the break point f/a.
    total : ndarray, shape (I,)
        R, at least Σ f.

    Returns
    -------
    ndarray, shape (I,)
    """
    mass = weight.sum(axis=1)
    if not floor.any():
        ratio: Array = np.divide(total, mass, out=np.ones_like(total), where=mass > 0)
        return np.maximum(ratio, 0.0)
    breaks = np.divide(floor, weight, out=np.full_like(floor, np.inf), where=weight > 0)
    order = np.argsort(breaks, axis=1)
    breaks, a, f = (np.take_along_axis(x, order, axis=1) for x in (breaks, weight, floor))
    moving = np.cumsum(a, axis=1)
    resting = f.sum(axis=1, keepdims=True) - np.cumsum(f, axis=1)
    r = np.divide(total[:, None] - resting, moving, out=np.zeros_like(moving), where=moving > 0)
    # Σ max(f, a·r) is the upper envelope of its segments, so the root is the least r.
    r = np.where(np.isfinite(breaks) & (moving > 0), r, np.inf).min(axis=1)
    return np.where(np.isfinite(r), np.maximum(r, 0.0), 1.0)
