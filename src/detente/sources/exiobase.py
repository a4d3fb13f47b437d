"""EXIOBASE 3: 44 countries, five rests of continents, 163 industries or 200 products.

One zip a year (``IOT_2019_ixi.zip``) holds ``Z.txt``, ``Y.txt``, ``x.txt`` and ``unit.txt``,
tab-separated, two rows and two columns of labels; taxes and value added are rows of
``satellite/F.txt``, since 3.9 of ``factor_inputs/F.txt``. Money is in million EUR.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, Place, nearest
from detente.sources.blocks import Blocks, Layout, finish, layout
from detente.sources.catalogue import entry, record
from detente.sources.iotable import IOTable
from detente.sources.pick import Original, pick, the_year, year_of
from detente.sources.rates import USD_PER_EUR, average_usd_per_eur
from detente.sources.wide import first_lines, pieces

Array = NDArray[np.float64]

SOURCE = "exiobase-3"

#: Its two letters, and ISO 3166; the five rests of continents keep their own.
_PAIRS = (
    "AT:AUT BE:BEL BG:BGR CY:CYP CZ:CZE DE:DEU DK:DNK EE:EST ES:ESP FI:FIN FR:FRA GR:GRC "
    "HR:HRV HU:HUN IE:IRL IT:ITA LT:LTU LU:LUX LV:LVA MT:MLT NL:NLD PL:POL PT:PRT RO:ROU "
    "SE:SWE SI:SVN SK:SVK GB:GBR US:USA JP:JPN CN:CHN CA:CAN KR:KOR BR:BRA IN:IND MX:MEX "
    "RU:RUS AU:AUS CH:CHE TR:TUR TW:TWN NO:NOR ID:IDN ZA:ZAF"
)
ISO3 = {pair[:2]: pair[3:] for pair in _PAIRS.split(" ")}
RESTS = {
    "WA": "Rest of Asia and Pacific",
    "WL": "Rest of America",
    "WE": "Rest of Europe",
    "WF": "Rest of Africa",
    "WM": "Rest of Middle East",
}

#: Final demand that is balancing; exports to nowhere are zero in a closed table.
_STOCKS = ("changes in inventories", "changes in valuables", "exports: total (fob)")
_PRODUCT_TAXES = "Taxes less subsidies on products purchased: Total"
_VALUE_ADDED = ("Other net taxes on production", "Compensation of employees;", "Operating sur")
_UNKNOWN = "release not said"


def read_exiobase(
    path: str | Path,
    year: int | None = None,
    *,
    usd_per_eur: float | None = None,
    tolerance: float | None = None,
) -> IOTable:
    """Read a year of EXIOBASE 3, industry by industry or product by product.

    Parameters
    ----------
    path : str or Path
        The zip (``IOT_2019_ixi.zip``), its unpacked folder, or a folder of several.
    year : int, optional
        Needed where there are several years.
    usd_per_eur : float, optional
        US dollars for one euro: the tables are in million EUR. Where not given, the year's
        average that Eurostat publishes (``detente.sources.rates``), which the notes name.
    tolerance : float, optional
        How far an identity may fail, relative; the catalogue's where not given.

    Returns
    -------
    IOTable
        Changes in inventories and in valuables are in ``inventories``. Two letters become
        ISO 3166; WA, WL, WE, WF and WM are the rests of continents.

    Raises
    ------
    InputError
        A file that is missing or in another unit; labels that differ between files, are
        missing or double; a cell that is no number; a year without a known exchange rate;
        an identity that fails.
    """
    root = pick(path, lambda name: name == "Z.txt", year, "Z.txt", year_in=_year)
    found, said = the_year(root, year)
    table = _Table.opened(root)
    rate, told = _rate(usd_per_eur, found, table)
    blocks = Blocks(table.axes, str(root.place), rate)
    final = np.vstack([block for _, block in table.rows("Y.txt")])
    for start, block in table.rows("Z.txt"):
        rows = np.arange(start, start + len(block))
        blocks.add(rows, np.hstack([block, final[rows]]))
    output = table.output() * rate
    inside = _factors(table, rate)
    source = record(SOURCE, _vintage(root), root.path)
    axes = table.axes
    return finish(
        blocks,
        source.noting(*root.notes, *said, told, *inside.notes),
        found,
        value_added=axes.spread(
            output - blocks.inputs() if inside.value_added is None else inside.value_added
        ),
        output=axes.spread(output),
        taxes=axes.spread(inside.taxes),
        final_taxes=axes.by_final_country(inside.final_taxes),
        tolerance=entry(SOURCE).tolerance if tolerance is None else tolerance,
        names=([RESTS.get(c, c) for c in axes.countries], table.names),
    )


@dataclass(frozen=True)
class _Table:
    """The files of one year, and what their labels say."""

    root: Original
    axes: Layout
    names: list[str]
    codes: dict[str, str]

    @classmethod
    def opened(cls, root: Original) -> _Table:
        """Read the labels above ``Z.txt`` and ``Y.txt``."""
        industries, final_file = _columns(root), root.require("Y.txt")
        finals = [(c, kind.casefold() in _STOCKS) for c, kind in _columns(final_file)]
        codes = _codes(root)
        sectors = [(c, codes.get(s, s)) for c, s in industries]
        axes = layout(sectors, finals, str(root.place), merge=ISO3)
        named = {codes.get(s, s): s for _, s in industries}
        return cls(root, axes, [named[s] for s in axes.sectors], codes)

    def label(self, country: str, sector: str) -> str:
        """Label of an industry on the axes."""
        return f"{country}_{self.codes.get(sector, sector)}"

    def rows(self, name: str) -> Iterator[tuple[int, Array]]:
        """Numbers of a file whose rows are the industries, and the first row's position."""
        file, start, size = self.root.require(name), 0, self.axes.size
        columns = _columns(file)
        for piece in pieces(
            file.path,
            member=file.member,
            width=len(columns),
            labels=2,
            skip=_skip(file),
            sep="\t",
            names=[" ".join(c) for c in columns],
        ):
            for j, (country, sector) in enumerate(piece.labels):
                want = self.axes.labels[start + j] if start + j < size else "the end"
                if self.label(country, sector) != want:
                    raise InputError(
                        f"the row '{country} {sector}' stands where '{want}' should, in the "
                        "order of the columns of Z.txt.",
                        Place(file.place.file, piece.line + j),
                    )
            yield start, piece.values
            start += len(piece.labels)
        if start < size:
            what = f"it ends before the row '{self.axes.labels[start]}': it is cut short."
            raise InputError(what, file.place)

    def output(self) -> Array:
        """Output by ``x.txt``, shape (C,), million EUR."""
        file = self.root.require("x.txt")
        found: dict[str, float] = {}
        for piece in pieces(file.path, member=file.member, width=1, labels=2, skip=1, sep="\t"):
            for (country, sector), value in zip(piece.labels, piece.values[:, 0], strict=True):
                found[self.label(country, sector)] = float(np.nan_to_num(value))
        lacking = next((label for label in self.axes.labels if label not in found), None)
        if lacking is not None:
            near = nearest(lacking, found)
            raise InputError(f"there is no output of '{lacking}'.", file.place, near)
        return np.array([found[label] for label in self.axes.labels])


