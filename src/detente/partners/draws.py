"""What is not known for sure, drawn: gravity's coefficients, elasticities, single pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detente.dormant import AS_BEFORE, NORMAL, DormantShares
from detente.dormant.anchors import ratio
from detente.dormant.kinds import NEVER
from detente.errors import InputError
from detente.world.core import Array, World

#: Where a world keeps the relative standard errors of its elasticities.
ERRORS = "elasticity_errors"
#: Elasticities beyond this make no difference but to the solver.
_LARGEST_THETA = 60.0


@dataclass(frozen=True)
class Draw:
    """One draw.

    Attributes
    ----------
    theta : ndarray, shape (S,)
    dormant, dormant_noisy : mapping of str to ndarray, shape (S, N, N)
        ψ by anchor, without and with pairs' own errors.
    potential, potential_noisy : ndarray, shape (N,)
        What gravity's normal border says of two-way trade with each partner, million USD.
    """

    theta: Array
    dormant: Mapping[str, Array]
    dormant_noisy: Mapping[str, Array]
    potential: Array
    potential_noisy: Array


def elasticity_errors(world: World) -> tuple[Array, tuple[str, ...]]:
    """Relative standard error of each sector's θ, and the estimates that it comes from.

    Raises
    ------
    InputError
        The world has none.
    """
    known: Mapping[str, Any] = world.meta.get(ERRORS, {})
    missing = [s for s in world.sectors if s not in known]
    if missing:
        raise InputError(
            f"world '{world.name}' does not say how sure its elasticities are (none for "
            f"'{missing[0]}'): draw without them, --no-elasticities."
        )
    error = np.array([float(known[s]["relative_error"]) for s in world.sectors])
    return error, tuple(str(known[s]["estimate"]) for s in world.sectors)


def draw_theta(world: World, rng: np.random.Generator) -> Array:
    """θ·exp(s z), s² = ln(1 + e²): log-normal with median θ and relative error e, (S,).

    Sectors that share an estimate move together; one that mixes several moves with each.
    """
    error, source = elasticity_errors(world)
    parts = [text.split(" + ") for text in source]
    names = sorted({name for group in parts for name in group})
    each = dict(zip(names, rng.standard_normal(len(names)), strict=True))
    z = np.array([sum(each[k] for k in group) / np.sqrt(len(group)) for group in parts])
    width = np.sqrt(np.log1p(error**2))
    theta: Array = world.trade_elasticity * np.exp(width * z)
    return np.minimum(theta, np.maximum(_LARGEST_THETA, world.trade_elasticity))


def draw(
    shares: DormantShares, rng: np.random.Generator, *, elasticities: bool, pair_error: float
) -> Draw:
    """Draw once.

    Parameters
    ----------
    shares : DormantShares
    rng : numpy Generator
    elasticities : bool
        Whether θ is drawn too.
    pair_error : float
        Standard deviation of ln(actual/predicted) trade of a pair: what gravity misses of
        any single pair. One factor a place, of median one (a group's is the mean of its
        members', by size), multiplies ψ where it is gravity's: every link by ``normal``, links
        never seen by ``as_before``.
    """
    coefficient = shares.estimates.draw(rng)
    world = shares.world
    theta = draw_theta(world, rng) if elasticities else world.trade_elasticity
    noise = _noise(shares, pair_error, rng)
    c = world.country_index(shares.country)
    plain, noisy = {}, {}
    anchors = shares.model.at(coefficient, theta)
    for name, anchor in anchors.items():
        psi = anchor.dormant_share(c)
        factor = np.ones_like(psi)
        for cells, kind in (
            (np.s_[:, c, :], shares.kinds.sales),
            (np.s_[:, :, c], shares.kinds.purchases),
        ):
            gravity = kind == NEVER if name == AS_BEFORE else np.ones(kind.shape, dtype=bool)
            factor[cells] = np.where(gravity, noise[None, :], 1.0)
        plain[name], noisy[name] = psi, psi * factor
    normal = anchors[NORMAL]
    potential = (normal.sales.value + normal.purchases.value).sum(axis=0)
    return Draw(theta, plain, noisy, potential, potential * noise)


def _noise(shares: DormantShares, pair_error: float, rng: np.random.Generator) -> Array:
    """What gravity misses of each partner, a factor; shape (N,)."""
    site = shares.model.site
    each = np.exp(pair_error * rng.standard_normal(len(site.places)))
    size = (site.output + site.spending).sum(axis=0)
    return ratio((size * each) @ site.member, size @ site.member, 1.0)
