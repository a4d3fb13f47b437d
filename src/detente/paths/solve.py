"""Solve a scenario as a path: an equilibrium for each stretch of time, and for each phase."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from detente.equilibrium import (
    Certificate,
    Equilibrium,
    exogenous,
    require_arguments,
    solve_equilibrium,
)
from detente.equilibrium.opened import Goal, Mask, as_before, goal_of, potential, with_links
from detente.errors import InputError, NoSolutionError, NotConvergedError
from detente.openings.pace import LinkPace
from detente.paths.adjust import deepened, speed
from detente.paths.clock import Segment, Span, calendar_of
from detente.paths.links import Links, at_rest
from detente.paths.result import PathCertificate, PathResult, Stage
from detente.scenario import Scenario
from detente.scenario.opennesspath import ADJUSTMENT, link_pace
from detente.shocks import Shocks
from detente.solver import DEFAULT_TOLERANCE, MAX_ITERATIONS
from detente.world.core import Array, World
from detente.world.rebase import baseline_for

#: Years of a path where neither the scenario nor the caller says.
DEFAULT_YEARS = 20
#: Steps towards a steady state of capital; each divides the distance by ten or more.
_MOST_STEPS = 200

Progress = Callable[[float], None]


def solve_path(
    world: World,
    scenario: Scenario,
    years: int | None = None,
    *,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    progress: Progress | None = None,
) -> PathResult:
    """Solve a scenario year by year, from 1 January of the year of its first date.

    The baseline of every year is the world as it is, without growth of its own: what is
    reported are changes from it. Time: :mod:`detente.paths.clock`; how links and capital
    move: :mod:`detente.paths.adjust`; the whole: docs/time.md.

    Parameters
    ----------
    world : World
    scenario : Scenario
        Its assumptions say how fast trade adjusts, whose capital follows, the discount rate.
    years : int, optional
        By default the scenario's ``years``, else 20.
    tolerance : float
        Largest relative residual of every equilibrium.
    max_iterations : int
        Of each solve.
    progress : callable, optional
        Told how many years are done.

    Returns
    -------
    PathResult

    Raises
    ------
    InputError
        The scenario does not fit the world; a number of years that is none.
    NoSolutionError, NotConvergedError
        Naming the year or the phase that has no answer.
    """
    require_arguments(world, scenario, tolerance, max_iterations)
    if not isinstance(scenario, Scenario):
        raise InputError("a path is of a scenario with measures; these are Shocks.")
    if years is not None:
        scenario = scenario.with_(years=years)
    elif scenario.assumptions.years is None:
        scenario = scenario.with_(years=DEFAULT_YEARS)
    course = Course(world, scenario, tolerance, max_iterations)
    return Walk(course).result(progress or (lambda _: None))


@dataclass
class _Sums:
    """What is added up over a year's segments, weighted by their length."""

    values: dict[str, Array]

    @classmethod
    def zero(cls) -> _Sums:
        """Nothing yet."""
        return cls({})

    def add(self, found: dict[str, Array], weight: float) -> None:
        """Add a segment."""
        for key, value in found.items():
            self.values[key] = self.values.get(key, 0.0) + weight * value


