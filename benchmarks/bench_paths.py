"""Time of a path: twenty years of the flagship on the embedded world.

Run from the repository's root, on a quiet machine:

    OPENBLAS_NUM_THREADS=1 pytest benchmarks/bench_paths.py --benchmark-columns=min,median,max

Every round starts from a world whose derived arrays have not been computed. A round reads
the phases' shocks, solves an equilibrium for every year (two or three where dates cut it) and
one for every phase, and makes the tables.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from detente import load_scenario, load_world
from detente.paths import PathResult, solve_path
from detente.scenario import Scenario
from detente.world import World

FLAGSHIP = Path(__file__).parents[1] / "scenarios" / "korea-opens.yaml"
YEARS = 20


def whole(world: World, scenario: Scenario) -> PathResult:
    """A path and its tables."""
    path = solve_path(world, scenario, YEARS)
    path.tables("PRK")
    return path


@pytest.mark.parametrize("capital", ["none", "PRK", "all"])
def test_twenty_years_of_korea(benchmark, capital: str) -> None:
    world = load_world("korea")
    scenario = load_scenario(FLAGSHIP).with_(capital=capital)
    path = whole(world, scenario)
    benchmark.extra_info |= {
        "equilibria": path.certificate.solves,
        "residual": path.certificate.worst.residual,
        "ms each": round(1e3 * path.certificate.seconds / path.certificate.solves, 2),
    }
    benchmark.pedantic(
        whole, setup=lambda: ((replace(world), scenario), {}), rounds=9, warmup_rounds=1
    )
