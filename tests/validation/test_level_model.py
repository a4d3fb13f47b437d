"""Hats against levels: the solver against an economy solved without any."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from level_model import Economy, Levels, levels, random_economy, solve_levels

from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.shocks import Shocks
from detente.world import World
from detente.world.checks import check

MONEY = 1e6  # world factor income, million USD
CLOSE = 1e-8


def calibrate(eco: Economy, base: Levels) -> World:
    """The baseline that an economy's solution is."""
    n, s = eco.labour.size, eco.theta.size
    return World(
        name="levels",
        countries=tuple(f"C{j}" for j in range(n)),
        sectors=tuple(f"s{j}" for j in range(s)),
        flows=base.flows * MONEY,
        tariff=eco.tariff,
        input_share=eco.inputs,
        value_added_share=eco.value_added,
        final_share=eco.taste,
        trade_elasticity=eco.theta,
        value_added=base.wage * eco.labour * MONEY,
        deficit=eco.deficit * MONEY,
    )


def compare(eco: Economy, new: Economy, shocks: dict[str, Any], **how: Any) -> Equilibrium:
    """Solve both ways; every wage, price, cost, share, flow and welfare agrees."""
    before = solve_levels(eco)
    after = solve_levels(new, before.wage)
    world = calibrate(eco, before)
    assert check(world, 1e-9).passed
    eq = solve_equilibrium(world, Shocks(**shocks), tolerance=1e-12, **how)
    pairs = {
        "wage": (eq.wage_hat, after.wage / before.wage),
        "price": (eq.price_hat, after.price / before.price),
        "cost": (eq.cost_hat, after.cost / before.cost),
        "share": (1.0 + eq.trade_share, 1.0 + after.share),
        "expenditure": (eq.expenditure, after.expenditure * MONEY),
        "flows": (eq.flows + MONEY, after.flows * MONEY + MONEY),
        "income": (eq.income, after.income * MONEY),
        "revenue": (eq.solution.tariff_revenue + MONEY, after.revenue * MONEY + MONEY),
        "welfare": (eq.welfare_hat, after.utility / before.utility),
        "own earnings": (
            eq.own_earnings_hat,
            (after.utility * (1 - new.deficit / after.income))
            / (before.utility * (1 - eco.deficit / before.income)),
        ),
    }
    for name, (hats, truth) in pairs.items():
        np.testing.assert_allclose(hats, truth, rtol=CLOSE, err_msg=name)
    return eq


def odds(eco: Economy, closed: np.ndarray, opened: np.ndarray) -> np.ndarray:
    """ψ from primitives: a c^−θ at baseline costs, over the sum of the open suppliers'."""
    base = solve_levels(eco)
    iceberg = np.where(closed, opened, eco.iceberg)
    delivered = base.cost[:, :, None] * iceberg * (1.0 + eco.tariff)
    weight = eco.technology[:, :, None] * delivered ** -eco.theta[:, None, None]
    sources = np.where(closed, 0.0, weight).sum(axis=1, keepdims=True)
    return np.where(closed, weight / sources, 0.0)


def links(eco: Economy, cells: list[tuple[int, int, int]]) -> np.ndarray:
    """A mask of the links (s, i, n)."""
    mask = np.zeros(eco.iceberg.shape, dtype=bool)
    for cell in cells:
        mask[cell] = True
    return mask


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tariffs", [False, True])
def test_one_dormant_link(seed: int, tariffs: bool) -> None:
    eco = random_economy(seed, 4, 2, tariffs)
    closed = links(eco, [(0, 1, 2)])
    eco = eco.but(
        iceberg=np.where(closed, 1.0, eco.iceberg),
        technology=eco.technology * np.where(np.arange(4) == 1, 5.0, 1.0),
    )
    shut = eco.but(iceberg=np.where(closed, np.inf, eco.iceberg))
    psi = odds(shut, closed, eco.iceberg)
    assert psi[0, 1, 2] > 0.02
    given = {"link_open": closed.astype(float), "dormant_share": psi}
    eq = compare(shut, eco, given)
    assert eq.trade_share[0, 1, 2] > 0.01


@pytest.mark.parametrize("seed", range(3))
def test_a_closed_country_opens(seed: int) -> None:
    """Country 0 trades with nobody and then with all: many dormant suppliers at once."""
    eco = random_economy(10 + seed, 4, 3)
    eco = eco.but(deficit=eco.deficit * 0.0)
    closed = np.zeros(eco.iceberg.shape, dtype=bool)
    closed[:, 0, 1:] = closed[:, 1:, 0] = True
    # one thin link each way keeps the level of its prices tied to the world's
    closed[1, 0, 3] = closed[2, 3, 0] = False
    shut = eco.but(iceberg=np.where(closed, np.inf, eco.iceberg))
    psi = odds(shut, closed, eco.iceberg)
    given = {"link_open": closed.astype(float), "dormant_share": psi}
    eq = compare(shut, eco, given)
    assert eq.welfare_hat[0] > 1.05


def test_half_open_is_half_the_weight() -> None:
    """link_open = 0.5 is the level model with half of the link's technology·d^−θ."""
    eco = random_economy(5, 3, 2)
    closed = links(eco, [(1, 0, 1), (1, 2, 1)])
    shut = eco.but(iceberg=np.where(closed, np.inf, eco.iceberg))
    psi = odds(shut, closed, eco.iceberg)
    theta = eco.theta[:, None, None]
    half = np.where(closed, eco.iceberg * 0.5 ** (-1.0 / theta), eco.iceberg)
    given = {"link_open": 0.5 * closed, "dormant_share": psi}
    compare(shut, eco.but(iceberg=half), given)


