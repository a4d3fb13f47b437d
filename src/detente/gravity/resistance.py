"""Multilateral resistance: how contested each market is, and how contested each seller's.

Anderson & van Wincoop (2003, American Economic Review 93), in powers of −θ: with sizes y, e
(shares of the world, by sector) and φ[i, n] > 0 the freeness of a link,

    Πᵢ = Σₙ φᵢₙ eₙ / Pₙ,    Pₙ = Σᵢ φᵢₙ yᵢ / Πᵢ,    Xᵢₙ / Y = yᵢ eₙ φᵢₙ / (Πᵢ Pₙ).

A seller's pull is Aᵢ = yᵢ / Πᵢ; its share of a market is Aᵢ φᵢₙ / Pₙ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detente.errors import NotConvergedError

Array = NDArray[np.float64]

_STEPS = 200
_HALVINGS = 12
#: Longest step for a ln Π: home markets all but closed make the Hessian nearly singular.
_LONGEST = 20.0


def resistances(
    freeness: Array,
    output: Array,
    spending: Array,
    *,
    start: Array | None = None,
    tolerance: float = 1e-10,
) -> tuple[Array, Array]:
    """Pulls A and prices P of every sector.

    ln Π minimises Σₙ eₙ ln Pₙ + Σᵢ yᵢ ln Πᵢ, which is convex: Newton's method, halved until the
    sum falls, and where that fails a plain sweep (Π scaled to what is sold), which never
    raises it.

    Parameters
    ----------
    freeness : ndarray, shape (S, A, A)
        φ[s, i, n] > 0.
    output, spending : ndarray, shape (S, A)
        Same sum over places in every sector; zero sizes are allowed.
    start : ndarray, shape (S, A), optional
        ln Π of a problem nearby.
    tolerance : float
        Largest relative gap between what a place makes and what it sells.

    Returns
    -------
    (ndarray, ndarray), shape (S, A) each
        A (shares of the world's output of the sector) and P; only A/P is determined.

    Raises
    ------
    NotConvergedError
    """
    total = output.sum(axis=1, keepdims=True)
    safe = np.where(total > 0, total, 1.0)
    y, e = output / safe, spending / safe
    made = np.where(y > 0, y, 1.0)
    log_pi = np.zeros_like(y) if start is None else start.copy()
    height, price = _height(log_pi, freeness, y, e)
    for _ in range(_STEPS):
        pull = y * np.exp(-log_pi)
        flow = pull[:, :, None] * freeness
        flow *= (e / np.where(price > 0, price, 1.0))[:, None, :]
        sold = flow.sum(axis=2)
        gap = np.abs(sold - y) / made
        if gap.max() <= tolerance:
            return pull, price
        step = _newton(flow, e, y, sold)
        sweep = np.log(np.where(y > 0, sold / made, 1.0))
        log_pi, height, price = _move(log_pi, (step, sweep), height, (freeness, y, e))
    raise NotConvergedError(f"multilateral resistances did not converge ({gap.max():.1e}).")


def _height(log_pi: Array, freeness: Array, y: Array, e: Array) -> tuple[Array, Array]:
    """What is minimised, shape (S,), and the prices that belong to it, shape (S, A)."""
    price = np.einsum("sin,si->sn", freeness, y * np.exp(-log_pi))
    # a price that underflows is out of reach, not low
    lost = np.where((price <= 0) & (e > 0), np.inf, 0.0)
    log_price = np.log(np.where(price > 0, price, 1.0)) + lost
    return np.where(e > 0, e * log_price, 0.0).sum(axis=1) + (y * log_pi).sum(axis=1), price


def _newton(flow: Array, e: Array, y: Array, sold: Array) -> Array:
    """Newton's step for ln Π; the Hessian diag(sold) − X diag(1/e) Xᵀ is singular along 1."""
    bought = np.where(e > 0, e, 1.0)
    hessian = -(flow / bought[:, None, :]) @ flow.transpose(0, 2, 1)
    diagonal = np.arange(flow.shape[1])
    hessian[:, diagonal, diagonal] += np.where(y > 0, sold, 1.0) * (1.0 + 1e-13)
    # The mean of ln Π is free: pin it, so that the matrix can be solved.
    hessian += y[:, :, None] * y[:, None, :]
    gap = (sold - y)[:, :, None]
    try:
        solved = np.linalg.solve(hessian, gap)
    except np.linalg.LinAlgError:  # singular to rounding in one sector: least squares there too
        solved = np.linalg.pinv(hessian, hermitian=True) @ gap
    found = np.asarray(solved[:, :, 0], dtype=np.float64)
    longest = np.abs(found).max(axis=1, keepdims=True)
    shorter: Array = found * np.minimum(1.0, _LONGEST / np.maximum(longest, 1e-300))
    return np.where(np.isfinite(shorter), shorter, 0.0)


def _move(
    log_pi: Array,
    steps: tuple[Array, Array],
    height: Array,
    problem: tuple[Array, Array, Array],
) -> tuple[Array, Array, Array]:
    """Each sector's longest halved Newton step that lowers its height, else a sweep."""
    newton, sweep = steps
    length: Array = np.ones((len(height), 1))
    for _ in range(_HALVINGS):
        found = log_pi + length * newton
        with np.errstate(over="ignore", invalid="ignore"):
            new, price = _height(found, *problem)
        worse = ~(new <= height + 1e-15 * np.abs(height))
        if not worse.any():
            return found, new, price
        length[worse] /= 2.0
    swept: Array = np.where(worse[:, None], log_pi + sweep, found)
    return swept, *_height(swept, *problem)
