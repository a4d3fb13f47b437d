"""From network to trade cost: figures by hand, limits, invariances, refusals."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.corridors.assign import Demand, assign
from detente.corridors.cost import cost_change, region_change, with_time_value
from detente.corridors.costflow import flow
from detente.corridors.costpairs import distances_km, regions_of, shipment_of, tonnes_between
from detente.corridors.costsectors import SectorFreight, load_sectors, table_for
from detente.corridors.costskim import costs_between
from detente.corridors.network import Mode, Network, Node, Transfer, make_edge
from detente.errors import InputError
from detente.world import load_world
from hypothesis_profiles import examples
from small_korea import CHN, COAL, FOOD, JPN, KOR, PRK, TEXTILES, small_korea
from worlds import random_world

MODES = {
    "sea": Mode("sea", 30.0, 0.1, 0.005, 0.005, 12.0, 50.0, 3.0),
    "rail": Mode("rail", 40.0, 0.5, 0.03, 0.03, 24.0, 60.0, 2.0),
    "road": Mode("road", 50.0, 1.0, 0.08, 0.08, 4.0, 20.0, 1.0),
}
TRANSFERS = (
    Transfer("sea", "rail1435", 48.0, 120.0, 6.0),
    Transfer("sea", "road", 48.0, 110.0, 6.0),
)
NODES = {
    n.code: n
    for n in (
        Node("PYONGYANG", "Pyongyang", "PRK", "city", 39.0, 125.7, 12.0),
        Node("RAJIN", "Rajin", "PRK", "port", 42.2, 130.3, 4.0),
        Node("SEOUL", "Seoul", "KOR", "city", 37.5, 127.0, 900.0),
        Node("BUSAN", "Busan", "KOR", "port", 35.1, 129.0, 600.0),
        Node("SHENYANG", "Shenyang", "CHN", "city", 41.8, 123.4, 400.0),
        Node("DALIAN", "Dalian", "CHN", "port", 38.9, 121.6, 300.0),
        Node("TOKYO", "Tokyo", "JPN", "port", 35.6, 139.7, 2000.0),
        Node("KAESONG", "Kaesong", "PRK", "junction", 37.97, 126.55, 0.0),
    )
}  # fmt: skip
LINES = (
    ("BUSAN", "DALIAN", "sea", 1000.0, None, {}),
    ("BUSAN", "TOKYO", "sea", 1250.0, None, {}),
    ("DALIAN", "TOKYO", "sea", 2100.0, None, {}),
    ("BUSAN", "RAJIN", "sea", 850.0, None, {}),
    ("SEOUL", "BUSAN", "rail", 420.0, 1435, {}),
    ("SHENYANG", "DALIAN", "rail", 400.0, 1435, {}),
    ("SHENYANG", "PYONGYANG", "rail", 480.0, 1435, {"wait_h": 24.0}),
    ("PYONGYANG", "RAJIN", "rail", 780.0, 1435, {"kmh": 15.0}),
    ("PYONGYANG", "SEOUL", "rail", 260.0, 1435, {"state": "closed", "capacity_mt": 5.0}),
)
ROWS = {
    "coal": SectorFreight("coal", "dry", 150.0, 20.0, 0.0005, 0.0, 0.002, 0.0),
    "textiles": SectorFreight("textiles", "container", 9000.0, 8.0, 0.008, 0.006, 0.02, 0.25),
    "food": SectorFreight("food", "container", 1900.0, 13.0, 0.009, 0.004, 0.02, 0.0),
}


def network(lines=LINES, nodes=NODES, **changes):
    edges = tuple(make_edge(MODES, a, b, m, km, g, **v) for a, b, m, km, g, v in lines)
    edges = tuple(
        replace(e, **changes[f"{e.a}_{e.b}"]) if f"{e.a}_{e.b}" in changes else e for e in edges
    )
    return Network(nodes, edges, MODES, TRANSFERS)


OPEN = {"PYONGYANG_SEOUL": {"state": "open", "capacity_mt": np.inf}}


def change(world=None, before=None, after=None, volumes=None, **more):
    world = small_korea() if world is None else world
    before = network() if before is None else before
    after = network(**OPEN) if after is None else after
    return cost_change(world, before, after, volumes, **({"sectors": ROWS} | more))


def test_the_formula_by_hand_between_two_places():
    """Freight, days and τ of Seoul–Shenyang, by sea and then by rail, counted on paper."""
    found = region_change(
        small_korea(), network(), network(**OPEN), "SEOUL", "SHENYANG", sectors=ROWS
    ).set_index("sector")
    rail, sea = 420 / 40 + 400 / 40, 1000 / 30
    days_sea = (24 + rail + 48 + sea + 48 + 24) / 24
    usd_sea = (60 + 0.5 * 820 + 120 + 100 + 120 + 60) / 13
    days_rail = (24 + 260 / 40 + 480 / 40 + 24 + 24) / 24
    usd_rail = (60 + 0.5 * 740 + 60) / 13
    food = found.loc["food"]
    assert food.days_before == pytest.approx(days_sea, rel=1e-12)
    assert food.usd_per_tonne_before == pytest.approx(usd_sea, rel=1e-12)
    assert food.days_after == pytest.approx(days_rail, rel=1e-12)
    assert food.usd_per_tonne_after == pytest.approx(usd_rail, rel=1e-12)
    before = 1 + usd_sea / 1900 + 0.009 * days_sea
    after = 1 + usd_rail / 1900 + 0.009 * days_rail
    assert food.ad_valorem_before == pytest.approx(before - 1, rel=1e-12)
    assert food.cost_hat == pytest.approx(after / before, rel=1e-12)
    assert food.trade_hat == pytest.approx((after / before) ** -2, rel=1e-12)
    textiles = found.loc["textiles"]
    tau = (1 + textiles.ad_valorem_after) / (1 + textiles.ad_valorem_before)
    assert textiles.trade_hat == pytest.approx(0.25 + 0.75 * tau**-4, rel=1e-12)
    assert textiles.cost_hat == pytest.approx(textiles.trade_hat ** (-1 / 4), rel=1e-12)


def test_a_pair_of_economies_is_the_ces_of_its_regional_pairs():
    """d̂ = (Σ w d̂_ab^−θ)^(−1/θ), the weights from shares, distance and τ before, sum 1."""
    before, after = network(), network(**OPEN)
    found = change(before=before, after=after)
    pairs, weights, hats = (
        [("SEOUL", "SHENYANG"), ("SEOUL", "DALIAN"), ("BUSAN", "SHENYANG")],
        [],
        [],
    )
    pairs.append(("BUSAN", "DALIAN"))
    share = {"SEOUL": 0.6, "BUSAN": 0.4, "SHENYANG": 4 / 7, "DALIAN": 3 / 7}
    at = {c: (NODES[c].lat, NODES[c].lon) for c in share}
    for a, b in pairs:
        row = region_change(small_korea(), before, after, a, b, sectors=ROWS).set_index(
            "sector"
        )
        km = distances_km(np.array([at[a], at[b]]))[0, 1]
        tau = 1 + row.ad_valorem_before["food"]
        weights.append(share[a] * share[b] * km**-0.5 * tau**-2.0)
        hats.append(row.cost_hat["food"])
    w = np.array(weights) / sum(weights)
    expected = (w @ np.array(hats) ** -2.0) ** (-1 / 2)
    assert expected < 0.999
    assert found.cost_hat[FOOD, KOR, CHN] == pytest.approx(expected, rel=1e-12)
    assert found.cost_hat[FOOD, CHN, KOR] == pytest.approx(expected, rel=1e-12)
    told = found.table.set_index(["exporter", "importer", "sector"]).loc[("KOR", "CHN", "food")]
    assert told.cost_hat == found.cost_hat[FOOD, KOR, CHN]
    assert told.days_after < told.days_before


def test_the_same_network_changes_nothing_at_all():
    found = change(after=network())
    assert (found.cost_hat == 1.0).all()
    volumes = np.full((3, 4, 4), 4000.0)
    crowded = network(PYONGYANG_SEOUL={"state": "open", "capacity_mt": 0.5})
    again = change(before=crowded, after=crowded, volumes=volumes)
    assert (again.cost_hat == 1.0).all()
    assert not again.loads.empty


def test_home_sales_and_sectors_that_nothing_carries_are_left_alone():
    rows = ROWS | {"coal": SectorFreight("coal", "none", 0, 0, 0, 0, 0, 0)}
    found = change(sectors=rows)
    assert (found.cost_hat[COAL] == 1.0).all()
    assert (found.cost_hat[:, range(4), range(4)] == 1.0).all()
    assert "coal" not in set(found.table.sector)


def test_a_line_without_capacity_is_no_line():
    none = network(PYONGYANG_SEOUL={"state": "open", "capacity_mt": 0.0})
    assert (change(after=none).cost_hat == 1.0).all()
    assert (change(after=none, volumes=np.full((3, 4, 4), 1e4)).cost_hat == 1.0).all()


def test_infinite_speed_leaves_freight_only():
    """As everything gets fast, and nobody waits, time costs vanish and freight stays."""
    fast = {m: replace(v, kmh=1e12, load_h=0.0) for m, v in MODES.items()}
    still = tuple(replace(t, hours=0.0) for t in TRANSFERS)
    edges = tuple(replace(e, kmh=1e12, wait_h=0.0) for e in network(**OPEN).edges)
    world = small_korea()
    found = change(world, after=Network(NODES, edges, fast, still))
    table = found.table.set_index(["exporter", "importer", "sector"])
    assert table.days_after.max() < 1e-6
    for code, sector in ROWS.items():
        row = table.loc[("KOR", "CHN", code)]
        freight = row.usd_per_tonne_after / sector.usd_per_tonne
        assert row.ad_valorem_after == pytest.approx(freight, rel=1e-6)
    timeless = change(world, network(), network(**OPEN), sectors=with_time_value(ROWS, 0.0))
    row = timeless.table.set_index(["exporter", "importer", "sector"]).loc[
        ("KOR", "CHN", "food")
    ]
    assert row.ad_valorem_after == pytest.approx(row.usd_per_tonne_after / 1900, rel=1e-12)


@settings(max_examples=examples(15))
@given(
    factor=st.floats(0.0, 1.0),
    speed=st.floats(1.0, 20.0),
    line=st.integers(0, len(LINES) - 1),
)
def test_an_improvement_never_makes_anything_dearer(factor, speed, line):
    edges = list(network(**OPEN).edges)
    e = edges[line]
    edges[line] = replace(
        e,
        kmh=e.kmh * speed,
        usd_teu_km=e.usd_teu_km * factor,
        usd_t_km_dry=e.usd_t_km_dry * factor,
    )
    better = Network(NODES, tuple(edges), MODES, TRANSFERS)
    found = change(before=network(**OPEN), after=better)
    assert (found.cost_hat <= 1.0 + 1e-15).all()
    assert (found.cost_hat > 0).all()


def test_a_region_in_two_equal_halves_is_the_same_region():
    twin = replace(NODES["SEOUL"], code="SEOUL2", mass=450.0)
    nodes = NODES | {"SEOUL": replace(NODES["SEOUL"], mass=450.0), "SEOUL2": twin}
    lines = list(LINES)
    for a, b, mode, km, gauge, values in LINES:
        if "SEOUL" in (a, b):
            a2, b2 = ("SEOUL2" if c == "SEOUL" else c for c in (a, b))
            lines.append((a2, b2, mode, km, gauge, values))
    opened = OPEN | {"PYONGYANG_SEOUL2": OPEN["PYONGYANG_SEOUL"]}
    split = change(before=network(lines, nodes), after=network(lines, nodes, **opened))
    np.testing.assert_allclose(split.cost_hat, change().cost_hat, rtol=1e-13)


def test_units_of_boxes_and_tonnes():
    """Twice the tonnes in a box at twice the price of a box-km: nothing changes."""
    rows = {c: replace(r, tonnes_per_teu=2 * r.tonnes_per_teu) for c, r in ROWS.items()}
    double = {
        m: replace(v, usd_teu_km=2 * v.usd_teu_km, load_usd_teu=2 * v.load_usd_teu)
        for m, v in MODES.items()
    }
    transfers = tuple(replace(t, usd_teu=2 * t.usd_teu) for t in TRANSFERS)

    def dear(net):
        edges = tuple(replace(e, usd_teu_km=2 * e.usd_teu_km) for e in net.edges)
        return Network(NODES, edges, double, transfers)

    found = change(before=dear(network()), after=dear(network(**OPEN)), sectors=rows)
    np.testing.assert_allclose(found.cost_hat, change().cost_hat, rtol=1e-13)


def test_the_order_of_countries_and_sectors_does_not_matter():
    world = small_korea()
    from detente.world.aggregate import reorder

    turned = reorder(world, ("JPN", "CHN", "PRK", "KOR"), ("food", "coal", "textiles"))
    found = change(turned)
    here = change(world).cost_hat
    at = [world.country_index(c) for c in turned.countries]
    rows = [world.sector_index(s) for s in turned.sectors]
    np.testing.assert_allclose(found.cost_hat, here[np.ix_(rows, at, at)], rtol=1e-13)


def test_value_of_time_low_central_high_are_in_order():
    hats = [
        change(value_of_time=v).cost_hat[TEXTILES, KOR, CHN] for v in ("low", "central", "high")
    ]
    assert hats[0] > hats[1] > hats[2]
    with pytest.raises(InputError, match="Did you mean 'central'"):
        change(value_of_time="centrl")


# -- capacities ------------------------------------------------------------------------------
def test_a_full_line_takes_the_cheapest_and_the_rest_go_round():
    """With ever more capacity the average cost falls from the old route's to the new one's."""
    volumes = np.zeros((3, 4, 4))
    volumes[FOOD, KOR, CHN] = volumes[FOOD, CHN, KOR] = 1000.0
    hats = []
    for mt in (0.01, 0.1, 0.3, 10.0):
        after = network(PYONGYANG_SEOUL={"state": "open", "capacity_mt": mt})
        found = change(after=after, volumes=volumes)
        load = found.loads.set_index(["layer"]).mt.max()
        assert load <= mt * (1 + 1e-9)
        hats.append(found.cost_hat[FOOD, KOR, CHN])
    assert hats[0] > hats[1] > hats[2] > hats[3]
    assert hats[0] < 1.0
    free = change(volumes=None).cost_hat[FOOD, KOR, CHN]
    assert hats[3] == pytest.approx(free, rel=1e-12)


def test_tonnes_on_a_line_are_value_over_unit_value():
    """1000 million USD of food at 1900 USD a tonne: 0.526 million tonnes if all go by rail."""
    volumes = np.zeros((3, 4, 4))
    volumes[FOOD, PRK, KOR] = 1000.0
    nodes = {c: n for c, n in NODES.items() if c != "RAJIN"}
    lines = [line for line in LINES if "RAJIN" not in line[:2]]
    after = network(lines, nodes, PYONGYANG_SEOUL={"state": "open", "capacity_mt": 5.0})
    found = change(before=network(lines, nodes), after=after, volumes=volumes)
    assert found.loads.mt.sum() == pytest.approx(1000 / 1900, rel=1e-9)
    assert found.loads.shadow_usd_per_tonne.sum() == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=examples(10))
@given(seed=st.integers(0, 10_000), room=st.floats(0.05, 2.0))
def test_blocks_find_what_the_programme_by_pair_finds(seed, room):
    """Total cost and costs of the decomposition against `assign.assign`."""
    rng = np.random.default_rng(seed)
    places = ("BUSAN", "DALIAN", "PYONGYANG", "RAJIN", "SEOUL", "SHENYANG", "TOKYO")
    full = {"PYONGYANG_SEOUL": {"state": "open", "capacity_mt": room}}
    net = network(**full, PYONGYANG_RAJIN={"capacity_mt": 1.0})
    upper = np.triu(np.ones((7, 7)), k=1)
    sent = {shipment_of(row): upper * rng.uniform(1e3, 4e5, (7, 7)) for row in ROWS.values()}
    countries = [NODES[c].country for c in places]
    owner = np.array([countries.index(c) for c in countries])
    found = flow(net, places, owner, sent)
    asked = [
        (s, a, b, sent[s][j, k])
        for s in sent
        for j, a in enumerate(places)
        for k, b in enumerate(places)
        if j < k
    ]
    exact = assign(net, [Demand(a, b, s, t) for s, a, b, t in asked])
    paid = {s: costs_between(net, s, places).generalised.copy() for s in sent}
    goods = found.goods
    for d, f in enumerate(found.inside):
        at = (goods.one[f], goods.other[f])
        paid[goods.shipments[goods.kind[f]]][at] = found.generalised[d]
        s = goods.shipments[goods.kind[f]]
        timed = found.usd_per_tonne[d] + s.value_of_time * s.usd_per_tonne * found.days[d]
        assert found.generalised[d] == pytest.approx(timed, rel=1e-9)
    assert (found.served == 1.0).all()
    least = sum((sent[s] * costs_between(net, s, places).generalised).sum() for s in sent)
    total = sum((sent[s] * paid[s]).sum() for s in sent)
    most = np.array([t for *_, t in asked]) @ exact.average
    within = 2e-3 * (most - least) + 1e-6 * most
    assert total == pytest.approx(most, abs=within)
    assert total >= most * (1 - 1e-9)
    assert (found.loads.mt <= found.loads.capacity_mt * (1 + 1e-6)).all()


def test_what_no_line_has_room_for_is_told():
    """An island of a line: 1000 million USD of food over a line for a tenth of it."""
    lines = [line for line in LINES if "RAJIN" not in line[:2]]
    lines = [line for line in lines if set(line[:2]) != {"PYONGYANG", "SEOUL"}]
    nodes = {c: n for c, n in NODES.items() if c != "RAJIN"}
    tight = network(lines, nodes, SHENYANG_PYONGYANG={"capacity_mt": 0.05})
    volumes = np.zeros((3, 4, 4))
    volumes[FOOD, PRK, CHN] = 1000.0
    found = change(before=tight, after=tight, volumes=volumes)
    assert (found.cost_hat == 1.0).all()
    told = [r for r in found.remarks if "find no line with room" in r]
    assert len(told) == 1
    left = 1000 / 1900 - found.loads.mt.max()
    assert told[0].startswith(f"{left:.3g} million tonnes")
    assert np.isinf(found.loads.shadow_usd_per_tonne.max())


def test_volumes_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="million USD"):
        change(volumes=np.full((3, 4, 4), -1.0))
    with pytest.raises(InputError, match="million USD"):
        change(volumes=np.ones((3, 4)))


# -- transit ---------------------------------------------------------------------------------
THREE = {c: NODES[c] for c in ("SEOUL", "KAESONG", "PYONGYANG", "SHENYANG")}
RAIL = {"usd_teu_km": 0.05, "usd_t_km_dry": 0.001}
THROUGH = (
    ("SEOUL", "SHENYANG", "sea", 1500.0, None, {}),
    ("SEOUL", "KAESONG", "rail", 70.0, 1435, RAIL),
    ("KAESONG", "PYONGYANG", "rail", 190.0, 1435, RAIL | {"state": "closed"}),
    ("PYONGYANG", "SHENYANG", "rail", 480.0, 1435, RAIL),
)


def crossing(volumes, world=None, **opened):
    after = network(THROUGH, THREE, KAESONG_PYONGYANG={"state": "open"} | opened)
    return change(world, network(THROUGH, THREE), after, volumes)


def saved_by_hand():
    """Sea less rail, USD a container of food: freight, and 0.009 of 1900 USD a tonne a day."""
    day = 0.009 * 1900 * 13
    sea = 2 * 50 + 0.1 * 1500 + day * (2 * 12 + 1500 / 30) / 24
    return sea - (2 * 60 + 0.05 * 740 + day * (2 * 24 + 740 / 40) / 24)


def food_both_ways():
    """100 thousand tonnes from Korea to China, 200 back; more that is not transit."""
    volumes = np.zeros((3, 4, 4))
    volumes[FOOD, KOR, CHN], volumes[FOOD, CHN, KOR] = 190.0, 380.0
    return volumes


@pytest.mark.parametrize("given_volumes", [True, False])
def test_transit_through_the_country_in_the_middle_by_hand(given_volumes):
    """What the country itself sends and gets is no transit."""
    volumes = food_both_ways()
    volumes[FOOD, PRK, KOR] = volumes[FOOD, CHN, PRK] = 1900.0
    world = small_korea().with_(flows=volumes + 1e-12)
    found = crossing(volumes if given_volumes else None, world).transit
    found = found[found.kilotonnes > 1e-6].set_index(["country", "exporter", "importer"])
    assert list(found.index) == [("PRK", "CHN", "KOR"), ("PRK", "KOR", "CHN")]
    np.testing.assert_allclose(found.kilotonnes, [200.0, 100.0], rtol=1e-9)
    np.testing.assert_allclose(found.teu, [2e5 / 13, 1e5 / 13], rtol=1e-9)
    np.testing.assert_allclose(found.saved_usd_per_teu, saved_by_hand(), rtol=1e-9)


def test_transit_of_a_full_line_is_what_it_holds():
    """Room for 150 of 300 thousand tonnes: these save what all would, the others go by sea."""
    full = crossing(food_both_ways(), capacity_mt=0.15)
    found = full.transit
    assert list(found.exporter) == ["CHN", "KOR"]
    np.testing.assert_allclose(found.kilotonnes, [100.0, 50.0], rtol=1e-6)
    assert full.loads.mt.sum() == pytest.approx(0.15, rel=1e-6)
    np.testing.assert_allclose(found.saved_usd_per_teu, saved_by_hand(), rtol=1e-9)
    # the most that a toll can take is what room on the line is worth
    toll = full.loads.shadow_usd_per_tonne.max() * 13
    assert toll == pytest.approx(saved_by_hand(), rel=1e-6)


def test_bulk_counts_20_tonnes_a_container():
    volumes = np.zeros((3, 4, 4))
    volumes[COAL, KOR, CHN] = 150.0
    found = crossing(volumes).transit
    sea = 2 * 3 + 0.005 * 1500 + 0.0005 * 150 * (24 + 50) / 24
    rail = 2 * 2 + 0.001 * 740 + 0.0005 * 150 * (48 + 740 / 40) / 24
    assert found.kilotonnes[0] == pytest.approx(1000.0, rel=1e-9)
    assert found.teu[0] == pytest.approx(1e6 / 20, rel=1e-9)
    assert found.saved_usd_per_teu[0] == pytest.approx(20 * (sea - rail), rel=1e-9)


def test_no_project_no_transit():
    columns = ["country", "exporter", "importer", "kilotonnes", "teu", "saved_usd_per_teu"]
    for net in (network(THROUGH, THREE), network(**OPEN)):
        for volumes in (None, np.full((3, 4, 4), 100.0)):
            found = change(before=net, after=net, volumes=volumes).transit
            assert found.empty
            assert list(found.columns) == columns


# -- what does not hang on anything else -----------------------------------------------------
def test_tonnes_between_regions_hang_on_mass_and_distance_alone():
    """Summed over regions they are what economies send; θ and costs are not asked."""
    regions = regions_of(small_korea(), network())
    sent = np.random.default_rng(1).uniform(0.0, 1e6, (4, 4))
    np.fill_diagonal(sent, 0.0)
    everywhere = np.ones((len(regions.codes),) * 2, dtype=bool)
    found = tonnes_between(regions, everywhere, sent)
    held = (regions.share > 0).astype(float)
    np.testing.assert_allclose(held @ found @ held.T, sent, rtol=1e-12)
    a, b, c = (regions.codes.index(n) for n in ("SEOUL", "BUSAN", "TOKYO"))
    km = distances_km(np.array([(NODES[n].lat, NODES[n].lon) for n in regions.codes]))
    ratio = 900 / 600 * (km[a, c] / km[b, c]) ** -0.5
    assert found[a, c] / found[b, c] == pytest.approx(ratio, rel=1e-12)
    parted = everywhere.copy()
    parted[a, c] = parted[c, a] = False
    other = tonnes_between(regions, parted, sent)
    assert other[a, c] == 0.0
    np.testing.assert_allclose(held @ other @ held.T, sent, rtol=1e-12)


def test_loads_hang_on_no_elasticity():
    volumes = np.full((3, 4, 4), 2000.0)
    after = network(PYONGYANG_SEOUL={"state": "open", "capacity_mt": 0.3})
    world = small_korea()
    other = world.with_(trade_elasticity=world.trade_elasticity * 2.0)
    one, two = (change(w, after=after, volumes=volumes).loads for w in (world, other))
    np.testing.assert_array_equal(one.mt, two.mt)


def test_a_line_that_nobody_uses_changes_no_cost_where_lines_are_full():
    volumes = np.full((3, 4, 4), 4000.0)
    full = {"PYONGYANG_SEOUL": {"state": "open", "capacity_mt": 0.3}}
    aside = (*LINES, ("BUSAN", "TOKYO", "road", 1e5, None, {"capacity_mt": 1.0}))
    found = change(before=network(**full), after=network(aside, **full), volumes=volumes)
    assert found.loads.shadow_usd_per_tonne.max() > 0
    np.testing.assert_array_equal(found.cost_hat, 1.0)


def test_capacities_do_not_mind_the_order_of_countries_and_sectors():
    from detente.world.aggregate import reorder

    volumes = np.random.default_rng(4).uniform(0.0, 3000.0, (3, 4, 4))
    after = network(PYONGYANG_SEOUL={"state": "open", "capacity_mt": 0.3})
    world = small_korea()
    turned = reorder(world, ("JPN", "CHN", "PRK", "KOR"), ("food", "coal", "textiles"))
    at = [world.country_index(c) for c in turned.countries]
    rows = [world.sector_index(s) for s in turned.sectors]
    here = change(world, after=after, volumes=volumes)
    there = change(turned, after=after, volumes=volumes[np.ix_(rows, at, at)])
    assert here.loads.shadow_usd_per_tonne.max() > 0
    np.testing.assert_allclose(there.cost_hat, here.cost_hat[np.ix_(rows, at, at)], rtol=1e-10)
    np.testing.assert_allclose(there.loads.mt, here.loads.mt, rtol=1e-10)


# -- links that open, close, or were open once ---------------------------------------------
def test_a_pair_without_a_route_before_keeps_its_cost_and_is_told():
    lines = [line for line in LINES if set(line[:2]) != {"BUSAN", "RAJIN"}]
    lines = [line for line in lines if "PYONGYANG" not in line[:2] or "RAJIN" in line[:2]]
    more = (*lines, ("SHENYANG", "PYONGYANG", "rail", 480.0, 1435, {}))
    found = change(before=network(lines), after=network(more))
    assert (found.cost_hat[:, PRK, CHN] == 1.0).all()
    assert any("PRK–CHN" in r and "another measure" in r for r in found.remarks)
    told = found.table.set_index(["exporter", "importer", "sector"]).loc[("PRK", "CHN", "food")]
    assert np.isnan(told.days_before)
    assert told.days_after > 0


def test_a_pair_that_loses_its_route_is_refused_with_both_names():
    lines = [line for line in LINES if "TOKYO" not in line[:2]]
    with pytest.raises(InputError, match=r"KOR and JPN|PRK and JPN|CHN and JPN"):
        change(before=network(), after=network(lines))


def dormant_world():
    history = {
        "country": "PRK",
        "reference": "CHN",
        "years": {"*": 2016, "KOR": 2015},
        "flows": [],
    }
    return small_korea(meta={"dormant": {"PRK": {"history": history}}})


def test_a_road_that_past_trade_used_does_not_count_twice():
    """PRK–KOR trade of 2015 went over a line that closed in 2016: reopening it adds nothing."""
    was = {"PYONGYANG_SEOUL": {"open_until": date(2016, 2, 10)}}
    again = {"PYONGYANG_SEOUL": {"open_until": date(2016, 2, 10)} | OPEN["PYONGYANG_SEOUL"]}
    same = {"PYONGYANG_SEOUL": again["PYONGYANG_SEOUL"] | {"capacity_mt": 5.0}}
    found = change(dormant_world(), network(**was), network(**same))
    assert (found.cost_hat[:, PRK, KOR] == 1.0).all()
    assert (found.cost_hat[FOOD, CHN, KOR]) < 1.0
    assert any("PRK–KOR" in r and "2015" in r for r in found.remarks)
    ever = change(small_korea(), network(**was), network(**same))
    assert (ever.cost_hat[:, PRK, KOR] < 1.0).all()
    faster = {"PYONGYANG_SEOUL": same["PYONGYANG_SEOUL"] | {"kmh": 120.0}}
    better = change(dormant_world(), network(**was), network(**faster)).cost_hat
    assert (better[TEXTILES, PRK, KOR] < 1.0).all()
    assert better[TEXTILES, PRK, KOR] > ever.cost_hat[TEXTILES, PRK, KOR]


def test_nothing_built_changes_nothing_for_a_link_with_a_better_past():
    was = {"PYONGYANG_SEOUL": {"open_until": date(2016, 2, 10)}}
    assert (change(dormant_world(), network(**was), network(**was)).cost_hat == 1.0).all()


# -- the table of sectors --------------------------------------------------------------------
def test_every_sector_of_the_embedded_worlds_has_a_row_that_can_be():
    table = load_sectors()
    for name in ("korea", "world-2022"):
        rows, remarks = table_for(load_world(name).sectors)
        assert remarks == ()
        assert {"coal", "electronics"} <= set(rows)
    for row in table.values():
        assert row.verification in {"verified", "unverified", "assumed"}
        assert row.source
        if row.kind == "container":
            assert 0.001 <= row.low <= row.value_of_time <= row.high <= 0.03
    assert not any(table[s].carried for s in ("ships", "construction", "other-services"))


def test_boxes_and_air_add_up_to_what_is_known_of_trade():
    """Container boxes, their value and what flies, in the order that statistics have them.

    Some 55,000 USD a TEU (Notteboom et al., Port Economics, Management and Policy, figure for
    2020) and 31 to 36 % of Korea's exports by air (KITA, 2019 and 2020): neither sets a row
    but that of electronics.
    """
    world, table = load_world("korea"), load_sectors()
    abroad = world.flows * ~np.eye(world.n_countries, dtype=bool)
    rows = [table[s] for s in world.sectors]
    goods = [r.carried or r.sector == "ships" for r in rows]
    kor = abroad[:, world.country_index("KOR")].sum(axis=1)
    flown = sum(v * r.air_share for v, r in zip(kor, rows, strict=True))
    assert 0.25 < flown / kor[goods].sum() < 0.36
    boxed = [
        (v, v * 1e6 / r.usd_per_tonne / r.tonnes_per_teu)
        for total, r in zip(abroad.sum(axis=(1, 2)), rows, strict=True)
        if r.kind == "container"
        for v in [total * (1 - r.air_share)]
    ]
    per_teu = 1e6 * sum(v for v, _ in boxed) / sum(t for _, t in boxed)
    assert 27_000 < per_teu < 110_000


def test_sectors_that_the_table_does_not_know_are_left_alone_and_told():
    world = small_korea(sectors=("coal", "textiles", "widgets"))
    found = change(world, sectors=None)
    assert (found.cost_hat[2] == 1.0).all()
    assert any("widgets" in r for r in found.remarks)


def test_a_table_of_ones_own_with_an_unknown_sector_is_refused():
    with pytest.raises(InputError, match="Did you mean 'textiles'"):
        change(sectors=ROWS | {"textils": ROWS["textiles"]})


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("container", "boxes", "there is no class 'boxes'"),
        ("1900", "-3", "not between"),
        ("1900", "0", "more than zero"),
        ("1900", "dear", "not a number"),
        ("0.004", "0.5", "not between low and high"),
        ("air_share", "air", "column 'air_share' is missing"),
    ],
)
def test_a_table_that_cannot_be_is_refused_with_its_place(tmp_path, old, new, match):
    head = "sector,class,usd_per_tonne,tonnes_per_teu,value_of_time,low,high,air_share,"
    head += "source,verification"
    text = f"{head}\nfood,container,1900,13,0.009,0.004,0.02,0.1,made up,assumed\n"
    path = tmp_path / "mine.csv"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=match) as error:
        load_sectors(path)
    assert "mine.csv" in str(error.value)
    path.write_text(text)
    assert load_sectors(path)["food"].usd_per_tonne == 1900
    with pytest.raises(InputError, match="cannot be read"):
        load_sectors(tmp_path / "none.csv")


# -- tables ----------------------------------------------------------------------------------
def test_the_table_starts_with_the_largest_fall_and_pairs_sum_it_up():
    found = change()
    assert list(found.table.columns) == [
        "exporter", "importer", "sector", "usd_per_tonne_before", "usd_per_tonne_after",
        "days_before", "days_after", "ad_valorem_before", "ad_valorem_after", "cost_hat",
    ]  # fmt: skip
    world = small_korea()
    fall = [
        world.flows[world.sector_index(s), world.country_index(i), world.country_index(n)]
        * (1 - h)
        for i, n, s, h in found.table[["exporter", "importer", "sector", "cost_hat"]].values
    ]
    assert (np.diff(fall) <= 1e-12).all()
    pairs = found.pairs.set_index(["exporter", "importer"])
    assert len(pairs) == 12
    row = pairs.loc[("KOR", "CHN")]
    assert row.trade == pytest.approx(30.0)
    assert row.cost_hat == pytest.approx(found.cost_hat[:, KOR, CHN].mean(), rel=1e-12)
    assert pairs.loc[("KOR", "JPN")].cost_hat == 1.0
    assert (found.cost_hat[:, KOR, JPN] == 1.0).all()


def test_an_economy_without_a_place_is_told_and_left_alone():
    nodes = {c: n for c, n in NODES.items() if n.country != "JPN"}
    lines = [line for line in LINES if "TOKYO" not in line[:2]]
    found = change(before=network(lines, nodes), after=network(lines, nodes, **OPEN))
    assert (found.cost_hat[:, JPN] == 1.0).all()
    assert any("no place in JPN" in r for r in found.remarks)


def test_a_world_that_the_network_does_not_know_is_left_alone():
    world = random_world(1, 8, 2)
    found = cost_change(world, network(), network(**OPEN), world.flows)
    assert (found.cost_hat == 1.0).all()
    assert found.table.empty
    assert found.pairs.empty
    assert len(found.remarks) == 2
    assert "and 2 more" in "".join(found.remarks)
