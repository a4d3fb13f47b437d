"""Reading long tables of text strictly: columns by name, codes as text, numbers or an error.

Every frame that comes out of here is indexed by the line of the file on which a row stands,
so that whatever is found wrong later can say where. Row numbers that are not lines do not
exist: keep the index, or reset it once nothing can be wrong any more.
"""

from __future__ import annotations

import csv
import io
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as pc  # type: ignore[import-untyped]

from detente.errors import InputError, nearest
from detente.sources.checking import (
    cells,
    counted,
    listed,
    place,
    refuse_below,
    refuse_duplicates,
    refuse_mixed_years,
    refuse_unknown,
    to_numbers,
)
from detente.sources.files import opened

__all__ = [
    "read_chunks",
    "read_header",
    "read_table",
    "refuse_below",
    "refuse_duplicates",
    "refuse_mixed_years",
    "refuse_unknown",
    "to_numbers",
]

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

#: Bytes of text that are parsed at once.
BLOCK = 16 * 1024**2
_HEAD = 256 * 1024

#: Seconds for a read under way to come back once nobody wants it.
_PATIENCE = 10.0


def read_table(
    path: str | Path,
    *,
    columns: Mapping[str, Sequence[str]],
    member: str | None = None,
    sep: str | None = ",",
    numbers: Collection[str] = (),
    whole: Collection[str] = (),
    optional: Collection[str] = (),
    missing: Collection[str] = ("",),
    keep: Sequence[str] | None = (),
    skip: int = 0,
    encoding: str | None = None,
) -> pd.DataFrame:
    """Read a table of text from a plain, gzipped or zipped file.

    Parameters
    ----------
    path : str or Path
        The file.
    columns : mapping of str to sequence of str
        Standard name → its spellings in the file, the preferred one first; case and blanks
        around a name do not count.
    member : str, optional
        Member of a zip; may be left out where it has one only.
    sep : str or None
        Separator; None takes the one of , ; tab | that the header uses.
    numbers, whole : collection of str
        Standard names to convert: to float64 (missing cells NaN), to int64 (none may be
        missing). All other columns stay text, leading zeros included.
    optional : collection of str
        Standard names that the file may lack; they are left out of the frame then.
    missing : collection of str
        Texts that mean "no number" in ``numbers``, apart from blanks around them.
    keep : sequence of str or None
        Further columns to keep, as text, under the file's own names; None keeps all.
    skip : int
        Lines before the header.
    encoding : str, optional
        ``utf-8`` or ``latin-1``; by default UTF-8, and Latin-1 where the bytes are not
        UTF-8, which ``frame.attrs["notes"]`` then says.

    Returns
    -------
    DataFrame
        Index ``line``: the line of the file. ``attrs["notes"]``: tuple of str, what was
        taken to be otherwise than expected; empty lines are among it.

    Raises
    ------
    InputError
        No such file, an empty or binary one, a column missing (with the nearest), another
        separator, a row with too few or too many cells, a cell that is no number: with its
        line.
    """
    wanted = _Wanted(columns, tuple(numbers), tuple(whole), tuple(optional), keep)
    reader = _Reader(Path(path), member, sep, wanted, tuple(missing), skip, encoding)
    parts = list(reader.frames())
    if reader.switched and len(parts) > 1:  # what came before must be read the same way
        reader = _Reader(Path(path), member, sep, wanted, tuple(missing), skip, "latin-1")
        reader.notes.append(_LATIN)
        parts = list(reader.frames())
    if not sum(map(len, parts)):
        raise InputError("it has a header, but no rows.", place(path))
    frame = pd.concat(parts) if len(parts) > 1 else parts[0]
    if reader.multiline:
        starts = np.fromiter(reader.starts(), dtype=np.int64)
        frame.index = pd.Index(starts[frame.index - skip - 1], name="line")
    frame.attrs["notes"] = tuple(reader.notes)
    return frame


