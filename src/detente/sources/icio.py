"""OECD Inter-Country Input-Output tables: releases of 2018, 2021, 2023 and 2025.

A file is a comma-separated square. Its first row and its first column hold labels
``COUNTRY_INDUSTRY``; columns of final demand ``COUNTRY_CATEGORY`` and one of output follow;
rows of taxes less subsidies on products, value added and output stand at the bottom. The
releases differ in how they write industries and the last rows:

======= ====================== ========================== ============== ======
release industries             taxes                      value added    output
======= ====================== ========================== ============== ======
2018    36: 01T03 … 97T98      AUS_TAXSUB … ROW_TAXSUB    VALU           OUTPUT, TOTAL
2021    45: 01T02 … 97T98      AUS_TAXSUB … ROW_TAXSUB    VALU           OUTPUT, TOTAL
2023    45: A01_02 … T         ARG_TLS … or TLS           VA             OUT
2025    50: A01 … T            TLS                        VA             OUT
======= ====================== ========================== ============== ======

The *regular* tables (``2022_SML.csv``) have one row a country. The *extended* ones
(``2022.csv``, and all of 2018 and 2021) split the producers of Mexico and China into MX1, MX2
and CN1, CN2 (domestic against export-processing firms): there MEX and CHN are rows of zeros
that carry the final demand. The parts are added up again here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, Place, nearest
from detente.sources.blocks import Blocks, Layout, finish, layout
from detente.sources.catalogue import entry, record
from detente.sources.checking import cells
from detente.sources.iotable import IOTable
from detente.sources.pick import Original, pick, the_year
from detente.sources.reading import SEPARATORS
from detente.sources.wide import Piece, first_lines, pieces

Array = NDArray[np.float64]

SOURCE = "oecd-icio"

#: Parts of a country, and the country.
PARTS = {"MX1": "MEX", "MX2": "MEX", "MX3": "MEX"} | {f"CN{j}": "CHN" for j in range(1, 5)}

#: Columns of final demand, and whether they are changes in inventories. The last four are
#: purchases that residents make abroad: demand of their country for another's industries.
FINAL = {
    "HFCE": False,
    "NPISH": False,
    "NPS": False,
    "GGFC": False,
    "GFCF": False,
    "INVNT": True,
    "INV": True,
    "DPABR": False,
    "DIRPA": False,
    "DIRP": False,
    "P33": False,
}
OUTPUT = ("OUT", "OUTPUT", "TOTAL")
VALUE_ADDED = ("VA", "VALU")
TAXES = ("TLS", "TAXSUB")

#: An industry that only one release has, and the release.
RELEASES = {"A01": "2025", "A01_02": "2023", "01T02": "2021", "01T03": "2018"}


def read_icio(
    path: str | Path, year: int | None = None, *, tolerance: float | None = None
) -> IOTable:
    """Read a year of the ICIO.

    ``INVNT`` (changes in inventories and valuables) goes to ``inventories``, signed; ``DPABR``
    (direct purchases abroad by residents) is final demand of the residents' country for the
    industries of the country where they buy, and goes to ``final``. ROW is kept as a country.

    Parameters
    ----------
    path : str or Path
        A csv, a zip of one or several years as the OECD ships them, or a folder of either.
    year : int, optional
        Needed where there are several years, and where the file's name has none.
    tolerance : float, optional
        How far an identity may fail, relative; the catalogue's where not given.

    Returns
    -------
    IOTable

    Raises
    ------
    InputError
        A file that is not there; several years; an unknown release; labels that are missing,
        double or unknown; a cell that is no number; money that is not in million USD; an
        identity that fails.
    """
    original = pick(
        path, lambda name: name.casefold().endswith(".csv"), year, "csv of the ICIO"
    )
    found, said = the_year(original, year)
    table = _Table.opened(original)
    for piece in pieces(
        original.path,
        member=original.member,
        width=len(table.columns),
        labels=1,
        skip=1,
        names=table.columns,
    ):
        table.take(piece)
    return _finish(table, original, found, said, tolerance)


def icio_header(original: Original) -> list[str]:
    """Cells of the first row of a csv, which need not be one of the ICIO's.

    Raises
    ------
    InputError
        It is one of the ICIO's, but for semicolons, tabs or bars instead of commas.
    """
    line = first_lines(original.path, 1, member=original.member)[0]
    header = cells(line, ",", original.place.file)
    for sep in SEPARATORS:
        if len(header) == 1 and is_icio_header(cells(line, sep, original.place.file)):
            raise InputError(
                f"its columns are those of the ICIO, but separated by {SEPARATORS[sep]}; the "
                "original has commas, and points in its decimals.",
                Place(original.place.file, 1),
            )
    return header


def is_icio_header(header: Sequence[str]) -> bool:
    """Whether the first row of a csv is one of the ICIO's."""
    kinds = {name.split("_", 1)[-1] for name in header if "_" in name}
    return {"HFCE", "GFCF"} <= kinds and any(name in OUTPUT for name in header)


