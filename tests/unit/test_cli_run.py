"""`detente run`, as a person and as a pipe see it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from clikorea import korea_like
from detente import load_scenario, load_world, solve
from detente.cli import app
from detente.report.numbers import percent_size

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FLAGSHIP = SCENARIOS / "korea-opens.yaml"
SCRIPT = "import sys; from detente.cli import main; sys.argv[0] = 'detente'; main()"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(korea_like().save(tmp_path_factory.mktemp("world") / "k.npz"))


def detente(*args: str | Path) -> Any:
    return CliRunner().invoke(app, [str(a) for a in args])


def shell(*args: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def strict(text: str) -> Any:
    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text, parse_constant=refuse)


# -- the answer on a terminal ----------------------------------------------------------------
def test_answer_names_the_figures_of_the_result(world: str) -> None:
    result = solve(load_world(world), load_scenario(FLAGSHIP))
    shown = detente("run", FLAGSHIP, "--world", world).stdout
    dprk = result.welfare.loc["PRK"]
    assert f"rises by {percent_size(dprk['welfare'])}" in " ".join(shown.split())
    assert f"USD {dprk['equivalent_variation']:.1f} million a year" in " ".join(shown.split())
    assert "European Union" in shown.split("Trade partners")[1].splitlines()[2]
    assert result.partners("PRK").index[0] == "EU27"
    assert "PROVISIONAL" in shown
    assert result.world.content_hash[:12] in shown


@pytest.mark.parametrize("name", [p.name for p in sorted(SCENARIOS.glob("*.yaml"))])
def test_eighty_columns_whatever_the_scenario(name: str) -> None:
    ran = shell("run", SCENARIOS / name, env=os.environ | {"COLUMNS": "200"})
    assert ran.returncode == 0, ran.stderr
    assert max(map(len, ran.stdout.splitlines())) <= 80
    assert "\x1b" not in ran.stdout
    numbers_cut = re.findall(r"\d…", ran.stdout)
    assert not numbers_cut


def test_rows_of_a_table_do_not_wrap(world: str) -> None:
    shown = detente("run", FLAGSHIP, "--world", world).stdout
    block = shown.split("Who gains and who loses\n")[1].split("\nA year")[0]
    rows = block.splitlines()[1:]
    assert len(rows) == 6 + 1 + 1
    assert all(re.search(r"[+−]?[\d,.]+\s*$", row) for row in rows)


def test_no_effect_is_said(world: str) -> None:
    shown = " ".join(
        detente("run", SCENARIOS / "snapback.yaml", "--world", world).stdout.split()
    )
    assert "Nothing changes" in shown
    assert "No measure is in force on 2022-01-01 (1 snapped back)" in shown


def test_at_shows_the_state_of_the_day(world: str) -> None:
    at = ("--at", "2021-06-30")
    shown = detente("run", SCENARIOS / "snapback.yaml", "--world", world, *at).stdout
    assert "2021-06-30, as asked" in shown
    assert "The DPRK gains" in shown
    assert "PRK, if" in shown
    # every row is of that day, not of the scenario's end, where nothing is open
    rows = shown[shown.index("PRK, if") :].splitlines()
    assert all(" 0 %" not in row for row in rows if row.startswith("ψ ×"))


def test_what_rebasing_moved_is_shown() -> None:
    """The baseline without deficits is another one: its moves and its trade are told."""
    world = load_world("korea")
    shown = detente("run", FLAGSHIP, "--deficit-rule", "balanced").stdout
    told = " ".join(shown.split())
    moved = world.rebase("balanced").value_added / world.value_added - 1
    most = 100 * moved[world.country_index("PRK")]
    assert abs(most) == pytest.approx(100 * abs(moved).max())
    assert f"factor income of the DPRK −{abs(most):.1f} %" in told
    assert "as the scenario says†" in told
    assert "ψ × 10†" in told
    assert "deficits fixed†" not in told
    before = [
        solve(world, load_scenario(FLAGSHIP).with_(deficit_rule=rule)).partners("PRK")["total"]
        for rule in ("balanced", "fixed")
    ]
    here, there = (f"USD {t.sum() / 1000:.2f} billion" for t in before)
    note = f"trade of the DPRK before is {here} in it, {there} in the other rows."
    assert f"† Another baseline, re-based to zero deficits: {note}" in told
    plain = detente("run", FLAGSHIP).stdout
    assert "Baseline" not in plain
    assert "no deficits at all†" in plain


def test_country_and_rule_are_taken(world: str) -> None:
    options = ("--country", "KOR", "--deficit-rule", "proportional:PRK", "--psi-scale", "0.5")
    ran = detente("run", FLAGSHIP, "--world", world, "--format", "json", *options)
    found = strict(ran.stdout)
    assert found["settings"]["deficit_rule"] == "proportional"
    assert found["settings"]["proportional_to"] == "PRK"
    assert found["tables"]["partners"][0]["country"] == "KOR"
    assert found["scenario"]["notes"]["dormant_share"]["psi_scale"] == 0.5


# -- for machines ------------------------------------------------------------------------------
def test_json_is_the_whole_document(world: str) -> None:
    ran = shell("run", FLAGSHIP, "--world", world, "--format", "json")
    found = strict(ran.stdout)
    assert {
        "certificate", "world", "scenario", "version", "settings", "provisional", "tables",
    } <= found.keys()  # fmt: skip
    assert {"converged", "residual", "iterations", "seconds", "tolerance"} <= found[
        "certificate"
    ].keys()
    assert found["certificate"]["converged"] is True
    assert found["certificate"]["residual"] <= found["certificate"]["tolerance"]
    assert found["provisional"] is True
    sizes = {len(rows) for key, rows in found["tables"].items() if key == "welfare"}
    assert sizes == {found["world"]["countries"]}


def test_csv_reads_back_to_the_result(world: str, tmp_path: Path) -> None:
    ran = detente("run", FLAGSHIP, "--world", world, "--format", "csv")
    path = tmp_path / "welfare.csv"
    path.write_text(ran.stdout)
    read = pd.read_csv(path).set_index("country")
    result = solve(load_world(world), load_scenario(FLAGSHIP))
    pd.testing.assert_frame_equal(read, result.welfare, rtol=1e-14)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_go_to_a_folder(world: str, tmp_path: Path, ending: str) -> None:
    out = tmp_path / "t"
    for _ in range(2):  # the second run replaces the first
        ran = detente("run", FLAGSHIP, "--world", world, "--format", ending, "-o", out)
        assert ran.exit_code == 0, ran.stderr
    assert {p.suffix for p in out.iterdir()} == {f".{ending}", ".json"}
    read = pd.read_csv if ending == "csv" else pd.read_parquet
    assert set(read(out / f"welfare.{ending}")["country"]) == set(korea_like().countries)


def test_no_trade_has_no_rank(world: str) -> None:
    ran = detente("run", FLAGSHIP, "--world", world, "--format", "json", "--table", "partners")
    rows = strict(ran.stdout)
    assert {row["total"] > 0 for row in rows} == {True, False}
    assert all((row["rank"] is None) == (row["total"] == 0) for row in rows)
    shown = detente("run", FLAGSHIP, "--world", world, "--table", "partners").stdout
    assert "NA" not in shown.replace("MENA", "")


def test_python_and_the_command_line_give_one_document(world: str) -> None:
    ran = detente("run", FLAGSHIP, "--world", world, "--format", "json")
    found, own = strict(ran.stdout), solve(load_world(world), load_scenario(FLAGSHIP)).to_dict()
    for document in (found, own):  # the clock differs from run to run
        document["certificate"].pop("seconds")
    assert found == json.loads(json.dumps(own))


def test_one_table_as_json(world: str) -> None:
    ran = detente("run", FLAGSHIP, "--world", world, "--format", "json", "--table", "welfare")
    assert {row["country"] for row in strict(ran.stdout)} == set(korea_like().countries)


@pytest.mark.parametrize("table", ["welfare", "sectors", "trade", "decomposition"])
def test_any_table_fits_eighty_columns(world: str, table: str) -> None:
    shown = detente("run", FLAGSHIP, "--world", world, "--table", table).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert not re.findall(r"\d…", shown)


# -- what is refused ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--country", "KRO"], "Did you mean 'KOR'"),
        (["--country", "Japan"], "Did you mean 'JPN'"),
        (["--world", "koera"], "Did you mean 'korea'"),
        (["--world", "nowhere.npz"], "nowhere.npz"),
        (["--dprk-size", "big"], "'un' and 'bok'"),
        (["--at", "2021-02-30"], "28 days"),
        (["--at", "soon"], "2020-01-31"),
        (["--deficit-rule", "fixd"], "Did you mean 'fixed'"),
        (["--deficit-rule", "proportional:XXX"], "unknown country 'XXX'"),
        (["--psi-scale", "-1"], "--psi-scale"),
        (["--psi-scale", "nan"], "--psi-scale"),
        (["--tolerance", "0"], "1e-13"),
        (["--table", "wellfare"], "Did you mean 'welfare'"),
        (["--format", "parquet"], "-o DIR"),
        (["--format", "xml"], "xml"),
        (["--unknown"], "--unknown"),
        (["-o", str(FLAGSHIP)], "not a folder"),
    ],
)
def test_bad_options_are_refused_in_words(world: str, options: list[str], told: str) -> None:
    given = options if "--world" in options else ["--world", world, *options]
    ran = detente("run", FLAGSHIP, *given)
    assert ran.exit_code == 2
    assert told in ran.stderr
    assert not ran.stdout
    assert ran.exception is None or isinstance(ran.exception, SystemExit)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no such file"),
        ("", "scenario.yaml"),
        ("scenario: x\nmesures: []\n", "Did you mean 'measures'"),
        ("scenario: x\nmeasures:\n  - tarif: {}\n", "Did you mean 'tariff'"),
        ("scenario: x\nscenario: y\n", "scenario"),
        ("scenario: x\nmeasures:\n  - ban: {exporter: PRK, importer: KRO}\n", "KOR"),
    ],
)
def test_bad_files_are_refused_with_their_name(
    world: str, tmp_path: Path, text: str | None, told: str
) -> None:
    path = tmp_path / "scenario.yaml"
    if text is not None:
        path.write_text(text)
    ran = shell("run", path, "--world", world)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: ")
    assert str(path) in ran.stderr
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("named", "near"), [("koera", "korea"), ("wrold.npz", "world.npz"), ("a/b.npz", "")]
)
def test_a_wrong_world_in_a_scenario_is_placed(tmp_path: Path, named: str, near: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"scenario: x\nworld: {named}\nmeasures: []\n")
    korea_like().save(tmp_path / "world.npz")
    ran = detente("run", path)
    assert ran.exit_code == 2
    assert ran.stderr.startswith(f"error: {path}, line 2, key 'world': ")
    assert (f"Did you mean '{near}'?" in ran.stderr) is bool(near)


def test_a_folder_is_no_scenario(world: str, tmp_path: Path) -> None:
    ran = detente("run", tmp_path, "--world", world)
    assert (ran.exit_code, "directory" in ran.stderr) == (2, True)


def test_no_solution_is_status_one(world: str, tmp_path: Path) -> None:
    path = tmp_path / "ruin.yaml"
    path.write_text(
        "scenario: ruin\nmeasures:\n"
        "  - transfer: {from: PRK, to: KOR, amount: 900 billion USD}\n"
    )
    ran = detente("run", path, "--world", world)
    assert ran.exit_code == 1
    assert "PRK would have no income left" in ran.stderr


def test_a_reader_who_leaves_gets_no_traceback(world: str) -> None:
    command = [sys.executable, "-c", SCRIPT, "run", str(FLAGSHIP), "--world", world]
    command += ["--table", "trade"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        told = process.stderr.read().decode()
    assert "Traceback" not in told
    assert "BrokenPipe" not in told
    assert process.returncode != 0


def test_a_terminal_without_greek_does_not_fail(world: str) -> None:
    ran = shell(
        "run", FLAGSHIP, "--world", world, env=os.environ | {"PYTHONIOENCODING": "ascii"}
    )
    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr


# -- a run's folder ----------------------------------------------------------------------------
def test_folder_is_whole_and_runs_again(world: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = detente("run", FLAGSHIP, "--world", world, "-o", out)
    assert first.exit_code == 0, first.stderr
    facts = strict((out / "run.json").read_text())
    held = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert held == {"run.json", *facts["files"]}
    assert {"summary.md", "report.html", "scenario.yaml", "charts/welfare.svg"} <= held
    again = detente("run", out / "scenario.yaml", "--world", world, "--format", "json")
    found = strict(again.stdout)
    assert found["scenario"]["hash"] == facts["scenario"]["hash"]
    assert found["scenario"]["shocks_hash"] == facts["scenario"]["shocks_hash"]
    read = pd.read_parquet(out / "tables" / "welfare.parquet")
    assert read["welfare"].tolist() == pytest.approx(
        [row["welfare"] for row in found["tables"]["welfare"]], abs=1e-12
    )


def run_again(out: Path) -> tuple[Any, Any]:
    """What run.json says, and the document that its own command gives, run in the folder."""
    facts = strict((out / "run.json").read_text())
    command = shlex.split(facts["run_again"])
    assert command[0] == "detente"
    ran = shell(*command[1:], "--format", "json", cwd=out)
    assert ran.returncode == 0, ran.stderr
    return facts, strict(ran.stdout)


def same_answer(out: Path, facts: Any, found: Any) -> None:
    assert found["world"]["hash"] == facts["world"]["hash"]
    assert found["scenario"]["hash"] == facts["scenario"]["hash"]
    assert found["scenario"]["shocks_hash"] == facts["scenario"]["shocks_hash"]
    read = pd.read_parquet(out / "tables" / "welfare.parquet")
    assert read["welfare"].tolist() == pytest.approx(
        [row["welfare"] for row in found["tables"]["welfare"]], abs=1e-12
    )


def test_a_run_on_a_file_carries_its_world(tmp_path: Path) -> None:
    """A world of the embedded one's name, and of other numbers, is not confused with it."""
    here = tmp_path / "someone's home"
    here.mkdir()
    world = korea_like(name="korea").save(here / "mine.npz")
    out = here / "run"
    ran = detente("run", FLAGSHIP, "--world", world, "--psi-scale", "0.5", "-o", out)
    assert ran.exit_code == 0, ran.stderr
    for name in ("run.json", "scenario.yaml", "summary.md", "report.html"):
        assert str(tmp_path) not in (out / name).read_text()
    world.unlink()
    facts, found = run_again(out)
    assert facts["world"]["hash"] == load_world(out / "world.npz").content_hash
    assert facts["world"]["hash"] != load_world("korea").content_hash
    same_answer(out, facts, found)


