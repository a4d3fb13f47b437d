"""Sanctions law on a terminal: regimes, provisions, coverage of a pair, mistakes in a file."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import pandas as pd
from rich.text import Text

from detente.cli.regimescheck import Checked
from detente.cli.regimesdata import (
    cap_in_words,
    changes,
    counts,
    doubtful_lines,
    law_of,
    product_lines,
    state_of,
)
from detente.cli.regimespair import Pair
from detente.cli.render import console, print_lines, rich_table
from detente.regimes.schema import Provision, Regime
from detente.report.numbers import capital, in_prose, million, plural
from detente.report.sections import Table

#: Width of the column with the provisions that cover a sector.
_BY = 22
#: Width of a sector's name.
_NAME = 28
#: Senders that are named one by one.
_NAMED = 6


# -- a list --------------------------------------------------------------------------------
def print_list(table: pd.DataFrame) -> None:
    """Each regime: name and title, then on whom, by whom, how much of it, from when."""
    for row in table.to_dict("records"):
        _headed(str(row["name"]), str(row["title"]))
        senders = _senders(str(row["senders"]).split())
        _indented(
            f"on {row['target']} by {senders}; {plural(row['provisions'], 'provision')}, "
            f"{row['unverified']} of them unverified; {row['first']} to {row['last']}",
            2,
        )


def _senders(codes: Sequence[str]) -> str:
    if list(codes) == ["all"]:
        return "all"
    if len(codes) <= _NAMED:
        return ", ".join(codes)
    return f"{len(codes)} countries ({', '.join(codes[:3])} …)"


# -- a regime --------------------------------------------------------------------------------
def print_regime(regime: Regime, day: date, whole: Regime, last: bool) -> None:
    """Head, provisions by instrument, counts, sources.

    ``whole`` is the regime with all of its provisions; where some alone were asked for, these
    are told in full. ``last`` says that nobody named the day.
    """
    out = console()
    _headed(whole.regime, whole.title)
    if regime is not whole:
        for provision in regime.provisions:
            out.print()
            _print_whole(whole, provision, day)
        return
    print_lines(
        [
            *([whole.description] if whole.description else []),
            f"On {', '.join(whole.target)} by {_senders(whole.senders)}. HS lines in "
            f"{whole.hs_revision}. {law_of(day, last)}.",
        ]
    )
    for instrument, provisions in groupby(whole.provisions, lambda p: p.instrument):
        listed = tuple(provisions)
        days = {p.adopted for p in listed}
        adopted = f", adopted {listed[0].adopted}" if len(days) == 1 else ""
        out.print(Text(f"\n{instrument}{adopted}", style="bold"))
        for provision in listed:
            _print_short(provision, day)
    print_lines(["", *_counted(whole, day)])
    _print_sources(whole)


def _effect(provision: Provision) -> str:
    """``ban on what it sells``; anything else by its name."""
    side = {"export": "what it sells", "import": "what it buys", "both": "both sides"}
    if provision.direction is None:
        return provision.effect
    return f"{provision.effect} on {side[provision.direction]}"


def _dates(provision: Provision, day: date) -> str:
    """``in force since 2017-08-05``, ``not yet: from …``, ``lapsed: … to …``."""
    first, until = provision.first_day, provision.until
    state = state_of(provision, day)
    if state == "lapsed":
        after = f", then {provision.replaced_by}" if provision.replaced_by else ""
        return f"lapsed: {first} to {until}{after}"
    start = f"since {first}" if state == "in force" else f"before {first}"
    return f"{state} {start}" + (f", until {until}" if until else "")


def _doubt(provision: Provision) -> str:
    if provision.verification == "unverified":
        return "unverified"
    lines = doubtful_lines(provision)
    if not lines:
        return "verified"
    return "lines unverified" if lines == len(provision.products) else "some lines unverified"


def _print_short(provision: Provision, day: date) -> None:
    out = console()
    out.print(Text.assemble((provision.id, "bold"), f"  {_dates(provision, day)}"))
    _indented(provision.what, 2)
    lines = product_lines(provision)
    goods = f"; HS {lines}" if lines else ""
    cap = f", {cap_in_words(provision)}" if provision.cap else ""
    _indented(f"{_effect(provision)}{cap}{goods}; {_doubt(provision)}", 2, "dim")


def _print_whole(regime: Regime, provision: Provision, day: date) -> None:
    source = regime.sources[provision.source]
    out = console()
    out.print(Text.assemble((provision.id, "bold"), f"  {_dates(provision, day)}"))
    facts = [
        ("what", provision.what),
        ("law", f"{provision.instrument}, paragraph {provision.paragraph}"),
        ("adopted", str(provision.adopted)),
        ("effect", _effect(provision)),
        ("cap", _cap(provision)),
        *(("goods", _goods(p)) for p in provision.products),
        *(("exempt", text) for text in provision.exempt),
        ("note", provision.note),
        ("text", f"{provision.verification}; {_source(source.title, source.read)}"),
        ("", source.url),
        ("", source.note),
    ]
    _labelled(facts)


def _cap(provision: Provision) -> str:
    if provision.cap is None:
        return ""
    note = f"; {provision.cap.note}" if provision.cap.note else ""
    return f"{cap_in_words(provision)}; rent to {provision.cap.rent}{note}"


def _goods(products: Any) -> str:
    text = f"HS {', '.join(products.hs)}"
    if products.except_:
        text += f" without {', '.join(products.except_)}"
    if products.covered < 1:
        text += f", {100 * products.covered:g} % of it"
    told = [products.what, products.verification, products.note]
    return "; ".join([text, *(t for t in told if t)])


def _counted(regime: Regime, day: date) -> list[str]:
    found = counts(regime)
    states = [state_of(p, day) for p in regime.provisions]
    told = [f"{states.count(s)} {s}" for s in ("in force", "not yet in force", "lapsed")]
    told[1] = f"{states.count('not yet')} not yet"
    lines = [
        f"{plural(found['provisions'], 'provision')} on {day}: {', '.join(told)}.",
        f"Unverified, in part or whole: {found['unverified']} of "
        f"{plural(found['provisions'], 'provision')}, {found['unverified_lines']} of "
        f"{plural(found['product_lines'], 'entry of goods', 'entries of goods')}. Verified is "
        "what was read in the source's own text.",
    ]
    if any(e.covered < 1 for p in regime.provisions for e in p.products):
        lines.append(
            "After HS lines in brackets: the part of them that is meant. 0 % stands where that "
            "is not known, and nothing of it counts as covered."
        )
    return lines


def _source(title: str, read: str) -> str:
    words = {"text": "its own text was read", "none": "nothing of it was read"}
    return f"{title}: {words.get(read, f'of it {_article(read)} was read')}"


def _article(read: str) -> str:
    return {"excerpt": "an excerpt", "summary": "a summary"}.get(read, read)


def _print_sources(regime: Regime) -> None:
    out = console()
    out.print(Text("\nSources", style="bold"))
    for key, source in regime.sources.items():
        out.print(Text.assemble((key, "bold"), f"  {_article(source.read)}"))
        for text in (source.title, source.url, source.note):
            _indented(text, 2, "dim" if text != source.title else "")


# -- a pair ----------------------------------------------------------------------------------
def print_pair(pair: Pair) -> None:
    """Coverage by sector and million USD, both ways, and what it rests on."""
    out = console()
    target, partner = in_prose(pair.name_of(pair.target)), in_prose(pair.name_of(pair.partner))
    names = ", ".join(regime.regime for regime in pair.regimes)
    _headed(names, f"on {target}'s trade with {partner} ({pair.partner})")
    print_lines([f"{law_of(pair.day, pair.last)}; trade: {pair.traded}."])
    totals = {str(row["direction"]): row for row in pair.totals().to_dict("records")}
    for direction, verb in (("export", "sells to"), ("import", "buys from")):
        part = pair.frame[pair.frame["direction"] == direction]
        title = f"What {target} {verb} {partner}, million USD a year"
        out.print(Text(f"\n{title}", style="bold"))
        _print_direction(part, totals[direction])
    out.print(Text("\nWhat the figures rest on", style="bold"))
    _labelled([("USD", capital(pair.traded)), *pair.basis])
    if pair.notes:
        out.print()
    print_lines(pair.notes)


def _print_direction(part: pd.DataFrame, total: Mapping[Any, Any]) -> None:
    traded = part[part["trade"] > 0].sort_values(
        ["banned", "trade"], ascending=False, kind="stable"
    )
    if traded.empty:
        print_lines(["Nothing in this trade."])
    else:
        hit = traded[traded["covered"] > 0]
        free = traded[traded["covered"] <= 0]
        rows = [cells for row in hit.to_dict("records") for cells in _rows(row)]
        if len(free):
            amount = million(float(free["trade"].sum()))
            rows.append((f"{plural(len(free), 'sector')} not covered", amount, "0 %", "0", ""))
        amount, banned = million(total["trade"]), million(total["banned"])
        rows.append(("All goods", amount, _covered(total["covered"]), banned, ""))
        headers = ("Sector", "Trade", "Covered", "Banned", "By")
        console().print(rich_table(Table(headers, "lrrrl", tuple(rows), sums=1)))
        if len(free):
            print_lines([f"Not covered: {', '.join(free['sector'])}."])
    idle = part[(part["trade"] <= 0) & (part["covered"] > 0)]
    if len(idle):
        groups = idle.groupby(idle["covered"].map(_covered), sort=False)["sector"]
        told = (f"{share} of {', '.join(sectors)}" for share, sectors in groups)
        print_lines([f"Not traded, and covered: {'; '.join(told)}."])


def _rows(row: Mapping[Any, Any]) -> list[tuple[str, str, str, str, str]]:
    """A sector's row; provisions that do not fit go on below it."""
    by = textwrap.wrap(str(row["provisions"]), _BY, break_on_hyphens=False) or [""]
    first = (
        _cut(str(row["sector_name"])),
        million(float(row["trade"])),
        _covered(float(row["covered"])),
        million(float(row["banned"])),
        by[0],
    )
    return [first, *(("", "", "", "", more) for more in by[1:])]


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1].rstrip(' ,')}…"


