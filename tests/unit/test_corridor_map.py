"""The map of a corridor: its land, lanes, projection, names, and what the drawing says."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.corridors.catalogue import load_network
from detente.corridors.network import Network, Node
from detente.report.corridorlabels import Name, place
from detente.report.corridorland import (
    Projection,
    between,
    clip_line,
    clip_ring,
    cover,
    great_circle,
    load_land,
    load_lanes,
)
from detente.report.corridormap import Lines, MapText, Pair, corridor_map, way
from detente.report.svg import WIDTH
from hypothesis_profiles import examples

RADIUS = 6371.0


@dataclass(frozen=True)
class Step:
    a: str
    b: str
    layer: str


TEXT = MapText("A made-up line & its <ways>", "USD", "Source: a test")
RINGS = [(ring, ring.min(axis=0), ring.max(axis=0)) for ring in load_land().rings]
SEOUL, DANDONG = "SEOUL", "DANDONG"


def km(points: np.ndarray) -> float:
    """Length of a line in degrees, great circle."""
    total = 0.0
    for a, b in pairwise(points):
        lat, lat2 = math.radians(a[1]), math.radians(b[1])
        half = math.sin((lat2 - lat) / 2) ** 2
        half += math.cos(lat) * math.cos(lat2) * math.sin(math.radians(b[0] - a[0]) / 2) ** 2
        total += 2 * RADIUS * math.asin(math.sqrt(half))
    return total


def inside(ring: np.ndarray, lon: float, lat: float) -> bool:
    """Whether a place is within a ring: how often a line to the east crosses it."""
    x, y = ring[:, 0], ring[:, 1]
    u, v = np.roll(x, -1), np.roll(y, -1)
    crossing = (y > lat) != (v > lat)
    at = x[crossing] + (lat - y[crossing]) * (u - x)[crossing] / (v - y)[crossing]
    return bool((at > lon).sum() % 2)


def on_land(lon: float, lat: float) -> bool:
    return any(
        low[0] <= lon <= high[0] and low[1] <= lat <= high[1] and inside(ring, lon, lat)
        for ring, low, high in RINGS
    )


# -- land and lanes ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "area"), [("PRK", 120_540), ("KOR", 100_210), ("JPN", 377_970)]
)
def test_countries_are_as_large_as_they_are(code: str, area: float) -> None:
    """Land areas as published by each state's statistics, km²; lakes and rocks make 3 %."""
    land, found = load_land(), 0.0
    for ring, owner in zip(land.rings, land.countries, strict=True):
        if owner == code:
            x = np.radians(ring[:, 0])
            y = np.sin(np.radians(ring[:, 1]))  # the cylinder of equal area
            found += (
                0.5 * RADIUS**2 * abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)))
            )
    assert found == pytest.approx(area, rel=0.03)


@pytest.mark.parametrize(
    ("lon", "lat", "dry"),
    [
        (126.97, 37.55, True),  # Seoul
        (125.75, 39.02, True),  # Pyongyang
        (126.55, 33.38, True),  # Jeju
        (133.3, 44.5, True),  # Primorye
        (121.0, 37.2, True),  # Shandong
        (123.5, 36.0, False),  # the Yellow Sea
        (131.5, 39.5, False),  # the sea between Korea and Japan
        (129.3, 34.75, False),  # the strait of Korea
        (119.5, 38.6, False),  # the Bohai
    ],
)
def test_land_and_sea_lie_where_they_do(lon: float, lat: float, dry: bool) -> None:
    assert on_land(lon, lat) is dry


def test_every_border_lies_between_two_countries_rings() -> None:
    land = load_land()
    corners = {tuple(np.round(p, 2)) for ring in land.rings for p in ring}
    assert all(tuple(np.round(p, 2)) in corners for line in land.borders for p in line)


def test_every_sea_edge_has_a_lane_as_long_as_its_own_length() -> None:
    """Lanes come from one search, lengths of edges from another that joins ports otherwise."""
    network, lanes = load_network(), load_lanes()
    edges = [e for e in network.edges if e.layer == "sea"]
    assert len(edges) > 100
    missing = [str(e) for e in edges if tuple(sorted((e.a, e.b))) not in lanes]
    assert not missing, "run python -m tools.build_land again"
    drawn = {e: way(network, e) for e in edges if e.km > 300}
    assert all(km(line) >= 0.999 * km(line[[0, -1]]) for line in drawn.values())
    ratio = np.array([km(line) / e.km for e, line in drawn.items()])
    off = [str(e) for e, r in zip(drawn, ratio, strict=True) if not 0.6 < r < 1.4]
    assert not off
    assert np.mean(abs(ratio - 1) < 0.12) > 0.85


