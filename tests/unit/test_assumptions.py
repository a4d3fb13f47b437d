"""What a scenario assumes of time, capital and deficits: checked, and kept as written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detente.errors import ScenarioError
from detente.paths import solve_path
from detente.scenario import Scenario, json_schema
from small_korea import CHN, KOR, PRK, small_korea

WORLD = small_korea().rebase()


def scenario(*measures: dict[str, Any], **assumed: Any) -> Scenario:
    return Scenario.from_dict({"scenario": "a path", "measures": list(measures), **assumed})


def test_deficits_given_by_country() -> None:
    given = scenario(
        deficit_rule={"path": {"PRK": "12 million USD", "CHN": "-0.003 billion USD"}}
    )
    assumed = given.assumptions
    assert assumed.rule == "path"
    assert assumed.deficits == {"PRK": 12.0, "CHN": -3.0}
    found = assumed.deficit_path(WORLD, given.source)
    assert found is not None
    assert found[PRK] == 12.0 and found[CHN] == -3.0
    assert found.sum() == pytest.approx(0.0, abs=1e-12)
    moved = (found - WORLD.deficit)[[KOR, 3]]
    np.testing.assert_allclose(
        moved / moved.sum(), WORLD.income[[KOR, 3]] / WORLD.income[[KOR, 3]].sum()
    )
    assert Scenario.from_dict(given.to_dict()).content_hash == given.content_hash
    assert scenario().assumptions.deficit_path(WORLD, given.source) is None


@pytest.mark.parametrize(
    ("assumed", "message"),
    [
        ({"deficit_rule": {"path": {"PRK": 12}}}, "Did you mean '12 million USD'"),
        ({"deficit_rule": {"path": {}}}, "names no country"),
        ({"deficit_rule": "path"}, "needs deficits, country by country"),
        ({"deficit_rule": {"way": {}}}, "as a mapping"),
        ({"years": 0}, "whole number from 1 to 100"),
        ({"years": 2.5}, "whole number from 1 to 100"),
        ({"adjustment_years": -1}, "number of years, 0"),
        ({"discount_rate": 3}, "3 % or 300 %"),
        ({"capital_share": "95%"}, "outside 0 % to 90 %"),
        ({"depreciation": 0}, "depreciation rate of 0 %"),
        ({"law_day": "2016-13-01"}, "months run from 01 to 12"),
        ({"adjustment_year": 8}, "Did you mean 'adjustment_years'"),
    ],
)
def test_an_assumption_that_is_none_is_refused(assumed: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        scenario(**assumed)


@pytest.mark.parametrize(
    ("assumed", "message"),
    [
        ({"capital": ["PRK", "CHM"]}, "unknown country 'CHM'.*Did you mean 'CHN'"),
        ({"deficit_rule": {"path": {"PRX": "1 million USD"}}}, "Did you mean 'PRK'"),
    ],
)
def test_a_country_that_is_not_there_is_refused(assumed: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        solve_path(WORLD, scenario(**assumed), 2)


def test_deficits_of_everyone_that_do_not_cancel_are_refused() -> None:
    every = dict.fromkeys(WORLD.countries, "1 million USD")
    given = scenario(deficit_rule={"path": every})
    with pytest.raises(ScenarioError, match="sum to 4 million USD"):
        given.assumptions.deficit_path(WORLD, given.source)


def test_assumptions_are_left_out_at_their_defaults() -> None:
    given = scenario(years=15, capital="none", law_day="2016-12-31", discount_rate="3%")
    assert given.assumptions.to_dict() == {"law_day": "2016-12-31", "years": 15}
    assert scenario(capital=["PRK", "KOR"]).assumptions.to_dict() == {"capital": ["PRK", "KOR"]}
    assert scenario(capital="all").assumptions.capital_of(WORLD).all()


def test_the_schema_knows_them() -> None:
    schema = json_schema()["properties"]
    assert schema["adjustment_years"]["default"] == 8.0
    assert {"law_day", "years", "capital", "discount_rate"} <= set(schema)
    forms = schema["deficit_rule"]["anyOf"]
    assert any("path" in form.get("properties", {}) for form in forms)
