"""What provisions reach: HS lines → product groups → shares of sectors, by pair."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError
from detente.regimes.hs import REVISIONS, headings, in_hs92, meanings
from detente.regimes.mix import Mix, mix_for
from detente.regimes.schema import Products, Provision, Regime
from detente.world.core import Array, World

#: Axis 1 of every array here: what the target sells, what it buys.
DIRECTIONS = ("export", "import")
#: What the mix calls the rest of a chapter.
REST = "*"


def reach(provision: Provision, revision: str, codes: tuple[str, ...], given_in: str) -> Array:
    """Share of every product group that a provision reaches, shape (2, G).

    Parameters
    ----------
    provision : Provision
        Bans and caps on goods; anything else reaches nothing.
    revision : str
        Revision of its HS lines.
    codes : tuple of str
        Product groups of a mix.
    given_in : str
        Revision of the groups.

    Raises
    ------
    InputError
        A line that the groups cannot tell apart from its neighbours.
    """
    found = np.zeros((2, len(codes)))
    for products in provision.products:
        share = _of_groups(products, revision, codes, given_in, provision.id)
        for direction in provision.directions():
            row = found[DIRECTIONS.index(direction)]
            np.maximum(row, share, out=row)
    return found


def line_mask(
    lines: Sequence[str], codes: tuple[str, ...], revision: str, given_in: str, where: str
) -> Array:
    """Which groups are reached by HS prefixes, shape (G,), 0 or 1."""
    share = np.zeros(len(codes))
    for line in lines:
        for prefix in _translated(line, revision, given_in):
            told = where if prefix == line else f"{where} {line} of {revision}"
            share = np.maximum(share, _prefix(prefix, codes, told))
    return share


def _of_groups(
    products: Products, revision: str, codes: tuple[str, ...], given_in: str, where: str
) -> Array:
    hit = line_mask(products.lines(), codes, revision, given_in, where)
    spared = line_mask(products.spared(), codes, revision, given_in, where)
    return hit * (1.0 - spared) * products.covered


def _translated(line: str, revision: str, given_in: str) -> tuple[str, ...]:
    """A line in the revision of the groups: itself where it means the same, else by HS 1992."""
    if len(line) <= 2 or revision == given_in:
        return (line,)
    first, last = sorted((REVISIONS.index(revision), REVISIONS.index(given_in)))
    changed = any(
        first < REVISIONS.index(since) <= last for since, _, _ in meanings().get(line[:4], ())
    )
    if line[:4] in headings(given_in) and not changed:
        return (line,)
    return in_hs92(line, revision)


@cache
def _prefix(prefix: str, codes: tuple[str, ...], where: str) -> Array:
    """Groups below one prefix; a heading inside a rest of a chapter cannot be told."""
    found = np.array([1.0 if code.startswith(prefix) else 0.0 for code in codes])
    if len(prefix) < 4:
        return found
    chapter = [c for c in codes if c[:2] == prefix[:2]]
    single = [c for c in chapter if not c.endswith(REST)]
    finer = any(c.startswith(prefix[:4]) and len(c) >= len(prefix) for c in single)
    if len(prefix) > 4 and not finer and any(c == prefix[:4] for c in single):
        raise InputError(
            f"{where}: HS {prefix} is finer than the product mix, which knows headings: "
            f"{_instead(prefix[:4], where)}, or bring trade data by six digits."
        )
    if not finer and any(c.endswith(REST) for c in chapter):
        raise InputError(
            f"{where}: HS {prefix} lies in what the embedded product mix knows only as the "
            f"rest of chapter {prefix[:2]}: {_instead(prefix[:2], where)}, or bring trade data "
            "by heading (detente regimes attach --trade)."
        )
    return found


def _instead(line: str, where: str) -> str:
    """What to write: a regime can say which part of a wider line it means, a measure cannot."""
    if where.startswith(("hs", "exempt")):
        return f"name '{line}' whole"
    return f"name {line} and say with 'covered' which part of it is meant"


def to_sectors(share: Array, weight: Array, sector: NDArray[np.intp], n_sectors: int) -> Array:
    """Share of each sector's trade: (G,) or (G, N) of its groups → (S, N).

    Where nothing is known of what a pair trades in a sector, only what is true of every
    group of the sector is true of it: the smallest of their shares.
    """
    values = np.broadcast_to(share if share.ndim == 2 else share[:, None], weight.shape)
    within = inside(sector, n_sectors)
    found: Array = within @ (weight * values)
    unknown = (within @ weight <= 0) & (within.sum(axis=1) > 0)[:, None]
    for s in np.flatnonzero(unknown.any(axis=1)):
        here = unknown[s]
        found[s, here] = values[sector == s][:, here].min(axis=0)
    most: Array = np.clip(found, 0.0, 1.0)  # weights sum to one up to rounding
    return most


def traded(weight: Array, sector: NDArray[np.intp], n_sectors: int) -> NDArray[np.bool_]:
    """Groups that a pair trades, or may trade where nothing is known of the sector; (G, N)."""
    total = inside(sector, n_sectors) @ weight
    found: NDArray[np.bool_] = (weight > 0) | (total[sector] == 0)
    return found


def inside(sector: NDArray[np.intp], n_sectors: int) -> Array:
    """Whether a group is in a sector, shape (S, G) of 0 and 1."""
    found: Array = (sector[None] == np.arange(n_sectors)[:, None]).astype(np.float64)
    return found


def closed_by_cap(provision: Provision) -> float:
    """Share of a year's trade without the cap that it cuts off; 0 where not known."""
    cap = provision.cap
    if cap is None or cap.reference is None:
        return 0.0
    return max(1.0 - cap.quantity / cap.reference, 0.0)


