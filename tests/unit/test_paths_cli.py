"""`detente path`, as a person and as a pipe see it."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from clikorea import korea_like
from detente import load_scenario, load_world, solve
from detente.cli.path import path, run_path
from detente.errors import InputError
from detente.paths import solve_path

RELIEF = """\
scenario: Relief that snaps back
measures:
  - suspend: {regime: unsc-dprk, on: 2020-01-01, until: 2021-12-31}
"""
app = typer.Typer(pretty_exceptions_enable=False)
app.command()(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("path")
    file = folder / "relief.yaml"
    file.write_text(RELIEF, encoding="utf-8")
    return str(file), str(korea_like().save(folder / "k.npz"))


def run(files: tuple[str, str], *more: Any) -> Any:
    return CliRunner().invoke(app, [files[0], "--world", files[1], *map(str, more)])


def printed(cell: str, value: float) -> bool:
    """Whether a cell is a number rounded to the last digit that it shows."""
    text = cell.removesuffix(" %").replace("−", "-").replace(",", "")
    half = 0.5 * 10.0 ** -len(text.partition(".")[2])
    return abs(float(text) - value) <= half * (1 + 1e-9)


def test_the_answer_names_the_figures_of_the_result(files: tuple[str, str]) -> None:
    shown = run(files, "--years", 5, "--country", "PRK", "--capital", "PRK,CHN")
    assert shown.exit_code == 0, shown.exception
    assert max(map(len, shown.stdout.splitlines())) <= 80
    given = load_scenario(files[0]).with_(capital=["PRK", "CHN"])
    found = solve_path(load_world(files[1]), given, 5)
    for year, row in found.of("PRK").iterrows():
        line = next(x for x in shown.stdout.splitlines() if x.startswith(f"{year} "))
        cells = re.split(r"\s{2,}", line.strip())
        changes = [100 * row[key] for key in ("welfare", "own_earnings")]
        deficit = row["imports_new"] - row["exports_new"]
        money = [row["equivalent_variation"], row["exports_new"], row["imports_new"], deficit]
        for cell, value in zip(
            cells[1:], [*changes, *money, 100 * row["capital"]], strict=True
        ):
            assert printed(cell, value), (year, cell, value)
    assert "1: suspend unsc-dprk." in shown.stdout
    assert "2: nothing beside the law of the baseline." in shown.stdout
    assert "all converged" in shown.stdout


def test_machines_get_every_table(files: tuple[str, str], tmp_path: Path) -> None:
    whole = json.loads(run(files, "--years", 3, "--format", "json").stdout)
    assert whole["settings"]["years"] == 3
    assert set(whole["tables"]) >= {"path_years", "path_phases", "path_totals"}
    csv = run(files, "--years", 3, "--format", "csv", "--table", "path_totals").stdout
    table = pd.read_csv(StringIO(csv))
    assert list(table["country"]) == list(korea_like().countries)
    out = tmp_path / "out"
    assert run(files, "--years", 3, "-o", out).exit_code == 0
    facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert facts["run_again"].startswith("detente path scenario.yaml")
    written = pd.read_parquet(out / "tables" / "path_years.parquet")
    pd.testing.assert_frame_equal(
        written, pd.read_csv(out / "tables" / "path_years.csv"), check_dtype=False
    )


def test_without_years_there_are_twenty(files: tuple[str, str]) -> None:
    csv = run(files, "--format", "csv").stdout
    assert sorted(set(pd.read_csv(StringIO(csv))["year"])) == list(range(2020, 2040))


def test_run_solves_a_path_only_where_one_is_asked_for(files: tuple[str, str]) -> None:
    world, given = load_world(files[1]), load_scenario(files[0])
    assert run_path(solve(world, given)) is None
    found = run_path(solve(world, given.with_(years=4)))
    assert found is not None and len(found.calendar) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--years", 0), "--years: 0 is no number of years"),
        (("--country", "PRX"), "--country: unknown country 'PRX'.*Did you mean 'PRK'"),
        (("--table", "path_year", "--years", 2), "Did you mean 'path_years'"),
        (("--discount-rate", "300"), "--discount-rate: "),
        (("--capital", "PRK,CHM"), "unknown country 'CHM'"),
        (("--adjustment-years", -2), "--adjustment-years: "),
        (("--format", "parquet"), "say where with -o DIR"),
        (("--tolerance", 1), "not between"),
    ],
)
def test_what_is_wrong_is_named(
    files: tuple[str, str], options: tuple[Any, ...], message: str
) -> None:
    found = run(files, *options)
    assert isinstance(found.exception, InputError)
    with pytest.raises(InputError, match=message):
        raise found.exception
