"""Many shipments over lines that can be full, by Dantzig & Wolfe's decomposition in blocks.

The problem is that of `assign.assign`: least total generalised cost within capacities. With
tens of thousands of pairs its programme gets a row for each; here the shipments of one sector
between two economies are one block, whose columns are what all of them do together under some
tolls (Dantzig & Wolfe 1960, Operations Research 8(1): 101–111). The optimum is the same: the
search ends when the dual bound is within ``GAP`` of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from detente.corridors.commodities import Commodities, commodities_of
from detente.corridors.graph import HOURS_PER_DAY, Graph, Ints, graph_of
from detente.corridors.network import Key, Network
from detente.corridors.routes import Shipment
from detente.errors import NotConvergedError
from detente.world.core import Array

#: The search ends within this part of what capacities cost in all.
GAP = 1e-3
MOST_ROUNDS = 200
LOAD_COLUMNS = ("edge", "layer", "mt", "capacity_mt", "shadow_usd_per_tonne", "a", "b")


@dataclass(frozen=True, eq=False)
class Flowed:
    """What D demands pay once every line holds what it can.

    Attributes
    ----------
    generalised, usd_per_tonne, days : ndarray, shape (D,)
        Averages of what is carried, in resources; infinite where nothing can be.
    served : ndarray, shape (D,)
        Share that is carried.
    loads : DataFrame
        One row for each line that can be full, as in `assign.Assignment`.
    """

    generalised: Array
    usd_per_tonne: Array
    days: Array
    served: Array
    loads: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Answer:
    """What every commodity does under some tolls: figures (C, 3), and lines used by block."""

    figures: Array
    tolled: Array
    use: Array


@dataclass
class _Columns:
    """Columns of the master: block, round, cost (thousand USD), kilotonnes on each line."""

    block: list[Ints] = field(default_factory=list)
    turn: list[Ints] = field(default_factory=list)
    cost: list[Array] = field(default_factory=list)
    use: list[csr_array] = field(default_factory=list)

    def add(self, blocks: Ints, turn: int, cost: Array, use: Array) -> None:
        """Take in what some blocks do in one round."""
        self.block.append(blocks)
        self.turn.append(np.full(len(blocks), turn))
        self.cost.append(cost[blocks])
        self.use.append(csr_array(use[blocks].T))


def flow(
    network: Network,
    asked: Sequence[tuple[Shipment, str, str, float]],
    blocks: Sequence[object],
) -> Flowed:
    """Send demands over a network at least total cost within capacities.

    Parameters
    ----------
    network : Network
    asked : sequence of (Shipment, origin, destination, tonnes a year)
        D demands, none twice.
    blocks : sequence
        The block of each demand; demands of one block share a shipment.

    Raises
    ------
    NotConvergedError
        The search did not end.
    """
    graph = graph_of(network)
    goods, which, *_ = commodities_of(graph, list(asked))
    names = {name: k for k, name in enumerate(dict.fromkeys(blocks))}
    of = np.zeros(len(goods.kilotonnes), dtype=np.intp)
    of[which] = [names[name] for name in blocks]
    search = _Search(graph, goods, of, len(names))
    found, tolls = search.run()
    figures = np.where(found[:, 3:] > 0, found[:, :3], np.inf)[which]
    cost, usd, days = (np.ascontiguousarray(figures[:, k]) for k in range(3))
    return Flowed(cost, usd, days, found[which, 3], search.loads(tolls))


def cheapest_loads(
    network: Network, asked: Sequence[tuple[Shipment, str, str, float]]
) -> dict[Key, float]:
    """Million tonnes a year on lines that can be full, everybody on the cheapest way."""
    if not asked:
        return {}
    graph = graph_of(network)
    goods, *_ = commodities_of(graph, list(asked))
    search = _Search(graph, goods, np.zeros(len(goods.kilotonnes), dtype=np.intp), 1)
    loads = search.answer(np.zeros(len(search.lines))).use[0] / 1e3
    edges = [graph.edges[j] for j in search.lines]
    return {e.key: float(mt) for e, mt in zip(edges, loads, strict=True)}


class _Search:
    """The state of one decomposition: C commodities in B blocks, K lines that can be full."""

    def __init__(self, graph: Graph, goods: Commodities, of: Ints, blocks: int) -> None:
        self.graph, self.goods, self.of, self.blocks = graph, goods, of, blocks
        room = np.array([edge.capacity_mt for edge in graph.edges]) * 1e3
        self.lines = np.flatnonzero(np.isfinite(room))
        self.room = room[self.lines]
        self.place = np.full(len(room) + 1, -1)  # the last: no edge at all
        self.place[self.lines] = np.arange(len(self.lines))
        self.tonnes = np.bincount(of, goods.kilotonnes, blocks)
        self.carried = np.zeros(len(self.lines))
        most = max((float(g.weight.sum()) for g in goods.groups), default=0.0)
        self.penalty = 10.0 * (most + 1.0)

    def run(self) -> tuple[Array, Array]:
        """Figures and served share of every commodity, shape (C, 4), and the lines' tolls."""
        answer = self.answer(np.zeros(len(self.lines)))
        answers, columns = [answer], _Columns()
        free = self.cost(answer)
        everything = np.arange(self.blocks)
        columns.add(everything, 0, free, answer.use)
        bound = -np.inf
        for turn in range(1, MOST_ROUNDS + 1):
            shares, total, tolls, worth = self.master(columns)
            answer = self.answer(tolls)
            least = np.bincount(self.of, self.goods.kilotonnes * answer.tolled, self.blocks)
            bound = max(bound, float(least.sum() - tolls @ self.room))
            if total - bound <= GAP * (total - free.sum()) + 1e-9 * abs(total):
                return self.mixed(answers, columns, shares), tolls
            better = np.flatnonzero(least < worth - 1e-9 * np.abs(worth))
            answers.append(answer)
            columns.add(better, turn, self.cost(answer), answer.use)
        raise NotConvergedError(
            f"the flows over the network did not settle in {MOST_ROUNDS} rounds."
        )

    def answer(self, tolls: Array) -> _Answer:
        """Everybody on the cheapest way when lines take tolls, USD per tonne."""
        graph, goods = self.graph, self.goods
        toll = np.zeros(len(self.place))
        toll[self.lines] = tolls
        figures, tolled = np.zeros((len(self.of), 3)), np.zeros(len(self.of))
        use = np.zeros(self.blocks * len(self.lines))
        for group, members, cost, rows, arc in goods.search(toll[:-1]):
            trail = goods.trails(rows, arc, members)
            there = trail >= 0
            values = (group.weight, graph.usd(group.shipment), graph.hours / HOURS_PER_DAY)
            for k, value in enumerate(values):
                figures[members, k] = np.where(there, value[trail], 0.0).sum(axis=1)
            tolled[members] = cost
            line = np.where(there, self.place[graph.edge[trail]], -1)
            which, step = np.nonzero(line >= 0)
            at = self.of[members[which]] * len(self.lines) + line[which, step]
            use += np.bincount(at, goods.kilotonnes[members[which]], len(use))
        return _Answer(figures, tolled, use.reshape(self.blocks, -1))

    def cost(self, answer: _Answer) -> Array:
        """Of each block, thousand USD a year, tolls not counted."""
        spent = self.goods.kilotonnes * answer.figures[:, 0]
        return np.asarray(np.bincount(self.of, spent, self.blocks), dtype=np.float64)

    def master(self, columns: _Columns) -> tuple[Array, float, Array, Array]:
        """Shares of the columns, total cost, tolls, what a block is worth (its dual)."""
        block = np.concatenate(columns.block)
        cost = np.concatenate([*columns.cost, self.penalty * self.tonnes])
        use = hstack([*columns.use, csr_array((len(self.lines), self.blocks))])
        rows = np.concatenate([block, np.arange(self.blocks)])
        cells = (np.ones(len(rows)), (rows, np.arange(len(rows))))
        meets = csr_array(cells, shape=(self.blocks, len(rows)))
        solved = linprog(  # type: ignore[call-overload]  # its stubs know no sparse arrays
            cost, A_ub=csr_array(use), b_ub=self.room, A_eq=meets, b_eq=np.ones(self.blocks)
        )
        if solved.status != 0:  # it has a solution: everything may stay behind
            raise NotConvergedError(f"no flows over the network were found: {solved.message}")
        self.carried = np.asarray(use @ solved.x)
        tolls = np.maximum(-np.asarray(solved.ineqlin.marginals), 0.0)
        shares = np.asarray(solved.x[: len(block)])
        return shares, float(solved.fun), tolls, np.asarray(solved.eqlin.marginals)

    def mixed(self, answers: list[_Answer], columns: _Columns, shares: Array) -> Array:
        """Averages over the columns that a block uses, and the share that is carried."""
        weight = np.zeros((len(answers), self.blocks))
        np.add.at(weight, (np.concatenate(columns.turn), np.concatenate(columns.block)), shares)
        found = np.zeros((len(self.of), 4))
        for share, answer in zip(weight[:, self.of], answers, strict=True):
            found[:, :3] += share[:, None] * answer.figures
            found[:, 3] += share
        some: NDArray[np.bool_] = found[:, 3] > 1e-9
        found[some, :3] /= found[some, 3:]
        found[np.abs(found[:, 3] - 1.0) < 1e-6, 3] = 1.0
        return found

    def loads(self, tolls: Array) -> pd.DataFrame:
        """What lies on the lines, and their shadow prices."""
        rows = []
        for j, kilotonnes, toll in zip(self.lines, self.carried, tolls, strict=True):
            e = self.graph.edges[j]
            price = toll if toll < self.penalty / 5.0 else np.inf
            mt = kilotonnes / 1e3
            rows.append((f"{e.a}–{e.b}", e.layer, mt, e.capacity_mt, price, e.a, e.b))
        return pd.DataFrame(rows, columns=pd.Index(LOAD_COLUMNS))
