"""What is shipped between regions, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detente.corridors.costtrees import Asked, Trees, trees
from detente.corridors.graph import Graph, Ints, graph_of
from detente.corridors.network import Network
from detente.corridors.routes import Shipment
from detente.world.core import Array

#: Tonnes a year below which a flow is left out of the capacity count.
SMALLEST_TONNES = 10.0
Tonnes = Mapping[Shipment, Array]


@dataclass(frozen=True, eq=False)
class Goods:
    """C flows of one shipment between two regions, both directions together.

    Attributes
    ----------
    graph : Graph
    shipments : tuple of Shipment
        By their key.
    trees : tuple of Trees
        Of each shipment.
    kind, one, other : ndarray of int, shape (C,)
        Number of the shipment; regions, the first before the second.
    kilotonnes : ndarray, shape (C,)
        A year.
    cell, edge : ndarray of int, shape (T,)
        Lines that can be full on cheapest routes: flow and edge.
    """

    graph: Graph
    shipments: tuple[Shipment, ...]
    trees: tuple[Trees, ...]
    kind: Ints
    one: Ints
    other: Ints
    kilotonnes: Array
    cell: Ints
    edge: Ints

    def trails(self, flows: Ints) -> Ints:
        """Arcs of the cheapest routes of some flows, shape (m, L); −1 is none."""
        parts = []
        for k, held in enumerate(self.trees):
            chosen = np.flatnonzero(self.kind[flows] == k)
            if chosen.size:
                at = flows[chosen]
                parts.append((chosen, held.trails(self.one[at], self.other[at])))
        return joined(parts, len(flows))

    @cached_property
    def least(self) -> Array:
        """Generalised cost of the cheapest routes, shape (C,)."""
        found = np.zeros(len(self.kind))
        for k, held in enumerate(self.trees):
            at = self.kind == k
            found[at] = held.least[self.one[at], self.other[at]]
        return found

    def summed(self, flows: Ints, trail: Ints, values: Array) -> Array:
        """Sums of arcs' values on some flows' ways; ``values`` has a row for each shipment."""
        padded = np.hstack([values, np.zeros((len(values), 1))])  # the last: no arc
        wide = padded.shape[1]
        at = np.where(trail < 0, wide - 1, trail) + (self.kind[flows] * wide)[:, None]
        found: Array = padded.ravel()[at].sum(axis=1)
        return found


def joined(parts: list[tuple[Ints, Ints]], size: int) -> Ints:
    """Trails of several searches in one array, shape (size, L)."""
    longest = max((trail.shape[1] for _, trail in parts), default=0)
    found = np.full((size, longest), -1, dtype=np.intp)
    for at, trail in parts:
        found[at, : trail.shape[1]] = trail
    return found


def goods_of(network: Network, codes: tuple[str, ...], tonnes: Tonnes) -> Goods:
    """Flows that have a route and are worth counting.

    Parameters
    ----------
    network : Network
    codes : tuple of str
        R regions, sorted.
    tonnes : mapping of Shipment to ndarray, shape (R, R)
        A year, from row to column.
    """
    shipments = tuple(sorted(tonnes, key=lambda s: s.key))
    size = len(codes)
    held, parts, touched = [], [], []
    start = 0
    for k, shipment in enumerate(shipments):
        tree = trees(Asked(network.content_hash, shipment, codes, codes, network))
        both = tonnes[shipment] + tonnes[shipment].T
        counts = np.triu((both >= SMALLEST_TONNES) & np.isfinite(tree.least), k=1)
        one, other = np.nonzero(counts)
        number = np.full(size * size, -1, dtype=np.intp)
        number[one * size + other] = start + np.arange(len(one))
        pair, edge = tree.limited
        cell = number[pair]
        touched.append((cell[cell >= 0], edge[cell >= 0]))
        parts.append((np.full(len(one), k), one, other, both[one, other] / 1e3))
        held.append(tree)
        start += len(one)
    columns = [np.concatenate(c) if c else np.zeros(0) for c in zip(*parts, strict=True)]
    kind, one, other = (c.astype(np.intp) for c in columns[:3])
    cell, edge = (np.concatenate(c) for c in zip(*touched, strict=True))
    graph = graph_of(network)
    return Goods(graph, shipments, tuple(held), kind, one, other, columns[3], cell, edge)
