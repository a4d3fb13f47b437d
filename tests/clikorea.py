"""A middling world for what a person sees: ten economies, the DPRK small and closed."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from detente.regimes import load_regime
from detente.regimes.attach import attach_law
from detente.world import World
from worlds import random_world

COUNTRIES = {
    "PRK": "DPRK",
    "KOR": "Korea, Republic of",
    "CHN": "China (with Hong Kong)",
    "JPN": "Japan",
    "USA": "United States",
    "RUS": "Russia",
    "VNM": "Viet Nam",
    "EU27": "European Union (27)",
    "ASX": "Rest of ASEAN",
    "MENA": "Middle East and North Africa, with Türkiye",
    "EECA": "Rest of Eastern Europe and Central Asia",
}
SECTORS = {
    "coal": "Coal and lignite",
    "textiles": "Textiles, clothing, leather",
    "electronics": "Electronics and electrical equipment",
    "business-services": "Information, finance, real estate, professional services",
}
REGIMES = [
    load_regime(name)
    for name in ("unsc-dprk", "rok-may-24", "japan-dprk", "us-dprk", "eu-dprk")
]
BLOCKS = [
    {
        "block": "flows between other economies",
        "flag": "observed",
        "source": "a test",
        "year": 2018,
        "licence": "none",
    },
    {"block": "technology of the DPRK", "flag": "assumed", "source": "a donor", "year": 2018},
]


def korea_like(**changes: Any) -> World:
    """The DPRK trades with China and Russia alone; every other link is banned or dormant."""
    base = random_world(7, len(COUNTRIES), len(SECTORS), deficits=False)
    n, s = len(COUNTRIES), len(SECTORS)
    scale = np.ones((n, n))
    scale[0] = scale[:, 0] = 1e-4
    closed = [1, 3, 4, 6, 7, 8, 9, 10]
    scale[0, closed] = scale[closed, 0] = 0.0
    scale[0, 0] = 1e-2
    scale[0, 2], scale[2, 0], scale[0, 5], scale[5, 0] = 2e-3, 2e-2, 1e-3, 2e-3
    flows = base.flows * scale
    output, spent = flows.sum(axis=2), (flows * (1 + base.tariff)).sum(axis=1)
    final = spent * 0.6
    use = np.minimum(base.input_share, 0.1) * output[None]
    room = 0.4 * spent / np.maximum(use.sum(axis=1), 1e-300)
    use = use * np.minimum(room, 1.0)[:, None, :]
    share = use / output[None]
    final = spent - use.sum(axis=1)
    abroad = ~np.eye(n, dtype=bool)
    touches = np.zeros((n, n), dtype=bool)
    touches[0] = touches[:, 0] = True
    touches &= abroad
    psi = 0.002 * touches * np.ones((s, 1, 1)) * np.linspace(0.1, 2.0, n)[:, None]
    psi[:, :, 0] = 0.05 * abroad[:, 0] * np.linspace(0.2, 1.5, n)
    fields: dict[str, Any] = {
        "name": "korea-like",
        "countries": tuple(COUNTRIES),
        "country_names": tuple(COUNTRIES.values()),
        "sectors": tuple(SECTORS),
        "sector_names": tuple(SECTORS.values()),
        "flows": flows,
        "tariff": base.tariff,
        "input_share": share,
        "value_added_share": 1.0 - share.sum(axis=0),
        "final_share": final / final.sum(axis=0),
        "trade_elasticity": base.trade_elasticity,
        "value_added": ((1.0 - share.sum(axis=0)) * output).sum(axis=0),
        "deficit": flows.sum(axis=(0, 1)) - flows.sum(axis=(0, 2)),
        "dormant": {"provisional": psi},
        "meta": {
            "title": "a made-up world for tests",
            "vintage": "2018",
            "provisional": True,
            "blocks": BLOCKS,
        },
    }
    return attach_law(World(**(fields | changes)), REGIMES, date(2018, 7, 1))
