"""``detente world build``: from an ICIO file to a world, taken up again, and refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from detente.assembly.assemble import STAGES
from detente.assembly.files import Plan, build_file
from detente.cli import Commands
from detente.cli.build import build
from detente.errors import InputError, WorldError
from detente.world import load_world
from io_originals import icio_csv, icio_lines, made_up

COUNTRIES = ("CHN", "DEU", "FRA", "KOR", "MEX", "ROW", "USA")
SECTORS = ("A01", "C10T12", "C29", "G", "T")

app = typer.Typer(cls=Commands)
app.command("build")(build)


@app.callback()
def _group() -> None:
    """A group, as ``detente world`` is one."""


def detente(*args):
    return CliRunner().invoke(app, ["build", *map(str, args)])


@pytest.fixture
def icio(tmp_path):
    """A made-up ICIO of 2022 in the exact format of the 2025 release."""
    path = tmp_path / "2022_SML.csv"
    path.write_bytes(icio_csv(icio_lines(made_up(COUNTRIES, SECTORS), "2025")))
    return path


@pytest.fixture
def files(tmp_path, icio):
    """The table, a map, tariffs, elasticities, deficits."""
    texts = {
        "map.yaml": "countries: {EU: [DEU, FRA]}\nsectors: {services: [G, T]}\nrest: keep\n",
        "tariffs.csv": "importer,exporter,product,rate\n"
        "USA,CHN,8703,0.275\nUSA,WLD,8703,0.025\nEU,WLD,8703,0.1\nEU,WLD,01,0.12\n",
        "theta.csv": "sector,value\nA01,9\nC10T12,3\nC29,7\n",
        "deficits.csv": "country,value\nUSA,900000\nCHN,-300000\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in texts} | {"icio": icio}


def left(tmp_path, *expected):
    """What lies in the folder beside what was put there."""
    given = {"2022_SML.csv", "map.yaml", "tariffs.csv", "theta.csv", "deficits.csv"}
    return sorted(p.name for p in tmp_path.iterdir() if p.name not in given)


# -- it works --------------------------------------------------------------------------------
def test_a_world_from_every_kind_of_input(tmp_path, files):
    out = tmp_path / "my.world"
    shown = detente(
        "--icio", files["icio"], "--aggregate", files["map.yaml"], "--tariffs",
        files["tariffs.csv"], "--elasticities", files["theta.csv"], "--deficits",
        files["deficits.csv"], "-o", out,
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    assert max(map(len, shown.stdout.splitlines())) <= 80
    for text in ("balanced", "imputed", "million USD", "drawn from stocks", "MFN rate"):
        assert text in shown.stdout
    world = load_world(out)
    assert world.countries == ("EU", "CHN", "KOR", "MEX", "ROW", "USA")
    assert world.sectors == ("services", "A01", "C10T12", "C29")
    assert world.name == "my"
    assert world.check(1e-9).passed
    usa, chn, car = (
        world.country_index("USA"),
        world.country_index("CHN"),
        world.sector_index("C29"),
    )
    assert world.tariff[car, chn, usa] == pytest.approx(0.275)
    assert world.tariff[car, world.country_index("EU"), usa] == pytest.approx(0.025)
    assert world.deficit[usa] == pytest.approx(900000, rel=1e-6)
    assert left(tmp_path) == ["my.world"]


def test_the_report_as_json_lists_changes_sources_and_stages(tmp_path, files):
    out = tmp_path / "my.world"
    shown = detente("--icio", files["icio"], "-o", out, "--format", "json")
    found = json.loads(shown.stdout)
    assert found["hash"] == load_world(out).content_hash
    assert [s["stage"] for s in found["stages"]] == list(STAGES)
    assert {c["flag"] for c in found["changes"]} >= {"assumed", "balanced"}
    assert found["sources"][0]["name"] == "oecd-icio"
    assert found["verified"] == all(s["verified"] for s in found["sources"])
    assert found["largest_violation"] < 1e-9
    table = detente("--icio", files["icio"], "-o", out, "--force", "--format", "csv")
    assert table.stdout.splitlines()[0].startswith("stage,flag,what,amount")


def test_an_unverified_parser_says_so(tmp_path, files):
    from detente.sources.catalogue import entry

    shown = detente("--icio", files["icio"], "-o", tmp_path / "my.world")
    verified = entry("oecd-icio").vintage("2025").verified
    assert ("UNVERIFIED" in shown.stdout) == (not verified)


def test_the_named_map_takes_the_icio_to_the_embedded_economies(tmp_path, files):
    out = tmp_path / "k.npz"
    assert detente("--icio", files["icio"], "--aggregate", "korea", "-o", out).exit_code == 0
    world = load_world(out)
    assert set(world.countries) == {"CHN", "EU27", "KOR", "MEX", "ROW", "USA"}
    assert world.country_names[world.countries.index("EU27")] == "European Union (27)"
    assert world.sectors == ("agriculture", "food", "vehicles", "trade", "other-services")


def test_nothing_but_the_report_is_printed_in_a_pipe(tmp_path, files):
    code = (
        "import typer\nfrom detente.cli.build import build\n"
        "app = typer.Typer()\napp.command()(build)\napp()\n"
    )
    args = ["--icio", files["icio"], "-o", tmp_path / "my.world"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


# -- taken up again --------------------------------------------------------------------------
KILL = """
import os, signal, sys
from pathlib import Path
from detente.assembly import assemble, files, stages
def die(*args, **keys):
    os.kill(os.getpid(), signal.SIGKILL)
