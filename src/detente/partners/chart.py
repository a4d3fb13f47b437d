"""One chart: every partner observed, by gravity, after relief and after reform."""

from __future__ import annotations

import math

import pandas as pd

from detente.partners.race import REFORM, RELIEF, Race
from detente.partners.text import country
from detente.report.numbers import in_table, listed
from detente.report.svg import (
    BLUE,
    GREY,
    MARGIN,
    PURPLE,
    VERMILION,
    WIDTH,
    frame,
    rect,
    source_line,
    write,
)

_ROW, _LEFT = 34, 172
_KEYS = (
    ("observed", GREY, "observed"),
    ("potential_normal", PURPLE, "gravity, normal border"),
    (RELIEF, BLUE, "after relief"),
    (REFORM, VERMILION, "after reform"),
)
#: Smaller trade than this, in million USD, is off the chart.
_LEAST = 1.0


def chart(race: Race, most: int = 10) -> str:
    """A dot plot on a logarithmic axis, with 5–95 % bands over the draws.

    Parameters
    ----------
    race : Race
    most : int
        Partners shown.

    Returns
    -------
    str
        SVG.
    """
    table = race.table.head(most)
    keys = [key for key in _KEYS if key[0] in table.columns]
    columns = [c for c in table.columns if c in {k for k, *_ in keys} or c.endswith("_high")]
    largest = float(table[columns].to_numpy(dtype=float).max())
    top = 10 ** math.ceil(math.log10(max(largest, 10.0)))
    body = _axis(top, len(table))
    for j, (_, row) in enumerate(table.iterrows()):
        y = 40 + j * _ROW
        name = in_table(str(row["name"]), 21)
        body.append(write(_LEFT - 12, y + 4, name, anchor="end"))
        body += _marks(row, y, top)
    body += _legend(keys)
    pace = race.settings.timing
    when = "once it opens" if pace.at_once else f"{pace.when} of opening"
    when = "on its first open day" if pace.after == 0 else when
    title = f"Partners of {country(race)}: observed, by gravity, {when}"
    unit = "Exports plus imports, million USD a year, log scale"
    if race.settings.draws:
        own = "paces of opening drawn" if pace.drawn else "pairs' own errors left out"
        unit += f"; lines: 5–95 % of draws, {own}"
    source = source_line(race.provenance()["version"], race.world.name, race.world.content_hash)
    lifted = race.settings.lift
    source += f"; lifted: {listed(list(lifted))}" if lifted else "; no ban lifted"
    return frame(title, unit, source, body, 40 + _ROW * len(table))


def _place(value: float, top: float) -> float:
    share = math.log10(max(value, _LEAST) / _LEAST) / math.log10(top / _LEAST)
    return _LEFT + (WIDTH - MARGIN - 20 - _LEFT) * share


def _axis(top: float, rows: int) -> list[str]:
    found, value, bottom = [], _LEAST, 30 + rows * _ROW
    while value <= top * 1.001:
        x = _place(value, top)
        found.append(
            f'<line class="dt-axis" x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{bottom}" '
            'stroke-opacity="0.35"/>'
        )
        found.append(write(x, 16, f"{value:,.0f}", anchor="middle", size=11, soft=True))
        value *= 10
    return found


def _marks(row: pd.Series, y: float, top: float) -> list[str]:
    found = []
    for j, (key, colour, _) in enumerate(_KEYS):
        if key not in row.index:
            continue
        value, line = float(row[key]), y - 9 + 6 * j
        if f"{key}_low" in row.index and value >= _LEAST:
            low, high = (_place(float(row[f"{key}_{end}"]), top) for end in ("low", "high"))
            found.append(rect(low, line - 1, max(high - low, 1.0), 2, colour))
        if value >= _LEAST:
            found.append(_mark(_place(value, top), line, j, colour))
    return found


def _mark(x: float, y: float, shape: int, colour: str) -> str:
    """Four shapes, so that no colour is needed: circle, diamond, square, triangle."""
    if shape == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'
    points = {
        1: ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
        2: ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        3: ((0, -5), (5, 4), (-5, 4)),
    }[shape]
    path = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)
    return f'<polygon points="{path}" fill="{colour}"/>'


def _legend(keys: list[tuple[str, str, str]]) -> list[str]:
    found, x = [], float(MARGIN)
    for _, colour, name in keys:
        j = [k[2] for k in _KEYS].index(name)
        found.append(_mark(x + 6, -6, j, colour))
        found.append(write(x + 16, -2, name, size=12))
        x += 34 + 7.0 * len(name)
    return found
