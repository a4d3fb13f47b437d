"""Least-cost and least-time routes of a shipment, one by one and in bulk.

The generalised cost of a tonne is freight plus the value of the time that it is under way
(Hummels & Schaur 2013, American Economic Review 103(7): a day in transit is worth a share of
the goods' value)::

    c = freight + value_of_time · usd_per_tonne · days + scarcity

Scarcity is what room costs on edges that are full today (`Edge.scarcity_usd_t`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detente.corridors.graph import (
    HOURS_PER_DAY,
    LOAD,
    TRANSFER,
    UNLOAD,
    Graph,
    Ints,
    Permits,
    graph_of,
)
from detente.corridors.network import Network, Node, mode_of
from detente.errors import InputError

Array = NDArray[np.float64]
Weigh = Literal["cost", "time"]
KINDS = ("container", "dry", "liquid")
#: Mean radius of the Earth, km.
EARTH_KM = 6371.0


class RouteError(InputError):
    """There is no route between two places; the message says how far one gets, and why."""


@dataclass(frozen=True)
class Shipment:
    """A class of goods as a carrier sees it.

    Attributes
    ----------
    kind : str
        container, dry or liquid.
    usd_per_tonne : float
        Unit value.
    tonnes_per_teu : float
        Payload of a container; of no meaning for bulk.
    value_of_time : float
        Share of the goods' value that a day in transit is worth (0.006 is 0.6 % a day).

    Raises
    ------
    InputError
        Another kind; a number that is negative, not finite or, for the first two, zero.
    """

    kind: str
    usd_per_tonne: float
    tonnes_per_teu: float
    value_of_time: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"a shipment is {', '.join(KINDS)}; not '{self.kind}'.")
        positive = {"usd_per_tonne": self.usd_per_tonne}
        if self.kind == "container":
            positive["tonnes_per_teu"] = self.tonnes_per_teu
        for name, value in positive.items():
            if not 0 < value < math.inf:
                raise InputError(f"{name} of a shipment has to be above zero, not {value:g}.")
        if not 0 <= self.value_of_time < math.inf:
            what = f"not {self.value_of_time:g}"
            raise InputError(f"value_of_time of a shipment has to be zero or more, {what}.")

    @property
    def key(self) -> tuple[str, float, float, float]:
        """What tells it from others, for sorting and grouping."""
        load = self.tonnes_per_teu if self.kind == "container" else 0.0
        return (self.kind, self.usd_per_tonne, load, self.value_of_time)


@dataclass(frozen=True)
class Leg:
    """A step of a route: an edge, or handling at one place.

    Attributes
    ----------
    a, b : str
        From and to; the same place for handling.
    layer : str
        sea, rail1435, rail1520 or road; load, unload or transfer for handling.
    km, hours : float
    usd : float
        Freight, USD per tonne.
    """

    a: str
    b: str
    layer: str
    km: float
    hours: float
    usd: float

    @property
    def moves(self) -> bool:
        """Whether it is an edge, and no handling."""
        return self.layer not in (LOAD, UNLOAD, TRANSFER)


@dataclass(frozen=True)
class Route:
    """A route and what it takes.

    Attributes
    ----------
    legs : tuple of Leg
        In order, loading first and unloading last; none where origin and destination are
        the same place.
    km, days : float
    usd_per_teu : float
        Freight, USD per TEU; NaN for bulk, which is in no container.
    usd_per_tonne : float
        Freight, USD per tonne.
    generalised : float
        Freight, the value of time and scarce room, USD per tonne.
    scarcity : float
        Scarce room within it, USD per tonne.
    """

    legs: tuple[Leg, ...]
    km: float
    days: float
    usd_per_teu: float
    usd_per_tonne: float
    generalised: float
    scarcity: float = 0.0

    @property
    def nodes(self) -> tuple[str, ...]:
        """The places that it passes, in order, each stop once."""
        passed = [leg.b for leg in self.legs if leg.moves]
        return (self.legs[0].a, *passed) if self.legs else ()

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it uses, in order, without repeats side by side."""
        return tuple(layer for layer, _ in groupby(leg.layer for leg in self.legs if leg.moves))

    def stretches(self) -> Iterator[tuple[str, str, str, float]]:
        """Layer, first and last place, and km of each stretch on one layer."""
        moving = (leg for leg in self.legs if leg.moves)
        for layer, group in groupby(moving, key=lambda leg: leg.layer):
            legs = list(group)
            yield layer, legs[0].a, legs[-1].b, sum(leg.km for leg in legs)

    def back(self) -> Route:
        """The same route the other way."""
        ends = {LOAD: UNLOAD, UNLOAD: LOAD}
        legs = (
            replace(leg, a=leg.b, b=leg.a, layer=ends.get(leg.layer, leg.layer))
            for leg in reversed(self.legs)
        )
        return replace(self, legs=tuple(legs))

    def words(self) -> str:
        """The route in words: ``rail 1435 SEOUL → DANDONG 560 km; road DANDONG → …``."""
        told = [
            f"{_layer_words(layer)} {a} → {b} {km:,.0f} km"
            for layer, a, b, km in self.stretches()
        ]
        return "; ".join(told) or "no way to go: origin and destination are one place"


