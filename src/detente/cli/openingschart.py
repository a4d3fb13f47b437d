"""Charts of openings: all curves with the fitted band, and one pair's trade and potential."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from detente.report.svg import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    WIDTH,
    frame,
    rect,
    write,
)

#: Years before and after the event that the chart of all curves shows.
SPAN = (-5, 15)
#: It ends here, in shares; what lies above is told and not drawn, or one pair would rule it.
CEILING = 1.5
_LEFT, _RIGHT, _TOP, _HEIGHT = 56, 142, 48, 380
_PLOT = WIDTH - _LEFT - _RIGHT
_LABEL = 12.5
#: Fewer openings than this have no median worth a line.
FEWEST = 5
#: z of a two-sided 90 % interval of a normal error.
_Z90 = 1.645

Place = Callable[[float], float]


def openings_chart(
    shares: pd.DataFrame,
    band: pd.DataFrame | None,
    source: str,
    direction: str = "opening",
    usual: pd.DataFrame | None = None,
    goods: str = "",
    rule: pd.DataFrame | None = None,
) -> str:
    """All curves of one direction: thin lines, those picked by hand labelled, the fit below.

    Parameters
    ----------
    shares : DataFrame
        ``a``, ``b``, ``event``, ``picked``, ``direction``, ``tau``, ``share``.
    band : DataFrame, optional
        ``tau``, ``q05``, ``q25``, ``q50``, ``q75``, ``q95``: the fitted curve.
    source : str
        Who made it, and of which panel.
    direction : str
        ``opening`` or ``closing``.
    usual : DataFrame, optional
        ``tau``, ``q50``: the median of ordinary pairs. Gravity's expectation is a mean, and
        half of all pairs lie well below it.
    goods : str
        What trade it is, where that is known: ``manufacturing``.
    rule : DataFrame, optional
        ``tau``, ``q50``, ``seen``: the observed median of those that the rule finds.

    Returns
    -------
    str
        SVG. The axis is linear: a cold peace shows as a line on the floor, and zero is seen.
    """
    own = shares[(shares["direction"] == direction) & shares["tau"].between(*SPAN)]
    lines = [g.sort_values("tau") for _, g in own.groupby(["a", "b", "event"], sort=True)]
    top = _ceiling(lines)
    across, up = _across(*SPAN), _up(0.0, top)
    body = _grid([k / 4 for k in range(round(4 * top) + 1)], up, _percent)
    body += _ticks(range(SPAN[0], SPAN[1] + 1, 5), across)
    body.append(_clip())
    inside = _inside(lines, band, usual, rule, across, up)
    body.append(f'<g clip-path="url(#dt-plot)">{"".join(inside)}</g>')
    body.append(_dashed(across(0), _TOP, _TOP + _HEIGHT))
    body += _one(up)
    body += _end_labels(lines, across, up)
    bottom = _TOP + _HEIGHT
    body.append(
        write(_LEFT + _PLOT / 2, bottom + 34, _axis_words(lines, top, direction),
              anchor="middle", size=11, soft=True)
    )  # fmt: skip
    others = "found by the rule" if direction == "opening" else "others named by the record"
    there = [table is not None and len(table) > 0 for table in (band, usual, rule)]
    body += _legend(others, *there)
    title = (
        "How much of what gravity expects opened links have traded"
        if direction == "opening"
        else "How much of what gravity expects was left after closings"
    )
    unit = (
        f"Trade both ways, % of what gravity expects of the pair; {len(lines)} "
        f"{direction}s, years from the event{_of(goods)}"
    )
    return frame(title, unit, source, body, bottom + 40)


def _inside(
    lines: Sequence[pd.DataFrame],
    band: pd.DataFrame | None,
    usual: pd.DataFrame | None,
    rule: pd.DataFrame | None,
    across: Place,
    up: Place,
) -> list[str]:
    """Curves from the back to the front: found by the rule, bands, picked, medians."""
    found: list[str] = []
    for line in lines:
        if not _is_picked(line):
            found += _pieces(line["tau"], line["share"], across, up, GREY, 0.6, opacity=0.5)
    found += _bands(band, across, up) if band is not None else []
    for line in lines:
        if _is_picked(line):
            found += _pieces(
                line["tau"], line["share"], across, up, VERMILION, 0.9, opacity=0.6
            )
    if band is not None:
        after = band[band["tau"].between(0, SPAN[1])]
        found += _pieces(after["tau"], after["q50"], across, up, BLUE, 3.2)
    if rule is not None and len(rule):
        own = rule[rule["tau"].between(*SPAN) & (rule["seen"] >= FEWEST)]
        found += _pieces(own["tau"], own["q50"], across, up, PURPLE, 3.0)
    if usual is not None and len(usual):
        own = usual[usual["tau"].between(*SPAN)]
        found += _pieces(own["tau"], own["q50"], across, up, GREEN, 2.4, "7 4")
    return found


def pair_chart(
    table: pd.DataFrame,
    a: str,
    b: str,
    events: Sequence[tuple[int, str]],
    source: str,
    goods: str = "",
) -> str:
    """One pair by year: what it traded, and what gravity expects without having seen it.

    Parameters
    ----------
    table : DataFrame
        ``year``, ``actual``, ``potential`` (million USD), ``error`` (of ln potential).
    a, b : str
        Codes.
    events : sequence of (year, text)
        Marked by a line.
    source, goods : str

    Returns
    -------
    str
        SVG.
    """
    years = table["year"].to_numpy(dtype=float)
    error = table["error"].fillna(0.0).to_numpy(dtype=float)
    potential = table["potential"].to_numpy(dtype=float)
    most = float(np.nanmax([*table["actual"], *(potential * np.exp(_Z90 * error))]))
    factor, unit = (1000.0, "Billion") if most >= 2000 else (1.0, "Million")
    steps = _steps(most / factor)
    across, up = _across(years.min(), years.max()), _up(0.0, steps[-1])
    body = _grid(steps, up, lambda v: f"{v:,.6g}")
    body += _ticks(_year_ticks(years), across, plus=False)
    low, high = (potential * np.exp(s * _Z90 * error) / factor for s in (-1, 1))
    body.append(_area(years, low, high, across, up, GREY, 0.22))
    for column, colour, width, dash in (
        ("potential", GREY, 2.2, "6 4"),
        ("actual", BLUE, 2.8, ""),
    ):
        body += _pieces(table["year"], table[column] / factor, across, up, colour, width, dash)
    body += _dots(years, table["actual"].to_numpy() / factor, across, up)
    body += _marked(events, years, across)
    last = table.iloc[-1]
    body += _pair_labels(last, factor, up)
    words = f"{unit} USD a year, both ways{_of(goods)}"
    words += "; grey: 90 % interval of what is expected" if error.any() else ""
    title = f"{a}–{b}: trade, and what gravity expects of the pair"
    return frame(title, words, source, body, _TOP + _HEIGHT + 26)


# -- scales ------------------------------------------------------------------------------------
def _across(first: float, last: float) -> Place:
    span = (last - first) or 1.0
    return lambda value: _LEFT + _PLOT * (float(value) - first) / span


def _up(low: float, high: float) -> Place:
    span = (high - low) or 1.0
    return lambda value: _TOP + _HEIGHT * (high - float(value)) / span


def _ceiling(lines: Sequence[pd.DataFrame]) -> float:
    """A quarter above the highest share, 1.25 at least and ``CEILING`` at most."""
    most = max((float(line["share"].max()) for line in lines), default=1.0)
    most = 1.0 if math.isnan(most) else most
    return min(max(math.ceil(4 * most) / 4, 1.25), CEILING)


def _steps(most: float, count: int = 5) -> list[float]:
    """Round steps from zero to above the largest value."""
    rough = (most or 1.0) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough)
    return [step * k for k in range(math.ceil((most or 1.0) / step) + 1)]


def _year_ticks(years: Any) -> list[int]:
    span = int(years.max() - years.min())
    step = 5 if span > 12 else 2 if span > 5 else 1
    return [y for y in range(int(years.min()), int(years.max()) + 1) if y % step == 0]


def _of(goods: str) -> str:
    return f"; {goods}" if goods else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


# -- marks -------------------------------------------------------------------------------------
def _grid(steps: Sequence[float], up: Place, words: Callable[[float], str]) -> list[str]:
    found = []
    for value in steps:
        y = up(value)
        strong = "1" if value == 0 else "0.25"
        found.append(
            f'<line class="dt-axis" x1="{_LEFT}" x2="{_LEFT + _PLOT}" y1="{y:.1f}" '
            f'y2="{y:.1f}" stroke-opacity="{strong}"/>'
        )
        found.append(write(_LEFT - 8, y + 4, words(value), anchor="end", size=11, soft=True))
    return found


def _ticks(values: Sequence[int] | range, across: Place, plus: bool = True) -> list[str]:
    found = []
    for value in values:
        sign = "−" if value < 0 else "+" if plus and value > 0 else ""
        text = f"{sign}{abs(value)}"
        found.append(
            write(across(value), _TOP + _HEIGHT + 16, text, anchor="middle", size=11, soft=True)
        )
    return found


def _clip() -> str:
    return (
        f'<clipPath id="dt-plot"><rect x="{_LEFT}" y="{_TOP}" width="{_PLOT}" '
        f'height="{_HEIGHT + 2}"/></clipPath>'
    )


def _dashed(x: float, top: float, bottom: float) -> str:
    return (
        f'<line class="dt-axis" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" '
        'stroke-dasharray="3 3"/>'
    )


def _one(up: Place) -> list[str]:
    """The line at one, which says what it is."""
    y = up(1.0)
    return [
        f'<line class="dt-axis" x1="{_LEFT}" x2="{_LEFT + _PLOT}" y1="{y:.1f}" y2="{y:.1f}" '
        'stroke-width="1.6"/>',
        write(_LEFT + 6, y - 5, "what gravity expects", size=11, soft=True),
    ]


def _pieces(
    x: Any,
    y: Any,
    across: Place,
    up: Place,
    colour: str,
    width: float,
    dash: str = "",
    opacity: float = 1.0,
) -> list[str]:
    """A line, broken where a year is missing."""
    points: list[list[str]] = [[]]
    for left, high in zip(x, y, strict=True):
        if pd.isna(high):
            points.append([])
        else:
            points[-1].append(f"{across(left):.1f},{up(high):.1f}")
    more = f' stroke-dasharray="{dash}"' if dash else ""
    more += f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
    return [
        f'<polyline points="{" ".join(piece)}" fill="none" stroke="{colour}" '
        f'stroke-width="{width:g}" stroke-linejoin="round"{more}/>'
        for piece in points
        if len(piece) > 1
    ]


def _area(
    x: Any, low: Any, high: Any, across: Place, up: Place, colour: str, opacity: float
) -> str:
    there = [(u, p, q) for u, p, q in zip(x, low, high, strict=True) if not pd.isna(p + q)]
    points = [f"{across(u):.1f},{up(q):.1f}" for u, _, q in there]
    points += [f"{across(u):.1f},{up(p):.1f}" for u, p, _ in reversed(there)]
    return f'<polygon points="{" ".join(points)}" fill="{colour}" fill-opacity="{opacity:g}"/>'


def _bands(band: pd.DataFrame, across: Place, up: Place) -> list[str]:
    after = band[band["tau"].between(0, SPAN[1])]
    return [
        _area(after["tau"], after[low], after[high], across, up, BLUE, opacity)
        for low, high, opacity in (("q05", "q95", 0.12), ("q25", "q75", 0.2))
    ]


def _dots(x: Any, y: Any, across: Place, up: Place) -> list[str]:
    return [
        f'<circle cx="{across(u):.1f}" cy="{up(v):.1f}" r="2.8" fill="{BLUE}"/>'
        for u, v in zip(x, y, strict=True)
        if not pd.isna(v)
    ]


# -- words -------------------------------------------------------------------------------------
def _is_picked(line: pd.DataFrame) -> bool:
    return bool(line["picked"].iloc[0])


def _last(line: pd.DataFrame) -> tuple[float, float] | None:
    """Year and share where a line ends."""
    seen = line[line["share"].notna()]
    if seen.empty:
        return None
    return float(seen["tau"].iloc[-1]), float(seen["share"].iloc[-1])


def _end_labels(lines: Sequence[pd.DataFrame], across: Place, up: Place) -> list[str]:
    """Names of the picked ones beside the plot, pushed apart; a hair leads to each line."""
    named: dict[tuple[str, str], tuple[float, float]] = {}
    for line in lines:
        end = _last(line)
        if _is_picked(line) and end is not None and end[0] > 0:
            named[(str(line["a"].iloc[0]), str(line["b"].iloc[0]))] = end
    room = int((_HEIGHT + _LABEL) / _LABEL)
    order = sorted(named.items(), key=lambda item: -item[1][1])[:room]
    wanted = [max(up(share), float(_TOP)) for _, (_, share) in order]
    heights = _apart(wanted, _TOP, _TOP + _HEIGHT)
    found, left = [], _LEFT + _PLOT + 26
    for (pair, (tau, share)), y in zip(order, heights, strict=True):
        x, at = across(tau), max(up(share), float(_TOP))
        found.append(
            f'<polyline points="{x:.1f},{at:.1f} {_LEFT + _PLOT + 3},{at:.1f} '
            f'{left - 4},{y:.1f}" fill="none" stroke="{VERMILION}" stroke-width="0.6" '
            'stroke-opacity="0.55"/>'
        )
        text = f"{pair[0]}–{pair[1]} {_short(share)}"
        found.append(write(left, y + 4, text, size=11))
    return found


def _short(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0095 else f"{100 * share:.1f} %"


def _apart(
    wanted: Sequence[float], top: float, bottom: float, line: float = _LABEL
) -> list[float]:
    """Heights near those wanted, at least a line of text apart, within the plot."""
    found: list[float] = []
    for y in wanted:
        found.append(max(y, found[-1] + line) if found else y)
    limit = bottom
    for j in range(len(found) - 1, -1, -1):
        found[j] = min(found[j], limit)
        limit = found[j] - line
    return [max(y, top) for y in found]


def _axis_words(lines: Sequence[pd.DataFrame], top: float, direction: str) -> str:
    words = f"Years since the {direction} (0: its year)"
    above = sum(bool((line["share"] > top).any()) for line in lines)
    if above:
        words += (
            f"; {above} {'runs' if above == 1 else 'run'} above {_percent(top)} in some years"
        )
    return words


def _legend(others: str, fitted: bool, usual: bool, rule: bool) -> list[str]:
    """What the marks are: two lines above the plot."""
    first = [("picked by hand, with the last share seen", _stroke(VERMILION, 1.2))]
    first.append((others, _stroke(GREY, 1.2)))
    if rule:
        first.append(("their observed median", _stroke(PURPLE, 3.0)))
    second = []
    if fitted:
        second = [
            ("fitted: USD 1 billion (1990 dollars)", _stroke(BLUE, 3.2)),
            ("half", _box(0.32)),
            ("nine in ten", _box(0.12)),
        ]
    if usual:
        second.append(("median of ordinary pairs", _stroke(GREEN, 2.4, "7 4")))
    found = []
    for row, y in ((first, 0.0), (second, 18.0)):
        x = float(_LEFT)
        for words, mark in row:
            found.append(f'<g transform="translate({x:.1f} {y:.1f})">{mark}</g>')
            found.append(write(x + 24, y + 10, words, size=11))
            x += 40 + 5.9 * len(words)
    return found


def _stroke(colour: str, width: float, dash: str = "") -> str:
    more = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x2="18" y1="6" y2="6" stroke="{colour}" stroke-width="{width:g}"{more}/>'


def _box(opacity: float) -> str:
    return f'<rect width="18" height="11" fill="{BLUE}" fill-opacity="{opacity:g}"/>'


def _marked(events: Sequence[tuple[int, str]], years: Any, across: Place) -> list[str]:
    """Lines at events within the panel; earlier ones are told at the left edge."""
    found = []
    for j, (year, text) in enumerate(events):
        inside = years.min() <= year <= years.max()
        x = across(min(max(year, years.min()), years.max()))
        y = 14.0 + 15 * (j % 2)
        words = f"{year}: {text}" if inside else f"{year}, before the panel: {text}"
        if inside:
            found.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y + 4:.1f}" y2="{_TOP + _HEIGHT}" '
                f'stroke="{ORANGE}" stroke-width="1.6"/>'
            )
        late = x > _LEFT + 0.6 * _PLOT
        found.append(write(x, y, words, anchor="end" if late else "start", size=11))
    return found


def _pair_labels(last: pd.Series, factor: float, up: Place) -> list[str]:
    """Both lines' names and last values, at their ends."""
    share = float(last["share"])
    part = "" if math.isnan(share) else f" ({_short(share)})"
    rows = [
        (float(last["actual"]) / factor, "traded", part, BLUE),
        (float(last["potential"]) / factor, "expected", "", GREY),
    ]
    rows = sorted((r for r in rows if not math.isnan(r[0])), key=lambda r: -r[0])
    heights = _apart([up(v) for v, *_ in rows], _TOP + 8, _TOP + _HEIGHT, 16)
    found, x = [], _LEFT + _PLOT + 6
    for (value, words, more, colour), y in zip(rows, heights, strict=True):
        found.append(rect(x, y - 4, 8, 8, colour))
        number = f"{value:,.0f}" if value >= 100 else f"{value:,.2g}"
        found.append(write(x + 13, y + 4, f"{words} {number}{more}", size=11))
    return found
