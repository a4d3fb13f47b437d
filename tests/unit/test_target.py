"""Goals, levers, crossings and proofs: known roots, closed forms, limits, mistakes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from clikorea import korea_like
from detente import load_world, solve
from detente.corridors.catalogue import load_network, load_project
from detente.corridors.cost import cost_change
from detente.errors import InputError, NoSolutionError
from detente.outcomes.target import target
from detente.outcomes.targetgoal import parse_goal
from detente.outcomes.targetlevers import KINDS, PROJECTS, levers
from detente.outcomes.targetproof import Ends, by_definition, direction_is_proved, plain, proof
from detente.outcomes.targetroots import scan
from detente.scenario import Scenario
from detente.shocks import Shocks
from detente.world.feasibility import blocks_of
from small_korea import small_korea


def scenario(*measures, **top):
    return Scenario.from_dict({"scenario": "test", "measures": list(measures), **top})


# -- crossings of functions whose roots are known --------------------------------------------
def test_one_root_to_a_millionth():
    found = scan(lambda x: x**3, 0.2, 0.0, 1.0, 9)
    (root,) = found.crossings
    assert root.x == pytest.approx(0.2 ** (1 / 3), rel=1e-7)
    assert root.how == "rises"
    assert (found.movement, found.unsolved) == ("rose", ())


def test_both_roots_of_a_parabola_the_first_first():
    found = scan(lambda x: x * (1.0 - x), 0.09, 0.0, 1.0, 8)
    assert [c.x for c in found.crossings] == pytest.approx([0.1, 0.9], rel=1e-7)
    assert [c.how for c in found.crossings] == ["rises", "falls"]
    assert found.movement == "both"


@pytest.mark.parametrize("points", [8, 9, 33])
def test_two_roots_between_two_points_of_the_grid_are_seen(points):
    """The peak is inside one step of the grid, or on one of its points."""
    found = scan(lambda x: 1.0 - (x - 0.5) ** 2, 0.9999, 0.0, 1.0, points)
    assert [c.x for c in found.crossings] == pytest.approx([0.49, 0.51], rel=1e-6)


def test_a_touch_is_one_crossing():
    found = scan(lambda x: (x - 0.3) ** 2, 0.0, 0.0, 1.0, 12)
    (touch,) = found.crossings
    assert touch.x == pytest.approx(0.3, abs=1e-3)  # flat there: x² = 1e-6 at 1e-3
    assert touch.how == "touches"


def test_no_root_gives_the_closest_value():
    found = scan(lambda x: 2.0 * x, 5.0, 0.0, 1.0, 5)
    assert (found.crossings, found.closest) == ((), (1.0, 2.0))
    assert found.reached == (0.0, 2.0)


def test_a_jump_is_not_taken_for_a_root():
    found = scan(lambda x: float(x > 0.4), 0.5, 0.0, 1.0, 7)
    (jump,) = found.crossings
    assert (jump.how, round(jump.x, 8)) == ("jumps", 0.4)


def test_a_level_on_the_grid_counts_once():
    found = scan(lambda x: x, 0.5, 0.0, 1.0, 5)
    assert [(c.x, c.how) for c in found.crossings] == [(0.5, "rises")]
    flat = scan(lambda x: min(x, 0.5), 0.5, 0.0, 1.0, 5)
    assert [(c.x, c.how) for c in flat.crossings] == [(0.5, "stays")]
    ends = scan(lambda x: x, 1.0, 0.0, 1.0, 5)
    assert [(c.x, c.how) for c in ends.crossings] == [(1.0, "rises")]


def test_points_without_a_value_are_listed_and_not_bridged():
    def gap(x):
        if 0.35 < x < 0.65:
            raise NoSolutionError("no equilibrium here")
        return x

    found = scan(gap, 0.5, 0.0, 1.0, 11)
    assert found.crossings == ()
    assert [x for x, _ in found.unsolved] == pytest.approx([0.4, 0.5, 0.6])
    assert all("no equilibrium" in why for _, why in found.unsolved)
    assert np.isnan(found.value[4:7]).all()


def test_a_root_beside_a_hole_is_found():
    def gap(x):
        if x > 0.75:
            raise NoSolutionError("none")
        return x

    (root,) = scan(gap, 0.6, 0.0, 1.0, 5).crossings
    assert root.x == pytest.approx(0.6)


def test_a_range_that_is_a_point():
    found = scan(lambda x: x, 0.5, 0.2, 0.2, 33)
    assert (found.x.tolist(), found.crossings, found.movement) == ([0.2], (), "still")


# -- the grammar -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "quantity", "sign", "kind", "amount"),
    [
        ("trade(RUS,PRK) = 2 billion USD", "trade", "=", "level", 2000.0),
        ("trade( RUS , PRK )=USD 2000 million", "trade", "=", "level", 2000.0),
        ("exports(PRK) >= .5 million USD", "exports", ">=", "level", 0.5),
        ("imports(PRK,CHN) ≤ 1e3 million USD", "imports", "<=", "level", 1000.0),
        ("trade(PRK) = +20%", "trade", "=", "change", 0.2),
        ("trade(PRK) = −20 %", "trade", "=", "change", -0.2),
        ("trade(RUS,PRK) = x2", "trade", "=", "factor", 2.0),
        ("trade(RUS,PRK) = ×2", "trade", "=", "factor", 2.0),
        ("share(PRK,CHN) <= 50%", "share", "<=", "level", 0.5),
        ("welfare(PRK) >= 5%", "welfare", ">=", "change", 0.05),
        ("own_earnings(PRK) = x1.1", "own_earnings", "=", "factor", 1.1),
    ],
)
def test_goals_that_can_be_read(text, quantity, sign, kind, amount):
    goal = parse_goal(text)
    assert (goal.quantity, goal.sign, goal.kind) == (quantity, sign, kind)
    assert goal.amount == pytest.approx(amount, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "caret", "words"),
    [
        ("traid(RUS,PRK) = x2", 0, "Did you mean 'trade'"),
        ("trade RUS,PRK = x2", 6, "'(' belongs here"),
        ("trade(RUS,PRK = x2", 14, "')' belongs here"),
        ("trade(RUS;PRK) = x2", 9, "')' belongs here"),
        ("trade(,PRK) = x2", 6, "code belongs here"),
        ("trade(RUS,PRK,CHN) = x2", 14, "one country or two countries; here are 3"),
        ("share(RUS) = 5%", 6, "share is of two countries; here are 1"),
        ("welfare(RUS,PRK) = 5%", 12, "welfare is of one country"),
        ("trade(RUS,RUS) = x2", 10, "stands twice"),
        ("trade(RUS,PRK) 2 billion USD", 15, "'=', '>=' or '<=' belongs here"),
        ("trade(RUS,PRK) > 2 billion USD", 15, "Did you mean '>='"),
        ("trade(RUS,PRK) == x2", 15, "Did you mean '='"),
        ("trade(RUS,PRK) = 2 bilion USD", 19, "Did you mean 'billion'"),
        ("trade(RUS,PRK) = 2", 17, "the unit is missing"),
        ("trade(RUS,PRK) = 2,5 billion USD", 18, "decimals have a point"),
        ("trade(RUS,PRK) = 2 billion EUR", 27, "amounts are in USD"),
        ("trade(RUS,PRK) = 2 billion", 26, "Did you mean '2 billion USD'"),
        ("trade(RUS,PRK) = much", 17, "an amount belongs here"),
        ("trade(RUS,PRK) = 20%", 17, "Did you mean '+20%'"),
        ("share(PRK,CHN) = +5%", 17, "Did you mean '5%'"),
        ("share(PRK,CHN) = 2 billion USD", 17, "not measured in money"),
        ("welfare(PRK) = 2 billion USD", 15, "Did you mean '5%'"),
        ("trade(RUS,PRK) = x2 please", 20, "ends before this"),
        ("", 0, "begins with a quantity"),
    ],
)
def test_a_mistake_has_its_place_and_the_nearest_valid_thing(text, caret, words):
    with pytest.raises(InputError) as caught:
        parse_goal(text)
    lines = str(caught.value).splitlines()
    assert lines[1:2] == [f"  {text}"]
    assert lines[2].index("^") - 2 == caret
    assert words in str(caught.value)


def test_an_unknown_country_is_named_at_its_place():
    with pytest.raises(InputError) as caught:
        target(WORLD, "trade(RSU,PRK) = x2", "tariff")
    assert str(caught.value).splitlines()[2].index("^") - 2 == 6
    assert "Did you mean 'RUS'" in str(caught.value)


def test_no_multiple_of_nothing():
    with pytest.raises(InputError, match="no multiple of none"):
        target(WORLD, "trade(KOR,PRK) = x2", "tariff")


WORLD = korea_like()


# -- quantities ------------------------------------------------------------------------------
def test_quantities_are_those_that_a_run_prints():
    changed = scenario({"lift": {"regime": "unsc-dprk"}})
    result = solve(WORLD, changed)
    eq = result.equilibrium
    row = result.partners("PRK").loc["CHN"]
    whole = result.partners("PRK")
    values = {
        "exports(PRK,CHN)": row["exports_new"],
        "imports(PRK,CHN)": row["imports_new"],
        "exports(CHN,PRK)": row["imports_new"],
        "trade(PRK,CHN)": row["total_new"],
        "trade(CHN,PRK)": row["total_new"],
        "trade(PRK)": whole["total_new"].sum(),
        "exports(PRK)": whole["exports_new"].sum(),
        "imports(PRK)": whole["imports_new"].sum(),
    }
    for text, expected in values.items():
        assert parse_goal(f"{text} = x2").value(eq) == pytest.approx(expected, rel=1e-12)
    share = parse_goal("share(PRK,CHN) = 5%").value(eq)
    assert share == pytest.approx(row["share_new"], rel=1e-12)
    welfare = result.welfare.loc["PRK"]
    for name in ("welfare", "own_earnings"):
        value = parse_goal(f"{name}(PRK) = 5%").value(eq)
        assert value == pytest.approx(welfare[name], abs=1e-12)


def two_anchors():
    """With a normal border that is wider than what was there before."""
    before = WORLD.dormant["provisional"]
    return WORLD.with_(dormant={"as_before": before, "normal": 3.0 * before})


# -- levers ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("using", "ranges", "words"),
    [
        ("tarif", (), "Did you mean 'tariff'"),
        ("", (), "names no lever"),
        ("tariff,tariff", (), "named twice"),
        ("relief(PRC)", (), "unknown country 'PRC'"),
        ("trade_cost(JPN)", (), "JPN is not of this goal"),
        ("tariff", ("tariff=1..0",), "Did you mean 'tariff=0..1'"),
        ("tariff", ("tariff=0..2",), "leaves 0 to 1"),
        ("tariff", ("tariff=0-1",), "is no range"),
        ("tariff", ("tariff=a..b",), "is no number"),
        ("tariff", ("corridor=0..1",), "not among the levers"),
    ],
)
def test_levers_and_ranges_that_cannot_be_read(using, ranges, words):
    goal = parse_goal("trade(RUS,PRK) = x2")
    with pytest.raises(InputError) as caught:
        levers(goal, WORLD, using, ranges)
    assert words in str(caught.value)


def test_aid_needs_a_payer():
    with pytest.raises(InputError, match="who pays"):
        levers(parse_goal("welfare(PRK) = 5%"), WORLD, "aid")


@pytest.mark.parametrize("grid", [1, 5000])
def test_a_grid_has_its_limits(grid):
    with pytest.raises(InputError, match="--grid"):
        target(WORLD, "trade(RUS,PRK) = x2", "tariff", grid=grid)


@pytest.mark.parametrize("name", [k for k in KINDS if k != "productivity"])
def test_a_lever_at_zero_changes_nothing(name):
    (lever,) = levers(parse_goal("trade(RUS,PRK) = x2"), WORLD, name)
    assert not scenario(*lever.build(0.0)).to_shocks(two_anchors()).arrays()


@pytest.mark.parametrize("target_", ["PRK", "RUS"])
def test_full_relief_is_every_regime_on_record_lifted(target_):
    """Of the country alone: what other targets' law closes stays closed."""
    korea = load_world("korea")
    other = {"PRK": "RUS", "RUS": "PRK"}[target_]
    (lever,) = levers(parse_goal(f"trade({other},{target_}) = x2"), korea, "relief")
    names = korea.meta["law"][target_]["regimes"]
    whole = scenario(*({"lift": {"regime": name}} for name in names)).to_shocks(korea)
    got = scenario(*lever.build(1.0)).to_shocks(korea)
    np.testing.assert_allclose(got.link_open, whole.link_open, atol=1e-12)
    assert got.caps == whole.caps


