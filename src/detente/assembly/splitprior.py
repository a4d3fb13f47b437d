"""What a new country's cells would be if nothing but sizes and patterns were known.

Inputs and final demand are the donor's, at the new country's size. Trade follows the
aggregate's, sector by sector, where the country is a part of one, and else what its partners
buy and sell abroad.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.assembly.donor import Donor
from detente.assembly.splitjoin import Levels
from detente.assembly.splitspec import SplitSpec
from detente.assembly.splittables import KnownTrade
from detente.errors import InputError
from detente.world.core import World

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Prior of a flow of which the pattern has none, as a share of what is beside it.
SMALL = 1e-3


@dataclass(frozen=True)
class Setting:
    """What a problem is made of.

    Attributes
    ----------
    spec : SplitSpec
    world : World
        Labels of the axes.
    levels : Levels
        The world's money; excess already moved.
    aggregate : int or None
        Position of the aggregate that the country is a part of.
    donor : Donor
    added : ndarray, shape (S,)
        Value added, million USD.
    trade : KnownTrade
    tariff_in : ndarray, shape (S, N)
        [s, i]: the rate that the new country charges i.
    """

    spec: SplitSpec
    world: World
    levels: Levels
    aggregate: int | None
    donor: Donor
    added: Array
    trade: KnownTrade
    tariff_in: Array

    @property
    def made(self) -> Mask:
        """Sectors that the new country has."""
        found: Mask = self.added > 0
        return found

    @property
    def output(self) -> Array:
        """Output at the donor's share of value added, (S,)."""
        share = np.where(self.made, self.donor.value_added_share, 1.0)
        found: Array = self.added / share
        return found

    @property
    def whole(self) -> Mask:
        """Sectors whose value added is all that the aggregate has: it makes no other."""
        if self.aggregate is None:
            return np.zeros(len(self.added), dtype=bool)
        there = self.levels.value_added[:, self.aggregate]
        return self.made & (self.added >= there * (1 - 1e-12))


@dataclass(frozen=True)
class Priors:
    """Priors of the cells, million USD.

    Attributes
    ----------
    inputs : ndarray, shape (S, S)
    final, home, rest, floor : ndarray, shape (S,)
        Final demand above its floor, home sales, what the rest of the aggregate sells
        itself, the floor.
    exports, imports : ndarray, shape (S, N)
    """

    inputs: Array
    final: Array
    home: Array
    rest: Array
    exports: Array
    imports: Array
    floor: Array


# -- priors ------------------------------------------------------------------------------
def priors(setting: Setting, loose: bool = False) -> Priors:
    """Inputs and final demand from the donor, trade from patterns.

    Parameters
    ----------
    setting : Setting
    loose : bool
        Give a small prior to what the pattern has none of: final demand that the donor does
        not have, trade with the rest of the aggregate in a sector that the aggregate sells to
        nobody else, or with partners that trade none of a sector with others. What is stated
        may ask for it.
    """
    spec, output = setting.spec, setting.output
    inputs = setting.donor.input_share * output[None, :]
    if setting.aggregate is None:
        exports, imports = _outside(setting, loose)
    else:
        exports, imports = _inside(setting, inputs, loose)
    demand = _demand(setting, exports, imports)
    floor = np.full(len(output), demand * spec.model.final_demand.floor)
    sold = _sold(setting, exports)
    least = spec.model.trade.least_home_sales
    home = np.where(setting.made, np.maximum(output - sold, least * (output + sold)), 0.0)
    rest = np.zeros_like(output)
    if setting.aggregate is not None:
        a = setting.aggregate
        # a floor takes no more than half of what the aggregate has
        floor = np.minimum(floor, 0.5 * setting.levels.final[:, a])
        own = setting.levels.flows[:, a, a]
        rest = np.maximum(own - home - exports[:, a] - imports[:, a], 1e-3 * own)
    final = np.maximum(setting.donor.final_share, SMALL if loose else 0.0) * demand
    return Priors(inputs, final, home, rest, exports, imports, floor)


def _sold(setting: Setting, exports: Array) -> Array:
    """Exports by sector: stated, or else of the pattern."""
    stated, whole = setting.trade.by_sector("exports", exports.shape)
    found: Array = np.where(whole, stated, exports.sum(axis=1))
    return found


