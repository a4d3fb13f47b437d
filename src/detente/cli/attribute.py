"""``detente attribute``: who of several measures or regimes an outcome is due to."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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

    from detente.outcomes.attribution import Attribution
    from detente.scenario import Measure, Scenario
    from detente.scenario.regimefiles import Told
    from detente.world import World

#: Fewer players are solved before a bar would be seen.
_BAR = 6


class Outcome(StrEnum):
    """What is attributed."""

    welfare = "welfare"
    percent = "percent"
    ev = "ev"
    exports = "exports"
    trade = "trade"


class By(StrEnum):
    """Who the players are."""

    measure = "measure"
    regime = "regime"
    part = "part"


File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A scenario (YAML).")]
Regimes = Annotated[
    str | None,
    typer.Option(metavar="NAME,…", help="Without a file: what lifting each of these does."),
]
WorldName = Annotated[
    str | None,
    typer.Option(metavar="NAME_OR_PATH", help="World; by default the scenario's, or korea."),
]
Size = Annotated[str, typer.Option(metavar="un|bok", help="Estimate of the DPRK's economy.")]
Country = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Whose outcome; by default the most affected."),
]
What = Annotated[
    Outcome,
    typer.Option(help="welfare: 100·ln Ŵ; percent: Ŵ − 1; ev, exports, trade: million USD."),
]
Players = Annotated[
    By | None,
    typer.Option("--by", help="A player is a measure of FILE, a regime named, or a part."),
]
Day = Annotated[
    str | None, typer.Option(metavar="DATE", help="State on a day; by default at the end.")
]
Rule = Annotated[str | None, typer.Option(metavar="RULE", help="As in detente run.")]
TableName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="attribution, interactions, subsets or countries."),
]
Every = Annotated[
    bool, typer.Option("--every", help="The shares of every country too, of the same solves.")
]
Shape = Annotated[Format, typer.Option("--format", help="What to print or write.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Write tables and the chart here."),
]


def attribute(
    file: File = None,
    regimes: Regimes = None,
    world: WorldName = None,
    dprk_size: Size = "un",
    country: Country = None,
    outcome: What = Outcome.welfare,
    by: Players = None,
    at: Day = None,
    deficit_rule: Rule = None,
    every: Every = False,
    table: TableName = None,
    form: Shape = Format.table,
    out: Out = None,
) -> None:
    """Attribute an outcome to measures or sanctions regimes: exact Shapley values.

    Every set of players is solved (12 players at most: 4,096 equilibria), so that nothing
    hangs on the order in which they are thought to act; how far it matters is shown.

    Example: detente attribute --regimes unsc-dprk,us-dprk --country PRK
    """
    if (file is None) == (regimes is None):
        raise InputError("give a scenario FILE, or --regimes NAME,…: one of them.")
    if form is Format.parquet and out is None:
        raise InputError("--format parquet writes files: say where with -o DIR.")
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    players = by or (By.regime if file is None else By.measure)
    asked = Asked(file, regimes, world, dprk_size, at, deficit_rule, players)
    from detente.scenario.regimefiles import told

    with working("reading"):
        scenario, chosen = read(asked)
        said = told(scenario)
    found = _solve(asked, scenario, said, chosen, country, outcome.value)
    _answer(found, asked, said, Shown(table, every), form, out)


@dataclass(frozen=True)
class Asked:
    """What the command line names, as it was typed."""

    file: Path | None
    regimes: str | None
    world: str | None
    dprk_size: str
    at: str | None
    deficit_rule: str | None
    by: By


@dataclass(frozen=True)
class Shown:
    """What is to be printed."""

    table: str | None
    every: bool


def read(asked: Asked) -> tuple[Scenario, World]:
    """The scenario and its world."""
    from detente.cli.asked import assume, world_of
    from detente.scenario import load_scenario
    from detente.world import load_world

    if asked.file is None:
        if asked.at is not None:
            raise InputError("--at is for a FILE with dates; lifts of --regimes have none.")
        chosen = load_world(asked.world or "korea", asked.dprk_size)
        scenario = _lifting(asked.regimes or "", chosen)
    else:
        scenario = load_scenario(asked.file)
        chosen = world_of(scenario, asked.file, asked.world, asked.dprk_size)
    if asked.deficit_rule is not None:
        scenario = assume(scenario, "deficit_rule", asked.deficit_rule)
    return scenario, chosen


def _lifting(text: str, world: World) -> Scenario:
    """A scenario that lifts each of the regimes, or files of them, between commas."""
    from detente.outcomes.attribution import lifting
    from detente.regimes.catalogue import load_regime

    given = [part.strip() for part in text.split(",") if part.strip()]
    if not given:
        raise InputError("--regimes: it names nothing.")
    names: list[str] = []
    for part in given:
        try:
            name = load_regime(part).regime
        except InputError as error:
            raise InputError(f"--regimes: {error.what}", error.place, error.nearest) from None
        if name in names:
            raise InputError(f"--regimes: '{name}' is named twice.")
        names.append(name)
    return lifting(given, world.name).with_(title=f"Lifting {', '.join(names)}")


def _solve(
    asked: Asked,
    scenario: Scenario,
    said: Told,
    world: World,
    country: str | None,
    outcome: str,
) -> Attribution:
    """Check what was asked, then solve every set of players."""
    from detente.outcomes.attribution import attribution, with_only
    from detente.outcomes.shapley import require_players

    require_country(country, world)
    groups = players_by(asked.by, scenario, said)
    require_players(tuple(groups))
    part = with_only(scenario, groups, asked.at)
    players, total = tuple(groups), 2 ** len(groups)
    if len(players) < _BAR:
        with working("solving"):
            return attribution(world, part, players, outcome, country=country)
    with progress_bar("solving", total, elapsed=True) as advance:
        return attribution(world, part, players, outcome, country=country, progress=advance)


def require_country(country: str | None, world: World) -> None:
    """Refuse a --country that the world does not have."""
    from detente.scenario.measure import nearest_label

    if country is not None and country not in world.countries:
        near = nearest_label(country, world.countries, world.country_names)
        what = f"--country: unknown country '{country}' in world '{world.name}'."
        raise InputError(what, nearest=near)


def players_by(by: By, scenario: Scenario, said: Told) -> dict[str, tuple[Measure, ...]]:
    """The measures in groups, which have the name of a regime in place of its file's."""
    from detente.outcomes.attribution import by_measure, by_part, by_regime, players_of

    named = said.named
    own = {id(m): given for m, given in zip(named, scenario.measures, strict=True)}
    naming = {By.regime: by_regime, By.part: by_part, By.measure: by_measure}[by]
    groups = players_of(scenario.with_(measures=named), naming)
    return {name: tuple(own[id(m)] for m in group) for name, group in groups.items()}


