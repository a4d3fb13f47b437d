"""ADB MRIO, Eora26 and GLORIA: multi-regional tables of many countries.

Everything is read in pieces and added up as it comes: GLORIA has 1.5 billion cells, and no
more than some hundred rows are held at a time. The tests hold these readers against pymrio's
where pymrio reads the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, Place
from detente.sources.blocks import Blocks, Layout, finish, layout, without_empty
from detente.sources.catalogue import entry, record
from detente.sources.iotable import IOTable
from detente.sources.pick import Original, originals, pick, the_year
from detente.sources.sheets import read_sheet, sheet_rows
from detente.sources.wide import BLOCK, pieces
from detente.sources.wiod import ADB, Release, table_of

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_ADB = Release("adb-mrio", "current prices", ADB)
_ADB_NAME = re.compile(r"(?i)^(?!~\$).*adb[-_ ]?mrio.*\.xlsx$")


def is_adb_name(name: str) -> bool:
    """Whether a file of this name may be a table of the ADB."""
    return bool(_ADB_NAME.match(name))


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
    original = pick(path, is_adb_name, year, "ADB MRIO workbook")
    found, said = the_year(original, year)
    rows = sheet_rows(original.path, member=original.member, not_sheets=("legend",))
    sheet = read_sheet(rows, [_ADB.family], original.place)
    titled = [int(y) for t in sheet.title for y in re.findall(r"\b((?:19|20)\d\d)\b", t)]
    if titled and found not in titled:
        what = f"its name says {found}, its title {titled[0]}."
        raise InputError(what, original.place)
    return table_of(_ADB, sheet, original, found, said, tolerance)


# -- Eora26 ------------------------------------------------------------------------------

#: Its codes that are not those of ISO 3166.
EORA_ISO3 = {"SUD": "SDN", "SDS": "SSD"}
_STOCKS = ("inventor", "valuables")
_THOUSAND = 1e-3
_EORA_NAME = re.compile(r"(?i)^Eora26_\d{4}_(bp|pp)_T\.txt$")


def is_eora_name(name: str) -> bool:
    """Whether a file of this name may be the transactions of Eora26."""
    return bool(_EORA_NAME.match(name))


def read_eora26(
    path: str | Path, year: int | None = None, *, tolerance: float | None = None
) -> IOTable:
    """Read a year of Eora26 at basic prices.

    Parameters
    ----------
    path : str or Path
        The zip (``Eora26_2015_bp.zip``), its unpacked folder, or a folder of several. The
        labels (``labels_T.txt``, ``labels_FD.txt``) lie in it or in ``indices.zip`` beside.
    year : int, optional
        Needed where there are several years.
    tolerance : float, optional
        How far an identity may fail, relative. The table is not balanced in all countries,
        and no bound is published, so that the failure is only noted where not given.

    Returns
    -------
    IOTable
        Thousand USD become million. Statistical discrepancies, which the table keeps as a
        last country ROW, are no country here: what is sold to them is in the seller's own
        ``inventories``, what is bought of them in ``value_added``. Changes in inventories and
        acquisitions of valuables are in ``inventories``. Output is the sum of a row.

    Raises
    ------
    InputError
        A file that is missing; purchasers' prices; labels that do not fit the numbers; a
        cell that is no number; money that is not in thousand USD; an identity that fails.
    """
    root = pick(path, is_eora_name, year, "table of Eora26")
    found, said = the_year(root, year)
    if "_pp_" in root.name.casefold():
        what = "it is at purchasers' prices; a world needs basic prices (bp)."
        raise InputError(what, root.place)
    stem = root.name[: -len("T.txt")]
    industries = _labels(root, "labels_T.txt")
    finals = _labels(root, "labels_FD.txt")
    inside = np.array([j for j, row in enumerate(industries) if row[1] != "ROW"], dtype=np.intp)
    kept = np.array([j for j, row in enumerate(finals) if row[1] != "ROW"], dtype=np.intp)
    axes = layout(
        [(industries[j][1], industries[j][3]) for j in inside],
        [(finals[j][1], _is_stock(finals[j][3])) for j in kept],
        str(root.place),
        merge=EORA_ISO3,
    )
    rest = _Rest(axes.size, inside, kept, len(industries), len(finals))
    blocks, odd = _eora_rows(root, stem, axes, rest)
    added = root.require(f"{stem}VA.txt")
    paid = _column_sums(added, len(industries), "\t", blocks) * _THOUSAND
    names = dict(
        zip((row[1] for row in industries), (row[0] for row in industries), strict=True)
    )
    source = record("eora26", None, root.path).noting(*root.notes, *said, *odd.notes())
    return without_empty(
        finish(
            blocks,
            source,
            found,
            value_added=axes.spread(paid[inside] + odd.bought),
            output=blocks.sales(),
            tolerance=entry("eora26").tolerance if tolerance is None else tolerance,
            names=(_named(axes, names, EORA_ISO3), ()),
        )
    )


@dataclass(frozen=True)
class _Rest:
    """Where the columns of countries stand, and how many there are with discrepancies."""

    size: int
    inside: Index
    kept: Index
    width: int
    final_width: int


@dataclass
class _Discrepancies:
    """What the table cannot place, million USD."""

    sold: float
    bought: Array
    final: float

    def notes(self) -> tuple[str, ...]:
        """With amounts, where there are any."""
        told = []
        if self.sold:
            told.append(
                f"sales to statistical discrepancies ({self.sold:,.0f} million USD) are in the "
                "sellers' own changes in inventories"
            )
        if self.bought.any():
            told.append(
                f"inputs of statistical discrepancies ({self.bought.sum():,.0f} million USD) "
                "are in value added"
            )
        if self.final:
            told.append(
                f"final demand for statistical discrepancies ({self.final:,.0f} million USD) "
                "is left out"
            )
        return tuple(told)


def _eora_rows(
    root: Original, stem: str, axes: Layout, rest: _Rest
) -> tuple[Blocks, _Discrepancies]:
    """Read T and FD side by side."""
    blocks = Blocks(axes, str(root.place), _THOUSAND)
    odd = _Discrepancies(0.0, np.zeros(rest.size), 0.0)
    position = np.full(rest.width, -1, dtype=np.intp)
    position[rest.inside] = np.arange(rest.size)
    out = np.setdiff1d(np.arange(rest.width), rest.inside)
    out_final = np.setdiff1d(np.arange(rest.final_width), rest.kept)
    final = _whole(root.require(f"{stem}FD.txt"), rest.final_width, rest.width)
    for start, block in _numbered(root, rest.width, rest.width):
        rows = np.arange(start, start + len(block))
        real = position[rows] >= 0
        y = final[rows]
        blocks.add(
            position[rows][real],
            np.hstack([block[real][:, rest.inside], y[real][:, rest.kept]]),
        )
        lost = np.nansum(block[:, out], axis=1) + np.nansum(y[:, out_final], axis=1)
        lost *= _THOUSAND
        at = position[rows][real]
        own = axes.country[at]
        np.add.at(blocks.inventories, (axes.sector[at], own, own), lost[real])
        odd.sold += float(lost[real].sum())
        odd.bought += np.nansum(block[~real][:, rest.inside], axis=0) * _THOUSAND
        odd.final += float(np.nansum(y[~real][:, rest.kept])) * _THOUSAND
    return blocks, odd


# -- GLORIA ------------------------------------------------------------------------------

_GLORIA_NAME = re.compile(
    r"(?i)^\d*_?120secMother_AllCountries_\d+_T-Results_\d{4}_\d+_Markup001\(full\)\.csv$"
)
_README = re.compile(r"(?i)^GLORIA_ReadMe.*\.xlsx$")
#: Bytes of text that are parsed at once; a row has 39 thousand cells.
_GLORIA_BLOCK = 16 * 1024**2


def is_gloria_name(name: str) -> bool:
    """Whether a file of this name may be GLORIA's transactions at basic prices."""
    return bool(_GLORIA_NAME.match(name))


