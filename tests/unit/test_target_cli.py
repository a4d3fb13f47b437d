"""``detente target`` as a person meets it."""

from __future__ import annotations

import io
import json
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from clikorea import korea_like
from detente import solve
from detente.cli import Commands
from detente.cli.target import target
from detente.outcomes.target import target as solved
from detente.report.targettext import sections
from detente.scenario import Scenario, load_scenario

WORLD = korea_like()
GOAL = "trade(RUS,PRK) = x3"


def detente(*args):
    app = typer.Typer(cls=Commands)
    app.command()(target)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["target", *map(str, args)])


@pytest.fixture
def world(tmp_path):
    return WORLD.save(tmp_path / "k.npz")


@pytest.fixture
def base(world):
    return (GOAL, "--using", "tariff,trade_cost", "--world", world, "--grid", "5")


def test_the_answer_fits_and_says_what_it_is(base):
    shown = detente(*base)
    assert shown.exit_code == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert shown.stdout.startswith(f"What would it take: {GOAL}\n")
    found = solved(WORLD, GOAL, "tariff,trade_cost", grid=5)
    answer = found.runs[1].answers[0]
    assert f"At {answer.at.x:.6g} (trade costs" in shown.stdout
    assert "rises through it" in shown.stdout
    assert "not found on this grid (5 points" in " ".join(shown.stdout.split())


def test_a_proof_is_printed_with_its_word(world):
    goal = "trade(KOR,PRK) = 1 billion USD"
    shown = detente(goal, "--using", "trade_cost", "--world", world, "--grid", "2")
    assert shown.exit_code == 0, shown.stderr
    assert "impossible" in shown.stdout
    assert "No value of the lever does it (bounded)" in shown.stdout


def test_json_and_csv_hold_the_same_figures(base):
    whole = json.loads(detente(*base, "--format", "json").stdout)
    lever = whole["levers"][1]
    assert (lever["lever"], lever["verdict"]) == ("trade_cost", "met")
    assert lever["answers"][0]["outcome"] == pytest.approx(whole["target"], rel=1e-6)
    table = pd.read_csv(io.StringIO(detente(*base, "--format", "csv").stdout))
    row = table.set_index("lever").loc["trade_cost"]
    assert row["value"] == pytest.approx(lever["answers"][0]["value"], rel=1e-12)
    grid = pd.read_csv(io.StringIO(detente(*base, "--table", "grid", "--format", "csv").stdout))
    assert (grid["lever"] == "trade_cost").sum() >= 5


def test_a_folder_holds_scenarios_that_reach_the_goal(base, tmp_path, monkeypatch):
    out = tmp_path / "out"
    ran = detente(*base, "-o", out)
    assert ran.exit_code == 0, ran.stderr
    names = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert names == {
        "answer-trade_cost.yaml", "answer-together.yaml", "run.json", "scenario.yaml",
        "tables/answers.csv", "tables/answers.parquet", "tables/grid.csv",
        "tables/grid.parquet", "target.json", "world.npz",
    }  # fmt: skip
    row = solve(WORLD, load_scenario(out / "answer-trade_cost.yaml")).partners("RUS").loc["PRK"]
    assert row["total_new"] == pytest.approx(3.0 * row["total"], rel=1e-6)
    again = json.loads((out / "run.json").read_text())["run_again"]
    monkeypatch.chdir(out)
    second = detente(*shlex.split(again)[2:], "--format", "csv")
    assert second.exit_code == 0, second.stderr
    assert second.stdout == (out / "tables" / "answers.csv").read_text()


def test_a_file_acts_beside_the_levers(world, tmp_path):
    path = tmp_path / "half.yaml"
    lift = Scenario.from_dict(
        {
            "scenario": "relief",
            "world": "k.npz",
            "measures": [{"lift": {"regime": "unsc-dprk"}}],
        }
    )
    path.write_text(lift.to_yaml(), encoding="utf-8")
    args = ("--using", "trade_cost", "--grid", "3", "--format", "json")
    alone = json.loads(detente(GOAL, *args, "--world", world).stdout)
    beside = json.loads(detente(GOAL, *args, "--file", path).stdout)
    assert alone["today"] == beside["today"]
    assert not np.isclose(alone["without_levers"], beside["without_levers"])


@pytest.mark.parametrize(
    ("goal", "args", "words"),
    [
        ("trade(RUS,PRK) = 2 bilion USD", (), "Did you mean 'billion'"),
        ("trade(RUS,PRK = x2", (), "')' belongs here"),
        ("trade(RUS,PRK) 2 billion USD", (), "'=', '>=' or '<='"),
        ("trade(RSU,PRK) = x2", (), "unknown country 'RSU'"),
        (GOAL, ("--using", "tarif"), "Did you mean 'tariff'"),
        ("share(PRK,KOR) = 40", (), "Did you mean '40%'"),
        ("share(PRK,KOR) = 0.4", (), "Did you mean '40%'"),
        ("trade(RUS,PRK) = -2 billion USD", (), "Did you mean '2 billion USD'"),
        (GOAL, ("--using", "aid(PRK)"), "aid(PRK) is paid by PRK, and to PRK"),
        (GOAL, ("--range", "tariff=1..0"), "reversed"),
        (GOAL, ("--range", "tariff=0-1"), "Did you mean 'tariff=0..1'"),
        (GOAL, ("--range", "tariff=20%-40%"), "Did you mean 'tariff=20%..40%'"),
        (GOAL, ("--range", "tariff=low..1"), "Did you mean 'tariff=0..1'"),
        (GOAL, ("--tolerance", "5"), "--tolerance: 5 is not between"),
        (GOAL, ("--grid", "1"), "--grid"),
        (GOAL, ("--table", "answer"), "Did you mean 'answers'"),
        (GOAL, ("--format", "parquet"), "say where with -o DIR"),
        (GOAL, ("--deficit-rule", "balance"), "--deficit-rule"),
    ],
)
def test_a_users_mistakes_are_named(world, goal, args, words):
    using = () if "--using" in args else ("--using", "tariff")
    ran = detente(goal, *using, "--world", world, *args)
    assert ran.exit_code == 2, ran.stdout
    assert words in ran.stderr


def test_the_caret_stands_below_the_mistake(world):
    ran = detente("trade(RUS,PRK) = 2 bilion USD", "--using", "tariff", "--world", world)
    lines = ran.stderr.splitlines()
    assert lines[1][lines[2].index("^") :].startswith("bilion")


def test_a_lever_that_moves_nothing_says_so(world):
    """Flows of 1e-13 million USD are rounding: they neither rise nor are an outcome."""
    found = solved(WORLD, "trade(KOR,PRK) = 2 billion USD", "trade_cost", grid=3)
    scan = replace(found.runs[0].scan, value=np.array([1e-13, 2e-13, 4e-13]))
    assert (scan.movement, replace(scan, floor=0.0).movement) == ("still", "rose")
    run = replace(found.runs[0], scan=scan, proof=None, answers=())
    told = replace(found, runs=(run,))
    (lever,) = [s for s in sections(told) if s.key == "lever-trade_cost"]
    words = "The lever moves nothing: trade(KOR,PRK) is USD 0 at all of 3 points from 0 to 0.3."
    assert lever.paragraphs == (words,)
    assert not lever.notes
