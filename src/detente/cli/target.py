"""``detente target``: what it would take for an outcome to reach a goal."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.asked import Rule, Shape, Size, Tolerance, assume, world_of
from detente.cli.options import (
    Format,
    echo_csv,
    echo_json,
    one_table,
    progress_bar,
    working,
)
from detente.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from detente.outcomes.target import Run, Target
    from detente.scenario import Scenario
    from detente.scenario.regimefiles import Told
    from detente.world import World

GoalText = Annotated[
    str, typer.Argument(metavar="GOAL", help='For example "trade(RUS,PRK) = 2 billion USD".')
]
Using = Annotated[
    str,
    typer.Option(
        metavar="LEVER,…",
        help="tariff, trade_cost, corridor, relief, opening, reform, aid, productivity.",
    ),
]
File = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="A scenario that acts beside.")
]
WorldName = Annotated[
    str | None,
    typer.Option(
        "--world", metavar="NAME_OR_PATH", help="World; by default the file's, korea."
    ),
]
Ranges = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="LEVER=LOW..HIGH", help="Where to search; repeatable."),
]
Grid = Annotated[int, typer.Option(help="Points of the grid, for each lever.")]
TableName = Annotated[str | None, typer.Option(metavar="NAME", help="answers or grid.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Write tables and scenarios here."),
]


def target(
    goal: GoalText,
    using: Using,
    file: File = None,
    world: WorldName = None,
    dprk_size: Size = "un",
    range_: Ranges = None,
    grid: Grid = 33,
    deficit_rule: Rule = None,
    tolerance: Tolerance = None,
    table: TableName = None,
    form: Shape = Format.table,
    out: Out = None,
) -> None:
    """Ask what it would take: the value of a lever at which an outcome reaches a goal.

    Goals: trade, exports or imports (A,B) or (A), in USD, +5% or x2 of today; share(A,B) in
    %; welfare(A), own_earnings(A) as a change in %. With =, >= or <=. Each lever is tried
    alone, and all together at a common intensity.

    Example: detente target "trade(RUS,PRK) = x2" --using tariff,corridor,relief
    """
    if form is Format.parquet and out is None:
        raise InputError("--format parquet writes files: say where with -o DIR.")
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    from detente.outcomes.targetgoal import parse_goal
    from detente.scenario.regimefiles import told

    wanted = parse_goal(goal)
    with working("reading"):
        scenario, chosen = _read(file, world, dprk_size, deficit_rule)
        said = told(scenario)
    settings: dict[str, Any] = {"ranges": tuple(range_ or ()), "grid": grid}
    if tolerance is not None:
        if not 1e-13 <= tolerance <= 1e-3:
            what = f"--tolerance: {tolerance:g} is not between 1e-13 and 1e-3."
            raise InputError(what)
        settings["tolerance"] = tolerance
    from detente.outcomes.target import target as solved

    with progress_bar("solving", elapsed=True) as advance:
        found = solved(chosen, wanted, using, scenario, progress=advance, **settings)
    _answer(found, said, using, settings, table, form, out)


def _read(
    file: Path | None, world: str | None, dprk_size: str, rule: str | None
) -> tuple[Scenario, World]:
    """The scenario that acts beside the levers, and its world."""
    from detente.scenario import Scenario, load_scenario
    from detente.world import load_world

    if file is None:
        chosen = load_world(world or "korea", dprk_size)
        scenario = Scenario("Levers alone", world=chosen.name)
    else:
        scenario = load_scenario(file)
        chosen = world_of(scenario, file, world, dprk_size)
    return (scenario if rule is None else assume(scenario, "deficit_rule", rule)), chosen


# -- the answer ------------------------------------------------------------------------------
def tables(found: Target) -> dict[str, pd.DataFrame]:
    """Every table by name."""
    return {"answers": found.answers, "grid": found.points}


def provenance(found: Target, said: Told) -> dict[str, Any]:
    """What was asked, what was found and how sure that is, JSON-able."""
    from detente._version import __version__
    from detente.result import WORLD_FILE, world_reference
    from detente.scenario.regimefiles import regimes_of

    reference = world_reference(found.world)
    written = said.scenario.with_(world=reference)
    return {
        "what": "target",
        "version": __version__,
        "world": {
            "name": found.world.name,
            "file": WORLD_FILE if reference == WORLD_FILE else None,
            "hash": found.world.content_hash,
        },
        "scenario": {
            "title": written.title,
            "hash": written.content_hash,
            "text": written.to_yaml(),
            "regimes": regimes_of(said, found.world),
        },
        "goal": found.goal.text,
        "unit": "million USD" if found.goal.is_flow else "share",
        "today": found.today,
        "target": found.target,
        "without_levers": _number(found.without),
        "grid": found.grid,
        "levers": [_lever(run) for run in found.runs],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _lever(run: Run) -> dict[str, Any]:
    x, value = run.scan.closest
    reach = [v for v in run.scan.reached if math.isfinite(v)]
    return {
        "lever": run.name,
        "on": run.about,
        "meaning": run.meaning,
        "range": [run.low, run.high],
        "verdict": run.verdict,
        "proof": None if run.proof is None else run.proof.why,
        "moved": run.scan.movement,
        "reached": reach or None,
        "closest": {"value": x, "outcome": _number(value)},
        "jumps": [c.x for c in run.scan.crossings if c.how == "jumps"],
        "unsolved": [{"value": at, "why": why} for at, why in run.scan.unsolved],
        "answers": [
            {
                "value": answer.at.x,
                "outcome": answer.at.value,
                "how": answer.at.how,
                "words": answer.words,
                "then": answer.then,
                "measures": list(answer.measures),
            }
            for answer in run.answers
        ],
    }


def _answer(
    found: Target,
    said: Told,
    using: str,
    settings: Mapping[str, Any],
    table: str | None,
    form: Format,
    out: Path | None,
) -> None:
    """Print, and write where a folder is given."""
    from detente.report.documents import document, records

    every = tables(found)
    shown = None if table is None else one_table(every, table)
    whole = document(provenance(found, said), every)
    if out is not None:
        told = _write(out, found, said, whole, _again(found, using, settings))
        typer.echo(f"written: {told}", err=True)
        if form in (Format.csv, Format.parquet):
            return
    if form is Format.json:
        echo_json(whole if shown is None else records(shown))
    elif form is Format.csv:
        echo_csv(every["answers"] if shown is None else shown)
    elif shown is not None:
        from detente.cli.render import print_frame

        print_frame(shown)
    else:
        _print(found)


def _print(found: Target) -> None:
    from detente.cli.render import console, print_lines, print_section
    from detente.report.targettext import foot, sections, title

    print_lines([title(found)])
    out = console()
    for section in sections(found):
        print_section(out, section)
    out.print()
    print_lines([foot(found)])


def _again(found: Target, using: str, settings: Mapping[str, Any]) -> list[str]:
    """The command, less its world, that gives the same answer from inside the folder."""
    words = ["detente", "target", found.goal.text, "--using", using, "--file", "scenario.yaml"]
    for text in settings["ranges"]:
        words += ["--range", text]
    words += ["--grid", str(found.grid)]
    tolerance = settings.get("tolerance")
    return words + (["--tolerance", str(tolerance)] if tolerance is not None else [])


def _write(
    directory: Path, found: Target, said: Told, whole: dict[str, Any], again: list[str]
) -> Path:
    """Tables, the scenario and one with each lever's first answer, and run.json."""
    from detente.report.folder import table_bytes, world_bytes, world_options, write_files

    files = {
        f"tables/{name}.{ending}": table_bytes(table, ending)
        for name, table in tables(found).items()
        for ending in ("parquet", "csv")
    }
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    files["target.json"] = f"{text}\n".encode()
    files["scenario.yaml"] = whole["scenario"]["text"].encode()
    for run in found.runs:
        if run.answers:
            name = run.name.replace("(", "-").rstrip(")")
            files[f"answer-{name}.yaml"] = _scenario(found, said, run).encode()
    files |= said.files
    if whole["world"]["file"]:
        files[whole["world"]["file"]] = world_bytes(found.world)
    facts = {key: value for key, value in whole.items() if key != "tables"}
    words = [*again, *world_options(whole["world"])]
    return write_files(directory, files, {**facts, "run_again": shlex.join(words)})


def _scenario(found: Target, said: Told, run: Run) -> str:
    """The scenario with the lever where it first meets the goal, for ``detente run``."""
    from detente.result import world_reference
    from detente.scenario import Scenario

    answer = run.answers[0]
    more = Scenario.from_dict({"scenario": "levers", "measures": list(answer.measures)})
    return said.scenario.with_(
        title=f"{found.goal.text.strip()} by {run.name}: {answer.words}",
        world=world_reference(found.world),
        measures=(*said.scenario.measures, *more.measures),
    ).to_yaml()
