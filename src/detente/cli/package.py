"""``detente package``: what the parts of a package are worth together."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.asked import Country, Day, Rule, Shape, Size, WorldName
from detente.cli.attribute import Asked, By, Outcome, players_by, read, require_country
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

    from detente.outcomes.packages import Package
    from detente.scenario import Measure, Scenario
    from detente.scenario.regimefiles import Told
    from detente.world import World

#: Fewer parts are solved before a bar would be seen.
_BAR = 6


class Parts(StrEnum):
    """What a part is."""

    part = "part"
    measure = "measure"
    regime = "regime"


File = Annotated[Path, typer.Argument(metavar="FILE", help="A scenario (YAML).")]
Names = Annotated[
    str | None, typer.Option("--parts", metavar="A,B,…", help="Only these; others left out.")
]
Kind = Annotated[
    Parts | None,
    typer.Option("--by", help="A part is what 'part: NAME' says, a measure, or a regime."),
]
What = Annotated[
    Outcome,
    typer.Option(help="welfare: 100·ln Ŵ; percent: Ŵ − 1; ev, exports, trade: million USD."),
]
Every = Annotated[bool, typer.Option("--every", help="Every country, from the same solves.")]
TableName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="sets, pairs, dividends, countries or shapley."),
]
Out = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="DIR", help="Write tables here.")
]


def package(
    file: File,
    parts: Names = None,
    by: Kind = None,
    world: WorldName = None,
    dprk_size: Size = "un",
    country: Country = None,
    every: Every = False,
    outcome: What = Outcome.welfare,
    at: Day = None,
    deficit_rule: Rule = None,
    table: TableName = None,
    form: Shape = Format.table,
    out: Out = None,
) -> None:
    """Tell what the parts of a package do together beyond what each does alone.

    Measures say with 'part: NAME' which part they belong to; those that say nothing act
    always. Every set of parts is solved: V(ab) − V(a) − V(b) + V(nobody) for every pair, in
    100·ln Ŵ and in money, since amounts that simply add overlap in logarithms.

    Example: detente package scenarios/tripartite-package.yaml --every
    """
    if form is Format.parquet and out is None:
        raise InputError("--format parquet writes files: say where with -o DIR.")
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    from detente.scenario.regimefiles import told

    asked = Asked(file, None, world, dprk_size, at, deficit_rule, By.part)
    with working("reading"):
        scenario, chosen = read(asked)
        said = told(scenario)
    kind = by or _kind(scenario)
    require_country(country, chosen)
    day = scenario.end if at is None else _day(at)
    groups = players_by(By(kind.value), scenario, said)
    found = _solve(chosen, scenario, groups, _names(parts, groups), at, country, outcome.value)
    idle = _idle(groups, found.names, day)
    _answer(found, said, _again(found, kind, at), (table, every, idle), form, out)


def _day(text: str) -> date:
    """The day of ``--at``; a mistake is named after the option."""
    from detente.scenario.dates import parse_date

    try:
        return parse_date(text)
    except ValueError as error:  # PydanticCustomError is one
        context = getattr(error, "context", None) or {}
        what = context.get("what", str(error))
        raise InputError(f"--at: {what}", nearest=context.get("nearest")) from None


def _idle(
    groups: Mapping[str, tuple[Measure, ...]], names: Iterable[str], day: date | None
) -> list[str]:
    """Parts of which no measure is in force on the day."""
    from detente.scenario.dates import status

    return [n for n in names if all(status(m, day) != "active" for m in groups[n])]


def _kind(scenario: Scenario) -> Parts:
    """Parts where the file names some, else every measure."""
    named = any(m.part is not None for m in scenario.measures)
    return Parts.part if named else Parts.measure


def _names(text: str | None, groups: Mapping[str, Any]) -> list[str] | None:
    """The parts between commas; a name that itself has one cannot be picked among others."""
    if text is None:
        return None
    if text in groups:
        return [text]
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise InputError("--parts: it names nothing.")
    split = [n for n in groups if "," in n and any(name not in groups for name in names)]
    meant = [n for n in split if n in text]
    if meant:
        what = f"--parts: the name '{meant[0]}' has a comma, which stands between two names "
        raise InputError(f"{what}here: rename that part in the file ('part: NAME').")
    return names


def _solve(
    world: World,
    scenario: Scenario,
    groups: dict[str, tuple[Measure, ...]],
    names: list[str] | None,
    at: str | None,
    country: str | None,
    outcome: str,
) -> Package:
    from detente.outcomes.packages import package as solved

    owner = {id(m): name for name, group in groups.items() for m in group}
    count = len(groups if names is None else names)

    def run(progress: Any = None) -> Package:
        return solved(
            world,
            scenario,
            names,
            outcome,
            by=lambda m: owner.get(id(m)),
            country=country,
            day=at,
            progress=progress,
        )

    if count < _BAR:
        with working("solving"):
            return run()
    with progress_bar("solving", 2**count, elapsed=True) as advance:
        return run(advance)


def tables(found: Package) -> dict[str, pd.DataFrame]:
    """Every table by name, with plain columns, every country in each."""
    return {
        "sets": found.subsets(every=True),
        "pairs": found.pairs(every=True),
        "dividends": found.dividends,
        "countries": found.countries.reset_index(),
        "shapley": found.found.countries.reset_index(),
    }


def _answer(
    found: Package,
    said: Told,
    again: list[str],
    shown: tuple[str | None, bool, list[str]],
    form: Format,
    out: Path | None,
) -> None:
    """Print, and write where a folder is given."""
    from detente.cli.attribute import provenance
    from detente.outcomes.packages import MATERIAL
    from detente.report.documents import document, records

    all_tables, (name, every, idle) = tables(found), shown
    one = None if name is None else one_table(all_tables, name)
    facts = provenance(found.found, said) | {
        "what": "package",
        "parts": found.parts,
        "always": list(found.always),
        "left_out": list(found.left_out),
        "not_in_force": idle,
        "verdict": {"units": list(found.units), "too_small_below": MATERIAL},
    }
    facts.pop("players")
    whole = document(facts, all_tables)
    if out is not None:
        typer.echo(f"written: {_write(out, found, said, whole, again)}", err=True)
        if form in (Format.csv, Format.parquet):
            return
    if form is Format.json:
        echo_json(whole if one is None else records(one))
    elif form is Format.csv:
        echo_csv(found.pairs(every) if one is None else one)
    elif one is not None:
        from detente.cli.render import print_frame

        print_frame(one)
    else:
        _print(found, every, idle)


def _print(found: Package, every: bool, idle: list[str]) -> None:
    from detente.cli.render import console, print_lines, print_section
    from detente.report.packagetext import foot, sections, title

    print_lines([title(found)])
    out = console()
    for section in sections(found, every, idle):
        print_section(out, section)
    out.print()
    print_lines([foot(found)])


def _again(found: Package, kind: Parts, at: str | None) -> list[str]:
    """Options that give the same tables again."""
    words = ["--by", kind.value, "--country", found.found.country]
    words += ["--outcome", found.found.outcome]
    words += ["--parts", ",".join(found.names)] if found.left_out else []
    return words + (["--at", at] if at else [])


def _write(
    directory: Path, found: Package, said: Told, whole: dict[str, Any], again: list[str]
) -> Path:
    """Tables, scenario and run.json; its regimes' files, and a world of one's own."""
    from detente.report.folder import table_bytes, world_bytes, world_options, write_files

    files = {
        f"tables/{name}.{ending}": table_bytes(table, ending)
        for name, table in tables(found).items()
        for ending in ("parquet", "csv")
    }
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    files["package.json"] = f"{text}\n".encode()
    files["scenario.yaml"] = whole["scenario"]["text"].encode()
    files |= said.files
    if whole["world"]["file"]:
        files[whole["world"]["file"]] = world_bytes(found.found.world)
    words = ["detente", "package", "scenario.yaml", *world_options(whole["world"]), *again]
    facts = {key: value for key, value in whole.items() if key != "tables"}
    return write_files(directory, files, {**facts, "run_again": shlex.join(words)})