def test_lanes_stay_off_the_land_near_korea() -> None:
    """Away from their ports; the strait of Kanmon is narrower than any map here shows."""
    network, wet, kanmon = load_network(), 0, (130.95, 33.95)
    for edge in network.edges:
        if edge.layer != "sea":
            continue
        near = [(network.nodes[c].lon, network.nodes[c].lat) for c in (edge.a, edge.b)]
        near.append(kanmon)
        for a, b in pairwise(way(network, edge)):
            for t in np.linspace(0, 1, 40):
                lon, lat = a + t * (b - a)
                if not (117 < lon < 146 and 30 < lat < 46):
                    continue
                if all(math.dist((lon, lat), place) > 0.3 for place in near):
                    assert not on_land(lon, lat), (str(edge), lon, lat)
                    wet += 1
    assert wet > 10_000


def test_points_on_the_way_lie_on_the_line_across_the_date_line() -> None:
    line = between(np.array([[170.0, 10.0], [-170.0, 20.0], [-165.0, 20.0]]))
    assert (np.abs(np.diff(line, axis=0)).max() <= 2.0) and len(line) > 10
    assert np.allclose(line[:, 1][line[:, 0] < 190], (line[:, 0][line[:, 0] < 190] - 150) / 2)
    assert line[0, 0] == 170.0 and line[-1, 0] == 195.0


def test_a_lane_read_from_its_other_end_is_the_same_lane_backwards() -> None:
    network = load_network()
    there, back = (way(network, Step(*ends, "sea")) for ends in (("BUSAN", "HAMBURG"),) * 2)
    assert np.array_equal(there, back)
    one = way(network, Step("INCHEON", "DALIAN", "sea"))
    other = way(network, Step("DALIAN", "INCHEON", "sea"))
    assert np.allclose(one, other[::-1]) and len(one) > 2


# -- projection and clipping -----------------------------------------------------------------
bounds = st.tuples(st.floats(-60, 160), st.floats(-30, 55), st.floats(4, 90), st.floats(4, 30))


@settings(max_examples=examples(40))
@given(bounds)
def test_meridians_are_true_and_parallels_where_they_should_be(box: tuple[float, ...]) -> None:
    west, south, wide, tall = box
    corners = np.array([[west, south], [west + wide, south + tall]])
    project = Projection.around(corners)
    lon = west + wide / 3
    line = project(np.array([[lon, south], [lon, south + tall]]))
    assert float(np.hypot(*(line[1] - line[0]))) == pytest.approx(tall, rel=1e-6)
    for parallel in (project.south, project.north):
        step = project(np.array([[lon, parallel], [lon + 0.01, parallel]]))
        true = 0.01 * math.cos(math.radians(parallel))
        near_equator = 0.02 if abs(project.cone) < 0.08 else 1e-4
        assert float(np.hypot(*(step[1] - step[0]))) == pytest.approx(true, rel=near_equator)


def test_north_is_up_and_the_date_line_splits_nothing() -> None:
    pacific = np.array([[126.0, 35.0], [-118.0, 34.0]])
    assert cover(pacific[:, 0]) == pytest.approx((126.0, 242.0))
    project = Projection.around(pacific)
    line = project(np.array([[170.0, 30.0], [-170.0, 30.0]]))
    assert abs(line[1, 0] - line[0, 0]) < 20
    up = project(np.array([[180.0, 20.0], [180.0, 40.0]]))
    assert up[1, 1] < up[0, 1]  # pixels count from the top


def test_the_shortest_line_is_the_shortest() -> None:
    line = great_circle((0.0, 60.0), (180.0, 60.0))
    assert line[:, 1].max() > 89  # over the pole
    assert km(line) == pytest.approx(2 * RADIUS * math.radians(30), rel=1e-6)


@settings(max_examples=examples(60))
@given(st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 150)), min_size=3, max_size=9))
def test_what_is_clipped_lies_within_the_box(points: list[tuple[float, float]]) -> None:
    ring = clip_ring(np.array(points), 100.0, 80.0)
    if len(ring):
        assert ring.min() >= -1e-9
        assert ring[:, 0].max() <= 100 + 1e-9 and ring[:, 1].max() <= 80 + 1e-9
    held = np.clip(np.array(points), 0, [100, 80])
    assert np.allclose(clip_ring(held, 100.0, 80.0), held)


def test_a_square_around_the_box_is_clipped_to_the_box() -> None:
    square = np.array([[-9.0, -9], [200, -9], [200, 200], [-9, 200]])
    ring = clip_ring(square, 100.0, 80.0)
    assert {tuple(p) for p in np.round(ring, 6)} == {(0, 0), (100, 0), (100, 80), (0, 80)}
    assert not len(clip_ring(square + 500, 100.0, 80.0))
    far = np.array([[-5.0, 5], [5, 5], [15, 5], [300, 5], [400, 5], [500, 5]])
    assert [len(piece) for piece in clip_line(far, 100.0, 80.0)] == [4]


# -- names -----------------------------------------------------------------------------------
spots = st.lists(st.tuples(st.floats(10, 590), st.floats(10, 390)), min_size=1, max_size=25)


