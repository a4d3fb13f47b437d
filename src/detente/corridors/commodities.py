"""Demands as commodities: each shipment and pair of places once, searched for in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.corridors.graph import Floats, Graph, Ints, Permits
from detente.corridors.routes import Shipment, leads

#: What is below a kilogram a year weighs nothing on an edge, kilotonnes.
NOTHING = 1e-6


@dataclass(frozen=True, eq=False)
class Group:
    """Commodities of one shipment with the same permits.

    Attributes
    ----------
    shipment : Shipment
    permits : frozenset of int
    weight : ndarray, shape (E,)
        Generalised cost of each arc, USD per tonne.
    members : ndarray of int
        Numbers of the commodities.
    """

    shipment: Shipment
    permits: Permits
    weight: Floats
    members: Ints


@dataclass(frozen=True, eq=False)
class Commodities:
    """C commodities on a graph, in an order that does not hang on the demands'.

    There and back are one commodity: either way takes the same and fills the same room.

    Attributes
    ----------
    graph : Graph
    origin, destination : ndarray of int, shape (C,)
        Numbers of places.
    kilotonnes : ndarray, shape (C,)
        A year.
    groups : tuple of Group
        Those of one place to itself are in none: they do not travel.
    """

    graph: Graph
    origin: Ints
    destination: Ints
    kilotonnes: Floats
    groups: tuple[Group, ...]

    @property
    def heavy(self) -> NDArray[np.bool_]:
        """Whether there is enough of it to take room, shape (C,)."""
        return self.kilotonnes > NOTHING

    def search(
        self, toll: Floats, wanted: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[Group, Ints, Floats, Ints, Ints]]:
        """Cheapest ways when edges take a toll.

        Parameters
        ----------
        toll : ndarray, shape (number of the graph's edges,)
            USD per tonne.
        wanted : ndarray of bool, shape (C,), optional
            Which commodities; all where not given.

        Yields
        ------
        group : Group
        members : ndarray of int, shape (m,)
            Its wanted commodities.
        cost : ndarray, shape (m,)
            With tolls, USD per tonne; infinite where there is no way.
        rows : ndarray of int, shape (m,)
        arc : ndarray of int, shape (R, V)
            The way of member j is that from row ``rows[j]`` to its destination's sink.
        """
        extra = np.append(toll, 0.0)[self.graph.edge]
        for group in self.groups:
            members = group.members
            if wanted is not None:
                members = members[wanted[members]]
            if not members.size:
                continue
            sources, rows = np.unique(self.origin[members], return_inverse=True)
            distance, arc = self.graph.shortest(group.weight + extra, sources, group.permits)
            cost = distance[rows, self.graph.sink(self.destination[members])]
            yield group, members, cost, rows, arc

    def way(self, arc: Ints, member: int) -> tuple[int, ...]:
        """Arcs of one commodity's way, from its row of the searched."""
        sink = int(self.destination[member]) + len(self.graph.codes)
        return tuple(self.graph.way(arc, sink))

    def trails(self, rows: Ints, arc: Ints, members: Ints) -> Ints:
        """Arcs of many ways at once, from the destination back, shape (m, L); −1 is none."""
        at = self.graph.sink(self.destination[members])
        found: list[Ints] = []
        while True:
            last = arc[rows, at]
            if (last < 0).all():
                return np.stack(found, axis=1) if found else np.empty((len(at), 0), np.intp)
            found.append(last)
            at = np.where(last < 0, at, self.graph.tail[last])


def commodities_of(
    graph: Graph, wanted: Sequence[tuple[Shipment, str, str, float]]
) -> tuple[Commodities, Ints, NDArray[np.bool_]]:
    """Commodities of demands, and the commodity of each demand.

    Parameters
    ----------
    graph : Graph
    wanted : sequence of (Shipment, origin, destination, tonnes)
        D demands.

    Returns
    -------
    commodities : Commodities
    which : ndarray of int, shape (D,)
    turned : ndarray of bool, shape (D,)
        Whether the demand goes the other way.
    """
    turned = np.array([_turned(graph, o, d) for _, o, d, _ in wanted], dtype=bool)
    keys = [
        (s.key, d, o) if back else (s.key, o, d)
        for (s, o, d, _), back in zip(wanted, turned, strict=True)
    ]
    order = {key: j for j, key in enumerate(sorted(set(keys)))}
    which = np.array([order[key] for key in keys], dtype=np.intp)
    tonnes = np.zeros(len(order))
    # sorted first, so that the sum is the same to the last bit in any order of demands
    for j, amount in sorted(zip(which.tolist(), (w[3] for w in wanted), strict=True)):
        tonnes[j] += amount
    ends = np.array([(graph.index[o], graph.index[d]) for _, o, d in order], dtype=np.intp)
    ends = ends.reshape(-1, 2)
    shipments = {s.key: s for s, *_ in wanted}
    groups = tuple(_grouped(graph, order, shipments))
    return Commodities(graph, ends[:, 0], ends[:, 1], tonnes / 1e3, groups), which, turned


def _turned(graph: Graph, origin: str, destination: str) -> bool:
    """Whether a pair is searched from its destination."""
    one, other = (graph.held[graph.index[code]] for code in (origin, destination))
    return destination < origin if one == other else not leads(one, other)


_Name = tuple[tuple[str, float, float, float], str, str]


def _grouped(
    graph: Graph,
    keys: Iterable[_Name],
    shipments: dict[tuple[str, float, float, float], Shipment],
) -> Iterator[Group]:
    found: dict[tuple[tuple[str, float, float, float], tuple[int, ...]], list[int]]
    found = defaultdict(list)
    for j, (shipment, origin, destination) in enumerate(keys):
        if origin != destination:
            permits = tuple(sorted(graph.concerned(origin, destination)))
            found[shipment, permits].append(j)
    for (key, permits), members in sorted(found.items()):
        weight = graph.generalised(shipments[key])
        yield Group(shipments[key], frozenset(permits), weight, np.array(members, np.intp))
