"""What would it take: the value of a lever at which an outcome reaches a goal.

Each lever is one number (:mod:`detente.outcomes.targetlevers`), each number an equilibrium. The
outcome is solved on an even grid over the lever's range; every crossing that the grid shows is
narrowed to rounding (:mod:`detente.outcomes.targetroots`). Where there is none, a proof says
that no value does it (:mod:`detente.outcomes.targetproof`), or nothing more is claimed than
that none was found on this grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.errors import DetenteError, InputError
from detente.outcomes.attribution import OnDay
from detente.outcomes.targetgoal import Goal, parse_goal
from detente.outcomes.targetlevers import Fields, Lever, levers
from detente.outcomes.targetproof import Ends, Proof, by_definition, plain, proof
from detente.outcomes.targetroots import Crossing, Scan, scan
from detente.outcomes.trade import partners
from detente.scenario import Scenario
from detente.solver import DEFAULT_TOLERANCE
from detente.world.core import World
from detente.world.rebase import baseline_for

__all__ = ["GRID", "Answer", "Run", "Target", "target"]

#: Points of the grid unless another number is given, the fewest and the most.
GRID, FEWEST, MOST = 33, 2, 2001
#: Below this share of world income a flow is rounding of the solves; a share or change, below.
_NO_FLOW, _NO_CHANGE = 1e-14, 1e-9
#: All levers together, at a common intensity.
TOGETHER = "together"


@dataclass(frozen=True)
class Answer:
    """A value at which the goal is met, and what else then happens.

    Attributes
    ----------
    at : Crossing
        In the lever's own number; of all levers together the common intensity.
    words : str
        What the number comes to.
    then : mapping
        ``welfare`` and ``own_earnings`` by country of the goal (shares), ``rank`` of each
        among the other's partners (None without trade), ``trade`` of each (million USD).
    measures : tuple of dict
        What a scenario file would hold.
    """

    at: Crossing
    words: str
    then: Mapping[str, Mapping[str, Any]]
    measures: tuple[Fields, ...]


@dataclass(frozen=True, eq=False)
class Run:
    """One lever, or all together, over its range.

    Attributes
    ----------
    name, about, meaning : str
    low, high : float
    scan : Scan
    answers : tuple of Answer
        Least effort first.
    verdict : str
        ``met``: there are answers; ``already``: met before the lever moves; ``bounded`` or
        ``monotone``: no value does it, proved; else ``not found on this grid``.
    proof : Proof or None
    """

    name: str
    about: str
    meaning: str
    low: float
    high: float
    scan: Scan
    answers: tuple[Answer, ...]
    verdict: str
    proof: Proof | None


@dataclass(frozen=True, eq=False)
class Target:
    """The answer of every lever.

    Attributes
    ----------
    goal : Goal
    world : World
        As the scenario assumes it.
    scenario : Scenario
        What acts beside the levers.
    today, target : float
        In the unit of the goal's quantity; today is the world's baseline.
    without : float
        Where the scenario acts and no lever does.
    runs : tuple of Run
    grid : int
    """

    goal: Goal
    world: World
    scenario: Scenario
    today: float
    target: float
    without: float
    runs: tuple[Run, ...]
    grid: int

    @cached_property
    def answers(self) -> pd.DataFrame:
        """A row a crossing: ``lever``, ``verdict``, ``value``, ``outcome``, ``how``, ``words``.

        Of a lever without one a row with what it comes closest to, and ``how`` missing; then
        ``welfare_CODE`` and ``rank_CODE`` of the goal's countries.
        """
        rows = []
        for run in self.runs:
            rows += [_row(run, a.at.x, a.at.value, a.at.how, a) for a in run.answers]
            if not run.answers:
                x, value = run.scan.closest
                rows.append(_row(run, x, value, None, None))
        return pd.DataFrame(rows)

    @cached_property
    def points(self) -> pd.DataFrame:
        """The grid: ``lever``, ``value``, ``outcome``, and ``unsolved``, why it is missing."""
        rows = []
        for run in self.runs:
            why = dict(run.scan.unsolved)
            known = dict(zip(run.scan.x.tolist(), run.scan.value.tolist(), strict=True))
            for x in sorted({*known, *why}):
                row = {"lever": run.name, "value": x, "outcome": known.get(x, math.nan)}
                rows.append({**row, "unsolved": why.get(x, "")})
        return pd.DataFrame(rows)


def _row(run: Run, x: float, value: float, how: str | None, a: Answer | None) -> dict[str, Any]:
    row = {
        "lever": run.name,
        "verdict": run.verdict,
        "value": x,
        "outcome": value,
        "how": how,
        "words": "" if a is None else a.words,
    }
    for key in ("welfare", "rank"):
        row |= {f"{key}_{c}": v for c, v in (a.then[key] if a else {}).items()}
    return row


@dataclass(frozen=True, eq=False)
class _Model:
    """A world and a scenario on which levers are pulled."""

    world: World
    scenario: Scenario
    goal: Goal
    tolerance: float

    def on(self, fields: Sequence[Fields]) -> OnDay:
        """The scenario with more measures, after its own."""
        more = Scenario.from_dict({"scenario": "levers", "measures": list(fields)}).measures
        whole = self.scenario.with_(measures=(*self.scenario.measures, *more))
        return OnDay(whole, self.scenario.end, self.scenario.prepare).unnoted()

    def solve(self, fields: Sequence[Fields]) -> Equilibrium:
        return solve_equilibrium(self.world, self.on(fields), tolerance=self.tolerance)


def target(
    world: World,
    goal: str | Goal,
    using: str | Sequence[str],
    scenario: Scenario | None = None,
    *,
    ranges: Sequence[str] = (),
    grid: int = GRID,
    tolerance: float = DEFAULT_TOLERANCE,
    progress: Callable[[int, int], None] | None = None,
) -> Target:
    """Solve for the value of each lever, alone and all together, that reaches a goal.

    Parameters
    ----------
    world : World
    goal : str or Goal
        :mod:`detente.outcomes.targetgoal` has the grammar.
    using : str or sequence of str
        Levers; :func:`levers` has their forms.
    scenario : Scenario, optional
        Acts beside the levers, on the day of its end; "today" is the world without it.
    ranges : sequence of str
        ``corridor=0..0.5``.
    grid : int
        Points a lever.
    tolerance : float
        Of each solve.
    progress : callable, optional
        Told how many grid points are solved, of how many.

    Raises
    ------
    InputError
        A goal, lever, range or grid that cannot be read, or does not fit the world.
    """
    goal = parse_goal(goal) if isinstance(goal, str) else goal
    goal.require(world)
    if not FEWEST <= grid <= MOST:
        raise InputError(f"--grid: {grid} is not between {FEWEST} and {MOST:,} points.")
    pulled = levers(goal, world, using, ranges)
    acts = scenario or Scenario("levers alone", world=world.name)
    prepared = acts.prepare(world)
    model = _Model(prepared, acts, goal, tolerance)
    base = baseline_for(prepared, model.on(()).to_shocks(prepared).deficit_rule)
    today = goal.today(base)
    wanted = goal.target(today)
    without = _without(model)
    plans = [_alone(lever) for lever in pulled]
    if len(pulled) > 1:
        plans.append(_all(pulled))
    total = sum(grid if plan.high > plan.low else 1 for plan in plans)
    runs, done = [], 0
    for plan in plans:
        told = None if progress is None else _after(progress, done, total)
        runs.append(_run(model, plan, wanted, grid, told))
        done += runs[-1].scan.x.size
    return Target(goal, prepared, acts, today, wanted, without, tuple(runs), grid)


def _after(
    progress: Callable[[int, int], None], done: int, total: int
) -> Callable[[int], None]:
    return lambda more: progress(done + more, total)


def _without(model: _Model) -> float:
    """The quantity where no lever is used; NaN where that has no equilibrium."""
    try:
        return model.goal.value(model.solve(()))
    except InputError:
        raise
    except DetenteError:
        return math.nan


@dataclass(frozen=True)
class _Plan:
    """A lever, or all together, as a function of one number."""

    name: str
    about: str
    meaning: str
    low: float
    high: float
    build: Callable[[float], list[Fields]]
    words: Callable[[float], str]


def _alone(lever: Lever) -> _Plan:
    return _Plan(
        lever.name,
        lever.about,
        lever.kind.meaning,
        lever.low,
        lever.high,
        lever.build,
        lever.words,
    )


def _all(pulled: Sequence[Lever]) -> _Plan:
    """Every lever at a common intensity of its range, in an order that is not the user's."""
    ordered = sorted(pulled, key=lambda lever: lever.name)

    def build(x: float) -> list[Fields]:
        return [fields for lever in ordered for fields in lever.build(lever.at(x))]

    def words(x: float) -> str:
        return "; ".join(f"{lever.name}: {lever.words(lever.at(x))}" for lever in pulled)

    names = " + ".join(lever.name for lever in ordered)
    return _Plan(TOGETHER, names, "common intensity of all ranges", 0.0, 1.0, build, words)