at = sys.argv[1]
if at == "in a stage":
    assemble.clean_table = die
elif at == "while storing":
    real = stages.Stages._store
    def store(self, number, name, found):
        if name == "aggregate":
            Path.replace = die  # the file is written, but has not got its name
        real(self, number, name, found)
    stages.Stages._store = store
elif at == "while writing":
    def save(world, path):
        Path(path).write_bytes(b"half a world")
        die()
    files.save_world = save
plan = files.Plan(icio=Path(sys.argv[2]), tariffs=Path(sys.argv[3]), name="my")
files.build_file(plan, sys.argv[4])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("at", "done"), [("in a stage", 4), ("while storing", 2), ("while writing", 5)]
)
def test_a_killed_build_goes_on_where_it_stopped(tmp_path, files, at, done):
    out = tmp_path / "my.world"
    args = (at, files["icio"], files["tariffs.csv"], out)
    killed = subprocess.run([sys.executable, "-c", KILL, *map(str, args)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    assert len(list((tmp_path / "my.world.build").glob("[0-9]-*.npz"))) == done
    plan = Plan(icio=files["icio"], tariffs=files["tariffs.csv"], name="my")
    built = build_file(plan, out)
    assert [was for _, was in built.stages] == [True] * done + [False] * (6 - done)
    whole = build_file(plan, tmp_path / "whole.world")
    assert not any(was for _, was in whole.stages)
    assert out.read_bytes() == (tmp_path / "whole.world").read_bytes()
    assert left(tmp_path) == ["my.world", "whole.world"]


INTERRUPT = """
import sys
from pathlib import Path
from detente.assembly import assemble
from detente.cli.build import build
def stop(*args, **keys):
    raise KeyboardInterrupt
setattr(assemble, sys.argv[1], stop)
build(icio=Path(sys.argv[2]), output=Path(sys.argv[3]))
"""


@pytest.mark.parametrize(
    ("at", "says"),
    [("clean_table", "goes on where it stopped"), ("table_tariffs", "goes on"),
     ("_read", "No stage was finished")],
)  # fmt: skip
def test_an_interrupted_build_says_how_it_goes_on(tmp_path, files, at, says):
    args = (at, files["icio"], tmp_path / "my.world")
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{says}" in done.stderr
    assert done.returncode not in (0, 2)
    assert not (tmp_path / "my.world").exists()


def taken_up(plan, out):
    return [name for name, was in build_file(plan, out, force=True, keep=True).stages if was]


def test_a_changed_input_starts_at_the_stage_where_it_matters(tmp_path, files):
    out = tmp_path / "my.world"
    plan = Plan(
        icio=files["icio"], tariffs=files["tariffs.csv"], elasticities=str(files["theta.csv"])
    )
    assert taken_up(plan, out) == []
    assert taken_up(plan, out) == list(STAGES[:5])
    files["theta.csv"].write_text("sector,value\nA01,8\n")
    assert taken_up(plan, out) == ["read", "tariffs", "aggregate"]
    files["tariffs.csv"].write_text("importer,exporter,product,rate\nUSA,CHN,8703,0.1\n")
    assert taken_up(plan, out) == ["read"]
    other = made_up(COUNTRIES, SECTORS, seed=7)
    files["icio"].write_bytes(icio_csv(icio_lines(other, "2025")))
    assert taken_up(plan, out) == []


def test_a_damaged_stage_is_made_again(tmp_path, files):
    out = tmp_path / "my.world"
    plan = Plan(icio=files["icio"])
    taken_up(plan, out)
    first = out.read_bytes()
    for stage in (tmp_path / "my.world.build").glob("*.npz"):
        stage.write_bytes(stage.read_bytes()[:-100])
    assert taken_up(plan, out) == []
    assert out.read_bytes() == first


def test_a_failed_build_keeps_what_it_had_finished(tmp_path, files):
    """A wrong code in the tariffs: the table that was read is not read again."""
    out = tmp_path / "my.world"
    files["tariffs.csv"].write_text("importer,exporter,sector,rate\nUSX,CHN,C29,0.1\n")
    shown = detente("--icio", files["icio"], "--tariffs", files["tariffs.csv"], "-o", out)
    assert shown.exit_code == 2
    assert "Did you mean 'USA'" in shown.output
    assert not out.exists()
    files["tariffs.csv"].write_text("importer,exporter,sector,rate\nUSA,CHN,C29,0.1\n")
    again = detente("--icio", files["icio"], "--tariffs", files["tariffs.csv"], "-o", out)
    assert "Taken up from an earlier build: reading the table." in again.stdout
    assert left(tmp_path) == ["my.world"]


# -- refused ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--icio", "nowhere.csv"), "no file"),
        (("--source", "oecd-icoi"), "Did you mean 'oecd-icio'"),
        (("--tariffs", "nowhere.csv"), "no file"),
        (("--aggregate", "korae"), "Did you mean 'korea'"),
        (("--aggregate", "nowhere.yaml"), "no file"),
        (("--elasticities", "caliendo-paro"), "Did you mean 'caliendo-parro'"),
        (("--elasticities", "0"), "positive number"),
        (("--deficits", "nowhere.csv"), "no file"),
        (("--year", "2019"), "2019"),
        (("--tolerance", "nan"), "from 0 to 1"),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_left(tmp_path, files, args, says):
    given = {"--icio": files["icio"], "-o": tmp_path / "my.world"} | {args[0]: args[1]}
    shown = detente(*(part for pair in given.items() for part in pair))
    assert shown.exit_code == 2, shown.output
    assert says in shown.output
    assert "Traceback" not in shown.output
    assert not (tmp_path / "my.world").exists()


def test_an_existing_output_is_kept_unless_forced(tmp_path, files):
    out = tmp_path / "my.world"
    out.write_text("something of mine")
    shown = detente("--icio", files["icio"], "-o", out)
    assert shown.exit_code == 2
    assert "--force" in shown.output
    assert out.read_text() == "something of mine"
    assert detente("--icio", files["icio"], "-o", out, "--force").exit_code == 0
    assert load_world(out).check(1e-9).passed


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("my.txt", ".world or .npz"),
        ("no/such/folder/my.world", "does not exist"),
        ("folder.world", "it is a folder"),
    ],
)
def test_places_that_cannot_be_written_are_refused_first(tmp_path, files, name, says):
    (tmp_path / "folder.world").mkdir()
    with pytest.raises(WorldError, match=says):
        build_file(Plan(icio=Path("nowhere.csv")), tmp_path / name)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write")