def read_chunks(
    path: str | Path,
    *,
    columns: Mapping[str, Sequence[str]],
    member: str | None = None,
    sep: str | None = ",",
    numbers: Collection[str] = (),
    whole: Collection[str] = (),
    optional: Collection[str] = (),
    missing: Collection[str] = ("",),
    keep: Sequence[str] | None = (),
    skip: int = 0,
    encoding: str | None = None,
    block: int = BLOCK,
) -> Iterator[pd.DataFrame]:
    """Read like ``read_table``, but in pieces of about ``block`` bytes of text.

    Memory stays at a few times ``block`` whatever the file's size. The notes so far are in
    each frame's ``attrs["notes"]``. A cell with a line break in it makes the index count
    records instead of lines from there on.

    Raises
    ------
    InputError
        As for ``read_table``, once the piece is reached.
    """
    wanted = _Wanted(columns, tuple(numbers), tuple(whole), tuple(optional), keep)
    reader = _Reader(Path(path), member, sep, wanted, tuple(missing), skip, encoding, block)
    empty = True
    for frame in reader.frames():
        frame.attrs["notes"] = tuple(reader.notes)
        empty = empty and frame.empty
        yield frame
    if empty:
        raise InputError("it has a header, but no rows.", place(path))


def read_header(
    path: str | Path, *, member: str | None = None, sep: str | None = ",", skip: int = 0
) -> tuple[str, ...]:
    """Names of a table's columns, as the file has them.

    Raises
    ------
    InputError
        As for ``read_table``.
    """
    return _header(Path(path), member, sep, skip)[0]


# -- inside ------------------------------------------------------------------------------
_LATIN = "the text is not UTF-8; it was read as Latin-1"


@dataclass(frozen=True)
class _Wanted:
    """Which columns are asked for."""

    columns: Mapping[str, Sequence[str]]
    numbers: tuple[str, ...]
    whole: tuple[str, ...]
    optional: tuple[str, ...]
    keep: Sequence[str] | None

    def positions(self, header: Sequence[str], file: Path) -> dict[str, int]:
        """Name in the frame → position in the file."""
        folded = [name.casefold() for name in header]
        found: dict[str, int] = {}
        for name, spellings in self.columns.items():
            there = [s.casefold() for s in spellings if s.casefold() in folded]
            if there:
                found[name] = _only(there[0], folded, file)
            elif name not in self.optional:
                raise _missing_column(name, spellings, header, file)
        taken = set(found.values())
        more = [h for j, h in enumerate(header) if j not in taken]
        for name in more if self.keep is None else self.keep:
            if name.casefold() not in folded:
                raise _missing_column(name, (name,), header, file)
            found.setdefault(name, _only(name.casefold(), folded, file))
        return found


