"""Reading workbooks row by row, and the sheets of the WIOD and ADB family.

The World Input-Output Database and the tables of the Asian Development Bank that continue it
share a sheet: a few rows of title and unit, rows of industry names, countries and codes above
the numbers, the same to their left, final demand to the right, and rows of taxes, margins,
value added and output below.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, Place
from detente.sources.blocks import Blocks, layout
from detente.sources.files import LIMITS, opened

Array = NDArray[np.float64]
Row = list[Any]

#: Bytes that a workbook may unpack to; the largest known, of GLORIA's labels aside, has 0.3 GB.
LARGEST_BOOK = 4 * 1024**3
#: Rows within which the codes above the columns must come.
_HEAD = 20
_CODE = re.compile(r"(?i)^[cf]\d{1,3}$")
_TOTAL = ("tot", "total", "go")

#: What a row at the bottom is, by a word in its name or its code; the first that fits.
_BOTTOM = (
    ("total inputs", ("ii_fob", "total intermediate", "intermediate input")),
    ("taxes", ("txsp", "taxes less subsidies")),
    ("value added", ("value added",)),
    ("margins", ("intttm", "transport margin")),
    ("adjustments", ("exp_adj", "cif", "purr", "purnr", "direct purchases", "purchases on")),
    ("output", ("output at basic", "output", "total")),
)


#: The same by the codes of 2013 and of the ADB, for a row whose name says nothing.
_CODED = {
    "r60": "total inputs",
    "r99": "taxes",
    "r61": "adjustments",
    "r62": "adjustments",
    "r63": "adjustments",
    "r64": "value added",
    "trs": "margins",
    "r69": "output",
}


@dataclass(frozen=True)
class Family:
    """How one source uses the sheet.

    Attributes
    ----------
    what : str
        Its name, for messages.
    final : mapping of str to bool
        Codes of columns of final demand, and whether they are changes in inventories.
    iso3 : mapping of str to str
        The source's country codes that are to be changed.
    by_industry : bool
        Whether industries are known by the code three rows above (A01, C10-C12 …) instead
        of that of their column (c1, c2 …).
    """

    what: str
    final: Mapping[str, bool]
    iso3: Mapping[str, str]
    by_industry: bool = False


@dataclass
class Sheet:
    """What was read of a sheet.

    Attributes
    ----------
    family : Family
    title : tuple of str
        Texts above the table: title, prices, unit.
    blocks : Blocks
    bottom : dict of str to ndarray, shape (C + F,)
        Rows of ``taxes``, ``value added``, ``margins``, ``adjustments`` and ``output``.
    output : ndarray, shape (C,)
        The column of output; NaN where there is none.
    names : dict of str to str
        Name of each industry.
    """

    family: Family
    title: tuple[str, ...]
    blocks: Blocks
    bottom: dict[str, Array] = field(default_factory=dict)
    output: Array = field(default_factory=lambda: np.zeros(0))
    names: dict[str, str] = field(default_factory=dict)


def sheet_rows(
    path: str | Path,
    *,
    member: str | None = None,
    sheet: str | None = None,
    not_sheets: Sequence[str] = (),
) -> Iterator[tuple[int, Row]]:
    """Rows of a sheet of an xlsx or xlsb, with their numbers, the first being 1.

    Parameters
    ----------
    path : str or Path
        The workbook, or a zip with it.
    member : str, optional
        Member of a zip.
    sheet : str, optional
        Name of the sheet; the first where not given.
    not_sheets : sequence of str
        Names, in small letters, that are passed over in looking for the first.

    Raises
    ------
    InputError
        No such file or sheet, a file that is no workbook, a package that is missing.
    """
    name = member or str(path)
    with opened(path, member) as stream:
        data = io.BytesIO(stream.read())
    place = Place(str(path) if member is None else f"{path} ({member})")
    _refuse_bomb(data, place)
    try:
        import python_calamine  # noqa: PLC0415

        return _calamine(python_calamine, data, sheet, not_sheets, place)
    except ImportError:
        if name.casefold().endswith(".xlsb"):
            what = 'to read xlsb install python-calamine: pip install "detente[data]".'
            raise InputError(what, place) from None
    return _openpyxl(data, sheet, not_sheets, place)


def read_sheet(
    rows: Iterable[tuple[int, Row]], families: Sequence[Family], place: Place
) -> Sheet:
    """Read a sheet.

    Parameters
    ----------
    rows : iterable of (int, list)
        Number and cells of each row.
    families : sequence of Family
        Those that it may be of; its codes of final demand tell which.
    place : Place
        The file, for messages.

    Returns
    -------
    Sheet
        With the family that it turned out to be of.

    Raises
    ------
    InputError
        No codes above the columns, an unknown column or row, a cell that is no number, a
        row that is missing or double.
    """
    source = iter(rows)
    head = _head(source, place)
    family = family_of(head.codes, families)
    if family is None:
        what = " or ".join(f.what for f in families)
        raise InputError(f"its final demand is not coded as that of {what}.", place)
    reader = _Reader(head, family, place)
    for number, row in source:
        reader.take(number, row)
    return reader.finish()


@dataclass(frozen=True)
class _Head:
    """The rows above the numbers."""

    title: tuple[str, ...]
    start: int
    codes: list[str]
    countries: list[str]
    names: list[str]
    industries: list[str]


def head_codes(rows: Iterable[tuple[int, Row]]) -> list[str]:
    """Codes above the columns of a sheet; empty where it is no such sheet."""
    try:
        return _head(iter(rows), Place()).codes
    except InputError:
        return []


def family_of(codes: Sequence[str], families: Sequence[Family]) -> Family | None:
    """Find the first family whose codes of final demand are all there.

    The order matters: codes of final demand in 2013 (c37 …) are industries in 2016.
    """
    there = {code.casefold() for code in codes}
    return next((f for f in families if {c.casefold() for c in f.final} <= there), None)


def _head(source: Iterator[tuple[int, Row]], place: Place) -> _Head:
    above: list[list[str]] = []
    for _, row in source:
        texts = [_text(cell) for cell in row]
        spots = [j for j, t in enumerate(texts) if _CODE.match(t)]
        filled = sum(bool(t) for t in texts[spots[0] :]) if spots else 0
        # Industries have such codes too (C16, C17): the row sought holds nothing else.
        if len(spots) > max(1, 0.9 * filled):
            start = spots[0]
            if start < 3 or len(above) < 2:
                break
            pad = [""] * len(texts)
            rows = [(r + pad)[: len(texts)] for r in [pad, *above][-3:]]
            title = tuple(t for r in above for t in r[:start] if t)
            return _Head(title, start, *(r[start:] for r in (texts, rows[2], rows[1], rows[0])))
        above.append(texts)
        if len(above) >= _HEAD:
            break
    raise InputError(
        f"no row with codes of columns (c1, c2 …) comes within {_HEAD} rows, with countries "
        "and names above it: it is no sheet of the WIOD or the ADB.",
        place,
    )


class _Reader:
    """Sorts columns, then rows."""

    def __init__(self, head: _Head, family: Family, place: Place) -> None:
        self.head, self.family, self.place = head, family, place
        kinds = [self._kind(j) for j in range(len(head.codes))]
        industries = [j for j, kind in enumerate(kinds) if kind == "industry"]
        finals = [j for j, kind in enumerate(kinds) if kind == "final"]
        outs = [j for j, kind in enumerate(kinds) if kind == "output"]
        self.out = outs[0] if outs else None
        self.order = np.array([*industries, *finals], dtype=np.intp)
        pairs = [(head.countries[j], self._industry(j)) for j in industries]
        inventory = {code.casefold(): told for code, told in family.final.items()}
        axes = layout(
            pairs,
            [(head.countries[j], inventory[head.codes[j].casefold()]) for j in finals],
            str(place),
            merge=family.iso3,
        )
        self.position = {pair: k for k, pair in enumerate(pairs)}
        self.sheet = Sheet(family, head.title, Blocks(axes, str(place)))
        self.sheet.output = np.full(axes.size, np.nan)
        self.sheet.names = {self._industry(j): head.names[j] for j in industries}

    def take(self, number: int, row: Row) -> None:
        """One row below the codes."""
        start = self.head.start
        label = [_text(cell) for cell in row[:start]]
        values = row[start : start + len(self.head.codes)]
        if not any(label) or not any(_text(v) for v in values):
            return
        key = (label[-2], label[-4] if self.family.by_industry and start > 3 else label[-1])
        numbers = self._numbers(values, number, label)
        if key in self.position:
            at = self.position[key]
            self.sheet.blocks.add([at], numbers[self.order][None, :], number)
            if self.out is not None:
                self.sheet.output[at] = numbers[self.out]
            return
        kind = self._bottom(label)
        if kind is None:
            raise InputError(
                f"the row '{' '.join(filter(None, label))}' is no industry that the columns "
                "name, and no row of taxes, margins, value added or output.",
                Place(self.place.file, number),
            )
        clean = np.nan_to_num(numbers[self.order])
        if kind in self.sheet.bottom and kind != "adjustments":
            raise InputError(
                f"there is a second row of {kind}.", Place(self.place.file, number)
            )
        self.sheet.bottom[kind] = self.sheet.bottom.get(kind, 0.0) + clean

    def finish(self) -> Sheet:
        """Check that what must be there has come."""
        self.sheet.blocks.complete()
        for key in ("taxes", "value added", "output"):
            if key not in self.sheet.bottom:
                what = f"the row of {key} is missing; the sheet is cut short."
                raise InputError(what, self.place)
        return self.sheet

    def _kind(self, j: int) -> str:
        code, country = self.head.codes[j].casefold(), self.head.countries[j].casefold()
        named = self.head.names[j].casefold(), self.head.industries[j].casefold()
        if country in _TOTAL or any(n in _TOTAL or n[:6] == "total " for n in named):
            return "output"
        if not code and not country:
            return "none"
        if code in {c.casefold() for c in self.family.final}:
            return "final"
        if re.match(r"^c\d+$", code) and country:
            return "industry"
        raise InputError(
            f"column {self.head.start + j + 1} ('{self.head.codes[j]}' of "
            f"'{self.head.countries[j]}', {self.head.names[j]!r}) is neither an industry nor "
            f"final demand of {self.family.what}.",
            self.place,
        )

    def _industry(self, j: int) -> str:
        return self.head.industries[j] if self.family.by_industry else self.head.codes[j]

    def _bottom(self, label: Sequence[str]) -> str | None:
        for text in (t.casefold() for t in (label[0], label[-3]) if t):
            for kind, words in _BOTTOM:
                if text == "va" and kind == "value added":
                    return kind
                if text == "go" and kind == "output":
                    return kind
                if any(word in text for word in words):
                    return kind
        return None if self.family.by_industry else _CODED.get(label[-1].casefold())

    def _numbers(self, values: Row, number: int, label: Sequence[str]) -> Array:
        width = len(self.head.codes)
        out = np.full(width, np.nan)
        try:
            out[: len(values)] = np.asarray(values, dtype=np.float64)
            return out
        except (TypeError, ValueError):
            pass
        for j, value in enumerate(values):
            text = _text(value)
            if text in ("", "-"):
                continue
            try:
                out[j] = float(text)
            except ValueError:
                column = f"{self.head.countries[j]} {self.head.codes[j]}".strip()
                where = " ".join(filter(None, label[-2:]))
                raise InputError(
                    f"'{text[:40]}' in row '{where}' is no number.",
                    Place(self.place.file, number, column),
                ) from None
        return out


# -- workbooks ---------------------------------------------------------------------------
def _refuse_bomb(data: io.BytesIO, place: Place) -> None:
    """A workbook is a zip, which the packages for workbooks unpack without a limit."""
    try:
        with zipfile.ZipFile(data) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        size = 0  # no zip: the package says what is wrong with it
    packed = data.getbuffer().nbytes
    data.seek(0)
    if size > LARGEST_BOOK or (size > LIMITS.free and size > LIMITS.ratio * packed):
        raise InputError(
            f"it unpacks to {size / 1e9:,.1f} GB from {packed / 1e6:,.1f} MB, as a zip bomb "
            "does; it was not read.",
            place,
        )


def _calamine(
    package: Any, data: io.BytesIO, sheet: str | None, not_sheets: Sequence[str], place: Place
) -> Iterator[tuple[int, Row]]:
    try:
        book = package.load_workbook(data)
        name = _choose(book.sheet_names, sheet, not_sheets, place)
        found = book.get_sheet_by_name(name)
    except package.CalamineError as error:
        raise InputError(f"it is no workbook that can be read: {error}.", place) from None
    pad = [None] * (found.start[1] if found.start else 0)  # empty columns come without cells
    return ((j, [*pad, *row]) for j, row in enumerate(found.iter_rows(), start=1))


def _openpyxl(
    data: io.BytesIO, sheet: str | None, not_sheets: Sequence[str], place: Place
) -> Iterator[tuple[int, Row]]:
    try:
        import openpyxl  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        what = "to read a workbook install the extra 'data': pip install \"detente[data]\"."
        raise InputError(what, place) from None
    try:
        book = openpyxl.load_workbook(data, read_only=True, data_only=True)
    except Exception as error:  # openpyxl has no error of its own for a broken file
        raise InputError(f"it is no workbook that can be read: {error}.", place) from None
    found = book[_choose(book.sheetnames, sheet, not_sheets, place)]
    rows = found.iter_rows(values_only=True)
    return ((j, list(row)) for j, row in enumerate(rows, start=1))


def _choose(
    names: Sequence[str], sheet: str | None, not_sheets: Sequence[str], place: Place
) -> str:
    if sheet is not None:
        if sheet not in names:
            what = f"there is no sheet '{sheet}'; there are {', '.join(names)}."
            raise InputError(what, place)
        return sheet
    left = [n for n in names if n.casefold() not in not_sheets]
    if not left:
        raise InputError("it has no sheet of numbers.", place)
    return left[0]


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()
