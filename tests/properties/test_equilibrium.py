"""Every solution meets every condition, or the error has a name."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import KINDS, random_shocks, violations
from detente.equilibrium import solve_equilibrium
from detente.errors import DetenteError, NoSolutionError, NotConvergedError
from detente.shocks import DEFICIT_RULES, Shocks
from detente.solver import MAX_ITERATIONS
from detente.world import World, load_world
from hypothesis_profiles import examples
from worlds import random_world, worlds

LARGEST_RESIDUAL = 1e-9


def outcome(world: World, shocks: Shocks) -> str:
    """Solve and check; the name of the error where there is no solution."""
    try:
        eq = solve_equilibrium(world, shocks)
    except DetenteError as error:
        assert "nan" not in str(error)
        return type(error).__name__
    found = violations(eq)
    assert max(found.values()) <= LARGEST_RESIDUAL, found
    for array in (eq.wage_hat, eq.price_hat, eq.income, eq.welfare_hat, eq.own_earnings_hat):
        assert np.isfinite(array).all()
    assert (eq.welfare_hat > 0).all()
    assert eq.certificate.converged
    assert eq.certificate.residual <= eq.certificate.tolerance
    return "solved"


# -- no shock ----------------------------------------------------------------------------
@settings(max_examples=examples(60))
@given(worlds(), st.sampled_from(("fixed", "proportional", "path")))
def test_no_shock_returns_the_baseline(world: World, rule: str) -> None:
    shocks = Shocks(
        deficit_rule=rule,
        proportional_to=world.countries[-1] if rule == "proportional" else None,
        deficit_path=world.deficit if rule == "path" else None,
    )
    _assert_baseline(world, shocks)


@settings(max_examples=examples(30))
@given(worlds(max_countries=6))
def test_no_shock_after_rebasing_to_balance_returns_the_baseline(world: World) -> None:
    try:
        balanced = world.rebase("balanced")
    except DetenteError:
        return
    for rule in ("balanced", "balanced_as_shock", "fixed"):
        _assert_baseline(balanced, Shocks(deficit_rule=rule))


def _assert_baseline(world: World, shocks: Shocks) -> None:
    eq = solve_equilibrium(world, shocks)
    for hat in (
        eq.wage_hat,
        eq.price_hat,
        eq.cost_hat,
        eq.income_hat,
        eq.welfare_hat,
    ):
        np.testing.assert_allclose(hat, 1.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(eq.trade_share, eq.world.trade_share, rtol=0, atol=1e-12)
    scale = np.maximum(eq.world.expenditure, 1e-300)
    np.testing.assert_allclose(eq.expenditure / scale, eq.world.expenditure / scale, atol=1e-12)


# -- every equation, on everything -------------------------------------------------------
@settings(max_examples=examples(120))
@given(
    worlds(),
    st.integers(0, 2**31),
    st.sets(st.sampled_from(KINDS)),
    st.sampled_from(DEFICIT_RULES),
)
def test_solutions_meet_every_condition_or_the_error_has_a_name(
    world: World, seed: int, kinds: set[str], rule: str
) -> None:
    outcome(world, random_shocks(world, seed, tuple(k for k in KINDS if k in kinds), rule))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", DEFICIT_RULES)
def test_each_kind_of_shock_solves_under_each_rule(kind: str, rule: str) -> None:
    for seed in range(3):
        world = random_world(seed, 5 + seed, 3, zeros=0.1)
        world = _milder(world)
        shocks = random_shocks(world, seed, (kind,), rule, strength=0.7)
        assert outcome(world, shocks) == "solved"


def _milder(world: World) -> World:
    """Deficits that a country can live with: re-based to a third of the drawn ones."""
    limit = 0.2 / np.max(np.abs(world.deficit) / world.value_added)
    return world.with_(deficit=world.deficit * min(1.0, limit)).rebase()


def test_not_converged_is_rare() -> None:
    """What has no solution is told by name; giving up is for at most one case in fifty."""
    counts: Counter[str] = Counter()
    rng = np.random.default_rng(2)
    for seed in range(200):
        n, s = int(rng.integers(2, 13)), int(rng.integers(1, 7))
        world = random_world(seed, n, s, zeros=float(rng.choice([0.0, 0.1, 0.3])))
        kinds = tuple(k for k in KINDS if rng.random() < 0.4)
        rule = str(rng.choice(DEFICIT_RULES))
        counts[outcome(world, random_shocks(world, seed, kinds, rule))] += 1
    assert counts["solved"] >= 150, counts
    assert counts["NotConvergedError"] <= 4, counts


@settings(max_examples=examples(40))
@given(worlds(max_countries=8), st.integers(0, 2**31))
def test_income_is_positive_in_every_solution(world: World, seed: int) -> None:
    """A surplus that cannot be paid is no equilibrium, whatever the residuals say."""
    shocks = random_shocks(world, seed, ("open", "productivity"), "fixed", strength=1.5)
    try:
        eq = solve_equilibrium(world, shocks)
    except (NoSolutionError, NotConvergedError):
        return
    assert (eq.income > 0).all()


def test_a_surplus_that_wages_cannot_pay_is_refused() -> None:
    """Productivity abroad ruins C05, which must go on exporting two thirds of its output."""
    world = random_world(499134024, 7, 1, tariffs=False)
    shocks = random_shocks(world, 499134024, ("open", "productivity"), "path")
    with pytest.raises(NoSolutionError, match="C05"):
        solve_equilibrium(world, shocks)


@pytest.mark.parametrize("rule", DEFICIT_RULES)
def test_the_embedded_world_solves_under_everything(rule: str) -> None:
    """The DPRK is 0.02 % of it: residuals are relative to each country's own."""
    world = load_world("korea")
    for seed in range(4):
        kinds = tuple(np.random.default_rng(seed).permutation(KINDS)[:4])
        shocks = random_shocks(world, seed, kinds, rule, strength=0.5 + 0.5 * seed)
        try:
            eq = solve_equilibrium(world, shocks)
        except NoSolutionError as error:
            assert "supplier" in str(error)
            assert "ban" in kinds
            continue
        found = violations(eq)
        assert max(found.values()) <= LARGEST_RESIDUAL, found
        assert eq.solution.iterations < 200


