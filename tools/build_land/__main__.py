"""``python -m tools.build_land COUNTRIES LANES``: outlines of land, waypoints of sea lanes.

COUNTRIES is ``countries-10m.json`` of the npm package world-atlas 2.0.2 (Natural Earth 4.1,
public domain); LANES is ``marnet_searoute.geojson`` of the Python package searoute 1.6.0
(Apache-2.0). Run it again when a sea edge of the network is new or a port has moved.
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

from tools.build_land.lanes import Coast, read_lanes, sea_edges
from tools.build_land.outlines import outlines, read_names, read_topology

from detente.report.corridorland import load_land

DATA = Path(__file__).resolve().parents[2] / "src" / "detente" / "data"
LAND_HEAD = """\
# Outlines of land, simplified. Source: Natural Earth 4.1, 1:10m cultural vectors (public
# domain), as TopoJSON of world-atlas 2.0.2. Borders are those that Natural Earth draws: who
# controls, not who claims. Written by python -m tools.build_land; fine near Korea, coarse
# far from it. coast, border: whole numbers of 0.01 degrees, longitude and latitude in turn:
# the first point, then steps. ring: numbers of these lines from 0 (-1-j: line j backwards)
# around a part of a country.
"""
LANES_HEAD = """\
# Waypoints of the network's sea edges, for maps. Source: lanes of searoute 1.6.0 (Apache-2.0),
# after Eurostat SeaRoute; shortest way, thinned. Written by python -m tools.build_land.
# points: longitude and latitude in turn, degrees, from a to b without a and b themselves.
"""


def table(head: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A csv file with a commented head."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([columns, *rows])
    return head + out.getvalue()


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("countries", type=Path, help="TopoJSON of countries")
    parser.add_argument("lanes", type=Path, help="GeoJSON of shipping lanes")
    given = parser.parse_args()
    names, folder = read_names(DATA / "country_numbers.csv"), DATA / "corridors"
    rows = outlines(read_topology(given.countries), names)
    land = table(LAND_HEAD, ("row", "code", "values"), rows)
    (folder / "land.csv").write_text(land, encoding="utf-8")
    print(f"land.csv: {len(land):,} bytes")
    load_land.cache_clear()
    # Off the land as it is drawn, not as it is: a rock that no map shows is in nobody's way
    drawn = ([(float(x), float(y)) for x, y in arc] for arc in load_land().coasts)
    coast = Coast(drawn)
    network = read_lanes(given.lanes, coast)
    written = []
    for a, b, start, end in sea_edges(folder):
        way = network.between(start, end)
        over = coast.over(way)
        if over:
            print(f"{a} {b}: over land near {over}")
        written.append((a, b, " ".join(f"{x:.2f} {y:.2f}" for x, y in way[1:-1])))
    lanes = table(LANES_HEAD, ("a", "b", "points"), written)
    (folder / "sealanes.csv").write_text(lanes, encoding="utf-8")
    print(f"sealanes.csv: {len(written)} edges, {len(lanes):,} bytes")


if __name__ == "__main__":
    main()
