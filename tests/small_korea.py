"""A world of four countries made by hand, with the regimes that close the DPRK's links."""

from __future__ import annotations

from typing import Any

import numpy as np

from detente.world import World

COUNTRIES = ("PRK", "KOR", "CHN", "JPN")
SECTORS = ("coal", "textiles", "food")
PRK, KOR, CHN, JPN = range(4)
COAL, TEXTILES, FOOD = range(3)


def small_korea(**changes: Any) -> World:
    """PRK trades with CHN alone; the UN bans coal whole and textiles by nine tenths."""
    flows = np.full((3, 4, 4), 10.0)
    flows[:, range(4), range(4)] = 100.0
    flows[:, PRK, [KOR, JPN]] = 0.0
    flows[:, [KOR, JPN], PRK] = 0.0
    flows[COAL, PRK, CHN] = flows[COAL, CHN, PRK] = 0.0
    abroad = ~np.eye(4, dtype=bool)
    tariff = np.array([0.0, 0.2, 0.4])[:, None, None] * abroad
    touches = np.zeros((4, 4), dtype=bool)
    touches[PRK] = touches[:, PRK] = True
    touches &= abroad
    unsc = np.array([1.0, 0.9, 0.0])[:, None, None] * touches
    pair = np.zeros((4, 4))
    pair[PRK, KOR] = pair[KOR, PRK] = 1.0
    japan = np.zeros((4, 4))
    japan[PRK, JPN] = japan[JPN, PRK] = 1.0
    final = flows.sum(axis=1)
    exports, imports = flows.sum(axis=(0, 2)), flows.sum(axis=(0, 1))
    fields: dict[str, Any] = {
        "name": "small-korea",
        "countries": COUNTRIES,
        "country_names": ("DPRK", "Republic of Korea", "China", "Japan"),
        "sectors": SECTORS,
        "flows": flows,
        "tariff": tariff,
        "input_share": np.zeros((3, 3, 4)),
        "value_added_share": np.ones((3, 4)),
        "final_share": final / final.sum(axis=0),
        "trade_elasticity": [5.0, 4.0, 2.0],
        "value_added": exports,
        "deficit": imports - exports,
        "dormant": {"provisional": 0.3 * abroad * np.ones((3, 1, 1))},
        "coverage": {
            "unsc-dprk": unsc,
            "rok-may-24": pair * np.ones((3, 1, 1)),
            "japan-dprk": japan * np.ones((3, 1, 1)),
        },
        "meta": {"provisional": True},
    }
    return World(**(fields | changes))
