"""A package in words and in tables of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from detente._version import __version__
from detente.outcomes.packages import Package
from detente.report.attributiontext import amount, country, cut
from detente.report.numbers import in_table, listed, percent, plural, usd
from detente.report.parts import Section, Table

#: Sets shown; the table of all of them is --table dividends.
_SETS = 8
_VERB = {
    "reinforce": "the parts reinforce each other",
    "overlap": "the parts overlap",
    "independent": "the parts are independent",
    "too small to tell": "too small to tell whether they reinforce each other or overlap",
    "sign depends on the unit": "whether they reinforce each other depends on the unit",
}
_HEADER = {"welfare": "100·ln Ŵ", "percent": "100·(Ŵ−1)"}
_MONEY = "Million USD"
_SUBJECT = {"welfare": "welfare", "percent": "welfare", "ev": "equivalent variation"}


def title(found: Package) -> str:
    """One line that says what is put together, and for whom."""
    count = plural(len(found.names), "part")
    return f"{found.found.label}: {count} of a package, {_subject(found)} of {_whom(found)}"


def _subject(found: Package) -> str:
    return _SUBJECT.get(found.found.outcome, found.found.outcome)


def _whom(found: Package) -> str:
    return country(found.found)


def sections(found: Package, every: bool = False, idle: Sequence[str] = ()) -> list[Section]:
    """What is printed: each part and all, pairs, sets of three and more, every country.

    Parts that are `idle`, with no measure in force on the day, are said to be; where all are,
    there is nothing more to say.
    """
    if idle and len(idle) == len(found.names):
        return [_nothing(found)]
    parts = [_alone(found, idle), _pairs(found)]
    if len(found.names) > 2:
        parts.append(_dividends(found))
    if every:
        parts.append(_countries(found))
    return parts


def _on(found: Package) -> str:
    at = found.found.notes.get("at")
    return f" on {at}" if at else ""


def _nothing(found: Package) -> Section:
    """No part is in force: zeros would look like parts that are independent."""
    text = (
        f"No part is in force{_on(found)}: none of them does anything, and nothing can be said "
        "of what they are worth together. Another day: --at DATE."
    )
    return Section("package", "Alone and together", (text,), (), tuple(_outside(found)))


def _in_units(found: Package) -> list[Package]:
    """The same solves in every unit that a verdict rests on, the one shown first."""
    return [found.of(outcome=unit) for unit in found.units]


def _headers(found: Package) -> tuple[str, ...]:
    return tuple(_HEADER.get(unit, _MONEY) for unit in found.units)


def _alone(found: Package, idle: Sequence[str] = ()) -> Section:
    """Each part alone, their sum, and all together, in every unit."""
    columns = []
    for one in _in_units(found):
        say, change = amount(one.found), one.sets()["change"].to_numpy()
        values = [*change[1:-1], change[1:-1].sum(), change[-1], _all_beyond(one)]
        columns.append([say(float(value)) for value in values])
    names = [cut(name, 40) for name in found.names]
    names += ["Sum of each alone", "All together", "Beyond the sum"]
    headers = ("Part alone", *_headers(found))
    table = Table(
        headers, "l" + "r" * len(columns), tuple(zip(names, *columns, strict=True)), sums=3
    )
    verdict = str(found.countries.loc[found.found.country, "verdict"])
    whole = float(found.sets()["change"].iloc[-1])
    beyond = [_beyond(one) for one in _in_units(found)]
    head = (
        f"All parts together change {_subject(found)} of {_whom(found)} by "
        f"{_amount(found, whole)}. Beyond the sum of each alone: {' or '.join(beyond)}: "
        f"{_VERB[verdict]}."
    )
    start = float(found.sets()["worth"].iloc[0])
    notes = [_meaning(found), *_outside(found)]
    if idle:
        notes.insert(
            0, f"Not in force{_on(found)}, and so without effect: {listed(list(idle))}."
        )
    if start:
        notes.insert(0, f"Without any part: {_level(found, start)}.")
    return Section("package", "Alone and together", (head,), (table,), tuple(notes))


def _all_beyond(found: Package) -> float:
    return float(found.countries.loc[[found.found.country], "complementarity"].iloc[0])


def _beyond(found: Package) -> str:
    """What all do beyond their sum, with its unit."""
    value = amount(found.found)(_all_beyond(found))
    outcome = found.found.outcome
    return f"{value} {'points' if outcome in ('welfare', 'percent') else 'million USD'}"


def _amount(found: Package, value: float) -> str:
    say = amount(found.found)(value)
    if found.found.outcome == "welfare":
        return f"{say} points ({percent(math.exp(value / 100) - 1.0)})"
    return f"{say} {'points' if found.found.outcome == 'percent' else 'million USD a year'}"


def _level(found: Package, value: float) -> str:
    return usd(value) if found.found.outcome in ("exports", "trade") else _amount(found, value)


def _meaning(found: Package) -> str:
    """What the words mean, and why two units are asked."""
    text = (
        "Reinforce: together more than the sum of each alone, V(ab) − V(a) − V(b) + V(nobody) "
        "above zero. Overlap: less. Too small to tell: below 1 % of the smaller of the two "
        "effects (of several: of the second largest). Independent: none, to a millionth."
    )
    if len(found.units) == 1:
        return f"{text} In this unit parts are independent where their amounts add."
    return (
        f"{text} A word is said where both units say it: amounts of money that simply add "
        "come out below zero in logarithms, by about the product of the two, and factors of Ŵ "
        "that simply multiply above zero in money."
    )


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
    """Complementarity of every pair, nobody else acting, in every unit."""
    tables = [one.pairs() for one in _in_units(found)]
    says = [amount(one.found) for one in _in_units(found)]
    rows = tuple(
        (
            cut(str(row["part"]), 14),
            cut(str(row["with"]), 14),
            *(
                say(float(table["complementarity"].iloc[j]))
                for say, table in zip(says, tables, strict=True)
            ),
            str(row["verdict"]),
        )
        for j, (_, row) in enumerate(tables[0].iterrows())
    )
    headers = ("Part", "with", *_headers(found), "")
    note = (
        "What both do above the sum of each alone, no other part acting. What each and both "
        "do: --table pairs."
    )
    drawn = Table(headers, f"ll{'r' * len(says)}l", rows)
    return Section("pairs", "Pairs, beyond the sum", (), (drawn,), (note, *_harm(found)))


def _harm(found: Package) -> tuple[str, ...]:
    """Words for a loss: below zero beyond the sum may also be a greater harm."""
    if (found.pairs()[["first", "second"]].to_numpy() < -found.floor.max()).any():
        return (
            "Where a part takes something away, overlap may also say that the loss is greater "
            "together.",
        )
    return ()


def _dividends(found: Package) -> Section:
    """What sets do that no smaller set does, in every unit."""
    tables = [one.dividends for one in _in_units(found)]
    says = [amount(one.found) for one in _in_units(found)]
    order = tables[0]["dividend"].abs().sort_values(ascending=False, kind="stable").index

    def told(values: Iterable[float]) -> tuple[str, ...]:
        return tuple(say(float(v)) for say, v in zip(says, values, strict=True))

    rows = [
        (
            cut(str(tables[0]["parts"][j]), 48),
            str(int(tables[0]["size"][j])),
            *told(table["dividend"][j] for table in tables),
        )
        for j in order[:_SETS]
    ]
    total = told(table["dividend"].sum() for table in tables)
    rows.append(("Sum over all sets of two and more", "", *total))
    left = len(order) - _SETS
    notes = [
        "Harsanyi's dividend: what the parts of a set do together that no smaller set of them "
        "does. The dividends of all sets sum to what the parts do beyond their sum."
    ]
    notes += [f"{plural(left, 'smaller one')}: --table dividends."] if left > 0 else []
    headers = ("Set", "Parts", *_headers(found))
    drawn = Table(headers, "lr" + "r" * len(says), tuple(rows), sums=1)
    return Section("dividends", "Sets of parts", (), (drawn,), tuple(notes))


def _countries(found: Package) -> Section:
    """Every country: all together, and beyond the sum in every unit."""
    say, tables = amount(found.found), [one.countries for one in _in_units(found)]
    says, table = [amount(one.found) for one in _in_units(found)], tables[0]
    order = table["together"].abs().sort_values(ascending=False, kind="stable").index
    rows = tuple(
        (
            in_table(str(table.loc[code, "name"]), 18),
            say(float(table.loc[code, "together"])),
            *(
                tell(float(one.loc[code, "complementarity"]))
                for tell, one in zip(says, tables, strict=True)
            ),
            str(table.loc[code, "verdict"]),
        )
        for code in order
    )
    headers = ("Country", "All", *_headers(found), "")
    drawn = Table(headers, f"lr{'r' * len(says)}l", rows)
    note = (
        f"All together in {found.found.unit}; then beyond the sum of each alone. The most "
        "affected first; all from the same solves."
    )
    text = "Every country: all together, and beyond the sum"
    return Section("countries", text, (), (drawn,), (note,))


def foot(found: Package) -> str:
    """World, solves, exactness, version: what made it."""
    world, n = found.found.world, len(found.names)
    return (
        f"world {world.name} {world.content_hash[:12]} · {2**n:,} equilibria, largest residual "
        f"{found.found.residual:.0e} · detente {__version__}"
    )
