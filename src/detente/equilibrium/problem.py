"""From a world and its shocks to the arrays that the solver needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detente import model
from detente.caps import CapLinks
from detente.shocks import Cap, Shocks
from detente.solver import Problem
from detente.world.core import Array, World
from detente.world.feasibility import require_feasible
from detente.world.rebase import baseline_problem

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Exogenous:
    """What the scenario sets, in the variables that equations 2 to 6 read.

    ``base`` is b (S, N, N); ``tariff`` t′ and ``log_cost`` ln d̂ likewise (None:
    unchanged); ``log_productivity`` ln T̂ (S, N); ``log_labour`` ln L̂ (what is hired away
    taken out), ``deficit`` D′ and ``transfer`` (payments too) (N,). ``pay`` (N, N): what n
    receives for each unit of ŵ[m] where factors are hired; columns sum to zero.
    """

    base: Array
    tariff: Array | None
    log_cost: Array | None
    log_productivity: Array | None
    log_labour: Array | None
    deficit: Array
    transfer: Array
    pay: Array | None = None
    caps: tuple[Cap, ...] = ()
    proportional_to: str | None = None


def exogenous(world: World, shocks: Shocks) -> Exogenous:
    """The scenario's end point on a world that is re-based for its deficit rule."""

    def log_of(hat: Array | None) -> Array | None:
        return None if hat is None else np.log(hat)

    deficit = world.deficit
    if shocks.deficit_rule in ("balanced", "balanced_as_shock"):
        deficit = np.zeros(world.n_countries)
    elif shocks.deficit_rule == "path" and shocks.deficit_path is not None:
        deficit = shocks.deficit_path
    none = np.zeros(world.n_countries)
    base = model.link_base(
        world.trade_share, shocks.link, shocks.link_open, shocks.dormant_share
    )
    return Exogenous(
        base=_close_capped(world, base, shocks.caps),
        tariff=shocks.tariff_new,
        log_cost=log_of(shocks.cost_hat),
        log_productivity=log_of(shocks.productivity_hat),
        log_labour=log_of(_labour(world, shocks)),
        pay=_pay(shocks.hired),
        deficit=deficit,
        transfer=sum((a for a in (shocks.transfer, shocks.payment) if a is not None), none),
        caps=tuple(cap for cap in shocks.caps if cap.quantity > 0),
        proportional_to=(
            shocks.proportional_to if shocks.deficit_rule == "proportional" else None
        ),
    )


def _labour(world: World, shocks: Shocks) -> Array | None:
    """L̂ of what is left to make goods, (N,)."""
    if shocks.hired is None:
        return shocks.labour_hat
    hired: Array = shocks.hired.sum(axis=1) / world.value_added
    return (1.0 if shocks.labour_hat is None else shocks.labour_hat) - hired


def _pay(hired: Array | None) -> Array | None:
    """What n receives for each unit of ŵ[m], (N, N): m is paid for its factors, by payers."""
    if hired is None:
        return None
    paid: Array = np.diag(hired.sum(axis=1)) - hired.T
    return paid if paid.any() else None


def build_problem(world: World, given: Exogenous, check: bool = True) -> Problem:
    """The solver's problem for one point; ``check`` looks for what cannot be solved.

    Raises
    ------
    NoSolutionError
        A needed good without a supplier, or a block whose payments cannot balance.
    """
    base = baseline_problem(world, given.deficit)
    cost = model.trade_cost_power(
        world.tariff, given.tariff, given.log_cost, world.trade_elasticity
    )
    hat = None if given.log_productivity is None else np.exp(given.log_productivity)
    untouched = cost is None and hat is None and given.base is world.trade_share
    if untouched and not given.caps:
        weight, net = base.weight, base.weight_net
    else:
        weight = model.link_weight(given.base, hat, cost)
        net = 1.0 + (world.tariff if given.tariff is None else given.tariff)
        np.divide(weight, net, out=net)
    caps = tuple(_cap_links(world, cap, weight) for cap in given.caps)
    labour = world.value_added
    if given.log_labour is not None:
        labour = labour * np.exp(given.log_labour)
    problem = replace(
        base,
        weight=weight,
        weight_net=net,
        factor_base=labour,
        transfer=given.transfer,
        pay=given.pay,
        caps=tuple(c for c in caps if c is not None),
        proportional=_index(world, given.proportional_to),
    )
    return replace(problem, blocks=require_feasible(world, problem)) if check else problem


def _index(world: World, country: str | None) -> int | None:
    return None if country is None else world.country_index(country)


def cap_positions(world: World, cap: Cap) -> tuple[int, Positions, Positions]:
    """Sector, and exporter and importer of every foreign link that a cap names."""
    exporters = [world.country_index(c) for c in cap.exporters]
    importers = [world.country_index(c) for c in cap.importers]
    i, n = (x.ravel() for x in np.meshgrid(exporters, importers, indexing="ij"))
    return world.sector_index(cap.sector), i[i != n], n[i != n]


def _close_capped(world: World, base: Array, caps: tuple[Cap, ...]) -> Array:
    """A cap of zero is a ban: it takes the link's b to zero."""
    closed = [cap_positions(world, cap) for cap in caps if cap.quantity == 0]
    if closed:
        base = base.copy()
        for s, i, n in closed:
            base[s, i, n] = 0.0
    return base


def _cap_links(world: World, cap: Cap, weight: Array) -> CapLinks | None:
    s, i, n = cap_positions(world, cap)
    live = weight[s, i, n] > 0
    i, n = i[live], n[live]
    if not i.size:
        return None
    owner = np.zeros((i.size, world.n_countries))
    rows = np.arange(i.size)
    if not isinstance(cap.owner, str):
        for code, share in cap.owner:
            owner[:, world.country_index(code)] += share
    elif cap.owner == "importer":
        owner[rows, n] = 1.0
    elif cap.owner == "exporter":
        owner[rows, i] = 1.0
    elif cap.owner != "burnt":
        owner[rows, world.country_index(cap.owner)] = 1.0
    return CapLinks(s, i, n, cap.quantity, owner)