def pair_coverage(
    world: World,
    regimes: Sequence[Regime],
    target: str,
    partner: str,
    at: date,
    mix: Mix | None = None,
) -> pd.DataFrame:
    """What regimes cover of a pair's trade on a day, by direction and sector.

    Parameters
    ----------
    world : World
        Its flows are the trade before the bans: million USD.
    regimes : sequence of Regime
    target, partner : str
        Country codes of the world.
    at : date
        Day of the law, as adopted.
    mix : Mix, optional
        Product mix; by default :func:`detente.regimes.mix.mix_for`.

    Returns
    -------
    DataFrame
        ``direction``, ``sector``, ``sector_name``, ``covered`` (share of the sector's trade
        on lines banned, or beyond a cap, by any of them), ``trade`` and ``banned`` (million
        USD), ``provisions`` (text). Sectors without trade and coverage are left out.
    """
    _refuse_arguments(regimes, at)
    mix = mix or mix_for(world, target)
    codes = tuple(g.code for g in mix.groups)
    sector = np.array([g.sector for g in mix.groups])
    t, n = world.country_index(target), world.country_index(partner)
    closed = np.zeros((2, len(codes)))
    named: dict[tuple[int, int], list[str]] = {}
    for regime in regimes:
        if not binds(regime, world, target)[n]:
            continue
        for p in regime.provisions:
            if not p.holds_on(at):
                continue
            share = reach(p, regime.hs_revision, codes, mix.revision)
            share = share * (closed_by_cap(p) if p.cap else 1.0)
            closed = np.maximum(closed, share)
            for d, weight in enumerate((mix.exports, mix.imports)):
                for s in np.unique(
                    sector[(share[d] > 0) & traded(weight, sector, world.n_sectors)[:, n]]
                ):
                    named.setdefault((d, int(s)), []).append(p.id)
    rows = []
    for d, (direction, weight) in enumerate(
        zip(DIRECTIONS, (mix.exports, mix.imports), strict=True)
    ):
        covered = to_sectors(closed[d], weight[:, [n]], sector, world.n_sectors)[:, 0]
        flows = world.flows[:, t, n] if d == 0 else world.flows[:, n, t]
        for s in np.flatnonzero(
            (covered > 0) | ((flows > 0) & np.isin(range(len(flows)), sector))
        ):
            rows.append(
                {
                    "direction": direction,
                    "sector": world.sectors[s],
                    "sector_name": world.sector_names[s],
                    "covered": float(covered[s]),
                    "trade": float(flows[s]),
                    "banned": float(flows[s] * covered[s]),
                    "provisions": ", ".join(named.get((d, int(s)), [])),
                }
            )
    columns = ["direction", "sector", "sector_name", "covered", "trade", "banned", "provisions"]
    return pd.DataFrame(rows, columns=columns)


def _refuse_arguments(regimes: object, at: object) -> None:
    """Refuse what is easily given by mistake from Python."""
    if isinstance(regimes, Regime) or not isinstance(regimes, Sequence):
        raise InputError("'regimes' is a list: give [regime], also for one.")
    if not isinstance(at, date):
        raise InputError(f"'at' is a datetime.date, not {at!r}.")


def binds(regime: Regime, world: World, target: str) -> Array:
    """Which partners apply a regime to a target, shape (N,) of 0 and 1.

    A region of the world counts as a sender where at least half of its members are.
    """
    return _binds(regime.senders, world.countries, _members(world), target)


@cache
def _binds(
    senders: tuple[str, ...],
    countries: tuple[str, ...],
    members: tuple[tuple[str, tuple[str, ...]], ...],
    target: str,
) -> Array:
    within = dict(members)
    found = np.zeros(len(countries))
    for n, code in enumerate(countries):
        region = within.get(code, (code,))
        named = sum(member in senders for member in region)
        applies = senders == ("all",) or code in senders or 2 * named >= len(region)
        found[n] = float(applies and code != target)
    found.flags.writeable = False
    return found


def _members(world: World) -> tuple[tuple[str, tuple[str, ...]], ...]:
    given = world.meta.get("members", {})
    return tuple((code, tuple(inside)) for code, inside in sorted(given.items()))


def target_of(regime: Regime, world: World) -> str:
    """The world's country that a regime is on.

    Raises
    ------
    InputError
        The world does not have it.
    """
    for code in regime.target:
        if code in world.countries:
            return code
    regions = dict(_members(world))
    for code in regime.target:
        region = next((c for c, found in regions.items() if code in found), None)
        if region is not None:
            raise InputError(
                f"'{regime.regime}' is on {code}, which world '{world.name}' holds only within "
                f"{region}: split it out first (detente world split).",
            )
    raise InputError(
        f"'{regime.regime}' is on {', '.join(regime.target)}, which is in world "
        f"'{world.name}' neither as a country nor within a region.",
    )
