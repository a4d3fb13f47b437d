"""Provisional dormant shares ψ of the DPRK's closed links, in docs/model.md's odds.

Three kinds of link. ``observed``: trades and nobody bans it, ψ = 0, so that lifting bans
does nothing to it. ``before``: banned now, and a share is known from before the ban. And
``never``: no trade to go by, so size and distance stand in until the gravity estimates
land. Nothing is read off the home market; potential sales never exceed output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.dprk_products import fact, kaesong, named
from tools.build_worlds.splice import FullTable

Array = NDArray[np.float64]

OBSERVED, BEFORE, NEVER, NONE = "observed", "before", "never", "none"
PRK = 0  # the DPRK leads the axis of a FullTable


@dataclass(frozen=True)
class Dormant:
    """ψ and how it came about.

    Attributes
    ----------
    psi : ndarray, shape (S, N, N)
        Odds; zero off the DPRK's goods links.
    link_kind : list of dict
        exporter, importer, kind, sectors.
    potential : list of dict
        exporter, importer, value (million USD if all closed links opened at baseline
        costs), share_of_spending.
    report : dict
    """

    psi: Array
    link_kind: list[dict[str, Any]]
    potential: list[dict[str, Any]]
    report: dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """The DPRK's trade before the bans, million USD, shape (S, N) each, partners as in table.

    Attributes
    ----------
    sales, purchases : ndarray
        Each partner's in its own reference year; zero where none is known.
    basket : ndarray, shape (S,)
        All that the DPRK bought, home sales included, in that year.
    """

    sales: Array
    purchases: Array
    basket: Array


def reference(before: FullTable, codes: tuple[str, ...], with_all: bool) -> Reference:
    """Trade before the bans: 2016; the ROK 2015 (the last year of Kaesong); Japan 2005.

    Parameters
    ----------
    before : FullTable
        The table of 2016.
    codes : tuple of str
        Sectors.
    with_all : bool
        False leaves 2016's own links out (the table of 2016 itself needs no reference).
    """
    sales, purchases = before.flows[:, PRK].copy(), before.flows[:, :, PRK].copy()
    kor, jpn = before.countries.index("KOR"), before.countries.index("JPN")
    south = fact("kaesong/trade", 2015)
    share = fact("kaesong/exports-share", 2015) / 100
    home = purchases[:, PRK].copy()
    sales[:, PRK] = purchases[:, PRK] = 0.0
    sales[:, kor] = kaesong("exports", south * share, codes)
    purchases[:, kor] = kaesong("imports", south * (1.0 - share), codes)
    sales[:, jpn], purchases[:, jpn] = _japan(codes)
    basket = home + purchases.sum(axis=1)
    if not with_all:
        others = [j for j in range(len(before.countries)) if j not in (kor, jpn)]
        sales[:, others] = purchases[:, others] = 0.0
    return Reference(sales, purchases, basket)


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


@dataclass(frozen=True)
class _Side:
    """σ of one direction, shape (S, N), and which kind each cell is."""

    share: Array
    kind: NDArray[np.str_]


def dormant(
    table: FullTable,
    past: Reference,
    banned: Array,
    gravity: tuple[Array, Array],
    goods: NDArray[np.bool_],
    codes: tuple[str, ...],
) -> Dormant:
    """Dormant shares of every goods link of the DPRK.

    Parameters
    ----------
    table : FullTable
        The world's own.
    past : Reference
    banned : ndarray, shape (S, N, N)
        Largest coverage of any regime in force.
    gravity : (ndarray, ndarray)
        Distances in km, (N, N), and their elasticities δ, (S,).
    goods : ndarray of bool, shape (S,)
    codes : tuple of str
        Sectors.
    """
    spent = (table.flows * (1.0 + table.tariff)).sum(axis=1)
    pull = _pull(table.flows.sum(axis=2), *gravity)
    openness = _openness(table, spent)
    sales = _sales(table, past, banned, pull, openness, goods)
    sales, cut = _capped(table, sales, spent)
    buys = _purchases(table, past, banned, pull, openness, goods)
    psi = np.zeros_like(table.flows)
    psi[:, PRK, :] = _odds(
        sales, table.flows[:, PRK] * (1.0 + table.tariff[:, PRK]) / _safe(spent)
    )
    psi[:, :, PRK] = _joint_odds(buys, table.flows[:, :, PRK] / _safe(spent[:, [PRK]]))
    psi[:, PRK, PRK] = 0.0
    report = _report(codes, gravity[1], openness, cut)
    kinds, potential = _lists(table, sales, buys, spent, codes)
    return Dormant(psi, kinds, potential, report)


FORMULA = (
    "sales, never observed: sigma = (importer's imports / spending) * Y_PRK d^-delta / sum "
    "over foreign suppliers of Y d^-delta; purchases, never observed: sigma = (median "
    "importer's imports / spending) * Y_i d^-delta / sum over all foreign Y d^-delta; before a "
    "ban: the share of the reference year; psi = sigma (1 - sum pi of closed links) / "
    "(1 - sum sigma)"
)


def _report(
    codes: tuple[str, ...], elasticity: Array, openness: Array, cut: Array
) -> dict[str, Any]:
    """Formula and numbers of gravity's stand-in, by sector."""
    median = np.median(openness[:, 1:], axis=1)
    return {
        "formula": FORMULA,
        "distance_elasticity": dict(zip(codes, elasticity.round(3).tolist(), strict=True)),
        "openness": dict(zip(codes, median.round(4).tolist(), strict=True)),
        "sales_cut_to_output": {
            c: round(float(v), 4) for c, v in zip(codes, cut, strict=True) if v < 1
        },
    }


