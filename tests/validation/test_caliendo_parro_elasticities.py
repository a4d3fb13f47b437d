"""Elasticities from triple differences: by hand, by invariance, and against the print.

Printed figures asserted here were read in a source: θ of the full sample in
data/SECTORAL_TRADE_ELASTICITY.csv of nicolaswess/TradMod.jl, θ of the 99 % sample in the
elasticities of the R package cp2015, four standard errors in the notes on the triads' file.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_world_sources import shared
from typer.testing import CliRunner

from detente.cli import app
from detente.errors import InputError
from detente.replicate import caliendo_parro_elasticities, estimate_elasticities
from detente.replicate.caliendo_parro_elasticities import (
    SECTORS,
    read_triads,
    without_smallest,
)

THETA = {
    "Agriculture": "8.11",
    "Mining": "15.72",
    "Food": "2.55",
    "Textile": "5.56",
    "Wood": "10.83",
    "Paper": "9.07",
    "Petroleum": "51.08",
    "Plastic": "1.66",
    "Minerals": "2.76",
    "Basic metals": "7.99",
    "Machinery n.e.c": "1.52",
    "Electrical": "10.6",
    "Other Transport": "0.37",
    "Other": "5",
}
STD_ERROR = {"Agriculture": "1.86", "Mining": "2.76", "Food": "0.61", "Other": "0.92"}
#: cp2015 puts the mean, 8.22, in the place of these two
MEAN_INSTEAD = {"Auto", "Other Transport"}


def run(*args: str | Path) -> Any:
    return CliRunner().invoke(app, ["replicate", NAME, *map(str, args)])


NAME = "caliendo-parro-elasticities"


def frame(sector: str, y: Any, x: Any) -> pd.DataFrame:
    return pd.DataFrame({"sector": sector, "y": y, "x": x})


def meets(value: float, printed: str) -> bool:
    """Within half of the second decimal, which is the last that is printed."""
    return abs(value - float(printed)) <= 0.005


# -- the formula ---------------------------------------------------------------------------
def test_three_rows_by_hand() -> None:
    """Σxy = 1·(−3) + 2·(−4) + 1·(−1) = −12 and Σx² = 6: slope −2, so θ = 2.

    Residuals y + 2x are −1, 0, 1; Σx²e² = 1 + 0 + 1 = 2, so HC0 is √2/6, and HC1 is that
    times √(3/2).
    """
    found = estimate_elasticities(frame("a", [-3.0, -4.0, -1.0], [1.0, 2.0, 1.0])).loc[0]
    assert found["theta"] == pytest.approx(2.0, abs=1e-15)
    assert found["std_error"] == pytest.approx(np.sqrt(2) / 6 * np.sqrt(1.5), rel=1e-14)
    assert (found["sector"], found["n_obs"]) == ("a", 3)


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.1, 10.0))
def test_invariances(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 0.1, 40)
    table = pd.concat([frame("a", -5 * x + rng.normal(0, 2, 40), x), frame("b", x, x)])
    base = estimate_elasticities(table).set_index("sector")
    assert base.loc["b", "theta"] == pytest.approx(-1.0)
    # another order of rows, the circle the other way round, rows without a number
    turned = table.assign(y=-table["y"], x=-table["x"])
    holes = frame("a", [np.nan, 1.0], [1.0, np.nan])
    for other in (table.sample(frac=1, random_state=1), turned, pd.concat([table, holes])):
        found = estimate_elasticities(other).set_index("sector").loc[["a", "b"]]
        np.testing.assert_allclose(found, base, rtol=1e-9, atol=1e-12)
    # units: tariffs in other units divide θ, trade in other units multiply it
    for factor, other in (
        (1 / scale, table.assign(x=table["x"] * scale)),
        (scale, table.assign(y=table["y"] * scale)),
    ):
        found = estimate_elasticities(other).set_index("sector").loc["a"]
        assert found["theta"] == pytest.approx(factor * base.loc["a", "theta"], rel=1e-9)
        assert found["std_error"] == pytest.approx(factor * base.loc["a", "std_error"])


def test_a_known_elasticity_is_found_with_an_honest_error() -> None:
    """400 samples whose errors grow with |x|: θ̂ is centred, and its s.e. is its spread."""
    rng = np.random.default_rng(5)
    x = rng.normal(0.0, 0.2, (400, 300))
    y = -4.0 * x + rng.normal(0.0, 1.0, x.shape) * (0.5 + 5.0 * np.abs(x))
    table = pd.concat([frame(str(j), y[j], x[j]) for j in range(400)])
    found = estimate_elasticities(table)
    spread = found["theta"].std()
    assert abs(found["theta"].mean() - 4.0) <= 3 * spread / np.sqrt(400)
    assert found["std_error"].mean() == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (pd.DataFrame({"sector": ["a"], "y": [1.0]}), "column 'x' is missing"),
        (frame("a", [1.0, np.inf], [1.0, 1.0]), "sector 'a' has an infinite y or x"),
        (frame("a", [1.0, np.nan], [1.0, 1.0]), "sector 'a' has 1 complete rows"),
        (frame("a", [1.0, 2.0], [0.0, 0.0]), "no tariff ratio that differs from one"),
        (frame("a", ["x", "y"], [1.0, 2.0]), "sector 'a'"),
        (pd.concat([frame("a", [1.0], [1.0]), frame(None, [1.0], [1.0])]), "row 2 has no"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused_in_words(table: pd.DataFrame, told: str) -> None:
    with pytest.raises(InputError, match=told):
        estimate_elasticities(table)


# -- the authors' file -----------------------------------------------------------------------
def by_matrices(table: pd.DataFrame) -> tuple[float, float]:
    """θ and its HC1 error from (X′X)⁻¹X′ΩX(X′X)⁻¹, with Ω as a matrix."""
    rows = table.dropna()
    x, y = rows[["x"]].to_numpy(), rows["y"].to_numpy()
    (slope,), *_ = np.linalg.lstsq(x, y, rcond=None)
    bread = np.linalg.inv(x.T @ x)
    omega = np.diag((y - x[:, 0] * slope) ** 2) * len(y) / (len(y) - 1)
    return -slope, float(np.sqrt(bread @ x.T @ omega @ x @ bread)[0, 0])


def test_the_full_sample_comes_out_as_printed() -> None:
    raw = pd.read_csv(shared("cp2015", "elasticity_triads.csv.gz"))
    found = caliendo_parro_elasticities(shared("cp2015")).tables[0].frame.set_index("sector")
    for number, sector in enumerate(SECTORS, start=1):
        theta, error = by_matrices(raw[raw["sector"] == number])
        assert found.loc[sector, "theta"] == pytest.approx(theta, rel=1e-12)
        assert found.loc[sector, "std_error"] == pytest.approx(error, rel=1e-12)
        assert found.loc[sector, "n_obs"] == len(raw[raw["sector"] == number].dropna())
    for sector, printed in THETA.items():
        assert meets(found.loc[sector, "theta"], printed), sector
    for sector, printed in STD_ERROR.items():
        assert meets(found.loc[sector, "std_error"], printed), sector
    # the odd one, which is two sectors of the paper in one, and the one that is not there
    assert meets(found.loc["Chemicals", "theta"], "7.50")
    assert meets(found.loc["Chemicals", "std_error"], "2.57")
    assert np.isnan(found.loc["Medical", "theta"])
    assert found["as_printed"].sum() == 18


def test_the_99_percent_sample_gives_the_elasticities_of_the_counterfactuals() -> None:
    theta = pd.read_csv(shared("cp2015", "theta.csv.gz")).set_index("sector")["value"]
    found = caliendo_parro_elasticities(shared("cp2015")).tables[1].frame.set_index("sector")
    there = found["theta"].dropna()
    assert set(SECTORS) - set(there.index) == {"Chemicals"}
    for sector in set(there.index) - MEAN_INSTEAD:
        assert meets(there[sector], str(theta[sector])), sector
    for sector in MEAN_INSTEAD:
        assert theta[sector] == 8.22


def test_the_smallest_traders_are_in_no_triad_of_the_99_percent_sample() -> None:
    triads = read_triads(shared("cp2015"))
    kept = without_smallest(triads)
    assert not kept.loc[kept["sector"] == "Mining", "triad"].str.contains("NZL|THA|ARG").any()
    assert kept.loc[kept["sector"] == "Mining", "triad"].str.contains("USA").any()
    assert set(kept.index) < set(triads.index)


def test_the_command_prints_writes_and_agrees(tmp_path: Path) -> None:
    folder = shared("cp2015")
    ran = run("--data", folder)
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    mining = next(line.split() for line in lines if line.startswith("Mining "))
    assert mining[1:5] == ["15.72", "15.72", "2.76", "2.76"]
    chemicals = next(line.split() for line in lines if line.startswith("Chemicals "))
    assert (chemicals[2], chemicals[-1]) == ("7.50", "NO")
    assert "18 of the 19 sectors" in ran.stdout
    found = json.loads(run("--data", folder, "--format", "json").stdout)
    assert found["agrees"] and found["sectors_as_printed"] == 18
    assert found["tables"]["replication"][16]["theta"] is None  # medical instruments
    assert run("--data", folder, "-o", tmp_path / "p", "--format", "parquet").exit_code == 0
    written = pd.read_parquet(tmp_path / "p" / "sample_99.parquet")
    printed = pd.read_csv(io.StringIO(run("--data", folder, "--format", "csv").stdout))
    assert list(printed["sector"]) == list(written["sector"])


# -- other people's files --------------------------------------------------------------------
HEADER = "sector,y,x,triad\n"


def made_up(folder: Path, text: str, name: str = "elasticity_triads.csv") -> Path:
    (folder / name).write_text(text)
    return folder


def every_sector(slope: float = -2.0) -> str:
    """Two rows for each of the 19 sectors, in the file's own format."""
    rows = [
        f"{j},{slope * x + e},{x},{triad}"
        for j in range(1, 20)
        for x, e, triad in ((0.1, 0.1, "CAN CHE JPN"), (0.2, -0.1, "CAN EU25 JPN"))
    ]
    return HEADER + "\n".join([*rows, "1,,0.3,ARG AUS CAN"]) + "\n"


