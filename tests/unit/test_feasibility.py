"""What has no equilibrium is told by name, with the country, the sector and the reason."""

from __future__ import annotations

import numpy as np
import pytest

from accounts import violations
from detente.equilibrium import solve_equilibrium
from detente.errors import InputError, NoSolutionError, WorldError
from detente.shocks import Cap, Shocks
from detente.world import World


def hand_made(flows: np.ndarray, inputs: float = 0.3, **more: object) -> World:
    """A world from flows: each sector uses its own country's goods in equal parts."""
    s, n = flows.shape[:2]
    output, spent = flows.sum(axis=2), flows.sum(axis=1)
    makes = output > 0
    share = np.where(makes & (spent > 0), inputs / s, 0.0)
    recipe = np.broadcast_to(share[None], (s, s, n)) * (spent > 0)[:, None, :]
    final = spent - np.einsum("ksi,si->ki", recipe, output)
    assert (final >= 0).all()
    added = 1.0 - recipe.sum(axis=0)
    return World(
        name="hand-made",
        countries=("AAA", "BBB", "CCC", "DDD", "EEE")[:n],
        sectors=("food", "steel", "oil")[:s],
        flows=flows,
        tariff=np.zeros_like(flows),
        input_share=recipe,
        value_added_share=added,
        final_share=final / final.sum(axis=0),
        trade_elasticity=np.full(s, 5.0),
        value_added=(added * output).sum(axis=0),
        deficit=flows.sum(axis=(0, 1)) - flows.sum(axis=(0, 2)),
        **more,
    )