def _run(
    model: _Model,
    plan: _Plan,
    wanted: float,
    grid: int,
    progress: Callable[[int], None] | None,
) -> Run:
    goal = model.goal

    def value(x: float) -> float:
        return goal.value(model.solve(plan.build(x)))

    income = float(model.world.value_added.sum())
    floor = _NO_FLOW * income if goal.is_flow else _NO_CHANGE
    found = scan(value, wanted, plan.low, plan.high, grid, progress, floor)
    at = _effort(goal, found, wanted)
    why: Proof | None = None
    if at:
        verdict = "already" if at[0].how == "already" else "met"
    else:
        why = _why_never(model, plan, wanted, found)
        verdict = why.kind if why else "not found on this grid"
    answers = tuple(_answer(model, plan, crossing) for crossing in at)
    return Run(
        plan.name,
        plan.about,
        plan.meaning,
        plan.low,
        plan.high,
        found,
        answers,
        verdict,
        why,
    )


def _effort(goal: Goal, found: Scan, wanted: float) -> list[Crossing]:
    """Crossings, least effort first; before them all where the goal is met from the start.

    A crossing where the outcome jumps meets no equality, and an inequality only beyond it.
    """
    if goal.sign == "=":
        return [c for c in found.crossings if c.how != "jumps"]
    met = [
        (float(x), float(value))
        for x, value in zip(found.x, found.value, strict=True)
        if math.isfinite(value) and goal.met(float(value), wanted)
    ]
    crossings = [_beyond(c, met) if c.how == "jumps" else c for c in found.crossings]
    if not met or (crossings and crossings[0].x < met[0][0]):
        return crossings
    how = "already" if met[0][0] == float(found.x[0]) else "starts"
    later = [c for c in crossings if c.x > met[0][0]]
    return [Crossing(*met[0], how), *later]


