"""The map of a corridor: ways before and after, and what a project opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Protocol

import numpy as np

from detente.report.corridorlabels import Name, Placed, crossed, place
from detente.report.corridorland import (
    Points,
    Projection,
    between,
    clip_line,
    clip_ring,
    great_circle,
    load_land,
    load_lanes,
)
from detente.report.corridorstyle import COUNTRIES, MODES, STYLE
from detente.report.svg import MARGIN, ORANGE, WIDTH, frame, write

if TYPE_CHECKING:
    from detente.corridors.network import Network

#: Northeast Asia: what a map without ways shows (west, south, east, north).
NORTHEAST_ASIA = (113.0, 31.0, 142.0, 51.0)
_LEAST_SPAN = 3.0
#: Room around what is shown, wide and tall: names stand beside the outermost places.
_MARGIN = (1.24, 1.16)
_TALL = (330.0, 560.0)
#: Kilometres of a degree of a meridian.
KM_PER_DEGREE = 111.2


class Leg(Protocol):
    """A part of a route, from node to node."""

    @property
    def a(self) -> str:
        """Code of the node that it starts from."""

    @property
    def b(self) -> str:
        """Code of the node that it leads to."""

    @property
    def layer(self) -> str:
        """``sea``, ``rail1435``, ``rail1520`` or ``road``."""


@dataclass(frozen=True)
class Pair:
    """A pair on the map: its way before and after, and a line below the map for each.

    ``legs`` may be empty: there is no such way, or there was none.
    """

    before: Sequence[Leg] = ()
    after: Sequence[Leg] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class MapText:
    """What a map says of itself."""

    title: str
    unit: str
    source: str
    about: str = ""


@dataclass(frozen=True)
class _Canvas:
    """The projection and the box in pixels that it is drawn in."""

    projection: Projection
    scale: float
    left: float
    top: float
    width: float
    height: float

    def __call__(self, points: Points) -> Points:
        """Degrees to pixels."""
        return (self.projection(points) - (self.left, self.top)) * self.scale


@dataclass
class _Sketch:
    """What has been drawn, and where lines run."""

    marks: list[str] = field(default_factory=list)
    lines: list[Points] = field(default_factory=list)


Edges = tuple[tuple[str, str, str], ...]
_BUILT = "new or reopened"


@dataclass(frozen=True)
class Lines:
    """A project's edges, as (a, b, layer): what it does to them.

    ``built`` are new, or were closed, and have a diamond; ``transit`` carried only their own
    country's goods before.
    """

    built: Edges = ()
    transit: Edges = ()
    improved: Edges = ()

    @property
    def every(self) -> Edges:
        """All of them."""
        return (*self.built, *self.transit, *self.improved)

    def kinds(self) -> Iterator[tuple[str, Edges, float]]:
        """Words, edges and the strength of their colour, the lightest first."""
        yield "improved", self.improved, 0.4
        yield "opened to transit", self.transit, 0.7
        yield _BUILT, self.built, 0.9


def corridor_map(
    network: Network,
    pairs: Sequence[Pair],
    text: MapText,
    lines: Lines | None = None,
    *,
    only: tuple[float, float, float, float] | None = None,
) -> str:
    """A map of ways through a network.

    Parameters
    ----------
    network : Network
        With the project, so that its new edges and nodes are there.
    pairs : sequence of Pair
        Before: dashed and grey; after: solid, coloured by mode.
    text : MapText
    lines : Lines, optional
        The project's; they lie in orange.
    only : (west, south, east, north), optional
        The part to show, degrees; by default what holds every way and every edge opened.

    Returns
    -------
    str
        SVG, self-contained, readable in light and dark.
    """
    lines = lines or Lines()
    canvas = _canvas(_shown(network, pairs, lines.every, only))
    sketch = _Sketch()
    _draw_land(canvas, sketch)
    there = _draw_network(network, canvas, sketch)
    _draw_project(network, canvas, sketch, lines)
    _draw_ways(network, canvas, sketch, pairs)
    names = _names(network, canvas, pairs, lines.every)
    scale, taken = _scale_bar(canvas, sketch)
    drawn_lines = np.concatenate(sketch.lines) if sketch.lines else np.empty((0, 2))
    placed = place(names, drawn_lines, canvas.width, canvas.height, [taken])
    sketch.marks += _diamonds(network, canvas, lines.built)
    sketch.marks += [*_dots(network, canvas, pairs), *map(_write, placed), scale]
    return _page(canvas, sketch, text, pairs, _legend(pairs, lines, there, canvas.height + 22))


def _page(
    canvas: _Canvas,
    sketch: _Sketch,
    text: MapText,
    pairs: Sequence[Pair],
    legend: tuple[float, list[str]],
) -> str:
    """The map in its frame, with a title and description for those who do not see it."""
    size = f'width="{canvas.width:.0f}" height="{canvas.height:.0f}"'
    view = f'viewBox="0 0 {canvas.width:.0f} {canvas.height:.0f}"'
    inner = f'<svg x="{MARGIN}" y="0" {size} {view}>{"".join(sketch.marks)}</svg>'
    box = f'<rect class="dm-edge" x="{MARGIN}" y="0" {size}/>'
    y, keys = legend
    drawn = frame(text.title, text.unit, text.source, [STYLE, inner, box, *keys], y)
    head, style, rest = drawn.partition("<style>")
    about = text.about or " ".join(line for pair in pairs for line in pair.words)
    named = f"<title>{escape(text.title)}</title><desc>{escape(about or text.unit)}</desc>"
    return f"{head}{named}{style}{rest}"


# -- where -------------------------------------------------------------------------------------
def way(network: Network, leg: Leg) -> Points:
    """Points of a leg in degrees, (n, 2): a sea lane's waypoints, else the shortest line."""
    ends = [(network.nodes[code].lon, network.nodes[code].lat) for code in (leg.a, leg.b)]
    if leg.layer == "sea":
        lanes = load_lanes()
        for key, turn in (((leg.a, leg.b), 1), ((leg.b, leg.a), -1)):
            if key in lanes:
                return between(np.concatenate([ends[:1], lanes[key][::turn], ends[1:]]))
    return great_circle(ends[0], ends[1])


