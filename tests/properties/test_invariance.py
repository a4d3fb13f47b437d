"""What must not matter: units, order, labels, the way to the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import KINDS, random_shocks
from detente.equilibrium import Equilibrium, solve_batch, solve_equilibrium
from detente.errors import DetenteError
from detente.shocks import SHOCK_ARRAYS, Shocks
from detente.world import World
from hypothesis_profiles import examples
from worlds import random_world, worlds

RULES = ("fixed", "proportional", "balanced", "balanced_as_shock", "path")
HATS = ("wage_hat", "price_hat", "cost_hat", "income_hat", "welfare_hat", "own_earnings_hat")
#: money that grows with the unit of account
MONEY = ("transfer", "payment", "hired", "deficit_path")


def solve(world: World, shocks: Shocks) -> Equilibrium | str:
    try:
        return solve_equilibrium(world, shocks, tolerance=1e-12)
    except DetenteError as error:
        return type(error).__name__


def scaled(world: World, shocks: Shocks, by: float) -> tuple[World, Shocks]:
    bigger = world.with_(
        flows=world.flows * by, value_added=world.value_added * by, deficit=world.deficit * by
    )
    money = {k: getattr(shocks, k) * by for k in MONEY if getattr(shocks, k) is not None}
    caps = tuple(replace(cap, quantity=cap.quantity * by) for cap in shocks.caps)
    return bigger, replace(shocks, caps=caps, **money)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("by", [1000.0, 1e-6])
def test_units_do_not_matter(rule: str, by: float) -> None:
    """World, transfers and caps × 1000 (and × 1e-6): the same hats."""
    for seed in range(4):
        world = random_world(seed, 6, 3, zeros=0.1).rebase()
        shocks = random_shocks(world, seed, KINDS, rule, strength=0.6)
        one, other = solve(world, shocks), solve(*scaled(world, shocks, by))
        if isinstance(one, str) or isinstance(other, str):
            assert one == other
            continue
        for hat in HATS:
            np.testing.assert_allclose(getattr(other, hat), getattr(one, hat), rtol=1e-9)
        np.testing.assert_allclose(
            other.solution.cap_markup, one.solution.cap_markup, atol=1e-9
        )
        assert other.equivalent_variation == pytest.approx(
            by * one.equivalent_variation, rel=1e-6, abs=1e-8 * by * world.income.max()
        )


def moved(
    axes: str, array: np.ndarray, countries: np.ndarray, sectors: np.ndarray
) -> np.ndarray:
    order = [sectors if a in "sk" else countries for a in axes]
    return array[np.ix_(*order)]


def reordered(
    world: World, shocks: Shocks, countries: np.ndarray, sectors: np.ndarray
) -> tuple[World, Shocks]:
    axes = {
        "flows": "sin",
        "tariff": "sin",
        "input_share": "ksi",
        "value_added_share": "si",
        "final_share": "sn",
        "trade_elasticity": "s",
        "value_added": "n",
        "deficit": "n",
    }
    fields: dict[str, Any] = {
        key: moved(a, getattr(world, key), countries, sectors) for key, a in axes.items()
    }
    codes = tuple(world.countries[j] for j in countries)
    names = tuple(world.sectors[j] for j in sectors)
    other = World(name=world.name, countries=codes, sectors=names, **fields)
    given = {
        key: moved(SHOCK_ARRAYS[key][0], array, countries, sectors)
        for key, array in shocks.arrays().items()
    }
    return other, replace(shocks, caps=tuple(reversed(shocks.caps)), **given)


@settings(max_examples=examples(40))
@given(worlds(max_countries=7, max_sectors=4), st.integers(0, 2**31), st.sampled_from(RULES))
def test_order_does_not_matter(world: World, seed: int, rule: str) -> None:
    rng = np.random.default_rng(seed)
    countries, sectors = rng.permutation(world.n_countries), rng.permutation(world.n_sectors)
    shocks = random_shocks(world, seed, KINDS, rule, strength=0.5)
    one = solve(world, shocks)
    other = solve(*reordered(world, shocks, countries, sectors))
    if isinstance(one, str) or isinstance(other, str):
        assert isinstance(one, str)
        assert isinstance(other, str)
        return
    # a nearly closed country's level is pinned by its little trade: see the tolerance
    for hat in ("wage_hat", "income_hat", "welfare_hat", "own_earnings_hat"):
        np.testing.assert_allclose(getattr(other, hat), getattr(one, hat)[countries], rtol=1e-7)
    np.testing.assert_allclose(
        other.trade_share, moved("sin", one.trade_share, countries, sectors), atol=1e-8
    )


@pytest.mark.parametrize("rule", RULES)
def test_the_start_does_not_matter(rule: str) -> None:
    """From another scenario's solution: the same answer."""
    world = random_world(1, 6, 3)
    world = world.with_(deficit=world.deficit * 0.1).rebase()
    elsewhere = solve_equilibrium(
        world, random_shocks(world, 9, ("tariff", "cost", "labour"), rule)
    )
    shocks = random_shocks(world, 3, ("cost", "ban", "transfer", "caps"), rule, strength=0.5)
    cold = solve_equilibrium(world, shocks, tolerance=1e-12)
    warm = solve_equilibrium(world, shocks, tolerance=1e-12, start=elsewhere.solution)
    for hat in HATS:
        np.testing.assert_allclose(getattr(warm, hat), getattr(cold, hat), rtol=1e-9)


