"""Aid: limits with known answers, what tying moves, and what it costs whom."""

from __future__ import annotations

import numpy as np
import pytest

from detente import load_scenario, load_world, model, solve
from detente.errors import ScenarioError
from detente.scenario import Scenario
from small_korea import CHN, COAL, FOOD, JPN, KOR, PRK, TEXTILES, small_korea

WORLD = small_korea()


def aid(**fields):
    return {"aid": {"from": "CHN", "to": "PRK", "amount": "3 million USD", **fields}}


def shocks(*measures, world=WORLD):
    return Scenario.from_dict({"scenario": "t", "measures": list(measures)}).to_shocks(world)


def weights(got, world=WORLD):
    """b of every link at baseline costs."""
    return model.link_base(world.trade_share, got.link, got.link_open, got.dormant_share)


def welfare(*measures, world):
    made = Scenario.from_dict({"scenario": "t", "measures": list(measures)})
    return solve(world, made).welfare


# -- limits ----------------------------------------------------------------------------------
def test_untied_aid_is_a_transfer_and_nothing_else():
    plain = {"transfer": {"from": "CHN", "to": "PRK", "amount": "3 million USD"}}
    assert shocks(aid()).content_hash == shocks(plain).content_hash


def test_transfers_sum_to_zero_and_overhead_uses_the_donors_factors():
    got = shocks(aid(overhead="10%"))
    assert got.transfer[[PRK, CHN]] == pytest.approx([2.7, -2.7])
    assert got.transfer.sum() == 0
    assert got.labour_hat[CHN] == pytest.approx(1 - 0.3 / WORLD.value_added[CHN])
    assert (np.delete(got.labour_hat, CHN) == 1).all()


def test_overhead_costs_the_donor_as_much_as_what_arrives():
    """The donor loses the amount, whatever part arrives; the rest is its terms of trade."""
    world = load_world("korea")
    small = {"from": "KOR", "to": "PRK", "amount": "1 million USD"}
    income = world.income[world.country_index("KOR")]
    lost = [
        -welfare({"aid": {**small, "overhead": h}}, world=world).loc["KOR", "welfare"] * income
        for h in (0.0, 0.5, "100%")
    ]
    assert lost == pytest.approx([1.0, 1.0, 1.0], rel=0.10)


def test_aid_that_is_all_overhead_gives_the_recipient_next_to_nothing():
    whole = {"from": "KOR", "to": "PRK", "amount": "300 million USD", "overhead": "100%"}
    found = welfare({"aid": whole}, world=load_world("korea"))["equivalent_variation"]
    assert found["KOR"] < -200
    assert abs(found["PRK"]) < 1


# -- what tying moves ------------------------------------------------------------------------
def test_tied_aid_moves_imports_to_the_donor_at_baseline_costs():
    """Share π + Δσ, other foreign suppliers in proportion, own goods and Σb as they were."""
    given = {"from": "KOR", "tied": "50%", "tying_cost": "20%", "sectors": {"food": "100%"}}
    base = weights(shocks(aid(**given)))
    pi, spent = WORLD.trade_share, WORLD.expenditure
    rise = 3.0 * 0.5 / 1.2 / spent[FOOD, PRK]
    assert base[FOOD, KOR, PRK] == pytest.approx(rise, rel=1e-12)  # it sold none of it
    assert base[FOOD, CHN, PRK] == pytest.approx(pi[FOOD, CHN, PRK] - rise, rel=1e-12)
    assert base[FOOD, PRK, PRK] == pi[FOOD, PRK, PRK]
    np.testing.assert_allclose(base.sum(axis=1), 1.0, rtol=1e-12)
    untouched = np.ones(base.shape, dtype=bool)
    untouched[FOOD, :, PRK] = False
    np.testing.assert_array_equal(base[untouched], pi[untouched])


