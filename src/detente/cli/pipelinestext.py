"""A pipeline on a terminal, in 80 columns."""

from __future__ import annotations

import textwrap

import pandas as pd
import typer
from rich.text import Text

from detente.cli.pipelinesdata import Asked, as_asked, claims_of, prices_table, role
from detente.cli.render import WIDTH, console, print_lines, rich_table
from detente.corridors.pipelineclaims import unit_check
from detente.corridors.pipelineparties import break_even, returns
from detente.corridors.pipelineunits import MMBTU_PER_1000M3
from detente.report.numbers import MINUS, digits, listed, million, percent_size
from detente.report.sections import Table

_LABEL = 10


def print_list(table: pd.DataFrame) -> None:
    """Each case: name and title, then route, capacity and what it is worth."""
    out = console()
    for row in table.to_dict("records"):
        head = f"{row['name']}: {row['title']}"
        for line in textwrap.wrap(head, WIDTH):
            out.print(Text(line, style="bold"))
        _indented(
            f"{row['route']}, {row['km']:,.0f} km, {row['capacity']}; capital "
            f"{row['capex_million_usd']:,.0f}, surplus {row['surplus_million_usd']:,.0f} and "
            f"transit {row['transit_million_usd']:,.0f} million USD a year"
        )


def print_case(view: Asked, sources: bool) -> None:
    """Terms, parties, prices, an interruption, the sums, and what is assumed."""
    out = console()
    out.print(Text(view.case.title, style="bold"))
    for label, text in _head(view):
        _labelled(label, text)
    out.print()
    out.print(Text("Who gains, million USD a year", style="bold"))
    out.print(rich_table(_parties(view)))
    print_lines([_live_with(view), _when(view)])
    out.print()
    out.print(Text("At other prices of the alternative, million USD a year", style="bold"))
    out.print(rich_table(_prices(view)))
    if as_asked(view):
        print_lines([f"The price asked for is the {as_asked(view)} one of the case."])
    if view.stop.days > 0:
        days = "1 day" if view.stop.days == 1 else f"{view.stop.days:g} days"
        out.print()
        out.print(Text(f"Closed for {days}", style="bold"))
        print_lines(_closing(view))
    if view.link.via:
        out.print()
        out.print(Text("Transit income, by hand", style="bold"))
        print_lines(_sums(view))
    out.print()
    _print_sources(view, sources)


def _price(view: Asked, value: float) -> str:
    """``299 USD/1000m3 (8.39 USD/mmbtu)``."""
    text = f"{_number(value)} {view.units[1]}"
    if view.link.carrier == "gas":
        mmbtu = f"{abs(value) / MMBTU_PER_1000M3:,.2f}"
        text += f" ({MINUS if value < 0 and float(mmbtu) else ''}{mmbtu} USD/mmbtu)"
    return text


def _number(value: float, significant: int = 3) -> str:
    """Digits, with a minus where it is below zero and no plus."""
    return f"{MINUS if value < 0 else ''}{digits(value, significant)}"


def _percent(share: float) -> str:
    """A share in whole per cent: ``45 %``, ``−86 %``, ``0 %``."""
    text = f"{abs(share) * 100:,.0f} %"
    return f"{MINUS}{text}" if share < 0 and text != "0 %" else text


def _head(view: Asked) -> list[tuple[str, str]]:
    link, found = view.link, view.found
    lands = [f"{c} ({link.km(c):,.0f} km)" for c in (link.seller, *link.via, link.buyer)]
    rows = [("Route", " → ".join(lands))]
    if view.stated:
        rows.append(("Changed", ", ".join(view.stated)))
    rows.append(
        (
            "Volume",
            f"{digits(found.volume, 4)} {view.units[0]} a year for {link.life:g} years; "
            f"capital {link.capex:,.0f} million USD at {100 * link.rate:g} %, spent over "
            f"{link.construction:g} years of building",
        )
    )
    if view.scaled:
        rows.append(("Capital", view.scaled.removeprefix("capital ")))
    rows.append(("Price", _contract(view)))
    rows.append(("Against", f"{_price(view, link.alternative)}, the buyer's alternative"))
    if found.volume > 0:
        rows.append(("Cost", _cost(view)))
    rows.append(
        (
            "Surplus",
            f"{found.value:,.0f} worth, {found.cost:,.0f} in resources (r = "
            f"{found.ratio:.2f}): {million(found.surplus)} million USD a year"
            + ("" if found.surplus > 0 else _dear(view)),
        )
    )
    return rows


