"""Deficit rules: each does what docs/model.md says, on the result's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from accounts import random_shocks, violations
from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.errors import NoSolutionError, ShockError
from detente.shocks import Shocks
from detente.world import World
from worlds import random_world


@pytest.fixture(scope="module")
def world() -> World:
    """Six countries with deficits of up to 15 % of factor income."""
    world = random_world(4, 6, 3)
    limit = 0.15 / np.abs(world.deficit / world.value_added).max()
    return world.with_(deficit=world.deficit * limit).rebase()


SHOCK = ("tariff", "cost", "labour", "transfer")


def solved(world: World, rule: str, **more: object) -> Equilibrium:
    given = random_shocks(world, 3, SHOCK, strength=0.7)
    shocks = Shocks(**given.arrays(), deficit_rule=rule, **more)
    eq = solve_equilibrium(world, shocks, tolerance=1e-12)
    assert max(violations(eq).values()) < 1e-9
    return eq


def test_fixed(world: World) -> None:
    """D′ = D in the numeraire, and trade is out of balance by D′ + transfer."""
    eq = solved(world, "fixed")
    np.testing.assert_allclose(eq.solution.deficit, world.deficit, rtol=1e-9)
    gap = eq.customs_value.sum(axis=(0, 1)) - eq.flows.sum(axis=(0, 2))
    np.testing.assert_allclose(
        gap, world.deficit + eq.shocks.transfer, atol=1e-8 * world.income.max()
    )


def test_proportional(world: World) -> None:
    """The named D follows its country's factor income; others share the rest by income."""
    eq = solved(world, "proportional", proportional_to="C02")
    hat = eq.value_added[2] / world.value_added[2]
    deficit = eq.solution.deficit
    assert deficit[2] == pytest.approx(world.deficit[2] * hat, rel=1e-9)
    assert abs(deficit.sum()) < 1e-9 * world.income.sum()
    rest = np.arange(6) != 2
    given = (deficit - world.deficit)[rest]
    # each gives the same share of what its income would be with its own D
    share = given / (eq.income - deficit + world.deficit)[rest]
    np.testing.assert_allclose(share, share[0], rtol=1e-6)
    assert share[0] != 0


def test_proportional_with_an_isolated_country() -> None:
    """A country that trades with nobody takes no part in the others' deficits."""
    world = random_world(1661094692, 3, 1, zeros=0.1, tariffs=False)
    assert world.flows[0, 2, :2].sum() + world.flows[0, :2, 2].sum() == 0
    shocks = Shocks(
        labour_hat=np.array([1.0, 1.2, 1.0]), deficit_rule="proportional", proportional_to="C01"
    )
    eq = solve_equilibrium(world, shocks)
    assert abs(eq.solution.deficit[2]) < 1e-9
    assert eq.welfare_hat[2] == pytest.approx(1.0, rel=1e-9)


def test_balanced_rebases_first(world: World) -> None:
    """The removal of deficits is no part of the shock: hats start from a balanced world."""
    eq = solved(world, "balanced")
    assert not eq.solution.deficit.any()
    assert not eq.world.deficit.any()
    none = solve_equilibrium(world, Shocks(deficit_rule="balanced"))
    np.testing.assert_allclose(none.welfare_hat, 1.0, atol=1e-12)
    np.testing.assert_allclose(none.wage_hat, 1.0, atol=1e-12)


def test_balanced_as_shock_counts_the_removal(world: World) -> None:
    """Its levels are those of the balanced world; its hats include the way there."""
    eq = solve_equilibrium(world, Shocks(deficit_rule="balanced_as_shock"), tolerance=1e-12)
    balanced = world.rebase("balanced")
    np.testing.assert_allclose(eq.value_added, balanced.value_added, rtol=1e-9)
    np.testing.assert_allclose(eq.flows, balanced.flows, rtol=1e-8)
    assert np.abs(eq.welfare_hat - 1.0).max() > 0.01
    borrowers = world.deficit > 0.02 * world.income
    assert (eq.welfare_hat[borrowers] < 1).all()


