"""Who pays for what corridors build, whatever their order in the file.

A project may be part of several corridors of a scenario, and is built once. It is paid for by
the corridor that names it and states ``finance``; where none names it, by the one that includes
it. Where two would pay differently the scenario is refused: no order of measures decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detente.corridors.project import Project
from detente.scenario.compose import State
from detente.scenario.finance import Finance
from detente.scenario.measure import Measure


@dataclass(frozen=True)
class Wanted:
    """A corridor in force: the measure, the projects that it names, who pays."""

    measure: Measure
    named: tuple[Project, ...]
    finance: Finance | None

    @property
    def parts(self) -> dict[str, Project]:
        """Every project that it names or includes, by name."""
        return {p.project: p for whole in self.named for p in whole.closure}


def shared_out(wanted: Sequence[Wanted]) -> dict[int, tuple[Project, ...]]:
    """The projects that each corridor builds, by its measure's ``id``; nobody builds twice.

    Corridors without ``finance`` build what nobody pays for.

    Raises
    ------
    ScenarioError
        Two different projects of one name; two corridors that would pay differently.
    """
    found: dict[int, list[Project]] = {id(w.measure): [] for w in wanted}
    known: dict[str, Project] = {}
    for one in wanted:
        for name, part in one.parts.items():
            if known.setdefault(name, part).model_dump_json() != part.model_dump_json():
                what = f"two different projects are called '{name}': give one another name."
                one.measure.fail("use", what)
    for name, part in known.items():
        found[id(_builder(name, wanted).measure)].append(part)
    return {key: tuple(parts) for key, parts in found.items()}


def _builder(name: str, wanted: Sequence[Wanted]) -> Wanted:
    """The corridor that a project is built with."""
    having = [w for w in wanted if name in w.parts]
    paying = [w for w in having if w.finance is not None]
    naming = [w for w in paying if any(p.project == name for p in w.named)]
    first, *others = naming or paying or having
    for other in others:
        if other.finance != first.finance:
            other.measure.fail(
                "finance",
                f"'{name}' is part of two corridors, and both say otherwise who pays for it: "
                "name it in one corridor alone, or state the same 'finance' in both.",
            )
    return first


def charge(state: State, one: Wanted, parts: Sequence[Project]) -> str:
    """Charge those who pay for some projects; in words.

    Parameters
    ----------
    state : State
    one : Wanted
    parts : sequence of Project
        What this corridor builds.
    """
    known = [p.capex for p in parts if p.capex is not None]
    central = sum(c.central for c in known)
    if one.finance is None:
        if central > 0:
            low, high = sum(c.low for c in known), sum(c.high for c in known)
            state.tell(
                one.measure,
                f"nobody is charged for building it: {central:,.0f} ({low:,.0f} to "
                f"{high:,.0f}) million USD; write finance: {{paid_by: …}}",
            )
            return "nobody is charged for building it"
        return "it is built with another corridor of the scenario" if not parts else "no cost"
    if not parts and one.finance.capex is None:
        return "it is built with another corridor of the scenario"
    finance = one.finance.with_capex(central if known else None)
    return finance.charge(state, one.measure, _places(state, finance.paid_by, parts))


def _places(
    state: State, paid_by: Mapping[str, float], parts: Sequence[Project]
) -> dict[str, float]:
    """Where projects stand, as shares of economies; what is not known, where the payers are."""
    money: dict[str, float] = {}
    for part in parts:
        if part.capex is None:
            continue
        left = part.capex.central
        for country, share in part.capex.in_.items():
            code = _economy(state, country)
            if code is not None:
                amount = share * part.capex.central
                money[code] = money.get(code, 0.0) + amount
                left -= amount
        for code, share in paid_by.items():
            money[code] = money.get(code, 0.0) + max(left, 0.0) * share
    total = sum(money.values())
    return {c: v / total for c, v in money.items() if v > 0} if total > 0 else dict(paid_by)


def _economy(state: State, country: str) -> str | None:
    """The world's economy that a country is or belongs to."""
    world = state.world
    if country in world.countries:
        return country
    members = world.meta.get("members", {})
    return next((c for c in world.countries if country in members.get(c, ())), None)