def test_a_whole_corridor_is_its_projects_on_the_pair_and_half_is_half():
    """d̂ of the routes before and after at today's volumes, on the links of the pair alone."""
    korea = load_world("korea")
    network = after = load_network()
    for name in PROJECTS:
        after = after.with_project(load_project(name, network))
    # lines that are full carry no more, and links that get dearer stay as they are
    saved = np.minimum(cost_change(korea, network, after, korea.flows).cost_hat, 1.0)
    never_full = cost_change(korea, network, after).cost_hat
    (lever,) = levers(parse_goal("trade(RUS,KOR) = x2"), korea, "corridor")
    whole = scenario(*lever.build(1.0)).to_shocks(korea).cost_hat
    half = scenario(*lever.build(0.5)).to_shocks(korea).cost_hat
    r, k = korea.country_index("RUS"), korea.country_index("KOR")
    assert (saved[:, r, k] < 1.0).any()
    assert (saved[:, r, k] > never_full[:, r, k] + 1e-4).any()
    for i, n in ((r, k), (k, r)):
        np.testing.assert_allclose(whole[:, i, n], saved[:, i, n], atol=1e-8)
        np.testing.assert_allclose(1 - half[:, i, n], (1 - saved[:, i, n]) / 2, atol=1e-8)
    others = whole.copy()
    others[:, [r, k], [k, r]] = 1.0
    assert (others == 1.0).all()


