"""The split specs of the DPRK: what is known of it, as ``detente world split`` reads it.

Everything in them is computed from the facts of dprk_facts.csv, customs headings and the
table of the others; nothing of the splitting itself is here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.blocks import OECD, dprk_blocks, headline
from tools.build_worlds.coverage import banned_share
from tools.build_worlds.donor import technology
from tools.build_worlds.dprk import value_added
from tools.build_worlds.dprk_products import (
    Known,
    dprk_headings,
    export_totals,
    fact,
    goods_mask,
    import_totals,
    kaesong,
    known_exports,
    known_imports,
    partner_totals,
)
from tools.build_worlds.economies import sectors
from tools.build_worlds.rest import RestTable
from tools.build_worlds.tariffs import tariff_rates

Array = NDArray[np.float64]
Row = dict[str, str]

CODE, NAME = "PRK", "Democratic People's Republic of Korea"
YEARS, SIZES = (2018, 2016), ("un", "bok")
#: Coal-based power, steel and chemicals, and mining of the DPRK's kind; docs/worlds.md
#: compares the candidates.
DONOR = "CHN"
#: Whose imports from China stand for the DPRK's where no source has them: China's land
#: neighbours of low income that the ICIO has.
NEIGHBOURS = ("LAO", "MMR", "PAK")

TECHNOLOGY, TARIFFS = "chn-2022-technology.csv", "prk-tariffs.csv"
_CITE = "figure, cite"
#: (flow, what) → source, licence, flag of a row; a flag by year where it differs.
_SOURCES: Mapping[tuple[str, str], tuple[str, str, dict[int, str]]] = {
    ("exports", "sector"): (
        "UN Comtrade by HS heading; KOTRA; Ministry of Unification; CEPII BACI",
        f"{_CITE}; Etalab 2.0",
        {2016: "derived", 2018: "assumed"},
    ),
    ("imports", "sector"): (
        "KOTRA; Chinese customs; UN Panel of Experts; China's sales to LAO, MMR, PAK (OECD)",
        f"{_CITE}; {OECD}",
        {2016: "assumed", 2018: "assumed"},
    ),
    ("exports", "CHN"): ("KOTRA", _CITE, {2016: "observed", 2018: "derived"}),
    ("imports", "CHN"): ("KOTRA", _CITE, {2016: "observed", 2018: "derived"}),
    ("exports", "partner"): ("ITC Trade Map; OEC; TASS; KOTRA", _CITE, {}),
    ("imports", "partner"): ("ITC Trade Map; OEC; TASS; KOTRA", _CITE, {}),
    ("exports", "KOR"): ("Ministry of Unification; mix of Kaesong stated", _CITE, {}),
    ("imports", "KOR"): ("Ministry of Unification; mix of Kaesong stated", _CITE, {}),
    ("exports", "cell"): ("Chinese customs; KITA; CEPII BACI", f"{_CITE}; Etalab 2.0", {}),
    ("imports", "cell"): ("reports of fuel deliveries; CEPII BACI", f"{_CITE}; Etalab 2.0", {}),
    ("imports", "weight"): ("UN Comtrade 2017, data/regimes: share not banned", _CITE, {}),
}


@dataclass(frozen=True)
class Known2022:
    """What the specs are made of.

    Attributes
    ----------
    data : Path
        Folder of the originals.
    rest : RestTable
        Everyone else in 2022.
    import_coverage : ndarray, shape (S, N)
        Share of each partner's sales to the DPRK on banned lines.
    """

    data: Path
    rest: RestTable
    import_coverage: Array


def write_specs(known: Known2022, folder: Path) -> dict[tuple[int, str], Path]:
    """Write every spec and its tables.

    Parameters
    ----------
    known : Known2022
    folder : Path
        ``detente/data/splits``; made where it does not exist.

    Returns
    -------
    dict
        (year, size) to the spec's file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / TECHNOLOGY, _technology(known.data))
    _write(folder / TARIFFS, _tariffs(known.rest))
    found = {}
    for year in YEARS:
        trade, refining = _trade(known, year)
        _write(folder / f"prk-{year}-trade.csv", trade)
        for size in SIZES:
            path = folder / f"prk-{year}-{size}.yaml"
            _put(path, _spec(year, size, refining))
            found[year, size] = path
    return found


