"""A scenario that names files of law: its folder holds them, and they have a hash."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from clikorea import korea_like
from detente import load_scenario, load_world, solve
from detente.cli import app
from detente.errors import ScenarioError
from detente.paths import solve_path
from detente.regimes import load_regime
from detente.regimes.attach import attach_law
from detente.scenario import Scenario
from detente.scenario.regimefiles import regimes_of, told

LAW = """\
# a comment, which is no law
regime: my-law
title: A made-up regime
target: PRK
senders: [CHN, JPN]
hs_revision: HS92
sources:
  act: {title: An act, read: text}
provisions:
  - id: act-1
    instrument: Act
    paragraph: "1"
    adopted: 2020-01-01
    what: clothes and coal may not be bought
    effect: ban
    direction: export
    products:
      - {hs: ["61-63", "2701"], verification: verified}
    source: act
    verification: verified
"""
WORLD = korea_like()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with law in another, a scenario that names it, and a world."""
    here = tmp_path / "work"
    (here / "law").mkdir(parents=True)
    (here / "law" / "of mine.yaml").write_text(LAW, encoding="utf-8")
    WORLD.save(here / "k.npz")
    return here


def written(folder: Path, regime: object = "law/of mine.yaml", **top: Any) -> Path:
    measures = [{"lift": {"regime": "us-dprk"}}, {"impose": {"regime": str(regime)}}]
    asked = {"scenario": "own law", "world": "k.npz", **top, "measures": measures}
    path = folder / "own.yaml"
    path.write_text(json.dumps(asked), encoding="utf-8")
    return path


def detente(*args: str | Path) -> Any:
    ran = CliRunner().invoke(app, [str(a) for a in args])
    assert ran.exit_code == 0, ran.stderr
    return ran


COMMANDS = {
    "run": (("run",), "tables/welfare.csv"),
    "run with a path": (("run", "--years", "3"), "tables/path_phases.csv"),
    "path": (("path", "--years", "3"), "tables/path_phases.csv"),
    "attribute by measure": (("attribute",), "tables/attribution.csv"),
    "attribute by regime": (("attribute", "--by", "regime"), "tables/subsets.csv"),
}


@pytest.mark.parametrize("absolute", [False, True], ids=["beside", "absolute"])
@pytest.mark.parametrize("name", COMMANDS)
def test_the_folder_runs_again_elsewhere_without_the_files(
    name: str, absolute: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command, *options), table = COMMANDS[name]
    law = folder / "law" / "of mine.yaml"
    asked = written(folder, law if absolute else "law/of mine.yaml")
    out = tmp_path / "out"
    detente(command, asked, *options, "--country", "PRK", "-o", out)
    assert (out / "regimes" / "my-law.yaml").read_text(encoding="utf-8") == LAW
    moved = (out / "scenario.yaml").read_text(encoding="utf-8")
    assert "regime: regimes/my-law.yaml" in moved and str(tmp_path) not in moved
    assert "regime: us-dprk" in moved
    for path in (*out.rglob("*.csv"), out / "run.json"):
        assert "of mine" not in path.read_text(encoding="utf-8"), path
    facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert "regimes/my-law.yaml" in facts["files"]
    # what was there is gone: all that it takes is in the folder
    law.unlink()
    asked.unlink()
    (folder / "k.npz").unlink()
    out = out.rename(tmp_path / "moved")
    monkeypatch.chdir(out)
    again = shlex.split(facts["run_again"])
    detente(*again[1:], "-o", tmp_path / "second")
    one, other = (pd.read_csv(base / table) for base in (out, tmp_path / "second"))
    pd.testing.assert_frame_equal(one, other)
    second = json.loads((tmp_path / "second" / "run.json").read_text(encoding="utf-8"))
    for key in ("hash", "regimes", "text"):
        assert second["scenario"][key] == facts["scenario"][key]


