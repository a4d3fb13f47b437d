"""Law that a pipeline would meet: what closes its shipment, what building it would touch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from detente.corridors.pipelines import Link
from detente.regimes.law import Held, TargetLaw
from detente.regimes.schema import Provision
from detente.scenario.compose import State
from detente.scenario.measure import Mask
from detente.scenario.zones import closed_to_zone

#: What building and filling a pipeline needs from abroad, by HS: gas, pipe, compressors.
_NEEDED = {"2711": "gas", "73": "pipe", "84": "compressors"}
#: Provisions of a regime that are named.
_FEW = 4
_BUILT = ". The link is taken as built all the same"
#: A closed share below this is not told.
_TRACE = 1e-9


# -- the shipment ----------------------------------------------------------------------------
def closed_share(state: State, cell: tuple[int, int, int]) -> float:
    """Share of a link's sector that law and the scenario's bans close, 0 to 1."""
    return float(np.clip(closed_to_zone(state, frozenset())[cell], 0.0, 1.0))


def closing_words(state: State, cell: tuple[int, int, int], closed: float) -> str:
    """What closes the link, and that as much of the pipe's gas is closed; '' if nothing."""
    if closed < _TRACE:
        return ""
    world, (s, i, n) = state.world, cell
    mask: Mask = np.zeros(world.flows.shape, dtype=bool)
    mask[cell] = True
    by = [f"{name} ({_few(ids)})" for name, (ids, _) in state.laws.closing(mask).items()]
    by += [name for name, table in state.remaining.items() if table[cell] > 0]
    by += [name for name, layer in state.layers.items() if layer.coverage[cell] > 0]
    return (
        f"warning: {'; '.join(by) or 'law'} closes {100 * closed:.3g} % of {world.sectors[s]} "
        f"from {world.countries[i]} to {world.countries[n]}, and with it that share of what "
        "the link would carry until it is lifted"
    )


def _few(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _FEW} more" if len(ids) > _FEW else ""
    return ", ".join(ids[:_FEW]) + more


def caps_on(state: State, cell: tuple[int, int, int]) -> list[tuple[str, tuple[str, ...]]]:
    """Regimes whose quantity caps hold a link's sector, with the provisions."""
    found = []
    for law, d, partner in _sides(state, cell):
        for name, held in law.held.items():
            ids = tuple(
                p.id
                for row, p in enumerate(held.provisions)
                if p.cap is not None
                and held.capped[row, d][law.sector == cell[0]][:, partner].any()
            )
            if ids:
                found.append((name, ids))
    return found


def _sides(state: State, cell: tuple[int, int, int]) -> Iterator[tuple[TargetLaw, int, int]]:
    """Law on the seller's exports (0) and on the buyer's imports (1), and the partner."""
    _, i, n = cell
    for law in state.laws.targets.values():
        if law.t == i:
            yield law, 0, n
        if law.t == n:
            yield law, 1, i


# -- building it -----------------------------------------------------------------------------
def law_met(state: State, link: Link, *, used: bool = True) -> list[str]:
    """Law on record of the lands on its way that building or filling the link would meet.

    Parameters
    ----------
    state : State
    link : Link
    used : bool
        Whether it is in the answer, so that a reader is told that it is taken as built.
    """
    found = []
    world = state.world
    parties = [world.country_index(c) for c in link.parties]
    for law in state.laws.targets.values():
        if law.target not in (link.seller, *link.via, link.buyer):
            continue
        day = state.day or law.day
        if day is None:
            continue
        bound: list[str] = []
        others: list[str] = []
        for name, held in law.held.items():
            words = _regime(name, held, day)
            binds = any(held.binds[c] > 0 for c in parties if c != law.t)
            if words:
                (bound if binds else others).append(words if binds else name)
        if bound:
            found.append(
                f"law on record would have to be lifted or excepted first for {law.target}: "
                f"{'; '.join(bound)}{_BUILT if used else ''}"
            )
        if others:
            found.append(
                f"law on {law.target} that no party of the link applies, and that suppliers, "
                f"banks and insurers elsewhere may have to: {', '.join(others)}"
            )
    return found


def _regime(name: str, held: Held, day: date) -> str:
    """``unsc-dprk on finance and pipe (2375-18, 2397-7)``; nothing where it touches nothing."""
    needs = _provisions(held, day)
    if not needs:
        return ""
    # goods and investment first: what is named last may be cut
    ids = sorted(needs, key=lambda i: needs[i] == ["finance"])
    topics = sorted({word for words in needs.values() for word in words})
    more = f" and {len(ids) - _FEW} more" if len(ids) > _FEW else ""
    return f"{name} on {', '.join(topics)} ({', '.join(ids[:_FEW])}{more})"


def _provisions(held: Held, day: date) -> dict[str, list[str]]:
    """Provisions in force: on investment and finance, and goods that building needs."""
    ids = {}
    for provision in held.regime.provisions:
        ended = provision.until is not None and provision.until < day
        if provision.first_day > day or ended:
            continue
        what = _needs(provision)
        if provision in held.provisions:
            row = held.provisions.index(provision)
            closed: Mask = held.now[row] > 0
            if not closed.any():
                continue
        if what:
            ids[provision.id] = what
    return ids


def _needs(provision: Provision) -> list[str]:
    """What of a pipeline a provision touches; nothing, for most."""
    if provision.effect in ("investment", "finance"):
        return [provision.effect]
    if provision.effect != "ban" or provision.direction == "export":
        return []
    lines = [line for products in provision.products for line in products.lines()]
    return [
        what
        for code, what in _NEEDED.items()
        if any(line.startswith(code) or code.startswith(line) for line in lines)
    ]