def _safe(values: Array) -> Array:
    return np.where(values > 0, values, 1.0)


def _pull(output: Array, km: Array, elasticity: Array) -> Array:
    """Share of each foreign supplier in an importer's pull, Y d^−δ, shape (S, N, N)."""
    weight = output[:, :, None] * km[None] ** -elasticity[:, None, None]
    weight *= ~np.eye(len(km), dtype=bool)[None]
    found: Array = weight / _safe(weight.sum(axis=1, keepdims=True))
    return found


def _openness(table: FullTable, spent: Array) -> Array:
    """Imports over spending, shape (S, N); the DPRK's column is the median of the others."""
    home = np.einsum("snn->sn", table.flows)
    found = 1.0 - home / _safe(spent)
    found[:, PRK] = np.median(found[:, 1:], axis=1)
    clipped: Array = np.clip(found, 0.0, 1.0)
    return clipped


def _kind(
    flow: Array, banned: Array, past: Array, goods: NDArray[np.bool_]
) -> NDArray[np.str_]:
    # A partner that trades and that nobody bans shows what it wants, also where that is
    # nothing; a partner without any trade shows nothing.
    trades = np.broadcast_to(flow.sum(axis=0) > 0, flow.shape)
    kind = np.where((banned > 0) & (past > 0), BEFORE, NEVER)
    kind = np.where((banned <= 0) & trades, OBSERVED, kind)
    kind[~goods] = NONE
    kind[:, PRK] = NONE
    return kind


def _sales(
    table: FullTable,
    past: Reference,
    banned: Array,
    pull: Array,
    openness: Array,
    goods: NDArray[np.bool_],
) -> _Side:
    """σ of the DPRK in each importer's spending."""
    kind = _kind(table.flows[:, PRK], banned[:, PRK], past.sales, goods)
    kind[table.flows[:, PRK].sum(axis=1) <= 0] = NONE  # what is not made is not sold
    paid = past.sales * (1.0 + table.tariff[:, PRK])
    now = table.flows[:, PRK] * (1.0 + table.tariff[:, PRK])
    spent = (table.flows * (1.0 + table.tariff)).sum(axis=1)
    before = paid / _safe(spent - now + paid)
    share = np.where(
        kind == BEFORE, before, np.where(kind == NEVER, openness * pull[:, PRK], 0.0)
    )
    return _Side(share, kind)


