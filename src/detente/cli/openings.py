"""``detente openings``: how far and how fast closed links have really opened."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json, progress_bar
from detente.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from detente.cli.openingsdata import Filters, Realised
    from detente.openings.record import Record

app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="How far and how fast closed links have really opened, in per cent of gravity.\n\n"
    "Example: detente openings --pair CHN KOR",
)


DIRECTIONS = ("opening", "closing")


class LeftOut(StrEnum):
    """What is left out at a time."""

    group = "group"
    pair = "pair"


Pair = Annotated[
    tuple[str, str],
    typer.Option("--pair", metavar="A B", help="One pair by year: two codes, either order."),
]
Kind = Annotated[
    str | None,
    typer.Option("--kind", metavar="opening|closing", help="Openings or closings only."),
]
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
    from detente.cli.openingsdata import Filters, chosen, summary
    from detente.openings.record import load_record

    asked = None if pair == ("", "") else pair
    filters = Filters(_direction(kind), picked, by_rule)
    _check(asked, filters, whole, events, out)
    known = load_record(record)
    if events:
        _events(known, filters.direction, asked, form)
        return
    if record is not None and panel is None:
        raise InputError(
            "--record: the embedded shares are of the embedded record; --panel FILE measures "
            "yours, and --events prints it."
        )
    measured = _measured(panel, known, asked, column, zeros)
    again = _again(panel, record, column, zeros)
    if asked is not None:
        _one_pair(measured, asked, form, out, again)
    else:
        table = chosen(summary(measured.shares), filters)
        _all_pairs(measured, table, form, out, filters, whole, [*again, *filters.options])


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
    tell_notes(found.measured.facts)
    if form is ListFormat.csv:
        echo_csv(found.table())
    elif form is ListFormat.json:
        echo_json(found.document())
    else:
        from detente.cli.openingstext import print_fit

        print_fit(found)


def _direction(kind: str | None) -> str | None:
    if kind is None or kind in DIRECTIONS:
        return kind
    raise InputError(
        f"--kind: '{kind}' is neither {' nor '.join(DIRECTIONS)}.",
        nearest=nearest(kind, DIRECTIONS),
    )


def _check(
    pair: tuple[str, str] | None, filters: Filters, whole: bool, events: bool, out: Path | None
) -> None:
    """What cannot go together, and a folder that cannot be written to, before any work."""
    given = [*filters.options[:1], *(["--all"] if whole else [])]
    if events:
        given = [name for name in given if name != "--kind"]
        given += ["--picked or --by-rule"] if filters.of_pairs else []
        given += ["-o"] if out is not None else []
        if given:
            raise InputError(f"--events prints the record, and takes no {given[0]}.")
    elif pair is not None and given:
        raise InputError(f"--pair shows one pair, and {given[0]} chooses among many.")
    if filters.direction == "closing" and filters.by_rule:
        raise InputError(
            "--by-rule: the written rule is for openings; closings are taken as the record "
            "names them. Leave out --by-rule, or --kind closing."
        )
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)


def _again(
    panel: Path | None, record: Path | None, column: list[str] | None, zeros: bool
) -> list[str]:
    """Options that measure the same again."""
    words = ["--panel", str(panel)] if panel is not None else []
    words += ["--record", str(record)] if record is not None else []
    for text in column or []:
        words += ["--column", text]
    return words + (["--zeros"] if zeros else [])


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
        found = measure(
            panel, record, columns=_columns(column), zeros=zeros, pair=pair, advance=advance
        )
    tell_notes(found.facts)
    return found


def tell_notes(facts: Mapping[str, Any]) -> None:
    """What of a panel was not used, on standard error."""
    for note in facts.get("notes", ()):
        typer.echo(f"note: {note}.", err=True)


def _events(
    record: Record, direction: str | None, pair: tuple[str, str] | None, form: ListFormat
) -> None:
    from detente.cli.openingsdata import events_table, of_record

    events = of_record(record, direction, pair)
    if form is ListFormat.csv:
        echo_csv(events_table(record, events))
    elif form is ListFormat.json:
        from detente.report.documents import records

        echo_json(records(events_table(record, events)))
    else:
        from detente.cli.openingstext import print_events

        print_events(record, events)


def _source(measured: Realised) -> str:
    from detente._version import __version__

    words = measured.panel
    if words.startswith("agtpa,"):  # the panel by its name: who reads a chart knows no file
        words = (
            f"Advanced Guide to Trade Policy Analysis{words.removeprefix('agtpa')} (CC BY 4.0)"
        )
    return f"Source: detente {__version__}, {words}"


# -- all pairs ---------------------------------------------------------------------------------
def _all_pairs(
    measured: Realised,
    table: pd.DataFrame,
    form: ListFormat,
    out: Path | None,
    filters: Filters,
    whole: bool,
    again: list[str],
) -> None:
    if table.empty:
        raise InputError("nothing is left of the openings by these filters.")
    curve = _curve()
    if out is not None:
        told = _write_all(measured, table, curve, out, again)
        typer.echo(told, err=True)
    if form is ListFormat.csv:
        echo_csv(table)
    elif form is ListFormat.json:
        from detente.cli.openingsdata import document

        echo_json(document(measured, table, curve))
    else:
        from detente.cli.openingstext import print_openings

        print_openings(measured, table, curve, filters, whole)


def _curve() -> Mapping[str, Any]:
    """The embedded curve, as the command tells it."""
    from detente.cli.openingscurve import embedded_curve

    return embedded_curve()


def _write_all(
    measured: Realised,
    table: pd.DataFrame,
    curve: Mapping[str, Any],
    out: Path,
    again: list[str],
) -> str:
    """Charts and tables of what the filters left, whole or not at all; what to say of it."""
    import pandas as pd

    from detente.cli.openingschart import openings_chart
    from detente.cli.openingsdata import events_table, observed
    from detente.report.folder import table_bytes

    keys = ["a", "b", "event"]
    shares = measured.shares.merge(table[keys], on=keys)
    band = pd.DataFrame(curve["shares"]) if curve else None
    usual = measured.comparison[measured.comparison["set"] == "ordinary"]
    files = {
        "openings.csv": table_bytes(table, "csv"),
        "shares.csv": table_bytes(shares, "csv"),
        "events.csv": table_bytes(events_table(measured.record), "csv"),
    }
    medians = observed(measured.shares, measured.record)
    rule = medians[medians["set"] == "rule"]
    for direction in DIRECTIONS:
        if (shares["direction"] == direction).any():
            opened = direction == "opening"
            picture = openings_chart(
                shares, band if opened else None, _source(measured), direction, usual,
                measured.goods, rule if opened else None,
            )  # fmt: skip
            files[f"{direction}s.svg"] = picture.encode()
    return _write(out, files, measured, again)


def _write(out: Path, files: Mapping[str, bytes], measured: Realised, again: list[str]) -> str:
    """The folder with its run.json; what was written, in a line."""
    import shlex

    from detente._version import __version__
    from detente.report.folder import write_files

    facts = {
        "what": "openings",
        "version": __version__,
        "run_again": shlex.join(["detente", "openings", *again]),
        "record": measured.record.content_hash,
        "measure": dict(measured.facts),
    }
    written = write_files(out, files, facts)
    charts = [name for name in files if name.endswith(".svg")]
    return f"written: {written} ({', '.join(charts)}, tables, run.json)"


# -- one pair ----------------------------------------------------------------------------------
def _one_pair(
    measured: Realised,
    pair: tuple[str, str],
    form: ListFormat,
    out: Path | None,
    again: list[str],
) -> None:
    from detente.cli.openingsdata import pair_document, pair_table
    from detente.cli.openingsnames import ordered_pair

    a, b = ordered_pair(*pair, measured.countries, measured.record)
    table = pair_table(measured, a, b)
    if out is not None:
        told = _write_pair(measured, table, a, b, out, ["--pair", a, b, *again])
        typer.echo(told, err=True)
    if form is ListFormat.csv:
        echo_csv(table)
    elif form is ListFormat.json:
        echo_json(pair_document(measured, table, a, b))
    else:
        from detente.cli.openingstext import print_pair

        print_pair(measured, table, a, b)


def _write_pair(
    measured: Realised, table: pd.DataFrame, a: str, b: str, out: Path, again: list[str]
) -> str:
    from detente.cli.openingschart import pair_chart
    from detente.cli.openingsdata import events_of
    from detente.report.folder import table_bytes

    events = [(e.year, e.kind) for e in events_of(measured, a, b)]
    picture = pair_chart(table, a, b, events, _source(measured), measured.goods)
    files = {f"{a}-{b}.csv": table_bytes(table, "csv"), f"{a}-{b}.svg": picture.encode()}
    return _write(out, files, measured, again)
