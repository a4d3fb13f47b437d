"""What the DPRK sells and buys, by sector and partner, from facts and customs headings.

Totals are KOTRA's, shares are those of partners' reports by HS heading: the two are never
mixed in one figure. Everything that no fact fixes is spread by the split (specs.py writes
what is known), and belongs to a block flagged ``assumed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tools.build_worlds.economies import Grouping, is_goods, read_table, sectors

from detente.sources.hs import sector_of
from detente.sources.mirror import load_traps

Array = NDArray[np.float64]
#: Partner to million USD, and whether these are all partners.
Known = tuple[dict[str, float], bool]

#: Crude oil, gas and bitumen: the DPRK extracts none, so exports of it are another's.
NOT_EXTRACTED = ("2709", "2711", "2714")
#: Products whose value a source gives: what is unspecified is not spread over them.
SOURCED = ("2701", "2601", "03", "72", *map(str, range(50, 64)))


@cache
def facts() -> dict[tuple[str, int], float]:
    """(name, year) to value: the numbers of dprk_facts.csv in their own units."""
    rows = read_table("dprk_facts.csv")
    return {(r["name"], int(r["year"])): float(r["value"]) for r in rows}


def fact(name: str, year: int) -> float:
    """One number of dprk_facts.csv; an unknown one is a KeyError."""
    return facts()[name, year]


def named(prefix: str, year: int) -> dict[str, float]:
    """Facts below a prefix, by the rest of their name."""
    head = prefix + "/"
    return {
        k.removeprefix(head): v
        for (k, y), v in facts().items()
        if y == year and k.startswith(head)
    }


def dprk_headings(data: Path, year: int) -> dict[str, float]:
    """The DPRK's exports by heading, million USD, as partners report them."""
    frame = pd.read_csv(data / "dprk_trade" / "dprk_exports_hs4_2016_2017.csv")
    frame = frame[frame["year"] == year]
    return {
        f"{int(h):04d}": float(v) / 1e6 for h, v in zip(frame["hs4"], frame["usd"], strict=True)
    }


def world_headings(data: Path, grouping: Grouping) -> dict[str, dict[str, float]]:
    """Exports by economy and heading, million USD, 2017."""
    frame = pd.read_parquet(data / "dprk_trade" / "world_exports_hs4_2017.parquet")
    frame["economy"] = frame["iso3"].map(dict(grouping.group_of))
    frame = frame.dropna(subset=["economy"])
    total = frame.groupby(["economy", "hs4"])["usd"].sum() / 1e6
    found: dict[str, dict[str, float]] = {}
    rows = total.reset_index().itertuples(index=False)
    for code, heading, value in rows:
        found.setdefault(str(code), {})[str(heading)] = float(value)
    return found


def by_sector(headings: Mapping[str, float], codes: tuple[str, ...]) -> Array:
    """Sums over sectors, shape (S,); unspecified headings are left out."""
    found = np.zeros(len(codes))
    for heading, value in headings.items():
        sector = sector_of(heading)
        if sector:
            found[codes.index(sector)] += value
    return found


@cache
def mislabelled() -> tuple[str, ...]:
    """Headings that mirror data book to the DPRK when another origin was meant."""
    trap = next(t for t in load_traps() if t.rule == "cars-and-phones")
    return (*trap.product.split(";"), *NOT_EXTRACTED)


def placed(headings: Mapping[str, float]) -> dict[str, float]:
    """Headings with the unspecified and the mislabelled spread over the unsourced ones."""
    doubtful = {h for h in headings if h in mislabelled() or not sector_of(h)}
    open_ = [h for h in headings if h not in doubtful and not h.startswith(SOURCED)]
    spread = sum(headings[h] for h in doubtful)
    factor = 1.0 + spread / sum(headings[h] for h in open_)
    return {
        h: v * (factor if h in open_ else 1.0) for h, v in headings.items() if h not in doubtful
    }


