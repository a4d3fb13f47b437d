"""The World Input-Output Database: releases of 2013 and 2016 (Timmer et al. 2015).

Both come as workbooks, one a year (``wiot11_row_sep12.xlsx``, ``WIOT2014_Nov16_ROW.xlsb``) or
all in one zip; the 2016 release for Stata too (``WIOT2014_October16_ROW.dta``).
"""

from __future__ import annotations

import io
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, Place
from detente.sources.blocks import Blocks, finish, layout
from detente.sources.catalogue import entry, record
from detente.sources.files import opened
from detente.sources.iotable import IOTable
from detente.sources.pick import Original, pick, the_year, years_of
from detente.sources.sheets import (
    Family,
    Sheet,
    family_of,
    head_codes,
    read_sheet,
    sheet_rows,
)

Array = NDArray[np.float64]

#: Final demand of the 2013 release, in the order of its columns c37, c38, c39, c41, c42.
CATEGORIES_2013 = ("households", "non-profit", "government", "capital", "inventories")

#: Romania and the rest of the world, as other sources write them.
ISO3 = {"ROM": "ROU", "RoW": "ROW", "ROW": "ROW"}

_FINAL_2013 = {"c37": False, "c38": False, "c39": False, "c41": False, "c42": True}
_FINAL_2016 = {"c57": False, "c58": False, "c59": False, "c60": False, "c61": True}
_NAME = re.compile(r"(?i)^wiot(\d{2}|\d{4})(_.*)?\.(xlsx|xlsb|dta)$")
#: Endings of files that hold no workbook, whatever the user says.
_NO_BOOKS = (".csv", ".txt", ".tsv", ".json", ".npz", ".npy", ".parquet")
_ARRAYS = ("countries", "industries", "intermediate", "final", "output")
#: Bytes that arrays may unpack to; a year has some 20 MB.
LARGEST_ARRAYS = 2 * 1024**3
#: What a damaged npz can raise, the zip's own error aside.
_BROKEN = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,
    zlib.error,
    tokenize.TokenError,
)
_STATA = ("IndustryCode", "IndustryDescription", "Country", "RNr", "Year")


@dataclass(frozen=True)
class Release:
    """One release of a source that uses the sheet.

    Attributes
    ----------
    source, vintage : str
        Keys in the catalogue.
    family : Family
        How it uses the sheet.
    """

    source: str
    vintage: str
    family: Family


_2013 = Release(
    "wiod-2013", "2013 release, workbook", Family("the WIOD of 2013", _FINAL_2013, ISO3)
)
_2016 = Release(
    "wiod-2016",
    "2016 release",
    Family("the WIOD of 2016", _FINAL_2016, ISO3, by_industry=True),
)

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

#: The Asian Development Bank continues the tables of 2013 in the same sheet.
ADB = Family(
    "the ADB MRIO",
    {"F1": False, "F2": False, "F3": False, "F4": False, "F5": True},
    ADB_ISO3,
)

#: The 35 industries of the 2013 release (ISIC Rev. 3 / NACE Rev. 1).
INDUSTRIES_2013 = {
    "c1": "Agriculture, hunting, forestry and fishing",
    "c2": "Mining and quarrying",
    "c3": "Food, beverages and tobacco",
    "c4": "Textiles and textile products",
    "c5": "Leather and footwear",
    "c6": "Wood and products of wood and cork",
    "c7": "Pulp, paper, printing and publishing",
    "c8": "Coke, refined petroleum and nuclear fuel",
    "c9": "Chemicals and chemical products",
    "c10": "Rubber and plastics",
    "c11": "Other non-metallic minerals",
    "c12": "Basic metals and fabricated metal",
    "c13": "Machinery, not elsewhere classified",
    "c14": "Electrical and optical equipment",
    "c15": "Transport equipment",
    "c16": "Manufacturing, not elsewhere classified; recycling",
    "c17": "Electricity, gas and water supply",
    "c18": "Construction",
    "c19": "Sale, maintenance and repair of motor vehicles; retail sale of fuel",
    "c20": "Wholesale trade and commission trade",
    "c21": "Retail trade; repair of household goods",
    "c22": "Hotels and restaurants",
    "c23": "Inland transport",
    "c24": "Water transport",
    "c25": "Air transport",
    "c26": "Other supporting transport activities; travel agencies",
    "c27": "Post and telecommunications",
    "c28": "Financial intermediation",
    "c29": "Real estate activities",
    "c30": "Renting of machinery and equipment; other business activities",
    "c31": "Public administration and defence; compulsory social security",
    "c32": "Education",
    "c33": "Health and social work",
    "c34": "Other community, social and personal services",
    "c35": "Private households with employed persons",
}