@dataclass(frozen=True)
class _Edge:
    a: str
    b: str
    layer: str


def _shown(
    network: Network,
    pairs: Sequence[Pair],
    edges: Edges,
    only: tuple[float, float, float, float] | None,
) -> Points:
    """Points that the map must hold, degrees."""
    if only is None:
        legs: list[Leg] = [
            leg for p in pairs for leg in (*p.before, *p.after) if leg.a != leg.b
        ]
        legs += [_Edge(*edge) for edge in edges]
        if legs:
            return np.concatenate([way(network, leg) for leg in legs])
        only = NORTHEAST_ASIA
    west, south, east, north = only
    side = np.linspace(west, east, 9)
    return np.column_stack([np.tile(side, 2), np.repeat([south, north], 9)])


def _canvas(points: Points) -> _Canvas:
    """A box around the points: a margin, a shape that fits a page, and no less than 3°."""
    projection = Projection.around(points)
    inside = projection(points)
    low, high = inside.min(axis=0), inside.max(axis=0)
    centre, span = (low + high) / 2, np.maximum(high - low, _LEAST_SPAN)
    wide, tall = span * _MARGIN
    width = WIDTH - 2.0 * MARGIN
    shape = min(max(tall / wide, _TALL[0] / width), _TALL[1] / width)
    wide = max(wide, tall / shape)
    scale = width / wide
    height = shape * width
    left, top = centre[0] - wide / 2, centre[1] - height / scale / 2
    return _Canvas(projection, scale, float(left), float(top), width, height)


# -- what is drawn -----------------------------------------------------------------------------
def _path(points: Points, close: bool = False) -> str:
    """Path data in steps; points less than 0.7 pixels from the one before are left out."""
    rounded = np.round(points, 1)
    keep, last = [0], rounded[0]
    for j in range(1, len(rounded)):
        if j == len(rounded) - 1 or np.abs(rounded[j] - last).max() >= 0.7:
            keep.append(j)
            last = rounded[j]
    kept = rounded[keep]
    steps = " ".join(f"{x:.4g} {y:.4g}" for x, y in np.round(np.diff(kept, axis=0), 1))
    return f"M{kept[0, 0]:g} {kept[0, 1]:g}l{steps}{'Z' if close else ''}"


def _draw_land(canvas: _Canvas, sketch: _Sketch) -> None:
    land, size = load_land(), (canvas.width, canvas.height)
    rings = [clip_ring(canvas(ring), size[0] + 8, size[1] + 8) for ring in land.rings]
    seen = (ring for ring in rings if len(ring) > 2 and np.ptp(ring, axis=0).max() > 1.5)
    shapes = "".join(_path(ring, close=True) for ring in seen)
    lines = [piece for arc in land.borders for piece in clip_line(canvas(arc), *size)]
    sketch.marks += [
        f'<rect class="dm-sea" width="{size[0]:.0f}" height="{size[1]:.0f}"/>',
        f'<path class="dm-land" fill-rule="evenodd" d="{shapes}"/>',
        f'<path class="dm-border" d="{"".join(map(_path, lines))}"/>',
    ]


