"""Poisson regression with three or more fixed effects, on pyfixest's demeaning kernels.

``pyfixest.fepois`` keeps the preconditioner of its first Newton step for all later ones.
Gravity's weights change by ten orders of magnitude on the way, so with exporter-year,
importer-year and pair effects on a million rows its sparse solver stalls, and alternating
projections need minutes where the panel is sparse (benchmarks/bench_gravity.py has the
figures). This module drives the same kernels: a fresh preconditioner each step, and each
step demeans the residual that the last one left, so that loose inner tolerances do no harm
(Correia, Guimarães & Zylkin 2020, Stata Journal 20: ppmlhdfe works like this).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int32]

#: Sweeps that alternating projections get before the sparse solver takes over.
SWEEPS = 100
#: Inner tolerance, relative to each column: early steps, and near the end.
LOOSE, TIGHT = 1e-3, 1e-7
#: Share of a term's variation that effects and earlier terms must leave.
COLLINEAR = 1e-9
_HALVINGS = 12


#: What counts as zero in the rectifier.
RECTIFIER_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Solution:
    """Outcome of a regression's steps; n rows, k terms of which p are kept.

    Attributes
    ----------
    coef : ndarray, shape (p,)
    kept : ndarray of bool, shape (k,)
        Terms that are not collinear.
    residual_terms : ndarray, shape (n, p)
        Terms less what the fixed effects explain, at the last weights.
    fitted : ndarray, shape (n,)
    last_step : float
        How far the last step moved any row's log expectation through the terms.
    converged : bool
    """

    coef: Array
    kept: NDArray[np.bool_]
    residual_terms: Array
    fitted: Array
    last_step: float
    converged: bool


class Demeaner:
    """Takes weighted means of every fixed effect out of columns.

    Alternating projections while they converge in ``SWEEPS`` sweeps; from the first failure
    on, the sparse solver with a preconditioner built for the weights at hand.
    """

    def __init__(self, effects: list[Codes]) -> None:
        self.effects = np.column_stack(effects).astype(np.uint32) if effects else None
        self.sparse = False

    def __call__(self, columns: Array, weights: Array, tolerance: float) -> Array:
        """Columns less their projection, shape (n, c); raises ValueError on failure."""
        if self.effects is None:
            return columns
        from pyfixest.core.demean import demean, demean_within  # noqa: PLC0415  (extra)

        size = np.sqrt(weights @ columns**2 / weights.sum())
        scaled = columns / np.where(size > 0, size, 1.0)
        if not self.sparse:
            wide = self.effects.astype(np.uint64)
            found, done = demean(scaled, wide, weights, tolerance, SWEEPS)
            if not done:
                self.sparse = True
                scaled = found  # what the sweeps have taken out need not be taken out again
        if self.sparse:
            found, done, _ = demean_within(scaled, self.effects, weights, tolerance, 2000)
            if not done:
                found, done, _ = demean_within(
                    scaled, self.effects, weights, tolerance, 2000, 20
                )
            if not done:
                raise ValueError("the fixed effects cannot be taken out to the tolerance")
        out: Array = found * size
        return out


def poisson(
    flow: Array, terms: Array, effects: list[Codes], *, tolerance: float, steps: int
) -> Solution:
    """Newton steps for E[flow] = exp(terms · coef + Σ effects).

    Parameters
    ----------
    flow : ndarray, shape (n,)
        Mean of order one.
    terms : ndarray, shape (n, k)
    effects : list of ndarray of int32, shape (n,)
        Dense codes.
    tolerance : float
        Relative change in deviance that ends the steps.
    steps : int
        At most this many.

    Raises
    ------
    ValueError
        The effects cannot be taken out.
    """
    demean = Demeaner(effects)
    expected = (flow + flow.mean()) / 2
    # The first step starts from a constant: all of log(expected) is still to be explained.
    gap = np.log(expected) + (flow - expected) / expected
    index = np.zeros(len(flow))
    left = demean(np.column_stack([gap, terms]), expected, TIGHT)
    kept = independent(left[:, 1:], terms, expected)
    x, coef = left[:, 1:][:, kept], np.zeros(int(kept.sum()))
    residual = left[:, 0]
    last, change, moved = np.inf, np.inf, np.inf
    for _ in range(steps):
        delta = _solve(x, residual, expected)
        move = gap - (residual - x @ delta)
        index, expected, now, share = _advance(flow, index, move, last)
        coef = coef + share * delta
        moved = float(np.abs(x @ (share * delta)).max(initial=0.0))
        change = abs(now - last) / (0.1 + abs(now))
        last = now
        if change < tolerance:
            break
        inner = TIGHT if change < 1e-3 else LOOSE
        gap = (flow - expected) / expected
        left = demean(np.column_stack([gap, x]), expected, inner)
        residual, x = left[:, 0], left[:, 1:]
    x = demean(x, expected, TIGHT) if x.shape[1] else x
    return Solution(coef, kept, x, expected, moved, change < tolerance)


def _solve(x: Array, residual: Array, weights: Array) -> Array:
    if not x.shape[1]:
        return np.zeros(0)
    weighted = x * weights[:, None]
    found = np.linalg.lstsq(weighted.T @ x, weighted.T @ residual, rcond=None)[0]
    return np.asarray(found, dtype=np.float64)


def _advance(
    flow: Array, index: Array, move: Array, last: float
) -> tuple[Array, Array, float, float]:
    """The step, halved until the deviance does not rise."""
    share = 1.0
    for _ in range(_HALVINGS):
        trial = index + share * move
        with np.errstate(over="ignore", invalid="ignore"):
            expected: Array = np.exp(trial)
            now = deviance(flow, expected)
        if np.isfinite(now) and now <= last * (1 + 1e-9) + 1e-12:
            break
        share /= 2
    return trial, np.maximum(expected, 1e-300), now, share


def deviance(flow: Array, expected: Array) -> float:
    """Twice the gap in log likelihood to a perfect fit."""
    positive = flow > 0
    ratio = np.log(flow[positive] / expected[positive])
    return float(2.0 * (flow[positive] @ ratio - (flow - expected).sum()))


def independent(left: Array, terms: Array, weights: Array) -> NDArray[np.bool_]:
    """Which terms vary beyond the fixed effects and the terms before them; shape (k,)."""
    centred = terms - np.average(terms, axis=0, weights=weights) if len(terms) else terms
    whole = weights @ centred**2
    kept = np.zeros(terms.shape[1], dtype=bool)
    basis = np.sqrt(weights)[:, None] * left
    for j in range(terms.shape[1]):
        rest = basis[:, j]
        if kept.any():
            before = basis[:, kept]
            rest = rest - before @ np.linalg.lstsq(before, rest, rcond=None)[0]
        kept[j] = rest @ rest > COLLINEAR * max(whole[j], 1e-300)
    return kept


def least_squares(outcome: Array, terms: Array, effects: list[Codes]) -> Solution:
    """Ordinary least squares; arguments and outcome as :func:`poisson`."""
    demean, weights = Demeaner(effects), np.ones(len(outcome))
    left = demean(np.column_stack([outcome, terms]), weights, TIGHT)
    kept = independent(left[:, 1:], terms, weights)
    x = left[:, 1:][:, kept]
    coef = _solve(x, left[:, 0], weights)
    return Solution(coef, kept, x, outcome - (left[:, 0] - x @ coef), 0.0, True)


def rectified(flow: Array, terms: Array, effects: list[Codes], steps: int) -> NDArray[np.intp]:
    """Positions of rows that terms and effects together separate.

    The iterative rectifier of Correia, Guimarães & Zylkin (2019): regress a variable that is
    zero where flows are positive on everything, with overwhelming weight there; what can be
    positive elsewhere without disturbing those rows is separated.

    Raises
    ------
    ValueError
        No end within so many steps.
    """
    zero = flow == 0
    weight = np.where(zero, 1.0, (~zero).sum() / RECTIFIER_TOLERANCE**2)
    demean, outcome = Demeaner(effects), zero.astype(float)
    left = demean(np.column_stack([outcome, terms]), weight, TIGHT)
    x = left[:, 1:]  # what is collinear but for the zeros is what is looked for
    for _ in range(steps):
        y = demean(outcome[:, None], weight, TIGHT)[:, 0]
        fitted = outcome - (y - x @ _solve(x, y, weight))
        fitted[(np.abs(fitted) < RECTIFIER_TOLERANCE) | ~zero] = 0.0
        if (fitted >= 0).all():
            return np.flatnonzero(fitted > 0)
        outcome = np.maximum(fitted, 0.0)
    raise ValueError("separated rows cannot be told from others")


def levels_told_apart(effects: list[Codes]) -> int:
    """How many coefficients the fixed effects are worth together.

    Two effects lose one level in each part of the data that hangs together (a year, say);
    a third and further ones are taken to lose one each, as in Stata's ``reghdfe``.
    """
    from scipy.sparse import coo_matrix  # noqa: PLC0415  (slow to import)
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    sizes = [int(c.max()) + 1 for c in effects]
    if len(effects) < 2:
        return sum(sizes)
    size = sizes[0] + sizes[1]
    ones = np.ones(len(effects[0]))
    graph = coo_matrix((ones, (effects[0], sizes[0] + effects[1])), shape=(size, size))
    parts, _ = connected_components(graph, directed=False)
    return sum(sizes) - int(parts) - (len(sizes) - 2)


def clustered(scores: Array, bread: Array, clusters: list[Codes]) -> tuple[Array, int]:
    """Covariance of the coefficients and the (smaller) number of clusters.

    Sums of scores by cluster, times G/(G − 1); two clusterings are added and their
    intersection taken off (Cameron, Gelbach & Miller 2011), all with the smaller G.
    """
    n = len(scores)
    if not clusters:
        return bread @ (scores.T @ scores) @ bread * (n / (n - 1)), 0
    groups = min(int(c.max()) + 1 for c in clusters)
    meat = _meat(scores, clusters[0])
    if len(clusters) == 2:
        meat = meat + _meat(scores, clusters[1])
        both = clusters[0].astype(np.int64) * (int(clusters[1].max()) + 1) + clusters[1]
        same = np.unique(both, return_inverse=True)[1].astype(np.int32)
        meat = meat - _meat(scores, same)
    out: Array = bread @ meat @ bread * (groups / (groups - 1))
    return out, groups


def _meat(scores: Array, codes: Codes) -> Array:
    size = int(codes.max()) + 1
    sums = np.column_stack([np.bincount(codes, s, minlength=size) for s in scores.T])
    return np.asarray(sums.T @ sums, dtype=np.float64)
