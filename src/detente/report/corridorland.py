"""What a map is drawn on: outlines of land, waypoints of sea lanes, a projection, clipping."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
#: What a whole number in land.csv stands for, degrees.
_UNIT = 0.01
#: Below this the cone is as good as a cylinder.
_FLAT = 0.08


@dataclass(frozen=True, eq=False)
class Land:
    """Outlines in degrees.

    Attributes
    ----------
    rings : tuple of (n, 2) arrays
        Longitude and latitude around each part of each country.
    countries : tuple of str
        ISO3 code of each ring; blank where Natural Earth's part has none.
    borders : tuple of (n, 2) arrays
        Lines between countries, as Natural Earth draws them.
    coasts : tuple of (n, 2) arrays
    """

    rings: tuple[Points, ...]
    countries: tuple[str, ...]
    borders: tuple[Points, ...]
    coasts: tuple[Points, ...]


def _rows(name: str) -> list[dict[str, str]]:
    text = files("detente").joinpath("data", "corridors", name).read_text(encoding="utf-8")
    return list(csv.DictReader(x for x in text.splitlines() if not x.startswith("#")))


@cache
def load_land() -> Land:
    """The embedded outlines (Natural Earth, public domain; see the file's head)."""
    arcs: list[Points] = []
    kinds: list[str] = []
    rings: list[Points] = []
    codes: list[str] = []
    for row in _rows("land.csv"):
        numbers = [int(word) for word in row["values"].split()]
        if row["row"] == "ring":
            parts = [arcs[j] if j >= 0 else arcs[~j][::-1] for j in numbers]
            rings.append(np.concatenate(parts))
            codes.append(row["code"])
        else:
            arcs.append(np.cumsum(np.reshape(numbers, (-1, 2)), axis=0) * _UNIT)
            kinds.append(row["row"])
    by_kind = {
        kind: tuple(arc for arc, own in zip(arcs, kinds, strict=True) if own == kind)
        for kind in ("border", "coast")
    }
    return Land(tuple(rings), tuple(codes), by_kind["border"], by_kind["coast"])


@cache
def load_lanes() -> Mapping[tuple[str, str], Points]:
    """Waypoints of the embedded network's sea edges, (n, 2) degrees from a to b."""
    return {
        (row["a"], row["b"]): np.reshape([float(w) for w in row["points"].split()], (-1, 2))
        for row in _rows("sealanes.csv")
    }


@dataclass(frozen=True)
class Projection:
    """Equidistant conic projection; distances along meridians are true.

    x = ρ sin n(λ − λ0), y = −ρ cos n(λ − λ0), ρ = G − φ, with n and G of two standard
    parallels (Snyder 1987, USGS Professional Paper 1395, pp. 111-115; verification: recalled,
    and tested by its defining properties). Near the equator n vanishes, and the plate carrée
    with a true parallel takes its place.
    """

    middle: float
    south: float
    north: float

    @classmethod
    def around(cls, points: Points) -> Projection:
        """The projection for a region: a sixth of its latitudes inside each true parallel."""
        low, high = float(points[:, 1].min()), float(points[:, 1].max())
        west, east = cover(points[:, 0])
        sixth = (high - low) / 6
        return cls((west + east) / 2, low + sixth, high - sixth)

    @property
    def cone(self) -> float:
        """The cone's constant n."""
        a, b = math.radians(self.south), math.radians(self.north)
        if b - a < 1e-6:
            return math.sin((a + b) / 2)
        return (math.cos(a) - math.cos(b)) / (b - a)

    def __call__(self, points: Points) -> Points:
        """Project a line or ring, kept whole across the date line; degrees of a meridian."""
        lon = np.unwrap(points[:, 0], period=360)
        lon = lon - 360 * np.round((float(lon.mean()) - self.middle) / 360) - self.middle
        lat, n = points[:, 1], self.cone
        if abs(n) < _FLAT:
            true = math.cos(math.radians((self.south + self.north) / 2))
            return np.column_stack([lon * true, -lat])
        top = math.degrees(math.cos(math.radians(self.south)) / n) + self.south
        rho, turn = top - lat, np.radians(n * lon)
        return np.column_stack([rho * np.sin(turn), rho * np.cos(turn) - top])


def cover(lon: NDArray[np.float64]) -> tuple[float, float]:
    """West and east of the shortest arc that holds all longitudes; east may exceed 180."""
    around = np.sort(np.unique(np.mod(lon, 360)))
    if around.size == 1:
        return float(around[0]), float(around[0])
    gaps = np.diff(np.append(around, around[0] + 360))
    j = int(gaps.argmax())
    west = float(around[(j + 1) % around.size])
    east = float(around[j])
    return west, east if east >= west else east + 360


def great_circle(a: Sequence[float], b: Sequence[float], step: float = 2.0) -> Points:
    """Points on the shortest line from a to b, at most ``step`` degrees apart."""
    p, q = (_sphere(point) for point in (a, b))
    angle = math.acos(float(np.clip(p @ q, -1, 1)))
    count = max(1, math.ceil(math.degrees(angle) / step))
    if count == 1:
        return np.array([a, b], dtype=float)
    t = np.linspace(0, 1, count + 1)[:, None]
    s = (np.sin((1 - t) * angle) * p + np.sin(t * angle) * q) / math.sin(angle)
    lon = np.degrees(np.arctan2(s[:, 1], s[:, 0]))
    return np.column_stack([lon, np.degrees(np.arcsin(np.clip(s[:, 2], -1, 1)))])


def between(points: Points, step: float = 2.0) -> Points:
    """The line through some points with more on the way, even in degrees, across the date line.

    Waypoints of lanes keep off the land on such a line, which no projection draws straight.
    """
    lon = np.unwrap(points[:, 0], period=360)
    far = np.hypot(np.diff(lon), np.diff(points[:, 1]))
    at = np.concatenate([[0.0], np.cumsum(np.maximum(np.ceil(far / step), 1.0))])
    every = np.arange(at[-1] + 1)
    return np.column_stack([np.interp(every, at, lon), np.interp(every, at, points[:, 1])])


def _sphere(point: Sequence[float]) -> Points:
    lon, lat = np.radians(point[0]), np.radians(point[1])
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


# -- clipping ----------------------------------------------------------------------------------
def clip_ring(points: Points, width: float, height: float) -> Points:
    """A ring within a box from (0, 0): Sutherland and Hodgman's way, side by side."""
    for axis, bound, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        if not len(points):
            return points
        inside = sign * (points[:, axis] - bound) >= 0
        if inside.all():
            continue
        points = _cut(points, inside, axis, bound)
    return points


def _cut(points: Points, inside: NDArray[np.bool_], axis: int, bound: float) -> Points:
    kept: list[Points] = []
    for j in range(len(points)):
        p, q = points[j - 1], points[j]
        if inside[j - 1] != inside[j]:
            share = (bound - p[axis]) / (q[axis] - p[axis])
            kept.append(p + share * (q - p))
        if inside[j]:
            kept.append(q)
    return np.array(kept) if kept else np.empty((0, 2))


def clip_line(points: Points, width: float, height: float) -> list[Points]:
    """Pieces of a line that have a point within a box from (0, 0), one step beyond it."""
    inside = (
        (points[:, 0] >= 0)
        & (points[:, 0] <= width)
        & (points[:, 1] >= 0)
        & (points[:, 1] <= height)
    )
    near = inside.copy()
    near[1:] |= inside[:-1]
    near[:-1] |= inside[1:]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], near, [False]]).astype(int)))
    return [points[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]