def _draw_network(network: Network, canvas: _Canvas, sketch: _Sketch) -> set[str]:
    """Rail and road of the network, thin; closed ones dotted. Returns the states drawn."""
    data: dict[str, list[str]] = {"open": [], "closed": []}
    for edge in network.edges:
        if edge.layer == "sea":
            continue
        for piece in clip_line(canvas(way(network, edge)), canvas.width, canvas.height):
            data[edge.state].append(_path(piece))
    for state, kind in (("open", "dm-net"), ("closed", "dm-net dm-shut")):
        if data[state]:
            sketch.marks.append(f'<path class="{kind}" d="{"".join(data[state])}"/>')
    return {state for state, drawn in data.items() if drawn}


def _draw_project(network: Network, canvas: _Canvas, sketch: _Sketch, lines: Lines) -> None:
    """Orange below the project's edges."""
    for _, edges, strength in lines.kinds():
        if edges:
            parts = [_path(canvas(way(network, _Edge(*edge)))) for edge in edges]
            sketch.marks.append(
                f'<path fill="none" stroke="{ORANGE}" stroke-opacity="{strength}" '
                f'stroke-width="9" stroke-linecap="round" d="{"".join(parts)}"/>'
            )


def _diamonds(network: Network, canvas: _Canvas, edges: Edges) -> list[str]:
    """A diamond halfway along each edge, where another does not lie already."""
    at: list[tuple[float, float]] = []
    for edge in edges:
        points = _dense(canvas(way(network, _Edge(*edge))))
        x, y = points[len(points) // 2]
        if all(abs(x - u) + abs(y - v) > 10 for u, v in at):
            at.append((x, y))
    return [_diamond(x, y) for x, y in at]


def _diamond(x: float, y: float) -> str:
    return f'<path class="dm-ink" fill="{ORANGE}" d="M{x:.1f} {y - 6:.1f}l5 6l-5 6l-5 -6Z"/>'


def _draw_ways(
    network: Network, canvas: _Canvas, sketch: _Sketch, pairs: Sequence[Pair]
) -> None:
    """Ways before below those after; each leg once."""
    after = _legs(leg for pair in pairs for leg in pair.after)
    before = _legs(leg for pair in pairs for leg in pair.before)
    for key, leg in before.items():
        points = canvas(way(network, leg))
        sketch.lines.append(_dense(points))
        wide = MODES[_mode(leg)][1] + 4.0 if key in after else 2.2
        sketch.marks.append(
            f'<path class="dm-before" stroke-width="{wide:g}" d="{_path(points)}"/>'
        )
    for leg in after.values():
        points = canvas(way(network, leg))
        sketch.lines.append(_dense(points))
        colour, wide, _ = MODES[_mode(leg)]
        sketch.marks.append(
            f'<path fill="none" stroke="{colour}" stroke-width="{wide}" '
            f'stroke-linejoin="round" stroke-linecap="round" d="{_path(points)}"/>'
        )


def _legs(legs: Iterable[Leg]) -> dict[tuple[str, str, str], Leg]:
    return {(*sorted((leg.a, leg.b)), leg.layer): leg for leg in legs if leg.a != leg.b}  # type: ignore[misc]


def _mode(leg: Leg) -> str:
    return "rail" if leg.layer.startswith("rail") else leg.layer


def _dense(points: Points, step: float = 4.0) -> Points:
    """Points along a line in pixels, a few pixels apart."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.arange(0.0, along[-1] + step, step)
    return np.column_stack([np.interp(at, along, points[:, k]) for k in (0, 1)])


def _dots(network: Network, canvas: _Canvas, pairs: Sequence[Pair]) -> list[str]:
    """A dot for every node that a way touches, larger at its ends."""
    found = []
    for code, rank in _ranks(pairs).items():
        node = network.nodes[code]
        x, y = canvas(np.array([[node.lon, node.lat]]))[0]
        radius = 4.0 if rank == 0 else 2.4
        found.append(
            f'<circle class="dm-dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius}" '
            f'stroke-width="{1.8 if rank == 0 else 1.2}"/>'
        )
    return found


# -- names -------------------------------------------------------------------------------------
def _ranks(pairs: Sequence[Pair]) -> dict[str, int]:
    """How much each node's name matters: 0 ends, 1 where the mode changes, 3 the rest."""
    ranks: dict[str, int] = {}

    def at_most(code: str, rank: int) -> None:
        ranks[code] = min(rank, ranks.get(code, rank))

    for pair in pairs:
        for given in (pair.before, pair.after):
            legs = [leg for leg in given if leg.a != leg.b]
            for j, leg in enumerate(legs):
                turns = j > 0 and legs[j - 1].layer != leg.layer
                at_most(leg.a, 0 if j == 0 else 1 if turns else 3)
                at_most(leg.b, 0 if j == len(legs) - 1 else 3)
    return ranks


def _names(
    network: Network,
    canvas: _Canvas,
    pairs: Sequence[Pair],
    edges: Edges,
) -> list[Name]:
    ranks = {code: float(rank) for code, rank in _ranks(pairs).items()}
    for a, b, _ in edges:
        for code in (a, b):
            ranks[code] = min(2.0, ranks.get(code, 2.0))
    found = []
    for code, rank in ranks.items():
        node = network.nodes[code]
        x, y = canvas(np.array([[node.lon, node.lat]]))[0]
        ends = rank == 0
        found.append(Name(node.name, x, y, rank, 13 if ends else 11, ends, needed=ends))
    for j, (words, places) in enumerate(COUNTRIES):
        for lon, lat in places:
            x, y = canvas(np.array([[lon, lat]]))[0]
            found.append(Name(words, x, y, 9.0 + j / 100, 12, free=True))
    return found


def _write(placed: Placed) -> str:
    """A name with a halo, so that it reads over any line."""
    name = placed.name
    kind = "dm-land-name" if name.free else "dt-ink dm-halo"
    return (
        f'<text class="{kind}" x="{placed.x:.1f}" y="{placed.y:.1f}" '
        f'font-size="{name.size}" font-weight="{600 if name.bold else 400}" '
        f'text-anchor="{placed.anchor}">{escape(name.words)}</text>'
    )


# -- what explains it --------------------------------------------------------------------------
def _scale_bar(
    canvas: _Canvas, sketch: _Sketch
) -> tuple[str, tuple[float, float, float, float]]:
    """A bar of a round length, true along meridians, in the corner with the fewest lines."""
    km = canvas.scale / KM_PER_DEGREE
    length = max(k * 10**j for j in range(5) for k in (1, 2, 5) if k * 10**j * km < 130)
    wide = length * km
    corners = [
        (x, y)
        for x in (14.0, canvas.width - max(wide, 60) - 14)
        for y in (canvas.height - 12, 28.0)
    ]
    boxes = [(x - 8, y - 22, x + max(wide, 60) + 8, y + 8) for x, y in corners]
    lines = np.concatenate(sketch.lines) if sketch.lines else np.empty((0, 2))
    j = min(range(len(boxes)), key=lambda k: crossed(boxes[k], lines))
    x, y = corners[j]
    bar = (
        f'<path class="dt-axis" fill="none" stroke-width="1.6" '
        f'd="M{x:.1f} {y - 5:.1f}V{y:.1f}H{x + wide:.1f}V{y - 5:.1f}"/>'
        f'<text class="dt-ink dm-halo" x="{x:.1f}" y="{y - 8:.1f}" font-size="11">'
        f"{length:,} km</text>"
    )
    return bar, boxes[j]


def _legend(
    pairs: Sequence[Pair], lines: Lines, there: set[str], y: float
) -> tuple[float, list[str]]:
    """Keys of the lines drawn, then each pair's words; the height used, and the marks."""
    found, x = [], float(MARGIN)
    for words, look in _keys(pairs, lines, there):
        wide = 30 + 6 + 6.4 * len(words) + 16
        if x + wide > WIDTH - MARGIN:
            x, y = float(MARGIN), y + 20
        found.append(f'<path d="M{x:.0f} {y - 4:.0f}h28" {look}/>')
        if words == _BUILT:
            found.append(_diamond(x + 14, y - 4))
        found.append(write(x + 34, y, words, size=12))
        x += wide
    for pair in pairs:
        for j, line in enumerate(pair.words):
            y += 24 if j == 0 else 17
            found.append(
                write(MARGIN, y, line, size=12, weight=400 if j else 600, soft=bool(j))
            )
    return y, found


def _keys(pairs: Sequence[Pair], lines: Lines, there: set[str]) -> list[tuple[str, str]]:
    """Words of each kind of line that is there, and how it is drawn."""
    used = {_mode(leg) for pair in pairs for leg in pair.after if leg.a != leg.b}
    entries = []
    if any(pair.before for pair in pairs):
        entries.append(("before", 'class="dm-before" stroke-width="2.2"'))
    when = "after: " if any(pair.before for pair in pairs) or lines.every else ""
    for mode, (colour, wide, words) in MODES.items():
        if mode in used:
            look = f'fill="none" stroke="{colour}" stroke-width="{wide}"'
            entries.append((f"{when}{words}", look))
    for words, edges, strength in reversed([*lines.kinds()]):
        if edges:
            look = f'stroke="{ORANGE}" stroke-opacity="{strength}" stroke-width="9"'
            entries.append((words, look))
    if "open" in there:
        entries.append(("other rail and road" if pairs else "rail and road", 'class="dm-net"'))
    if "closed" in there:
        entries.append(("closed", 'class="dm-net dm-shut"'))
    return entries