@dataclass(frozen=True)
class _Factors:
    """Taxes on products and value added, million USD."""

    taxes: Array
    value_added: Array | None
    final_taxes: Array
    notes: tuple[str, ...]


def _factors(table: _Table, rate: float) -> _Factors:
    """Rows of taxes and value added, from whichever folder of the release has them."""
    zero, none = np.zeros(table.axes.size), np.zeros(table.axes.final_country.size)
    for sub in ("factor_inputs", "satellite"):
        file = table.root.beside(f"{sub}/F.txt")
        found = _monetary(file, zero.size) if file else {}
        if _PRODUCT_TAXES not in found or len(found) < 3:
            continue
        taxes = found.pop(_PRODUCT_TAXES)
        beside = table.root.beside(f"{sub}/F_Y.txt")
        final = _monetary(beside, none.size).get(_PRODUCT_TAXES, none) if beside else none
        told = f"taxes on products and value added are {len(found) + 1} rows of {sub}/F.txt"
        paid = np.sum([*found.values()], axis=0)
        return _Factors(taxes * rate, paid * rate, final * rate, (told,))
    told = (
        "no file of factor inputs is there: value added is output less inputs, taxes on "
        "products in it"
    )
    return _Factors(zero, None, none, (told,))


def _monetary(file: Original, width: int) -> dict[str, Array]:
    """Rows in money of a file that has a thousand more in other units."""
    found: dict[str, Array] = {}
    with file.open() as stream:
        for number, raw in enumerate(stream, start=1):
            label, _, rest = raw.decode("utf-8", "replace").partition("\t")
            total = label.endswith(": Total")
            if label != _PRODUCT_TAXES and (total or not label.startswith(_VALUE_ADDED)):
                continue
            place = Place(file.place.file, number)
            try:
                values = np.array(rest.rstrip("\r\n").split("\t"), dtype=np.float64)
            except ValueError:
                raise InputError(f"a cell of '{label}' is no number.", place) from None
            if values.size != width:
                what = f"'{label}' has {values.size:,} cells; {width:,} were expected."
                raise InputError(what, place)
            found[label] = values
    return found