@settings(max_examples=examples(40))
@given(spots)
def test_no_name_lies_on_another_or_leaves_the_map(at: list[tuple[float, float]]) -> None:
    names = [Name(f"Place {j}", x, y, j % 4, needed=j == 0) for j, (x, y) in enumerate(at)]
    placed = place(names, np.empty((0, 2)), 600.0, 400.0)
    boxes = []
    for one in placed:
        wide = 0.56 * 11 * len(one.name.words)
        left = one.x - wide * {"start": 0, "end": 1, "middle": 0.5}[one.anchor]
        boxes.append((left, one.y - 9, left + wide, one.y + 2))
    assert all(b[0] >= 0 and b[1] >= 0 and b[2] <= 600 and b[3] <= 400 for b in boxes)
    for j, a in enumerate(boxes):
        for b in boxes[j + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    assert names[0] in [one.name for one in placed] or len(at) > 1


def test_a_country_is_named_once_and_never_across_a_way() -> None:
    line = np.column_stack([np.arange(0.0, 300.0, 4.0), np.full(75, 50.0)])
    spots = [Name("China", 100.0, y, 9.0, free=True) for y in (51.0, 150.0, 200.0)]
    (found,) = place(spots, line, 300.0, 300.0)
    assert found.y == 150.0


# -- the drawing -------------------------------------------------------------------------------
def drawn(
    *pairs: Pair, lines: Lines | None = None, network: Network | None = None
) -> ET.Element:
    return ET.fromstring(corridor_map(network or load_network(), pairs, TEXT, lines))


BEFORE = (Step(SEOUL, "INCHEON", "rail1435"), Step("INCHEON", DANDONG, "sea"))
AFTER = (
    Step(SEOUL, SEOUL, "load"),
    Step(SEOUL, "DORASAN", "rail1435"),
    Step("DORASAN", "KAESONG", "road"),
    Step("KAESONG", DANDONG, "rail1435"),
)
SVG = "{http://www.w3.org/2000/svg}"


def test_the_map_says_what_it_shows() -> None:
    pair = Pair(BEFORE, AFTER, ("Seoul to Dandong", "587 → 500 km"))
    built = Lines((("DORASAN", "KAESONG", "rail1435"),))
    root = drawn(pair, lines=built)
    assert root.find(f"{SVG}title").text == TEXT.title
    assert "500 km" in (root.find(f"{SVG}desc").text or "")
    words = [t.text for t in root.iter(f"{SVG}text")]
    for told in ("Seoul", "Dandong", "Incheon", "before", "after: rail", "after: road"):
        assert told in words
    assert "new or reopened" in words and "after: sea" not in words
    assert "DPRK" in words and TEXT.source in words
    assert any(re.fullmatch(r"[125]0* km", w or "") for w in words)
    assert int(root.get("width", "0")) == WIDTH <= 760
    sizes = [float(t.get("font-size", "0")) for t in root.iter(f"{SVG}text")]
    assert min(sizes) >= 11


def test_before_is_dashed_and_after_has_each_modes_colour() -> None:
    text = corridor_map(load_network(), [Pair(BEFORE, AFTER)], TEXT)
    assert text.count('class="dm-before"') == len(BEFORE) + 1  # and its key
    strokes = re.findall(r'stroke="(#[0-9A-F]{6})" stroke-width="([\d.]+)"', text)
    assert ("#D55E00", "3.6") in strokes and ("#009E73", "2.0") in strokes
    assert not any(colour == "#0072B2" for colour, _ in strokes)
    assert "nan" not in text and "prefers-color-scheme: dark" in text


def test_a_pair_with_no_way_before_is_drawn_with_its_way_after_alone() -> None:
    words = [t.text for t in drawn(Pair((), AFTER)).iter(f"{SVG}text")]
    assert "before" not in words and "Kaesong" in words


def test_without_ways_the_map_is_of_northeast_asia() -> None:
    words = [t.text for t in drawn().iter(f"{SVG}text")]
    for country in ("DPRK", "Republic of Korea", "China", "Japan", "Russia"):
        assert words.count(country) == 1


def test_the_way_does_not_hang_on_the_order_of_its_ends() -> None:
    turned = tuple(Step(s.b, s.a, s.layer) for s in reversed(AFTER))
    one, other = (corridor_map(load_network(), [Pair((), w)], TEXT) for w in (AFTER, turned))
    count = [len(re.findall("<circle", text)) for text in (one, other)]
    assert count[0] == count[1] == 4


def test_a_single_place_apart_makes_a_map_of_three_degrees() -> None:
    nodes = {
        c: Node(c, c, "KOR", "city", 37.5, lon) for c, lon in (("A", 127.0), ("B", 127.01))
    }
    net = Network(nodes, (), load_network().modes)
    root = drawn(Pair((), (Step("A", "B", "road"),)), network=net)
    words = [t.text for t in root.iter(f"{SVG}text")]
    assert {"A", "B"} & set(words) and any("km" in (w or "") for w in words)
