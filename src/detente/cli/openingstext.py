"""Openings on a terminal, in 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.text import Text

from detente.cli.openingsdata import (
    AFTER,
    LIMITS,
    Realised,
    events_of,
    first_rows,
    sides,
)
from detente.cli.render import console, print_lines, rich_table
from detente.openings.record import Record
from detente.report.numbers import listed, plural
from detente.report.sections import Table

if TYPE_CHECKING:
    from detente.cli.openingsfit import Fitted

#: More rows than this are cut to those picked and the largest.
MOST = 45
_EVENT = 24


def number(share: float | None) -> str:
    """A share in per cent without the sign: ``103``, ``7``, ``0.3``, blank where unseen."""
    if share is None or pd.isna(share):
        return ""
    value = 100 * float(share)
    if value >= 0.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.05 else "<0.1" if value > 0 else "0"


def print_openings(
    measured: Realised, table: pd.DataFrame, curve: Mapping[str, Any], whole: bool
) -> None:
    """The table, the fitted curve beside what did not open, and the limits."""
    out = console()
    out.print(Text("What was traded, % of what gravity expects of the pair", style="bold"))
    shown = table if whole else first_rows(table, MOST)
    for direction in ("opening", "closing"):
        rows = shown[shown["direction"] == direction]
        if not len(rows):
            continue
        title = f"{direction.capitalize()}s: years after"
        out.print()
        out.print(rich_table(_listed(rows, title)))
    print_lines(["", *_legend(shown)])
    if len(shown) < len(table):
        print_lines(
            [
                f"{len(shown)} of {len(table)}: those picked by hand, and the largest by "
                "potential. --all shows the rest."
            ]
        )
    print_curve(measured, curve)
    out.print()
    out.print(Text("What it cannot say", style="bold"))
    print_lines(LIMITS)
    print_lines(["", f"Panel: {measured.panel}. Formula: {measured.facts.get('formula', '')}."])


def _listed(rows: pd.DataFrame, title: str) -> Table:
    cells = tuple(
        (
            str(r["pair"]),
            _cut(str(r["event"])),
            str(r["year"]),
            *(number(r[f"share_{t}"]) for t in AFTER),
            _by(r),
            _marks(r),
        )
        for r in rows.to_dict("records")
    )
    headers = ("pair", _cut(title), "year", *(f"+{t}" for t in AFTER), "by", "")
    return Table(headers, "llrrrrrll", cells)


def _cut(text: str) -> str:
    return text if len(text) <= _EVENT else f"{text[: _EVENT - 1]}…"


def _by(row: Mapping[Any, Any]) -> str:
    if row["picked"] and row["by_rule"]:
        return "both"
    return "hand" if row["picked"] else "rule" if row["by_rule"] else "named"


def _marks(row: Mapping[Any, Any]) -> str:
    marks = "<" if row["left_truncated"] else ""
    marks += ">" if row["right_truncated"] else ""
    start = row["reporting_start"]
    return marks + ("" if start is None or pd.isna(start) else "r")


def _legend(rows: pd.DataFrame) -> list[str]:
    """What the marks mean, of those that occur."""
    found = ["by: picked by hand, found by the rule, or both."]
    if any(_by(r) == "named" for r in rows.to_dict("records")):
        found = ["by: picked by hand, found by the rule, both, or named by the record."]
    marks = "".join(_marks(r) for r in rows.to_dict("records"))
    for mark, words in (
        ("<", "the event is before the panel"),
        (">", "the panel ends before year 15"),
        ("r", "earlier zeros are not reported, not closed"),
    ):
        if mark in marks:
            found.append(f"{mark} {words}.")
    return [" ".join(found)]


# -- the curve ---------------------------------------------------------------------------------
def print_curve(measured: Realised, curve: Mapping[str, Any]) -> None:
    """The fitted curve beside ordinary pairs and the placebo."""
    out = console()
    out.print()
    if not curve:
        print_lines(["No curve is fitted to these: 'detente openings fit --panel FILE' does."])
        return
    size = curve["typical_size"]
    title = f"An opening, fitted: % of what gravity expects, where that is {_dollars(size)}"
    out.print(Text(title, style="bold"))
    rows = curve_rows(curve) + comparison_rows(measured.comparison)
    headers = ("years after", *(f"+{t}" for t in AFTER))
    out.print(rich_table(Table(headers, "lrrrr", tuple(rows))))
    print_lines(
        [
            line
            for line in (_cold(curve), _numbers(curve), _left_out(curve), *curve["warnings"])
            if line
        ]
    )


def curve_rows(curve: Mapping[str, Any], prefix: str = "") -> list[tuple[str, ...]]:
    """Median and bands of the curve, and the median without the pairs picked by hand."""
    rows = [
        (f"{prefix}median, of {plural(curve['openings'], 'opening')}", *_q(curve, "q50")),
        (f"{prefix}half of openings lie within", *_span(curve, "q25", "q75")),
        (f"{prefix}nine in ten lie within", *_span(curve, "q05", "q95")),
    ]
    for size in dict.fromkeys(row["potential"] for row in curve.get("sizes", ())):
        at = {row["tau"]: row["q50"] for row in curve["sizes"] if row["potential"] == size}
        cells = [number(at[t]) if t in at else "" for t in AFTER]
        rows.append((f"{prefix}median, where it is {_dollars(size)}", *cells))
    other = curve.get("without_picked")
    if other:
        words = f"{prefix}median without those picked ({other['openings']})"
        rows.append((words, *_q(other, "q50")))
    named = curve.get("both_named")
    if named:
        words = f"{prefix}median, events naming both sides ({named['openings']})"
        rows.append((words, *_q(named, "q50")))
    return rows


def _at(curve: Mapping[str, Any]) -> dict[int, Mapping[str, float]]:
    return {int(row["tau"]): row for row in curve["shares"]}


def _q(curve: Mapping[str, Any], name: str) -> list[str]:
    at = _at(curve)
    return [number(at[t][name]) if t in at else "" for t in AFTER]


def _span(curve: Mapping[str, Any], low: str, high: str) -> list[str]:
    lows, highs = _q(curve, low), _q(curve, high)
    return [f"{p}–{q}" if p else "" for p, q in zip(lows, highs, strict=True)]


def _dollars(million: float) -> str:
    """``USD 1 billion``; of the panel's year."""
    return f"USD {million / 1000:g} billion" if million >= 1000 else f"USD {million:g} million"


