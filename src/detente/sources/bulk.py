"""Originals of millions of rows: streamed in blocks, aggregated by duckdb, memory bounded.

No file is ever held whole: a block of text (or of a parquet file) is parsed by arrow, goes into
a scratch database on disk, and only what was asked for comes back. If a block cannot be
parsed, the file is read again strictly (``reading.read_chunks``), which says on which line.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from detente.errors import InputError, Place, nearest
from detente.sources.checking import listed
from detente.sources.files import opened, require_file
from detente.sources.reading import BLOCK, arrow_batches, read_chunks, read_header

#: What duckdb may hold before it writes to disk; all of Python comes on top.
MEMORY = "700MB"
_ROWS = 1_000_000
_VECTORS = 256


@dataclass(frozen=True)
class Piece:
    """One table of text in a plain or gzipped file or in a zip, or a parquet file.

    Attributes
    ----------
    path : Path
    member : str or None
        Member of a zip.
    """

    path: Path
    member: str | None = None

    @property
    def parquet(self) -> bool:
        """Whether it is a parquet file."""
        return self.path.suffix == ".parquet"

    @property
    def label(self) -> str:
        """For messages: the file, and the member of it."""
        return f"{self.path}: {self.member}" if self.member else str(self.path)


@contextmanager
def workbench(
    memory: str = MEMORY, threads: int | None = None, folder: str | Path | None = None
) -> Iterator[Any]:
    """A duckdb connection to a scratch file, which goes away afterwards.

    Parameters
    ----------
    memory : str
        Limit, such as ``700MB``; beyond it duckdb writes to the scratch folder.
    threads : int, optional
        Two by default: more threads hold more memory.
    folder : str or Path, optional
        Where the scratch folder is made; the system's own where not given.

    Raises
    ------
    InputError
        duckdb is not installed, the limit is none, or it is too low for the query.
    """
    try:
        duckdb = import_module("duckdb")
    except ImportError:
        raise InputError('it needs duckdb: pip install "detente[data]".') from None
    with tempfile.TemporaryDirectory(prefix="detente-", dir=folder) as scratch:
        connection = duckdb.connect(str(Path(scratch) / "work.duckdb"))
        try:
            _configure(connection, memory, threads, scratch)
            yield connection
        except duckdb.OutOfMemoryException:
            raise InputError(
                f"the query needs more than memory='{memory}' and the scratch folder: ask for "
                "fewer years, countries or products, or raise 'memory'."
            ) from None
        finally:
            connection.close()


def blocks(
    piece: Piece,
    columns: Mapping[str, Sequence[str]],
    types: Mapping[str, pa.DataType],
    optional: Collection[str] = (),
    missing: Collection[str] = ("",),
) -> Iterator[pa.RecordBatch]:
    """A piece in blocks, under standard names.

    Parameters
    ----------
    piece : Piece
    columns : mapping of str to sequence of str
        Standard name → its spellings in the file.
    types : mapping of str to DataType
        For text files; other columns stay text.
    optional : collection of str
        Standard names that the file may lack.
    missing : collection of str
        Texts that are null in columns of numbers.

    Raises
    ------
    InputError
        A column is missing or a cell does not fit: with the line.
    """
    ask = _Ask(columns, types, tuple(optional), tuple(missing))
    return _parquet(piece, ask) if piece.parquet else _text(piece, ask)


def frames(piece: Piece, columns: Mapping[str, Sequence[str]]) -> Iterator[pd.DataFrame]:
    """The same as text, indexed by line (parquet: by row, from 1): slow, for diagnoses."""
    if not piece.parquet:
        with _of_the_piece(piece):
            yield from read_chunks(piece.path, member=piece.member, columns=columns)
        return
    row = 1
    for batch in blocks(piece, columns, {}):
        frame = batch.to_pandas().astype("string").fillna("").astype(str)
        frame.index = pd.RangeIndex(row, row + len(frame), name="line")
        row += len(frame)
        yield frame


def lines_of(
    piece: Piece,
    columns: Mapping[str, Sequence[str]],
    match: Callable[[pd.DataFrame], pd.Series],
    most: int = 2,
) -> list[int]:
    """Lines of the first rows for which ``match`` holds."""
    found: list[int] = []
    for frame in frames(piece, columns):
        found += [int(line) for line in frame.index[match(frame).to_numpy(dtype=bool)]]
        if len(found) >= most:
            break
    return found[:most]


def among(asked: Mapping[str, Iterable[object] | None]) -> list[str]:
    """Conditions in SQL that columns are among what is asked; None asks for all."""
    kept = {
        column: sorted(map(str, some)) for column, some in asked.items() if some is not None
    }
    return ["TRUE", *(f"{column} IN ({', '.join(some)})" for column, some in kept.items())]


def one(connection: Any, query: str) -> tuple[Any, ...]:
    """The first row of a query's result; all None where it has none."""
    rows = connection.execute(query).fetchall()  # all: duckdb wants a result read to its end
    return tuple(rows[0]) if rows else (None,)


