"""A scenario is a path: what holds on which day."""

from datetime import date

import pytest

from detente.errors import ScenarioError
from detente.scenario import Scenario
from small_korea import CHN, PRK, small_korea

WORLD = small_korea()
PATH = Scenario.from_dict(
    {
        "scenario": "path",
        "measures": [
            {"unban": {"coverage": "unsc-dprk", "on": "2020-01-01", "until": "2021-12-31"}},
            {"tariff": {"importer": "CHN", "exporter": "PRK", "rate": 0, "on": "2021-06-01"}},
            {"productivity": {"country": "PRK", "tfp": 1.1}},
        ],
    }
)


@pytest.mark.parametrize(
    ("at", "statuses"),
    [
        ("2019-12-31", ["not yet", "not yet", "active"]),
        ("2020-01-01", ["active", "not yet", "active"]),
        (date(2021, 6, 1), ["active", "active", "active"]),
        ("2021-12-31", ["active", "active", "active"]),
        ("2022-01-01", ["snapped back", "active", "active"]),
        (None, ["snapped back", "active", "active"]),
    ],
)
def test_what_holds_on_a_day(at, statuses):
    got = PATH.to_shocks(WORLD, at=at)
    notes = got.notes["measures"]
    assert [n["status"] for n in notes] == statuses
    assert [n["touched"] is not None for n in notes] == [s == "active" for s in statuses]
    assert (got.link_open is not None) == (statuses[0] == "active")
    assert (got.tariff_new is not None) == (statuses[1] == "active")
    assert got.productivity_hat is not None
    if got.tariff_new is not None:
        assert not got.tariff_new[:, PRK, CHN].any()


def test_the_end_is_the_day_after_the_last_date():
    assert PATH.end == date(2022, 1, 1)
    assert PATH.to_shocks(WORLD).notes["at"] == "2022-01-01"
    assert PATH.to_shocks(WORLD).notes["end_of_scenario"] is True
    assert PATH.to_shocks(WORLD, at="2022-01-01").notes["end_of_scenario"] is False
    assert Scenario("no dates").end is None


def test_a_relief_that_snapped_back_is_the_state_without_it():
    without = PATH.with_(measures=PATH.measures[1:])
    assert PATH.to_shocks(WORLD).content_hash == without.to_shocks(WORLD).content_hash


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("2023-02-30", "February 2023 has 28 days. Did you mean '2023-02-28'"),
        ("2023-13-01", "months run from 01 to 12"),
        ("soon", "write it as 2020-01-31"),
        ("2023-2-3", "Did you mean '2023-02-03'"),
        ("0000-01-01", "does not exist"),
    ],
)
def test_a_day_that_is_none_is_refused(at, message):
    with pytest.raises(ScenarioError, match=message):
        PATH.to_shocks(WORLD, at=at)


def test_a_mistake_in_a_measure_that_is_not_in_force_is_refused_too():
    data = {
        "scenario": "typo",
        "measures": [
            {"unban": {"coverage": "unsk", "on": "2020-01-01", "until": "2021-12-31"}}
        ],
    }
    for at in (None, "2019-01-01", "2020-06-01"):
        with pytest.raises(ScenarioError, match="Did you mean 'unsc-dprk'"):
            Scenario.from_dict(data).to_shocks(WORLD, at=at)


def test_the_29th_of_february_exists_every_four_years_but_not_in_1900():
    for day, exists in (("2020-02-29", True), ("1900-02-29", False), ("2000-02-29", True)):
        data = {
            "scenario": "leap",
            "measures": [{"productivity": {"country": "PRK", "tfp": 1.1, "on": day}}],
        }
        if exists:
            assert Scenario.from_dict(data).measures[0].on == date.fromisoformat(day)
        else:
            with pytest.raises(ScenarioError, match="does not exist"):
                Scenario.from_dict(data)
