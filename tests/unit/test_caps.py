"""Quantity caps: complementary, exact, and the rent goes where it is said to go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accounts import link_markup, random_shocks, violations
from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.errors import DetenteError, NoSolutionError, NotConvergedError, ShockError
from detente.shocks import Cap, Shocks
from detente.world import World
from worlds import random_world


@pytest.fixture(scope="module")
def world() -> World:
    world = random_world(7, 5, 3)
    return world.with_(deficit=world.deficit * 0.05).rebase()


def trade(world: World, sector: int, i: int, n: int) -> float:
    return float(world.flows[sector, i, n])


def capped(world: World, *caps: Cap, tolerance: float = 1e-11, **more: object) -> Equilibrium:
    eq = solve_equilibrium(world, Shocks(caps=caps, **more), tolerance=tolerance)
    assert max(violations(eq).values()) < 1e-9, violations(eq)
    return eq


def quantity(eq: Equilibrium, sector: int, i: list[int], n: list[int]) -> float:
    arrived = eq.customs_value / link_markup(eq)
    return float((arrived[sector, i, n] / eq.cost_hat[sector, i]).sum())


def cap(
    world: World, sector: int, i: int, n: int, share: float, owner: str = "importer"
) -> Cap:
    c = world.countries
    size = share * trade(world, sector, i, n)
    return Cap(world.sectors[sector], (c[i],), (c[n],), size, owner)


@pytest.mark.parametrize("share", [1.0001, 2.0, 1e9])
def test_a_cap_that_does_not_bind_changes_nothing(world: World, share: float) -> None:
    eq = capped(world, cap(world, 0, 1, 2, share))
    np.testing.assert_allclose(eq.wage_hat, 1.0, atol=1e-12)
    np.testing.assert_allclose(eq.welfare_hat, 1.0, atol=1e-12)
    assert eq.solution.cap_markup.tolist() == [0.0]
    tariff = np.where(np.eye(5, dtype=bool), 0.0, 0.3) * np.ones((3, 1, 1))
    free = solve_equilibrium(world, Shocks(tariff_new=tariff), tolerance=1e-12)
    slack = capped(world, cap(world, 0, 1, 2, 50.0), tariff_new=tariff, tolerance=1e-12)
    np.testing.assert_allclose(slack.welfare_hat, free.welfare_hat, rtol=1e-11)


@pytest.mark.parametrize("share", [0.9999, 0.5, 0.01, 1e-6])
@pytest.mark.parametrize("owner", ["importer", "exporter", "burnt", "C00"])
def test_a_cap_that_binds_holds_exactly(world: World, share: float, owner: str) -> None:
    one = cap(world, 0, 1, 2, share, owner)
    eq = capped(world, one)
    assert quantity(eq, 0, [1], [2]) == pytest.approx(one.quantity, rel=1e-9)
    assert eq.solution.cap_markup[0] > 0


@pytest.mark.parametrize("owner", ["importer", "exporter", "C00"])
def test_the_rent_goes_to_its_owner(world: World, owner: str) -> None:
    """Rent = customs value · μ/(1+μ), all of it, to one country."""
    eq = capped(world, cap(world, 0, 1, 2, 0.4, owner))
    mu = eq.solution.cap_markup[0]
    rent = eq.customs_value[0, 1, 2] * mu / (1.0 + mu)
    at = {"importer": 2, "exporter": 1, "C00": 0}[owner]
    expected = np.zeros(5)
    expected[at] = rent
    np.testing.assert_allclose(eq.solution.rents, expected, rtol=1e-9)
    earned = eq.value_added + eq.solution.tariff_revenue + eq.solution.deficit
    np.testing.assert_allclose(eq.income - earned, expected, atol=1e-9 * eq.income.max())
    assert rent > 0


def test_a_burnt_rent_is_nobodys_income_and_costs_somebody(world: World) -> None:
    burnt = capped(world, cap(world, 0, 1, 2, 0.4, "burnt"))
    kept = capped(world, cap(world, 0, 1, 2, 0.4, "importer"))
    assert not burnt.solution.rents.any()
    assert burnt.welfare_hat[2] < kept.welfare_hat[2]


def test_an_importers_cap_is_a_tariff(world: World) -> None:
    """Buyers pay (1+t)(1+μ) and the importer keeps the rest: the tariff (1+t)(1+μ) − 1."""
    eq = capped(world, cap(world, 1, 0, 3, 0.3), tolerance=1e-12)
    tariff = np.array(world.tariff)
    tariff[1, 0, 3] = (1.0 + tariff[1, 0, 3]) * (1.0 + eq.solution.cap_markup[0]) - 1.0
    by_tariff = solve_equilibrium(world, Shocks(tariff_new=tariff), tolerance=1e-12)
    np.testing.assert_allclose(eq.welfare_hat, by_tariff.welfare_hat, rtol=1e-9)
    np.testing.assert_allclose(eq.flows, by_tariff.flows, rtol=1e-8)


def test_a_burnt_cap_is_an_iceberg_cost(world: World) -> None:
    """A rent that is used up in resources is a trade cost of 1+μ on that link."""
    eq = capped(world, cap(world, 1, 0, 3, 0.3, "burnt"), tolerance=1e-12)
    dearer = np.ones_like(world.flows)
    dearer[1, 0, 3] = 1.0 + eq.solution.cap_markup[0]
    iceberg = solve_equilibrium(world, Shocks(cost_hat=dearer), tolerance=1e-12)
    np.testing.assert_allclose(eq.welfare_hat, iceberg.welfare_hat, rtol=1e-9)
    np.testing.assert_allclose(eq.wage_hat, iceberg.wage_hat, rtol=1e-9)


def test_a_tiny_cap_is_a_ban(world: World) -> None:
    """As the cap goes to zero the outcome goes to m = 0."""
    banned = np.ones_like(world.flows)
    banned[0, 1, 2] = 0.0
    ban = solve_equilibrium(world, Shocks(link=banned), tolerance=1e-12)
    gaps = []
    for share in (1e-2, 1e-4, 1e-8):
        eq = capped(world, cap(world, 0, 1, 2, share))
        gaps.append(np.abs(eq.welfare_hat - ban.welfare_hat).max())
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-6


def test_a_cap_of_zero_is_a_ban_or_is_refused(world: World) -> None:
    banned = np.ones_like(world.flows)
    banned[0, 1, 2] = 0.0
    ban = solve_equilibrium(world, Shocks(link=banned))
    try:
        eq = solve_equilibrium(world, Shocks(caps=(cap(world, 0, 1, 2, 0.0),)))
    except ShockError as error:
        assert "ban" in str(error)
        return
    np.testing.assert_allclose(eq.welfare_hat, ban.welfare_hat, rtol=1e-9)


def test_one_cap_over_several_links(world: World) -> None:
    """Σ F′/ĉ over all of them is the quantity, and they share one mark-up."""
    c = world.countries
    total = sum(trade(world, 0, i, n) for i in (1, 3) for n in (0, 2))
    one = Cap(world.sectors[0], (c[1], c[3]), (c[0], c[2]), 0.5 * total)
    eq = capped(world, one)
    found = quantity(eq, 0, [1, 1, 3, 3], [0, 2, 0, 2])
    assert found == pytest.approx(0.5 * total, rel=1e-9)
    markups = eq.customs_value / np.where(eq.flows > 0, eq.flows, 1.0)
    hit = markups[0, [1, 1, 3, 3], [0, 2, 0, 2]]
    np.testing.assert_allclose(hit, hit[0], rtol=1e-12)
    own = Cap(world.sectors[0], (c[1],), (c[1], c[2]), 0.5 * trade(world, 0, 1, 2))
    assert quantity(capped(world, own), 0, [1], [2]) == pytest.approx(own.quantity, rel=1e-9)


def test_two_caps_on_one_buyer(world: World) -> None:
    """Each moves the buyer's price, so each moves the other; both hold."""
    both = (cap(world, 0, 1, 2, 0.5), cap(world, 0, 3, 2, 0.6, "exporter"))
    eq = capped(world, *both)
    for one, i in zip(both, (1, 3), strict=True):
        assert quantity(eq, 0, [i], [2]) <= one.quantity * (1 + 1e-9)
    assert (eq.solution.cap_markup > 0).all()


