"""Exact attribution on the embedded world, against the solves that it cannot do without.

The bound is 2ⁿ equilibria through one batch: what `attribution` takes beyond them is its own.
The embedded world has its law on record: regimes are lifted line by line.
"""

from __future__ import annotations

import numpy as np
import pytest

from detente.equilibrium import solve_batch
from detente.outcomes.attribution import attribution, by_measure, lifting, players_of, with_only
from detente.outcomes.shapley import MOST_PLAYERS, Game, interactions, members, table
from detente.scenario import Scenario
from detente.world import load_world

REGIMES = ("unsc-dprk", "rok-may-24", "japan-dprk", "us-dprk")


@pytest.fixture(scope="module")
def korea():
    return load_world("korea")


def four():
    return lifting(REGIMES, "korea")


def ten():
    """Four regimes and six measures of other kinds."""
    links = {"exporter": "PRK", "importer": "CHN"}
    more = [
        {"tariff": {**links, "rate": "5%"}},
        {"trade_cost": {**links, "change": "-10%", "both_ways": True}},
        {"transfer": {"from": "KOR", "to": "PRK", "amount": "100 million USD"}},
        {"productivity": {"country": "PRK", "sectors": "textiles", "tfp": "+5%"}},
        {"productivity": {"country": "PRK", "sectors": "coal", "tfp": "+5%"}},
        {"secondary_sanctions": {"sender": "USA", "target": "PRK", "cost": "1%"}},
    ]
    lifts = [m.to_dict() for m in four().measures]
    return Scenario.from_dict({"scenario": "ten", "measures": [*lifts, *more]})


def attributed(world, scenario):
    groups = players_of(scenario, by_measure)
    return attribution(world, with_only(scenario, groups), tuple(groups), country="PRK")


def test_four_regimes(benchmark, korea):
    benchmark.pedantic(lambda: attributed(korea, four()), rounds=5, warmup_rounds=1)


def test_the_same_sixteen_solves_alone(benchmark, korea):
    scenario = four()
    groups = players_of(scenario)
    part = with_only(scenario, groups)
    asked = [part(frozenset(members(tuple(groups), mask))) for mask in range(16)]
    benchmark.pedantic(lambda: solve_batch(korea, asked), rounds=5, warmup_rounds=1)


def test_ten_players(benchmark, korea):
    benchmark.pedantic(lambda: attributed(korea, ten()), rounds=1)


def test_every_country_from_the_same_worths(benchmark, korea):
    """The table of all countries from worths that are there: no solve is repeated."""
    found = attributed(korea, four())
    benchmark(lambda: found.of("PRK", "ev").countries)


def test_values_of_twelve_players_from_their_worths(benchmark):
    worth = np.random.default_rng(1).normal(size=2**MOST_PLAYERS)
    game = Game(tuple("abcdefghijkl"), worth)
    benchmark(lambda: (table(game), interactions(game)))
