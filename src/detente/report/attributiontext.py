"""An attribution in words, in tables of 80 columns, and as a chart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from detente._version import __version__
from detente.outcomes.attribution import Attribution
from detente.report.numbers import (
    in_prose,
    in_table,
    listed,
    million,
    percent,
    plural,
    points,
    usd,
)
from detente.report.sections import Section, Table
from detente.report.svg import (
    BLUE,
    MARGIN,
    VERMILION,
    WIDTH,
    frame,
    rect,
    source_line,
    width_of,
    write,
)

#: Pairs shown; the table of all of them is in -o DIR and --table interactions.
_PAIRS = 8
#: Differences below this share of the largest effect are rounding.
_ROUNDING = 1e-6
#: Remarks of measures that bear on attribution: a regime that is no player, nothing lifted.
_WEIGHTY = ("banned by", "closed by", "warning")
_ROW = 34
#: Players beside each other in the table of countries.
_WIDE = 6
_SUBJECT = {
    "welfare": "welfare",
    "percent": "welfare",
    "ev": "welfare",
    "exports": "exports",
    "trade": "trade",
}


def title(found: Attribution) -> str:
    """One line that says what is attributed to whom."""
    count = plural(len(found.players), "player")
    return f"{_SUBJECT[found.outcome].capitalize()} of {country(found)}, {count}: {found.label}"


def country(found: Attribution) -> str:
    """The country in a sentence."""
    world = found.world
    return in_prose(world.country_names[world.country_index(found.country)])


def sections(found: Attribution, every: bool = False) -> list[Section]:
    """What is printed: shares, where the order matters, pairs."""
    parts = [
        Section(
            "shares",
            f"Shapley attribution, {found.unit}",
            (_answer(found),),
            (shares_table(found),),
            (_about(found), *_cautions(found)),
        )
    ]
    if len(found.players) > 1:
        parts += [_orders(found), _pairs(found)]
    if every:
        parts.append(every_country(found))
    return parts


def amount(found: Attribution) -> Callable[[float], str]:
    """How a number of the outcome is written, with its sign."""
    if found.outcome in ("welfare", "percent"):
        return points
    return lambda value: million(value, plus=True)


def shares_table(found: Attribution) -> Table:
    """A numbered row a player."""
    say, table = amount(found), found.table
    rows = [
        (
            _numbered(j, str(name)),
            say(row["value"]),
            _percent(row["share"]),
            *(say(row[key]) for key in ("alone", "last", "lowest", "highest")),
        )
        for j, (name, row) in enumerate(table.iterrows(), start=1)
    ]
    total, together = found.game().total, _percent(float(table["share"].sum(skipna=False)))
    sums = (say(float(table[key].sum())) for key in ("alone", "last"))
    rows.append(("Sum", say(total), together, *sums, "", ""))
    headers = ("Player", "Shapley", "Share", "First", "Last", "Lowest", "Highest")
    return Table(headers, "lrrrrrr", tuple(rows), sums=1)


def _numbered(j: int, name: str, width: int = 26) -> str:
    return cut(f"{j} {name}", width)


def cut(text: str, width: int) -> str:
    """A name that fits: its ends tell players apart, what a measure is and its line."""
    return text if len(text) <= width else f"{text[: width - 12]}…{text[-11:]}"


def _percent(share: float) -> str:
    return "n/a" if not math.isfinite(share) else f"{100 * share:.1f} %".replace("-", "−")


def _answer(found: Attribution) -> str:
    """The total, and what each player's part of it is, largest first."""
    game = found.game()
    total = amount(found)(game.total)
    told = {
        "welfare": f"{total} points of 100·ln Ŵ",
        "percent": f"{total} percentage points",
    }.get(found.outcome, f"{total} million USD a year")
    if found.outcome == "welfare":
        change = math.exp(game.total / 100) - 1.0
        told += f" (welfare {percent(change)})"
    parts = found.table["share"].dropna().sort_values(ascending=False)
    head = (
        f"All players together change {_SUBJECT[found.outcome]} of {country(found)} by {told}"
    )
    if parts.empty:
        return f"{head}: there is nothing to share."
    named = [f"{_percent(value)} to {name}" for name, value in parts.head(6).items()]
    more = f", the rest to {len(parts) - 6} others" if len(parts) > 6 else ""
    return f"{head}, due: {listed(named)}{more}."


def _about(found: Attribution) -> str:
    """What the columns are."""
    n, start = len(found.players), float(found.game().worth[0])
    before = f" Without any player: {_level(found, start)}, which is nobody's." if start else ""
    return (
        f"Shapley: what a player adds, averaged over all {math.factorial(n):,} orders in which "
        "the players can act. First: what it does alone. Last: what it adds when all others "
        "act already. Lowest, highest: over all orders. Every one of the "
        f"{2**n:,} sets of players is solved.{before}"
    )


