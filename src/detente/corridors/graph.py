"""The layered graph behind routes: one vertex for each place and layer, and two for its ends.

A shipment starts at its origin's source, is loaded on one of the layers there, moves along
edges, changes layers by transfers, and is unloaded to the destination's sink. No path leads
through a source or a sink, so that nothing is unloaded on the way. What each arc takes in
money and hours is linear in the network's figures, so that the graph is compiled once for a
network and priced for each shipment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from detente.corridors.network import LAYERS, Edge, Network, mode_of

if TYPE_CHECKING:
    from detente.corridors.routes import Shipment

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
#: Numbers of `Graph.permits`.
Permits = frozenset[int]

HOURS_PER_DAY = 24.0
LOAD, UNLOAD, TRANSFER = "load", "unload", "transfer"


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as arrays: V vertices, E arcs (two for each edge and transfer).

    Attributes
    ----------
    network : Network
    codes : tuple of str
        Places, in the order of ``source`` and ``sink``.
    vertex : mapping of (code, layer) to int
        Vertices of places on layers that some passable edge reaches.
    tail, head : ndarray of int, shape (E,)
    edge : ndarray of int, shape (E,)
        Index into ``edges``; −1 for a transfer, loading and unloading.
    edges : tuple of Edge
        The passable ones, in the order of their keys.
    layer : tuple of str, length E
        Of the edge; load, unload, transfer for the others.
    km, hours, usd_teu, usd_t_dry, usd_t_liquid, scarcity : ndarray, shape (E,)
    """

    network: Network
    codes: tuple[str, ...]
    vertex: dict[tuple[str, str], int]
    tail: Ints
    head: Ints
    edge: Ints
    edges: tuple[Edge, ...]
    layer: tuple[str, ...]
    km: Floats
    hours: Floats
    usd_teu: Floats
    usd_t_dry: Floats
    usd_t_liquid: Floats
    scarcity: Floats

    @cached_property
    def index(self) -> dict[str, int]:
        """Place → its number; its source is that vertex, its sink the one N later."""
        return {code: j for j, code in enumerate(self.codes)}

    @property
    def size(self) -> int:
        """Number of vertices."""
        return 2 * len(self.codes) + len(self.vertex)

    def sink(self, place: Ints) -> Ints:
        """Sinks of places."""
        return place + len(self.codes)

    @cached_property
    def place_of(self) -> Ints:
        """The place of each vertex, shape (V,)."""
        n = len(self.codes)
        layered = [self.index[code] for code, _ in self.vertex]
        return np.concatenate([np.arange(n), np.arange(n), np.array(layered, dtype=np.intp)])

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """Country of each place."""
        return tuple(self.network.nodes[code].country for code in self.codes)

    @cached_property
    def permits(self) -> tuple[frozenset[str], ...]:
        """Each set of countries that has edges for its own shipments alone, once."""
        return tuple(sorted({whose for _, whose in self._reserved}, key=sorted))

    @cached_property
    def _reserved(self) -> tuple[tuple[int, frozenset[str]], ...]:
        """Edges for own use, and whose."""
        return tuple((j, e.owners) for j, e in enumerate(self.edges) if e.use == "own")

    @cached_property
    def held(self) -> tuple[Permits, ...]:
        """For each place, the numbers of the permits that its country holds."""
        of = {
            country: frozenset(j for j, whose in enumerate(self.permits) if country in whose)
            for country in set(self.countries)
        }
        return tuple(of[country] for country in self.countries)

    def concerned(self, origin: str, destination: str) -> Permits:
        """The permits of a shipment from one place to another: those of either country."""
        return self.held[self.index[origin]] | self.held[self.index[destination]]

    def allows(self, edge: Edge, permits: Permits) -> bool:
        """Whether an edge carries a shipment with these permits."""
        return not edge.owners or any(self.permits[j] == edge.owners for j in permits)

    def usable(self, permits: Permits) -> NDArray[np.bool_]:
        """Arcs that carry a shipment with these permits, shape (E,)."""
        allowed = np.ones(len(self.edges) + 1, dtype=bool)  # the last: no edge at all
        mine = {self.permits[j] for j in permits}
        for number, whose in self._reserved:
            allowed[number] = whose in mine
        return allowed[self.edge]

    def usd(self, shipment: Shipment) -> Floats:
        """Freight of each arc, USD per tonne, shape (E,)."""
        if shipment.kind == "container":
            return self.usd_teu / shipment.tonnes_per_teu
        return self.usd_t_dry if shipment.kind == "dry" else self.usd_t_liquid

    def generalised(self, shipment: Shipment) -> Floats:
        """Freight, the value of time and scarce room of each arc, USD per tonne, (E,)."""
        daily = shipment.value_of_time * shipment.usd_per_tonne
        return self.usd(shipment) + daily / HOURS_PER_DAY * self.hours + self.scarcity

    def shortest(
        self, weight: Floats, sources: Ints, permits: Permits = frozenset()
    ) -> tuple[Floats, Ints]:
        """Least sums of weights from sources to every vertex, and the way back.

        Parameters
        ----------
        weight : ndarray, shape (E,)
            Not negative.
        sources : ndarray of int, shape (R,)
            Places.
        permits : frozenset of int
            Of the shipment: whose own edges it may use.

        Returns
        -------
        distance : ndarray, shape (R, V)
            Infinite where there is no way.
        arc : ndarray of int, shape (R, V)
            The last arc on the way to each vertex; −1 at the source and where there is none.
        """
        keep = np.flatnonzero(self.usable(permits))
        matrix = csr_array(
            (weight[keep], (self.tail[keep], self.head[keep])), shape=(self.size, self.size)
        )
        distance, before = dijkstra(matrix, indices=sources, return_predecessors=True)
        return distance, self._arcs(before)

    @cached_property
    def _order(self) -> tuple[Ints, NDArray[np.int64]]:
        pair = self.tail.astype(np.int64) * self.size + self.head
        order = np.argsort(pair, kind="stable")
        return order, pair[order]

    def _arcs(self, before: NDArray[np.int32]) -> Ints:
        """Arcs from predecessors: there is one arc at most between two vertices."""
        order, pairs = self._order
        asked = before.astype(np.int64) * self.size + np.arange(self.size)
        found = np.full(before.shape, -1, dtype=np.intp)
        there = before >= 0
        found[there] = order[np.searchsorted(pairs, asked[there])]
        return found

    def along(self, arc: Ints, values: Floats, ends: Ints | None = None) -> Floats:
        """Sums of arcs' values along the shortest ways.

        Parameters
        ----------
        arc : ndarray of int, shape (R, V)
            As from `shortest`.
        values : ndarray, shape (E, K)
        ends : ndarray of int, shape (C,), optional
            Vertices that are asked for; all of them where not given.

        Returns
        -------
        ndarray, shape (R, C, K)
            0 where there is no way; K values are summed at once.
        """
        ends = np.arange(self.size) if ends is None else ends
        first = np.arange(len(arc))[:, None] * self.size
        rows = np.repeat(first, len(ends), axis=1).ravel()
        at = (first + ends).ravel()
        total = np.zeros((at.size, values.shape[1]))
        left = np.arange(at.size)
        while left.size:  # one step back on every way at once
            last = arc.ravel()[at]
            some = last >= 0
            left, last = left[some], last[some]
            total[left] += values[last]
            at = rows[left] + self.tail[last]
        return total.reshape(len(arc), len(ends), -1)

    def way(self, arc: Ints, sink: int) -> list[int]:
        """The arcs from the source to a vertex, in order.

        Parameters
        ----------
        arc : ndarray of int, shape (V,)
            One row of what `shortest` gives.
        sink : int
            A vertex that is reached.
        """
        found: list[int] = []
        at = sink
        while (last := int(arc[at])) >= 0:
            found.append(last)
            at = int(self.tail[last])
        return found[::-1]


