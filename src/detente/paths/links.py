"""What links weigh as time passes: what a measure opens, what it adds, and the rest.

The weight b* that a phase aims at (docs/model.md, equation 2) has three parts. What a measure
*adds* (a pipeline's trade, tied aid's) is there at once. What is *opened* moves along the pace
of openings: its aim is level·opened, ``start`` of each rise of that aim is there on the first
day, and the rest comes with a half-life, share(τ) = level·(1 − (1 − start)·2^(−τ/half_life)).
The *rest* moves with the speed of ``adjustment_years``. What falls does so at once.
"""

from __future__ import annotations

import numpy as np

from detente.equilibrium.opened import Goal
from detente.openings.pace import LinkPace
from detente.paths.adjust import adjusted
from detente.world.core import Array


class Links:
    """Weights of links on their way, from the baseline on.

    Parameters
    ----------
    base : ndarray, shape (S, N, N)
        π of the baseline.
    kappa : float
        Speed of the rest, per year.
    pace : LinkPace, optional
        Of what opens; None where it is of the rest.
    """

    def __init__(self, base: Array, kappa: float, pace: LinkPace | None) -> None:
        self.rest, self.opened = base, np.zeros(base.shape)
        self.kappa, self.pace = kappa, pace
        self._aim: Array = self.opened

    def move(self, goal: Goal, years: float) -> Array:
        """Move towards a goal for some years; returns the mean b on the way, (S, N, N)."""
        mean, self.rest = adjusted(self.rest, goal.rest, self.kappa, years)
        if self.pace is None:
            return mean + goal.added
        aim: Array = self.pace.level * goal.opened
        rise = np.maximum(aim - self._aim, 0.0)
        begun = np.minimum(np.minimum(self.opened, aim) + self.pace.start * rise, aim)
        way, self.opened = adjusted(begun, aim, self.pace.speed, years)
        self._aim = aim
        return mean + way + goal.added


def at_rest(goal: Goal, pace: LinkPace | None) -> Array:
    """b once everything has adjusted, (S, N, N)."""
    if pace is None:
        return goal.whole
    rest: Array = goal.rest + pace.level * goal.opened + goal.added
    return rest
