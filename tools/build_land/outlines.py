"""Outlines of land from a TopoJSON of countries: simplified arc by arc, so that borders fit.

Simplification is that of Visvalingam and Whyatt (1993, Cartographic Journal 30, 46-51): the
point that makes the smallest triangle with its neighbours goes first, until every triangle left
is larger than a tolerance; here the tolerance depends on the place, fine near Korea.
"""

from __future__ import annotations

import csv
import heapq
import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

Point = tuple[float, float]

#: West, south, east, north in degrees, and the side of the smallest triangle kept, degrees.
ZONES: tuple[tuple[float, float, float, float, float], ...] = (
    (123.5, 33.0, 131.5, 43.7, 0.02),
    (117.0, 29.0, 143.0, 51.0, 0.05),
    (95.0, 5.0, 155.0, 62.0, 0.15),
    (-15.0, -12.0, 180.0, 75.0, 0.28),
    (-180.0, -90.0, 180.0, 90.0, 0.9),
)
_ANTARCTICA = "010"
#: An island is kept if it is as large as this many of the smallest triangles.
_ISLAND = 4.0
#: What a whole number in the file stands for, degrees.
UNIT = 0.01


def tolerance(point: Point) -> float:
    """Side of the smallest triangle kept around a point, degrees."""
    for west, south, east, north, side in ZONES:
        if west <= point[0] <= east and south <= point[1] <= north:
            return side
    return ZONES[-1][-1]


def arcs_of(topology: Mapping[str, Any]) -> list[list[Point]]:
    """Arcs of a quantised TopoJSON in degrees, longitude and latitude."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy, *_ in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        found.append(points)
    return found


def triangle(a: Point, b: Point, c: Point) -> float:
    """Area of a triangle, square degrees of latitude."""
    shrink = math.cos(math.radians(b[1]))
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2 * shrink


def simplified(points: Sequence[Point]) -> list[Point]:
    """An arc without the points that nobody would see; its ends stay."""
    before = [j - 1 for j in range(len(points))]
    after = [j + 1 for j in range(len(points))]
    last, gone = len(points) - 1, [False] * len(points)

    def weight(j: int) -> float:
        area = triangle(points[before[j]], points[j], points[after[j]])
        return area / (0.5 * tolerance(points[j]) ** 2)

    heap = [(weight(j), j) for j in range(1, last)]
    current = {j: w for w, j in heap}
    heapq.heapify(heap)
    while heap:
        size, j = heapq.heappop(heap)
        if gone[j] or current[j] != size:
            continue
        if size >= 1.0:
            break
        gone[j] = True
        a, b = before[j], after[j]
        after[a], before[b] = b, a
        for k in (a, b):
            if 0 < k < last:
                current[k] = max(weight(k), size)
                heapq.heappush(heap, (current[k], k))
    return [p for p, lost in zip(points, gone, strict=True) if not lost]


def ring_area(points: Sequence[Point]) -> float:
    """Area of a closed ring, square degrees of latitude."""
    shrink = math.cos(math.radians(sum(p[1] for p in points) / len(points)))
    twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(points))
    return abs(twice) / 2 * shrink


def rings_of(topology: Mapping[str, Any]) -> list[tuple[str, list[int]]]:
    """Numeric country code and arcs of every ring, Antarctica's left out."""
    found = []
    for shape in topology["objects"]["countries"]["geometries"]:
        code = str(shape.get("id") or "")
        if code == _ANTARCTICA or not shape.get("arcs"):
            continue
        parts = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
        found += [(code, list(ring)) for part in parts for ring in part]
    return found


def outlines(
    topology: Mapping[str, Any], names: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Rows of the file of outlines.

    Parameters
    ----------
    topology : mapping
        A TopoJSON of Natural Earth's countries (object ``countries``, ids ISO 3166 numeric).
    names : mapping of numeric code to ISO3

    Returns
    -------
    list of (row, code, values)
        ``coast`` and ``border``: whole numbers of 0.01 degrees, the first point, then steps;
        ``ring``: numbers of the arcs (their order in the file, from 0; −1 − j is arc j
        backwards) around a part of the country ``code``.
    """
    arcs, kept = arcs_of(topology), []
    for code, ring in rings_of(topology):
        if len(ring) == 1:
            points = arcs[ring[0] if ring[0] >= 0 else ~ring[0]]
            least = min(tolerance(p) for p in points)
            if ring_area(points) < _ISLAND * least**2:
                continue
        kept.append((code, ring))
    used: dict[int, list[str]] = {}
    for code, ring in kept:
        for j in ring:
            used.setdefault(j if j >= 0 else ~j, []).append(code)
    number = {j: k for k, j in enumerate(sorted(used))}
    rows = [
        ("border" if len(used[j]) > 1 else "coast", "", _steps(simplified(arcs[j])))
        for j in sorted(used)
    ]
    for code, ring in kept:
        listed = [number[j] if j >= 0 else ~number[~j] for j in ring]
        rows.append(("ring", names.get(code, ""), " ".join(map(str, listed))))
    return rows


def _steps(points: Sequence[Point]) -> str:
    x = y = 0
    words = []
    for lon, lat in points:
        i, j = round(lon / UNIT), round(lat / UNIT)
        words += [str(i - x), str(j - y)]
        x, y = i, j
    return " ".join(words)


def read_topology(path: Path) -> dict[str, Any]:
    """A TopoJSON file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def read_names(path: Path) -> dict[str, str]:
    """ISO3 codes by three-digit numeric code."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {f"{int(row['number']):03d}": row["iso3"] for row in rows}