def test_every_supplier_of_a_buyer_capped_abroad() -> None:
    world = random_world(3, 6, 2, deficits=True)
    world = world.with_(deficit=world.deficit * 0.05).rebase()
    caps = tuple(cap(world, 1, i, 2, 0.2 + 0.1 * i, "burnt") for i in (0, 1, 3, 4, 5))
    eq = capped(world, *caps)
    for one, i in zip(caps, (0, 1, 3, 4, 5), strict=True):
        assert quantity(eq, 1, [i], [2]) <= one.quantity * (1 + 1e-9)


def test_many_caps(world: World) -> None:
    """Forty caps, some slack, with a tariff shock on top."""
    pairs = [(s, i, n) for s in (0, 1) for i in range(5) for n in range(5) if i != n]
    owners = ("importer", "exporter", "C04")
    caps = tuple(
        cap(world, s, i, n, 0.3 + 0.05 * j, owners[j % 3]) for j, (s, i, n) in enumerate(pairs)
    )
    eq = capped(world, *caps)
    for one, (s, i, n), mu in zip(caps, pairs, eq.solution.cap_markup, strict=True):
        filled = quantity(eq, s, [i], [n]) / one.quantity
        assert filled <= 1 + 1e-9
        assert mu == 0 or filled == pytest.approx(1, abs=1e-9)
    assert eq.solution.iterations < 300