def _purchases(
    table: FullTable,
    past: Reference,
    banned: Array,
    pull: Array,
    openness: Array,
    goods: NDArray[np.bool_],
) -> _Side:
    """σ of each supplier in the DPRK's spending; the shares from before make room."""
    kind = _kind(table.flows[:, :, PRK], banned[:, :, PRK], past.purchases, goods)
    kind[table.flows.sum(axis=2) <= 0] = NONE
    new = np.where(kind == NEVER, openness[:, [PRK]] * pull[:, :, PRK], 0.0)
    before = np.where(kind == BEFORE, past.purchases / _safe(past.basket)[:, None], 0.0)
    return _Side(new + before * (1.0 - new.sum(axis=1, keepdims=True)), kind)


def _capped(table: FullTable, side: _Side, spent: Array) -> tuple[_Side, Array]:
    """Scale sales that would exceed output: those never observed first."""
    sold = np.where(side.kind == OBSERVED, table.flows[:, PRK], 0.0).sum(axis=1)
    output = table.flows[:, PRK].sum(axis=1) - sold
    worth = side.share * spent / (1.0 + table.tariff[:, PRK])
    past = np.where(side.kind == BEFORE, worth, 0.0).sum(axis=1)
    new = np.where(side.kind == NEVER, worth, 0.0).sum(axis=1)
    keep = np.minimum(1.0, output / _safe(past))
    room = np.maximum(output - past * keep, 0.0)
    keep_new = np.minimum(1.0, room / _safe(new))
    factor = np.where(side.kind == BEFORE, keep[:, None], keep_new[:, None])
    factor = np.where(np.isin(side.kind, (BEFORE, NEVER)), factor, 1.0)
    cut = (past * keep + new * keep_new) / _safe(past + new)
    return _Side(side.share * factor, side.kind), np.where(past + new > 0, cut, 1.0)


def _odds(side: _Side, share: Array) -> Array:
    """ψ of a single new supplier in each importer; shape (S, N)."""
    closed = np.where(np.isin(side.kind, (BEFORE, NEVER)), share, 0.0)
    found: Array = side.share * (1.0 - closed) / (1.0 - side.share)
    return found


def _joint_odds(side: _Side, share: Array) -> Array:
    """ψ of several suppliers of one importer, opened together; shape (S, N)."""
    closed = np.where(np.isin(side.kind, (BEFORE, NEVER)), share, 0.0).sum(axis=1)
    total = side.share.sum(axis=1)
    if (total >= 1.0).any():
        raise ValueError("dormant shares of the DPRK's suppliers reach one")
    found: Array = side.share * ((1.0 - closed) / (1.0 - total))[:, None]
    return found


def _lists(
    table: FullTable, sales: _Side, buys: _Side, spent: Array, codes: tuple[str, ...]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Links by kind, and what they would trade, for people."""
    kinds: list[dict[str, Any]] = []
    potential: list[dict[str, Any]] = []
    for side, selling in ((sales, True), (buys, False)):
        column = spent if selling else np.broadcast_to(spent[:, [PRK]], spent.shape)
        rate = table.tariff[:, PRK] if selling else table.tariff[:, :, PRK]
        worth = (side.share * column / (1.0 + rate)).sum(axis=0)
        for j, code in enumerate(table.countries[1:], start=1):
            pair = {"exporter": "PRK", "importer": code}
            if not selling:
                pair = {"exporter": code, "importer": "PRK"}
            for kind in (OBSERVED, BEFORE, NEVER):
                here = [c for c, k in zip(codes, side.kind[:, j], strict=True) if k == kind]
                if here:
                    kinds.append({**pair, "kind": kind, "sectors": here})
            share = float(worth[j] / column[:, j].sum())
            potential.append(
                {
                    **pair,
                    "value": round(float(worth[j]), 3),
                    "share_of_spending": float(f"{share:.4g}"),
                }
            )
    return kinds, potential


def largest_coverage(tables: Mapping[str, Array], not_in_force: tuple[str, ...]) -> Array:
    """What any regime in force bans of each link, shape (S, N, N)."""
    found = [t for name, t in tables.items() if name not in not_in_force]
    largest: Array = np.maximum.reduce(found)
    return largest
