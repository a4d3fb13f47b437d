"""Many shipments over lines that can be full, by Dantzig & Wolfe's decomposition in blocks.

The problem is that of `assign.assign`: least total generalised cost within capacities. With
tens of thousands of pairs its programme gets a row for each; here the shipments of one kind
between two economies are one block, whose columns are what all of them do together under some
tolls (Dantzig & Wolfe 1960, Operations Research 8(1): 101–111). The optimum is the same: the
search ends when the dual bound is within ``GAP`` of what capacities cost.

Only flows whose cheapest route leads over a line that is overfull, or takes a toll, enter the
problem: for every other one that route stays the best (as in `columns`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from detente.corridors.costgoods import Goods, Tonnes, goods_of, joined
from detente.corridors.costsearch import Priced, Searches
from detente.corridors.graph import HOURS_PER_DAY, Ints
from detente.corridors.network import Key, Network
from detente.errors import NotConvergedError
from detente.world.core import Array

#: The search ends within this part of what capacities cost in all.
GAP = 1e-3
#: And within this part while lines may be found that are overfull too.
ROUGH = 1e-1
#: A line is overfull above its room by this part.
OVER = 1e-9
MOST_ROUNDS = 200
LOAD_COLUMNS = ("edge", "layer", "mt", "capacity_mt", "shadow_usd_per_tonne", "a", "b")


@dataclass(frozen=True, eq=False)
class Ways:
    """W ways that flows of a problem take, as arcs.

    Attributes
    ----------
    flow : ndarray of int, shape (W,)
        Number in ``goods``.
    share : ndarray, shape (W,)
        Of the flow's tonnes.
    trail : ndarray of int, shape (W, L)
        Arcs from an end back; −1 is none.
    """

    flow: Ints
    share: Array
    trail: Ints


@dataclass(frozen=True, eq=False)
class Flowed:
    """How goods travel once every line holds what it can.

    Attributes
    ----------
    goods : Goods
    inside : ndarray of int, shape (D,)
        Flows that entered the problem; all others take their cheapest route.
    generalised, usd_per_tonne, days : ndarray, shape (D,)
        Averages of what is carried, in resources; infinite where nothing can be.
    served : ndarray, shape (D,)
        Share that is carried.
    ways : Ways
        Of the flows inside.
    loads : DataFrame
        One row for each line that can be full, as in `assign.Assignment`.
    """

    goods: Goods
    inside: Ints
    served: Array
    ways: Ways
    loads: pd.DataFrame

    @cached_property
    def generalised(self) -> Array:
        """Freight and the value of time, USD per tonne."""
        return self._mean([self.goods.graph.generalised(s) for s in self.goods.shipments])

    @cached_property
    def usd_per_tonne(self) -> Array:
        """Freight."""
        return self._mean([self.goods.graph.usd(s) for s in self.goods.shipments])

    @cached_property
    def days(self) -> Array:
        """Days."""
        days = self.goods.graph.hours / HOURS_PER_DAY
        return self._mean([days for _ in self.goods.shipments])

    def _mean(self, values: list[Array]) -> Array:
        """Of arcs' values, over the ways of each flow inside."""
        ways, size = self.ways, len(self.inside)
        at = np.searchsorted(self.inside, ways.flow)
        each = ways.share * self.goods.summed(ways.flow, ways.trail, np.stack(values))
        sums, carried = np.bincount(at, each, size), np.bincount(at, ways.share, size)
        none = np.full(size, np.inf)
        mean: Array = np.divide(sums, carried, out=none, where=carried > 1e-9)
        return mean

    @property
    def behind(self) -> float:
        """Tonnes a year that no line has room for."""
        return 1e3 * float(self.goods.kilotonnes[self.inside] @ (1.0 - self.served))


