"""How final demand's sourcing differs from intermediate demand's: a better prior.

The ICIO's file has no final flows by buyer; its estimate takes each importer's final
sourcing to be its intermediate sourcing. But finished clothing is imported far more than
cloth. The World Input-Output Database separates the two by end-use class (Timmer et al.
2015), so its odds of buying goods abroad, final over intermediate, correct the sourcing,
and buyers' spending is then estimated anew from suppliers' sales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from tools.build_worlds.economies import Grouping

Array = NDArray[np.float64]

#: Our sector → WIOD industries (ISIC rev. 3). Mining is left alone: what little of it is
#: final is stock-building and sales outside the table. So are services: the WIOD splits
#: their imports by assumption, and with its odds every economy's exports over GDP fall
#: below the published ones.
WIOD_INDUSTRIES: Mapping[str, tuple[int, ...]] = {
    "agriculture": (1,),
    "fishing": (1,),
    "food": (3,),
    "textiles": (4, 5),
    "wood-paper": (6, 7),
    "petroleum": (8,),
    "chemicals": (9, 10),
    "minerals": (11,),
    "basic-metals": (12,),
    "metal-products": (12,),
    "electronics": (14,),
    "machinery": (13,),
    "vehicles": (15,),
    "ships": (15,),
    "other-manufacturing": (16,),
}

#: One importer's ratio is noisy (nearly nothing final, or stock-building): cut outside.
_LIMITS = (0.1, 10.0)
#: Weight of the pull to the world's composition, so that no buyer is left with none.
_PULL = 0.3
_OLD_CODES = {"ROM": "ROU"}


def foreign_odds_ratio(data: Path, countries: Grouping, sector_codes: Sequence[str]) -> Array:
    """Odds of buying abroad, final over intermediate demand, WIOD 2011.

    The ratio is the geometric mean of the importer's own and that of all importers
    together; the latter alone where the WIOD lacks the importer.

    Parameters
    ----------
    data : Path
        Folder with ``wiod2013/wiot_2011.npz``.
    countries : Grouping
        Our economies; trade inside one is domestic.
    sector_codes : sequence of str
        S sectors.

    Returns
    -------
    ndarray, shape (S, N)
        1 where the WIOD says nothing.
    """
    intermediate, final, codes = _wiod_flows(data, countries)
    found = np.ones((len(sector_codes), len(countries.codes)))
    for s, sector in enumerate(sector_codes):
        if sector not in WIOD_INDUSTRIES:
            continue
        rows = [c - 1 for c in WIOD_INDUSTRIES[sector]]
        own, pooled = _ratios(intermediate[rows].sum(axis=0), final[rows].sum(axis=0))
        seen = dict(zip(codes, map(float, own), strict=True))
        found[s] = [np.sqrt(pooled * seen.get(code, pooled)) for code in countries.codes]
    return found


def goods_prior(intermediate: Array, sales: Array, demand: Array, odds_ratio: Array) -> Array:
    """Final flows of one good: tilted sourcing, spending fitted to suppliers' sales.

    Spending E ≥ 0 solves min Σᵢ (Σₙ aᵢₙ Eₙ − Sᵢ)²/Sᵢ + λ² Σₙ (Eₙ − Tₙ)²/Tₙ with a the
    final sourcing shares, S the sales and T the world's spending on the good, divided like
    final demand (the second term keeps sparse fits from leaving a buyer with nothing).

    Parameters
    ----------
    intermediate : ndarray, shape (N, N)
        [i, n], whose odds of buying abroad are multiplied.
    sales : ndarray, shape (N,)
        Final sales by supplier.
    demand : ndarray, shape (N,)
        Final demand of each economy, all sectors.
    odds_ratio : ndarray, shape (N,)
        Final over intermediate foreign odds of each buyer.

    Returns
    -------
    ndarray, shape (N, N)
        Final flows [i, n]; their sums over n are near S, not on it.
    """
    home = np.eye(sales.size, dtype=bool)
    share = np.where(home, intermediate, intermediate * odds_ratio[None, :])
    share = share / share.sum(axis=0)
    typical = sales.sum() * demand / demand.sum()
    # A supplier of next to nothing must not weigh without bound.
    weight = 1.0 / np.sqrt(sales + 1e-4 * sales.sum())
    pull = _PULL / np.sqrt(typical)
    spending, _ = nnls(
        np.vstack([share * weight[:, None], np.diag(pull)]),
        np.concatenate([sales * weight, typical * pull]),
    )
    result: Array = share * spending[None, :]
    return result


def _wiod_flows(data: Path, countries: Grouping) -> tuple[Array, Array, list[str]]:
    """Intermediate and final flows [industry, i, n] of 2011, added up to our economies.

    A WIOD country that is alone in our group, or the only one of it that the WIOD has,
    stands for the group; the rest of the world keeps its own code and is no importer of
    ours.
    """
    with np.load(data / "wiod2013" / "wiot_2011.npz") as table:
        names = [_OLD_CODES.get(str(c), str(c)) for c in table["countries"]]
        n, k = len(names), len(table["industries"])
        raw = (
            table["intermediate"].reshape(n, k, n, k).astype(np.float64).sum(axis=3),
            # Inventories drawn down are no purchase.
            np.maximum(table["final"], 0).reshape(n, k, n, 5).astype(np.float64).sum(axis=3),
        )
    groups = [countries.group_of.get(c, c) for c in names]
    codes = list(dict.fromkeys(groups))
    g = np.array([[float(code == group) for group in groups] for code in codes])
    intermediate, final = (
        np.einsum("ai,isn,bn->sab", g, flows, g, optimize=True) for flows in raw
    )
    return intermediate, final, codes


def _ratios(intermediate: Array, final: Array) -> tuple[Array, float]:
    """Final over intermediate foreign odds: of each importer, and of all; flows [i, n]."""
    home = np.array([np.diagonal(final), np.diagonal(intermediate)])
    foreign = np.array([final.sum(axis=0), intermediate.sum(axis=0)]) - home
    pooled = foreign.sum(axis=1) / home.sum(axis=1)
    odds = np.divide(foreign, home, out=np.full_like(home, np.nan), where=home > 0)
    both = np.isfinite(odds).all(axis=0) & (odds[1] > 0)
    own = np.full(home.shape[1], pooled[0] / pooled[1])
    own[both] = np.clip(odds[0, both] / odds[1, both], *_LIMITS)
    return own, float(pooled[0] / pooled[1])
