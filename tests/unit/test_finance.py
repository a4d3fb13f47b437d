"""What building costs: factors that make nothing else, and money handed to the host."""

from __future__ import annotations

from typing import Any

import pytest

import detente as dt
from detente.scenario.finance import Finance


def run(**fields: Any) -> tuple[dt.World, dt.Result]:
    world = dt.load_world("korea")
    measure = {"investment": {"in": "PRK", "amount": "200 million USD", **fields}}
    scenario = dt.Scenario.from_dict({"scenario": "t", "measures": [measure]})
    return world, dt.solve(world, scenario)


def test_the_annuity_is_the_capital_recovery_factor() -> None:
    # 1,000 over 20 years at 5 %: 80.2426 a year, as in any table of the factor (0.0802426)
    finance = Finance.model_validate(
        {"capex": "1 billion USD", "paid_by": "KOR", "rate": "5%", "life": 20}
    )
    assert finance.annuity == pytest.approx(80.2426, abs=5e-5)
    flat = finance.model_copy(update={"rate": 0.0})
    assert flat.annuity == 50.0


def test_the_payer_pays_and_the_world_is_poorer_by_what_is_built() -> None:
    _, result = run(paid_by="KOR")
    ev = result.welfare["equivalent_variation"]
    assert ev["KOR"] == pytest.approx(-200, rel=0.05)
    assert ev.sum() == pytest.approx(-200, rel=0.02)
    # the host is paid for its factors: next to nothing is left of the gift
    assert abs(ev["PRK"]) < 15


def test_the_host_pays_for_itself() -> None:
    _, result = run(paid_by="PRK")
    ev = result.welfare["equivalent_variation"]
    assert ev["PRK"] == pytest.approx(-200, rel=0.1)


@pytest.mark.parametrize("content", ["0%", "100%"])
def test_where_the_factors_come_from(content: str) -> None:
    world, result = run(paid_by={"KOR": "50%", "CHN": "50%"}, local_content=content)
    shocks = result.equilibrium.shocks
    prk = world.country_index("PRK")
    moved = 200 if content == "100%" else 0
    assert shocks.transfer is None and shocks.labour_hat is None
    assert shocks.hired.sum() == pytest.approx(200, rel=1e-9)
    assert shocks.hired[prk].sum() == pytest.approx(moved, abs=1e-6)
    assert shocks.hired[:, prk].sum() == 0


def test_the_host_is_paid_at_the_wages_that_are_then() -> None:
    """A country whose wages have risen by half is not paid for its work at the old ones."""
    world = dt.load_world("korea")
    gain = {"productivity": {"country": "PRK", "tfp": "+20%"}}
    work = {"investment": {"in": "PRK", "amount": "300 million USD", "paid_by": "KOR"}}
    found = {}
    for content in ("0%", "100%"):
        building = {"investment": work["investment"] | {"local_content": content}}
        made = dt.Scenario.from_dict({"scenario": "t", "measures": [gain, building]})
        result = dt.solve(world, made)
        found[content] = result.welfare["equivalent_variation"]
        assert result.equilibrium.wage_hat[world.country_index("PRK")] > 1.3
    # hired at home its people earn what they would have earned: next to nothing is lost
    assert found["100%"]["PRK"] - found["0%"]["PRK"] > -15
    # and who pays, pays the higher wage
    assert found["100%"]["KOR"] < found["0%"]["KOR"] - 50


def test_an_amount_between_two_days_is_spread_over_them() -> None:
    world = dt.load_world("korea")
    measure = {
        "investment": {
            "in": "PRK",
            "paid_by": "CHN",
            "amount": "1 billion USD",
            "local_content": "0%",
            "on": "2020-01-01",
            "until": "2023-12-31",
        }
    }
    scenario = dt.Scenario.from_dict({"scenario": "t", "measures": [measure]})
    shocks = scenario.to_shocks(world, "2021-06-01")
    assert shocks.hired.sum() == pytest.approx(250, rel=1e-6)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"paid_by": {"KOR": "60%"}}, "sum to 60 %"),
        ({"paid_by": "XXX"}, "unknown country 'XXX'"),
        ({"paid_by": "KOR", "amount": "200"}, "not an amount"),
        ({"paid_by": "PRK", "amount": "90 billion USD"}, "whole factor income"),
        ({"paid_by": "KOR", "until": "2020-01-01"}, "needs 'on'"),
    ],
)
def test_mistakes_are_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(dt.ScenarioError, match=words):
        run(**fields)


def test_a_mistake_inside_finance_is_named_there() -> None:
    measure = {"pipeline": {"use": "kogas-2018", "finance": {"capx": "1 billion USD"}}}
    with pytest.raises(dt.ScenarioError, match=r"unknown key 'capx'; 'finance' has") as caught:
        dt.Scenario.from_dict({"scenario": "t", "measures": [measure]})
    assert caught.value.nearest == "capex"
    measure = {"pipeline": {"use": "kogas-2018", "finance": {"rate": "4%"}}}
    with pytest.raises(dt.ScenarioError, match="'finance' needs 'paid_by'"):
        dt.Scenario.from_dict({"scenario": "t", "measures": [measure]})
