"""How far and how fast what opens is there: the pace of openings in a path, and its fan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from detente import load_world, solve
from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.equilibrium.opened import Goal, goal_of, potential, realised
from detente.equilibrium.problem import exogenous
from detente.errors import InputError, NoSolutionError, ScenarioError
from detente.openings.embedded import curve
from detente.openings.likely import DOLLARS, facts, ordinary, paces, size_factor
from detente.openings.pace import IMMEDIATE, LinkPace, Pace, half_life_of
from detente.outcomes.yearson import after
from detente.paths import solve_path, with_fan
from detente.paths.adjust import speed
from detente.paths.fan import NAMES
from detente.paths.links import Links
from detente.paths.solve import Walk
from detente.scenario import Assumptions, Scenario
from detente.scenario.additions import Additions
from detente.scenario.opennesspath import link_pace
from detente.shocks import Shocks
from hypothesis_profiles import examples
from small_korea import CHN, COAL, KOR, PRK, small_korea

WORLD = small_korea().rebase()
OPEN = {"open": {"country": "PRK", "share": 1}}
NONE = np.zeros(WORLD.flows.shape)


def scenario(*measures: dict[str, Any], **assumed: Any) -> Scenario:
    return Scenario.from_dict({"scenario": "a path", "measures": list(measures), **assumed})


def opened(**dates: str) -> dict[str, Any]:
    return {"open": {"country": "PRK", "share": 1, **dates}}


# -- three numbers --------------------------------------------------------------------------
def test_the_share_is_what_the_three_numbers_say() -> None:
    pace = Pace(level=0.8, half_life=4.0, start=0.25)
    assert pace.share(0) == pytest.approx(0.2)
    assert pace.share(4) == pytest.approx(0.5)  # half of the rest has come
    assert pace.share(400) == pytest.approx(0.8)
    assert pace.share(-1) == 0
    assert IMMEDIATE.share([0, 10]) == pytest.approx([1.0, 1.0])
    assert Pace(0.5, 0.0).share(0) == pytest.approx(0.5)


def test_the_half_life_of_ninety_five_percent_in_eight_years() -> None:
    assert Pace(1.0, half_life_of(8.0)).share(8.0) == pytest.approx(0.95)
    assert Pace(1.0, half_life_of(8.0)).speed == pytest.approx(speed(8.0))


@pytest.mark.parametrize(
    "numbers", [(-0.1, 1.0, 0.0), (1.0, -1.0, 0.0), (1.0, 1.0, 1.5), (float("nan"), 1.0, 0.0)]
)
def test_numbers_out_of_range_are_refused(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="of an opening is"):
        Pace(*numbers)


def test_larger_links_go_further_within_the_sizes_on_record() -> None:
    typical = facts()["typical_size"] / DOLLARS
    least, most = (size / DOLLARS for size in facts()["sizes"])
    beta = facts()["posterior"]["size_effect"][1]
    assert size_factor(typical) == pytest.approx(1.0)
    assert size_factor(2 * typical) == pytest.approx(2**beta)
    assert beta > 0
    np.testing.assert_allclose(size_factor([least / 9, most * 9]), size_factor([least, most]))
    assert size_factor(0.0) == 1.0
    pace = link_pace("base-rate", 8.0, np.array([[0.0, typical], [typical, 0.0]]))
    np.testing.assert_allclose(pace.level, paces()["base-rate"].level)
    stated = link_pace({"level": 0.4, "half_life": 3.0}, 8.0, np.full((2, 2), most))
    assert stated.level == 0.4


def test_potential_is_what_links_would_carry_and_symmetric() -> None:
    shocks = scenario(OPEN).to_shocks(WORLD)
    goal = goal_of(WORLD, shocks, exogenous(WORLD, shocks).base, split=True)
    size = potential(WORLD, goal)
    np.testing.assert_allclose(size, size.T)
    expected = 0.0
    for i, n in ((PRK, CHN), (CHN, PRK)):
        for k in range(WORLD.n_sectors):
            share = goal.opened[k, i, n] / goal.whole[k, :, n].sum()
            expected += share * WORLD.expenditure[k, n] / (1 + WORLD.tariff[k, i, n])
    assert size[PRK, CHN] == pytest.approx(expected) and expected > 0
    assert size[CHN, KOR] == 0


# -- links ----------------------------------------------------------------------------------
@settings(max_examples=examples(30))
@given(
    level=st.floats(0.0, 3.0),
    half_life=st.floats(0.05, 50.0),
    start=st.floats(0.0, 1.0),
    cut=st.floats(0.01, 5.0),
    years=st.floats(0.01, 5.0),
)
def test_links_follow_the_curve_however_time_is_cut(
    level: float, half_life: float, start: float, cut: float, years: float
) -> None:
    """The mean of a stretch is the integral of the curve over it, divided by its length."""
    pace = Pace(level, half_life, start)
    links = Links(NONE, speed(8.0), LinkPace.of(pace))
    goal = Goal(rest=NONE, opened=NONE + 0.3, added=NONE)
    links.move(goal, cut)
    mean = links.move(goal, years)
    whole, _ = quad(lambda t: float(pace.share(t)), cut, cut + years)
    np.testing.assert_allclose(mean, 0.3 * whole / years, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(links.opened, 0.3 * pace.share(cut + years), rtol=1e-9)


def test_what_closes_again_closes_at_once_and_reopens_from_nothing() -> None:
    links = Links(NONE, speed(8.0), LinkPace.of(Pace(0.6, 4.0, 0.1)))
    goal, shut = Goal(NONE, NONE + 0.2, NONE), Goal(NONE, NONE, NONE)
    links.move(goal, 5.0)
    assert (links.move(shut, 0.1) == 0).all()
    links.move(goal, 5.0)
    np.testing.assert_allclose(links.opened, 0.2 * Pace(0.6, 4.0, 0.1).share(5.0))


def test_a_wider_opening_starts_for_what_it_adds() -> None:
    pace = Pace(1.0, 5.0, 0.5)
    links = Links(NONE, speed(8.0), LinkPace.of(pace))
    links.move(Goal(NONE, NONE + 0.1, NONE), 5.0)
    before = links.opened.copy()
    links.move(Goal(NONE, NONE + 0.3, NONE), 0.0)
    np.testing.assert_allclose(links.opened, before + 0.5 * 0.2)


def test_the_parts_of_a_goal_add_up_to_what_the_model_sees() -> None:
    given = scenario(OPEN, {"ban": {"exporter": "CHN", "importer": "PRK", "coverage": 0.5}})
    shocks = given.to_shocks(WORLD)
    base = exogenous(WORLD, shocks).base
    goal = goal_of(WORLD, shocks, base, split=True)
    np.testing.assert_allclose(goal.whole, base, rtol=1e-15)
    assert (goal.opened[:, PRK].sum() > 0) and goal.opened[:, CHN, KOR].sum() == 0
    assert (goal_of(WORLD, shocks, base, split=False).opened == 0).all()


def test_what_a_measure_adds_is_not_opened() -> None:
    """A pipeline's trade on a closed link is there at once; what opens beside it is not."""
    additions = Additions(WORLD)
    extra = NONE.copy()
    extra[COAL, CHN, PRK] = 0.01 * WORLD.expenditure[COAL, PRK]
    additions.add(extra)
    link_open = np.zeros(NONE.shape)
    link_open[:, PRK, KOR] = 1.0
    psi = WORLD.trade_share + 0.05
    found = additions.put(np.ones(NONE.shape), link_open, psi)
    shocks = Shocks(**found)
    goal = goal_of(WORLD, shocks, exogenous(WORLD, shocks).base, split=True)
    assert goal.added[COAL, CHN, PRK] > 0 and goal.opened[COAL, CHN, PRK] == 0
    np.testing.assert_allclose(goal.opened[:, PRK, KOR], 0.05, rtol=1e-9)
    assert goal.opened.sum() == pytest.approx(0.05 * WORLD.n_sectors)


