"""A pipeline in the model: its formula by hand, limits, who gets the rent, what is refused."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

import detente as dt
from detente.cli import app
from detente.corridors.pipelinecase import load_case
from detente.corridors.pipelines import economics
from detente.errors import ScenarioError
from detente.scenario import Scenario
from detente.scenario.loader import parse_yaml
from detente.scenario.registry import kinds
from detente.shocks import Shocks
from small_korea import CHN, COAL, JPN, KOR, small_korea

WORLD = small_korea()
KOREA = dt.load_world("korea")
#: 0.1 bcm worth 100 USD per 1000 m³: E = 10 million USD; supply 50, fee 4 → r = 0.5
SMALL: dict[str, Any] = {
    "from": "CHN",
    "via": "KOR",
    "to": "JPN",
    "capacity": "0.1 bcm/year",
    "km": {"KOR": "200 km"},
    "transit_fee": "2 USD/1000m3/100km",
    "supply_cost": "50 USD/1000m3",
    "alternative_price": "100 USD/1000m3",
    "sector": "coal",
}


def scenario(*measures: dict[str, Any], **top: Any) -> Scenario:
    data = {"scenario": "test", "measures": [{"pipeline": m} for m in measures], **top}
    found = Scenario.from_dict(data)
    assert Scenario.from_dict(found.to_dict()).content_hash == found.content_hash
    return found


def shocks(*measures: dict[str, Any], world: Any = WORLD) -> Shocks:
    return scenario(*measures).to_shocks(world)


def told(found: Shocks, j: int = 0) -> str:
    note = found.notes["measures"][j]
    return " ".join([note["touched"], *note["remarks"]])


def changes(measures: list[dict[str, Any]], world: Any = KOREA) -> Any:
    result = dt.solve(world, scenario(*measures))
    return result, result.welfare["equivalent_variation"]


# -- the formula -----------------------------------------------------------------------------
def test_the_link_is_its_formula() -> None:
    """F = 10, E = 10, r = 0.5: d̂ = 15/20 before the other suppliers give way; cap 15."""
    found = shocks(SMALL)
    (cap,) = found.caps
    assert (cap.sector, cap.exporters, cap.importers) == ("coal", ("CHN",), ("JPN",))
    assert cap.quantity == pytest.approx(15.0)
    assert found.cost_hat is not None
    pi, gained = WORLD.trade_share[COAL, CHN, JPN], 10.0 / WORLD.expenditure[COAL, JPN]
    k = (1.0 - pi - gained) / (1.0 - pi)
    theta = WORLD.trade_elasticity[COAL]
    assert found.cost_hat[COAL, CHN, JPN] == pytest.approx(0.75 * k ** (-1 / theta))
    assert found.cost_hat[COAL, JPN, JPN] == pytest.approx(k ** (-1 / theta))
    touched = np.argwhere(found.cost_hat != 1.0)
    assert {(int(s), int(n)) for s, _, n in touched} == {(COAL, JPN)}


def test_the_rents_owners_are_the_contracts() -> None:
    """Surplus 5: the fee is 0.4, buyer and seller halve the rest."""
    (cap,) = shocks(SMALL).caps
    assert dict(cap.owner) == {c: pytest.approx(x) for c, x in
                               {"JPN": 0.46, "CHN": 0.46, "KOR": 0.08}.items()}  # fmt: skip
    (cap,) = shocks(SMALL | {"price": "90%"}).caps
    assert dict(cap.owner)["JPN"] == pytest.approx(0.2)
    (cap,) = shocks(SMALL | {"transit_fee": "5%"}).caps
    assert dict(cap.owner)["KOR"] == pytest.approx(0.1)
    every = {k: v for k, v in SMALL.items() if k != "transit_fee"}
    (cap,) = shocks(every | {"split": {"JPN": 2, "CHN": 1, "KOR": 1}}).caps
    assert dict(cap.owner)["KOR"] == pytest.approx(0.25)


def test_a_party_that_loses_pays() -> None:
    found = shocks(SMALL | {"price": "40 USD/1000m3"})
    assert found.transfer is not None
    assert found.transfer[CHN] == pytest.approx(-1.4)
    assert found.transfer.sum() == pytest.approx(0.0)
    assert "CHN pays 1.4 million USD a year more" in told(found)


@pytest.mark.parametrize(
    ("fields", "share"),
    [
        ({"availability": "92%"}, 0.92),
        ({"interrupted": "36.5 days"}, 0.9),
        ({"load_factor": "50%"}, 0.5),
    ],
)
def test_what_flows_less_is_worth_less(fields: dict[str, Any], share: float) -> None:
    (cap,) = shocks(SMALL | fields).caps
    assert cap.quantity == pytest.approx(10.0 + 5.0 * share)


# -- limits ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"supply_cost": "100 USD/1000m3"}, "nobody would use it"),
        ({"supply_cost": "130 USD/1000m3"}, "30 too dear"),
        ({"interrupted": "365 days"}, "nothing flows all year"),
        ({"availability": 0}, "nothing flows all year"),
    ],
)
def test_a_link_that_nobody_would_use_changes_nothing(fields: dict[str, Any], why: str) -> None:
    found = shocks(SMALL | fields)
    assert found.arrays() == {}
    assert found.caps == ()
    assert told(found).startswith("nothing: ")
    assert why in told(found)


# -- in the equilibrium ------------------------------------------------------------------------
@pytest.fixture(scope="module")
def kogas() -> tuple[Any, Any]:
    return changes([{"use": "kogas-2018"}])


def test_rents_are_the_surplus_and_reach_the_parties(kogas: tuple[Any, Any]) -> None:
    """Rent = customs value less the exporter's revenue; to first order p_a·V − C."""
    result, gain = kogas
    eq, found = result.equilibrium, economics(load_case("kogas-2018").link())
    s = KOREA.sector_index("oil-gas")
    cell = (s, KOREA.country_index("RUS"), KOREA.country_index("KOR"))
    rent = float(eq.customs_value[cell] - eq.flows[cell])
    assert rent == pytest.approx(found.surplus, rel=0.03)
    (cap,) = (c for c in eq.shocks.caps if c.importers == ("KOR",))
    assert float(eq.flows[cell]) == pytest.approx(cap.quantity, rel=0.01)
    # the fee is all that the transit land gets: what it is paid, within the change of prices
    assert rent * dict(cap.owner)["PRK"] == pytest.approx(144.9, rel=0.03)
    assert gain["PRK"] == pytest.approx(144.9, rel=0.03)
    share = 144.9 / KOREA.income[KOREA.country_index("PRK")]
    assert result.welfare.loc["PRK", "welfare"] == pytest.approx(share, rel=0.03)
    # what all gain together is the surplus, terms of trade being nobody's on balance
    assert gain.sum() == pytest.approx(found.surplus, rel=0.06)
    assert gain["KOR"] > 0 and gain["RUS"] > 0 and gain["MENA"] < 0