@pytest.mark.parametrize("command", ["run", "path", "attribute"])
def test_every_regime_has_its_hash_on_record(
    command: str, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    detente(command, written(folder, years=2), "-o", out)
    scenario = json.loads((out / "run.json").read_text(encoding="utf-8"))["scenario"]
    found = {row["name"]: row for row in scenario["regimes"]}
    # those that the baseline is under close links, so that they count too
    assert set(found) == {*WORLD.meta["law"]["PRK"]["regimes"], "my-law"}
    assert found["us-dprk"]["source"] == "detente"
    assert found["my-law"]["source"] == "regimes/my-law.yaml"
    for name in ("us-dprk", "my-law"):
        regime = load_regime(name if name == "us-dprk" else out / found[name]["source"])
        data = regime.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert found[name]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    told_again = load_scenario(out / "scenario.yaml")
    assert scenario["hash"] == told_again.content_hash


def test_a_hash_is_of_what_the_law_says_and_not_of_how_it_is_written(folder: Path) -> None:
    path = folder / "law" / "of mine.yaml"

    def hash_of() -> str:
        said = told(load_scenario(written(folder)))
        (row,) = [r for r in regimes_of(said, WORLD) if r["name"] == "my-law"]
        return row["sha256"]

    first = hash_of()
    path.write_text(LAW.replace("# a comment, which is no law", "# another"))
    assert hash_of() == first
    path.write_text(LAW.replace("2701", "2702"))
    assert hash_of() != first


def test_what_a_result_holds_is_the_law_that_it_was_solved_under(
    folder: Path, tmp_path: Path
) -> None:
    """A file that was changed since is not what the figures rest on."""
    asked = load_scenario(written(folder))
    result, path = solve(WORLD, asked), solve_path(WORLD, asked, 2)
    before = result.provenance["scenario"]
    (folder / "law" / "of mine.yaml").write_text("no law at all")
    assert result.provenance["scenario"] == before
    assert result.files == {"regimes/my-law.yaml": LAW.encode()}
    out = path.save(tmp_path / "path", "PRK")
    assert (out / "regimes" / "my-law.yaml").read_text(encoding="utf-8") == LAW


def test_a_regime_that_a_world_keeps_is_the_worlds(folder: Path) -> None:
    day = load_scenario(written(folder, law_day="2021-07-01")).assumptions.law_day
    assert day is not None
    bare = WORLD.with_(meta={k: v for k, v in WORLD.meta.items() if k != "law"}, coverage={})
    own = load_regime(folder / "law" / "of mine.yaml")
    world = attach_law(bare, [own, load_regime("us-dprk")], day)
    asked = Scenario.from_dict({"scenario": "x", "measures": [{"lift": {"regime": "my-law"}}]})
    result = solve(world, asked)
    found = {r["name"]: r["source"] for r in result.provenance["scenario"]["regimes"]}
    assert found == {"my-law": "world", "us-dprk": "detente"}
    assert result.files == {}
    assert result.provenance["scenario"]["text"] == asked.with_(world="world.npz").to_yaml()


def test_without_files_nothing_is_rewritten() -> None:
    asked = Scenario.from_dict(
        {"scenario": "x", "measures": [{"lift": {"regime": "us-dprk"}}, {"open": {
            "exporter": "PRK", "importer": "CHN", "share": 0.5}}]}
    )  # fmt: skip
    said = told(asked)
    assert said.scenario is asked and said.files == {}
    assert said.named == asked.measures


def test_two_files_that_call_their_regime_the_same_are_refused(folder: Path) -> None:
    (folder / "law" / "other.yaml").write_text(LAW.replace("2701", "2702"))
    measures = [{"impose": {"regime": f"law/{name}.yaml"}} for name in ("of mine", "other")]
    path = folder / "two.yaml"
    path.write_text(json.dumps({"scenario": "two", "measures": measures}))
    with pytest.raises(ScenarioError, match="two different files call their regime 'my-law'"):
        told(load_scenario(path))
    # the same twice is one file
    (folder / "law" / "other.yaml").write_text(LAW)
    assert set(told(load_scenario(path)).files) == {"regimes/my-law.yaml"}


def test_a_file_that_is_not_there_is_named_where_the_scenario_names_it(folder: Path) -> None:
    path = written(folder, "law/of mien.yaml")
    ran = CliRunner().invoke(app, ["attribute", str(path)])
    assert ran.exit_code == 2
    for word in ("own.yaml", "regime", "of mien.yaml", "of mine.yaml"):
        assert word in ran.stderr


def test_regimes_of_files_are_attributed_under_their_names(
    folder: Path, tmp_path: Path
) -> None:
    """Neither a title nor a player is the path of somebody's disk."""
    file = folder / "law" / "of mine.yaml"
    world = attach_law(WORLD, [load_regime(file), load_regime("us-dprk")], _day())
    path, out = world.save(tmp_path / "law.npz"), tmp_path / "out"
    names = f"{file},us-dprk"
    detente("attribute", "--regimes", names, "--world", path, "-o", out)
    facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert facts["players"] == ["my-law", "us-dprk"]
    assert facts["scenario"]["title"] == "Lifting my-law, us-dprk"
    assert str(tmp_path) not in json.dumps(facts)
    twice = CliRunner().invoke(app, ["attribute", "--regimes", f"{file},{file}"])
    assert (twice.exit_code, "'my-law' is named twice" in twice.stderr) == (2, True)


def _day() -> Any:
    return pd.Timestamp("2021-07-01").date()


def test_the_worlds_reference_is_in_the_scenario_too(folder: Path, tmp_path: Path) -> None:
    result = solve(load_world(folder / "k.npz"), load_scenario(written(folder)))
    out = result.save(tmp_path / "out", "PRK")
    again = load_scenario(out / "scenario.yaml")
    assert again.world == "world.npz"
    assert solve(load_world(out / "world.npz"), again).welfare.equals(result.welfare)