def partner_totals(year: int, codes: tuple[str, ...], size: Array) -> tuple[Array, Array]:
    """Exports to and imports from each partner without the ROK, million USD, shape (N,).

    Parameters
    ----------
    year : int
        2016 or 2018.
    codes : tuple of str
        Partners.
    size : ndarray, shape (N,)
        Goods trade: spreads what no source gives over the partners that no one names.
    """
    total = np.array([fact("exports/kotra", year), fact("imports/kotra", year)])
    given = _given_2016() if year == 2016 else _given_2018(total)
    left = total - sum(given.values())
    if year == 2018:
        others = named("others", year)
        weights = np.array([others.get(c, 0.0) for c in codes])
    else:
        closed = {*given, "KOR", "JPN", "USA"}
        weights = np.array(
            [0.0 if c in closed else v for c, v in zip(codes, size, strict=True)]
        )
    spread = np.outer(left, weights / weights.sum())
    for code, values in given.items():
        spread[:, codes.index(code)] += values
    return spread[0], spread[1]


def _given_2016() -> dict[str, Array]:
    """Sourced partners of 2016; where only 2015 is known it moves with all but China."""
    year = 2016
    moved = [
        (fact(f"{d}/kotra", 2016) - fact(f"{d}/CHN", 2016))
        / (fact(f"{d}/kotra", 2015) - fact(f"{d}/CHN", 2015))
        for d in ("exports", "imports")
    ]
    india = fact("exports/IND", 2015) * moved[0]
    russia = fact("trade/RUS", year) / (fact("exports/RUS", 2015) + fact("imports/RUS", 2015))
    manila = fact("trade/PHL", year) * fact("split/PHL-exports", year) / 100
    bangkok = fact("imports/THA", 2015) * moved[1]
    return {
        "CHN": np.array([fact("exports/CHN", year), fact("imports/CHN", year)]),
        "IND": np.array([india, fact("trade/IND", year) - india]),
        "RUS": np.array([fact("exports/RUS", 2015), fact("imports/RUS", 2015)]) * russia,
        "ASX": np.array([manila, fact("trade/PHL", year) - manila + bangkok]),
        "SASX": np.array([fact("exports/PAK", 2015) * moved[0], 0.0]),
    }


def _given_2018(total: Array) -> dict[str, Array]:
    year = 2018
    trade = total.sum() * fact("trade/china-share", year) / 100
    deficit = fact("deficit/china", year)
    split = np.array([fact("exports/RUS", 2019), fact("imports/RUS", 2019)])
    return {
        "CHN": np.array([trade - deficit, trade + deficit]) / 2,
        "RUS": fact("trade/RUS", year) * split / split.sum(),
    }


def export_totals(
    data: Path, year: int, codes: tuple[str, ...], banned: Mapping[str, float]
) -> Array:
    """Exports by sector without the ROK, million USD, shape (S,).

    2016: the shares of partners' reports times KOTRA's total. 2018: the lines that sources
    give, and for the rest 2017's lines that no ban covers.

    Parameters
    ----------
    data : Path
        Folder of the originals.
    year : int
        2016 or 2018.
    codes : tuple of str
        Sectors.
    banned : mapping of str to float
        Heading to the share of it that the bans of 2017 cover.
    """
    total = fact("exports/kotra", year)
    if year == 2016:
        found = by_sector(placed(dprk_headings(data, 2016)), codes)
        scaled: Array = found * (total / found.sum())
        return scaled
    before = dprk_headings(data, 2017)
    lines = _lines_2018(before)
    taken = (*lines, "91", "67", "27", *map(str, range(50, 64)))
    rest = {
        h: v * (1.0 - banned.get(h, 0.0))
        for h, v in placed(before).items()
        if not h.startswith(taken)
    }
    known, other = by_sector(lines, codes), by_sector(rest, codes)
    whole: Array = known + other * ((total - known.sum()) / other.sum())
    return whole


def _lines_2018(before: Mapping[str, float]) -> dict[str, float]:
    """Lines of 2018 that a source gives, by value or by growth over 2017."""
    year = 2018

    def grown(chapters: tuple[str, ...], name: str) -> float:
        base = sum(v for h, v in before.items() if h.startswith(chapters))
        return base * (1.0 + fact(f"growth/{name}", year) / 100)

    return {
        "9101": grown(("91",), "HS91"),
        "6704": grown(("67",), "HS67"),
        "2716": grown(("27",), "HS27"),
        "6201": grown(tuple(map(str, range(50, 64))), "textiles"),
        "2611": fact("exports-by-line/tungsten-ores", year),
        "2613": fact("exports-by-line/molybdenum-ores", year),
        "2504": fact("exports-by-line/graphite", year),
    }