def flow(
    network: Network,
    codes: tuple[str, ...],
    owner: Ints,
    tonnes: Tonnes,
    room: Mapping[Key, float] | None = None,
) -> Flowed:
    """Send goods over a network at least total cost within capacities.

    Parameters
    ----------
    network : Network
    codes : tuple of str
        R regions, sorted.
    owner : ndarray of int, shape (R,)
        Each region's economy: shipments of one kind between two are a block.
    tonnes : mapping of Shipment to ndarray, shape (R, R)
        A year, from row to column.
    room : mapping of edge key to float, optional
        Million tonnes a year that a line has room for, if more than its capacity.

    Raises
    ------
    NotConvergedError
        The search did not end.
    """
    goods = goods_of(network, codes, tonnes)
    return _Search(goods, np.asarray(owner), room or {}).run()


def cheapest_loads(
    network: Network, codes: tuple[str, ...], tonnes: Tonnes
) -> dict[Key, float]:
    """Million tonnes a year on lines that can be full, everybody on the cheapest way."""
    goods = goods_of(network, codes, tonnes)
    edges = goods.graph.edges
    loads = np.bincount(goods.edge, goods.kilotonnes[goods.cell], len(edges)) / 1e3
    return {
        e.key: float(mt)
        for e, mt in zip(edges, loads, strict=True)
        if np.isfinite(e.counted_mt)
    }


@dataclass
class _Columns:
    """Columns of the master: block, answer, cost (thousand USD), kilotonnes on each line."""

    block: list[Ints] = field(default_factory=list)
    turn: list[Ints] = field(default_factory=list)
    cost: list[Array] = field(default_factory=list)
    use: list[csr_array] = field(default_factory=list)


