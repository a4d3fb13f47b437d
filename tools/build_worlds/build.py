"""The embedded worlds, from the originals to four files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.blocks import describe
from tools.build_worlds.coverage import (
    banned_share,
    coverage_tables,
    export_coverage,
    import_coverage,
)
from tools.build_worlds.distance import distance_elasticities, economy_distances
from tools.build_worlds.donor import Donor, read_donor
from tools.build_worlds.dormant import dormant, largest_coverage, reference
from tools.build_worlds.dprk import balance_dprk, value_added
from tools.build_worlds.dprk_products import (
    Trade,
    dprk_headings,
    export_totals,
    fact,
    goods_mask,
    import_totals,
    kaesong,
    partner_totals,
    spread_exports,
    spread_imports,
)
from tools.build_worlds.economies import economies, sectors
from tools.build_worlds.rest import RestTable, rest_of_table
from tools.build_worlds.splice import FullTable, splice

from detente.world.checks import check
from detente.world.core import World
from detente.world.io import save_world

Array = NDArray[np.float64]

#: File name to (year of the DPRK's block, whose GDP).
WORLDS = {
    "korea": (2018, "un"),
    "korea-before": (2016, "un"),
    "korea-bok": (2018, "bok"),
    "korea-before-bok": (2016, "bok"),
}
#: Coal-based power, steel and chemicals, and mining of the DPRK's kind; docs/worlds.md
#: compares the candidates.
DONOR = "CHN"
#: Whose imports from China stand for the DPRK's where no source has them: China's land
#: neighbours of low income that the ICIO has.
NEIGHBOURS = ("LAO", "MMR", "PAK")


@dataclass(frozen=True)
class Sources:
    """Everything that the four worlds share."""

    data: Path
    rest: RestTable
    donor: Donor
    neighbours: Array  # mean mix of China's goods sales to NEIGHBOURS, (S,)
    export_coverage: Array  # (S,)
    import_coverage: Array  # (S, N), the rest's order
    km: Array  # (N + 1, N + 1), PRK first
    elasticity: Array  # (S,)


def read_sources(data: Path) -> Sources:
    """Read and prepare the originals once."""
    rest = rest_of_table(data)
    with np.load(data / "icio2022" / "icio2022.npz") as table:
        names = [str(c) for c in table["countries"]]
        h = sectors().matrix(tuple(str(s) for s in table["sectors"]))
        here = [names.index(c) for c in NEIGHBOURS]
        flows = table["intermediate"].astype(float) + table["final_estimated"].astype(float)
        sold = h @ np.maximum(flows[:, names.index("CHN")][:, here], 0.0)
        added = table["value_added"].astype(float).sum(axis=0)
    sold *= goods_mask(rest.sectors)[:, None]
    size = dict(zip(names, map(float, added), strict=True))
    _, elasticity = distance_elasticities(data)
    return Sources(
        data=data,
        rest=rest,
        donor=read_donor(data, DONOR),
        neighbours=(sold / sold.sum(axis=0)).mean(axis=1),
        export_coverage=export_coverage(data, rest.sectors),
        import_coverage=import_coverage(data, rest.sectors, rest.countries),
        km=economy_distances(data, size, economies()),
        elasticity=elasticity,
    )


def trade_of(sources: Sources, year: int) -> Trade:
    """The DPRK's goods trade of a year, by sector and partner."""
    rest = sources.rest
    codes, names = rest.sectors, rest.countries
    goods = goods_mask(codes)
    abroad = rest.flows * ~np.eye(len(names), dtype=bool)[None] * goods[:, None, None]
    sold, bought = abroad.sum(axis=2), abroad.sum(axis=1)
    banned = banned_share(tuple(dprk_headings(sources.data, 2017)), "export")
    exports = export_totals(sources.data, year, codes, banned)
    allowed = 1.0 - sources.import_coverage if year == 2018 else np.ones_like(sold)
    china = names.index("CHN")
    imports = import_totals(year, codes, sources.neighbours * allowed[:, china])
    to_, from_ = partner_totals(year, names, sold.sum(axis=0) + bought.sum(axis=0))
    bought = np.where(exports[:, None] > 0, np.maximum(bought, 1e-6), 0.0)
    out = spread_exports(year, exports, to_, (codes, names), bought)
    in_ = spread_imports(year, imports, from_, (codes, names), sold * allowed)
    kor = names.index("KOR")
    out[:, kor] = kaesong("exports", fact("exports/KOR", year), codes)
    in_[:, kor] = kaesong("imports", fact("imports/KOR", year), codes)
    return Trade(out, in_)


