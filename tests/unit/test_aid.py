"""Aid: limits with known answers, what tying moves, and what it costs whom."""

from __future__ import annotations

import numpy as np
import pytest

from detente import load_scenario, load_world, model, solve
from detente.errors import ScenarioError
from detente.scenario import Scenario
from small_korea import CHN, COAL, FOOD, KOR, PRK, TEXTILES, small_korea

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
@pytest.mark.parametrize("donor", ["CHN", "KOR"])
def test_tied_aid_moves_spending_to_the_donor_at_baseline_costs(donor):
    """Share π + Δσ, all others in proportion, Σb one: also where the donor sold nothing."""
    got = shocks(aid(**{"from": donor}, tied="50%", sectors={"food": "100%"}))
    i, base = WORLD.country_index(donor), weights(got)
    pi, spent = WORLD.trade_share, WORLD.expenditure
    rise = (1.0 - WORLD.final_share[FOOD, PRK] * pi[FOOD, i, PRK]) * 1.5 / spent[FOOD, PRK]
    assert base[FOOD, i, PRK] == pytest.approx(pi[FOOD, i, PRK] + rise, rel=1e-12)
    others = np.arange(4) != i
    kept = (1 - pi[FOOD, i, PRK] - rise) / (1 - pi[FOOD, i, PRK])
    np.testing.assert_allclose(base[FOOD, others, PRK], kept * pi[FOOD, others, PRK])
    np.testing.assert_allclose(base.sum(axis=1), 1.0, rtol=1e-12)
    untouched = np.ones(base.shape, dtype=bool)
    untouched[FOOD, :, PRK] = False
    np.testing.assert_array_equal(base[untouched], pi[untouched])


def test_the_money_is_paid_once_however_much_is_tied():
    for tied in (0, 0.5, "100%"):
        assert shocks(aid(tied=tied)).transfer[PRK] == pytest.approx(3.0)


def test_sectors_without_shares_go_by_the_recipients_spending():
    got = shocks(aid(tied="100%", sectors=["textiles", "food"]))
    alpha, spent = WORLD.final_share[:, PRK], WORLD.expenditure[:, PRK]
    rise = (weights(got)[:, CHN, PRK] - WORLD.trade_share[:, CHN, PRK]) * spent
    split = alpha[[TEXTILES, FOOD]] / alpha[[TEXTILES, FOOD]].sum()
    by_itself = alpha * WORLD.trade_share[:, CHN, PRK]
    assert rise[[TEXTILES, FOOD]] == pytest.approx((split - by_itself[[TEXTILES, FOOD]]) * 3)
    assert rise[COAL] == pytest.approx(0, abs=1e-12)


def test_tying_helps_the_donor_and_lowers_what_the_recipient_earns():
    world = load_world("korea")
    base = {"from": "KOR", "to": "PRK", "amount": "300 million USD"}
    tie = {"tied": "100%", "sectors": ["food", "chemicals"]}
    free, tied = (welfare({"aid": base | more}, world=world) for more in ({}, tie))
    assert tied.loc["KOR", "welfare"] > free.loc["KOR", "welfare"]
    assert tied.loc["PRK", "own_earnings"] < free.loc["PRK", "own_earnings"]


def test_two_packages_add_their_money():
    got = shocks(aid(tied="50%", sectors="food"), aid(**{"from": "JPN"}))
    assert got.transfer[PRK] == pytest.approx(6)


def test_what_is_tied_is_told_to_be_exempt_from_the_bans_that_stand():
    fields = {"from": "KOR", "amount": "100 million USD", "tied": "100%", "sectors": "food"}
    (note,) = shocks(aid(**fields), world=load_world("korea")).notes["measures"]
    assert any("exempt from bans in force" in r and "rok-may-24" in r for r in note["remarks"])


# -- mistakes --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("amount: 0 million USD", "has to be above zero"),
        ("amount: 300", "Did you mean '300 million USD'"),
        ("amount: 3 billion USD, tied: 100%, sectors: food", "spends on it is"),
        ("amount: 3 million USD, tied: 60", "Did you mean '60% (0.6)'"),
        ("amount: 3 million USD, sectors: food", "nothing is tied"),
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
