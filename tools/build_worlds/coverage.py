"""Coverage of bans: which share of a sector's pair trade is on banned HS lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.dprk_products import (
    by_sector,
    dprk_headings,
    goods_mask,
    placed,
    sector_of,
    world_headings,
)
from tools.build_worlds.economies import economies, read_table

Array = NDArray[np.float64]

#: Regimes that ban everything between the DPRK and one partner.
BILATERAL = {"rok-may-24": "KOR", "japan": "JPN", "us-dprk": "USA"}


def prefixes(text: str) -> tuple[str, ...]:
    """HS prefixes of a cell of bans.csv: ``2701``, ``50-63``."""
    first, _, last = text.partition("-")
    if not last:
        return (text,)
    return tuple(f"{k:0{len(first)}d}" for k in range(int(first), int(last) + 1))


def banned_share(
    headings: tuple[str, ...], direction: str, regime: str = "unsc"
) -> dict[str, float]:
    """Heading to the share that a regime bans: the largest of the rows that match.

    Parameters
    ----------
    headings : tuple of str
        Four digits each.
    direction : str
        ``export`` (from the DPRK) or ``import``.
    regime : str
        Name in bans.csv.

    Returns
    -------
    dict
        Only headings with something banned.
    """
    rows = [
        r
        for r in read_table("bans.csv")
        if (r["regime"], r["direction"]) == (regime, direction)
    ]
    found: dict[str, float] = {}
    for row in rows:
        hit = prefixes(row["hs"])
        spared = prefixes(row["except_hs"]) if row["except_hs"] else ()
        for heading in headings:
            if heading.startswith(hit) and not (spared and heading.startswith(spared)):
                found[heading] = max(found.get(heading, 0.0), float(row["covered"]))
    return found


def _share(headings: Mapping[str, float], direction: str, codes: tuple[str, ...]) -> Array:
    """Banned share by sector of one mix of headings, shape (S,); zero where none trades."""
    banned = banned_share(tuple(headings), direction)
    named = {h: v for h, v in headings.items() if sector_of(h)}
    total = by_sector(named, codes)
    hit = by_sector({h: v * banned.get(h, 0.0) for h, v in named.items()}, codes)
    return np.divide(hit, total, out=np.zeros_like(hit), where=total > 0)


def export_coverage(data: Path, codes: tuple[str, ...]) -> Array:
    """Share of the DPRK's exports on banned lines, by the mix of 2016, shape (S,)."""
    return _share(placed(dprk_headings(data, 2016)), "export", codes)


def import_coverage(data: Path, codes: tuple[str, ...], partners: tuple[str, ...]) -> Array:
    """Share of each partner's sales to the DPRK on banned lines, shape (S, N).

    The mix is the partner's own exports to the world in 2017: an assumption, since no
    source has the DPRK's imports by heading. A partner that reports none (Chinese Taipei)
    takes the mix of all.
    """
    mixes = world_headings(data, economies())
    everyone: dict[str, float] = {}
    for mix in mixes.values():
        for heading, value in mix.items():
            everyone[heading] = everyone.get(heading, 0.0) + value
    return np.stack([_share(mixes.get(p, everyone), "import", codes) for p in partners], axis=1)


def coverage_tables(
    exports: Array, imports: Array, countries: tuple[str, ...], codes: tuple[str, ...]
) -> dict[str, Array]:
    """Every regime's coverage, shape (S, N, N) each; PRK is one of the countries.

    Parameters
    ----------
    exports : ndarray, shape (S,)
        UN coverage of what the DPRK sells, the same for every partner.
    imports : ndarray, shape (S, N)
        UN coverage of what each country sells to it (PRK's own column is not read).
    countries, codes : tuple of str
        Axes.
    """
    n, prk = len(countries), countries.index("PRK")
    others = np.arange(n) != prk
    unsc = np.zeros((len(codes), n, n))
    unsc[:, prk, others] = exports[:, None]
    unsc[:, others, prk] = imports[:, others]
    found = {"unsc": unsc}
    customs = goods_mask(codes)
    for regime, partner in BILATERAL.items():
        table = np.zeros_like(unsc)
        here = countries.index(partner)
        table[customs, prk, here] = table[customs, here, prk] = 1.0
        found[regime] = table
    return found