def table_of(sources: Sources, year: int, size: str) -> tuple[FullTable, dict[str, Any]]:
    """The table of levels with the DPRK in it, and how far the donor was moved."""
    rest, trade = sources.rest, trade_of(sources, year)
    codes = rest.sectors
    exports, imports = trade.exports.sum(axis=1), trade.imports.sum(axis=1)
    crude, refined = codes.index("oil-gas"), codes.index("petroleum")
    margin = rest.value_added[refined].sum() / rest.input_use[crude, refined].sum()
    refining = margin * imports[crude]
    added = value_added(year, size, codes, exports, refining, sources.donor)
    dprk = balance_dprk(added, exports, imports, sources.donor, codes)
    return splice(rest, dprk, trade), dprk.moves


def build(sources: Sources, name: str) -> World:
    """One embedded world.

    Parameters
    ----------
    sources : Sources
    name : str
        Key of :data:`WORLDS`.

    Returns
    -------
    World
        Its checks have passed.
    """
    year, size = WORLDS[name]
    rest, codes = sources.rest, sources.rest.sectors
    table, moves = table_of(sources, year, size)
    before = table if year == 2016 else table_of(sources, 2016, size)[0]
    padded = np.concatenate([np.zeros((len(codes), 1)), sources.import_coverage], axis=1)
    coverage = coverage_tables(sources.export_coverage, padded, table.countries, codes)
    not_in_force = ("unsc",) if year == 2016 else ()
    psi = dormant(
        table,
        reference(before, codes, with_all=year != 2016),
        largest_coverage(coverage, not_in_force),
        (sources.km, sources.elasticity),
        goods_mask(codes),
        codes,
    )
    meta = describe(name, year, size, sources, table, moves, psi)
    if not_in_force:
        meta["coverage_not_in_force"] = list(not_in_force)
    world = to_world(name, table, rest, meta).with_(
        dormant={"provisional": psi.psi}, coverage=coverage
    )
    check(world).require()
    return world


def to_world(name: str, table: FullTable, rest: RestTable, meta: dict[str, Any]) -> World:
    """Shares out of levels; where nothing is made, value added is all of the cost."""
    output = table.flows.sum(axis=2)
    made = output > 0
    share = np.where(made[None], table.input_use / np.where(made, output, 1.0)[None], 0.0)
    added_share = np.maximum(1.0 - share.sum(axis=0), 0.0)
    total = share.sum(axis=0) + added_share
    deficit = table.flows.sum(axis=(0, 1)) - table.flows.sum(axis=(0, 2))
    return World(
        name=name,
        countries=table.countries,
        sectors=rest.sectors,
        flows=table.flows,
        tariff=table.tariff,
        input_share=share / total,
        value_added_share=added_share / total,
        final_share=table.final / table.final.sum(axis=0),
        trade_elasticity=rest.trade_elasticity,
        value_added=(added_share / total * output).sum(axis=0),
        deficit=deficit,
        country_names=table.country_names,
        sector_names=rest.sector_names,
        meta=meta,
    )


def build_all(data: Path, target: Path) -> dict[str, World]:
    """Build the four worlds and save them as ``target/NAME.npz``."""
    sources = read_sources(data)
    target.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in WORLDS:
        found[name] = build(sources, name)
        save_world(found[name], target / f"{name}.npz")
    return found