def fetched(connection: Any, query: str, rows: int) -> dict[str, np.ndarray[Any, Any]]:
    """Columns of a query's result, filled block by block into arrays of known length.

    Parameters
    ----------
    connection
        Of ``workbench``.
    query : str
        Numbers only; missing ones in columns of floats.
    rows : int
        How many rows it has.
    """
    cursor = connection.execute(query)
    found: dict[str, np.ndarray[Any, Any]] = {}
    start = 0
    while True:
        chunk = cursor.fetch_df_chunk(_VECTORS)
        for name in chunk.columns:
            values = chunk[name].to_numpy()
            whole = found.setdefault(name, np.empty(rows, dtype=values.dtype))
            whole[start : start + len(values)] = values
        start += len(chunk)
        if not len(chunk):
            return found


def _configure(connection: Any, memory: str, threads: int | None, scratch: str) -> None:
    count = threads or min(2, os.cpu_count() or 1)
    settings = {
        "memory_limit": memory,
        "threads": str(int(count)),
        "temp_directory": str(Path(scratch) / "spill"),
        "preserve_insertion_order": "false",
        "enable_progress_bar": "false",
    }
    for name, value in settings.items():
        escaped = value.replace("'", "''")
        try:
            connection.execute(f"SET {name} = '{escaped}'")
        except Exception as error:  # the classes of duckdb's errors differ by version
            raise InputError(f"'{value}' is no {name.replace('_', ' ')}: {error}") from None


@dataclass(frozen=True)
class _Ask:
    """Which columns, of what types."""

    columns: Mapping[str, Sequence[str]]
    types: Mapping[str, pa.DataType]
    optional: tuple[str, ...]
    missing: tuple[str, ...]

    def positions(self, piece: Piece, header: Sequence[str]) -> dict[str, int]:
        """Standard name → position in the file."""
        folded = [name.casefold() for name in header]
        at = {}
        for name, spellings in self.columns.items():
            there = [s.casefold() for s in spellings if s.casefold() in folded]
            if there:
                if folded.count(there[0]) > 1:
                    what = f"two columns are called '{there[0]}'."
                    raise InputError(what, Place(piece.label, 1))
                at[name] = folded.index(there[0])
            elif name not in self.optional:
                raise self.absent(piece, name, header)
        return at

    def absent(self, piece: Piece, name: str, header: Sequence[str]) -> InputError:
        """Our error for a column that is not there."""
        near = next((n for s in self.columns[name] if (n := nearest(s, header))), None)
        called = " or ".join(f"'{s}'" for s in self.columns[name])
        return InputError(
            f"there is no column {called}; there are {listed(header)}.",
            Place(piece.label, key=name),
            near,
        )


def _text(piece: Piece, ask: _Ask) -> Iterator[pa.RecordBatch]:
    with _of_the_piece(piece):
        header = read_header(piece.path, member=piece.member)
    at = ask.positions(piece, header)
    names = [f"f{j}" for j in range(len(header))]
    read = pc.ReadOptions(column_names=names, skip_rows=1, block_size=BLOCK, use_threads=False)
    convert = pc.ConvertOptions(
        column_types={names[j]: ask.types.get(n, pa.string()) for n, j in at.items()},
        include_columns=[names[j] for j in at.values()],
        null_values=list(ask.missing),
        strings_can_be_null=False,
        check_utf8=False,
    )
    with opened(piece.path, piece.member) as stream:
        batches = arrow_batches(stream, lambda _: "error", parse={}, read=read, convert=convert)
        try:
            with closing(batches):
                for batch in batches:
                    yield batch.rename_columns(list(at))
        except pa.ArrowInvalid as error:
            raise _unreadable(piece, ask, error) from None


def _parquet(piece: Piece, ask: _Ask) -> Iterator[pa.RecordBatch]:
    require_file(piece.path)
    try:
        file = pq.ParquetFile(piece.path)
    except pa.ArrowInvalid as error:
        raise InputError(f"it is no parquet file: {error}.", Place(piece.label)) from None
    header = file.schema_arrow.names
    at = ask.positions(piece, header)
    wanted = [header[j] for j in at.values()]
    for batch in file.iter_batches(_ROWS // 2, columns=wanted, use_threads=False):
        yield batch.select(wanted).rename_columns(list(at))


@contextmanager
def _of_the_piece(piece: Piece) -> Iterator[None]:
    """Errors of a zip's member name it: a zip of years has many."""
    try:
        yield
    except InputError as error:
        if error.place is None or error.place.file != str(piece.path) or not piece.member:
            raise
        place = replace(error.place, file=piece.label)
        raise InputError(error.what, place, error.nearest) from None


def _unreadable(piece: Piece, ask: _Ask, error: Exception) -> InputError:
    """Our error, with the line, for arrow's: the file is read once more, strictly."""
    kinds = ask.types.items()
    try:
        with _of_the_piece(piece):
            for _ in read_chunks(
                piece.path,
                member=piece.member,
                columns=ask.columns,
                whole=[name for name, kind in kinds if pa.types.is_integer(kind)],
                numbers=[name for name, kind in kinds if pa.types.is_floating(kind)],
                optional=ask.optional,
                missing=ask.missing,
            ):
                pass
    except InputError as told:
        return told
    return InputError(f"it cannot be read as a table: {error}.", Place(piece.label))