@dataclass(frozen=True, eq=False)
class Skim:
    """What the least-cost routes between R places take.

    Attributes
    ----------
    nodes : tuple of str
        R codes, the order of rows (origins) and columns (destinations).
    generalised, usd_per_tonne : ndarray, shape (R, R)
        USD per tonne; infinite where there is no route, 0 on the diagonal.
    days, km : ndarray, shape (R, R)
    """

    nodes: tuple[str, ...]
    generalised: Array
    usd_per_tonne: Array
    days: Array
    km: Array


def route(
    network: Network,
    shipment: Shipment,
    origin: str,
    destination: str,
    weigh: Weigh = "cost",
) -> Route:
    """The best route of a shipment from one place to another.

    Parameters
    ----------
    network : Network
    shipment : Shipment
    origin, destination : str
        Codes of places.
    weigh : str
        ``cost``: least generalised cost; ``time``: least hours.

    Raises
    ------
    InputError
        No such place (with the nearest).
    RouteError
        No route: how far one gets and which closed or reserved edges would lead on.
    """
    for code in (origin, destination):
        network.node(code)
    if weigh not in ("cost", "time"):
        raise InputError(f"routes are weighed by cost or time, not by '{weigh}'.")
    graph = graph_of(network)
    if origin == destination:
        return route_of(graph, shipment, [])
    weight = graph.hours if weigh == "time" else graph.generalised(shipment)
    ahead = leads(*(graph.held[graph.index[code]] for code in (origin, destination)))
    first, last = (origin, destination) if ahead else (destination, origin)
    permits = graph.concerned(first, last)
    distance, arc = graph.shortest(weight, np.array([graph.index[first]]), permits)
    sink = graph.index[last] + len(graph.codes)
    if not np.isfinite(distance[0, sink]):
        raise RouteError(_why_not(graph, permits, origin, destination))
    found = route_of(graph, shipment, graph.way(arc[0], sink))
    return found if ahead else found.back()


def skim(network: Network, shipment: Shipment, nodes: Sequence[str]) -> Skim:
    """What the least-cost routes of a shipment take between many places at once.

    Parameters
    ----------
    network : Network
    shipment : Shipment
    nodes : sequence of str
        R codes, in the order of the result.

    Returns
    -------
    Skim
        The figures of `route` for every pair, (R, R); infinite where it finds none.

    Raises
    ------
    InputError
        No such place (with the nearest).
    """
    nodes = tuple(nodes)
    for code in nodes:
        network.node(code)
    graph = graph_of(network)
    at = np.array([graph.index[code] for code in nodes], dtype=np.intp)
    weight, usd = graph.generalised(shipment), graph.usd(shipment)
    values = np.stack([usd, graph.hours / HOURS_PER_DAY, graph.km, graph.scarcity], axis=1)
    found = np.full((len(nodes), len(nodes), 4), np.inf)
    for permits, rows, columns in _groups(graph, at):
        distance, arc = graph.shortest(weight, at[rows], permits)
        sinks = graph.sink(at[columns])
        sums = graph.along(arc, values, sinks)
        sums[~np.isfinite(distance[:, sinks])] = np.inf
        found[np.ix_(columns, rows)] = sums.transpose(1, 0, 2)
        found[np.ix_(rows, columns)] = sums
    found[at[:, None] == at] = 0.0
    freight, days, km, scarce = (np.ascontiguousarray(found[..., k]) for k in range(4))
    generalised = freight + scarce
    there = np.isfinite(days)
    generalised[there] += shipment.value_of_time * shipment.usd_per_tonne * days[there]
    return Skim(nodes, generalised, freight, days, km)