def test_world_gain_beyond_the_rent_is_customs_revenue(kogas: tuple[Any, Any]) -> None:
    """The pipe's gas pays duty, a part of what it replaces does not: docs/pipelines.md."""
    eq, gain = kogas[0].equilibrium, kogas[1]
    s, i, n = KOREA.sector_index("oil-gas"), *map(KOREA.country_index, ("RUS", "KOR"))
    rent = float(eq.customs_value[s, i, n] - eq.flows[s, i, n])
    before = float((KOREA.tariff * KOREA.flows).sum())
    more = float((KOREA.tariff * eq.customs_value).sum()) - before
    assert more == pytest.approx(50.0, abs=3.0)
    assert gain.sum() == pytest.approx(rent + more, rel=0.003)


def test_gas_of_another_supplier_is_the_same_gas(kogas: tuple[Any, Any]) -> None:
    """At baseline costs the buyer's price stays: no gain from variety, E/θ or 0.3 % here."""
    s, n = KOREA.sector_index("oil-gas"), KOREA.country_index("KOR")
    worth = 3953.6 / KOREA.expenditure[s, n] / KOREA.trade_elasticity[s]
    assert worth > 0.0028
    assert kogas[0].equilibrium.price_hat[s, n] == pytest.approx(1.0, abs=0.0007)


