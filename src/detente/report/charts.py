"""The charts of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from detente.report.numbers import million, percent, points, share
from detente.report.sections import TERMS
from detente.report.svg import (
    BLUE,
    GREY,
    MARGIN,
    ORANGE,
    PURPLE,
    ROW,
    SKY,
    STACK,
    VERMILION,
    WIDTH,
    frame,
    rect,
    source_line,
    width_of,
    write,
)
from detente.report.view import View, row_of


def charts(view: View) -> dict[str, str]:
    """Every chart of a result by name; none where nothing changes."""
    if view.no_effect:
        return {}
    return {
        "welfare": welfare(view),
        "partners": partners(view),
        "shares": shares(view),
        "decomposition": decomposition(view),
    }


# -- the charts --------------------------------------------------------------------------------
def welfare(view: View, most: int = 12) -> str:
    """Diverging bars: equivalent variation by country."""
    money = view.welfare["equivalent_variation"]
    top = money.abs().nlargest(most).index
    chosen = money[top].sort_values(ascending=False)
    rows = [
        (
            view.label(str(code), 28),
            0.0,
            float(value),
            f"{million(float(value), plus=True)} ({_welfare_of(view, str(code))})",
        )
        for code, value in chosen.items()
    ]
    title = f"Who gains and who loses: {view.title}"
    unit = "Equivalent variation, million USD a year; change of welfare in brackets"
    return _frame(view, title, unit, _floating(rows), len(rows) * ROW)


def _welfare_of(view: View, code: str) -> str:
    return percent(row_of(view.welfare, code)["welfare"])


def decomposition(view: View) -> str:
    """Waterfall: the parts of 100·ln Ŵ of the country in focus, and their sum."""
    parts = row_of(view.tables["decomposition"].set_index("country"), view.country)
    named = [(TERMS[t], 100 * float(parts[t])) for t in TERMS if t in parts]
    shown = sorted((p for p in named if abs(p[1]) >= 5e-5), key=lambda p: -abs(p[1]))
    rows, start = [], 0.0
    for name, value in shown:
        rows.append((name, start, start + value, points(value)))
        start += value
    rows.append(("sum", 0.0, start, points(start)))
    title = f"Where the change of welfare comes from: {view.label(view.country, 40)}"
    unit = "Exact chained decomposition of welfare, points of 100·ln Ŵ"
    return _frame(view, title, unit, _floating(rows), len(rows) * ROW)


def partners(view: View, most: int = 8) -> str:
    """Paired bars: trade with the largest partners, before and after."""
    table = view.partners.head(most)
    largest = max(float(table[["total", "total_new"]].to_numpy().max()), 1e-12)
    left, right = 190, WIDTH - MARGIN - 96
    body = [_key(left, -4, (("before", GREY), ("after", BLUE)))]
    for j, (code, row) in enumerate(table.iterrows()):
        y = 18 + j * 36
        body.append(write(left - 8, y + 17, view.label(str(code), 24), anchor="end"))
        for k, (column, colour) in enumerate((("total", GREY), ("total_new", BLUE))):
            size = float(row[column])
            wide = (right - left) * size / largest
            body.append(rect(left, y + 14 * k, wide, 12, colour))
            body.append(write(left + wide + 6, y + 10 + 14 * k, million(size), size=11))
    title = f"Trade of {view.prose(view.country)} with its largest partners"
    unit = "Exports plus imports, million USD a year, before and after"
    return _frame(view, title, unit, body, 18 + 36 * len(table))


def shares(view: View, most: int = 6) -> str:
    """Two stacked bars: each partner's share of trade, before and after."""
    table = view.partners
    order = table[["share", "share_new"]].max(axis=1).nlargest(most).index
    top = table.loc[[c for c in table.index if c in set(order)], ["share", "share_new"]]
    names = [view.label(str(c), 26) for c in top.index]
    values = [*top.itertuples(index=False, name=None)]
    rest = (1.0 - top.sum()).clip(lower=0.0) * (table[["share", "share_new"]].sum() > 0)
    names, values = [*names, "others"], [*values, (rest["share"], rest["share_new"])]
    colours = [*STACK[: len(top)], GREY]
    body = []
    for k, label in enumerate(("before", "after")):
        body.append(write(MARGIN + 48, 24 + 48 * k, label, anchor="end"))
        body += _stack([v[k] for v in values], colours, 6 + 48 * k)
    height, keys = _legend(list(zip(names, colours, strict=True)), 112)
    title = f"Whom {view.prose(view.country)} trades with"
    unit = "Share of its exports plus imports, percent, before and after"
    return _frame(view, title, unit, [*body, *keys], height)