def _groups(graph: Graph, at: Ints) -> Iterator[tuple[Permits, Ints, Ints]]:
    """Permits with the rows and columns of the pairs that have them."""
    held = [graph.held[j] for j in at]
    of = {label: np.flatnonzero([h == label for h in held]) for label in set(held)}
    for row, rows in of.items():
        groups: dict[Permits, list[Ints]] = {}
        for column, columns in of.items():
            if leads(row, column):
                groups.setdefault(row | column, []).append(columns)
        for permits, parts in groups.items():
            yield permits, rows, np.concatenate(parts)


def leads(one: Permits, other: Permits) -> bool:
    """Whether a pair is searched from the place with the first permits, not the second.

    Both ways are the same; a search from more permits serves more pairs. Where one pair is
    always searched from the same end, ties are broken the same way in bulk and one by one.
    """
    return other <= one or (not one <= other and sorted(one) < sorted(other))


def route_of(graph: Graph, shipment: Shipment, arcs: Sequence[int]) -> Route:
    """The route along some arcs of a graph.

    Parameters
    ----------
    graph : Graph
    shipment : Shipment
    arcs : sequence of int
        From a source to a sink; none for a shipment that stays where it is.
    """
    usd = graph.usd(shipment)
    place = graph.place_of
    legs = tuple(
        Leg(
            graph.codes[place[graph.tail[j]]],
            graph.codes[place[graph.head[j]]],
            graph.layer[j],
            float(graph.km[j]),
            float(graph.hours[j]),
            float(usd[j]),
        )
        for j in arcs
    )
    days = math.fsum(leg.hours for leg in legs) / HOURS_PER_DAY
    per_tonne = math.fsum(leg.usd for leg in legs)
    scarcity = math.fsum(float(graph.scarcity[j]) for j in arcs)
    boxed = shipment.kind == "container"
    return Route(
        legs=legs,
        km=math.fsum(leg.km for leg in legs),
        days=days,
        usd_per_teu=per_tonne * shipment.tonnes_per_teu if boxed else math.nan,
        usd_per_tonne=per_tonne,
        generalised=(
            per_tonne + shipment.value_of_time * shipment.usd_per_tonne * days + scarcity
        ),
        scarcity=scarcity,
    )


# -- words ------------------------------------------------------------------------------
def _layer_words(layer: str) -> str:
    return f"rail {layer[4:]}" if mode_of(layer) == "rail" else layer


def great_circle_km(one: Node, other: Node) -> float:
    """Distance as the crow flies (haversine)."""
    lat, lat2 = math.radians(one.lat), math.radians(other.lat)
    half = (lat2 - lat) / 2, math.radians(other.lon - one.lon) / 2
    h = math.sin(half[0]) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin(half[1]) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


def _why_not(graph: Graph, permits: Permits, origin: str, destination: str) -> str:
    """How far one gets from the origin, and what would lead on."""
    network = graph.network
    distance, _ = graph.shortest(graph.hours, np.array([graph.index[origin]]), permits)
    there = np.isfinite(distance[0, graph.sink(np.arange(len(graph.codes)))])
    reached = {code for code, is_there in zip(graph.codes, there, strict=True) if is_there}
    what = f"there is no route from {origin} to {destination}"
    if reached <= {origin}:
        told = f"{what}: no edge that is open leads from {origin}"
    else:
        goal = network.nodes[destination]
        near = min(reached, key=lambda c: (great_circle_km(network.nodes[c], goal), c))
        km = great_circle_km(network.nodes[near], goal)
        told = f"{what}: the nearest place that can be reached is {near}, {km:,.0f} km from it"
    return f"{told}.{_missing_links(graph, permits, reached | {origin})}"


def _missing_links(graph: Graph, permits: Permits, reached: set[str]) -> str:
    """Edges that would lead out of what is reached, and why they do not."""
    found = []
    for edge in graph.network.edges:
        if (edge.a in reached) == (edge.b in reached):
            continue
        if edge.state == "closed":
            found.append(f"{edge} is closed")
        elif not edge.passable:
            found.append(f"{edge} has no capacity")
        elif not graph.allows(edge, permits):
            found.append(f"{edge} is for shipments of {edge.owner} only")
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return f" Of the edges onward, {'; '.join(found[:3])}{more}." if found else ""
