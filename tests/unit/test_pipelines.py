"""Economics of a link: sums by hand, published figures, identities, limits, and the command."""

from __future__ import annotations

import json
import math
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.pipelines import app as pipelines_app
from detente.corridors.pipelinecase import Case, case_names, case_on, load_case
from detente.corridors.pipelineclaims import checked, length_for, unit_check
from detente.corridors.pipelineentry import entry
from detente.corridors.pipelineparties import break_even, interruption, returns
from detente.corridors.pipelines import (
    Link,
    Segment,
    Stop,
    economics,
    recovery,
    while_built,
)
from detente.corridors.pipelinescale import sized
from detente.corridors.pipelineunits import MMBTU_PER_1000M3, Fee
from detente.errors import InputError

app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)
app.add_typer(pipelines_app, name="pipelines")
CASES = [load_case(name) for name in case_names()]


def made_up(**changes: object) -> Link:
    """10 bcm over 700 km of B, from A to C; 1000 million of A's money, 50 a year to run."""
    link = Link(
        seller="A",
        buyer="C",
        via=("B",),
        carrier="gas",
        capacity=10.0,
        segments=(
            Segment("A", 100.0, 0.0, {"A": 1.0}, {"A": 1.0}),
            Segment("B", 700.0, 1000.0, {"A": 1.0}, {"A": 1.0}),
        ),
        supply_cost=100.0,
        alternative=300.0,
        fee=Fee(2.0, "USD/1000m3/100km"),
        weights={"A": 1.0, "C": 1.0},
        opex=0.05,
        fuel=0.0,
        rate=0.0,
        life=20.0,
        stop=Stop(30.0, 0.1, 0.5, 1.0, 0.0),
    )
    return replace(link, **changes)


def ran(*words: str) -> str:
    found = CliRunner().invoke(app, ["pipelines", *words], env={"COLUMNS": "80"})
    assert found.exit_code == 0, found.output
    return found.stdout


def failed(*words: str) -> str:
    found = CliRunner().invoke(app, ["pipelines", *words])
    assert found.exit_code == 2, found.output
    return found.stderr


# -- by hand and as published ------------------------------------------------------------------
def test_kogass_transit_income_by_hand() -> None:
    """7.5 Mt × 1.38 bcm/Mt × 700 km × 2 USD/1000 m³/100 km; 158 million needs 763 km."""
    case = load_case("kogas-2018")
    found = economics(case.link())
    assert found.fees == {"PRK": pytest.approx(144.9, abs=1e-9)}
    assert length_for(158.0, 10.35, 2.0) == pytest.approx(763.3, abs=0.05)
    assert "144.9 million USD" in unit_check(case.link(), case.capacity, case.transit_fee)


def test_claims_need_what_they_need() -> None:
    """KOGAS's two figures and the envoy's: what each leaves open."""
    case = load_case("kogas-2018")
    by_distance, in_kind, envoy = (checked(c, case.link()) for c in case.claims)
    assert (by_distance.open, in_kind.open, envoy.open) == ("km", "worth", "fee")
    assert by_distance.needs == pytest.approx(768.1, abs=0.1)
    # 5 % of 10.35 bcm is worth 195 million where gas is worth what LNG cost in 2018
    assert in_kind.needs / MMBTU_PER_1000M3 == pytest.approx(10.55, abs=0.01)
    assert envoy.needs == pytest.approx(100.0 / 70.0)
    assert envoy.needs == pytest.approx(
        load_case("rok-russia-2011").transit_fee.number, abs=0.002
    )