def _beyond(jump: Crossing, met: Sequence[tuple[float, float]]) -> Crossing:
    """Of a jump the next grid point that meets the goal; else the last one before it."""
    after = next((at for at in met if at[0] >= jump.x), met[-1])
    return Crossing(*after, "jumps")


def _why_never(model: _Model, plan: _Plan, wanted: float, found: Scan) -> Proof | None:
    """A proof, where there is one; a jump across the level leaves none to look for."""
    if any(c.how == "jumps" for c in found.crossings):
        return by_definition(model.goal, wanted)
    ends = None
    if plain(model.scenario):
        ends = Ends.of(
            model.world, model.on(plan.build(plan.low)), model.on(plan.build(plan.high))
        )
    return proof(model.goal, wanted, ends, (float(found.value[0]), float(found.value[-1])))


def _answer(model: _Model, plan: _Plan, crossing: Crossing) -> Answer:
    fields = plan.build(crossing.x)
    eq = model.solve(fields)
    return Answer(crossing, plan.words(crossing.x), _then(model.goal, eq), tuple(fields))


def _then(goal: Goal, eq: Equilibrium) -> dict[str, dict[str, Any]]:
    """What else happens to the goal's countries."""
    at = {code: eq.world.country_index(code) for code in goal.countries}
    tables = {code: partners(eq, code) for code in goal.countries}
    found: dict[str, dict[str, Any]] = {
        "welfare": {c: float(eq.welfare_hat[n] - 1.0) for c, n in at.items()},
        "own_earnings": {c: float(eq.own_earnings_hat[n] - 1.0) for c, n in at.items()},
        "trade": {c: float(table["total_new"].sum()) for c, table in tables.items()},
        "rank": {},
    }
    if len(goal.countries) == 2:
        for one, other in (goal.countries, goal.countries[::-1]):
            rank = tables[one]["rank_new"].dropna().to_dict()
            found["rank"][one] = int(rank[other]) if other in rank else None
    return found
