"""Capacities: what shipments cost where lines are full."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from detente.corridors.costflow import LOAD_COLUMNS, Flowed, cheapest_loads, flow
from detente.corridors.costpairs import Regions
from detente.corridors.costskim import Costs, costs_between
from detente.corridors.network import Key, Network
from detente.corridors.routes import Shipment
from detente.world.core import Array

if TYPE_CHECKING:
    import pandas as pd

#: Tonnes a year below which a flow is left out of the capacity count.
SMALLEST_TONNES = 10.0
Tonnes = Mapping[Shipment, Array]


@dataclass(frozen=True, eq=False)
class Loaded:
    """Costs with capacities, and what lies on the lines.

    Attributes
    ----------
    costs : mapping of Shipment to Costs
    loads : DataFrame
        As `assign.Assignment.loads`, of lines that can be full.
    behind : float
        Tonnes a year that no line has room for; what they would pay is unknown, so that their
        costs are those of what is carried, or of the cheapest route.
    """

    costs: Mapping[Shipment, Costs]
    loads: pd.DataFrame
    behind: float = 0.0


def no_loads() -> pd.DataFrame:
    """The table of loads where capacities are not counted."""
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame(columns=pd.Index(LOAD_COLUMNS))


@dataclass(frozen=True)
class _Asked:
    """Network and tonnes, told apart by content: a baseline is assigned once."""

    content: str
    codes: tuple[str, ...]
    digest: str
    network: Network = field(compare=False)
    regions: Regions = field(compare=False)
    tonnes: Tonnes = field(compare=False)


def _asked(network: Network, regions: Regions, tonnes: Tonnes) -> _Asked:
    digest = hashlib.sha256()
    for key, sent in tonnes.items():
        digest.update(repr(key).encode() + sent.tobytes())
    return _Asked(
        network.content_hash, regions.codes, digest.hexdigest(), network, regions, tonnes
    )


def with_capacities(network: Network, regions: Regions, tonnes: Tonnes) -> Loaded:
    """Average costs that shippers pay once every line holds what it can.

    A shipment whose cheapest route uses no line with a capacity takes it and takes nothing
    from anybody, so only the others are assigned.

    Parameters
    ----------
    network : Network
    regions : Regions
    tonnes : mapping of Shipment to ndarray, shape (R, R)
        A year, from row to column.
    """
    return _assigned(_asked(network, regions, tonnes))


def baseline_loads(network: Network, regions: Regions, tonnes: Tonnes) -> Mapping[Key, float]:
    """What trade lays on lines that can be full if everybody goes the cheapest way.

    Returns
    -------
    dict of edge key to float
        Million tonnes a year.
    """
    return _baseline(_asked(network, regions, tonnes))


def with_room(network: Network, loads: Mapping[Key, float]) -> Network:
    """The network, every line with room for what it is known to carry."""
    raised = tuple(
        replace(e, capacity_mt=loads[e.key]) if loads.get(e.key, 0.0) > e.capacity_mt > 0 else e
        for e in network.edges
    )
    if all(new is old for new, old in zip(raised, network.edges, strict=True)):
        return network
    return Network(network.nodes, raised, network.modes, network.transfers)


@lru_cache(maxsize=16)
def _assigned(asked: _Asked) -> Loaded:
    codes = asked.regions.codes
    costs = {key: costs_between(asked.network, key, codes) for key in asked.tonnes}
    cells, demands, blocks = _demands(asked, costs)
    if not demands:
        return Loaded(costs, no_loads())
    found = flow(asked.network, demands, blocks)
    behind = sum(d[3] * (1.0 - s) for d, s in zip(demands, found.served, strict=True))
    return Loaded(_replaced(costs, cells, found), found.loads, float(behind))


@lru_cache(maxsize=16)
def _baseline(asked: _Asked) -> Mapping[Key, float]:
    codes = asked.regions.codes
    costs = {key: costs_between(asked.network, key, codes) for key in asked.tonnes}
    _, demands, _ = _demands(asked, costs)
    return cheapest_loads(asked.network, demands)


_Cell = tuple[Shipment, int, int]
_Demand = tuple[Shipment, str, str, float]


def _demands(
    asked: _Asked, costs: Mapping[Shipment, Costs]
) -> tuple[list[_Cell], list[_Demand], list[tuple[int, int, int]]]:
    """Shipments whose way uses a line that can be full; sector and economies are a block."""
    network, codes = asked.network, asked.regions.codes
    free = _without_limits(network)
    if free is None:
        return [], [], []
    economy = asked.regions.share.argmax(axis=0).tolist()
    cells, demands, blocks = [], [], []
    for number, (key, sent) in enumerate(asked.tonnes.items()):
        for a, b in _contested(costs[key], costs_between(free, key, codes), sent):
            cells.append((key, a, b))
            demands.append((key, codes[a], codes[b], float(sent[a, b] + sent[b, a])))
            one, two = sorted((economy[a], economy[b]))
            blocks.append((number, one, two))
    return cells, demands, blocks


def _without_limits(network: Network) -> Network | None:
    """The network without lines that can be full; None if it has no such line."""
    kept = tuple(e for e in network.edges if math.isinf(e.capacity_mt))
    if not any(e.passable and math.isfinite(e.capacity_mt) for e in network.edges):
        return None
    return Network(network.nodes, kept, network.modes, network.transfers)


def _contested(costs: Costs, free: Costs, sent: Array) -> list[tuple[int, int]]:
    """Pairs of regions, a before b, whose cheapest route uses a line that can be full."""
    both = sent + sent.T
    needs = free.generalised > costs.generalised * (1.0 + 1e-12)
    pairs = np.argwhere(np.triu(needs & (both >= SMALLEST_TONNES), k=1))
    return [(int(a), int(b)) for a, b in pairs]


def _replaced(
    costs: Mapping[Shipment, Costs], cells: list[_Cell], found: Flowed
) -> dict[Shipment, Costs]:
    """Costs with what the assigned shipments pay in place of the cheapest route's."""
    of: dict[Shipment, list[int]] = {}
    for d in np.flatnonzero(np.isfinite(found.generalised)).tolist():
        of.setdefault(cells[d][0], []).append(d)
    replaced = dict(costs)
    for key, rows in of.items():
        at = np.array([cells[d][1:] for d in rows], dtype=np.intp).T
        replaced[key] = costs[key].paying(
            (at[0], at[1]),
            generalised=found.generalised[rows],
            usd_per_tonne=found.usd_per_tonne[rows],
            days=found.days[rows],
        )
    return replaced
