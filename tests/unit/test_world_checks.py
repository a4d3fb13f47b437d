"""Each check holds on an exact world and fails, at the right place, on a broken one."""

import numpy as np
import pytest
from hypothesis import given, settings

from detente.errors import WorldError
from detente.world.checks import CHECKS, check
from hypothesis_profiles import examples
from worlds import random_world, worlds


@settings(max_examples=examples(60))
@given(worlds(dormant=True))
def test_an_exact_world_passes_every_check(world):
    report = check(world, 1e-12)
    assert report.passed, report.table().to_string()
    assert report.require() is report
    assert len(report.results) == len(CHECKS)


def _changed(array, position, factor=1.01, add=0.0):
    copy = np.array(array)
    copy[position] = copy[position] * factor + add
    return copy


BREAKS = [
    ("cost shares", "value_added_share", (1, 2), "s01, C02"),
    ("final shares", "final_share", (1, 2), "C02"),
    ("expenditure", "final_share", (0, 1), "s00, C01"),
    ("value added", "value_added", (3,), "C03"),
    ("deficit", "deficit", (1,), "C01"),
    ("world deficit", "deficit", (1,), "world"),
]


@pytest.mark.parametrize(("name", "field", "position", "where"), BREAKS)
def test_a_broken_identity_is_found_where_it_is(name, field, position, where):
    world = random_world(4, 5, 3)
    broken = world.with_(**{field: _changed(getattr(world, field), position)})
    result = check(broken)[name]
    assert not result.passed
    assert result.violation > 1e-6
    assert result.where == where
    with pytest.raises(WorldError, match=name):
        check(broken).require()


def test_the_violation_is_relative_to_the_cell():
    """A final share 1 % too high moves its own cell by 1 % of final demand over X."""
    world = random_world(4, 5, 3)
    alpha = _changed(world.final_share, (0, 1))
    moved = 0.01 * world.final_share[0, 1] * world.income[1]
    result = check(world.with_(final_share=alpha))["expenditure"]
    assert result.violation == pytest.approx(moved / (world.expenditure[0, 1] + moved))
    demanded = world.expenditure.sum() + moved
    assert result.total == pytest.approx(moved / demanded)


def test_a_small_country_is_not_hidden_by_a_large_world():
    world = random_world(11, 6, 2)
    smallest = int(np.argmin(world.value_added))
    wrong = _changed(world.value_added, smallest, factor=1.001)
    result = check(world.with_(value_added=wrong))["value added"]
    assert result.violation == pytest.approx(0.001 / 1.001, rel=1e-6)
    assert result.total < result.violation


def test_ranges_and_counts():
    world = random_world(2, 4, 2, zeros=0.4, dormant=True)
    coverage = _changed(world.coverage["ban"], (0, 1, 2), 0.0, 1.2)
    psi = _changed(world.dormant["normal"], (1, 3, 3), 0.0, 0.05)
    report = check(world.with_(coverage={"ban": coverage}, dormant={"normal": psi}))
    assert report["coverage"].violation == pytest.approx(0.2)
    assert report["coverage"].where == "s00, C01, C02"
    assert report["dormant shares"].where == "s01, C03, C03"
    own = np.einsum("snn->sn", world.flows)
    assert report["no own sales"].violation == ((own == 0) & (world.output > 0)).sum()
    tariff = _changed(world.tariff, (0, 1, 1), 0.0, 0.1)
    assert check(world.with_(tariff=tariff))["home tariff"].violation == 1


def test_a_needed_sector_without_a_supplier_is_counted_and_fails():
    world = random_world(5, 4, 3)
    flows = np.array(world.flows)
    flows[1, :, 2] = 0.0
    report = check(world.with_(flows=flows))
    assert report["no supplier"].violation == 1
    assert report["no supplier"].where == "s01, C02"
    assert report["expenditure"].violation == pytest.approx(1.0)
    assert report["expenditure"].where == "s01, C02"


def test_no_income_fails():
    world = random_world(5, 4, 3)
    assert not check(world.with_(value_added=_changed(world.value_added, 2, 0.0)))[
        "income"
    ].passed


def test_worst_and_table():
    world = random_world(4, 5, 3)
    broken = world.with_(value_added=_changed(world.value_added, 3, 2.0))
    report = check(broken)
    assert report.worst.name in {"value added", "expenditure"}
    table = report.table().set_index("check")
    assert table.loc["value added", "status"] == "FAILED"
    assert table.loc["trade shares", "status"] == "passed"