def test_two_caps_on_the_same_link(world: World) -> None:
    """Both hold (the tighter one binds), or the overlap is refused with its reason."""
    loose, tight = cap(world, 0, 1, 2, 0.8), cap(world, 0, 1, 2, 0.4)
    for pair in ((loose, tight), (tight, loose)):
        try:
            eq = solve_equilibrium(world, Shocks(caps=pair))
        except DetenteError as error:
            assert "cap" in str(error)
            assert world.countries[1] in str(error)
            continue
        assert quantity(eq, 0, [1], [2]) <= tight.quantity * (1 + 1e-9)


def test_a_tight_cap_at_a_high_elasticity() -> None:
    world = random_world(11, 4, 2)
    world = world.with_(
        deficit=world.deficit * 0.0, trade_elasticity=np.array([65.0, 30.0])
    ).rebase()
    eq = capped(world, cap(world, 0, 1, 2, 1e-6))
    assert quantity(eq, 0, [1], [2]) == pytest.approx(1e-6 * trade(world, 0, 1, 2), rel=1e-9)


def test_a_cap_on_a_closed_link_does_nothing_and_on_an_opened_one_holds() -> None:
    world = random_world(13, 5, 2, zeros=0.3)
    world = world.with_(deficit=world.deficit * 0.05).rebase()
    s, i, n = next(
        (s, i, n)
        for s, i, n in np.argwhere(world.flows == 0)
        if i != n and world.output[s, i] > 0 and world.expenditure[s, n] > 0
    )
    c = world.countries
    one = Cap(world.sectors[s], (c[i],), (c[n],), 0.001 * world.expenditure[s, n])
    idle = capped(world, one)
    np.testing.assert_allclose(idle.welfare_hat, 1.0, atol=1e-12)
    psi = np.zeros_like(world.flows)
    psi[s, i, n] = 0.2
    opened = capped(world, one, link_open=np.sign(psi), dormant_share=psi)
    assert quantity(opened, s, [i], [n]) == pytest.approx(one.quantity, rel=1e-9)


def test_a_deficit_that_a_capped_importer_cannot_spend() -> None:
    """Its only import link is capped below the money that it must spend abroad: no equilibrium.

    Without the cap there is one; with it, an error by name and never a number.
    """
    world = random_world(1886878291, 4, 5, zeros=0.6, services=4, tariffs=False)
    kinds = ("cost", "productivity", "labour", "caps")
    shocks = random_shocks(world, 1886878291, kinds, "path")
    assert np.count_nonzero(world.flows[0, :, 0]) == 2  # itself and C03
    free = solve_equilibrium(world, replace(shocks, caps=()))
    assert quantity(free, 0, [3], [0]) > shocks.caps[0].quantity
    with pytest.raises((NoSolutionError, NotConvergedError)):
        solve_equilibrium(world, shocks)


def test_a_rent_can_be_shared_out(world: World) -> None:
    """Shares of countries give what each alone would own, and must sum to one."""
    shared = (("C00", 0.5), ("C02", 0.3), ("C04", 0.2))
    one = cap(world, 0, 1, 2, 0.4)
    eq = capped(world, replace(one, owner=shared))
    mu = eq.solution.cap_markup[0]
    rent = eq.customs_value[0, 1, 2] * mu / (1.0 + mu)
    np.testing.assert_allclose(eq.solution.rents, rent * np.array([0.5, 0, 0.3, 0, 0.2]))
    whole = capped(world, replace(one, owner=(("C00", 1.0),)))
    named = capped(world, replace(one, owner="C00"))
    np.testing.assert_allclose(whole.welfare_hat, named.welfare_hat, rtol=1e-12)
    assert replace(one, owner=shared).owner_words == "C00 50 %, C02 30 %, C04 20 %"


@pytest.mark.parametrize(
    ("owner", "words"),
    [
        ((("C00", 0.5),), "sum to 0.5"),
        ((("C00", 0.5), ("XXX", 0.5)), "unknown country 'XXX'"),
        ((("C00", 0.5), ("C00", 0.5)), "stands twice"),
        ((("C00", 1.5), ("C01", -0.5)), "zero or above"),
    ],
)
def test_shares_that_are_none_are_refused(
    world: World, owner: tuple[tuple[str, float], ...], words: str
) -> None:
    with pytest.raises(ShockError, match=words):
        capped(world, replace(cap(world, 0, 1, 2, 0.4), owner=owner))