def import_totals(year: int, codes: tuple[str, ...], prior: Array) -> Array:
    """Imports by sector without the ROK, million USD, shape (S,).

    Fuels, vehicles and steel are sourced, shares of food are stated; the rest follows the
    prior.

    Parameters
    ----------
    year : int
        2016 or 2018.
    codes : tuple of str
        Sectors.
    prior : ndarray, shape (S,)
        Any scale; already without what a ban covers.
    """
    crude = fact("quantity/crude", year) * fact("price/crude", year)
    known = {"oil-gas": crude, "coal": 0.0, "utilities": 0.0}
    if year == 2018:
        known["petroleum"] = fact("imports-by-line/HS27", year) - crude
    else:
        price = fact("price/crude", year) * fact("price/refined-over-crude", year)
        known |= {
            "petroleum": fact("quantity/refined", year) * price,
            "coal": sum(fact(f"imports-by-line/coal-{c}", year) for c in ("RUS", "CHN")),
            "vehicles": fact("imports-by-line/vehicles", year),
            "basic-metals": fact("imports-by-line/steel", year),
        }
    total = fact("imports/kotra", year)
    known |= {c: total * v / 100 for c, v in named("imports-share", year).items()}
    found = np.array([0.0 if c in known else v for c, v in zip(codes, prior, strict=True)])
    found *= (total - sum(known.values())) / found.sum()
    for code, value in known.items():
        found[codes.index(code)] = value
    return found


def goods_mask(codes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which sectors customs sees, shape (S,)."""
    return np.array([is_goods(sectors(), code) for code in codes])


def known_exports(year: int, totals: Array, codes: tuple[str, ...]) -> dict[str, Known]:
    """Exports by sector whose partners are known, without the ROK.

    Coal, ores, fish and electricity go to China alone (Chinese customs and BACI show the
    whole of them there); of textiles China takes its sourced share in 2016.

    Returns
    -------
    dict
        Sector to partner (or several, as a split spec writes them) to million USD; partners
        that are not named get none where the flag says that these are all.
    """
    found: dict[str, Known] = {}
    for sector in ("coal", "metal-ores", "fishing", "utilities"):
        found[sector] = ({"CHN": float(totals[codes.index(sector)])}, True)
    if year == 2016:
        part = totals[codes.index("textiles")] * fact("textiles/china-share", year) / 100
        found["textiles"] = ({"CHN": float(part)}, False)
    return found


def known_imports(year: int, totals: Array, codes: tuple[str, ...]) -> dict[str, Known]:
    """Imports by sector whose partners are known; see :func:`known_exports`.

    Crude oil comes from China alone, refined oil from China and Russia; coal of 2016 as
    BACI shows it (transit through Rajin may be in Russia's).
    """
    refined = float(totals[codes.index("petroleum")])
    found: dict[str, Known] = {
        "oil-gas": ({"CHN": float(totals[codes.index("oil-gas")])}, True),
        "petroleum": ({"CHN+RUS": refined}, True),
        "coal": ({}, True),
    }
    if year == 2016:
        named_ = {c: fact(f"imports-by-line/coal-{c}", year) for c in ("RUS", "CHN")}
        found["coal"] = (named_, True)
    return found


def kaesong(direction: str, value: float, codes: tuple[str, ...]) -> Array:
    """Inter-Korean trade by sector, million USD, shape (S,): the zone's mix, both ways.

    ``direction`` names it in errors only; the mix is one figure for both.
    """
    mix = named("kaesong/mix", 2015)
    unknown = set(mix) - set(codes)
    if unknown:
        raise KeyError(f"{direction}: no such sector: {', '.join(sorted(unknown))}")
    shares = np.array([mix.get(c, 0.0) for c in codes])
    found: Array = value * shares / shares.sum()
    return found