def _dear(view: Asked) -> str:
    return "; nobody would use it" + ("" if view.link.bargains else " but for the price stated")


def _contract(view: Asked) -> str:
    """The contract's price and whence; or why there is none."""
    found, link = view.found, view.link
    if found.deal:
        return f"{_price(view, found.price)}, {_rule(view)}"
    who, short = listed(list(link.bargainers)), million(-found.divided)
    return (
        f"no deal: {who} would lose {short} million USD a year together; only a stated price "
        "could hold them to it"
    )


def _rule(view: Asked) -> str:
    link = view.link
    if link.price is not None:
        return "as stated"
    if link.price_share is not None:
        return f"{100 * link.price_share:g} % of the alternative"
    who = listed([f"{c} {w:g}" for c, w in link.weights.items()])
    return f"by a bargain with weights {who}"


def _cost(view: Asked) -> str:
    found, v = view.found, view.found.volume
    parts = (
        ("supply", found.supply),
        ("running", sum(found.running.values())),
        ("capital", sum(found.capital.values())),
        ("transit", sum(found.fees.values())),
    )
    told = ", ".join(f"{name} {_number(part / v)}" for name, part in parts)
    return f"{_price(view, found.delivered)} delivered: {told}"


def _parties(view: Asked) -> Table:
    rows = []
    for code in view.link.parties:
        back = returns(view.found, code)
        found = view.found
        shared = found.deal and found.surplus > 0
        part = found.gains[code] / found.surplus if shared else None
        rows.append(
            (
                f"{code}, {role(view.link, code)}",
                million(found.outcome[code], plus=True),
                "" if part is None else _percent(part),
                million(found.npv(code), plus=True),
                million(back.capex),
                "" if back.irr is None else _return(back.irr),
                "" if back.payback is None else f"{back.payback:.1f} years",
            )
        )
    heads = ("Party", "Gain", "Of all", "NPV", "Puts in", "IRR", "Paid back in")
    return Table(heads, "lrrrrrr", tuple(rows))


def _return(rate: float) -> str:
    """A rate of return, with a minus where capital is not earned back."""
    return f"{MINUS if rate < 0 else ''}{percent_size(rate)}"


def _live_with(view: Asked) -> str:
    """Break-even prices and fees."""
    edge, link = break_even(view.found), view.link
    if view.found.volume <= 0:
        return "Nothing flows."
    text = (
        f"{link.seller} loses below a price of {_price(view, edge.seller)}, {link.buyer} above "
        f"{_price(view, edge.buyer)}."
    )
    if edge.seller > edge.buyer:
        text += " No price suits both."
    unit = f"{view.units[1]}/100km"
    for land in link.via:
        low, high = edge.lowest_fee[land], edge.highest_fee[land]
        if high > 0:
            text += (
                f" {land} loses below a fee of {digits(low, 2)} {unit}; above {digits(high)} "
                "nothing is left to the others."
            )
    return text


def _when(view: Asked) -> str:
    """What the returns count from."""
    years = view.link.construction
    built = (
        f"{years:g} years of building, in equal outlays, before the first full year"
        if years > 0
        else "no years of building, and a full first year"
    )
    return f"NPV is as of the first day of flow, IRR from the first outlay: {built}."


