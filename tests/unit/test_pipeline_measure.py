"""A pipeline in the model: its formula by hand, limits, who gets the rent, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import detente as dt
from detente.corridors.pipelinecase import load_case
from detente.corridors.pipelines import economics
from detente.errors import ScenarioError
from detente.scenario import Scenario
from detente.scenario.loader import parse_yaml
from detente.shocks import Shocks
from small_korea import CHN, COAL, JPN, KOR, PRK, small_korea

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
    assert result.equilibrium.shocks.labour_hat is not None
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
        ({"via": "JPN", "km": None, "transit_fee": "5%"}, "JPN stands twice"),
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
    ],
)
def test_what_the_world_cannot_have_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        shocks({k: v for k, v in (SMALL | fields).items() if v is not None})


def test_a_second_pipeline_on_the_link_is_refused() -> None:
    with pytest.raises(ScenarioError, match="Add the two up in one pipeline"):
        shocks(SMALL, SMALL)
    two = shocks(SMALL, SMALL | {"from": "PRK"})
    assert len(two.caps) == 2
    assert two.cost_hat is not None
    assert (two.cost_hat[COAL, [PRK, CHN], JPN] < 1.0).all()
    assert two.cost_hat[COAL, KOR, JPN] > 1.0
    assert JPN != KOR


def test_an_unknown_case_names_the_line_and_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="Did you mean 'kogas-2018'"):
        shocks({"use": "kogas-2081"})
