"""Dormant shares: resistances, kinds of link, both anchors, odds, records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.dormant import AS_BEFORE, NORMAL, Geography, History, dormant_shares, recorded
from detente.dormant.geography import lay
from detente.dormant.kinds import BEFORE, NEVER, NONE, OBSERVED
from detente.equilibrium import solve_equilibrium
from detente.errors import InputError
from detente.gravity.resistance import resistances
from detente.model import link_base
from detente.shocks import Shocks
from detente.world import load_world
from geographies import estimates, geography, history, pairs
from small_korea import (
    CHN,
    COAL,
    COUNTRIES,
    FOOD,
    JPN,
    KOR,
    PRK,
    SECTORS,
    TEXTILES,
    small_korea,
)

ALL = {"traded": SECTORS, "geography": geography(COUNTRIES), "estimates": estimates(SECTORS)}


def shares(world=None, past=True, **changes):
    world = world or small_korea(dormant={}, meta={})
    past = history(world, "PRK", "CHN") if past is True else past or None
    return dormant_shares(world, "PRK", history=past, **(ALL | changes))


# -- multilateral resistance ----------------------------------------
def test_without_frictions_shares_are_sizes():
    output = np.array([[1.0, 3.0, 6.0]])
    spending = np.array([[5.0, 4.0, 1.0]])
    pull, price = resistances(np.ones((1, 3, 3)), output, spending)
    np.testing.assert_allclose(pull[0] / price[0, 0], output[0] / 10.0, rtol=1e-12)


def test_two_equal_countries_have_the_closed_form():
    # φ at home 1, abroad x: each buys 1/(1 + x) at home.
    x = 0.2
    pull, price = resistances(
        np.array([[[1.0, x], [x, 1.0]]]), np.ones((1, 2)), np.ones((1, 2))
    )
    np.testing.assert_allclose(pull[0, 0] / price[0, 0], 1.0 / (1.0 + x), rtol=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.floats(0.5, 8.0))
def test_resistances_sell_all_output_and_meet_all_spending(seed, n, border):
    rng = np.random.default_rng(seed)
    phi = np.exp(rng.normal(0.0, 1.0, (2, n, n)) - border * (1.0 - np.eye(n)))
    output = np.exp(rng.normal(0.0, 2.0, (2, n)))
    spending = np.exp(rng.normal(0.0, 2.0, (2, n)))
    spending *= output.sum(axis=1, keepdims=True) / spending.sum(axis=1, keepdims=True)
    pull, price = resistances(phi, output, spending)
    flow = pull[:, :, None] * phi / price[:, None, :] * spending[:, None, :]
    np.testing.assert_allclose(flow.sum(axis=2), output, rtol=1e-8)
    np.testing.assert_allclose(flow.sum(axis=1), spending, rtol=1e-8)


def test_resistances_equal_plain_scaling():
    rng = np.random.default_rng(1)
    phi = np.exp(rng.normal(0.0, 1.0, (1, 6, 6)))
    output, spending = rng.uniform(1.0, 5.0, (2, 1, 6))
    spending *= output.sum() / spending.sum()
    flow = phi[0] * 1.0
    for _ in range(5000):  # iterative proportional fitting has the same limit
        flow *= (output[0] / flow.sum(axis=1))[:, None]
        flow *= spending[0] / flow.sum(axis=0)
    pull, price = resistances(phi, output, spending)
    found = pull[0][:, None] * phi[0] / price[0] * spending[0]
    np.testing.assert_allclose(found, flow, rtol=1e-9)


def test_a_country_that_makes_nothing_sells_nothing():
    output, spending = np.array([[0.0, 2.0, 1.0]]), np.array([[1.0, 1.0, 1.0]])
    pull, price = resistances(np.full((1, 3, 3), 0.5), output, spending)
    assert pull[0, 0] == 0.0 and (price > 0).all()


# -- kinds ----------------------------------------
def test_kinds_of_links():
    kinds = shares().kinds
    assert kinds.sales[COAL, CHN] == BEFORE  # banned now, traded before
    assert kinds.sales[COAL, KOR] == NEVER
    assert kinds.sales[FOOD, CHN] == OBSERVED  # trades, and nobody bans it
    assert (kinds.sales[:, PRK] == NONE).all()


def test_sectors_that_are_not_traded_have_no_links():
    found = shares(traded=("coal",))
    assert (found.kinds.sales[[TEXTILES, FOOD]] == NONE).all()
    psi = found.attach().dormant[NORMAL]
    assert not psi[[TEXTILES, FOOD]].any() and psi[COAL].any()


# -- odds ----------------------------------------
def test_a_single_new_supplier_takes_its_share_at_baseline_costs():
    world = small_korea(dormant={}, meta={}, tariff=np.zeros((3, 4, 4)))
    found = shares(world)
    anchor = found.anchors[NORMAL]
    sigma = anchor.sales.value[COAL, KOR] / world.expenditure[COAL, KOR]
    psi = anchor.sales.odds[COAL, KOR]
    assert psi == pytest.approx(sigma / (1.0 - sigma))
    assert psi / (1.0 + psi) == pytest.approx(sigma)


def test_purchases_opened_together_have_gravitys_shares():
    world = small_korea(dormant={}, meta={})
    found = shares(world)
    psi = found.attach().dormant[NORMAL]
    opening = np.zeros_like(psi)
    opening[COAL, :, PRK] = 1.0
    opening[COAL, PRK, PRK] = 0.0
    weight = link_base(world.trade_share, None, opening, psi)[COAL, :, PRK]
    value = found.anchors[NORMAL].purchases.value[COAL] * (1.0 + world.tariff[COAL, :, PRK])
    abroad = [KOR, CHN, JPN]
    np.testing.assert_allclose(
        (weight / weight.sum())[abroad],
        value[abroad] / world.expenditure[COAL, PRK],
        rtol=1e-10,
    )


def test_relief_returns_the_reference_partner_to_its_share_of_before():
    world = small_korea(dormant={}, meta={}, tariff=np.zeros((3, 4, 4)))
    found = shares(world)
    psi = found.anchors[AS_BEFORE].sales.odds[COAL, CHN]
    past = found.history.sales[COAL, CHN]
    assert psi / (1.0 + psi) == pytest.approx(past / (world.expenditure[COAL, CHN] + past))


def test_as_before_is_carried_by_gravity_costs_and_prices():
    world = small_korea(dormant={}, meta={}, tariff=np.zeros((3, 4, 4)))
    found = shares(world)
    site, model = lay(world, ALL["geography"]), found.model
    gravity = model._gravity(found.estimates.coefficient, world.trade_elasticity)
    value = found.anchors[AS_BEFORE].sales.value
    assert site.places == COUNTRIES
    np.testing.assert_allclose(
        value[COAL, KOR] / value[COAL, CHN],
        gravity.demand[COAL, KOR] / gravity.demand[COAL, CHN],
        rtol=1e-12,
    )


def test_potential_sales_never_exceed_output():
    world = small_korea(dormant={}, meta={})
    past = history(world, "PRK", "CHN")
    huge = History("PRK", "CHN", past.sales * 1e4, past.purchases, past.home, {"*": 2016})
    found = shares(world, huge)
    for anchor in found.anchors.values():
        sold = anchor.sales.value.sum(axis=1)
        assert (sold <= world.output[:, PRK] * (1.0 + 1e-9)).all()
    assert (found.anchors[AS_BEFORE].kept[[COAL]] < 1.0).all()


def test_an_observed_link_that_nobody_bans_keeps_its_share():
    world = small_korea(dormant={}, meta={}, tariff=np.zeros((3, 4, 4)))
    found = shares(world).attach()
    psi = found.dormant[AS_BEFORE]
    assert psi[FOOD, PRK, CHN] == pytest.approx(world.trade_share[FOOD, PRK, CHN])
    opening = np.zeros_like(psi)
    opening[FOOD, PRK, CHN] = 1.0
    eq = solve_equilibrium(found, Shocks(link_open=opening, dormant_share=psi))
    np.testing.assert_allclose(eq.welfare_hat, 1.0, atol=1e-9)


def test_an_unusual_tariff_lowers_a_potential_by_its_elasticity():
    # a tiny DPRK, so that no market's prices hang on it
    flows = small_korea().flows.copy()
    flows[:, PRK] *= 1e-7
    flows[:, 1:, PRK] *= 1e-7
    exports, imports = flows.sum(axis=(0, 2)), flows.sum(axis=(0, 1))
    made = {"flows": flows, "value_added": exports, "deficit": imports - exports}
    free = {"dormant": {}, "meta": {}, "tariff": np.zeros((3, 4, 4)), **made}
    dear = np.zeros((3, 4, 4))
    dear[COAL, PRK, KOR] = 0.35
    a = shares(small_korea(**free), past=False)
    b = shares(small_korea(**(free | {"tariff": dear})), past=False)
    theta = a.world.trade_elasticity[COAL]

    def relative(found):
        value = found.anchors[NORMAL].sales.value[COAL]
        return value[KOR] / value[CHN]  # its own resistance moves both alike

    assert relative(b) / relative(a) == pytest.approx(1.35**-theta, rel=1e-5)


# -- invariances ----------------------------------------
def test_units_of_money_do_not_matter():
    world = small_korea(dormant={}, meta={})
    large = world.scale(1000.0)
    a, b = shares(world).attach(), shares(large, history(large, "PRK", "CHN")).attach()
    for name in a.dormant:
        np.testing.assert_allclose(a.dormant[name], b.dormant[name], rtol=1e-9)


def test_a_record_survives_other_units_and_another_order():
    made = shares().attach()
    for turned in (made.scale(1000.0), made.reorder(countries=("CHN", "PRK", "JPN", "KOR"))):
        found = recorded(turned, "PRK", ALL["geography"], ALL["estimates"])
        c = turned.country_index("PRK")
        for name, anchor in found.anchors.items():
            np.testing.assert_allclose(
                anchor.dormant_share(c), turned.dormant[name], rtol=1e-6, atol=1e-12
            )


def test_a_world_changed_after_its_shares_were_made_is_refused():
    made = shares().attach()
    flows = made.flows.copy()
    flows[FOOD, CHN, CHN] *= 1.5
    changed = made.with_(flows=flows)
    with pytest.raises(InputError, match="was changed after its dormant shares"):
        recorded(changed, "PRK", ALL["geography"], ALL["estimates"])


def test_two_countries_see_the_same_gravity_between_them():
    world = small_korea(dormant={}, meta={}, tariff=np.zeros((3, 4, 4)), coverage={})
    common = {"traded": SECTORS, "geography": ALL["geography"], "estimates": ALL["estimates"]}
    a, b = (dormant_shares(world, c, **common).anchors[NORMAL] for c in ("PRK", "KOR"))
    np.testing.assert_allclose(a.sales.value[:, KOR], b.purchases.value[:, PRK], rtol=1e-9)
    np.testing.assert_allclose(a.purchases.value[:, KOR], b.sales.value[:, PRK], rtol=1e-9)


def test_a_buyers_tariff_is_part_of_what_it_pays():
    found = shares()  # small_korea has tariffs of up to 40 %
    world = found.world
    psi = found.anchors[NORMAL].purchases.odds[COAL]
    weight = np.maximum(world.trade_share[COAL, :, PRK], psi)
    opened = weight / weight.sum() * world.expenditure[COAL, PRK]
    net = opened / (1.0 + world.tariff[COAL, :, PRK])
    supply = found.anchors[NORMAL].purchases.value[COAL]
    abroad = [KOR, CHN, JPN]
    np.testing.assert_allclose(net[abroad] / net[CHN], supply[abroad] / supply[CHN], rtol=1e-9)


def test_a_known_zero_stays_zero_and_an_unknown_one_is_gravitys():
    world = small_korea(dormant={}, meta={})
    past = history(world, "PRK", "CHN")
    sales = past.sales.copy()
    sales[COAL, JPN] = 0.0
    sales[TEXTILES, JPN] = 1.0  # Japan traded, but bought no coal
    blind = History("PRK", "CHN", sales, past.purchases, past.home, {})
    sure = History("PRK", "CHN", sales, past.purchases, past.home, {}, ("CHN", "JPN"))
    assert shares(world, blind).anchors[AS_BEFORE].sales.value[COAL, JPN] > 0.0
    assert shares(world, sure).anchors[AS_BEFORE].sales.value[COAL, JPN] == 0.0


def test_a_stray_line_is_no_ban_on_a_sector():
    world = small_korea(dormant={}, meta={})
    unsc = world.coverage["unsc-dprk"].copy()
    unsc[FOOD, PRK, CHN] = 0.003
    found = shares(world.with_(coverage={"unsc-dprk": unsc}))
    assert found.kinds.sales[FOOD, CHN] == OBSERVED


def test_sectors_with_the_pooled_estimate_share_its_draw():
    given_ = estimates(("coal",)).of(SECTORS)
    drawn = given_.draw(np.random.default_rng(1))
    np.testing.assert_array_equal(drawn[TEXTILES], drawn[FOOD])
    assert not np.allclose(drawn[COAL], drawn[FOOD])


def test_sizes_of_another_geography_divide_a_group():
    places = (*COUNTRIES, "HKG")
    sized = Geography.from_pairs(pairs(places), {"CHN": 9.0, "HKG": 1.0})
    found = geography(places).sized_like(sized)
    site = lay(small_korea(), found, {"CHN": ("CHN", "HKG")})
    np.testing.assert_allclose(site.output[:, 2], 0.9 * small_korea().output[:, CHN])


def test_order_of_countries_does_not_matter():
    world = small_korea(dormant={}, meta={})
    order = ("CHN", "PRK", "JPN", "KOR")
    turned = world.reorder(countries=order)
    a = shares(world).attach().reorder(countries=order)
    b = shares(turned, history(turned, "PRK", "CHN")).attach()
    for name in a.dormant:
        np.testing.assert_allclose(a.dormant[name], b.dormant[name], rtol=1e-9)


def test_a_group_of_one_place_is_that_place():
    world = small_korea(dormant={}, meta={})
    renamed = world.with_(countries=("PRK", "KOR", "CHINA", "JPN"))
    past = history(renamed, "PRK", "CHINA")
    a = shares(world).attach()
    b = shares(renamed, past, members={"CHINA": ("CHN",)}).attach()
    for name in a.dormant:
        np.testing.assert_array_equal(a.dormant[name], b.dormant[name])


def test_a_rest_of_the_world_lies_nowhere_and_is_left_out():
    found = shares(geography=geography(("PRK", "KOR", "CHN")))
    assert found.record["without_geography"] == ["JPN"]
    assert (found.potential().loc["JPN"] == 0.0).all()
    site = found.model.site
    np.testing.assert_allclose(site.output.sum(axis=1), site.spending.sum(axis=1))
    psi = found.attach().dormant[NORMAL]
    assert not psi[:, PRK, JPN].any() and not psi[:, JPN, PRK].any()
    assert psi[COAL, PRK, KOR] > 0.0


def test_a_member_of_unknown_size_counts_as_the_smallest_of_its_group():
    places = (*COUNTRIES, "HKG", "MAC")
    sizes = {"PRK": 0.5, "KOR": 50.0, "JPN": 90.0, "CHN": 30.0, "HKG": 10.0}
    site = lay(
        small_korea(),
        Geography.from_pairs(pairs(places), sizes),
        {"CHN": ("CHN", "HKG", "MAC")},
    )
    share = site.output[0] / small_korea().output[0, CHN]
    here = [site.places.index(p) for p in ("CHN", "HKG", "MAC")]
    np.testing.assert_allclose(share[here], [0.6, 0.2, 0.2])


def test_members_of_a_group_divide_it_by_size():
    places = (*COUNTRIES, "HKG")
    sizes = dict.fromkeys(places, 1.0) | {"CHN": 3.0}
    site = lay(
        small_korea(),
        Geography.from_pairs(pairs(places), sizes),
        {"CHN": ("CHN", "HKG")},
    )
    output = small_korea().output
    assert site.places == ("PRK", "KOR", "CHN", "HKG", "JPN")
    np.testing.assert_allclose(site.output[:, 2], 0.75 * output[:, CHN])
    np.testing.assert_allclose(site.output @ site.member, output)


# -- estimates ----------------------------------------
def test_a_sector_without_an_estimate_takes_the_pooled_one_flagged():
    found = shares(estimates=estimates(("coal", "food")))
    assert found.estimates.flag == ("own", "pooled", "own")
    table = found.links()
    assert set(table.loc[table.sector == "textiles", "estimate"]) == {"pooled"}
    assert found.record["pooled"] == ["textiles"]
    with pytest.raises(InputError, match="sector 'textiles' has none"):
        shares(estimates=estimates(("coal", "food"), pooled=False))


def test_draws_have_the_estimates_moments():
    given_ = estimates(("a",), pooled=False)
    rng = np.random.default_rng(5)
    drawn = np.stack([given_.draw(rng)[0] for _ in range(20_000)])
    np.testing.assert_allclose(drawn.mean(axis=0), given_.coefficient[0], atol=0.005)
    np.testing.assert_allclose(np.cov(drawn.T), given_.covariance[0], atol=0.001)


def test_estimates_survive_their_table():
    before = estimates(SECTORS)
    after = type(before).from_rows(*before.rows(), "made up")
    np.testing.assert_allclose(after.coefficient, before.coefficient, rtol=1e-5)
    np.testing.assert_allclose(after.covariance, before.covariance, rtol=1e-6)
    assert (after.flag, after.n_obs, after.pair_error) == (before.flag, before.n_obs, 0.5)


# -- tables and records ----------------------------------------
def test_the_ratio_of_the_anchors_is_a_table_of_its_own():
    found = shares()
    table = found.border_ratio()
    past = found.history.sales[COAL, CHN] / found.anchors[NORMAL].sales.value[COAL, CHN]
    assert table.loc["coal", "reference_exports_ratio"] == pytest.approx(past)
    total = table.loc["coal", "exports_as_before"] / table.loc["coal", "exports_normal"]
    assert table.loc["coal", "exports_ratio"] == pytest.approx(total)


def test_without_a_history_there_is_no_as_before():
    found = shares(past=False)
    assert set(found.anchors) == {NORMAL}
    with pytest.raises(InputError, match="no history of trade before a ban"):
        found.border_ratio()


def test_links_add_up_to_the_potential():
    found = shares()
    sums = found.links().query("exporter == 'PRK'").groupby("importer")["normal"].sum()
    potential = found.potential()["exports_normal"]
    np.testing.assert_allclose(sums[potential.index], potential)


def test_history_survives_its_record():
    world = small_korea(dormant={}, meta={})
    before = history(world, "PRK", "CHN")
    after = History.from_record(world, before.record(world))
    for key in ("sales", "purchases", "home"):
        np.testing.assert_allclose(getattr(after, key), getattr(before, key), rtol=1e-8)


def test_other_countries_links_stay_when_one_is_attached():
    world = small_korea(dormant={NORMAL: np.full((3, 4, 4), 0.25) * ~np.eye(4, dtype=bool)})
    psi = shares(world, past=False).attach().dormant[NORMAL]
    assert psi[COAL, KOR, JPN] == 0.25 and psi[COAL, PRK, KOR] != 0.25


# -- the embedded worlds ----------------------------------------
@pytest.mark.parametrize("name", ["korea", "korea-before"])
@pytest.mark.parametrize("size", ["un", "bok"])
def test_the_embedded_shares_are_made_again_from_the_record(name, size):
    world = load_world(name, dprk_size=size)
    found = recorded(world, "PRK")
    c = world.country_index("PRK")
    for anchor, psi in world.dormant.items():
        np.testing.assert_allclose(
            found.anchors[anchor].dormant_share(c), psi, rtol=1e-6, atol=1e-15
        )


# -- wrong input ----------------------------------------
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"geography": geography(("KOR", "CHN", "JPN"))}, "no place 'PRK'"),
        ({"members": {"CHN": ("CHN", "HGK")}}, "no place 'HGK'"),
        ({"members": {"CHN": ("KOR",)}}, "'KOR' is in two countries"),
        (
            {"members": {"PRK": ("PRK", "CHN"), "CHN": ("JPN",), "JPN": ("KOR",)}},
            "two countries",
        ),
        ({"traded": ("coal", "coall")}, "coall"),
    ],
)
def test_wrong_input_is_named(change, message):
    with pytest.raises(InputError, match=message):
        shares(**change)


def test_an_unknown_country_is_refused_with_the_nearest():
    world = small_korea(dormant={}, meta={})
    with pytest.raises(InputError, match="PRC"):
        dormant_shares(world, "PRC", **ALL)


def test_a_pair_without_a_distance_is_named():
    table = pairs(COUNTRIES)
    table.loc[1, "distance"] = np.nan
    with pytest.raises(InputError, match="PRK, KOR has no positive distance"):
        Geography.from_pairs(table)
    with pytest.raises(InputError, match="column 'colony' is missing"):
        Geography.from_pairs(table.drop(columns="colony"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["PRK", "CHM", "coal", 1.0], "row 1: 'CHM' is not in this world. Did you mean 'CHN'"),
        (["PRK", "CHN", "coall", 1.0], "Did you mean 'coal'"),
        (["KOR", "CHN", "coal", 1.0], "row 1 is trade of KOR with CHN"),
        (["PRK", "CHN", "coal", -1.0], "row 1: -1.0 is no trade"),
    ],
)
def test_a_wrong_history_is_named(row, message):
    world = small_korea()
    with pytest.raises(InputError, match=message):
        History.from_flows(world, "PRK", "CHN", [row], {})


def test_a_world_without_a_record_says_what_to_do():
    with pytest.raises(InputError, match=r"no dormant shares of PRK \(it has: none\)"):
        recorded(small_korea(), "PRK")
