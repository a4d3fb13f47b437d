"""Economies as sets of regions: weights of regional pairs, and the CES over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detente.corridors.graph import Ints
from detente.corridors.routes import EARTH_KM, Shipment
from detente.world.core import Array, World

if TYPE_CHECKING:
    from detente.corridors.costsectors import SectorFreight
    from detente.corridors.costskim import Costs
    from detente.corridors.network import Network

#: Trade of two regions falls with the distance between them to this power, beyond what
#: freight and time explain (ours: gravity finds 0.6 to 1.7 in all).
DISTANCE_DECAY = 0.5
#: Regions nearer than this count as this far apart, km.
NEAREST_KM = 50.0


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a world's economies.

    Attributes
    ----------
    codes : tuple of str
        R nodes, sorted.
    share : ndarray, shape (N, R)
        Each economy's weights, which sum to one; a row of zeros where it has no region.
    decay : ndarray, shape (R, R)
        Distance to the power of −``DISTANCE_DECAY``, great circle, so that no project moves it.
    """

    codes: tuple[str, ...]
    share: Array
    decay: Array

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Economies with a region, shape (N,)."""
        found: NDArray[np.bool_] = np.greater(self.share.sum(axis=1), 0.0)
        return found

    @property
    def owner(self) -> Ints:
        """Each region's economy, shape (R,), as the number of that economy's first region."""
        first = (self.share > 0).argmax(axis=1)
        return np.asarray(first[self.share.argmax(axis=0)], dtype=np.intp)


def regions_of(world: World, network: Network) -> Regions:
    """The regions of a world's economies on a network."""
    found = network.regions(world)
    codes = tuple(sorted({node for rows in found.values() for node, _ in rows}))
    number = {code: r for r, code in enumerate(codes)}
    share = np.zeros((world.n_countries, len(codes)))
    for n, economy in enumerate(world.countries):
        for node, weight in found.get(economy, ()):
            share[n, number[node]] += weight
    at = np.array([(network.nodes[c].lat, network.nodes[c].lon) for c in codes])
    km = np.maximum(distances_km(at.reshape(-1, 2)), NEAREST_KM)
    return Regions(codes, share, km**-DISTANCE_DECAY)


def distances_km(places: Array) -> Array:
    """Great-circle distances (haversine) between places.

    Parameters
    ----------
    places : ndarray, shape (R, 2)
        Latitude and longitude, degrees.

    Returns
    -------
    ndarray, shape (R, R)
        km.
    """
    lat, lon = np.radians(places).T
    half = (
        np.sin((lat[:, None] - lat) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    )
    arcs: Array = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return arcs


# -- sectors as shipments ----------------------------------------------------------------
def shipment_of(freight: SectorFreight, value_of_time: str = "value_of_time") -> Shipment:
    """The shipment that stands for a sector; ``value_of_time`` names the column."""
    return Shipment(
        freight.kind,
        freight.usd_per_tonne,
        freight.tonnes_per_teu,
        getattr(freight, value_of_time),
    )


# -- the CES over pairs of regions -------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Access:
    """How near two economies are in one sector.

    Attributes
    ----------
    kernel : ndarray, shape (R, R)
        Decay times τ^−θ, zero where no route is.
    index : ndarray, shape (N, N)
        Φ[i, n] = Σ share·share·kernel: relative trade at given sizes.
    """

    kernel: Array
    index: Array


def access(regions: Regions, costs: Costs, freight: SectorFreight, theta: float) -> Access:
    """Φ of every pair of economies, with τ = 1 + g/v.

    Parameters
    ----------
    regions : Regions
    costs : Costs
    freight : SectorFreight
        v is its ``usd_per_tonne``.
    theta : float
        Trade elasticity of the sector.
    """
    tau = 1.0 + costs.generalised / freight.usd_per_tonne
    kernel = regions.decay * tau**-theta
    return Access(kernel, regions.share @ kernel @ regions.share.T)


def mean_over(
    regions: Regions, weights: Access, values: Array, instead: Access | None = None
) -> Array:
    """Mean of regional values over each pair of economies, weighted by what they trade.

    Parameters
    ----------
    regions : Regions
    weights : Access
        Whose kernel weighs; regional pairs without a value are left out.
    values : ndarray, shape (R, R)
    instead : Access, optional
        Whose kernel weighs where the first has nothing.

    Returns
    -------
    ndarray, shape (N, N)
        NaN where nothing weighs.
    """
    finite = np.isfinite(values)
    kernel = np.where(finite, weights.kernel, 0.0)
    total = regions.share @ kernel @ regions.share.T
    money = regions.share @ (kernel * np.where(finite, values, 0.0)) @ regions.share.T
    mean: Array = np.divide(money, total, out=np.full_like(total, np.nan), where=total > 0)
    if instead is None or (total > 0).all():
        return mean
    return np.where(total > 0, mean, mean_over(regions, instead, values))


def tonnes_between(regions: Regions, linked: NDArray[np.bool_], tonnes: Array) -> Array:
    """Tonnes a year between regions of what economies ship.

    Spread by shares of mass and distance over regional pairs that have a route; neither costs
    nor the trade elasticity enter, so that every network and every θ gets the same.

    Parameters
    ----------
    regions : Regions
    linked : ndarray of bool, shape (R, R)
        Whether a route is there.
    tonnes : ndarray, shape (N, N)
        By land and sea.

    Returns
    -------
    ndarray, shape (R, R)
    """
    kernel = np.where(linked, regions.decay, 0.0)
    total = regions.share @ kernel @ regions.share.T
    sent = np.divide(tonnes, total, out=np.zeros_like(tonnes), where=total > 0)
    found: Array = kernel * (regions.share.T @ sent @ regions.share)
    return found


def by_shipment(
    rows: Mapping[str, SectorFreight], value_of_time: str
) -> dict[Shipment, tuple[str, ...]]:
    """Sectors that are one and the same to a carrier, together."""
    found: dict[Shipment, tuple[str, ...]] = {}
    for code, freight in rows.items():
        key = shipment_of(freight, value_of_time)
        found[key] = (*found.get(key, ()), code)
    return found
