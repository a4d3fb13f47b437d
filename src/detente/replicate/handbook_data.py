"""Data and figures of Costinot & Rodríguez-Clare (2014): WIOD 2008, 34 regions × 31 sectors.

Their regions and sectors are those of AGG_C and AGG_S in nicolaswess/TradMod.jl, a Julia
port of their programs: seven small countries join the rest of the world, textiles join
leather, the sale of motor vehicles joins wholesale trade, and public administration, other
services and private households become one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray

from detente.errors import InputError, Place, nearest
from detente.replicate.common import existing_folder
from detente.world.clean import remove_inventories

Array = NDArray[np.float64]

#: The year of the handbook's table.
YEAR = 2008

#: What the folder may hold: WIOD as arrays, or the authors' own aggregated table.
AUTHORS_FILE = "Step_01_WIOD_AGG_with_INT.mat"

#: Region: gains in the three cases, percent, to the digit that Table 4.1 prints. The printed
#: page could not be read: these are the authors' own aggregated table (April 2012 release,
#: from their programs, as kept in SandersBas/NBBQTSM) put through the same formulas.
#: Then column 4 of Table 4.2 as printed, read in the test of nicolaswess/TradMod.jl.
HANDBOOK: dict[str, tuple[float, float, float, float]] = {
    "AUS": (2.3, 8.6, 15.8, -0.28),
    "AUT": (5.7, 30.3, 49.5, -0.13),
    "BEL": (7.5, 32.7, 54.6, -0.26),
    "BRA": (1.5, 3.7, 6.3, -0.16),
    "CAN": (3.8, 17.4, 30.2, -2.28),
    "CHN": (2.6, 4.0, 11.5, -0.46),
    "CZE": (6.0, 16.8, 34.0, -0.08),
    "DEU": (4.5, 12.7, 21.3, -0.20),
    "DNK": (5.8, 30.2, 41.4, -0.26),
    "ESP": (3.1, 9.0, 18.3, -0.07),
    "FIN": (4.4, 11.1, 20.2, -0.10),
    "FRA": (3.0, 9.4, 17.2, -0.13),
    "GBR": (3.2, 12.9, 21.6, -0.31),
    "GRC": (4.2, 16.3, 23.7, -0.06),
    "HUN": (8.1, 29.8, 53.5, -0.17),
    "IDN": (2.9, 5.5, 13.1, -0.14),
    "IND": (2.4, 4.6, 9.2, -0.25),
    "IRL": (8.0, 23.5, 37.1, -1.58),
    "ITA": (2.9, 8.7, 16.4, -0.07),
    "JPN": (1.7, 1.4, 4.6, -0.11),
    "KOR": (4.3, 3.9, 12.5, -0.34),
    "MEX": (3.3, 11.1, 18.4, -1.67),
    "NLD": (6.2, 24.3, 40.1, -0.34),
    "POL": (4.4, 18.4, 33.8, -0.08),
    "PRT": (4.4, 23.8, 35.9, -0.09),
    "ROU": (4.5, 17.7, 26.4, 0.01),
    "RUS": (2.4, 18.0, 35.9, -0.12),
    "SVK": (7.6, 22.2, 48.3, -0.04),
    "SVN": (6.8, 39.6, 57.8, -0.10),
    "SWE": (5.1, 12.5, 24.4, -0.19),
    "TUR": (2.9, 11.9, 20.0, -0.02),
    "TWN": (6.1, 9.6, 19.9, -0.76),
    "USA": (1.8, 4.4, 8.3, 0.63),
    "ROW": (5.2, 15.2, 33.3, -0.97),
}

#: The regions in the authors' order; whoever else is in the table belongs to the last.
REGIONS = tuple(HANDBOOK)
_OLD_CODES = {"ROM": "ROU", "RoW": "ROW"}

#: Sector: industries of WIOD's 2013 release, and its elasticity there: Caliendo & Parro's of
#: the full sample for goods, 5 for each service.
SECTORS: dict[str, tuple[tuple[int, ...], float]] = {
    "Agriculture": ((1,), 8.11),
    "Mining": ((2,), 15.72),
    "Food": ((3,), 2.55),
    "Textiles, leather": ((4, 5), 5.56),
    "Wood": ((6,), 10.83),
    "Paper": ((7,), 9.07),
    "Petroleum": ((8,), 51.08),
    "Chemicals": ((9,), 4.75),
    "Plastics": ((10,), 1.66),
    "Minerals": ((11,), 2.76),
    "Metals": ((12,), 7.99),
    "Machinery": ((13,), 1.52),
    "Electrical": ((14,), 10.60),
    "Transport equipment": ((15,), 0.37),
    "Other manufacturing": ((16,), 5.0),
    "Electricity, gas, water": ((17,), 5.0),
    "Construction": ((18,), 5.0),
    "Wholesale": ((19, 20), 5.0),
    "Retail": ((21,), 5.0),
    "Hotels": ((22,), 5.0),
    "Inland transport": ((23,), 5.0),
    "Water transport": ((24,), 5.0),
    "Air transport": ((25,), 5.0),
    "Transport services": ((26,), 5.0),
    "Post": ((27,), 5.0),
    "Finance": ((28,), 5.0),
    "Real estate": ((29,), 5.0),
    "Business services": ((30,), 5.0),
    "Education": ((32,), 5.0),
    "Health": ((33,), 5.0),
    "Other services": ((31, 34, 35), 5.0),
}
ELASTICITIES = np.array([value for _, value in SECTORS.values()])
_INDUSTRIES = tuple(f"c{j}" for j in range(1, 36))
_ARRAYS = ("intermediate", "final", "output", "countries", "industries")
_CATEGORIES = 5


@dataclass(frozen=True)
class HandbookData:
    """One year, N = 34 regions × S = 31 sectors, million USD, without inventories.

    Attributes
    ----------
    flows : ndarray, shape (S, N, N)
        [s, i, n]: sales of i to n for every use.
    input_use : ndarray, shape (S, S, N)
        [k, s, n].
    final, value_added : ndarray, shape (S, N)
    year : int
    authors : bool
        Whether it is the authors' own table.
    notes : tuple of str
        Where it comes from and what was done to it.
    """

    flows: Array
    input_use: Array
    final: Array
    value_added: Array
    year: int
    authors: bool
    notes: tuple[str, ...]


def read_handbook_data(folder: str | Path, year: int = YEAR) -> HandbookData:
    """Read WIOD's arrays or the authors' table, whichever the folder holds.

    Parameters
    ----------
    folder : str or Path
        With ``wiot_YEAR.npz`` (arrays intermediate, final, output, countries, industries of
        the 2013 release) or ``Step_01_WIOD_AGG_with_INT.mat``, which is taken if both are
        there and the year is 2008.
    year : int

    Raises
    ------
    InputError
        A folder, file, year or array that is not there, shapes or labels that do not fit.
    """
    there = existing_folder(folder, f"wiot_{year}.npz or {AUTHORS_FILE}")
    if year == YEAR and (there / AUTHORS_FILE).is_file():
        return _authors(there / AUTHORS_FILE)
    path = there / f"wiot_{year}.npz"
    if not path.is_file():
        years = sorted(p.name for p in there.glob("wiot_*.npz"))
        held = f"it holds {', '.join(years)}" if years else "it holds no year of WIOD"
        raise InputError(
            f"'{path.name}' is not in '{there}'; {held}, and no {AUTHORS_FILE}.",
            nearest=nearest(path.name, years),
        )
    return _wiod(path, year)


# -- WIOD, release of 2013 ---------------------------------------------------------------
def _wiod(path: Path, year: int) -> HandbookData:
    """Clean inventories out of the full table, then aggregate (their order)."""
    table = _read_arrays(path)
    countries = [str(c) for c in table["countries"]]
    n, s = len(countries), len(_INDUSTRIES)
    final = table["final"].astype(np.float64).reshape(n * s, n, _CATEGORIES)
    clean = remove_inventories(
        table["intermediate"].astype(np.float64),
        final[:, :, :-1].sum(axis=2),
        final[:, :, -1],
        countries=countries,
        sectors=_INDUSTRIES,
        output=table["output"].astype(np.float64),
    )
    money = clean.arrays()
    c, g = _region_matrix(countries), _sector_matrix()
    before, after = clean.report["output_before"].sum(), clean.report["output_after"].sum()
    return HandbookData(
        flows=np.einsum("as,bi,cn,sin->abc", g, c, c, money["flows"], optimize=True),
        input_use=np.einsum("ak,bs,cn,ksn->abc", g, g, c, money["input_use"], optimize=True),
        final=g @ money["final"] @ c.T,
        value_added=g @ money["value_added"] @ c.T,
        year=year,
        authors=False,
        notes=(
            f"Data: WIOD {year}, release of 2013. {clean.report.drawn_from_stocks.sum():,.0f} "
            f"million USD drawn from stocks count as produced that year, which raises world "
            f"output by {after / before - 1.0:.2%}.",
        ),
    )


def _read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            table = {key: file[key] for key in file.files}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"it is no npz of numpy: {error}.", Place(str(path))) from None
    for key in _ARRAYS:
        if key not in table:
            what = f"the array '{key}' is missing; there are {', '.join(table) or 'none'}."
            raise InputError(what, Place(str(path), key=key))
    industries = tuple(map(str, table["industries"]))
    if industries != _INDUSTRIES:
        what = "the industries are not c1 to c35, those of the release of 2013."
        raise InputError(what, Place(str(path), key="industries"))
    n = table["countries"].size
    rows = n * len(_INDUSTRIES)
    wanted = {"intermediate": (rows, rows), "final": (rows, n * _CATEGORIES), "output": (rows,)}
    for key, shape in wanted.items():
        if table[key].shape != shape or table[key].dtype.kind not in "fiu":
            what = f"it has shape {table[key].shape}; the labels ask for numbers, {shape}."
            raise InputError(what, Place(str(path), key=key))
    return table


def _region_matrix(countries: list[str]) -> Array:
    """One where a country of the table (column) belongs to a region (row)."""
    codes = [_OLD_CODES.get(c, c) for c in countries]
    missing = [region for region in REGIONS if region not in codes]
    if missing:
        raise InputError(
            f"the table has no '{missing[0]}'; the handbook has {len(REGIONS)} regions.",
            Place("countries"),
            nearest(missing[0], codes),
        )
    to = [c if c in REGIONS else REGIONS[-1] for c in codes]
    return np.array([[float(t == region) for t in to] for region in REGIONS])


def _sector_matrix() -> Array:
    """One where an industry (column) belongs to a sector (row)."""
    matrix = np.zeros((len(SECTORS), len(_INDUSTRIES)))
    for row, (members, _) in enumerate(SECTORS.values()):
        matrix[row, [j - 1 for j in members]] = 1.0
    return matrix


# -- the authors' table ------------------------------------------------------------------
def _authors(path: Path) -> HandbookData:
    """Their cubes [i, j, s] and [s, j, k] (k used by s in j), as the arrays used here."""
    n, s = len(REGIONS), len(SECTORS)
    shapes = {
        "Xijs3D": (n, n, s),
        "Fjs3D": (n, n, s),
        "alpha_tilde_sjk3D": (s, n, s),
    }
    try:
        file = scipy.io.loadmat(path, variable_names=list(shapes))
    except Exception as error:  # scipy's own, zlib's, struct's: whatever the bytes provoke
        raise InputError(f"it is no MATLAB file: {error}.", Place(str(path))) from None
    for key, shape in shapes.items():
        if key not in file:
            raise InputError(f"the array '{key}' is missing.", Place(str(path), key=key))
        array = file[key]
        usable = array.shape == shape and array.dtype.kind in "fiu"
        if not usable or not np.isfinite(array).all() or (array < 0).any():
            what = f"it must hold {shape} finite numbers, none below zero"
            raise InputError(f"{what}; its shape is {array.shape}.", Place(str(path), key=key))
    flows = np.ascontiguousarray(file["Xijs3D"].transpose(2, 0, 1), dtype=np.float64)
    output = flows.sum(axis=2)
    input_use = np.asarray(file["alpha_tilde_sjk3D"].transpose(2, 0, 1) * output)
    return HandbookData(
        flows=flows,
        input_use=input_use,
        final=np.asarray(file["Fjs3D"][0].T, dtype=np.float64),
        value_added=output - input_use.sum(axis=0),
        year=YEAR,
        authors=True,
        notes=(f"Data: the authors' own table ({AUTHORS_FILE}), WIOD 2008 as of April 2012.",),
    )
