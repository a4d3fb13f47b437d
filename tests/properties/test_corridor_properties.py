"""Laws of least-cost routes and of flows, on networks that hypothesis draws."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corridornets import BOX, DRY, MODES, edge, net
from detente.corridors.assign import Demand, assign
from detente.corridors.network import Transfer
from detente.corridors.routes import RouteError, route, skim
from hypothesis_profiles import examples

CODES = "ABCDEF"
#: Less than unloading and loading anew on any two layers: the condition of the triangle.
TRANSFERS = tuple(
    Transfer(a, b, 2, 20, 2)
    for a, b in itertools.combinations(("sea", "rail1435", "rail1520", "road"), 2)
)
LAYERS = [("sea", None), ("rail", 1435), ("rail", 1520), ("road", None)]
amounts = st.floats(0, 1000).map(lambda x: round(x, 1))


@st.composite
def lines(draw, own=False):
    a, b = draw(st.lists(st.sampled_from(CODES), min_size=2, max_size=2, unique=True))
    mode, gauge = draw(st.sampled_from(LAYERS))
    found = edge(
        a,
        b,
        mode,
        draw(amounts),
        gauge,
        kmh=draw(st.sampled_from([20.0, 50.0, 90.0])),
        wait_h=draw(st.sampled_from([0.0, 6.0, 48.0])),
        usd_teu=draw(st.sampled_from([0.0, 100.0])),
        state=draw(st.sampled_from(["open", "open", "open", "closed"])),
    )
    if own and draw(st.booleans()):
        found = replace(
            found, use="own", owner=draw(st.sampled_from(["PRK", "KOR", "KOR+CHN"]))
        )
    return found


@st.composite
def networks(draw, own=False):
    edges = draw(st.lists(lines(own), min_size=3, max_size=14, unique_by=lambda e: e.key))
    countries = draw(st.lists(st.sampled_from(["KOR", "PRK", "CHN"]), min_size=6, max_size=6))
    return net(dict(zip(CODES, countries, strict=True)), edges, TRANSFERS)


@settings(max_examples=examples(60))
@given(networks(own=True), st.sampled_from([BOX, DRY]))
def test_bulk_and_single_routes_agree_and_are_symmetric(network, shipment):
    bulk = skim(network, shipment, CODES)
    assert np.allclose(bulk.generalised, bulk.generalised.T, rtol=1e-12)
    for i, a in enumerate(CODES):
        for j, b in enumerate(CODES):
            try:
                one = route(network, shipment, a, b)
            except RouteError:
                assert np.isinf(bulk.generalised[i, j])
                continue
            told = (one.generalised, one.usd_per_tonne, one.days, one.km)
            kept = [
                getattr(bulk, n)[i, j] for n in ("generalised", "usd_per_tonne", "days", "km")
            ]
            assert np.allclose(told, kept, rtol=1e-12, atol=1e-12)


@settings(max_examples=examples(60))
@given(networks(), st.sampled_from([BOX, DRY]))
def test_the_triangle_inequality(network, shipment):
    cost = skim(network, shipment, CODES).generalised
    through = (cost[:, :, None] + cost[None, :, :]).min(axis=1)
    assert (cost <= through * (1 + 1e-12)).all()


@settings(max_examples=examples(60))
@given(networks(own=True), lines(own=True), st.sampled_from([BOX, DRY]))
def test_one_more_edge_never_raises_a_cost(network, more, shipment):
    others = [e for e in network.edges if e.key != more.key]
    fewer, longer = (
        replace(network, edges=tuple(e), base=None) for e in (others, [*others, more])
    )
    before, after = (skim(n, shipment, CODES).generalised for n in (fewer, longer))
    assert (after <= before * (1 + 1e-12)).all()


@settings(max_examples=examples(60))
@given(networks(own=True), st.data())
def test_a_better_edge_never_raises_a_cost(network, data):
    j = data.draw(st.integers(0, len(network.edges) - 1))
    now = network.edges[j]
    better = data.draw(
        st.sampled_from(
            [
                {"state": "open"},
                {"use": "all"},
                {"kmh": now.kmh * 2},
                {"wait_h": 0.0},
                {"usd_teu": 0.0},
                {"usd_teu_km": 0.0, "usd_t_km_dry": 0.0},
                {"km": now.km / 2},
            ]
        )
    )
    edges = [*network.edges[:j], replace(now, **better), *network.edges[j + 1 :]]
    after = replace(network, edges=tuple(edges), base=None)
    for shipment in (BOX, DRY):
        before = skim(network, shipment, CODES).generalised
        assert (skim(after, shipment, CODES).generalised <= before * (1 + 1e-12)).all()


@settings(max_examples=examples(30))
@given(networks(), st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES),
                                      st.sampled_from([BOX, DRY]), st.floats(0, 1e6)),
                            min_size=1, max_size=8),
       st.floats(0.05, 2))  # fmt: skip
def test_flows_respect_room_and_more_of_it_never_costs_more(network, asked, room):
    demands = [Demand(*d) for d in asked]
    weight = np.array([d.tonnes for d in demands])

    def total(capacity):
        edges = tuple(replace(e, capacity_mt=capacity) for e in network.edges)
        found = assign(replace(network, edges=edges, base=None), demands)
        assert (found.loads["mt"] <= capacity * (1 + 1e-9) + 1e-12).all()
        assert (found.served >= 0).all()
        assert (found.served <= 1 + 1e-12).all()
        assert (found.marginal >= found.average * (1 - 1e-9) - 1e-4).all()
        carried = np.where(found.served > 0, found.average, 0.0) * found.served * weight
        return carried.sum() + 1e6 * ((1 - found.served) * weight).sum()

    free = [skim(network, d.shipment, (d.origin, d.destination)).generalised[0, 1]
            for d in demands]  # fmt: skip
    unlimited = assign(network, demands)
    assert np.allclose(unlimited.average, free, rtol=1e-12)
    costs = [total(c) for c in (room, room * 2, np.inf)]
    assert costs[0] >= costs[1] * (1 - 1e-7) - 1
    assert costs[1] >= costs[2] * (1 - 1e-7) - 1


def test_the_modes_allow_the_triangle():
    loads = {name: (m.load_h, m.load_usd_teu, m.load_usd_t) for name, m in MODES.items()}
    for t in TRANSFERS:
        ends = [loads["rail" if x.startswith("rail") else x] for x in (t.a, t.b)]
        anew = np.sum(ends, axis=0)
        assert (np.array([t.hours, t.usd_teu, t.usd_t]) <= anew).all()
