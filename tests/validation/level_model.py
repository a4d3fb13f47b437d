"""The economy in levels: technologies, iceberg costs, labour and tariffs, no hats.

Eaton & Kortum (2002) with Caliendo & Parro's (2015) inputs, written for the tests and
sharing nothing with the package: unit costs and prices are levels, trade shares come
from technologies T[s, i], iceberg costs d[s, i, n] ≥ 1 (infinite: a closed link) and
unit costs, wages clear the labour markets by Newton's method on ln w.

Axes as everywhere: k, s sector; i exporter; n importer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import root

Array = np.ndarray


@dataclass(frozen=True)
class Economy:
    """Primitives, in levels.

    ``technology`` T (S, N), ``iceberg`` d (S, N, N), ``tariff`` t (S, N, N), ``labour`` L
    (N,), ``inputs`` γ (S, S, N), ``value_added`` γᵛ (S, N), ``taste`` α (S, N), ``theta``
    (S,), ``deficit`` D + transfer (N,), in units of world factor income.
    """

    technology: Array
    iceberg: Array
    tariff: Array
    labour: Array
    inputs: Array
    value_added: Array
    taste: Array
    theta: Array
    deficit: Array

    def but(self, **changes: Array) -> Economy:
        """The same economy with other primitives."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Levels:
    """A solved economy, with world factor income of one."""

    wage: Array
    cost: Array
    price: Array
    share: Array
    expenditure: Array
    flows: Array
    income: Array
    revenue: Array

    @property
    def utility(self) -> Array:
        """Real income I / Π P^α up to a constant, (N,)."""
        return self.income / np.exp((self._taste * np.log(self.price)).sum(axis=0))

    _taste: Array = None  # type: ignore[assignment]


def unit_costs(eco: Economy, wage: Array) -> tuple[Array, Array]:
    """Costs and prices that agree, by iteration on ln P (a contraction: γᵛ > 0)."""
    power = np.where(np.isfinite(eco.iceberg), eco.iceberg, 1.0) * (1.0 + eco.tariff)
    power = np.where(np.isfinite(eco.iceberg), power ** -eco.theta[:, None, None], 0.0)
    log_price = np.zeros_like(eco.technology)
    for _ in range(20_000):
        log_cost = _log_cost(eco, wage, log_price)
        supply = eco.technology * np.exp(-eco.theta[:, None] * log_cost)
        new = -np.log(np.einsum("si,sin->sn", supply, power)) / eco.theta[:, None]
        if np.abs(new - log_price).max() < 1e-15:
            break
        log_price = new
    return np.exp(_log_cost(eco, wage, new)), np.exp(new)


def _log_cost(eco: Economy, wage: Array, log_price: Array) -> Array:
    """Cobb-Douglas with its constant, so that c is a cost in money."""

    def entropy(x: Array) -> Array:
        return x * np.log(np.where(x > 0, x, 1.0))

    constant = -entropy(eco.value_added) - entropy(eco.inputs).sum(axis=0)
    bought = np.einsum("ksi,ki->si", eco.inputs, log_price)
    return constant + eco.value_added * np.log(wage) + bought


def levels(eco: Economy, wage: Array) -> Levels:
    """Everything that follows from wages; expenditure by one linear solve."""
    s, n = eco.technology.shape
    cost, price = unit_costs(eco, wage)
    delivered = cost[:, :, None] * eco.iceberg * (1.0 + eco.tariff)
    weight = np.where(np.isfinite(delivered), delivered, 1.0) ** -eco.theta[:, None, None]
    weight = np.where(np.isfinite(delivered), eco.technology[:, :, None] * weight, 0.0)
    share = weight / weight.sum(axis=1, keepdims=True)
    net = share / (1.0 + eco.tariff)
    # X = γ Y + α (wL + D + Σ t F): linear in X
    sold = np.zeros((s, n, s, n))  # [k, i, k, n]
    paid = np.zeros((n, s, n))
    for k in range(s):
        sold[k, :, k, :] = net[k]
    for m in range(n):
        paid[m, :, m] = (eco.tariff[:, :, m] * net[:, :, m]).sum(axis=1)
    system = np.einsum("ksi,sijn->kijn", eco.inputs, sold)
    system += np.einsum("si,ijn->sijn", eco.taste, paid)
    fixed = eco.taste * (wage * eco.labour + eco.deficit)
    matrix = np.eye(s * n) - system.reshape(s * n, s * n)
    spent = np.linalg.solve(matrix, fixed.ravel()).reshape(s, n)
    flows = net * spent[:, None, :]
    revenue = (eco.tariff * flows).sum(axis=(0, 1))
    income = wage * eco.labour + eco.deficit + revenue
    return Levels(wage, cost, price, share, spent, flows, income, revenue, eco.taste)


def solve_levels(eco: Economy, start: Array | None = None) -> Levels:
    """Wages that clear every labour market; world factor income is one."""
    n = eco.labour.size

    def wages(z: Array) -> Array:
        w = np.exp(np.append(z, 0.0))
        return w / (w * eco.labour).sum()

    def excess(z: Array) -> Array:
        point = levels(eco, wages(z))
        made = (eco.value_added * point.flows.sum(axis=2)).sum(axis=0)
        return (made / (point.wage * eco.labour) - 1.0)[: n - 1]

    first = np.zeros(n - 1) if start is None else np.log(start[:-1] / start[-1])
    found = root(excess, first, method="hybr", options={"xtol": 1e-14, "maxfev": 4000})
    z = found.x
    for _ in range(3):  # polish: Newton with a numerical Jacobian
        step = np.eye(n - 1) * 1e-6
        jacobian = np.array([(excess(z + h) - excess(z - h)) / 2e-6 for h in step]).T
        z = z - np.linalg.solve(jacobian, excess(z))
    gap = np.abs(excess(z)).max() if n > 1 else 0.0
    if not gap < 1e-11:
        raise AssertionError(f"the level model did not solve: {gap:.1e}, {found.message}")
    return levels(eco, wages(z))


def random_economy(seed: int, n: int, s: int, tariffs: bool = True) -> Economy:
    """An economy with input-output links, icebergs and small deficits."""
    rng = np.random.default_rng(seed)
    home = np.eye(n, dtype=bool)
    value_added = rng.uniform(0.3, 0.7, (s, n))
    inputs = rng.dirichlet(np.full(s, 2.0), (s, n)).transpose(2, 0, 1)
    deficit = rng.normal(0.0, 0.02, n) / n
    return Economy(
        technology=np.exp(rng.normal(0.0, 0.7, (s, n))),
        iceberg=np.where(home, 1.0, np.exp(rng.uniform(0.1, 0.8, (s, n, n)))),
        tariff=np.where(home, 0.0, rng.uniform(0.0, 0.3, (s, n, n)) * tariffs),
        labour=np.exp(rng.normal(0.0, 0.7, n)),
        inputs=inputs * (1.0 - value_added),
        value_added=value_added,
        taste=rng.dirichlet(np.full(s, 4.0), n).T,
        theta=rng.uniform(2.0, 8.0, s),
        deficit=deficit - deficit.mean(),
    )