def _level(found: Attribution, value: float) -> str:
    if found.outcome in ("exports", "trade"):
        return usd(value)
    unit = " million USD" if found.outcome == "ev" else " points"
    return amount(found)(value) + unit


def _cautions(found: Attribution) -> tuple[str, ...]:
    """Shares that need care, measures that do nothing, and bans that still stand."""
    share = found.table["share"]
    notes = []
    if share.isna().all():
        notes.append("Gains and losses cancel, or nothing changes: shares have no meaning.")
    elif float(share.min()) < -_ROUNDING or float(share.max()) > 1 + _ROUNDING:
        notes.append("Players work against each other: shares below 0 % or above 100 % say so.")
    measures = found.notes.get("measures", [])
    said = [
        f"'{m['kind']}' on line {m['line']} is not in force on the day ({m['status']})"
        for m in measures
        if m.get("status", "active") != "active"
    ]
    said += [f"{m['kind']} does {m['touched']}" for m in measures if _idle(m)]
    why = [m["touched"].removeprefix("nothing: ") for m in measures if _idle(m)]
    remarks = (text for m in measures for text in m.get("remarks", ()))
    said += [
        text
        for text in remarks
        if any(word in text for word in _WEIGHTY) and not any(w in text for w in why)
    ]
    said += _still_closed(found.notes.get("closed", []))
    notes += [f"With all players: {text.rstrip('.')}." for text in dict.fromkeys(said)]
    return tuple(notes)


