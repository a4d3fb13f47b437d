"""Answers that can be written down: the solver has no say in them.

Arkolakis, Costinot & Rodríguez-Clare (2012, AER 102); Costinot & Rodríguez-Clare (2014)
for sectors and inputs; Gros (1987, J. Int. Econ. 23) for the small country's optimal
tariff; Kleinman, Liu & Redding (2020) for first-order effects in one sector.
"""

from __future__ import annotations

import numpy as np
import pytest

from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.shocks import Cap, Shocks
from detente.world import World


def build(
    flows: np.ndarray,
    theta: float | np.ndarray = 5.0,
    value_added: float = 1.0,
    tariff: np.ndarray | None = None,
    recipe: np.ndarray | None = None,
    taste: np.ndarray | None = None,
    rule: str = "balanced",
) -> World:
    """A world from flows and uniform shares, re-based (to balanced trade)."""
    s, n = flows.shape[:2]
    recipe = np.full((s, s, n), 1.0 / s) if recipe is None else recipe
    share = np.full((s, n), value_added)
    taste = np.full((s, n), 1.0 / s) if taste is None else taste
    gap = flows.sum(axis=(0, 1)) - flows.sum(axis=(0, 2))
    world = World(
        name="closed form",
        countries=tuple(f"C{j}" for j in range(n)),
        sectors=tuple(f"s{j}" for j in range(s)),
        flows=flows,
        tariff=np.zeros_like(flows) if tariff is None else tariff,
        input_share=recipe * (1.0 - value_added),
        value_added_share=share,
        final_share=taste,
        trade_elasticity=np.broadcast_to(theta, s),
        value_added=value_added * flows.sum(axis=(0, 2)),
        deficit=gap,
    )
    return world.rebase(rule)


def random_flows(seed: int, s: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(5.0, 1.0, (s, n, n))) + 500.0 * np.eye(n)


def solve(world: World, **shocks: object) -> Equilibrium:
    return solve_equilibrium(world, Shocks(**shocks), tolerance=1e-12)


def abroad(world: World) -> np.ndarray:
    return np.broadcast_to(~np.eye(world.n_countries, dtype=bool), world.flows.shape)


def home_share_hat(eq: Equilibrium) -> np.ndarray:
    now = np.einsum("snn->sn", eq.trade_share)
    return now / np.einsum("snn->sn", eq.world.trade_share)


# -- Arkolakis, Costinot & Rodríguez-Clare -----------------------------------------------
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("value_added", [1.0, 0.4])
def test_one_sector_welfare_is_the_home_share(seed: int, value_added: float) -> None:
    """Ŵ = λ̂^(−1/(θ γᵛ)) whatever happened abroad or at the border."""
    rng = np.random.default_rng(seed)
    world = build(random_flows(seed, 1, 5), 4.0, value_added)
    costs = np.where(abroad(world), np.exp(rng.normal(0.0, 0.5, world.flows.shape)), 1.0)
    eq = solve(world, cost_hat=costs)
    exact = home_share_hat(eq)[0] ** (-1.0 / (4.0 * value_added))
    np.testing.assert_allclose(eq.welfare_hat, exact, rtol=1e-9)
    assert np.abs(np.log(exact)).max() > 0.01


@pytest.mark.parametrize("seed", range(4))
def test_many_sectors_with_inputs(seed: int) -> None:
    """ln Ŵ = −α·(I − Γᵀ)⁻¹ (ln λ̂/θ), t = 0 and D = 0, under any foreign shock."""
    rng = np.random.default_rng(seed)
    s, n = 4, 5
    theta = rng.uniform(2.0, 9.0, s)
    recipe = rng.dirichlet(np.ones(s), (s, n)).transpose(2, 0, 1)
    taste = rng.dirichlet(np.ones(s), n).T
    world = build(random_flows(seed, s, n), theta, 0.45, recipe=recipe, taste=taste)
    costs = np.where(abroad(world), np.exp(rng.normal(0.0, 0.4, world.flows.shape)), 1.0)
    eq = solve(
        world,
        cost_hat=costs,
        link=np.where(rng.random(costs.shape) < 0.2, 0.3, 1.0) * abroad(world) + np.eye(n),
    )
    change = np.log(home_share_hat(eq)) / theta[:, None]
    for c in range(n):
        price = np.linalg.solve(np.eye(s) - world.input_share[:, :, c].T, change[:, c])
        exact = -world.final_share[:, c] @ price
        assert np.log(eq.welfare_hat[c]) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("rule", ["balanced", "balanced_as_shock"])
