"""Costs between regions in bulk: generalised cost at once, freight and days when asked.

The same figures as `routes.skim` (a test holds the two together), in a fraction of the time:
a trade cost needs the generalised cost alone, routes are the same in both directions, and of
networks of the past only one country's links are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from detente.corridors.graph import HOURS_PER_DAY, Graph, Ints, Permits, graph_of
from detente.corridors.network import Network
from detente.corridors.routes import Shipment
from detente.world.core import Array

#: What stands in the place of some cells: (rows, columns, values).
Cells = tuple[Ints, Ints, Array]


@dataclass(frozen=True)
class _Asked:
    """A question to a network; networks are told apart by their content alone."""

    content: str
    shipment: Shipment
    codes: tuple[str, ...]
    near: tuple[str, ...]
    network: Network = field(compare=False)


@dataclass(frozen=True, eq=False)
class Costs:
    """What a shipment costs between R regions, per tonne; infinite where no route is.

    Attributes
    ----------
    asked : _Asked
    paid : mapping of str to Cells
        What shippers pay in place of the cheapest route's figures, where lines are full, by
        ``generalised``, ``usd_per_tonne`` and ``days``.
    """

    asked: _Asked
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
        found[rows, columns] = found[columns, rows] = paid
        return found

    def paying(self, cells: tuple[Ints, Ints], **paid: Array) -> Costs:
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
    return Costs(_Asked(network.content_hash, shipment, codes, chosen, network))


@lru_cache(maxsize=512)
def _generalised(asked: _Asked) -> Array:
    graph, at = _graph(asked)
    weight = graph.generalised(asked.shipment)
    found = np.full((len(at), len(at)), np.inf)
    for permits, rows, columns in _searches(graph, at, asked):
        keep = np.flatnonzero(graph.usable(permits))
        matrix = csr_array(
            (weight[keep], (graph.tail[keep], graph.head[keep])), shape=(graph.size,) * 2
        )
        least = dijkstra(matrix, indices=at[rows])[:, graph.sink(at[columns])]
        _put(found, rows, columns, least)
    return _kept(found, at)


@lru_cache(maxsize=512)
def _details(asked: _Asked) -> tuple[Array, Array]:
    """Freight and days on the routes of the least generalised cost."""
    graph, at = _graph(asked)
    weight = graph.generalised(asked.shipment)
    values = np.stack([graph.usd(asked.shipment), graph.hours / HOURS_PER_DAY], axis=1)
    usd, days = (np.full((len(at), len(at)), np.inf) for _ in range(2))
    for permits, rows, columns in _searches(graph, at, asked):
        least, arc = graph.shortest(weight, at[rows], permits)
        sinks = graph.sink(at[columns])
        sums = graph.along(arc, values)[:, sinks]
        sums[~np.isfinite(least[:, sinks])] = np.inf
        for k, array in enumerate((usd, days)):
            _put(array, rows, columns, sums[..., k])
    return _kept(usd, at), _kept(days, at)


def _graph(asked: _Asked) -> tuple[Graph, Ints]:
    graph = graph_of(asked.network)
    return graph, np.array([graph.index[c] for c in asked.codes], dtype=np.intp)


def _put(into: Array, rows: Ints, columns: Ints, values: Array) -> None:
    into[np.ix_(rows, columns)] = values
    into[np.ix_(columns, rows)] = values.T


def _kept(values: Array, at: Ints) -> Array:
    values[at[:, None] == at] = 0.0
    values.flags.writeable = False
    return values


def _searches(graph: Graph, at: Ints, asked: _Asked) -> Iterator[tuple[Permits, Ints, Ints]]:
    """Rows, columns and the permits that serve them, each pair one way at least."""
    held = [graph.held[j] for j in at]
    labels = sorted(set(held), key=sorted)
    chosen = set(asked.near)
    whole = chosen.issuperset(asked.codes)
    of = {label: np.flatnonzero([h == label for h in held]) for label in labels}
    for number, row in enumerate(labels):
        rows = np.array([j for j in of[row] if asked.codes[j] in chosen], dtype=np.intp)
        groups: dict[Permits, list[Ints]] = {}
        for other, column in enumerate(labels):
            within = column <= row  # one search serves what needs no other permit
            if within or not whole or (other > number and not row <= column):
                groups.setdefault(row | column, []).append(of[column])
        for permits, parts in groups.items():
            if rows.size:
                yield permits, rows, np.concatenate(parts)