def _stack(values: Sequence[float], colours: Sequence[str], y: float) -> list[str]:
    left, found = MARGIN + 58.0, []
    room = WIDTH - MARGIN - left
    for value, colour in zip(values, colours, strict=True):
        wide = room * float(value)
        found.append(rect(left, y, max(wide - 1.0, 0.0), 30, colour))
        if wide > 42:
            dark = colour in (ORANGE, SKY, PURPLE, GREY)  # dark figures on light fields
            text = write(left + wide / 2, y + 20, share(float(value)), anchor="middle")
            found.append(text.replace('"dt-ink"', '"dt-field"' if dark else '"dt-on"'))
        left += wide
    return found


def _legend(entries: list[tuple[str, str]], y: float) -> tuple[float, list[str]]:
    """Keys in three columns; returns the height used, and the marks."""
    found = []
    for j, (name, colour) in enumerate(entries):
        x, line = MARGIN + 58 + 206 * (j % 3), y + 22 * (j // 3)
        found += [rect(x, line - 10, 12, 12, colour), write(x + 18, line, name, size=12)]
    return y + 22 * math.ceil(len(entries) / 3) - 14, found


# -- what they are drawn with ----------------------------------------------------------------
def _floating(rows: Sequence[tuple[str, float, float, str]]) -> list[str]:
    """Horizontal bars from one value to another, around a line at zero, labels at the end."""
    names = max(width_of(name) for name, *_ in rows)
    left, right = MARGIN + names + 12, WIDTH - MARGIN
    low = min(0.0, *(min(a, b) for _, a, b, _ in rows))
    high = max(0.0, *(max(a, b) for _, a, b, _ in rows))
    ends = _ends(rows, low, high, left, right)
    place = _scale(low, high, left + ends[0], right - ends[1])
    body = [
        f'<line class="dt-axis" x1="{place(0):.1f}" x2="{place(0):.1f}" y1="-6" '
        f'y2="{len(rows) * ROW - 4}"/>'
    ]
    for j, (name, start, end, label) in enumerate(rows):
        y, rises = j * ROW, end >= start
        a, b = sorted((place(start), place(end)))
        body.append(write(MARGIN + names, y + 14, name, anchor="end"))
        body.append(rect(a, y + 2, max(b - a, 1.0), 16, BLUE if rises else VERMILION))
        x, anchor = (b + 6, "start") if rises else (a - 6, "end")
        body.append(write(x, y + 14, label, anchor=anchor, size=12))
    return body


def _ends(
    rows: Sequence[tuple[str, float, float, str]],
    low: float,
    high: float,
    left: float,
    right: float,
) -> tuple[float, float]:
    """Room that the labels of falling and of rising bars need beyond the bars, pixels."""
    span, room = (high - low) or 1.0, right - left
    before = after = 8.0
    for _, start, end, label in rows:
        wide = width_of(label, 12) + 12
        if end >= start:
            after = max(after, wide - 0.5 * room * (high - end) / span)
        else:
            before = max(before, wide - 0.5 * room * (end - low) / span)
    return before, after


def _scale(low: float, high: float, left: float, right: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: left + (right - left) * (value - low) / span


def _frame(view: View, title: str, unit: str, body: Sequence[str], height: float) -> str:
    """A chart with its title, unit, source and world."""
    world = view.provenance["world"]
    day = view.notes.get("at")
    warning = " · PROVISIONAL dormant shares" if view.provenance.get("provisional") else ""
    source = source_line(view.provenance["version"], world["name"], str(world["hash"]))
    return frame(
        title, unit, f"{source}{f', state of {day}' if day else ''}{warning}", body, height
    )


def _key(x: float, y: float, entries: Sequence[tuple[str, str]]) -> str:
    marks = []
    for j, (name, colour) in enumerate(entries):
        marks.append(rect(x + 80 * j, y, 12, 12, colour))
        marks.append(write(x + 80 * j + 18, y + 11, name, size=12))
    return "".join(marks)