def test_autarky(rule: str) -> None:
    """Bans on everything: λ̂ = 1/λ; as a shock the deficit goes too, own earnings do not."""
    rng = np.random.default_rng(8)
    theta = np.array([3.0, 6.0, 4.0])
    world = build(
        random_flows(8, 3, 4) * rng.uniform(0.8, 1.2, (3, 4, 1)), theta, 0.5, rule="fixed"
    )
    eq = solve(world, link=1.0 - abroad(world), deficit_rule=rule)
    base = eq.world
    home = np.log(np.einsum("snn->sn", base.trade_share))
    for c in range(4):
        price = np.linalg.solve(np.eye(3) - base.input_share[:, :, c].T, -home[:, c] / theta)
        exact = np.exp(-base.final_share[:, c] @ price)
        kept = base.value_added[c] / base.income[c]
        assert eq.welfare_hat[c] == pytest.approx(exact * kept, rel=1e-9)
        assert eq.own_earnings_hat[c] == pytest.approx(exact, rel=1e-9)
    assert eq.certificate.blocks == 4
    np.testing.assert_allclose(eq.value_added, base.value_added, rtol=1e-9)


# -- two symmetric countries -------------------------------------------------------------
HOME, THETA = 0.8, 5.0


def symmetric(value_added: float = 1.0) -> World:
    share = np.array([[HOME, 1 - HOME], [1 - HOME, HOME]])
    return build(1000.0 * share[None], THETA, value_added)


@pytest.mark.parametrize("dearer", [0.7, 1.3, 10.0])
@pytest.mark.parametrize("value_added", [1.0, 0.5])
def test_symmetric_iceberg(dearer: float, value_added: float) -> None:
    """Wages stay; P̂ = (λ + (1−λ) d̂^−θ)^(−1/(θ γᵛ))."""
    world = symmetric(value_added)
    eq = solve(world, cost_hat=np.where(abroad(world), dearer, 1.0))
    price = (HOME + (1 - HOME) * dearer**-THETA) ** (-1.0 / (THETA * value_added))
    np.testing.assert_allclose(eq.wage_hat, 1.0, rtol=1e-10)
    np.testing.assert_allclose(eq.price_hat, price, rtol=1e-10)
    np.testing.assert_allclose(eq.welfare_hat, 1.0 / price, rtol=1e-10)


@pytest.mark.parametrize("rate", [0.1, 0.5, 10.0])
@pytest.mark.parametrize("value_added", [1.0, 0.5])
def test_symmetric_tariff(rate: float, value_added: float) -> None:
    """P̂ as with iceberg costs; revenue is a share of spending that can be written down."""
    world = symmetric(value_added)
    eq = solve(world, tariff_new=rate * abroad(world))
    sum_ = HOME + (1 - HOME) * (1 + rate) ** -THETA
    price = sum_ ** (-1.0 / (THETA * value_added))
    foreign = 1 - HOME / sum_
    # X = (1−γᵛ) Y + I, Y = X (1 − foreign·t/(1+t)), wL = γᵛ Y
    net = 1 - foreign * rate / (1 + rate)
    income_over_wage = (1 - (1 - value_added) * net) / (value_added * net)
    np.testing.assert_allclose(eq.wage_hat, 1.0, rtol=1e-10)
    np.testing.assert_allclose(eq.income / eq.value_added, income_over_wage, rtol=1e-9)
    np.testing.assert_allclose(eq.welfare_hat, income_over_wage / price, rtol=1e-9)


# -- uniform changes ---------------------------------------------------------------------
def test_uniform_productivity() -> None:
    """Tfp × A everywhere: ln Ŵ = α·(I − Γᵀ)⁻¹ 1 · ln A; wages and shares stay."""
    world = build(random_flows(3, 3, 4), np.array([3.0, 5.0, 8.0]), 0.4)
    hat = 1.2 ** world.trade_elasticity[:, None] * np.ones((3, 4))
    eq = solve(world, productivity_hat=hat)
    np.testing.assert_allclose(eq.welfare_hat, 1.2 ** (1.0 / 0.4), rtol=1e-10)
    np.testing.assert_allclose(eq.wage_hat, 1.0, rtol=1e-10)
    np.testing.assert_allclose(eq.trade_share, world.trade_share, rtol=1e-9)


def test_uniform_labour() -> None:
    """Twice the people everywhere: twice the real income, the same money income."""
    world = build(random_flows(4, 2, 4), 5.0, 0.5)
    eq = solve(world, labour_hat=np.full(4, 2.0))
    np.testing.assert_allclose(eq.welfare_hat, 2.0, rtol=1e-10)
    np.testing.assert_allclose(eq.wage_hat, 0.5, rtol=1e-10)
    np.testing.assert_allclose(eq.income_hat, 1.0, rtol=1e-10)