# -- paths ----------------------------------------------------------------------------------
def welfare(given: Scenario, years: int = 12) -> np.ndarray:
    return solve_path(WORLD, given, years).values["welfare_hat"][:, PRK] - 1.0


def test_immediate_is_the_static_answer_from_the_first_day() -> None:
    path = solve_path(WORLD, scenario(OPEN, openness_path="immediate"), 3)
    static = solve(WORLD, scenario(OPEN)).welfare.loc["PRK", "welfare"]
    np.testing.assert_allclose(path.values["welfare_hat"][:, PRK] - 1.0, static, rtol=1e-8)


def test_the_literature_s_eight_years_are_a_pace_too() -> None:
    """95 % after eight years, as a half-life, is what adjustment_years does."""
    pace = {"level": 1, "half_life": half_life_of(8.0)}
    np.testing.assert_allclose(
        welfare(scenario(OPEN, openness_path=pace)),
        welfare(scenario(OPEN, adjustment_years=8)),
        rtol=1e-7,
    )


def test_a_path_ends_where_its_pace_ends() -> None:
    given = scenario(OPEN, openness_path={"level": "40%", "half_life": 1})
    path = solve_path(WORLD, given, 40)
    end = path.stages[-1].equilibrium.welfare_hat[PRK] - 1.0
    assert path.values["welfare_hat"][-1, PRK] - 1.0 == pytest.approx(end, rel=1e-7)
    shocks = given.to_shocks(WORLD)
    state = solve(WORLD, realised(WORLD, shocks, 0.4))
    assert end == pytest.approx(state.welfare.loc["PRK", "welfare"], rel=1e-7)