def test_a_pipe_that_saves_almost_nothing_gives_the_world_almost_nothing() -> None:
    """r → 1: the rent vanishes; what some gain by terms of trade others lose."""
    link = load_case("kogas-2018").link()
    dear = economics(link).unit_cost / 0.9999
    _, gain = changes(
        [
            {
                "use": "kogas-2018",
                "alternative_price": f"{dear:.6f} USD/1000m3",
                "transit_fee": "0%",
            }
        ]
    )
    assert abs(gain.sum()) < 0.02 * dear * 10.35
    assert gain["PRK"] == pytest.approx(0.0, abs=3.0)


def test_finance_charges_the_same_capital_to_its_payers(kogas: tuple[Any, Any]) -> None:
    """The same capital, rate and payers: nearly the same gains by another road."""
    link = load_case("kogas-2018").link()
    share = 3000.0 / 4200.0
    paid = {
        "capex": "4.2 billion USD",
        "paid_by": {"RUS": share, "KOR": 1 - share},
        "rate": "8%",
    }
    result, gain = changes([{"use": "kogas-2018", "finance": paid}])
    assert gain["PRK"] == pytest.approx(kogas[1]["PRK"], rel=0.03)
    assert gain.sum() == pytest.approx(kogas[1].sum(), rel=0.05)
    assert result.equilibrium.shocks.hired is not None
    assert "million USD a year of capital paid by RUS 71.4 %" in told(result.equilibrium.shocks)
    assert link.capex == 4200.0
    # the case's own capital where none is stated
    _, same = changes([{"use": "kogas-2018", "finance": {**paid, "capex": "4200 million USD"}}])
    del paid["capex"]
    _, own = changes([{"use": "kogas-2018", "finance": paid}])
    assert own["KOR"] == pytest.approx(same["KOR"])


def test_a_power_line_is_in_utilities() -> None:
    (cap,) = (
        c for c in shocks({"use": "rfe-power"}, world=KOREA).caps if c.importers == ("KOR",)
    )
    assert cap.sector == "utilities"


def test_the_form_of_the_handbook_borrows_from_the_latest_case() -> None:
    form = (
        "scenario: x\nmeasures:\n  - pipeline: {from: RUS, via: [PRK], to: KOR, capacity: 10 "
    )
    form += "bcm/year, transit_fee: 2 USD/1000m3/100km, on: 2024-01-01}\n"
    data, lines = parse_yaml(form)
    found = Scenario.from_dict(data, lines).to_shocks(KOREA)
    assert "PRK gets 140 for transit" in told(found)
    assert "as in kogas-2018: km, supply_cost, alternative_price" in told(found)


def test_law_that_it_would_meet_is_told() -> None:
    words = told(shocks({"use": "kogas-2018"}, world=KOREA))
    assert "unsc-dprk on compressors, finance, gas, investment, pipe" in words
    assert "2375-13" in words and "2375-18" in words and "2397-7" in words
    assert "law on record" not in told(shocks(SMALL))


def test_law_that_is_lifted_is_told_no_more() -> None:
    lifted = {"lift": {"regime": "unsc-dprk"}}
    data = {"scenario": "x", "measures": [lifted, {"pipeline": {"use": "kogas-2018"}}]}
    words = told(Scenario.from_dict(data).to_shocks(KOREA), 1)
    assert "2397-7" not in words and "2375-13" not in words


# -- what is refused ---------------------------------------------------------------------------
FILE = """scenario: wrong
measures:
  - pipeline:
      from: CHN
      to: JPN
      {line}
"""