def graph_of(network: Network) -> Graph:
    """The graph of a network, compiled once and kept with it."""
    kept: Graph | None = network.__dict__.get("_graph")
    if kept is None:
        kept = _compiled(network)
        network.__dict__["_graph"] = kept
    return kept


@dataclass
class _Arcs:
    """Rows of arcs while they are collected."""

    rows: list[tuple[int, int, int, str, float, float, float, float, float, float]]

    def add(self, tail: int, head: int, edge: int, layer: str, *figures: float) -> None:
        km, hours, usd_teu, dry, liquid, scarcity = (*figures, 0.0)[:6]
        self.rows.append((tail, head, edge, layer, km, hours, usd_teu, dry, liquid, scarcity))


def _compiled(network: Network) -> Graph:
    codes = tuple(network.nodes)
    edges = tuple(e for e in network.edges if e.passable)
    served = {(code, e.layer) for e in edges for code in (e.a, e.b)}
    vertex = {at: 2 * len(codes) + j for j, at in enumerate(sorted(served))}
    arcs = _Arcs([])
    for number, e in enumerate(edges):
        one, other = vertex[e.a, e.layer], vertex[e.b, e.layer]
        usd_teu = e.usd_teu_km * e.km + e.usd_teu
        dry, liquid = (r * e.km + e.usd_t for r in (e.usd_t_km_dry, e.usd_t_km_liquid))
        figures = (e.km, e.hours, usd_teu, dry, liquid, e.scarcity_usd_t)
        for start, end in ((one, other), (other, one)):
            arcs.add(start, end, number, e.layer, *figures)
    _add_transfers(network, codes, vertex, arcs)
    _add_ends(network, codes, vertex, arcs)
    columns = list(zip(*arcs.rows, strict=True)) or [()] * 10
    tail, head, edge = (np.array(columns[k], dtype=np.intp) for k in range(3))
    layer = tuple(map(str, columns[3]))
    priced = (np.array(column, dtype=np.float64) for column in columns[4:])
    return Graph(network, codes, vertex, tail, head, edge, edges, layer, *priced)


def _add_transfers(
    network: Network, codes: Iterable[str], vertex: dict[tuple[str, str], int], arcs: _Arcs
) -> None:
    for code in codes:
        for t in network.transfers:
            one, other = vertex.get((code, t.a)), vertex.get((code, t.b))
            if one is not None and other is not None:
                figures = (0.0, t.hours, t.usd_teu, t.usd_t, t.usd_t)
                arcs.add(one, other, -1, TRANSFER, *figures)
                arcs.add(other, one, -1, TRANSFER, *figures)


def _add_ends(
    network: Network, codes: tuple[str, ...], vertex: dict[tuple[str, str], int], arcs: _Arcs
) -> None:
    """Loading at an origin and unloading at a destination, on every layer that is there."""
    for j, code in enumerate(codes):
        for layer in LAYERS:
            at = vertex.get((code, layer))
            if at is None:
                continue
            m = network.modes[mode_of(layer)]
            figures = (0.0, m.load_h, m.load_usd_teu, m.load_usd_t, m.load_usd_t)
            arcs.add(j, at, -1, LOAD, *figures)
            arcs.add(at, j + len(codes), -1, UNLOAD, *figures)
