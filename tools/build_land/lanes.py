"""Waypoints of sea lanes: the shortest way over a network of shipping lanes, off the land.

The lanes are those that the Python package searoute (Apache-2.0) ships, after Eurostat's
SeaRoute and the global shipping lane network of the Oak Ridge National Laboratory. What is kept
of a lane is a handful of points, enough to draw it at the scale of a map.
"""

from __future__ import annotations

import csv
import heapq
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

Point = tuple[float, float]
Segment = tuple[Point, Point]
#: Lanes that ice closes for most of the year.
CLOSED = frozenset({"northwest", "northeast"})
#: Land within this of a port is the port's own, degrees.
HARBOUR = 0.2
#: How close the points lie at which a line is asked whether it is on land, degrees.
STEP = 0.1
#: How far from its ends a lane may be joined, and what land on the way costs, in its lengths.
JOIN, OVER_LAND, LANE_OVER_LAND = 24, 40.0, 2.0
#: How far a point may be from the line that replaces it: share of the way to the nearer port.
SLACK = 0.04
#: Ports nearer than this may be sailed between without a lane, degrees.
NEIGHBOURS = 8.0
#: Canals that the lanes leave out: Kiel.
CANALS = (((9.14, 53.89), (9.7, 54.25), (10.15, 54.37), (10.25, 54.5)),)
#: Ports behind an island or a bank that the drawn land leaves out, and the only place by which
#: ships come and go: Shanghai, the south channel of the Yangtze's mouth.
MOUTHS = {(121.8, 31.25): (122.25, 31.05)}
#: Where ships hug coasts that no lane follows: a grid of our own (west, south, east, north and
#: step in degrees), and how much longer a way over it counts.
GRID = (117.0, 22.0, 142.0, 46.0, 0.25)
OFF_LANE = 1.1


def great_circle(a: Point, b: Point) -> float:
    """Kilometres between two points."""
    p, q = math.radians(a[1]), math.radians(b[1])
    half = math.sin((q - p) / 2) ** 2
    half += math.cos(p) * math.cos(q) * math.sin(math.radians(b[0] - a[0]) / 2) ** 2
    return 12742.0 * math.asin(min(1.0, math.sqrt(half)))


class Coast:
    """Line segments of coasts in cells of one degree, and what lies behind them."""

    def __init__(self, arcs: Iterable[Sequence[Point]]) -> None:
        self._cells: dict[tuple[int, int], list[Segment]] = {}
        rows: dict[int, list[Segment]] = {}
        for arc in arcs:
            jumps = [abs(a[0] - b[0]) > 180 for a, b in pairwise(arc)]
            if any(jumps) and arc[0] == arc[-1]:
                continue  # an island on the date line has no east
            for (a, b), jump in zip(pairwise(arc), jumps, strict=True):
                if jump:
                    continue
                for cell in _cells(a, b):
                    self._cells.setdefault(cell, []).append((a, b))
                low, high = sorted((a[1], b[1]))
                for row in range(math.floor(low), math.floor(high) + 1):
                    rows.setdefault(row, []).append((a, b))
        self._rows = {row: np.array(found) for row, found in rows.items()}

    def over(self, way: Sequence[Point]) -> list[Point]:
        """Where the stretches of a way that lead over land begin, away from its ends."""
        ends = (way[0], way[-1])
        return [a for a, b in pairwise(way) if self.crossed(a, b, ends)]

    def crossed(self, a: Point, b: Point, ports: Sequence[Point]) -> bool:
        """Whether the line from a to b meets a coast or land away from the ports."""
        if abs(a[0] - b[0]) > 180:
            east = math.copysign(180.0, a[0])
            whole = 360.0 - abs(a[0] - b[0])
            lat = a[1] + (b[1] - a[1]) * (180.0 - abs(a[0])) / whole if whole else a[1]
            halves = ((a, (east, lat)), ((-east, lat), b))
            return any(self.crossed(p, q, ports) for p, q in halves)
        for cell in _cells(a, b):
            for c, d in self._cells.get(cell, ()):
                met = _meet(a, b, c, d)
                if met and all(math.dist(met, port) > HARBOUR for port in ports):
                    return True
        count = max(2, math.ceil(math.dist(a, b) / STEP))
        for k in range(count + 1):
            p = (a[0] + (b[0] - a[0]) * k / count, a[1] + (b[1] - a[1]) * k / count)
            if all(math.dist(p, port) > HARBOUR for port in ports) and self.dry(p):
                return True
        return False

    def dry(self, p: Point) -> bool:
        """Whether a place is on land: to its east are an odd number of coasts."""
        row = self._rows.get(math.floor(p[1]))
        if row is None:
            return False
        (x, y), (u, v) = row[:, 0].T, row[:, 1].T
        at = (y > p[1]) != (v > p[1])
        east = x[at] + (p[1] - y[at]) * (u - x)[at] / (v - y)[at]
        return bool((east > p[0]).sum() % 2)


