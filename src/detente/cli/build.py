"""``detente world build``: a world from an input-output table, tariffs and elasticities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import Force, ListFormat, echo_csv, echo_json, progress_bar

if TYPE_CHECKING:
    from detente.assembly.assemble import Built
    from detente.assembly.changes import Change
    from detente.assembly.files import Plan

_STAGES = {
    "read": "reading the table",
    "tariffs": "tariffs",
    "aggregate": "adding up",
    "elasticities": "elasticities",
    "balance": "clearing stocks, balancing",
    "calibrate": "calibrating, checking",
}


Table = Annotated[
    Path,
    typer.Option(metavar="FILE", help="Input-output table: file, zip, or folder of files."),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="FILE", help="The world: .world or .npz.")
]
Source = Annotated[
    str | None, typer.Option(metavar="NAME", help="Source; by default the file says it.")
]
Year = Annotated[
    int | None, typer.Option(metavar="Y", help="Year, where the file holds several.")
]
Tariffs = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Tariffs: WITS/TRAINS file or folder, or a plain csv."),
]
Elasticities = Annotated[
    str, typer.Option(metavar="NAME|FILE|X", help="θ: a set's name, a file, or one number.")
]
Map = Annotated[
    str | None,
    typer.Option(metavar="MAP", help="Groups: a YAML file, or the name korea or eu27."),
]
Deficits = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="csv country,value: imports − exports, million USD."),
]
Name = Annotated[str, typer.Option(metavar="N", help="Name; by default that of the output.")]
Title = Annotated[str, typer.Option(metavar="TEXT", help="A line that describes it.")]
Tolerance = Annotated[
    float, typer.Option(metavar="X", help="Share of the table that may be negative or misfit.")
]
Rate = Annotated[
    float | None, typer.Option(metavar="X", help="For EXIOBASE: US dollars for a euro.")
]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the finished stages.")]
Shape = Annotated[ListFormat, typer.Option("--format", help="How to report.")]


def build(
    icio: Table,
    output: Output,
    source: Source = None,
    year: Year = None,
    tariffs: Tariffs = None,
    elasticities: Elasticities = "caliendo-parro",
    aggregate: Map = None,
    deficits: Deficits = None,
    name: Name = "",
    title: Title = "",
    tolerance: Tolerance = 0.05,
    usd_per_eur: Rate = None,
    force: Force = False,
    keep: Keep = False,
    form: Shape = ListFormat.table,
) -> None:
    """Build a world from a published input-output table.

    An interrupted build goes on where it stopped. What was balanced, clipped, imputed or
    assumed is listed with amounts, and kept in the world.

    Example: detente world build --icio 2018_SML.csv -o my.world
    """
    from detente.assembly.files import Plan

    plan = Plan(
        icio=icio,
        source=source,
        year=year,
        tariffs=tariffs,
        elasticities=elasticities,
        aggregate=aggregate,
        deficits=deficits,
        name=name or output.stem,
        title=title,
        tolerance=tolerance,
        usd_per_eur=usd_per_eur,
    )
    try:
        built = _built(plan, output, force=force, keep=keep)
    except KeyboardInterrupt:
        typer.echo(f"Stopped. {_going_on(output)}", err=True)
        raise
    _report(built, form)


def _built(plan: Plan, output: Path, *, force: bool, keep: bool) -> Built:
    """Build, with a bar of stages."""
    from detente.assembly.files import build_file

    with progress_bar(f"{'':<28}", elapsed=True) as advance:

        def told(stage: str, number: int, total: int) -> None:
            if advance is not None:
                advance(number - 1, total, f"{_STAGES.get(stage, stage):<28}")

        return build_file(plan, output, force=force, keep=keep, progress=told, waiting=_waiting)


def _report(built: Built, form: ListFormat) -> None:
    if form is ListFormat.json:
        echo_json(as_json(built))
    elif form is ListFormat.csv:
        import pandas as pd

        echo_csv(pd.DataFrame([c.as_dict() for c in built.changes]))
    else:
        _print(built)


def _going_on(output: Path) -> str:
    """What the same command does after Ctrl-C."""
    from detente.assembly.files import stages_left

    if stages_left(output):
        return "The same command goes on where it stopped."
    return "No stage was finished: the same command starts again."


def _waiting() -> None:
    typer.echo("note: another build writes this file; waiting for it.", err=True)


# -- the report ------------------------------------------------------------------------------
def as_json(built: Built) -> dict[str, Any]:
    """The whole report as plain data."""
    world = built.world
    return {
        "path": str(built.path) if built.path else None,
        "name": world.name,
        "hash": world.content_hash,
        "countries": world.n_countries,
        "sectors": world.n_sectors,
        "verified": all(s.verified for s in built.sources),
        "sources": [s.as_dict() for s in built.sources],
        "stages": [{"stage": name, "resumed": resumed} for name, resumed in built.stages],
        "changes": [c.as_dict() for c in built.changes],
        "elasticities": dict(world.meta["build"]["elasticities"]),
        "largest_violation": world.check().worst.violation,
    }


def _print(built: Built) -> None:
    from rich.text import Text

    from detente.assembly.describe import called
    from detente.cli.render import console, print_lines

    world, out = built.world, console()
    out.print(Text(f"{built.path}", style="bold"))
    print_lines([str(world.meta["title"])])
    size = f"{world.n_countries} economies × {world.n_sectors} sectors"
    print_lines([f"{size}, hash {world.content_hash[:12]}; every identity holds to 1e-9"])
    resumed = [_STAGES.get(s, s) for s, was in built.stages if was]
    if resumed:
        print_lines([f"Taken up from an earlier build: {', '.join(resumed)}."])
    out.print(Text("\nSources", style="bold"))
    for source in built.sources:
        print_lines([f"{called(source)} ({source.file})"])
        if not source.verified:
            print_lines(["  UNVERIFIED: this parser has read no original of that release."])
        for note in source.notes:
            _indented(note)
    _changes(built.changes)


def _changes(changes: tuple[Change, ...]) -> None:
    """What was changed, the gravest first."""
    from rich.text import Text

    from detente.assembly.changes import FLAGS
    from detente.cli.render import console, print_lines

    out = console()
    if not changes:
        print_lines(["", "Nothing was changed."])
        return
    out.print(Text("\nWhat the world has otherwise than its sources", style="bold"))
    for item in sorted(changes, key=lambda c: FLAGS.index(c.flag)):
        _indented(f"{item.flag:<9} {_told(item)}", first=0)


def _told(item: Change) -> str:
    """One change in a line: what, how much, its share, where."""
    from detente.report.numbers import million, percent_size

    parts = [item.what]
    if item.amount is not None:
        share = f" ({percent_size(abs(item.share))} of {item.of})" if item.share else ""
        parts.append(f"{million(item.amount)} million USD{share}")
    if item.where:
        parts.append(item.where)
    return "; ".join(parts)


def _indented(text: str, first: int = 2) -> None:
    import textwrap

    from rich.text import Text

    from detente.cli.render import WIDTH, console

    glue = "\N{NO-BREAK SPACE}"
    lines = textwrap.wrap(
        text.replace(" %", f"{glue}%"),
        WIDTH,
        initial_indent=" " * first,
        subsequent_indent=" " * (10 if not first else 2),
        break_on_hyphens=False,
    )
    for line in lines:
        console().print(Text(line.replace(glue, " ")))
