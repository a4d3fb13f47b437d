"""Retaliation: the rules by hand, limits with known answers, the table of the document."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from detente import load_scenario, load_world, solve
from detente.errors import ScenarioError
from detente.scenario import Scenario
from detente.scenario.measures.retaliation import (
    exposure,
    proportional,
    same_trade,
    tit_for_tat,
)
from small_korea import CHN, COAL, FOOD, JPN, KOR, PRK, TEXTILES, small_korea

WORLD = small_korea()
ROOT = Path(__file__).parents[2]


def shocks(*measures, world=WORLD, at=None):
    return Scenario.from_dict({"scenario": "test", "measures": list(measures)}).to_shocks(
        world, at=at
    )


def duty(**fields):
    given = {"exporter": "CHN", "importer": "JPN", "add": "25%"}
    return {"tariff": given | fields}


def answer(**fields):
    return {"retaliation": {"by": "CHN", "against": "JPN", **fields}}


def added(got, i=JPN, n=CHN):
    """Points on top of the baseline's tariff, by sector."""
    return got.tariff_new[:, i, n] - WORLD.tariff[:, i, n]


# -- the rules by hand -------------------------------------------------------------------
RAISED, SOLD, BOUGHT = np.array([0.2, 0.0, 0.1]), np.array([50.0, 9.0, 10.0]), np.ones(3)
EVERYWHERE = np.ones(3, dtype=bool)


def test_tit_for_tat_by_hand():
    got = tit_for_tat(RAISED, BOUGHT, EVERYWHERE, 1.0, np.inf)
    assert got.points.tolist() == [0.2, 0.0, 0.1]
    got = tit_for_tat(RAISED, BOUGHT, EVERYWHERE, 0.5, 0.07)
    assert got.points.tolist() == [0.07, 0.0, 0.05]
    assert got.unmatched == pytest.approx(0.03)


def test_proportional_by_hand():
    """Duty of 0.2·50 + 0.1·10 = 11 on imports of 3 needs 367 points; 100 points leave 8."""
    got = proportional(RAISED, SOLD, BOUGHT, EVERYWHERE, 1.0, np.inf)
    assert got.points == pytest.approx([11 / 3] * 3)
    assert got.unmatched == 0
    got = proportional(RAISED, SOLD, BOUGHT, EVERYWHERE, 1.0, 1.0)
    assert got.points.tolist() == [1.0] * 3
    assert got.unmatched == pytest.approx(8.0)
    nothing = proportional(RAISED, SOLD, np.zeros(3), EVERYWHERE, 1.0, 1.0)
    assert (nothing.points.tolist(), nothing.unmatched) == ([0.0] * 3, 11.0)


def test_same_trade_by_hand():
    """Trade of 60 with a duty of 11: the two largest sectors hold it, the last by 4/5."""
    bought = np.array([5.0, 25.0, 40.0])
    got = same_trade(RAISED, SOLD, bought, EVERYWHERE, 1.0, np.inf)
    rate = 11 / 60
    assert got.points == pytest.approx([0.0, rate * 0.8, rate])
    assert (got.points * bought).sum() == pytest.approx(11.0, rel=1e-12)
    assert got.unmatched == 0
    short = same_trade(RAISED, SOLD, BOUGHT, EVERYWHERE, 1.0, np.inf)
    assert short.points == pytest.approx([rate] * 3)
    assert short.unmatched == pytest.approx(11 - 3 * rate)


# -- in a scenario -----------------------------------------------------------------------
@pytest.mark.parametrize("rule", ["tit-for-tat", "proportional", "same-trade"])
def test_if_nothing_was_raised_nothing_changes(rule):
    for others in ((), (duty(add="-5%"),), (duty(exporter="KOR"),)):
        got = shocks(*others, answer(rule=rule))
        bare = shocks(*others)
        assert (
            np.array_equal(got.tariff_new, bare.tariff_new)
            if others
            else got.tariff_new is None
        )
        assert (
            "nothing, no measure raises a tariff on CHN→JPN"
            in got.notes["measures"][-1]["touched"]
        )


def test_tit_for_tat_of_one_sector_hits_that_sector_alone():
    got = shocks(duty(sectors="food"), answer())
    assert added(got) == pytest.approx([0.0, 0.0, 0.25], abs=1e-15)
    elsewhere = got.tariff_new != WORLD.tariff
    assert {tuple(map(int, cell)) for cell in np.argwhere(elsewhere)} == {
        (FOOD, CHN, JPN),
        (FOOD, JPN, CHN),
    }


def test_proportional_duties_are_worth_the_same_at_baseline_trade():
    flows = WORLD.flows.copy()
    flows[:, CHN, JPN], flows[:, JPN, CHN] = [70.0, 11.0, 29.0], [3.0, 17.0, 13.0]
    world = small_korea(flows=flows, final_share=flows.sum(axis=1) / flows.sum(axis=(0, 1)))
    got = shocks(duty(sectors=["textiles", "coal"]), answer(rule="proportional"), world=world)
    change = got.tariff_new - world.tariff
    borne = float((change * flows)[:, CHN, JPN].sum())
    levied = float((change * flows)[:, JPN, CHN].sum())
    assert levied == pytest.approx(borne, rel=1e-12)
    assert np.ptp(change[:, JPN, CHN]) < 1e-15


