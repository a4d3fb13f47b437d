"""What a pair traded by HS line: the weights that turn lines of the law into shares of sectors.

Two kinds of mix. The embedded one (``product_mix.csv``) knows what each economy sells to the
world; a pair's own lines come from BACI or Comtrade, where the user brings them. Weights are
within a sector, so neither the size of the trade nor its currency matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError
from detente.regimes import mixtable
from detente.regimes.hs import headings, in_hs92, moved_to, refuse_unknown_lines
from detente.regimes.mixrows import checked, of_target, trapped
from detente.regimes.mixtable import REST, YEARS, positions, rows_of
from detente.sources.checking import listed
from detente.sources.hs import icio_of
from detente.world.core import Array, World, frozen

#: Revision of the embedded lines.
EMBEDDED = mixtable.REVISION
#: Significant digits of shares in a world's metadata.
_DIGITS = 6
#: Countries that a line of the basis names before it counts.
_NAMED = 6
#: Part of a sector's lines (by embedded weight) below which data are a selection of them.
_ENOUGH = 0.5


@dataclass(frozen=True)
class Group:
    """A group of HS lines within one sector.

    Attributes
    ----------
    code : str
        A heading (``2701``), six digits (``270112``), or ``27*``: what is left of a chapter
        beside its headings that stand alone.
    sector : int
        Position on the world's axis of sectors.
    """

    code: str
    sector: int


@dataclass(frozen=True, eq=False)
class Mix:
    """What a target's trade with each partner is made of.

    Attributes
    ----------
    target : str
        Country code of the world.
    groups : tuple of Group
        G groups of HS lines.
    exports, imports : ndarray, shape (G, N)
        Weight of a group in its sector's trade, target → n and n → target: sums to one over
        a sector's groups, or to zero where nothing is known of it. The target's own column
        is zero.
    basis : mapping of str to str
        ``exports`` and ``imports``: data, year, level, flag, in one line; ``warnings`` where
        there are any.
    revision : str
        HS revision of the codes (``HS07``).
    """

    target: str
    groups: tuple[Group, ...]
    exports: Array
    imports: Array
    basis: Mapping[str, str] = field(default_factory=dict)
    revision: str = EMBEDDED

    def __post_init__(self) -> None:
        for name in ("exports", "imports"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        object.__setattr__(self, "basis", MappingProxyType(dict(self.basis)))


def mix_for(world: World, target: str) -> Mix:
    """The mix of a target's trade: what the world brings with it, else the embedded one.

    Embedded exports are the target's own to the world, the same for every partner; embedded
    imports from a partner are what the partner sells to the world. Both are assumptions, and
    the basis says so.

    Parameters
    ----------
    world : World
        ``meta["law"][target]["mix"]``, as :func:`to_meta` writes it, goes first.
    target : str
        Country code of the world.

    Raises
    ------
    InputError
        Sectors that are neither the 25 embedded ones nor known industries; a mix in the
        metadata that is of another world; an unknown country.
    """
    world.country_index(target)
    law = world.meta.get("law", {}).get(target, {})
    return from_meta(world, target, law["mix"]) if "mix" in law else _embedded(world, target)


def mix_from_trade(
    world: World, target: str, frame: pd.DataFrame, *, revision: str, note: str
) -> Mix:
    """The mix of every pair, both ways, from bilateral trade by product.

    Years are added up. A pair and sector without rows takes the embedded mix, and the basis
    counts these. The basis warns of sectors of which the data hold a selection of lines only,
    and of known traps of mirror data that the rows still hold.

    Parameters
    ----------
    world : World
    target : str
        Country code of the world.
    frame : DataFrame
        ``exporter``, ``importer`` (ISO3), ``product`` (HS, four or six digits, as text),
        ``value`` (million USD, or any other unit), ``year`` where there is one: what
        ``read_baci``, ``read_comtrade`` and ``mirror_report`` give. Rows may be in any order,
        and a flow may be in several of them. Rows without the target are not read.
    revision : str
        HS revision of the products: ``HS92`` …
    note : str
        What the data are, for the basis: ``BACI HS92 202601, 2016``.

    Raises
    ------
    InputError
        A missing column, a value that is none, products of another revision or of mixed
        levels, both sides' reports of one flow, no row of the target's trade, sectors that
        HS lines cannot be placed in.
    """
    t = world.country_index(target)
    known, trade = headings(revision), checked(frame)
    rows, told = of_target(world, target, trade)
    for heading in sorted(set(rows["product"].str[:4]) - known):
        refuse_unknown_lines(heading, revision, note or "the trade data")
    embedded = _in_revision(_embedded(world, target), revision)
    groups, found = _summed(world, target, rows, embedded)
    basis, weights = {}, []
    for direction in ("exports", "imports"):
        base = _spread(getattr(embedded, direction), embedded.groups, groups)
        weight, empty, cells = _completed(found[direction], base, groups, t)
        weights.append(weight)
        basis[direction] = _told_of(rows, revision, note)
        if empty:
            basis[direction] += (
                f"; {empty} of {cells} cells (sector by partner) have no rows and take the "
                f"embedded mix: {embedded.basis[direction]}"
            )
    told += _selected(world, set(trade["product"]), embedded)
    warnings = [*told, *trapped(world, target, trade)]
    if warnings:
        basis["warnings"] = "; ".join(warnings)
    return _thinned(target, groups, weights[0], weights[1], basis, revision)


# -- to and from a world's metadata ----------------------------------------------------------
def to_meta(mix: Mix, world: World) -> dict[str, Any]:
    """JSON-able: a world's metadata can hold it; shares to six significant digits.

    Parameters
    ----------
    mix : Mix
    world : World
        The world that it was made for: codes of sectors and countries go in, not positions.
    """
    columns: list[dict[str, list[Any]]] = []
    found: dict[str, Any] = {
        "revision": mix.revision,
        "basis": dict(mix.basis),
        "groups": [[g.code, world.sectors[g.sector]] for g in mix.groups],
        "columns": columns,
    }
    seen: dict[bytes, int] = {}
    for direction in ("exports", "imports"):
        found[direction] = {}
        for n, code in enumerate(world.countries):
            column = np.ascontiguousarray(getattr(mix, direction)[:, n])
            # partners with the same mix share a column
            if column.tobytes() not in seen:
                seen[column.tobytes()] = len(columns)
                at = np.flatnonzero(column)
                shares = [float(f"{v:.{_DIGITS}g}") for v in column[at]]
                columns.append({"at": at.tolist(), "share": shares})
            found[direction][code] = seen[column.tobytes()]
    return found


def from_meta(world: World, target: str, data: Mapping[str, Any]) -> Mix:
    """A mix out of a world's metadata; see :func:`to_meta`.

    Raises
    ------
    InputError
        It was made for other countries or sectors: the world was aggregated since.
    """
    lost = sorted(set(world.countries) - set(data["imports"]))
    lost += sorted({str(s) for _, s in data["groups"]} - set(world.sectors))
    if lost:
        raise InputError(
            f"world '{world.name}' has a product mix for {target} that does not fit it at "
            f"'{lost[0]}': it was made before the world was aggregated. Attach the law anew."
        )
    groups = tuple(Group(str(c), world.sectors.index(str(s))) for c, s in data["groups"])
    arrays = []
    for direction in ("exports", "imports"):
        found = np.zeros((len(groups), world.n_countries))
        for n, code in enumerate(world.countries):
            column = data["columns"][data[direction][code]]
            found[column["at"], n] = column["share"]
        # shares were rounded: they add up to one again
        arrays.append(_within(found, groups))
    basis = {str(k): str(v) for k, v in data["basis"].items()}
    return Mix(target, groups, arrays[0], arrays[1], basis, str(data["revision"]))


# -- the embedded mix --------------------------------------------------------------------
def _embedded(world: World, target: str) -> Mix:
    t = world.country_index(target)
    groups, rows = _placed(world)
    sources = {code: rows_of(world, code) for code in world.countries}
    columns = np.zeros((len(groups), world.n_countries))
    for n, code in enumerate(world.countries):
        for row in sources[code]:
            columns[:, n] += rows[row]
    imports = _within(columns, groups)
    _put_known(imports, world, target, groups)
    imports = _within(imports, groups)
    exports = np.repeat(imports[:, [t]], world.n_countries, axis=1)
    exports[:, t] = imports[:, t] = 0.0
    return _thinned(target, groups, exports, imports, _basis(target, sources), EMBEDDED)


def _put_known(imports: Array, world: World, target: str, groups: tuple[Group, ...]) -> None:
    """Put what is known of a pair in place of the exporter's own mix, sector by sector.

    A share of zero says that the pair does not trade these lines; the others keep their
    proportions.
    """
    place = positions(world.sectors)
    for (exporter, importer), rows in mixtable.known().items():
        if importer != target or exporter not in world.countries:
            continue
        n = world.countries.index(exporter)
        never = {
            (lines, place[icio])
            for (lines, icio), v in rows.items()
            if v == 0 and icio in place
        }
        for j, group in enumerate(groups):
            if (group.code, group.sector) in never:
                imports[j, n] = 0.0
        given = {key: v for key, v in rows.items() if v > 0}
        for s in {place[icio] for _, icio in given if icio in place}:
            held = {icio for icio, at in place.items() if at == s}
            if held - {icio for _, icio in given}:
                continue  # of other industries in the sector nothing is known
            mine = {lines: share for (lines, icio), share in given.items() if place[icio] == s}
            for j, group in enumerate(groups):
                if group.sector == s:
                    imports[j, n] = mine.get(group.code, 0.0)


def _placed(world: World) -> tuple[tuple[Group, ...], dict[str, Array]]:
    """The embedded table on a world's sectors: groups, and exporter → its (G,) of exports."""
    place = positions(world.sectors)
    table, weight = mixtable.table()
    keys = {
        (place[icio], lines) for row in table.values() for lines, icio in row if icio in place
    }
    groups = tuple(Group(lines, s) for s, lines in sorted(keys))
    index = {(g.sector, g.code): j for j, g in enumerate(groups)}
    rows = {}
    for exporter, row in table.items():
        found = np.zeros(len(groups))
        for (lines, icio), share in row.items():
            if icio in place:
                found[index[place[icio], lines]] += share * weight[exporter]
        rows[exporter] = found
    return groups, rows


