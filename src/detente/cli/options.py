"""What several commands share: formats, writing tables, signs of life."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from detente.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd


class Format(StrEnum):
    """How a command answers."""

    table = "table"
    json = "json"
    csv = "csv"
    parquet = "parquet"


class ListFormat(StrEnum):
    """How a command that has one table answers."""

    table = "table"
    json = "json"
    csv = "csv"


def echo_json(value: Any) -> None:
    """Strict JSON: a number that is none is an error here, not a NaN in the output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def echo_csv(table: pd.DataFrame) -> None:
    """A table as csv on standard output."""
    typer.echo(table.to_csv(index=False), nl=False)


def one_table(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """A table by its name; an unknown one is refused with the nearest."""
    if name not in tables:
        raise InputError(
            f"--table: there is no table '{name}'; there are {', '.join(tables)}.",
            nearest=nearest(name, tables),
        )
    return tables[name]


def write_tables(directory: Path, tables: Mapping[str, pd.DataFrame], ending: str) -> None:
    """One file a table; a folder that holds anything else is left alone."""
    from detente.report.folder import table_bytes, write_files

    write_files(
        directory,
        {f"{name}.{ending}": table_bytes(table, ending) for name, table in tables.items()},
    )


Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]


def require_world_file(out: Path, force: bool) -> None:
    """Refuse, before any work, a file that no command would read back, or that is there."""
    from detente.world.catalogue import SUFFIXES

    if out.suffix not in SUFFIXES:
        raise InputError(
            f"-o {out}: a world file ends in {' or '.join(SUFFIXES)}.",
            nearest=f"{out}{SUFFIXES[-1]}",
        )
    if not out.parent.is_dir():
        raise InputError(f"-o {out}: there is no folder '{out.parent}'. Make it first.")
    if out.exists() and not force:
        raise InputError(f"-o {out}: it exists; --force replaces it.")


class Advance(Protocol):
    """Moves a progress bar; what is left out stays as it is."""

    def __call__(
        self, done: float, total: float | None = None, what: str | None = None
    ) -> None:
        """How much is done, of how much, and what is being done."""


@contextmanager
def progress_bar(
    what: str, total: float | None = None, *, download: bool = False, elapsed: bool = False
) -> Iterator[Advance | None]:
    """A bar on a terminal's stderr; nothing, and None, elsewhere.

    Parameters
    ----------
    what : str
        Beside the bar; it may change as the work goes on.
    total : float, optional
        All that is to be done, where it is known.
    download : bool
        Bytes, speed and time left in place of a count.
    elapsed : bool
        Show the time so far.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich
    from rich.console import Console

    columns: list[rich.ProgressColumn] = [rich.TextColumn("{task.description}", markup=False)]
    if download:
        columns += [rich.BarColumn(bar_width=16), rich.DownloadColumn()]
        columns += [rich.TransferSpeedColumn(), rich.TimeRemainingColumn(compact=True)]
    else:
        columns += [rich.BarColumn(), rich.MofNCompleteColumn()]
    if elapsed:
        columns.append(rich.TimeElapsedColumn())
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def advance(done: float, total: float | None = None, what: str | None = None) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield advance


@contextmanager
def working(what: str) -> Iterator[None]:
    """A sign of life while something runs, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