def read_gloria(
    path: str | Path,
    year: int | None = None,
    *,
    readme: str | Path | None = None,
    tolerance: float | None = None,
) -> IOTable:
    """Read a year of GLORIA at basic prices.

    The table is one of supply and use: for each region 120 industries, then 120 products.
    Its supply is diagonal, an industry making its own product only, so that uses of products
    by industries are the input-output table; where it is not diagonal the file is refused.

    Parameters
    ----------
    path : str or Path
        ``GLORIA_MRIOs_59_2022.zip``, its unpacked folder, or a folder of several.
    year : int, optional
        Needed where there are several years.
    readme : str or Path, optional
        ``GLORIA_ReadMe_059.xlsx``, which names regions, sectors and final demand; looked for
        in ``path`` and beside it where not given.
    tolerance : float, optional
        How far an identity may fail, relative. At basic prices the taxes on products that
        industries pay are in no row of the table, so that output exceeds costs by them, and
        the failure is only noted where not given.

    Returns
    -------
    IOTable
        Thousand USD become million. Changes in inventories and acquisitions of valuables are
        in ``inventories``. Output is that of the supply table. Regions without output are
        left out and noted.

    Raises
    ------
    InputError
        A file that is missing; numbers that do not fit the labels; a cell that is no number;
        supply that is not diagonal; an identity that fails.
    """
    root = pick(path, is_gloria_name, year, "T-Results at basic prices")
    found, said = the_year(root, year)
    labels = _gloria_labels(_readme(path, root, readme))
    axes = layout(
        [(c, s) for c in labels.regions for s in labels.sectors],
        [(c, _is_stock(f)) for c in labels.regions for f in labels.final],
        str(root.place),
    )
    blocks, output = _gloria_rows(root, axes, labels)
    value = _column_sums(_part(root, "V"), 2 * axes.size, ",", blocks, _GLORIA_BLOCK)
    source = record("gloria", None, root.path).noting(*root.notes, *said)
    return without_empty(
        finish(
            blocks,
            source,
            found,
            value_added=axes.spread(
                value[_industry(axes.size, len(labels.sectors))] * _THOUSAND
            ),
            output=axes.spread(output),
            tolerance=entry("gloria").tolerance if tolerance is None else tolerance,
            names=(labels.names, ()),
        )
    )


