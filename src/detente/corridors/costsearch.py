"""Cheapest ways under tolls on a few lines, found again and again for many pairs.

Only the tolls of a few lines change from one search to the next. Ways without these lines are
searched once, from one end of each pair and from both ends of each line; under any tolls the
cheapest way is then the best chain of such ways and lines: from an end of the pair to a line's
end, over lines, to the other end of the pair. The chains between lines' ends are all found by
Floyd's algorithm (Floyd 1962, Communications of the ACM 5(6): 345). Costs are the same in both
directions, so that a way from a line's end serves towards it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from detente.corridors.costgoods import Goods, joined
from detente.corridors.costtrees import arc_between, searched, trails
from detente.corridors.graph import Graph, Ints, Permits
from detente.world.core import Array


class Searches:
    """Cheapest ways of some flows under tolls, each searched from one of its ends.

    Parameters
    ----------
    goods : Goods
    members : ndarray of int
        Flows.
    lines : ndarray of int, shape (A,)
        Edges that can take a toll.
    """

    def __init__(self, goods: Goods, members: Ints, lines: Ints) -> None:
        self.goods, self.graph, self.lines = goods, goods.graph, lines
        weights = np.stack([goods.graph.generalised(s) for s in goods.shipments])
        self.arcs = np.array([np.flatnonzero(goods.graph.edge == j) for j in lines], np.intp)
        self.ports = np.unique(goods.graph.tail[self.arcs])
        self.held: list[NDArray[np.int32]] = []
        groups = self._groups(members)
        self.parts = tuple(self._part(weights[k], p, f, a, b) for k, p, f, a, b in groups)
        self.before = np.concatenate(self.held) if self.held else np.empty((0, 0), np.int32)

    def _groups(self, members: Ints) -> Iterator[tuple[int, Permits, Ints, Ints, Ints]]:
        """Shipment, permits, flows, and the places from and to which each is searched."""
        goods, graph, at = self.goods, self.graph, self.goods.trees[0].at
        labels = sorted({graph.held[j] for j in at}, key=sorted)
        label = np.array([labels.index(graph.held[j]) for j in at])
        unions = sorted({a | b for a in labels for b in labels}, key=sorted)
        of = np.array([[unions.index(a | b) for b in labels] for a in labels])
        group = of[label[goods.one[members]], label[goods.other[members]]]
        for number, permits in enumerate(unions):
            mine = members[group == number]
            one, other = goods.one[mine], goods.other[mine]
            first = cover(one, other, len(at))
            turned = first[other] < first[one]
            source, end = np.where(turned, other, one), np.where(turned, one, other)
            for k in np.unique(goods.kind[mine]).tolist():
                here = goods.kind[mine] == k
                yield k, permits, mine[here], at[source[here]], at[end[here]]

    def _part(
        self, weight: Array, permits: Permits, members: Ints, one: Ints, other: Ints
    ) -> _Part:
        graph, ports = self.graph, self.ports
        sources, row = np.unique(one, return_inverse=True)
        without = weight.copy()
        without[self.arcs] = np.inf
        start = np.concatenate([sources, ports])
        cost, reach, before = searched(graph, without, permits, start)
        count, first = len(sources), sum(map(len, self.held))
        self.held.append(before)
        open_ = graph.usable(permits)[self.arcs[:, 0]]
        tolled = np.where(open_, weight[self.arcs[:, 0]], np.inf)
        return _Part(
            members=members,
            row=row,
            end=other,
            sources=sources,
            first=first,
            direct=cost[row, other],
            there=cost[count:, sources].T,
            onward=np.ascontiguousarray(cost[count:, other].T),
            between=reach[count:, ports],
            own=tolled,
        )

    def trails(self, wanted: list[tuple[Priced, Ints]]) -> Ints:
        """Arcs of the ways of flows of each part, in any order, shape (m, L); −1 is none."""
        legs = _joined([priced.legs(chosen) for priced, chosen in wanted])
        found = trails(self.graph, self.before, legs.onward, legs.end)
        at = np.flatnonzero(legs.chained)
        if not at.size:
            return found
        into = trails(self.graph, self.before, legs.into[at], legs.source[at])
        size = len(self.before)
        names, number = np.unique(legs.into[at] * size + legs.onward[at], return_inverse=True)
        of = {p.part.first + len(p.part.sources): p for p, _ in wanted}
        starts = np.array(sorted(of))
        ways = []
        for name in names.tolist():
            u, v = divmod(name, size)
            start = int(starts[np.searchsorted(starts, u, side="right") - 1])
            ways.append(of[start].middle(u - start, v - start))
        middle = joined(
            [(np.array([k]), np.array([w], np.intp)) for k, w in enumerate(ways)], len(ways)
        )
        more = joined([(at, np.hstack([into, middle[number]]))], len(found))
        return np.hstack([found, more])

    def under(self, tolls: Array) -> list[Priced]:
        """Costs with tolls, by group of flows.

        Parameters
        ----------
        tolls : ndarray, shape (A,)
            USD per tonne.
        """
        if not self.parts:
            return []
        tail, head = self.graph.tail[self.arcs[:, 0]], self.graph.head[self.arcs[:, 0]]
        one, other = np.searchsorted(self.ports, tail), np.searchsorted(self.ports, head)
        least = np.stack([p.between for p in self.parts])
        line = np.full(least.shape, -1, dtype=np.intp)
        over = np.stack([p.own for p in self.parts]) + tolls
        for k, (u, v) in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
            less = over[:, k] < least[:, u, v]
            for a, b in ((u, v), (v, u)):
                least[less, a, b] = over[less, k]
                line[less, a, b] = k
        via = _chained(least)
        return [
            Priced(self, part, least[g], _Chains(line[g], via[g]))
            for g, part in enumerate(self.parts)
        ]


def _joined(legs: list[_Legs]) -> _Legs:
    names = [f.name for f in fields(_Legs)]
    return _Legs(*(np.concatenate([getattr(leg, n) for leg in legs]) for n in names))


def _chained(least: Array) -> Ints:
    """Least costs between lines' ends, in place; the stop on the way, −1 if there is none."""
    via = np.full(least.shape, -1, dtype=np.intp)
    for k in range(least.shape[1]):
        other = least[:, :, k, None] + least[:, None, k, :]
        less = other < least
        np.copyto(least, other, where=less)
        via[less] = k
    return via


