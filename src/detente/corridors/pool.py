"""Ways that are known, and the linear programme that spreads commodities over them.

With q the cheapest known way of a commodity at the present tolls, the programme is written in
what leaves q for another way p::

    min Σ (c_p − c_q) x_p + M Σ o_e
    s.t. Σ (a_pe − a_qe) x_p − o_e ≤ k_e − Σ a_qe t,   Σ_p x_p ≤ t,   0 ≤ x_p ≤ t

so that it has a row for each edge with a limit, and one for a commodity only where that has
two other ways or more. Ways that are far from the cheapest are left out, and let in where the
new tolls make one of them the cheapest (sifting: Bixby et al. 1992, Operations Research
40(5): 885–897): what is left out when none does could not lower the total. The overflow o is
zero then, for to stay behind costs no more than M. Coordinate ascent on the dual gives tolls
to begin with.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, diags_array, hstack, vstack

from detente.corridors.graph import Floats, Graph, Ints
from detente.errors import NotConvergedError

#: Shadow prices below this are zero, USD per tonne; HiGHS is exact to 1e-7.
CENT = 1e-6
MOST_ROUNDS = 500
#: Ways that the programme starts with.
_CORE = 10_000
#: Rounds of coordinate ascent before.
_SWEEPS = 6


@dataclass
class Pool:
    """P known ways of commodities.

    Attributes
    ----------
    graph : Graph
    limited : ndarray of int, shape (L,)
        Numbers of the edges with a capacity.
    commodity : ndarray of int, shape (P,)
    cost : ndarray, shape (P,)
        Without tolls, USD per tonne.
    uses : sparse array, shape (P, L)
        1 where a way leads over an edge.
    trails : list of ndarray of int
        Arcs of the ways from the end back, −1 beyond the start; all −1 is staying behind.
    """

    graph: Graph
    limited: Ints
    commodity: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    cost: Floats = field(default_factory=lambda: np.zeros(0))
    trails: list[Ints] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.uses = csr_array((0, len(self.limited)))
        self.place = np.full(len(self.graph.edges) + 1, -1)
        self.place[self.limited] = np.arange(len(self.limited))

    def add(self, commodity: Ints, trail: Ints, cost: Floats) -> None:
        """Take ways in: one for each entry of ``commodity``, arcs (n, any) as in `trails`."""
        edge = np.where(trail >= 0, self.graph.edge[trail], -1)
        at = self.place[edge]
        row, column = np.nonzero(at >= 0)
        cells = (np.ones(len(row)), (row, at[row, column]))
        more = csr_array(cells, shape=(len(commodity), len(self.limited)))
        self.uses = csr_array(vstack([self.uses, more]))
        self.commodity = np.append(self.commodity, commodity)
        self.cost = np.append(self.cost, cost)
        self.trails.append(trail)

    def tolled(self, toll: Floats) -> Floats:
        """Costs with tolls (L,) on the edges, shape (P,)."""
        return np.asarray(self.cost + self.uses @ toll, dtype=np.float64)

    def cheapest(self, tolled: Floats) -> Ints:
        """The cheapest way of each commodity that has one, by number of commodity."""
        order = np.lexsort((np.arange(len(tolled)), tolled, self.commodity))
        _, first = np.unique(self.commodity[order], return_index=True)
        return np.asarray(order[first], dtype=np.intp)

    def worth(self, toll: Floats, count: int) -> Floats:
        """What the cheapest known way costs with tolls, shape (count,); infinite without."""
        tolled = self.tolled(toll)
        best = self.cheapest(tolled)
        found = np.full(count, np.inf)
        found[self.commodity[best]] = tolled[best]
        return found

    def used(self, amount: Floats) -> list[tuple[int, tuple[int, ...], float]]:
        """Commodity, arcs from the source and amount of each way that is used."""
        found = []
        first = 0
        for trail in self.trails:
            for j in np.flatnonzero(amount[first : first + len(trail)] > 0).tolist():
                arcs = trail[j][trail[j] >= 0][::-1]
                at = first + j
                if len(arcs):
                    way = tuple(arcs.tolist())
                    found.append((int(self.commodity[at]), way, float(amount[at])))
            first += len(trail)
        return found


def spread(
    pool: Pool, kilotonnes: Floats, room: Floats, toll: Floats, penalty: float
) -> tuple[Floats, Floats]:
    """Flows of least cost over the ways of a pool, and the edges' shadow prices.

    Parameters
    ----------
    pool : Pool
    kilotonnes : ndarray, shape (C,)
        Of each commodity.
    room : ndarray, shape (L,)
        Kilotonnes that the edges with a limit have left.
    toll : ndarray, shape (L,)
        Where the search for prices begins, USD per tonne.
    penalty : float
        What staying behind costs, USD per tonne.

    Returns
    -------
    amount : ndarray, shape (P,)
        Kilotonnes on each way.
    toll : ndarray, shape (L,)

    Raises
    ------
    NotConvergedError
        The solver gave up.
    """
    tolled = pool.tolled(_ascent(pool, kilotonnes, room, toll))
    base = pool.cheapest(tolled)
    whose = np.full(len(kilotonnes), -1)
    whose[pool.commodity[base]] = base
    first = whose[pool.commodity]  # the base of each way's commodity
    others = np.flatnonzero(first != np.arange(len(first)))
    core = np.zeros(len(first), dtype=bool)
    near = np.argsort((tolled - tolled[first])[others], kind="stable")
    core[others[near[:_CORE]]] = True
    known = core.copy()
    known[base] = True
    for _ in range(MOST_ROUNDS):
        moved, toll = _solved(pool, np.flatnonzero(core), first, kilotonnes, room, penalty)
        tolled = pool.tolled(toll)
        least = np.full(len(kilotonnes), np.inf)
        np.minimum.at(least, pool.commodity[known], tolled[known])
        better = ~known & (tolled < least[pool.commodity] - CENT)
        if not better.any():
            amount = np.zeros(len(first))
            amount[base] = kilotonnes[pool.commodity[base]]
            np.subtract.at(amount, first[core], moved)
            amount[core] = moved
            return np.maximum(amount, 0.0), toll
        core |= better
        known |= better
    raise NotConvergedError(f"the flows on known ways did not settle in {MOST_ROUNDS} rounds.")


def _ascent(pool: Pool, kilotonnes: Floats, room: Floats, toll: Floats) -> Floats:
    """Tolls near the best: each edge's in turn such that what still passes there fits."""
    order = np.argsort(pool.commodity, kind="stable")
    codes, starts = np.unique(pool.commodity[order], return_index=True)
    weight = kilotonnes[codes]
    uses = pool.uses[order].tocsc()
    tolled = pool.tolled(toll)[order]
    toll = toll.copy()
    for _ in range(_SWEEPS):
        before = toll.copy()
        best = order[_first_least(tolled, starts)]
        load = np.asarray(weight @ pool.uses[best])
        for e in np.flatnonzero((toll > 0) | (load > room)).tolist():
            over = uses.indices[uses.indptr[e] : uses.indptr[e + 1]]
            tolled[over] -= toll[e]
            around = tolled.copy()
            around[over] = np.inf
            across = np.full_like(tolled, np.inf)
            across[over] = tolled[over]
            around, across = (np.minimum.reduceat(c, starts) for c in (around, across))
            toll[e] = _price(around - across, weight, float(room[e]))
            tolled[over] += toll[e]
        if np.allclose(toll, before, rtol=1e-3):
            break
    return toll


