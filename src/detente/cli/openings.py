"""``detente openings``: how far and how fast closed links have really opened."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json, progress_bar
from detente.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from detente.cli.openingsdata import Realised
    from detente.openings.record import Record

app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="How far and how fast closed links have really opened, in per cent of gravity.\n\n"
    "Example: detente openings --pair CHN KOR",
)


class Direction(StrEnum):
    """Which events."""

    opening = "opening"
    closing = "closing"


class LeftOut(StrEnum):
    """What is left out at a time."""

    group = "group"
    pair = "pair"


Pair = Annotated[
    tuple[str, str],
    typer.Option("--pair", metavar="A B", help="One pair by year: two codes, either order."),
]
Kind = Annotated[Direction | None, typer.Option("--kind", help="Openings or closings only.")]
Picked = Annotated[
    bool | None,
    typer.Option("--picked/--not-picked", help="Only, or without, pairs picked by hand."),
]
ByRule = Annotated[
    bool, typer.Option("--by-rule", help="Only pairs that the written rule finds.")
]
Events = Annotated[
    bool, typer.Option("--events", help="The record: events, dates, sources, verification.")
]
All = Annotated[bool, typer.Option("--all", help="Every row, however many.")]
RecordFile = Annotated[
    Path | None,
    typer.Option("--record", metavar="FILE", help="A record of your own (.yaml)."),
]
PanelFile = Annotated[
    Path | None,
    typer.Option("--panel", metavar="FILE", help="Measure on this panel: csv or parquet."),
]
Needed = Annotated[
    Path,
    typer.Option("--panel", metavar="FILE", help="Bilateral trade over years, domestic too."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="ROLE=NAME", help="Where a column is not understood."),
]
Zeros = Annotated[
    bool, typer.Option("--zeros", help="Pairs that are not listed trade nothing.")
]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of the fit's draws.")]
Draws = Annotated[
    int | None, typer.Option(metavar="N", min=50, help="Draws of each chain; few for a look.")
]
Held = Annotated[
    bool,
    typer.Option("--leave-one-out/--no-leave-one-out", help="Predict each from the others."),
]
By = Annotated[
    LeftOut, typer.Option("--by", help="Leave out all openings of a cause, or one (hours).")
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Write charts and tables here."),
]


@app.callback()
def openings(
    context: typer.Context,
    pair: Pair = ("", ""),
    kind: Kind = None,
    picked: Picked = None,
    by_rule: ByRule = False,
    events: Events = False,
    whole: All = False,
    panel: PanelFile = None,
    record: RecordFile = None,
    column: Columns = None,
    zeros: Zeros = False,
    form: Shape = ListFormat.table,
    out: Out = None,
) -> None:
    """How far and how fast closed links have really opened, in per cent of gravity.

    Example: detente openings --pair CHN KOR
    """
    if context.invoked_subcommand is not None:
        return
    from detente.openings.record import load_record

    asked = None if pair == ("", "") else pair
    filters = {
        "--kind": kind is not None,
        "--picked": picked is not None,
        "--by-rule": by_rule,
        "--all": whole,
    }
    _check(asked, [name for name, given in filters.items() if given], events, out)
    known = load_record(record)
    if events:
        _events(known, form)
        return
    if record is not None and panel is None:
        raise InputError(
            "--record: the embedded shares are of the embedded record; --panel FILE measures "
            "yours, and --events prints it."
        )
    measured = _measured(panel, known, asked, column, zeros)
    if asked is not None:
        _one_pair(measured, asked, form, out)
    else:
        from detente.cli.openingsdata import chosen, summary

        table = chosen(summary(measured.shares), kind and kind.value, picked, by_rule)
        _all_pairs(measured, table, form, out, whole)


@app.command()
def fit(
    panel: Needed,
    record: RecordFile = None,
    seed: Seed = 0,
    draws: Draws = None,
    leave_one_out: Held = True,
    by: By = LeftOut.group,
    column: Columns = None,
    zeros: Zeros = False,
    form: Shape = ListFormat.table,
    out: Out = None,
) -> None:
    """Do it all again from the original panel, and print old and new side by side.

    With -o DIR the measured shares are there before the curve is fitted, and a later call
    with the same panel and record takes them up.

    Example: detente openings fit --panel agtpa_applications.csv.gz -o refit
    """
    from detente.cli.openingsfit import Ask, require_extras, run_fit
    from detente.openings.record import load_record

    require_extras()
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    known = load_record(record)
    left = by.value if leave_one_out else None
    found = run_fit(Ask(panel, _columns(column), zeros, seed, draws, left, out), known)
    if form is ListFormat.csv:
        echo_csv(found.table())
    elif form is ListFormat.json:
        echo_json(found.document())
    else:
        from detente.cli.openingstext import print_fit

        print_fit(found)


def _check(
    pair: tuple[str, str] | None, filters: list[str], events: bool, out: Path | None
) -> None:
    """What cannot go together, and a folder that cannot be written to, before any work."""
    if pair is not None and filters:
        raise InputError(f"--pair shows one pair, and {filters[0]} chooses among many.")
    if events and (pair is not None or filters or out is not None):
        other = "--pair" if pair is not None else filters[0] if filters else "-o"
        raise InputError(f"--events prints the record, and takes no {other}.")
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)


def _columns(given: list[str] | None) -> dict[str, str]:
    found = {}
    for text in given or []:
        role, sign, name = text.partition("=")
        if not (role and sign and name):
            raise InputError(f"--column '{text}' should be ROLE=NAME, as in trade=value_usd.")
        found[role] = name
    return found


def _measured(
    panel: Path | None,
    record: Record,
    pair: tuple[str, str] | None,
    column: list[str] | None,
    zeros: bool,
) -> Realised:
    """Embedded shares, or those of a panel, with a pair that the record may lack."""
    if panel is None:
        if column or zeros:
            name = "--column" if column else "--zeros"
            raise InputError(f"{name} says how to read a panel; --panel FILE names it.")
        from detente.cli.openingsdata import embedded

        return embedded(record)
    from detente.cli.openingsmeasure import measure

    with progress_bar("measuring", elapsed=True) as advance:
        return measure(
            panel, record, columns=_columns(column), zeros=zeros, pair=pair, advance=advance
        )


def _events(record: Record, form: ListFormat) -> None:
    from detente.cli.openingsdata import events_table

    if form is ListFormat.csv:
        echo_csv(events_table(record))
    elif form is ListFormat.json:
        from detente.report.documents import records

        echo_json(records(events_table(record)))
    else:
        from detente.cli.openingstext import print_events

        print_events(record)


def _source(measured: Realised) -> str:
    from detente._version import __version__

    return f"Source: detente {__version__}, {measured.panel}"


# -- all pairs ---------------------------------------------------------------------------------
def _all_pairs(
    measured: Realised, table: pd.DataFrame, form: ListFormat, out: Path | None, whole: bool
) -> None:
    if table.empty:
        raise InputError("nothing is left of the openings by these filters.")
    curve = _curve()
    if out is not None:
        written = _write_all(measured, table, curve, out)
        typer.echo(f"written: {written} (openings.svg, tables)", err=True)
    if form is ListFormat.csv:
        echo_csv(table)
    elif form is ListFormat.json:
        from detente.cli.openingsdata import document

        echo_json(document(measured, table, curve))
    else:
        from detente.cli.openingstext import print_openings

        print_openings(measured, table, curve, whole)


def _curve() -> Mapping[str, Any]:
    """The embedded curve, as the command tells it."""
    from detente.cli.openingscurve import embedded_curve

    return embedded_curve()


def _write_all(
    measured: Realised, table: pd.DataFrame, curve: Mapping[str, Any], out: Path
) -> Path:
    """Charts and tables of what the filters left; whole or not at all."""
    import pandas as pd

    from detente.cli.openingschart import openings_chart
    from detente.cli.openingsdata import events_table
    from detente.report.folder import table_bytes, write_files

    keys = ["a", "b", "event"]
    shares = measured.shares.merge(table[keys], on=keys)
    band = pd.DataFrame(curve["shares"]) if curve else None
    usual = measured.comparison[measured.comparison["set"] == "ordinary"]
    files = {
        "openings.csv": table_bytes(table, "csv"),
        "shares.csv": table_bytes(shares, "csv"),
        "events.csv": table_bytes(events_table(measured.record), "csv"),
    }
    for direction, name in (("opening", "openings.svg"), ("closing", "closings.svg")):
        if (shares["direction"] == direction).any():
            drawn = band if direction == "opening" else None
            picture = openings_chart(
                shares, drawn, _source(measured), direction, usual, measured.goods
            )
            files[name] = picture.encode()
    return write_files(out, files)


# -- one pair ----------------------------------------------------------------------------------
def _one_pair(
    measured: Realised, pair: tuple[str, str], form: ListFormat, out: Path | None
) -> None:
    from detente.cli.openingsdata import ordered_pair, pair_document, pair_table

    a, b = ordered_pair(*pair, measured.countries)
    table = pair_table(measured, a, b)
    if out is not None:
        written = _write_pair(measured, table, a, b, out)
        typer.echo(f"written: {written} ({a}-{b}.svg, {a}-{b}.csv)", err=True)
    if form is ListFormat.csv:
        echo_csv(table)
    elif form is ListFormat.json:
        echo_json(pair_document(measured, table, a, b))
    else:
        from detente.cli.openingstext import print_pair

        print_pair(measured, table, a, b)


def _write_pair(measured: Realised, table: pd.DataFrame, a: str, b: str, out: Path) -> Path:
    from detente.cli.openingschart import pair_chart
    from detente.cli.openingsdata import events_of
    from detente.report.folder import table_bytes, write_files

    events = [(e.year, e.kind) for e in events_of(measured, a, b)]
    picture = pair_chart(table, a, b, events, _source(measured), measured.goods)
    return write_files(
        out,
        {f"{a}-{b}.csv": table_bytes(table, "csv"), f"{a}-{b}.svg": picture.encode()},
    )