def test_a_year_by_hand() -> None:
    """At r = 0: capital 1000/20, running 50, supply 1000; worth 3000; fee 140; half each."""
    found = economics(made_up())
    assert found.value == 3000.0
    assert found.cost == pytest.approx(1000.0 + 50.0 + 50.0)
    assert found.surplus == pytest.approx(1900.0)
    assert found.ratio == pytest.approx(1100.0 / 3000.0)
    assert found.fees == {"B": 140.0}
    assert found.gains == {
        c: pytest.approx(g) for c, g in {"C": 880, "A": 880, "B": 140}.items()
    }
    assert found.price == pytest.approx(300.0 - 88.0)
    assert found.delivered == pytest.approx(124.0)
    assert found.npv("C") == pytest.approx(880.0 * 20.0)
    edge = break_even(found)
    assert edge.seller == pytest.approx(124.0)
    assert edge.buyer == pytest.approx(300.0)
    assert edge.lowest_fee["B"] == 0.0
    assert edge.highest_fee["B"] == pytest.approx(1900.0 / 70.0)


def test_an_interruption_by_hand() -> None:
    """36.5 days are a tenth: 1 bcm; spot at 450 against a price of 212; A keeps its gas."""
    found = interruption(economics(made_up()), 36.5)
    assert found.losses["C"] == pytest.approx(450.0 - 212.0)
    assert found.losses["A"] == pytest.approx(212.0 - 100.0 - 14.0)
    assert found.losses["B"] == pytest.approx(14.0)
    # transfers cancel: what spot costs beyond the gas that stays in the ground
    assert found.total == pytest.approx(450.0 - 100.0)
    assert found.expected == pytest.approx(35.0)
    assert found.fees == 140.0
    assert found.others(("B",)) / found.losses["B"] == pytest.approx(336.0 / 14.0)


def test_what_cannot_be_replaced_costs_its_worth() -> None:
    stop = Stop(36.5, 0.1, 0.5, 0.4, 2000.0)
    found = interruption(economics(made_up(stop=stop)))
    assert found.losses["C"] == pytest.approx(0.4 * 450.0 + 0.6 * 2000.0 - 212.0)


def test_the_capital_recovery_factor() -> None:
    """k = r/(1 − (1 + r)^−T): 8.88 % at 8 % over 30 years, 1/T at none."""
    assert recovery(0.08, 30.0) == pytest.approx(0.0888274, abs=1e-7)
    assert recovery(0.0, 25.0) == 0.04
    assert recovery(1e-12, 25.0) == pytest.approx(0.04, rel=1e-9)


def test_interest_while_it_is_built() -> None:
    """Four outlays of a quarter at 8 %: (1 + 1.08 + 1.08² + 1.08³)/4; none in no time."""
    by_hand = (1.0 + 1.08 + 1.08**2 + 1.08**3) / 4.0
    assert while_built(0.08, 4.0) == pytest.approx(by_hand)
    assert while_built(0.08, 0.0) == while_built(0.0, 4.0) == 1.0
    assert while_built(1e-12, 4.0) == pytest.approx(1.0)
    slow = economics(made_up(rate=0.08, construction=4.0))
    fast = economics(made_up(rate=0.08))
    dearer = fast.capital["A"] * (by_hand - 1.0)
    assert fast.surplus - slow.surplus == pytest.approx(dearer)
    # the same cash later is a lower return on the same outlay
    assert returns(slow).capex == pytest.approx(returns(fast).capex) == pytest.approx(1000.0)
    assert (returns(slow).irr or 1.0) < (returns(fast).irr or 0.0)


def test_capital_follows_capacity_and_length() -> None:
    """100 for 10.35 bcm: (9.66…)^0.7 times the capital; twice the length in a land."""
    base = load_case("kogas-2018").link()
    large, words = sized(base, 100.0)
    assert large.capex == pytest.approx(4200.0 * (100.0 / 10.35) ** 0.7)
    assert "from 4,200 to 20,549 million USD" in words
    assert "to the power 0.7 (assumed)" in words
    longer, words = sized(base, km={"PRK": 1400.0})
    assert longer.capex == pytest.approx(4200.0 + 2500.0)
    assert "1,900 in place of 1,200 km" in words
    # where there was no pipe: at the mean cost a km, 4200/1200
    new, _ = sized(replace(base, segments=base.segments[:2]), km={"KOR": 100.0})
    assert new.capex == pytest.approx(3000.0 * (1.0 + 100.0 / 850.0))
    stated, words = sized(base, 100.0, capex=5000.0)
    assert (stated.capex, words) == (pytest.approx(5000.0), "")
    assert sized(base, 10.35) == (base, "")


