"""Dormant shares and the race of partners on the embedded world.

The bound for one draw of coefficients is the linear algebra of multilateral resistance: some
six Newton steps, each a product and a solve of 81 × 81 for 25 sectors, about 0.1 GFLOP.
"""

from __future__ import annotations

import numpy as np
import pytest

from detente.dormant import recorded
from detente.partners.race import Settings, race
from detente.world import load_world


@pytest.fixture(scope="module")
def shares():
    return recorded(load_world("korea"), "PRK")


def test_both_anchors_at_other_coefficients(benchmark, shares):
    rng = np.random.default_rng(1)
    theta = shares.world.trade_elasticity
    benchmark(lambda: shares.model.at(shares.estimates.draw(rng), theta))


def test_a_race_of_twenty_draws(benchmark, shares):
    settings = Settings(tuple(shares.world.coverage), draws=20)
    benchmark.pedantic(lambda: race(shares.world, "PRK", settings, shares), rounds=3)
