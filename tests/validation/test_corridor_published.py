"""Corridors on the embedded world beside what is published, and what must hold of both.

Printed: de Soyres, Mulabdic, Murray, Rocha & Ruta (2020), Kim (2014), the World Bank on a day;
unit values from CEPII's BACI where the shared data are.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_world_sources import shared

from detente.corridors.catalogue import load_network, load_project
from detente.corridors.cost import baseline_shadows, cost_change
from detente.corridors.costgoods import goods_of
from detente.corridors.costpairs import regions_of, shipment_of
from detente.corridors.costsearch import Searches
from detente.corridors.costsectors import load_sectors
from detente.corridors.costskim import costs_between
from detente.corridors.network import Network, key_of
from detente.corridors.routes import skim
from detente.replicate.common import Comparison
from detente.replicate.corridors import BELT_AND_ROAD, ORDER, Study, corridors
from detente.world import World, load_world


@pytest.fixture(scope="module")
def found() -> Comparison:
    return corridors()


@pytest.fixture(scope="module")
def world() -> World:
    return load_world("korea")


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network()


# -- beside the print ------------------------------------------------------------------------
def test_every_figure_has_the_printed_sign_and_the_verdict_counts_right(found):
    table = found.frames["published"]
    assert table.same_sign.all()
    for row in table.itertuples():
        size, ends = abs(row.here), sorted((abs(row.low), abs(row.high)))
        assert row.same_order == (ends[0] / ORDER <= size <= ends[1] * ORDER)
        assert row.in_range == (ends[0] <= size <= ends[1])
    assert found.agrees == table.same_order.all()
    assert f"{table.same_order.sum()} of {len(table)} within" in found.verdict


def test_the_printed_figures_are_those_collected(found):
    """Abstract of IFDP 1274; Kim (2014) and the World Bank as collected for this project."""
    table = found.frames["published"].set_index("figure")
    printed = {
        "time, all pairs": (-2.5, -1.2),
        "time, its pairs": (-3.2, -1.7),
        "time, largest": (-11.9, -11.9),
        "trade cost, all pairs": (-2.2, -1.1),
        "trade cost, its pairs": (-2.8, -1.5),
        "trade cost, largest": (-10.2, -10.2),
        "trade Liaoning–Seoul": (16.0, 24.0),
        "trade Jilin–Tokyo": (10.0, 16.0),
        "trade, all pairs": (5.2, 5.2),
    }
    assert {k: (table.low[k], table.high[k]) for k in table.index} == printed


def test_the_initiative_s_own_pairs_gain_more_than_all_pairs_as_printed(found):
    table = found.frames["published"].set_index("figure").here
    for what in ("time", "trade cost"):
        assert (
            table[f"{what}, largest"]
            < table[f"{what}, its pairs"]
            < table[f"{what}, all pairs"]
        )


def test_land_corridors_leave_pairs_across_the_ocean_alone(found):
    pairs = found.frames["belt_and_road"].set_index(["exporter", "importer"])
    for pair in (("USA", "JPN"), ("BRA", "ANZ"), ("CAN", "GBR"), ("KOR", "ANZ")):
        assert pairs.loc[pair].shipping == pytest.approx(0.0, abs=1e-15)
        assert pairs.loc[pair].days == 0.0
    assert (pairs.days <= 1e-15).all()
    top = set(pairs.sort_values("days").index[0])
    assert top & set(BELT_AND_ROAD)


def test_where_time_alone_costs_cost_falls_as_time_does():
    """The paper's own definition: with freight for nothing the largest falls agree."""
    study = Study()
    nets = [study.network, study.bri[0]]
    free = []
    for net in nets:
        edges = tuple(
            replace(
                e,
                usd_teu_km=0.0,
                usd_t_km_dry=0.0,
                usd_t_km_liquid=0.0,
                usd_teu=0.0,
                usd_t=0.0,
                scarcity_usd_t=0.0,
            )
            for e in net.edges
        )
        modes = {m: replace(v, load_usd_teu=0.0, load_usd_t=0.0) for m, v in net.modes.items()}
        transfers = tuple(replace(t, usd_teu=0.0, usd_t=0.0) for t in net.transfers)
        free.append(Network(net.nodes, edges, modes, transfers))
    change = cost_change(study.world, *free).table
    change = change[(change.exporter == "CHN") & (change.importer == "EU27")]
    i, n = study.world.country_index("CHN"), study.world.country_index("EU27")
    days = [study.least_days(net)[i, n] for net in nets]
    time = days[1] / days[0] - 1.0
    fall = change.ad_valorem_after / change.ad_valorem_before - 1.0
    # means over regions weigh differently by a percent or so: nearer regions count more
    assert fall.to_numpy() == pytest.approx(time, abs=0.03)


def test_freight_to_the_usa_is_of_the_order_of_customs_figures(found):
    """Freight on US imports about 2003 by sector: half to twice, in the middle."""
    table = found.frames["freight"]
    ratio = table.here / table.printed
    assert 0.5 < ratio.median() < 2.0
    assert ratio.between(1 / ORDER, ORDER).all()


