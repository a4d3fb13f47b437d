"""``detente zones`` and ``detente debt``: what they print, and what they refuse."""

from __future__ import annotations

import csv
import io
import json

import pytest
import typer
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.debt import app as debt_app
from detente.cli.zones import app as zones_app

app = typer.Typer(cls=Commands)
app.add_typer(zones_app, name="zones")
app.add_typer(debt_app, name="debt")


def run(*words, status=0):
    got = CliRunner().invoke(app, list(words))
    assert got.exit_code == status, got.output
    return got


@pytest.mark.parametrize(
    "words",
    [
        ("zones", "list"),
        ("zones", "show", "kaesong"),
        ("zones", "show", "hungnam"),
        ("debt", "list"),
        ("debt", "show", "russia-2012"),
    ],
)
def test_everything_fits_80_columns(words):
    assert max(map(len, run(*words).stdout.splitlines())) <= 80


def test_the_list_has_kaesong_and_the_thirteen():
    rows = json.loads(run("zones", "list", "--format", "json").stdout)
    assert len(rows) == 14
    assert sum(r["investment"] for r in rows if r["name"] != "kaesong") == 1590
    table = list(csv.DictReader(io.StringIO(run("zones", "list", "--format", "csv").stdout)))
    assert [r["name"] for r in table] == [r["name"] for r in rows]


def test_a_zone_is_shown_with_its_size_range_and_sources():
    shown = run("zones", "show", "kaesong").stdout
    assert "Both ways 2,337" in shown
    for word in ("(verified)", "(unverified)", "(derived)", "(assumed)", "Law:"):
        assert word in shown
    found = json.loads(run("zones", "show", "kaesong", "--format", "json").stdout)
    assert found["sold"] + found["bought"] == pytest.approx(2338, rel=1e-3)
    assert sum(r["sales"] for r in found["by_sector"]) == pytest.approx(found["sold"])
    assert found["unit"] == "million USD a year"


def test_other_workers_scale_it():
    half = json.loads(
        run("zones", "show", "kaesong", "--workers", "26500", "--format", "json").stdout
    )
    assert half["sold"] + half["bought"] == pytest.approx(1169, rel=1e-3)
    assert half["workers"] == 26500


def test_debt_is_shown_with_its_payments_and_present_value():
    shown = run("debt", "show", "russia-2012").stdout
    for word in ("40\nparts of 27.25", "54.5 a year", "2032-09-17", "816.9", "92.5 %"):
        assert word in shown or word.replace("\n", " ") in shown
    found = json.loads(run("debt", "show", "russia-2012", "--format", "json").stdout)
    assert [w["rate"] for w in found["worth"]] == [0.03, 0.05, 0.09, 0.10]
    assert [w["reduction"] for w in found["worth"]] == pytest.approx([9870 / 10960] * 4)
    assert shown.count("90.1 %") == 4
    assert sum(p["payment"] for p in found["schedule"]) == pytest.approx(1090)
    rows = list(
        csv.DictReader(
            io.StringIO(run("debt", "show", "russia-2012", "--format", "csv").stdout)
        )
    )
    assert len(rows) == 40
    assert rows[-1]["day"] == "2032-09-17"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("zones", "show", "kaesung"), "Did you mean 'kaesong'"),
        (("zones", "show", "kaesong", "--workers", "inf"), "--workers: 'inf' is no number"),
        (("zones", "show", "kaesong", "--workers", "nan"), "--workers: 'nan' is no number"),
        (("zones", "show", "kaesong", "--workers=-5"), "zero or above"),
        (("zones", "show", "kaesong", "--workers", "53,000"), "Did you mean '53000'"),
        (("zones", "show", "kaesong", "--workers", "900000"), "PRK has 269,359 at work"),
        (("debt", "show", "rusia-2012"), "Did you mean 'russia-2012'"),
        (("debt", "show", "russia-2012", "--rate", "3"), "Did you mean '3% (0.03)'"),
        (("debt", "show", "russia-2012", "--rate", "x"), "is not a rate"),
    ],
)
def test_mistakes_are_told_with_the_nearest_valid_thing(words, says):
    got = run(*words, status=2)
    assert says in got.stderr
    assert got.stdout == ""
