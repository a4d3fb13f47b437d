"""Quantity caps of the law on one target, as the solver takes them: one a link at most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detente.errors import InputError
from detente.regimes.coverage import to_sectors
from detente.regimes.law import NOTHING, Held, Mask, TargetLaw
from detente.shocks import Cap
from detente.world.core import Array


@dataclass(frozen=True)
class Limit:
    """One cap in one sector: its lines may ship so much, from or to these partners together."""

    provision: str
    partners: tuple[int, ...]
    lines: bytes  # which groups: caps on the same lines do not add up
    share: Array  # (N,): of the sector's trade that is on its lines
    allowed: float  # of these lines, million USD at baseline prices
    owner: str


def caps_of(law: TargetLaw) -> tuple[Cap, ...]:
    """Every cap in force, one a sector, direction and set of partners.

    A cap that the baseline holds allows what the baseline ships, and where q is stated that
    part of what the lines carried before; one that it does not hold allows quantity/reference
    of the lines' trade (or its quantity in USD), and q of the rest.
    Of caps on the same lines the smallest holds; caps on other lines of a sector add up, with
    what no cap names.

    Raises
    ------
    InputError
        Two caps hold some of the same links, and not all: a link has one mark-up.
    """
    key = law.key(None, tuple(sorted(law.rent.items())))
    kept = law.shared.caps.get(key)
    if kept is None:
        kept = _caps_of(law)
        law.shared.caps.put(key, kept)
    return kept


def _caps_of(law: TargetLaw) -> tuple[Cap, ...]:
    found = []
    for d in range(2):
        flows = law.world.flows[:, law.t] if d == 0 else law.world.flows[:, :, law.t]
        limits: dict[int, list[Limit]] = {}
        for held in law.held.values():
            for s, limit in _limits(law, held, d, flows):
                limits.setdefault(s, []).append(limit)
        for s, some in limits.items():
            found += [_cap(law, d, s, group, flows[s]) for group in _groups(law, s, some)]
    return tuple(found)


def _limits(law: TargetLaw, held: Held, d: int, flows: Array) -> Iterator[tuple[int, Limit]]:
    """Sector and limit of every cap of a regime in one direction."""
    weight = law.mix.exports if d == 0 else law.mix.imports
    carried = _potential(law, d)
    for p, provision in enumerate(held.provisions):
        cap, lines = provision.cap, held.capped[p, d]
        if cap is None or not lines.any():
            continue
        stated = held.survival[p, d]
        q = np.where(np.isnan(stated), 0.0, stated)
        # with nobody who keeps it a cap holds nothing
        loose = ((q >= 1.0 - NOTHING) | ~lines).all(axis=0)
        reached = np.where(lines & ~loose, held.reach[p, d][:, None], 0.0)
        share = to_sectors(reached, weight, law.sector, law.world.n_sectors)
        spared = to_sectors(reached * q, weight, law.sector, law.world.n_sectors)
        owner = law.rent.get((held.regime.regime, provision.id), cap.rent)
        for s in np.flatnonzero((share > NOTHING).any(axis=1)):
            partners = tuple(int(n) for n in np.flatnonzero(share[s] > NOTHING))
            traded, anyway = flows[s] * share[s], float((flows[s] * spared[s]).sum())
            if held.base_on[p, list(partners)].any():
                more = np.maximum(carried[s] * spared[s] - flows[s] * spared[s], 0.0)
                allowed = float(traded.sum() + more.sum())
            elif cap.reference is None:
                allowed = cap.quantity + anyway
            else:
                part = cap.quantity / cap.reference
                allowed = part * (float(traded.sum()) - anyway) + anyway
            key = (reached[law.sector == s] > 0).tobytes()
            yield int(s), Limit(provision.id, partners, key, share[s], allowed, owner)


def _potential(law: TargetLaw, d: int) -> Array:
    """What links carried before the bans, (S, N) million USD; today's trade if nobody knows."""
    world = law.world
    psi = world.dormant.get("as_before")
    flows = world.flows[:, law.t] if d == 0 else world.flows[:, :, law.t]
    if psi is None:
        return flows
    share = psi / (1.0 + psi.sum(axis=1, keepdims=True))
    bought = share * world.expenditure[:, None, :] / (1.0 + world.tariff)
    found: Array = bought[:, law.t] if d == 0 else bought[:, :, law.t]
    return np.maximum(found, flows)


def _groups(law: TargetLaw, s: int, limits: list[Limit]) -> list[list[Limit]]:
    """Limits by the partners that they hold; sets that overlap in part are refused."""
    groups: dict[tuple[int, ...], list[Limit]] = {}
    for limit in limits:
        for partners, others in groups.items():
            if partners != limit.partners and set(partners) & set(limit.partners):
                raise InputError(
                    f"the caps {others[0].provision} and {limit.provision} on "
                    f"'{law.world.sectors[s]}' hold some of the same links and not all of "
                    "them; a link can have one cap. Lift or impose them for the same senders."
                )
        groups.setdefault(limit.partners, []).append(limit)
    return list(groups.values())


def _cap(law: TargetLaw, d: int, s: int, limits: list[Limit], flows: Array) -> Cap:
    """The joint cap of limits on one set of partners."""
    at = list(limits[0].partners)
    whole = float(flows[at].sum())
    smallest: dict[bytes, Limit] = {}
    for limit in sorted(limits, key=lambda one: one.allowed):
        smallest.setdefault(limit.lines, limit)

    def alone(limit: Limit) -> float:
        return whole - float((flows * limit.share).sum()) + limit.allowed

    bounds = [alone(limit) for limit in limits]
    named = np.minimum(sum(limit.share for limit in smallest.values()), 1.0)
    together = whole - float((flows * named)[at].sum())
    together += sum(limit.allowed for limit in smallest.values())
    tightest = limits[int(np.argmin(bounds))]
    mask: Mask = np.isin(np.arange(law.world.n_countries), at)
    others = tuple(c for c, on in zip(law.world.countries, mask, strict=True) if on)
    sellers, buyers = ((law.target,), others) if d == 0 else (others, (law.target,))
    quantity = max(min(*bounds, together), 0.0)
    return Cap(law.world.sectors[s], sellers, buyers, quantity, tightest.owner)
