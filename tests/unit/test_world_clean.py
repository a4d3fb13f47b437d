"""Inventories go, identities stay: by hand, by algebra, and on random tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.world.checks import check
from detente.world.clean import remove_inventories
from detente.world.tables import world_from_arrays
from hypothesis_profiles import examples

ONE = {"countries": ["A"], "sectors": ["x"]}


def random_table(seed, n, s):
    """A productive table; its final demand is partly met from stocks, partly stored."""
    rng = np.random.default_rng(seed)
    r = n * s
    coefficients = rng.dirichlet(np.ones(r), r).T * rng.uniform(0.2, 0.6, r)
    demanded = np.exp(rng.normal(6, 1, (r, n)))
    output = np.linalg.solve(np.eye(r) - coefficients, demanded.sum(axis=1))
    inventories = rng.uniform(-0.1, 0.1, (r, n)) * demanded * (rng.random((r, n)) < 0.4)
    return coefficients * output, demanded - inventories, inventories


def labels(n, s):
    return {"countries": [f"C{i}" for i in range(n)], "sectors": [f"s{i}" for i in range(s)]}


def test_one_sector_by_hand():
    """Inputs 40, consumption 100, stocks −20: Y = 120, A = 1/3, so Y⁺ = 100/(1 − 1/3)."""
    clean = remove_inventories(
        np.array([[40.0]]), np.array([[100.0]]), np.array([[-20.0]]), **ONE
    )
    assert clean.output[0] == pytest.approx(150.0)
    assert clean.intermediate[0, 0] == pytest.approx(50.0)
    assert clean.value_added[0] == pytest.approx(100.0)
    row = clean.report.loc["A"]
    assert (row.drawn_from_stocks, row.output_before) == (20.0, 120.0)
    assert row.output_after == pytest.approx(150.0)


def test_stocks_that_grow_are_final_demand_and_change_no_output():
    clean = remove_inventories(
        np.array([[40.0]]), np.array([[60.0]]), np.array([[20.0]]), **ONE
    )
    assert clean.output[0] == pytest.approx(120.0)
    assert clean.final[0, 0] == 80.0
    assert clean.report.loc["A"].added_to_stocks == 20.0


@settings(max_examples=examples(40))
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 5))
def test_coefficients_hold_and_the_world_is_exact(seed, n, s):
    intermediate, final, inventories = random_table(seed, n, s)
    before = intermediate.sum(axis=1) + final.sum(axis=1) + inventories.sum(axis=1)
    clean = remove_inventories(intermediate, final, inventories, **labels(n, s))
    np.testing.assert_allclose(
        clean.intermediate / clean.output, intermediate / before, rtol=1e-10
    )
    used = clean.intermediate.sum(axis=0)
    np.testing.assert_allclose(clean.output, used + clean.value_added, rtol=1e-10)
    assert min(clean.intermediate.min(), clean.final.min(), clean.value_added.min()) >= 0
    world = world_from_arrays(
        **clean.arrays(), trade_elasticity=np.full(s, 5.0), tolerance=1e-9, **labels(n, s)
    )
    assert check(world, 1e-10).passed
    assert clean.report.output_after.sum() >= clean.report.output_before.sum() * (1 - 1e-12)


def test_the_arrays_are_the_tables_sums():
    intermediate, final, _ = random_table(3, 2, 3)
    clean = remove_inventories(intermediate, final, np.zeros_like(final), **labels(2, 3))
    arrays = clean.arrays()
    row, buyer = 1 * 3 + 2, slice(0, 3)  # sector 2 of country 1, to country 0
    sold = intermediate[row, buyer].sum() + final[row, 0]
    assert arrays["flows"][2, 1, 0] == pytest.approx(sold)
    assert arrays["input_use"][2, 0, 1] == pytest.approx(intermediate[[2, 5], 3].sum())
    assert arrays["final"][2, 1] == pytest.approx(final[[2, 5], 1].sum())


BAD = [
    ([[40.0]], [[100.0, 1.0]], [[0.0]], "shape"),
    ([[40.0]], [[np.nan]], [[0.0]], "'final' has an entry"),
    ([[-40.0]], [[100.0]], [[0.0]], "negative amount as an input"),
    ([[40.0]], [[10.0]], [[-60.0]], "output is not above zero"),
    ([[40.0]], [[10.0]], [[-20.0]], "value added is negative"),
    ([[40.0]], [[20.0]], [[-20.0]], "uses|use all that they make"),
]


@pytest.mark.parametrize("case", BAD)
def test_refused(case):
    *tables, why = case
    with pytest.raises(InputError, match=why):
        remove_inventories(*map(np.array, tables), **ONE)


def test_published_output_holds_the_technology_and_must_be_the_row_sums():
    """A = 40/119, not 40/120: the published total decides, rows of the result add up."""
    table = (np.array([[40.0]]), np.array([[100.0]]), np.array([[-20.0]]))
    clean = remove_inventories(*table, **ONE, output=np.array([119.0]))
    assert clean.output[0] == pytest.approx(100 / (1 - 40 / 119))
    with pytest.raises(InputError, match=r"output: it differs from the row sums by 8.33%"):
        remove_inventories(*table, **ONE, output=np.array([110.0]))
    with pytest.raises(InputError, match="output: it has shape"):
        remove_inventories(*table, **ONE, output=np.array([119.0, 1.0]))
