"""The flagship on the embedded world: order, unit and form of the table do not matter.

The package's own functions do the moving: ``reorder``, ``scale`` and ``world_to_tables``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import detente as dt
from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.shocks import Shocks
from detente.world import World
from detente.world.aggregate import reorder, scale
from detente.world.tables import world_from_tables, world_to_tables

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
HATS = ("wage_hat", "income_hat", "welfare_hat", "own_earnings_hat")
SAME = 1e-9


@pytest.fixture(scope="module")
def korea() -> World:
    return dt.load_world("korea")


def shocks_of(world: World, name: str = "korea-opens.yaml") -> Shocks:
    return dt.load_scenario(SCENARIOS / name).to_shocks(world)


def solve(world: World, shocks: Shocks) -> Equilibrium:
    return solve_equilibrium(world, shocks, tolerance=1e-12)


@pytest.fixture(scope="module")
def flagship(korea: World) -> Equilibrium:
    return solve(korea, shocks_of(korea))


@pytest.mark.parametrize("seed", [0, 1])
def test_reordered(korea: World, flagship: Equilibrium, seed: int) -> None:
    """Countries and sectors shuffled, ψ and coverage with them; the scenario reads codes."""
    rng = np.random.default_rng(seed)
    n, s = rng.permutation(korea.n_countries), rng.permutation(korea.n_sectors)
    other = reorder(korea, [korea.countries[j] for j in n], [korea.sectors[j] for j in s])
    assert other.countries != korea.countries
    assert other.sectors != korea.sectors
    cells = np.ix_(s, n, n)
    for group in ("dormant", "coverage"):
        for key, table in getattr(korea, group).items():
            assert np.array_equal(getattr(other, group)[key], table[cells])
    moved = solve(other, shocks_of(other))
    np.testing.assert_allclose(moved.given.base, flagship.given.base[cells], rtol=1e-14)
    for hat in HATS:
        np.testing.assert_allclose(getattr(moved, hat), getattr(flagship, hat)[n], rtol=SAME)
    np.testing.assert_allclose(moved.flows, flagship.flows[cells], rtol=SAME, atol=1e-9)
    back = reorder(other, korea.countries, korea.sectors)
    assert back.content_hash == korea.content_hash


@pytest.mark.parametrize("name", ["korea-opens.yaml", "aid-and-half-relief.yaml"])
@pytest.mark.parametrize("by", [1000.0, 1e-6])
def test_scaled(korea: World, name: str, by: float) -> None:
    """Money of the world and of its transfers times 1000: the same hats, money × 1000."""
    shocks = shocks_of(korea, name)
    more = replace(
        shocks,
        transfer=None if shocks.transfer is None else shocks.transfer * by,
        caps=tuple(replace(cap, quantity=cap.quantity * by) for cap in shocks.caps),
    )
    one, other = solve(korea, shocks), solve(scale(korea, by), more)
    for hat in (*HATS, "price_hat", "cost_hat"):
        np.testing.assert_allclose(getattr(other, hat), getattr(one, hat), rtol=SAME)
    np.testing.assert_allclose(other.flows, one.flows * by, rtol=SAME, atol=1e-9 * by)


def test_the_transfer_must_be_scaled_too(korea: World) -> None:
    """The test above could fail: aid of 500 million in a world of 1000-fold money is less."""
    shocks = shocks_of(korea, "aid-and-half-relief.yaml")
    assert shocks.transfer is not None
    shocks = replace(shocks, caps=())
    one, other = solve(korea, shocks), solve(scale(korea, 1000.0), shocks)
    prk = korea.country_index("PRK")
    assert one.welfare_hat[prk] / other.welfare_hat[prk] > 1.01


def test_written_as_tables_and_read_again(korea: World, flagship: Equilibrium) -> None:
    """Long tables hold no ψ and no coverage: those are put back, the rest comes from them."""
    tables = world_to_tables(korea)
    shuffled = {key: table.sample(frac=1.0, random_state=1) for key, table in tables.items()}
    again = world_from_tables(
        **shuffled, countries=korea.countries, sectors=korea.sectors, tolerance=SAME
    ).with_(dormant=korea.dormant, coverage=korea.coverage, meta=korea.meta)
    assert again is not korea
    found = solve(again, shocks_of(again))
    for hat in HATS:
        np.testing.assert_allclose(getattr(found, hat), getattr(flagship, hat), rtol=SAME)
    np.testing.assert_allclose(found.flows, flagship.flows, rtol=SAME, atol=1e-7)