def stated_total(trade: KnownTrade, flow: str, shape: tuple[int, int]) -> float | None:
    """A flow's total: one row's, or that of rows which cover all sectors, or all partners."""
    sums = [each for each in trade.sums if each.flow == flow]
    for each in sums:
        if (each.sectors.size, each.partners.size) == shape:
            return each.value
    values, covered = trade.by_sector(flow, shape)
    total, covered = float(values[covered].sum()), covered.copy()
    for each in sums:
        if each.partners.size == shape[1] and not covered[each.sectors].any():
            covered[each.sectors] = True
            total += each.value
    if covered.all():
        return total
    total, covered = 0.0, np.zeros(shape[1], dtype=bool)
    for each in sums:
        if each.sectors.size == shape[0] and not covered[each.partners].any():
            covered[each.partners] = True
            total += each.value
    return total if covered.all() else None


def _demand(setting: Setting, exports: Array, imports: Array) -> float:
    """Final demand: stated; else value added, what is imported net and the duty on it."""
    spec = setting.spec
    if spec.model.final_demand.total is not None:
        return spec.model.final_demand.total * spec.factor
    added, duty = float(setting.added.sum()), float((setting.tariff_in * imports).sum())
    if spec.model.trade.balance is not None:
        return added - spec.model.trade.balance * spec.factor + duty
    totals = [
        stated_total(setting.trade, flow, exports.shape) for flow in ("exports", "imports")
    ]
    out, in_ = (
        float(pattern.sum()) if total is None else total
        for total, pattern in zip(totals, (exports, imports), strict=True)
    )
    return max(added + in_ - out + duty, 0.05 * added)


def _outside(setting: Setting, loose: bool) -> tuple[Array, Array]:
    """Trade of a country that the world lacks: as its partners buy and sell abroad."""
    flows = setting.levels.flows
    abroad = flows * ~np.eye(flows.shape[1], dtype=bool)[None]
    patterns = {"exports": abroad.sum(axis=1), "imports": abroad.sum(axis=2)}
    found = []
    for flow, pattern in patterns.items():
        total = stated_total(setting.trade, flow, pattern.shape)
        if total is None:
            raise InputError(
                f"the table of trade states no total of {flow}: a row with partner all and "
                "sector all, or one for every sector, or one for every partner.",
                setting.spec.place("trade"),
            )
        least = SMALL * pattern.max(axis=1, keepdims=True) if loose else 0.0
        found.append(_followed(setting, flow, np.maximum(pattern, least), total))
    return found[0], found[1]


def _inside(setting: Setting, inputs: Array, loose: bool) -> tuple[Array, Array]:
    """Trade of a part of an aggregate: a part of the aggregate's, sector by sector.

    What the country sells to, or buys from, what is left of the aggregate is to its home
    sales as the aggregate's trade with others is to its own sales: an assumption, for want
    of anything better, that a row with the aggregate as partner replaces.
    """
    a, levels = setting.aggregate, setting.levels
    flows = levels.flows
    made, bought = flows[:, a].sum(axis=1), flows[:, :, a].sum(axis=1)
    share_made = _ratio(setting.output, made)
    spent = (flows[:, :, a] * (1.0 + levels.tariff[:, :, a])).sum(axis=1)
    uses = inputs.sum(axis=1) + setting.donor.final_share * _size(setting)
    share_bought = np.minimum(_ratio(uses, spent), 1.0)
    outward = np.maximum(1.0 - _ratio(flows[:, a, a], made), SMALL if loose else 0.0)
    exports = flows[:, a, :] * np.minimum(share_made, 1.0)[:, None]
    imports = flows[:, :, a] * share_bought[:, None]
    exports[:, a] *= outward
    imports[:, a] *= np.where(bought > 0, outward, 0.0)
    return (
        _followed(setting, "exports", exports, None),
        _followed(setting, "imports", imports, None),
    )


def _size(setting: Setting) -> float:
    """Final demand of a part of the aggregate in proportion to value added."""
    a = setting.aggregate
    there = float(setting.levels.value_added[:, a].sum())
    return float(setting.levels.final[:, a].sum()) * float(setting.added.sum()) / there


def _followed(setting: Setting, flow: str, pattern: Array, total: float | None) -> Array:
    """The pattern that unknown cells follow: the table's own, or this one with its weights."""
    given = setting.trade.prior[flow]
    found: Array = pattern * setting.trade.weight[flow] if given is None else given.copy()
    if total is not None and found.sum() > 0:
        found *= total / found.sum()
    for each in setting.trade.sums:
        if each.flow == flow and each.is_cell:
            found[each.sectors, each.partners] = each.value
    return found


def _ratio(a: Array, b: Array) -> Array:
    found: Array = np.divide(a, b, out=np.zeros_like(b), where=b > 0)
    return found
