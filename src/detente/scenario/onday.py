"""A scenario on a day, as a solve asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from detente.shocks import Shocks
from detente.world.core import World


class HasDays(Protocol):
    """A scenario, or what stands for one."""

    def to_shocks(self, world: World, at: Any = None) -> Shocks:
        """The state that the model sees, on a day or at the end."""
        ...


@dataclass(frozen=True)
class OnDay:
    """A scenario whose state is that of a day, on whichever baseline it is asked for.

    Attributes
    ----------
    scenario : Scenario
    day : date, str or None
        None: the scenario's end.
    """

    scenario: HasDays
    day: date | str | None

    def to_shocks(self, world: World) -> Shocks:
        """The state on the day."""
        return self.scenario.to_shocks(world, self.day)