#: Sets of the comparison in words, in the order in which they are told.
SETS = {
    "placebo": "as low, but no event",
    "placebo-large": "the same, half a billion or more",
    "ordinary": "ordinary, never closed",
    "ordinary-large": "the same, half a billion or more",
}


def comparison_rows(comparison: pd.DataFrame) -> list[tuple[str, ...]]:
    """Medians of pairs that did not open: equally low ones without an event, and all others."""
    found = []
    for name, words in SETS.items():
        own = comparison[comparison["set"] == name] if len(comparison) else comparison
        if not len(own):
            continue
        at = own.set_index("tau")
        cells = [number(at["q50"].get(t)) for t in AFTER]
        found.append((f"{words} ({int(own['pairs'].max())}), median", *cells))
    return found


def _interval(part: Mapping[str, float], words: str = "%") -> str:
    scale = 100 if words == "%" else 1
    low, high = (f"{scale * part[k]:.2g}" for k in ("low", "high"))
    middle = f"{scale * part['median']:.2g}"
    return f"{middle} {words} ({low} to {high})"


def _cold(curve: Mapping[str, Any]) -> str:
    told = f"Chance that an opening stays cold: {_interval(curve['cold'])}"
    other = curve.get("without_picked")
    if other:
        told += f"; without those picked: {_interval(other['cold'])}"
    return told + "."


def _numbers(curve: Mapping[str, Any]) -> str:
    parts = []
    if "level" in curve:
        parts.append(f"level {_interval(curve['level'])}")
    if "half_life" in curve:
        parts.append(f"half-life {_interval(curve['half_life'], 'years')}")
    if "start" in curve:
        parts.append(f"{_interval(curve['start'])} of the level at once")
    return f"Of a warm one: {listed(parts)}; 90 % intervals." if parts else ""


def _left_out(curve: Mapping[str, Any]) -> str:
    held = curve.get("leave_one_out")
    if not held:
        return ""
    told = []
    for by, others in (("group", "other causes"), ("pair", "the others")):
        row = held.get(by)
        if row:
            told.append(
                f"Each predicted from {others}: {100 * row['coverage50']:.0f} % of "
                f"{plural(row['openings'], 'opening')} lie in the 50 % band, "
                f"{100 * row['coverage90']:.0f} % in the 90 % band; error (CRPS) "
                f"{row['crps']:.2f}, against {row['crps_at_once']:.2f} for everything at once, "
                f"{row['crps_nothing']:.2f} for nothing, {row['crps_pool']:.2f} for what the "
                "others did that year."
            )
    return " ".join(told[:1])


