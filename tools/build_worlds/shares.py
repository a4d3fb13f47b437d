"""What an embedded world knows of closed links: dormant shares, and how sure θ is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tools.build_worlds.dprk_products import goods_mask
from tools.build_worlds.economies import economies, sectors
from tools.build_worlds.elasticities import cross_border
from tools.build_worlds.history import COUNTRY, history

from detente.dormant import DormantShares, dormant_shares
from detente.dormant.kinds import BEFORE, NEVER, OBSERVED
from detente.sources.elasticities import CP_SECTORS, for_sectors
from detente.world.core import World

#: Groups that a ranking of partners counts as one.
BLOCS = {"ASEAN": ("VNM", "IDN", "ASX")}


def with_dormant_shares(world: World, before: World, others: bool, data: Path) -> World:
    """The world with both anchors of the DPRK's links, and what they are drawn from again.

    Parameters
    ----------
    world : World
        With its coverage of bans.
    before : World
        With the DPRK of 2016.
    others : bool
        Whether the trade of 2016 with partners other than China is history (False in the
        world of 2016, where it is observed).
    data : Path
        Folder of the originals.
    """
    past = history(before, others)
    goods = [s for s, g in zip(world.sectors, goods_mask(world.sectors), strict=True) if g]
    facts: dict[str, Any] = {
        "members": members(),
        "blocs": {bloc: list(members) for bloc, members in BLOCS.items()},
        "elasticity_errors": elasticity_errors(data),
    }
    ready = world.with_(meta={**world.meta, **facts})
    shares = dormant_shares(ready, COUNTRY, history=past, traded=goods)
    attached = shares.attach()
    return attached.with_(meta={**attached.meta, "link_kind": link_kind(shares)})


def members() -> dict[str, list[str]]:
    """Every economy of the worlds with the countries in it."""
    return {code: list(economies().members(code)) for code in economies().codes}


def link_kind(shares: DormantShares) -> list[dict[str, Any]]:
    """Links by kind, for people: exporter, importer, kind, sectors."""
    found = []
    table = shares.links()
    for (exporter, importer, kind), rows in table.groupby(
        ["exporter", "importer", "kind"], sort=False
    ):
        if kind in (OBSERVED, BEFORE, NEVER):
            found.append(
                {
                    "exporter": exporter,
                    "importer": importer,
                    "kind": kind,
                    "sectors": list(rows["sector"]),
                }
            )
    return found


def elasticity_errors(data: Path) -> dict[str, dict[str, Any]]:
    """Relative standard error of each sector's θ, and the estimates that it comes from.

    A sector of several industries weighs Caliendo & Parro's sectors as its θ does.
    """
    weight = cross_border(data)
    grouping = sectors()
    mixed: dict[str, Mapping[str, float]] = {}
    for code in grouping.codes:
        shares: dict[str, float] = {}
        for industry in grouping.members(code):
            for name in CP_SECTORS[industry]:
                part = weight[industry] / len(CP_SECTORS[industry])
                shares[name] = shares.get(name, 0.0) + part
        mixed[code] = shares
    table = for_sectors(grouping.codes, mixed)
    return {
        code: {
            "relative_error": float(np.round(row["std_error"] / row["value"], 4)),
            "estimate": " + ".join(sorted(mixed[code])),
            "flag": str(row["flag"]),
        }
        for code, row in table.iterrows()
    }
