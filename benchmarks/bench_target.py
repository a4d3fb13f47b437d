"""What a target costs beyond the equilibria that it cannot do without: 33 a lever and a few."""

from __future__ import annotations

import pytest

from detente.equilibrium import solve_batch
from detente.outcomes.target import target
from detente.outcomes.targetgoal import parse_goal
from detente.outcomes.targetlevers import levers
from detente.outcomes.targetroots import scan
from detente.scenario import Scenario
from detente.world import load_world

GOAL = "trade(RUS,PRK) = x2"
LEVERS = "tariff,trade_cost,relief"


@pytest.fixture(scope="module")
def korea():
    return load_world("korea")


def test_three_levers_and_all_together(benchmark, korea):
    benchmark.pedantic(lambda: target(korea, GOAL, LEVERS), rounds=3, warmup_rounds=1)


def test_the_grid_of_relief_alone(benchmark, korea):
    """33 equilibria of one lever, without notes or search: what a scan is measured against."""
    (lever,) = levers(parse_goal(GOAL), korea, "relief")
    asked = [
        Scenario.from_dict({"scenario": "relief", "measures": lever.build(k / 32)})
        for k in range(33)
    ]
    benchmark.pedantic(lambda: solve_batch(korea, asked), rounds=3, warmup_rounds=1)


def test_the_search_itself(benchmark):
    benchmark(lambda: scan(lambda x: x * (1.0 - x), 0.09, 0.0, 1.0, 33))
