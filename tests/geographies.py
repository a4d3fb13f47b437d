"""Made-up geographies, estimates and histories for tests of dormant shares."""

from __future__ import annotations

import numpy as np
import pandas as pd

from detente.dormant import Estimates, Geography, History
from detente.dormant.geography import TERMS
from detente.world import World


def pairs(places: tuple[str, ...], seed: int = 3) -> pd.DataFrame:
    """Covariates of every ordered pair of places on a random map."""
    rng = np.random.default_rng(seed)
    where = rng.uniform(0.0, 5000.0, (len(places), 2))
    rows = []
    for i, a in enumerate(places):
        for n, b in enumerate(places):
            km = 300.0 if i == n else 200.0 + float(np.hypot(*(where[i] - where[n])))
            near = float(i != n and km < 1500.0)
            tie = float((i + n) % 3 == 0 and i != n)
            rows.append((a, b, km, near, tie, 0.0))
    columns = [
        "exporter", "importer", "distance", "contiguity", "common_language", "colony",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def geography(places: tuple[str, ...], seed: int = 3) -> Geography:
    return Geography.from_pairs(pairs(places, seed))


def estimates(sectors: tuple[str, ...], pooled: bool = True) -> Estimates:
    """Coefficients of a usual size, with a full covariance."""
    names = (*sectors, "pooled") if pooled else sectors
    base = np.array([-0.9, 0.4, 0.3, 0.2, -3.0])
    coefficient = base * np.linspace(0.8, 1.2, len(names))[:, None]
    root = 0.1 * (np.eye(len(TERMS)) + 0.3 * np.tri(len(TERMS)))
    covariance = np.repeat((root @ root.T)[None], len(names), axis=0)
    flags = ("own",) * len(sectors) + (("pooled",) if pooled else ())
    return Estimates(names, coefficient, covariance, (100,) * len(names), flags, "made up", 0.5)


def history(world: World, country: str, reference: str) -> History:
    """It sold a hundredth of what the reference partner buys, and bought a tenth of its own."""
    c, r = world.country_index(country), world.country_index(reference)
    sales, purchases = np.zeros((2, world.n_sectors, world.n_countries))
    sales[:, r] = 0.01 * world.flows.sum(axis=1)[:, r]
    home = world.flows[:, c, c].copy()
    purchases[:, r] = 0.1 * home
    return History(country, reference, sales, purchases, home, {"*": 2016})