def test_a_bargain_that_nobody_would_sign_is_no_deal() -> None:
    """Surplus 1900: a fee of 2100 leaves −200 to two; everybody's bargain needs no fee."""
    fee = Fee(30.0, "USD/1000m3/100km")
    found = economics(made_up(fee=fee))
    assert found.surplus == pytest.approx(1900.0)
    assert found.divided == pytest.approx(-200.0)
    assert not found.deal
    assert set(found.outcome.values()) == {0.0}
    assert entry(found) is None
    assert interruption(found).total == 0.0
    assert returns(found, "A").irr is None
    assert economics(made_up(fee=Fee(27.1, fee.unit))).deal
    # a price that is stated holds both to it
    forced = economics(made_up(fee=fee, price=250.0))
    assert forced.deal
    assert forced.outcome["A"] == pytest.approx(2500.0 - 2100.0 - 1100.0)
    assert entry(forced) is not None
    every = economics(made_up(fee=fee, weights={"A": 1.0, "B": 1.0, "C": 1.0}))
    assert every.deal and min(every.gains.values()) > 0


def test_capital_paid_before_is_no_reason_not_to_sign() -> None:
    link = made_up(alternative=128.0, fee=Fee(0.0, "%"), supply_cost=110.0)
    found = economics(replace(link, segments=tuple(
        replace(s, capex=4 * s.capex) for s in link.segments), opex=0.0))  # fmt: skip
    assert found.surplus == pytest.approx(180.0 - 200.0)
    assert not found.deal
    assert entry(found, financed=True) is None
    sunk = entry(found, financed=True, sunk=True)
    assert sunk is not None and sunk.rent == pytest.approx(180.0)


# -- identities and limits --------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.pipeline)
def test_gains_sum_to_the_surplus_and_npv_is_cash_less_capital(case: Case) -> None:
    found = economics(case.link())
    link = found.link
    assert sum(found.gains.values()) == pytest.approx(found.surplus)
    for code in link.parties:
        back = returns(found, code)
        cash = found.gains[code] + found.capital[code]
        years = range(1, int(link.life) + 1)
        building = range(int(link.construction))  # the last outlay on the first day of flow
        outlay = back.capex / len(building)

        def worth(rate: float) -> float:
            spent = sum(outlay * (1.0 + rate) ** t for t in building)  # noqa: B023
            return sum(cash / (1.0 + rate) ** t for t in years) - spent  # noqa: B023

        assert found.npv(code) == pytest.approx(worth(link.rate))
        if back.irr is not None:
            assert worth(back.irr) == pytest.approx(0.0, abs=1e-6 * back.capex)
            assert back.payback == pytest.approx(back.capex / cash)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.pipeline)
def test_at_its_break_even_a_party_gains_nothing(case: Case) -> None:
    link = case.link()
    edge = break_even(economics(link))
    at = {code: economics(replace(link, price=p)) for code, p in
          ((link.seller, edge.seller), (link.buyer, edge.buyer))}  # fmt: skip
    for code, found in at.items():
        assert found.gains[code] == pytest.approx(0.0, abs=1e-8)
    for key in ("lowest_fee", "highest_fee"):
        fee = replace(link.fee, number=getattr(edge, key)["PRK"])
        found = economics(replace(link, fee=fee))
        if key == "lowest_fee":
            assert found.gains["PRK"] == pytest.approx(0.0, abs=1e-8)
        else:
            assert found.gains[link.seller] + found.gains[link.buyer] == pytest.approx(
                0, abs=1e-8
            )


