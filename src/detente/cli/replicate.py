"""``detente replicate``: published results beside ours."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from detente.cli.options import Format, echo_csv, echo_json, working, write_tables
from detente.errors import InputError, nearest
from detente.report.documents import records

if TYPE_CHECKING:
    from detente.replicate import Replicated

#: Name on the command line → function of detente.replicate (in the module of that name, or
#: "module:function"), which takes the folder of the data and returns what
#: ``detente.replicate.Replicated`` says, and what it computes again.
REPLICATIONS: dict[str, tuple[str, str]] = {
    "caliendo-parro-2015": ("caliendo_parro_2015", "NAFTA's tariff cuts"),
    "caliendo-parro-elasticities": ("caliendo_parro_elasticities", "elasticities by sector"),
    "agtpa": ("agtpa", "gravity, trade without borders"),
    "costinot-rodriguez-clare-2014": ("costinot_rodriguez_clare_2014", "gains from trade"),
    "dprk-sanctions": ("dprk_sanctions", "the bans of 2017 on the DPRK"),
    "coalitions": ("coalitions", "what coalitions of senders achieve"),
    "corridors": ("corridors", "time, trade cost and trade by corridor"),
}
#: Replications that run on an embedded world too, without data.
WITHOUT_DATA = ("coalitions", "corridors", "dprk-sanctions")
NAMES = tuple(REPLICATIONS)


def replicate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of those above.")],
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder with the data (docs/replications.md)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Write tables here.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="What to print or write.")
    ] = Format.table,
) -> None:
    """Compute a published result again.

    Prints published, computed and difference side by side. The exit status is 1 where
    they differ by more than the tolerance.

    {listed}

    Example: detente replicate caliendo-parro-2015 --data cp2015
    """
    run = _found(name)
    if data is None and name not in WITHOUT_DATA:
        raise InputError(f"'{name}' needs its data: --data DIR (docs/replications.md).")
    if form is Format.parquet and out is None:
        raise InputError("--format parquet writes files: say where with -o DIR.")
    with working("solving"):
        found = run(data)
    if out is not None:
        write_tables(out, found.frames, "csv" if form is not Format.parquet else "parquet")
    _print(found, form, to_folder=out is not None)
    if not found.agrees:
        raise typer.Exit(1)


_LISTED = "\n    ".join(f"{name:<31}{entry[-1]}" for name, entry in REPLICATIONS.items())
replicate.__doc__ = (replicate.__doc__ or "").replace("{listed}", f"\b\n    {_LISTED}")


def _found(name: str) -> Callable[[Path | None], Replicated]:
    """The function of a replication; an unknown name is refused with the nearest."""
    if name not in REPLICATIONS:
        raise InputError(
            f"there is no replication '{name}'; there is {', '.join(NAMES)}.",
            nearest=nearest(name, NAMES),
        )
    module, _, function = REPLICATIONS[name][0].partition(":")
    run = getattr(import_module(f"detente.replicate.{module}"), function or module)
    return cast("Callable[[Path | None], Replicated]", run)


def _print(found: Replicated, form: Format, *, to_folder: bool) -> None:
    if form is Format.json:
        echo_json(
            {
                "name": found.name,
                "citation": found.citation,
                "agrees": found.agrees,
                "text": found.text.splitlines(),
                **found.facts,
                "tables": {key: records(table) for key, table in found.frames.items()},
            }
        )
    elif form is Format.csv and not to_folder:
        echo_csv(next(iter(found.frames.values())))
    elif form is Format.table:
        from detente.cli.replicatetext import print_replication

        print_replication(found)