def _cells(a: Point, b: Point) -> set[tuple[int, int]]:
    count = max(1, math.ceil(2 * max(abs(a[0] - b[0]), abs(a[1] - b[1]))))
    found = set()
    for j in range(count + 1):
        x, y = (a[k] + (b[k] - a[k]) * j / count for k in (0, 1))
        # A line may clip the corner of the cell beside it
        for dx in (-0.3, 0.3):
            for dy in (-0.3, 0.3):
                found.add((math.floor(x + dx), math.floor(y + dy)))
    return found


def _meet(a: Point, b: Point, c: Point, d: Point) -> Point | None:
    """Where two line segments cross."""
    dx, dy, ex, ey = b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]
    whole = dx * ey - dy * ex
    if whole == 0:
        return None
    s = ((c[0] - a[0]) * ey - (c[1] - a[1]) * ex) / whole
    t = ((c[0] - a[0]) * dy - (c[1] - a[1]) * dx) / whole
    return (a[0] + s * dx, a[1] + s * dy) if 0 <= s <= 1 and 0 <= t <= 1 else None


class Lanes:
    """A network of lanes: points, and the points next to each."""

    def __init__(self, features: Iterable[Mapping[str, Any]], coast: Coast) -> None:
        self.next: dict[Point, set[Point]] = {}
        self.coast = coast
        self._costs: dict[Segment, float] = {}
        for feature in features:
            shape, facts = feature["geometry"], feature.get("properties") or {}
            if facts.get("passage") in CLOSED:
                continue
            parts = shape["coordinates"]
            for part in [parts] if shape["type"] == "LineString" else parts:
                points = [(round((x + 180) % 360 - 180, 5), round(y, 5)) for x, y, *_ in part]
                self._link(points)
        for canal in CANALS:
            first, last = (self._nearest(end)[0] for end in (canal[0], canal[-1]))
            self._link((first, *canal, last))
        self.own: frozenset[Point] = frozenset()

    def _link(self, points: Sequence[Point]) -> None:
        for a, b in pairwise(points):
            self.next.setdefault(a, set()).add(b)
            self.next.setdefault(b, set()).add(a)

    def with_grid(self) -> Lanes:
        """The same, with a grid of points at sea near Korea, joined to the lanes among it."""
        west, south, east, north, step = GRID
        lanes = [p for p in self.next if west < p[0] < east and south < p[1] < north]
        at = [
            (west + step * i, south + step * j)
            for i in range(round((east - west) / step) + 1)
            for j in range(round((north - south) / step) + 1)
        ]
        wet = {p for p in at if not self.coast.dry(p)} | set(MOUTHS.values())
        for a in sorted(wet):
            ways = ((step, 0.0), (0.0, step), (step, step), (step, -step))
            near = [(a[0] + dx, a[1] + dy) for dx, dy in ways]
            near = [p for p in near if p in wet]
            near += [p for p in (*lanes, *MOUTHS.values()) if 0 < math.dist(p, a) < step]
            for b in near:
                if not self.coast.crossed(a, b, ()):
                    self._link((a, b))
        self.own = frozenset(wet)
        return self

    def between(self, a: Point, b: Point) -> list[Point]:
        """Points of the shortest way from a to b, a and b among them."""
        joins = {p: self._nearest(p) for p in (a, b)}
        ends = set(joins[b])
        best: dict[Point, float] = {a: 0.0}
        came: dict[Point, Point] = {}
        heap: list[tuple[float, Point]] = [(0.0, a)]
        while heap:
            so_far, p = heapq.heappop(heap)
            if p == b:
                break
            if so_far > best[p]:
                continue
            steps = set(joins[a]) if p == a else self.next.get(p, set())
            near = math.dist(a, b) < NEIGHBOURS and not {a, b} & set(MOUTHS)
            steps = steps | {b} if p == a and near else steps
            for q in steps | ({b} if p in ends else set()):
                cost = so_far + self._cost(p, q, (a, b))
                if cost < best.get(q, math.inf):
                    best[q], came[q] = cost, p
                    heapq.heappush(heap, (cost, q))
        way = [b]
        while way[-1] != a:
            way.append(came[way[-1]])
        return self._thinned(way[::-1])

    def _nearest(self, port: Point) -> list[Point]:
        if port in MOUTHS:
            return [MOUTHS[port]]
        return sorted(self.next, key=lambda p: great_circle(p, port))[:JOIN]

    def _cost(self, p: Point, q: Point, ports: tuple[Point, Point]) -> float:
        if p in ports or q in ports:
            over = OVER_LAND if self.coast.crossed(p, q, ports) else 1.0
            return great_circle(p, q) * over
        if (p, q) not in self._costs:
            over = LANE_OVER_LAND if self.coast.crossed(p, q, ()) else 1.0
            over *= OFF_LANE if p in self.own or q in self.own else 1.0
            self._costs[p, q] = self._costs[q, p] = great_circle(p, q) * over
        return self._costs[p, q]

    def _thinned(self, way: Sequence[Point]) -> list[Point]:
        """The way with as few points as keep it near itself and off the land."""
        found, j, ports = [way[0]], 0, (way[0], way[-1])
        while j < len(way) - 1:
            k = j + 1
            for far in range(len(way) - 1, j, -1):
                if self._stands_for(way[j : far + 1], ports):
                    k = far
                    break
            found.append(way[k])
            j = k
        return found

    def _stands_for(self, part: Sequence[Point], ports: tuple[Point, Point]) -> bool:
        if len(part) < 3:
            return True
        if abs(part[0][0] - part[-1][0]) > 180:
            return False
        for p in (p for p in part[1:-1] if p not in self.own):
            room = SLACK * min(math.dist(p, port) for port in ports) + 0.05
            if _off(p, part[0], part[-1]) > room:
                return False
        return not self.coast.crossed(part[0], part[-1], ports)


def _off(p: Point, a: Point, b: Point) -> float:
    """Distance of p from the line segment from a to b, degrees."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    whole = dx * dx + dy * dy
    t = 0.0 if not whole else ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / whole
    t = min(1.0, max(0.0, t))
    return math.dist(p, (a[0] + t * dx, a[1] + t * dy))


def sea_edges(folder: Path) -> list[tuple[str, str, Point, Point]]:
    """Sea edges of the network: the codes and the places of their ends."""
    places = {
        row["code"]: (float(row["lon"]), float(row["lat"]))
        for row in rows(folder / "nodes.csv")
    }
    found = {}
    for row in rows(folder / "edges.csv"):
        if row["mode"] == "sea":
            a, b = sorted((row["a"], row["b"]))
            found[a, b] = (a, b, places[a], places[b])
    return [found[key] for key in sorted(found)]


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a csv file with comments."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def read_lanes(path: Path, coast: Coast) -> Lanes:
    """Lanes of a GeoJSON of line strings."""
    return Lanes(json.loads(path.read_text(encoding="utf-8"))["features"], coast).with_grid()
