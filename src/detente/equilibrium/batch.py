"""Many scenarios on one world, through one interface."""

from __future__ import annotations

from collections.abc import Sequence

from detente.equilibrium.result import Equilibrium
from detente.equilibrium.solve import HasShocks, solve_equilibrium
from detente.errors import DetenteError
from detente.solver import DEFAULT_TOLERANCE, MAX_ITERATIONS
from detente.world.core import World


def solve_batch(
    world: World,
    scenarios: Sequence[HasShocks],
    *,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> list[Equilibrium]:
    """Solve every scenario on a world, in the order given.

    The world's derived arrays are computed once. Each solve is the same, to the bit,
    whatever the others are: nothing is carried over from one to the next.

    Parameters
    ----------
    world : World
    scenarios : sequence of Scenario or Shocks
    tolerance, max_iterations
        As in :func:`solve_equilibrium`.

    Raises
    ------
    DetenteError
        Of the first scenario that has no answer; a note says which it is.
    """
    solved: list[Equilibrium] = []
    for position, scenario in enumerate(scenarios):
        try:
            solved.append(
                solve_equilibrium(
                    world, scenario, tolerance=tolerance, max_iterations=max_iterations
                )
            )
        except DetenteError as error:
            error.add_note(f"scenario {position} of the batch, counted from 0")
            raise
    return solved
