"""What the documents say is so: their code runs, and the paths that they name are there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detente.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "scenarios" / "README.md"]
DOCUMENTS += [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("benchmarks/*.md"))]
#: a path has one of these endings, or ends in a slash
ENDINGS = "py|md|yaml|yml|toml|csv|npz|sh"
_NAME = rf"(?:[\w*.-]+\.(?:{ENDINGS})|[\w-]+/)"
PATH = re.compile(rf"(?<![\w/.:*])((?:[\w*.-]+/)*{_NAME})(?![\w/])", re.ASCII)
#: made by a run, or placeholders of a command's arguments
MADE = {"report.html", "summary.md", "run.json", "runs/", ".venv/"}
MADE |= {"MAP.yaml", "SPEC.yaml", "cuba-1958.csv"}
#: files of others that the replications cite: in papers' archives and in ../shared/data
MADE |= {"N/", "_s/", "_sk/", "cp/DATA_OUT_100.csv", "data/SECTORAL_TRADE_ELASTICITY.csv"}
MADE |= {"data99.csv", "elasticity_triads.csv", "expected_welfare_zero_deficit.csv"}
MADE |= {"wiot_2008.npz"}
#: folders that a name without one may be in
FOLDERS = ("", "scenarios", "docs", "src/detente", "src/detente/scenario")
FOLDERS += ("src/detente/data", "src/detente/data/worlds", "src/detente/replicate")
FOLDERS += ("src/detente/sources",)


def blocks(path: Path, language: str) -> list[str]:
    """The fenced code blocks of one language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the gallery in it, as after a clone, and nothing else."""
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readmes_python_runs(workplace: Path) -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=workplace, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "converged" in ran.stdout
    assert "equivalent_variation" in ran.stdout
    saved = re.findall(r'\.save\("([^"]+)"\)', code)
    assert saved
    for folder in saved:
        assert {"run.json", "summary.md", "report.html"} <= {
            p.name for p in (workplace / folder).iterdir()
        }


@pytest.mark.parametrize("number", [0, 1])
def test_the_readmes_scenarios_run(workplace: Path, number: int) -> None:
    texts = blocks(ROOT / "README.md", "yaml")
    assert len(texts) == 2
    (workplace / "mine.yaml").write_text(texts[number], encoding="utf-8")
    ran = CliRunner().invoke(app, ["run", "mine.yaml"])
    assert ran.exit_code == 0, ran.stderr
    title = texts[number].splitlines()[0].removeprefix("scenario: ")
    assert title in ran.stdout
    assert "nothing:" not in ran.stdout


def test_the_readmes_commands_exist() -> None:
    """Each `detente …` command and option that the README names is in the program's help."""
    code = "\n".join(blocks(ROOT / "README.md", "sh"))
    lines = re.findall(r"(?:^|&& |bin/)detente ([a-z].*)$", code, flags=re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        words = re.split(r"\s+#", line)[0].replace("[", " ").replace("]", " ").split()
        deeper = words[0] in GROUPS and len(words) > 1 and not words[1].startswith("-")
        command = words[:2] if deeper else words[:1]
        shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, line
        for option in (w for w in words if w.startswith("-")):
            assert option in shown.stdout, f"{line}: {option}"


#: Commands that have commands of their own.
GROUPS = ("world", "regimes", "corridors", "pipelines", "zones", "debt", "openings")


def named(text: str) -> set[str]:
    """Paths in code spans, code blocks and links; web addresses and patterns left out."""
    spans = re.findall(r"```.*?```|`[^`\n]+`|\]\([^)\s]+\)|^    .+$", text, re.DOTALL | re.M)
    found = {p for span in spans for p in PATH.findall(re.sub(r"https?://\S+", "", span))}
    return found - MADE


def there(path: str, document: Path) -> bool:
    if path.startswith("../"):  # what lies beside a checkout is not in it
        return True
    starts = [document.parent, *(ROOT / folder for folder in FOLDERS)]
    return any(any(start.glob(path)) for start in starts)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_path_named_is_there(document: Path) -> None:
    paths = named(document.read_text(encoding="utf-8"))
    missing = sorted(p for p in paths if not there(p, document))
    assert not missing, f"{document.name} names what is not there: {', '.join(missing)}"


def test_paths_are_found_in_documents() -> None:
    """The test above looks at something."""
    paths = named((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"docs/worlds.md", "CONTRIBUTING.md", "scenarios/korea-opens.yaml"} <= paths
    assert named("`docs/none.md` and [x](no/such.py), https://a.b/c.md") == {
        "docs/none.md",
        "no/such.py",
    }
    assert not there("docs/none.md", ROOT / "README.md")
