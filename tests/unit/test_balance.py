"""Balancing against closed forms, invariances and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import WorldError
from detente.world.balance import balance
from hypothesis_profiles import examples


def test_two_by_two_has_the_root_of_its_quadratic():
    # Uniform margins and odds ratio w: x11 = √w / (1 + √w) · total/2 (Plackett 1965).
    odds = 9.0
    found = balance([[odds, 1.0], [1.0, 1.0]], [1.0, 1.0], [1.0, 1.0])
    diagonal = np.sqrt(odds) / (1 + np.sqrt(odds))
    expected = [[diagonal, 1 - diagonal], [1 - diagonal, diagonal]]
    np.testing.assert_allclose(found.values, expected, rtol=1e-11)


def test_two_by_two_with_unequal_margins():
    # Rows (3, 1), columns (2, 2), odds ratio w: (w−1)x² − (5w−1)x + 6w = 0 for x = x11,
    # since x22 = x11 − 1, x12 = 3 − x11, x21 = 2 − x11.
    w = 4.0
    x = min(np.roots([w - 1, -(5 * w - 1), 6 * w]), key=lambda root: abs(root - 1.5))
    found = balance([[w, 1.0], [1.0, 1.0]], [3.0, 1.0], [2.0, 2.0])
    np.testing.assert_allclose(found.values[0, 0], x, rtol=1e-11)


def test_uniform_prior_gives_independence():
    rows, columns = np.array([1.0, 2.0, 5.0]), np.array([4.0, 3.0, 1.0])
    found = balance(np.ones((3, 3)), rows, columns)
    np.testing.assert_allclose(found.values, np.outer(rows, columns) / 8, rtol=1e-12)


def test_known_cells_are_exact_and_the_rest_keeps_its_odds():
    prior = np.arange(1.0, 13.0).reshape(3, 4)
    known = np.full((3, 4), np.nan)
    known[1, 2], known[0, 0] = 5.125, -0.5
    total = np.array([12.0, 20.0, 8.0]), np.array([10.0, 10.0, 12.0, 8.0])
    found = balance(prior, *total, known=known)
    assert found.values[1, 2] == 5.125
    assert found.values[0, 0] == -0.5
    np.testing.assert_allclose(found.values.sum(axis=1), total[0], rtol=1e-11)
    np.testing.assert_allclose(found.values.sum(axis=0), total[1], rtol=1e-11)
    np.testing.assert_allclose(
        _odds(found.values[[0, 2]][:, [1, 3]]), _odds(prior[[0, 2]][:, [1, 3]]), rtol=1e-9
    )


def test_a_floor_that_binds_leaves_the_rest_proportional():
    # One row: 1 and 9 parts of 10, the first not below 4, so the others share 6.
    found = balance([[1.0, 3.0, 6.0]], [10.0], [4.0, 2.0, 4.0], floor=[[4.0, 0.0, 0.0]])
    np.testing.assert_allclose(found.values, [[4.0, 2.0, 4.0]], rtol=1e-12)
    free = balance(
        [[1.0, 100.0], [100.0, 1.0]], [1.0, 1.0], [1.0, 1.0], floor=[[0.3, 0], [0, 0]]
    )
    np.testing.assert_allclose(free.values, [[0.3, 0.7], [0.7, 0.3]], rtol=1e-9)
    assert free.at_floor == 1


def test_floors_solve_the_entropy_problem():
    # Against an independent optimiser on the primal.
    from scipy.optimize import minimize

    rng = np.random.default_rng(1)
    prior = rng.uniform(0.1, 3.0, (3, 4))
    rows, columns = np.array([3.0, 5.0, 4.0]), np.array([2.0, 4.0, 3.0, 3.0])
    floor = np.full((3, 4), 0.55)
    found = balance(prior, rows, columns, floor=floor)

    def entropy(x):
        return float((x * np.log(x / prior.ravel()) - x).sum())

    margins = [
        {"type": "eq", "fun": lambda x, i=i: x.reshape(3, 4)[i].sum() - rows[i]}
        for i in range(3)
    ] + [
        {"type": "eq", "fun": lambda x, j=j: x.reshape(3, 4)[:, j].sum() - columns[j]}
        for j in range(3)
    ]
    start = (rows[:, None] * columns / 12).ravel()
    primal = minimize(
        entropy,
        start,
        bounds=[(0.55, None)] * 12,
        constraints=margins,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert primal.success
    assert found.at_floor > 0
    np.testing.assert_allclose(found.values.ravel(), primal.x, atol=2e-5)


@settings(max_examples=examples(60))
@given(shape=st.tuples(st.integers(2, 6), st.integers(2, 6)), seed=st.integers(0, 2**32 - 1))
def test_margins_hold_and_odds_ratios_stay(shape, seed):
    rng = np.random.default_rng(seed)
    prior = rng.lognormal(0.0, 1.5, shape)
    target = rng.lognormal(0.0, 1.5, shape)
    found = balance(prior, target.sum(axis=1), target.sum(axis=0))
    np.testing.assert_allclose(found.values.sum(axis=1), target.sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(found.values.sum(axis=0), target.sum(axis=0), rtol=1e-10)
    for i in range(1, shape[0]):
        for j in range(1, shape[1]):
            cells = np.ix_([0, i], [0, j])
            np.testing.assert_allclose(
                _odds(found.values[cells]), _odds(prior[cells]), rtol=1e-9
            )


@settings(max_examples=examples(40))
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1e3]))
def test_units_of_totals_and_prior_do_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    prior, target = rng.lognormal(size=(4, 3)), rng.lognormal(size=(4, 3))
    floor = 0.3 * target
    one = balance(prior, target.sum(axis=1), target.sum(axis=0), floor=floor)
    two = balance(
        prior * 7.0,
        scale * target.sum(axis=1),
        scale * target.sum(axis=0),
        floor=scale * floor,
    )
    np.testing.assert_allclose(two.values, scale * one.values, rtol=1e-8)
    assert (one.values >= floor * (1 - 1e-15)).all()


def test_what_already_fits_is_returned():
    prior = np.array([[1.0, 0.0], [2.0, 3.0]])
    found = balance(prior, prior.sum(axis=1), prior.sum(axis=0))
    np.testing.assert_array_equal(found.values, prior)
    assert found.iterations == 1


@pytest.mark.parametrize(
    ("prior", "rows", "columns", "options", "says"),
    [
        ([[1, 1], [1, 1]], [1, 1], [1, 2], {}, "one sum"),
        ([[1, 1], [0, 0]], [1, 1], [1, 1], {}, "row 'b'"),
        ([[1, 0], [1, 0]], [1, 1], [1, 1], {}, "column 'y'"),
        ([[1, 1], [1, 1]], [1, 1], [1, 1], {"floor": [[0.8, 0.8], [0, 0]]}, "exceed"),
        # Row a can only sell to x, which wants less than a has: seen only while solving.
        ([[1, 0], [1, 1]], [2, 1], [1, 2], {"max_iterations": 200}, "misses"),
        ([[1, -1], [1, 1]], [1, 1], [1, 1], {}, "negative"),
        ([[1, 1], [1, 1]], [1, np.nan], [1, 1], {}, "finite"),
        ([[1, 1], [1, 1]], [1, 1, 1], [1, 1], {}, "do not fit"),
        ([[1, 1], [1, 1]], [1, 1], [1, 1], {"known": [[2, np.nan]] * 2}, "exceed"),
    ],
)
def test_what_no_table_can_meet_is_refused(prior, rows, columns, options, says):
    with pytest.raises(WorldError, match=says):
        balance(prior, rows, columns, row_labels="ab", column_labels="xy", **options)


def _odds(block):
    return block[0, 0] * block[1, 1] / (block[0, 1] * block[1, 0])