@dataclass(frozen=True, eq=False)
class _Part:
    """Flows of one shipment with the same permits: S sources, P ends of lines.

    Attributes
    ----------
    members, row, end : ndarray of int, shape (m,)
        Flow, number of its source, place of its other end.
    sources : ndarray of int, shape (S,)
    first : int
        Of its S + P trees, among those of all parts.
    direct, there, onward, between : ndarray, shapes (m,), (S, P), (m, P), (P, P)
        Least costs without the lines: of flows, from sources and from other ends to lines'
        ends, and between these.
    own : ndarray, shape (A,)
        Of each line, without toll; infinite where it is not for these flows.
    """

    members: Ints
    row: Ints
    end: Ints
    sources: Ints
    first: int
    direct: Array
    there: Array
    onward: Array
    between: Array
    own: Array


@dataclass(frozen=True, eq=False)
class _Chains:
    """How lines' ends are reached from each other: the line or −1, and a stop or −1."""

    line: Ints
    via: Ints

    def hops(self, u: int, v: int) -> Iterator[tuple[int, int]]:
        """Steps without a stop, in order."""
        stop = int(self.via[u, v])
        if stop < 0:
            if u != v:
                yield u, v
            return
        yield from self.hops(u, stop)
        yield from self.hops(stop, v)


class Priced:
    """What the flows of a part pay under tolls, and their ways if asked for.

    Attributes
    ----------
    members : ndarray of int, shape (m,)
    cost : ndarray, shape (m,)
    """

    def __init__(self, searches: Searches, part: _Part, least: Array, chains: _Chains) -> None:
        self.searches, self.part, self.chains = searches, part, chains
        self.members = part.members
        sums = part.there[:, :, None] + least[None]
        self.into = sums.argmin(axis=1)  # where the way from a source meets the first line
        best = np.take_along_axis(sums, self.into[:, None], axis=1)[:, 0]
        total = best[part.row] + part.onward
        self.last = total.argmin(axis=1)
        over = total[np.arange(len(total)), self.last]
        self.chained = over < part.direct
        self.cost = np.where(self.chained, over, part.direct)

    def legs(self, chosen: Ints) -> _Legs:
        """Of some flows' ways: trees and places of the first and last leg, lines' ends."""
        part = self.part
        row, last = part.row[chosen], self.last[chosen]
        into = self.into[row, last]
        ports, chained = part.first + len(part.sources), self.chained[chosen]
        onward = np.where(chained, ports + last, part.first + row)
        return _Legs(chained, onward, part.end[chosen], ports + into, part.sources[row])

    def middle(self, u: int, v: int) -> list[int]:
        """Arcs between two ends of lines."""
        searches, found = self.searches, list[int]()
        for a, b in self.chains.hops(u, v):
            line = int(self.chains.line[a, b])
            if line >= 0:
                found.append(int(searches.arcs[line, 0]))
                continue
            before = searches.before[self.part.first + len(self.part.sources) + a]
            found += _walk(searches.graph, before, int(searches.ports[b]))
        return found


@dataclass(frozen=True, eq=False)
class _Legs:
    """Ways in pieces: the tree and place of the last leg, and of the first if chained."""

    chained: NDArray[np.bool_]
    onward: Ints
    end: Ints
    into: Ints
    source: Ints


def _walk(graph: Graph, before: NDArray[np.int32], at: int) -> list[int]:
    """Arcs from a tree's root to a vertex, from the end back."""
    found = []
    while (last := int(before[at])) >= 0:
        found.append(arc_between(graph, last, at))
        at = last
    return found


def cover(one: Ints, other: Ints, size: int) -> Ints:
    """Places such that every pair has an end among them, few of them.

    Greedy: the place with most pairs that have no end yet, the first of equals.

    Returns
    -------
    ndarray of int, shape (size,)
        When each place was chosen; ``size`` where it was not.
    """
    left: NDArray[np.int64] = np.zeros((size, size), dtype=np.int64)
    left[one, other] = left[other, one] = 1
    degree = left.sum(axis=1)
    turn = np.full(size, size, dtype=np.intp)
    for number in range(size):
        most = int(degree.argmax())
        if degree[most] == 0:
            break
        turn[most] = number
        degree -= left[most]
        left[most] = left[:, most] = 0
        degree[most] = 0
    return turn
