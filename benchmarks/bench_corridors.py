"""Least-cost routes in bulk and flows under capacities, on the embedded network.

The peer for routes is networkx's Dijkstra, one search for each origin on the same layered
graph; it has no owners of edges to regard, so that it answers less. Flows have no peer that
answers the same: they are held against the searches that they cannot do without.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from detente.corridors.assign import Demand, assign
from detente.corridors.catalogue import load_network, load_project
from detente.corridors.cost import cost_change
from detente.corridors.graph import graph_of
from detente.corridors.routes import Shipment, skim
from detente.world import load_world

BOX = Shipment("container", 3000.0, 10.0, 0.006)
REGIONS = 60


@pytest.fixture(scope="module")
def network():
    return load_network()


@pytest.fixture(scope="module")
def regions(network):
    found = [n.code for n in network.nodes.values() if n.mass > 0]
    order = np.random.default_rng(1).permutation(len(found))
    return [found[j] for j in sorted(order[:REGIONS])]


def demands_of(regions, tonnes):
    """Ten classes of goods between all regions."""
    rng = np.random.default_rng(2)
    classes = [Shipment("container", float(v), 10.0, 0.006) for v in rng.uniform(500, 3e4, 10)]
    pairs = [(a, b) for a in regions for b in regions if a < b]
    return [
        Demand(a, b, classes[k], float(x))
        for a, b in pairs
        for k, x in enumerate(rng.exponential(tonnes, 10))
    ]


def test_skim_of_60_regions(benchmark, network, regions):
    graph_of(network)
    benchmark(lambda: skim(network, BOX, regions))


def test_the_same_searches_in_networkx(benchmark, network, regions):
    networkx = pytest.importorskip("networkx")
    graph = graph_of(network)
    weight = graph.generalised(BOX)
    peer = networkx.DiGraph()
    for tail, head, w in zip(graph.tail.tolist(), graph.head.tolist(), weight, strict=True):
        peer.add_edge(tail, head, weight=float(w))
    sources = [graph.index[code] for code in regions]

    def search():
        return [networkx.single_source_dijkstra_path_length(peer, s) for s in sources]

    benchmark.pedantic(search, rounds=5, warmup_rounds=1)


def test_flows_where_nothing_binds(benchmark, network, regions):
    demands = demands_of(regions, 1.0)
    found = benchmark.pedantic(lambda: assign(network, demands), rounds=3)
    assert not found.loads["shadow_usd_per_tonne"].any()


def test_flows_where_lines_are_full(benchmark, network, regions):
    demands = demands_of(regions, 1e4)
    found = benchmark.pedantic(lambda: assign(network, demands), rounds=2)
    assert (found.loads["shadow_usd_per_tonne"] > 0).any()
    assert math.isfinite(found.served.min())


def test_trade_costs_with_capacities(benchmark, network):
    """What a corridor saves a world, lines full where they are; other volumes each round."""
    world = load_world("korea")
    after = network.with_project(load_project("trans-korean-railway"))
    volumes = world.flows * ~np.eye(world.n_countries, dtype=bool)
    cost_change(world, network, after, volumes)
    scale = iter(np.arange(1.01, 2.0, 0.01))
    benchmark.pedantic(
        lambda: cost_change(world, network, after, volumes * next(scale)), rounds=3
    )
