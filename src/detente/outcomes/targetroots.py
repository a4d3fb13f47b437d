"""Where a function of one number crosses a level: on a grid first, then to rounding.

Every change of sign between neighbouring grid points is bracketed and narrowed by Brent's
method (Brent 1973, Algorithms for Minimization without Derivatives), through
``scipy.optimize.brentq``. Where the distance to the level has a smallest value inside the grid
without a change of sign, the place is searched, so that two crossings between two grid points,
or a touch, are seen as far as the grid hints at them. What happens between two grid points that
hint at nothing is not known, and nothing here says that it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from detente.errors import NoSolutionError, NotConvergedError
from detente.world.core import Array

#: A value this close to the level, relative to the largest value, is on it.
ON = 1e-9
#: A crossing whose value is further than this from the level is a jump.
CLOSE = 1e-6
#: Crossings closer than this share of the range are one.
SAME = 1e-7
#: Steps of the outcome below this share of its size are no movement.
STILL = 1e-8


@dataclass(frozen=True)
class Crossing:
    """Where the level is met.

    Attributes
    ----------
    x : float
    value : float
        Of the function there.
    how : str
        ``rises`` or ``falls`` through it, ``touches`` it, ``stays`` on it over several grid
        points, or ``jumps`` across it, so that no value is close.
    """

    x: float
    value: float
    how: str


@dataclass(frozen=True, eq=False)
class Scan:
    """A function on a grid, and where it crosses a level.

    Attributes
    ----------
    x, value : array
        Grid and values; NaN where there is none.
    crossings : tuple of Crossing
        Ascending.
    unsolved : tuple of (float, str)
        Where the function has no value, and why.
    closest : tuple of (float, float)
        Where the value is closest to the level, of all that was evaluated, and the value.
    reached : tuple of float
        Lowest and highest of these; NaN where there is none.
    floor : float
        Differences up to this are the solver's rounding, and no movement.
    """

    x: Array
    value: Array
    crossings: tuple[Crossing, ...]
    unsolved: tuple[tuple[float, str], ...]
    closest: tuple[float, float]
    reached: tuple[float, float]
    floor: float = 0.0

    @property
    def movement(self) -> str:
        """``rose``, ``fell``, ``still`` or ``both``, over the grid points that have a value."""
        known = self.value[np.isfinite(self.value)]
        if known.size < 2:
            return "still"
        size = max(STILL * float(np.abs(known).max()), self.floor)
        step = np.diff(known)
        up, down = bool((step > size).any()), bool((step < -size).any())
        return {(True, False): "rose", (False, True): "fell", (False, False): "still"}.get(
            (up, down), "both"
        )


class _Function:
    """The function less the level, remembered, with NaN where it has no value."""

    def __init__(self, f: Callable[[float], float], level: float) -> None:
        self.f, self.level = f, level
        self.known: dict[float, float] = {}
        self.why: dict[float, str] = {}

    def __call__(self, x: float) -> float:
        x = float(x)
        if x not in self.known:
            try:
                self.known[x] = float(self.f(x))
            except (NoSolutionError, NotConvergedError) as error:
                self.known[x], self.why[x] = math.nan, str(error)
        return self.known[x] - self.level


def scan(
    f: Callable[[float], float],
    level: float,
    low: float,
    high: float,
    points: int = 33,
    progress: Callable[[int], None] | None = None,
    floor: float = 0.0,
) -> Scan:
    """Evaluate on an even grid and find every crossing that it shows.

    Parameters
    ----------
    f : callable
        May raise NoSolutionError or NotConvergedError: there it has no value.
    level : float
    low, high : float
        The range; a point where both are the same.
    points : int
        Of the grid, ends included.
    progress : callable, optional
        Told how many grid points are done.
    floor : float
        As in `Scan`.
    """
    g = _Function(f, level)
    x = np.linspace(low, high, points) if high > low else np.array([low])
    gap = np.empty(x.size)
    for k, at in enumerate(x):
        gap[k] = g(at)
        if progress is not None:
            progress(k + 1)
    known = np.isfinite(gap)
    size = max([abs(level), *np.abs(gap[known] + level).tolist(), 1e-300])
    on = known & (np.abs(gap) <= ON * size)
    found = [*_on_grid(g, x, gap, on), *_between(g, x, gap, on, size)]
    found += _dips(g, x, gap, on, size)
    solved = (at for at in g.known if at not in g.why)
    best = min(solved, key=lambda at: abs(g(at)), default=low)
    values = [v for v in g.known.values() if math.isfinite(v)] or [math.nan]
    return Scan(
        x,
        gap + level,
        _apart(found, SAME * (high - low)),
        tuple(sorted(g.why.items())),
        (best, g.known.get(best, math.nan)),
        (min(values), max(values)),
        floor,
    )


def _apart(found: list[Crossing], least: float) -> tuple[Crossing, ...]:
    """Crossings in order, each once."""
    kept: list[Crossing] = []
    for crossing in sorted(found, key=lambda c: c.x):
        if not kept or crossing.x - kept[-1].x > least:
            kept.append(crossing)
    return tuple(kept)


def _on_grid(g: _Function, x: Array, gap: Array, on: Array) -> list[Crossing]:
    """Grid points on the level; neighbours that are on it too are one crossing, the first."""
    found, k = [], 0
    while k < x.size:
        if not on[k]:
            k += 1
            continue
        last = k
        while last + 1 < x.size and on[last + 1]:
            last += 1
        before = gap[k - 1] if k else math.nan
        after = gap[last + 1] if last + 1 < x.size else math.nan
        how = "stays" if last > k else _through(before, after)
        found.append(Crossing(float(x[k]), g.known[float(x[k])], how))
        k = last + 1
    return found


def _through(before: float, after: float) -> str:
    """How the level is met, from the gaps on both sides; one of them at an end of the range."""
    if math.isnan(before) or math.isnan(after):
        if math.isnan(before) and math.isnan(after):
            return "touches"
        up = after > 0 if math.isnan(before) else before < 0
        return "rises" if up else "falls"
    if before * after > 0:
        return "touches"
    return "rises" if after > before else "falls"


def _between(g: _Function, x: Array, gap: Array, on: Array, size: float) -> list[Crossing]:
    """Changes of sign between neighbours."""
    found = []
    for k in range(x.size - 1):
        here, there = gap[k], gap[k + 1]
        if on[k] or on[k + 1] or not here * there < 0:
            continue
        crossing = _narrowed(g, float(x[k]), float(x[k + 1]), size)
        if crossing is not None:
            found.append(crossing)
    return found


def _narrowed(g: _Function, a: float, b: float, size: float) -> Crossing | None:
    """The crossing in a bracket; None where the function has no value on the way."""

    def solved(x: float) -> float:
        value = g(x)
        if math.isnan(value):
            raise NoSolutionError(g.why[float(x)])
        return value

    try:
        root = float(brentq(solved, a, b, xtol=1e-12 * (b - a), rtol=1e-9))
        gap = solved(root)
    except NoSolutionError:
        return None
    how = "rises" if g(b) > 0 else "falls"
    return Crossing(root, gap + g.level, how if abs(gap) <= CLOSE * size else "jumps")


def _dips(g: _Function, x: Array, gap: Array, on: Array, size: float) -> list[Crossing]:
    """Smallest distances inside the grid without a change of sign: touches and pairs."""
    found = []
    for k in range(1, x.size - 1):
        three = gap[k - 1 : k + 2]
        if on[k - 1 : k + 2].any() or not np.isfinite(three).all():
            continue
        if not (np.sign(three) == np.sign(three[1])).all():
            continue
        away = np.abs(three)
        deep = max(away[0], away[2]) - away[1]
        if away[1] > min(away[0], away[2]) or deep <= STILL * size:
            continue
        found += _dip(g, float(x[k - 1]), float(x[k + 1]), float(np.sign(three[1])), size)
    return found


def _dip(g: _Function, a: float, b: float, side: float, size: float) -> list[Crossing]:
    def away(x: float) -> float:
        value = side * g(x)
        return math.inf if math.isnan(value) else value

    found = minimize_scalar(
        away, bounds=(a, b), method="bounded", options={"xatol": 1e-9 * (b - a)}
    )
    lowest = float(found.x)
    value = away(lowest)
    if value < -ON * size:
        pair = (_narrowed(g, a, lowest, size), _narrowed(g, lowest, b, size))
        return [c for c in pair if c is not None]
    if value <= CLOSE * size:
        return [Crossing(lowest, g.known[lowest], "touches")]
    return []
