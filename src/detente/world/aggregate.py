"""Worlds with fewer, re-ordered or re-scaled countries and sectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, WorldError, nearest
from detente.world.core import ARRAYS, Array, World


@dataclass(frozen=True)
class _Groups:
    """Labels after grouping, and the new position of every old one."""

    labels: tuple[str, ...]
    names: tuple[str, ...]
    position: NDArray[np.intp]

    @property
    def indicator(self) -> Array:
        """One where an old label (column) belongs to a new one (row)."""
        return np.eye(len(self.labels))[:, self.position]

    @property
    def mean(self) -> Array:
        """The indicator with rows that add up to one."""
        rows: Array = self.indicator / self.indicator.sum(axis=1, keepdims=True)
        return rows


def aggregate(
    world: World,
    countries: Mapping[str, str] | None = None,
    sectors: Mapping[str, str] | None = None,
    *,
    country_names: Mapping[str, str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    name: str | None = None,
) -> World:
    """Merge countries, sectors or both; identities that held still hold.

    Flows, input use, final demand and value added are summed in money. A tariff is the
    mean over its links weighted by flows (a region's own flows then may pay one), the
    simple mean where nothing flows; a technology without output and a final demand without
    income are simple means too. θ is weighted by world expenditure. Dormant shares go
    from odds to shares, σᵢ = ψᵢ/(1 + Σψ), to money at the importer's spending, are summed,
    and go back, ψᵢ = σᵢ/(1 − Σσ); inside a merged region there are none. Coverage is
    weighted by what flows and what is dormant (mean of the anchors), in money.

    Parameters
    ----------
    world : World
        The world; it is not changed.
    countries, sectors : mapping of str to str, optional
        New code of an old code. Codes that are not in it stay as they are.
    country_names, sector_names : mapping of str to str, optional
        Names of the new codes.
    name : str, optional
        Name of the new world; that of the old one where not given.

    Returns
    -------
    World
        New labels stand where the first of their members stood.

    Raises
    ------
    WorldError
        A code that the world does not have.
    """
    n = _group(countries, world.countries, world.country_names, country_names, "country")
    s = _group(sectors, world.sectors, world.sector_names, sector_names, "sector")
    return world.with_(
        name=name or world.name,
        countries=n.labels,
        sectors=s.labels,
        country_names=n.names,
        sector_names=s.names,
        value_added=n.indicator @ world.value_added,
        deficit=n.indicator @ world.deficit,
        dormant={key: _merge_odds(world, psi, s, n) for key, psi in world.dormant.items()},
        coverage=_merge_coverage(world, s, n),
        meta=_merged_meta(world, n),
        **_merge_links(world, s, n),
        **_merge_shares(world, s, n),
    )


#: what a world's metadata says by code, which the merged codes would make untrue
_BY_CODE = (
    "rebased", "link_kind", "donor_moves", "splice", "provisional", "dormant", "blocs",
    "elasticity_errors", "build", "split",
)  # fmt: skip


def _merged_meta(world: World, n: _Groups) -> dict[str, Any]:
    kept = {key: value for key, value in world.meta.items() if key not in _BY_CODE}
    if "provisional" in world.meta:
        kept["provisional"] = {"flag": "provisional"}
    return kept | {"aggregated_from": world.content_hash, "members": _members(world, n)}


def _members(world: World, n: _Groups) -> dict[str, list[str]]:
    """Places that each group of countries holds, for geography; groups of groups add up."""
    given = world.meta.get("members", {})
    found: dict[str, list[str]] = {}
    for code, position in zip(world.countries, n.position, strict=True):
        found.setdefault(n.labels[position], []).extend(given.get(code, [code]))
    return {label: places for label, places in found.items() if places != [label]}


def reorder(
    world: World, countries: Sequence[str] | None = None, sectors: Sequence[str] | None = None
) -> World:
    """Put the labels of a world in another order; nothing else changes.

    Parameters
    ----------
    world : World
        The world; it is not changed.
    countries, sectors : sequence of str, optional
        Every code, once, in the new order.

    Raises
    ------
    WorldError
        A code that is unknown, missing or repeated.
    """
    n = _order(countries, world.countries, "country")
    s = _order(sectors, world.sectors, "sector")
    axes = {"s": s, "k": s, "i": n, "n": n}
    moved = {
        key: array[np.ix_(*(axes[a] for a in ARRAYS.get(key, ("sin", False))[0]))]
        for key, array in world.arrays().items()
    }
    nested = {
        group: {key: moved.pop(f"{group}/{key}") for key in getattr(world, group)}
        for group in ("dormant", "coverage")
    }
    return world.with_(
        countries=tuple(world.countries[j] for j in n),
        sectors=tuple(world.sectors[j] for j in s),
        country_names=tuple(world.country_names[j] for j in n),
        sector_names=tuple(world.sector_names[j] for j in s),
        **moved,
        **nested,
    )


def scale(world: World, factor: float) -> World:
    """Put a world in another unit of money: every amount times ``factor``.

    Raises
    ------
    InputError
        A factor that is not a positive finite number.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"a world is scaled by a positive finite number, not by {factor}.")
    return world.with_(
        flows=world.flows * factor,
        value_added=world.value_added * factor,
        deficit=world.deficit * factor,
    )


