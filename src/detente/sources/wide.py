"""Reading wide tables of numbers in pieces: thousands of columns, a few labels before them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

from detente.errors import InputError, Place
from detente.sources.files import opened
from detente.sources.reading import arrow_batches

Array = NDArray[np.float64]

#: Bytes of text that are parsed at once; a row of the largest table has some 300 thousand.
BLOCK = 8 * 1024**2

#: Bytes that a line at the top may have; the widest table known has 2 MB of names.
LONGEST = 64 * 1024**2

#: Texts that stand for an empty cell.
EMPTY = ("", " ", "na", "NA", "NaN", "nan", "-", "..")


@dataclass(frozen=True)
class Piece:
    """Some rows of a wide table.

    Attributes
    ----------
    labels : list of tuple of str, length R
        The text columns of each row.
    values : ndarray, shape (R, W)
        NaN where a cell is empty.
    line : int
        Line of the file on which the first row stands.
    """

    labels: list[tuple[str, ...]]
    values: Array
    line: int


def first_lines(path: str | Path, count: int, *, member: str | None = None) -> list[str]:
    """Read the first lines of a text file.

    Raises
    ------
    InputError
        No such file, an empty or binary one, a line of ``LONGEST`` bytes or more.
    """
    raw: list[bytes] = []
    with opened(path, member) as stream:
        for _ in range(count):
            raw.append(stream.readline(LONGEST))
            if len(raw[-1]) == LONGEST:  # the rest of it is not read
                break
    place = Place(_told(path, member))
    if not raw[0].strip():
        raise InputError("it is empty.", place)
    if b"\0" in raw[0]:
        raise InputError("it is a binary file, not a table of text.", place)
    if len(raw[-1]) == LONGEST:
        what = f"the line has {LONGEST / 1e6:,.0f} MB or more: it is no table."
        raise InputError(what, Place(place.file, len(raw)))
    try:
        lines = [line.decode("utf-8-sig" if not j else "utf-8") for j, line in enumerate(raw)]
    except UnicodeDecodeError:
        lines = [line.decode("latin-1") for line in raw]
    return [line.rstrip("\r\n") for line in lines]


def pieces(
    path: str | Path,
    *,
    width: int,
    labels: int = 0,
    skip: int = 0,
    sep: str = ",",
    member: str | None = None,
    names: Sequence[str] | None = None,
    block: int = BLOCK,
) -> Iterator[Piece]:
    """Read a wide table piece by piece.

    Parameters
    ----------
    path : str or Path
        A plain file, a gzipped one or a zip.
    width : int
        Number of numeric columns, W.
    labels : int
        Number of text columns before them.
    skip : int
        Lines before the first row.
    sep : str
        Separator.
    member : str, optional
        Member of a zip.
    names : sequence of str, length W, optional
        Names of the numeric columns, for messages.
    block : int
        Bytes of text that are parsed at once.

    Yields
    ------
    Piece

    Raises
    ------
    InputError
        A row with too few or too many cells, a cell that is no number: line and column.
    """
    columns = [f"f{j}" for j in range(labels + width)]
    types = {c: pa.string() if j < labels else pa.float64() for j, c in enumerate(columns)}
    told, ragged = _told(path, member), _Ragged()
    line = skip + 1
    read = pc.ReadOptions(
        column_names=columns, skip_rows=skip, block_size=block, use_threads=False
    )
    parse = {"delimiter": sep, "quote_char": '"' if labels else False}
    convert = pc.ConvertOptions(
        column_types=types, null_values=list(EMPTY), strings_can_be_null=False
    )
    try:
        with (
            opened(path, member) as stream,
            closing(
                arrow_batches(stream, ragged, parse=parse, read=read, convert=convert)
            ) as batches,
        ):
            for batch in batches:
                yield Piece(_labels(batch, labels), _numbers(batch, labels), line)
                line += batch.num_rows
    except pa.ArrowInvalid as error:
        ragged.refuse(told)
        _explain(error, path, member, labels=labels, skip=skip, sep=sep, names=names)


def _labels(batch: pa.RecordBatch, count: int) -> list[tuple[str, ...]]:
    if not count:
        return [()] * batch.num_rows
    columns = [[str(v).strip() for v in batch.column(j).to_pylist()] for j in range(count)]
    return list(zip(*columns, strict=True))


def _numbers(batch: pa.RecordBatch, labels: int) -> Array:
    out = np.empty((batch.num_rows, batch.num_columns - labels))
    for j in range(labels, batch.num_columns):
        out[:, j - labels] = batch.column(j).to_numpy(zero_copy_only=False)
    return out


class _Ragged:
    """Keeps the first row with too few or too many cells: arrow lets no error of ours out."""

    def __init__(self) -> None:
        self.row: pc.InvalidRow | None = None

    def __call__(self, row: pc.InvalidRow) -> str:
        self.row = self.row or row
        return "error"

    def refuse(self, told: str) -> None:
        """Say which row it was, if there was one."""
        if self.row is None:
            return
        row = self.row
        raise InputError(
            f"the row has {row.actual_columns:,} cells; {row.expected_columns:,} were "
            f"expected: {row.text[:60]!r}.",
            Place(told, None if row.number is None else int(row.number)),
        )


def _explain(
    error: pa.ArrowInvalid,
    path: str | Path,
    member: str | None,
    *,
    labels: int,
    skip: int,
    sep: str,
    names: Sequence[str] | None,
) -> NoReturn:
    """Find the cell that could not be read: arrow does not say on which line it stands."""
    told = _told(path, member)
    if "straddling" in str(error):  # reading it line by line would hold such a line whole
        what = "a row is longer than a block of text: no table, or a quote that is not closed."
        raise InputError(what, Place(told))
    with opened(path, member) as stream, _told_by_csv(told):
        text = io.TextIOWrapper(stream, encoding="latin-1", newline="")
        for number, row in enumerate(csv.reader(text, delimiter=sep), start=1):
            if number <= skip:
                continue
            for j, cell in enumerate(row[labels:]):
                if not _is_number(cell):
                    column = names[j] if names and j < len(names) else f"{labels + j + 1}"
                    what = f"'{cell.strip()[:40]}' in row '{' '.join(row[:labels]) or number}'"
                    raise InputError(f"{what} is no number.", Place(told, number, column))
    raise InputError(f"it cannot be read as a table of numbers: {error}.", Place(told))


@contextmanager
def _told_by_csv(told: str) -> Iterator[None]:
    """Errors of the standard library's reader, as ours."""
    try:
        yield
    except csv.Error as error:
        what = f"it cannot be read as a table of numbers: {error}."
        raise InputError(what, Place(told)) from None


def _is_number(cell: str) -> bool:
    if cell.strip() in EMPTY:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _told(path: str | Path, member: str | None) -> str:
    return f"{path}" if member is None else f"{path} ({member})"
