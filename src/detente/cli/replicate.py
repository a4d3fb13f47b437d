"""``detente replicate``: published results beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.options import Format, echo_csv, echo_json, working, write_tables
from detente.errors import InputError, nearest
from detente.report.documents import records

if TYPE_CHECKING:
    import pandas as pd

    from detente.replicate import Replication

NAMES = ("caliendo-parro-2015",)


def replicate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="caliendo-parro-2015")],
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder with the paper's data, as csv.")
    ],
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

    Example: detente replicate caliendo-parro-2015 --data cp2015
    """
    if name not in NAMES:
        raise InputError(
            f"there is no replication '{name}'; there is {', '.join(NAMES)}.",
            nearest=nearest(name, NAMES),
        )
    if form is Format.parquet and out is None:
        raise InputError("--format parquet writes files: say where with -o DIR.")
    from detente.replicate import caliendo_parro_2015

    with working("solving"):
        found = caliendo_parro_2015(data)
    tables = {
        "replication": found.table.reset_index(),
        "printed": found.printed.reset_index(drop=True),
        "observed_deficits": found.observed_deficits.reset_index(),
    }
    if out is not None:
        write_tables(out, tables, "csv" if form is not Format.parquet else "parquet")
    _print(found, tables, form, to_folder=out is not None)
    if not found.agrees:
        raise typer.Exit(1)


def _print(
    found: Replication, tables: dict[str, pd.DataFrame], form: Format, *, to_folder: bool
) -> None:
    if form is Format.json:
        echo_json(
            {
                "name": found.name,
                "citation": found.citation,
                "agrees": found.agrees,
                "largest_difference": found.largest,
                "rebased_balanced": found.rebased_balanced,
                "rebased_observed": found.rebased_observed,
                "certificates": list(found.certificates),
                "tables": {key: records(table) for key, table in tables.items()},
            }
        )
    elif form is Format.csv and not to_folder:
        echo_csv(tables["replication"])
    elif form is Format.table:
        from detente.cli.render import print_replication

        print_replication(found)
