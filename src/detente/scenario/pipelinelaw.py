"""Law on record that a pipeline through a country would meet before it is built."""

from __future__ import annotations

from datetime import date

from detente.regimes.law import Held
from detente.regimes.schema import Provision
from detente.scenario.compose import State
from detente.scenario.measure import Mask

#: What building and filling a pipeline needs from abroad, by HS: gas, pipe, compressors.
_NEEDED = {"2711": "gas", "73": "pipe", "84": "compressors"}
#: Provisions of a regime that are named.
_FEW = 4


def law_met(state: State, lands: tuple[str, ...]) -> list[str]:
    """Law on record of transit lands that building or filling the link would meet."""
    found = []
    for law in state.laws.targets.values():
        if law.target not in lands:
            continue
        day = state.day or law.day
        told = [] if day is None else [_regime(n, held, day) for n, held in law.held.items()]
        told = [words for words in told if words]
        if told:
            found.append(
                f"law on record would have to be lifted or excepted first for {law.target}: "
                f"{'; '.join(told)}. The link is taken as built all the same"
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