@pytest.mark.parametrize(
    ("line", "key", "why"),
    [
        ("capacity: 10", "capacity", "Did you mean '10 bcm/year'"),
        ("capacity: -10 bcm/year", "capacity", "below zero"),
        ("capacity: 0 bcm/year", "capacity", "above zero"),
        ("capacity: 10 barrels", "capacity", "10 bcm/year"),
        ("transit_fee: 2", "transit_fee", "2 USD/1000m3/100km"),
        ("alternative_price: 11", "alternative_price", "11 USD/mmbtu"),
        ("km: {KOR: 700}", "km.KOR", "700 km"),
        ("interrupted: 30", "interrupted", "30 days"),
        ("availability: 120%", "availability", "outside"),
        ("capcity: 10 bcm/year", "capcity", "Did you mean 'capacity'"),
        ("split: {JPN: -1, CHN: 2}", "split", "zero or above"),
        ("km: 700", "km", "700 names no country: km: {PRK: 700 km}"),
        ("km: {}", "km", "names no country"),
        ("via: []", "via", "leave 'via' out where nothing lies between"),
        ("via: all", "via", "'all' is no transit land"),
        ("use: [a, b]", "use", "takes one name, or one file"),
        ("use: []", "use", "takes one name, or one file"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_key(line: str, key: str, why: str) -> None:
    data, lines = parse_yaml(FILE.replace("{line}", line), "wrong.yaml")
    with pytest.raises(ScenarioError, match=r"wrong\.yaml, line 6") as error:
        Scenario.from_dict(data, lines, "wrong.yaml")
    assert why in str(error.value)
    assert error.value.place is not None
    assert str(error.value.place.key).endswith(key)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"from": None}, "needs 'use', or 'from' and 'to'"),
        ({"from": "JPN"}, "'from' and 'to' are both JPN"),
        ({"via": "JPN"}, "JPN stands twice"),
        ({"via": ["KOR", "CHN"]}, "CHN stands twice"),
        ({"use": "kogas-2018"}, "names the route already"),
        ({"price": "90%", "split": {"CHN": 1, "JPN": 1}}, "not both"),
        ({"availability": "90%", "interrupted": "3 days"}, "give one"),
        ({"split": {"CHN": 1, "KOR": 1, "JPN": 1}}, "not both"),
        ({"supply_cost": "50 USD/MWh"}, "is of power"),
        ({"fuel": "100%"}, "uses up all"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        scenario({k: v for k, v in (SMALL | fields).items() if v is not None})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"via": "XXX", "km": None, "transit_fee": "5%"}, "unknown country 'XXX'"),
        ({"sector": None}, "no sector 'oil-gas'"),
        ({"sector": "cole"}, "Did you mean 'coal'"),
        ({"km": None}, "needs the length in KOR"),
        ({"km": {"PRK": "9 km"}}, "neither seller, transit land nor buyer"),
        ({"supply_cost": None}, "needs 'supply_cost'"),
        ({"transit_fee": None}, "needs 'transit_fee'"),
        ({"capacity": "100 bcm/year"}, "all that it spends"),
        ({"finance": {"paid_by": "CHN"}}, "needs 'capex'"),
        ({"finance": {"paid_by": "XXX", "capex": "1 million USD"}}, "unknown country"),
        (
            {"split": {"KOR": 1}, "transit_fee": None, "via": ["KOR", "PRK"]},
            "every transit land",
        ),
        ({"from": "China"}, "unknown country 'China'"),
        ({"capacity": "30000 bcm/year"}, "3,000,000 million USD"),
    ],
)
def test_what_the_world_cannot_have_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        shocks({k: v for k, v in (SMALL | fields).items() if v is not None})


def test_a_second_pipeline_on_the_link_is_refused() -> None:
    with pytest.raises(ScenarioError, match="Add the two up in one pipeline"):
        shocks(SMALL, SMALL)
    other = {k: v for k, v in SMALL.items() if k not in ("via", "km", "transit_fee")}
    two = shocks(SMALL, other | {"from": "KOR"})
    assert len(two.caps) == 2
    assert two.cost_hat is not None
    assert (two.cost_hat[COAL, [KOR, CHN], JPN] < 1.0).all()
    assert two.cost_hat[COAL, JPN, JPN] > 1.0


def test_an_unknown_case_names_the_line_and_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="Did you mean 'kogas-2018'"):
        shocks({"use": "kogas-2081"})