# -- the answer ------------------------------------------------------------------------------
def tables(found: Attribution) -> dict[str, pd.DataFrame]:
    """Every table by name, with plain columns."""
    return {
        "attribution": found.table.reset_index(),
        "interactions": found.interactions,
        "subsets": found.subsets,
        "countries": found.countries.reset_index(),
    }


def provenance(found: Attribution, said: Told) -> dict[str, Any]:
    """Which world, scenario and version made it, and what the numbers are."""
    from detente._version import __version__
    from detente.result import WORLD_FILE, world_reference
    from detente.scenario.regimefiles import regimes_of

    game, reference = found.game(), world_reference(found.world)
    written = said.scenario.with_(world=reference)
    return {
        "what": "attribution",
        "version": __version__,
        "world": {
            "name": found.world.name,
            "file": WORLD_FILE if reference == WORLD_FILE else None,
            "hash": found.world.content_hash,
        },
        "scenario": {
            "title": written.title,
            "at": found.notes.get("at"),
            "hash": written.content_hash,
            "text": written.to_yaml(),
            "regimes": regimes_of(said, found.world),
            "notes": dict(found.notes),
        },
        "country": found.country,
        "outcome": found.outcome,
        "unit": found.unit,
        "players": list(found.players),
        "total": game.total,
        "not_shared_out": float(found.table["value"].sum() - game.total),
        "equilibria": 2 ** len(found.players),
        "largest_residual": found.residual,
    }


def _answer(
    found: Attribution,
    asked: Asked,
    said: Told,
    asked_for: Shown,
    form: Format,
    out: Path | None,
) -> None:
    """Print, and write where a folder is given."""
    from detente.report.documents import document, records

    every = tables(found)
    shown = None if asked_for.table is None else one_table(every, asked_for.table)
    whole = document(provenance(found, said), every)
    if out is not None:
        typer.echo(f"written: {_write(out, found, asked, said, whole)}", err=True)
        if form in (Format.csv, Format.parquet):
            return
    if form is Format.json:
        echo_json(whole if shown is None else records(shown))
    elif form is Format.csv:
        echo_csv(every["attribution"] if shown is None else shown)
    elif shown is not None:
        from detente.cli.render import print_frame

        print_frame(shown)
    else:
        _print(found, asked_for.every)


def _print(found: Attribution, every: bool) -> None:
    from detente.cli.render import console, print_lines, print_section
    from detente.report.attributiontext import foot, sections, title

    print_lines([title(found)])
    out = console()
    for section in sections(found, every):
        print_section(out, section)
    out.print()
    print_lines([foot(found)])


def _write(
    directory: Path, found: Attribution, asked: Asked, said: Told, whole: dict[str, Any]
) -> Path:
    """Tables, chart, scenario and run.json; its regimes' files, and a world of one's own."""
    from detente.report.attributiontext import chart
    from detente.report.folder import table_bytes, world_bytes, write_files

    files = {
        f"tables/{name}.{ending}": table_bytes(table, ending)
        for name, table in tables(found).items()
        for ending in ("parquet", "csv")
    }
    files["charts/attribution.svg"] = chart(found).encode()
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    files["attribution.json"] = f"{text}\n".encode()
    files["scenario.yaml"] = whole["scenario"]["text"].encode()
    files |= said.files
    if whole["world"]["file"]:
        files[whole["world"]["file"]] = world_bytes(found.world)
    facts = {key: value for key, value in whole.items() if key != "tables"}
    again = _again(found, asked, whole["world"])
    return write_files(directory, files, {**facts, "run_again": again})


def _again(found: Attribution, asked: Asked, world: Mapping[str, Any]) -> str:
    """The command that gives the same tables, from inside the folder."""
    from detente.report.folder import world_options

    words = ["detente", "attribute", "scenario.yaml", *world_options(world)]
    words += ["--by", asked.by.value, "--country", found.country]
    words += ["--outcome", found.outcome]
    words += ["--at", asked.at] if asked.at else []
    return shlex.join(words)