class _Search:
    """The state of one decomposition: C flows in B blocks, K lines that can be full."""

    def __init__(self, goods: Goods, owner: Ints, room: Mapping[Key, float]) -> None:
        self.goods, self.owner = goods, owner
        edges = goods.graph.edges
        able = [max(e.counted_mt, room.get(e.key, 0.0)) for e in edges]
        self.lines = np.flatnonzero([np.isfinite(e.counted_mt) for e in edges])
        self.room = np.array(able)[self.lines] * 1e3
        self.place = np.full(len(edges) + 1, -1)  # the last: no edge at all
        self.place[self.lines] = np.arange(len(self.lines))
        self.line = self.place[goods.edge]
        self.of = np.full(len(goods.kilotonnes), -1, dtype=np.intp)
        self.blocks = 0
        self.tonnes: Array = np.zeros(0)
        self.answers: list[tuple[Ints, Ints | None]] = []  # members and trails
        self.columns = _Columns()
        self.shares = np.zeros(0)
        self.tolls = np.zeros(len(self.lines))
        most = max(
            (float(goods.graph.generalised(s).sum()) for s in goods.shipments), default=0
        )
        self.penalty = 10.0 * (most + 1.0)
        self.active = np.zeros(len(self.lines), dtype=bool)
        self.free = 0.0
        self.left = self.room
        self.used = np.zeros(len(self.lines))

    def run(self) -> Flowed:
        """Let flows enter until no line is overfull and no toll is met outside."""
        full = self.overfull()
        while full.any():
            self.enter(full)
            if not self.tolls.any():
                # ways around what is full, to begin with: as if it could not be passed
                most = np.where(full, self.penalty, 0.0)
                self.take(self.under(most), most)
            for gap in (ROUGH, GAP):  # no need to be exact before all lines are known
                self.settle(gap)
                full = self.overfull()
                if full.any():
                    break
        return self.flowed()

    def overfull(self) -> NDArray[np.bool_]:
        """Lines with more on them than they have room for, limits not yet regarded."""
        return (self.used + self.outside() > self.room * (1 + OVER)) & ~self.active

    def settle(self, gap: float) -> None:
        """Add columns until the cost is within a part of the dual bound."""
        bound = -np.inf
        for _ in range(MOST_ROUNDS):
            total, worth = self.master()
            priced = self.under(self.tolls)
            least = np.minimum(self.by_block(priced), self.penalty * self.tonnes)
            bound = max(bound, float(least.sum() - self.tolls @ self.left))
            if total - bound <= gap * (total - self.free) + 1e-9 * abs(total):
                return
            self.take(priced, self.tolls, least < worth - 1e-9 * np.abs(worth))
        raise NotConvergedError(
            f"the flows over the network did not settle in {MOST_ROUNDS} rounds."
        )

    def outside(self) -> Array:
        """Kilotonnes on lines of the flows that take their cheapest route."""
        out = self.of[self.goods.cell] < 0
        kilotonnes = self.goods.kilotonnes[self.goods.cell[out]]
        return np.asarray(np.bincount(self.line[out], kilotonnes, len(self.room)))

    # -- taking flows in --------------------------------------------------------------------
    def enter(self, full: NDArray[np.bool_]) -> None:
        """Give lines a limit, and take in flows whose cheapest route uses them."""
        goods = self.goods
        self.active |= full
        entering = np.zeros(len(self.of), dtype=bool)
        entering[goods.cell[full[self.line]]] = True
        members = np.flatnonzero(entering & (self.of < 0))
        self.of[members] = self.blocks + self.named(members)
        self.blocks = int(self.of.max()) + 1
        inside = np.flatnonzero(self.of >= 0)
        sums = np.bincount(self.of[inside], goods.kilotonnes[inside], self.blocks)
        self.tonnes = np.asarray(sums, dtype=np.float64)
        self.free = float(goods.kilotonnes[inside] @ goods.least[inside])
        self.left = np.maximum(self.room - self.outside(), 0.0)
        self.searches = Searches(goods, inside, self.lines[self.active])
        if members.size:
            mine = np.isin(goods.cell, members)
            number = np.zeros(len(self.of), dtype=np.intp)
            number[members] = np.arange(len(members))
            self.put(members, goods.least[members], number[goods.cell[mine]], self.line[mine])
            self.answers.append((members, None))  # ways are looked up if they are used

    def named(self, members: Ints) -> Ints:
        """Numbers from 0 of the blocks that some flows make up."""
        goods, size = self.goods, int(self.owner.max()) + 1
        ends = np.stack([self.owner[goods.one[members]], self.owner[goods.other[members]]])
        low, high = ends.min(axis=0), ends.max(axis=0)
        name = (goods.kind[members] * size + low) * size + high
        return np.asarray(np.unique(name, return_inverse=True)[1], dtype=np.intp)

    # -- pricing -----------------------------------------------------------------------------
    def under(self, tolls: Array) -> list[Priced]:
        """Every flow inside on its cheapest way when lines take tolls, USD per tonne."""
        return self.searches.under(tolls[self.active])

    def by_block(self, priced: list[Priced]) -> Array:
        """What blocks pay, thousand USD a year."""
        sums = np.zeros(self.blocks)
        for p in priced:
            paid = self.goods.kilotonnes[p.members] * p.cost
            sums += np.bincount(self.of[p.members], paid, self.blocks)
        return sums

    def take(
        self, priced: list[Priced], tolls: Array, blocks: NDArray[np.bool_] | None = None
    ) -> None:
        """New columns: what some blocks do under tolls, or all."""
        wanted = []
        for p in priced:
            of = self.of[p.members]
            chosen = np.flatnonzero(blocks[of]) if blocks is not None else np.arange(len(of))
            if chosen.size:
                wanted.append((p, chosen))
        if not wanted:
            return
        members = np.concatenate([p.members[chosen] for p, chosen in wanted])
        trail = self.searches.trails(wanted)
        line = self.place[np.append(self.goods.graph.edge, -1)[trail]]
        which, step = np.nonzero(line >= 0)
        line = line[which, step]
        cost = np.concatenate([p.cost[chosen] for p, chosen in wanted])
        cost -= np.bincount(which, tolls[line], len(members))
        self.put(members, cost, which, line)
        self.answers.append((members, trail))

    def put(self, members: Ints, cost: Array, which: Ints, line: Ints) -> None:
        """Columns of some flows' costs, USD per tonne, and of the lines that each uses."""
        size, kilotonnes = len(self.lines), self.goods.kilotonnes[members]
        blocks, number = np.unique(self.of[members], return_inverse=True)
        at = number[which] * size + line
        use = np.bincount(at, kilotonnes[which], len(blocks) * size).reshape(-1, size)
        spent = np.asarray(np.bincount(number, kilotonnes * cost), dtype=np.float64)
        self.columns.block.append(blocks)
        self.columns.turn.append(np.full(len(blocks), len(self.answers)))
        self.columns.cost.append(spent)
        self.columns.use.append(csr_array(use.T))

    def master(self) -> tuple[float, Array]:
        """Shares of columns and tolls; total cost, and what a block is worth (its dual)."""
        left, block = self.left, np.concatenate(self.columns.block)
        cost = np.concatenate([*self.columns.cost, self.penalty * self.tonnes])
        use = csr_array(hstack([*self.columns.use, csr_array((len(left), self.blocks))]))
        rows = np.concatenate([block, np.arange(self.blocks)])
        cells = (np.ones(len(rows)), (rows, np.arange(len(rows))))
        meets = csr_array(cells, shape=(self.blocks, len(rows)))
        # a line that nobody asks for is no row
        some = np.flatnonzero(self.active & (np.diff(use.indptr) > 0))
        solved = linprog(  # type: ignore[call-overload]  # its stubs know no sparse arrays
            cost,
            A_ub=use[some],
            b_ub=left[some],
            A_eq=meets,
            b_eq=np.ones(self.blocks),
            method="highs-ds",
            options={"presolve": False},  # small, and faster so
        )
        if solved.status != 0:  # it has a solution: everything may stay behind
            raise NotConvergedError(f"no flows over the network were found: {solved.message}")
        self.used = np.asarray(use @ solved.x)
        self.tolls = np.zeros(len(left))
        self.tolls[some] = np.maximum(-np.asarray(solved.ineqlin.marginals), 0.0)
        self.shares = np.asarray(solved.x[: len(block)])
        return float(solved.fun), np.asarray(solved.eqlin.marginals)

    # -- what comes out ---------------------------------------------------------------------
    def flowed(self) -> Flowed:
        """The ways that are used, and the share of each flow that is carried."""
        inside, ways = np.flatnonzero(self.of >= 0), self.ways()
        at = np.searchsorted(inside, ways.flow)
        served = np.asarray(np.bincount(at, ways.share, len(inside)), dtype=np.float64)
        served[np.abs(served - 1.0) < 1e-6] = 1.0
        return Flowed(self.goods, inside, served, ways, self.loads())

    def ways(self) -> Ways:
        """The ways with a share, each answer's."""
        if not self.answers:
            none = np.zeros(0, dtype=np.intp)
            return Ways(none, np.zeros(0), none.reshape(0, 0))
        weight = np.zeros((len(self.answers), self.blocks))
        turn, block = (np.concatenate(c) for c in (self.columns.turn, self.columns.block))
        np.add.at(weight, (turn, block), self.shares)
        flows, shares, parts, start = [], [], [], 0
        for mine, (members, trail) in zip(weight, self.answers, strict=True):
            share = mine[self.of[members]]
            some = np.flatnonzero(share > 0)
            used = self.goods.trails(members[some]) if trail is None else trail[some]
            flows.append(members[some])
            shares.append(share[some])
            parts.append((start + np.arange(len(some)), used))
            start += len(some)
        return Ways(np.concatenate(flows), np.concatenate(shares), joined(parts, start))

    def loads(self) -> pd.DataFrame:
        """What lies on the lines, and their shadow prices."""
        edges = [self.goods.graph.edges[j] for j in self.lines]
        tolls = np.where(self.tolls < self.penalty / 5.0, self.tolls, np.inf)
        columns = {
            "edge": [f"{e.a}–{e.b}" for e in edges],
            "layer": [e.layer for e in edges],
            "mt": (self.outside() + self.used) / 1e3,
            "capacity_mt": self.room / 1e3,
            "shadow_usd_per_tonne": tolls,
            "a": [e.a for e in edges],
            "b": [e.b for e in edges],
        }
        return pd.DataFrame(columns, columns=pd.Index(LOAD_COLUMNS))
