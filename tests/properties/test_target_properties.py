"""What would it take: what must not change the answer, and the lemma against the solver."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clikorea import korea_like
from detente.equilibrium import solve_equilibrium
from detente.outcomes.target import target
from detente.outcomes.targetgoal import parse_goal
from detente.outcomes.targetproof import Ends, direction_is_proved
from detente.outcomes.targetroots import scan
from detente.shocks import Shocks
from detente.world import World
from hypothesis_profiles import examples

WORLD = korea_like()
GOAL = "trade(RUS,PRK) = x1.5"


def first(text=GOAL, using="trade_cost", **given):
    return target(WORLD, text, using, **given).runs[0].answers[0].at.x


# -- crossings -------------------------------------------------------------------------------
@settings(max_examples=examples(60))
@given(
    st.lists(st.floats(0.02, 0.98), min_size=1, max_size=3, unique=True).filter(
        lambda r: all(b - a > 0.06 for a, b in zip(sorted(r), sorted(r)[1:], strict=False))
    ),
    st.sampled_from([17, 33, 64]),
)
def test_every_root_of_a_polynomial_is_found_on_any_grid_finer_than_their_distance(roots, n):
    expected = sorted(roots)
    n = max(n, 40) if len(roots) > 1 else n
    found = scan(lambda x: math.prod(x - r for r in roots), 0.0, 0.0, 1.0, n)
    assert [c.x for c in found.crossings] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=examples(40))
@given(st.floats(0.0, 1.0), st.floats(-3.0, 3.0), st.floats(-10.0, 10.0), st.integers(2, 60))
def test_a_monotone_function_crosses_once_or_is_told_to_end_before(at, slope, base, n):
    level = base + slope * at
    found = scan(lambda x: base + slope * x, level, 0.0, 1.0, n)
    if abs(slope) < 1e-6:
        return
    assert len(found.crossings) == 1
    # the number is as sharp as the value allows: rounding over the slope
    assert found.crossings[0].x == pytest.approx(at, abs=1e-7 * (1 + abs(level / slope)))
    beyond = scan(lambda x: base + slope * x, base + 1.5 * slope, 0.0, 1.0, n)
    assert beyond.crossings == ()
    assert beyond.closest == (1.0, pytest.approx(base + slope))


# -- invariances -----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def answer():
    return first(grid=5)


@pytest.mark.parametrize("grid", [2, 9, 33])
def test_a_finer_grid_keeps_the_answer(answer, grid):
    assert first(grid=grid) == pytest.approx(answer, rel=1e-6)


@pytest.mark.parametrize(
    "text", ["trade(PRK,RUS) = x1.5", "trade(RUS,PRK)=+50%", " trade( RUS,PRK ) = × 1.5 "]
)
def test_other_words_for_the_same_goal(answer, text):
    assert first(text, grid=5) == pytest.approx(answer, rel=1e-9)


def test_other_units_of_the_same_amount():
    reach = 1.5 * parse_goal(GOAL).today(WORLD)
    in_millions = first(f"trade(RUS,PRK) = {reach!r} million USD", grid=5)
    in_billions = first(f"trade(RUS,PRK) = USD {reach / 1000!r} billion", grid=5)
    assert in_millions == pytest.approx(first(grid=5), rel=1e-6)
    assert in_billions == pytest.approx(in_millions, rel=1e-9)


def test_the_range_and_where_it_starts_do_not_move_the_answer(answer):
    assert first(ranges=["trade_cost=0..90%"], grid=5) == pytest.approx(answer, rel=1e-6)
    assert first(ranges=["trade_cost=1%..30%"], grid=5) == pytest.approx(answer, rel=1e-6)


def test_the_order_of_levers_does_not_matter():
    runs = [
        target(WORLD, GOAL, using, grid=3).runs[-1]
        for using in ("tariff,trade_cost,relief", "relief,tariff,trade_cost")
    ]
    assert runs[0].name == runs[1].name == "together"
    assert runs[0].answers[0].at == runs[1].answers[0].at


def test_money_counted_in_another_unit_gives_the_same_answer(answer):
    scaled = WORLD.with_(
        flows=1000 * WORLD.flows,
        value_added=1000 * WORLD.value_added,
        deficit=1000 * WORLD.deficit,
    )
    found = target(scaled, GOAL, "trade_cost", grid=5).runs[0].answers[0].at.x
    assert found == pytest.approx(answer, rel=1e-6)


# -- the lemma -------------------------------------------------------------------------------
def bare(seed, n, s):
    """No inputs, tariffs or deficits: flows that balance pair by pair."""
    rng = np.random.default_rng(seed)
    flows = np.exp(rng.normal(0.0, 1.0, (s, n, n)))
    total = flows.sum(axis=0)
    flows = flows * np.sqrt(total.T / total)
    flows[:, range(n), range(n)] *= rng.uniform(1.0, 10.0, n)
    bought = flows.sum(axis=1)
    return World(
        name="bare",
        countries=tuple(f"C{j}" for j in range(n)),
        sectors=tuple(f"s{j}" for j in range(s)),
        flows=flows,
        tariff=np.zeros_like(flows),
        input_share=np.zeros((s, s, n)),
        value_added_share=np.ones((s, n)),
        final_share=bought / bought.sum(axis=0),
        trade_elasticity=rng.uniform(0.5, 9.0, s),
        value_added=flows.sum(axis=(0, 2)),
        deficit=np.zeros(n),
    )


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 5), st.integers(1, 3), st.booleans())
def test_cheaper_exports_of_one_country_never_lower_what_the_lemma_says(seed, n, s, one_buyer):
    """Against the solver: random economies, random cuts by link and sector."""
    world = bare(seed, n, s)
    rng = np.random.default_rng(seed + 1)
    cut = np.zeros((s, n, n))
    buyers = [1] if one_buyer else range(1, n)
    for b in buyers:
        cut[:, 0, b] = rng.uniform(0.0, 1.0, s)
    goals = [parse_goal(f"{q}(C0) = x2") for q in ("exports", "imports", "trade", "welfare")]
    if one_buyer:
        goals.append(parse_goal("exports(C0,C1) = x2"))
    ends = Ends.of(world, Shocks(), Shocks(cost_hat=np.exp(-cut)))
    assert all(direction_is_proved(goal, ends) for goal in goals)
    last = None
    for x in (0.0, 0.3, 0.6, 1.0):
        eq = solve_equilibrium(world, Shocks(cost_hat=np.exp(-x * cut)))
        values = np.array([goal.value(eq) for goal in goals])
        if last is not None:
            assert (values >= last - 1e-7 * (1.0 + np.abs(last))).all()
        last = values
