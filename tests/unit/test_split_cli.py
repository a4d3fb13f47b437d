"""`detente world split`: what it prints and writes, and what it refuses without writing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from detente.cli import app
from detente.world import load_world
from worlds import random_world

SPEC = """\
split: Newland out of C01
country: {code: NEW, name: Newland}
out_of: C01
year: 2022
value_added: {total: 12}
trade: {file: trade.csv}
"""
ROWS = "flow,partner,sector,value\nexports,C02,s01,0.01\nimports,all,all,3\n"


def detente(*args: str | Path) -> Any:
    return CliRunner().invoke(app, ["world", "split", *(str(a) for a in args)])


@pytest.fixture
def here(tmp_path: Path) -> Path:
    random_world(3, 5, 4).save(tmp_path / "w.world")
    (tmp_path / "new.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "trade.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path


def test_it_writes_a_world_and_says_what_moved(here: Path) -> None:
    out = here / "mine.world"
    ran = detente(here / "w.world", here / "new.yaml", "-o", out)
    assert ran.exit_code == 0, ran.output
    assert max(map(len, ran.stdout.splitlines())) <= 80
    for part in (
        "Newland (NEW), 2022",
        "out of C01",
        "value added",
        "Donor C01",
        "What is left",
    ):
        assert part in ran.stdout, ran.stdout
    new = load_world(out)
    assert new.countries[0] == "NEW"
    assert new.content_hash[:12] in ran.stdout
    assert new.flows[1, 0, new.country_index("C02")] == 0.01
    assert new.check().passed


def test_without_a_file_nothing_is_written(here: Path) -> None:
    before = sorted(here.iterdir())
    ran = detente(here / "w.world", here / "new.yaml")
    assert ran.exit_code == 0
    assert "Nothing is written" in ran.stdout
    assert sorted(here.iterdir()) == before


def test_json_has_the_record_and_the_tables(here: Path) -> None:
    ran = detente(here / "w.world", here / "new.yaml", "--format", "json")
    found = json.loads(ran.stdout)
    assert found["country"] == "NEW" and found["file"] is None
    assert found["split"]["totals"]["value_added"] == pytest.approx(12)
    assert found["split"]["totals"]["imports"] == pytest.approx(3)
    assert {"donor", "others", "method", "value_added", "estimate"} <= set(found["split"])
    sectors = found["tables"]["sectors"]
    assert sum(row["value_added"] for row in sectors) == pytest.approx(12)
    assert sum(row["imports"] for row in found["tables"]["partners"]) == pytest.approx(3)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_trade_of_another_unit_is_warned_of_in_every_format(here: Path, form: str) -> None:
    (here / "trade.csv").write_text(ROWS.replace("all,all,3", "all,all,0.0003"))
    ran = detente(here / "w.world", here / "new.yaml", "--format", form)
    assert ran.exit_code == 0, ran.output
    assert "warning: imports of 0.0003 million USD" in ran.stderr
    assert "warning:" not in ran.stdout


def test_csv_has_the_sectors(here: Path) -> None:
    ran = detente(here / "w.world", here / "new.yaml", "--format", "csv")
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("sector,value_added,output")
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("total: 12", "total: 1e9", "the aggregate has"),
        ("out_of: C01", "out_of: C011", "Did you mean 'C01'"),
        ("file: trade.csv", "file: tarde.csv", "Did you mean 'trade.csv'"),
    ],
)
def test_a_spec_that_does_not_work_writes_nothing(
    here: Path, old: str, new: str, told: str
) -> None:
    (here / "new.yaml").write_text(SPEC.replace(old, new), encoding="utf-8")
    before = sorted(here.iterdir())
    ran = detente(here / "w.world", here / "new.yaml", "-o", here / "mine.world")
    assert ran.exit_code == 2
    assert told in ran.stderr and "Traceback" not in ran.output
    assert sorted(here.iterdir()) == before


def test_infeasible_totals_are_named_and_nothing_is_written(here: Path) -> None:
    rows = ROWS + "imports,C02,all,2\nimports,C03,all,2\n"
    (here / "trade.csv").write_text(rows, encoding="utf-8")
    before = sorted(here.iterdir())
    ran = detente(here / "w.world", here / "new.yaml", "-o", here / "mine.world")
    assert ran.exit_code == 2
    assert "all imports" in ran.stderr
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("name", ["mine", "mine.csv"])
def test_a_file_that_no_command_would_read(here: Path, name: str) -> None:
    ran = detente(here / "w.world", here / "new.yaml", "-o", here / name)
    assert ran.exit_code == 2
    assert ".world" in ran.stderr


def test_a_folder_that_is_not_there(here: Path) -> None:
    ran = detente(here / "w.world", here / "new.yaml", "-o", here / "no" / "mine.world")
    assert ran.exit_code == 2 and "no folder" in ran.stderr


def test_an_earlier_world_stays_where_the_split_fails(here: Path) -> None:
    out = here / "mine.world"
    assert detente(here / "w.world", here / "new.yaml", "-o", out).exit_code == 0
    before = out.read_bytes()
    (here / "new.yaml").write_text(SPEC.replace("total: 12", "total: 1e9"), encoding="utf-8")
    assert detente(here / "w.world", here / "new.yaml", "-o", out).exit_code == 2
    assert out.read_bytes() == before


def test_the_embedded_dprk_spec_runs_by_name() -> None:
    ran = detente("world-2022", "prk-2018-un")
    assert ran.exit_code == 0, ran.output
    assert max(map(len, ran.stdout.splitlines())) <= 80
    assert "Democratic People's Republic of Korea (PRK), 2018: added to world" in ran.stdout
    assert "Partners: outputs unchanged" in ran.stdout


def test_help_has_an_example() -> None:
    ran = CliRunner().invoke(app, ["world", "split", "--help"])
    assert "Example: detente world split" in ran.stdout


def test_the_how_to_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files, written as it says, give the output and the errors that it shows."""
    page = (Path(__file__).parents[2] / "docs/how-to/split-a-country.md").read_text("utf-8")
    spec, table, scenario = (b for _, b in re.findall(r"```(\w+)\n(.*?)```", page, re.S)[:3])
    monkeypatch.chdir(tmp_path)
    Path("andoria.yaml").write_text(spec, encoding="utf-8")
    Path("andoria-trade.csv").write_text(table, encoding="utf-8")
    Path("tariff.yaml").write_text(scenario, encoding="utf-8")

    def words(text: str) -> str:
        return " ".join(text.split())

    ran = detente("world-2022", "andoria.yaml", "-o", "andoria.world")
    assert ran.exit_code == 0, ran.output
    start = page.index("    Donor LATX")
    shown = words(page[start : page.index("The result is a world", start)])
    assert shown in words(ran.stdout)
    ran = CliRunner().invoke(app, ["run", "tariff.yaml", "--country", "XAN"])
    assert ran.exit_code == 0, ran.output
    for old, new in (
        ("", "exports,JPN,oil-gas,900,made up,2022,none,assumed\n"),
        ("USA,all,3400", "USA,all,34000"),
        ("imports,CHN,all,3900", "imports,CHN,all,11900"),
    ):
        changed = table.replace(old, new) if old else table + new
        Path("andoria-trade.csv").write_text(changed, encoding="utf-8")
        ran = detente("world-2022", "andoria.yaml")
        assert ran.exit_code == 2
        assert words(ran.stderr) in words(page)