@dataclass(frozen=True)
class _Gloria:
    """Labels of the ReadMe."""

    regions: list[str]
    names: list[str]
    sectors: list[str]
    final: list[str]


def _gloria_rows(root: Original, axes: Layout, labels: _Gloria) -> tuple[Blocks, Array]:
    """Uses of products, and output by the supply of industries."""
    n, s = axes.size, len(labels.sectors)
    industry, product = _industry(n, s), _industry(n, s) + s
    kind = np.full(2 * n, -1, dtype=np.intp)
    kind[product] = np.arange(n)
    final = _whole(
        _part(root, "Y"), axes.final_country.size, 2 * n, ",", product, _GLORIA_BLOCK
    )
    blocks, output, off = Blocks(axes, str(root.place), _THOUSAND), np.zeros(n), 0.0
    for start, block in _numbered(root, 2 * n, 2 * n, ",", _GLORIA_BLOCK):
        rows = np.arange(start, start + len(block))
        at = kind[rows]
        used = at >= 0
        blocks.add(at[used], np.hstack([block[used][:, industry], final[at[used]]]))
        made = np.nan_to_num(block[~used][:, product])
        own = np.searchsorted(industry, rows[~used])
        output[own] = made[np.arange(own.size), own]
        off += float(np.abs(made).sum() - np.abs(output[own]).sum())
    share = off / max(off + output.sum(), 1.0)
    if share > 1e-6:
        raise InputError(
            f"industries make products other than their own ({share:.2%} of output); the "
            "supply table should be diagonal.",
            root.place,
        )
    return blocks, output * _THOUSAND


def _industry(size: int, sectors: int) -> Index:
    """Positions of industries among industries and products, region by region."""
    region, sector = np.divmod(np.arange(size), sectors)
    return np.asarray(2 * sectors * region + sector, dtype=np.intp)


def _part(root: Original, letter: str) -> Original:
    """The file of final demand or value added; its date may be another."""
    tail = root.name[root.name.index("120sec") :].replace("T-Results", f"{letter}-Results")
    found = root.siblings(lambda name: name.endswith(tail))
    if len(found) != 1:
        told = "there is no" if not found else f"there are {len(found)} of"
        raise InputError(f"{told} '…{tail}' beside it.", root.place)
    return found[0]


