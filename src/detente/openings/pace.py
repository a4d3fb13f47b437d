"""How far and how fast a link opens: three numbers.

share(τ) = level·(1 − (1 − start)·2^(−τ/half_life)), τ in years since the link was opened: what
it carries over what it could. ``level`` is where it ends, ``start`` the part of the level that
is there on the first day, and ``half_life`` the time in which half of the rest is closed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detente.errors import InputError

Array = NDArray[np.float64]


def realised_share(
    level: ArrayLike, half_life: ArrayLike, start: ArrayLike, years: ArrayLike
) -> Array:
    """level·(1 − (1 − start)·2^(−years/half_life)), broadcast; zero before zero."""
    top, half, begun, tau = (
        np.asarray(x, dtype=np.float64) for x in (level, half_life, start, years)
    )
    shape = np.broadcast_shapes(half.shape, tau.shape)
    spent = np.divide(np.maximum(tau, 0.0), half, out=np.full(shape, np.inf), where=half > 0)
    found: Array = np.where(tau < 0, 0.0, top * (1.0 - (1.0 - begun) * np.exp2(-spent)))
    return found


@dataclass(frozen=True)
class Pace:
    """A curve of the realised share.

    Attributes
    ----------
    level : float
        Share of the potential that is reached in the end; 0 or more, and above one where a
        link carries more than was expected.
    half_life : float
        Years in which half of what is missing comes; 0 is at once.
    start : float
        Part of the level that is there at once, 0 to 1.

    Raises
    ------
    InputError
        A number out of range.
    """

    level: float
    half_life: float
    start: float = 0.0

    def __post_init__(self) -> None:
        ranges = {
            "level": (self.level, math.inf),
            "half_life": (self.half_life, math.inf),
            "start": (self.start, 1.0),
        }
        for name, (value, most) in ranges.items():
            if not (math.isfinite(value) and 0.0 <= value <= most):
                end = "0 or more" if math.isinf(most) else f"0 to {most:g}"
                raise InputError(f"the {name} of an opening is {value:g}; it is {end}.")

    @property
    def speed(self) -> float:
        """κ, per year: ln 2 over the half-life; infinite where nothing takes time."""
        return math.inf if self.half_life == 0 else math.log(2.0) / self.half_life

    def share(self, years: ArrayLike) -> Array:
        """Share of the potential after a number of years (zero before zero), any shape."""
        return realised_share(self.level, self.half_life, self.start, years)


@dataclass(frozen=True)
class LinkPace:
    """Paces of many links.

    Attributes
    ----------
    level, half_life, start : float or ndarray
        As of :class:`Pace`; numbers for all links, or (N, N) by pair.
    """

    level: Array | float
    half_life: Array | float
    start: Array | float

    @classmethod
    def of(cls, pace: Pace, factor: Array | float = 1.0) -> LinkPace:
        """One pace for every link, its level times a factor of each pair."""
        return cls(pace.level * factor, pace.half_life, pace.start)

    @property
    def speed(self) -> Array:
        """κ, per year: ln 2 over the half-life; infinite where nothing takes time."""
        half = np.asarray(self.half_life, dtype=np.float64)
        found: Array = np.full(half.shape, np.inf)
        np.divide(np.log(2.0), half, out=found, where=half > 0)
        return found

    @property
    def full(self) -> bool:
        """Whether every link ends at its full potential."""
        return bool(np.all(np.asarray(self.level) == 1.0))

    def share(self, years: float) -> Array:
        """Share of the potential after a number of years, by pair or for all."""
        return realised_share(self.level, self.half_life, self.start, years)


#: Everything on the first day.
IMMEDIATE = Pace(1.0, 0.0, 1.0)


def half_life_of(adjustment_years: float) -> float:
    """Half-life of an adjustment that has closed 95 % of a gap after so many years."""
    return adjustment_years * math.log(2.0) / math.log(20.0)