class Course:
    """What a scenario lays out for every walk through it: time, shocks and goals.

    Parameters
    ----------
    world : World
    scenario : Scenario
        With its horizon.
    tolerance : float
        Of every equilibrium.
    max_iterations : int

    Attributes
    ----------
    world : World
        The baseline, re-based for the deficit rule.
    spans, segments : list
        Phases, and the stretches of time that are solved once.
    shocks : list of Shocks
        Of each phase.
    """

    def __init__(
        self, world: World, scenario: Scenario, tolerance: float, max_iterations: int
    ) -> None:
        self.source_world, self.scenario = world, scenario
        self.settings: dict[str, Any] = {
            "tolerance": tolerance,
            "max_iterations": max_iterations,
        }
        assumed = scenario.assumptions
        self.horizon = assumed.years or DEFAULT_YEARS
        self.spans, self.segments = calendar_of(scenario.measures, self.horizon)
        prepared = scenario.prepare(world)
        self.world = baseline_for(prepared, assumed.rule)
        self.shocks = [scenario.to_shocks(self.world, span.begins) for span in self.spans]
        self.kappa = speed(assumed.adjustment_years)
        self.deepens: NDArray[np.bool_] = assumed.capital_of(world)

    @cached_property
    def potential(self) -> Array:
        """What each pair's opened links would carry, both ways, million USD, (N, N)."""
        found: Array = np.max([potential(self.world, goal) for goal in self.goals], axis=0)
        return found

    @cached_property
    def pace(self) -> LinkPace | None:
        """Of what opens; None where it is of the rest."""
        assumed = self.scenario.assumptions
        path = assumed.openness_path
        if path == ADJUSTMENT:
            return None
        return link_pace(path, assumed.adjustment_years, self.potential, self.before)

    @cached_property
    def before(self) -> Mask:
        """Which pairs return to what they carried before the bans in every phase, (N, N)."""
        both = zip(self.shocks, self.goals, strict=True)
        kept = [as_before(self.world, shocks, goal) | ~_opens(goal) for shocks, goal in both]
        found: Mask = np.all(kept, axis=0)
        return found

    @cached_property
    def goals(self) -> list[Goal]:
        """b* of each phase by its parts: link weights once all has adjusted."""
        split = self.scenario.assumptions.openness_path != ADJUSTMENT
        return [
            goal_of(self.world, shocks, exogenous(self.world, shocks).base, split)
            for shocks in self.shocks
        ]

    @property
    def calendar(self) -> tuple[int, ...]:
        """The years."""
        return tuple(dict.fromkeys(s.year for s in self.segments))

    def hash(self, phase: int) -> str:
        """Content hash of a phase's shocks."""
        return self.shocks[phase].content_hash

    def merged(self, segments: list[Segment]) -> Iterator[Segment]:
        """A date that changes nothing cuts nothing."""
        held: Segment | None = None
        for segment in segments:
            if held is None:
                held = segment
            elif self.hash(held.phase) == self.hash(segment.phase):
                held = replace(held, length=held.length + segment.length)
            else:
                yield held
                held = segment
        if held is not None:
            yield held

    def fail(
        self, error: NoSolutionError | NotConvergedError, phase: int, when: str
    ) -> NoReturn:
        """The error of a solve, with the time and the measures it belongs to."""
        notes = self.shocks[phase].notes["measures"]
        active = [_named(m) for m in notes if m["status"] == "active"]
        force = f" In force: {', '.join(active)}." if active else ""
        text = f"{when}: {error}{force}"
        if isinstance(error, NotConvergedError):
            raise NotConvergedError(text, error.certificate) from None
        raise NoSolutionError(text) from None