def test_a_run_on_an_embedded_world_names_its_size(tmp_path: Path) -> None:
    out = tmp_path / "run"
    ran = detente("run", FLAGSHIP, "--dprk-size", "bok", "--country", "KOR", "-o", out)
    assert ran.exit_code == 0, ran.stderr
    assert not (out / "world.npz").exists()
    facts, found = run_again(out)
    assert facts["world"]["hash"] == load_world("korea", "bok").content_hash
    assert found["tables"]["partners"][0]["country"] == "KOR"
    same_answer(out, facts, found)


def test_folder_replaces_an_older_run_only(world: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    asked = ("run", FLAGSHIP, "--world", world, "-o", out)
    assert detente(*asked).exit_code == 0
    assert detente(*asked).exit_code == 0
    (out / "notes.txt").write_text("mine")
    refused = detente(*asked)
    assert (refused.exit_code, "notes.txt" in refused.stderr) == (2, True)
    assert (out / "notes.txt").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.doc").write_text("mine")
    refused = detente("run", FLAGSHIP, "--world", world, "-o", other)
    assert (refused.exit_code, "not empty" in refused.stderr) == (2, True)
    assert [p.name for p in other.iterdir()] == ["thesis.doc"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "run"]


def test_version_and_help() -> None:
    assert re.fullmatch(r"detente \d+\.\d+\.\d+\S*\n", detente("--version").stdout)
    for command in (["run"], ["world", "list"], ["world", "info"], ["world", "check"],
                    ["schema"], ["replicate"]):  # fmt: skip
        shown = detente(*command, "--help")
        assert shown.exit_code == 0
        assert f"Example: detente {' '.join(command)}" in shown.stdout
        assert max(map(len, shown.stdout.splitlines())) <= 80
