"""Routes worked out by hand, and against networkx; what is said where there is none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from corridornets import BOX, DRY, LIQUID, MODES, TRANSFERS, edge, net
from detente.corridors.catalogue import load_network
from detente.corridors.routes import RouteError, Shipment, great_circle_km, route, skim
from detente.errors import InputError

COUNTRIES = {"S": "KOR", "P": "PRK", "D": "CHN"}


def korea(**rail):
    """By rail through P, or by sea around it."""
    return net(
        COUNTRIES,
        [
            edge("S", "P", "rail", 200, 1435, **rail),
            edge("P", "D", "rail", 220, 1435, wait_h=6, **rail),
            edge("S", "D", "sea", 600),
        ],
    )


# A day is worth 24 USD a tonne of BOX and 0.24 of DRY and LIQUID: one USD, one cent an hour.
@pytest.mark.parametrize(
    ("shipment", "usd", "hours", "generalised"),
    [
        (BOX, 5 + 8 + 8.8 + 5, 5 + 4 + 10.4 + 5, 26.8 + 24.4),
        (DRY, 2 + 4 + 4.4 + 2, 24.4, 12.4 + 0.244),
        (LIQUID, 2 + 6 + 6.6 + 2, 24.4, 16.6 + 0.244),
    ],
)
def test_by_hand_by_rail(shipment, usd, hours, generalised):
    found = route(korea(), shipment, "S", "D")
    assert found.nodes == ("S", "P", "D")
    assert found.km == pytest.approx(420)
    assert found.days == pytest.approx(hours / 24)
    assert found.usd_per_tonne == pytest.approx(usd)
    assert found.generalised == pytest.approx(generalised)


def test_usd_per_teu_is_for_boxes_only():
    assert route(korea(), BOX, "S", "D").usd_per_teu == pytest.approx(268)
    assert math.isnan(route(korea(), DRY, "S", "D").usd_per_teu)


def test_by_hand_by_sea_where_the_line_is_closed():
    found = route(korea(state="closed"), BOX, "S", "D")
    assert found.layers == ("sea",)
    assert found.usd_per_tonne == pytest.approx(10 + 6 + 10)
    assert found.days == pytest.approx((10 + 30 + 10) / 24)


def test_an_edge_without_capacity_is_closed():
    assert route(korea(capacity_mt=0.0), BOX, "S", "D").layers == ("sea",)
    assert route(korea(capacity_mt=0.1), BOX, "S", "D").layers == ("rail1435",)


def test_change_of_gauge_and_of_mode_by_hand():
    chain = net(
        {"A": "KOR", "B": "CHN", "C": "RUS", "E": "RUS"},
        [
            edge("A", "B", "rail", 100, 1435),
            edge("B", "C", "rail", 50, 1520),
            edge("C", "E", "road", 50),
        ],
    )
    found = route(chain, BOX, "A", "E")
    layers = ["load", "rail1435", "transfer", "rail1520", "transfer", "road", "unload"]
    assert [leg.layer for leg in found.legs] == layers
    assert [leg.hours for leg in found.legs] == [5, 2, 12, 1, 6, 1, 1]
    assert [leg.usd for leg in found.legs] == pytest.approx([5, 4, 6, 2, 4, 5, 2])
    assert found.layers == ("rail1435", "rail1520", "road")
    told = "rail 1435 A → B 100 km; rail 1520 B → C 50 km; road C → E 50 km"
    assert found.words() == told
    with pytest.raises(RouteError):  # layers that no transfer links
        route(replace(chain, transfers=TRANSFERS[:3]), BOX, "A", "C")


def test_nothing_is_unloaded_on_the_way():
    # to unload and load anew (5 + 1 hours, 7 USD) is less than the transfer (6 hours, 4 USD)
    # would be if it took 100 hours; only the transfer is a way from layer to layer
    slow = tuple(replace(t, hours=100.0) for t in TRANSFERS)
    chain = net(
        {"A": "KOR", "B": "KOR", "C": "KOR"},
        [edge("A", "B", "rail", 50, 1435), edge("B", "C", "road", 50)],
        slow,
    )
    assert route(chain, BOX, "A", "C").days == pytest.approx((5 + 1 + 100 + 1 + 1) / 24)


def test_cost_and_time_may_choose_differently():
    both = net(
        {"A": "KOR", "B": "CHN"}, [edge("A", "B", "road", 1000), edge("A", "B", "sea", 1000)]
    )
    assert route(both, DRY, "A", "B").layers == ("sea",)
    fast = route(both, DRY, "A", "B", weigh="time")
    assert fast.layers == ("road",)
    assert fast.days == pytest.approx((1 + 20 + 1) / 24)
    with pytest.raises(InputError, match="cost or time"):
        route(both, DRY, "A", "B", weigh="hope")


def test_own_edges_carry_no_transit():
    inside = net(
        {**COUNTRIES, "Q": "PRK"},
        [*korea(use="own", owner="PRK").edges, edge("P", "Q", "road", 10, use="own")],
    )
    assert route(inside, BOX, "S", "D").layers == ("sea",)
    assert route(inside, BOX, "S", "P").layers == ("rail1435",)
    assert route(inside, BOX, "D", "Q").layers == ("rail1435", "road")
    assert np.array_equal(np.isfinite(skim(inside, BOX, "SPDQ").km), np.ones((4, 4)))


def test_a_pair_with_two_owners_may_use_the_edges_of_both():
    line = net(
        {"A": "KOR", "B": "KOR", "C": "PRK", "E": "CHN"},
        [
            edge("A", "B", "road", 10, use="own", owner="KOR"),
            edge("B", "C", "road", 10, use="own", owner="PRK"),
            edge("C", "E", "road", 10),
        ],
    )
    km = skim(line, BOX, ("A", "B", "C", "E")).km
    inf = math.inf
    expected = [[0, 10, 20, inf], [10, 0, 10, inf], [20, 10, 0, 10], [inf, inf, 10, 0]]
    assert np.array_equal(km, expected)
    assert route(line, BOX, "C", "A").nodes == ("C", "B", "A")


def test_the_same_place():
    found = route(korea(), BOX, "S", "S")
    assert (found.legs, found.nodes, found.km, found.generalised) == ((), (), 0.0, 0.0)
    assert "one place" in found.words()


# -- where there is no route --------------------------------------------------------------
def test_no_route_names_the_nearest_place_and_the_closed_edge():
    line = net(
        {"A": "KOR", "B": "KOR", "C": "PRK", "E": "PRK"},
        [edge("A", "B", "road", 10), edge("B", "C", "road", 10, state="closed")],
    )
    with pytest.raises(RouteError) as caught:
        route(line, BOX, "A", "C")
    near = great_circle_km(line.nodes["B"], line.nodes["C"])
    assert str(caught.value) == (
        "there is no route from A to C: the nearest place that can be reached is B, "
        f"{near:,.0f} km from it. Of the edges onward, B–C (road) is closed."
    )
    with pytest.raises(RouteError, match="no edge that is open leads from E"):
        route(line, BOX, "E", "A")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"use": "own", "owner": "PRK"}, "is for shipments of PRK only"),
        ({"capacity_mt": 0.0}, "has no capacity"),
    ],
)
def test_no_route_says_why_an_edge_does_not_lead_on(more, words):
    line = net(
        {"A": "KOR", "B": "PRK", "C": "CHN"},
        [edge("A", "B", "road", 10), edge("B", "C", "road", 10, **more)],
    )
    with pytest.raises(RouteError, match=words):
        route(line, BOX, "A", "C")


def test_an_unknown_place_has_a_nearest():
    with pytest.raises(InputError, match=r"no place 's'.*mean 'S'"):
        route(korea(), BOX, "s", "D")
    with pytest.raises(InputError, match="no place 'X'"):
        skim(korea(), BOX, ("S", "X"))


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (("boxes", 1, 1, 0), "container, dry, liquid"),
        (("container", 0, 1, 0), "usd_per_tonne"),
        (("container", 1, 0, 0), "tonnes_per_teu"),
        (("dry", math.nan, 0, 0), "usd_per_tonne"),
        (("dry", 1, 0, -0.1), "value_of_time"),
        (("dry", 1, 0, math.inf), "value_of_time"),
    ],
)
def test_shipments_that_are_none(figures, words):
    with pytest.raises(InputError, match=words):
        Shipment(*figures)


# -- limits -------------------------------------------------------------------------------
def test_at_infinite_speed_only_freight_is_left():
    modes = {name: replace(m, kmh=math.inf, load_h=0.0) for name, m in MODES.items()}
    edges = [replace(e, kmh=math.inf, wait_h=0.0) for e in korea().edges]
    transfers = tuple(replace(t, hours=0.0) for t in TRANSFERS)
    fast = net(COUNTRIES, edges, transfers, modes)
    found = skim(fast, BOX, tuple(COUNTRIES))
    assert np.array_equal(found.generalised, found.usd_per_tonne)
    assert not found.days.any()


def test_without_a_value_of_time_only_freight_counts():
    idle = replace(BOX, value_of_time=0.0)
    found = skim(korea(state="closed"), idle, tuple(COUNTRIES))
    assert np.array_equal(found.generalised, found.usd_per_tonne)
    assert found.usd_per_tonne[0, 2] == pytest.approx(26)
    assert np.isinf(found.generalised[0, 1])


# -- against networkx ---------------------------------------------------------------------
def as_networkx(networkx, network, shipment, owners):
    """The same network, built another way: edges of a graph with costs in USD a tonne."""
    graph = networkx.DiGraph()
    hour = shipment.value_of_time * shipment.usd_per_tonne / 24

    def cost(hours, usd_teu, usd_t):
        freight = usd_teu / shipment.tonnes_per_teu if shipment.kind == "container" else usd_t
        return freight + hour * hours

    for e in network.edges:
        if e.state == "closed" or (e.use == "own" and not set(e.owner.split("+")) & owners):
            continue
        rate = {"dry": e.usd_t_km_dry, "liquid": e.usd_t_km_liquid}.get(shipment.kind, 0.0)
        price = cost(
            e.km / e.kmh + e.wait_h, e.usd_teu_km * e.km + e.usd_teu, rate * e.km + e.usd_t
        )
        price += e.scarcity_usd_t
        for a, b in ((e.a, e.b), (e.b, e.a)):
            graph.add_edge((a, e.layer), (b, e.layer), w=price)
    for code, layer in list(graph.nodes):
        mode = network.modes["rail" if layer.startswith("rail") else layer]
        load = cost(mode.load_h, mode.load_usd_teu, mode.load_usd_t)
        graph.add_edge((code, "from"), (code, layer), w=load)
        graph.add_edge((code, layer), (code, "to"), w=load)
    for code in network.nodes:
        for t in network.transfers:
            for a, b in ((t.a, t.b), (t.b, t.a)):
                if (code, a) in graph and (code, b) in graph:
                    graph.add_edge((code, a), (code, b), w=cost(t.hours, t.usd_teu, t.usd_t))
    return graph


@pytest.mark.parametrize("shipment", [BOX, DRY, LIQUID], ids=lambda s: s.kind)
def test_the_embedded_network_agrees_with_networkx(shipment):
    networkx = pytest.importorskip("networkx")
    network = load_network()
    regions = [n.code for n in network.nodes.values() if n.mass > 0][::5]
    found = skim(network, shipment, regions).generalised
    graphs = {}
    for i, one in enumerate(regions):
        least = {}
        for j, other in enumerate(regions):
            if i == j:
                continue
            owners = frozenset(network.nodes[c].country for c in (one, other))
            if owners not in graphs:
                graphs[owners] = as_networkx(networkx, network, shipment, owners)
            if owners not in least:
                least[owners] = networkx.single_source_dijkstra_path_length(
                    graphs[owners], (one, "from"), weight="w"
                )
            expected = least[owners].get((other, "to"), math.inf)
            assert found[i, j] == pytest.approx(expected, rel=1e-12)


def test_route_and_skim_agree_on_the_embedded_network():
    network = load_network()
    regions = [n.code for n in network.nodes.values() if n.mass > 0]
    regions = [*regions[::9], *[c for c in regions if network.nodes[c].country == "PRK"][:3]]
    bulk = skim(network, BOX, regions)
    for i, origin in enumerate(regions):
        for j, destination in enumerate(regions):
            one = route(network, BOX, origin, destination)
            assert one.generalised == pytest.approx(bulk.generalised[i, j], rel=1e-12)
            assert one.usd_per_tonne == pytest.approx(bulk.usd_per_tonne[i, j], rel=1e-12)
            assert one.days == pytest.approx(bulk.days[i, j], rel=1e-12)
            assert one.km == pytest.approx(bulk.km[i, j], rel=1e-12)
            if i != j:
                assert (one.nodes[0], one.nodes[-1]) == (origin, destination)
