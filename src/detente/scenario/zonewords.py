"""Words of the measure ``zone``: its size, what closes it, what excepts it."""

from __future__ import annotations

from collections.abc import Iterable

from detente.scenario.compose import State
from detente.scenario.measure import Mask
from detente.scenario.units import figure
from detente.scenario.zones import closed_to_zone, closing
from detente.world.core import Array

#: Shares of trade that law closes below this are not told.
_TRACE = 0.01
_VARIETY = {
    "neutral": "its trade cheapens nothing (variety: neutral), which is the lower end",
    "counted": "its goods count as new varieties (variety: counted), which is the upper end",
}


def stated(productivity: float, new_labour: float, free: bool) -> str:
    """Productivity, labour and duty, where they are not as usual."""
    found = ""
    if productivity != 1.0:
        found += f", {productivity:.4g} times as productive as their sectors"
    if new_labour:
        found += f", {100 * new_labour:.3g} % of them new labour"
    return found + (", duty-free" if free else "")


def size(told: Array, wages: float, partners: Iterable[str]) -> str:
    """Its trade, what of it was there, what law closes (``told``), and wages, million USD."""
    trade, there, shut = told
    words = f"{figure(trade)} million USD of trade a year with {', '.join(partners)}"
    if there > 0:
        words += f", {figure(there)} of which these links trade without it"
    if trade > 0:
        words += f", {figure(wages)} of what it sells are wages"
    if shut > 0:
        words += f"; law and bans close another {figure(shut)}"
    return words


def notes(name: str, told: Array, closes: list[str], law: str, variety: str) -> list[str]:
    """What a reader has to know: what closes it, what counts once, law, wages."""
    trade, there, shut = told
    whole, found = trade + shut, []
    if shut > _TRACE * whole > 0:
        by = "; ".join(closes) or "law"
        found.append(
            f"warning: {100 * shut / whole:.3g} % of the trade of {name} is closed by {by}"
        )
    if there > 0:
        found.append(
            f"{figure(there)} of the {figure(trade)} million USD of {name} are trade that its "
            "links have without it (observed, or returned by relief) and that is its own: not "
            "added again"
        )
    if law:
        found.append(f"law on {name}: {' '.join(law.split())}")
    if trade > 0:
        # the same words for every zone, so that a report says them once
        found.append(
            "wages of a zone are part of what it sells, and no gain of the host as far as its "
            f"workers leave other work; {_VARIETY[variety]}"
        )
    return found


def closing_words(state: State, cells: Mask, spared: frozenset[str]) -> list[str]:
    """Regimes with provisions, tables and bans that close its links, but what excepts it."""
    found = []
    for name, ids in closing(state, cells).items():
        left = [i for i in ids if i not in spared]
        if left or (not ids and name not in spared):
            found.append(f"{name} ({', '.join(left)})" if left else name)
    return found


def exception(
    state: State, cells: Mask, spared: frozenset[str], name: str, named: Iterable[str]
) -> str:
    """What its exception opens, beside what stays closed to others; '' if there is none.

    Parameters
    ----------
    state : State
    cells : ndarray of bool, shape (S, N, N)
        Links that it trades on.
    spared : frozenset of str
        Provisions and tables that do not apply to it.
    name : str
        What it is called.
    named : iterable of str
        What the scenario itself excepts it from.
    """
    closed, without = (closed_to_zone(state, s)[cells] for s in (spared, frozenset[str]()))
    if (without > closed).any():
        by = [
            f"{regime} ({', '.join(i for i in ids if i in spared)})" if ids else regime
            for regime, ids in closing(state, cells).items()
            if spared.intersection(ids or (regime,))
        ]
        return (
            f"{name} is excepted from {'; '.join(by)}: a table of what stays closed is of all "
            "other trade"
        )
    if any(named):
        return (
            f"warning: 'excepted_from' of {name} opens nothing: {', '.join(named)} closes none "
            "of its goods here, or other law closes the same"
        )
    return ""