def test_each_levers_arrays_move_one_way():
    """What the proofs rest on: cell by cell weights never fall as the lever rises."""
    goal = parse_goal("trade(RUS,PRK) = x2")
    world = two_anchors()
    for lever in levers(goal, world, ",".join(KINDS), ["aid=0..0.0001"]):
        last = None
        for x in np.linspace(lever.low, lever.high, 7):
            shocks = scenario(*lever.build(float(x)))
            ends = Ends.of(world, shocks, shocks)
            weight = ends.problems[0].weight
            if last is not None:
                assert (weight >= last * (1 - 1e-12)).all(), lever.name
            last = weight


# -- real runs -------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def doubling():
    return target(
        load_world("korea"), "trade(RUS,PRK) = x2", "tariff,trade_cost,relief", grid=9
    )


def test_doubling_trade_of_russia_and_the_dprk(doubling):
    """The answer, put into a scenario of one's own and solved, is the goal."""
    korea = load_world("korea")
    run = next(r for r in doubling.runs if r.name == "trade_cost")
    (answer,) = run.answers
    change = -answer.at.x
    own = [
        {
            "trade_cost": {
                "exporter": "RUS",
                "importer": "PRK",
                "both_ways": True,
                "change": change,
            }
        }
    ]
    got = solve(korea, scenario(*own)).partners("RUS").loc["PRK"]
    assert got["total_new"] == pytest.approx(2.0 * got["total"], rel=1e-6)
    assert answer.then["rank"]["RUS"] == got["rank_new"]
    assert run.verdict == "met"