@dataclass
class _Table:
    """What is known of a file while its rows come in."""

    original: Original
    columns: list[str]
    order: NDArray[np.intp]
    out: int
    blocks: Blocks
    release: str
    output: Array
    by_row: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def opened(cls, original: Original) -> _Table:
        """Read the labels of the columns."""
        columns = icio_header(original)[1:]
        industries, finals, out = _axes(columns, original.place)
        pairs = [_pair(columns[j]) for j in industries]
        axes = layout(
            pairs,
            [(c, FINAL[kind]) for c, kind in (_pair(columns[j]) for j in finals)],
            str(original.place),
            merge=PARTS,
        )
        return cls(
            original,
            columns,
            np.array([*industries, *finals], dtype=np.intp),
            out,
            Blocks(axes, str(original.place)),
            _release(axes, original.place),
            np.full(axes.size, np.nan),
        )

    def take(self, piece: Piece) -> None:
        """Sort rows into industries and the rows at the bottom."""
        position = {label: j for j, label in enumerate(self.blocks.axes.labels)}
        names = [label[0] for label in piece.labels]
        inside = [j for j, name in enumerate(names) if name in position]
        for j, name in enumerate(names):
            if name not in position:
                self._bottom(name, piece.values[j], piece.line + j)
        if inside:
            rows = [position[names[j]] for j in inside]
            values = piece.values[inside]
            self.blocks.add(rows, values[:, self.order], piece.line + inside[0])
            self.output[rows] = values[:, self.out]

    def _bottom(self, name: str, values: Array, line: int) -> None:
        """Rows of taxes, value added and output; taxes of several countries are added up."""
        kind = name.rsplit("_", 1)[-1]
        place = Place(str(self.original.place), line)
        if kind in TAXES:
            key, adds = "taxes", name != kind
        elif name in VALUE_ADDED:
            key, adds = "value added", False
        elif name in OUTPUT:
            key, adds = "output", False
        else:
            known = [*self.blocks.axes.labels, *VALUE_ADDED, *OUTPUT, *TAXES]
            raise InputError(
                f"the row '{name}' has no column of that name and is no row of taxes, value "
                "added or output.",
                place,
                nearest(name, known),
            )
        if key in self.by_row and not adds:
            raise InputError(f"there is a second row of {key}, '{name}'.", place)
        self.blocks.blank += int(np.isnan(values[self.order][: self.blocks.axes.size]).sum())
        clean = np.nan_to_num(values[self.order])
        self.by_row[key] = self.by_row.get(key, 0.0) + clean


