"""A package in words and in tables of 80 columns."""

from __future__ import annotations

import math

from detente._version import __version__
from detente.outcomes.packages import Package
from detente.report.attributiontext import amount, country, cut
from detente.report.numbers import in_table, listed, percent, plural, usd
from detente.report.parts import Section, Table

#: Sets shown; the table of all of them is --table dividends.
_SETS = 8
_VERB = {
    "reinforce": "reinforce each other",
    "overlap": "overlap",
    "independent": "are independent",
}
_SUBJECT = {"welfare": "welfare", "percent": "welfare", "ev": "equivalent variation"}


def title(found: Package) -> str:
    """One line that says what is put together, and for whom."""
    count = plural(len(found.names), "part")
    return f"{found.found.label}: {count} of a package, {_subject(found)} of {_whom(found)}"


def _subject(found: Package) -> str:
    return _SUBJECT.get(found.found.outcome, found.found.outcome)


def _whom(found: Package) -> str:
    return country(found.found)


def sections(found: Package, every: bool = False) -> list[Section]:
    """What is printed: each part and all, pairs, sets of three and more, every country."""
    parts = [_alone(found), _pairs(found)]
    if len(found.names) > 2:
        parts.append(_dividends(found))
    if every:
        parts.append(_countries(found))
    return parts


def _alone(found: Package) -> Section:
    """Each part alone, their sum, and all together."""
    say, sets = amount(found.found), found.sets()
    alone, whole = sets["change"].to_numpy()[1:-1], float(sets["change"].iloc[-1])
    row = found.countries.loc[[found.found.country]]
    beyond = float(row["complementarity"].iloc[0])
    rows = [
        (cut(name, 40), say(float(value)))
        for name, value in zip(found.names, alone, strict=True)
    ]
    rows += [("Sum of each alone", say(float(alone.sum()))), ("All together", say(whole))]
    rows.append(("Beyond the sum", say(beyond)))
    table = Table(("Part alone", "Change"), "lr", tuple(rows), sums=3)
    verdict = str(row["verdict"].iloc[0])
    head = (
        f"All parts together change {_subject(found)} of {_whom(found)} by "
        f"{_amount(found, whole)}, {say(beyond) if beyond else 'nothing'} beyond the sum of "
        f"each alone: the parts {_VERB[verdict]}."
    )
    start = float(sets["worth"].iloc[0])
    notes = [_meaning(found), *_outside(found)]
    if start:
        notes.insert(0, f"Without any part: {_level(found, start)}.")
    text = f"Alone and together, {found.found.unit}"
    return Section("package", text, (head,), (table,), tuple(notes))


def _amount(found: Package, value: float) -> str:
    say = amount(found.found)(value)
    if found.found.outcome == "welfare":
        return f"{say} points ({percent(math.exp(value / 100) - 1.0)})"
    return f"{say} {'points' if found.found.outcome == 'percent' else 'million USD a year'}"


def _level(found: Package, value: float) -> str:
    return usd(value) if found.found.outcome in ("exports", "trade") else _amount(found, value)


def _meaning(found: Package) -> str:
    """What the three words mean, and what independence is for this outcome."""
    text = (
        "Reinforce: together more than the sum of each alone, V(ab) − V(a) − V(b) + V(nobody) "
        "above zero. Overlap: less. Independent: none, to a millionth of the largest effect."
    )
    if found.found.outcome == "welfare":
        return (
            f"{text} Points of 100·ln Ŵ add where factors multiply: parts are independent "
            "where Ŵ of both is Ŵ of one times Ŵ of the other."
        )
    return f"{text} In this unit parts are independent where their amounts add."


def _outside(found: Package) -> list[str]:
    """Measures of no part, and parts that were not asked for."""
    notes = []
    if found.always:
        named = listed(list(found.always))
        notes.append(f"Of no part, and so acting in every set, with nobody too: {named}.")
    if found.left_out:
        notes.append(f"Left out of every set: {listed(list(found.left_out))}.")
    return notes


def _pairs(found: Package) -> Section:
    """Complementarity of every pair, nobody else acting."""
    say = amount(found.found)
    rows = tuple(
        (
            cut(str(row["part"]), 20),
            cut(str(row["with"]), 20),
            *(say(float(row[k])) for k in ("first", "second", "together", "complementarity")),
            str(row["verdict"]),
        )
        for _, row in found.pairs().iterrows()
    )
    headers = ("Part", "with", "First", "Second", "Both", "Beyond", "")
    note = "Each pair with no other part acting; beyond: what both do above the sum."
    return Section(
        "pairs", "Pairs", (), (Table(headers, "llrrrrl", rows),), (note, *_harm(found))
    )


def _harm(found: Package) -> tuple[str, ...]:
    """Words for a loss: below zero beyond the sum may also be a greater harm."""
    if (found.pairs()[["first", "second"]].to_numpy() < -found.floor.max()).any():
        return (
            "Where a part takes something away, overlap may also say that the loss is greater "
            "together.",
        )
    return ()


def _dividends(found: Package) -> Section:
    """What sets do that no smaller set does."""
    say, table = amount(found.found), found.dividends
    order = table["dividend"].abs().sort_values(ascending=False, kind="stable").index
    rows = [
        (cut(str(row["parts"]), 56), str(int(row["size"])), say(float(row["dividend"])))
        for _, row in table.loc[order[:_SETS]].iterrows()
    ]
    rows.append(("Sum over all sets of two and more", "", say(float(table["dividend"].sum()))))
    left = len(table) - _SETS
    notes = [
        "Harsanyi's dividend: what the parts of a set do together that no smaller set of them "
        "does. The dividends of all sets sum to what the parts do beyond their sum."
    ]
    notes += [f"{plural(left, 'smaller one')}: --table dividends."] if left > 0 else []
    drawn = Table(("Set", "Parts", "Dividend"), "lrr", tuple(rows), sums=1)
    return Section("dividends", "Sets of parts", (), (drawn,), tuple(notes))


def _countries(found: Package) -> Section:
    """Every country: the parts alone where they fit, all, and beyond the sum."""
    say, table = amount(found.found), found.countries
    shown = found.names if len(found.names) == 2 else ()
    headers = ("Country", *(cut(name, 13) for name in shown), "Sum", "All", "Beyond", "")
    order = table["together"].abs().sort_values(ascending=False, kind="stable").index
    rows = tuple(
        (
            str(code) if shown else in_table(str(row["name"])),
            *(say(float(row[name])) for name in shown),
            *(say(float(row[key])) for key in ("sum", "together", "complementarity")),
            str(row["verdict"]),
        )
        for code, row in table.loc[order].iterrows()
    )
    drawn = Table(headers, "l" + "r" * (len(shown) + 3) + "l", rows)
    note = "The most affected first; all from the same solves."
    return Section("countries", f"Every country, {found.found.unit}", (), (drawn,), (note,))


def foot(found: Package) -> str:
    """World, solves, exactness, version: what made it."""
    world, n = found.found.world, len(found.names)
    return (
        f"world {world.name} {world.content_hash[:12]} · {2**n:,} equilibria, largest residual "
        f"{found.found.residual:.0e} · detente {__version__}"
    )