def _readme(path: str | Path, root: Original, given: str | Path | None) -> Original:
    if given is not None:
        return Original(Path(given))
    found = root.siblings(lambda name: bool(_README.match(name)))
    around = [root.path.parent, root.path.parent.parent, Path(path)]
    for folder in (f for f in around if f.is_dir()):
        found += [Original(p) for p in sorted(folder.iterdir()) if _README.match(p.name)]
    if found:
        return found[0]
    raise InputError(
        "GLORIA_ReadMe_….xlsx, which names its regions and sectors, is not beside it.",
        root.place,
    )


def _gloria_labels(readme: Original) -> _Gloria:
    def column(sheet: str, name: str) -> list[str]:
        rows = [row for _, row in sheet_rows(readme.path, member=readme.member, sheet=sheet)]
        header = [str(cell or "").strip() for cell in rows[0]] if rows else []
        if name not in header:
            what = f"sheet '{sheet}' has no column '{name}'; there are {', '.join(header)}."
            raise InputError(what, readme.place)
        j = header.index(name)
        return [
            str(row[j]).strip() for row in rows[1:] if len(row) > j and row[j] not in (None, "")
        ]

    demand = "Value added and final demand"
    return _Gloria(
        column("Regions", "Region_acronyms"),
        column("Regions", "Region_names"),
        column("Sectors", "Sector_names"),
        column(demand, "Final_demand_names"),
    )


# -- numbers and labels in files of their own --------------------------------------------
def _numbered(
    file: Original, width: int, height: int, sep: str = "\t", block: int = BLOCK
) -> Iterator[tuple[int, Array]]:
    """Numbers of a file without labels, and the first row's position."""
    start = 0
    for piece in pieces(file.path, member=file.member, width=width, sep=sep, block=block):
        if start + len(piece.values) > height:
            raise InputError(f"it has more than the {height:,} rows of its labels.", file.place)
        yield start, piece.values
        start += len(piece.values)
    if start < height:
        what = f"it has {start:,} rows; its labels are {height:,}. It is cut short."
        raise InputError(what, file.place)


def _whole(
    file: Original,
    width: int,
    height: int,
    sep: str = "\t",
    rows: Index | None = None,
    block: int = BLOCK,
) -> Array:
    """A file without labels, or the rows wanted of it."""
    place = np.full(height, -1, dtype=np.intp)
    wanted = np.arange(height) if rows is None else rows
    place[wanted] = np.arange(wanted.size)
    out = np.zeros((wanted.size, width))
    for start, values in _numbered(file, width, height, sep, block):
        at = place[start : start + len(values)]
        out[at[at >= 0]] = values[at >= 0]
    return out


def _column_sums(
    file: Original, width: int, sep: str, blocks: Blocks, block: int = BLOCK
) -> Array:
    """Sums of columns; empty cells are counted with those of the table."""
    total = np.zeros(width)
    for piece in pieces(file.path, member=file.member, width=width, sep=sep, block=block):
        blocks.blank += int(np.isnan(piece.values).sum())
        total += np.nansum(piece.values, axis=0)
    return total


def _labels(root: Original, name: str) -> list[list[str]]:
    """Rows of a file of labels, in the table's folder or in indices.zip."""
    file = root.beside(name)
    if file is None:
        plain, packed = root.path.parent / name, root.path.parent / "indices.zip"
        found = [Original(plain)] if plain.is_file() else []
        if packed.is_file():
            found += originals(packed, lambda n: n == name)
        if not found:
            what = f"'{name}' is neither in it nor in indices.zip beside it."
            raise InputError(what, root.place)
        file = found[0]
    with file.open() as stream:
        text = stream.read().decode("utf-8-sig", "replace")
    rows = [[c.strip() for c in line.split("\t")] for line in text.splitlines() if line.strip()]
    short = next((j for j, row in enumerate(rows) if len(row) < 4), None)
    if short is not None:
        what = "a row of labels needs country, code, kind and name, tabs between."
        raise InputError(what, Place(file.place.file, short + 1))
    return rows


def _is_stock(name: str) -> bool:
    return any(word in name.casefold() for word in _STOCKS)


def _named(axes: Layout, names: dict[str, str], changed: dict[str, str]) -> Sequence[str]:
    by_code = {changed.get(code, code): name for code, name in names.items()}
    return [by_code.get(c, c) for c in axes.countries]