def _covered(share: float | None) -> str:
    """``98.9 %``; a hundred only where nothing is left."""
    if share is None or pd.isna(share):
        return "n/a"
    if share <= 0 or share >= 1 - 1e-9:
        return "100 %" if share > 0 else "0 %"
    return f"{min(max(100 * share, 0.1), 99.9):.1f} %"


# -- a file ----------------------------------------------------------------------------------
def print_checked(found: Checked) -> None:
    """What a file without mistakes holds, and what is doubtful in it."""
    regime = found.regime
    assert regime is not None
    tally = counts(regime)
    kinds: dict[str, int] = {}
    for p in regime.provisions:
        kinds[p.effect] = kinds.get(p.effect, 0) + 1
    days = changes([regime])
    print_lines(
        [
            f"{found.file}: a regime, '{regime.regime}', without mistakes.",
            f"On {', '.join(regime.target)} by {_senders(regime.senders)}; law from {days[0]}, "
            f"last changed {days[-1]}; HS lines in {regime.hs_revision}.",
            f"{plural(tally['provisions'], 'provision')} "
            f"({', '.join(f'{n} {kind}' for kind, n in kinds.items())}), "
            f"{plural(tally['product_lines'], 'entry of goods', 'entries of goods')}, "
            f"{plural(len(regime.sources), 'source')}.",
            f"Unverified, in part or whole: {plural(tally['unverified'], 'provision')}, "
            f"{plural(tally['unverified_lines'], 'entry of goods', 'entries of goods')}.",
            *(f"warning: {error}" for error in found.warnings),
        ]
    )