# -- law and bans on its own shipment ----------------------------------------------------------
BAN: dict[str, Any] = {"exporter": "CHN", "importer": "JPN", "sectors": ["coal"]}


def beside(other: dict[str, Any], mine: dict[str, Any] = SMALL, world: Any = WORLD) -> Shocks:
    data = {"scenario": "x", "measures": [{"pipeline": mine}, other]}
    return Scenario.from_dict(data).to_shocks(world)


def test_a_ban_on_its_shipment_closes_it_wherever_it_stands_in_the_file() -> None:
    """All banned: nothing is carried, nothing comes back, nothing is capped."""
    found = beside({"ban": BAN})
    assert found.caps == ()
    assert found.link is not None and found.link[COAL, CHN, JPN] == 0.0
    assert found.cost_hat is None
    assert "closes 100 % of coal from CHN to JPN" in told(found)
    assert "law or a ban closes it" in told(found)


def test_half_a_ban_leaves_half_of_link_and_pipe() -> None:
    """Beside others that fill in F = 5/(1 − π/2), and E = 5 with a supply of 2.5."""
    found = beside({"ban": {**BAN, "coverage": "50%"}})
    (cap,) = found.caps
    flow = 5.0 / (1.0 - WORLD.trade_share[COAL, CHN, JPN] / 2.0)
    assert cap.quantity == pytest.approx(flow + 2.5)
    assert found.cost_hat is not None
    ratio = found.cost_hat[COAL, CHN, JPN] / found.cost_hat[COAL, KOR, JPN]
    assert ratio == pytest.approx((flow + 2.5) / (flow + 5.0))
    assert "closes 50 % of coal" in told(found)


def test_half_a_ban_in_the_equilibrium() -> None:
    """Half of the gas, and the cap is what flows; less than without the ban, for all three."""
    half = {"exporter": "RUS", "importer": "KOR", "sectors": ["oil-gas"], "coverage": 0.5}
    data = {"scenario": "x", "measures": [{"ban": half}, {"pipeline": {"use": "kogas-2018"}}]}
    result = dt.solve(KOREA, Scenario.from_dict(data))
    eq, gain = result.equilibrium, result.welfare["equivalent_variation"]
    s, i, n = KOREA.sector_index("oil-gas"), *map(KOREA.country_index, ("RUS", "KOR"))
    (cap,) = (c for c in eq.shocks.caps if c.importers == ("KOR",))
    assert cap.quantity < 0.5 * KOREA.flows[s, i, n] * 1.05 + 0.4 * 3953.6
    assert eq.flows[s, i, n] == pytest.approx(cap.quantity, rel=0.01)
    # half of the fee, whole capital
    assert gain["PRK"] == pytest.approx(0.5 * 144.9, rel=0.03)
    assert gain.sum() < 0.5 * 1522.4


def test_the_banned_trade_does_not_come_back_under_the_cap() -> None:
    """The 1,832 million of other oil and gas stay banned, and so does the pipe's."""
    ban = {"exporter": "RUS", "importer": "KOR", "sectors": ["oil-gas"], "coverage": 1}
    found = beside({"ban": ban}, {"use": "kogas-2018"}, KOREA)
    s, i, n = KOREA.sector_index("oil-gas"), *map(KOREA.country_index, ("RUS", "KOR"))
    assert found.link is not None and found.link[s, i, n] == 0.0
    assert not [c for c in found.caps if c.importers == ("KOR",)]


def test_law_on_the_sellers_goods_is_told_and_holds() -> None:
    mine = {
        "from": "PRK",
        "to": "KOR",
        "capacity": "1 bcm/year",
        "supply_cost": "100 USD/1000m3",
        "alternative_price": "300 USD/1000m3",
    }
    words = told(shocks(mine, world=KOREA))
    assert "rok-may-24" in words and "closes 100 % of oil-gas from PRK to KOR" in words
    assert "law on record would have to be lifted or excepted first for PRK" in words
    assert words.startswith("nothing: ")