def test_what_is_not_reached_is_said_to_be_not_found_and_no_more(doubling):
    run = next(r for r in doubling.runs if r.name == "tariff")
    assert (run.verdict, run.proof, run.answers) == ("not found on this grid", None, ())
    assert run.scan.movement == "rose"
    assert run.scan.closest[0] == 1.0
    assert run.scan.closest[1] == run.scan.reached[1] < doubling.target


def test_all_levers_together_take_less_of_each(doubling):
    together = doubling.runs[-1]
    alone = next(r for r in doubling.runs if r.name == "trade_cost")
    assert together.name == "together"
    # of all together the number is an intensity of each range, 0..0.3 of trade costs
    assert together.answers[0].at.x < alone.answers[0].at.x / alone.high


def test_an_inequality_that_holds_from_the_start():
    found = target(WORLD, "trade(RUS,PRK) <= x2", "tariff", grid=3)
    assert found.runs[0].verdict == "already"
    assert found.runs[0].answers[0].at.x == 0.0


def test_a_scenario_acts_beside_the_lever():
    """With half of the aid given already, the lever has the other half to give."""
    half = scenario({"transfer": {"from": "KOR", "to": "PRK", "amount": "0.5 million USD"}})
    goal = "welfare(PRK) = +1%"
    alone = target(WORLD, goal, "aid(KOR)", ranges=["aid=0..0.01"], grid=5)
    beside = target(WORLD, goal, "aid(KOR)", half, ranges=["aid=0..0.01"], grid=5)
    first, second = (t.runs[0].answers[0].at.x for t in (alone, beside))
    assert first - second == pytest.approx(0.0005, rel=1e-6)
    assert beside.without > 0.0 == alone.without
    assert alone.today == beside.today == 0.0


