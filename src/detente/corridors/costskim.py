"""Costs between regions in bulk: generalised cost at once, freight and days when asked.

The same figures as `routes.skim` (a test holds the two together), in a fraction of the time:
a trade cost needs the generalised cost alone, routes are the same in both directions, and of
networks of the past only one country's links are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from detente.corridors.costtrees import Asked, searched, searches, trees
from detente.corridors.graph import HOURS_PER_DAY, Ints
from detente.corridors.network import Network
from detente.corridors.routes import Shipment
from detente.world.core import Array

#: What stands in the place of some cells: rows, columns, and values once somebody asks.
Cells = tuple[Ints, Ints, Callable[[], Array]]


@dataclass(frozen=True, eq=False)
class Costs:
    """What a shipment costs between R regions, per tonne; infinite where no route is.

    Attributes
    ----------
    asked : Asked
    paid : mapping of str to Cells
        What shippers pay in place of the cheapest route's figures, where lines are full, by
        ``generalised``, ``usd_per_tonne`` and ``days``.
    """

    asked: Asked
    paid: Mapping[str, Cells] = field(default_factory=dict)

    @cached_property
    def generalised(self) -> Array:
        """Freight and the value of time, USD, shape (R, R)."""
        return self._with_paid("generalised", _generalised(self.asked))

    @property
    def usd_per_tonne(self) -> Array:
        """Freight, USD, shape (R, R)."""
        return self._with_paid("usd_per_tonne", _details(self.asked)[0])

    @property
    def days(self) -> Array:
        """Days, shape (R, R)."""
        return self._with_paid("days", _details(self.asked)[1])

    def _with_paid(self, name: str, values: Array) -> Array:
        if name not in self.paid:
            return values
        rows, columns, paid = self.paid[name]
        found = values.copy()
        found[rows, columns] = found[columns, rows] = paid()
        return found

    @property
    def least(self) -> Array:
        """Generalised cost of the cheapest routes, whatever is paid, shape (R, R)."""
        return _generalised(self.asked)

    def paying(self, cells: tuple[Ints, Ints], **paid: Callable[[], Array]) -> Costs:
        """The same with other figures on some pairs, in both directions."""
        return Costs(self.asked, {name: (*cells, values) for name, values in paid.items()})


def costs_between(
    network: Network,
    shipment: Shipment,
    codes: tuple[str, ...],
    near: tuple[str, ...] | None = None,
) -> Costs:
    """Costs between regions on the cheapest routes; kept by the network's content.

    Parameters
    ----------
    network : Network
    shipment : Shipment
    codes : tuple of str
        R places.
    near : tuple of str, optional
        Only pairs with one of these are asked for; the others are infinite.
    """
    chosen = codes if near is None else near
    return Costs(Asked(network.content_hash, shipment, codes, chosen, network))


@lru_cache(maxsize=512)
def _generalised(asked: Asked) -> Array:
    if asked.whole:
        return trees(asked).least
    graph, at = asked.places
    weight = graph.generalised(asked.shipment)
    found = np.full((len(at), len(at)), np.inf)
    for permits, rows, columns in searches(graph, at, asked):
        least, *_ = searched(graph, weight, permits, at[rows])
        _put(found, rows, columns, least[:, at[columns]])
    return _kept(found, at)


@lru_cache(maxsize=512)
def _details(asked: Asked) -> tuple[Array, Array]:
    """Freight and days on the routes of the least generalised cost."""
    graph, at = asked.places
    weight = graph.generalised(asked.shipment)
    values = np.stack([graph.usd(asked.shipment), graph.hours / HOURS_PER_DAY], axis=1)
    usd, days = (np.full((len(at), len(at)), np.inf) for _ in range(2))
    for permits, rows, columns in searches(graph, at, asked):
        least, arc = graph.shortest(weight, at[rows], permits)
        sinks = graph.sink(at[columns])
        sums = graph.along(arc, values)[:, sinks]
        sums[~np.isfinite(least[:, sinks])] = np.inf
        for k, array in enumerate((usd, days)):
            _put(array, rows, columns, sums[..., k])
    return _kept(usd, at), _kept(days, at)


def _put(into: Array, rows: Ints, columns: Ints, values: Array) -> None:
    into[np.ix_(rows, columns)] = values
    into[np.ix_(columns, rows)] = values.T


def _kept(values: Array, at: Ints) -> Array:
    values[at[:, None] == at] = 0.0
    values.flags.writeable = False
    return values