def _still_closed(closed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Regimes that nobody here lifts, and the pair of which they close most."""
    most: dict[str, tuple[float, str]] = {}
    for row in closed:
        for name, by in row["regimes"].items():
            worth = float(by["closed"]) * float(row["potential"])
            pair = f"{row['exporter']}→{row['importer']} by {float(by['closed']):.0%}"
            most[name] = max(most.get(name, (0.0, "")), (worth, pair))
    ranked = sorted(most.items(), key=lambda item: -item[1][0])
    return [f"'{name}' still closes {pair} and other links" for name, (_, pair) in ranked]


def _idle(measure: Mapping[str, Any]) -> bool:
    return str(measure.get("touched") or "").startswith("nothing")


def _spread(found: Attribution) -> float:
    """Largest difference between two orders, relative to the largest effect."""
    table = found.table
    ends = table[["lowest", "highest"]].to_numpy(dtype=float)
    return float((ends[:, 1] - ends[:, 0]).max()) / (float(np.abs(ends).max()) or 1.0)


def _orders(found: Attribution) -> Section:
    """Who has to come before for a player to add least, and most."""
    headline = "How far the order matters"
    if _spread(found) < _ROUNDING:
        text = "Not at all: each player adds the same whoever came before."
        return Section("orders", headline, (text,))
    numbers = {name: str(j) for j, name in enumerate(found.players, start=1)}
    say = amount(found)
    rows = [
        (
            _numbered(j, str(name)),
            say(row["lowest"]),
            _after(row["lowest_after"], numbers),
            say(row["highest"]),
            _after(row["highest_after"], numbers),
        )
        for j, (name, row) in enumerate(found.table.iterrows(), start=1)
    ]
    headers = ("Player", "Lowest", "after", "Highest", "after")
    notes = (
        "A link is open only when every ban on it is lifted: who lifts the last one opens it, "
        "and who came before seems to have done nothing. So what a player adds depends on who "
        "acted already; the Shapley value gives every order the same weight.",
    )
    return Section("orders", headline, (), (Table(headers, "lrlrl", tuple(rows)),), notes)


def _after(names: str, numbers: dict[str, str]) -> str:
    return ", ".join(numbers[name] for name in names.split(" + ")) if names else "nobody"


def _pairs(found: Attribution) -> Section:
    """Pairs of players, the strongest interactions first."""
    table = found.interactions
    order = table["interaction"].abs().sort_values(ascending=False, kind="stable").index
    numbers = {name: j for j, name in enumerate(found.players, start=1)}
    say = amount(found)
    rows = tuple(
        (
            _numbered(numbers[row["player"]], row["player"]),
            _numbered(numbers[row["with"]], row["with"]),
            say(row["interaction"]),
            say(row["alone"]),
        )
        for _, row in table.loc[order[:_PAIRS]].iterrows()
    )
    left = len(table) - len(rows)
    notes = [
        "What two players do together beyond the sum of each: averaged over what the others do "
        "(Shapley interaction index), and with nobody else. Above zero they need each other; "
        "below zero each does part of the other's work."
    ]
    notes += [f"{plural(left, 'weaker pair')}: --table interactions."] if left else []
    headers = ("Player", "with", "Interaction", "The two alone")
    return Section("pairs", "Pairs", (), (Table(headers, "llrr", rows),), tuple(notes))


def every_country(found: Attribution) -> Section:
    """A table of countries and players, as wide as fits, below each other where it does not."""
    say, table = amount(found), found.countries
    order = table["total"].abs().sort_values(ascending=False, kind="stable").index
    blocks = [range(j, min(j + _WIDE, len(found.players))) for j in _starts(found)]
    drawn = tuple(_block(table.loc[order], found.players, block, say) for block in blocks)
    named = (f"{j} {name}" for j, name in enumerate(found.players, start=1))
    notes = (
        f"Players: {'; '.join(named)}.",
        "Shapley values from the same solves, the most affected country first; each row sums "
        "to the country's total.",
    )
    return Section("countries", f"Every country, {found.unit}", (), drawn, notes)


def _starts(found: Attribution) -> range:
    return range(0, len(found.players), _WIDE)


def _block(
    table: pd.DataFrame, players: Sequence[str], block: range, say: Callable[[float], str]
) -> Table:
    """Some players of every country; the total with the last of them."""
    last = block.stop == len(players)
    columns = [table[players[j]] for j in block] + ([table["total"]] if last else [])
    headers = ("Country", *(str(j + 1) for j in block), *(("Total",) if last else ()))
    names = [in_table(str(name), 20) for name in table["name"]]
    rows = tuple(
        (name, *(say(float(c.iloc[k])) for c in columns)) for k, name in enumerate(names)
    )
    return Table(headers, "l" + "r" * len(columns), rows)


def foot(found: Attribution) -> str:
    """World, solves, exactness, version: what made it."""
    world = found.world
    return (
        f"world {world.name} {world.content_hash[:12]} · {2 ** len(found.players):,} "
        f"equilibria, largest residual {found.residual:.0e} · detente {__version__}"
    )


# -- the chart -------------------------------------------------------------------------------
def chart(found: Attribution) -> str:
    """Bars of the Shapley values, with a whisker from the lowest to the highest order.

    Returns
    -------
    str
        SVG.
    """
    table, say = found.table, amount(found)
    names = [cut(str(name), 34) for name in table.index]
    labels = [f"{say(r['value'])} ({_percent(r['share'])})" for _, r in table.iterrows()]
    left = MARGIN + 1.06 * max(width_of(name) for name in names) + 12
    right = WIDTH - MARGIN - max(width_of(label, 12) for label in labels) - 12
    ends = [0.0, *table[["value", "lowest", "highest"]].to_numpy().ravel().tolist()]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return float(left + (right - left) * (value - low) / span)

    zero = place(0.0)
    body = [
        f'<line class="dt-axis" x1="{zero:.1f}" x2="{zero:.1f}" y1="-6" '
        f'y2="{len(names) * _ROW - 6}"/>'
    ]
    for j, (_, row) in enumerate(table.iterrows()):
        y = j * _ROW
        body.append(write(left - 12, y + 16, names[j], anchor="end"))
        body += _bar(row, y, place)
        body.append(write(right + 12, y + 16, labels[j], size=12))
    unit = f"{found.unit}; lines: lowest to highest over all orders"
    source = source_line(__version__, found.world.name, str(found.world.content_hash))
    head = f"What the change of {_SUBJECT[found.outcome]} of {country(found)} is due to"
    return frame(head, unit[0].upper() + unit[1:], source, body, len(names) * _ROW)


def _bar(row: pd.Series, y: float, place: Callable[[float], float]) -> Sequence[str]:
    """One player's bar and whisker."""
    value = float(row["value"])
    a, b = sorted((place(0.0), place(value)))
    low, high = place(float(row["lowest"])), place(float(row["highest"]))
    colour = BLUE if value >= 0 else VERMILION
    marks = [rect(a, y + 2, max(b - a, 1.0), 18, colour)]
    marks.append(_whisker(low, y + 10, high - low, 2))
    return marks + [_whisker(x - 1, y + 6, 2, 10) for x in (low, high)]


def _whisker(x: float, y: float, width: float, height: float) -> str:
    """Drawn in the colour of text, which is read on bars and beside them."""
    return (
        f'<rect class="dt-ink" x="{x:.1f}" y="{y:.1f}" width="{max(width, 1.0):.1f}" '
        f'height="{height:.1f}"/>'
    )
