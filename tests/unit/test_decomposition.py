"""Parts of a gain add up to it, each is there only when its cause is, and the gap says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from accounts import random_shocks
from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.outcomes.decomposition import TERMS, _chained, cp_decomposition, decomposition
from detente.shocks import Cap, Shocks
from detente.world import World
from worlds import random_world

GAP = 1e-6
#: terms that are zero unless the scenario moves their cause
CAUSES = {
    "trade_technology": "cost",
    "links": "ban",
    "productivity": "productivity",
    "labour": "labour",
    "deficit": "deficit",
    "transfer": "transfer",
    "caps": "caps",
}


@pytest.fixture(scope="module")
def world() -> World:
    world = random_world(3, 5, 3, zeros=0.1)
    limit = 0.1 / np.abs(world.deficit / world.value_added).max()
    return world.with_(deficit=world.deficit * limit).rebase()


def solve(world: World, **shocks: object) -> Equilibrium:
    return solve_equilibrium(world, Shocks(**shocks), tolerance=1e-12)


def one_cause(world: World, cause: str) -> Equilibrium:
    if cause == "deficit":
        return solve(world, deficit_rule="balanced_as_shock")
    if cause == "caps":
        return solve(world, caps=binding_caps(world))
    drawn = random_shocks(world, 5, (cause,), strength=0.7)
    return solve(world, **drawn.arrays())


def binding_caps(
    world: World, owners: tuple[str, ...] = ("importer", "exporter")
) -> tuple[Cap, ...]:
    c = world.countries
    pairs = [(1, 1, 2), (2, 3, 0), (2, 0, 1), (0, 4, 3)]
    found = []
    for (s, i, n), owner in zip(pairs, owners, strict=False):
        assert world.flows[s, i, n] > 0, (s, i, n)
        quantity = 0.5 * float(world.flows[s, i, n])
        found.append(Cap(world.sectors[s], (c[i],), (c[n],), quantity, owner))
    return tuple(found)


def assert_adds_up(table: pd.DataFrame, eq: Equilibrium) -> None:
    parts = table[list(TERMS)].sum(axis=1)
    truth = np.log(eq.income / eq.world.income) - (
        eq.world.final_share * np.log(eq.price_hat)
    ).sum(axis=0)
    np.testing.assert_allclose(parts, truth, atol=GAP)
    np.testing.assert_allclose(table["log_welfare"], truth, atol=1e-12)
    np.testing.assert_allclose(table["gap"], truth - parts, atol=1e-12)


@pytest.mark.parametrize("cause", [*sorted(set(CAUSES.values())), "tariff", "open"])
def test_each_cause_alone(world: World, cause: str) -> None:
    """Its parts add up, and the terms of other causes are exactly zero."""
    eq = one_cause(world, cause)
    table = decomposition(eq)
    assert_adds_up(table, eq)
    assert np.abs(table["log_welfare"]).max() > 1e-3
    for term, of in CAUSES.items():
        expected = of == cause or (term == "links" and cause == "open")
        assert bool((table[term] != 0).any()) == expected, term


@pytest.mark.parametrize("seed", range(3))
def test_everything_at_once_with_binding_caps(world: World, seed: int) -> None:
    drawn = random_shocks(
        world,
        seed,
        ("tariff", "cost", "ban", "open", "productivity", "labour", "transfer"),
        strength=0.6,
    )
    owners = ("importer", "exporter", "burnt", world.countries[1])
    caps = binding_caps(world, owners)
    eq = solve(world, **drawn.arrays(), caps=caps, deficit_rule="balanced_as_shock")
    assert (eq.solution.cap_markup > 0).sum() >= 2
    table = decomposition(eq)
    assert_adds_up(table, eq)


@pytest.mark.parametrize("owner", ["importer", "exporter", "burnt", "C03"])
def test_a_cap_by_owner(world: World, owner: str) -> None:
    eq = solve(world, caps=binding_caps(world, (owner,)))
    table = decomposition(eq)
    assert_adds_up(table, eq)
    rents = table["caps"].to_numpy()
    buyer = 2
    if owner == "importer":
        assert abs(rents[buyer]) < np.log(1 + eq.solution.cap_markup[0])
    else:
        assert rents[buyer] < 0


@pytest.mark.parametrize("rule", ["proportional", "path", "fixed"])
def test_deficit_rules(world: World, rule: str) -> None:
    drawn = random_shocks(world, 2, ("tariff", "cost", "labour"), rule)
    given = drawn.arrays()
    eq = solve(world, **given, deficit_rule=rule, proportional_to=drawn.proportional_to)
    table = decomposition(eq)
    assert_adds_up(table, eq)
    assert bool(table["deficit"].any()) == (rule != "fixed")


def test_the_gap_falls_as_the_square_of_the_steps(world: World) -> None:
    eq = one_cause(world, "tariff")
    target = np.log(eq.welfare_hat)
    gaps = []
    for steps in (5, 10, 20, 40):
        parts = _chained(eq.world, eq, {1.0: eq}, steps)
        gaps.append(np.abs(target - sum(parts[t] for t in TERMS)).max())
    ratios = np.array(gaps[:-1]) / np.array(gaps[1:])
    assert gaps[0] > 1e-7
    np.testing.assert_allclose(ratios, 4.0, atol=0.6)


def test_first_order(world: World) -> None:
    """A tiny shock's parts are the differential itself: one step, gap of third order."""
    rng = np.random.default_rng(0)
    tariff = world.tariff + 1e-4 * rng.uniform(0, 1, world.flows.shape) * (world.tariff > 0)
    eq = solve(world, tariff_new=tariff, labour_hat=np.exp(1e-4 * rng.normal(size=5)))
    parts = _chained(eq.world, eq, {1.0: eq}, 1)
    total = sum(parts[t] for t in TERMS)
    np.testing.assert_allclose(total, np.log(eq.welfare_hat), atol=1e-11)


