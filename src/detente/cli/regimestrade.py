"""Trade by product that a user brings: BACI or Comtrade, for a pair's own coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from detente.errors import InputError, Place

if TYPE_CHECKING:
    from detente.regimes.mix import Mix
    from detente.regimes.schema import Provision, Regime
    from detente.world.core import World

#: Columns that only BACI has all of.
_BACI = {"t", "i", "j", "k", "v"}


@dataclass(frozen=True)
class Trade:
    """Rows of a target's trade, million USD: exporter, importer, product, year, value."""

    rows: pd.DataFrame
    revision: str
    note: str
    years: tuple[int, ...]


def read_trade(
    path: Path, world: World, target: str, year: int | None, revision: str | None
) -> Trade:
    """BACI (zip, folder, csv, parquet) or a csv of Comtrade.

    Parameters
    ----------
    path : Path
    world : World
        Its members of the target are who is read.
    target : str
    year : int, optional
        By default every year in it.
    revision : str, optional
        HS revision of the products, where the file's name does not say.

    Raises
    ------
    InputError
        As the readers; a year that is not there, no revision.
    """
    rows, revision, title = (
        _baci(path, world, target, year, revision)
        if _is_baci(path)
        else _comtrade(path, year, revision)
    )
    years = tuple(sorted(int(y) for y in rows["year"].unique()))
    if not years:
        raise InputError(f"it has no row of {target}'s trade.", Place(str(path)))
    told = f"{years[0]}" if len(years) == 1 else f"{years[0]}-{years[-1]}"
    return Trade(rows, revision, f"{title} ({path.name}), {told}", years)


def _is_baci(path: Path) -> bool:
    from detente.sources.files import is_zip, members
    from detente.sources.reading import read_header

    if path.is_dir() or path.suffix == ".parquet":
        return True
    if path.exists() and is_zip(path):
        return any("BACI_" in name.upper() for name in members(path))
    return {name.strip().casefold() for name in read_header(path)} >= _BACI


def _baci(
    path: Path, world: World, target: str, year: int | None, revision: str | None
) -> tuple[pd.DataFrame, str, str]:
    from detente.sources.baci import read_baci
    from detente.sources.baci_parts import parts_of

    try:
        edition = parts_of(path, revision, None)[0].revision or ""
    except InputError as error:
        what = error.what.replace("revision=", "--revision ")
        raise InputError(what, error.place, error.nearest) from None
    members = world.meta.get("members", {}).get(target, [])
    found = read_baci(path, years=year, either=members or [target], revision=edition)
    rows = found.table
    return rows[rows["year"] == year] if year else rows, edition, f"{found.source.title}"


def _comtrade(
    path: Path, year: int | None, revision: str | None
) -> tuple[pd.DataFrame, str, str]:
    from detente.sources.comtrade import read_comtrade

    if revision is None:
        raise InputError(
            "say with --revision which revision of HS the products are in: classificationCode "
            "H0 is HS92, H1 HS96, H2 HS02, H3 HS07, H4 HS12, H5 HS17, H6 HS22.",
            Place(str(path)),
        )
    found = None
    for level in (6, 4):
        with suppress(InputError):
            found = found or read_comtrade(path, level=level)
    # where neither level can be read, its own words on what is wrong
    found = found or read_comtrade(path)
    rows = found.table
    if year is not None:
        there = sorted({int(y) for y in rows["year"]})
        rows = rows[rows["year"] == year]
        if rows.empty:
            told = ", ".join(map(str, there))
            raise InputError(f"there is no {year}; there are {told}.", Place(str(path)))
    return rows, revision, found.source.title


def mix_of(trade: Trade, world: World, target: str) -> Mix:
    """What each pair trades by HS line, both ways."""
    from detente.regimes.mix import mix_from_trade

    return mix_from_trade(world, target, trade.rows, revision=trade.revision, note=trade.note)