def test_most_binds_and_what_is_left_is_told():
    got = shocks(duty(), answer(most="10%"))
    assert added(got) == pytest.approx([0.10] * 3)
    assert any(
        "not matched: 4.5 million USD of duty, since 'most' binds" in r
        for r in got.notes["measures"][-1]["remarks"]
    )
    none = shocks(duty(), answer(most=0))
    assert added(none).tolist() == [0.0] * 3
    note = none.notes["measures"][-1]
    assert note["touched"].endswith("nothing, since 'most' is 0 %")
    assert any("since 'most' binds" in r for r in note["remarks"])


def test_a_duty_above_the_price_is_told():
    got = shocks(duty(add="50%"), answer(rule="proportional", sectors="food"))
    assert added(got) == pytest.approx([0, 0, 1.5])
    (remark,) = (r for r in got.notes["measures"][-1]["remarks"] if r.startswith("warning"))
    assert "adds 150 points" in remark
    calm = shocks(duty(), answer(rule="proportional", sectors="food"))
    assert not any(r.startswith("warning") for r in calm.notes["measures"][-1]["remarks"])


def test_a_duty_on_what_bore_none_is_answered_there():
    """docs/trade-war.md: coal bears no duty in the baseline, and bears one in the scenario."""
    got = shocks(duty(sectors="coal"), answer())
    assert added(got) == pytest.approx([0.25, 0.0, 0.0])


def test_a_share_answers_a_share():
    assert added(shocks(duty(), answer(share="40%"))) == pytest.approx([0.10] * 3)


def test_sectors_limit_the_answer():
    got = shocks(duty(), answer(rule="proportional", sectors="food"))
    assert added(got) == pytest.approx([0, 0, 0.75])  # three flows of 10 answered on one
    # all means what bears a duty somewhere: coal bears none before and after
    got = shocks(duty(sectors="food"), answer(rule="proportional"))
    assert added(got) == pytest.approx([0.0, 0.125, 0.125])
    assert WORLD.tariff[COAL].max() == 0


def test_order_does_not_matter_when_both_sides_answer():
    measures = [
        duty(sectors="food"),
        duty(exporter="JPN", importer="CHN", sectors="textiles", add="10%"),
        answer(),
        {"retaliation": {"by": "JPN", "against": "CHN", "rule": "proportional"}},
    ]
    one = shocks(*measures)
    for other in (measures[::-1], [*measures[2:], *measures[:2]]):
        np.testing.assert_array_equal(one.tariff_new, shocks(*other).tariff_new)
    # each answers what the other began, and not the other's answer
    assert added(one) == pytest.approx([0.0, 0.10, 0.25])
    assert added(one, CHN, JPN)[TEXTILES] == pytest.approx(0.05)  # 1 of duty on 20


def test_what_expires_is_not_answered_any_more():
    got = shocks(duty(until="2020-12-31"), answer(), at="2021-06-01")
    assert got.tariff_new is None
    got = shocks(duty(), answer(on="2021-01-01", until="2021-12-31"), at="2022-06-01")
    assert added(got).tolist() == [0.0] * 3


def test_two_answers_to_the_same_duties_are_refused_unless_they_follow_each_other():
    with pytest.raises(ScenarioError, match="another retaliation of CHN against JPN"):
        shocks(duty(), answer(), answer(rule="proportional"))
    shocks(duty(), answer(sectors="food"), answer(sectors="textiles"))
    shocks(duty(), answer(until="2020-12-31"), answer(on="2021-01-01"), at="2019-06-01")


def test_it_is_told_what_it_covers_and_who_has_how_much_to_lose():
    got = shocks(duty(), answer())
    note = got.notes["measures"][-1]
    assert note["touched"] == (
        "CHN answers JPN, tit-for-tat: +25.0 points in 3 sectors on 30 million USD JPN→CHN, "
        "duty 7.5, for 30 million USD CHN→JPN, duty 7.5 (baseline trade)"
    )
    # CHN sells 30 to KOR and JPN each, and 20 to PRK; JPN 30 to KOR and CHN each
    assert "to lose: CHN sells 37.5% of its exports to JPN, JPN 50.0%" in note["remarks"][-1]
    assert exposure(WORLD.flows, CHN, JPN) == pytest.approx(30 / 80)
    assert exposure(WORLD.flows, KOR, PRK) == 0


def test_a_ban_is_not_answered():
    got = shocks({"ban": {"exporter": "CHN", "importer": "JPN", "sectors": "food"}}, answer())
    note = got.notes["measures"][-1]
    assert got.tariff_new is None
    assert "a ban on CHN→JPN is not answered: only duties are" in note["remarks"]


def test_where_nothing_is_bought_nothing_can_be_hit():
    got = shocks(duty(exporter="PRK"), {"retaliation": {"by": "PRK", "against": "JPN"}})
    assert got.tariff_new[FOOD, JPN, PRK] == pytest.approx(WORLD.tariff[FOOD, JPN, PRK] + 0.25)
    same = {"retaliation": {"by": "PRK", "against": "JPN", "rule": "same-trade"}}
    got = shocks(duty(exporter="PRK"), same)
    assert "nothing can be hit on JPN→PRK" in got.notes["measures"][-1]["touched"]
    assert WORLD.flows[:, JPN, PRK].sum() == 0


