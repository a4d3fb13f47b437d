"""Cross-entropy under linear conditions: the table nearest to a prior that meets them all.

Robinson, Cattaneo & El-Said (2001), "Updating and Estimating a Social Accounting Matrix
Using Cross Entropy Methods", Economic Systems Research 13: cells that are known stay fixed,
sums that are known hold, and what is left moves as little as it can from the prior. Two
things go beyond plain row-and-column balancing (``world/balance.py``). A cell may enter one
condition with a plus and another with a minus, as home sales do where output is unknown.
And a cell may be a part of an amount u that is there: then the part x and what is left,
u − x, are both kept near their priors, so that neither becomes negative:

    min Σ x ln(x/p) − x + p                              where nothing bounds the cell
      + Σ x ln(x/p) + (u − x) ln((u − x)/(u − p))        where u does
    subject to A x = b

With η = Aᵀλ the solution is x = p·e^η, or x = u·p·e^η / (p·e^η + u − p). The multipliers λ
minimise a smooth convex dual, by Newton's method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lstsq
from scipy.optimize import linprog

from detente.errors import InputError, Place

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: A condition holds when it misses by this share of the sum of its own cells' sizes.
TOLERANCE = 1e-13
#: Where rounding stops Newton's method, this is still a solution.
ACCEPTED = 1e-11
STEPS = 400
#: Steps without a tenth's gain after which there is no table to be found.
PATIENCE = 30
#: A part whose prior is all that is there leaves its rest a thousandth.
MOST = 0.999
#: Totals that differ by less than this share of their size are the same number.
SAME = 1e-10
#: A cell, or what is left of it, below this share of its prior is looked at again.
_FAR = 1e-7
#: Largest change of a cell's exponent in one step.
STRIDE = 4.0
#: Beyond this exponent a cell is e^80 times its prior: no table meets the conditions.
_FARTHEST = 80.0


@dataclass(frozen=True)
class Condition:
    """One sum that is known: Σ coefficient·cell = total.

    Attributes
    ----------
    cells : ndarray of int, shape (K,)
    coefficients : ndarray, shape (K,)
    total : float
    label : str
        What it is, for errors: ``exports of coal``.
    identity : bool
        Whether it is an identity of the accounts, which nobody stated.
    place : Place or None
        Where it was stated.
    """

    cells: NDArray[np.intp]
    coefficients: Array
    total: float
    label: str
    identity: bool = False
    place: Place | None = None


@dataclass
class Program:
    """A table to find: cells with a prior and bounds, and the conditions on them.

    Attributes
    ----------
    prior : ndarray, shape (M,)
        Of what a cell holds above its lower bound; non-negative, a zero stays there, and
        no more than ``MOST`` of the room between the bounds counts.
    lower, upper : ndarray, shape (M,)
        Bounds; an infinite upper one bounds nothing.
    known : ndarray, shape (M,)
        Value of a cell that is known; NaN where it is free.
    conditions : list of Condition
    """

    prior: Array
    lower: Array
    upper: Array
    known: Array
    conditions: list[Condition] = field(default_factory=list)

    def add(
        self,
        cells: NDArray[np.intp],
        total: float,
        label: str,
        coefficients: Array | float = 1,
        *,
        identity: bool = False,
        place: Place | None = None,
    ) -> None:
        """Add a condition."""
        weights = np.broadcast_to(np.asarray(coefficients, dtype=np.float64), cells.shape)
        self.conditions.append(
            Condition(cells, np.array(weights), float(total), label, identity, place)
        )


@dataclass(frozen=True)
class Nearest:
    """A table that meets its conditions.

    Attributes
    ----------
    values : ndarray, shape (M,)
    steps : int
        Newton steps.
    residual : float
        Largest miss of a condition, relative to the sizes of its cells.
    worst : str
        The condition of the largest miss.
    """

    values: Array
    steps: int
    residual: float
    worst: str


def nearest_table(program: Program, what: str = "the totals") -> Nearest:
    """The table nearest to the prior that meets every condition.

    Parameters
    ----------
    program : Program
        It is not changed.
    what : str
        What contradicts itself where no table is found; begins the message.

    Returns
    -------
    Nearest

    Raises
    ------
    InputError
        Conditions that no table meets: which, how much each asks for and how much is there.
    """
    values = np.where(np.isnan(program.known), program.lower, program.known)
    free = np.isnan(program.known) & (program.prior > 0) & (program.upper > program.lower)
    rows = _presolved(program, values, free)
    if not rows:
        return Nearest(values, 0, 0.0, "")
    at = np.flatnonzero(free)
    matrix = _matrix(rows, at, len(values))
    totals = np.array(
        [r.total - (r.coefficients * values[r.cells])[~free[r.cells]].sum() for r in rows]
    )
    lower = program.lower[at]
    shifted = totals - matrix @ lower
    # the sizes that the conditions are about, cells that are already known included
    gross = np.array(
        [
            max(abs(r.total), (np.abs(r.coefficients * values[r.cells])[~free[r.cells]]).sum())
            for r in rows
        ]
    )
    room = program.upper[at] - lower
    prior = np.minimum(program.prior[at], MOST * room)
    problem = _Problem(prior, room, matrix, shifted, gross)
    found, steps, misses = _newton(problem)
    solved = bool(misses.max() <= ACCEPTED)
    far = problem.far(found)
    if not solved:
        _refuse_contradiction(rows, problem, what)
    if not solved or far.any():
        bound = _at_bounds(problem)
        forced = ~np.isnan(bound) & (far | (not solved))
        if forced.any():
            known = program.known.copy()
            known[at[forced]] = (lower + bound)[forced]
            return nearest_table(replace(program, known=known), what)
        if not solved:
            raise InputError(f"no table was found that meets {what}.")
    values[at] = lower + found
    worst = int(np.argmax(misses))
    return Nearest(values, steps, float(misses.max()), rows[worst].label)


# -- what can be seen before solving -----------------------------------------------------
def _presolved(program: Program, values: Array, free: Mask) -> list[Condition]:
    """Fix cells that a condition leaves no choice; ``values`` and ``free`` are changed.

    Returns
    -------
    list of Condition
        Those with a free cell left.
    """
    rows = list(program.conditions)
    settled = False
    while not settled:
        settled, left = True, []
        for row in rows:
            state = _settle(program, row, values, free)
            settled = settled and not state
            if free[row.cells].any():
                left.append(row)
        rows = left
    return rows


def _settle(program: Program, row: Condition, values: Array, free: Mask) -> bool:
    """Fix the row's free cells where it is at an end of its range; whether it was."""
    open_ = free[row.cells]
    cells, weights = row.cells[open_], row.coefficients[open_]
    given = row.coefficients[~open_] * values[row.cells[~open_]]
    rest = row.total - given.sum()
    down, up = program.lower[cells], program.upper[cells]
    least = np.where(weights > 0, weights * down, weights * up).sum()
    most = np.where(weights > 0, weights * up, weights * down).sum()
    size = max(abs(row.total), np.abs(given).sum())
    low, high = (
        SAME * max(size, abs(end)) if np.isfinite(end) else 0.0 for end in (least, most)
    )
    if rest < least - low or rest > most + high:
        raise _out_of_range(row, least + given.sum(), most + given.sum())
    if not cells.size:
        return False
    at_least, at_most = rest <= least + low, rest >= most - high
    if at_least or at_most:
        lowest = (weights > 0) == at_least
        values[cells] = np.where(lowest, down, up)
    elif cells.size == 1:
        values[cells] = rest / weights
    else:
        return False
    free[cells] = False
    return True


