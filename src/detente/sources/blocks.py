"""From the rows of a full inter-country table to the reduced arrays of ``IOTable``.

A full table has as many rows and columns as there are pairs of country and sector: 4,050 in
the ICIO, 7,987 in EXIOBASE, 19,680 in GLORIA. The model needs less: who sells how much of
which sector to whom, and what a sector is made of. So rows are added up as they are read and
the table itself is never held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, Place, nearest
from detente.sources.iotable import IOTable
from detente.sources.record import SourceRecord

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: World gross output of a year lies between these, million USD (1990: 4e7; 2023: 2e8).
LEAST_WORLD, LARGEST_WORLD = 1e6, 1e9


@dataclass(frozen=True)
class Layout:
    """Who stands on the axes of a square table; its rows are its industry columns.

    Attributes
    ----------
    countries, sectors : tuple of str
        In the order in which they first appear, parts of a country merged.
    labels : tuple of str, length C
        The file's own label of each industry.
    country, sector : ndarray, shape (C,)
        Position of each industry's country and sector.
    final_country : ndarray, shape (F,)
        Position of the country of each column of final demand.
    inventory : ndarray of bool, shape (F,)
        Whether the column holds changes in inventories or another balancing item.
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    labels: tuple[str, ...]
    country: Index
    sector: Index
    final_country: Index
    inventory: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of industries, C."""
        return len(self.labels)

    def spread(self, values: Array) -> Array:
        """Sum values over industries, shape (C,), into an array of shape (S, N)."""
        out = np.zeros((len(self.sectors), len(self.countries)))
        np.add.at(out, (self.sector, self.country), values)
        return out

    def by_final_country(self, values: Array) -> Array:
        """Sum values over columns of final demand, shape (F,), into shape (N,)."""
        return np.bincount(self.final_country, values, len(self.countries)).astype(float)


def layout(
    industries: Sequence[tuple[str, str]],
    finals: Sequence[tuple[str, bool]],
    file: str | Path,
    *,
    merge: Mapping[str, str] | None = None,
) -> Layout:
    """Build the axes from a file's labels.

    Parameters
    ----------
    industries : sequence of (country, sector), length C
        In the file's order, with the file's own codes.
    finals : sequence of (country, is inventory), length F
        The same for final demand.
    file : str or Path
        For messages.
    merge : mapping of str to str, optional
        Code of a country's part, or a code to change, to the code wanted.

    Raises
    ------
    InputError
        Two industries of one label, a country that lacks a sector which others have, a
        country of final demand that does not produce.
    """
    merge, file = merge or {}, str(file)
    labels = [f"{country}_{sector}" for country, sector in industries]
    again = next((x for x, times in _counted(labels).items() if times > 1), None)
    if again is not None:
        raise InputError(f"two columns are called '{again}'.", Place(file))
    if not industries or not finals:
        what = "no industry" if not industries else "no final demand"
        raise InputError(f"there is {what} among the columns.", Place(file))
    countries = tuple(dict.fromkeys(merge.get(c, c) for c, _ in industries))
    sectors = tuple(dict.fromkeys(s for _, s in industries))
    at = {c: j for j, c in enumerate(countries)}
    spot = {s: j for j, s in enumerate(sectors)}
    found = Layout(
        countries,
        sectors,
        tuple(labels),
        np.array([at[merge.get(c, c)] for c, _ in industries], dtype=np.intp),
        np.array([spot[s] for _, s in industries], dtype=np.intp),
        np.array([_position(merge.get(c, c), at, file) for c, _ in finals], dtype=np.intp),
        np.array([bool(inventory) for _, inventory in finals]),
    )
    _refuse_gaps(found, file)
    return found


class Blocks:
    """Adds rows of a full table up, as they come.

    Parameters
    ----------
    axes : Layout
    file : str or Path
        For messages.
    scale : float
        What one unit of the file is in million USD.
    """

    def __init__(self, axes: Layout, file: str | Path, scale: float = 1.0) -> None:
        s, n = len(axes.sectors), len(axes.countries)
        self.axes, self.file, self.scale = axes, str(file), scale
        self.intermediate = np.zeros((s, n, n))
        self.final = np.zeros((s, n, n))
        self.inventories = np.zeros((s, n, n))
        self.seen = np.zeros(axes.size, dtype=bool)
        self.blank = 0
        self.negative = {key: [0, 0.0] for key in ("intermediate", "final", "inventories")}
        self._inputs = np.zeros((s, axes.size))
        # Runs of columns of one country: their sums are far cheaper than a product.
        self._starts = np.flatnonzero(np.r_[True, np.diff(axes.country) != 0])
        self._runs = _indicator(axes.country[self._starts], n)
        self._bought = _indicator(axes.final_country, n) * ~axes.inventory[:, None]
        self._stocked = _indicator(axes.final_country, n) * axes.inventory[:, None]

    def add(self, rows: Index | Sequence[int], block: Array, line: int | None = None) -> None:
        """Add whole rows.

        Parameters
        ----------
        rows : sequence of int, length R
            Position of each row's industry.
        block : ndarray, shape (R, C + F)
            Industries, then final demand, in the axes' order; NaN where a cell is empty.
        line : int, optional
            Line of the file on which the first row stands.

        Raises
        ------
        InputError
            An industry that has had its row, or an infinite cell.
        """
        rows = np.asarray(rows, dtype=np.intp)
        self._mark(rows, line)
        clean = self._clean(block, rows)
        z, y = clean[:, : self.axes.size], clean[:, self.axes.size :]
        sector, country = self.axes.sector[rows], self.axes.country[rows]
        where = (sector, country)
        np.add.at(self.intermediate, where, np.add.reduceat(z, self._starts, 1) @ self._runs)
        np.add.at(self.final, where, y @ self._bought)
        np.add.at(self.inventories, where, y @ self._stocked)
        for j, k in enumerate(sector):
            self._inputs[k] += z[j]
        self._count("intermediate", z)
        self._count("final", y[:, ~self.axes.inventory])
        self._count("inventories", y[:, self.axes.inventory])

    def input_use(self) -> Array:
        """Inputs summed over their source, [k, s, n]."""
        s, n = len(self.axes.sectors), len(self.axes.countries)
        out = np.zeros((s, n, s))
        np.add.at(out, (self.axes.sector, self.axes.country), self._inputs.T)
        return np.ascontiguousarray(out.transpose(2, 0, 1))

    def inputs(self) -> Array:
        """What each industry pays for inputs, shape (C,)."""
        paid: Array = self._inputs.sum(axis=0)
        return paid

    def sales(self) -> Array:
        """What each sector of a country sells in all, shape (S, N)."""
        sold: Array = (self.intermediate + self.final + self.inventories).sum(axis=2)
        return sold

    def complete(self) -> None:
        """Check that every industry has had its row.

        Raises
        ------
        InputError
            The first that has not, and how many there are.
        """
        lacking = np.flatnonzero(~self.seen)
        if lacking.size:
            first = self.axes.labels[int(lacking[0])]
            more = f" and {lacking.size - 1:,} others" if lacking.size > 1 else ""
            raise InputError(
                f"there is a column '{first}', but no row of that name{more}. "
                "The file is cut short or not the whole table.",
                Place(self.file),
            )

    def notes(self) -> list[str]:
        """What was found in the cells: empty ones, negative ones, with amounts."""
        told = []
        if self.blank:
            told.append(f"{_cells(self.blank)} empty, read as zero")
        for key, (count, amount) in self.negative.items():
            if count:
                what = {"intermediate": "intermediate sales", "final": "final demand"}
                told.append(
                    f"{what.get(key, 'changes in inventories')}: {_cells(int(count))} negative"
                    f" ({amount:,.0f} million USD), kept as published"
                )
        return told

    def _mark(self, rows: Index, line: int | None) -> None:
        for j, row in enumerate(rows):
            if self.seen[row]:
                raise InputError(
                    f"there is a second row '{self.axes.labels[int(row)]}'.",
                    Place(self.file, None if line is None else line + j),
                )
            self.seen[row] = True

    def _clean(self, block: Array, rows: Index) -> Array:
        clean = block * self.scale
        bad = ~np.isfinite(clean)
        if bad.any():
            infinite = np.argwhere(np.isinf(clean))
            if infinite.size:
                r, c = map(int, infinite[0])
                raise InputError(
                    f"cell {c + 1} of row '{self.axes.labels[int(rows[r])]}' is infinite.",
                    Place(self.file),
                )
            self.blank += int(bad.sum())
            clean[bad] = 0.0
        return clean

    def _count(self, key: str, cells: Array) -> None:
        low = cells[cells < 0]
        if low.size:
            self.negative[key][0] += low.size
            self.negative[key][1] += float(low.sum())


def finish(
    blocks: Blocks,
    source: SourceRecord,
    year: int,
    *,
    value_added: Array,
    output: Array,
    taxes: Array | None = None,
    final_taxes: Array | None = None,
    tolerance: float | None = None,
    names: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> IOTable:
    """Make the table, check its size and its identities, and write down what was found.

    Parameters
    ----------
    blocks : Blocks
        All rows added.
    source : SourceRecord
    year : int
    value_added, output : ndarray, shape (S, N)
        Million USD.
    taxes : ndarray, shape (S, N), optional
    final_taxes : ndarray, shape (N,), optional
    tolerance : float, optional
        Largest violation of an identity that is accepted; any where None.
    names : pair of sequence of str
        Names of countries and of sectors.

    Raises
    ------
    InputError
        A row that is missing, a world whose output no unit of million USD explains, an
        identity that fails by more than the tolerance: where and by how much.
    """
    blocks.complete()
    check_size(float(output.sum()), blocks.file, blocks.scale)
    axes = blocks.axes
    table = IOTable(
        countries=axes.countries,
        sectors=axes.sectors,
        intermediate=blocks.intermediate,
        final=blocks.final,
        inventories=blocks.inventories,
        input_use=blocks.input_use(),
        value_added=value_added,
        taxes=np.zeros_like(output) if taxes is None else taxes,
        final_taxes=np.zeros(len(axes.countries)) if final_taxes is None else final_taxes,
        output=output,
        year=year,
        source=source.noting(*blocks.notes(), *_low_value_added(value_added)),
        country_names=tuple(names[0]),
        sector_names=tuple(names[1]),
    )
    return checked(table, blocks.file, tolerance)


def checked(table: IOTable, file: str | Path, tolerance: float | None) -> IOTable:
    """Check the identities of a table and note how far each holds.

    Raises
    ------
    InputError
        An identity that fails by more than ``tolerance``: where and by how much.
    """
    sold = (table.intermediate + table.final + table.inventories).sum(axis=2)
    cost = table.input_use.sum(axis=0) + table.taxes + table.value_added
    size = np.maximum(np.abs(table.output), 1e-3 * np.abs(table.output).max())
    told = []
    for name, values in (("output", table.output), ("value added", cost)):
        if not np.isfinite(values).all():
            s, n = np.argwhere(~np.isfinite(values))[0]
            where = f"{table.sectors[int(s)]} of {table.countries[int(n)]}"
            what = f"{name} of {where} is no number; a cell that it comes from is empty."
            raise InputError(what, Place(str(file)))
    for name, other in (("output = sales", sold), ("output = costs", cost)):
        miss = np.abs(other - table.output) / size
        s, n = np.unravel_index(int(np.argmax(miss)), miss.shape)
        worst, where = (
            float(miss[s, n]),
            f"{table.sectors[int(s)]} of {table.countries[int(n)]}",
        )
        if tolerance is not None and worst > tolerance:
            raise InputError(
                f"'{name}' fails by {worst:.2%} in {where} ({table.output[s, n]:,.1f} against "
                f"{other[s, n]:,.1f} million USD); {tolerance:.2%} is accepted of this source. "
                "Cells were changed, dropped or moved; take the original again.",
                Place(str(file)),
            )
        bound = "" if tolerance is None else f"; {tolerance:.1e} is accepted"
        place = f" ({where})" if worst > 1e-12 else ""
        told.append(f"{name} holds to {worst:.1e} of the cell{place}{bound}")
    return replace(table, source=table.source.noting(*told))


def check_size(world: float, file: str | Path, scale: float = 1.0) -> None:
    """Check that a world's output can be that of a world.

    Parameters
    ----------
    world : float
        Million USD, if the file is in the unit that it should be in.
    file : str or Path
        For messages.
    scale : float
        What one unit of the file was taken to be in million USD.

    Raises
    ------
    InputError
        Below 1e6 or above 1e9, with the unit that would fit.
    """
    if LEAST_WORLD <= world <= LARGEST_WORLD:
        return
    units = {"USD": 1e-6, "thousand USD": 1e-3, "million USD": 1.0, "billion USD": 1e3}
    units |= {"trillion USD": 1e6}
    fit = [u for u, f in units.items() if 1e7 <= world / scale * f <= LARGEST_WORLD]
    hint = f" It looks like {fit[0]}." if fit else ""
    raise InputError(
        f"world output comes to {world:,.0f} million USD; a year's lies between 1e6 and 1e9, "
        f"so the money is in another unit or the table is not the whole world.{hint}",
        Place(str(file)),
    )


def without_empty(table: IOTable) -> IOTable:
    """Leave out countries that make nothing, and say so.

    Some sources keep a row for every country that ever was.
    """
    alive = np.flatnonzero(table.output.any(axis=0))
    if alive.size == len(table.countries):
        return table
    gone = [c for j, c in enumerate(table.countries) if j not in alive]
    dead = np.setdiff1d(np.arange(len(table.countries)), alive)
    bought = (table.intermediate + table.final + table.inventories)[:, :, dead].sum()
    note = (
        f"left out for want of any output: {', '.join(gone)} (sales to them "
        f"{bought:,.0f} million USD)"
    )
    links = ("intermediate", "final", "inventories")
    places = ("input_use", "value_added", "taxes", "final_taxes", "output")
    return replace(
        table,
        countries=tuple(table.countries[j] for j in alive),
        country_names=tuple(table.country_names[j] for j in alive if table.country_names),
        source=table.source.noting(note),
        **{key: getattr(table, key)[:, alive][:, :, alive] for key in links},
        **{key: getattr(table, key)[..., alive] for key in places},
    )


# -- inside ------------------------------------------------------------------------------
def _counted(labels: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for label in labels:
        found[label] = found.get(label, 0) + 1
    return found


def _position(country: str, at: Mapping[str, int], file: str) -> int:
    if country not in at:
        raise InputError(
            f"there is final demand of '{country}', which has no industries.",
            Place(file),
            nearest(country, at),
        )
    return at[country]


def _refuse_gaps(axes: Layout, file: str) -> None:
    """Every country has every sector: a table with holes is a table cut short."""
    filled = np.zeros((len(axes.sectors), len(axes.countries)), dtype=bool)
    filled[axes.sector, axes.country] = True
    if filled.all():
        return
    s, n = map(int, np.argwhere(~filled)[0])
    raise InputError(
        f"{axes.countries[n]} has no sector '{axes.sectors[s]}', which others have; "
        f"{int((~filled).sum()):,} such pairs are missing.",
        Place(file),
    )


def _indicator(position: Index, size: int) -> Array:
    return np.eye(size)[position]


def _cells(count: int) -> str:
    return f"{count:,} cell" + (" is" if count == 1 else "s are")


def _low_value_added(value_added: Array) -> list[str]:
    low = value_added[value_added < 0]
    if not low.size:
        return []
    return [
        f"value added is negative in {low.size:,} of {value_added.size:,} sectors of countries"
        f" ({low.sum():,.0f} million USD), kept as published"
    ]
