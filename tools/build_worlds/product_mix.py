"""The embedded product mixes: what each economy sells, by HS line and industry, as shares.

Run ``python -m tools.build_worlds.product_mix DATA`` to write product_mix.csv below
detente/data. A heading stands alone where any regime names a heading of its chapter; all else
is the rest of its chapter, by industry. No figure of the originals is copied: shares, grouped.
It is to be run again when a regime names headings of further chapters.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from tools.build_worlds.dprk_products import dprk_headings, placed, world_headings
from tools.build_worlds.economies import economies
from tools.build_worlds.gravity import TARGET, write

from detente.regimes import Regime, load_regime, regime_names
from detente.regimes.hs import headings, in_hs92, moved_to
from detente.regimes.mixrows import NO_PRODUCT
from detente.regimes.mixtable import REST, REVISION, WHOLE, YEARS
from detente.sources.hs import icio_of

#: Targets of regimes that are in no embedded economy.
APART = ("IRN",)
#: Rows, about: a summary, not a copy.
MOST = 8000
#: Headings of older revisions in the DPRK's figures → that of HS 2007 that took most of them.
OLDER: Mapping[str, str] = {
    "1519": "3823",
    "4109": "4114",
    "4111": "4115",
    "8485": "8487",
    "8524": "8523",
}


def named(regimes: tuple[Regime, ...]) -> frozenset[str]:
    """Headings that a regime's provisions name or spare, in HS 2007."""
    found: set[str] = set()
    for regime in regimes:
        for line in lines_of(regime):
            if len(line) >= 4:
                found |= in_2007(line[:4], regime.hs_revision)
    return frozenset(found)


def in_2007(heading: str, revision: str) -> set[str]:
    """A heading of another revision in the originals' own: by way of HS 1992 where needed."""
    known = headings(REVISION)
    if heading in known:
        return {heading}
    old = in_hs92(heading, revision)
    return {new for h in old for new in ([h] if h in known else moved_to(h, REVISION))}


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


def standing_alone(
    mixes: Mapping[str, Mapping[str, float]], regimes: tuple[Regime, ...], most: int = MOST
) -> frozenset[str]:
    """Headings with rows of their own.

    All of a chapter of which a regime names one, so that other laws can be tried; where that
    makes the table too long, the longest of these chapters keep only those that are named.
    """
    wanted = named(regimes)
    chapters = {h[:2] for h in wanted}
    alone = {h for h in headings(REVISION) if h[:2] in chapters}

    def rows() -> int:
        return sum(len(grouped(mix, frozenset(alone))) for mix in mixes.values())

    while chapters and rows() > most:
        longest = max(sorted(chapters), key=lambda c: sum(h[:2] == c for h in alone))
        chapters.remove(longest)
        alone = {h for h in alone if h[:2] != longest or h in wanted}
    return frozenset(alone)


def grouped(mix: Mapping[str, float], alone: frozenset[str]) -> dict[tuple[str, str], float]:
    """Shares of (lines, industry) in one exporter's mix: a heading, or ``52*``."""
    total = sum(mix.values())
    found: dict[tuple[str, str], float] = {}
    for heading, value in sorted(mix.items()):
        lines = heading if heading in alone else heading[:2] + REST
        key = lines, icio_of(heading)
        found[key] = found.get(key, 0.0) + value / total
    return found


def table(data: Path, regimes: tuple[Regime, ...]) -> list[dict[str, str]]:
    """Rows of product_mix.csv: exporter, lines, icio, share (six significant digits)."""
    mixes = exports(data)
    alone = standing_alone(mixes, regimes)
    whole = sum(sum(mix.values()) for code, mix in mixes.items() if code not in (*APART, "PRK"))
    rows = []
    for code in ("PRK", *economies().codes, *APART):
        if code not in mixes:
            continue  # Chinese Taipei reports none
        shares = {(WHOLE, ""): sum(mixes[code].values()) / whole}
        shares |= dict(sorted(grouped(mixes[code], alone).items()))
        for (lines, icio), share in shares.items():
            row = {"exporter": code, "lines": lines, "icio": icio, "share": f"{share:.6g}"}
            rows.append(row)
    return rows


def main(data: Path, target: Path = TARGET) -> None:
    """Write product_mix.csv."""
    write(target / "product_mix.csv", table(data, all_regimes()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
