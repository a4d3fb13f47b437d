"""``detente explain``: the parameters, their ranges and sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json

if TYPE_CHECKING:
    from detente.parameters import Parameter

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="A parameter; without it, all of them.")
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]


def explain(name: Name = None, form: Shape = ListFormat.table) -> None:
    """What a scenario assumes unless it says otherwise: default, range, source, key.

    Example: detente explain adjustment_years
    """
    from detente.parameters import parameter, parameter_table

    chosen = None if name is None else parameter(name)
    if form is ListFormat.table:
        if chosen is None:
            _print_all()
        else:
            _print_one(chosen)
        return
    table = parameter_table()
    if chosen is not None:
        table = table[table["name"] == chosen.name]
    if form is ListFormat.csv:
        echo_csv(table)
        return
    from detente.report.documents import records

    rows = records(table)
    echo_json(rows[0] if chosen is not None else rows)


def _range(entry: Parameter) -> str:
    return f"{entry.written['low']} to {entry.written['high']}"


def _print_all() -> None:
    from detente.cli.render import console, print_lines, rich_table
    from detente.parameters import parameters
    from detente.report.sections import Table

    rows = tuple(
        (
            entry.name,
            entry.written["default"],
            _range(entry),
            entry.unit,
            entry.verification,
            ", ".join(
                dict.fromkeys(
                    key.split(".")[0] if "." in key else "scenario" for key in entry.where
                )
            ),
        )
        for entry in parameters().values()
    )
    headers = ("Parameter", "Default", "Range", "Unit", "Source", "Set in")
    console().print(rich_table(Table(headers, "lrrlll", rows)))
    print_lines(
        [
            "",
            "verified: read in the source or its abstract; unverified: recalled, or second "
            "hand; assumed: ours. One entry with its source: detente explain NAME.",
        ]
    )


def _print_one(entry: Parameter) -> None:
    from rich.text import Text

    from detente.cli.render import console, print_lines

    console().print(Text(f"{entry.name}: {entry.label}", style="bold"))
    rows = {
        "Default": f"{entry.written['default']} ({entry.unit})",
        "Range": f"{_range(entry)}, {entry.distribution}",
        "Source": f"{entry.source} ({entry.verification})",
        "Note": entry.note,
        "Set by": _keys(entry),
    }
    print_lines(f"{label}: {text}." for label, text in rows.items() if text)


def _keys(entry: Parameter) -> str:
    """Where a scenario says it: ``'leakage' of the measures ban and impose``."""
    own = [f"the key '{key}' of a scenario" for key in entry.where if "." not in key]
    of: dict[str, list[str]] = {}
    for key in entry.where:
        if "." in key:
            kind, field = key.split(".")
            of.setdefault(field, []).append(kind)
    found = own + [f"'{field}' of {' and '.join(kinds)}" for field, kinds in of.items()]
    return "; ".join(found)