def _first_least(values: Floats, starts: Ints) -> Ints:
    """Where each stretch of values that begins at one of ``starts`` has its least."""
    least = np.minimum.reduceat(values, starts)
    lengths = np.diff(np.append(starts, len(values)))
    at = np.flatnonzero(values == np.repeat(least, lengths))
    return at[np.searchsorted(at, starts)]


def _price(gain: Floats, weight: Floats, room: float) -> float:
    """What is to be asked of those with a gain from passing, so that they fit."""
    willing = np.flatnonzero(gain > 0)
    willing = willing[np.argsort(-gain[willing], kind="stable")]
    passed = np.searchsorted(np.cumsum(weight[willing]), room, side="right")
    return float(gain[willing[passed]]) if passed < len(willing) else 0.0


def _solved(
    pool: Pool, core: Ints, first: Ints, kilotonnes: Floats, room: Floats, penalty: float
) -> tuple[Floats, Floats]:
    """Kilotonnes that leave the base for each way of the core, and the tolls."""
    base = np.unique(first)
    left = room - kilotonnes[pool.commodity[base]] @ pool.uses[base]
    change = (pool.uses[core] - pool.uses[first[core]]).T
    rows, several = _choices(pool.commodity[core])
    over = len(room)
    matrix = vstack(
        [
            hstack([change, -diags_array(np.ones(over))]),
            hstack([rows, csr_array((len(several), over))]),
        ]
    )
    most = np.concatenate([kilotonnes[pool.commodity[core]], np.full(over, np.inf)])
    found = linprog(  # type: ignore[call-overload]  # its stubs know no sparse arrays
        np.concatenate([pool.cost[core] - pool.cost[first[core]], np.full(over, penalty)]),
        A_ub=csr_array(matrix),
        b_ub=np.concatenate([left, kilotonnes[several]]),
        bounds=np.stack([np.zeros(len(most)), most], axis=1),
        method="highs-ds",
    )
    if found.status != 0:  # it has a solution: everything may overflow
        raise NotConvergedError(f"no flows over the network were found: {found.message}")
    toll = -np.asarray(found.ineqlin.marginals)[:over]
    moved = np.asarray(found.x[: len(core)], dtype=np.float64)
    return moved, np.where(toll > CENT, toll, 0.0)


def _choices(commodity: Ints) -> tuple[csr_array, NDArray[np.intp]]:
    """Rows that add up the ways of a commodity, where it has several; and which those are."""
    codes, where, count = np.unique(commodity, return_inverse=True, return_counts=True)
    several = np.flatnonzero(count > 1)
    row = np.full(len(codes), -1)
    row[several] = np.arange(len(several))
    at = row[where]
    column = np.flatnonzero(at >= 0)
    cells = (np.ones(len(column)), (at[column], column))
    return csr_array(cells, shape=(len(several), len(commodity))), codes[several]