# -- a world -------------------------------------------------------------------------------
def print_attached(table: pd.DataFrame, lines: Iterable[str]) -> None:
    """Each regime: how many links it covers, and what share of the target's trade."""
    rows = tuple(
        (
            str(row["regime"]),
            str(row["provisions"]),
            str(row["links"]),
            _covered(float(row["exports_covered"])),
            _covered(float(row["imports_covered"])),
        )
        for row in table.to_dict("records")
    )
    headers = ("Regime", "Provisions", "Links", "Of exports", "Of imports")
    console().print(rich_table(Table(headers, "lrrrr", rows)))
    print_lines(["", *lines])


# -- words -----------------------------------------------------------------------------------
def _headed(name: str, text: str) -> None:
    """A bold name and what follows it, wrapped below with two blanks."""
    lines = textwrap.wrap(f"{name}  {text}", 80, subsequent_indent="  ", break_on_hyphens=False)
    console().print(Text.assemble((lines[0][: len(name)], "bold"), lines[0][len(name) :]))
    for line in lines[1:]:
        console().print(Text(line))


def _indented(text: str, by: int, style: str = "") -> None:
    for line in textwrap.wrap(text, 80 - by, break_on_hyphens=False):
        console().print(Text(f"{'':<{by}}{line}", style=style))


def _labelled(facts: Iterable[tuple[str, str]], width: int = 9) -> None:
    """Labels and their text, wrapped beside them; the same label once, empty ones not."""
    last, out = "", console()
    for label, text in facts:
        for j, line in enumerate(textwrap.wrap(text, 80 - width, break_on_hyphens=False)):
            shown = label if j == 0 and label != last else ""
            out.print(Text.assemble((f"{shown:<{width}}", "dim"), line))
        last = label if text else last