# -- one pair ----------------------------------------------------------------------------------
def print_pair(measured: Realised, table: pd.DataFrame, a: str, b: str) -> None:
    """One pair: events, then actual, potential and share by year."""
    out = console()
    out.print(Text(f"{a} and {b}: traded, and what gravity expects", style="bold"))
    events = events_of(measured, a, b)
    print_lines(f"{e.date}: {e.what} ({e.kind}, {e.verification}: {e.source})" for e in events)
    out.print()
    marked = {e.year for e in events}
    rows = tuple(
        (
            f"{int(r['year'])}{'*' if int(r['year']) in marked else ' '}",
            *_way(r, f"_{a}_{b}"),
            *_way(r, f"_{b}_{a}"),
            *_way(r, ""),
        )
        for r in table.to_dict("records")
    )
    headers = ["year "]
    for way in (f"{a}→{b}", f"{b}→{a}", "both"):
        headers += [way, "gravity", "%"]
    out.print(rich_table(Table(tuple(headers), "l" + "r" * 9, rows)))
    print_lines(["", _pair_notes(measured, table, a, b, bool(marked))])


def _way(row: Mapping[Any, Any], end: str) -> tuple[str, str, str]:
    money = (_money(row[f"{k}{end}"]) for k in ("actual", "potential"))
    return (*money, number(row[f"share{end}"]))  # type: ignore[return-value]


def _money(value: float) -> str:
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if value >= 9.95 or value == 0 else f"{value:.2g}"


def _pair_notes(measured: Realised, table: pd.DataFrame, a: str, b: str, event: bool) -> str:
    notes = ["Million USD a year; gravity: expected by an estimate that has not seen the pair."]
    error = table["error"].dropna()
    if len(error):
        low, high = 100 * error.min(), 100 * error.max()
        notes.append(f"Standard error of what is expected: {low:.0f}–{high:.0f} %.")
    if event:
        notes.append("* the event's year.")
    shares = measured.shares
    own = shares[(shares["a"] == a) & (shares["b"] == b)]
    start = own["reporting_start"].dropna()
    if len(start):
        year = int(start.iloc[0])
        notes.append(f"Reporting starts in {year}: zeros before are missing, not closed.")
    return " ".join(notes)


# -- old and new -------------------------------------------------------------------------------
#: Quantities of a fit in words.
_QUANTITIES = {
    "level": "level of a warm one, %",
    "half_life": "half-life, years",
    "start": "of it at once, %",
    "cold": "chance of staying cold, %",
    **{f"share_{t}": f"share after {plural(t, 'year')}, %" for t in AFTER},
}


def print_fit(found: Fitted) -> None:
    """The embedded result beside the one fitted, and where it lies."""
    out = console()
    out.print(Text("Embedded, and fitted again: median and 90 % interval", style="bold"))
    rows = tuple(
        (
            _QUANTITIES.get(str(r["quantity"]), str(r["quantity"])),
            *_triple(r, "embedded"),
            *_triple(r, "refit"),
        )
        for r in found.table().to_dict("records")
    )
    headers = ("", "embedded", "90 %", "fitted", "90 %")
    out.print(rich_table(Table(headers, "lrrrr", rows)))
    lines = ["", f"Panel: {found.measured.panel}."]
    if found.again:
        lines.append("The measured shares were there, from the same panel, record and code.")
    lines += [line for line in (_left_out(found.new), *found.new["warnings"]) if line]
    if found.folder is not None:
        lines.append(f"Written: {found.folder}.")
    print_lines(lines)


def _triple(row: Mapping[Any, Any], name: str) -> tuple[str, str]:
    years = row["quantity"] == "half_life"
    values = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
    if any(pd.isna(v) for v in values):
        return "", ""
    middle, low, high = (f"{v:.1f}" if years else number(v) for v in values)
    return middle, f"{low}–{high}"


# -- the record --------------------------------------------------------------------------------
def print_events(record: Record) -> None:
    """Each event: name, date, kind, sides, what happened, and where it is from."""
    out = console()
    for event in sorted(record.events, key=lambda e: (e.direction != "opening", e.date)):
        head = f"{event.date}  {event.name}: {event.kind}, {sides(event)}"
        for line in _wrapped(head):
            out.print(Text(line, style="bold"))
        told = [event.what, f"({event.verification}: {' '.join(event.source.split())})"]
        if event.note:
            told.append(event.note)
        for line in _wrapped(" ".join(" ".join(told).split()), indent="  "):
            out.print(Text(line))
    verified = sum(e.verification == "verified" for e in record.events)
    print_lines(
        [
            "",
            f"{plural(len(record.events), 'event')}, {verified} of them read in their source; "
            f"{plural(len(record.picked), 'pair')} picked by hand.",
        ]
    )


def _wrapped(text: str, indent: str = "") -> Sequence[str]:
    import textwrap

    return textwrap.wrap(
        text, 80, initial_indent=indent, subsequent_indent=indent or "  ",
        break_on_hyphens=False, break_long_words=True,
    )  # fmt: skip
