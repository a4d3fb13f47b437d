"""From network to trade cost: what a corridor changes on every link of a world.

For a sector s with value v a tonne, regions a, b and a network (docs/trade-cost.md):

- generalised cost g = freight + value of time · v · days, USD per tonne, cheapest route;
  trade cost by land and sea τ = 1 + g/v;
- relative trade of economies i, n at given sizes, the CES of the model over regional pairs:
  Φ = Σ share_a·share_b·distance_ab^−κ·τ_ab^−θ;
- d̂ = (air + (1 − air)·Φ′/Φ)^(−1/θ), which is (Σ w·d̂_ab^−θ)^(−1/θ) with d̂_ab = τ′/τ and w
  each regional pair's share in Φ, while what flies (air, a share of value) stays as it is.

The value of a day is Hummels & Schaur's (2013); the CES over pairs is the gravity equation of
Eaton & Kortum (2002) summed over regions with common θ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detente.corridors.costgoods import SMALLEST_TONNES
from detente.corridors.costload import (
    baseline_loads,
    no_loads,
    priced_anew,
    with_capacities,
)
from detente.corridors.costpairs import (
    Access,
    Regions,
    access,
    by_shipment,
    mean_over,
    regions_of,
    shipment_of,
    tonnes_between,
)
from detente.corridors.costpast import Reference, references
from detente.corridors.costsectors import TIME_VALUES, SectorFreight, table_for
from detente.corridors.costskim import Costs, costs_between
from detente.corridors.costtables import Means, change_table, pair_table
from detente.corridors.costtransit import Transit
from detente.corridors.network import Network
from detente.corridors.routes import Shipment
from detente.errors import InputError, nearest
from detente.world.core import Array, World

if TYPE_CHECKING:
    import pandas as pd

    from detente.corridors.costflow import Flowed
    from detente.corridors.network import Key

#: A table of freight by sector, or the path of one.
Sectors = Mapping[str, SectorFreight] | str | Path


@dataclass(frozen=True, eq=False)
class CostChange:
    """What a change of network does to trade costs.

    Attributes
    ----------
    cost_hat : ndarray, shape (S, N, N)
        d̂[s, i, n]; exactly 1 where nothing changes. Home sales are 1.
    loads : DataFrame
        ``edge``, ``layer``, ``mt``, ``capacity_mt``, ``shadow_usd_per_tonne`` of lines that
        can be full, on the network after; empty where no volumes were given.
    remarks : tuple of str
    """

    cost_hat: Array
    loads: pd.DataFrame
    remarks: tuple[str, ...]
    world: World
    trade: Array
    links: Mapping[str, _Link]
    crossing: Transit

    @cached_property
    def means(self) -> Mapping[str, tuple[Means, Means]]:
        """By sector: freight, days and share of value of every pair, before and after."""
        return {code: link.means() for code, link in self.links.items()}

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every link that a network carries: freight, days and share of value, before, after.

        Columns ``exporter``, ``importer``, ``sector``, ``usd_per_tonne_before``,
        ``usd_per_tonne_after``, ``days_before``, ``days_after``, ``ad_valorem_before``,
        ``ad_valorem_after`` (freight and time over value, by land and sea), ``cost_hat`` (air
        included); the largest fall, weighted by trade, first.
        """
        return change_table(self.world, self.cost_hat, self.means, self.trade)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Pairs of economies, sectors weighted by trade (equally where they trade nothing)."""
        return pair_table(self.table, self.world, self.trade)

    @cached_property
    def transit(self) -> pd.DataFrame:
        """Shipments by land through a country whose lines the projects opened or improved.

        Those of other economies, on the network after, whose way there uses a land edge
        inside the country that is new or other than before. Columns ``country`` (ISO3),
        ``exporter``, ``importer``, ``kilotonnes`` a year, ``teu`` (20 tonnes of bulk are
        one), ``saved_usd_per_teu`` (freight and time against before, NaN where no route led).
        """
        return self.crossing.table()


def cost_change(
    world: World,
    before: Network,
    after: Network,
    volumes: Array | None = None,
    *,
    sectors: Sectors | None = None,
    value_of_time: str = "central",
) -> CostChange:
    """Trade costs on another network, relative to those before.

    Parameters
    ----------
    world : World
        Its economies' regions are the network's places (`Network.regions`).
    before, after : Network
    volumes : ndarray, shape (S, N, N), optional
        Million USD a year that links carry, by air too. With them capacities count, on both
        networks at the same volumes, and d̂ rests on the average cost that shippers pay; a
        line has room for what the baseline's own trade lays on it. Without, lines are never
        full.
    sectors : mapping, str or Path, optional
        Freight by sector, or a csv of it; the embedded table where not given.
    value_of_time : str
        ``central``, ``low`` or ``high``: which value of a day.

    Returns
    -------
    CostChange

    Raises
    ------
    InputError
        A pair that the network linked before and links no more; a sector table that does not
        fit; an unknown ``value_of_time``.
    """
    if value_of_time not in TIME_VALUES:
        raise InputError(
            f"the value of time is central, low or high, not '{value_of_time}'.",
            nearest=nearest(value_of_time, TIME_VALUES),
        )
    rows, remarks = table_for(world.sectors, sectors)
    task = _Task(world, before, after, rows, TIME_VALUES[value_of_time])
    remarks += task.uncovered()
    costs = _both_costs(task, volumes)
    cost_hat = np.ones_like(world.flows)
    links: dict[str, _Link] = {}
    told = _Told()
    for code in rows:
        s = world.sector_index(code)
        cost_hat[s], links[code] = _sector(task, code, costs, told)
    trade = world.flows if volumes is None else np.asarray(volumes, dtype=np.float64)
    crossing = _crossing(task, costs, trade)
    cost_hat.flags.writeable = False
    remarks += tuple(told.remarks(task, costs))
    return CostChange(cost_hat, costs.loads, remarks, world, trade, links, crossing)


# -- what is to be done --------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class _Task:
    world: World
    before: Network
    after: Network
    rows: Mapping[str, SectorFreight]
    time: str

    @cached_property
    def regions(self) -> Regions:
        return regions_of(self.world, self.before)

    @cached_property
    def shipments(self) -> dict[Shipment, tuple[str, ...]]:
        return by_shipment(self.rows, self.time)

    @cached_property
    def linked(self) -> NDArray[np.bool_]:
        """Pairs of two economies that the network has; home sales are not its own."""
        covered = self.regions.covered
        return covered[:, None] & covered & ~np.eye(len(covered), dtype=bool)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        return tuple(references(self.world, self.before, self.regions))

    def costs(self, network: Network) -> dict[Shipment, Costs]:
        """Of every shipment, on the cheapest routes."""
        return {k: costs_between(network, k, self.regions.codes) for k in self.shipments}

    @cached_property
    def routed(self) -> NDArray[np.bool_]:
        """Regional pairs over which trade is spread: a route before, or else one after."""
        share, key = self.regions.share, next(iter(self.shipments))
        codes = self.regions.codes
        one, two = (
            np.isfinite(costs_between(net, key, codes).least)
            for net in (self.before, self.after)
        )
        opened = (share @ one @ share.T == 0).astype(float)
        both: NDArray[np.bool_] = one | (two & (share.T @ opened @ share > 0))
        return both

    def tonnes(self, volumes: Array) -> dict[Shipment, Array]:
        """Tonnes of every shipment between regions by land and sea; no home sales."""
        found: dict[Shipment, Array] = {}
        for key, codes in self.shipments.items():
            sent = [
                (1.0 - self.rows[c].air_share) * volumes[self.world.sector_index(c)]
                for c in sorted(codes)
            ]
            value = np.where(self.linked, np.add.reduce(sent), 0.0)
            tonnes = 1e6 * value / key.usd_per_tonne
            found[key] = tonnes_between(self.regions, self.routed, tonnes)
        return found

    def theta(self, code: str) -> float:
        return float(self.world.trade_elasticity[self.world.sector_index(code)])

    def shipment(self, code: str) -> Shipment:
        return shipment_of(self.rows[code], self.time)

    def access(self, code: str, costs: Costs) -> Access:
        return access(self.regions, costs, self.rows[code], self.theta(code))

    def uncovered(self) -> tuple[str, ...]:
        covered = self.regions.covered
        missing = [c for n, c in enumerate(self.world.countries) if not covered[n]]
        if not missing:
            return ()
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        return (
            f"the network has no place in {', '.join(missing[:6])}{more}: costs there stay.",
        )


@dataclass(frozen=True)
class _BothCosts:
    before: Mapping[Shipment, Costs]
    after: Mapping[Shipment, Costs]
    loads: pd.DataFrame
    behind: float = 0.0
    over: Mapping[Key, float] = field(default_factory=dict)
    flowed: Flowed | None = None
    after_as: Network | None = None


def _both_costs(task: _Task, volumes: Array | None) -> _BothCosts:
    """Costs of every shipment on both networks, with capacities where volumes are given."""
    nets = (task.before, task.after)
    if volumes is None or not task.shipments:
        one, two = (task.costs(net) for net in nets)
        return _BothCosts(one, two, no_loads())
    sent = np.asarray(volumes, dtype=np.float64)
    if sent.shape != task.world.flows.shape or not (np.isfinite(sent) & (sent >= 0)).all():
        raise InputError(
            "volumes are million USD by sector, exporter and importer, none below 0."
        )
    known = baseline_loads(task.before, task.regions, task.tonnes(task.world.flows))
    over = {k: mt for k, mt in known.items() if mt > task.before.by_key[k].capacity_mt}
    tonnes = task.tonnes(sent)
    first, last = (with_capacities(net, task.regions, tonnes, over) for net in nets)
    loads, priced = last.loads, priced_anew(task.before, task.after, last.loads)
    if priced is not task.after:
        last = with_capacities(priced, task.regions, tonnes, over)
    return _BothCosts(
        first.costs, last.costs, loads, last.behind, over, last.flowed, after_as=priced
    )


def baseline_shadows(world: World, network: Network) -> pd.DataFrame:
    """What room costs where the world's own trade meets every line's stated capacity.

    Parameters
    ----------
    world : World
    network : Network
        Without prices of room: they are what is sought.

    Returns
    -------
    DataFrame
        As ``CostChange.loads``.
    """
    rows, _ = table_for(world.sectors, None)
    task = _Task(world, network, network, rows, TIME_VALUES["central"])
    return with_capacities(network, task.regions, task.tonnes(world.flows), {}).loads


def _crossing(task: _Task, costs: _BothCosts, trade: Array) -> Transit:
    tonnes = task.tonnes(trade)
    both = (costs.before, costs.after)
    nets = (task.before, costs.after_as or task.after)
    return Transit(task.world, task.regions, nets, tonnes, both, costs.flowed)


# -- one sector ------------------------------------------------------------------------------
def _sector(task: _Task, code: str, costs: _BothCosts, told: _Told) -> tuple[Array, _Link]:
    """d̂ of one sector, shape (N, N), and what its means are made of."""
    key, air = task.shipment(code), task.rows[code].air_share
    one, two = costs.before[key], costs.after[key]
    near, nearer = task.access(code, one), task.access(code, two)
    was, now = near.index, nearer.index
    _refuse_lost(task, was, now)
    told.opened |= task.linked & (was == 0) & (now > 0)
    base, pasts = was, []
    for reference in task.references:
        old = costs_between(reference.network, key, task.regions.codes, reference.near)
        past = task.access(code, old)
        at = task.linked & reference.pairs & _silent(task.world, code) & (past.index > base)
        base = np.where(at, past.index, base)
        pasts.append((at, old, past))
        told.past |= at
    ratio = _relative(was, base, now)
    hat = (1.0 + (1.0 - air) * (ratio - 1.0)) ** (-1.0 / task.theta(code))
    link = _Link(task.regions, task.rows[code], (one, near), (two, nearer), tuple(pasts))
    return np.where(task.linked, hat, 1.0), link


@dataclass(frozen=True, eq=False)
class _Link:
    """What the means of a sector are made of, once somebody asks."""

    regions: Regions
    freight: SectorFreight
    before: tuple[Costs, Access]
    after: tuple[Costs, Access]
    pasts: tuple[tuple[NDArray[np.bool_], Costs, Access], ...]

    def means(self) -> tuple[Means, Means]:
        """Before and after; weights are those before, so that they do not move the mean."""
        (one, near), (two, nearer) = self.before, self.after
        first = self._over(one, near, near)
        for at, old, past in self.pasts:
            if at.any():
                first = first.where(at, self._over(old, past, past))
        return first, self._over(two, near, nearer)

    def _over(self, costs: Costs, weights: Access, instead: Access) -> Means:
        share = costs.generalised / self.freight.usd_per_tonne
        values = (costs.usd_per_tonne, costs.days, share)
        return Means(*(mean_over(self.regions, weights, v, instead) for v in values))


def _relative(was: Array, base: Array, now: Array) -> Array:
    """Φ′/Φ: against the base where things get better, never above it twice.

    ``base`` is Φ on the network that a closed link's past trade went over, at least ``was``.
    What only gives back the base changes nothing; what is worse than before shows.
    """
    worse = now < was
    over = np.where(worse, was, base)
    ratio: Array = np.divide(now, over, out=np.ones_like(now), where=over > 0)
    return np.where(worse, ratio, np.maximum(ratio, 1.0))


def _silent(world: World, code: str) -> NDArray[np.bool_]:
    """Links without trade in the baseline."""
    silent: NDArray[np.bool_] = world.flows[world.sector_index(code)] == 0
    return silent


def _refuse_lost(task: _Task, was: Array, now: Array) -> None:
    lost = np.argwhere(task.linked & (was > 0) & (now == 0))
    if lost.size:
        i, n = (task.world.countries[k] for k in lost[0])
        raise InputError(
            f"the network linked {i} and {n} before and links them no more; to close a link "
            "is another measure's work (impose, close)."
        )


class _Told:
    """What a person should know of single pairs, gathered over sectors."""

    def __init__(self) -> None:
        self.opened: Any = False
        self.past: Any = False

    def remarks(self, task: _Task, costs: _BothCosts) -> Iterator[str]:
        """One sentence for each kind of pair, and on lines that are fuller than they can be."""
        if costs.over:
            worst = max(costs.over, key=lambda key: costs.over[key])
            yield (
                f"the baseline's trade lays more on {len(costs.over)} lines than their "
                f"capacity, most on {worst[0]}–{worst[1]} ({costs.over[worst]:.3g} million "
                "tonnes a year): they are taken to have room for that, and for no more."
            )
        if costs.behind > SMALLEST_TONNES:
            yield (
                f"{costs.behind / 1e6:.3g} million tonnes a year find no line with room: every "
                "route that they have is full, and their costs are those of what is carried."
            )
        if np.any(self.opened):
            yield (
                f"no route led between {_listed(task.world, self.opened)} before: what "
                "opens them is another measure, and their costs are those of the network after."
            )
        if np.any(self.past):
            days = ", ".join(str(r.day.year) for r in task.references)
            yield (
                f"links of {_listed(task.world, self.past)} that carry nothing now are held "
                f"against the network of the year that their past trade is of ({days}), so "
                "that a road that this trade used does not count twice."
            )


def _listed(world: World, pairs: NDArray[np.bool_]) -> str:
    both = np.argwhere(np.triu(pairs | pairs.T))
    names = [f"{world.countries[i]}–{world.countries[n]}" for i, n in both]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


# -- single regions ----------------------------------------------------------------------------
def region_change(
    world: World,
    before: Network,
    after: Network,
    origin: str,
    destination: str,
    *,
    sectors: Sectors | None = None,
    value_of_time: str = "central",
) -> pd.DataFrame:
    """Trade costs of two single places before and after, by sector.

    Parameters
    ----------
    world : World
        For sectors and elasticities.
    before, after : Network
    origin, destination : str
        Places of the network.
    sectors, value_of_time
        As in `cost_change`.

    Returns
    -------
    DataFrame
        ``sector``, ``usd_per_tonne_before``, ``usd_per_tonne_after``, ``days_before``,
        ``days_after``, ``ad_valorem_before``, ``ad_valorem_after``, ``cost_hat`` and
        ``trade_hat`` = d̂^−θ, the change of trade before prices and incomes move.
    """
    import pandas as pd  # noqa: PLC0415

    rows, _ = table_for(world.sectors, sectors)
    task = _Task(world, before, after, rows, TIME_VALUES[value_of_time])
    pair = (before.node(origin).code, before.node(destination).code)
    found = []
    for code, freight in rows.items():
        one, two = (costs_between(net, task.shipment(code), pair) for net in (before, after))
        value, theta = freight.usd_per_tonne, task.theta(code)
        tau = [1.0 + c.generalised[0, 1] / value for c in (one, two)]
        trade = 1.0 + (1.0 - freight.air_share) * ((tau[1] / tau[0]) ** -theta - 1.0)
        row: dict[str, Any] = {"sector": code}
        for when, costs, cost in zip(("before", "after"), (one, two), tau, strict=True):
            row |= {
                f"usd_per_tonne_{when}": costs.usd_per_tonne[0, 1],
                f"days_{when}": costs.days[0, 1],
                f"ad_valorem_{when}": cost - 1.0,
            }
        found.append(row | {"cost_hat": trade ** (-1.0 / theta), "trade_hat": trade})
    return pd.DataFrame(found)


def with_time_value(
    rows: Mapping[str, SectorFreight], share: float
) -> dict[str, SectorFreight]:
    """The table with one value of a day for every sector (0: freight alone counts).

    Parameters
    ----------
    rows : mapping of str to SectorFreight
    share : float
        Share of value a day.
    """
    return {
        code: replace(row, value_of_time=share, low=share, high=share)
        for code, row in rows.items()
    }
