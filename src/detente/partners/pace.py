"""What of an opening is there after some years: in the middle, and drawn by partner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detente.equilibrium import HasShocks, exogenous
from detente.equilibrium.opened import as_before, goal_of, potential, realised
from detente.errors import InputError
from detente.openings.pace import Array, realised_share
from detente.scenario import Scenario
from detente.scenario.opennesspath import BASE_RATE, FROM_RECORD, pace_of, record_factor
from detente.shocks import Shocks
from detente.world.core import World

#: Everything on the first day: ranks of potential, at which nobody asks when.
AT_ONCE = "immediate"
#: Years after opening where nobody says, and the most that are taken for meant.
AFTER, MOST_AFTER = 15.0, 100.0


@dataclass(frozen=True)
class Timing:
    """An openness path, and how long after opening one looks.

    Attributes
    ----------
    path : str or mapping
        As in a scenario (:mod:`detente.scenario.opennesspath`).
    after : float
        Years, 0 to 100; what is there at once does not need them.
    """

    path: str | Mapping[str, float | str]
    after: float = AFTER

    @property
    def at_once(self) -> bool:
        """Whether nobody asks when."""
        return self.path == AT_ONCE

    @property
    def drawn(self) -> bool:
        """Whether every partner has a pace of its own, drawn."""
        return self.path == BASE_RATE

    def middle(self) -> float:
        """Share of what opens that is there, by the path's one pace (the median one)."""
        years = Scenario("partners").assumptions.adjustment_years
        return float(pace_of(self.path, years).share(self.after))

    def draw(self, rng: np.random.Generator, countries: int, country: int) -> Array | float:
        """Share of what opens that is there, once.

        Parameters
        ----------
        rng : numpy Generator
            Untouched where the path is not drawn.
        countries, country : int
            N, and the position of the one that opens.

        Returns
        -------
        float or ndarray, shape (N, N)
            With the base rate one share for each partner, the same both ways; what they have
            in common is drawn once, since they open for one cause. Links of others: 1.
        """
        if not self.drawn:
            return self.middle()
        from detente.openings.embedded import curve  # noqa: PLC0415  (a path alone reads it)

        found = np.ones((countries, countries))
        others = np.arange(countries) != country
        each = realised_share(*curve().draw(rng, countries - 1), self.after)
        found[country, others] = found[others, country] = each
        return found

    def part(self, scenario: HasShocks, share: Array | float) -> HasShocks:
        """A scenario in which what opens carries that share; itself where all is at once."""
        if self.at_once:
            return scenario
        sized = isinstance(self.path, str) and self.path in FROM_RECORD
        return Partly(scenario, share, sized)

    @property
    def when(self) -> str:
        """In a sentence: ``after 15 years``."""
        if self.after == 0:
            return "on the first day"
        return f"after {self.after:g} year{'' if self.after == 1 else 's'}"


@dataclass(frozen=True)
class Partly:
    """A scenario in which what opens carries a share of its potential.

    Attributes
    ----------
    scenario : Scenario
    share : float or ndarray, shape (N, N)
        Of a link of typical size, where ``sized``.
    sized : bool
        Whether larger links go further, as those on record did.
    """

    scenario: HasShocks
    share: Array | float
    sized: bool = False

    def to_shocks(self, world: World) -> Shocks:
        """The state that the model sees."""
        shocks = self.scenario.to_shocks(world)
        if not self.sized:
            return realised(world, shocks, self.share)
        goal = goal_of(world, shocks, exogenous(world, shocks).base, split=True)
        before = as_before(world, shocks, goal)
        factor = record_factor(potential(world, goal), before)
        return realised(world, shocks, self.share * factor)


def timing(path: Any, after: float | None) -> Timing:
    """A path and the years that are looked at, checked.

    Raises
    ------
    InputError
        An unknown path, numbers out of range, or years where everything is there at once.
    """
    known = Scenario("partners").with_(openness_path=path).assumptions.openness_path
    if after is None:
        return Timing(known)
    if known == AT_ONCE:
        raise InputError(
            f"--after {after:g} has nothing to count: with --openness-path {AT_ONCE} "
            f"everything is there on the first day. Name another path: --openness-path "
            f"{BASE_RATE}."
        )
    if not 0 <= after <= MOST_AFTER:
        raise InputError(f"--after: {after:g} years is not between 0 and {MOST_AFTER:g}.")
    return Timing(known, float(after))


def option(path: str | Mapping[str, float | str]) -> str:
    """A path as the command line takes it."""
    if isinstance(path, str):
        return path
    parts = (
        f"{k}: {v if isinstance(v, str) else np.format_float_positional(v, trim='-')}"
        for k, v in path.items()
    )
    return f"{{{', '.join(parts)}}}"
