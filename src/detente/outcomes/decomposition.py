"""Where a gain comes from: the exact chained decomposition, and Caliendo & Parro's.

``decomposition`` integrates docs/model.md's differential of ln W along the straight path of
the shock, so its parts add up to ln Ŵ; ``cp_decomposition`` is the one-step formula that
Caliendo & Parro (2015, equation 15) print, with baseline weights and x̂ − 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from detente import model
from detente.equilibrium import Equilibrium, between, solve_point
from detente.world.core import Array, World

#: the gap to ln Ŵ that the number of steps is chosen for
GAP = 1e-6
_FIRST_STEPS, _MOST_STEPS = 10, 640

TERMS = (
    "terms_of_trade",
    "volume_of_trade",
    "trade_technology",
    "links",
    "productivity",
    "labour",
    "deficit",
    "transfer",
    "caps",
)


@dataclass(frozen=True)
class _Levels:
    """One point of the path: weights over income (before d) and levels (after d)."""

    over_income: Array
    exports: Array
    imports: Array
    duties: Array
    spending: Array
    link_value: Array
    factor_income: Array
    tariff: Array
    customs: Array
    log_cost_own: Array
    log_trade_cost: Array
    base: Array
    log_productivity: Array
    log_labour: Array
    deficit: Array
    transfer: Array
    rents: Array
    log_markup: Array


def _levels(eq: Equilibrium) -> _Levels:
    given, world = eq.given, eq.world
    s = eq.solution
    flat = np.zeros((world.n_sectors, world.n_countries))
    cost = model.trade_cost_power(
        world.tariff, given.tariff, given.log_cost, world.trade_elasticity
    )
    hat = None if given.log_productivity is None else np.exp(given.log_productivity)
    kernel = model.link_weight(np.ones_like(world.flows), hat, cost)
    if eq.markup is not None:
        kernel *= eq.markup ** -world.trade_elasticity[:, None, None]
    demand = s.expenditure / np.where(s.price_power > 0, s.price_power, 1.0)
    kernel *= s.cost_power[:, :, None] * demand[:, None, :]
    log_cost = np.log(eq.cost_hat)
    zero = np.zeros_like(world.flows)
    return _Levels(
        over_income=1.0 / eq.income,
        exports=eq.flows.sum(axis=2),
        imports=eq.customs_value,
        duties=eq.tariff * eq.customs_value,
        spending=eq.spending,
        link_value=kernel / world.trade_elasticity[:, None, None],
        factor_income=eq.value_added,
        tariff=eq.tariff,
        customs=eq.customs_value,
        log_cost_own=log_cost,
        log_trade_cost=zero if given.log_cost is None else given.log_cost,
        base=given.base,
        log_productivity=flat if given.log_productivity is None else given.log_productivity,
        log_labour=flat[0] if given.log_labour is None else given.log_labour,
        deficit=s.deficit,
        transfer=given.transfer
        if given.pay is None
        else given.transfer + given.pay @ eq.wage_hat,
        rents=s.rents,
        log_markup=zero if eq.markup is None else np.log(eq.markup),
    )


def _step(world: World, a: _Levels, b: _Levels) -> dict[str, Array]:
    """Each term's share of d ln W over one step, shape (N,), from its own formula."""

    def mean(of: Callable[[_Levels], Array]) -> Array:
        return 0.5 * (of(a) + of(b))

    dc = b.log_cost_own - a.log_cost_own
    theta = world.trade_elasticity[:, None, None]
    imports = mean(lambda x: x.imports * x.over_income)
    spending = mean(lambda x: x.spending * x.over_income)
    tariff = mean(lambda x: x.tariff * x.over_income)
    duties = mean(lambda x: x.duties * x.over_income)
    dt = (b.log_productivity - a.log_productivity)[:, :, None]
    own = mean(lambda x: x.exports * x.over_income) * dc
    income = mean(lambda x: x.over_income)
    markup = spending * (b.log_markup - a.log_markup)
    return {
        "terms_of_trade": own.sum(axis=0) - np.einsum("sin,si->n", imports, dc),
        "volume_of_trade": np.sum(tariff * (b.customs - a.customs), axis=(0, 1))
        - np.einsum("sin,si->n", duties, dc),
        "trade_technology": -np.sum(
            spending * (b.log_trade_cost - a.log_trade_cost), axis=(0, 1)
        ),
        "links": np.sum(
            mean(lambda x: x.link_value * x.over_income) * (b.base - a.base), axis=(0, 1)
        ),
        "productivity": np.sum(spending / theta * dt, axis=(0, 1)),
        "labour": mean(lambda x: x.factor_income * x.over_income)
        * (b.log_labour - a.log_labour),
        "deficit": income * (b.deficit - a.deficit),
        "transfer": income * (b.transfer - a.transfer),
        "caps": income * (b.rents - a.rents) - markup.sum(axis=(0, 1)),
    }