def _basis(target: str, sources: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Where the embedded mix of each direction comes from, in one line."""
    everyone = mixtable.everyone()

    def name(rows: tuple[str, ...]) -> str:
        return "all exporters together" if rows == everyone else "+".join(rows)

    def year(row: str) -> int:
        return YEARS.get(row, YEARS["others"])

    own = sources[target]
    years = ", ".join(map(str, sorted({year(row) for row in own})))
    sold = (
        f"UN Comtrade, {name(own)}, {years}: exports to the world by HS heading, as shares "
        "(derived); applied to every partner (assumed)"
    )
    others = {code: rows for code, rows in sources.items() if code != target}
    apart = [f"{code} {YEARS[code]}" for code in others if code in YEARS]
    apart += [
        f"{code} as {name(rows)}" for code, rows in sorted(others.items()) if rows != (code,)
    ]
    bought = (
        f"UN Comtrade, {YEARS['others']}: each partner's own exports to the world by HS "
        "heading, as shares (derived); that it sells the same to the target is assumed"
    )
    return {
        "exports": sold,
        "imports": f"{bought}; {listed(apart, _NAMED)}" if apart else bought,
    }


# -- the user's trade --------------------------------------------------------------------
def _summed(
    world: World, target: str, rows: pd.DataFrame, embedded: Mix
) -> tuple[tuple[Group, ...], dict[str, Array]]:
    """Groups of the data and of the embedded mix; value by direction, each (G, N)."""
    place = positions(world.sectors)
    sectors = {p: place.get(icio_of(p)) for p in rows["product"].unique()}
    own = {p: Group(str(p), s) for p, s in sectors.items() if s is not None}
    rows = rows[rows["product"].isin(own)]
    groups = _sorted({*own.values(), *embedded.groups})
    index = {g: j for j, g in enumerate(groups)}
    column = {code: n for n, code in enumerate(world.countries)}
    found = {}
    for direction, side, other in (
        ("exports", "seller", "buyer"),
        ("imports", "buyer", "seller"),
    ):
        part = rows[rows[side] == target]
        values = np.zeros((len(groups), world.n_countries))
        at = [index[own[p]] for p in part["product"]], [column[c] for c in part[other]]
        np.add.at(values, at, part["value"].to_numpy(dtype=float))
        found[direction] = values
    return groups, found


def _completed(
    traded: Array, base: Array, groups: tuple[Group, ...], t: int
) -> tuple[Array, int, int]:
    """Weights of the data; of the base where a sector has no rows; how many cells, of all."""
    sector = _sector(groups)
    own = _within(traded, groups)
    known = np.zeros((int(sector.max(initial=0)) + 1, traded.shape[1]), dtype=np.bool_)
    np.logical_or.at(known, sector, own > 0)
    found = np.where(known[sector], own, base)
    found[:, t] = 0.0
    partners = np.arange(traded.shape[1]) != t
    cells = known[np.unique(sector)][:, partners]
    return found, int((~cells).sum()), int(cells.size)


def _told_of(rows: pd.DataFrame, revision: str, note: str) -> str:
    years = sorted(set(rows["year"])) if "year" in rows else []
    when = f", {', '.join(map(str, years))} added up" if len(years) > 1 else ""
    digits = int(rows["product"].str.len().max()) if len(rows) else 0
    return f"{note}: by pair and HS line of {digits} digits ({revision}{when}; observed)"


def _selected(world: World, products: set[str], embedded: Mix) -> list[str]:
    """Sectors of which the data hold the smaller part of the lines that are traded."""
    lines = {p[:4] for p in products} | {p[:2] + REST for p in products}
    seen = np.array([g.code in lines for g in embedded.groups])
    weight = embedded.exports.sum(axis=1) + embedded.imports.sum(axis=1)
    sector = _sector(embedded.groups)
    whole = np.bincount(sector, weight, world.n_sectors)
    part = np.bincount(sector, weight * seen, world.n_sectors)
    few = np.flatnonzero((part > 0) & (part < _ENOUGH * whole))
    if not len(few):
        return []
    return [
        f"the data look like a selection of products in "
        f"{listed(world.sectors[s] for s in few)}: weights there are of what is in them"
    ]


def _in_revision(mix: Mix, revision: str) -> Mix:
    """The embedded mix in another revision's headings, as far as those can be told."""
    moves = {g: _moved(g.code, revision) for g in mix.groups}
    groups = _sorted({Group(new, g.sector) for g, found in moves.items() for new in found})
    carry = np.zeros((len(groups), len(mix.groups)))
    for j, g in enumerate(mix.groups):
        for new in moves[g]:
            carry[groups.index(Group(new, g.sector)), j] = 1.0 / len(moves[g])
    exports, imports = carry @ mix.exports, carry @ mix.imports
    return Mix(mix.target, groups, exports, imports, mix.basis, revision)


def _moved(code: str, revision: str) -> tuple[str, ...]:
    """Headings of a revision for a group of the embedded one; else the rest of the chapter."""
    if code.endswith(REST) or revision == EMBEDDED:
        return (code,)
    if code in headings(revision) and (revision != "HS92" or code in in_hs92(code, EMBEDDED)):
        return (code,)
    old = in_hs92(code, EMBEDDED)
    known = headings(revision)
    found = {new for h in old for new in ([h] if h in known else moved_to(h, revision))}
    return tuple(sorted(found)) or (code[:2] + REST,)


# -- weights -----------------------------------------------------------------------------
def _sorted(groups: Iterable[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda g: (g.sector, g.code)))


def _sector(groups: Iterable[Group]) -> NDArray[np.intp]:
    return np.array([g.sector for g in groups], dtype=np.intp)


def _within(values: Array, groups: tuple[Group, ...]) -> Array:
    """Weights within sectors, shape (G, N): one over a sector's groups, or zero."""
    sector = _sector(groups)
    total = np.zeros((int(sector.max(initial=0)) + 1, values.shape[1]))
    np.add.at(total, sector, values)
    size = total[sector]
    found: Array = np.divide(values, size, out=np.zeros_like(values), where=size > 0)
    return found


def _spread(values: Array, old: tuple[Group, ...], new: tuple[Group, ...]) -> Array:
    """The same weights on a longer list of groups."""
    index = {g: j for j, g in enumerate(new)}
    found = np.zeros((len(new), values.shape[1]))
    found[[index[g] for g in old]] = values
    return found


def _thinned(
    target: str,
    groups: tuple[Group, ...],
    exports: Array,
    imports: Array,
    basis: Mapping[str, str],
    revision: str,
) -> Mix:
    """A mix without groups that nobody trades."""
    kept = np.flatnonzero((exports > 0).any(axis=1) | (imports > 0).any(axis=1))
    some = tuple(groups[j] for j in kept)
    return Mix(target, some, exports[kept], imports[kept], basis, revision)