def test_what_the_donor_would_have_sold_anyway_moves_nothing():
    given = {"from": "CHN", "to": "KOR", "tied": "50%", "tying_cost": 0}
    got = weights(shocks(aid(**given, sectors={"food": "100%"})))
    pi, spent = WORLD.trade_share, WORLD.expenditure[FOOD, KOR]
    by_itself = WORLD.final_share[FOOD, KOR] * pi[FOOD, CHN, KOR]
    rise = got[FOOD, CHN, KOR] - pi[FOOD, CHN, KOR]
    assert rise == pytest.approx((1.0 - by_itself) * 1.5 / spent, rel=1e-12)
    others = [JPN]
    assert (got[FOOD, others, KOR] < pi[FOOD, others, KOR]).all()


def test_what_is_more_than_it_imports_from_others_is_told_and_spent_freely():
    """PRK buys 10 of food from CHN; 60 of KOR's cannot replace more than that."""
    given = {"from": "KOR", "amount": "60 million USD", "tied": "100%", "tying_cost": 0}
    got = shocks(aid(**given, sectors={"food": "100%"}))
    assert weights(got)[FOOD, CHN, PRK] == pytest.approx(0, abs=1e-12)
    bought = 10.0 * (1.0 + WORLD.tariff[FOOD, CHN, PRK])
    (remark,) = (r for r in got.notes["measures"][0]["remarks"] if "as it likes" in r)
    assert remark.startswith(f"{60 - bought:.4g} million USD")


def test_a_tie_costs_the_recipient_and_uses_the_donors_factors():
    got = shocks(aid(**{"from": "KOR"}, tied="60%", tying_cost="20%", overhead="10%"))
    excess = 3.0 * 0.9 * 0.6 * 0.2 / 1.2
    assert got.transfer[PRK] == pytest.approx(2.7 - excess)
    assert got.transfer.sum() == pytest.approx(0, abs=1e-12)
    assert got.labour_hat[KOR] == pytest.approx(1 - (0.3 + excess) / WORLD.value_added[KOR])
    for tied in (0.2, 0.5, "100%"):
        free = shocks(aid(**{"from": "KOR"}, tied=tied, tying_cost=0))
        assert free.transfer[PRK] == pytest.approx(3.0)
        assert free.labour_hat is None


@pytest.mark.parametrize("amount", [10, 300, 1200, 10000])
@pytest.mark.parametrize("donor", ["KOR", "CHN"])
def test_tied_aid_is_never_worth_more_than_cash(donor, amount):
    """At any amount up to half its income the tie costs what it costs, and gains nothing."""
    world = load_world("korea")
    money = {"from": donor, "to": "PRK", "amount": f"{amount} million USD"}
    cash = welfare({"aid": money}, world=world)["equivalent_variation"]
    before = cash["PRK"]
    for tied in (0.3, 1.0):
        for cost in (0.15, 0.3):
            got = welfare({"aid": money | {"tied": tied, "tying_cost": cost}}, world=world)
            gain = got["equivalent_variation"]
            lost = tied * amount * cost / (1 + cost)
            # a dollar is worth less the more come: 0.7 of one at half its income
            assert 0.65 * lost < cash["PRK"] - gain["PRK"] < 1.15 * lost
            # the donor pays for it, less what its exports gain in price: a tenth of the money
            assert -1.15 * amount < gain["KOR" if donor == "KOR" else "CHN"] < -0.85 * amount
        without = welfare({"aid": money | {"tied": tied, "tying_cost": 0}}, world=world)
        assert without["equivalent_variation"]["PRK"] == pytest.approx(before, rel=1e-3)


def test_sectors_without_shares_go_by_the_recipients_spending():
    given = {"from": "KOR", "tied": "100%", "tying_cost": 0, "sectors": ["textiles", "food"]}
    got = shocks(aid(**given))
    alpha, spent = WORLD.final_share[:, PRK], WORLD.expenditure[:, PRK]
    rise = (weights(got)[:, KOR, PRK] - WORLD.trade_share[:, KOR, PRK]) * spent
    split = alpha[[TEXTILES, FOOD]] / alpha[[TEXTILES, FOOD]].sum()
    assert rise[[TEXTILES, FOOD]] == pytest.approx(split * 3)
    assert rise[COAL] == pytest.approx(0, abs=1e-12)