# -- the table of sectors --------------------------------------------------------------------
def test_unit_values_are_those_of_the_trade_data():
    """CEPII BACI, 2022: million USD over million tonnes of the lines that a row names."""
    data = pd.read_parquet(shared("baci_minerals", "baci_hs92_minerals_1995_2024.parquet"))
    data = data[(data.t == 2022) & (data.q > 0)]
    code = data.k.astype(str)
    lines = {
        "coal": code.str.startswith(("2701", "2702")),
        "oil-gas": code.str.startswith("2709") | (code == "271111"),
        "metal-ores": code.str.startswith("26"),
        "other-mining": code.str.startswith("25"),
    }
    for sector, chosen in lines.items():
        part = data[chosen]
        value = 1000.0 * part.v.astype(float).sum() / part.q.astype(float).sum()
        assert load_sectors()[sector].usd_per_tonne == pytest.approx(value, rel=0.005)


# -- the embedded network ------------------------------------------------------------------
def test_bulk_costs_are_the_routes_own(world, network):
    """Every pair's figures in bulk against `routes.skim`, for a box and for coal."""
    after = network.with_project(load_project("trans-korean-railway"))
    regions = regions_of(world, network)
    for sector in ("electronics", "coal"):
        shipment = shipment_of(load_sectors()[sector])
        for net in (network, after):
            own, routes = (
                costs_between(net, shipment, regions.codes),
                skim(net, shipment, regions.codes),
            )
            for name in ("generalised", "usd_per_tonne", "days"):
                np.testing.assert_allclose(getattr(own, name), getattr(routes, name), rtol=1e-9)
            near = tuple(c for c in regions.codes if net.nodes[c].country == "PRK")
            part = costs_between(net, shipment, regions.codes, near).generalised
            touched = np.isfinite(part)
            np.testing.assert_allclose(part[touched], routes.generalised[touched], rtol=1e-12)
            assert touched[[c in near for c in regions.codes]].all()


def test_ways_found_piece_by_piece_are_those_of_one_search(world, network):
    """Costs and ways under tolls, lines put in chains, against Dijkstra with the tolls on."""
    net = network.with_project(load_project("trans-korean-railway"))
    regions = regions_of(world, network)
    size = len(regions.codes)
    shipments = [shipment_of(load_sectors()[s]) for s in ("electronics", "coal")]
    goods = goods_of(net, regions.codes, {s: np.full((size, size), 100.0) for s in shipments})
    graph = goods.graph
    rng = np.random.default_rng(3)
    limited = [j for j, e in enumerate(graph.edges) if e.capacity_mt < np.inf]
    lines = np.array(sorted(rng.permutation(limited)[:25]))
    members = np.sort(rng.permutation(len(goods.kind))[:6000])
    tolls = rng.choice([0.0, 0.3, 5.0, 200.0], len(lines))
    searches = Searches(goods, members, lines)
    toll = np.zeros(len(graph.edges) + 1)
    toll[lines] = tolls
    found = []
    for priced in searches.under(tolls):
        every = np.arange(len(priced.members))
        trail = searches.trails([(priced, every)])
        found.append(priced.members)
        weight = graph.generalised(goods.shipments[goods.kind[priced.members[0]]])
        weight = weight + toll[graph.edge]
        along = np.where(trail >= 0, weight[trail], 0.0).sum(axis=1)
        np.testing.assert_allclose(along, priced.cost, rtol=1e-9)
        for d, flow in list(enumerate(priced.members))[::40]:
            one, other = (regions.codes[r[flow]] for r in (goods.one, goods.other))
            source = np.array([graph.index[one]])
            least, _ = graph.shortest(weight, source, graph.concerned(one, other))
            sink = graph.sink(np.array([graph.index[other]]))[0]
            assert priced.cost[d] == pytest.approx(least[0, sink], rel=1e-9)
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), members)


def test_transit_through_the_dprk_is_within_what_its_lines_hold(world, network):
    """At the trade of 2022 the railway fills, mostly with what Korea and its partners send."""
    after = network.with_project(load_project("trans-korean-railway"))
    found = cost_change(world, network, after, world.flows)
    transit = found.transit.query("country == 'PRK'")
    assert "PRK" not in {*transit.exporter, *transit.importer}
    assert (transit.saved_usd_per_teu > 0).all()
    border = found.loads[found.loads.a.isin(["DORASAN", "JEJIN"])]
    border = pd.concat([border, found.loads[found.loads.b.isin(["DORASAN", "JEJIN"])]])
    korea = transit[(transit.exporter == "KOR") | (transit.importer == "KOR")]
    assert 0 < korea.kilotonnes.sum() <= 1e3 * border.mt.sum() * (1 + 1e-6)
    assert korea.teu.sum() > 0.9 * transit.teu.sum()


