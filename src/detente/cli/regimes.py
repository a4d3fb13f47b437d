"""``detente regimes``: who bans what, to whom, from when, and how much trade that covers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import (
    Force,
    ListFormat,
    echo_csv,
    echo_json,
    require_world_file,
    working,
)
from detente.errors import InputError
from detente.report.documents import records

if TYPE_CHECKING:
    import pandas as pd

    from detente.cli.regimescheck import Checked
    from detente.cli.regimespair import Pair
    from detente.regimes.schema import Regime

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Sanctions as law: list, show, check a file of your own, attach to a world.\n\n"
    "Example: detente regimes show unsc-dprk --at 2017-12-31 --partner CHN",
)

Names = Annotated[
    str,
    typer.Argument(
        metavar="NAME,…", help="Names of 'regimes list', or files (.yaml), between commas."
    ),
]
Day = Annotated[
    str | None,
    typer.Option("--at", metavar="DATE", help="Law of a day; by default of its last change."),
]
Partner = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="How much of the trade with this country it covers."),
]
WorldName = Annotated[
    str | None,
    typer.Option(
        "--world",
        metavar="NAME_OR_PATH",
        help="Whose trade; by default korea-before for the DPRK, else world-2022.",
    ),
]
Trade = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Trade by product and pair: BACI, or Comtrade's csv."),
]
Revision = Annotated[
    str | None,
    typer.Option(metavar="HS92…HS22", help="HS revision of --trade, if its name has none."),
]
Year = Annotated[
    int | None, typer.Option(metavar="YEAR", help="Of --trade; by default all in it.")
]
Provisions = Annotated[
    str | None,
    typer.Option(
        "--provision",
        metavar="ID,…",
        help="Only these: a paragraph (2397-6) or an instrument (2397).",
    ),
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]


Base = Annotated[
    str, typer.Argument(metavar="WORLD", help="A name of 'world list', or a file.")
]
Under = Annotated[
    str,
    typer.Option("--regimes", metavar="NAME,…", help="What the trade in it is already under."),
]
BaseDay = Annotated[
    str, typer.Option("--at", metavar="DATE", help="Law of this day: the middle of its year.")
]
Out = Annotated[
    Path, typer.Option("-o", "--out", metavar="FILE", help="Write it here (.world, .npz).")
]


@app.command("list")
def list_(form: Shape = ListFormat.table) -> None:
    """List the regimes that come with detente.

    Example: detente regimes list
    """
    from detente.cli.regimesdata import regimes_table

    table = regimes_table()
    if form is not ListFormat.table:
        _machine(form, table)
        return
    from detente.cli.regimestext import print_list

    print_list(table)


@app.command()
def show(
    names: Names,
    at: Day = None,
    partner: Partner = None,
    world: WorldName = None,
    trade: Trade = None,
    revision: Revision = None,
    year: Year = None,
    provision: Provisions = None,
    form: Shape = ListFormat.table,
) -> None:
    """Show a regime's provisions, or how much of a pair's trade they cover.

    With --partner: covered share and million USD by sector, both ways. Several regimes are
    taken together, and a line that two of them ban counts once.

    Example: detente regimes show unsc-dprk --at 2017-12-31 --partner CHN
    """
    from detente.cli.regimesdata import law_day, named, only
    from detente.cli.regimespair import Asked, pair_of

    whole = named(names, "NAME")
    if provision is not None and len(whole) > 1:
        raise InputError("--provision is of one regime: name one.")
    chosen = tuple(only(regime, provision) for regime in whole)
    if partner is None:
        for option, given in (("--world", world), ("--trade", trade)):
            if given is not None:
                raise InputError(f"{option} needs --partner: whose trade is to be covered?")
    _refuse_without_trade(trade, revision, year)
    if partner is None:
        days = [law_day([regime], at) for regime in whole]
        _answer_regimes(whole, chosen, days, at is None, form)
        return
    with working("reading"):
        pair = pair_of(Asked(chosen, partner, at, world, trade, revision, year))
    _answer_pair(pair, form)


def _refuse_without_trade(trade: Path | None, revision: str | None, year: int | None) -> None:
    for option, given in (("--revision", revision), ("--year", year)):
        if given is not None and trade is None:
            raise InputError(f"{option} is that of --trade: give the file too.")


def _answer_regimes(
    whole: Sequence[Regime],
    chosen: Sequence[Regime],
    days: Sequence[date],
    last: bool,
    form: ListFormat,
) -> None:
    from detente.cli.regimesdata import provisions_table, regime_document

    if form is ListFormat.json:
        found = [regime_document(r, day) for r, day in zip(chosen, days, strict=True)]
        echo_json(found[0] if len(found) == 1 else found)
    elif form is ListFormat.csv:
        import pandas as pd

        parts = [provisions_table([r], day) for r, day in zip(chosen, days, strict=True)]
        echo_csv(pd.concat(parts))
    else:
        from detente.cli.regimestext import print_regime

        for j, (regime, day) in enumerate(zip(chosen, days, strict=True)):
            if j:
                typer.echo("")
            print_regime(regime, day, whole[j], last)


def _answer_pair(pair: Pair, form: ListFormat) -> None:
    if form is ListFormat.csv:
        echo_csv(pair.frame)
        for side, text in pair.basis:
            if side == "warning":
                typer.echo(f"warning: {text}.", err=True)
        return
    if form is ListFormat.json:
        echo_json(
            {
                "regimes": [regime.regime for regime in pair.regimes],
                "target": pair.target,
                "partner": pair.partner,
                "at": pair.day.isoformat(),
                "world": {"name": pair.world.name, "hash": pair.world.content_hash},
                "trade": {"of": pair.traded, "year": pair.year, "unit": "million USD a year"},
                "basis": [{"side": side, "text": text} for side, text in pair.basis],
                "notes": list(pair.notes),
                "coverage": records(pair.frame),
                "totals": records(pair.totals()),
            }
        )
        return
    from detente.cli.regimestext import print_pair

    print_pair(pair)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A regime's file (YAML).")],
    form: Shape = ListFormat.table,
) -> None:
    """Check a file of law of your own: every mistake with its line, then what it holds.

    The exit status is 2 where there is a mistake. Warnings are of what is no mistake, and
    may still not say what you mean.

    Example: detente regimes check my-law.yaml
    """
    from detente.cli.regimescheck import check_file

    found = check_file(file)
    if form is ListFormat.json:
        echo_json(_checked_document(found))
    elif form is ListFormat.csv:
        import pandas as pd

        rows = [_row("mistake", e) for e in found.mistakes]
        rows += [_row("warning", e) for e in found.warnings]
        echo_csv(pd.DataFrame(rows, columns=["kind", "line", "key", "what", "nearest"]))
    elif not found.mistakes:
        from detente.cli.regimestext import print_checked

        print_checked(found)
    if found.mistakes:
        for error in found.mistakes:
            typer.echo(f"error: {error}", err=True)
        raise typer.Exit(InputError.exit_status)


def _row(kind: str, error: InputError) -> dict[str, Any]:
    place = error.place
    return {
        "kind": kind,
        "line": place.line if place else None,
        "key": place.key if place else None,
        "what": error.what,
        "nearest": error.nearest,
    }


def _checked_document(found: Checked) -> dict[str, Any]:
    from detente.cli.regimesdata import counts

    return {
        "file": found.file,
        "valid": not found.mistakes,
        "regime": found.regime.regime if found.regime else None,
        "counts": counts(found.regime) if found.regime else None,
        "mistakes": [_row("mistake", e) for e in found.mistakes],
        "warnings": [_row("warning", e) for e in found.warnings],
    }


@app.command()
def attach(
    world: Base,
    regimes: Under,
    at: BaseDay,
    out: Out,
    trade: Trade = None,
    revision: Revision = None,
    year: Year = None,
    force: Force = False,
    form: Shape = ListFormat.table,
) -> None:
    """Put on record in a world which law its trade is under, so that it can be lifted.

    --trade is what pairs traded by product before the bans; without it the embedded mix.

    Example: detente regimes attach my.world --regimes unsc-dprk --at 2018-07-01 -o law.world
    """
    require_world_file(out, force)
    _refuse_without_trade(trade, revision, year)
    from detente.cli.regimesattach import attached, told, warnings, written
    from detente.cli.regimesdata import law_day, named

    chosen = named(regimes, "--regimes")
    day = law_day(chosen, at)
    with working("reading"):
        new, target, table = attached(world, chosen, day, trade, revision, year)
        new.save(out)
        doubts = warnings(new, target, chosen, day)
    if form is ListFormat.table:
        from detente.cli.regimestext import print_attached

        print_attached(table, told(new, target, day, out, doubts))
    elif form is ListFormat.csv:
        echo_csv(table)
        for doubt in doubts:
            typer.echo(f"warning: {doubt}.", err=True)
    else:
        echo_json({**written(new, target, day, out, doubts), "coverage": records(table)})


def _machine(form: ListFormat, table: pd.DataFrame) -> None:
    if form is ListFormat.json:
        echo_json(records(table))
    else:
        echo_csv(table)