def test_a_folder_without_permission_is_refused(tmp_path, files):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    with pytest.raises(WorldError, match="cannot be written to"):
        build_file(Plan(icio=files["icio"]), locked / "my.world")


def test_tables_that_are_none_are_refused(tmp_path, files):
    """A zip that is none, a table cut short, a bomb: named errors, no half-written world."""
    out = tmp_path / "my.world"
    fake = tmp_path / "2022.zip"
    fake.write_text("not a zip")
    with pytest.raises(InputError, match="zip"):
        build_file(Plan(icio=fake), out)
    text = files["icio"].read_text().splitlines()
    files["icio"].write_text("\n".join(text[:-3]) + "\n")
    with pytest.raises(InputError, match=r"cut short|missing"):
        build_file(Plan(icio=files["icio"]), out)
    bomb = tmp_path / "2022_SML.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2022_SML.csv", b"0" * 300_000_000)
    with pytest.raises(InputError):
        build_file(Plan(icio=bomb), out)
    assert not out.exists()
    assert not (tmp_path / "my.world.build").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("country,value\nUSA,1\nUSA,2\n", "second row"),
        ("country,value\nUSA,\n", "empty"),
        ("country,amount\nUSA,1\n", "'value'"),
        ("country,value\nUSA,many\n", "'many' is no number"),
    ],
)
def test_broken_deficits_are_refused(tmp_path, files, text, says):
    files["deficits.csv"].write_text(text)
    with pytest.raises(InputError, match=says):
        build_file(
            Plan(icio=files["icio"], deficits=files["deficits.csv"]), tmp_path / "my.world"
        )


# -- used afterwards -------------------------------------------------------------------------
def test_a_built_world_runs_a_scenario(tmp_path, files):
    from detente.cli import app as whole

    out = tmp_path / "my.world"
    assert detente("--icio", files["icio"], "-o", out, "--elasticities", "5").exit_code == 0
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        "scenario: A tariff\nworld: my.world\nmeasures:\n"
        "  - tariff: {importer: USA, exporter: CHN, rate: 25 %}\n"
    )
    runner = CliRunner()
    done = runner.invoke(whole, ["run", str(scenario), "--format", "json"])
    assert done.exit_code == 0, done.output
    shown = runner.invoke(whole, ["world", "info", str(out)])
    assert shown.exit_code == 0
    assert "final demand, value added" in shown.stdout
    assert runner.invoke(whole, ["world", "check", str(out)]).exit_code == 0