def test_nothing_is_realised_at_a_level_of_zero() -> None:
    path = solve_path(WORLD, scenario(OPEN, openness_path={"level": 0, "half_life": 1}), 3)
    np.testing.assert_allclose(path.values["welfare_hat"], 1.0, atol=1e-9)


def test_warm_lies_above_cold_in_every_year() -> None:
    warm, cold = (welfare(scenario(OPEN, openness_path=p), 8) for p in ("warm", "cold"))
    assert (warm > cold).all() and (cold > 0).all()


def test_only_what_opens_has_the_pace_of_openings() -> None:
    """A ban of the scenario's own that ends is no opening: it returns within some years."""
    ban = {"exporter": "CHN", "importer": "KOR", "on": "2020-01-01", "until": "2020-12-31"}
    given = scenario({"ban": ban}, openness_path={"level": 0, "half_life": 1})
    back = solve_path(WORLD, given, 30).values["welfare_hat"][-1]
    np.testing.assert_allclose(back, 1.0, atol=1e-6)


def test_tariffs_and_the_like_do_not_wait_for_openings() -> None:
    cut = {"tariff": {"importer": "CHN", "exporter": "KOR", "rate": 0}}
    slow = {"level": 0.1, "half_life": 50}
    one, other = (
        solve_path(WORLD, scenario(cut, openness_path=p), 2).values["welfare_hat"]
        for p in (slow, "immediate")
    )
    np.testing.assert_allclose(one, other, rtol=1e-12)


# -- what a scenario says -------------------------------------------------------------------
def test_base_rate_is_the_default_and_a_stated_time_means_links_too() -> None:
    assert Assumptions().openness_path == "base-rate"
    assert Assumptions().pace == paces()["base-rate"]
    stated = scenario(OPEN, adjustment_years=8)
    assert stated.assumptions.openness_path == "adjustment_years"
    assert stated.assumptions.pace is None
    again = Scenario.from_dict(stated.to_dict())
    assert again.assumptions == stated.assumptions
    assert again.content_hash == stated.content_hash != scenario(OPEN).content_hash
    both = scenario(OPEN, adjustment_years=4, openness_path="cold")
    assert both.assumptions.openness_path == "cold"


