"""Many scenarios on one world, through one interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from detente.equilibrium.result import Equilibrium
from detente.equilibrium.solve import HasShocks, solve_equilibrium
from detente.errors import InputError
from detente.solver import DEFAULT_TOLERANCE, MAX_ITERATIONS
from detente.world.core import World


def solve_batch(
    world: World,
    scenarios: Sequence[HasShocks],
    *,
    workers: int = 1,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> list[Equilibrium]:
    """Solve every scenario on a world, in the order given.

    The world's derived arrays are computed once. Each solve is the same whatever the others
    are: nothing is carried over from one to the next.

    Parameters
    ----------
    world : World
    scenarios : sequence of Scenario or Shocks
    workers : int
        Threads. numpy lets go of the interpreter in the large products, so that threads
        run side by side; use as many as there are cores, with BLAS on one thread.

    Raises
    ------
    DetenteError
        Of the first scenario that has no answer; its place is in the message's note.
    """
    if workers < 1:
        raise InputError(f"'workers' is {workers}; it takes one or more.")

    def one(scenario: HasShocks) -> Equilibrium:
        return solve_equilibrium(
            world, scenario, tolerance=tolerance, max_iterations=max_iterations
        )

    if workers == 1:
        return list(_numbered(map(one, scenarios)))
    # the first solve fills the world's caches before threads share them
    first = [one(scenario) for scenario in scenarios[:1]]
    with ThreadPoolExecutor(workers) as pool:
        return first + list(_numbered(pool.map(one, scenarios[1:]), start=1))


def _numbered(results: Iterator[Equilibrium], start: int = 0) -> Iterator[Equilibrium]:
    """Pass results on; an error says which scenario it came from."""
    position = start
    while True:
        try:
            result = next(results)
        except StopIteration:
            return
        except Exception as error:
            error.add_note(f"scenario {position} of the batch (counted from 0)")
            raise
        yield result
        position += 1
