"""docs/model.md's equations once more, from a result's arrays alone, for the tests.

Written with plain einsum from the world, the shocks, ŵ, P̂ and X′; nothing here goes
through ``detente.model``. Also random shocks, as wild as a scenario may be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from detente.equilibrium import Equilibrium
from detente.shocks import Cap, Shocks
from detente.world import World

KINDS = (
    "tariff",
    "cost",
    "ban",
    "open",
    "productivity",
    "labour",
    "transfer",
    "payment",
    "hired",
    "caps",
)


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _relative(gap: np.ndarray, *sizes: np.ndarray) -> float:
    """Largest |gap| relative to its own cell; 0/0 is no gap."""
    size = np.max([np.abs(np.broadcast_to(x, gap.shape)) for x in sizes], axis=0)
    return float(np.max(np.divide(np.abs(gap), size, out=np.abs(gap), where=size > 0)))


def link_markup(eq: Equilibrium) -> np.ndarray:
    """1+μ of every link, from the caps and their mark-ups."""
    markup = np.ones_like(eq.world.flows)
    for cap, mu in zip(eq.problem.caps, eq.solution.cap_markup, strict=True):
        markup[cap.sector, cap.exporters, cap.importers] = 1.0 + mu
    return markup


def burnt_links(eq: Equilibrium) -> np.ndarray:
    """Links whose rent nobody gets."""
    burnt = np.zeros(eq.world.flows.shape, dtype=bool)
    for cap in eq.problem.caps:
        burnt[cap.sector, cap.exporters, cap.importers] = ~cap.owner.any(axis=1)
    return burnt


def violations(eq: Equilibrium) -> dict[str, float]:
    """Largest relative violation of every condition that a solution must meet."""
    w, z, sol = eq.world, eq.shocks, eq.solution
    theta = w.trade_elasticity[:, None, None]
    tariff = _or(z.tariff_new, w.tariff)
    spent = np.einsum("sin,sin->sn", w.flows, 1.0 + w.tariff)
    share = w.flows * (1.0 + w.tariff) / np.where(spent > 0, spent, 1.0)[:, None, :]
    kept = share * _or(z.link, 1.0)
    base = kept + _or(z.link_open, 0.0) * np.maximum(_or(z.dormant_share, 0.0) - kept, 0.0)
    dearer = _or(z.cost_hat, 1.0) * (1.0 + tariff) / (1.0 + w.tariff)
    log_cost = w.value_added_share * np.log(eq.wage_hat) + np.einsum(
        "ksi,ki->si", w.input_share, np.log(eq.price_hat)
    )
    markup = link_markup(eq)
    with np.errstate(divide="ignore"):
        term = np.log(base) - theta * (np.log(dearer * markup) + log_cost[:, :, None])
    if z.productivity_hat is not None:
        term = term + np.log(z.productivity_hat)[:, :, None]
    highest = term.max(axis=1, keepdims=True)
    live = np.isfinite(highest[:, 0])
    term = np.exp(term - np.where(np.isfinite(highest), highest, 0.0))
    total = np.einsum("sin->sn", term)
    new = term / np.where(live, total, 1.0)[:, None, :]
    log_power = np.where(live, np.log(np.where(live, total, 1.0)) + highest[:, 0], 0.0)
    hired = _or(z.hired, np.zeros((w.n_countries, w.n_countries)))
    left = _or(z.labour_hat, 1.0) * w.value_added - hired.sum(axis=1)
    X, wage = eq.expenditure, eq.wage_hat * left
    # what each country is paid for factors of its own, less what it pays for others'
    pay = eq.wage_hat * hired.sum(axis=1) - eq.wage_hat @ hired
    customs = new * X[:, None, :] / (1.0 + tariff)
    # a burnt rent is dissipated as an iceberg cost is: the exporter made what is burnt
    flows = np.where(burnt_links(eq), customs, customs / markup)
    Y = np.einsum("sin->si", flows)
    revenue = np.einsum("sin,sin->n", tariff, customs)
    rent = np.zeros(w.n_countries)
    for cap in eq.problem.caps:
        cells = (cap.sector, cap.exporters, cap.importers)
        rent += (customs[cells] - flows[cells]) @ cap.owner
    none = np.zeros(w.n_countries)
    D, transfer = sol.deficit, _or(z.transfer, none) + _or(z.payment, none) + pay
    income = wage + revenue + D + transfer + rent
    wanted = np.einsum("ksi,si->ki", w.input_share, Y) + w.final_share * income
    balance = np.einsum("sin->n", customs) - np.einsum("si->i", Y) - D - transfer - rent
    price_gap = np.where(live, log_power + theta[:, :, 0] * np.log(eq.price_hat), 0.0)
    world_income = w.value_added.sum()
    return {
        "price": _relative(price_gap, np.ones(1)),
        "cost": _relative(log_cost - np.log(eq.cost_hat), np.ones(1)),
        "share": _relative(new - eq.trade_share, np.ones(1)),
        "shares add up": _relative(
            np.where(live, eq.trade_share.sum(axis=1) - 1.0, 0.0), np.ones(1)
        ),
        "flows": _relative(flows - eq.flows, X[:, None, :]),
        "output": _relative(Y - eq.output, Y),
        "expenditure": _relative(wanted - X, wanted, X),
        "revenue": _relative(revenue - eq.solution.tariff_revenue, income),
        "rents": _relative(rent - sol.rents, income),
        "rents add up": abs(float(rent.sum() - (customs - flows).sum())) / world_income,
        "income": _relative(income - eq.income, income),
        "factor market": _relative(np.einsum("si,si->i", w.value_added_share, Y) - wage, wage),
        "trade balance": _relative(balance, np.einsum("si->i", Y)),
        "deficits": abs(float(D.sum())) / world_income,
        "numeraire": abs(float(wage.sum()) / world_income - 1.0),
        "rule": _rule(eq, wage, revenue + transfer + rent),
        "caps": _caps(eq, customs / markup),
    }


def _rule(eq: Equilibrium, wage: np.ndarray, other: np.ndarray) -> float:
    w, z, D = eq.world, eq.shocks, eq.solution.deficit
    world = w.value_added.sum()
    if z.deficit_rule in ("balanced", "balanced_as_shock"):
        return float(np.abs(D).max() / world)
    if z.deficit_rule == "fixed":
        return float(np.abs(D - w.deficit).max() / world)
    if z.deficit_rule == "path":
        return float(np.abs(D - z.deficit_path).max() / world)
    n = w.countries.index(z.proportional_to)
    own = w.deficit[n] * wage[n] / w.value_added[n]
    # countries that trade, directly or not, with the one that is named
    rest = (eq.problem.blocks == eq.problem.blocks[n]) & (np.arange(w.n_countries) != n)
    elsewhere = float(np.abs((D - w.deficit)[eq.problem.blocks != eq.problem.blocks[n]]).sum())
    if not rest.any():
        return elsewhere / world
    # the others give up the same share of the income they would have with their own D
    lost = (w.deficit - D)[rest] / (wage + other + w.deficit)[rest]
    return float(max(abs(D[n] - own) / world, np.ptp(lost), elsewhere / world))


def _caps(eq: Equilibrium, flows: np.ndarray) -> float:
    """Complementarity: Σ F′/ĉ ≤ cap, μ ≥ 0, one of the two exactly."""
    worst = 0.0
    for cap, mu in zip(eq.problem.caps, eq.solution.cap_markup, strict=True):
        quantity = flows[cap.sector, cap.exporters, cap.importers]
        filled = (quantity / eq.cost_hat[cap.sector, cap.exporters]).sum() / cap.quantity
        worst = max(worst, filled - 1.0, -mu, abs(filled - 1.0) if mu > 1e-9 else 0.0)
    return worst


def random_shocks(
    world: World,
    seed: int,
    kinds: tuple[str, ...] = KINDS,
    rule: str = "fixed",
    strength: float = 1.0,
) -> Shocks:
    """Shocks of the given kinds at random places; ``strength`` scales the usual sizes."""
    rng = np.random.default_rng(seed)
    s, n = world.n_sectors, world.n_countries
    shape, abroad = (s, n, n), ~np.eye(n, dtype=bool)
    hit = (rng.random(shape) < 0.4) & abroad
    given: dict[str, Any] = {"deficit_rule": rule}
    if rule == "proportional":
        given["proportional_to"] = world.countries[int(rng.integers(n))]
    if rule == "path":
        given["deficit_path"] = world.deficit * rng.uniform(0.5, 1.1)
    if "tariff" in kinds:
        rate = rng.uniform(-0.1, 0.6, shape) * strength
        given["tariff_new"] = np.where(hit, np.maximum(rate, -0.5), world.tariff)
    if "cost" in kinds:
        given["cost_hat"] = np.where(hit, np.exp(strength * rng.normal(0.0, 0.3, shape)), 1.0)
    if "ban" in kinds:
        some = abroad & (rng.random(shape) < 0.15 * strength)
        given["link"] = np.where(some, rng.choice([0.0, 1e-4, 0.5, 1.0, 1.5], shape), 1.0)
    if "open" in kinds:
        given["dormant_share"] = abroad * rng.exponential(0.05 * strength, shape)
        given["link_open"] = abroad * rng.choice([0.0, 0.3, 1.0], shape)
    if "productivity" in kinds:
        tfp = np.exp(strength * rng.normal(0.0, 0.2, (s, n)))
        given["productivity_hat"] = tfp ** world.trade_elasticity[:, None]
    if "labour" in kinds:
        given["labour_hat"] = np.exp(strength * rng.normal(0.0, 0.2, n))
    if "transfer" in kinds:
        gift = rng.normal(0.0, 0.02 * strength, n) * world.value_added
        given["transfer"] = gift - gift.sum() * world.value_added / world.value_added.sum()
    if "payment" in kinds:
        tolls = rng.normal(0.0, 0.01 * strength, n) * world.value_added
        given["payment"] = tolls - tolls.sum() * world.value_added / world.value_added.sum()
    if "hired" in kinds:
        share = rng.random((n, n)) * (rng.random((n, n)) < 0.4) * 0.02 * strength
        given["hired"] = share * np.minimum(world.value_added[:, None], world.value_added)
    if "caps" in kinds:
        given["caps"] = _random_caps(world, rng)
    return Shocks(**given)


def _random_caps(world: World, rng: np.random.Generator) -> tuple[Cap, ...]:
    """Up to two caps, on links that carry something and share nothing."""
    caps = []
    traded = world.flows * ~np.eye(world.n_countries, dtype=bool)
    sectors = rng.permutation(np.flatnonzero(traded.sum(axis=(1, 2)) > 0))[:2]
    for s in sectors:
        i, n = rng.permutation(np.argwhere(traded[s] > 0))[0]
        owner = rng.choice(["importer", "exporter", "burnt", world.countries[0]])
        quantity = traded[s, i, n] * rng.uniform(0.2, 1.3)
        names = world.countries
        caps.append(
            Cap(world.sectors[s], (names[i],), (names[n],), float(quantity), str(owner))
        )
    return tuple(caps)
