"""Secondary sanctions: who complies, who pays, and the limits with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from detente import solve
from detente.errors import ScenarioError
from detente.scenario import Scenario, json_schema
from small_korea import CHN, FOOD, JPN, KOR, PRK, TEXTILES, small_korea
from worlds import random_world

WORLD = small_korea()
ROLES = {"sender": "JPN", "target": "PRK"}


def scenario(*measures, **top):
    return Scenario.from_dict({"scenario": "test", "measures": list(measures), **top})


def shocks(*measures, world=WORLD, at=None, **top):
    return scenario(*measures, **top).to_shocks(world, at=at)


def second(**fields):
    return {"secondary_sanctions": {**ROLES, **fields}}


def touched(got, measure=-1):
    return got.notes["measures"][measure]["touched"]


def changed(cost_hat):
    """Pairs [i, n] whose cost changes."""
    return {(int(i), int(n)) for _, i, n in np.argwhere(cost_hat != 1)}


# -- the formula on the links named ----------------------------------------------------------
def test_who_keeps_trading_pays_on_all_trade_with_the_sender_both_ways():
    got = shocks(second(cost="20%"))
    assert changed(got.cost_hat) == {(CHN, JPN), (JPN, CHN)}
    assert got.cost_hat[:, CHN, JPN] == pytest.approx([1.2] * 3)
    np.testing.assert_array_equal(got.cost_hat, got.cost_hat.transpose(0, 2, 1))
    assert got.link is None
    assert "paying: CHN, with 100% of the trade of PRK as it would be" in touched(got)
    assert "cost +20.0% on their trade with JPN (60 million USD" in touched(got)


@pytest.mark.parametrize(
    ("falls_on", "pairs"),
    [
        ("target", {(CHN, PRK), (PRK, CHN)}),
        ("both", {(CHN, PRK), (PRK, CHN), (CHN, JPN), (JPN, CHN)}),
    ],
)
def test_the_cost_falls_where_it_is_said_to(falls_on, pairs):
    got = shocks(second(cost=0.1, falls_on=falls_on))
    assert changed(got.cost_hat) == pairs


def test_sectors_limit_trade_with_the_target_and_not_with_the_sender():
    got = shocks(second(cost=0.1, falls_on="both", sectors="food"))
    assert got.cost_hat[:, CHN, PRK].tolist() == [1.0, 1.0, 1.1]
    assert got.cost_hat[:, CHN, JPN].tolist() == [1.1, 1.1, 1.1]
    # PRK and CHN trade no coal: nobody keeps trading it
    got = shocks(second(cost=0.1, sectors="coal"))
    assert got.cost_hat is None
    assert touched(got).startswith("paying: nobody")


def test_who_complies_stops_trading_with_the_target_both_ways_and_pays_nothing():
    got = shocks(second(complying="CHN", coverage=0.75))
    assert got.link[:, CHN, PRK].tolist() == got.link[:, PRK, CHN].tolist() == [0.25] * 3
    assert (got.link != 1).sum() == 6
    assert got.cost_hat is None
    assert "complying: CHN" in touched(got)
    assert "banned: 30 million USD" in touched(got)  # 3/4 of 4 links of 10
    by_sector = shocks(second(complying="CHN", coverage={"food": "40%"}))
    assert by_sector.link[:, CHN, PRK].tolist() == [1.0, 1.0, 0.6]


def test_compliance_beside_a_ban_bans_nothing_twice():
    ban = {"ban": {"exporter": "PRK", "importer": "CHN", "coverage": 0.6, "both_ways": True}}
    got = shocks(ban, second(complying="CHN", coverage=0.4))
    assert got.link[:, PRK, CHN] == pytest.approx([0.4] * 3)
    got = shocks(ban, second(complying="CHN", coverage=0.9))
    assert got.link[:, PRK, CHN] == pytest.approx([0.1] * 3)


def test_two_of_them_are_two_layers_and_the_stricter_holds():
    strict, mild = second(complying="CHN"), second(complying="CHN", coverage=0.5)
    for pair in ((strict, mild), (mild, strict)):
        assert shocks(*pair).link[:, PRK, CHN].tolist() == [0.0] * 3
    twice = shocks(second(cost=0.1), second(cost=0.1, on="2020-01-01"))
    assert twice.cost_hat[:, CHN, JPN] == pytest.approx([1.21] * 3)


def test_it_ends_on_its_last_day():
    measure = second(complying="CHN", on="2020-01-01", until="2020-12-31")
    assert shocks(measure, at="2020-06-01").link is not None
    assert shocks(measure).link is None


# -- who is above the threshold --------------------------------------------------------------
def test_the_threshold_is_a_share_of_the_targets_trade_and_has_to_be_passed():
    """PRK trades 45 with CHN and 5 with KOR in each of two sectors, both ways: 90 and 10 %."""
    flows = WORLD.flows.copy()
    for one, other, value in ((PRK, CHN, 45.0), (PRK, KOR, 5.0)):
        flows[[TEXTILES, FOOD], one, other] = flows[[TEXTILES, FOOD], other, one] = value
    world = small_korea(flows=flows, final_share=flows.sum(axis=1) / flows.sum(axis=(0, 1)))
    for threshold, paying in (("9.9%", {KOR, CHN}), ("10%", {CHN}), ("90%", set())):
        got = shocks(second(cost=0.1, threshold=threshold), world=world)
        pairs = set() if got.cost_hat is None else changed(got.cost_hat)
        assert {i for i, n in pairs if n == JPN} == paying, threshold
    assert "at most 90.0%" in touched(got)


def test_what_other_measures_open_counts_wherever_they_stand_in_the_file():
    lift = {"unban": {"coverage": "rok-may-24"}}
    opened = shocks(lift, second(cost=0.1))
    assert {(KOR, JPN), (CHN, JPN)} <= changed(opened.cost_hat)
    assert shocks(second(cost=0.1), lift).content_hash == opened.content_hash


def test_what_an_earlier_ban_closes_does_not_count():
    ban = {"ban": {"exporter": "PRK", "importer": "CHN", "both_ways": True}}
    got = shocks(ban, second(cost=0.1))
    assert got.cost_hat is None
    assert "paying: nobody" in touched(got)


def test_looking_at_the_trade_so_far_leaves_later_measures_their_effect():
    ban = {"ban": {"exporter": "KOR", "importer": "CHN"}}
    got = shocks(second(cost=0.1), ban)
    assert got.link[:, KOR, CHN].tolist() == [0.0] * 3


# -- limits in equilibrium -------------------------------------------------------------------
BIG = random_world(3, 5, 3)
A, B = BIG.countries[:2]


def hats(*measures):
    eq = solve(BIG, scenario(*measures)).equilibrium
    return eq.welfare_hat, eq.flows


def test_no_cost_and_nobody_complying_changes_nothing():
    got = scenario({"secondary_sanctions": {"sender": A, "target": B}})
    assert got.to_shocks(BIG).arrays() == {}
    np.testing.assert_allclose(solve(BIG, got).equilibrium.welfare_hat, 1.0, atol=1e-12)
    assert touched(got.to_shocks(BIG)).startswith("nothing")


def test_everyone_complying_is_a_ban_by_all_third_countries():
    third = list(BIG.countries[2:])
    ours = {"secondary_sanctions": {"sender": A, "target": B, "complying": "all"}}
    ban = {"ban": {"exporter": third, "importer": B, "both_ways": True}}
    for got, expected in zip(hats(ours), hats(ban), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9)
    named = {"secondary_sanctions": {"sender": A, "target": B, "complying": third}}
    np.testing.assert_array_equal(hats(named)[0], hats(ours)[0])


def test_a_cost_on_everyone_is_the_same_trade_cost_on_every_third_country():
    third = list(BIG.countries[2:])
    ours = {
        "secondary_sanctions": {
            "sender": A, "target": B, "cost": "15%", "falls_on": "both", "threshold": 0,
        }
    }  # fmt: skip
    cost = {"trade_cost": {"exporter": third, "importer": [A, B], "change": "15%"}}
    cost["trade_cost"]["both_ways"] = True
    for got, expected in zip(hats(ours), hats(cost), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_a_cost_without_end_on_the_target_comes_to_a_ban():
    dear = {"sender": A, "target": B, "cost": "1000%", "falls_on": "target", "threshold": 0}
    world = BIG.with_(trade_elasticity=np.full(3, 30.0))
    ban = {"sender": A, "target": B, "complying": "all"}
    got, expected = (
        solve(world, scenario({"secondary_sanctions": m})).equilibrium.welfare_hat
        for m in (dear, ban)
    )
    np.testing.assert_allclose(got, expected, rtol=1e-9)


# -- what is refused -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "words", "nearest"),
    [
        ({"target": "JPN"}, "'sender' and 'target' are both JPN", None),
        ({"sender": "all"}, "'all' is neither", None),
        ({"complying": ["CHN", "JPN"]}, "lists JPN, the sender", None),
        ({"complying": "PRK"}, "lists PRK, the target", None),
        ({"complying": "all", "cost": 0.1}, "nobody is left to pay", None),
        ({"complying": ["CHN", "KOR"], "cost": 0.1}, "nobody is left to pay", None),
        ({"complying": "China"}, "unknown country 'China'", "CHN"),
        ({"sender": "Japan"}, "unknown country 'Japan'", "JPN"),
        ({"target": "PRC"}, "unknown country 'PRC'", "PRK"),
        ({"sectors": "textile"}, "unknown sector 'textile'", "textiles"),
        ({"complying": "CHN", "coverage": {"fod": 1}}, "unknown sector 'fod'", "food"),
        ({"coverage": 0.5}, "'complying' names nobody", None),
        ({"complying": "CHN", "coverage": "unsc-dprk"}, "a table is for 'ban'", None),
        ({"coverage": {"food": 1}, "sectors": "food"}, "names the sectors already", None),
        ({"falls_on": "targt"}, "none of sender, target, both", "target"),
        ({"cost": -0.1}, "outside 0 %", None),
        ({"cost": 5}, "5 % or 500 %", "5% (0.05)"),
        ({"complies": "CHN"}, "unknown key 'complies'", "complying"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_nearest_valid_thing(fields, words, nearest):
    text = {"scenario": "t", "measures": [second(**fields)]}
    lines = {("measures", 0, "secondary_sanctions"): 4}
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_dict(text, lines, "s.yaml").to_shocks(WORLD)
    assert words in caught.value.what
    assert caught.value.nearest == nearest
    assert (caught.value.place.file, caught.value.place.line) == ("s.yaml", 4)


def test_it_is_in_the_schema_and_survives_a_file():
    schema = json_schema()["$defs"]["secondary_sanctions"]
    assert set(schema["required"]) == {"sender", "target"}
    assert schema["properties"]["falls_on"]["enum"] == ["sender", "target", "both"]
    whole = scenario(second(cost="20%", complying=["CHN"], threshold="2%", falls_on="both"))
    again = Scenario.from_dict(whole.to_dict())
    assert again.content_hash == whole.content_hash