def _write(path: Path, rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _put(path, text.getvalue())


def _put(path: Path, text: str) -> None:
    """Write a file; one that says the same is left alone."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


# -- tables ------------------------------------------------------------------------------
def _technology(data: Path) -> list[Row]:
    recorded = {"source": "OECD ICIO 2025 release", "year": "2022", "licence": OECD}
    return [row | recorded | {"flag": "observed"} for row in technology(data, DONOR)]


def _tariffs(rest: RestTable) -> list[Row]:
    """Rates on the DPRK's links, sectors with one rate in one row."""
    recorded = {
        "source": "World Bank, WTO; tariff_level.csv",
        "year": "2022",
        "licence": "cite",
        "flag": "assumed",
    }
    rows = []
    for importer in rest.countries:
        rates = tariff_rates(rest.schedule, importer, CODE, rest.sectors)
        for rate in sorted({float(r) for r in rates} - {0.0}):
            codes = [c for c, r in zip(rest.sectors, rates, strict=True) if r == rate]
            rows.append((CODE, importer, "+".join(codes), repr(rate)))
        rows.append((CODE, importer, "others" if rates.any() else "all", "0"))
    for exporter in rest.countries:
        if tariff_rates(rest.schedule, CODE, exporter, rest.sectors).any():
            raise ValueError("the DPRK charges a tariff: write its rows")
    rows.append(("all", CODE, "all", "0"))
    keys = ("exporter", "importer", "sector", "rate")
    return [dict(zip(keys, row, strict=True)) | recorded for row in rows]


def _trade(known: Known2022, year: int) -> tuple[list[Row], float]:
    """What is known of a year's trade, and the value added in refining that it feeds."""
    rest = known.rest
    codes, names = rest.sectors, rest.countries
    goods = goods_mask(codes)
    abroad = rest.flows * ~np.eye(len(names), dtype=bool)[None] * goods[:, None, None]
    size = abroad.sum(axis=(0, 2)) + abroad.sum(axis=(0, 1))
    banned = banned_share(tuple(dprk_headings(known.data, 2017)), "export")
    exports = export_totals(known.data, year, codes, banned)
    china = names.index("CHN")
    allowed = (
        1.0 - known.import_coverage if year == 2018 else np.ones(known.import_coverage.shape)
    )
    imports = import_totals(year, codes, _neighbours(known) * allowed[:, china])
    to_, from_ = partner_totals(year, names, size)
    crude, refined = codes.index("oil-gas"), codes.index("petroleum")
    margin = rest.value_added[refined].sum() / rest.input_use[crude, refined].sum()
    rows = [
        *_rows(
            "exports", year, codes, names, (exports, to_, known_exports(year, exports, codes))
        ),
        *_rows(
            "imports", year, codes, names, (imports, from_, known_imports(year, imports, codes))
        ),
        *_weights(year, codes, names, allowed, imports),
    ]
    return rows, float(margin * imports[crude])


def _neighbours(known: Known2022) -> Array:
    """Mean mix of China's goods sales to NEIGHBOURS, shape (S,)."""
    with np.load(known.data / "icio2022" / "icio2022.npz") as table:
        names = [str(c) for c in table["countries"]]
        h = sectors().matrix(tuple(str(s) for s in table["sectors"]))
        here = [names.index(c) for c in NEIGHBOURS]
        flows = table["intermediate"].astype(float) + table["final_estimated"].astype(float)
        sold = h @ np.maximum(flows[:, names.index("CHN")][:, here], 0.0)
    sold *= goods_mask(known.rest.sectors)[:, None]
    mean: Array = (sold / sold.sum(axis=0)).mean(axis=1)
    return mean


def _rows(
    flow: str,
    year: int,
    codes: tuple[str, ...],
    names: tuple[str, ...],
    figures: tuple[Array, Array, Mapping[str, Known]],
) -> list[Row]:
    """Sums by sector and by partner, trade with the ROK by sector, and known partners."""
    totals, partners, cells = figures
    south = kaesong(flow, fact(f"{flow}/KOR", year), codes)
    rows = [
        _row(flow, "all", code, float(value), "sector", year)
        for code, value in zip(codes, totals + south, strict=True)
    ]
    for name, value in zip(names, partners, strict=True):
        if name != "KOR":
            what = "CHN" if name == "CHN" else "partner"
            rows.append(_row(flow, name, "all", float(value), what, year))
    traded = [(c, float(v)) for c, v in zip(codes, south, strict=True) if v > 0]
    rows += [_row(flow, "KOR", code, value, "KOR", year) for code, value in traded]
    rows.append(_row(flow, "KOR", "others" if traded else "all", 0.0, "KOR", year))
    for code, (known, whole) in cells.items():
        rows += [_row(flow, name, code, value, "cell", year) for name, value in known.items()]
        if whole:
            rows.append(_row(flow, "others", code, 0.0, "cell", year))
    return rows


def _weights(
    year: int, codes: tuple[str, ...], names: tuple[str, ...], allowed: Array, totals: Array
) -> list[Row]:
    """What a ban leaves of each partner's sales, where it takes a part of them."""
    return [
        _row("imports", name, code, float(allowed[s, n]), "weight", year)
        for s, code in enumerate(codes)
        for n, name in enumerate(names)
        if totals[s] > 0 and allowed[s, n] < 1
    ]


def _row(flow: str, partner: str, sector: str, value: float, what: str, year: int) -> Row:
    source, licence, flags = _SOURCES[flow, what]
    return {
        "flow": flow,
        "partner": partner,
        "sector": sector,
        "value": repr(value) if value else "0",
        "role": "weight" if what == "weight" else "value",
        "source": source,
        "year": str(year),
        "licence": licence,
        "flag": flags.get(year, "assumed"),
    }


# -- the spec ----------------------------------------------------------------------------
def _spec(year: int, size: str, refining: float) -> str:
    """The text of a spec."""
    name = ("korea" if year == 2018 else "korea-before") + ("" if size == "un" else "-bok")
    about = headline(name, year, size)
    lines = [
        "# Written by python -m tools.build_worlds from dprk_facts.csv, which has the sources.",
        f"split: {_quoted(about['title'])}",
        f"country: {{code: {CODE}, name: {_quoted(NAME)}}}",
        "out_of: none  # the OECD's table has no rest of the world: see docs/worlds.md",
        f"year: {year}",
        "unit: million USD",
        "",
        *_value_added(value_added(year, size, refining)),
        "",
        f"final_demand: {{floor: {fact('floor/final-demand', 2018):g}%}}",
        "trade:",
        f"  file: prk-{year}-trade.csv",
        f"  least_home_sales: {fact('floor/home-sales', 2018):g}%",
        f"tariffs: {{file: {TARIFFS}}}",
        f"donor: {{file: {TECHNOLOGY}, name: {DONOR}}}",
        "inputs:",
        "  # There is no gas: what arrives is crude oil, and refineries alone use it.",
        "  - {input: oil-gas, sectors: all, except: petroleum, value: 0}",
        "",
        "world:",
        *(f"  {key}: {_quoted(text)}" for key, text in about.items()),
        "blocks:",
    ]
    for fact_ in dprk_blocks(year, size, DONOR):
        start = [f"  - block: {_quoted(fact_['block'])}"]
        lines += start + [f"    {k}: {_quoted(v)}" for k, v in fact_.items() if k != "block"]
    return "\n".join(lines) + "\n"


def _value_added(given: dict[str, Any]) -> list[str]:
    lines = ["value_added:", f"  total: {given['total']:g}", "  shares:"]
    lines += [f"    {code}: {share}" for code, share in given["shares"].items()]
    lines += ["  values:"]
    lines += [f"    {code}: {value!r}" for code, value in given["values"].items()]
    lines += ["  blocks:"]
    for block in given["blocks"]:
        lines += [
            f"    - name: {block['name']}",
            f"      share: {block['share']}",
            f"      sectors: [{', '.join(block['sectors'])}]",
        ]
    return lines


def _quoted(text: str) -> str:
    """Text between double quotes, as YAML reads it too."""
    return json.dumps(text, ensure_ascii=False)
