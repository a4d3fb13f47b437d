"""Any of the input-output tables that detente reads, recognised by what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from detente.errors import InputError, Place, nearest
from detente.sources.exiobase import read_exiobase
from detente.sources.icio import icio_header, is_icio_header, read_icio
from detente.sources.iotable import IOTable
from detente.sources.mrio import (
    is_adb_name,
    is_eora_name,
    is_gloria_name,
    read_adb,
    read_eora26,
    read_gloria,
)
from detente.sources.pick import Original, hint, originals, year_of
from detente.sources.sheets import sheet_rows
from detente.sources.wiod import is_wiod_name, read_wiod, read_wiod_arrays, sheet_source

#: Reader of each source, by its key in the catalogue.
READERS: dict[str, Callable[..., IOTable]] = {
    "oecd-icio": read_icio,
    "wiod-2016": read_wiod,
    "wiod-2013": read_wiod,
    "adb-mrio": read_adb,
    "exiobase-3": read_exiobase,
    "eora26": read_eora26,
    "gloria": read_gloria,
}

#: Sources whose files' names say what they are.
_NAMES: dict[str, Callable[[str], bool]] = {
    "gloria": is_gloria_name,
    "eora26": is_eora_name,
    "exiobase-3": lambda name: name == "Z.txt",
    "adb-mrio": is_adb_name,
    "wiod-2016": is_wiod_name,
}
_BOOKS = (".xlsx", ".xlsb", ".xlsm")


def read_io_table(
    path: str | Path,
    source: str | None = None,
    year: int | None = None,
    *,
    usd_per_eur: float | None = None,
    tolerance: float | None = None,
) -> IOTable:
    """Read an input-output table of any source that detente knows.

    Parameters
    ----------
    path : str or Path
        A file, a zip or a folder as the provider ships it.
    source : str, optional
        Key of the catalogue (``oecd-icio``, ``wiod-2016``, ``wiod-2013``, ``adb-mrio``,
        ``exiobase-3``, ``eora26``, ``gloria``); found out where not given.
    year : int, optional
        Needed where there are several years.
    usd_per_eur : float, optional
        US dollars for one euro, for EXIOBASE only.
    tolerance : float, optional
        How far an identity of the source may fail, relative; the catalogue's where not given.

    Returns
    -------
    IOTable

    Raises
    ------
    InputError
        An unknown source (with the nearest), a file that no source's shape fits, a rate of
        exchange for a table in US dollars, and what the source's reader raises.
    """
    if source is not None and source not in READERS:
        listed = ", ".join(READERS)
        what = f"there is no input-output table '{source}'; there are {listed}."
        raise InputError(what, nearest=nearest(source, READERS))
    path = Path(path)
    found = source or recognise(path)
    if usd_per_eur is not None and found != "exiobase-3":
        what = f"{found} is in US dollars: no rate for the euro is needed."
        raise InputError(what, Place(str(path)))
    if path.suffix == ".npz" and found == "wiod-2013":
        year = year_of(path.name) if year is None else year
        if year is None:
            what = "arrays do not say their year, nor does the file's name; say it."
            raise InputError(what, Place(str(path)))
        return read_wiod_arrays(path, year, tolerance=tolerance)
    rate = {"usd_per_eur": usd_per_eur} if found == "exiobase-3" else {}
    return READERS[found](path, year, tolerance=tolerance, **rate)


def recognise(path: str | Path) -> str:
    """Which source a file, zip or folder is of, by its names and first lines.

    Raises
    ------
    InputError
        Nothing is there, or it has no source's shape.
    """
    path = Path(path)
    for name, fits in _NAMES.items():
        if _any(path, fits):
            return name
    if path.suffix == ".npz" and path.is_file():
        return "wiod-2013"
    tables = originals(path, lambda name: name.casefold().endswith((".csv", *_BOOKS)))
    if not tables:
        raise InputError(f"there is no input-output table in it.{hint(path)}", Place(str(path)))
    for original in tables:
        found = _by_content(original)
        if found is not None:
            return found
    raise InputError(
        "it is not clear which source it is of; name it, for example source 'oecd-icio'. "
        f"There are {', '.join(READERS)}.",
        Place(str(path)),
    )


def _by_content(original: Original) -> str | None:
    """Source of a workbook or csv by its first rows."""
    path, member = original.path, original.member
    if original.name.casefold().endswith(_BOOKS):
        return sheet_source(sheet_rows(path, member=member, not_sheets=("legend",)))
    return "oecd-icio" if is_icio_header(icio_header(original)) else None


def _any(path: Path, fits: Callable[[str], bool]) -> bool:
    return any(fits(o.name) for o in originals(path, fits))
