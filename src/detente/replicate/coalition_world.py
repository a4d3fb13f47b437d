"""Worlds that carry sanctions coalitions: WIOD 2011, and Iran split out of its rest of world.

Iran is in no table at hand. It is split out of the rest of the world by
`detente.assembly.split` from what is known of it in 2009, before the measures of 2012: gross
domestic product, goods trade with every partner, crude oil and ores by buyer. What it sells
besides follows its exports of 2017 by heading. Its technology, its imports by product and its
trade in services are the aggregate's: assumed. Its block stays in dollars of 2009.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from detente.assembly.assemble import build_world
from detente.assembly.concordance import hs_industries
from detente.assembly.split import split_country
from detente.assembly.splitspec import SplitSpec
from detente.errors import InputError, Place
from detente.sources.reading import read_table
from detente.sources.wiod import read_wiod_arrays
from detente.world.core import World

YEAR, IRAN, REST = 2011, "IRN", "ROW"
IRAN_YEAR, MIX_YEAR = 2009, 2017

#: What a folder may hold, by role.
FILES: Mapping[str, str] = {
    "wiod": f"wiot_{YEAR}.npz",
    "partners": "WITS_Trade2009_harmonized_flows.csv.gz",
    "size": "size2009_unep.csv.gz",
    "products": "world_exports_hs4_2017.parquet",
    "minerals": "baci_hs92_minerals_1995_2024.parquet",
    "codes": "country_codes.csv",
}
#: What Iran needs besides the table.
IRAN_NEEDS = ("partners", "size", "products", "minerals", "codes")

#: Codes of the trade data for countries that the WIOD names otherwise.
_OTHER_CODES = {"OAS": "TWN", "S19": "TWN", "BLX": "BEL"}
_GOODS = tuple(f"c{j}" for j in range(1, 17))
_MINING = "c2"
_BACI_IRAN = 364

#: Flows below this (million USD) are counted with the rest of the world's: the rest may sell
#: a small partner nothing of which they could be a part.
_TRIFLE = 1.0


def find_files(folder: Path) -> dict[str, Path]:
    """Which of ``FILES`` a folder, or a folder right inside it, holds.

    Raises
    ------
    InputError
        It is no folder, or holds none of them.
    """
    if not folder.is_dir():
        raise InputError(f"'{folder}' is not a folder; it should hold {FILES['wiod']}.")
    inside = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
    found = {}
    for role, name in FILES.items():
        there = [p / name for p in inside if (p / name).is_file()]
        if there:
            found[role] = there[0]
    if "wiod" not in found:
        raise InputError(
            f"neither '{folder}' nor a folder right inside it holds {FILES['wiod']} "
            "(docs/coalitions.md); without --data only the embedded world is used."
        )
    return found


def wiod_world(path: Path) -> World:
    """The World Input-Output Database of 2011, 41 regions × 35 industries, no tariffs.

    Elasticities are Caliendo & Parro's (2015), 99 % sample, mapped by ISIC rev. 3.

    Raises
    ------
    InputError
        As `detente.sources.wiod.read_wiod_arrays`.
    """
    return build_world(read_wiod_arrays(path, YEAR), name=f"wiod-{YEAR}")


# -- the trade of 2009 by partner ---------------------------------------------------------
@dataclass(frozen=True)
class Partners:
    """A country's goods trade by partner, million USD; index ISO3."""

    exports: pd.Series
    imports: pd.Series

    def held(self, codes: Collection[str], known: Collection[str]) -> tuple[float, float]:
        """Which share of the trade with everyone not in ``known`` is with ``codes``.

        Returns
        -------
        tuple of float
            Of exports, of imports.
        """
        shares = []
        for flow in (self.exports, self.imports):
            rest = flow[~flow.index.isin(list(known))]
            shares.append(float(rest[rest.index.isin(list(codes))].sum() / rest.sum()))
        return shares[0], shares[1]


def partners_of(path: Path, country: str) -> Partners:
    """Goods trade of a country with every other, 2009.

    Parameters
    ----------
    path : Path
        Semicolon-separated: ``i`` (exporter), ``j`` (importer), ``Fij`` (thousand USD).
    country : str
        ISO3.

    Raises
    ------
    InputError
        A column that is missing; a country that is not in it.
    """
    table = read_table(
        path, columns={c: (c,) for c in ("i", "j", "Fij")}, sep=";", numbers=("Fij",)
    )
    table["Fij"] = table["Fij"] / 1e3
    flows = table[table["i"] != table["j"]].replace({"i": _OTHER_CODES, "j": _OTHER_CODES})
    exports = flows[flows["i"] == country].groupby("j")["Fij"].sum()
    imports = flows[flows["j"] == country].groupby("i")["Fij"].sum()
    if not (exports.sum() > 0 and imports.sum() > 0):
        raise InputError(f"it has no trade of '{country}'.", Place(str(path)))
    return Partners(exports, imports)


