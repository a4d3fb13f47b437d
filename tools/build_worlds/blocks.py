"""What the worlds' records say of each of their blocks."""

from __future__ import annotations

from typing import Any

from tools.build_worlds.economies import read_table

from detente.world.core import World

SIZES = {"un": "United Nations", "bok": "Bank of Korea"}
OECD = "OECD, free reuse with attribution"
OWN = "own figure"

#: block | flag | source | year | licence | what
WORLD_BLOCKS = """
intermediate flows, outputs | observed | OECD ICIO 2025 release | 2022 | {oecd} | 80 countries \
added up to 22 economies, 50 industries to 25 sectors
final demand | derived | OECD ICIO 2025; World Bank external balances | 2022 | {oecd} | \
balanced to suppliers' final sales (observed) and external balances (recalled: assumed)
tariffs | assumed | World Bank, WTO; tariff_level.csv | 2022 | cite | MFN shape scaled to the \
applied level, both recalled; US on the DPRK 35 %, the DPRK on everyone 0
trade elasticities | derived | Caliendo & Parro 2015 | 1993 | MIT (cp2015) | 99 % sample; \
petroleum capped at 15; services, vehicles, ships and building at the aggregate: assumed
"""
DPRK_BLOCKS = """
DPRK: GDP | {gdp_flag} | {gdp} | {year} | figure, cite | current USD; {gdp_how}
DPRK: value added by block | assumed | Bank of Korea | {year} | figure, cite | six blocks; \
most figures recalled, not re-read: see dprk_facts.csv
DPRK: value added by sector | assumed | exports, donor {donor} | {year} | own figure | within \
blocks: value added in exports, then the donor's home industry
DPRK: trade totals | {total_flag} | KOTRA, Ministry of Unification | {year} | figure, cite | \
goods; KOTRA plus inter-Korean trade{total_how}
DPRK: trade with China | {china_flag} | KOTRA | {year} | figure, cite | goods; {china_how}
DPRK: exports by sector | {export_flag} | UN Comtrade by HS heading, KOTRA, BACI | {year} | \
figure, cite; Etalab 2.0 | {export_how}
DPRK: imports by sector | assumed | sourced: fuels, vehicles, steel; else China's sales to \
LAO, MMR, PAK | {year} | own figure | stated food shares; less banned lines in 2018
DPRK: partners but China | assumed | ITC, OEC, TASS | {year} | figure, cite | direction and \
sector balanced; small partners by size
DPRK: technology, final demand | assumed | donor {donor}, OECD ICIO | 2022 | {oecd} | \
cross-entropy with every total fixed; see split.PRK.donor
DPRK: services trade | assumed | none at hand | {year} | own figure | none
"""
BAN_BLOCKS = """
coverage of UN bans, DPRK's exports | derived | UN Comtrade 2016, data/regimes | 2016 | \
figure, cite | by value on banned lines (most HS lines unverified); the same for every partner
coverage of UN bans, DPRK's imports | assumed | exporters' mix of 2017, data/regimes | 2017 | \
figure, cite | no source has the DPRK's imports by heading
dormant shares, gravity | derived | OECD ICIO 2022, CEPII GeoDist | 2022 | {oecd}; CEPII, \
cite | PPML by sector, 80 countries; docs/dormant.md
dormant shares, trade before the bans | assumed | KOTRA 2016 (China), Ministry of Unification \
2015, Japan 2005 | 2016 | figure, cite | totals sourced; sectors of the ROK and Japan stated
errors of the trade elasticities | derived | Caliendo & Parro 2015 | 1993 | derived from the \
authors' triads | relative errors of the full sample
"""


def describe(world: World, year: int, size: str) -> dict[str, Any]:
    """JSON-able record of an embedded world: what the split says, and the bans.

    Parameters
    ----------
    world : World
        As the split made it.
    year, size
        Of the DPRK's block; ``un`` or ``bok``.
    """
    return {
        **world.meta,
        "vintages": {"PRK": year, "others": 2022, "units": "million USD, current"},
        "dprk_size": size,
        "dprk_year": year,
        "blocks": [*world.meta["blocks"], *rows(BAN_BLOCKS)],
        "sources": _sources(),
    }


def headline(name: str, year: int, size: str) -> dict[str, str]:
    """Name, title, description and vintage of an embedded world."""
    state = "sanctions in force" if year == 2018 else "before the sanctions of 2017"
    return {
        "name": name,
        "title": f"The DPRK as of {year}, {state}; everyone else 2022 ({SIZES[size]} size)",
        "description": (
            f"22 economies of the OECD's input-output table of 2022 and the DPRK of {year}, "
            f"{state}, its size after the {SIZES[size]} estimate. The DPRK's block is in "
            f"{year} dollars and is not rescaled to 2022."
        ),
        "vintage": f"DPRK {year}; others 2022",
    }


def dprk_blocks(year: int, size: str, donor: str) -> list[dict[str, str]]:
    """Every block of the DPRK's accounts with its flag: observed, derived or assumed."""
    before = year == 2016
    gdp = _fact(f"gdp/{size}", year)
    total = _fact("exports/kotra", year)
    return rows(
        DPRK_BLOCKS,
        china_flag="observed" if before else "derived",
        china_how="both directions" if before else "from its share of 95.8 % and the deficit",
        gdp_flag=gdp["status"],
        gdp_how=gdp["note"] or "as published",
        total_flag=total["status"],
        total_how="" if total["status"] == "observed" else "; " + total["note"],
        gdp="UN National Accounts" if size == "un" else "Bank of Korea",
        year=str(year),
        donor=donor,
        export_flag="derived" if before else "assumed",
        export_how="shares of partners' reports times KOTRA's total"
        if before
        else "sourced lines, else 2017's lines that no ban covers",
    )


def rows(table: str, **words: str) -> list[dict[str, str]]:
    """Rows of one of the tables above, its gaps filled."""
    keys = ("block", "flag", "source", "year", "licence", "what")
    text = table.format(oecd=OECD, **words)
    cells = ([cell.strip() for cell in line.split("|")] for line in text.split("\n") if line)
    return [dict(zip(keys, row, strict=True)) for row in cells]


def _fact(name: str, year: int) -> dict[str, str]:
    """A row of dprk_facts.csv: a block is no better known than the figure that it rests on."""
    table = read_table("dprk_facts.csv")
    return next(r for r in table if r["name"] == name and int(r["year"]) == year)


def _sources() -> list[str]:
    """Sources of the facts, each once."""
    table = read_table("dprk_facts.csv")
    return sorted({r["source"] for r in table if r["licence"] != OWN})
