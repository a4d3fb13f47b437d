"""What every replication returns, so that one command prints, writes and judges them all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from detente.errors import InputError


class Replicated(Protocol):
    """A published result beside ours, as the command line takes it."""

    @property
    def name(self) -> str:
        """As ``detente replicate`` knows it."""
        ...

    @property
    def citation(self) -> str:
        """Of the published result."""
        ...

    @property
    def agrees(self) -> bool:
        """Whether every difference is within the tolerance that the text states."""
        ...

    @property
    def text(self) -> str:
        """The verdict and what explains the differences, one paragraph a line."""
        ...

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name, full precision; the first is the main one."""
        ...

    @property
    def facts(self) -> dict[str, Any]:
        """What else a JSON document says, JSON-able."""
        ...


@dataclass(frozen=True)
class Shown:
    """What a terminal shows of a table: text, first column to the left, others to the right."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def shown(*columns: tuple[str, Sequence[str]]) -> Shown:
    """Make it of columns: header and cells; headers may repeat."""
    headers = tuple(header for header, _ in columns)
    return Shown(headers, tuple(zip(*(cells for _, cells in columns), strict=True)))


@dataclass(frozen=True)
class ComparedTable:
    """One table of a comparison.

    Attributes
    ----------
    name : str
        Key in JSON and name of the file.
    title : str
        Heading on a terminal.
    frame : DataFrame
        Every figure in full precision.
    shown : Shown, optional
        What a terminal shows, in 80 columns; the frame itself where not given.
    """

    name: str
    title: str
    frame: pd.DataFrame
    shown: Shown | None = None


@dataclass(frozen=True)
class Comparison:
    """A published result beside ours, in one or more tables.

    Attributes
    ----------
    name, citation : str
    tables : tuple of ComparedTable
        The first is the main one: ``--format csv`` prints it.
    verdict : str
        One paragraph: what agrees, within which tolerance.
    agrees : bool
        Every difference within the tolerance that the verdict states.
    notes : tuple of str
        Why figures differ; what was imputed, with amounts.
    facts : mapping
        JSON-able: largest differences, certificates.
    """

    name: str
    citation: str
    tables: tuple[ComparedTable, ...]
    verdict: str
    agrees: bool
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The verdict, then the notes, one paragraph a line."""
        return "\n".join((self.verdict, *self.notes))

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name, in their order."""
        return {table.name: table.frame for table in self.tables}


def figures(values: Iterable[float], decimals: int) -> list[str]:
    """Numbers as a table shows them: a minus sign, blank for NaN, no minus before zero."""
    found = []
    for value in values:
        text = "" if math.isnan(value) else f"{value:.{decimals}f}"
        zero = not text.strip("-0.")
        found.append(text.lstrip("-") if zero else text.replace("-", "−", 1))
    return found


def existing_folder(folder: str | Path, holds: str) -> Path:
    """The folder, if it is one.

    Parameters
    ----------
    folder : str or Path
    holds : str
        What it should hold, for the message.

    Raises
    ------
    InputError
        It is not there, or is a file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"'{folder}' is not a folder; it should hold {holds}.")
    return folder
