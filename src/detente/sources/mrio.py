"""ADB MRIO and EXIOBASE 3: two multi-regional tables with one row an industry.

Eora26 and GLORIA, whose labels lie in files of their own, are in ``mrio_labels``. Everything
is read in pieces and added up as it comes: EXIOBASE has 64 million cells, GLORIA 1.5 billion,
and no more than a few rows are held at a time. The tests hold these readers against pymrio's
where pymrio reads the format.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, Place, nearest
from detente.sources.blocks import Blocks, Layout, finish, layout
from detente.sources.catalogue import entry, record
from detente.sources.files import opened
from detente.sources.iotable import IOTable
from detente.sources.pick import Original, originals, pick, the_year, year_of
from detente.sources.rates import usd_per_eur as published_rate
from detente.sources.sheets import Family, read_sheet, sheet_rows
from detente.sources.wide import first_lines, pieces
from detente.sources.wiod import Release, table_of

Array = NDArray[np.float64]

# -- ADB MRIO ----------------------------------------------------------------------------

#: The bank's codes that are not those of ISO 3166.
ADB_ISO3 = {
    "BAN": "BGD",
    "BHU": "BTN",
    "BRU": "BRN",
    "CAM": "KHM",
    "DEN": "DNK",
    "FIJ": "FJI",
    "GER": "DEU",
    "INO": "IDN",
    "IRE": "IRL",
    "KGZ": "KGZ",
    "KUW": "KWT",
    "MAL": "MYS",
    "MLD": "MDV",
    "MON": "MNG",
    "NEP": "NPL",
    "NET": "NLD",
    "PHI": "PHL",
    "POR": "PRT",
    "PRC": "CHN",
    "ROM": "ROU",
    "SIN": "SGP",
    "SPA": "ESP",
    "SRI": "LKA",
    "SWI": "CHE",
    "TAP": "TWN",
    "UAE": "ARE",
    "UKG": "GBR",
    "VIE": "VNM",
    "RoW": "ROW",
    "ROW": "ROW",
}
_ADB_FINAL = {"F1": False, "F2": False, "F3": False, "F4": False, "F5": True}
_ADB = Release("adb-mrio", "current prices", Family("the ADB MRIO", _ADB_FINAL, ADB_ISO3))
_ADB_NAME = re.compile(r"(?i)^(?!~\$).*adb[-_ ]?mrio.*\.xlsx$")


def read_adb(
    path: str | Path, year: int | None = None, *, tolerance: float | None = None
) -> IOTable:
    """Read a year of the ADB's multiregional input-output tables, current prices.

    Parameters
    ----------
    path : str or Path
        A workbook (``ADB-MRIO62-2019_Dec2022.xlsx``, ``ADB-MRIO-2024_August 2025.xlsx``), a
        zip or folder with several; 35 industries, 62 or 72 and more economies and the rest
        of the world.
    year : int, optional
        Needed where there are several years.
    tolerance : float, optional
        How far an identity may fail, relative; the catalogue's where not given.

    Returns
    -------
    IOTable
        Country codes are those of ISO 3166; else as ``read_wiod`` says.

    Raises
    ------
    InputError
        As for ``read_wiod``.
    """
    original = pick(path, lambda name: bool(_ADB_NAME.match(name)), year, "ADB MRIO workbook")
    found, said = the_year(original, year)
    rows = sheet_rows(original.path, member=original.member, not_sheets=("legend",))
    sheet = read_sheet(rows, _ADB.family, original.place)
    titled = [int(y) for t in sheet.title for y in re.findall(r"\b((?:19|20)\d\d)\b", t)]
    if titled and found not in titled:
        what = f"its name says {found}, its title {titled[0]}."
        raise InputError(what, original.place)
    return table_of(_ADB, sheet, original, found, said, tolerance)


# -- EXIOBASE 3 --------------------------------------------------------------------------

#: Its two letters, and ISO 3166; the five rests of continents keep their own.
EXIOBASE_ISO3 = dict(
    pair.split(":")
    for pair in (
        "AT:AUT BE:BEL BG:BGR CY:CYP CZ:CZE DE:DEU DK:DNK EE:EST ES:ESP FI:FIN FR:FRA GR:GRC "
        "HR:HRV HU:HUN IE:IRL IT:ITA LT:LTU LU:LUX LV:LVA MT:MLT NL:NLD PL:POL PT:PRT RO:ROU "
        "SE:SWE SI:SVN SK:SVK GB:GBR US:USA JP:JPN CN:CHN CA:CAN KR:KOR BR:BRA IN:IND MX:MEX "
        "RU:RUS AU:AUS CH:CHE TR:TUR TW:TWN NO:NOR ID:IDN ZA:ZAF"
    ).split()
)
EXIOBASE_RESTS = {
    "WA": "Rest of Asia and Pacific",
    "WL": "Rest of America",
    "WE": "Rest of Europe",
    "WF": "Rest of Africa",
    "WM": "Rest of Middle East",
}
_STOCKS = ("changes in inventories", "changes in valuables", "exports: total (fob)")
_PRODUCT_TAXES = "Taxes less subsidies on products purchased: Total"
_FACTORS = ("Other net taxes on production", "Compensation of employees;", "Operating surplus:")
_UNKNOWN = "release not said"


def read_exiobase(
    path: str | Path,
    year: int | None = None,
    *,
    usd_per_eur: float | None = None,
    tolerance: float | None = None,
) -> IOTable:
    """Read a year of EXIOBASE 3 (``IOT_2019_ixi.zip`` or ``_pxp``, or its unpacked folder).

    Parameters
    ----------
    path : str or Path
        The zip or the folder with ``Z.txt``, ``Y.txt`` and the rest; or a folder of zips.
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
    folder = _Exiobase.found(path, year)
    rate, told = _rate(usd_per_eur, folder)
    axes, names = folder.axes()
    blocks = Blocks(axes, folder.told("Z.txt"), rate)
    final = folder.final(axes)
    for start, block in folder.rows("Z.txt", axes):
        rows = np.arange(start, start + len(block))
        blocks.add(rows, np.hstack([block, final[rows]]))
    factors, final_taxes = folder.factors(axes, rate)
    output = folder.output(axes) * rate
    taxes, value_added, noted = factors if factors else (0.0, output - _paid(blocks), _NO_FACTORS)
    source = record("exiobase-3", folder.vintage(), folder.source).noting(told, *noted)
    return finish(
        blocks,
        source,
        folder.year,
        value_added=axes.spread(np.asarray(value_added)),
        output=axes.spread(output),
        taxes=axes.spread(np.broadcast_to(taxes, output.shape)),
        final_taxes=axes.by_final_country(final_taxes),
        tolerance=entry("exiobase-3").tolerance if tolerance is None else tolerance,
        names=([EXIOBASE_RESTS.get(c, c) for c in axes.countries], names),
    )