def _axes(columns: Sequence[str], place: Place) -> tuple[list[int], list[int], int]:
    """Positions of industries and of final demand among the columns, and that of output."""
    industries, finals, outs = [], [], []
    for j, name in enumerate(columns):
        kind = name.split("_", 1)[-1]
        if name in OUTPUT:
            outs.append(j)
        elif "_" not in name or not name.split("_", 1)[0] or not kind:
            raise InputError(
                f"column {j + 2} is called '{name}'; a column of the ICIO is called "
                "COUNTRY_INDUSTRY, COUNTRY_CATEGORY or OUT.",
                place,
            )
        elif kind in FINAL:
            finals.append(j)
        elif kind.isalpha() and len(kind) > 2:
            raise InputError(f"unknown final demand '{name}'.", place, nearest(kind, FINAL))
        else:
            industries.append(j)
    if len(outs) != 1:
        told = "no column" if not outs else f"{len(outs)} columns"
        raise InputError(f"there is {told} of output (OUT or TOTAL).", place)
    twice = {columns[j] for j in finals if columns.count(columns[j]) > 1}
    if twice:
        raise InputError(f"two columns are called '{min(twice)}'.", place)
    return industries, finals, outs[0]


def _pair(label: str) -> tuple[str, str]:
    # Only the first underscore separates: industries have some of their own (C17_18).
    country, code = label.split("_", 1)
    return country, code


def _release(axes: Layout, place: Place) -> str:
    found = [release for code, release in RELEASES.items() if code in axes.sectors]
    if len(found) != 1:
        raise InputError(
            f"its industries ({', '.join(axes.sectors[:4])} …) are those of no release known "
            f"here; each has one of {', '.join(RELEASES)}.",
            place,
        )
    return found[0]


def _finish(
    table: _Table,
    original: Original,
    year: int,
    said: tuple[str, ...],
    tolerance: float | None,
) -> IOTable:
    blocks, axes = table.blocks, table.blocks.axes
    blocks.complete()
    for key in ("taxes", "value added", "output"):
        if key not in table.by_row:
            what = f"the row of {key} is missing; the file is cut short."
            raise InputError(what, original.place)
    parts = _parts(table)
    if np.isnan(table.output).any():
        label = axes.labels[int(np.argmax(np.isnan(table.output)))]
        raise InputError(f"the output of row '{label}' is empty.", original.place)
    _same_output(table)
    source = record(SOURCE, table.release, original.path).noting(*original.notes, *said, *parts)
    taxes, n = table.by_row["taxes"], axes.size
    return finish(
        blocks,
        source,
        year,
        value_added=axes.spread(table.by_row["value added"][:n]),
        output=axes.spread(table.output),
        taxes=axes.spread(taxes[:n]),
        final_taxes=axes.by_final_country(taxes[n:]),
        tolerance=entry(SOURCE).tolerance if tolerance is None else tolerance,
    )


def _same_output(table: _Table) -> None:
    """The column of output and the row of output say the same."""
    row = table.by_row["output"][: table.blocks.axes.size]
    gap = np.abs(row - table.output) / np.maximum(np.abs(row), 1e-3 * np.abs(row).max())
    worst = int(np.argmax(gap))
    if gap[worst] > (entry(SOURCE).tolerance or np.inf):
        raise InputError(
            f"output of '{table.blocks.axes.labels[worst]}' is {table.output[worst]:,.1f} in "
            f"its column and {row[worst]:,.1f} in its row.",
            table.original.place,
        )


def _parts(table: _Table) -> tuple[str, ...]:
    """Say which parts were merged; refuse a country that is there whole and in parts."""
    axes, told = table.blocks.axes, []
    of = np.array([_pair(label)[0] for label in axes.labels])
    for whole in dict.fromkeys(PARTS.values()):
        parts = sorted({str(c) for c in of if PARTS.get(str(c)) == whole})
        if not parts:
            continue
        amount = float(table.output[np.isin(of, parts)].sum())
        alone = float(table.output[of == whole].sum())
        if alone > 0.5 * amount > 0:
            raise InputError(
                f"{whole} has an output of {alone:,.0f} of its own beside its parts "
                f"{' and '.join(parts)} ({amount:,.0f}): it would count twice.",
                table.original.place,
            )
        told.append(
            f"{' and '.join(parts)} were merged into {whole} (output {amount:,.0f} million USD)"
        )
    return tuple(told)
