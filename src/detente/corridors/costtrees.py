"""Cheapest routes from every region at once, kept as trees, and which lines they use.

One search for each shipment gives the costs of all pairs and, with the way back from every
vertex, their routes. Routes are the same in both directions, so that one of the two is held.
Regions are taken in the order of their codes: a tie between routes is then broken the same way
whatever the order of a world's countries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from detente.corridors.graph import Graph, Ints, Permits, graph_of
from detente.corridors.network import Network
from detente.corridors.routes import Shipment
from detente.world.core import Array

#: Up to this many vertices arcs are looked up in a square table; then in a sorted list.
LARGEST_TABLE = 4000


@dataclass(frozen=True)
class Asked:
    """A question to a network; networks are told apart by their content alone."""

    content: str
    shipment: Shipment
    codes: tuple[str, ...]
    near: tuple[str, ...]
    network: Network = field(compare=False)

    @property
    def whole(self) -> bool:
        """Whether every pair is asked for."""
        return set(self.near) >= set(self.codes)

    @cached_property
    def places(self) -> tuple[Graph, Ints]:
        """The network's graph, and the regions' numbers there."""
        graph = graph_of(self.network)
        return graph, np.array([graph.index[c] for c in self.codes], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Trees:
    """The cheapest routes of a shipment between R regions.

    Attributes
    ----------
    graph : Graph
    at : ndarray of int, shape (R,)
        Places of the regions.
    least : ndarray, shape (R, R)
        Generalised cost, USD per tonne; infinite where no route is.
    before : ndarray of int, shape (Q, V)
        The vertex before each on the way from each of Q searched sources; negative if none.
    row : ndarray of int, shape (R, R)
        Which source holds a pair; −1 where none does.
    turned : ndarray of bool, shape (R, R)
        Whether that source is the column's region.
    """

    graph: Graph
    at: Ints
    least: Array
    before: NDArray[np.int32]
    row: NDArray[np.int32]
    turned: NDArray[np.bool_]

    def trails(self, one: Ints, other: Ints) -> Ints:
        """Arcs of some pairs' routes, from an end back, shape (m, L); −1 is none."""
        end = np.where(self.turned[one, other], one, other)
        return trails(
            self.graph, self.before, self.row[one, other].astype(np.intp), self.at[end]
        )

    @cached_property
    def limited(self) -> tuple[Ints, Ints]:
        """Lines that can be full on the routes of pairs a < b: number a·R + b, and edge."""
        one, other = np.triu_indices(len(self.at), k=1)
        there = np.isfinite(self.least[one, other])
        one, other = one[there], other[there]
        can = np.array([e.counted_mt < np.inf for e in self.graph.edges] + [False])
        arcs = np.append(can[self.graph.edge], False)
        trail = self.trails(one, other)
        which, step = np.nonzero(arcs[trail])
        return (one * len(self.at) + other)[which], self.graph.edge[trail[which, step]]


def trails(graph: Graph, before: NDArray[np.int32], row: Ints, place: Ints) -> Ints:
    """Arcs of many ways at once, from the destination back, shape (m, L); −1 is none.

    Parameters
    ----------
    graph : Graph
    before : ndarray of int, shape (Q, V)
        The vertex before each, by source.
    row : ndarray of int, shape (m,)
        The source of each way.
    place : ndarray of int, shape (m,)
        Its destination.
    """
    find, flat = _arcs(graph), before.ravel()
    at = graph.sink(place)
    base = row * before.shape[1]
    active = np.arange(len(at))
    found: list[Ints] = []
    while active.size:
        last = flat[base + at]
        there = last >= 0
        if not there.all():
            active, base, last, at = active[there], base[there], last[there], at[there]
        if active.size:
            step = np.full(len(place), -1, dtype=np.intp)
            step[active] = find(last, at)
            found.append(step)
        at = last.astype(np.intp)
    return np.stack(found, axis=1) if found else np.empty((len(place), 0), dtype=np.intp)


class _Arcs:
    """Arcs by their two vertices: there is one at most."""

    def __init__(self, graph: Graph) -> None:
        self.size = graph.size
        self.table = np.full((0, 0), -1, dtype=np.int32)
        if graph.size <= LARGEST_TABLE:
            self.table = np.full((graph.size, graph.size), -1, dtype=np.int32)
            self.table[graph.tail, graph.head] = np.arange(len(graph.tail))
            return
        pair = graph.tail.astype(np.int64) * graph.size + graph.head
        self.order = np.argsort(pair, kind="stable")
        self.pairs = pair[self.order]

    def __call__(self, tail: Ints, head: Ints) -> Ints:
        if self.table.size:
            return np.asarray(self.table.ravel()[tail * np.intp(self.size) + head])
        asked = tail.astype(np.int64) * self.size + head
        return np.asarray(self.order[np.searchsorted(self.pairs, asked)], dtype=np.intp)


@lru_cache(maxsize=8)
def _arcs(graph: Graph) -> _Arcs:
    return _Arcs(graph)


