"""The chart of a path: welfare, and trade with the largest partners, against no change."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from detente.paths.clock import position
from detente.paths.fan import NAMES
from detente.paths.result import PathResult
from detente.report.numbers import in_prose, in_table, million, percent, sign
from detente.report.svg import (
    BLUE,
    GREEN,
    GREY,
    MARGIN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    frame,
    source_line,
    write,
)

_LEFT, _RIGHT = 64, 206
_PLOT = WIDTH - _LEFT - _RIGHT
_UPPER, _LOWER, _BETWEEN = 150, 190, 46
#: Colours of partners; their marks differ too, so that no colour is needed.
_COLOURS = (VERMILION, GREEN, PURPLE, ORANGE, SKY)
_LINE_OF_TEXT = 15
#: Changes smaller than this, relative or in million USD, are drawn as none.
_FLAT = 1e-9


@dataclass(frozen=True)
class _Line:
    """One line of a panel: values by year, colour, mark, and the label at its end."""

    values: Sequence[float]
    colour: str
    mark: int
    label: str


@dataclass(frozen=True)
class _Band:
    """Quantiles by year: half of the draws inside ``inner``, nine in ten inside ``outer``."""

    middle: Sequence[float]
    inner: tuple[Sequence[float], Sequence[float]]
    outer: tuple[Sequence[float], Sequence[float]]

    @property
    def ends(self) -> tuple[float, ...]:
        """All that has to be in sight."""
        return (*self.outer[0], *self.outer[1])


def chart(path: PathResult, country: str, partners: int = 5) -> str:
    """Two panels: change of welfare in percent, change of trade with partners in million USD.

    Parameters
    ----------
    path : PathResult
    country : str
    partners : int
        How many of the partners whose trade changes most, five at most.

    Returns
    -------
    str
        SVG. Zero is the baseline without any change.
    """
    name = in_prose(path.world.country_names[path.world.country_index(country)])
    top = 22.0
    middle = top + _UPPER + _BETWEEN
    body = [write(_LEFT, top - 8, "Welfare, %", size=12, soft=True)]
    band = _band(path, country)
    body += _panel(path, _welfare(path, country), top, _UPPER, band)
    if band is not None:
        words = (
            "dashed: middle draw of openings in history; dark: half of draws; light: 9 in 10"
        )
        body.append(write(_LEFT + 76, top - 8, words, size=11, soft=True))
    body.append(
        write(_LEFT, middle - 8, "Trade with partners, million USD a year", size=12, soft=True)
    )
    lines = _partners(path, country, min(partners, len(_COLOURS)))
    body += _panel(path, lines, middle, _LOWER)
    body += _years(path, middle + _LOWER)
    facts = path.provenance
    source = source_line(
        path.provenance["version"], path.source_world.name, facts["world"]["hash"]
    )
    if path.fan is not None:
        source += " · record of openings (detente openings)"
    if path.provisional:
        source += " · PROVISIONAL dormant shares"
    unit = "Change against the baseline without any measure (zero), mean of each year"
    title = f"{path.scenario.title}: {name} over {len(path.calendar)} years"
    return frame(title, unit, source, body, middle + _LOWER + 20)


def _welfare(path: PathResult, country: str) -> list[_Line]:
    table = path.of(country)
    found = []
    for key, label, colour, mark in (
        ("welfare", "as consumed", BLUE, 0),
        ("own_earnings", "own earnings", GREY, 1),
    ):
        values = [100.0 * float(v) for v in table[key]]
        found.append(_Line(values, colour, mark, f"{label} {percent(values[-1] / 100)}"))
    return found


def _partners(path: PathResult, country: str, most: int) -> list[_Line]:
    table = path.partners(country)
    change = (
        (table["trade_new"] - table["trade"])
        .groupby(table["partner"])
        .agg(lambda values: float(values.abs().max()))
    )
    first = [str(code) for code in change.nlargest(most).index]
    found = []
    for j, code in enumerate(first):
        rows = table[table["partner"] == code]
        values = [float(v) for v in rows["trade_new"] - rows["trade"]]
        label = f"{in_table(str(rows['name'].iloc[0]), 18)} {million(values[-1], plus=True)}"
        found.append(_Line(values, _COLOURS[j], j, label))
    return found


def _band(path: PathResult, country: str) -> _Band | None:
    """The fan of welfare as consumed, percent."""
    if path.fan is None:
        return None
    table = path.fan.table
    own = table[(table["country"] == country) & (table["what"] == "welfare")]
    q = {name: [100.0 * float(v) for v in own[name]] for name in NAMES}
    return _Band(q["q50"], (q["q25"], q["q75"]), (q["q05"], q["q95"]))


# -- drawing -----------------------------------------------------------------------------------
def _panel(
    path: PathResult,
    lines: Sequence[_Line],
    top: float,
    height: float,
    band: _Band | None = None,
) -> list[str]:
    fan = () if band is None else band.ends
    every = [
        v if abs(v) > _FLAT else 0.0
        for v in (*fan, *(v for line in lines for v in line.values))
    ]
    low, high = min(0.0, *every), max(0.0, *every)
    ticks = _ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return top + height * (high - value) / span

    found = []
    for tick in ticks:
        strong = 'stroke-width="1.5"' if tick == 0 else 'stroke-opacity="0.3"'
        found.append(_rule(_LEFT, place(tick), _LEFT + _PLOT, place(tick), strong))
        text = f"{sign(tick)}{abs(tick):,.6g}"
        found.append(write(_LEFT - 8, place(tick) + 4, text, anchor="end", size=11, soft=True))
    for turn in _turns(path):
        found.append(_rule(turn, top, turn, top + height, 'stroke-dasharray="3 3"'))
    if band is not None:
        found += _shaded(band, [_x(path, j + 0.5) for j in range(len(band.middle))], place)
    for line in lines:
        found += _drawn(line, [_x(path, j + 0.5) for j in range(len(line.values))], place)
    return found + _labels(lines, place, top + height)


def _shaded(band: _Band, across: Sequence[float], place: Callable[[float], float]) -> list[str]:
    found = []
    for low, high in (band.outer, band.inner):
        there = [f"{x:.1f},{place(v):.1f}" for x, v in zip(across, high, strict=True)]
        back = [f"{x:.1f},{place(v):.1f}" for x, v in zip(across, low, strict=True)]
        points = " ".join([*there, *reversed(back)])
        found.append(f'<polygon points="{points}" fill="{BLUE}" fill-opacity="0.16"/>')
    points = " ".join(
        f"{x:.1f},{place(v):.1f}" for x, v in zip(across, band.middle, strict=True)
    )
    found.append(
        f'<polyline points="{points}" fill="none" stroke="{BLUE}" stroke-width="1.5" '
        'stroke-dasharray="5 4"/>'
    )
    return found


def _drawn(line: _Line, across: Sequence[float], place: Callable[[float], float]) -> list[str]:
    dots = [(x, place(v)) for x, v in zip(across, line.values, strict=True)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    found = [
        f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="2"/>'
    ]
    step = max(1, math.ceil(len(dots) / 20))
    return found + [_mark(x, y, line.mark, line.colour) for x, y in dots[::step]]


def _labels(
    lines: Sequence[_Line], place: Callable[[float], float], bottom: float
) -> list[str]:
    """Names at the ends of the lines, pushed apart where they would overlap."""
    order = sorted(lines, key=lambda line: place(line.values[-1]))
    heights: list[float] = []
    for line in order:
        wanted = place(line.values[-1]) + 4
        heights.append(max(wanted, heights[-1] + _LINE_OF_TEXT) if heights else wanted)
    over = max(0.0, heights[-1] - bottom - 4) if heights else 0.0
    found = []
    for line, y in zip(order, heights, strict=True):
        x, at = _LEFT + _PLOT + 12, y - over
        found.append(_mark(x, at - 4, line.mark, line.colour))
        found.append(write(x + 10, at, line.label, size=11))
    return found


def _mark(x: float, y: float, shape: int, colour: str) -> str:
    """Five shapes, so that no colour is needed."""
    if shape == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{colour}"/>'
    points = {
        1: ((0, -4.2), (4.2, 0), (0, 4.2), (-4.2, 0)),
        2: ((-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)),
        3: ((0, -4.2), (4, 3.2), (-4, 3.2)),
        4: ((0, 4.2), (4, -3.2), (-4, -3.2)),
    }[shape]
    where = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)
    return f'<polygon points="{where}" fill="{colour}"/>'


def _rule(x1: float, y1: float, x2: float, y2: float, more: str) -> str:
    return (
        f'<line class="dt-axis" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f"{more}/>"
    )


def _x(path: PathResult, years: float) -> float:
    return _LEFT + _PLOT * years / len(path.calendar)


def _turns(path: PathResult) -> list[float]:
    """Where phases begin, but for the first."""
    start = path.calendar[0]
    days = [s.begins for s in path.stages[1:] if s.begins is not None]
    return [_x(path, day.year - start + position(day)) for day in days]


def _years(path: PathResult, y: float) -> list[str]:
    """The years below, as many as there is room for."""
    step = max(1, math.ceil(len(path.calendar) / 10))
    found = []
    for j in range(0, len(path.calendar), step):
        year = path.calendar[j]
        found.append(
            write(_x(path, j + 0.5), y + 16, str(year), anchor="middle", size=11, soft=True)
        )
    if path.stages[0].begins is None:
        found.append(write(MARGIN, y + 16, "year", size=11, soft=True))
    return found


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from below the lowest to above the highest, zero among them."""
    span = high - low
    if span <= _FLAT:
        return [0.0]
    rough = span / (most - 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * j for j in range(first, last + 1)]
