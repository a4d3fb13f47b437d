"""What a scenario of sanctions law costs beside the solve: state, caps, everything together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import detente as dt

GALLERY = Path(__file__).parent.parent / "scenarios"


def test_state_of_five_regimes_lifted(benchmark: Any) -> None:
    """From measures to arrays, by HS line; the physical part is some 40 MB of reads."""
    world, scenario = dt.load_world("korea"), dt.load_scenario(GALLERY / "korea-opens.yaml")
    shocks = benchmark(scenario.to_shocks, world)
    assert shocks.link_open is not None


def test_state_without_law(benchmark: Any) -> None:
    """The same world and a tariff cut: what its law costs a scenario that leaves it alone."""
    world, scenario = dt.load_world("korea"), dt.load_scenario(GALLERY / "tariff-cut.yaml")
    benchmark(scenario.to_shocks, world)


def test_solve_with_caps_that_bind(benchmark: Any) -> None:
    """Two caps on oil bind: the complementarity beside the same solve without caps."""
    world = dt.load_world("korea")
    scenario = dt.load_scenario(GALLERY / "china-russia-draft-2019.yaml")
    shocks = scenario.to_shocks(world)
    result = benchmark(dt.solve, world, shocks)
    assert (result.caps["markup"] > 0).all()