def _prices(view: Asked) -> Table:
    parties = view.link.parties
    rows = tuple(
        (
            str(row["level"]) + ("" if row["deal"] else ": no deal"),
            *_both(view, row["alternative"]),
            million(row["surplus_million_usd"]),
            *(million(row[f"gain_{c}"], plus=True) for c in parties),
        )
        for row in prices_table(view).to_dict("records")
        if row["level"] != as_asked(view)
    )
    units = (view.units[1], "USD/mmbtu") if view.link.carrier == "gas" else (view.units[1],)
    heads = ("", *units, "Surplus", *parties)
    return Table(heads, "l" + "r" * (len(heads) - 1), rows)


def _both(view: Asked, value: float) -> tuple[str, ...]:
    """A price in each unit that it is known by."""
    gas = view.link.carrier == "gas"
    return (_number(value), *([f"{value / MMBTU_PER_1000M3:,.2f}"] if gas else []))


def _closing(view: Asked) -> list[str]:
    stop, link = view.stop, view.link
    if not view.found.deal:
        return ["There is no deal: nothing flows, and nothing is lost by closing it."]
    held = link.stop
    losses = ", ".join(
        f"{code} loses {million(loss)}" if loss >= 0 else f"{code} saves {million(-loss)}"
        for code, loss in stop.losses.items()
    )
    lines = [f"{losses} million USD; {million(stop.total)} together."]
    if held is not None:
        replaced = f"{100 * held.replaceable:g} % replaced at {100 * held.spot_premium:g} %"
        lines[0] += f" ({replaced} above the alternative's price.)"
        lines.append(
            f"Expected in a year, at a chance of {100 * held.probability:g} %: "
            f"{million(stop.expected)} million USD, beside {million(stop.fees)} of transit "
            "income."
        )
    own = sum(stop.losses.get(c, 0.0) for c in link.via)
    others = stop.others(link.via)
    if own > 0 and others > 0:
        lines.append(
            f"For each USD that {listed(list(link.via))} would forgo by closing it, the others "
            f"would lose {digits(others / own, 2)}."
        )
    return lines


def _sums(view: Asked) -> list[str]:
    link = view.link
    if link.bargained:
        lines = ["The fee comes out of the bargain; by distance it is "]
        unit = f"{view.units[1]}/100km"
        fees = [
            f"{_number(100 * fee / (view.found.volume * link.km(c)))} {unit} in {c}"
            for c, fee in view.found.fees.items()
            if link.km(c) > 0 and view.found.volume > 0
        ]
        lines[0] += (listed(fees) if fees else "not defined") + "."
    else:
        lines = [f"{unit_check(link, view.written, link.fee)}."]
        if not view.found.deal:
            lines[0] += " It is not paid: there is no deal."
    for claim in claims_of(view):
        lines.append(
            f"{claim['who']} ({claim['year']}): {claim['million_usd']:,.0f} million USD "
            f"{claim['in_words']}."
        )
    return lines


def _print_sources(view: Asked, whole: bool) -> None:
    if whole:
        for source in view.case.sources:
            at = f" {source.url}" if source.url else ""
            _indented(
                f"{', '.join(source.keys)} ({source.verification}): {source.what}.{at}", by=0
            )
        return
    for state in ("verified", "unverified", "assumed"):
        keys = [k for s in view.case.sources if s.verification == state for k in s.keys]
        if keys:
            _labelled(state, ", ".join(dict.fromkeys(keys)))
    print_lines(["--sources tells where each is from."])


def _labelled(label: str, text: str) -> None:
    out = console()
    glued = text.replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.wrap(glued, WIDTH - _LABEL - 2, break_on_hyphens=False) or [""]
    lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
    out.print(Text.assemble((f"{label:<{_LABEL + 2}}", "dim"), lines[0]))
    for line in lines[1:]:
        out.print(Text(" " * (_LABEL + 2) + line))


def _indented(text: str, by: int = 2) -> None:
    for line in textwrap.wrap(text, WIDTH - by, break_on_hyphens=False, break_long_words=False):
        typer.echo(" " * by + line)  # an address is not cut