def test_the_railway_lowers_costs_of_third_countries_too(world, network):
    """Korea to Russia, China, Europe get nearer; across the ocean nothing changes."""
    found = cost_change(
        world, network, network.with_project(load_project("trans-korean-railway"))
    )
    hat = {
        (a, b): found.cost_hat[:, world.country_index(a), world.country_index(b)]
        for a in ("KOR", "USA")
        for b in ("RUS", "CHN", "EU27", "EECA", "BRA")
    }
    assert (found.cost_hat <= 1.0).all()
    for other in ("RUS", "CHN", "EU27", "EECA"):
        assert hat["KOR", other].min() < 0.999
    assert (hat["USA", "BRA"] == 1.0).all()
    coal = world.sector_index("coal")
    assert hat["KOR", "EU27"][coal] > hat["KOR", "EU27"][world.sector_index("vehicles")]


def test_the_kaesong_road_counts_once(world, network):
    """The trade of 2015 went over it: opened again it adds nothing to what relief restores."""
    found = cost_change(world, network, network.with_project(load_project("kaesong-road")))
    prk, kor = world.country_index("PRK"), world.country_index("KOR")
    assert (world.flows[:, prk, kor] == 0).all()
    old = network.as_of(pd.Timestamp("2015-12-31").date())
    ever = cost_change(world, network, old)
    np.testing.assert_array_equal(ever.cost_hat[:, prk, kor], 1.0)
    unknown = world.with_(meta={k: v for k, v in world.meta.items() if k != "dormant"})
    twice = cost_change(unknown, network, network.with_project(load_project("kaesong-road")))
    assert (twice.cost_hat[:, prk, kor] <= found.cost_hat[:, prk, kor]).all()
    assert twice.cost_hat[:, prk, kor].min() < 0.99
    assert any("PRK–KOR" in remark for remark in ever.remarks)


def test_what_the_baseline_carries_costs_what_it_did(world, network):
    """With its own volumes nothing is full before: by price of room, or by room for it."""
    found = cost_change(world, network, network, world.flows)
    assert (found.loads.shadow_usd_per_tonne == 0).all()
    assert (found.loads.mt <= found.loads.capacity_mt * (1 + 1e-9)).all()
    assert not any("room for that" in remark for remark in found.remarks)
    unpriced = replace(
        network, edges=tuple(replace(e, scarcity_usd_t=0.0) for e in network.edges), base=None
    )
    told = cost_change(world, unpriced, unpriced, world.flows)
    assert any("room for that" in remark for remark in told.remarks)


def test_prices_of_room_are_those_of_the_trade_that_is_there(world, network):
    """``scarcity.csv`` is what its tool finds; at these prices lines are about as full."""
    unpriced = replace(
        network, edges=tuple(replace(e, scarcity_usd_t=0.0) for e in network.edges), base=None
    )
    loads = baseline_shadows(world, unpriced)
    found = {
        (row.a, row.b, row.layer): row.shadow_usd_per_tonne
        for row in loads.itertuples()
        if row.shadow_usd_per_tonne >= 0.05
    }
    priced = {e.key: e.scarcity_usd_t for e in network.edges if e.scarcity_usd_t > 0}
    assert set(priced) == {key_of(*k) for k in found}
    for key, price in found.items():
        assert priced[key_of(*key)] == pytest.approx(price, rel=0.03, abs=0.05)


def test_capacity_of_the_railway_binds_at_the_trade_that_is_there(world, network):
    """At the trade of 2022 a line with room for little is full and the gain is smaller."""
    after = network.with_project(load_project("trans-korean-railway"))
    narrow = Network(
        after.nodes,
        tuple(
            replace(e, capacity_mt=0.5) if {e.a, e.b} == {"KAESONG", "DORASAN"} else e
            for e in after.edges
        ),
        after.modes,
        after.transfers,
    )
    kor, chn = world.country_index("KOR"), world.country_index("CHN")
    electronics = world.sector_index("electronics")
    free = cost_change(world, network, after).cost_hat[electronics, kor, chn]
    found = cost_change(world, network, narrow, world.flows)
    full = found.loads.query("a in ['KAESONG', 'DORASAN'] and b in ['KAESONG', 'DORASAN']")
    assert full.mt.max() == pytest.approx(0.5, rel=1e-6)
    assert full.shadow_usd_per_tonne.max() > 0
    assert free < found.cost_hat[electronics, kor, chn] <= 1.0
    again = cost_change(world, narrow, narrow, world.flows)
    np.testing.assert_array_equal(again.cost_hat, 1.0)


def test_a_little_more_room_saves_a_little(world, network):
    """The price of room is passed on, and no part of what more room saves."""
    volumes = world.flows * ~np.eye(world.n_countries, dtype=bool)
    saved = []
    for more in (1.0001, 1.1, 2.0):
        edges = tuple(
            replace(e, capacity_mt=more * e.capacity_mt, scarcity_usd_t=0.0)
            if {e.a, e.b} == {"BREST", "MALASZEWICZE"}
            else e
            for e in network.edges
        )
        after = Network(network.nodes, edges, network.modes, network.transfers)
        hat = cost_change(world, network, after, volumes).cost_hat
        saved.append(float((volumes * (1.0 - hat)).sum()))
    assert 0 <= saved[0] < 10 < saved[1] < saved[2]
