"""Solve a scenario on a world: converge or raise."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from detente.equilibrium.problem import Exogenous, build_problem, exogenous
from detente.equilibrium.result import Certificate, Equilibrium, certify
from detente.errors import DetenteError, NoSolutionError, NotConvergedError
from detente.shocks import Shocks
from detente.solver import DEFAULT_TOLERANCE, MAX_ITERATIONS, Solution, solve_problem
from detente.world.core import World


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
        Re-based for the scenario's deficit rule first when it is not an equilibrium.
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
    shocks = scenario.to_shocks(world)
    base = world.rebase(shocks.deficit_rule)
    return solve_point(base, shocks, exogenous(base, shocks), tolerance, max_iterations, start)


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
    if start is not None:
        problem = replace(
            problem,
            expenditure_start=start.expenditure,
            log_wage_start=np.log(start.wage_hat),
            log_price_start=np.log(start.price_hat),
        )
    solution = solve_problem(problem, tolerance, max_iterations)
    certificate = certify(world, problem, solution, tolerance)
    if not (solution.converged and np.all(solution.income > 0)):
        raise _why(world, solution, certificate)
    return Equilibrium(world, shocks, given, problem, solution, certificate)


def _why(world: World, solution: Solution, certificate: Certificate) -> DetenteError:
    """The error for a solve that stopped: no solution where that can be told, else how far."""
    broke = np.flatnonzero(~(solution.income > 0))
    if broke.size:
        n = int(broke[np.argmin(np.nan_to_num(solution.income[broke]))])
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
