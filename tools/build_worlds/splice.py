"""A world's flows and tariffs as the dormant shares ask for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.world.core import World

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FullTable:
    """The world in levels: the DPRK first, then the rest in its order.

    Attributes
    ----------
    countries : tuple of str
    flows, tariff : ndarray, shape (S, N, N)
    """

    countries: tuple[str, ...]
    flows: Array
    tariff: Array

    @staticmethod
    def of(world: World) -> FullTable:
        """The table of a world."""
        return FullTable(world.countries, world.flows, world.tariff)
