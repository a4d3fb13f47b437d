"""Where the names on a map go: beside their dots, over nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.report.svg import width_of

Box = tuple[float, float, float, float]
#: Lines that a name may run over before a lesser name is left out.
_MOST_LINES = 5
#: Names need all their room: the widest of the fonts that a reader may have.
_WIDE, _BOLD = 1.12, 1.24


@dataclass(frozen=True)
class Name:
    """A name to be placed: at a dot in pixels, the first rank first.

    ``needed``: it is placed even where it runs over a line. ``free``: it has no dot,
    lies on its place, runs over no line, and is written once however often it is given.
    """

    words: str
    x: float
    y: float
    rank: float
    size: int = 11
    bold: bool = False
    needed: bool = False
    free: bool = False


@dataclass(frozen=True)
class Placed:
    """A name and where its text starts, pixels, on the base line."""

    name: Name
    x: float
    y: float
    anchor: str


def place(
    names: Sequence[Name],
    lines: NDArray[np.float64],
    width: float,
    height: float,
    taken: Sequence[Box] = (),
) -> list[Placed]:
    """Place names without overlap.

    Parameters
    ----------
    names : sequence of Name
    lines : (n, 2) array
        Points of the lines drawn, a few pixels apart, which names had better not cover.
    width, height : float
        Of the map; no name leaves it.
    taken : sequence of (left, top, right, bottom)
        What else no name may cover.

    Returns
    -------
    list of Placed
        Names that found no room are left out.
    """
    boxes: list[Box] = list(taken)
    dots = [(n.x - 4, n.y - 4, n.x + 4, n.y + 4) for n in names if not n.free]
    found: list[Placed] = []
    for name in sorted(names, key=lambda n: n.rank):
        if name.free and any(name.words == other.name.words for other in found):
            continue
        best = _best(name, boxes, dots, lines, (width, height))
        if best is not None:
            placed, box = best
            found.append(placed)
            boxes.append(box)
    return found


def _best(
    name: Name,
    boxes: Sequence[Box],
    dots: Sequence[Box],
    lines: NDArray[np.float64],
    room: tuple[float, float],
) -> tuple[Placed, Box] | None:
    own = (name.x - 4, name.y - 4, name.x + 4, name.y + 4)
    best: tuple[float, Placed, Box] | None = None
    for j, (placed, box) in enumerate(_places(name)):
        if box[0] < 2 or box[1] < 2 or box[2] > room[0] - 2 or box[3] > room[1] - 2:
            continue
        if any(_over(box, other) for other in boxes):
            continue
        hidden = sum(_over(box, dot) for dot in dots if dot != own)
        if hidden and not name.needed:
            continue
        cost = 20.0 * hidden + crossed(box, lines) + 0.3 * j
        if best is None or cost < best[0]:
            best = cost, placed, box
    most = 0 if name.free else _MOST_LINES
    if best is None or (best[0] > most and not name.needed):
        return None
    return best[1], best[2]


def _places(name: Name) -> list[tuple[Placed, Box]]:
    """Places around the dot, the best first, with the box that the name fills."""
    wide = width_of(name.words, name.size) * (_BOLD if name.bold else _WIDE)
    tall = 0.75 * name.size
    found: list[tuple[Placed, Box]] = []
    if name.free:
        box = (name.x - wide / 2, name.y - tall, name.x + wide / 2, name.y + 3)
        return [(Placed(name, name.x, name.y, "middle"), box)]
    for far in (7.0, 13.0):
        low = name.y + tall / 2
        spots = (
            (name.x + far, low, "start"),
            (name.x - far, low, "end"),
            (name.x + 0.7 * far, low - far, "start"),
            (name.x + 0.7 * far, low + far, "start"),
            (name.x - 0.7 * far, low - far, "end"),
            (name.x - 0.7 * far, low + far, "end"),
            (name.x, name.y - far, "middle"),
            (name.x, name.y + tall + far, "middle"),
        )
        for x, y, anchor in spots:
            left = x - wide * {"start": 0.0, "end": 1.0, "middle": 0.5}[anchor]
            box = (left, y - tall - 1, left + wide, y + 3)
            found.append((Placed(name, x, y, anchor), box))
    return found


def _over(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def crossed(box: Box, lines: NDArray[np.float64]) -> int:
    """How many of some points, (n, 2), lie within a box."""
    x, y = lines[:, 0], lines[:, 1]
    return int(((x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])).sum())
