"""Re-basing: an inconsistent table becomes an exact baseline, and says what moved."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.equilibrium import solve_equilibrium
from detente.errors import DetenteError, InputError
from detente.shocks import Shocks
from detente.world import World
from detente.world.rebase import rebase_report
from hypothesis_profiles import examples
from worlds import random_world, worlds


def spoiled(world: World, seed: int, by: float = 0.05) -> World:
    """A world whose final demand and value added miss their identities by some percent."""
    rng = np.random.default_rng(seed)
    taste = world.final_share * np.exp(rng.normal(0.0, by, world.final_share.shape))
    return world.with_(final_share=taste / taste.sum(axis=0))


def identities(world: World) -> dict[str, float]:
    """docs/model.md's baseline, once more with plain sums; relative to each cell."""
    spent = np.sum(world.flows * (1.0 + world.tariff), axis=1)
    made = world.flows.sum(axis=2)
    earned = (world.value_added_share * made).sum(axis=0)
    income = earned + (world.tariff * world.flows).sum(axis=(0, 1)) + world.deficit
    wanted = np.einsum("ksi,si->ki", world.input_share, made) + world.final_share * income
    gap = world.flows.sum(axis=(0, 1)) - world.flows.sum(axis=(0, 2)) - world.deficit
    bought = spent > 0
    return {
        "expenditure": float(
            np.abs(
                np.where(bought, wanted / np.where(bought, spent, 1) - 1, wanted / income)
            ).max()
        ),
        "value added": float(np.abs(earned / world.value_added - 1).max()),
        "deficit": float(np.abs(gap / world.value_added).max()),
        "deficits": float(abs(world.deficit.sum()) / world.value_added.sum()),
        "final shares": float(np.abs(world.final_share.sum(axis=0) - 1).max()),
        "cost shares": float(
            np.abs(world.input_share.sum(axis=0) + world.value_added_share - 1).max()
        ),
    }


def mild(seed: int, **how: object) -> World:
    world = random_world(seed, 6, 3, **how)
    limit = min(1.0, 0.2 / np.abs(world.deficit / world.value_added).max())
    return world.with_(deficit=world.deficit * limit)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rule", ["fixed", "balanced"])
def test_an_inconsistent_world_becomes_consistent(seed: int, rule: str) -> None:
    world = spoiled(mild(seed), seed)
    assert identities(world)["expenditure"] > 1e-3
    based = world.rebase(rule)
    found = identities(based)
    assert max(found.values()) <= 1e-12, found
    for key in ("flows", "final_share", "value_added", "deficit"):
        assert np.isfinite(getattr(based, key)).all()
    assert (based.flows[world.flows == 0] == 0).all()
    assert (based.flows[world.flows > 0] > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_no_shock_scenario_returns_it(seed: int) -> None:
    for rule in ("fixed", "balanced"):
        world = spoiled(mild(seed), seed).with_(meta={"tolerance": 0.5})
        eq = solve_equilibrium(world, Shocks(deficit_rule=rule))
        for hat in (eq.wage_hat, eq.price_hat, eq.income_hat, eq.welfare_hat):
            np.testing.assert_allclose(hat, 1.0, rtol=0, atol=1e-12)


def test_what_it_keeps() -> None:
    """Parameters stay; deficits stay under every rule but `balanced`; the numeraire too."""
    world = spoiled(mild(2), 2)
    based, balanced = world.rebase(), world.rebase("balanced")
    for other in (based, balanced):
        for key in ("tariff", "input_share", "value_added_share", "trade_elasticity"):
            np.testing.assert_array_equal(getattr(other, key), getattr(world, key))
        np.testing.assert_allclose(other.final_share, world.final_share, atol=1e-10)
        assert other.value_added.sum() == pytest.approx(world.value_added.sum(), rel=1e-10)
    np.testing.assert_allclose(based.deficit, world.deficit, atol=1e-9 * world.income.max())
    assert not balanced.deficit.any()


def test_an_exact_world_is_itself() -> None:
    world = random_world(2, 6, 3, zeros=0.3)
    assert world.rebase() is world
    assert "rebased" not in world.meta
    by_country, by_sector = rebase_report(world)
    assert by_country.empty
    assert by_sector.empty


@settings(max_examples=examples(40))
@given(worlds(max_countries=8, max_sectors=4), st.sampled_from(["fixed", "balanced"]))
def test_twice_is_once(world: World, rule: str) -> None:
    try:
        once = spoiled(world, 1, 0.02).rebase(rule)
    except DetenteError:
        return
    assert max(identities(once).values()) <= 1e-11
    twice = once.rebase(rule)
    assert (
        twice is once
        or np.abs(
            twice.flows / np.where(once.flows > 0, once.flows, 1) - (once.flows > 0)
        ).max()
        < 1e-11
    )


def test_rules_agree_on_a_world_without_deficits() -> None:
    world = spoiled(random_world(6, 4, 2, deficits=False), 6)
    np.testing.assert_allclose(world.rebase().flows, world.rebase("balanced").flows, rtol=1e-9)


def test_the_report_says_what_moved() -> None:
    world = spoiled(mild(1), 1)
    based = world.rebase("balanced")
    by_country, by_sector = rebase_report(based)
    assert list(by_country.index) == list(world.countries)
    assert list(by_sector.index) == list(world.sectors)
    np.testing.assert_allclose(
        by_country["wage"], based.value_added / world.value_added - 1, rtol=1e-9
    )
    np.testing.assert_allclose(by_country["deficit"], -world.deficit, rtol=1e-9)
    moved = np.abs(based.expenditure - world.expenditure)
    np.testing.assert_allclose(
        by_country["expenditure"], moved.sum(axis=0) / world.expenditure.sum(axis=0), rtol=1e-9
    )
    np.testing.assert_allclose(
        by_sector["expenditure"], moved.sum(axis=1) / world.expenditure.sum(axis=1), rtol=1e-9
    )
    told = json.loads(json.dumps(dict(based.meta["rebased"])))
    assert told["deficit_rule"] == "balanced"


def test_a_rule_that_is_not_one() -> None:
    with pytest.raises(InputError, match="zero"):
        random_world(1, 3, 2).rebase("zero")


def test_a_needed_good_without_a_supplier_is_refused() -> None:
    world = random_world(1, 3, 2)
    flows = np.array(world.flows)
    flows[0, :, 1] = 0.0
    with pytest.raises(InputError, match=r"C01.*s00"):
        world.with_(flows=flows).rebase()


def test_large_worlds_reach_rounding() -> None:
    """Sixty countries with very different sizes: still 1e-12, and quickly."""
    world = random_world(3, 60, 8)
    limit = 0.05 / np.abs(world.deficit / world.value_added).max()
    based = spoiled(world.with_(deficit=world.deficit * limit), 3).rebase()
    assert based.meta["rebased"]["iterations"] < 200
    assert max(identities(based).values()) <= 1e-12


def test_nearly_closed_countries_reach_rounding() -> None:
    world = random_world(5, 5, 2, deficits=False)
    home = np.eye(5, dtype=bool)
    closed = world.with_(flows=np.where(home, world.flows, 1e-4 * world.flows))
    added = (closed.value_added_share * closed.flows.sum(axis=2)).sum(axis=0)
    based = closed.with_(value_added=added).rebase("balanced")
    found = identities(based)
    assert max(found.values()) <= 1e-12, found
