"""The embedded product mixes: what each economy sells, by HS line and industry, as shares.

Run ``python -m tools.build_worlds.product_mix DATA`` to write product_mix.csv below
detente/data. A heading stands alone where any regime names a heading of its chapter; all else
is the rest of its chapter, by industry. No figure of the originals is copied: shares, grouped.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from tools.build_worlds.dprk_products import dprk_headings, placed, world_headings
from tools.build_worlds.economies import economies, read_table
from tools.build_worlds.gravity import TARGET, write

from detente.errors import InputError
from detente.regimes import Regime, load_regime, regime_names
from detente.regimes.mixrows import NO_PRODUCT
from detente.regimes.mixtable import REST, WHOLE, YEARS
from detente.sources.hs import icio_of

#: Targets of regimes that are in no embedded economy.
APART = ("IRN",)
#: Headings of older revisions in the DPRK's figures → that of HS 2007 that took most of them.
OLDER: Mapping[str, str] = {
    "1519": "3823",
    "4109": "4114",
    "4111": "4115",
    "8485": "8487",
    "8524": "8523",
}


def split_chapters(regimes: tuple[Regime, ...]) -> frozenset[str]:
    """Chapters of which a regime, or the table of bans, names a heading or finer lines."""
    named = [line for regime in regimes for line in lines_of(regime)]
    for row in read_table("bans.csv"):
        named += [part for key in ("hs", "except_hs") for part in row[key].split("-")]
    return frozenset(line[:2] for line in named if len(line) >= 4 and line[:4].isdigit())


def lines_of(regime: Regime) -> list[str]:
    """HS lines of a regime's provisions, spared ones too."""
    return [
        line
        for provision in regime.provisions
        for products in provision.products
        for line in (*products.lines(), *products.spared())
    ]


def all_regimes() -> tuple[Regime, ...]:
    """The regimes that come with detente."""
    return tuple(load_regime(name) for name in regime_names())


def exports(data: Path) -> dict[str, dict[str, float]]:
    """Exporter to heading to million USD, products alone.

    The DPRK's are cleaned as the worlds' are (``dprk_products.placed``).
    """
    found = dict(world_headings(data, economies()))
    frame = pd.read_parquet(data / "dprk_trade" / "world_exports_hs4_2017.parquet")
    for code in APART:
        own = frame[frame["iso3"] == code]
        found[code] = dict(zip(own["hs4"], own["usd"] / 1e6, strict=True))
    found["PRK"] = renamed(placed(dprk_headings(data, YEARS["PRK"])))
    return {
        code: {h: v for h, v in mix.items() if h[:2] not in NO_PRODUCT and v > 0}
        for code, mix in found.items()
    }


def renamed(mix: Mapping[str, float]) -> dict[str, float]:
    """Headings that HS 2007 no longer has, under its own."""
    found: dict[str, float] = {}
    for heading, value in mix.items():
        new = OLDER.get(heading, heading)
        found[new] = found.get(new, 0.0) + value
    return found


def grouped(
    mix: Mapping[str, float], alone: frozenset[str], digits: int = 6
) -> dict[tuple[str, str], float]:
    """Shares of (lines, industry) in one exporter's mix: a heading, or ``52*``."""
    total = sum(mix.values())
    found: dict[tuple[str, str], float] = {}
    for heading, value in sorted(mix.items()):
        lines = heading if heading[:2] in alone else heading[:2] + REST
        key = lines, icio_of(heading)
        found[key] = found.get(key, 0.0) + value / total
    return {key: float(f"{share:.{digits}g}") for key, share in found.items()}


def table(data: Path, regimes: tuple[Regime, ...]) -> list[dict[str, str]]:
    """Rows of product_mix.csv: exporter, lines, icio, share."""
    alone = split_chapters(regimes)
    mixes = exports(data)
    whole = sum(sum(mix.values()) for code, mix in mixes.items() if code not in (*APART, "PRK"))
    rows = []
    for code in ("PRK", *economies().codes, *APART):
        if code not in mixes:
            continue  # Chinese Taipei reports none
        weight = f"{sum(mixes[code].values()) / whole:.6g}"
        rows.append({"exporter": code, "lines": WHOLE, "icio": "", "share": weight})
        for (lines, icio), share in sorted(grouped(mixes[code], alone).items()):
            found = {"lines": lines, "icio": icio, "share": f"{share:.6g}"}
            rows.append({"exporter": code, **found})
    return rows


def main(data: Path, target: Path = TARGET) -> None:
    """Write product_mix.csv."""
    rows = table(data, all_regimes())
    if len(rows) > 8000:
        raise InputError(f"the table has {len(rows):,} rows: it should stay a summary.")
    write(target / "product_mix.csv", rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
