"""Corridors on a terminal: a list, a project, the ways of a pair, the network."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from detente.cli.corridorsdata import Choice, Way, layer_words, route_words
from detente.cli.corridorsshow import Shown, capex_of
from detente.cli.render import console, print_lines, print_section
from detente.corridors.network import mode_of
from detente.report.numbers import MINUS, digits, in_table, million, plural, signed
from detente.report.parts import Section, Table

if TYPE_CHECKING:
    import pandas as pd

    from detente.corridors.network import Network
    from detente.corridors.project import Project
    from detente.corridors.routes import Route

#: Pairs of countries that are shown.
_MOST, _THIRD = 8, 6
#: Kinds of change that have their own word in front of the rest.
_OPENS = ("opened", "transit")
#: A change of trade cost below this is no change, share.
_NOTHING = 5e-6
_HEADERS = ("", "km", "days", "USD/TEU", "USD/t", "in all*")
_NOTE = (
    "* freight, the value of the days under way, and what room costs on lines that are full "
    "today; USD per tonne"
)


# -- a list ------------------------------------------------------------------------------------
def print_list(table: pd.DataFrame) -> None:
    """Each project: name and title; what it opens and costs, and how far it is."""
    out = console()
    for row in table.to_dict("records"):
        out.print(Text.assemble((row["name"], "bold"), f"  {row['title']}"))
        told = f"opens {plural(row['opens'], 'line')}, improves {row['improves']}"
        money = capex_words((row["capex_low"], row["capex_central"], row["capex_high"]))
        print_lines([f"  {'; '.join(filter(None, (told, money, row['status'])))}"])


def capex_words(capex: tuple[float, float, float]) -> str:
    """``USD 3,200 million (2,500 to 5,000)``; nothing where it is not stated."""
    low, central, high = capex
    if math.isnan(central):
        return ""
    around = f" ({low:,.0f} to {high:,.0f})" if low < high else ""
    return f"USD {central:,.0f} million{around}"


# -- one project -------------------------------------------------------------------------------
def print_shown(shown: Shown, file_written: bool) -> None:
    """Facts, ways, edges, pairs, sources; how to get the map."""
    out = console()
    project = shown.project
    out.print(Text.assemble((project.title, "bold"), f" ({project.project})"))
    print_lines(list(_facts(project)))
    for way in shown.ways:
        print_section(out, way_section(shown.after, way))
    if not shown.ways:
        print_lines(["", "It names no pair to show: give --from and --to."])
    for section in (_edges_section(shown), *_pair_sections(shown), _sources(project)):
        if section is not None:
            print_section(out, section)
    out.print()
    day = f", as it was on {shown.at}" if shown.at else ""
    print_lines([f"Network {shown.before.content_hash[:12]}{day}; world {shown.world.name}."])
    if not file_written:
        print_lines(["The map, and every table: -o DIR."])


def _facts(project: Project) -> Iterator[str]:
    if project.what:
        yield project.what
    if project.status:
        yield f"Status: {project.status.rstrip('.')}."
    if project.included:
        yield f"Includes {', '.join(p.project for p in project.included)}."
    money = capex_words(capex_of(project))
    if not money:
        return
    spent: dict[str, float] = {}
    total = math.fsum(p.capex.central for p in project.closure if p.capex)
    for part in project.closure:
        for code, share in (part.capex.in_ if part.capex else {}).items():
            money_there = share * (part.capex.central if part.capex else 0.0)
            spent[code] = spent.get(code, 0.0) + money_there
    most = sorted(spent.items(), key=lambda item: -item[1])
    where = ", ".join(f"{c} {100 * x / total:.0f} %" for c, x in most if total)
    yield f"Cost to build: {money}{f'; spent in {where}' if where else ''}."
    if project.capex is not None and project.capex.note:
        yield project.capex.note


def way_section(network: Network, way: Way) -> Section:
    """A pair: figures before and after, what changes, and the ways in words."""
    names = [network.nodes[code].name for code in (way.origin, way.destination)]
    rows = [_row("before", way.before), _row("after", way.after)]
    if way.before is not None and way.after is not None:
        rows += _differences(way.before, way.after)
    told = []
    if way.changed or way.before is None:
        for when, found, why in (
            ("Before", way.before, way.why_before),
            ("After", way.after, way.why_after),
        ):
            told.append(f"{when}: {route_words(network, found) if found else why}")
    else:
        told.append(f"Before and after alike: {route_words(network, way.before)}")
    return Section(
        "way",
        f"{names[0]} to {names[1]}, {way.sector}",
        tables=(Table(_HEADERS, "lrrrrr", tuple(rows)),),
        notes=(_NOTE, *told),
    )


def _row(label: str, found: Route | None) -> tuple[str, ...]:
    if found is None:
        return (label, *("no route", "", "", "", ""))
    teu = "n/a" if math.isnan(found.usd_per_teu) else f"{found.usd_per_teu:,.0f}"
    money = (_money(found.usd_per_tonne), _money(found.generalised))
    return (label, f"{found.km:,.0f}", f"{found.days:.1f}", teu, *money)


def _money(value: float) -> str:
    return digits(value, 4) if abs(value) < 1000 else f"{value:,.0f}"


def _values(found: Route) -> tuple[float, ...]:
    money = (found.usd_per_teu, found.usd_per_tonne, found.generalised)
    return (found.km, found.days, *money)


def _differences(one: Route, other: Route) -> list[tuple[str, ...]]:
    """The change in each unit and in percent."""
    by, percent = ["change"], ["in %"]
    for j, (a, b) in enumerate(zip(_values(one), _values(other), strict=True)):
        if math.isnan(a):
            by.append("n/a")
            percent.append("")
            continue
        text = f"{abs(b - a):,.1f}" if j == 1 else _money(abs(b - a)) if j > 2 else ""
        text = text or f"{abs(b - a):,.0f}"
        mark = "" if not any(c in "123456789" for c in text) else "+" if b > a else MINUS
        by.append(f"{mark}{text}")
        percent.append(signed(100 * (b / a - 1), 3) if mark and a else "0")
    return [tuple(by), tuple(percent)]


def _edges_section(shown: Shown) -> Section | None:
    """What it opens and improves."""
    changes = shown.changes
    if not changes:
        named = any(part.edges for part in shown.project.closure)
        why = "Nothing: all of it is there already." if named else "It changes no line."
        return Section("edges", "What it changes", (why,))
    nodes = shown.after.nodes
    rows = [
        (
            f"{_short(nodes[c.edge.a].name)} – {_short(nodes[c.edge.b].name)}",
            layer_words(c.edge.layer),
            f"{c.edge.km:,.0f}",
            "no limit" if math.isinf(c.edge.capacity_mt) else digits(c.edge.capacity_mt, 3),
            c.words.partition(";")[0] if c.kind != "improved" else "improved",
        )
        for c in changes
    ]
    alike: dict[str, list[str]] = {}
    for c in changes:
        line = f"{_short(nodes[c.edge.a].name)} – {_short(nodes[c.edge.b].name)}"
        words = c.words.partition("; ")[2] if c.kind in _OPENS else c.words
        if words and c.kind != "new":
            alike.setdefault(words, []).append(line)
    told = [f"{', '.join(lines)}: {words}." for words, lines in alike.items()]
    headers = ("Line", "By", "km", "Mt/year", "Change")
    km = math.fsum(c.edge.km for c in changes)
    title = f"What it opens or improves: {plural(len(changes), 'line')}, {km:,.0f} km"
    return Section("edges", title, (), (Table(headers, "llrrl", tuple(rows)),), tuple(told))


#: What is on the lines, in the ways and in the tables of pairs.
_ON_THE_LINES = (
    "The ways above are of one shipment alone, which fills no line; here the world's own "
    "trade is on the lines, and none holds more than its capacity."
)


def _short(name: str) -> str:
    return name.partition(" (")[0]


def _pair_sections(shown: Shown) -> Iterator[Section]:
    """Pairs of countries whose trade costs change most; third countries apart."""
    pairs = shown.pairs
    pairs = pairs[pairs["cost_change"].abs() >= _NOTHING]
    notes = tuple(shown.cost.remarks)
    title = f"Trade costs by pair of countries (world {shown.world.name})"
    on = (_ON_THE_LINES,) if shown.ways else ()
    if pairs.empty:
        yield Section("pairs", title, (*on, "No pair's trade cost changes."), notes=notes)
        return
    host = pairs["one"].isin(shown.hosts) | pairs["other"].isin(shown.hosts)
    yield Section(
        "pairs",
        title,
        on,
        tables=(_pair_table(shown, pairs.head(_MOST)),),
        notes=(
            "Both ways, goods that a network carries, weighted by trade; most money first. "
            "Trade and saved (the fall of cost times trade) in million USD a year of the "
            f"baseline. {plural(len(pairs), 'pair')} change in all.",
            *notes,
        ),
    )
    third = pairs[~host]
    title = f"Third countries: pairs without {', '.join(sorted(shown.hosts))}"
    if third.empty:
        yield Section("third", title, ("No pair's trade cost changes.",))
        return
    yield Section("third", title, tables=(_pair_table(shown, third.head(_THIRD)),))


def _pair_table(shown: Shown, pairs: pd.DataFrame) -> Table:
    names = dict(zip(shown.world.countries, shown.world.country_names, strict=False))
    rows = []
    for row in pairs.itertuples():
        ends = [in_table(names.get(str(c), str(c)), 18) for c in (row.one, row.other)]
        days = [f"{float(d):.1f}" for d in (row.days_before, row.days_after)]  # type: ignore[arg-type]
        fall = 100 * float(row.cost_change)  # type: ignore[arg-type]
        rows.append(
            (
                " – ".join(ends),
                million(float(row.trade)),  # type: ignore[arg-type]
                " → ".join("n/a" if d == "nan" else d for d in days),
                signed(fall, 2),
                million(float(row.saved)),  # type: ignore[arg-type]
            )
        )
    headers = ("Pair", "Trade", "Days", "Cost, %", "Saved")
    return Table(headers, "lrrrr", tuple(rows))


def _sources(project: Project) -> Section | None:
    told = [s for part in project.closure for s in part.sources]
    if not told:
        return None
    lines = dict.fromkeys(f"{s.verification}: {s.what}" for s in told)
    return Section("sources", "Sources", tuple(lines))


# -- the ways of a pair ------------------------------------------------------------------------
def print_choices(network: Network, title: str, found: Sequence[Choice]) -> None:
    """Figures of every way beside each other, then each in words."""
    rows = tuple(_row(choice.label, choice.route) for choice in found)
    told: dict[str, list[str]] = {}
    for choice in found:
        words = route_words(network, choice.route) if choice.route else "no route"
        without = f" without {choice.without}" if choice.without else ""
        told.setdefault(words, []).append(f"{choice.label}{without}")
    lines = [
        f"{', '.join(labels)[:1].upper()}{', '.join(labels)[1:]}: {words}"
        for words, labels in told.items()
    ]
    table = Table(_HEADERS, "lrrrrr", rows)
    print_section(console(), Section("ways", title, tables=(table,), notes=(_NOTE,)))
    print_lines(["", *lines])


# -- the network -------------------------------------------------------------------------------
def print_counts(network: Network) -> None:
    """How much of what there is."""
    rows = []
    for mode in ("sea", "rail", "road"):
        edges = [e for e in network.edges if e.mode == mode]
        doubts = Counter(e.verification for e in edges)
        rows.append(
            (
                mode,
                f"{len(edges):,}",
                f"{math.fsum(e.km for e in edges):,.0f}",
                f"{sum(not e.passable for e in edges):,}",
                f"{sum(e.use == 'own' for e in edges):,}",
                f"{sum(math.isfinite(e.capacity_mt) for e in edges):,}",
                f"{doubts['verified']:,}",
            )
        )
    headers = ("By", "lines", "km", "closed", "own use", "with capacity", "verified")
    countries = {node.country for node in network.nodes.values()}
    where = plural(len(countries), "country", "countries")
    title = f"{plural(len(network.nodes), 'place')} in {where}"
    kinds = Counter(node.kind for node in network.nodes.values())
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    print_section(
        console(),
        Section(
            "network",
            f"{title}, {plural(len(network.edges), 'line')}",
            (f"By kind: {told}.",),
            (Table(headers, "lrrrrrr", tuple(rows)),),
            (
                "Lines one by one: --country, --mode, --state or --table edges; places: "
                "--table nodes.",
            ),
        ),
    )


def print_edges(network: Network, table: pd.DataFrame) -> None:
    """Lines, one a row."""
    rows = tuple(
        (
            f"{_short(network.nodes[str(r.a)].name)} – {_short(network.nodes[str(r.b)].name)}",
            layer_words(str(r.layer)).replace(" mm", ""),
            f"{float(r.km):,.0f}",  # type: ignore[arg-type]
            f"{float(r.kmh):.0f}",  # type: ignore[arg-type]
            f"{float(r.wait_h):.0f}" if r.wait_h else "",  # type: ignore[arg-type]
            "" if math.isnan(float(r.capacity_mt)) else f"{float(r.capacity_mt):g}",  # type: ignore[arg-type]
            str(r.state) + (", own" if r.use == "own" else ""),
        )
        for r in table.itertuples()
    )
    headers = ("Line", "By", "km", "km/h", "wait h", "Mt/y", "State")
    drawn = Table(headers, "llrrrrl", rows)
    print_section(console(), Section("edges", plural(len(rows), "line"), tables=(drawn,)))


def print_nodes(table: pd.DataFrame) -> None:
    """Places, one a row."""
    rows = tuple(
        (str(r.code), str(r.name), str(r.country), str(r.kind), f"{float(r.mass):g}")  # type: ignore[arg-type]
        for r in table.itertuples(index=False)
    )
    headers = ("Code", "Name", "Country", "Kind", "bn USD")
    drawn = Table(headers, "llllr", rows)
    print_section(console(), Section("nodes", plural(len(rows), "place"), tables=(drawn,)))


def modes_words(found: Route) -> str:
    """``rail, sea``: the modes of a way in their order."""
    return ", ".join(dict.fromkeys(mode_of(layer) for layer in found.layers))