# -- worlds at the edge ------------------------------------------------------------------
def extreme(
    *,
    n: int = 4,
    s: int = 2,
    theta: float = 5.0,
    home: float = 0.7,
    value_added: float = 0.5,
    small: float = 1.0,
    seed: int = 0,
) -> World:
    """A balanced world with one parameter at its edge, re-based."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(0.0, 0.5, n))
    size[0] *= small
    pull = rng.uniform(0.5, 1.5, (s, n, n)) * size[:, None] * ~np.eye(n, dtype=bool)
    flows = pull / pull.sum(axis=1, keepdims=True) * (1.0 - home) + np.eye(n) * home
    flows = flows * rng.uniform(0.8, 1.2, (s, n))[:, None, :] * size * 1e6
    inputs = rng.dirichlet(np.full(s, 3.0), (s, n)).transpose(2, 0, 1) * (1.0 - value_added)
    output = flows.sum(axis=2)
    world = World(
        name="extreme",
        countries=tuple(f"C{j:02d}" for j in range(n)),
        sectors=tuple(f"s{j:02d}" for j in range(s)),
        flows=flows,
        tariff=np.zeros_like(flows),
        input_share=inputs,
        value_added_share=np.full((s, n), value_added),
        final_share=rng.dirichlet(np.full(s, 5.0), n).T,
        trade_elasticity=np.full(s, theta),
        value_added=value_added * output.sum(axis=0),
        deficit=np.zeros(n),
    )
    return world.rebase("balanced")


EDGES = {
    "nearly closed": {"home": 0.9999},
    "hardly any home sales": {"home": 0.01},
    "a country of a millionth": {"small": 1e-6},
    "θ 0.5": {"theta": 0.5},
    "θ 65": {"theta": 65.0},
    "value added 2 %": {"value_added": 0.02, "s": 3},
    "no inputs": {"value_added": 1.0},
    "one sector": {"s": 1},
    "two countries": {"n": 2},
    "sixty countries": {"n": 60, "s": 3},
}
SHOCKS = {
    "tariff of 1000 %": lambda w, away: {"tariff_new": 10.0 * away},
    "one tariff of 1000 %": lambda w, away: {"tariff_new": 10.0 * away * _one(w)},
    "iceberg 1e-3": lambda w, away: {"cost_hat": np.where(away & _one(w), 1e-3, 1.0)},
    "iceberg 1e6": lambda w, away: {"cost_hat": np.where(away & _pair(w), 1e6, 1.0)},
    "productivity 100": lambda w, away: {"productivity_hat": _tfp(w, 100.0)},
    "productivity 0.01": lambda w, away: {"productivity_hat": _tfp(w, 0.01)},
    "labour 10": lambda w, away: {"labour_hat": np.r_[10.0, np.ones(w.n_countries - 1)]},
    "half of the income away": lambda w, away: {"transfer": _gift(w, -0.5)},
    "twice the income given": lambda w, away: {
        "transfer": _gift(w, min(2.0, 0.5 * w.income[1] / w.income[0]))
    },
}


def _one(world: World) -> np.ndarray:
    """Everything that country 0 buys."""
    return np.broadcast_to(np.arange(world.n_countries) == 0, world.flows.shape)


def _pair(world: World) -> np.ndarray:
    """What countries 0 and 1 buy from each other."""
    two = np.arange(world.n_countries) < 2
    return np.broadcast_to(two[:, None] & two, world.flows.shape)


def _tfp(world: World, factor: float) -> np.ndarray:
    hat = np.ones((world.n_sectors, world.n_countries))
    hat[:, 0] = factor**world.trade_elasticity
    return hat


def _gift(world: World, share: float) -> np.ndarray:
    gift = np.zeros(world.n_countries)
    gift[:2] = share * world.income[0] * np.array([1.0, -1.0])
    return gift


#: no equilibrium with income left: a ten-thousandth of income is traded, and half of it or
#: more is to be paid away, so wages would have to fall below what is owed
RUIN = {
    ("nearly closed", "half of the income away"),
    ("nearly closed", "twice the income given"),
}
#: one-sided prohibition with balanced trade: trade falls to 1e-9 of income and below, and
#: with it what tells the country's wage; giving up by name is allowed
CLOSING = {("nearly closed", "one tariff of 1000 %"), ("θ 65", "one tariff of 1000 %")}
CLOSING |= {("two countries", "iceberg 1e6")}


@pytest.mark.parametrize("shock", SHOCKS)
@pytest.mark.parametrize("edge", EDGES)
def test_extremes_solve_or_say_why(edge: str, shock: str) -> None:
    world = extreme(**EDGES[edge])
    away = ~np.eye(world.n_countries, dtype=bool) & np.ones(world.flows.shape, dtype=bool)
    shocks = Shocks(**SHOCKS[shock](world, away))
    if (edge, shock) in RUIN:
        with pytest.raises(NoSolutionError, match="income"):
            solve_equilibrium(world, shocks)
        return
    try:
        eq = solve_equilibrium(world, shocks)
    except NotConvergedError as error:
        assert (edge, shock) in CLOSING, str(error)
        assert "nan" not in str(error)
        return
    found = violations(eq)
    assert max(found.values()) <= LARGEST_RESIDUAL, found
    assert (eq.welfare_hat > 0).all()
    assert eq.solution.iterations <= MAX_ITERATIONS


@pytest.mark.parametrize("home", [0.5, 0.99, 0.9999])
def test_the_default_tolerance_is_enough_for_nearly_closed_countries(home: float) -> None:
    """Own trade pins a country's wage: hats at 1e-10 agree with those at 1e-13."""
    world = extreme(home=home)
    shocks = random_shocks(world, 4, ("tariff", "cost", "productivity"), strength=0.7)
    usual = solve_equilibrium(world, shocks)
    exact = solve_equilibrium(world, shocks, tolerance=1e-13)
    np.testing.assert_allclose(usual.wage_hat, exact.wage_hat, rtol=1e-6)
    np.testing.assert_allclose(usual.welfare_hat, exact.welfare_hat, rtol=1e-8)
    np.testing.assert_allclose(usual.flows, exact.flows, rtol=1e-5)


def test_a_rule_without_an_equilibrium_beyond_a_fold_gives_up_by_name() -> None:
    """Under `proportional` a branch can end: ŵ of C02 rises like a square root and stops."""
    world = random_world(515380259, 5, 4, zeros=0.6, services=1, tariffs=False)
    kinds = ("ban", "productivity", "transfer", "caps")
    shocks = random_shocks(world, 515380259, kinds, "proportional")
    with pytest.raises((NoSolutionError, NotConvergedError)):
        solve_equilibrium(world, shocks)