def test_a_cap_of_law_on_the_link_is_refused_with_what_to_lift() -> None:
    text = """scenario: capped
measures:
  - pipeline: {from: RUS, to: PRK, capacity: 1 bcm/year, supply_cost: 50 USD/1000m3, alternative_price: 90 USD/1000m3}
"""  # noqa: E501
    data, lines = parse_yaml(text, "capped.yaml")
    with pytest.raises(ScenarioError, match=r"capped\.yaml, line 3") as error:
        Scenario.from_dict(data, lines, "capped.yaml").to_shocks(KOREA)
    assert "'unsc-dprk' caps oil-gas from RUS to PRK (2397-4)" in str(error.value)
    assert "lift: {regime: unsc-dprk, provisions: [2397-4]}" in str(error.value)
    # lifted, only what other law closes of the sector is missing
    data["measures"].insert(0, {"lift": {"regime": "unsc-dprk"}})
    found = Scenario.from_dict(data).to_shocks(KOREA)
    assert [c.importers for c in found.caps if c.sector == "oil-gas"] == [("PRK",)]


def refused(text: str, world: Any = KOREA) -> ScenarioError:
    """What is said of a pipeline in a file."""
    data, lines = parse_yaml(f"scenario: x\nmeasures:\n  - pipeline: {text}\n", "s.yaml")
    with pytest.raises(ScenarioError) as error:
        Scenario.from_dict(data, lines, "s.yaml").to_shocks(world)
    return error.value


@pytest.mark.parametrize(
    ("text", "key", "what", "hint"),
    [
        # the country, and not a case that is missing
        ("{from: Russia, via: PRK, to: KOR}", "from", "unknown country 'Russia'", "RUS"),
        ("{from: RUS, via: PKR, to: KOR}", "via", "unknown country 'PKR'", "PRK"),
        ("{from: RUS, via: PRK, to: KRO}", "to", "unknown country 'KRO'", "KOR"),
        # the weights, and not the case
        ("{use: kogas-2018, split: {RUS: 1, CHN: 1}}", "split.CHN", "KOR, PRK, RUS", None),
        ("{use: kogas-2018, split: {Russia: 1, KOR: 1}}", "split.Russia", "neither", "RUS"),
        ("{use: kogas-2018, km: {Russia: 9 km}}", "km.Russia", "neither", "RUS"),
        # the same number in what the link carries
        ("{use: kogas-2018, capacity: 2 GW}", "capacity", "is of power", "2 bcm/year"),
        ("{use: rfe-power, capacity: 9 bcm/year}", "capacity", "is of gas", "9 TWh/year"),
        ("{use: kogas-2018, price: 50 USD/MWh}", "price", "is of power", "50 USD/1000m3"),
        (
            "{use: rfe-power, transit_fee: 2 USD/1000m3/100km}",
            "transit_fee",
            "is of gas",
            "2 USD/MWh/100km",
        ),
    ],
)
def test_a_mistake_is_told_where_it_is(
    text: str, key: str, what: str, hint: str | None
) -> None:
    error = refused(text)
    assert error.place is not None
    assert error.place.key == f"pipeline.{key}"
    assert what in error.what
    assert error.nearest == hint


@pytest.mark.parametrize("life", ["40 years", 40, "40"])
def test_a_life_has_its_unit_or_not(life: Any) -> None:
    whole = shocks({"use": "kogas-2018", "life": "40 years"}, world=KOREA)
    assert told(shocks({"use": "kogas-2018", "life": life}, world=KOREA)) == told(whole)
    paid = {"paid_by": "RUS", "life": life}
    words = told(shocks({"use": "kogas-2018", "finance": paid}, world=KOREA))
    assert "8 % over 40 years, as 'finance' states" in words
    schema = jsonschema.Draft202012Validator(kinds()["pipeline"].model_json_schema())
    schema.validate({"use": "kogas-2018", "life": life, "finance": {"paid_by": "RUS"}})
    if not isinstance(life, str) or "years" in life:
        schema.validate({"use": "kogas-2018", "finance": paid})