class _Counting(io.RawIOBase):
    """A stream that counts line ends and remembers the last byte."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.lines, self.last = stream, 0, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.lines += data.count(b"\n")
        self.last = data[-1:] or self.last
        return data


class _Ahead(io.RawIOBase):
    """What arrow reads, on a thread of its own; nothing any more once ``done`` is set."""

    def __init__(self, stream: io.RawIOBase | IO[bytes], done: threading.Event) -> None:
        self.stream, self.done = stream, done

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        stream, done = self.stream, self.done
        del self  # an error's traceback would hold it, and be waited for
        return b"" if done.is_set() else stream.read(size) or b""


@dataclass
class _Handler:
    """What arrow calls for a row of the wrong length; an object that can be watched."""

    tell: Callable[[pc.InvalidRow], str]

    def __call__(self, row: pc.InvalidRow) -> str:
        return self.tell(row)


def arrow_batches(
    stream: io.RawIOBase | IO[bytes],
    ragged: Callable[[pc.InvalidRow], str],
    *,
    parse: Mapping[str, Any],
    read: pc.ReadOptions,
    convert: pc.ConvertOptions,
) -> Generator[pa.RecordBatch, None, None]:
    """Batches of a csv; when this ends, for whatever reason, arrow has let go of the stream.

    Arrow reads ahead on a thread of its own. A thread that still calls back when the
    interpreter ends makes it abort or hang, so this waits until there is none.

    Parameters
    ----------
    stream : file
        Its ``read`` is called from another thread.
    ragged : callable
        For a row of the wrong length.
    parse : mapping
        For ``ParseOptions``, without a handler of rows.
    read, convert
        Options of arrow.

    Raises
    ------
    ArrowInvalid
        As arrow does.
    """
    done, gone = threading.Event(), threading.Semaphore(0)
    watched: list[weakref.ref[object]] = []

    def start() -> pc.CSVStreamingReader:
        ahead, handler = _Ahead(stream, done), _Handler(ragged)
        watched.extend(weakref.ref(x, lambda _: gone.release()) for x in (ahead, handler))
        options = pc.ParseOptions(invalid_row_handler=handler, **parse)
        try:
            return pc.open_csv(
                ahead, read_options=read, parse_options=options, convert_options=convert
            )
        finally:
            del ahead, handler, options  # an error's traceback would hold them

    reader = None
    try:
        reader = start()
        with reader:
            yield from reader
    finally:
        done.set()
        del reader
        for _ in () if sys.is_finalizing() else watched:
            gone.acquire(timeout=_PATIENCE)


class _Reader:
    """One pass over one file."""

    def __init__(
        self,
        path: Path,
        member: str | None,
        sep: str | None,
        wanted: _Wanted,
        missing: tuple[str, ...],
        skip: int,
        encoding: str | None,
        block: int = BLOCK,
    ) -> None:
        self.path, self.member, self.wanted = path, member, wanted
        self.missing, self.skip, self.block = missing, skip, block
        self.header, self.sep = _header(path, member, sep, skip)
        self.at = wanted.positions(self.header, path)
        self.latin = encoding is not None and encoding.casefold() in ("latin-1", "iso-8859-1")
        self.fixed = encoding is not None
        self.switched = False
        self.notes: list[str] = []
        self.empty_lines = 0
        self.ragged: InputError | None = None
        self.multiline = False

    def frames(self) -> Iterator[pd.DataFrame]:
        """One frame for each block of text."""
        line = self.skip + 2
        with opened(self.path, self.member) as stream:
            counting = _Counting(stream)
            try:
                for batch in self._batches(counting):
                    frame = self._frame(batch, line)
                    line += batch.num_rows
                    yield frame
            except InputError as error:
                raise self._at_its_line(error) from None
        ended = counting.lines + (counting.last != b"\n")
        self.multiline = ended != line - 1
        if self.empty_lines:
            told = counted(self.empty_lines, "empty line was", "empty lines were")
            self.notes.append(f"{told} skipped")

    def starts(self) -> Iterator[int]:
        """Line on which each record begins, those before the header's left out."""
        with opened(self.path, self.member) as stream:
            text = io.TextIOWrapper(stream, "latin-1", newline="")
            rows = csv.reader((line.replace("\0", "") for line in text), delimiter=self.sep)
            end = 0
            try:
                for record, _ in enumerate(rows):
                    if record >= self.skip:
                        yield end + 1
                    end = rows.line_num
            except csv.Error as error:
                what = f"it is no table, or a quote is not closed: {error}."
                raise InputError(what, place(self.path, end + 1)) from None

    def _at_its_line(self, error: InputError) -> InputError:
        """The same error, records counted as lines: a cell may hold line breaks."""
        if error.place is None or error.place.line is None:
            return error
        record = error.place.line - self.skip - 1
        line = next(islice(self.starts(), record, None), error.place.line)
        return InputError(error.what, replace(error.place, line=line), error.nearest)

    def _batches(self, stream: _Counting) -> Iterator[pa.RecordBatch]:
        names = [f"f{j}" for j in range(len(self.header))]
        kept = [f"f{j}" for j in self.at.values()]
        try:
            yield from arrow_batches(
                stream,
                self._ragged,
                parse={
                    "delimiter": self.sep,
                    "newlines_in_values": True,
                    "ignore_empty_lines": False,
                },
                read=pc.ReadOptions(
                    column_names=names,
                    skip_rows=self.skip + 1,
                    block_size=self.block,
                    use_threads=False,
                ),
                convert=pc.ConvertOptions(
                    column_types=dict.fromkeys(kept, pa.string()),
                    include_columns=kept,
                    check_utf8=False,
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            if self.ragged is not None:
                raise self.ragged from None
            what = f"it cannot be read as a table: {error}."
            if "straddling" in str(error):
                size = f"{self.block / 1e6:,.0f} MB"
                what = f"a row is longer than {size}: no table, or a quote that is not closed."
            raise InputError(what, place(self.path)) from None

    def _ragged(self, row: pc.InvalidRow) -> str:
        told = f"the row has {row.actual_columns} cells; the header has {row.expected_columns}"
        self.ragged = InputError(f"{told}: {row.text[:60]!r}.", place(self.path, row.number))
        return "error"

    def _frame(self, batch: pa.RecordBatch, line: int) -> pd.DataFrame:
        arrays = [self._text(batch.column(j)) for j in range(batch.num_columns)]
        frame = pd.DataFrame(
            {name: a.to_pandas() for name, a in zip(self.at, arrays, strict=True)}
        )
        frame.index = pd.RangeIndex(line, line + batch.num_rows, name="line")
        blank = np.ones(len(frame), dtype=bool)
        for name in frame.columns:
            blank &= (frame[name] == "").to_numpy(dtype=bool)
            if not blank.any():
                break
        if blank.any():
            self.empty_lines += int(blank.sum())
            frame = frame[~blank]
        for name in (*self.wanted.numbers, *self.wanted.whole):
            if name in frame:
                whole = name in self.wanted.whole
                frame[name] = to_numbers(
                    frame[name], self.path, missing=self.missing, whole=whole
                )
        return frame

    def _text(self, column: pa.Array) -> pa.Array:
        if not self.latin:
            try:
                column.validate(full=True)
                return column
            except pa.ArrowInvalid:
                if self.fixed:
                    raise InputError("it is not UTF-8 text.", place(self.path)) from None
            self.latin = self.switched = True
            self.notes.append(_LATIN)
        raw = column.view(pa.binary()).to_pylist()
        return pa.array([b.decode("latin-1") for b in raw], pa.string())


def _header(
    path: Path, member: str | None, sep: str | None, skip: int
) -> tuple[tuple[str, ...], str]:
    """Names of the columns and the separator that they use."""
    with opened(path, member) as stream:
        head = stream.read(_HEAD)
    if not head.strip():
        raise InputError("it is empty.", place(path))
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError("it is UTF-16 text; save it as UTF-8.", place(path))
    if b"\0" in head:
        raise InputError("it is a binary file, not a table of text.", place(path))
    try:
        text = head[: head.rfind(b"\n") + 1 or None].decode("utf-8-sig")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    lines = text.splitlines()[skip:]
    if not lines or not lines[0].strip():
        raise InputError("it should hold the names of columns.", place(path, skip + 1))
    split = {s: cells(lines[0], s, path, skip + 1) for s in (*SEPARATORS, *filter(None, [sep]))}
    used = sep or max(SEPARATORS, key=lambda s: len(split[s]))
    names = split[used]
    other = [s for s in SEPARATORS if s != used and len(split[s]) > 1]
    if len(names) == 1 and other:
        raise InputError(
            f"its columns are separated by {SEPARATORS[other[0]]}; "
            f"{SEPARATORS.get(used, repr(used))} were expected.",
            place(path, skip + 1),
        )
    return tuple(names), used


def _only(name: str, folded: Sequence[str], file: Path) -> int:
    if folded.count(name) > 1:
        raise InputError(f"two columns are called '{name}'.", place(file, 1))
    return folded.index(name)


def _missing_column(
    name: str, spellings: Sequence[str], header: Sequence[str], file: Path
) -> InputError:
    near = next((n for n in (nearest(s, header) for s in (*spellings, name)) if n), None)
    called = " or ".join(f"'{s}'" for s in spellings)
    what = "the column is missing" if called == f"'{name}'" else f"there is no column {called}"
    return InputError(f"{what}; there are {listed(header)}.", place(file, None, name), near)
