"""``detente partners``: whose partner a country becomes when it opens."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import Format, echo_csv, echo_json, one_table, progress_bar
from detente.errors import InputError

if TYPE_CHECKING:
    from detente.partners.race import Race
    from detente.world import World


Country = Annotated[str, typer.Argument(metavar="COUNTRY", help="Code, for example PRK.")]
WorldName = Annotated[str, typer.Option("--world", metavar="NAME_OR_PATH", help="World.")]
Size = Annotated[str, typer.Option(metavar="un|bok", help="Estimate of the DPRK's economy.")]
Lift = Annotated[
    str, typer.Option(metavar="all|none|NAME,…", help="Bans lifted, by name in the world.")
]
Top = Annotated[
    str | None,
    typer.Option(metavar="CODE,…", help="The chance that these are the largest partners."),
]
Draws = Annotated[int, typer.Option(help="Draws of what is not known; 0 for none.")]
Seed = Annotated[int, typer.Option(help="Of the draws.")]
Elasticities = Annotated[
    bool, typer.Option("--elasticities/--no-elasticities", help="Draw these too.")
]
Rule = Annotated[str, typer.Option(metavar="RULE", help="As in detente run.")]
OpennessPath = Annotated[
    str,
    typer.Option(
        metavar="PATH",
        help="How far and how fast what opens is there: immediate (all of it at once: ranks "
        "are of potential, at which nobody asks when), base-rate (as openings in history, "
        'drawn for each partner), warm, cold, or "{level: 60%, half_life: 4}".',
    ),
]
After = Annotated[
    float | None,
    typer.Option(metavar="YEARS", help="Years after opening, with such a path: 0 to 100 (15)."),
]
Geodist = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="CEPII GeoDist pairs, where the world was made with them."
    ),
]
TableName = Annotated[
    str | None, typer.Option(metavar="NAME", help="partners, ranks, borders or links.")
]
Shape = Annotated[Format, typer.Option("--format", help="What to print or write.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Write tables and the chart here."),
]


def partners(
    country: Country,
    world: WorldName = "korea",
    dprk_size: Size = "un",
    lift: Lift = "all",
    top: Top = None,
    draws: Draws = 200,
    seed: Seed = 1,
    elasticities: Elasticities = True,
    deficit_rule: Rule = "fixed",
    openness_path: OpennessPath = "immediate",
    after: After = None,
    geodist: Geodist = None,
    table: TableName = None,
    form: Shape = Format.table,
    out: Out = None,
) -> None:
    """Rank a country's partners: observed, by gravity, and once it opens.

    Relief lifts bans; reform lifts them and opens every link to a normal border. With the
    chance of each rank over what gravity and the elasticities leave open; with
    --openness-path base-rate, over how openings in history went, and so many years --after.

    Example: detente partners PRK --lift all --top KOR,CHN,RUS
    """
    if form is Format.parquet and out is None:
        raise InputError("--format parquet writes files: say where with -o DIR.")
    if not 0 <= draws <= 100_000:
        raise InputError(f"--draws: {draws} is not between 0 and 100,000.")
    if seed < 0:
        raise InputError(f"--seed: {seed} is negative.")
    if not draws and (table == "ranks" or top is not None):
        raise InputError("ranks have no chance without draws: leave --draws 0 out.")
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    if table in ("borders", "links") and out is None:  # nothing in them is drawn
        draws = 0
    asked = _Asked(country, world, dprk_size, lift, top, geodist)
    settings = {
        "draws": draws,
        "seed": seed,
        "elasticities": elasticities,
        "deficit_rule": _rule(deficit_rule),
        **_timing(openness_path, after),
    }
    found, named = _race(asked, settings)
    _answer(found, named, table, form, out, geodist)


@dataclass(frozen=True)
class _Asked:
    """What the command line names, as it was typed."""

    country: str
    world: str
    dprk_size: str
    lift: str
    top: str | None
    geodist: Path | None


def _race(asked: _Asked, settings: dict[str, Any]) -> tuple[Race, tuple[str, ...]]:
    """Check everything that was asked, then run; the race and the partners named."""
    from detente.cli.dormant import read_geography
    from detente.dormant import recorded
    from detente.partners.race import Settings, race
    from detente.partners.units import units
    from detente.scenario.measure import nearest_label
    from detente.world import load_world

    chosen = load_world(asked.world, asked.dprk_size)
    country = asked.country
    if country not in chosen.countries:
        near = nearest_label(country, chosen.countries, chosen.country_names)
        raise InputError(f"unknown country '{country}' in world '{chosen.name}'.", nearest=near)
    top = _codes(asked.top, "--top")
    known = units(chosen, country)
    for code in top:
        if code == country:
            raise InputError(f"--top: '{code}' is the country itself.")
        known.position(code, "--top")
    ready = Settings(lift=_lifted(chosen, asked.lift), **settings)
    shares = recorded(chosen, country, read_geography(asked.geodist))
    shown = progress_bar("drawing", ready.draws) if ready.draws else nullcontext()
    with shown as advance:
        told = {} if advance is None else {"progress": advance}
        return race(chosen, country, ready, shares, **told), top


def _codes(text: str | None, option: str) -> tuple[str, ...]:
    """Codes between commas; none, or one twice, is refused."""
    if text is None:
        return ()
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise InputError(f"{option}: it names nothing.")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{option}: '{twice[0]}' is named twice.")
    return tuple(names)


def _rule(text: str) -> Any:
    """A deficit rule as a scenario holds it; a mistake is named after its option."""
    from detente.cli.asked import assume
    from detente.scenario import Scenario

    return assume(Scenario("partners"), "deficit_rule", text).assumptions.deficit_rule


def _timing(path: str, after: float | None) -> dict[str, Any]:
    """The openness path as a scenario holds it, and the years; mistakes name their option."""
    from detente.cli.asked import assume
    from detente.cli.path import pace_asked
    from detente.partners.pace import timing
    from detente.scenario import Scenario

    known = assume(Scenario("partners"), "openness_path", pace_asked(path)).assumptions
    return {"openness_path": timing(known.openness_path, after).path, "after": after}


def _lifted(world: World, text: str) -> tuple[str, ...]:
    """Names of the bans to lift; ``all`` means every one in force."""
    from detente.dormant.kinds import bans_in_force

    names = _codes(text, "--lift")
    for word, meant in (("all", bans_in_force(world)), ("none", ())):
        if word in names:
            if len(names) > 1:
                raise InputError(f"--lift: '{word}' stands alone.")
            return meant
    return names


def _answer(
    found: Race,
    top: tuple[str, ...],
    table: str | None,
    form: Format,
    out: Path | None,
    geodist: Path | None,
) -> None:
    from detente.partners.tables import as_document, tables
    from detente.report.documents import records

    every = tables(found)
    shown = None if table is None else one_table(every, table)
    if out is not None:
        from detente.partners.folder import write

        ending = "parquet" if form is Format.parquet else "csv"
        typer.echo(f"written: {write(out, found, top, ending, geodist)}", err=True)
        if form in (Format.csv, Format.parquet):
            return
    if form is Format.json:
        echo_json(as_document(found, top) if shown is None else records(shown))
    elif form is Format.csv:
        echo_csv(every["partners"] if shown is None else shown)
    elif table == "borders":
        from detente.cli.render import console, print_section
        from detente.partners.text import borders

        print_section(console(), borders(found))
    elif shown is not None:
        from detente.cli.render import print_frame

        print_frame(shown)
    else:
        _print(found, top)


def _print(found: Race, top: tuple[str, ...]) -> None:
    from rich.text import Text

    from detente.cli.render import console, print_lines, print_section
    from detente.partners.text import foot, sections, title

    out = console()
    parts = sections(found, top)
    out.print(Text(title(found), style="bold"))
    for section in parts:
        print_section(out, section)
    out.print()
    print_lines([foot(found)])