def test_a_change_keeps_what_was_stated() -> None:
    plain = scenario(OPEN).with_(years=5)
    assert plain.assumptions.openness_path == "base-rate"
    assert plain.with_(adjustment_years=3).assumptions.openness_path == "adjustment_years"
    cold = scenario(OPEN, openness_path="cold").with_(adjustment_years=3)
    assert cold.assumptions.openness_path == "cold"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("warmish", "Did you mean 'warm'"),
        ({"level": 1}, "needs 'half_life'"),
        ({"level": 1, "halflife": 2}, "Did you mean 'half_life'"),
        ({"level": "x", "half_life": 2}, "level of an opening"),
        ({"level": 0.5, "half_life": -2}, "no half-life"),
        ({"level": 0.5, "half_life": 2, "start": "120%"}, "start of an opening"),
        (5, "unknown openness path"),
    ],
)
def test_a_wrong_path_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario(OPEN, openness_path=given)


# -- the fan --------------------------------------------------------------------------------
def test_the_fan_is_the_same_with_the_same_seed_and_holds_its_middle() -> None:
    path = solve_path(WORLD, scenario(OPEN), 4)
    one, two = (with_fan(path, draws=12, seed=3).fan for _ in range(2))
    other = with_fan(path, draws=12, seed=4).fan
    assert one is not None and two is not None and other is not None
    assert one.table.equals(two.table) and not one.table.equals(other.table)
    ordered = one.table[list(NAMES)].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()
    np.testing.assert_array_equal(one.level, one.level.transpose(0, 2, 1))


def test_no_fan_where_the_pace_is_stated_or_nothing_opens() -> None:
    stated = solve_path(WORLD, scenario(OPEN, openness_path="warm"), 2)
    assert with_fan(stated, draws=3).fan is None
    nothing = solve_path(WORLD, scenario(), 2)
    assert with_fan(nothing, draws=3).fan is None
    assert with_fan(solve_path(WORLD, scenario(OPEN), 2), draws=0).fan is None


def test_a_draw_is_the_path_of_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fixed:
        def draw(self, rng: Any, n_links: int, **_: Any) -> tuple[np.ndarray, ...]:
            return np.full(n_links, 0.4), np.full(n_links, 2.0), np.full(n_links, 0.1)

    monkeypatch.setattr("detente.paths.draws.curve", Fixed)
    monkeypatch.setattr("detente.paths.draws.record_factor", lambda size, before: 1.0)
    fan = with_fan(solve_path(WORLD, scenario(OPEN), 5), draws=2).fan
    assert fan is not None
    pace = {"level": 0.4, "half_life": 2, "start": 0.1}
    expected = welfare(scenario(OPEN, openness_path=pace), 5)
    for d in range(2):
        np.testing.assert_allclose(fan.of("welfare")[d, :, PRK], expected, atol=1e-6)


def test_a_fan_s_tables_are_a_path_s_tables() -> None:
    path = with_fan(solve_path(WORLD, scenario(OPEN), 3), draws=5, seed=1)
    tables = path.tables("PRK")
    assert {"path_fan", "path_fan_partners"} <= set(tables)
    assert len(tables["path_fan"]) == 5 * 3 * WORLD.n_countries
    assert path.provenance["settings"]["draws"] == 5
    partners = tables["path_fan_partners"]
    assert set(partners["partner"]) == set(WORLD.countries) - {"PRK"}
    assert "9 in 10" in path.chart("PRK")


# -- what is likely some years on -------------------------------------------------------------
def on_small_korea(**assumed: Any) -> Equilibrium:
    return solve_equilibrium(WORLD, scenario(OPEN, **assumed))


@pytest.mark.parametrize("years", [5, 15])
def test_some_years_on_is_the_pace_at_each_pair_s_own_size(years: int) -> None:
    """By hand: level·size^β·(1 − (1 − start)·2^(−t/h)) of each pair's opened weight."""
    eq = on_small_korea()
    goal = goal_of(WORLD, eq.shocks, exogenous(WORLD, eq.shocks).base, split=True)
    size, base = potential(WORLD, goal), paces()["base-rate"]
    least, most = facts()["sizes"]
    beta = facts()["posterior"]["size_effect"][1]
    part = 1 - (1 - base.start) * 2 ** (-years / base.half_life)
    share = base.level * (np.clip(size * DOLLARS, least, most) / 1000) ** beta * part
    found = after(eq, years)
    expected = goal.rest + np.where(size > 0, share, 1.0) * goal.opened + goal.added
    np.testing.assert_allclose(exogenous(WORLD, found.shocks).base, expected, rtol=1e-9)
    assert found.realised == pytest.approx((size * share).sum() / size.sum())
    assert 0 < found.low < found.high


