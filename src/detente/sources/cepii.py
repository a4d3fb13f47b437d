"""CEPII Gravity and GeoDist: what a pair of countries has in common, and how far it is.

Gravity (V202211 and later) has a row per pair and year, 1948-2021, in a csv of 1.25 GB that may
stay zipped: it is streamed. GeoDist has a row per pair, as xls, Stata or csv.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from detente.errors import InputError, Place, nearest
from detente.sources import bulk
from detente.sources.bulk import Piece
from detente.sources.catalogue import record
from detente.sources.checking import asked_numbers, refuse_duplicates, to_numbers
from detente.sources.files import members, opened
from detente.sources.reading import read_table
from detente.sources.record import Sourced

#: Half of the equator, km: nothing on Earth is farther apart.
FARTHEST = 20_038.0

#: Codes that CEPII keeps from before 2000, and today's.
RENAMED = {"ROM": "ROU", "ZAR": "COD", "TMP": "TLS", "YUG": "SRB", "PAL": "PSE"}

Distance = Literal["distw_harmonic", "distw_arithmetic", "distw_harmonic_jh", "dist", "distcap"]
GeoDistance = Literal["distw", "distwces", "dist", "distcap"]

_GRAVITY = {
    "year": ("year",),
    "exporter": ("iso3_o",),
    "importer": ("iso3_d",),
    "exporter_exists": ("country_exists_o",),
    "importer_exists": ("country_exists_d",),
    "contiguity": ("contig",),
    "common_language": ("comlang_off",),
    "common_ethnic_language": ("comlang_ethno",),
    "colony": ("col_dep_ever",),
    "common_colonizer": ("comcol",),
    "common_religion": ("comrelig",),
    "rta": ("fta_wto",),
    "wto_exporter": ("wto_o",),
    "wto_importer": ("wto_d",),
    "eu_exporter": ("eu_o",),
    "eu_importer": ("eu_d",),
    "gdp_exporter": ("gdp_o",),
    "gdp_importer": ("gdp_d",),
    "population_exporter": ("pop_o",),
    "population_importer": ("pop_d",),
    "trade_baci": ("tradeflow_baci",),
}
_NEEDED = ("year", "exporter", "importer", "distance", "contiguity", "common_language", "rta")
_TEXT = ("exporter", "importer")
_DUMMIES = (
    "contiguity",
    "common_language",
    "common_ethnic_language",
    "colony",
    "common_colonizer",
    "rta",
    "wto_exporter",
    "wto_importer",
    "eu_exporter",
    "eu_importer",
    "current_colony",
    "colony_since_1945",
    "same_country",
)
#: From the file's unit to ours: thousand USD to million USD, thousand persons to persons.
_SCALES = {
    "gdp_exporter": 1e-3,
    "gdp_importer": 1e-3,
    "trade_baci": 1e-3,
    "population_exporter": 1e3,
    "population_importer": 1e3,
}
_GEODIST = {
    "exporter": ("iso_o",),
    "importer": ("iso_d",),
    "contiguity": ("contig",),
    "common_language": ("comlang_off",),
    "common_ethnic_language": ("comlang_ethno",),
    "colony": ("colony",),
    "common_colonizer": ("comcol",),
    "current_colony": ("curcol",),
    "colony_since_1945": ("col45",),
    "same_country": ("smctry",),
    "dist": ("dist",),
    "distcap": ("distcap",),
    "distw": ("distw",),
    "distwces": ("distwces",),
}
_GEO = {
    "country": ("iso3",),
    "number": ("cnum",),
    "name": ("country",),
    "area": ("area",),
    "landlocked": ("landlocked",),
    "continent": ("continent",),
    "city": ("city_en",),
    "latitude": ("lat",),
    "longitude": ("lon",),
    "capital": ("cap",),
    "main_city": ("maincity",),
}
_MISSING = ("", ".", "NA", "nan")


# -- Gravity -----------------------------------------------------------------------------
def read_gravity(
    path: str | Path,
    *,
    years: int | Iterable[int] | None = None,
    exporters: str | Collection[str] | None = None,
    importers: str | Collection[str] | None = None,
    distance: Distance = "distw_harmonic",
) -> Sourced:
    """Read CEPII Gravity: ``Gravity_csv_V202211.zip``, its csv, or that gzipped.

    Parameters
    ----------
    path : str or Path
    years : int or iterable of int, optional
        All by default, which is 4.7 million rows.
    exporters, importers : str or collection of str, optional
        ISO3 codes.
    distance : str
        Which of the file's columns is ``distance``: weighted by city population
        (``distw_harmonic``, ``distw_arithmetic``; ``…_jh`` by night lights), between largest
        cities (``dist``) or capitals (``distcap``).

    Returns
    -------
    Sourced
        ``year``, ``exporter``, ``importer``, ``distance`` (km); 0 or 1: ``contiguity``,
        ``common_language`` (official), ``common_ethnic_language``, ``colony`` (one ever
        depended on the other), ``common_colonizer``, ``rta``, ``wto_…``, ``eu_…``;
        ``common_religion`` (index, 0 to 1); ``gdp_…`` and ``trade_baci`` (million USD),
        ``population_…`` (persons). NaN where the file has nothing. Rows of countries that
        did not exist in the year are left out, which the notes say.

    Raises
    ------
    InputError
        A missing column, a cell that is no number, a dummy that is neither 0 nor 1, a
        distance beyond half the equator, two rows for one pair and year, a year or country
        that is not there.

    References
    ----------
    Conte, M., P. Cotterlaz and T. Mayer (2022), CEPII Working Paper 2022-05.
    """
    piece = _csv_piece(Path(path), "gravity")
    columns = {**_GRAVITY, "distance": (distance,)}
    types = {name: pa.string() if name in _TEXT else pa.float64() for name in columns} | {
        "year": pa.int64()
    }
    optional = [name for name in columns if name not in _NEEDED]
    asked = asked_numbers(years)
    frames, seen, gone, line = [], set(), 0, 2
    sides = {
        side: [codes] if isinstance(codes, str) else codes
        for side, codes in (("exporter", exporters), ("importer", importers))
    }
    for batch in bulk.blocks(piece, columns, types, optional, ("", "NA")):
        frame = batch.to_pandas()
        frame.index = pd.RangeIndex(line, line + len(frame), name="line")
        line += len(frame)
        seen |= set(frame["year"].unique().tolist())
        if asked is not None:
            frame = frame[frame["year"].isin(asked)]
        for side, codes in sides.items():
            if codes is not None:
                frame = frame[frame[side].isin(list(codes))]
        frame, absent = _existing(frame)
        gone += absent
        frames.append(frame)
    table = pd.concat(frames)
    _check_asked(table, asked, seen, sides, piece)
    return _gravity(table, piece, Path(path), distance, gone)


def _gravity(table: pd.DataFrame, piece: Piece, path: Path, kind: str, gone: int) -> Sourced:
    label = piece.label
    _check_pairs(table, ["year", "exporter", "importer"], label)
    notes = [
        f"distance is {kind}",
        "GDP and trade: thousand USD in the file, million USD here; population: thousands in "
        "the file, persons here",
    ]
    if gone:
        notes.append(f"{gone:,} rows of countries that did not exist in the year are left out")
    for name, scale in _SCALES.items():
        if name in table:
            table[name] = table[name] * scale
    table, renamed = _today(table)
    first = ["year", "exporter", "importer", "distance"]
    table = table[[*first, *(c for c in table.columns if c not in first)]]
    table = table.sort_values(first[:3]).reset_index(drop=True)
    vintage = "V202211" if "202211" in label else None
    source = record("cepii-gravity", vintage, path, [*notes, *renamed, *_holes(table)])
    return Sourced(table, source)


def _existing(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    flags = [c for c in ("exporter_exists", "importer_exists") if c in frame]
    there = (frame[flags] != 0).all(axis=1)
    return frame[there].drop(columns=flags), int((~there).sum())


def _check_asked(
    table: pd.DataFrame,
    asked: frozenset[int] | None,
    seen: set[int],
    sides: Mapping[str, Collection[str] | None],
    piece: Piece,
) -> None:
    absent = sorted((asked or frozenset()) - seen)
    if absent:
        span = f"{min(seen)} to {max(seen)}" if seen else "none"
        raise InputError(f"there is no {absent[0]}; the years are {span}.", Place(piece.label))
    for side, codes in sides.items():
        known = set(table[side])
        for code in codes or ():
            if code not in known:
                raise InputError(
                    f"there is no {side} '{code}' in the years asked for.",
                    Place(piece.label),
                    nearest(code, known),
                )


# -- GeoDist -----------------------------------------------------------------------------
def read_geodist(
    path: str | Path, *, distance: GeoDistance = "distw", fill_missing: bool = False
) -> Sourced:
    """Read CEPII GeoDist's pairs: ``dist_cepii`` as xls, dta or csv, zipped or not.

    Parameters
    ----------
    path : str or Path
    distance : str
        Which column is ``distance``: weighted by city population (``distw``, ``distwces``
        with elasticity -1), between largest cities (``dist``) or capitals (``distcap``).
    fill_missing : bool
        Take ``dist`` where the weighted one is missing (some small countries), and say for
        how many pairs.

    Returns
    -------
    Sourced
        ``exporter``, ``importer`` (ISO3, old codes renewed), ``distance`` (km), and, 0 or
        1, ``contiguity``, ``common_language``, ``common_ethnic_language``, ``colony``,
        ``common_colonizer``, ``current_colony``, ``colony_since_1945``, ``same_country``.

    Raises
    ------
    InputError
        As for ``read_gravity``; and where an xls is given and xlrd is not installed.

    References
    ----------
    Mayer, T. and S. Zignago (2011), CEPII Working Paper 2011-25.
    """
    path = Path(path)
    if distance not in get_args(GeoDistance):
        options = get_args(GeoDistance)
        what = f"distance='{distance}' is unknown: {', '.join(options)}."
        raise InputError(what, nearest=nearest(distance, options))
    table, label = _sheet(path, "dist_cepii", _GEODIST)
    for name in table.columns[2:]:
        table[name] = to_numbers(table[name], label, missing=_MISSING)
    table["distance"] = table[distance]
    notes = [f"distance is {distance}"]
    if fill_missing and distance != "dist":
        holes = table["distance"].isna()
        table["distance"] = table["distance"].fillna(table["dist"])
        notes.append(f"{int(holes.sum()):,} missing distances are those of the largest cities")
    table = table.drop(columns=["dist", "distcap", "distw", "distwces"])
    table, renamed = _today(table)
    _check_pairs(table, ["exporter", "importer"], label)
    first = ["exporter", "importer", "distance"]
    table = table[[*first, *(c for c in table.columns if c not in first)]]
    table = table.sort_values(first[:2]).reset_index(drop=True)
    source = record("cepii-geodist", None, path, [*notes, *renamed, *_holes(table)])
    return Sourced(table, source)


def read_geodist_countries(path: str | Path) -> Sourced:
    """Read CEPII GeoDist's countries: ``geo_cepii`` as xls, dta or csv.

    Returns
    -------
    Sourced
        A row per country and main city: ``country`` (ISO3), ``number``, ``name``, ``area``
        (km²), ``landlocked``, ``continent``, ``city``, ``latitude``, ``longitude``
        (degrees), ``capital`` and ``main_city`` (0 or 1; a country can have a capital and a
        larger city).

    Raises
    ------
    InputError
        As for ``read_geodist``; a latitude or longitude that is none.
    """
    path = Path(path)
    table, label = _sheet(path, "geo_cepii", _GEO)
    numbers = ("number", "area", "landlocked", "latitude", "longitude", "capital", "main_city")
    for name in numbers:
        table[name] = to_numbers(table[name], label, missing=_MISSING)
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        _refuse(table, name, table[name].abs() > most, label, "it is no angle in degrees")
    table["country"] = table["country"].replace(RENAMED)
    refuse_duplicates(table, ["country", "city", "latitude", "longitude"], label)
    table = table.reset_index(drop=True)
    return Sourced(table, record("cepii-geodist", None, path))


# -- shared ------------------------------------------------------------------------------
def _csv_piece(path: Path, stem: str) -> Piece:
    names = [m for m in members(path) if m.casefold().endswith((".csv", ".csv.gz"))]
    found = [m for m in names if m.rsplit("/", 1)[-1].casefold().startswith(stem)]
    if path.suffix.casefold() != ".zip":
        return Piece(path)
    if not found:
        raise InputError(f"there is no {stem}….csv in it.", Place(str(path)))
    return Piece(path, found[0])


def _sheet(
    path: Path, stem: str, columns: Mapping[str, tuple[str, ...]]
) -> tuple[pd.DataFrame, str]:
    """A table of text, indexed by line, from csv, xls or Stata; and its label."""
    inside = [m for m in members(path) if stem in m.casefold()] or list(members(path))
    member = inside[0] if path.suffix.casefold() == ".zip" else None
    name = (member or path.name).casefold()
    label = Piece(path, member).label
    if name.endswith((".xls", ".dta")):
        table = _binary(path, member, label, stata=name.endswith(".dta"))
        folded = {str(c).casefold(): c for c in table.columns}
        for new, (old, *_) in columns.items():
            if old not in folded:
                near = nearest(old, folded)
                raise InputError(f"there is no column '{old}'.", Place(label, key=new), near)
        table = table[[folded[old] for old, *_ in columns.values()]]
        table.columns = pd.Index(list(columns))
        table = table.astype("string").fillna("").astype(str)
        table.index = pd.RangeIndex(2, 2 + len(table), name="line")
    else:
        table = read_table(path, member=member, columns=columns)
    for key in table.columns:
        table[key] = table[key].str.strip()
    return table, label


def _binary(path: Path, member: str | None, label: str, *, stata: bool) -> pd.DataFrame:
    with opened(path, member) as stream:
        data = stream.read()
    try:
        return pd.read_stata(io.BytesIO(data)) if stata else _first_sheet(data)
    except ImportError:
        raise InputError(
            'an xls needs xlrd: pip install "detente[data]"; or take the .dta from the same '
            "page, which needs nothing.",
            Place(label),
        ) from None
    except Exception as error:  # the readers' errors have no common class
        kind = "Stata" if stata else "Excel 97"
        raise InputError(f"it is no {kind} file: {error}.", Place(label)) from None


def _first_sheet(data: bytes) -> pd.DataFrame:
    sheet = import_module("xlrd").open_workbook(file_contents=data).sheet_by_index(0)
    rows = [sheet.row_values(j) for j in range(sheet.nrows)]
    return pd.DataFrame(rows[1:], columns=pd.Index(rows[0]))


def _check_pairs(table: pd.DataFrame, keys: list[str], label: str) -> None:
    for side in _TEXT:
        bare = (table[side].str.strip() == "").to_numpy(dtype=bool)
        if bare.any():
            line = int(table.index[int(np.argmax(bare))])
            raise InputError("the country's code is missing.", Place(label, line, side))
    for name in _DUMMIES:
        if name in table:
            wrong = ~(table[name].isin([0, 1]) | table[name].isna())
            _refuse(table, name, wrong, label, "it is neither 0 nor 1")
    far = table["distance"]
    _refuse(table, "distance", far > FARTHEST, label, "nothing is so far; is it in km?")
    _refuse(table, "distance", far <= 0, label, "a distance is above zero")
    refuse_duplicates(table, keys, label)


def _refuse(frame: pd.DataFrame, name: str, wrong: pd.Series, label: str, why: str) -> None:
    bad = wrong.to_numpy(dtype=bool)
    if bad.any():
        row = int(np.argmax(bad))
        value = frame[name].iloc[row]
        raise InputError(f"{value:g}: {why}.", Place(label, int(frame.index[row]), name))


def _today(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    old = {c for side in _TEXT for c in RENAMED if (table[side] == c).any()}
    if not old:
        return table, []
    renewed = {side: table[side].replace(RENAMED) for side in _TEXT}
    told = ", ".join(f"{c} → {RENAMED[c]}" for c in sorted(old))
    return table.assign(**renewed), [f"codes renewed: {told}"]


def _holes(table: pd.DataFrame) -> list[str]:
    """Missing cells by column; and dummies without any become whole numbers."""
    found = []
    for name in table.columns:
        count = int(table[name].isna().sum())
        if count:
            found.append(f"{name} is missing in {count:,} of {len(table):,} rows")
        elif name in _DUMMIES:
            table[name] = table[name].astype(np.int64)
    return found
