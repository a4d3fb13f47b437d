"""Openings on a terminal, in 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.text import Text

from detente.cli.openingsdata import (
    AFTER,
    LIMITS,
    Filters,
    Realised,
    events_of,
    first_rows,
    observed,
    sides,
)
from detente.cli.render import console, print_lines, rich_table
from detente.openings.record import Event, Record
from detente.report.numbers import listed, plural
from detente.report.sections import Table

if TYPE_CHECKING:
    from detente.cli.openingsfit import Fitted

#: More rows than this are cut to those picked and the largest.
MOST = 45
_EVENT = 24
#: Panel of the embedded curve.
EMBEDDED_PANEL = "agtpa, 1986–2006"


def number(share: float | None) -> str:
    """A share in per cent without the sign: ``103``, ``7``, ``0.3``, blank where unseen."""
    if share is None or pd.isna(share):
        return ""
    value = 100 * float(share)
    if value >= 0.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.05 else "<0.1" if value > 0 else "0"


def print_openings(
    measured: Realised,
    table: pd.DataFrame,
    curve: Mapping[str, Any],
    filters: Filters,
    whole: bool,
) -> None:
    """The table, what was seen and fitted beside what did not open, and the limits."""
    out = console()
    out.print(Text("What was traded, % of what gravity expects of the pair", style="bold"))
    shown = table if whole else first_rows(table, MOST)
    for direction in ("opening", "closing"):
        rows = shown[shown["direction"] == direction]
        if len(rows):
            out.print()
            out.print(rich_table(_listed(rows, direction)))
    print_lines(["", *_legend(shown)])
    if len(shown) < len(table):
        print_lines([_caption(len(shown), len(table), filters)])
    if filters.direction != "closing":
        print_medians(measured)
        print_curve(measured, curve, filters)
    out.print()
    out.print(Text("What it cannot say", style="bold"))
    print_lines(LIMITS)
    print_lines(["", f"Panel: {measured.panel}. Formula: {measured.facts.get('formula', '')}."])


def _caption(shown: int, among: int, filters: Filters) -> str:
    """Which rows of a long table are shown."""
    which = "the largest by potential"
    if filters.picked is None:
        which = f"those picked by hand, and {which}"
    return f"{shown} of {among}: {which}. --all shows the rest."


def _listed(rows: pd.DataFrame, direction: str) -> Table:
    """One direction's rows; a closing's share the year before says what there was to close."""
    closing = direction == "closing"
    room = _EVENT - 3 if closing else _EVENT
    cells = tuple(
        (
            str(r["pair"]),
            _cut(str(r["event"]), room),
            str(r["year"]),
            *([number(r["share_before"])] if closing else []),
            *(number(r[f"share_{t}"]) for t in AFTER),
            _by(r),
            _marks(r),
        )
        for r in rows.to_dict("records")
    )
    title = _cut(f"{direction.capitalize()}s: years after", room)
    before = ["before"] if closing else []
    headers = ("pair", title, "year", *before, *(f"+{t}" for t in AFTER), "by", "")
    return Table(headers, "llr" + "r" * (len(before) + len(AFTER)) + "ll", cells)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _by(row: Mapping[Any, Any]) -> str:
    if row["picked"] and row["by_rule"]:
        return "both"
    return "hand" if row["picked"] else "rule" if row["by_rule"] else "named"


def _marks(row: Mapping[Any, Any]) -> str:
    marks = "<" if row["left_truncated"] else ""
    marks += ">" if row["right_truncated"] else ""
    start = row["reporting_start"]
    return marks + ("" if start is None or pd.isna(start) else "r")


#: Who chose a pair, in words.
_CHOSEN = {
    "hand": "picked by hand",
    "rule": "found by the rule",
    "both": "both",
    "named": "named by the record",
}


def _legend(rows: pd.DataFrame) -> list[str]:
    """What the marks mean, of those that occur."""
    used = {_by(r) for r in rows.to_dict("records")}
    used |= {"hand", "rule"} if "both" in used else set()
    found = [f"by: {', '.join(words for mark, words in _CHOSEN.items() if mark in used)}."]
    if (rows["direction"] == "closing").any():
        found.append("before: the year before.")
    marks = "".join(_marks(r) for r in rows.to_dict("records"))
    for mark, words in (
        ("<", "the event is before the panel"),
        (">", "the panel ends before year 15"),
        ("r", "earlier zeros are not reported, not closed"),
    ):
        if mark in marks:
            found.append(f"{mark} {words}.")
    return [" ".join(found)]


# -- medians and the curve ---------------------------------------------------------------------
#: Sets of observed openings in words.
SEEN = {"all": "all openings", "picked": "picked by hand", "rule": "found by the rule"}


def print_medians(measured: Realised) -> None:
    """What openings reached, beside pairs that did not open."""
    rows = observed_rows(measured) + comparison_rows(measured.comparison)
    if not rows:
        return
    out = console()
    out.print()
    out.print(Text("Seen: median % of what gravity expects", style="bold"))
    headers = ("years after", *(f"+{t}" for t in AFTER))
    out.print(rich_table(Table(headers, "lrrrr", tuple(rows))))
    print_lines([_SIZES])


#: Which dollars the sizes are in.
_SIZES = (
    "Each year's median is of those seen in it. Those that did not open count from 1990; "
    "large: expected to trade USD 0.5 billion or more (1990 dollars; ordinary pairs, the "
    "year's)."
)


def observed_rows(measured: Realised) -> list[tuple[str, ...]]:
    """Medians of the openings that the panel shows: all, picked, found by the rule."""
    table = observed(measured.shares, measured.record)
    found = []
    for name, words in SEEN.items():
        own = table[table["set"] == name].set_index("tau")
        if len(own):
            cells = [number(own["q50"].get(t)) for t in AFTER]
            found.append((f"{words} ({int(own['openings'].iloc[0])})", *cells))
    return found


def print_curve(measured: Realised, curve: Mapping[str, Any], filters: Filters) -> None:
    """The fitted curve."""
    out = console()
    out.print()
    if not curve:
        print_lines(["No curve is fitted to these: 'detente openings fit --panel FILE' does."])
        return
    count = plural(curve["openings"], "opening")
    title = f"Fitted to {count} (embedded: {EMBEDDED_PANEL}): % of what gravity expects"
    out.print(Text(title, style="bold"))
    headers = ("years after", *(f"+{t}" for t in AFTER))
    out.print(rich_table(Table(headers, "lrrrr", tuple(curve_rows(curve)))))
    lines = [_cold(curve), _numbers(curve), _left_out(curve), *curve["warnings"]]
    if measured.facts.get("panel", {}).get("name") != EMBEDDED_PANEL.split(",", maxsplit=1)[0]:
        lines.insert(0, "It is not fitted to this panel: 'detente openings fit' does that.")
    elif filters.of_pairs:
        lines.insert(0, "It is fitted to all openings, whatever is shown above.")
    print_lines([line for line in lines if line])


def curve_rows(curve: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Median and bands of a new link, by size, and its median fitted to fewer openings."""
    typical = _dollars(curve["typical_size"])
    rows = [
        (f"a new link of {typical} (1990 dollars), median", *_q(curve, "q50")),
        ("half of such links lie within", *_span(curve, "q25", "q75")),
        ("nine in ten lie within", *_span(curve, "q05", "q95")),
    ]
    for size in dict.fromkeys(row["potential"] for row in curve.get("sizes", ())):
        at = {row["tau"]: row["q50"] for row in curve["sizes"] if row["potential"] == size}
        cells = [number(at[t]) if t in at else "" for t in AFTER]
        rows.append((f"one of {_dollars(size)} (1990 dollars), median", *cells))
    for name, words in (
        ("without_picked", "without those picked"),
        ("both_named", "of events naming both sides"),
    ):
        other = curve.get(name)
        if other:
            head = f"{typical}, {words} ({other['openings']})"
            rows.append((head, *_q(other, "q50")))
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
    """``USD 1 billion``."""
    return f"USD {million / 1000:g} billion" if million >= 1000 else f"USD {million:g} million"