def _out_of_range(row: Condition, least: float, most: float) -> InputError:
    above = row.total > most
    if row.identity:
        side = f"{amount_within(most)} at most" if above else f"{amount(least)} at least"
        return InputError(
            f"{row.label} cannot hold: {amount(row.total)} is needed, and what is known and "
            f"what is there leave {side}."
        )
    there = (
        f"at most {amount_within(most)} is there"
        if above
        else f"{amount(least)} is known of it"
    )
    return InputError(f"{row.label} should be {amount(row.total)}, but {there}.", row.place)


def amount(value: float) -> str:
    """A sum of money in a message: enough digits to see the difference."""
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def amount_within(value: float) -> str:
    """A limit in a message, never rounded up: what is printed is accepted when written."""
    if not value > 0 or not np.isfinite(value):
        return amount(value)
    unit = 10.0 ** (min(math.floor(math.log10(value)), 5) - 5)
    text = amount(value)
    steps = math.floor(value / unit)
    while float(text.replace(",", "")) > value:
        text, steps = amount(steps * unit), steps - 1
    return text


# -- Newton's method on the dual ---------------------------------------------------------
@dataclass(frozen=True)
class _Problem:
    """p, u, A, b of the free cells above their lower bounds; the conditions' own sizes."""

    prior: Array
    upper: Array
    matrix: sparse.csr_matrix
    totals: Array
    gross: Array

    def primal(self, multiplier: Array) -> tuple[float, Array, Array]:
        """Height of the dual, cells x, and dx/dη."""
        eta = np.clip(self.matrix.T @ multiplier, -700.0, 700.0)
        x = np.exp(np.minimum(np.log(self.prior) + eta, 709.0))
        height, slope = x - self.prior, x.copy()
        bounded = np.isfinite(self.upper)
        p, u, e = self.prior[bounded], self.upper[bounded], eta[bounded]
        rest = np.log(u - p)
        both = np.logaddexp(np.log(p) + e, rest)
        x[bounded] = u * np.exp(np.log(p) + e - both)
        slope[bounded] = x[bounded] * np.exp(rest - both)
        near = np.abs(e) < 1.0  # where p·e^η is little of u, log1p keeps its digits
        height[bounded] = u * np.where(
            near, np.log1p(p * np.expm1(np.where(near, e, 0.0)) / u), both - np.log(u)
        )
        return float(height.sum() - self.totals @ multiplier), x, slope

    def far(self, x: Array) -> Mask:
        """Cells so far from their priors that a bound may be all that is left to them."""
        u = np.where(np.isfinite(self.upper), self.upper, 2.0 * np.maximum(x, self.prior))
        found: Mask = (x < _FAR * self.prior) | (u - x < _FAR * (u - self.prior))
        return found

    def misses(self, x: Array) -> Array:
        """Each condition's miss, relative to the sizes of its cells."""
        size = np.maximum(abs(self.matrix) @ x, np.maximum(np.abs(self.totals), self.gross))
        tiny = np.finfo(float).tiny
        found: Array = np.abs(self.matrix @ x - self.totals) / np.maximum(size, tiny)
        return found