def test_who_bargains_gains_its_weight_whoever_pays() -> None:
    for payer in ("A", "B", "C"):
        paid = Segment("B", 700.0, 1000.0, {payer: 1.0}, {"B": 1.0})
        link = made_up(weights={"A": 1.0, "B": 1.0, "C": 2.0}, segments=(paid,))
        found = economics(link)
        assert found.surplus == pytest.approx(1900.0)
        assert found.gains["C"] == pytest.approx(950.0)
        assert found.gains["A"] == found.gains["B"] == pytest.approx(475.0)


def test_the_surplus_does_not_depend_on_fee_price_or_payer() -> None:
    whole = economics(made_up()).surplus
    for changes in (
        {"fee": Fee(9.0, "%")},
        {"price": 150.0},
        {"price_share": 0.9},
        {"weights": {"C": 1.0}},
    ):
        assert economics(made_up(**changes)).surplus == pytest.approx(whole)


def test_a_share_of_the_alternative_and_a_fee_ad_valorem() -> None:
    found = economics(made_up(price_share=0.9, fee=Fee(5.0, "%")))
    assert found.price == pytest.approx(270.0)
    assert found.fees["B"] == pytest.approx(150.0)


def test_a_link_closed_all_year_delivers_nothing_and_still_costs() -> None:
    found = economics(made_up(closed=365.0))
    assert found.volume == 0.0
    assert found.surplus == pytest.approx(-100.0)
    assert math.isinf(found.ratio)
    assert entry(found) is None


def test_supply_at_the_alternatives_price_leaves_nothing() -> None:
    assert entry(economics(made_up(supply_cost=300.0))) is None
    free = replace(made_up(supply_cost=300.0), segments=(), fee=Fee(0.0, "%"))
    found = economics(free)
    assert found.surplus == pytest.approx(0.0)
    assert entry(found) is None


def test_fuel_is_bought_and_not_sold() -> None:
    assert economics(made_up(fuel=0.2)).supply == pytest.approx(1000.0 / 0.8)


def test_what_enters_the_model_owns_the_surplus() -> None:
    found = economics(made_up())
    enters = entry(found)
    assert enters is not None
    assert enters.rent == pytest.approx(found.surplus)
    assert {c: s * enters.rent for c, s in enters.owners} == pytest.approx(found.gains)
    assert enters.transfers == {}
    # beside a baseline flow: the mean of 1 and r, and the mark-up's rent is the surplus
    d = enters.cost_hat(500.0)
    assert d == pytest.approx((500.0 + 1100.0) / 3500.0)
    markup = 1.0 / d - 1.0
    assert markup / (1.0 + markup) * 3500.0 == pytest.approx(found.surplus)
    assert enters.quantity(500.0) == pytest.approx(d * 3500.0)


def test_a_party_that_loses_pays_beside_the_rent() -> None:
    found = economics(made_up(price=90.0))
    assert found.gains["A"] < 0
    enters = entry(found)
    assert enters is not None
    assert dict(enters.owners).keys() == {"C", "B"}
    assert sum(enters.transfers.values()) == pytest.approx(0.0, abs=1e-9)
    shares = dict(enters.owners)
    for code, gain in found.gains.items():
        part = shares.get(code, 0.0) * enters.rent + enters.transfers.get(code, 0.0)
        assert part == pytest.approx(gain)


def test_capital_charged_elsewhere_is_no_part_of_the_cost() -> None:
    found = economics(made_up())
    enters = entry(found, financed=True)
    assert enters is not None
    assert enters.rent == pytest.approx(found.surplus + 50.0)
    assert enters.ratio == pytest.approx(1050.0 / 3000.0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"via": ("A",)}, "A stands twice"),
        ({"segments": ()}, "needs the length in B"),
        ({"weights": {"D": 1.0}}, "D bargains and is no party"),
        ({"weights": {"A": 0.0}}, "not all zero"),
        ({"weights": {"A": -1.0, "C": 2.0}}, "zero or above"),
        ({"price": 1.0, "price_share": 0.5}, "not both"),
        ({"via": ("B", "D"), "weights": {"A": 1, "B": 1, "C": 1}}, "every transit land"),
    ],
)
def test_links_that_make_no_sense_are_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(InputError, match=why):
        economics(made_up(**changes))