def read_wiod_arrays(path: str | Path, year: int, *, tolerance: float | None = None) -> IOTable:
    """Read a year of the 2013 release that was saved as numpy arrays.

    This is no format of the provider's: it is what ``numpy.savez`` makes of the R package
    wiod, whose figures are rounded to whole millions.

    Parameters
    ----------
    path : str or Path
        A ``.npz`` with ``intermediate`` (NS, NS), ``final`` (NS, 5 N: by country, then
        households, non-profit, government, capital formation, inventories), ``output``
        (NS,), ``countries`` (N,) and ``industries`` (S,); country-major, million USD.
    year : int
        The year that the file holds; arrays do not say it themselves, its name may.
    tolerance : float, optional
        Instead of the catalogue's.

    Returns
    -------
    IOTable
        Value added is output less inputs: taxes on products and international margins are
        in it, since the arrays have no rows for them.

    Raises
    ------
    InputError
        A file or array that is not there, shapes that do not fit, another year in the name.
    """
    path = Path(path)
    arrays = _arrays(path)
    named = years_of(path.name)
    if named and year not in named:
        raise InputError(f"its name says {named[0]}, not {year}.", Place(str(path)))
    countries = [str(c) for c in arrays["countries"]]
    industries = [str(s) for s in arrays["industries"]]
    axes = layout(
        [(c, s) for c in countries for s in industries],
        [(c, kind == "inventories") for c in countries for kind in CATEGORIES_2013],
        path,
        merge=ISO3,
    )
    blocks = Blocks(axes, path)
    cells = np.hstack([arrays["intermediate"], arrays["final"]]).astype(np.float64)
    blocks.add(np.arange(axes.size), cells)
    output = arrays["output"].astype(np.float64)
    value_added = output - arrays["intermediate"].sum(axis=0, dtype=np.float64)
    source = record("wiod-2013", "2013 release, arrays", path)
    return finish(
        blocks,
        source.noting("value added is output less inputs; taxes on products are in it"),
        year,
        value_added=axes.spread(value_added),
        output=axes.spread(output),
        tolerance=entry("wiod-2013").tolerance if tolerance is None else tolerance,
        names=((), [INDUSTRIES_2013.get(s, s) for s in axes.sectors]),
    )


def is_wiod_name(name: str) -> bool:
    """Whether a file of this name may be a table of the WIOD."""
    return bool(_NAME.match(name))


def sheet_source(rows: Iterable[tuple[int, list[Any]]]) -> str | None:
    """Which source a sheet of this family is of, by its codes; None where of none."""
    codes = head_codes(rows)
    of = {"wiod-2016": _2016.family, "wiod-2013": _2013.family, "adb-mrio": ADB}
    return next((name for name, f in of.items() if codes and family_of(codes, [f])), None)


def read_wiod(
    path: str | Path, year: int | None = None, *, tolerance: float | None = None
) -> IOTable:
    """Read a year of the WIOD, release of 2013 or 2016, as the provider ships it.

    Parameters
    ----------
    path : str or Path
        A workbook (``wiot11_row_sep12.xlsx``, ``WIOT2014_Nov16_ROW.xlsb``), a file for Stata
        (``WIOT2014_October16_ROW.dta``), a zip of several years, or a folder.
    year : int, optional
        Needed where there are several years.
    tolerance : float, optional
        How far an identity may fail, relative; the catalogue's where not given.

    Returns
    -------
    IOTable
        Changes in inventories (c42, c61) are in ``inventories``. Taxes less subsidies on
        products are in ``taxes`` and ``final_taxes``. International transport margins and the
        adjustments cif/fob that industries pay are in ``value_added``: the table does not
        say who earns them.

    Raises
    ------
    InputError
        A file that is not there; several years; a sheet of another source; labels that are
        missing, double or unknown; a cell that is no number; prices that are not current or
        money that is not in million USD; an identity that fails.
    """
    original = pick(
        path,
        is_wiod_name,
        year,
        "table of the WIOD",
        year_in=lambda o: _year(o.name),
    )
    if original.name.casefold().removesuffix(".gz").endswith(_NO_BOOKS):
        raise InputError(
            "it is no workbook of the WIOD (xlsx, xlsb) and no file of it for Stata (dta); if "
            "it is a table of another source, say which.",
            original.place,
        )
    found, said = the_year(original, year)
    if original.name.casefold().endswith(".dta"):
        sheet = _stata(original, found)
    else:
        rows = sheet_rows(original.path, member=original.member)
        sheet = read_sheet(rows, [_2016.family, _2013.family], original.place)
    release = _2013 if sheet.family is _2013.family else _2016
    return table_of(release, sheet, original, found, said, tolerance)


