"""The chart of a pipeline: each party's gain at three prices of the alternative."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from detente._version import __version__
from detente.cli.pipelinesdata import Asked, as_asked, prices_table, role
from detente.report.numbers import million
from detente.report.svg import BLUE, GREY, MARGIN, ORANGE, WIDTH, frame, rect, write

_COLOURS = {"low": ORANGE, "asked": BLUE, "high": GREY}
_LEFT, _BAR, _GAP, _NUMBER = 130, 14, 16, 62


def chart(view: Asked) -> str:
    """Bars from zero, three a party; colours that colour-blind readers tell apart.

    Parameters
    ----------
    view : Asked

    Returns
    -------
    str
        SVG.
    """
    same = as_asked(view)
    rows = [r for r in prices_table(view).to_dict("records") if r["level"] != same]
    bars, bottom = _bars(view, rows)
    body = _legend(view, rows) + bars
    title = f"Who gains from {view.case.pipeline}, by the price of the alternative"
    source = f"Source: detente {__version__}, data/pipelines/{view.case.pipeline}.yaml"
    if view.stated:
        source += f"; changed: {', '.join(view.stated)}"
    return frame(title, "Million USD a year, before any change of prices", source, body, bottom)


def _bars(view: Asked, rows: Sequence[Mapping[Hashable, Any]]) -> tuple[list[str], float]:
    """The bars and their axis, and where they end."""
    parties = view.link.parties
    values = [float(row[f"gain_{c}"]) for row in rows for c in parties]
    low, high = min(0.0, *values), max(0.0, *values)
    left = _LEFT + (_NUMBER if low < 0 else 0)
    scale = (WIDTH - MARGIN - _NUMBER - left) / ((high - low) or 1.0)
    zero, y, body = left - low * scale, 34.0, []
    for code in parties:
        name = f"{code}, {role(view.link, code)}"
        body.append(write(_LEFT - 12, y + 1.5 * _BAR + 4, name, anchor="end"))
        for row in rows:
            gain = float(row[f"gain_{code}"])
            start, width = zero + min(gain, 0.0) * scale, max(abs(gain) * scale, 1.0)
            body.append(rect(start, y, width, _BAR - 2, _COLOURS[str(row["level"])]))
            x = zero + gain * scale + (6 if gain >= 0 else -6)
            side = "start" if gain >= 0 else "end"
            body.append(write(x, y + 10, million(gain, plus=True), anchor=side, size=11))
            y += _BAR
        y += _GAP
    body.append(
        f'<line class="dt-axis" x1="{zero:.1f}" x2="{zero:.1f}" y1="28" y2="{y - _GAP:.1f}"/>'
    )
    return body, y


def _legend(view: Asked, rows: Sequence[Mapping[Hashable, Any]]) -> list[str]:
    found, x = [], float(MARGIN)
    for row in rows:
        level = str(row["level"])
        same = f", as {as_asked(view)}" if level == "asked" and as_asked(view) else ""
        words = f"{level}{same}: {row['alternative']:,.0f} {view.units[1]}"
        words += "" if row["deal"] else ", no deal"
        found.append(rect(x, 0, 12, 12, _COLOURS[level]))
        found.append(write(x + 18, 11, words, size=12))
        x += 34 + 7.2 * len(words)
    return found