# -- groups and orders -------------------------------------------------------------------
def _group(
    mapping: Mapping[str, str] | None,
    labels: tuple[str, ...],
    names: tuple[str, ...],
    new_names: Mapping[str, str] | None,
    kind: str,
) -> _Groups:
    mapping, new_names = mapping or {}, new_names or {}
    _refuse_unknown(mapping, labels, kind)
    target = [str(mapping.get(code, code)) for code in labels]
    merged = tuple(dict.fromkeys(target))
    _refuse_unknown(new_names, merged, kind)
    old = dict(zip(labels, names, strict=True))
    position = np.array([merged.index(code) for code in target], dtype=np.intp)
    alone = {code: target.count(code) == 1 for code in merged}
    told = tuple(
        str(new_names.get(code, old.get(code, code) if alone[code] else code))
        for code in merged
    )
    return _Groups(merged, told, position)


def _order(codes: Sequence[str] | None, labels: tuple[str, ...], kind: str) -> list[int]:
    codes = labels if codes is None else tuple(map(str, codes))
    _refuse_unknown(codes, labels, kind)
    missing = sorted(set(labels) - set(codes))
    if missing or len(codes) != len(labels):
        what = f"lacks '{missing[0]}'" if missing else "has one twice"
        raise WorldError(f"the new {kind} order {what}; aggregate merges, nothing drops.")
    return [labels.index(code) for code in codes]


def _refuse_unknown(codes: Any, labels: tuple[str, ...], kind: str) -> None:
    for code in codes:
        if code not in labels:
            raise WorldError(f"unknown {kind} '{code}'.", nearest=nearest(str(code), labels))


# -- sums and means ----------------------------------------------------------------------
def _over_links(array: Array, sector: Array, country: Array) -> Array:
    """Apply a sector and a country matrix to [s, i, n], both ends of the link."""
    ends = country @ array @ country.T
    return np.tensordot(sector, ends, axes=1)


def _over_inputs(array: Array, using: Array, s: _Groups, country: Array) -> Array:
    """Apply matrices to [k, s, n]: inputs are always summed, using sectors by ``using``."""
    places = using @ array @ country.T
    return np.tensordot(s.indicator, places, axes=1)


def _ratio_or_mean(money: Array, size: Array, mean: Callable[[], Array]) -> Array:
    """Divide money by size; the mean of the members where the size is not positive."""
    filled = size > 0
    ratio: Array = money / np.where(filled, size, 1.0)
    return ratio if filled.all() else np.where(filled, ratio, mean())


def _merge_links(world: World, s: _Groups, n: _Groups) -> dict[str, Array]:
    """Flows are summed; tariffs are weighted by flows."""
    flows = _over_links(world.flows, s.indicator, n.indicator)
    revenue = _over_links(world.flows * world.tariff, s.indicator, n.indicator)
    tariff = _ratio_or_mean(revenue, flows, lambda: _over_links(world.tariff, s.mean, n.mean))
    return {"flows": flows, "tariff": tariff}


def _merge_shares(world: World, s: _Groups, n: _Groups) -> dict[str, Array]:
    """γ and γᵛ weighted by output, α by income, θ by world expenditure."""
    output = s.indicator @ world.output @ n.indicator.T
    bought = world.expenditure.sum(axis=1)
    return {
        "input_share": _ratio_or_mean(
            _over_inputs(world.input_share * world.output, s.indicator, s, n.indicator),
            output,
            lambda: _over_inputs(world.input_share, s.mean, s, n.mean),
        ),
        "value_added_share": _ratio_or_mean(
            s.indicator @ (world.value_added_share * world.output) @ n.indicator.T,
            output,
            lambda: s.mean @ world.value_added_share @ n.mean.T,
        ),
        "final_share": _ratio_or_mean(
            s.indicator @ (world.final_share * world.income) @ n.indicator.T,
            n.indicator @ world.income,
            lambda: s.indicator @ world.final_share @ n.mean.T,
        ),
        "trade_elasticity": _ratio_or_mean(
            s.indicator @ (world.trade_elasticity * bought),
            s.indicator @ bought,
            lambda: s.mean @ world.trade_elasticity,
        ),
    }


def _merge_odds(world: World, odds: Array, s: _Groups, n: _Groups) -> Array:
    """ψ → σ → money → σ → ψ (docs/model.md, Closed links); equal weights without spending."""
    share = odds / (1.0 + odds.sum(axis=1, keepdims=True))
    bought = s.indicator @ world.expenditure @ n.indicator.T
    merged = _ratio_or_mean(
        _over_links(share * world.expenditure[:, None, :], s.indicator, n.indicator),
        np.broadcast_to(bought[:, None, :], (len(s.labels), len(n.labels), len(n.labels))),
        lambda: np.tensordot(s.mean, n.indicator @ share @ n.mean.T, axes=1),
    )
    several = np.flatnonzero(n.indicator.sum(axis=1) > 1)
    merged[:, several, several] = 0.0
    merged /= 1.0 - merged.sum(axis=1, keepdims=True)
    return merged


def _merge_coverage(world: World, s: _Groups, n: _Groups) -> dict[str, Array]:
    """Banned share of a merged pair's trade, by what flows and what is dormant."""
    if not world.coverage:
        return {}
    weight = world.flows * (1.0 + world.tariff)
    for odds in world.dormant.values():
        share = odds / (1.0 + odds.sum(axis=1, keepdims=True))
        weight = weight + share * world.expenditure[:, None, :] / len(world.dormant)
    size = _over_links(weight, s.indicator, n.indicator)

    def merge(covered: Array) -> Array:
        money = _over_links(covered * weight, s.indicator, n.indicator)
        share = _ratio_or_mean(money, size, lambda: _over_links(covered, s.mean, n.mean))
        return np.clip(share, 0.0, 1.0)

    return {key: merge(covered) for key, covered in world.coverage.items()}
