"""Retaliation on random worlds: what must hold whatever the trade, duties, rule and limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.scenario import Scenario
from detente.shocks import Shocks
from detente.world import World
from hypothesis_profiles import examples
from worlds import random_world

seeds = st.integers(0, 2**16)
rates = st.floats(0.01, 0.8).map(lambda x: round(x, 4))
limits = st.none() | st.floats(0.01, 0.5).map(lambda x: round(x, 4))
rules = st.sampled_from(["tit-for-tat", "proportional", "same-trade"])
subsets = st.sets(st.integers(0, 3), min_size=1)


def shocks(world: World, *measures: dict[str, Any]) -> Shocks:
    return Scenario.from_dict({"scenario": "x", "measures": list(measures)}).to_shocks(world)


def raised(
    world: World, sectors: set[int], rate: float, i: int = 0, n: int = 1
) -> dict[str, Any]:
    return {
        "tariff": {
            "exporter": world.countries[i],
            "importer": world.countries[n],
            "sectors": [world.sectors[s] for s in sorted(sectors)],
            "add": rate,
        }
    }


def answer(
    world: World, rule: str, most: float | None, i: int = 0, n: int = 1
) -> dict[str, Any]:
    fields = {"by": world.countries[i], "against": world.countries[n], "rule": rule}
    return {"retaliation": fields | ({} if most is None else {"most": most})}


@settings(max_examples=examples(60))
@given(seeds, subsets, rates, rules, limits)
def test_the_answer_is_on_the_way_back_within_its_limit_and_never_worth_more(
    seed: int, sectors: set[int], rate: float, rule: str, most: float | None
) -> None:
    world = random_world(seed, 3, 4, zeros=0.2)
    got = shocks(world, raised(world, sectors, rate), answer(world, rule, most))
    assert got.tariff_new is not None
    change = got.tariff_new - world.tariff
    back = change[:, 1, 0].copy()
    assert (back >= 0).all()
    assert most is None or back.max() <= most * (1 + 1e-12)
    change[:, 1, 0] = change[:, 0, 1] = 0.0
    assert not change.any()
    borne = rate * world.flows[sorted(sectors), 0, 1].sum()
    levied = float((back * world.flows[:, 1, 0]).sum())
    if rule != "tit-for-tat":
        assert levied <= borne * (1 + 1e-9)
    if rule == "tit-for-tat":
        assert set(np.flatnonzero(back)) <= sectors
    if rule == "proportional" and most is None and world.flows[:, 1, 0].any():
        assert levied == pytest.approx(borne, rel=1e-9)


@settings(max_examples=examples(40))
@given(seeds, subsets, subsets, rates, rules, rules)
def test_the_files_order_does_not_matter(
    seed: int, mine: set[int], theirs: set[int], rate: float, one: str, other: str
) -> None:
    world = random_world(seed, 3, 4)
    measures = [
        raised(world, mine, rate),
        raised(world, theirs, rate / 2, 1, 0),
        answer(world, one, None),
        answer(world, other, None, 1, 0),
    ]
    first = shocks(world, *measures).tariff_new
    second = shocks(world, *measures[::-1]).tariff_new
    assert first is not None and second is not None
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-15)


@settings(max_examples=examples(30))
@given(seeds, rules)
def test_without_a_raised_duty_the_shocks_are_none(seed: int, rule: str) -> None:
    world = random_world(seed, 3, 4)
    assert shocks(world, answer(world, rule, None)).tariff_new is None


@settings(max_examples=examples(30))
@given(seeds, subsets, rates, rules, st.floats(1e-3, 1e3))
def test_points_do_not_depend_on_the_unit_of_money(
    seed: int, sectors: set[int], rate: float, rule: str, unit: float
) -> None:
    world = random_world(seed, 3, 4)
    scaled = replace(
        world,
        flows=world.flows * unit,
        value_added=world.value_added * unit,
        deficit=world.deficit * unit,
    )
    one, other = (
        shocks(w, raised(w, sectors, rate), answer(w, rule, None)).tariff_new
        for w in (world, scaled)
    )
    assert one is not None and other is not None
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
