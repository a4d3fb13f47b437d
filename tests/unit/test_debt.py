"""Debt relief: the schedule, present values against closed forms, and money that flows."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente import load_scenario, load_world, solve
from detente.errors import InputError, ScenarioError
from detente.scenario import Scenario
from detente.scenario.debt import Terms, known_debt, known_debts, schedule, worth
from detente.shocks import Shocks
from hypothesis_profiles import examples
from small_korea import JPN, PRK, small_korea

WORLD = small_korea()
RUSSIA = Terms(debt=10960, kept=1090, instalments=40, per_year=2)
OWN = {
    "creditor": "JPN",
    "debtor": "PRK",
    "debt": "20 million USD",
    "kept": "2 million USD",
    "instalments": 20,
    "per_year": 2,
}


def relief(**fields):
    return {"debt_relief": fields}


def shocks(*measures, world=WORLD, at=None):
    return Scenario.from_dict({"scenario": "t", "measures": list(measures)}).to_shocks(
        world, at=at
    )


def transfer(*measures, world=WORLD, at=None):
    got = shocks(*measures, world=world, at=at).transfer
    return np.zeros(world.n_countries) if got is None else got


# -- the agreement of 2012 -------------------------------------------------------------------
def test_forty_half_yearly_payments_of_27_25_million():
    plan = schedule(RUSSIA, date(2012, 9, 17))
    assert len(plan) == 40
    assert plan["payment"].tolist() == pytest.approx([27.25] * 40)
    assert plan["payment"].sum() == pytest.approx(1090)
    assert plan["day"].iloc[[0, 1, -1]].tolist() == ["2013-03-17", "2013-09-17", "2032-09-17"]
    assert plan["outstanding"].iloc[-1] == pytest.approx(0, abs=1e-9)
    assert RUSSIA.a_year == pytest.approx(54.5)
    assert RUSSIA.years == 20


def test_the_catalogue_has_the_published_figures():
    deal = known_debt("russia-2012")
    assert deal.terms == RUSSIA
    assert (deal.creditor, deal.debtor, deal.signed) == ("RUS", "PRK", date(2012, 9, 17))
    assert deal.terms.forgiven / deal.terms.debt == pytest.approx(0.90, abs=0.001)
    for known in known_debts().values():
        assert {f.verification for f in known.figures} <= {"verified", "unverified", "assumed"}


def test_a_day_that_a_month_lacks_is_its_last():
    terms = Terms(10, 10, 12, 12)
    assert terms.day(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert terms.day(date(2024, 1, 31), 3) == date(2024, 4, 30)


# -- present value and grant element ---------------------------------------------------------
@pytest.mark.parametrize("rate", [0.01, 0.03, 0.05, 0.10])
def test_present_value_is_the_annuity_formula(rate):
    half = (1 + rate) ** 0.5 - 1
    annuity = 27.25 * (1 - (1 + half) ** -40) / half
    found = worth(RUSSIA, rate)
    assert found.kept == pytest.approx(annuity, rel=1e-12)
    assert found.grant_element == pytest.approx(1 - annuity / 10960, rel=1e-12)
    assert found.grant_element_kept == pytest.approx(1 - annuity / 1090, rel=1e-12)
    assert found.forgiven == pytest.approx(annuity * 9870 / 1090, rel=1e-12)
    assert found.gain == pytest.approx(-annuity, rel=1e-12)
    # at the same terms the present value falls by the share forgiven, whatever the rate
    assert found.reduction == pytest.approx(0.9005, abs=1e-4)
    assert found.reduction == pytest.approx(9870 / 10960, rel=1e-12)
    assert found.grant_element > found.reduction


def test_without_discounting_the_grant_element_is_the_share_forgiven():
    found = worth(RUSSIA, 0.0)
    assert found.kept == pytest.approx(1090)
    assert found.grant_element == pytest.approx(9870 / 10960)
    assert found.grant_element_kept == pytest.approx(0, abs=1e-12)


def test_one_payment_a_year_from_now_is_discounted_once():
    assert worth(Terms(100, 100, 1, 1), 0.25).kept == pytest.approx(80)


@settings(max_examples=examples(60))
@given(
    debt=st.floats(1, 1e5),
    share=st.floats(0, 1),
    n=st.integers(1, 80),
    m=st.sampled_from([1, 2, 4, 12]),
    serviced=st.floats(0, 1),
    rate=st.floats(0, 0.5),
)
def test_values_add_up_whatever_the_terms(debt, share, n, m, serviced, rate):
    terms = Terms(debt, share * debt, n, m, serviced)
    found = worth(terms, rate)
    whole = worth(Terms(debt, debt, n, m), rate).kept
    assert found.kept + found.forgiven == pytest.approx(whole, rel=1e-9)
    assert found.gain == pytest.approx(serviced * whole - found.kept, rel=1e-9, abs=1e-6)
    assert found.kept <= terms.kept * (1 + 1e-12)
    assert 0 <= found.grant_element <= 1
    assert worth(terms, rate + 0.05).kept <= found.kept * (1 + 1e-12)
    assert schedule(terms)["payment"].sum() == pytest.approx(terms.kept)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"debt": 0}, "is none"),
        ({"kept": 20000}, "zero to all of it"),
        ({"kept": -1}, "zero to all of it"),
        ({"instalments": 0}, "1 to 1200"),
        ({"per_year": 3}, "1, 2, 4 or 12"),
        ({"serviced": 1.5}, "0 to 1"),
    ],
)
def test_terms_that_make_no_sense_are_refused(change, says):
    with pytest.raises(InputError, match=says):
        Terms(**{**vars(RUSSIA), **change})


# -- money that flows ------------------------------------------------------------------------
def test_what_is_kept_costs_54_5_million_a_year_and_forgiving_gives_nothing():
    world = load_world("korea")
    got = transfer(relief(use="russia-2012", on="2012-09-17"), world=world)
    assert got[world.country_index("PRK")] == pytest.approx(-54.5)
    assert got[world.country_index("RUS")] == pytest.approx(54.5)
    assert got.sum() == pytest.approx(0, abs=1e-12)
    notes = shocks(relief(use="russia-2012"), world=world).notes["measures"][0]["remarks"]
    assert "9,870 of 10,960 million USD are forgiven" in notes[0]
    assert "at the same terms 90.1 % at any rate" in notes[0]
    assert "worth nothing to it, while what is kept costs it 54.5 million USD" in notes[1]


def test_debt_that_was_serviced_in_full_frees_the_whole_service():
    got = transfer(relief(use="russia-2012", serviced="100%"), world=load_world("korea"))
    assert got.max() == pytest.approx(10960 / 20 - 54.5)


def test_forgiving_all_of_what_nobody_serviced_changes_nothing():
    own = {k: v for k, v in OWN.items() if k != "kept"}
    got = shocks(relief(**own, forgiven="100%"))
    assert got.content_hash == Shocks().content_hash


def test_payments_spent_in_the_debtor_do_not_leave_it():
    assert shocks(relief(**OWN, reinvested="100%")).transfer is None
    half = transfer(relief(**OWN, reinvested="50%"))
    np.testing.assert_allclose(half, transfer(relief(**OWN)) / 2)
    assert half[PRK] == pytest.approx(-0.1)
    assert half[JPN] == pytest.approx(0.1)


def test_a_share_forgiven_and_an_amount_kept_say_the_same():
    share = {k: v for k, v in OWN.items() if k != "kept"}
    np.testing.assert_allclose(
        transfer(relief(**share, forgiven="90%")), transfer(relief(**OWN))
    )


def test_fields_beside_use_replace_the_agreements_own():
    terms = (
        Scenario.from_dict(
            {"scenario": "t", "measures": [relief(use="russia-2012", debt="5.48 billion USD")]}
        )
        .measures[0]
        .terms
    )
    assert terms.kept == pytest.approx(545)
    assert terms.instalments == 40


def test_payments_end_with_the_last_and_the_path_knows_the_day():
    made = relief(**OWN, on="2020-03-31")
    (measure,) = Scenario.from_dict({"scenario": "t", "measures": [made]}).measures
    assert measure.turns() == (date(2030, 4, 1),)
    assert transfer(made, at="2030-03-31")[PRK] == pytest.approx(-0.2)
    assert not transfer(made, at="2030-04-01").any()
    assert not transfer(made, at="2020-03-30").any()
    touched = shocks(made, at="2031-01-01").notes["measures"][0]["touched"]
    assert touched == "PRK→JPN: the last payment was on 2030-03-31"


def test_until_ends_payments_earlier():
    made = relief(**OWN, on="2020-01-01", until="2024-12-31")
    (measure,) = Scenario.from_dict({"scenario": "t", "measures": [made]}).measures
    assert measure.turns() == ()
    assert not transfer(made, at="2025-01-01").any()


def test_paying_makes_the_debtor_poorer_and_the_creditor_richer():
    made = Scenario.from_dict({"scenario": "t", "measures": [relief(use="russia-2012")]})
    found = solve(load_world("korea"), made).welfare["equivalent_variation"]
    # the debtor loses a little more than it pays and the creditor gains less than it gets:
    # 54.5 million USD change hands; prices move what that is worth by a few percent
    assert -1.25 * 54.5 < found["PRK"] < -0.8 * 54.5
    assert 0.8 * 54.5 < found["RUS"] < 1.25 * 54.5


# -- mistakes --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("{use: rusia-2012}", 4, "Did you mean 'russia-2012'"),
        ("{creditor: JPN, debtor: PRK}", 4, "needs 'debt'"),
        ("{use: russia-2012, debt: 11}", 4, "Did you mean '11 million USD'"),
        ("{use: russia-2012, kept: 12 billion USD}", 4, "zero to all of it"),
        ("{use: russia-2012, kept: 1 million USD, forgiven: 10%}", 4, "give one"),
        ("{use: russia-2012, instalments: 2.5}", 4, "a whole number"),
        ("{use: russia-2012, per_year: 5}", 4, "1, 2, 4 or 12"),
        ("{use: russia-2012, debtor: RUS}", 4, "leave 'debtor' out"),
        ("{use: russia-2012, rates: 3%}", 4, "Did you mean 'rate'"),
        ("{use: russia-2012, on: 9990-01-01}", 4, "after the year 9999"),
        (
            "{use: russia-2012, creditor: JPN}",
            4,
            "is between RUS and PRK: leave 'creditor' out",
        ),
        ("{use: russia-2012, kept: 0 USD}", 4, "Did you mean 'forgiven: 100%'"),
        ("{use: russia-2012, kept: 0 million USD}", 4, "Did you mean 'forgiven: 100%'"),
        ("{use: russia-2012}\n  - debt_relief: {use: russia-2012}", 5, "(line 4)"),
        (
            "{creditor: JPN, debtor: PRC, debt: 2 billion USD, forgiven: 80%, "
            "instalments: 20, per_year: 2}",
            4,
            "unknown country 'PRC'",
        ),
    ],
)
def test_mistakes_have_a_place_and_the_nearest_valid_thing(tmp_path, text, line, says):
    path = tmp_path / "mine.yaml"
    path.write_text(f"scenario: t\nworld: korea\nmeasures:\n  - debt_relief: {text}\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path).to_shocks(load_world("korea"))
    assert says in str(caught.value)
    assert f"line {line}" in str(caught.value)


def test_one_agreement_may_stand_twice_where_its_dates_do_not_overlap():
    first = relief(use="russia-2012", on="2012-09-17", until="2019-12-31")
    then = relief(use="russia-2012", reinvested="100%", on="2020-01-01")
    korea = load_world("korea")
    assert transfer(first, then, world=korea, at="2015-01-01").any()
    assert not transfer(first, then, world=korea, at="2021-01-01").any()


def test_its_own_parties_may_be_named():
    same = {"use": "russia-2012", "creditor": "RUS", "debtor": "PRK"}
    assert transfer(relief(**same), world=load_world("korea")).any()


def test_the_file_of_a_measure_reads_back():
    for fields in (OWN, {"use": "russia-2012", "serviced": 0.5, "rate": "5%"}):
        made = Scenario.from_dict({"scenario": "t", "measures": [relief(**fields)]})
        again = Scenario.from_dict(made.to_dict())
        assert again.content_hash == made.content_hash
        assert again.measures[0].terms == made.measures[0].terms
