"""Merging, re-ordering and re-scaling keep every identity and every sum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError, WorldError
from detente.world.aggregate import aggregate, reorder, scale
from detente.world.checks import check
from hypothesis_profiles import examples
from worlds import random_world, worlds


@st.composite
def merging(draw):
    """A world and a random assignment of its labels to fewer ones."""
    world = draw(worlds(max_countries=8, max_sectors=5, dormant=True))
    regions = {c: f"R{draw(st.integers(0, 2))}" for c in world.countries if draw(st.booleans())}
    groups = {s: f"g{draw(st.integers(0, 1))}" for s in world.sectors if draw(st.booleans())}
    return world, regions, groups


@settings(max_examples=examples(80))
@given(merging())
def test_identities_hold_and_money_is_kept(case):
    world, regions, groups = case
    merged = aggregate(world, regions, groups)
    report = check(merged, 1e-11)
    assert report.passed, report.table().to_string()
    for quantity in ("flows", "expenditure", "output", "value_added", "tariff_revenue"):
        before, after = getattr(world, quantity).sum(), getattr(merged, quantity).sum()
        assert after == pytest.approx(before, rel=1e-12, abs=1e-9)
    money = (world.input_share * world.output).sum()
    assert (merged.input_share * merged.output).sum() == pytest.approx(money, rel=1e-12)
    assert all((psi >= 0).all() for psi in merged.dormant.values())


def test_every_region_adds_up_by_hand():
    world = random_world(8, 4, 3, zeros=0.2)
    merged = aggregate(world, {"C01": "EU", "C03": "EU"}, {"s00": "goods", "s02": "goods"})
    assert merged.countries == ("C00", "EU", "C02")
    assert merged.sectors == ("goods", "s01")
    eu, goods = [1, 3], [0, 2]
    inside = world.flows[np.ix_(goods, eu, eu)].sum()
    assert merged.flows[0, 1, 1] == pytest.approx(inside)
    paid = (world.flows * world.tariff)[np.ix_(goods, eu, [2])].sum()
    shipped = world.flows[np.ix_(goods, eu, [2])].sum()
    assert merged.tariff[0, 1, 2] == pytest.approx(paid / shipped)
    use = (world.input_share * world.output)[np.ix_(goods, [1], eu)].sum()
    assert merged.input_share[0, 1, 1] == pytest.approx(use / world.output[1, eu].sum())
    spent = world.expenditure.sum(axis=1)
    theta = world.trade_elasticity[goods] @ spent[goods] / spent[goods].sum()
    assert merged.trade_elasticity[0] == pytest.approx(theta)
    assert merged.deficit[1] == pytest.approx(world.deficit[eu].sum())


@settings(max_examples=examples(30))
@given(worlds(dormant=True))
def test_merging_nothing_changes_nothing(world):
    merged = aggregate(world, {c: c for c in world.countries}, {})
    for key, array in world.arrays().items():
        np.testing.assert_allclose(merged.arrays()[key], array, rtol=1e-11, atol=1e-14)


@settings(max_examples=examples(30))
@given(worlds(max_countries=6))
def test_two_steps_are_one(world):
    """Money sums are the same whether regions are merged at once or one after another."""
    codes = world.countries
    first = aggregate(world, {codes[0]: "A", codes[1]: "A"})
    twice = aggregate(first, dict.fromkeys(first.countries, "W"))
    once = aggregate(world, dict.fromkeys(codes, "W"))
    for key in ("flows", "input_share", "final_share", "value_added", "trade_elasticity"):
        np.testing.assert_allclose(
            getattr(twice, key), getattr(once, key), rtol=1e-10, atol=1e-13
        )


def test_everything_merged_is_a_closed_economy():
    world = random_world(1, 6, 4)
    merged = aggregate(
        world, dict.fromkeys(world.countries, "W"), dict.fromkeys(world.sectors, "s")
    )
    assert merged.trade_share.tolist() == [[[1.0]]]
    assert merged.deficit[0] == pytest.approx(0.0, abs=1e-9 * merged.value_added[0])


def test_dormant_suppliers_add_up_as_odds():
    """Two closed suppliers with σ of 10 % and 20 % make one of 30 %: ψ = 0.3/0.7."""
    world = random_world(2, 4, 1)
    psi = np.zeros((1, 4, 4))
    psi[0, :2, 3] = np.array([0.1, 0.2]) / 0.7
    merged = aggregate(world.with_(dormant={"normal": psi}), {"C00": "R", "C01": "R"})
    assert merged.dormant["normal"][0, 0, 2] == pytest.approx(0.3 / 0.7)
    assert merged.dormant["normal"].sum() == pytest.approx(0.3 / 0.7)


def test_a_dormant_buyer_in_a_region_counts_by_its_spending():
    world = random_world(2, 4, 1)
    psi = np.zeros((1, 4, 4))
    psi[0, 0, 3] = 0.25  # σ = 0.2
    merged = aggregate(world.with_(dormant={"normal": psi}), {"C02": "R", "C03": "R"})
    sigma = 0.2 * world.expenditure[0, 3] / world.expenditure[0, 2:].sum()
    assert merged.dormant["normal"][0, 0, 2] == pytest.approx(sigma / (1 - sigma))


def test_no_dormant_link_inside_a_merged_region():
    world = random_world(2, 4, 1)
    psi = np.zeros((1, 4, 4))
    psi[0, 2, 3] = 0.25
    merged = aggregate(world.with_(dormant={"normal": psi}), {"C02": "R", "C03": "R"})
    assert not merged.dormant["normal"].any()


def test_coverage_is_weighted_by_trade_and_stays_whole_where_all_is_banned():
    world = random_world(2, 4, 1)
    spent = world.flows * (1 + world.tariff)
    one = np.zeros((1, 4, 4))
    one[0, 0, 3] = 1.0
    merged = aggregate(world.with_(coverage={"un": one}), {"C00": "R", "C01": "R"})
    expected = spent[0, 0, 3] / spent[0, :2, 3].sum()
    assert merged.coverage["un"][0, 0, 2] == pytest.approx(expected)
    full = world.with_(coverage={"un": np.ones((1, 4, 4))})
    np.testing.assert_allclose(aggregate(full, {"C00": "R", "C01": "R"}).coverage["un"], 1.0)


@settings(max_examples=examples(30))
@given(worlds(dormant=True), st.randoms(use_true_random=False))
def test_reorder_and_back(world, random):
    countries = random.sample(world.countries, world.n_countries)
    sectors = random.sample(world.sectors, world.n_sectors)
    moved = reorder(world, countries, sectors)
    i, n = moved.country_index(world.countries[0]), moved.country_index(world.countries[-1])
    s = moved.sector_index(world.sectors[-1])
    assert moved.flows[s, i, n] == world.flows[-1, 0, -1]
    assert moved.dormant["normal"][s, i, n] == world.dormant["normal"][-1, 0, -1]
    assert check(moved, 1e-11).passed
    assert reorder(moved, world.countries, world.sectors).content_hash == world.content_hash


def test_merging_does_not_depend_on_order():
    world = random_world(5, 5, 3, dormant=True, zeros=0.3)
    regions = {"C00": "R", "C04": "R"}
    moved = reorder(world, world.countries[::-1], world.sectors[::-1])
    a = aggregate(world, regions)
    b = reorder(aggregate(moved, regions), a.countries, a.sectors)
    for key, array in a.arrays().items():
        np.testing.assert_allclose(b.arrays()[key], array, rtol=1e-12, atol=1e-15)


def test_scale_changes_money_only():
    world = random_world(5, 5, 3, zeros=0.3, dormant=True)
    large = scale(world, 1000.0)
    np.testing.assert_allclose(large.trade_share, world.trade_share, rtol=1e-14)
    np.testing.assert_allclose(large.income, 1000 * world.income, rtol=1e-12)
    assert large.final_share is world.final_share or np.array_equal(
        large.final_share, world.final_share
    )
    assert check(large, 1e-12).passed


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_scale_refuses(factor):
    with pytest.raises(InputError, match="positive finite"):
        scale(random_world(1, 2, 1), factor)


def test_unknown_and_missing_codes():
    world = random_world(5, 3, 2)
    with pytest.raises(WorldError, match=r"unknown country 'C0x'. Did you mean 'C0\d'\?"):
        aggregate(world, {"C0x": "R"})
    with pytest.raises(WorldError, match=r"unknown sector 's9'"):
        aggregate(world, None, {"s9": "R"})
    with pytest.raises(WorldError, match=r"unknown country 'Q'"):
        aggregate(world, {"C01": "R"}, country_names={"Q": "x"})
    with pytest.raises(WorldError, match=r"lacks 'C02'"):
        reorder(world, ["C01", "C00"])
    with pytest.raises(WorldError, match="twice"):
        reorder(world, ["C01", "C00", "C02", "C02"])


def test_names():
    world = random_world(5, 3, 2).with_(country_names=("Ä", "B", "C"))
    merged = aggregate(world, {"C01": "R", "C02": "R"}, country_names={"R": "Region"})
    assert merged.country_names == ("Ä", "Region")
    assert aggregate(world, {"C01": "R", "C02": "R"}).country_names == ("Ä", "R")