def arc_between(graph: Graph, tail: int, head: int) -> int:
    """The arc from one vertex to another that it leads to."""
    return int(_arcs(graph)(np.array([tail]), np.array([head]))[0])


@lru_cache(maxsize=128)
def trees(asked: Asked) -> Trees:
    """The cheapest routes of all pairs; kept by the network's content.

    Parameters
    ----------
    asked : Asked
        ``near`` holds every code.
    """
    graph, at = asked.places
    weight = graph.generalised(asked.shipment)
    size = len(at)
    least = np.full((size, size), np.inf)
    row, turned = np.full((size, size), -1, dtype=np.int32), np.zeros((size, size), dtype=bool)
    stack: list[NDArray[np.int32]] = []
    start = 0
    for permits, rows, columns in searches(graph, at, asked):
        cost, _, before = searched(graph, weight, permits, at[rows])
        cost = cost[:, at[columns]]
        least[np.ix_(rows, columns)] = cost
        least[np.ix_(columns, rows)] = cost.T
        _hold(row, turned, start, rows, columns)
        stack.append(before)
        start += len(rows)
    least[np.arange(size), np.arange(size)] = 0.0
    least.flags.writeable = False
    return Trees(graph, at, least, np.concatenate(stack), row, turned)


def _hold(
    row: NDArray[np.int32], turned: NDArray[np.bool_], start: int, rows: Ints, columns: Ints
) -> None:
    """Note for each pair which source it is held by; of two, the one whose code is first."""
    number = np.repeat(start + np.arange(len(rows)), len(columns))
    source, end = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    free = row[source, end] < 0
    order = np.argsort(source[free] < end[free], kind="stable")  # the first is noted last
    number, source, end = number[free][order], source[free][order], end[free][order]
    row[end, source], turned[end, source] = number, True
    row[source, end], turned[source, end] = number, False
    low = source > end  # a pair from both ends: the same source both ways
    row[source[low], end[low]] = row[end[low], source[low]]
    turned[source[low], end[low]] = ~turned[end[low], source[low]]


@dataclass(frozen=True, eq=False)
class _Frame:
    """What does not change with weights: the graph without sinks, and how each is reached."""

    keep: Ints
    cells: Ints
    starts: Ints
    vertex: Ints
    unload: Ints


@lru_cache(maxsize=64)
def _frame(graph: Graph, permits: Permits) -> _Frame:
    number = len(graph.codes)
    into = (graph.head >= number) & (graph.head < 2 * number)
    keep = np.flatnonzero(graph.usable(permits) & ~into)
    order = keep[np.lexsort((graph.head[keep], graph.tail[keep]))]
    starts = np.searchsorted(graph.tail[order], np.arange(graph.size + 1))
    last = np.flatnonzero(into)
    place = graph.head[last] - number
    rank = np.zeros(len(last), dtype=np.intp)  # among the place's layers
    by_place = np.argsort(place, kind="stable")
    first = np.searchsorted(place[by_place], place[by_place])
    rank[by_place] = np.arange(len(last)) - first
    shape = (int(rank.max(initial=0)) + 1, number)
    vertex, unload = np.zeros(shape, dtype=np.intp), np.full(shape, -1, dtype=np.intp)
    vertex[rank, place], unload[rank, place] = graph.tail[last], last
    return _Frame(order, graph.head[order].astype(np.int32), starts, vertex, unload)


def searched(
    graph: Graph, weight: Array, permits: Permits, sources: Ints
) -> tuple[Array, Array, NDArray[np.int32]]:
    """Least costs from vertices to places, and the vertex before each on the way.

    No way leads through a sink, so that sinks are left out of the search.

    Parameters
    ----------
    graph : Graph
    weight : ndarray, shape (E,)
    permits : frozenset of int
    sources : ndarray of int, shape (Q,)
        Vertices; a place's number is its source.

    Returns
    -------
    cost : ndarray, shape (Q, places)
    reach : ndarray, shape (Q, V)
        To vertices that are no sinks.
    before : ndarray of int, shape (Q, V)
        Negative if there is none.
    """
    frame, number = _frame(graph, permits), len(graph.codes)
    content = (weight[frame.keep], frame.cells, frame.starts.astype(np.int32))
    matrix = csr_array(content, shape=(graph.size, graph.size))
    reach, before = dijkstra(matrix, indices=sources, return_predecessors=True)
    ends = np.append(weight, np.inf)[frame.unload]  # −1: no such layer
    cost = reach[:, frame.vertex[0]] + ends[0]
    last = np.broadcast_to(frame.vertex[0], cost.shape)
    for vertex, end in zip(frame.vertex[1:], ends[1:], strict=True):
        other = reach[:, vertex] + end
        less = other < cost
        cost, last = np.where(less, other, cost), np.where(less, vertex, last)
    before[:, number : 2 * number] = np.where(np.isfinite(cost), last, -1)
    return cost, reach, before


def searches(graph: Graph, at: Ints, asked: Asked) -> Iterator[tuple[Permits, Ints, Ints]]:
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
