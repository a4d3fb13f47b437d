"""What a build changed: one entry a kind of change, with its amount."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Kinds of change, the gravest first.
FLAGS = ("assumed", "imputed", "clipped", "balanced", "left out", "noted")


@dataclass(frozen=True)
class Change:
    """One thing that the world has otherwise than its sources.

    Attributes
    ----------
    stage : str
        Stage of the build: read, tariffs, elasticities, aggregate, balance, calibrate.
    flag : str
        One of :data:`FLAGS`.
    what : str
        In words, without the amount.
    amount : float or None
        Million USD; None where money is not what changed.
    share : float or None
        The amount over what ``of`` names.
    of : str
        What the share is of.
    cells : int
        How many cells of the table; 0 where they are not counted.
    where : str
        Where most of it is.
    """

    stage: str
    flag: str
    what: str
    amount: float | None = None
    share: float | None = None
    of: str = ""
    cells: int = 0
    where: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def change(
    stage: str,
    flag: str,
    what: str,
    amount: float,
    total: float,
    of: str,
    *,
    cells: int = 0,
    where: str = "",
) -> Change:
    """A change of an amount that is a share of a total."""
    share = amount / total if total > 0 else None
    return Change(stage, flag, what, float(amount), share, of, int(cells), where)


def largest(values: Array, *labels: tuple[str, ...]) -> str:
    """Label of the largest absolute value, ``sector, country``; empty where all are zero."""
    sizes = np.abs(values)
    if not sizes.size or not sizes.max() > 0:
        return ""
    at = np.unravel_index(int(np.argmax(sizes)), sizes.shape)
    return ", ".join(names[j] for names, j in zip(labels, at, strict=True))