# -- cases as files ---------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.pipeline)
def test_every_case_says_where_its_values_are_from(case: Case) -> None:
    told = {key for source in case.sources for key in source.keys}
    for key in ("capacity", "supply_cost", "alternative_price", "transit_fee", "split", "opex"):
        assert key in told, key
    assert any("capex" in key for key in told)
    assert any(key.startswith("km") for key in told)
    for source in case.sources:
        assert source.verification != "verified" or source.url, source.keys


def test_cases_are_found_by_route() -> None:
    assert case_on("RUS", ("PRK",), "KOR", "gas") == "kogas-2018"
    assert case_on("RUS", ("PRK",), "KOR", "power") == "rfe-power"
    assert case_on("RUS", (), "KOR", "gas") is None


EMBEDDED = Path(load_case.__code__.co_filename).parents[1] / "data" / "pipelines"


def written(folder: Path, old: str, new: str) -> Path:
    text = (EMBEDDED / "kogas-2018.yaml").read_text(encoding="utf-8")
    assert old in text
    path = folder / "mine.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "key", "why"),
    [
        ("7.5 Mt/year", "7.5", "capacity", "Did you mean '7.5 bcm/year'"),
        ("km: 700 km", "km: -700 km", "segments.km", "below zero"),
        ("paid_by: KOR", "paid_by: {KOR: 50%}", "segments.paid_by", "sum to 50 %"),
        ("supply_cost: 5 USD/mmbtu", "supply_cost: 50 USD/MWh", None, "is of power"),
        ("opex: 3%", "opexx: 3%", "opexx", "Did you mean 'opex'"),
        ("country: PRK", "country: CHN", None, "neither seller"),
        ("low: 6.0", "low: 66.0", "alternative_price", "not in this order"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, key: str | None, why: str
) -> None:
    path = written(tmp_path, old, new)
    with pytest.raises(InputError, match=re.escape(why)) as error:
        load_case(path)
    place = error.value.place
    assert place is not None
    assert place.file == str(path)
    assert place.line is not None
    assert place.key == key


def test_an_unknown_case_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'kogas-2018'"):
        load_case("kogas-2019")


# -- the command ------------------------------------------------------------------------------
@pytest.mark.parametrize("name", case_names())
def test_show_fits_80_columns_and_tells_the_sums(name: str) -> None:
    text = ran("show", name)
    assert max(map(len, text.splitlines())) <= 80
    for words in ("Who gains", "Closed for 30 days", "Surplus", "PRK, transit", "assumed"):
        assert words in text
    assert name == "rfe-power" or "144.9" in text or "100.1" in text


def test_list_names_every_case() -> None:
    text = ran("list")
    assert all(name in text for name in case_names())
    assert max(map(len, text.splitlines())) <= 80
    assert len(json.loads(ran("list", "--format", "json"))) == len(case_names())
    assert ran("list", "--format", "csv").startswith("name,title")


def test_options_replace_values_and_are_told() -> None:
    found = json.loads(
        ran(
            "show",
            "kogas-2018",
            "--capacity",
            "10 bcm/year",
            "--transit-fee",
            "5%",
            "--alternative-price",
            "300 USD/1000m3",
            "--price",
            "90%",
            "--interrupted",
            "60",
            "--format",
            "json",
        )
    )
    assert found["volume"] == 10.0
    assert found["contract_price"] == pytest.approx(270.0)
    assert found["million_usd"]["transit"] == {"PRK": pytest.approx(150.0)}
    assert found["interruption"]["days"] == 60
    assert len(found["changed"]) == 5
    gains = sum(p["gain_million_usd"] for p in found["parties"])
    assert gains == pytest.approx(found["million_usd"]["surplus"])


def test_a_bargain_of_all_makes_the_fee() -> None:
    found = json.loads(
        ran("show", "kogas-2018", "--split", "RUS=1,PRK=1,KOR=2", "--format", "json")
    )
    gains = {p["party"]: p["gain_million_usd"] for p in found["parties"]}
    assert gains["KOR"] == pytest.approx(2 * gains["PRK"]) == pytest.approx(2 * gains["RUS"])
    assert found["unit_check"] is None
    assert "by distance it is" in ran("show", "kogas-2018", "--split", "RUS=1,PRK=1,KOR=2")


def test_a_link_that_is_too_dear_is_said_to_be() -> None:
    text = ran("show", "kogas-2018", "--alternative-price", "5 USD/mmbtu")
    assert "nobody would use it" in text
    assert "no deal: KOR and RUS would lose" in text
    assert "It is not paid: there is no deal." in " ".join(text.split())
    found = json.loads(
        ran("show", "kogas-2018", "--alternative-price", "5 USD/mmbtu", "--format", "json")
    )
    assert found["deal"] is False
    assert found["contract_price"] is None
    assert found["million_usd"]["transit"] == {"PRK": 0.0}
    assert {p["gain_million_usd"] for p in found["parties"]} == {0.0}


def test_at_a_low_price_of_lng_there_is_no_deal_and_nobody_earns() -> None:
    """At 6 USD/mmbtu the surplus is below zero: the transit land's fee is not paid either."""
    rows = json.loads(ran("show", "kogas-2018", "--format", "json"))["prices"]
    low, asked, _ = rows
    assert low["surplus_million_usd"] < 0 < asked["surplus_million_usd"]
    assert (low["deal"], low["contract_price"]) == (False, None)
    assert [low[f"gain_{c}"] for c in ("KOR", "RUS", "PRK")] == [0.0, 0.0, 0.0]
    assert "low: no deal" in ran("show", "kogas-2018")
    # held to a price, the buyer bears it
    words = ("show", "kogas-2018", "--price", "8 USD/mmbtu", "--format", "json")
    forced = json.loads(ran(*words))["prices"][0]
    assert forced["deal"] and forced["gain_KOR"] < 0 < forced["gain_RUS"]


def test_another_capacity_tells_its_capital() -> None:
    text = ran("show", "kogas-2018", "--capacity", "100 bcm/year")
    assert "Capital     scaled from 4,200 to 20,549 million USD" in text
    stated = ran("show", "kogas-2018", "--capacity", "100 bcm/year", "--capex", "5 billion USD")
    assert "scaled" not in stated
    assert "capital 5,000 million USD" in stated


def test_csv_has_the_parties_and_a_folder_has_tables_and_a_chart(tmp_path: Path) -> None:
    assert ran("show", "kogas-2018", "--format", "csv").count("\n") == 4
    ran("show", "kogas-2018", "-o", str(tmp_path / "out"))
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names >= {"parties.csv", "prices.csv", "pipeline.json", "gains.svg"}
    svg = (tmp_path / "out" / "gains.svg").read_text(encoding="utf-8")
    for words in ("Who gains from kogas-2018", "Million USD a year", "Source: detente"):
        assert words in svg


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--capacity", "10"), "--capacity: '10' has no unit"),
        (("--capacity", "2 GW"), "is of power, not of gas. Did you mean '2 bcm/year'?"),
        (("--capex", "5000"), "500 million USD"),
        (("--transit-fee", "2"), "2 USD/1000m3/100km"),
        (("--alternative-price", "-3 USD/mmbtu"), "below zero"),
        (("--interrupted", "400"), "more than a year"),
        (("--split", "RUS=1,CHN=1"), "'CHN' is no party"),
        (("--split", "RUS=one"), "no weight"),
        (("--split", "RUS=1,RUS=1"), "stands twice"),
        (("--split", "RUS=1,KOR=1", "--price", "90%"), "not both"),
        (("--split", "RUS=1,PRK=1,KOR=1", "--transit-fee", "5%"), "not both"),
    ],
)
def test_wrong_options_are_refused_in_words(words: tuple[str, ...], why: str) -> None:
    assert why in failed("show", "kogas-2018", *words)