#: Sets of the comparison in words, in the order in which they are told.
SETS = {
    "placebo": "as low, but no event",
    "placebo-large": "as low, but no event; large",
    "ordinary": "ordinary, never closed",
    "ordinary-large": "ordinary, never closed; large",
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
        found.append((f"{words} ({int(own['pairs'].max())})", *cells))
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
    if not parts:
        return ""
    return (
        f"Medians of the warm kind: {listed(parts)}; 90 % intervals. The pace of a scenario "
        "(detente explain opening_level) is fitted to the median of all, cold ones too."
    )


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
    marked = {e.year for e in events} & {int(y) for y in table["year"]}
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
    print_lines(["", _pair_notes(measured, table, a, b, events)])


def _way(row: Mapping[Any, Any], end: str) -> tuple[str, str, str]:
    money = (_money(row[f"{k}{end}"]) for k in ("actual", "potential"))
    return (*money, number(row[f"share{end}"]))  # type: ignore[return-value]


def _money(value: float) -> str:
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if value >= 9.95 or value == 0 else f"{value:.2g}"


def _pair_notes(
    measured: Realised, table: pd.DataFrame, a: str, b: str, events: Sequence[Event]
) -> str:
    notes = ["Million USD a year; gravity: expected by an estimate that has not seen the pair."]
    error = table["error"].dropna()
    if len(error):
        low, high = 100 * error.min(), 100 * error.max()
        notes.append(f"Standard error of what is expected: {low:.0f}–{high:.0f} %.")
    notes += _dates(events, table)
    if table["potential"].isna().any():
        notes.append(
            "Blank: gravity expects nothing, since a country sells or buys nothing that year, "
            "or a term such as distance is missing."
        )
    shares = measured.shares
    own = shares[(shares["a"] == a) & (shares["b"] == b)]
    start = own["reporting_start"].dropna()
    if len(start):
        year = int(start.iloc[0])
        notes.append(f"Reporting starts in {year}: zeros before are missing, not closed.")
    return " ".join(notes)


def _dates(events: Sequence[Event], table: pd.DataFrame) -> list[str]:
    """What ``*`` marks, and events of years that the table does not have."""
    years = sorted(int(y) for y in table["year"])
    found = ["* the event's year."] if any(e.year in years for e in events) else []
    for words, outside in (
        ("before", sorted({e.year for e in events if e.year < years[0]})),
        ("after", sorted({e.year for e in events if e.year > years[-1]})),
    ):
        if outside:
            told = listed([str(year) for year in outside])
            found.append(f"Event of {told}, {words} the panel.")
    return found


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
def print_events(record: Record, events: Sequence[Event]) -> None:
    """Events of the record: name, date, kind, sides, what happened, and where it is from."""
    out = console()
    for direction in ("opening", "closing"):
        own = sorted((e for e in events if e.direction == direction), key=lambda e: e.date)
        if not own:
            continue
        out.print(Text(f"{direction.capitalize()}s ({len(own)})", style="bold underline"))
        for event in own:
            _print_event(event)
        out.print()
    verified = sum(e.verification == "verified" for e in events)
    names = {e.name for e in events}
    picks = len({frozenset(p.pair) for p in record.picked if p.event in names})
    print_lines(
        [
            f"{plural(len(events), 'event')}, {verified} of them read in their source; "
            f"{plural(picks, 'pair')} picked by hand.",
        ]
    )


def _print_event(event: Event) -> None:
    out = console()
    head = f"{event.date}  {event.name}: {event.kind}, {sides(event)}"
    for line in _wrapped(head):
        out.print(Text(line, style="bold"))
    told = [event.what, f"({event.verification}: {' '.join(event.source.split())})"]
    if event.note:
        told.append(event.note)
    for line in _wrapped(" ".join(" ".join(told).split()), indent="  "):
        out.print(Text(line))


def _wrapped(text: str, indent: str = "") -> Sequence[str]:
    import textwrap

    return textwrap.wrap(
        text, 80, initial_indent=indent, subsequent_indent=indent or "  ",
        break_on_hyphens=False, break_long_words=True,
    )  # fmt: skip
