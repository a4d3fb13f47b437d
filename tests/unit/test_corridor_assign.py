"""Flows under capacities: by hand, and against the linear programme over edges."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from corridornets import BOX, DRY, edge, net
from detente.corridors import pool
from detente.corridors.assign import Demand, assign
from detente.corridors.catalogue import load_network
from detente.corridors.graph import graph_of
from detente.corridors.routes import Shipment, route, skim
from detente.errors import InputError

COUNTRIES = {"S": "KOR", "P": "PRK", "D": "CHN"}
#: Generalised cost from S to D by rail and by sea, as test_corridor_routes works out by hand.
RAIL, SEA = {"container": 51.2, "dry": 12.644}, {"container": 76.0, "dry": 16.5}


def korea(capacity=math.inf, **more):
    return net(
        COUNTRIES,
        [
            edge("S", "P", "rail", 200, 1435, capacity_mt=capacity),
            edge("P", "D", "rail", 220, 1435, wait_h=6, **more),
            edge("S", "D", "sea", 600),
        ],
    )


def line(found, name):
    return found.loads.set_index("edge").loc[name]


def test_where_nothing_binds_it_is_the_cheapest_route():
    demands = [Demand("S", "D", BOX, 3e6), Demand("P", "S", DRY, 1e6), Demand("D", "D", BOX, 1)]
    for network in (korea(), korea(capacity=4.0)):
        found = assign(network, demands)
        bulk = skim(network, BOX, "SPD"), skim(network, DRY, "SPD")
        expected = [bulk[0].generalised[0, 2], bulk[1].generalised[1, 0], 0.0]
        assert found.average == pytest.approx(expected, rel=1e-14)
        assert np.array_equal(found.marginal, found.average)
        assert found.served == pytest.approx(1)
        assert not found.loads["shadow_usd_per_tonne"].any()
        assert line(found, "P–S")["mt"] == pytest.approx(4)
        assert [len(r) for r in found.routes] == [1, 1, 1]
        assert found.routes[0][0][0] == route(network, BOX, "S", "D")


def test_flow_spreads_to_the_next_route():
    found = assign(korea(capacity=1.0), [Demand("S", "D", BOX, 1.5e6)])
    (by_rail, most), (by_sea, least) = found.routes[0]
    assert (by_rail.layers, by_sea.layers) == (("rail1435",), ("sea",))
    assert (most, least) == pytest.approx((2 / 3, 1 / 3))
    assert found.average[0] == pytest.approx((2 * RAIL["container"] + SEA["container"]) / 3)
    assert found.marginal[0] == pytest.approx(SEA["container"])
    assert found.usd[0] == pytest.approx((2 * 26.8 + 26) / 3)
    assert found.days[0] == pytest.approx((2 * 24.4 + 50) / 3 / 24)
    assert found.served[0] == 1
    full = line(found, "P–S")
    assert (full["mt"], full["capacity_mt"]) == pytest.approx((1, 1))
    assert full["shadow_usd_per_tonne"] == pytest.approx(76 - 51.2)
    assert line(found, "D–P")["shadow_usd_per_tonne"] == 0
    assert line(found, "D–S")["mt"] == pytest.approx(0.5)


def test_those_who_gain_most_take_the_room():
    found = assign(
        korea(capacity=1.0), [Demand("S", "D", DRY, 0.8e6), Demand("S", "D", BOX, 0.8e6)]
    )
    price = SEA["dry"] - RAIL["dry"]
    assert line(found, "P–S")["shadow_usd_per_tonne"] == pytest.approx(price)
    assert found.average == pytest.approx(
        [(0.2 * RAIL["dry"] + 0.6 * SEA["dry"]) / 0.8, RAIL["container"]]
    )
    assert found.marginal == pytest.approx([SEA["dry"], RAIL["container"] + price])


def test_both_directions_fill_the_same_room():
    there = assign(korea(capacity=1.0), [Demand("S", "D", BOX, 1.5e6)])
    both = [Demand("S", "D", BOX, 0.9e6), Demand("D", "S", BOX, 0.6e6)]
    found = assign(korea(capacity=1.0), both)
    assert np.array_equal(found.loads["mt"], there.loads["mt"])
    assert np.array_equal(found.marginal, np.repeat(there.marginal, 2))
    assert [r.nodes for r, _ in found.routes[1]] == [("D", "P", "S"), ("D", "S")]


def test_three_lines_fill_one_after_the_other():
    lines = net(
        {"A": "KOR", "B": "CHN"},
        [
            edge("A", "B", "rail", 100, 1435, capacity_mt=1.0),
            edge("A", "B", "rail", 110, 1520, capacity_mt=2.0),
            edge("A", "B", "sea", 100),
        ],
    )
    found = assign(lines, [Demand("A", "B", DRY, 5e6)])
    loads = found.loads.set_index("layer")
    # freight and a cent an hour: 2+2+2+.12, 2+2.2+2+.122, 5+1+5+.25
    costs = np.array([6.12, 6.322, 11.25])
    assert loads["mt"].to_dict() == pytest.approx({"rail1435": 1, "rail1520": 2, "sea": 2})
    assert loads["shadow_usd_per_tonne"].to_dict() == pytest.approx(
        {"rail1435": costs[2] - costs[0], "rail1520": costs[2] - costs[1], "sea": 0}
    )
    assert found.average[0] == pytest.approx(costs @ [1, 2, 2] / 5)


# -- limits ----------------------------------------------------------------------------------
def test_no_capacity_is_a_closed_edge():
    demands = [Demand("S", "D", BOX, 1e6), Demand("S", "D", DRY, 1e6)]
    closed = assign(korea(state="closed"), demands)
    none = assign(korea(capacity_mt=0.0), demands)
    assert np.array_equal(none.average, closed.average)
    assert none.loads.equals(closed.loads)


def test_what_no_route_can_take_is_left_behind():
    spur = net(
        COUNTRIES, [edge("S", "P", "road", 10, capacity_mt=1.0), edge("S", "D", "sea", 9)]
    )
    found = assign(spur, [Demand("P", "D", BOX, 3e6), Demand("S", "D", BOX, 1e6)])
    assert found.served == pytest.approx([1 / 3, 1])
    assert found.average[0] == pytest.approx(route(spur, BOX, "P", "D").generalised)
    assert found.marginal[0] == math.inf
    assert found.marginal[1] == pytest.approx(route(spur, BOX, "S", "D").generalised)
    full = line(found, "P–S")
    assert (full["mt"], full["shadow_usd_per_tonne"]) == (pytest.approx(1), math.inf)
    assert sum(share for _, share in found.routes[0]) == pytest.approx(1 / 3)


def test_room_goes_first_to_those_who_have_no_other_route():
    # boxes from S gain most by rail, yet they can go by sea, and P cannot
    spur = korea(capacity=1.0, state="closed")
    found = assign(
        net(COUNTRIES, [*spur.edges, edge("S", "D", "road", 600)]),
        [Demand("S", "P", DRY, 1e6), Demand("D", "P", BOX, 1e6)],
    )
    assert found.served.sum() == pytest.approx(1)


def test_places_that_nothing_links():
    island = net({**COUNTRIES, "I": "JPN"}, list(korea().edges))
    found = assign(island, [Demand("S", "I", BOX, 1e6), Demand("S", "I", BOX, 0.0)])
    assert np.array_equal(found.served, [0, 0])
    assert np.isinf(found.average).all()
    assert np.isinf(found.marginal).all()
    assert found.routes[0] == ()


def test_a_demand_of_nothing_pays_what_the_next_tonne_would():
    demands = [
        Demand("S", "D", BOX, 1.5e6),
        Demand("S", "D", DRY, 0.0),
        Demand("S", "P", BOX, 0),
    ]
    found = assign(korea(capacity=1.0), demands)
    assert found.average[1] == pytest.approx(SEA["dry"])
    assert found.marginal[1] == pytest.approx(SEA["dry"])
    assert found.marginal[2] == pytest.approx(found.average[2] + 24.8)
    alone = assign(korea(capacity=1.0), demands[:1])
    assert np.array_equal(found.loads["mt"], alone.loads["mt"])
    assert assign(korea(), []).average.shape == (0,)


@pytest.mark.parametrize("tonnes", [-1.0, math.inf, math.nan])
def test_demands_that_are_none(tonnes):
    with pytest.raises(InputError, match="zero or more"):
        Demand("S", "D", BOX, tonnes)


def test_an_unknown_place():
    with pytest.raises(InputError, match="no place 'X'"):
        assign(korea(), [Demand("S", "X", BOX, 1.0)])


def test_own_edges_are_no_way_for_transit():
    own = net(COUNTRIES, [replace(e, use="own", owner="PRK") if e.mode == "rail" else e
                          for e in korea().edges])  # fmt: skip
    found = assign(own, [Demand("S", "D", BOX, 1e6), Demand("S", "P", BOX, 1e6)])
    assert [r[0][0].layers for r in found.routes] == [("sea",), ("rail1435",)]


# -- against another formulation -----------------------------------------------------------
def random_case(seed: int):
    """A network with tight lines, and demands of several shipments."""
    rng = np.random.default_rng(seed)
    codes = [chr(65 + j) for j in range(7)]
    countries = dict(zip(codes, rng.choice(["KOR", "PRK", "CHN"], 7), strict=True))
    edges = {}
    for _ in range(14):
        a, b = sorted(rng.choice(codes, 2, replace=False))
        kind = rng.choice(["sea", "rail", "road"])
        gauge = int(rng.choice([1435, 1520])) if kind == "rail" else None
        made = edge(str(a), str(b), str(kind), float(rng.uniform(50, 500)), gauge)
        tight = math.inf if rng.random() < 0.3 else float(rng.uniform(0.2, 1.5))
        edges[made.key] = replace(made, capacity_mt=tight)
    shipments = [BOX, DRY, Shipment("container", 5000.0, 8.0, 0.01)]
    demands = [
        Demand(*map(str, rng.choice(codes, 2, replace=False)), shipments[rng.integers(3)],
               float(rng.uniform(0, 1e6)))
        for _ in range(25)
    ]  # fmt: skip
    return net(countries, list(edges.values())), demands


def over_edges(network, demands, penalty):
    """Least total cost by the linear programme in flows of each demand on each arc."""
    graph = graph_of(network)
    arcs, vertices, count = len(graph.tail), graph.size, len(demands)
    cost = np.concatenate([*(graph.generalised(d.shipment) for d in demands)])
    cost = np.append(cost, np.full(count, penalty))
    width = count * arcs + count
    conserve, right = [], []
    for k, d in enumerate(demands):
        ends = (graph.index[d.origin], graph.index[d.destination] + len(graph.codes))
        for v in range(vertices):
            row = np.zeros(width)
            row[k * arcs : (k + 1) * arcs] = (graph.tail == v) * 1.0 - (graph.head == v)
            leaves = (v == ends[0]) * 1.0 - (v == ends[1])
            row[count * arcs + k] = leaves  # what stays behind
            conserve.append(row)
            right.append(leaves * d.tonnes / 1e6)
    limits = [j for j, e in enumerate(graph.edges) if math.isfinite(e.capacity_mt)]
    rooms = np.array(
        [np.append(np.tile(graph.edge == j, count), np.zeros(count)) for j in limits]
    )
    room = [graph.edges[j].capacity_mt for j in limits]
    solved = linprog(cost, rooms, room, np.array(conserve), np.array(right), method="highs")
    assert solved.status == 0
    return solved.fun


@pytest.mark.parametrize("seed", range(8))
def test_the_total_is_that_of_the_programme_over_edges(seed):
    network, demands = random_case(seed)
    found = assign(network, demands)
    penalty = 1e5
    mt = np.array([d.tonnes for d in demands]) / 1e6
    paid = np.where(found.served > 0, found.average, 0.0) * found.served
    total = paid @ mt + penalty * (1 - found.served) @ mt
    assert total == pytest.approx(over_edges(network, demands, penalty), rel=1e-7)


@pytest.mark.parametrize("seed", range(8))
def test_prices_and_flows_fit_each_other(seed):
    """Complementary slackness: only full edges have a price, no way is cheaper than used."""
    network, demands = random_case(seed)
    found = assign(network, demands)
    loads = found.loads
    price = loads["shadow_usd_per_tonne"]
    assert (price >= 0).all()
    assert (loads["mt"] <= loads["capacity_mt"] * (1 + 1e-9)).all()
    full = loads["mt"] >= loads["capacity_mt"] * (1 - 1e-6)
    assert full[price > 0].all()
    tolls = {(*sorted((r.a, r.b)), r.layer): r.shadow_usd_per_tonne for r in loads.itertuples()}
    for demand, routes, marginal in zip(demands, found.routes, found.marginal, strict=True):
        for taken, _ in routes:
            passed = [(*sorted((leg.a, leg.b)), leg.layer) for leg in taken.legs if leg.moves]
            if math.isfinite(marginal):
                cost = taken.generalised + sum(tolls[key] for key in passed)
                assert cost == pytest.approx(marginal, rel=1e-6, abs=1e-5)
        assert marginal >= route(network, demand.shipment, demand.origin,
                                 demand.destination).generalised - 1e-9  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_demands_and_edges_does_not_matter(seed):
    network, demands = random_case(seed)
    found = assign(network, demands)
    order = np.random.default_rng(seed).permutation(len(demands))
    turned = replace(network, edges=network.edges[::-1], base=None)
    other = assign(turned, [demands[j] for j in order])
    assert np.array_equal(other.average, found.average[order])
    assert np.array_equal(other.marginal, found.marginal[order])
    assert other.loads.equals(found.loads)


def test_a_small_core_finds_the_same(monkeypatch):
    """Ways that the programme leaves out at first come in where they matter."""
    for seed in range(4):
        network, demands = random_case(seed)
        whole = assign(network, demands)
        monkeypatch.setattr(pool, "_CORE", 1)
        monkeypatch.setattr(pool, "_SWEEPS", 0)
        small = assign(network, demands)
        monkeypatch.undo()
        mt = np.array([d.tonnes for d in demands])
        totals = [np.where(a.served > 0, a.average, 0) * a.served @ mt for a in (whole, small)]
        assert totals[0] == pytest.approx(totals[1], rel=1e-9)
        assert (whole.served @ mt) == pytest.approx(small.served @ mt)


def test_the_embedded_network_spreads_what_it_cannot_hold():
    network = load_network()
    limited = [e for e in network.edges if e.passable and math.isfinite(e.counted_mt)]
    assert limited
    most = max(limited, key=lambda e: e.capacity_mt)
    demand = Demand(most.a, most.b, DRY, most.capacity_mt * 2e6)
    found = assign(network, [demand])
    counted = found.loads["edge"].isin({f"{e.key[0]}–{e.key[1]}" for e in limited})
    loads = found.loads[counted]
    assert (loads["mt"] <= loads["capacity_mt"] * (1 + 1e-9)).all()
    assert found.served[0] == pytest.approx(1)
    assert found.average[0] >= route(network, DRY, most.a, most.b).generalised - 1e-9
