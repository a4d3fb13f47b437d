"""Lengths of the sea lanes of ``edges.csv``, by the lanes of the package searoute.

searoute (Apache-2.0, Gent Halili) finds the shortest way over a fixed network of sea lanes,
to which both ports are tied by straight lines. It is needed here only: the distances that it
gives are facts, and they are kept in ``edges.csv`` with its version.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from detente.errors import InputError, Place

Point = tuple[float, float]
Measure = Callable[[Point, Point], float]
"""Kilometres by sea between two points (latitude, longitude in degrees)."""

OURS = "searoute "
"""How the ``source`` of a lane begins that this tool may rewrite; a blank one may be too."""


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

    return OURS + version("searoute"), measure


def read_places(nodes: Path) -> dict[str, Point]:
    """Latitude and longitude of every node of ``nodes.csv``."""
    with nodes.open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)
        }


def measured(
    edges: Path, places: Mapping[str, Point], source: str, measure: Measure
) -> tuple[str, int, int]:
    """The text of ``edges.csv`` with every lane measured.

    Parameters
    ----------
    edges : Path
        The file as it is.
    places : mapping of str to (float, float)
        Latitude and longitude of each node, degrees.
    source : str
        What to write under ``source``.
    measure : callable
        Kilometres by sea between two places.

    Returns
    -------
    tuple of (str, int, int)
        The new text; how many lanes were measured; how many were left as given by hand,
        because their source names something else.

    Raises
    ------
    InputError
        If a lane ends at a node that is not there.
    """
    with edges.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header, rows = list(reader.fieldnames or ()), list(reader)
    done = left = 0
    for line, row in enumerate(rows, start=2):
        if row["mode"] != "sea":
            continue
        if row["source"] and not row["source"].startswith(OURS):
            left += 1
            continue
        for end in ("a", "b"):
            if row[end] not in places:
                raise InputError(f"there is no node '{row[end]}'", Place(edges.name, line, end))
        km = measure(places[row["a"]], places[row["b"]])
        row.update(km=f"{km:.0f}", source=source, verification="verified")
        done += 1
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue(), done, left


def write_atomically(path: Path, text: str) -> None:
    """Put ``text`` in place of the file, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
