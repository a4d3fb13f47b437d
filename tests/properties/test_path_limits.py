"""Paths on random worlds: what must hold whatever the world, the dates and the speed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from detente import model
from detente.equilibrium import solve_equilibrium
from detente.equilibrium.opened import with_links
from detente.errors import NoSolutionError, NotConvergedError
from detente.paths import solve_path
from detente.paths.adjust import adjusted, deepened, speed
from detente.paths.clock import calendar_of, position
from detente.scenario import Scenario
from detente.shocks import Shocks
from hypothesis_profiles import examples
from worlds import random_world

numbers = st.floats(0.0, 2.0)
lengths = st.floats(0.0, 3.0)
paces = st.sampled_from([0.0, 1e-9, 0.3, 8.0, 100.0])
days = st.dates(date(2019, 1, 1), date(2023, 12, 31)).filter(
    lambda day: (day.month, day.day) != (2, 29)
)


@settings(max_examples=examples(200))
@given(numbers, numbers, paces, lengths, lengths)
def test_two_stretches_are_one(
    b: float, target: float, pace: float, d: float, e: float
) -> None:
    """Means weighted by length, and ends, do not depend on where time is cut."""
    start, goal, kappa = np.array(b), np.array(target), speed(pace)
    mean, end = adjusted(start, goal, kappa, d + e)
    first, middle = adjusted(start, goal, kappa, d)
    second, last = adjusted(middle, goal, kappa, e)
    assert float(d * first + e * second) == pytest.approx(float((d + e) * mean), abs=1e-12)
    assert float(last) == pytest.approx(float(end), abs=1e-12)


@settings(max_examples=examples(200))
@given(numbers, numbers, paces, lengths)
def test_links_stay_between_where_they_were_and_where_they_go(
    b: float, target: float, pace: float, years: float
) -> None:
    mean, end = adjusted(np.array(b), np.array(target), speed(pace), years)
    low = min(b, target)
    assert low - 1e-12 <= mean <= target + 1e-12
    assert mean - 1e-12 <= end <= target + 1e-12


@settings(max_examples=examples(100))
@given(numbers, st.floats(0.1, 3.0), st.floats(0.01, 0.9), lengths, lengths)
def test_capital_does_not_depend_on_where_time_is_cut(
    k: float, w: float, rate: float, d: float, e: float
) -> None:
    once = deepened(np.array(k), np.array(w), rate, d + e)
    twice = deepened(deepened(np.array(k), np.array(w), rate, d), np.array(w), rate, e)
    assert float(twice) == pytest.approx(float(once), abs=1e-12)


@settings(max_examples=examples(60))
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.6]))
def test_equation_2_gives_the_weights_asked_for(seed: int, zeros: float) -> None:
    world = random_world(seed, 4, 2, zeros=zeros)
    rng = np.random.default_rng(seed)
    share = world.trade_share
    kept = rng.random(share.shape) < 0.4
    wanted = np.where(kept, share, rng.uniform(0.0, 1.0, share.shape))
    wanted[rng.random(share.shape) < 0.2] = 0.0
    shocks = with_links(Shocks(), share, wanted, None)
    base = model.link_base(share, shocks.link, shocks.link_open, shocks.dormant_share)
    np.testing.assert_allclose(base, wanted, rtol=1e-14, atol=0)
    np.testing.assert_array_equal(base[kept & (wanted > 0)], share[kept & (wanted > 0)])


# -- time ----------------------------------------------------------------------------------
def moved(day: date, years: int) -> date:
    return day.replace(year=day.year + years)


def measures(begins: date, ends: date) -> list[dict[str, Any]]:
    return [
        {"open": {"country": "C00", "share": 0.8, "on": begins.isoformat()}},
        {
            "trade_cost": {
                "exporter": "C01",
                "importer": "C00",
                "change": "20%",
                "on": begins.isoformat(),
                "until": ends.isoformat(),
            }
        },
    ]


def scenario(items: list[dict[str, Any]], **assumed: Any) -> Scenario:
    return Scenario.from_dict({"scenario": "a path", "measures": items, **assumed})


@settings(max_examples=examples(200))
@given(st.lists(st.tuples(days, st.integers(0, 1500)), min_size=1, max_size=4))
def test_segments_fill_every_year(given_days: list[tuple[date, int]]) -> None:
    items = [
        {"open": {"country": "C00", "share": 1, "on": str(on), "until": str(on + timedelta(n))}}
        for on, n in given_days
    ]
    spans, segments = calendar_of(scenario(items).measures, 6)
    for year in {s.year for s in segments}:
        parts = [s for s in segments if s.year == year]
        assert sum(s.length for s in parts) == pytest.approx(1.0, abs=1e-12)
        assert all(s.length >= 0 for s in parts)
        assert all(s.begins is not None and s.begins.year == year for s in parts)
    assert [s.phase for s in segments] == sorted(s.phase for s in segments)
    assert {s.phase for s in segments} == set(range(len(spans)))
    assert all(0.0 <= position(day) < 1.0 for day, _ in given_days)


WORLDS = [
    random_world(seed, 5, 2, zeros=0.3, dormant=True).rebase().with_(coverage={})
    for seed in (3, 11, 12)
]


def test_the_worlds_have_something_to_open() -> None:
    for world in WORLDS:
        closed = (world.trade_share[:, 0] == 0) & (world.dormant["as_before"][:, 0] > 0)
        assert closed.any()


@settings(max_examples=examples(12))
@given(st.sampled_from(range(3)), days, st.integers(0, 900), st.integers(1, 30))
def test_a_path_that_begins_later_is_the_same_path_later(
    which: int, begins: date, length: int, years: int
) -> None:
    """Whole years only: leap days take no time, so that nothing depends on the century."""
    world = WORLDS[which]
    ends = begins + timedelta(days=length)
    assume((ends.month, ends.day) != (2, 29))
    assume((ends.month, ends.day) != (2, 28))  # the day after is a leap day in some years
    try:
        one = solve_path(world, scenario(measures(begins, ends)), 4)
    except (NoSolutionError, NotConvergedError):
        assume(False)
    later = measures(moved(begins, years), moved(ends, years))
    other = solve_path(world, scenario(later), 4)
    assert other.calendar == tuple(year + years for year in one.calendar)
    for key, values in one.values.items():
        np.testing.assert_allclose(other.values[key], values, rtol=1e-12, atol=1e-12)


@settings(max_examples=examples(12))
@given(st.sampled_from(range(3)), days, st.floats(0.5, 30.0))
def test_relief_ends_at_the_static_answer_whatever_its_speed(
    which: int, begins: date, pace: float
) -> None:
    world = WORLDS[which]
    items = measures(begins, begins)[:1]
    slow = scenario(items, adjustment_years=pace)
    static = solve_equilibrium(world, slow.to_shocks(world))
    path = solve_path(world, slow, 100)
    gap = np.abs(np.log(path.values["welfare_hat"] / static.welfare_hat)).max(axis=1)
    assert gap[-1] <= 1e-3 * max(gap[0], 1e-9) + 1e-8
    at_once = solve_path(world, scenario(items, adjustment_years=0), 3)
    np.testing.assert_allclose(at_once.values["welfare_hat"][2], static.welfare_hat, rtol=1e-8)
    rest = path.stages[-1].equilibrium
    np.testing.assert_allclose(rest.welfare_hat, static.welfare_hat, rtol=1e-9)