def test_solving_twice_gives_the_same_bits() -> None:
    world = random_world(1, 6, 3)
    shocks = random_shocks(world, 3, KINDS, strength=0.5)
    one, other = solve_equilibrium(world, shocks), solve_equilibrium(world, shocks)
    assert one.welfare_hat.tobytes() == other.welfare_hat.tobytes()
    assert one.flows.tobytes() == other.flows.tobytes()


def test_a_batch_is_its_solves_one_by_one() -> None:
    """In any order and on any number of threads, to the last bit."""
    world = random_world(1, 6, 3)
    world = world.with_(deficit=world.deficit * 0.1).rebase()
    batch = [
        random_shocks(world, j, KINDS, rule, strength=0.4) for j in range(6) for rule in RULES
    ]
    batch = [z for z in batch if not isinstance(solve(world, z), str)]
    assert len(batch) > 20
    for eq, shocks in zip(solve_batch(world, batch), batch, strict=True):
        alone = solve_equilibrium(world, shocks)
        assert eq.welfare_hat.tobytes() == alone.welfare_hat.tobytes()


def test_a_solve_changes_neither_the_world_nor_the_shocks() -> None:
    world = random_world(1, 6, 3).rebase()
    shocks = random_shocks(world, 3, KINDS, strength=0.5)
    world.expenditure, world.trade_share, world.trade_share_net  # noqa: B018
    before = {k: v.copy() for k, v in world.arrays().items()}
    cached = world.trade_share.copy(), world.trade_share_net.copy()
    told = {k: v.copy() for k, v in shocks.arrays().items()}
    solve_equilibrium(world, shocks)
    solve_equilibrium(world, Shocks(caps=shocks.caps))
    assert all((world.arrays()[k] == v).all() for k, v in before.items())
    assert (world.trade_share == cached[0]).all()
    assert (world.trade_share_net == cached[1]).all()
    assert all((shocks.arrays()[k] == v).all() for k, v in told.items())


def test_neutral_arrays_are_no_shock() -> None:
    """Ones, zeros and today's tariffs are the same as None."""
    world = random_world(5, 5, 3, zeros=0.1)
    n, shape = world.n_countries, world.flows.shape
    eq = solve_equilibrium(
        world,
        Shocks(
            tariff_new=world.tariff,
            cost_hat=np.ones(shape),
            link=np.ones(shape),
            link_open=np.zeros(shape),
            dormant_share=np.full(shape, 0.5),
            productivity_hat=np.ones(shape[:2]),
            labour_hat=np.ones(n),
            transfer=np.zeros(n),
        ),
    )
    for hat in HATS:
        np.testing.assert_allclose(getattr(eq, hat), 1.0, atol=1e-12)


def test_a_dormant_link_changes_nothing_until_it_opens() -> None:
    world = random_world(5, 5, 3, zeros=0.3)
    psi = np.full(world.flows.shape, 0.3)
    shocks = random_shocks(world, 2, ("tariff",))
    plain = solve_equilibrium(world, shocks)
    with_psi = solve_equilibrium(
        world, replace(shocks, dormant_share=psi, link_open=np.zeros_like(psi))
    )
    np.testing.assert_allclose(with_psi.welfare_hat, plain.welfare_hat, rtol=1e-9)


def test_the_embargo_limit() -> None:
    """As d̂ → ∞ on some links, the outcome goes to m = 0 on them."""
    world = random_world(2, 5, 2)
    world = world.with_(deficit=world.deficit * 0.1).rebase()
    cells = np.zeros(world.flows.shape, dtype=bool)
    cells[0, 1, 2] = cells[1, 1, 2] = cells[0, 3, 0] = True
    ban = solve_equilibrium(world, Shocks(link=1.0 - cells), tolerance=1e-12)
    gaps = []
    for dearer in (3.0, 10.0, 100.0, 1e5):
        eq = solve_equilibrium(
            world, Shocks(cost_hat=np.where(cells, dearer, 1.0)), tolerance=1e-12
        )
        gaps.append(np.abs(eq.welfare_hat / ban.welfare_hat - 1.0).max())
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-9


def test_the_embargo_limit_of_a_whole_country() -> None:
    """Cut off in both directions by cost or by ban: the same real outcome for all."""
    world = random_world(2, 4, 2, deficits=False)
    cut = np.zeros(world.flows.shape, dtype=bool)
    cut[:, 0, 1:] = cut[:, 1:, 0] = True
    ban = solve_equilibrium(world, Shocks(link=1.0 - cut, deficit_rule="balanced"))
    dear = solve_equilibrium(
        world, Shocks(cost_hat=np.where(cut, 1e3, 1.0), deficit_rule="balanced")
    )
    np.testing.assert_allclose(dear.welfare_hat, ban.welfare_hat, rtol=1e-5)
