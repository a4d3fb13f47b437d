"""Capacities: what shipments cost where lines are full."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from detente.corridors.costflow import LOAD_COLUMNS, Flowed, cheapest_loads, flow
from detente.corridors.costgoods import Tonnes
from detente.corridors.costpairs import Regions
from detente.corridors.costskim import Costs, costs_between
from detente.corridors.graph import Ints
from detente.corridors.network import Key, Network, key_of
from detente.corridors.routes import Shipment
from detente.world.core import Array

if TYPE_CHECKING:
    import pandas as pd

PAID = ("generalised", "usd_per_tonne", "days")


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
    flowed : Flowed
        How everything travels.
    """

    costs: Mapping[Shipment, Costs]
    loads: pd.DataFrame
    behind: float
    flowed: Flowed


def no_loads() -> pd.DataFrame:
    """The table of loads where capacities are not counted."""
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame(columns=pd.Index(LOAD_COLUMNS))


@dataclass(frozen=True)
class _Asked:
    """Network, room and tonnes, told apart by content: a baseline is assigned once."""

    content: str
    codes: tuple[str, ...]
    digest: str
    network: Network = field(compare=False)
    regions: Regions = field(compare=False)
    tonnes: Tonnes = field(compare=False)
    room: Mapping[Key, float] = field(compare=False)


def with_capacities(
    network: Network, regions: Regions, tonnes: Tonnes, room: Mapping[Key, float]
) -> Loaded:
    """Average costs that shippers pay once every line holds what it can.

    Where no line is overfull when everybody goes the cheapest way, that is the answer.

    Parameters
    ----------
    network : Network
    regions : Regions
    tonnes : mapping of Shipment to ndarray, shape (R, R)
        A year, from row to column.
    room : mapping of edge key to float
        Million tonnes a year that lines are known to carry, if more than their capacity.
    """
    digest = hashlib.sha256(regions.share.tobytes() + repr(sorted(room.items())).encode())
    for key, sent in sorted(tonnes.items(), key=lambda item: item[0].key):
        digest.update(repr(key).encode() + sent.tobytes())
    found = digest.hexdigest()
    asked = _Asked(network.content_hash, regions.codes, found, network, regions, tonnes, room)
    return _assigned(asked)


def baseline_loads(network: Network, regions: Regions, tonnes: Tonnes) -> Mapping[Key, float]:
    """What trade lays on lines that can be full if everybody goes the cheapest way.

    Returns
    -------
    dict of edge key to float
        Million tonnes a year.
    """
    return cheapest_loads(network, regions.codes, tonnes)


def priced_anew(before: Network, after: Network, loads: pd.DataFrame) -> Network:
    """The network after, lines that had a price of room and got more of it at their new price.

    The price before is what shippers pay for room, and so has to be the one after: dropped, it
    would be counted as saved, and it is only passed on.

    Parameters
    ----------
    before, after : Network
    loads : DataFrame
        Of the network after, the lines' stated capacities counted.
    """
    old = before.by_key
    raised = {
        e.key
        for e in after.edges
        if e.scarcity_usd_t == 0 and e.key in old and old[e.key].scarcity_usd_t > 0
    }
    if not raised:
        return after
    rows = zip(
        loads["a"], loads["b"], loads["layer"], loads["shadow_usd_per_tonne"], strict=True
    )
    shadow = {key_of(a, b, layer): float(price) for a, b, layer, price in rows}
    edges = tuple(
        replace(e, scarcity_usd_t=min(shadow.get(e.key, 0.0), old[e.key].scarcity_usd_t))
        if e.key in raised
        else e
        for e in after.edges
    )
    return Network(after.nodes, edges, after.modes, after.transfers)


@lru_cache(maxsize=16)
def _assigned(asked: _Asked) -> Loaded:
    codes = asked.regions.codes
    costs = {key: costs_between(asked.network, key, codes) for key in asked.tonnes}
    found = flow(asked.network, codes, asked.regions.owner, asked.tonnes, asked.room)
    return Loaded(_replaced(costs, found), found.loads, found.behind, found)


def _picked(found: Flowed, name: str, chosen: Ints) -> Array:
    values: Array = getattr(found, name)
    return values[chosen]


def _replaced(costs: Mapping[Shipment, Costs], found: Flowed) -> dict[Shipment, Costs]:
    """Costs with what shippers pay in place of the cheapest route's, where it is more."""
    goods = found.goods
    dearer = found.generalised > goods.least[found.inside] * (1.0 + 1e-12)
    some = np.flatnonzero(np.isfinite(found.generalised) & dearer)
    replaced = dict(costs)
    for k, key in enumerate(goods.shipments):
        chosen = some[goods.kind[found.inside[some]] == k]
        if chosen.size:
            flows = found.inside[chosen]
            replaced[key] = costs[key].paying(
                (goods.one[flows], goods.other[flows]),
                **{name: partial(_picked, found, name, chosen) for name in PAID},
            )
    return replaced
