"""Distances between economies and what they do to trade, by sector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tools.build_worlds.economies import Grouping, sectors

Array = NDArray[np.float64]

#: CEPII's codes that differ from the ICIO's.
OLD_CODES = {"ROM": "ROU", "ZAR": "COD", "TMP": "TLS", "YUG": "SRB"}


def pair_distances(data: Path, codes: tuple[str, ...]) -> Array:
    """Population-weighted distance (distw of CEPII GeoDist), km, shape (M, M).

    Where distw is missing the plain distance stands in.
    """
    frame = pd.read_csv(data / "geodist" / "dist_cepii.csv.gz", low_memory=False)
    frame[["iso_o", "iso_d"]] = frame[["iso_o", "iso_d"]].replace(OLD_CODES)
    weighted = pd.to_numeric(frame["distw"], errors="coerce")
    frame["km"] = weighted.fillna(pd.to_numeric(frame["dist"], errors="coerce"))
    table = frame.pivot(index="iso_o", columns="iso_d", values="km")
    missing = sorted(set(codes) - set(table.index))
    if missing:
        raise ValueError(f"GeoDist has no {', '.join(missing)}")
    found: Array = table.loc[list(codes), list(codes)].to_numpy(dtype=float)
    return found


def economy_distances(data: Path, size: dict[str, float], grouping: Grouping) -> Array:
    """Distances between PRK and economies, km, shape (N + 1, N + 1), PRK first.

    A group's distance is the mean over its members, each by its size.

    Parameters
    ----------
    data : Path
        Folder of the originals.
    size : dict
        ICIO code to value added.
    grouping : Grouping
        The economies.
    """
    members = ("PRK", *grouping.group_of)
    km = pair_distances(data, members)
    weight = np.zeros((len(grouping.codes) + 1, len(members)))
    weight[0, 0] = 1.0
    for j, member in enumerate(members[1:], start=1):
        group = grouping.codes.index(grouping.group_of[member]) + 1
        weight[group, j] = size[member]
    weight /= weight.sum(axis=1, keepdims=True)
    return weight @ km @ weight.T


def distance_elasticities(data: Path) -> tuple[tuple[str, ...], Array]:
    """δ[s] > 0: PPML of flows across borders on ln distance, one regression a sector.

    Observations are the ICIO's intermediate flows of 2022 between 80 countries (observed;
    final flows are estimated there), domestic ones left out; exporter and importer fixed
    effects. Poisson pseudo-maximum likelihood (Santos Silva & Tenreyro 2006, Review of
    Economics and Statistics 88).

    Returns
    -------
    tuple of str
        Sectors.
    ndarray, shape (S,)
        Elasticities, positive.
    """
    goods = sectors()
    with np.load(data / "icio2022" / "icio2022.npz") as table:
        names = tuple(str(c) for c in table["countries"])
        h = goods.matrix(tuple(str(s) for s in table["sectors"]))
        raw = np.maximum(table["intermediate"].astype(float), 0.0)
    flows = np.einsum("as,sin->ain", h, raw, optimize=True)
    distance = np.log(pair_distances(data, names))
    found = np.array([_ppml(flow, distance) for flow in flows])
    return goods.codes, np.maximum(-found, 0.0)


def _ppml(flow: Array, covariate: Array, tolerance: float = 1e-8) -> float:
    """Slope of a Poisson with two-way fixed effects, by alternating exact steps.

    For a given slope the fixed effects solve by scaling (as in RAS); the slope then takes
    a Newton step on the score of the concentrated likelihood.
    """
    open_ = ~np.eye(len(flow), dtype=bool)
    open_ &= (flow * open_).sum(axis=1, keepdims=True) > 0
    open_ &= (flow * open_).sum(axis=0, keepdims=True) > 0
    y = np.where(open_, flow, 0.0)
    x = covariate - covariate[open_].mean()
    slope, mean = -1.0, y
    for _ in range(100):
        mean = _fixed_effects(np.where(open_, np.exp(slope * x), 0.0), y)
        residual = _partial_out(x, mean)
        step = float((residual * (y - mean)).sum() / (mean * residual**2).sum())
        slope += step
        if abs(step) < tolerance:
            return slope
    raise ValueError("PPML did not converge")


def _fixed_effects(base: Array, y: Array) -> Array:
    """Scale rows and columns of base to y's sums."""
    rows, columns = y.sum(axis=1), y.sum(axis=0)
    found = base
    for _ in range(2000):
        total = found.sum(axis=1)
        found = (
            found * np.divide(rows, total, out=np.zeros_like(rows), where=total > 0)[:, None]
        )
        total = found.sum(axis=0)
        found = found * np.divide(columns, total, out=np.zeros_like(rows), where=total > 0)
        gap = np.abs(found.sum(axis=1) - rows).max()
        if gap <= 1e-10 * rows.max():
            break
    return found


def _partial_out(x: Array, weight: Array) -> Array:
    """x less its weighted row and column effects (alternating means)."""
    rows, columns = weight.sum(axis=1), weight.sum(axis=0)
    found = x.copy()
    for _ in range(500):
        a = np.divide(
            (weight * found).sum(axis=1), rows, out=np.zeros_like(rows), where=rows > 0
        )
        found = found - a[:, None]
        b = np.divide(
            (weight * found).sum(axis=0), columns, out=np.zeros_like(columns), where=columns > 0
        )
        found = found - b
        if max(np.abs(a).max(), np.abs(b).max()) < 1e-12:
            break
    return found