def test_points_without_an_equilibrium_are_told():
    """A payer that has not the money has no equilibrium, and the grid says where."""
    found = target(WORLD, "welfare(KOR) = +900%", "aid(PRK)", grid=3)
    points = found.points
    assert points["outcome"].isna().sum() == len(found.runs[0].scan.unsolved) >= 1
    assert (points["unsolved"] != "").sum() == points["outcome"].isna().sum()


# -- proofs ----------------------------------------------------------------------------------
def test_a_lever_that_touches_nothing_is_proved_to():
    found = target(WORLD, "trade(KOR,PRK) = 1 billion USD", "tariff,trade_cost", grid=3)
    assert {r.verdict for r in found.runs} == {"bounded"}
    assert all("no room" in r.proof.why for r in found.runs)


def test_a_range_that_is_a_point_has_no_room():
    found = target(WORLD, "trade(RUS,PRK) = x2", "trade_cost", ranges=["trade_cost=0.1..0.1"])
    assert (found.runs[0].verdict, len(found.runs[0].scan.x)) == ("bounded", 1)


def test_a_closed_link_stays_closed_whatever_else_moves():
    found = target(WORLD, "exports(PRK,KOR) = 1 million USD", "productivity(PRK)", grid=3)
    assert found.runs[0].verdict == "bounded"
    assert "stay closed" in found.runs[0].proof.why


@pytest.mark.parametrize(
    ("text", "is_certain"),
    [
        ("share(PRK,CHN) = 120%", True),
        ("share(PRK,CHN) <= 120%", False),
        ("trade(PRK) = -500%", True),
        ("welfare(PRK) = -100%", True),
        ("welfare(PRK) >= -100%", False),
        ("share(PRK,CHN) = 99%", False),
    ],
)
def test_by_definition(text, is_certain):
    goal = parse_goal(text)
    assert (by_definition(goal, goal.amount) is not None) is is_certain


def test_world_income_bounds_flows():
    """V/min γᵛ: above it no value; just below it nothing is claimed."""
    bound = float(WORLD.value_added.sum() / WORLD.value_added_share.min())
    above = target(WORLD, f"trade(PRK) = {2 * bound} million USD", "productivity", grid=2)
    assert above.runs[0].verdict == "bounded"
    assert "V/min γᵛ" in above.runs[0].proof.why
    low = float(WORLD.value_added.sum()) * 0.5
    below = target(WORLD, f"trade(PRK) = {low} million USD", "productivity", grid=2)
    assert below.runs[0].verdict == "not found on this grid"


