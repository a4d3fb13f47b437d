"""docs/how-to/regimes.md: its files pass, its commands exist, its scenarios run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.regimes import app as regimes_app
from detente.regimes import load_regime, regime_names
from detente.result import solve
from detente.scenario import load_scenario
from detente.world import load_world

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "regimes.md"
app = typer.Typer(cls=Commands)
app.add_typer(regimes_app, name="regimes")


def detente(*args: str) -> Any:
    return CliRunner().invoke(app, list(args))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's three yaml blocks, under the names that it gives them."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^```yaml\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    for name, block in zip(("my-law.yaml", "imposed.yaml", "lifted.yaml"), found, strict=True):
        (tmp_path / name).write_text(block, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_law_is_valid_and_shown(folder: Path) -> None:
    ran = detente("regimes", "check", "my-law.yaml")
    assert ran.exit_code == 0 and "warning" not in ran.stdout, ran.stdout + ran.stderr
    ran = detente("regimes", "show", "my-law.yaml", "--partner", "CHN")
    assert ran.exit_code == 0 and "draft-1" in ran.stdout


def test_its_commands_and_options_exist() -> None:
    lines = re.findall(r"^    detente (regimes .*)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert len(lines) >= 7
    for line in lines:
        words = line.split()
        shown = CliRunner().invoke(app, [*words[:2], "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, line
        for option in (w for w in words if w.startswith("-")):
            assert option in shown.stdout, f"{line}: {option}"
        named = [n for w in words[2:4] for n in w.split(",") if n.endswith("-dprk")]
        assert set(named) <= set(regime_names())


def test_its_imposed_law_cuts_what_it_bans(folder: Path) -> None:
    world = load_world("korea-before")
    result = solve(world, load_scenario(folder / "imposed.yaml"))
    prk = world.country_index("PRK")
    senders = [world.country_index(code) for code in load_regime("my-law.yaml").senders]
    toys = (world.sector_index("other-manufacturing"), prk, senders)
    # more than a third of what China buys of the sector is banned
    assert result.equilibrium.flows[toys].sum() < 0.7 * world.flows[toys].sum()


def test_its_attached_world_opens_what_it_lifts(folder: Path) -> None:
    law = ("--regimes", "unsc-dprk,rok-may-24", "--at", "2018-07-01")
    ran = detente("regimes", "attach", "korea", *law, "-o", "law.world")
    assert ran.exit_code == 0, ran.stderr
    world = load_world("law.world")
    result = solve(world, load_scenario(folder / "lifted.yaml"))
    prk, kor = world.country_index("PRK"), world.country_index("KOR")
    flows = result.equilibrium.flows
    assert world.flows[:, prk, kor].sum() == 0.0 < flows[:, prk, kor].sum()
    # coal stays the Council's to lift
    assert flows[world.sector_index("coal"), prk, kor] == 0.0