def full(n: int, s: int = 2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(5.0, 15.0, (s, n, n)) + 100.0 * np.eye(n)


def ban(world: World, country: int, ways: str = "both") -> np.ndarray:
    """Close a country's imports, exports or both."""
    link = np.ones_like(world.flows)
    keep = link[:, country, country].copy()
    if ways in ("both", "imports"):
        link[:, :, country] = 0.0
    if ways in ("both", "exports"):
        link[:, country, :] = 0.0
    link[:, country, country] = keep
    return link


# -- suppliers ---------------------------------------------------------------------------
def test_autarky_without_own_production_names_country_and_sector() -> None:
    flows = full(3)
    flows[1, 0, :] = 0.0  # AAA makes no steel, and buys some
    world = hand_made(flows)
    with pytest.raises(NoSolutionError, match=r"(?s)AAA.*steel") as caught:
        solve_equilibrium(world, Shocks(link=ban(world, 0), deficit_rule="balanced"))
    assert "CCC" in str(caught.value)
    assert "BBB" in str(caught.value)


def test_output_without_own_sales_is_no_supply() -> None:
    """F[s,n,n] counts and not Y: AAA exports all the steel that it makes."""
    flows = full(3)
    flows[1, 0, 0] = 0.0
    world = hand_made(flows, inputs=0.1)
    assert world.output[1, 0] > 0
    with pytest.raises(NoSolutionError, match=r"(?s)AAA.*steel"):
        solve_equilibrium(world, Shocks(link=ban(world, 0, "imports")))


def test_leakage_is_enough() -> None:
    flows = full(3)
    flows[1, 0, :] = 0.0
    world = hand_made(flows)
    link = np.maximum(ban(world, 0), 1e-4)
    eq = solve_equilibrium(world, Shocks(link=link, deficit_rule="balanced"))
    assert max(violations(eq).values()) < 1e-9
    assert eq.welfare_hat[0] < 0.8


def test_a_sector_that_nobody_needs_may_lose_its_suppliers() -> None:
    """AAA neither makes nor buys oil: autarky leaves it as it is."""
    flows = full(3, 3)
    flows[2, 0, :] = flows[2, :, 0] = 0.0
    world = hand_made(flows)
    eq = solve_equilibrium(world, Shocks(link=ban(world, 0), deficit_rule="balanced"))
    assert max(violations(eq).values()) < 1e-9
    assert eq.expenditure[2, 0] == 0
    assert eq.world.expenditure[2, 0] == 0


def test_a_zero_expenditure_cell_stays_zero() -> None:
    flows = full(3)
    flows[1, :, 2] = 0.0  # CCC buys no steel
    flows[1, 2, :] = 0.0
    world = hand_made(flows)
    rng = np.random.default_rng(0)
    eq = solve_equilibrium(world, Shocks(cost_hat=rng.uniform(0.8, 1.2, flows.shape)))
    assert max(violations(eq).values()) < 1e-9
    assert eq.expenditure[1, 2] == 0
    assert eq.output[1, 2] == 0
    assert np.isfinite(eq.price_hat).all()
    assert not eq.trade_share[1, :, 2].any()


def test_an_opening_brings_a_country_goods_that_it_did_not_need() -> None:
    """Opening a link into a market without demand changes nothing."""
    flows = full(3)
    flows[1, :, 2] = 0.0
    flows[1, 2, :] = 0.0
    world = hand_made(flows)
    psi = np.zeros_like(flows)
    psi[1, 0, 2] = 0.5
    eq = solve_equilibrium(world, Shocks(link_open=np.sign(psi), dormant_share=psi))
    np.testing.assert_allclose(eq.welfare_hat, 1.0, atol=1e-12)


def test_a_new_exporter_of_a_good_that_it_did_not_make() -> None:
    flows = full(3)
    flows[1, 2, :] = 0.0  # CCC makes no steel
    world = hand_made(flows, inputs=0.1)
    psi = np.zeros_like(flows)
    psi[1, 2, 0] = 0.5
    eq = solve_equilibrium(world, Shocks(link_open=np.sign(psi), dormant_share=psi))
    assert max(violations(eq).values()) < 1e-9
    assert eq.output[1, 2] > 0


# -- payments ----------------------------------------------------------------------------
def two_blocks() -> World:
    """AAA–BBB and CCC–DDD trade among themselves; AAA and CCC with each other a little."""
    flows = full(4)
    flows[:, :2, 2:] *= 0.1
    flows[:, 2:, :2] *= 0.1
    return hand_made(flows)


def cut_in_two(world: World) -> np.ndarray:
    link = np.ones_like(world.flows)
    link[:, :2, 2:] = link[:, 2:, :2] = 0.0
    return link


def test_an_isolated_block_with_a_deficit_has_no_equilibrium() -> None:
    world = two_blocks()
    assert abs(world.deficit[:2].sum()) > 0.1
    with pytest.raises(NoSolutionError, match=r"AAA, BBB|CCC, DDD"):
        solve_equilibrium(world, Shocks(link=cut_in_two(world)))


def test_isolated_blocks_keep_their_levels_when_balanced() -> None:
    world = two_blocks()
    for rule in ("balanced", "balanced_as_shock"):
        eq = solve_equilibrium(world, Shocks(link=cut_in_two(world), deficit_rule=rule))
        assert max(violations(eq).values()) < 1e-9
        assert eq.certificate.blocks == 2
        for block in (slice(0, 2), slice(2, 4)):
            before, after = eq.world.value_added[block].sum(), eq.value_added[block].sum()
            assert after == pytest.approx(before, rel=1e-9)


def test_isolated_blocks_solve_as_two_worlds_would() -> None:
    """Each half on its own gives the same hats."""
    world = two_blocks().rebase("balanced")
    labour = np.array([1.0, 1.3, 0.8, 1.0])
    tariff = np.zeros_like(world.flows)
    tariff[0, 0, 1] = tariff[1, 3, 2] = 0.2
    together = solve_equilibrium(
        world,
        Shocks(link=cut_in_two(world), labour_hat=labour, tariff_new=tariff),
        tolerance=1e-12,
    )
    for half in (slice(0, 2), slice(2, 4)):
        flows = together.flows[:, half, half]
        alone = solve_equilibrium(
            world.with_(name="again"),
            Shocks(
                link=cut_in_two(world), labour_hat=labour, tariff_new=tariff * _inside(half)
            ),
            tolerance=1e-12,
        )
        np.testing.assert_allclose(alone.flows[:, half, half], flows, rtol=1e-8)
        np.testing.assert_allclose(
            alone.welfare_hat[half], together.welfare_hat[half], rtol=1e-9
        )


def _inside(half: slice) -> np.ndarray:
    mask = np.zeros((4, 4))
    mask[half, half] = 1.0
    return mask


@pytest.mark.parametrize("kind", ["labour", "transfer", "none"])
def test_a_baseline_of_separate_blocks(kind: str) -> None:
    """Blocks are found whatever the shock: each one's factor income is its own numeraire."""
    flows = full(4)
    flows[:, :2, 2:] = flows[:, 2:, :2] = 0.0
    world = hand_made(flows)
    given: dict[str, object] = {}
    if kind == "labour":
        given["labour_hat"] = np.array([1.5, 1.0, 1.0, 1.0])
    if kind == "transfer":
        given["transfer"] = np.array([1.0, -1.0, 0.0, 0.0])
    eq = solve_equilibrium(world, Shocks(**given))
    assert max(violations(eq).values()) < 1e-9
    assert eq.certificate.blocks == 2
    assert eq.value_added[:2].sum() == pytest.approx(world.value_added[:2].sum(), rel=1e-9)
    np.testing.assert_allclose(eq.welfare_hat[2:], 1.0, rtol=1e-9)
    across = np.array([1.0, 0.0, -1.0, 0.0])
    with pytest.raises(NoSolutionError, match=r"AAA|CCC"):
        solve_equilibrium(world, Shocks(transfer=across))


def test_imports_without_exports_need_somebody_who_pays() -> None:
    world = hand_made(full(3))
    link = ban(world, 0, "exports")
    with pytest.raises(NoSolutionError, match="AAA"):
        solve_equilibrium(world, Shocks(link=link, deficit_rule="balanced"))
    aid = np.array([20.0, -10.0, -10.0])
    eq = solve_equilibrium(world, Shocks(link=link, deficit_rule="balanced", transfer=aid))
    assert max(violations(eq).values()) < 1e-9
    imports = eq.flows[:, 1:, 0].sum()
    assert imports == pytest.approx(20.0, rel=1e-8)


def test_exports_without_imports_need_a_surplus() -> None:
    world = hand_made(full(3))
    link = ban(world, 0, "imports")
    with pytest.raises(NoSolutionError, match="AAA"):
        solve_equilibrium(world, Shocks(link=link, deficit_rule="balanced"))
    paid = np.array([-20.0, 10.0, 10.0])
    eq = solve_equilibrium(world, Shocks(link=link, deficit_rule="balanced", transfer=paid))
    assert max(violations(eq).values()) < 1e-9
    assert eq.flows[:, 0, 1:].sum() == pytest.approx(20.0, rel=1e-8)


def test_one_way_trade_cannot_be_balanced() -> None:
    """Only BBB sells to AAA: with zero deficits there is no equilibrium, at any wage."""
    flows = np.array([[[100.0, 0.0], [10.0, 100.0]]])
    world = hand_made(flows)
    for rule in ("balanced", "balanced_as_shock"):
        with pytest.raises((NoSolutionError, WorldError), match=r"AAA|BBB"):
            solve_equilibrium(world, Shocks(deficit_rule=rule))


def test_a_chain_whose_payments_cannot_flow() -> None:
    """AAA sells to BBB, BBB to CCC, one way: the signs of D must let money go back."""
    flows = np.zeros((1, 3, 3))
    flows[0] = [[100.0, 10.0, 0.0], [0.0, 100.0, 5.0], [0.0, 0.0, 100.0]]
    world = hand_made(flows)
    good = solve_equilibrium(world, Shocks(labour_hat=np.array([1.1, 1.0, 1.0])))
    assert max(violations(good).values()) < 1e-9
    for path in ([-5.0, -5.0, 10.0], [-3.0, 2.0, 1.0]):
        rule = Shocks(deficit_rule="path", deficit_path=np.array(path))
        assert max(violations(solve_equilibrium(world, rule)).values()) < 1e-9
    for path in ([-5.0, 7.0, -2.0], [5.0, -7.0, 2.0], [3.0, -1.0, -2.0]):
        with pytest.raises(NoSolutionError, match=r"AAA|BBB|CCC"):
            solve_equilibrium(world, Shocks(deficit_rule="path", deficit_path=np.array(path)))


@pytest.mark.parametrize("share", [-2.0, -0.99])
def test_a_transfer_that_a_country_cannot_pay(share: float) -> None:
    world = hand_made(full(3)).rebase("balanced")
    gift = np.array([share, -share / 2, -share / 2]) * world.income[0]
    with pytest.raises(NoSolutionError, match=r"AAA.*income"):
        solve_equilibrium(world, Shocks(transfer=gift))


def test_a_transfer_close_to_all_that_can_be_paid_solves() -> None:
    """Up to the point where the payer's income is gone, there is a solution."""
    world = hand_made(full(3)).rebase("balanced")
    hats = []
    for share in (0.1, 0.3, 0.5, 0.6):
        gift = np.array([-share, share / 2, share / 2]) * world.income[0]
        eq = solve_equilibrium(world, Shocks(transfer=gift))
        assert max(violations(eq).values()) < 1e-9
        hats.append(eq.welfare_hat[0])
    assert hats == sorted(hats, reverse=True)
    assert min(hats) > 0


def test_messages_hold_no_nan_and_no_traceback_words() -> None:
    world = hand_made(full(3))
    link = ban(world, 0)
    with pytest.raises(NoSolutionError) as caught:
        solve_equilibrium(world, Shocks(link=link))
    text = str(caught.value)
    assert "nan" not in text
    assert text.startswith("no equilibrium")
    assert "balanced" in text  # what to do about it


def test_bad_shocks_are_input_errors() -> None:
    world = hand_made(full(3))
    bad = (
        Shocks(transfer=np.array([1.0, 0.0, 0.0])),
        Shocks(link=np.full(world.flows.shape, -1.0)),
        Shocks(cost_hat=np.zeros(world.flows.shape)),
        Shocks(labour_hat=np.array([1.0, np.nan, 1.0])),
        Shocks(tariff_new=np.full(world.flows.shape, -1.0)),
        Shocks(productivity_hat=np.ones((2, 2))),
        Shocks(deficit_rule="none"),
        Shocks(deficit_rule="proportional", proportional_to="AAB"),
        Shocks(caps=(Cap("steal", ("AAA",), ("BBB",), 1.0),)),
        Shocks(caps=(Cap("steel", ("AAA",), ("BBB",), -1.0),)),
        Shocks(caps=(Cap("steel", ("AAA",), ("BBB",), 1.0, owner="nobody"),)),
    )
    for shocks in bad:
        with pytest.raises(InputError):
            solve_equilibrium(world, shocks)