def test_no_land_or_one_is_in_the_schema() -> None:
    schema = jsonschema.Draft202012Validator(kinds()["pipeline"].model_json_schema())
    route = {"from": "RUS", "to": "KOR"}
    assert all(schema.is_valid({**route, "via": via}) for via in ("PRK", ["PRK", "CHN"]))
    assert not any(schema.is_valid({**route, "via": via}) for via in ([], "all", ["all"]))


def test_a_link_that_nobody_would_use_is_not_taken_as_built() -> None:
    built = "The link is taken as built all the same"
    assert built in told(shocks({"use": "kogas-2018"}, world=KOREA))
    dear = told(shocks({"use": "kogas-2018", "alternative_price": "6 USD/mmbtu"}, world=KOREA))
    assert "nobody would use it" in dear and "law on record" in dear
    assert built not in dear


def test_an_owner_of_nothing_is_not_named() -> None:
    """All of the bargain to the transit land: its rent is the whole, no trace for others."""
    (cap,) = (
        c
        for c in shocks({"use": "kogas-2018", "split": {"PRK": 1}}, world=KOREA).caps
        if c.importers == ("KOR",)
    )
    assert dict(cap.owner) == {"PRK": pytest.approx(1.0)}


def test_on_a_path_a_pipe_is_full_on_its_first_day() -> None:
    """docs/pipelines.md: what is built does not wait as trade does that comes back."""
    made = scenario({"use": "kogas-2018", "on": "2025-01-01"}, {**SMALL, "sector": "coal",
        "on": "2024-01-01", "until": "2024-12-31"})  # fmt: skip
    found = dt.solve_path(KOREA, made, years=3)
    alone = changes([{"use": "kogas-2018"}])[0].welfare.loc["PRK", "welfare"]
    by_year = found.years[found.years["country"] == "PRK"].set_index("year")["welfare"]
    assert by_year[2025] == pytest.approx(alone, abs=1e-7)
    assert by_year[2026] == pytest.approx(alone, abs=1e-7)


def test_a_run_folder_holds_a_case_of_ones_own(tmp_path: Path) -> None:
    """What made a run can be run again where its file is gone."""
    text = (files("detente.data") / "pipelines" / "kogas-2018.yaml").read_text("utf-8")
    own = text.replace("2 USD/1000m3/100km\nsplit", "4 USD/1000m3/100km\nsplit", 1)
    assert own != text
    (tmp_path / "mine.yaml").write_text(own, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(
        "scenario: t\nmeasures:\n  - pipeline: {use: mine.yaml}\n", encoding="utf-8"
    )
    out = tmp_path / "out"
    ran = CliRunner().invoke(app, ["run", str(tmp_path / "s.yaml"), "-o", str(out)])
    assert ran.exit_code == 0, ran.output
    assert (out / "pipelines" / "mine.yaml").read_text(encoding="utf-8") == own
    before = told(dt.load_scenario(tmp_path / "s.yaml").to_shocks(KOREA))
    (tmp_path / "mine.yaml").unlink()
    again = dt.load_scenario(out / "scenario.yaml")
    assert again.measures[0].to_dict() == {"pipeline": {"use": "pipelines/mine.yaml"}}
    assert told(again.to_shocks(KOREA)) == before
    assert "PRK gets 289.8 for transit" in before
    # a case that detente has is no file
    assert scenario({"use": "kogas-2018"}).measures[0].for_folder()[1] == {}


# -- capital, interest, contract ---------------------------------------------------------------
def test_who_pays_changes_neither_rate_nor_life(kogas: tuple[Any, Any]) -> None:
    """Naming payers is no loan at 4 %: the world's gain stays what it is."""
    paid = {"paid_by": {"RUS": 3000.0 / 4200.0, "KOR": 1200.0 / 4200.0}}
    _, gain = changes([{"use": "kogas-2018", "finance": paid}])
    assert gain.sum() == pytest.approx(kogas[1].sum(), rel=0.02)
    found = shocks({"use": "kogas-2018", "finance": {**paid, "rate": "4%"}}, world=KOREA)
    assert "4 % over 30 years, as 'finance' states, in place of 8 % over 30" in told(found)
    assert "in place of" not in told(
        shocks({"use": "kogas-2018", "finance": paid}, world=KOREA)
    )


def test_a_stated_rate_survives_a_file_even_where_it_is_a_default() -> None:
    paid = {"paid_by": "RUS"}
    one = scenario({"use": "kogas-2018", "finance": {**paid, "rate": "4%", "life": 30}})
    other = scenario({"use": "kogas-2018", "finance": paid})
    assert one.content_hash != other.content_hash
    back = Scenario.from_dict(one.to_dict())
    assert back.measures[0].finance.model_fields_set >= {"rate", "life"}  # type: ignore[attr-defined]
    assert told(back.to_shocks(KOREA)) == told(one.to_shocks(KOREA))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"discount_rate": "8%", "finance": {"rate": "5%"}}, "'discount_rate' is stated"),
        ({"life": "40 years", "finance": {"life": 30}}, "'life' is stated as 40"),
        (
            {"capex": "4 billion USD", "finance": {"capex": "5 billion USD"}},
            "'capex' is stated as 4,000",
        ),
    ],
)
def test_rates_lives_and_capital_that_contradict_are_refused(
    fields: dict[str, Any], why: str
) -> None:
    fields["finance"] = {"paid_by": "RUS", **fields["finance"]}
    with pytest.raises(ScenarioError, match=why):
        scenario({"use": "kogas-2018", **fields})