def traded_world(trade: Trade, world: World, target: str) -> World:
    """The world with the target's trade of the data in place of its own, million USD a year.

    No equilibrium: only what pairs trade is read from it.
    """
    from detente.regimes.mixrows import checked, of_target
    from detente.regimes.mixtable import positions
    from detente.sources.hs import icio_of

    rows, _ = of_target(world, target, checked(trade.rows))
    place = positions(world.sectors)
    sector = {p: place.get(icio_of(p)) for p in rows["product"].unique()}
    rows = rows.assign(s=rows["product"].map(sector))
    rows = rows[rows["s"].notna()]
    t, flows = world.country_index(target), world.flows.copy()
    flows[:, t, :] = flows[:, :, t] = 0.0
    where = {code: n for n, code in enumerate(world.countries)}
    at = (
        rows["s"].astype(int).to_numpy(),
        rows["seller"].map(where).to_numpy(dtype=int),
        rows["buyer"].map(where).to_numpy(dtype=int),
    )
    np.add.at(flows, at, rows["value"].to_numpy(dtype=float) / len(trade.years))
    return world.with_(flows=flows)


# -- where six digits count for nothing ------------------------------------------------------
def untold_lines(
    mix: Mix, world: World, regimes: Sequence[Regime], day: date, partners: Sequence[str]
) -> Iterator[str]:
    """Warn of provisions on six digits where a pair's own trade by product is not known.

    There the embedded mix stands in, which has no six digits: such lines count for nothing.

    Parameters
    ----------
    mix : Mix
        With lines of six digits; of any other there is nothing to say.
    world : World
    regimes : sequence of Regime
        Provisions in force on the day count.
    day : date
    partners : sequence of str
        Whose trade is looked at; those that do not apply a regime are left out.

    Yields
    ------
    str
        One a provision and direction: lines, partners, sectors.
    """
    from detente.regimes.coverage import DIRECTIONS, binds

    if not any(_six(group.code) for group in mix.groups):
        return
    for regime in regimes:
        bound = binds(regime, world, mix.target)
        here = [code for code in partners if bound[world.country_index(code)]]
        for provision in regime.provisions:
            lines = _six_digits(provision) if provision.holds_on(day) else ()
            for direction in provision.directions() if lines else ():
                gaps = _gaps(mix, world, lines, DIRECTIONS.index(direction), here)
                if gaps:
                    yield _gaps_in_words(provision.id, lines, mix.target, direction, gaps)


def _six(code: str) -> bool:
    return len(code) == 6 and code.isdigit()


def _six_digits(provision: Provision) -> tuple[str, ...]:
    named = (line for p in provision.products for line in (*p.lines(), *p.spared()))
    return tuple(dict.fromkeys(line for line in named if _six(line)))


def _gaps(
    mix: Mix, world: World, lines: Sequence[str], d: int, partners: Sequence[str]
) -> dict[str, list[str]]:
    """Partner → sectors of the lines in which its column holds no six digits, but others."""
    from detente.regimes.mixtable import positions
    from detente.sources.hs import icio_of

    place, weight = positions(world.sectors), (mix.exports, mix.imports)[d]
    sectors = {s for line in lines if (s := place.get(icio_of(line) or "")) is not None}
    found: dict[str, list[str]] = {}
    for s in sorted(sectors):
        rows = [j for j, group in enumerate(mix.groups) if group.sector == s]
        own = [j for j in rows if _six(mix.groups[j].code)]
        for code in partners:
            n = world.country_index(code)
            if weight[rows, n].any() and not weight[own, n].any():
                found.setdefault(code, []).append(world.sectors[s])
    return found


def _gaps_in_words(
    provision: str,
    lines: Sequence[str],
    target: str,
    direction: str,
    gaps: dict[str, list[str]],
) -> str:
    from detente.sources.checking import listed

    verb = "sells" if direction == "export" else "buys"
    sectors = dict.fromkeys(sector for found in gaps.values() for sector in found)
    return (
        f"{provision} names six digits ({listed(lines, 4)}), and of what {target} {verb} the "
        f"data have no rows in {', '.join(sectors)} for {listed(list(gaps), 6)}: there the "
        "embedded mix stands in, which knows headings, and these lines count for nothing"
    )