def test_a_file_that_gives_something_else_is_not_replicated(tmp_path: Path) -> None:
    ran = run("--data", made_up(tmp_path, every_sector()))
    assert ran.exit_code == 1
    assert "NOT replicated" in ran.stdout
    found = caliendo_parro_elasticities(tmp_path).tables[0].frame.set_index("sector")
    # Σxy = −0.2·0.05 + 0.01 − 0.02 over Σx² = 0.05
    assert found.loc["Agriculture", "theta"] == pytest.approx(2.2)
    assert found.loc["Agriculture", "n_obs"] == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sector,y,x\n1,1,1\n", "triad"),
        (HEADER + "20,1,1,ARG AUS CAN\n", "line 2.*'20' is no known sector"),
        (HEADER + "1,1,1,ARG AUS CAN\n1,2,1,ARG AUS CAN\n", "line 3.*second row"),
        (HEADER + "1,1,1,ARG AUS CAN\n1,one,1,ARG AUS CHE\n", "line 3.*'one'"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        caliendo_parro_elasticities(made_up(tmp_path, text))
    ran = run("--data", tmp_path)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")


def test_a_folder_without_the_file_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        caliendo_parro_elasticities(tmp_path / "none")
    made_up(tmp_path, HEADER, "elasticity_triad.csv.gz")
    with pytest.raises(InputError, match=r"there is elasticity_triad\.csv\.gz\. Did you mean"):
        caliendo_parro_elasticities(tmp_path)
