"""What the DPRK traded before the bans: China 2016, the ROK 2015, Japan 2005.

The reference partner, after which the others are read, is China in 2016: the one with which
it could trade nearly everything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.dprk_products import fact, kaesong, named

from detente.dormant.history import History
from detente.world.core import World

Array = NDArray[np.float64]

COUNTRY, REFERENCE = "PRK", "CHN"
YEARS = {"KOR": 2015, "JPN": 2005, "*": 2016}
#: Banned all but Kaesong in 2015, or nearly everything since 1950: their zeros say nothing.
NOT_FREE = ("KOR", "USA")


def history(before: World, others: bool) -> History:
    """The DPRK's history.

    Parameters
    ----------
    before : World
        With the DPRK of 2016.
    others : bool
        Whether partners other than China, the ROK and Japan are known by their trade of
        2016; False for the table of 2016 itself, where that trade is still observed.
    """
    codes, prk = before.sectors, before.countries.index(COUNTRY)
    kor, jpn = before.countries.index("KOR"), before.countries.index("JPN")
    sales, purchases = before.flows[:, prk].copy(), before.flows[:, :, prk].copy()
    home = sales[:, prk].copy()
    sales[:, prk] = purchases[:, prk] = 0.0
    if not others:
        known = {before.countries.index(REFERENCE)}
        rest = [j for j in range(len(before.countries)) if j not in known]
        sales[:, rest] = purchases[:, rest] = 0.0
    south = fact("kaesong/trade", 2015)
    share = fact("kaesong/exports-share", 2015) / 100
    sales[:, kor] = kaesong("exports", south * share, codes)
    purchases[:, kor] = kaesong("imports", south * (1.0 - share), codes)
    sales[:, jpn], purchases[:, jpn] = _japan(codes)
    free = tuple(code for code in before.countries if code not in (COUNTRY, *NOT_FREE))
    return History(COUNTRY, REFERENCE, sales, purchases, home, YEARS, free)


def _japan(codes: tuple[str, ...]) -> tuple[Array, Array]:
    """What Japan bought and sold in 2005, by sector: two lines observed, a stated mix."""
    bought, sold = np.zeros(len(codes)), np.zeros(len(codes))
    lines = {s: fact(f"japan/imports/{s}", 2005) for s in ("basic-metals", "coal")}
    rest = fact("japan/imports", 2005) - sum(lines.values())
    for sector, percent in named("japan/imports-mix", 2005).items():
        bought[codes.index(sector)] += rest * percent / 100
    for sector, value in lines.items():
        bought[codes.index(sector)] += value
    for sector, percent in named("japan/exports-mix", 2005).items():
        sold[codes.index(sector)] += fact("japan/exports", 2005) * percent / 100
    return bought, sold
