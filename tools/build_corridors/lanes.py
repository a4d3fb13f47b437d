"""Lengths of the sea lanes of ``edges.csv``: the smaller of two measures.

searoute (Apache-2.0, Gent Halili) finds the shortest way over a fixed network of sea lanes, to
which both ports are tied by straight lines; where its nearest lane is far off, as in the Japan
Sea, the way comes out too long. The lanes of ``sealanes.csv``, which ``tools.build_land`` draws
for maps, are from the same network with a grid at sea near Korea, kept off the land: a way that
a ship can take too. searoute is needed here only: what it gives are facts, and they are kept in
``edges.csv`` with its version.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

from detente.errors import InputError, Place

Point = tuple[float, float]
Measure = Callable[[Point, Point], float]
"""Kilometres by sea between two points (latitude, longitude in degrees)."""

SEAROUTE = "searoute "
"""How the ``source`` of a lane that searoute measured begins; its version follows."""
DRAWN = "drawn lane of sealanes.csv"
"""The ``source`` of a lane whose drawn way is shorter than searoute's."""
EARTH_KM = 6371.0


@dataclass(frozen=True)
class Measured:
    """What `measured` made of ``edges.csv``.

    Attributes
    ----------
    text : str
        The new text of the file.
    by_searoute, drawn : int
        Lanes whose length is searoute's, and those whose length is the drawn lane's.
    by_hand : int
        Lanes left as they are, because their source names something else.
    """

    text: str
    by_searoute: int
    drawn: int
    by_hand: int


def searoute_measure() -> tuple[str, Measure]:
    """searoute's name with its version, and its distance in kilometres.

    Raises
    ------
    InputError
        If searoute is not installed.
    """
    try:
        find = import_module("searoute").searoute
    except ImportError as error:
        raise InputError(
            "the lengths of sea lanes need the package searoute, which detente itself does "
            "not use: install it in the environment that runs this tool"
        ) from error

    def measure(one: Point, other: Point) -> float:
        # searoute takes longitude first; both ports belong to the way
        ends = [list(reversed(point)) for point in (one, other)]
        return float(find(*ends, append_orig_dest=True).properties["length"])

    return SEAROUTE + version("searoute"), measure


def read_places(nodes: Path) -> dict[str, Point]:
    """Latitude and longitude of every node of ``nodes.csv``."""
    with nodes.open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)
        }


def great_circle(one: Point, other: Point) -> float:
    """Kilometres between two places (latitude, longitude in degrees), by the haversine."""
    lat, lat2 = math.radians(one[0]), math.radians(other[0])
    half = math.sin((lat2 - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(lat2) * math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def read_drawn(lanes: Path, places: Mapping[str, Point]) -> dict[tuple[str, str], float]:
    """Kilometres along every lane of ``sealanes.csv``, by its two ends in order of code.

    Raises
    ------
    InputError
        If a lane ends at a node that is not there, or its points are no pairs of numbers.
    """
    found = {}
    with lanes.open(encoding="utf-8", newline="") as file:
        numbered = [(n, line) for n, line in enumerate(file, 1) if not line.startswith("#")]
    reader = csv.DictReader(line for _, line in numbered)
    for (line, _), row in zip(numbered[1:], reader, strict=True):
        ends = [_place(places, row[end], Place(lanes.name, line, end)) for end in "ab"]
        try:
            values = [float(value) for value in row["points"].split()]
            points = [(lat, lon) for lon, lat in zip(values[::2], values[1::2], strict=True)]
        except ValueError as error:
            where = Place(lanes.name, line, "points")
            raise InputError("longitude and latitude in turn, as numbers", where) from error
        way = [ends[0], *points, ends[1]]
        km = sum(great_circle(p, q) for p, q in pairwise(way))
        a, b = sorted((row["a"], row["b"]))
        found[a, b] = km
    return found


def measured(
    edges: Path,
    places: Mapping[str, Point],
    source: str,
    measure: Measure,
    drawn: Mapping[tuple[str, str], float],
) -> Measured:
    """The text of ``edges.csv`` with every lane measured.

    Parameters
    ----------
    edges : Path
        The file as it is.
    places : mapping of str to (float, float)
        Latitude and longitude of each node, degrees.
    source : str
        What to write under ``source`` where ``measure`` gives the smaller length.
    measure : callable
        Kilometres by sea between two places.
    drawn : mapping of (str, str) to float
        Kilometres along drawn lanes (`read_drawn`); a lane that is not drawn is measured only.

    Returns
    -------
    Measured

    Raises
    ------
    InputError
        If a lane ends at a node that is not there.
    """
    with edges.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header, rows = list(reader.fieldnames or ()), list(reader)
    count = {source: 0, DRAWN: 0, "": 0}
    for line, row in enumerate(rows, start=2):
        if row["mode"] != "sea":
            continue
        if row["source"] and not row["source"].startswith((SEAROUTE, DRAWN)):
            count[""] += 1
            continue
        ends = [_place(places, row[end], Place(edges.name, line, end)) for end in "ab"]
        a, b = sorted((row["a"], row["b"]))
        km = round(measure(*ends))
        # up, so that a drawn lane never rounds to less than the great circle
        other = math.ceil(drawn[a, b]) if (a, b) in drawn else km
        named = DRAWN if other < km else source
        row.update(km=str(min(km, other)), source=named, verification="verified")
        count[named] += 1
    return Measured(_text(header, rows), count[source], count[DRAWN], count[""])


def _place(places: Mapping[str, Point], code: str, where: Place) -> Point:
    if code not in places:
        raise InputError(f"there is no node '{code}'", where)
    return places[code]


def _text(header: list[str], rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_atomically(path: Path, text: str) -> None:
    """Put ``text`` in place of the file, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