def test_symmetric_worlds_lose_symmetrically():
    """Two equal countries and a third: equal duties, equal losses; unanswered, unequal."""
    flows = np.full((2, 3, 3), 20.0)
    flows[:, range(3), range(3)] = 100.0
    world = small_korea(
        countries=("AAA", "BBB", "CCC"),
        country_names=("A", "B", "C"),
        sectors=("s", "t"),
        flows=flows,
        tariff=np.zeros_like(flows),
        input_share=np.zeros((2, 2, 3)),
        value_added_share=np.ones((2, 3)),
        final_share=np.full((2, 3), 0.5),
        trade_elasticity=[5.0, 3.0],
        value_added=flows.sum(axis=(0, 2)),
        deficit=np.zeros(3),
        dormant={},
        coverage={},
        meta={},
    )
    raise_it = {"tariff": {"exporter": "AAA", "importer": "BBB", "add": "25%"}}
    back = {"retaliation": {"by": "AAA", "against": "BBB"}}
    both, alone = (
        solve(world, Scenario.from_dict({"scenario": "x", "measures": list(m)})).welfare[
            "welfare"
        ]
        for m in ((raise_it, back), (raise_it,))
    )
    assert both["AAA"] == pytest.approx(both["BBB"], abs=1e-9)
    assert both["AAA"] < 0 < both["CCC"]
    assert alone["AAA"] < alone["BBB"]
    bare = solve(world, Scenario.from_dict({"scenario": "x", "measures": [back]}))
    assert np.abs(bare.welfare["welfare"]).max() < 1e-12


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"by": "CHX"}, "unknown country 'CHX'.*Did you mean 'CHN'"),
        ({"by": "JPN"}, "both JPN"),
        ({"by": "all"}, "one country"),
        ({"rule": "tit for tat"}, "Did you mean 'tit-for-tat'"),
        ({"most": 50}, "Did you mean '50%"),
        ({"sectors": "foods"}, "unknown sector 'foods'"),
        ({"sector": "food"}, "Did you mean 'sectors'"),
        ({"share": "140%"}, "outside"),
    ],
)
def test_mistakes_are_refused_with_their_reason(fields, what):
    with pytest.raises(ScenarioError, match=what):
        shocks(duty(), answer(**fields))


# -- the document's table ----------------------------------------------------------------
def figures() -> dict[tuple[str, str], tuple[float, ...]]:
    """Rows of the table of docs/trade-war.md: (what, case) → China, Russia."""
    text = (ROOT / "docs" / "trade-war.md").read_text(encoding="utf-8")
    found = {}
    for what, one, other in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE):
        numbers = [re.sub(r"[,% ]", "", n).replace("−", "-") for n in (one, other)]
        if all(re.fullmatch(r"-?\d+\.?\d*", n) for n in numbers):
            found[what] = tuple(map(float, numbers))
    return found


@cache
def run(code: str, answered: bool):
    name = {"CHN": "us-tariffs-on-china", "RUS": "us-tariffs-on-russia"}[code]
    scenario = load_scenario(ROOT / "scenarios" / f"{name}.yaml")
    if not answered:
        scenario = scenario.with_(measures=scenario.measures[:1])
    return solve(load_world("korea"), scenario).welfare


@pytest.mark.parametrize(("column", "code"), [(0, "CHN"), (1, "RUS")])
def test_the_documents_table_is_that_of_the_runs(column, code):
    shown = {what: values[column] for what, values in figures().items()}
    world = load_world("korea")
    i, n = world.country_index(code), world.country_index("USA")
    goods = world.flows[world.tariff.max(axis=(1, 2)) > 0]
    assert shown["Exports to the United States, share of all"] == pytest.approx(
        100 * exposure(world.flows, i, n), abs=0.05
    )
    assert shown["Goods that the new duties fall on, million USD"] == pytest.approx(
        goods[:, i, n].sum(), abs=0.5
    )
    assert shown["Goods that the answer falls on, million USD"] == pytest.approx(
        goods[:, n, i].sum(), abs=0.5
    )
    for case, answered in (("not answered", False), ("answered", True)):
        welfare = run(code, answered)
        for who, key in ((code, "Its"), ("USA", "The United States'")):
            assert shown[f"{key} welfare, {case}"] == pytest.approx(
                100 * welfare.loc[who, "welfare"], abs=6e-4
            )
            assert shown[f"{key} gain in million USD, {case}"] == pytest.approx(
                welfare.loc[who, "equivalent_variation"], abs=0.6
            )


def test_china_loses_more_than_russia_in_money_and_in_percent():
    for answered in (False, True):
        china, russia = (run(code, answered).loc[code] for code in ("CHN", "RUS"))
        assert china["equivalent_variation"] < russia["equivalent_variation"] < 0
        assert china["welfare"] < russia["welfare"] < 0