def test_tying_helps_the_donor():
    world = load_world("korea")
    base = {"from": "KOR", "to": "PRK", "amount": "300 million USD"}
    tie = {"tied": "100%", "sectors": ["food", "chemicals"]}
    free, tied = (welfare({"aid": base | more}, world=world) for more in ({}, tie))
    assert tied.loc["KOR", "welfare"] > free.loc["KOR", "welfare"]


def test_two_packages_add_their_money():
    tied = aid(tied="50%", tying_cost="50%", sectors="food")
    got = shocks(tied, aid(**{"from": "JPN"}))
    assert got.transfer[PRK] == pytest.approx(6 - 0.5)


def test_what_is_tied_is_told_to_be_exempt_from_the_scenarios_own_bans():
    ban = {"ban": {"exporter": "KOR", "importer": "PRK", "sectors": "food"}}
    tied = aid(**{"from": "KOR"}, tied="100%", sectors="food")
    for measures in ((ban, tied), (tied, ban)):
        remarks = [r for note in shocks(*measures).notes["measures"] for r in note["remarks"]]
        assert any("exempt from bans in force" in r and "ban 1 of" in r for r in remarks)
    # a ban on other goods is none of its business
    other = {"ban": {"exporter": "KOR", "importer": "PRK", "sectors": "textiles"}}
    remarks = [r for note in shocks(other, tied).notes["measures"] for r in note["remarks"]]
    assert not any("ban 1 of" in r for r in remarks)


def test_what_is_tied_is_told_to_be_exempt_from_the_bans_that_stand():
    fields = {"from": "KOR", "amount": "100 million USD", "tied": "100%", "sectors": "food"}
    (note,) = shocks(aid(**fields), world=load_world("korea")).notes["measures"]
    assert any("exempt from bans in force" in r and "rok-may-24" in r for r in note["remarks"])


# -- mistakes --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("amount: 0 million USD", "above zero"),
        ("amount: 300", "Did you mean '300 million USD'"),
        ("amount: 4 billion USD, tied: 100%, sectors: food", "spends on it is"),
        ("amount: 3 million USD, tied: 60", "Did you mean '60% (0.6)'"),
        ("amount: 3 million USD, sectors: food", "nothing is tied"),
        ("amount: 3 million USD, tying_cost: 20%", "nothing is tied"),
        ("amount: 3 million USD, tied: 50%, tying_cost: 20", "Did you mean '20% (0.2)'"),
        ("amount: 3 million USD, tied: 50%, sectors: fod", "Did you mean 'food'"),
        ("amount: 3 million USD, tied: 50%, sectors: {food: 50%}", "sum to 50 %"),
        ("amount: 9000 billion USD, overhead: 99%", "takes all that KOR earns"),
        ("amount: 3 million USD, ovrhead: 1%", "Did you mean 'overhead'"),
    ],
)
def test_mistakes_have_a_place_and_the_nearest_valid_thing(tmp_path, fields, says):
    path = tmp_path / "mine.yaml"
    path.write_text(f"scenario: t\nmeasures:\n  - aid: {{from: KOR, to: PRK, {fields}}}\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path).to_shocks(load_world("korea"))
    assert says in str(caught.value)
    assert f"{path}, line 3" in str(caught.value)


def test_a_donor_that_makes_none_of_it_cannot_tie_aid_to_it():
    fields = {"from": "PRK", "to": "KOR", "tied": "50%", "sectors": "oil-gas"}
    with pytest.raises(ScenarioError, match="PRK makes no oil-gas"):
        shocks(aid(**fields), world=load_world("korea"))


def test_what_is_all_the_donors_already_cannot_be_moved_to_it():
    """The DPRK buys its crude from China alone: aid tied to it, or to anything, goes there."""
    fields = {"tied": "100%", "sectors": {"oil-gas": "50%", "food": "50%"}}
    world = load_world("korea")
    got = weights(shocks(aid(**fields), world=world), world)
    s = world.sector_index("oil-gas")
    np.testing.assert_array_equal(got[s], world.trade_share[s])


def test_giver_and_taker_are_two_countries():
    with pytest.raises(ScenarioError, match="both KOR"):
        shocks(aid(**{"from": "KOR", "to": "KOR"}))
    assert KOR != PRK