def table_of(
    release: Release,
    sheet: Sheet,
    original: Original,
    year: int,
    said: tuple[str, ...],
    tolerance: float | None,
) -> IOTable:
    """Make a table of what was read of a sheet; also those of the ADB.

    Raises
    ------
    InputError
        As ``read_wiod`` says of prices, units, output and identities.
    """
    _check_title(sheet.title, original.place)
    blocks, axes = sheet.blocks, sheet.blocks.axes
    n, zero = axes.size, np.zeros(axes.size + axes.final_country.size)
    margins = sheet.bottom.get("margins", zero)
    rest = sheet.bottom.get("adjustments", zero)
    output = np.where(np.isnan(sheet.output), sheet.bottom["output"][:n], sheet.output)
    source = record(release.source, release.vintage, original.path)
    return finish(
        blocks,
        source.noting(
            *original.notes, *said, *_renamed(release.family, sheet), *_extras(margins, rest, n)
        ),
        year,
        value_added=axes.spread((sheet.bottom["value added"] + margins + rest)[:n]),
        output=axes.spread(output),
        taxes=axes.spread(sheet.bottom["taxes"][:n]),
        final_taxes=axes.by_final_country(sheet.bottom["taxes"][n:]),
        tolerance=entry(release.source).tolerance if tolerance is None else tolerance,
        names=((), [sheet.names.get(s) or s for s in axes.sectors]),
    )


def _check_title(title: tuple[str, ...], place: Place) -> None:
    """Current prices and million USD, where the sheet says what it holds."""
    told = " | ".join(title).casefold()
    if "constant" in told or "previous year" in told:
        raise InputError(
            "it is a table at constant or previous years' prices; a world needs one at "
            "current prices.",
            place,
        )
    money = [t for t in title if re.search(r"(?i)us\$|usd|dollar|euro|mil+ion|thousand", t)]
    if money and not any(re.search(r"(?i)mil+ions? of us\$|million us", t) for t in money):
        raise InputError(f"its money is in '{money[-1]}', not in million USD.", place)


def _renamed(family: Family, sheet: Sheet) -> tuple[str, ...]:
    there = {label.split("_", 1)[0] for label in sheet.blocks.axes.labels}
    changed = [f"{a} to {b}" for a, b in family.iso3.items() if a in there and a != b]
    return (f"country codes changed: {', '.join(changed)}",) if changed else ()


def _extras(margins: Array, rest: Array, n: int) -> tuple[str, ...]:
    """What industries and final demand pay to nobody in the table."""
    told = []
    if margins[:n].any():
        told.append(
            f"international transport margins paid by industries ({margins[:n].sum():,.0f} "
            "million USD) are in value added: the table does not say who earns them"
        )
    if rest[:n].any():
        amount = f"{rest[:n].sum():,.0f} million USD"
        told.append(f"adjustments paid by industries ({amount}) are in value added")
    left = float(margins[n:].sum() + rest[n:].sum())
    if left:
        told.append(
            f"margins and adjustments of final demand ({left:,.0f} million USD) are left out"
        )
    return tuple(told)