def test_nothing_is_proved_beside_measures_that_read_the_state():
    """A secondary sanction is charged on what is traded: arrays need not move one way."""
    reads = scenario({"secondary_sanctions": {"sender": "USA", "target": "PRK", "cost": "1%"}})
    assert plain(scenario({"tariff": {"exporter": "PRK", "importer": "CHN", "rate": "5%"}}))
    assert not plain(reads)
    found = target(WORLD, "trade(KOR,PRK) = 1 billion USD", "trade_cost", reads, grid=2)
    assert found.runs[0].verdict == "not found on this grid"


def bare():
    """No inputs, tariffs or deficits: the lemma's world, JPN's link to the DPRK one way."""
    world = small_korea(coverage={}, meta={})
    return world.with_(tariff=np.zeros_like(world.tariff))


def ends_of(world, **arrays):
    return Ends.of(world, Shocks(), Shocks(**arrays))


def cheaper(world, i, n, factor=0.7):
    cost = np.ones(world.flows.shape)
    cost[:, i, n] = factor
    return {"cost_hat": cost}


def test_the_lemmas_conditions_are_looked_at():
    world = bare()
    goal = parse_goal("exports(KOR) = x9")
    one_way = ends_of(world, **cheaper(world, 1, 2))
    assert direction_is_proved(goal, one_way)
    assert direction_is_proved(parse_goal("exports(KOR,CHN) = x9"), one_way)
    # of another country, another buyer, or a pair's trade nothing is proved
    for text in ("exports(CHN) = x9", "exports(KOR,JPN) = x9", "trade(KOR,CHN) = x9"):
        assert not direction_is_proved(parse_goal(text), one_way)
    both = cheaper(world, 1, 2)
    both["cost_hat"][:, 2, 1] = 0.7
    assert not direction_is_proved(goal, ends_of(world, **both))
    gift = {**cheaper(world, 1, 2), "transfer": np.array([0.0, 1.0, -1.0, 0.0])}
    assert not direction_is_proved(goal, ends_of(world, **gift))
    taxed = {**cheaper(world, 1, 2), "tariff_new": np.full(world.flows.shape, 0.1)}
    taxed["tariff_new"][:, range(4), range(4)] = 0.0
    assert not direction_is_proved(goal, ends_of(world, **taxed))


def test_countries_linked_by_what_nobody_buys_are_not_linked():
    """α > 0: a link in a sector that its buyer spends nothing on carries nothing."""
    world = bare()
    goal = parse_goal("exports(KOR) = x9")
    last = world.n_countries - 1
    shut = np.ones(world.flows.shape)
    shut[:, last, :last] = shut[:, :last, last] = 0.0
    idle = shut.copy()
    idle[0] = 1.0  # open in one sector
    links = (np.ones_like(shut), idle, shut)
    some = [
        Ends.of(world, Shocks(link=link), Shocks(**cheaper(world, 1, 2), link=link))
        for link in links
    ]
    assert [direction_is_proved(goal, e) for e in some] == [True, True, False]
    alpha = world.final_share.copy()
    alpha[0] = 0.0
    unbought = replace(
        some[1], problems=tuple(_without_demand(p, alpha) for p in some[1].problems)
    )
    assert not direction_is_proved(goal, unbought)


def _without_demand(problem, alpha):
    """The problem with other shares of spending, and blocks as they are then."""
    changed = replace(problem, final_share=alpha)
    return replace(changed, blocks=blocks_of(changed))


def test_a_goal_beyond_a_monotone_levers_end_is_certain():
    world = bare()
    found = target(world, "exports(KOR,CHN) = x20", "trade_cost(KOR)", grid=3)
    (run,) = found.runs
    assert run.verdict == "monotone"
    assert run.scan.movement == "rose"
    assert "gross substitutes" in run.proof.why
    again = proof(found.goal, found.target, None, (math.nan, math.nan))
    assert again is None
