"""What of an opening is there some years on, when every link goes the way of history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detente.equilibrium import Equilibrium, exogenous
from detente.equilibrium.opened import Mask, as_before, goal_of, potential, realised
from detente.openings.pace import IMMEDIATE, realised_share
from detente.scenario.assumptions import Assumptions
from detente.scenario.opennesspath import BASE_RATE, link_pace, record_factor
from detente.shocks import Shocks
from detente.world.core import Array

#: Years after everything has opened.
YEARS_ON = (5, 15)
#: Draws of what history leaves open, and their seed.
_DRAWS, _SEED = 1000, 0
#: Numbers that are held at once.
_ROOM = 1_000_000


def years_on(years: int) -> str:
    """The label of what is there so many years on."""
    return f"{years} years on"


@dataclass(frozen=True)
class YearsOn:
    """What an equilibrium's opened links carry some years on.

    Attributes
    ----------
    years : int
    shocks : Shocks
        Of a state in which every link carries its part.
    realised : float
        Part of the potential of all opened links together, at the middle pace.
    low, high : float
        Quartiles of that part over draws of the record; NaN where the pace is stated.
    """

    years: int
    shocks: Shocks
    realised: float
    low: float
    high: float

    @property
    def note(self) -> str:
        """In a few words."""
        return f"{100 * self.realised:.0f} % of what opens"


def has_pace(assumed: Mapping[str, Any]) -> bool:
    """Whether what opens takes time that links do not share with all else."""
    pace = _assumptions(assumed).pace
    if pace is None or pace == IMMEDIATE:
        return False
    return pace.level != 1.0 or (pace.half_life > 0 and pace.start < 1.0)


def after(eq: Equilibrium, years: int) -> YearsOn:
    """What is there so many years after everything has opened.

    Parameters
    ----------
    eq : Equilibrium
        At the full potential.
    years : int
    """
    given = _assumptions(eq.shocks.notes.get("assumptions", {}))
    base = exogenous(eq.world, eq.shocks).base
    goal = goal_of(eq.world, eq.shocks, base, split=True)
    size = potential(eq.world, goal)
    before = as_before(eq.world, eq.shocks, goal)
    pace = link_pace(given.openness_path, given.adjustment_years, size, before)
    share = pace.share(years)
    ends = (np.nan, np.nan)
    if given.openness_path == BASE_RATE and size.any():
        ends = _quartiles(size, years, before)
    whole = float(size.sum())
    part = float((size * share).sum()) / whole if whole > 0 else 0.0
    return YearsOn(years, realised(eq.world, eq.shocks, share), part, *ends)


def _quartiles(size: Array, years: int, before: Mask) -> tuple[float, float]:
    """Quartiles of the part of the potential of all pairs together."""
    from detente.openings.embedded import curve  # noqa: PLC0415  (the draws load late)

    a, b = np.nonzero(np.triu(size, 1))
    weight = size[a, b] / size[a, b].sum()
    rng = np.random.default_rng(_SEED)
    # where whole continents open, fewer draws say the same in bounded memory
    draws = max(100, min(_DRAWS, _ROOM // len(a)))
    level, half_life, start = curve().draw(rng, len(a), size=draws)
    level = level * record_factor(size[a, b], before[a, b])
    low, high = np.quantile(
        realised_share(level, half_life, start, years) @ weight, (0.25, 0.75)
    )
    return float(low), float(high)


def _assumptions(given: Mapping[str, Any]) -> Assumptions:
    keys = ("openness_path", "adjustment_years")
    return Assumptions.model_validate({k: given[k] for k in keys if k in given})
