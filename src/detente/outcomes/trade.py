"""Who trades with whom: pairs, partners, creation and diversion, concentration."""

from __future__ import annotations

import numpy as np
import pandas as pd

from detente.equilibrium import Equilibrium
from detente.outcomes.welfare import country_axis
from detente.world.core import Array, World


def trade(eq: Equilibrium) -> pd.DataFrame:
    """Trade by sector, exporter and importer, domestic flows left out.

    Returns
    -------
    DataFrame
        ``sector``, ``exporter``, ``importer``, ``flow`` and ``flow_new`` (million USD, net
        of tariff), ``change``; rows that are zero both times are left out.
    """
    world = eq.world
    either = (world.flows > 0) | (eq.flows > 0)
    either[:, np.arange(world.n_countries), np.arange(world.n_countries)] = False
    s, i, n = np.nonzero(either)
    before, after = world.flows[s, i, n], eq.flows[s, i, n]
    return pd.DataFrame(
        {
            "sector": np.asarray(world.sectors, dtype=object)[s],
            "exporter": np.asarray(world.countries, dtype=object)[i],
            "importer": np.asarray(world.countries, dtype=object)[n],
            "flow": before,
            "flow_new": after,
            "change": after - before,
        }
    )


def _pairs(flows: Array) -> Array:
    """Trade of all sectors, [i, n], domestic flows zero."""
    pairs: Array = flows.sum(axis=0)
    np.fill_diagonal(pairs, 0.0)
    return pairs


def partners(eq: Equilibrium, country: str) -> pd.DataFrame:
    """A country's partners by exports plus imports, largest after the change first.

    Parameters
    ----------
    country : str
        Code; an unknown one is an error.

    Returns
    -------
    DataFrame
        Index partner. ``exports``, ``imports``, ``total`` and the same with ``_new``
        (million USD, net of tariff, seen from the country), ``share`` and ``share_new`` of
        its total, ``rank`` and ``rank_new`` (1 is the largest, missing without trade).
    """
    world = eq.world
    c = world.country_index(country)
    before, after = _pairs(world.flows), _pairs(eq.flows)
    table = pd.DataFrame(
        {
            "name": world.country_names,
            "exports": before[c],
            "imports": before[:, c],
            "exports_new": after[c],
            "imports_new": after[:, c],
        },
        index=country_axis(world, "partner"),
    ).drop(index=country)
    for mark in ("", "_new"):
        total = table[f"exports{mark}"] + table[f"imports{mark}"]
        table[f"total{mark}"] = total
        table[f"share{mark}"] = total / total.sum() if total.sum() > 0 else 0.0
        rank = total.where(total > 0).rank(ascending=False, method="min")
        table[f"rank{mark}"] = rank.astype("Int64")
    order = [
        "name", "rank", "rank_new", "exports", "exports_new", "imports", "imports_new",
        "total", "total_new", "share", "share_new",
    ]  # fmt: skip
    return table[order].sort_values(["total_new", "total"], ascending=False)


def concentration(eq: Equilibrium) -> pd.DataFrame:
    """Herfindahl–Hirschman index of each country's partners, in [0, 1], before and after.

    Returns
    -------
    DataFrame
        ``exports``, ``imports``, ``total`` and the same with ``_new``; one partner is 1,
        and NaN stands where there is no trade.
    """
    world: World = eq.world
    columns: dict[str, Array] = {}
    for mark, flows in (("", world.flows), ("_new", eq.flows)):
        pairs = _pairs(flows)
        columns[f"exports{mark}"] = _hhi(pairs)
        columns[f"imports{mark}"] = _hhi(pairs.T)
        columns[f"total{mark}"] = _hhi(pairs + pairs.T)
    order = ["exports", "exports_new", "imports", "imports_new", "total", "total_new"]
    return pd.DataFrame(columns, index=country_axis(world))[order]


def _hhi(pairs: Array) -> Array:
    total = pairs.sum(axis=1, keepdims=True)
    share = np.divide(pairs, total, out=np.full_like(pairs, np.nan), where=total > 0)
    hhi: Array = (share**2).sum(axis=1)
    return hhi


def creation_diversion(eq: Equilibrium) -> pd.DataFrame:
    """Trade creation and diversion by importer (Viner 1950), at baseline expenditure.

    The links that the scenario itself makes cheaper, dearer, opens or closes are *treated*.
    What they gain in a sector is taken from the importer's own producers (creation) or from
    its other suppliers (diversion); where they lose, both are negative. Scale effects are
    left out: the weights are baseline X.

    Returns
    -------
    DataFrame
        Million USD of buyers' spending by importer: ``treated`` (gain of the treated links),
        ``creation`` (lost by own producers), ``diversion`` (lost by suppliers whose links
        are not treated); the last two sum to the first. Zero where no link is treated.
    """
    world = eq.world
    share = world.trade_share
    own = np.eye(world.n_countries, dtype=bool)[None]
    treated = (np.abs(eq.problem.weight - share) > 1e-12 * share) & ~own
    gain = (eq.trade_share - share) * world.expenditure[:, None, :]
    gain *= np.asarray(treated.any(axis=1))[:, None, :]
    return pd.DataFrame(
        {
            "treated": np.where(treated, gain, 0.0).sum(axis=(0, 1)),
            "creation": -np.where(own, gain, 0.0).sum(axis=(0, 1)),
            "diversion": -np.where(~treated & ~own, gain, 0.0).sum(axis=(0, 1)),
        },
        index=country_axis(world),
    )
