"""Flows of least total cost under capacities, by column generation.

The master problem spreads each commodity's kilotonnes over the ways found so far::

    min Σₚ cₚ xₚ + M Σ_d u_d   s.t.   Σ_{p of d} xₚ + u_d = t_d,   Σ_{p through e} xₚ ≤ k_e

with u_d what stays behind and M above what any way costs. The duals of the second rows are
the edges' shadow prices; a search with these as tolls finds ways that would lower the total,
until there is none: then the flows are optimal over all ways (Ford & Fulkerson 1958,
Management Science 5(1): 97–101; Ahuja, Magnanti & Orlin 1993, Network Flows, section 17.5).
`pool` solves the master problem.

Only commodities whose cheapest way leads over an edge that has a price enter the problem: for
every other one that way stays the best, whatever the tolls elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.corridors.commodities import Commodities
from detente.corridors.graph import Floats, Ints
from detente.corridors.pool import CENT, MOST_ROUNDS, Pool, spread
from detente.errors import NotConvergedError

#: A way has to be cheaper by this part of the present cost to count as found.
GAIN = 1e-9
_KT_PER_MT = 1e3
Way = tuple[tuple[int, ...], float]


@dataclass(frozen=True, eq=False)
class Flows:
    """How C commodities travel.

    Attributes
    ----------
    ways : tuple of tuple of (arcs, share)
        For each commodity, its ways as arcs from source to sink, and the share of its
        tonnes on each; none where there is none.
    toll : ndarray, shape (edges,)
        Shadow price of each edge, USD per tonne; infinite where something stays behind
        because of it.
    marginal : ndarray, shape (C,)
        Cost of one more tonne, tolls included; infinite where it cannot be carried.
    """

    ways: tuple[tuple[Way, ...], ...]
    toll: Floats
    marginal: Floats


def flows_of(goods: Commodities) -> Flows:
    """Flows of least total generalised cost.

    Parameters
    ----------
    goods : Commodities

    Returns
    -------
    Flows
        Each on its cheapest way where no capacity binds.

    Raises
    ------
    NotConvergedError
        The search for ways did not end.
    """
    return _Search(goods).run()


class _Search:
    """The state of one assignment."""

    def __init__(self, goods: Commodities) -> None:
        self.goods, self.graph = goods, goods.graph
        self.room = np.array([e.counted_mt * _KT_PER_MT for e in self.graph.edges])
        self.limited = np.isfinite(self.room)
        self.toll = np.zeros(len(self.room))
        self.pool = Pool(self.graph, np.flatnonzero(self.limited))
        self.amount = np.zeros(0)
        self.cost = np.where(goods.origin == goods.destination, 0.0, np.inf)
        self.inside = np.zeros(len(goods.kilotonnes), dtype=bool)
        self.trail = self._cheapest()
        self.enough, self.penalty = self._bounds()

    def _cheapest(self) -> Ints:
        """The cheapest way of every commodity, as arcs from its end, shape (C, L)."""
        parts = []
        for _, members, cost, rows, arc in self.goods.search(self.toll):
            self.cost[members] = cost
            parts.append((members, self.goods.trails(rows, arc, members)))
        longest = max((t.shape[1] for _, t in parts), default=0)
        trail = np.full((len(self.cost), longest), -1, dtype=np.intp)
        for members, t in parts:
            trail[members, : t.shape[1]] = t
        return trail

    def _bounds(self) -> tuple[float, float]:
        """What no way costs more than, and what staying behind is taken to cost."""
        most = max((float(g.weight.sum()) for g in self.goods.groups), default=0.0)
        return 2.0 * (most + 1.0), 10.0 * (most + 1.0)

    def run(self) -> Flows:
        """Let commodities enter the problem until none outside would go another way."""
        edges = np.where(self.trail >= 0, self.graph.edge[self.trail], -1)
        edges = np.where(edges >= 0, edges, len(self.room))  # the last stands for none
        heavy = self.goods.heavy & np.isfinite(self.cost)
        while True:
            outside = heavy & ~self.inside
            full = self.limited & (self._load(edges, outside) > self.room * (1 + 1e-12))
            entering = outside & np.append(full | (self.toll > 0), False)[edges].any(axis=1)
            if not entering.any():
                return self._flows()
            # ways around a full edge, to begin with: as if it could not be passed at all
            self.toll = np.where(full, self.penalty, self.toll)
            self._enter(np.flatnonzero(entering))
            left = self.room - self._load(edges, outside & ~entering)
            self._generate(np.maximum(left[self.limited], 0.0))

    def _load(self, edges: Ints, which: NDArray[np.bool_]) -> Floats:
        """Kilotonnes on each edge of commodities that go their cheapest way."""
        each = np.broadcast_to(self.goods.kilotonnes[which, None], edges[which].shape)
        load = np.bincount(edges[which].ravel(), each.ravel(), len(self.room) + 1)
        return np.asarray(load[:-1], dtype=np.float64)

    def _enter(self, members: Ints) -> None:
        """Take commodities in, with their cheapest way and the choice to stay behind."""
        self.inside[members] = True
        self.pool.add(members, self.trail[members], self.cost[members])
        nowhere = np.full((len(members), 1), -1, dtype=np.intp)
        self.pool.add(members, nowhere, np.full(len(members), self.penalty))

    def _generate(self, room: Floats) -> None:
        """Add ways and spread the commodities over them, until no way is better."""
        for _ in range(MOST_ROUNDS):
            if not self._better_ways() and len(self.amount) == len(self.pool.cost):
                return
            self.amount, toll = spread(
                self.pool, self.goods.kilotonnes, room, self.toll[self.limited], self.penalty
            )
            self.toll = np.zeros(len(self.room))
            self.toll[self.limited] = toll
        raise NotConvergedError(
            f"the flows over the network did not settle in {MOST_ROUNDS} rounds."
        )

    def _better_ways(self) -> bool:
        """Take in every way that is cheaper than its commodity's known ones; whether any is."""
        worth = self.pool.worth(self.toll[self.limited], len(self.inside))
        bar = worth - np.maximum(CENT, GAIN * np.where(self.inside, worth, 0.0))
        found = False
        for group, members, cost, rows, arc in self.goods.search(self.toll, self.inside):
            better = cost < bar[members]
            if better.any():
                trail = self.goods.trails(rows[better], arc, members[better])
                own = np.where(trail >= 0, group.weight[trail], 0.0).sum(axis=1)
                self.pool.add(members[better], trail, own)
                found = True
        return found

    def _flows(self) -> Flows:
        ways: list[list[Way]] = [[] for _ in self.cost]
        for j, way, kt in self.pool.used(self.amount):
            share = kt / float(self.goods.kilotonnes[j])
            if share > GAIN:
                ways[j].append((way, share))
        for j in np.flatnonzero(~self.inside & np.isfinite(self.cost)).tolist():
            arcs = self.trail[j]
            ways[j].append((tuple(arcs[arcs >= 0][::-1].tolist()), 1.0))
        marginal = self.cost.copy()
        if self.toll.any():
            self._at_tolls(marginal, ways)
        marginal[marginal > self.enough] = np.inf
        toll = np.where(self.toll > self.enough, np.inf, self.toll)
        return Flows(tuple(tuple(_whole(w)) for w in ways), toll, marginal)

    def _at_tolls(self, marginal: Floats, ways: list[list[Way]]) -> None:
        """Costs with tolls; the way of what weighs nothing is the best that there is then."""
        for _, members, cost, rows, arc in self.goods.search(self.toll):
            marginal[members] = cost
            light = ~self.goods.heavy[members] & np.isfinite(cost)
            for j in np.flatnonzero(light).tolist():
                ways[members[j]] = [(self.goods.way(arc[rows[j]], int(members[j])), 1.0)]


def _whole(ways: list[Way]) -> list[Way]:
    """Shares that sum to one but for the solver's tolerance sum to one."""
    total = sum(share for _, share in ways)
    near = bool(ways) and abs(total - 1.0) < 1e-6
    return [(way, share / total) for way, share in ways] if near else ways