_NO_FACTORS = (
    "the file of factor inputs is not there: value added is output less inputs, taxes on "
    "products in it",
)


@dataclass(frozen=True)
class _Exiobase:
    """The files of one year, in a zip or unpacked."""

    source: Path
    year: int
    files: dict[str, Original]

    @classmethod
    def found(cls, path: str | Path, year: int | None) -> _Exiobase:
        """Find the year's files: in the zip, the folder, or the folder's one zip or folder."""
        path = Path(path)
        if path.is_dir() and not (path / "Z.txt").is_file():
            inside = [p for p in path.iterdir() if p.is_dir() and (p / "Z.txt").is_file()]
            unpacked = [p for p in inside if year in (None, year_of(p.name))]
            if len(unpacked) == 1:
                return cls.found(unpacked[0], year)
            wanted: Callable[[str], bool] = lambda name: name == "Z.txt"  # noqa: E731
            path = pick(path, wanted, year, "table of EXIOBASE", year_in=lambda _: None).path
        files = {}
        for o in originals(path, lambda name: name.endswith((".txt", ".json"))):
            parts = Path(o.member or o.path.relative_to(path)).parts
            below = [p for p in parts[:-1] if p in ("satellite", "factor_inputs", "impacts")]
            files.setdefault("/".join([*below[-1:], parts[-1]]), o)
        for sub in ("satellite", "factor_inputs") if path.is_dir() else ():
            for name in ("F.txt", "F_Y.txt"):
                if (path / sub / name).is_file():
                    files[f"{sub}/{name}"] = Original(path / sub / name, None, None)
        for name in ("Z.txt", "Y.txt"):
            if name not in files:
                what = f"'{name}' is missing; there are {', '.join(sorted(files)) or 'none'}."
                raise InputError(what, Place(str(path)))
        told = year_of(path.name) or year_of(Path(files["Z.txt"].member or "").parent.name)
        if told is None or (year is not None and told != year):
            what = "its name does not say the year; say it" if told is None and year is None else ""
            if what:
                raise InputError(f"{what}.", Place(str(path)))
            if told is not None:
                raise InputError(f"it holds {told}, not {year}.", Place(str(path)))
        return cls(path, told or year or 0, files)

    def told(self, name: str) -> str:
        """Where one of the files is, for messages."""
        return str(self.files[name].place)

    def vintage(self) -> str:
        """Release that ``metadata.json`` names (``v3.81`` is 3.8.1, ``3.10.1`` itself)."""
        if "metadata.json" not in self.files:
            return _UNKNOWN
        with self._open("metadata.json") as stream:
            try:
                said = str(json.loads(stream.read()).get("version", ""))
            except (ValueError, AttributeError):
                return _UNKNOWN
        digits = said.removeprefix("v").split(".")
        if len(digits) == 2 and len(digits[1]) == 2:
            digits = [digits[0], *digits[1]]
        known = [v.name for v in entry("exiobase-3").vintages]
        return ".".join(digits) if ".".join(digits) in known else _UNKNOWN

    def axes(self) -> tuple[Layout, list[str]]:
        """Axes by ``Z.txt`` and ``Y.txt``, and names of the sectors."""
        industries = self._columns("Z.txt")
        finals = [(c, kind.casefold() in _STOCKS) for c, kind in self._columns("Y.txt")]
        codes = self._codes()
        sectors = [(c, codes.get(s, s)) for c, s in industries]
        axes = layout(sectors, finals, self.told("Z.txt"), merge=EXIOBASE_ISO3)
        named = {codes.get(s, s): s for _, s in industries}
        return axes, [named[s] for s in axes.sectors]

    def rows(self, name: str, axes: Layout) -> Iterator[tuple[int, Array]]:
        """Numbers of a file whose rows are the industries, with the first row's position."""
        columns = self._columns(name)
        codes, start = self._codes(), 0
        o = self.files[name]
        for piece in pieces(
            o.path,
            member=o.member,
            width=len(columns),
            labels=2,
            skip=self._skip(name),
            sep="\t",
            names=[" ".join(c) for c in columns],
        ):
            for j, (country, sector) in enumerate(piece.labels):
                label = f"{country}_{codes.get(sector, sector)}"
                if start + j >= axes.size or label != axes.labels[start + j]:
                    want = axes.labels[start + j] if start + j < axes.size else "no more rows"
                    raise InputError(
                        f"the row '{label}' stands where '{want}' should, in the order of the "
                        "columns of Z.txt.",
                        Place(str(o.place), piece.line + j),
                    )
            yield start, piece.values
            start += len(piece.labels)
        if start < axes.size:
            what = f"it ends before the row '{axes.labels[start]}': it is cut short."
            raise InputError(what, o.place)

    def final(self, axes: Layout) -> Array:
        """All of ``Y.txt``, shape (C, F)."""
        return np.vstack([block for _, block in self.rows("Y.txt", axes)])

    def output(self, axes: Layout) -> Array:
        """Output by ``x.txt``, million EUR; needed, since it is what the rest is held against."""
        if "x.txt" not in self.files:
            raise InputError("'x.txt' (output) is missing.", Place(str(self.source)))
        codes, o = self._codes(), self.files["x.txt"]
        found: dict[str, float] = {}
        for piece in pieces(o.path, member=o.member, width=1, labels=2, skip=1, sep="\t"):
            for (country, sector), value in zip(piece.labels, piece.values[:, 0], strict=True):
                found[f"{country}_{codes.get(sector, sector)}"] = float(np.nan_to_num(value))
        lacking = next((label for label in axes.labels if label not in found), None)
        if lacking is not None:
            raise InputError(f"there is no output of '{lacking}'.", o.place, nearest(lacking, found))
        return np.array([found[label] for label in axes.labels])

    def factors(
        self, axes: Layout, rate: float
    ) -> tuple[tuple[Array, Array, tuple[str, ...]] | None, Array]:
        """Taxes on products and value added of industries; taxes of final demand.

        Up to 3.8 they are the first rows of ``satellite``, later they are ``factor_inputs``.
        """
        none = np.zeros(axes.final_country.size)
        sub = next((s for s in ("factor_inputs", "satellite") if f"{s}/F.txt" in self.files), None)
        if sub is None:
            return None, none
        found = self._labelled(f"{sub}/F.txt", axes.size)
        if _PRODUCT_TAXES not in found or len(found) < 3:
            return None, none
        taxes = found.pop(_PRODUCT_TAXES) * rate
        told = (f"taxes and value added are {len(found) + 1} rows of {sub}/F.txt",)
        final = none
        if f"{sub}/F_Y.txt" in self.files:
            final = self._labelled(f"{sub}/F_Y.txt", none.size).get(_PRODUCT_TAXES, none) * rate
        return (taxes, np.sum([*found.values()], axis=0) * rate, told), final

    def _labelled(self, name: str, width: int) -> dict[str, Array]:
        """Monetary rows of a file with a thousand more in other units."""
        found: dict[str, Array] = {}
        with self._open(name) as stream:
            for number, raw in enumerate(stream, start=1):
                label, _, rest = raw.decode("utf-8", "replace").partition("\t")
                if label != _PRODUCT_TAXES and not label.startswith(_FACTORS):
                    continue
                if label.endswith(": Total") and label != _PRODUCT_TAXES:
                    continue
                try:
                    values = np.array(rest.rstrip("\r\n").split("\t"), dtype=np.float64)
                except ValueError:
                    what = f"a cell of '{label}' is no number."
                    raise InputError(what, Place(self.told(name), number)) from None
                if values.size != width:
                    what = f"'{label}' has {values.size:,} cells; {width:,} were expected."
                    raise InputError(what, Place(self.told(name), number))
                found[label] = values
        return found

    def units(self) -> set[str]:
        """Units that ``unit.txt`` names."""
        if "unit.txt" not in self.files:
            return set()
        with self._open("unit.txt") as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8").read().splitlines()
        return {line.split("\t")[-1].strip() for line in lines[1:] if line.strip()}

    def _columns(self, name: str) -> list[tuple[str, str]]:
        """Pairs above the numbers of a file."""
        o = self.files[name]
        top = [line.split("\t") for line in first_lines(o.path, 2, member=o.member)]
        if len(top[0]) < 3 or len(top[0]) != len(top[1]):
            what = "it should begin with a row of regions and one of sectors, tabs between."
            raise InputError(what, o.place)
        return [(a.strip(), b.strip()) for a, b in zip(top[0][2:], top[1][2:], strict=True)]

    def _skip(self, name: str) -> int:
        """Lines above the numbers: two, or three with the names of the labels."""
        o = self.files[name]
        third = first_lines(o.path, 3, member=o.member)[2].split("\t")
        return 3 if third[:2] == ["region", "sector"] else 2

    def _codes(self) -> dict[str, str]:
        """Code of a sector's name (i01.a), by ``industries.txt`` or ``products.txt``."""
        name = next((n for n in ("industries.txt", "products.txt") if n in self.files), None)
        if name is None:
            return {}
        with self._open(name) as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8").read().splitlines()
        header = lines[0].split("\t") if lines else []
        if "Name" not in header or "CodeNr" not in header:
            return {}
        a, b = header.index("Name"), header.index("CodeNr")
        cells = [line.split("\t") for line in lines[1:]]
        return {c[a].strip(): c[b].strip() for c in cells if len(c) > max(a, b)}

    def _open(self, name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
        o = self.files[name]
        return opened(o.path, o.member)


def _paid(blocks: Blocks) -> Array:
    """Inputs of each industry, shape (C,)."""
    raise NotImplementedError


def _rate(given: float | None, folder: _Exiobase) -> tuple[float, str]:
    """Million USD of one million EUR, and a note of where the rate is from."""
    units = folder.units()
    if units - {"M.EUR"}:
        what = f"its unit is {' and '.join(sorted(units))}; M.EUR was expected."
        raise InputError(what, Place(folder.told("unit.txt")))
    if given is not None:
        if not 0.3 < given < 3:
            raise InputError(f"{given:g} is no plausible number of US dollars for one euro.")
        return given, f"million EUR at {given:g} USD for a euro, as given"
    rate, source = published_rate(folder.year)
    return rate, f"million EUR at {rate:g} USD for a euro, {source}"
