"""Multilateral resistance: how contested each market is, and how contested each seller's.

Anderson & van Wincoop (2003, American Economic Review 93), in powers of −θ: with sizes y, e
(shares of the world, by sector) and φ[i, n] > 0 the freeness of a link,

    Πᵢ = Σₙ φᵢₙ eₙ / Pₙ,    Pₙ = Σᵢ φᵢₙ yᵢ / Πᵢ,    Xᵢₙ / Y = yᵢ eₙ φᵢₙ / (Πᵢ Pₙ).

A seller's pull is Aᵢ = yᵢ / Πᵢ; its share of a market is Aᵢ φᵢₙ / Pₙ.
"""

from __future__ import annotations

import numpy as np

from detente.errors import NotConvergedError
from detente.world.core import Array

_STEPS = 100
_LARGEST_STEP = 3.0


def resistances(
    freeness: Array,
    output: Array,
    spending: Array,
    *,
    start: Array | None = None,
    tolerance: float = 1e-10,
) -> tuple[Array, Array]:
    """Pulls A and prices P of every sector, by Newton's method on ln Π.

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
        A (shares of the world's output of the sector) and P. Only their product is
        determined: the output-weighted mean of ln Π is zero.

    Raises
    ------
    NotConvergedError
    """
    total = output.sum(axis=1, keepdims=True)
    safe = np.where(total > 0, total, 1.0)
    y, e = output / safe, spending / safe
    log_pi = np.zeros_like(y) if start is None else start.copy()
    made = np.where(y > 0, y, 1.0)
    for _ in range(_STEPS):
        price = np.einsum("sin,si->sn", freeness, y * np.exp(-log_pi))
        flow = (y * np.exp(-log_pi))[:, :, None] * freeness
        flow *= (e / np.where(price > 0, price, 1.0))[:, None, :]
        gap = flow.sum(axis=2) - y  # sold less made
        if np.abs(gap / made).max() <= tolerance:
            return y * np.exp(-log_pi), price
        log_pi += _step(flow, e, y, gap)
    worst = float(np.abs(gap / made).max())
    raise NotConvergedError(f"multilateral resistances did not converge (gap {worst:.1e}).")


def _step(flow: Array, e: Array, y: Array, gap: Array) -> Array:
    """Newton's step for ln Π: d gap/d ln Π = −diag(sold) + X diag(1/e) Xᵀ, singular along 1."""
    bought = np.where(e > 0, e, 1.0)
    jacobian = (flow / bought[:, None, :]) @ flow.transpose(0, 2, 1)
    diagonal = np.arange(flow.shape[1])
    jacobian[:, diagonal, diagonal] -= np.where(y > 0, flow.sum(axis=2), 1.0)
    # The mean of ln Π is free: pin it, so that the matrix can be solved.
    jacobian -= y[:, :, None] * y[:, None, :]
    step = np.linalg.solve(jacobian, -gap[:, :, None])[:, :, 0]
    largest = np.abs(step).max(axis=1, keepdims=True)
    shortened: Array = step * np.minimum(1.0, _LARGEST_STEP / np.maximum(largest, 1e-300))
    return shortened