def test_capital_follows_size_and_is_told() -> None:
    large = told(shocks({"use": "kogas-2018", "capacity": "100 bcm/year"}, world=KOREA))
    assert "capital scaled from 4,200 to 20,549 million USD" in large
    longer = told(shocks({"use": "kogas-2018", "km": {"PRK": "800 km"}}, world=KOREA))
    assert "1,300 in place of 1,200 km" in longer
    stated = {"use": "kogas-2018", "capacity": "100 bcm/year", "capex": "9 billion USD"}
    assert "scaled" not in told(shocks(stated, world=KOREA))
    as_it_is = told(shocks({"use": "kogas-2018"}, world=KOREA))
    assert "scaled" not in as_it_is and "not counted" not in as_it_is
    assert "what it costs to build is not counted: state 'capex'" in told(shocks(SMALL))
    # capital of 10 million over 30 years at 8 % is 0.89 a year, and 0.3 to run it
    (cap,) = shocks(SMALL | {"capex": "10 million USD"}).caps
    assert cap.quantity == pytest.approx(10.0 + 5.0 + 0.888274 + 0.3, abs=1e-5)


def test_a_bargain_that_nobody_would_sign_changes_nothing() -> None:
    """A fee of 6 of a surplus of 5: no deal; a stated price forces it."""
    dear = SMALL | {"transit_fee": "30 USD/1000m3/100km"}
    found = shocks(dear)
    assert found.arrays() == {} and found.caps == ()
    assert "no deal: the surplus is 5 million USD a year, transit takes 6" in told(found)
    forced = shocks(dear | {"price": "100 USD/1000m3"})
    assert len(forced.caps) == 1
    assert "CHN pays 1 million USD a year more" in told(forced)


def test_what_tables_of_trade_leave_out_is_told(kogas: tuple[Any, Any]) -> None:
    """Flows show what the pipe's gas costs in resources; the rent is in none."""
    eq, found = kogas[0].equilibrium, economics(load_case("kogas-2018").link())
    words = told(eq.shocks)
    assert f"at what its resources cost, {found.cost:,.0f} million USD" in words
    assert f"KOR pays {found.price * found.volume:,.0f}" in words
    assert f"The rent, {found.surplus:,.0f}, is income of its owners" in words
    s, i, n = KOREA.sector_index("oil-gas"), *map(KOREA.country_index, ("RUS", "KOR"))
    shown = float(eq.flows[s, i, n] - KOREA.flows[s, i, n])
    assert shown == pytest.approx(found.cost, rel=0.02)
    paid = float(eq.customs_value[s, i, n] - KOREA.flows[s, i, n])
    assert paid == pytest.approx(found.value, rel=0.02)