def test_the_quartiles_are_those_of_the_draws() -> None:
    eq = on_small_korea()
    goal = goal_of(WORLD, eq.shocks, exogenous(WORLD, eq.shocks).base, split=True)
    size = potential(WORLD, goal)
    a, b = np.nonzero(np.triu(size, 1))
    level, half, start = curve().draw(np.random.default_rng(1), len(a), size=4000)
    each = level * size_factor(size[a, b]) * (1 - (1 - start) * 2 ** (-5 / half))
    low, high = np.quantile(each @ (size[a, b] / size[a, b].sum()), (0.25, 0.75))
    found = after(eq, 5)
    assert found.low == pytest.approx(low, rel=0.15)
    assert found.high == pytest.approx(high, rel=0.15)


def test_a_return_to_trade_before_is_compared_with_ordinary_links() -> None:
    world = load_world("korea")
    lift = {"lift": {"regime": "unsc-dprk"}}
    eq = solve_equilibrium(world, scenario(lift))
    expected = paces()["base-rate"].share(5) / ordinary()
    assert after(eq, 5).realised == pytest.approx(float(expected))
    assert 0.4 < ordinary() < 0.8


def test_another_opening_changes_no_other_pair_s_pace() -> None:
    """A later, small opening towards gravity's potential once lowered every link's."""
    world = load_world("korea")
    lift = {"lift": {"regime": "unsc-dprk", "on": "2020-01-01"}}
    more = {"exporter": "PRK", "importer": "JPN", "share": 1, "openness": 1}
    later = {"open": more | {"on": "2022-01-01"}}
    one, two = (solve_path(world, scenario(*m), 5) for m in ([lift], [lift, later]))
    first = [p.of("PRK")["welfare"].iloc[0] for p in (one, two)]
    assert first[1] == pytest.approx(first[0], rel=1e-9)


# -- kept as it was said ----------------------------------------------------------------------
@pytest.mark.parametrize(
    "assumed",
    [
        {"adjustment_years": 2, "openness_path": "base-rate"},
        {"adjustment_years": 8},
        {"adjustment_years": 8, "openness_path": "warm"},
        {"openness_path": {"level": "150%", "half_life": 4, "start": "10%"}},
        {"openness_path": {"level": 0.4, "half_life": 0}},
    ],
)
def test_a_scenario_saved_and_read_again_is_the_same(assumed: dict[str, Any]) -> None:
    given = scenario(OPEN, **assumed)
    again = Scenario.from_dict(yaml.safe_load(given.to_yaml()))
    assert again.assumptions == given.assumptions
    assert again.content_hash == given.content_hash
    assert given.with_(years=3).assumptions.pace == given.assumptions.pace
    path = solve_path(WORLD, again, 2)
    assert np.isfinite(path.values["welfare_hat"]).all()
    assert after(solve_equilibrium(WORLD, given), 5).realised >= 0


def test_a_draw_without_a_solution_is_counted_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = solve_path(WORLD, scenario(OPEN), 2)
    years, calls = Walk.years, iter(range(100))

    def sometimes(self: Walk, progress: Any) -> Any:
        if next(calls) % 4 == 0:
            raise NoSolutionError("no such world")
        return years(self, progress)

    monkeypatch.setattr(Walk, "years", sometimes)
    found = with_fan(path, draws=8, seed=0).fan
    assert found is not None
    assert (found.draws, found.failed) == (6, 2)


def test_the_files_of_a_path_are_made_again_with_its_draws(tmp_path: Path) -> None:
    path = with_fan(solve_path(WORLD, scenario(OPEN), 2), draws=20, seed=7)
    folder = path.save(tmp_path / "out", "PRK")
    facts_of = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert "--draws 20 --seed 7" in facts_of["run_again"]
    assert facts_of["openings"]["curve"] == facts()["draws_sha256"]
    stated = solve_path(WORLD, scenario(OPEN, openness_path="immediate"), 2)
    assert "openings" not in stated.provenance
