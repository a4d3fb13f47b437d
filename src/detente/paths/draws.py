"""Draw the pace of what opens, and walk a path with each draw (:mod:`detente.paths.fan`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detente.errors import NoSolutionError, NotConvergedError
from detente.openings.embedded import curve
from detente.openings.pace import LinkPace
from detente.paths.fan import Fan
from detente.paths.result import PathResult
from detente.paths.solve import Course, Walk
from detente.scenario.opennesspath import BASE_RATE, record_factor
from detente.solver import MAX_ITERATIONS
from detente.world.core import Array

#: Draws of a fan where nobody says; its quantiles move by a few percent of its width.
DRAWS = 60
#: Largest relative residual of a draw's equilibria: a fan is read to two digits.
TOLERANCE = 1e-6


def with_fan(
    path: PathResult,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> PathResult:
    """The path with its fan.

    Parameters
    ----------
    path : PathResult
    draws : int
    seed : int
    progress : callable, optional
        Told how many draws are done.

    Returns
    -------
    PathResult
        The path itself where the scenario states another pace than the base rate, nothing
        opens, or no draw is asked for.
    """
    if path.scenario.assumptions.openness_path != BASE_RATE or draws < 1:
        return path
    course = Course(path.source_world, path.scenario, TOLERANCE, MAX_ITERATIONS)
    opens = np.any([goal.opened.any(axis=0) for goal in course.goals], axis=0)
    pairs = np.argwhere(np.triu(opens | opens.T, 1))
    if not len(pairs):
        return path
    drawn = _drawn(pairs, course.world.n_countries, draws, seed)
    drawn["level"] *= record_factor(course.potential, course.before)
    found: dict[str, list[Array]] = {"welfare": [], "own_earnings": [], "pairs": []}
    kept: list[int] = []
    for d in range(draws):
        if progress is not None:
            progress(d + 1)
        try:
            values = Walk(course, _pace(drawn, d)).years(lambda _: None)
        except (NoSolutionError, NotConvergedError):
            continue  # counted: the path itself is not lost
        found["welfare"].append(values["welfare_hat"] - 1.0)
        found["own_earnings"].append(values["own_earnings_hat"] - 1.0)
        found["pairs"].append(values["pairs"])
        kept.append(d)
    if not kept:
        return path
    stacked = {key: np.stack(value) for key, value in found.items()}
    done = {key: value[kept] for key, value in drawn.items()}
    fan = Fan(course.world.countries, course.calendar, seed, stacked, asked=draws, **done)
    return replace(path, fan=fan)


def _drawn(pairs: NDArray[np.int_], countries: int, draws: int, seed: int) -> dict[str, Array]:
    """Level, half-life and start of every pair that opens, (D, N, N); NaN elsewhere."""
    rng = np.random.default_rng(seed)
    shape = (draws, countries, countries)
    found = {name: np.full(shape, np.nan) for name in ("level", "half_life", "start")}
    a, b = pairs.T
    for d in range(draws):
        for name, values in zip(found, curve().draw(rng, len(pairs)), strict=True):
            found[name][d, a, b] = found[name][d, b, a] = values
    return found


def _pace(drawn: Mapping[str, Array], d: int) -> LinkPace:
    """The pace of a draw by pair, (N, N); pairs that do not open have any."""
    level, half_life, start = (
        np.where(np.isnan(drawn[key][d]), none, drawn[key][d])
        for key, none in (("level", 1.0), ("half_life", 1.0), ("start", 0.0))
    )
    return LinkPace(level, half_life, start)