def _year(original: Original) -> int | None:
    """Year of a Z.txt: the name of its folder or of its zip says it."""
    return year_of(f"{original.folder}.") or year_of(original.path.name)


def _columns(file: Original) -> list[tuple[str, str]]:
    """Pairs above the numbers of a file."""
    top = [line.split("\t") for line in first_lines(file.path, 2, member=file.member)]
    if len(top[0]) < 3 or len(top[0]) != len(top[1]):
        what = "it should begin with a row of regions and one of sectors, tabs between."
        raise InputError(what, file.place)
    return [(a.strip(), b.strip()) for a, b in zip(top[0][2:], top[1][2:], strict=True)]


def _skip(file: Original) -> int:
    """Lines above the numbers: two, and a third where it names the columns of labels."""
    third = first_lines(file.path, 3, member=file.member)[2].split("\t")
    return 3 if third[:2] == ["region", "sector"] else 2


def _codes(root: Original) -> dict[str, str]:
    """Code of a sector (i01.a) by its name; empty where no file tells them."""
    file = root.beside("industries.txt") or root.beside("products.txt")
    if file is None:
        return {}
    header, *lines = _lines(file)
    names = header.split("\t")
    if "Name" not in names or "CodeNr" not in names:
        return {}
    a, b = names.index("Name"), names.index("CodeNr")
    rows = [line.split("\t") for line in lines]
    return {r[a].strip(): r[b].strip() for r in rows if len(r) > max(a, b)}


def _lines(file: Original) -> list[str]:
    with file.open() as stream:
        return stream.read().decode("utf-8-sig", "replace").splitlines() or [""]


def _vintage(root: Original) -> str:
    """Release that ``metadata.json`` names; ``v3.81`` is 3.8.1."""
    file = root.beside("metadata.json")
    try:
        said = json.loads("\n".join(_lines(file))) if file else {}
    except ValueError:
        said = {}
    version = str(said.get("version", "")) if isinstance(said, dict) else ""
    digits = version.removeprefix("v").split(".")
    if len(digits) == 2 and len(digits[1]) == 2:
        digits = [digits[0], *digits[1]]
    known = [v.name for v in entry(SOURCE).vintages]
    return ".".join(digits) if ".".join(digits) in known else _UNKNOWN


def _rate(given: float | None, year: int, table: _Table) -> tuple[float, str]:
    """Million USD of one million EUR, and a note of where the rate is from."""
    file = table.root.beside("unit.txt")
    units = (
        {line.split("\t")[-1].strip() for line in _lines(file)[1:]} - {""} if file else set()
    )
    if file and units != {"M.EUR"}:
        told = " and ".join(sorted(units)) or "nothing"
        raise InputError(f"its unit is {told}; M.EUR was expected.", file.place)
    if given is None:
        rate, where = average_usd_per_eur(year)
        return rate, f"million EUR at {rate:g} USD for a euro: {where}"
    if not 0.3 < given < 3:
        raise InputError(f"{given:g} is no plausible number of US dollars for one euro.")
    told = f"million EUR at {given:g} USD for a euro, as given"
    usual = USD_PER_EUR.get(year, given)
    if abs(given * usual - 1) < 0.03 and abs(given / usual - 1) > 0.1:
        raise InputError(
            f"{given:g} looks like euros for one US dollar; in {year} the average was "
            f"{usual:g} US dollars for one euro.",
            nearest=f"{1 / given:.4g}",
        )
    return given, told