def test_openings_with_everything_else_at_once() -> None:
    eco = random_economy(6, 4, 3)
    rng = np.random.default_rng(6)
    closed = links(eco, [(0, 1, 2), (2, 3, 0), (1, 0, 3)])
    banned = links(eco, [(1, 1, 0), (2, 0, 1)])
    shut = eco.but(iceberg=np.where(closed, np.inf, eco.iceberg))
    psi = odds(shut, closed, eco.iceberg)
    abroad = ~np.eye(4, dtype=bool)
    tariff = np.where(abroad, rng.uniform(0.0, 0.5, eco.tariff.shape), 0.0)
    dearer = np.where(abroad, np.exp(rng.normal(0.0, 0.2, tariff.shape)), 1.0)
    tfp, labour = np.exp(rng.normal(0.0, 0.2, (3, 4))), np.exp(rng.normal(0.0, 0.2, 4))
    new = eco.but(
        iceberg=np.where(banned, np.inf, eco.iceberg * dearer),
        tariff=tariff,
        technology=eco.technology * tfp ** eco.theta[:, None],
        labour=eco.labour * labour,
        deficit=eco.deficit + np.array([0.01, -0.01, 0.02, -0.02]),
    )
    given = {
        "link_open": closed.astype(float),
        "dormant_share": psi,
        "link": 1.0 - banned,
        "tariff_new": tariff,
        "cost_hat": dearer,
        "productivity_hat": tfp ** eco.theta[:, None],
        "labour_hat": labour,
        "transfer": (new.deficit - eco.deficit) * MONEY,
    }
    compare(shut, new, given)


@pytest.mark.parametrize("seed", range(2))
def test_tariffs(seed: int) -> None:
    eco = random_economy(20 + seed, 4, 3)
    new = eco.tariff[:, ::-1, ::-1] * 1.5
    compare(eco, eco.but(tariff=new), {"tariff_new": new})


@pytest.mark.parametrize("factor", [0.5, 1.1, 10.0])
def test_productivity_is_tfp_to_the_power_of_theta(factor: float) -> None:
    """One country's tfp × factor costs it 1/factor: the same as T̂ = factor^θ."""
    eco = random_economy(30, 3, 2)
    hat = np.ones_like(eco.technology)
    hat[:, 1] = factor**eco.theta
    compare(eco, eco.but(technology=eco.technology * hat), {"productivity_hat": hat})


def test_labour() -> None:
    eco = random_economy(31, 4, 2)
    hat = np.array([2.0, 1.0, 0.7, 1.1])
    compare(eco, eco.but(labour=eco.labour * hat), {"labour_hat": hat})


def test_iceberg() -> None:
    eco = random_economy(32, 4, 2)
    dearer = np.ones_like(eco.iceberg)
    dearer[0, 1, :] = 1.4
    dearer[1, 2, 0] = 0.8
    compare(eco, eco.but(iceberg=eco.iceberg * dearer), {"cost_hat": dearer})


@pytest.mark.parametrize("multiplier", [0.0, 0.2, 1.7])
def test_bans_and_link_multipliers(multiplier: float) -> None:
    """A multiplier m on π is d̂ = m^(−1/θ); zero is an infinite cost."""
    eco = random_economy(33, 4, 2)
    cells = links(eco, [(0, 1, 2), (1, 3, 0), (0, 2, 2)])
    theta = eco.theta[:, None, None]
    with np.errstate(divide="ignore"):
        rise = np.where(cells, np.float64(multiplier) ** (-1.0 / theta), 1.0)
    compare(
        eco, eco.but(iceberg=eco.iceberg * rise), {"link": np.where(cells, multiplier, 1.0)}
    )


def test_transfer_and_deficit_rules() -> None:
    eco = random_economy(34, 4, 2)
    gift = np.array([0.02, -0.01, -0.01, 0.0])
    compare(eco, eco.but(deficit=eco.deficit + gift), {"transfer": gift * MONEY})
    none = eco.but(deficit=np.zeros(4))
    compare(eco, none, {"deficit_rule": "balanced_as_shock"})
    path = {"deficit_rule": "path", "deficit_path": eco.deficit * -2.0 * MONEY}
    compare(eco, eco.but(deficit=-2.0 * eco.deficit), path)


def test_rebasing_to_balance_is_the_level_model_without_deficits() -> None:
    eco = random_economy(35, 4, 2)
    balanced = solve_levels(eco.but(deficit=np.zeros(4)))
    world = calibrate(eco, solve_levels(eco)).rebase("balanced")
    np.testing.assert_allclose(world.flows, balanced.flows * MONEY, rtol=CLOSE)
    np.testing.assert_allclose(
        world.value_added, balanced.wage * eco.labour * MONEY, rtol=CLOSE
    )


def test_the_level_model_is_an_equilibrium() -> None:
    """Its own identities, so that an agreement means something."""
    eco = random_economy(36, 4, 3)
    z = solve_levels(eco)
    np.testing.assert_allclose((z.wage * eco.labour).sum(), 1.0)
    np.testing.assert_allclose(
        z.flows.sum(axis=(0, 1)) - z.flows.sum(axis=(0, 2)), eco.deficit, atol=1e-11
    )
    np.testing.assert_allclose(z.share.sum(axis=1), 1.0)
    cheaper = levels(eco.but(labour=eco.labour * 3.0), z.wage / 3.0)
    np.testing.assert_allclose(cheaper.price * 3.0, z.price)