def _newton(problem: _Problem) -> tuple[Array, int, Array]:
    """Minimise the dual; cells, steps taken and the misses that are left."""
    multiplier = np.zeros(len(problem.totals))
    height, x, slope = problem.primal(multiplier)
    misses = problem.misses(x)
    best, since = np.inf, 0
    for step in range(STEPS):
        if misses.max() <= TOLERANCE:
            return x, step, misses
        best, since = (misses.max(), 0) if misses.max() < 0.9 * best else (best, since + 1)
        direction = _direction(problem, x, slope)
        found = _search(problem, multiplier, direction, height, misses.max())
        if found is None or since > PATIENCE:
            return x, step, misses
        if np.abs(problem.matrix.T @ found).max() > _FARTHEST:
            return x, step, misses
        multiplier = found
        height, x, slope = problem.primal(multiplier)
        misses = problem.misses(x)
    return x, STEPS, misses


def _direction(problem: _Problem, x: Array, slope: Array) -> Array:
    """Newton's step; conditions may depend on each other and differ by orders in size."""
    gap = problem.matrix @ x - problem.totals
    weighted = problem.matrix @ sparse.diags(np.sqrt(slope))
    hessian = (weighted @ weighted.T).toarray()
    scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
    hessian *= scale[:, None] * scale[None, :]
    step, *_ = lstsq(hessian, gap * scale, cond=1e-14, lapack_driver="gelsy")
    found: Array = -np.asarray(step, dtype=np.float64) * scale
    return found


def _search(
    problem: _Problem, start: Array, direction: Array, height: float, worst: float
) -> Array | None:
    """Halve until the dual falls (Armijo), or None where nothing helps.

    The first length moves no cell by more than a factor of e^STRIDE: beyond, the curvature
    that the step was taken with says nothing.
    """
    _, x, _ = problem.primal(start)
    slope = float((problem.matrix @ x - problem.totals) @ direction)
    stride = float(np.abs(problem.matrix.T @ direction).max())
    length = min(1.0, STRIDE / max(stride, STRIDE))
    full = length == 1.0
    while length > 1e-12:
        trial: Array = start + length * direction
        new, x, _ = problem.primal(trial)
        if np.isfinite(new) and slope < 0 and new <= height + 1e-4 * length * slope:
            return trial
        # so near the bottom that the height no longer shows it
        if full and length == 1.0 and worst < 1e-4 and problem.misses(x).max() < 0.9 * worst:
            return trial
        length /= 2
    return None