def test_terms_of_trade_add_up_to_nothing_over_the_world(world: World) -> None:
    """What one country gains on prices another loses: Σ I d(terms of trade) ≈ 0."""
    h = 1e-5
    tariff = world.tariff + h * (world.tariff > 0)
    eq = solve(world, tariff_new=tariff)
    parts = _chained(eq.world, eq, {1.0: eq}, 1)
    world_sum = (parts["terms_of_trade"] * world.income).sum()
    assert abs(world_sum) < 1e-4 * (np.abs(parts["terms_of_trade"]) * world.income).sum()


def test_no_shock_has_no_parts(world: World) -> None:
    table = decomposition(solve(world))
    np.testing.assert_allclose(table.to_numpy(), 0.0, atol=1e-12)


def test_autarky() -> None:
    """A country that is cut off: its last trade is worth most, and the parts still add up."""
    world = random_world(3, 5, 3)
    world = world.with_(deficit=world.deficit * 0.05).rebase()
    link = np.ones_like(world.flows)
    link[:, 0, 1:] = link[:, 1:, 0] = 0.0
    eq = solve(world, link=link, deficit_rule="balanced")
    assert eq.certificate.blocks == 2
    table = decomposition(eq)
    assert_adds_up(table, eq)
    assert table["links"].iloc[0] < 0


def test_opened_links_are_the_links_term(world: World) -> None:
    """Opening dormant links in an otherwise untouched world shows as new links."""
    psi = np.where(world.flows == 0, 0.2, 0.0)
    assert (psi > 0).any()
    eq = solve(world, link_open=np.sign(psi), dormant_share=psi)
    table = decomposition(eq)
    assert_adds_up(table, eq)
    buyers = np.flatnonzero((psi * (world.expenditure > 0)[:, None, :]).sum(axis=(0, 1)))
    assert (table["links"].iloc[buyers] > 0).all()


# -- Caliendo & Parro's own formula ------------------------------------------------------
def test_cp_decomposition_by_hand() -> None:
    """Two countries, one sector, no inputs: every number written out."""
    flows = np.array([[[80.0, 20.0], [20.0, 60.0]]])
    tariff = np.array([[[0.0, 0.1], [0.2, 0.0]]])
    world = World(
        name="hand",
        countries=("AAA", "BBB"),
        sectors=("goods",),
        flows=flows,
        tariff=tariff,
        input_share=np.zeros((1, 1, 2)),
        value_added_share=np.ones((1, 2)),
        final_share=np.ones((1, 2)),
        trade_elasticity=np.array([4.0]),
        value_added=np.array([100.0, 80.0]),
        deficit=np.zeros(2),
    )
    new = np.array([[[0.0, 0.0], [0.3, 0.0]]])
    eq = solve(world, tariff_new=new)
    table = cp_decomposition(eq)
    c = eq.wage_hat  # cost is the wage
    imports = eq.flows[0, 1, 0], eq.flows[0, 0, 1]
    income = np.array([104.0, 82.0])  # 100 + 0.2·20, 80 + 0.1·20
    tot = (
        np.array([20 * (c[0] - 1) - 20 * (c[1] - 1), 20 * (c[1] - 1) - 20 * (c[0] - 1)])
        / income
    )
    vot = np.array(
        [
            4.0 * ((imports[0] / 20 - 1) - (c[1] - 1)) / 104.0,
            2.0 * ((imports[1] / 20 - 1) - (c[0] - 1)) / 82.0,
        ]
    )
    np.testing.assert_allclose(table["terms_of_trade"], tot, atol=1e-12)
    np.testing.assert_allclose(table["volume_of_trade"], vot, atol=1e-12)
    np.testing.assert_allclose(table["welfare"], tot + vot, atol=1e-12)
    np.testing.assert_allclose(table["real_wage"], c / eq.price_hat[0] - 1, atol=1e-12)


def test_cp_and_exact_agree_for_a_small_shock(world: World) -> None:
    h = 1e-5
    eq = solve(world, tariff_new=world.tariff + h * (world.tariff > 0))
    table, exact = cp_decomposition(eq), np.log(eq.welfare_hat)
    np.testing.assert_allclose(table["welfare"], exact, atol=1e-3 * np.abs(exact).max())