def words(*options: str) -> str:
    """What show prints of the link of 2018, on one line."""
    return " ".join(ran("show", "kogas-2018", *options).split())


def test_no_interruption_is_none_and_one_day_is_singular() -> None:
    assert "Closed for" not in words("--interrupted", "0")
    assert "Closed for 1 day KOR" in words("--interrupted", "1 day")
    assert "Closed for 2 days" in words("--interrupted", "2")


def test_that_no_price_suits_both_is_said_and_that_one_does_is_not() -> None:
    """The seller's lowest above the buyer's highest, as where the surplus is below zero."""
    assert "No price suits both." in words("--alternative-price", "6 USD/mmbtu")
    assert "No price suits both." not in words()
    edge = break_even(economics(load_case("kogas-2018").link()))
    assert edge.seller < edge.buyer


def test_a_price_that_is_the_cases_low_one_stands_once(tmp_path: Path) -> None:
    text = ran("show", "kogas-2018", "--alternative-price", "6 USD/mmbtu", "-o",
               str(tmp_path / "out"))  # fmt: skip
    assert "The price asked for is the low one of the case." in text
    rows = [line for line in text.splitlines() if line.startswith(("low", "asked", "high"))]
    assert [row.split()[0] for row in rows] == ["asked:", "high"]
    svg = (tmp_path / "out" / "gains.svg").read_text(encoding="utf-8")
    assert "asked, as low: 214" in svg and ">low: " not in svg
    # programs find all three
    table = (tmp_path / "out" / "prices.csv").read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in table.splitlines()[1:]] == ["low", "asked", "high"]