def _matrix(rows: Sequence[Condition], at: NDArray[np.intp], size: int) -> sparse.csr_matrix:
    """The conditions' coefficients on the free cells, shape (C, free)."""
    position = np.full(size, -1, dtype=np.intp)
    position[at] = np.arange(at.size)
    row = np.repeat(np.arange(len(rows)), [r.cells.size for r in rows])
    column = position[np.concatenate([r.cells for r in rows])]
    value = np.concatenate([r.coefficients for r in rows])
    here = column >= 0
    return sparse.csr_matrix(
        (value[here], (row[here], column[here])), shape=(len(rows), at.size)
    )


# -- no table inside the bounds ----------------------------------------------------------
def _at_bounds(problem: _Problem) -> Array:
    """Cells that every table with these sums has at a bound, NaN elsewhere; shape (M,).

    A linear program asks for a table whose cells all keep a distance from their bounds, and
    finds the cells that cannot.
    """
    size = np.where(np.isfinite(problem.upper), problem.upper, problem.prior)
    top = problem.upper / size
    count = len(size)
    matrix = problem.matrix @ sparse.diags(size)
    scale = 1.0 / np.maximum(abs(matrix).max(axis=1).toarray().reshape(-1), 1e-300)
    eye = sparse.identity(count, format="csr")
    finite = np.flatnonzero(np.isfinite(top))
    found = linprog(
        np.concatenate([np.zeros(count), -np.ones(count)]),
        A_eq=sparse.hstack(
            [sparse.diags(scale) @ matrix, sparse.csr_matrix((len(scale), count))], format="csr"
        ),
        b_eq=scale * problem.totals,
        A_ub=sparse.vstack(
            [sparse.hstack([-eye, eye]), sparse.hstack([eye[finite], eye[finite]])],
            format="csr",
        ),
        b_ub=np.concatenate([np.zeros(count), top[finite]]),
        bounds=[(0.0, None)] * count + [(0.0, _APART)] * count,
        method="highs",
    )
    bound = np.full(count, np.nan)
    if found.success and found.x is not None:
        x, apart = found.x[:count], found.x[count:]
        stuck = apart < 1e-5 * _APART
        bound[stuck] = np.where(x[stuck] < 0.5 * top[stuck], 0.0, problem.upper[stuck])
    return bound


#: Distance from the bounds that is asked of a cell, as a share of its size.
_APART = 1e-2


# -- who contradicts whom ----------------------------------------------------------------
def _refuse_contradiction(rows: Sequence[Condition], problem: _Problem, what: str) -> None:
    """Name the conditions that must give way for the others to hold (a linear program)."""
    size = np.maximum(problem.gross, np.abs(problem.totals))
    size = np.where(size > 0, size, size.max(initial=1.0) or 1.0)
    count, money = len(rows), float(size.max())
    eye = sparse.identity(count, format="csr")
    # an identity of the accounts is no claim of the user's: it gives way last
    price = np.where([r.identity for r in rows], 1e4, 1.0) * money / size
    bounds = [(0.0, None if np.isinf(u) else u / money) for u in problem.upper]
    cells = problem.matrix.shape[1]
    found = linprog(
        np.concatenate([np.zeros(cells), price, price]),
        A_eq=sparse.hstack([problem.matrix, eye, -eye], format="csr"),
        b_eq=problem.totals / money,
        bounds=bounds + [(0.0, None)] * (2 * count),
        method="highs",
    )
    if not found.success or found.x is None:
        raise InputError(f"{what} cannot be met together.")
    slack = (found.x[cells : cells + count] - found.x[cells + count :]) * money
    order = np.argsort(-np.abs(slack) / size)
    told = [
        _give(rows[j], float(slack[j])) for j in order[:3] if abs(slack[j]) > 1e-7 * size[j]
    ]
    if told:
        listed = "; ".join(told)
        raise InputError(f"{what} contradict each other. The least that has to give: {listed}.")


def _give(row: Condition, slack: float) -> str:
    """A condition, what it asks, and by how much the others miss it."""
    line = f", line {row.place.line}" if row.place and row.place.line else ""
    way = "more than can be met" if slack > 0 else "less than what has to be"
    asked = "" if row.identity else f"asks {amount(row.total)}{line}, "
    return f"{row.label} ({asked}{amount(abs(slack))} {way})"
