"""`detente world`, `schema` and `replicate`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clikorea import korea_like
from detente.cli import app
from detente.cli.replicate import REPLICATIONS

DATA = Path(os.environ.get("DETENTE_SHARED_DATA", Path(__file__).parents[3] / "shared/data"))


def detente(*args: str | Path) -> Any:
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(korea_like().save(tmp_path_factory.mktemp("world") / "k.npz"))


def test_info_shows_flags_and_sources(world: str) -> None:
    shown = detente("world", "info", world)
    assert shown.exit_code == 0
    assert "1 observed, 0 derived, 1 assumed" in shown.stdout
    assert "assumed   technology of the DPRK\n          a donor; 2018" in shown.stdout
    assert "PROVISIONAL" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_info_as_json_has_every_table(world: str) -> None:
    found = json.loads(detente("world", "info", world, "--format", "json").stdout)
    made = korea_like()
    assert found["hash"] == made.content_hash
    rows = {row["country"]: row for row in found["tables"]["countries"]}
    assert rows["PRK"]["value_added"] == pytest.approx(made.value_added[0])
    assert rows["PRK"]["imports"] - rows["PRK"]["exports"] == pytest.approx(made.deficit[0])
    assert sum(row["deficit"] for row in rows.values()) == pytest.approx(0.0, abs=1e-6)


def test_check_passes_a_good_world_and_fails_a_bad_one(world: str, tmp_path: Path) -> None:
    assert detente("world", "check", world).exit_code == 0
    made = korea_like()
    bad = made.with_(value_added=made.value_added * 1.001)
    found = detente("world", "check", str(bad.save(tmp_path / "bad.npz")))
    assert found.exit_code == 1
    row = next(x for x in found.stdout.splitlines() if x.startswith("value added"))
    assert "FAIL" in row.split()
    assert "checks FAIL" in found.stdout


def test_embedded_worlds_are_listed_and_pass_their_checks() -> None:
    listed = json.loads(detente("world", "list", "--format", "json").stdout)
    names = [row["name"] for row in listed]
    assert {"korea", "korea-before"} <= set(names)
    for name in ("korea", "korea-before"):
        found = detente("world", "check", name)
        assert found.exit_code == 0, found.stdout
        assert max(map(len, found.stdout.splitlines())) <= 80
        shown = detente("world", "info", name)
        assert max(map(len, shown.stdout.splitlines())) <= 80
        assert "…\n" not in shown.stdout


@pytest.mark.parametrize("command", ["info", "check"])
def test_unknown_and_broken_worlds_are_refused(command: str, tmp_path: Path) -> None:
    ran = detente("world", command, "koera")
    assert (ran.exit_code, "Did you mean 'korea'" in ran.stderr) == (2, True)
    path = tmp_path / "w.npz"
    path.write_bytes(b"PK\x03\x04 not a world")
    ran = detente("world", command, path)
    assert (ran.exit_code, str(path) in ran.stderr) == (2, True)


def test_schema_is_a_json_schema() -> None:
    found = json.loads(detente("schema").stdout)
    assert found["$schema"].startswith("https://json-schema.org/")
    assert "unban" in found["$defs"]


def test_replication_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    ran = detente("replicate", "caliendo-paro-2015", "--data", tmp_path)
    assert (ran.exit_code, "Did you mean 'caliendo-parro-2015'" in ran.stderr) == (2, True)
    ran = detente("replicate", "caliendo-parro-2015", "--data", tmp_path / "none")
    assert ran.exit_code == 2
    assert ran.stderr.startswith("error: ")


def test_every_replication_is_listed_and_says_what_it_needs(tmp_path: Path) -> None:
    listed = detente("replicate", "--help").stdout
    assert len(REPLICATIONS) >= 3
    for name in REPLICATIONS:
        assert f"  {name} " in listed
        for folder in (tmp_path / "none", tmp_path):
            ran = detente("replicate", name, "--data", folder)
            assert (ran.exit_code, ran.stdout) == (2, "")
            assert ran.stderr.startswith("error: ") and str(folder) in ran.stderr
    ran = detente("replicate", name, "--data", tmp_path, "--format", "parquet")
    assert (ran.exit_code, "-o DIR" in ran.stderr) == (2, True)


@pytest.mark.skipif(not (DATA / "cp2015").is_dir(), reason="the shared data are not here")
def test_replication_prints_published_beside_computed() -> None:
    ran = detente("replicate", "caliendo-parro-2015", "--data", DATA / "cp2015")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert max(map(len, ran.stdout.splitlines())) <= 80
    mexico = next(x for x in ran.stdout.splitlines() if x.startswith("MEX") or "Mexico" in x)
    published, computed = mexico.split()[1:3]
    assert published == computed == "1.3121"