# -- Iran ------------------------------------------------------------------------------------
def iran_world(world: World, files: Mapping[str, Path]) -> World:
    """The WIOD's world with Iran split out of the rest of the world.

    Parameters
    ----------
    world : World
        `wiod_world`'s.
    files : mapping of str to Path
        With the roles of ``IRAN_NEEDS``.

    Raises
    ------
    InputError
        A file that lacks a column or Iran; totals that no table meets.
    """
    partners = partners_of(files["partners"], IRAN)
    exports, imports = (_by_region(f, world) for f in (partners.exports, partners.imports))
    mined = _mined(files, world).clip(upper=exports)
    mined = mined[mined >= _TRIFLE]
    goods = "+".join(_GOODS)
    other = exports.sum() - mined.sum()
    rows: list[tuple[Any, ...]] = [("exports", p, goods, v) for p, v in exports.items()]
    rows += [("imports", p, goods, v) for p, v in imports.items()]
    rows += [("exports", p, _MINING, v) for p, v in mined.items()]
    rows += [("exports", "all", s, v * other) for s, v in _mix(files["products"]).items()]
    trade = pd.DataFrame(rows, columns=["flow", "partner", "sector", "value"])
    spec = {
        "split": "Iran out of the rest of the world of WIOD 2011",
        "country": {"code": IRAN, "name": "Iran"},
        "out_of": REST,
        "year": IRAN_YEAR,
        "excess": "home",
        "value_added": {"total": _gdp(files["size"])},
        "world": {"name": f"wiod-{YEAR}-iran", "vintage": "Iran 2009; others 2011"},
        "blocks": _BLOCKS,
    }
    return split_country(world, SplitSpec.from_dict(spec, trade=trade))


_BLOCKS = [
    {
        "block": f"Iran: {block}",
        "flag": flag,
        "source": source,
        "year": year,
        "licence": "figure, cite",
    }
    for block, flag, source, year in (
        ("gross domestic product", "observed", "UNEP, size2009", IRAN_YEAR),
        ("goods trade by partner", "observed", "WITS, mirrored and completed", IRAN_YEAR),
        ("crude oil and ores by buyer", "observed", "CEPII BACI", IRAN_YEAR),
        ("other exports by product", "assumed", "UN Comtrade, mix of 2017", MIX_YEAR),
        ("imports by product, services", "assumed", "the aggregate's", YEAR),
        ("technology, final demand", "assumed", "the aggregate's, cross-entropy", YEAR),
    )
]


def _by_region(flow: pd.Series, world: World) -> pd.Series:
    """A flow by region of the world; whoever is not in it, and trifles, join the rest."""
    regions = [c if c in world.countries and c != REST else REST for c in flow.index]
    found = flow.groupby(regions).sum().reindex(world.countries, fill_value=0.0)
    small = (found < _TRIFLE) & (found.index != REST)
    found[REST] += found[small].sum()
    found[small] = 0.0
    return found


def _mined(files: Mapping[str, Path], world: World) -> pd.Series:
    """What Iran sold of the mining industry's lines, by region of the world, million USD."""
    table = _parquet(files["minerals"], ("t", "i", "j", "k", "v"))
    own = table[(table["i"] == _BACI_IRAN) & (table["t"] == IRAN_YEAR)]
    lines = own["k"].astype(str).str.zfill(6)
    industries = hs_industries(lines, world.sectors)
    own = own[[industries[k] == (_MINING,) for k in lines]]
    codes = read_table(
        files["codes"],
        columns={c: (c,) for c in ("country_code", "country_iso3")},
        numbers=("country_code",),
    ).set_index("country_code")["country_iso3"]
    buyer = own["j"].map(codes).replace(_OTHER_CODES).fillna(REST)
    return _by_region(own["v"].astype(float).groupby(buyer).sum() / 1e3, world)


def _mix(path: Path) -> pd.Series:
    """Shares of the sectors other than mining in Iran's exports of goods, by heading, 2017.

    Industries that the headings do not tell apart (textiles, leather) stay together, as
    ``c4+c5``; what is unspecified is left out.
    """
    table = _parquet(path, ("iso3", "hs4", "usd"))
    own = table[table["iso3"] == IRAN]
    headings = own["hs4"].astype(str).str.zfill(4)
    industries = hs_industries(headings, [f"c{j}" for j in range(1, 36)])
    sector = pd.Series(["+".join(industries[h]) for h in headings], index=own.index)
    counted = [bool(s) and set(s.split("+")) <= set(_GOODS) - {_MINING} for s in sector]
    amounts = own["usd"][counted].groupby(sector[counted]).sum()
    if not amounts.sum() > 0:
        raise InputError(f"it has no exports of '{IRAN}' by heading.", Place(str(path)))
    shares: pd.Series = amounts / amounts.sum()
    return shares


def _gdp(path: Path) -> float:
    table = read_table(
        path, columns={c: (c,) for c in ("iso", "gdp")}, sep=None, numbers=("gdp",)
    )
    own = table.loc[table["iso"] == IRAN, "gdp"]
    if own.size != 1:
        raise InputError(f"it has no one row of '{IRAN}'.", Place(str(path)))
    return float(own.iloc[0])


def _parquet(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"it is no parquet file: {error}.", Place(str(path))) from None
    for column in columns:
        if column not in table:
            raise InputError(f"the column '{column}' is missing.", Place(str(path), key=column))
    return table[list(columns)]