def test_a_transfer_without_home_bias_moves_no_price() -> None:
    """Everyone spends alike and nothing is costly to ship: Ŵ = 1 + T/I (Samuelson)."""
    size = np.array([1.0, 2.0, 0.5, 4.0])
    world = build(100.0 * np.outer(size, size)[None] / size.sum(), 6.0)
    gift = np.array([10.0, -5.0, 3.0, -8.0])
    eq = solve(world, transfer=gift)
    np.testing.assert_allclose(eq.wage_hat, 1.0, rtol=1e-10)
    np.testing.assert_allclose(eq.welfare_hat, 1.0 + gift / world.income, rtol=1e-10)
    np.testing.assert_allclose(eq.own_earnings_hat, 1.0, rtol=1e-10)


def test_lerner_symmetry() -> None:
    """A tariff on all imports is the same tax on all exports, revenue kept at home.

    An export tax is a cap whose rent the exporter keeps: capped at the quantity that the
    tariff leaves, the mark-up is the tariff and every real outcome agrees.
    """
    world = build(random_flows(5, 1, 2), THETA, 0.6)
    tariff = np.zeros_like(world.flows)
    tariff[0, 1, 0] = 0.25
    taxed = solve(world, tariff_new=tariff)
    quantity = taxed.flows[0, 0, 1] / taxed.cost_hat[0, 0]
    cap = Cap("s0", ("C0",), ("C1",), float(quantity), "exporter")
    eq = solve(world, caps=(cap,))
    assert eq.solution.cap_markup[0] == pytest.approx(0.25, rel=1e-8)
    np.testing.assert_allclose(eq.welfare_hat, taxed.welfare_hat, rtol=1e-9)
    assert taxed.welfare_hat[0] > 1 > taxed.welfare_hat[1]


def test_optimal_tariff_of_a_small_country() -> None:
    """Gros: a small country's best tariff is 1/θ (here t = 1/θ with demand elasticity 1+θ)."""
    theta, small = 4.0, 1e-5
    flows = np.array([[0.5 * small, 0.5 * small], [0.5 * small, 1.0]])[None] * 1e6
    world = build(flows, theta)

    def welfare(rate: float) -> float:
        tariff = np.zeros_like(world.flows)
        tariff[0, 1, 0] = rate
        eq = solve_equilibrium(world, Shocks(tariff_new=tariff), tolerance=1e-13)
        return float(eq.welfare_hat[0])

    best = max(np.linspace(0.6, 1.4, 33), key=lambda x: welfare(x / theta))
    assert best == pytest.approx(1.0, abs=0.05)
    assert welfare(1 / theta) > 1.0
    assert welfare(20.0) < 1.0


# -- first order -------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(3))
def test_first_order_effects_of_trade_costs(seed: int) -> None:
    """Kleinman, Liu & Redding: d ln w solves a linear system in sales and import shares."""
    n, theta, h = 5, 4.0, 1e-4
    world = build(random_flows(seed, 1, n), theta)
    rng = np.random.default_rng(seed)
    tau = rng.normal(0.0, 1.0, (n, n)) * ~np.eye(n, dtype=bool)
    pi, flows = world.trade_share[0], world.flows[0]
    sold = flows / flows.sum(axis=1, keepdims=True)
    # d ln w_i = Σ_n sold_in (d ln w_n − θ (d ln w_i + τ_in − Σ_m π_mn (d ln w_m + τ_mn)))
    cross = sold @ pi.T
    system = (1 + theta) * np.eye(n) - sold - theta * cross
    right = -theta * ((sold * tau).sum(axis=1) - sold @ (pi * tau).sum(axis=0))
    numeraire = world.value_added / world.value_added.sum()
    wage = np.linalg.lstsq(np.vstack([system, numeraire]), np.append(right, 0.0), rcond=None)[0]
    welfare = wage - pi.T @ wage - (pi * tau).sum(axis=0)

    def log(sign: float, what: str) -> np.ndarray:
        eq = solve_equilibrium(
            world, Shocks(cost_hat=np.exp(sign * h * tau)[None]), tolerance=1e-13
        )
        return np.log(getattr(eq, what))

    for what, exact in (("wage_hat", wage), ("welfare_hat", welfare)):
        slope = (log(1.0, what) - log(-1.0, what)) / (2 * h)
        np.testing.assert_allclose(slope, exact, atol=1e-6)