def _stata(original: Original, year: int) -> Sheet:
    """The table for Stata: columns vAUS1 … vROW61 and TOT, rows by country and number."""
    with opened(original.path, original.member) as stream:
        data = io.BytesIO(stream.read())
    try:
        frame = pd.read_stata(data, convert_categoricals=False)
    except (ValueError, KeyError, EOFError, struct.error) as error:
        raise InputError(f"it is no file of Stata: {error}.", original.place) from None
    missing = [c for c in (*_STATA, "TOT") if c not in frame.columns]
    if missing:
        raise InputError(f"the column '{missing[0]}' is missing.", original.place)
    if frame["Year"].isna().any():
        raise InputError("a row does not say its year.", original.place)
    years = sorted(set(frame["Year"].astype(int)))
    if years != [year]:
        told = ", ".join(map(str, years))
        raise InputError(f"its rows are of {told}, its name says {year}.", original.place)
    codes = dict(zip(frame["RNr"], frame["IndustryCode"], strict=True))
    numbers = [c for c in frame.columns if c not in _STATA and c != "TOT"]
    odd = [c for c in numbers if not re.fullmatch(r"v[A-Za-z]{3}\d{1,3}", c)]
    if odd:
        what = f"the column '{odd[0]}' is none of the WIOD's (vAUS1 … vROW61)."
        raise InputError(what, original.place)
    pairs = [(c[1:4], int(c[4:])) for c in numbers]
    head: list[tuple[int, list[Any]]] = [
        (1, ["(millions of US$)"]),
        (2, [None] * 4 + [codes.get(k, "") for _, k in pairs] + ["GO"]),
        (3, [None] * (4 + len(pairs) + 1)),
        (4, [None] * 4 + [c for c, _ in pairs] + ["TOT"]),
        (5, [None] * 4 + [f"c{k}" for _, k in pairs] + [None]),
    ]
    labels = frame[["IndustryCode", "IndustryDescription", "Country", "RNr"]].to_numpy(object)
    values = frame[[*numbers, "TOT"]].to_numpy(np.float64)
    body = ((j + 1, [*labels[j], *values[j]]) for j in range(len(frame)))
    sheet = read_sheet([*head, *body], [_2016.family], original.place)
    sheet.names = dict(zip(frame["IndustryCode"], frame["IndustryDescription"], strict=True))
    return sheet


def _year(name: str) -> int | None:
    """Year in a name: two digits in the release of 2013, four in that of 2016."""
    found = _NAME.match(name)
    if not found:
        return None
    digits = int(found.group(1))
    return digits if digits > 99 else digits + (1900 if digits > 50 else 2000)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays of the npz, with the shapes that its labels ask for."""
    if not path.is_file():
        raise InputError(f"there is no file '{path}'.")
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_large(archive)
            there = [n.removesuffix(".npy") for n in archive.namelist()]
            arrays = {key: _array(archive, key) for key in _ARRAYS if key in there}
    except (*_BROKEN, zipfile.BadZipFile) as error:
        raise InputError(f"it is no npz of numpy: {error}.", Place(str(path))) from None
    for key in _ARRAYS:
        if key not in arrays:
            what = f"the array '{key}' is missing; there are {', '.join(there) or 'none'}."
            raise InputError(what, Place(str(path), key=key))
    n = arrays["countries"].size
    ns = n * arrays["industries"].size
    shapes = {
        "intermediate": (ns, ns),
        "final": (ns, n * len(CATEGORIES_2013)),
        "output": (ns,),
    }
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            what = f"it has shape {arrays[key].shape}; the labels ask for {shape}."
            raise InputError(what, Place(str(path), key=key))
        if arrays[key].dtype.kind not in "fiu":
            what = f"it has type {arrays[key].dtype}; numbers were expected."
            raise InputError(what, Place(str(path), key=key))
    return arrays


def _refuse_large(archive: zipfile.ZipFile) -> None:
    size = sum(info.file_size for info in archive.infolist())
    if size > LARGEST_ARRAYS:
        told = f"{size / 1e9:,.1f} GB; a year has less than {LARGEST_ARRAYS / 1e9:,.1f} GB"
        raise ValueError(f"it would unpack to {told}")


def _array(archive: zipfile.ZipFile, key: str) -> NDArray[Any]:
    """One array; numpy makes room for what its header claims, so that is checked first."""
    buffer = io.BytesIO(archive.read(f"{key}.npy"))
    version = np.lib.format.read_magic(buffer)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(buffer)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(buffer)
    else:
        raise ValueError(f"'{key}' has version {version} of the format")
    if dtype.hasobject:
        raise ValueError(f"'{key}' holds Python objects, which can run code; it was not read")
    claimed, held = prod(shape) * dtype.itemsize, buffer.getbuffer().nbytes - buffer.tell()
    if claimed != held:
        raise ValueError(f"'{key}' claims {claimed:,} bytes and has {held:,}")
    buffer.seek(0)
    return np.lib.format.read_array(buffer, allow_pickle=False)
