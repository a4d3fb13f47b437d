"""Where shipments go when capacities bind, and what they then pay."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.corridors.columns import Flows, flows_of
from detente.corridors.commodities import Commodities, commodities_of
from detente.corridors.graph import HOURS_PER_DAY, Ints, graph_of
from detente.corridors.network import Network
from detente.corridors.routes import Route, Shipment, route_of
from detente.errors import InputError

Array = NDArray[np.float64]
Shared = tuple[tuple[Route, float], ...]
LOAD_COLUMNS = ("edge", "layer", "mt", "capacity_mt", "shadow_usd_per_tonne", "a", "b")


@dataclass(frozen=True)
class Demand:
    """So many tonnes a year from one place to another, whatever it costs.

    Attributes
    ----------
    origin, destination : str
        Codes of places.
    shipment : Shipment
    tonnes : float
        A year.

    Raises
    ------
    InputError
        Tonnes that are negative or not finite.
    """

    origin: str
    destination: str
    shipment: Shipment
    tonnes: float

    def __post_init__(self) -> None:
        if not 0 <= self.tonnes < math.inf:
            what = f"{self.origin}–{self.destination}: {self.tonnes:g} tonnes"
            raise InputError(f"{what}; a demand is zero or more, and finite.")


class Routes(Sequence[Shared]):
    """For each demand, its routes and their shares; a route is written out when asked for."""

    def __init__(
        self,
        goods: Commodities,
        flows: Flows,
        which: Ints,
        turned: NDArray[np.bool_],
        demands: Sequence[Demand],
    ):
        self._goods, self._flows = goods, flows
        self._which, self._turned = which, turned
        self._demands = demands

    def __len__(self) -> int:
        return len(self._demands)

    @overload
    def __getitem__(self, at: int) -> Shared: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Shared, ...]: ...
    def __getitem__(self, at: int | slice) -> Shared | tuple[Shared, ...]:
        if isinstance(at, slice):
            return tuple(self[j] for j in range(len(self))[at])
        shipment, graph = self._demands[at].shipment, self._goods.graph
        found = []
        for way, share in self._flows.ways[int(self._which[at])]:
            taken = route_of(graph, shipment, way)
            found.append((taken.back() if self._turned[at] else taken, share))
        return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0].nodes)))


@dataclass(frozen=True, eq=False)
class Assignment:
    """Where D demands go and what they pay.

    Attributes
    ----------
    average : ndarray, shape (D,)
        Generalised cost of what is carried, in resources, USD per tonne: what a tonne takes
        on average, shadow prices not counted. Infinite where nothing can be carried.
    marginal : ndarray, shape (D,)
        Cost of one more tonne, shadow prices of full edges included, USD per tonne; infinite
        where it could not be carried.
    usd : ndarray, shape (D,)
        Freight within ``average``, USD per tonne.
    days : ndarray, shape (D,)
        Days under way, the average of what is carried.
    served : ndarray, shape (D,)
        Share of the demand that is carried: below 1 where every route is full or there is
        none; what is left behind is in no load.
    loads : DataFrame
        One row for each passable edge: edge, layer, mt (million tonnes a year, both
        directions), capacity_mt, shadow_usd_per_tonne (0 where it is not full, infinite where
        something is left behind because of it), a, b (the ends, in alphabetical order).
    routes : sequence of tuple of (Route, share)
        For each demand the routes that it takes; shares sum to ``served``.
    """

    average: Array
    marginal: Array
    usd: Array
    days: Array
    served: Array
    loads: pd.DataFrame
    routes: Sequence[Shared]


def assign(network: Network, demands: Iterable[Demand]) -> Assignment:
    """Send demands over a network at least total generalised cost, capacities respected.

    Every demand goes its cheapest route where that leaves every edge within its capacity.
    Else flow spreads to the next routes until the total is least (the planner's optimum, or
    what carriers do who pay the shadow prices as tolls); `columns` says how it is found.

    Parameters
    ----------
    network : Network
    demands : iterable of Demand
        D demands, in any order: each gets the same in any other.

    Returns
    -------
    Assignment

    Raises
    ------
    InputError
        No such place (with the nearest).
    NotConvergedError
        The solver of the linear programme gave up.
    """
    demands = tuple(demands)
    for code in dict.fromkeys(c for d in demands for c in (d.origin, d.destination)):
        network.node(code)
    graph = graph_of(network)
    asked = [(d.shipment, d.origin, d.destination, d.tonnes) for d in demands]
    goods, which, turned = commodities_of(graph, asked)
    flows = flows_of(goods)
    paid = _paid(goods, flows)[which] if len(which) else np.zeros((0, 4))
    average, usd, days, served = (np.ascontiguousarray(paid[:, k]) for k in range(4))
    return Assignment(
        average=average,
        marginal=flows.marginal[which],
        usd=usd,
        days=days,
        served=served,
        loads=_loads(goods, flows),
        routes=Routes(goods, flows, which, turned, demands),
    )


def _paid(goods: Commodities, flows: Flows) -> Array:
    """Generalised cost, freight, days of what is carried, and its share; shape (C, 4)."""
    graph = goods.graph
    paid = np.full((len(goods.kilotonnes), 4), np.inf)
    paid[:, 3] = 0.0
    paid[goods.origin == goods.destination] = (0.0, 0.0, 0.0, 1.0)
    days = graph.hours / HOURS_PER_DAY
    for group in goods.groups:
        arc, whose, share = _flat([flows.ways[j] for j in group.members])
        count = len(group.members)
        served = np.zeros(count)
        for k, ways in enumerate(flows.ways[j] for j in group.members):
            served[k] = sum(share for _, share in ways)
        some = served > 0
        values = (group.weight, graph.usd(group.shipment), days)
        for k, value in enumerate(values):
            total = np.bincount(whose, value[arc] * share, count)
            paid[group.members[some], k] = total[some] / served[some]
        paid[group.members, 3] = served
    return paid


def _flat(
    ways: Sequence[Sequence[tuple[tuple[int, ...], float]]],
) -> tuple[Ints, Ints, Array]:
    """Every arc of every way, whose it is, and the share that goes there."""
    each = [(arcs, j, share) for j, mine in enumerate(ways) for arcs, share in mine]
    lengths = [len(arcs) for arcs, _, _ in each]
    arc = np.fromiter(chain.from_iterable(arcs for arcs, _, _ in each), np.intp)
    whose = np.repeat(np.array([j for _, j, _ in each], dtype=np.intp), lengths)
    return arc, whose, np.repeat(np.array([share for _, _, share in each]), lengths)


def _loads(goods: Commodities, flows: Flows) -> pd.DataFrame:
    graph = goods.graph
    arc, whose, share = _flat(flows.ways)
    edge = graph.edge[arc]
    moves = edge >= 0
    carried = (goods.kilotonnes[whose] * share)[moves] / 1e3
    load = np.bincount(edge[moves], carried, len(graph.edges))
    rows = [
        (f"{e.key[0]}–{e.key[1]}", e.layer, mt, e.capacity_mt, toll, *e.key[:2])
        for e, mt, toll in zip(graph.edges, load, flows.toll, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(LOAD_COLUMNS))