def test_as_shock_is_the_chain_of_both(world: World) -> None:
    """ŵ and P̂ as a shock = (to balance) × (the scenario on the balanced world)."""
    whole = solved(world, "balanced_as_shock")
    first = solve_equilibrium(world, Shocks(deficit_rule="balanced_as_shock"), tolerance=1e-12)
    second = solved(world, "balanced")
    np.testing.assert_allclose(whole.wage_hat, first.wage_hat * second.wage_hat, rtol=1e-8)
    np.testing.assert_allclose(whole.price_hat, first.price_hat * second.price_hat, rtol=1e-8)
    np.testing.assert_allclose(
        whole.welfare_hat, first.welfare_hat * second.welfare_hat, rtol=1e-8
    )


def test_path(world: World) -> None:
    path = world.deficit * 0.3
    eq = solved(world, "path", deficit_path=path)
    np.testing.assert_allclose(eq.solution.deficit, path, rtol=1e-9)


def test_a_path_of_todays_deficits_is_fixed_and_of_zeros_is_balanced_as_shock(
    world: World,
) -> None:
    same = solved(world, "path", deficit_path=world.deficit)
    np.testing.assert_allclose(same.welfare_hat, solved(world, "fixed").welfare_hat, rtol=1e-10)
    none = solved(world, "path", deficit_path=np.zeros(6))
    shock = solved(world, "balanced_as_shock")
    np.testing.assert_allclose(none.welfare_hat, shock.welfare_hat, rtol=1e-9)


def test_a_transfer_is_a_deficit_for_prices(world: World) -> None:
    """Whether money is called a deficit or a transfer moves no price."""
    gift = np.array([1.0, -1.0, 0.0, 0.5, -0.5, 0.0]) * 0.01 * world.income.min()
    called = solve_equilibrium(world, Shocks(transfer=gift), tolerance=1e-12)
    path = Shocks(deficit_rule="path", deficit_path=world.deficit + gift)
    other = solve_equilibrium(world, path, tolerance=1e-12)
    np.testing.assert_allclose(called.price_hat, other.price_hat, rtol=1e-9)
    np.testing.assert_allclose(called.welfare_hat, other.welfare_hat, rtol=1e-9)
    np.testing.assert_allclose(called.own_earnings_hat, other.own_earnings_hat, rtol=1e-9)


def test_own_earnings_leave_out_what_others_pay(world: World) -> None:
    eq = solved(world, "fixed")
    earned = eq.income - eq.solution.deficit - eq.shocks.transfer
    price = np.exp((world.final_share * np.log(eq.price_hat)).sum(axis=0))
    exact = earned / price / (world.income - world.deficit)
    np.testing.assert_allclose(eq.own_earnings_hat, exact, rtol=1e-10)
    np.testing.assert_allclose(earned, eq.value_added + eq.solution.tariff_revenue, rtol=1e-9)


def test_rules_agree_where_there_is_no_deficit() -> None:
    world = random_world(6, 4, 2, deficits=False)
    given = random_shocks(world, 1, ("tariff", "cost")).arrays()
    answers = [
        solve_equilibrium(
            world,
            Shocks(
                **given,
                deficit_rule=rule,
                proportional_to="C01" if rule == "proportional" else None,
                deficit_path=np.zeros(4) if rule == "path" else None,
            ),
            tolerance=1e-12,
        ).welfare_hat
        for rule in ("fixed", "proportional", "balanced", "balanced_as_shock", "path")
    ]
    for other in answers[1:]:
        np.testing.assert_allclose(other, answers[0], rtol=1e-9)


def test_what_a_rule_needs_is_asked_for(world: World) -> None:
    for shocks in (
        Shocks(deficit_rule="proportional"),
        Shocks(deficit_rule="path"),
        Shocks(deficit_rule="path", deficit_path=np.ones(6)),
        Shocks(deficit_rule="fixt"),
    ):
        with pytest.raises(ShockError):
            solve_equilibrium(world, shocks)


def test_isolation_under_a_fixed_deficit_has_no_equilibrium(world: World) -> None:
    link = np.ones_like(world.flows)
    link[:, 0, 1:] = link[:, 1:, 0] = 0.0
    for rule in ("fixed", "proportional"):
        name = "C01" if rule == "proportional" else None
        with pytest.raises(NoSolutionError, match="C00"):
            solve_equilibrium(world, Shocks(link=link, deficit_rule=rule, proportional_to=name))
    eq = solve_equilibrium(world, Shocks(link=link, deficit_rule="balanced"))
    assert max(violations(eq).values()) < 1e-9