@pytest.mark.parametrize(
    "options",
    [
        ("--price", "3 USD/mmbtu"),
        ("--price", "6.55 USD/mmbtu"),
        ("--alternative-price", "1 USD/mmbtu", "--split", "RUS=1,PRK=1,KOR=1"),
        ("--transit-fee", "60 USD/1000m3/100km"),
        ("--price", "85%", "--capacity", "100 bcm/year"),
    ],
)
def test_signs_are_one_kind_and_lines_fit(options: tuple[str, ...]) -> None:
    """A minus is −, nothing is −0, and no number has an exponent."""
    text = ran("show", "kogas-2018", *options)
    assert not re.search(r"(?<![\w-])-\d", text)
    assert not re.search(r"[-−]0(?![.\d])", text)
    assert not re.search(r"\d[eE][+-]?\d", text)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_capital_that_is_not_earned_back_has_a_return_below_zero() -> None:
    """A year of cash below a thirtieth of the capital: less comes back than was put in."""
    link = load_case("kogas-2018").link()
    price = break_even(economics(link)).seller - 25.0
    back = returns(economics(replace(link, price=price)), "RUS")
    assert back.irr is not None and back.irr < 0
    line = next(
        line
        for line in ran("show", "kogas-2018", "--price", f"{price:.6f} USD/1000m3").splitlines()
        if line.startswith("RUS, seller")
    )
    assert f"−{-100 * back.irr:.1f}"[:3] in line


def test_a_folder_tells_how_to_make_it_again(tmp_path: Path) -> None:
    """Where the case's own file is gone, with the options that were given."""
    path = written(tmp_path, "transit_fee: 2 USD", "transit_fee: 3 USD")
    out = tmp_path / "out"
    options = ["--alternative-price", "9 USD/mmbtu", "--interrupted", "60"]
    found = CliRunner().invoke(
        app, ["pipelines", "show", str(path), *options, "-o", str(out)], env={"COLUMNS": "80"}
    )
    assert found.exit_code == 0, found.output
    assert f"written: {out}" in found.stderr
    facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
    again = shlex.split(facts["run_again"])
    assert again[:4] == ["detente", "pipelines", "show", "pipeline.yaml"]
    assert again[4:] == options
    path.unlink()
    assert ran("show", str(out / "pipeline.yaml"), *options) == found.stdout
    # and over itself: the folder is detente's own
    ran("show", "kogas-2018", "-o", str(out))
    assert not (out / "pipeline.yaml").exists()
