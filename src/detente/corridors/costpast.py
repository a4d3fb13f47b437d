"""Links that a ban closed: the networks over which they traded in their reference years."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from detente.corridors.costpairs import Regions
    from detente.corridors.network import Network
    from detente.world.core import World


@dataclass(frozen=True, eq=False)
class Reference:
    """The network over which closed links traded in the year that their past is of.

    Attributes
    ----------
    network : Network
    day : date
    pairs : ndarray of bool, shape (N, N)
    near : tuple of str
        Regions of the countries whose links were closed.
    """

    network: Network
    day: date
    pairs: NDArray[np.bool_]
    near: tuple[str, ...]


def references(world: World, before: Network, regions: Regions) -> Iterator[Reference]:
    """One for each reference year in which the network was another than now."""
    days: dict[date, NDArray[np.bool_]] = {}
    closed = []
    for country, record in _histories(world):
        years: Mapping[str, Any] = record.get("years", {})
        own = world.country_index(country)
        closed.append(own)
        for n, partner in enumerate(world.countries):
            year = years.get(partner, years.get("*"))
            if year is None or n == own:
                continue
            empty = np.zeros((world.n_countries,) * 2, dtype=bool)
            at = days.setdefault(date(int(year), 12, 31), empty)
            at[own, n] = at[n, own] = True
    near = tuple(
        c for c, w in zip(regions.codes, regions.share[closed].T, strict=True) if w.any()
    )
    for day, pairs in sorted(days.items(), key=lambda item: item[0]):
        past = before.as_of(day)
        if near and past.content_hash != before.content_hash:
            yield Reference(past, day, pairs, near)


def _histories(world: World) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for country, record in dict(world.meta.get("dormant", {})).items():
        history = record.get("history") if isinstance(record, Mapping) else None
        if history and country in world.countries:
            yield country, history