def decomposition(eq: Equilibrium, gap: float = GAP) -> pd.DataFrame:
    """docs/model.md's exact chained decomposition of ln Ŵ.

    Parameters
    ----------
    eq : Equilibrium
    gap : float
        Steps are doubled from 10 until the largest |ln Ŵ − Σ parts| is below it (or 640
        steps). Each term is extrapolated from its own sums at k and k/2 steps.

    Returns
    -------
    DataFrame
        One row per country: every term of ``TERMS`` in log points, their ``total``,
        ``log_welfare`` = ln Ŵ from the solution itself, and ``gap`` = ln Ŵ − total, which
        is printed and never allocated. ``attrs["steps"]`` is the number of steps.
    """
    world = eq.world
    target = np.log(eq.welfare_hat)
    path: dict[float, Equilibrium] = {1.0: eq}
    steps = _FIRST_STEPS
    coarse = _chained(world, eq, path, steps)
    while True:
        steps *= 2
        fine = _chained(world, eq, path, steps)
        # the error of midpoint weights has even powers of 1/k only (Richardson 1911)
        parts = {term: (4.0 * fine[term] - coarse[term]) / 3.0 for term in TERMS}
        total = np.sum([parts[t] for t in TERMS], axis=0)
        if np.abs(target - total).max() <= gap or steps >= _MOST_STEPS:
            break
        coarse = fine
    table = pd.DataFrame(parts, index=pd.Index(world.countries, name="country"))
    table["total"] = total
    table["log_welfare"] = target
    table["gap"] = target - total
    table.attrs["steps"] = steps
    return table


def _chained(
    world: World, eq: Equilibrium, path: dict[float, Equilibrium], steps: int
) -> dict[str, Array]:
    """Sum the steps; points solved for a coarser path are used again."""
    sums = {term: np.zeros(world.n_countries) for term in TERMS}
    last: _Levels | None = None
    start = None
    for j in range(steps + 1):
        # nodes crowd at both ends, where links that open from nothing or close bend most
        share = math.sin(0.5 * math.pi * (j / steps)) ** 2
        if share not in path:
            given = between(world, eq.given, share)
            path[share] = solve_point(
                world, eq.shocks, given, eq.certificate.tolerance, start=start
            )
        start = path[share].solution
        now = _levels(path[share])
        if last is not None:
            for term, value in _step(world, last, now).items():
                sums[term] += value
        last = now
    return sums


def cp_decomposition(eq: Equilibrium) -> pd.DataFrame:
    """Caliendo & Parro's one-step welfare formula (their equation 15).

    Baseline weights, and x̂ − 1 in place of d ln x: this is what their tables print. It
    is a first-order sum, not real income; see :func:`decomposition` for that.

    Returns
    -------
    DataFrame
        ``terms_of_trade``, ``volume_of_trade``, ``welfare`` (their sum) and
        ``real_wage`` (exact, ŵ/Πₛ P̂^α − 1), as shares (0.01 is 1 %).
    """
    world = eq.world
    cost = eq.cost_hat - 1.0
    before = world.flows
    own = np.einsum("sin,si->i", before, cost)
    source = np.einsum("sin,si->n", before, cost)
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.where(before > 0, eq.customs_value / before - 1.0, 0.0)
    duties = world.tariff * before
    volume = np.einsum("sin,sin->n", duties, growth) - np.einsum("sin,si->n", duties, cost)
    table = pd.DataFrame(
        {
            "terms_of_trade": (own - source) / world.income,
            "volume_of_trade": volume / world.income,
        },
        index=pd.Index(world.countries, name="country"),
    )
    table["welfare"] = table["terms_of_trade"] + table["volume_of_trade"]
    table["real_wage"] = eq.wage_hat / eq.final_price_hat - 1.0
    return table
