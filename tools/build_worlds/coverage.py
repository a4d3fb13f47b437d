"""What the law covers of headings and of each partner's exports: input to the DPRK's block."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.dprk_products import by_sector, sector_of, world_headings
from tools.build_worlds.economies import economies

from detente.regimes import load_regime
from detente.regimes.attach import attach_law
from detente.regimes.coverage import DIRECTIONS, closed_by_cap, reach
from detente.sources.hs import REVISIONS
from detente.world.core import World

Array = NDArray[np.float64]

#: Regimes on the DPRK that its baselines hold.
ON_DPRK = ("unsc-dprk", "rok-may-24", "japan-dprk", "us-dprk", "eu-dprk")
#: Regimes that the table of 2022 holds.
ON_RUSSIA = ("russia-2014", "russia-2022")
#: Revision of the headings of the originals.
HEADINGS = "HS07"
assert HEADINGS in REVISIONS


def middle_of(year: int) -> date:
    """The day whose law a year's trade is taken to hold: what held for most of the year."""
    return date(year, 7, 1)


def banned_share(headings: tuple[str, ...], direction: str) -> dict[str, float]:
    """Heading to the share that the UN bans in 2018, a cap's part included.

    Parameters
    ----------
    headings : tuple of str
        Four digits each.
    direction : str
        ``export`` (from the DPRK) or ``import``.

    Returns
    -------
    dict
        Only headings with something banned.
    """
    regime = load_regime("unsc-dprk")
    share = np.zeros(len(headings))
    for provision in regime.provisions:
        if provision.holds_on(middle_of(2018)):
            found = reach(provision, regime.hs_revision, headings, HEADINGS)
            part = closed_by_cap(provision) if provision.cap else 1.0
            share = np.maximum(share, part * found[DIRECTIONS.index(direction)])
    return {h: float(v) for h, v in zip(headings, share, strict=True) if v > 0}


def _share(headings: Mapping[str, float], direction: str, codes: tuple[str, ...]) -> Array:
    """Banned share by sector of one mix of headings, shape (S,); zero where none trades."""
    banned = banned_share(tuple(headings), direction)
    named = {h: v for h, v in headings.items() if sector_of(h)}
    total = by_sector(named, codes)
    hit = by_sector({h: v * banned.get(h, 0.0) for h, v in named.items()}, codes)
    return np.divide(hit, total, out=np.zeros_like(hit), where=total > 0)


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


def with_law(world: World, year: int | None) -> World:
    """The world with the law that its trade holds on record.

    Parameters
    ----------
    world : World
        Its metadata name the members of its regions.
    year : int, optional
        Of the DPRK's block; None where the DPRK is not in the world.

    Notes
    -----
    Russia's regimes are recorded without coverage tables: most of 2022's trade took place
    before they were complete, so that no link of the table is closed by them alone.
    """
    on_russia = [load_regime(name) for name in ON_RUSSIA]
    world = attach_law(world, on_russia, middle_of(2022), tables=False)
    if year is None:
        return world
    return attach_law(world, [load_regime(name) for name in ON_DPRK], middle_of(year))
