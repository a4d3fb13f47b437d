"""Solve a scenario on a world: converge or raise."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from detente.equilibrium.path import between
from detente.equilibrium.problem import Exogenous, build_problem, exogenous
from detente.equilibrium.result import Certificate, Equilibrium, certify
from detente.errors import DetenteError, InputError, NoSolutionError, NotConvergedError
from detente.shocks import Shocks
from detente.solver import (
    DEFAULT_TOLERANCE,
    MAX_ITERATIONS,
    Problem,
    Solution,
    solve_problem,
)
from detente.world.core import World
from detente.world.feasibility import blocks_of
from detente.world.rebase import baseline_for

#: iterations after which the direct search is given up and the path is walked instead
_DIRECT = 300
_SMALLEST_STEP = 1e-3
_ON_THE_WAY = 1e-7
_NEARLY = 1e-2
#: tolerances that a solve takes
SHARPEST, BLUNTEST = 1e-14, 1e-3


class HasShocks(Protocol):
    """Anything that becomes shocks on a world: a Scenario, or Shocks themselves."""

    def to_shocks(self, world: World) -> Shocks:
        """The state that the model sees."""
        ...


def solve_equilibrium(
    world: World,
    scenario: HasShocks,
    *,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    start: Solution | None = None,
) -> Equilibrium:
    """The equilibrium of a scenario on a world.

    Parameters
    ----------
    world : World
        Re-based for the scenario's deficit rule first when it is not an equilibrium; refused
        when its identities fail beyond its tolerance.
    scenario : Scenario or Shocks
    tolerance : float
        Largest residual accepted, relative; see :class:`Certificate`.
    max_iterations : int
    start : Solution, optional
        A solution nearby to start from.

    Raises
    ------
    NoSolutionError
        The scenario has no equilibrium; says where and why.
    NotConvergedError
        The solver stopped above the tolerance.
    """
    require_arguments(world, scenario, tolerance, max_iterations)
    shocks = scenario.to_shocks(world)
    base = baseline_for(world, shocks.deficit_rule)
    if base is not world:  # openings and caps are those of the baseline that they start from
        shocks = scenario.to_shocks(base)
    return solve_point(base, shocks, exogenous(base, shocks), tolerance, max_iterations, start)


def require_arguments(
    world: object, scenario: object, tolerance: float, max_iterations: int
) -> None:
    """Refuse what is no world, no scenario or no setting, in words.

    Raises
    ------
    InputError
    """
    if not isinstance(world, World):
        raise InputError(
            f"'world' is a {type(world).__name__}; it takes a World: load_world(\"korea\")."
        )
    if not callable(getattr(scenario, "to_shocks", None)):
        raise InputError(
            f"'scenario' is a {type(scenario).__name__}; it takes a Scenario "
            "(load_scenario(path)) or Shocks."
        )
    if not SHARPEST <= tolerance <= BLUNTEST:
        raise InputError(
            f"'tolerance' is {tolerance:g}; it takes {SHARPEST:g} (rounding) to {BLUNTEST:g}."
        )
    if max_iterations < 1:
        raise InputError(f"'max_iterations' is {max_iterations}; it takes one or more.")


def solve_point(
    world: World,
    shocks: Shocks,
    given: Exogenous,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    start: Solution | None = None,
) -> Equilibrium:
    """Solve for given exogenous arrays on a world that is re-based already."""
    problem = build_problem(world, given)
    solution = _attempt(problem, tolerance, min(max_iterations, _DIRECT), start)
    if not _is_answer(solution) and max_iterations > _DIRECT:
        problem, solution = _continue(
            world, given, problem, tolerance, max_iterations, solution
        )
    certificate = certify(world, problem, solution, tolerance)
    if not _is_answer(solution):
        raise _why(world, solution, certificate)
    return Equilibrium(world, shocks, given, problem, solution, certificate)


def _attempt(
    problem: Problem, tolerance: float, max_iterations: int, start: Solution | None
) -> Solution:
    if start is not None:
        problem = replace(
            problem,
            expenditure_start=start.expenditure,
            log_wage_start=np.log(start.wage_hat),
            log_price_start=np.log(start.price_hat),
        )
    return solve_problem(problem, tolerance, max_iterations)


def _is_answer(solution: Solution) -> bool:
    """Converged, with income everywhere: spending on inputs can hide an income below zero."""
    return solution.converged and bool(np.all(solution.income > 0))


def _continue(
    world: World,
    given: Exogenous,
    problem: Problem,
    tolerance: float,
    max_iterations: int,
    failed: Solution,
) -> tuple[Problem, Solution]:
    """Walk the straight path from the baseline in adaptive steps, each from the last.

    The safety net for shocks so large that the direct search is lost. Returns the
    problem and solution at the end, or the failed ones where the path cannot be walked.
    """
    at, step, reached, spent = 0.0, 0.1, None, failed.iterations
    while at < 1.0 and step >= _SMALLEST_STEP and spent < max_iterations:
        share = min(at + step, 1.0)
        exact = tolerance if share == 1.0 else max(tolerance, _ON_THE_WAY)
        # built anew each time: a solve changes its own weights on capped links
        point = build_problem(world, between(world, given, share), check=False)
        point = replace(point, blocks=blocks_of(point))
        found = _attempt(point, exact, _DIRECT, reached)
        spent += found.iterations
        if _is_answer(found):
            at, reached, step = share, found, 1.6 * step
        else:
            step *= 0.4
    if at < 1.0 or reached is None:
        if failed.residual.largest > _NEARLY:
            return problem, failed
        # slow, not lost: go on from where the direct search stood
        point = replace(build_problem(world, given, check=False), blocks=problem.blocks)
        reached = _attempt(point, tolerance, max(max_iterations - spent, 1), failed)
        spent += reached.iterations
    seconds = failed.seconds + reached.seconds
    return point, replace(reached, iterations=spent, seconds=seconds)


def _why(world: World, solution: Solution, certificate: Certificate) -> DetenteError:
    """The error for a solve that stopped: no solution where that can be told, else how far."""
    broke = np.flatnonzero(solution.income <= 0)
    if broke.size and np.isfinite(solution.income).all():
        n = int(broke[np.argmin(solution.income[broke])])
        return NoSolutionError(
            f"no equilibrium: {world.countries[n]} would have no income left: what it must "
            f"pay under this deficit rule and these transfers exceeds what it earns."
        )
    sinking = np.flatnonzero(solution.wage_hat < 1e-8)
    if sinking.size:
        n = int(sinking[0])
        return NoSolutionError(
            f"no equilibrium: factor income of {world.countries[n]} falls towards zero; under "
            f"this deficit rule the scenario leaves it no way to earn what it must pay."
        )
    return NotConvergedError(
        f"not solved: {certificate}. The last iterates' residuals: "
        f"{', '.join(f'{x:.1e}' for x in solution.history[-3:])}. Try a smaller step, "
        f"another deficit rule, or more iterations.",
        certificate,
    )