class Walk:
    """One walk along a course: what has been reached.

    Parameters
    ----------
    course : Course
    pace : LinkPace, optional
        Of what opens; by default the course's.
    """

    def __init__(self, course: Course, pace: LinkPace | None = None) -> None:
        self.course, self.world = course, course.world
        self.pace = course.pace if pace is None else pace
        self.links = Links(self.world.trade_share, course.kappa, self.pace)
        self.capital: Array = np.ones(self.world.n_countries)
        self.certificates: list[Certificate] = []
        self._last: tuple[int, Array, Array, Equilibrium] | None = None

    def result(self, progress: Progress) -> PathResult:
        """Every year, then every phase fully adjusted."""
        started = time.perf_counter()
        course = self.course
        values = self.years(progress)
        stages = tuple(self._stage(j, span) for j, span in enumerate(course.spans))
        progress(course.horizon)
        return PathResult(
            scenario=course.scenario,
            source_world=course.source_world,
            world=self.world,
            calendar=course.calendar,
            stages=stages,
            values=values,
            certificate=PathCertificate(
                solves=len(self.certificates),
                worst=max(self.certificates, key=lambda c: c.residual),
                seconds=time.perf_counter() - started,
            ),
        )

    def years(self, progress: Progress) -> dict[str, Array]:
        """Means of every year, by name; the first axis is the year."""
        found: list[dict[str, Array]] = []
        for done, (_, segments) in enumerate(_by_year(self.course.segments)):
            progress(done)
            found.append(self._year(segments))
        return {key: np.stack([year[key] for year in found]) for key in found[0]}

    # -- years -----------------------------------------------------------------------
    def _year(self, segments: list[Segment]) -> dict[str, Array]:
        sums = _Sums.zero()
        for segment in self.course.merged(segments):
            mean = self.links.move(self.course.goals[segment.phase], segment.length)
            if segment.length == 0:  # the 29th of February: bans bind, nothing else
                continue
            eq = self._solve(segment, mean)
            sums.add(_values(eq, self.capital), segment.length)
            self._invest(eq, segment.length)
        return sums.values

    def _solve(self, segment: Segment, base: Array) -> Equilibrium:
        """The equilibrium of a segment; in one phase each starts from the one before.

        A new phase starts from the baseline, so that what ends leaves nothing behind.
        """
        start = None
        if self._last is not None and self.course.hash(self._last[0]) == self.course.hash(
            segment.phase
        ):
            _, before, capital, eq = self._last
            if np.array_equal(before, base) and np.array_equal(capital, self.capital):
                return eq
            start = eq.solution
        labour = self._labour(self.capital)
        shocks = with_links(
            self.course.shocks[segment.phase], self.world.trade_share, base, labour
        )
        try:
            eq = solve_equilibrium(self.world, shocks, start=start, **self.course.settings)
        except (NoSolutionError, NotConvergedError) as error:
            self.course.fail(error, segment.phase, _when(segment))
        self.certificates.append(eq.certificate)
        self._last = (segment.phase, base, self.capital, eq)
        return eq

    def _labour(self, capital: Array) -> Array | None:
        """L̂ = K̂^α; None where nobody's capital moves."""
        if not self.course.deepens.any():
            return None
        labour: Array = capital**self.course.scenario.assumptions.capital_share
        return labour

    def _invest(self, eq: Equilibrium, years: float) -> None:
        if self.course.deepens.any():
            rate = self.course.scenario.assumptions.depreciation
            moved = deepened(self.capital, eq.welfare_hat, rate, years)
            self.capital = np.where(self.course.deepens, moved, 1.0)

    # -- phases ----------------------------------------------------------------------
    def _stage(self, j: int, span: Span) -> Stage:
        """A phase as if it lasted for good: every link adjusted, capital at rest."""
        try:
            eq, capital = self._at_rest(self._finished(j))
        except (NoSolutionError, NotConvergedError) as error:
            when = "from the start" if span.begins is None else f"from {span.begins}"
            self.course.fail(error, j, f"the phase {when}, fully adjusted")
        return Stage(span.begins, span.ends, eq, capital)

    def _finished(self, j: int) -> Shocks:
        """A phase's shocks, with what opens where its pace ends."""
        shocks = self.course.shocks[j]
        if self.pace is None or self.pace.full:
            return shocks
        base = at_rest(self.course.goals[j], self.pace)
        return with_links(shocks, self.world.trade_share, base, None)

    def _at_rest(self, shocks: Shocks) -> tuple[Equilibrium, Array]:
        """Where K̂ = Ŵ; ln Ŵ moves by about α·ln K̂, which sets the step."""
        eq = solve_equilibrium(self.world, shocks, **self.course.settings)
        capital = np.ones(self.world.n_countries)
        self.certificates.append(eq.certificate)
        if not self.course.deepens.any():
            return eq, capital
        power = 1.0 / (1.0 - self.course.scenario.assumptions.capital_share)
        near = 10.0 * float(self.course.settings["tolerance"])
        for _ in range(_MOST_STEPS):
            step = np.where(self.course.deepens, eq.welfare_hat / capital, 1.0)
            if np.abs(np.log(step)).max() <= near:
                return eq, capital
            capital = capital * step**power
            given = self._labour(capital)
            own = shocks.labour_hat
            labour = given if own is None or given is None else given * own
            eq = solve_equilibrium(
                self.world,
                replace(shocks, labour_hat=labour),
                start=eq.solution,
                **self.course.settings,
            )
            self.certificates.append(eq.certificate)
        raise NotConvergedError(
            f"capital finds no rest: after {_MOST_STEPS} steps it still moves by "
            f"{np.abs(np.log(step)).max():.1e}. Take a smaller capital_share.",
            eq.certificate,
        )


def _opens(goal: Goal) -> Mask:
    """Pairs between which something opens, (N, N)."""
    there: Mask = np.asarray(goal.opened.any(axis=0), dtype=bool)
    found: Mask = there | there.T
    return found


def _by_year(segments: list[Segment]) -> Iterator[tuple[int, list[Segment]]]:
    years = dict.fromkeys(s.year for s in segments)
    for year in years:
        yield year, [s for s in segments if s.year == year]


def _when(segment: Segment) -> str:
    if segment.begins is None:
        return f"year {segment.year} of the path"
    return f"year {segment.year}, from {segment.begins}"


def _named(note: Mapping[str, Any]) -> str:
    return f"{note['kind']} (line {note['line']})" if note["line"] else str(note["kind"])


def _values(eq: Equilibrium, capital: Array) -> dict[str, Array]:
    """What a year reports, of one equilibrium."""
    own = np.arange(eq.world.n_countries)
    flows = eq.flows.copy()
    flows[:, own, own] = 0.0
    return {
        "welfare_hat": eq.welfare_hat,
        "own_earnings_hat": eq.own_earnings_hat,
        "capital_hat": capital,
        "deficit": eq.deficit_new,
        "pairs": flows.sum(axis=0),
        "output": eq.output,
        "sector_exports": flows.sum(axis=2),
        "sector_imports": flows.sum(axis=1),
    }
