"""Gains from trade: closed forms on paper, autarky as solved, and the handbook's figures.

The 34 figures of the tariff stand in Table 4.2, column 4, of Costinot & Rodríguez-Clare (2014)
as the example of nicolaswess/TradMod.jl quotes them. Table 4.1 could not be read; what stands
in for it is the authors' own aggregated data put through the formulas, so that the test here
asks how far a later release of the same database moves them, not whether they are right. The
formulas are tested on paper and against the solver.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from test_world_sources import shared
from typer.testing import CliRunner

import detente as dt
from detente.cli import app
from detente.errors import InputError
from detente.replicate import Comparison, costinot_rodriguez_clare_2014
from detente.replicate.costinot_rodriguez_clare_2014 import (
    gains_by_autarky,
    gains_by_formula,
    handbook_worlds,
    tariff_by_solving,
)
from detente.replicate.handbook_data import (
    AUTHORS_FILE,
    ELASTICITIES,
    HANDBOOK,
    REGIONS,
    SECTORS,
    read_handbook_data,
)
from hypothesis_profiles import examples
from worlds import random_world

NAME = "costinot-rodriguez-clare-2014"
CASES = ("one", "many", "inputs")


def run(*args: str | Path) -> Any:
    return CliRunner().invoke(app, ["replicate", NAME, *map(str, args)])


# -- on paper ------------------------------------------------------------------------------
def two_by_two(own: tuple[float, float], theta: tuple[float, float], gamma: Any) -> dt.World:
    """Two like countries, two sectors; ``own`` is each sector's share bought at home.

    Both sectors have the same spending, 100, and output, 100; a recipe whose rows and columns
    add up to the same share therefore leaves the same final demand for both.
    """
    share = np.array([[[o, 1 - o], [1 - o, o]] for o in own])
    recipe = np.asarray(gamma, dtype=float)
    return dt.World(
        name="paper",
        countries=("one", "two"),
        sectors=("a", "b"),
        flows=100.0 * share,
        tariff=np.zeros((2, 2, 2)),
        input_share=np.repeat(recipe[:, :, None], 2, axis=2),
        value_added_share=np.repeat(1.0 - recipe.sum(axis=0)[:, None], 2, axis=1),
        final_share=np.full((2, 2), 0.5),
        trade_elasticity=np.array(theta),
        value_added=np.full(2, 200.0 - 100.0 * recipe.sum()),
        deficit=np.zeros(2),
    )


def both(world: dt.World) -> np.ndarray:
    """Formula and autarky, which must be the same."""
    formula, (solved, _) = gains_by_formula(world), gains_by_autarky(world)
    np.testing.assert_allclose(formula, solved, rtol=0, atol=1e-10)
    return formula


def test_without_inputs_the_gain_is_a_product_of_own_shares() -> None:
    """λ = 0.81 and 0.5 with θ = 2 and 1: 1 − √(0.81^½ · 0.5) = 1 − √0.45."""
    found = both(two_by_two((0.81, 0.5), (2.0, 1.0), np.zeros((2, 2))))
    np.testing.assert_allclose(found, 1.0 - np.sqrt(0.45), rtol=1e-12)


def test_with_inputs_the_leontief_inverse_spreads_them() -> None:
    """a is made with half its cost in b, b with half its cost in a.

    With p = ln λ/θ and P the change of a price in logs, P_a = p_a + P_b/2 and
    P_b = p_b + P_a/2, so P_a = (4 p_a + 2 p_b)/3, and the mean of P_a and P_b is p_a + p_b.
    With p_a = ln 0.81/2 and p_b = ln 0.5 the gain is 1 − 0.9 · 0.5.
    """
    found = both(two_by_two((0.81, 0.5), (2.0, 1.0), [[0.0, 0.5], [0.5, 0.0]]))
    np.testing.assert_allclose(found, 1.0 - 0.9 * 0.5, rtol=1e-12)


def test_one_good_with_itself_as_input_gains_as_if_it_were_less_elastic() -> None:
    """Half of every cost is the good itself, so the exponent 1/θ doubles."""
    found = both(two_by_two((0.64, 0.64), (4.0, 4.0), [[0.5, 0.0], [0.0, 0.5]]))
    np.testing.assert_allclose(found, 1.0 - 0.64 ** (1 / 2), rtol=1e-12)


def test_a_good_that_is_not_made_at_home_keeps_its_price() -> None:
    """λ = 0 would be an infinite gain; the cell counts as λ = 1 in both ways."""
    world = two_by_two((0.81, 0.5), (2.0, 1.0), np.zeros((2, 2)))
    flows = world.flows.copy()
    flows[1, 0, 0], flows[1, 1, 0] = 0.0, 100.0  # country one buys all of b from two
    made = flows.sum(axis=(0, 2))
    bare = world.with_(flows=flows, value_added=made, deficit=200.0 - made)
    found = both(bare)
    np.testing.assert_allclose(found[0], 1.0 - 0.9**0.5, rtol=1e-12)
    np.testing.assert_allclose(found[1], 1.0 - np.sqrt(0.45), rtol=1e-12)


@settings(max_examples=examples(25))
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(2, 8),
    sectors=st.integers(1, 5),
    deficits=st.booleans(),
)
def test_formula_and_autarky_agree_on_any_world(
    seed: int, size: int, sectors: int, deficits: bool
) -> None:
    world = random_world(seed, size, sectors, tariffs=False, deficits=deficits)
    gains = both(world)
    assert (gains > 0).all()
    # a closed world has nothing to gain; money and the split of a sector do not matter
    closed = world.flows * np.eye(size)
    np.testing.assert_array_equal(gains_by_formula(world.with_(flows=closed)), 0.0)
    np.testing.assert_allclose(gains_by_formula(world.scale(1e3)), gains, rtol=1e-10)
    easier = world.with_(trade_elasticity=2 * world.trade_elasticity)
    assert (gains_by_formula(easier) < gains).all()


# -- the handbook's data ---------------------------------------------------------------------
@pytest.fixture(scope="module")
def wiod() -> Comparison:
    return costinot_rodriguez_clare_2014(shared("wiod2013"))


def test_formula_and_autarky_agree_in_every_case_and_country(wiod: Comparison) -> None:
    table = wiod.tables[0].frame
    assert list(table["region"]) == list(REGIONS)
    for case in CASES:
        gap = (table[f"{case}_formula"] - table[f"{case}_autarky"]).abs().max()
        assert gap <= 1e-6, case  # percent: 1e-8 of income
    assert wiod.agrees


def test_the_gains_are_those_of_sums_made_here(wiod: Comparison) -> None:
    """Aggregation, inventories and formulas once more, with Kronecker products."""
    with np.load(shared("wiod2013", "wiot_2008.npz"), allow_pickle=False) as file:
        inputs, final, output = (
            file[k].astype(float) for k in ("intermediate", "final", "output")
        )
        codes = ["ROU" if c == "ROM" else c for c in file["countries"].tolist()]
    coefficients = inputs / np.where(output > 0, output, 1.0)
    demand = np.maximum(final, 0.0).reshape(1435, 41, 5)
    used = np.maximum(final.reshape(1435, 41, 5)[:, :, :4].sum(axis=2), 0.0)
    used += np.maximum(final.reshape(1435, 41, 5)[:, :, 4], 0.0)
    assert np.abs(used - demand.sum(axis=2)).sum() < 1e-3 * used.sum()
    made = np.linalg.solve(np.eye(1435) - coefficients, used.sum(axis=1))
    regions = np.array([[float(c == r) for c in codes] for r in REGIONS])
    regions[-1] = 1.0 - regions[:-1].sum(axis=0)
    groups = np.zeros((31, 35))
    for row, (members, _) in enumerate(SECTORS.values()):
        groups[row, np.array(members) - 1] = 1.0
    assert groups.sum() == 35
    both_axes = np.kron(regions, groups)
    traded = both_axes @ (coefficients * made) @ both_axes.T
    bought = (both_axes @ used @ regions.T).reshape(34, 31, 34)
    everything = traded.reshape(34, 31, 34, 31).sum(axis=3) + bought
    table = wiod.tables[0].frame.set_index("region")
    for n, region in enumerate(REGIONS):
        total = everything[:, :, n].sum(axis=0)
        own = everything[n, :, n] / total
        power = np.log(np.where(own > 0, own, 1.0)) / ELASTICITIES
        spent = bought[:, :, n].sum(axis=0)
        recipe = traded.reshape(34, 31, 34, 31)[:, :, n, :].sum(axis=0)
        recipe /= np.maximum(everything[n].sum(axis=1), 1e-9)
        spread = np.linalg.inv(np.eye(31) - recipe)  # [k, s]: of k, directly and not, in s
        one = everything[n, :, n].sum() / total.sum()
        expected = {
            "one": 1.0 - one ** (1.0 / 5.0),
            "many": 1.0 - np.exp(spent @ power / spent.sum()),
            "inputs": 1.0 - np.exp(spread @ spent @ power / spent.sum()),
        }
        for case, gain in expected.items():
            found = table.loc[region, f"{case}_formula"]
            assert found == pytest.approx(100.0 * gain, abs=1e-7), (region, case)


def test_a_later_release_of_the_data_moves_most_gains_little(wiod: Comparison) -> None:
    """29 of 34 within 0.2 points with one sector; the United States within 0.1 throughout."""
    table = wiod.tables[0].frame.set_index("region")
    off = {case: table[f"{case}_difference"].abs() for case in CASES}
    assert (off["one"] <= 0.2).sum() >= 29
    assert (off["many"] <= 0.5).sum() >= 24
    assert (off["inputs"] <= 0.8).sum() >= 22
    assert all(off[case]["USA"] <= 0.1 for case in CASES)
    assert max(off["inputs"].drop(["TUR", "CHN", "ROW"])) <= 2.6
    # more sectors and inputs mean larger gains, on average as in the handbook
    mean = table[[f"{case}_formula" for case in CASES]].mean()
    np.testing.assert_allclose(mean, [4.4, 15.3, 26.9], atol=0.4)


def test_the_printed_effects_of_a_tariff(wiod: Comparison) -> None:
    table = wiod.tables[1].frame.set_index("region")
    assert table["handbook"].to_dict() == {r: row[-1] for r, row in HANDBOOK.items()}
    off = table["difference"].abs()
    assert off.median() <= 0.02
    assert off.max() <= 0.14 and off.idxmax() == "CHN"
    felt = table[table["handbook"].abs() >= 0.05]
    assert (np.sign(felt["computed"]) == np.sign(felt["handbook"])).all()
    assert felt["computed"].rank().corr(felt["handbook"].rank()) > 0.95


def test_the_command(tmp_path: Path) -> None:
    folder = shared("wiod2013")
    ran = run("--data", folder, "-o", tmp_path / "out")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    usa = next(line.split() for line in lines if line.startswith("USA "))
    assert [usa[1], usa[4], usa[7]] == ["1.8", "4.4", "8.3"]
    assert "GRC buys 13 million USD of water transport" in " ".join(lines)
    written = pd.read_csv(tmp_path / "out" / "replication.csv")
    assert len(written) == 34 and not written.isna().any().any()
    found = json.loads(run("--data", folder, "--format", "json").stdout)
    assert found["agrees"] and not found["authors_table"]
    assert max(found["largest_gap_formula_autarky"].values()) <= 1e-8


def test_another_year_is_computed_and_compared_with_nothing() -> None:
    found = costinot_rodriguez_clare_2014(shared("wiod2013"), year=2011)
    table = found.tables[0].frame
    assert found.agrees and found.facts["median_difference"] is None
    assert table.filter(like="handbook").isna().all().all()
    assert (table[[f"{case}_formula" for case in CASES]] > 0).all().all()


# -- the authors' own format, made up ----------------------------------------------------------
def authors_table(folder: Path, **changes: Any) -> Path:
    """Their cubes, [i, j, s] and [s, j, k], with made-up figures; nothing else is read."""
    rng = np.random.default_rng(1)
    n, s = 34, 31
    flows = rng.uniform(1.0, 2.0, (n, n, s)) * np.where(np.eye(n, dtype=bool), 50, 1)[..., None]
    flows[:, :, 3] *= 2.0
    recipe = rng.uniform(0.0, 0.03, (s, n, s))
    recipe[4, 2, 5] = 0.2  # sector 5 of region 3 uses a lot of sector 6
    sold, bought = flows.sum(axis=1), flows.sum(axis=0)  # [i, s], [j, s]
    used = np.einsum("sjk,js->jk", recipe, sold)
    final = np.broadcast_to((bought - used)[None], (n, n, s))
    cubes = {"Xijs3D": flows, "Fjs3D": final, "alpha_tilde_sjk3D": recipe, "S": 31}
    path = folder / AUTHORS_FILE
    scipy.io.savemat(path, {k: v for k, v in (cubes | changes).items() if v is not None})
    return path


def test_the_authors_table_is_read_the_right_way_round(tmp_path: Path) -> None:
    authors_table(tmp_path)
    data = read_handbook_data(tmp_path)
    assert data.authors and data.year == 2008
    cost = data.input_use.sum(axis=0) + data.value_added
    np.testing.assert_allclose(cost, data.flows.sum(axis=2))
    assert data.input_use[5, 4, 2] / cost[4, 2] == pytest.approx(0.2)
    np.testing.assert_allclose(
        data.input_use.sum(axis=1) + data.final, data.flows.sum(axis=1), rtol=1e-12
    )
    assert data.flows[3].mean() > 1.5 * data.flows[2].mean()
    for world in handbook_worlds(data).values():
        assert both(world).min() > 0
    effect, _ = tariff_by_solving(data)
    assert effect[REGIONS.index("USA")] > 0 > effect[REGIONS.index("CAN")]


def test_a_table_that_gives_something_else_is_not_replicated(tmp_path: Path) -> None:
    authors_table(tmp_path)
    ran = run("--data", tmp_path)
    assert ran.exit_code == 1
    assert "NOT replicated: formula and autarky as solved differ by" in ran.stdout
    assert "miss the handbook's last digit" in " ".join(ran.stdout.split())
    assert max(map(len, ran.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Fjs3D": None}, "'Fjs3D'.*is missing"),
        ({"Xijs3D": np.ones((2, 2))}, r"'Xijs3D'.*\(34, 34, 31\).*\(2, 2\)"),
        ({"alpha_tilde_sjk3D": np.full((31, 34, 31), np.nan)}, "'alpha_tilde_sjk3D'.*finite"),
        ({"Fjs3D": -np.ones((34, 34, 31))}, "'Fjs3D'.*below zero"),
    ],
)
def test_a_broken_authors_table_is_refused(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    authors_table(tmp_path, **changes)
    with pytest.raises(InputError, match=told):
        read_handbook_data(tmp_path)


# -- other people's files --------------------------------------------------------------------
def small_wiod(folder: Path, year: int = 2008, **changes: Any) -> Path:
    """Two countries of the release of 2013, as numpy saves them: whole millions."""
    rows = 2 * 35
    arrays: dict[str, Any] = {
        "intermediate": np.ones((rows, rows), dtype=np.int32),
        "final": np.ones((rows, 10), dtype=np.int32),
        "output": np.full(rows, rows + 10, dtype=np.int32),
        "countries": np.array(["AUS", "RoW"]),
        "industries": np.array([f"c{j}" for j in range(1, 36)]),
    }
    path = folder / f"wiot_{year}.npz"
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"output": None}, "wiot_2008.npz, key 'output'.*is missing; there are intermediate"),
        ({"final": np.ones((70, 9))}, r"key 'final'.*\(70, 9\).*\(70, 10\)"),
        ({"output": np.full(70, "x")}, "key 'output'.*numbers"),
        ({"industries": np.array(["A01"] * 35)}, "c1 to c35"),
        ({}, "the table has no 'AUT'"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    small_wiod(tmp_path, **changes)
    with pytest.raises(InputError, match=told):
        read_handbook_data(tmp_path)
    ran = run("--data", tmp_path)
    assert (ran.exit_code, ran.stdout) == (2, "")


def test_a_folder_without_the_year_says_which_it_has(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        read_handbook_data(tmp_path / "none")
    with pytest.raises(InputError, match="it holds no year of WIOD"):
        read_handbook_data(tmp_path)
    small_wiod(tmp_path, year=2011)
    with pytest.raises(InputError, match=r"it holds wiot_2011\.npz"):
        read_handbook_data(tmp_path)
    (tmp_path / "wiot_2008.npz").write_bytes(b"PK no archive")
    with pytest.raises(InputError, match="it is no npz"):
        read_handbook_data(tmp_path)
    for broken in (
        b"no matrix",
        b"no matrix " * 100,
        authors_table(tmp_path).read_bytes()[:9999],
    ):
        (tmp_path / AUTHORS_FILE).write_bytes(broken)
        with pytest.raises(InputError, match="it is no MATLAB file"):
            read_handbook_data(tmp_path)
