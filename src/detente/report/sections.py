"""The parts of a report, as text and cells: the terminal, Markdown and HTML print the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from detente.report.answer import answer
from detente.report.numbers import (
    capital,
    million,
    percent,
    plural,
    points,
    share,
)
from detente.report.view import View

#: What the parts of the exact decomposition are called.
TERMS: Mapping[str, str] = {
    "terms_of_trade": "terms of trade",
    "volume_of_trade": "volume of trade (tariff revenue)",
    "trade_technology": "trade costs",
    "links": "links opened and closed",
    "productivity": "productivity",
    "labour": "labour",
    "deficit": "deficit",
    "transfer": "transfers",
    "caps": "quantity caps",
}

LIMITS = (
    "It compares two states of a static model: no dates of adjustment, no investment, no "
    "migration, full employment, one consumer per country. It cannot say whether a policy "
    "will happen."
)


@dataclass(frozen=True)
class Table:
    """Headers, their alignment (``l`` or ``r`` each), and rows of finished text."""

    headers: tuple[str, ...]
    align: str
    rows: tuple[tuple[str, ...], ...]
    #: rows that stand apart at the end (sums)
    sums: int = 0


@dataclass(frozen=True)
class Section:
    """A titled part: paragraphs, tables, then notes in small print."""

    key: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = field(default=())


def sections(view: View) -> list[Section]:
    """Every section of a report, in the order in which it is read."""
    found = [Section("answer", "The answer", tuple(answer(view)))]
    if view.no_effect and not view.asked:
        return [*found, trust(view)]
    return [*found, gainers(view), partners(view), *sources(view), trust(view)]


# -- the head --------------------------------------------------------------------------------
def first_sentence(text: str) -> str:
    """The first sentence of a description."""
    return text.split(". ")[0].rstrip(".") + "." if text.strip() else ""


def head(view: View) -> list[tuple[str, str]]:
    """World, state and measures: label and text of each line."""
    notes = view.notes
    day = notes.get("at")
    state = "no dates: the measures as they stand"
    if day:
        state = f"{day}, {'the end of the scenario' if notes.get('end_of_scenario') else 'as asked'}"
    rows = [("World", view.world_line), ("State", state)]
    for name in ("active", "snapped back", "not yet"):
        for measure in (m for m in view.measures if m["status"] == name):
            rows.append((_STATUS[name], _measure(measure)))
            rows += [("", f"note: {remark}") for remark in measure["remarks"]]
    return rows


_STATUS = {"active": "In force", "snapped back": "Expired", "not yet": "Not yet"}


def _measure(measure: Mapping[str, Any]) -> str:
    """``unban unsc from 2020-01-01: 19 sectors, 40 pairs (380 links)``."""
    on, until = measure.get("on"), measure.get("until")
    when = (f" from {on}" if on else "") + (f" to {until}" if until else "")
    touched = f": {measure['touched']}" if measure.get("touched") else ""
    return f"{measure['label']}{when}{touched}"


# -- who gains and loses -----------------------------------------------------------------------
def gainers(view: View, most: int = 7) -> Section:
    """Countries by the size of their gain or loss in USD; the rest in one row."""
    table = view.welfare
    order = table["equivalent_variation"].abs().sort_values(ascending=False).index
    first = [view.country, *(c for c in order if c != view.country)][:most]
    rest = table.drop(index=first)
    if len(rest) == 1:  # a row for one other country may as well name it
        first, rest = [*first, str(rest.index[0])], rest.iloc[:0]
    shown = sorted(first, key=lambda c: -table.at[c, "equivalent_variation"])
    rows = [_welfare_row(view.label(c, 30), table.loc[[c]]) for c in shown]
    if len(rest):
        rows.append(_welfare_row(plural(len(rest), "other country", "other countries"), rest))
    rows.append(_welfare_row("All countries", table))
    return Section(
        "welfare",
        "Who gains and who loses",
        tables=(
            Table(
                ("Country", "As consumed", "Own earnings", "Real wage", "Million USD"),
                "lrrrr",
                tuple(rows),
                sums=2 if len(rest) else 1,
            ),
        ),
        notes=(
            "A year, as equivalent variation. Own earnings: without deficits and transfers.",
        ),
    )


def _welfare_row(label: str, rows: pd.DataFrame) -> tuple[str, ...]:
    money = float(rows["equivalent_variation"].sum())
    own, wage = "", ""
    if len(rows) == 1:
        own, wage = (percent(float(rows[c].iloc[0])) for c in ("own_earnings", "real_wage"))
    income = float(rows["income"].sum())
    return (label, percent(money / income), own, wage, million(money, plus=True))


# -- partners ------------------------------------------------------------------------------
def partners(view: View, most: int = 8) -> Section:
    """The partners of the country in focus, before and after."""
    table = view.partners
    traded = table[(table["total"] > 0) | (table["total_new"] > 0)]
    kinds = link_kinds(view)
    rows = [
        (
            view.label(str(code), 18 if kinds else 22),
            _change(rank(r), rank(r, "_new")),
            _change(million(r["exports"]), million(r["exports_new"])),
            _change(million(r["imports"]), million(r["imports_new"])),
            _change(share(r["share"]), share(r["share_new"]), unit=" %"),
            *([kinds.get(str(code), "")] if kinds else []),
        )
        for code, r in traded.head(most).iterrows()
    ]
    total = table.sum(numeric_only=True)
    rows.append(
        (
            "All partners",
            "",
            _change(million(total["exports"]), million(total["exports_new"])),
            _change(million(total["imports"]), million(total["imports_new"])),
            "",
            *([""] if kinds else []),
        )
    )
    headers = ("Partner", "Rank", "Exports to", "Imports from", "Share")
    return Section(
        "partners",
        f"Trade partners of {view.prose(view.country)}, million USD a year, before → after",
        tables=(
            Table(
                (*headers, "Link") if kinds else headers,
                "lrrrrl" if kinds else "lrrrr",
                tuple(rows),
                sums=1,
            ),
        ),
    )


def rank(row: pd.Series, mark: str = "") -> str:
    """A partner's rank; a dash where it trades nothing."""
    return str(row[f"rank{mark}"]) if row[f"total{mark}"] > 0 else "–"


def link_kinds(view: View) -> dict[str, str]:
    """What kind of link each partner is, where the world says so."""
    given = view.meta.get("link_kind", {})
    mine = given.get(view.country, {}) if isinstance(given, Mapping) else {}
    if not isinstance(mine, Mapping):
        return {}
    return {str(k): v for k, v in mine.items() if isinstance(v, str) and len(v) <= 12}


def _change(before: str, after: str, unit: str = "") -> str:
    """``5 → 2``; the unit once: ``3 → 22 %``; one number where nothing changed."""
    if before == after:
        return before
    return f"{before.removesuffix(unit)} → {after}" if unit else f"{before} → {after}"


# -- where it comes from ---------------------------------------------------------------------
def sources(view: View) -> list[Section]:
    """The decomposition of the focus country's welfare, and the sectors that move most."""
    parts = view.tables["decomposition"].set_index("country").loc[view.country]
    rows = [
        (TERMS.get(str(term), str(term)), points(100 * float(parts[term])))
        for term in sorted(
            (t for t in TERMS if t in parts), key=lambda t: -abs(float(parts[t]))
        )
        if abs(float(parts[term])) >= 5e-7
    ]
    logged = float(parts["log_welfare"])
    rows.append(("sum of the parts", points(100 * float(parts["total"]))))
    gap = f"{100 * abs(float(parts['gap'])):.0e}"
    change = percent(math.expm1(logged))
    name = view.prose(view.country)
    return [
        Section(
            "decomposition",
            f"Where the change for {name} comes from",
            tables=(Table(("Part", "Points"), "lr", tuple(rows), sums=1),),
            notes=(
                f"Points of 100·ln Ŵ, which the parts meet to within {gap}; it is {change}.",
            ),
        ),
        _sectors(view, name),
    ]


def _sectors(view: View, name: str, most: int = 3) -> Section:
    table = view.tables["sectors"]
    mine = table[table["country"] == view.country].set_index("sector")
    change = (mine["output_new"] - mine["output"]).rename("change")
    grow = change[change >= 0.005].nlargest(most)
    shrink = change[change <= -0.005].nsmallest(most).iloc[::-1]
    rows = [
        (
            view.sector(str(code), 34),
            _change(million(mine.at[code, "output"]), million(mine.at[code, "output_new"])),
            million(value, plus=True),
            percent(float(mine.at[code, "volume"])) if mine.at[code, "output"] > 0 else "new",
        )
        for code, value in pd.concat([grow, shrink]).items()
    ]
    headers = ("Sector", "Output before → after", "Change", "Volume")
    return Section(
        "sectors",
        f"Sectors of {name} that grow and shrink most",
        paragraphs=() if rows else ("No sector's output changes.",),
        tables=(Table(headers, "lrrr", tuple(rows)),) if rows else (),
        notes=("Million USD of output; volume: real output.",) if rows else (),
    )


# -- how far to trust it -----------------------------------------------------------------------
def trust(view: View) -> Section:
    """Sensitivity, what is provisional or assumed, and what the model leaves out."""
    table = view.sensitivity
    shown = [] if view.no_effect or table.empty else [_sensitivity(view, table)]
    return Section("trust", "How far to trust it", tables=tuple(shown), notes=caveats(view))


def _sensitivity(view: View, table: pd.DataFrame) -> Table:
    rows = []
    for label, row in table.iterrows():
        text = _VARIANTS.get(str(label), str(label).replace(f"{view.country}'s ", ""))
        if pd.isna(row.get("welfare")):
            rows.append((text, "no solution", "", "", ""))
            continue
        rows.append(
            (
                text,
                percent(float(row["welfare"])),
                percent(float(row["own_earnings"])),
                million(float(row["trade_new"])),
                str(row["partners"]).replace("%", ""),
            )
        )
    headers = (f"{view.country}, if", "Consumed", "Earned", "Trade", "Largest partners, %")
    return Table(headers, "lrrrl", tuple(rows))


#: Shorter names of the sensitivity table's rows.
_VARIANTS: Mapping[str, str] = {
    "no deficits, before or after": "no deficits at all",
    "deficits end with the change": "deficits end as a shock",
}


def caveats(view: View) -> tuple[str, ...]:
    """What an answer rests on, one statement each."""
    found = []
    if view.provenance.get("provisional"):
        found.append(
            "PROVISIONAL: what opened links would carry (dormant shares ψ) is a first guess "
            "from observed sourcing and distance, not an estimate."
        )
    flags = [str(b.get("flag", "")) for b in view.blocks]
    if flags:
        told = ", ".join(f"{flags.count(f)} {f}" for f in ("observed", "derived", "assumed"))
        name = view.provenance["world"]["name"]
        found.append(
            f"Of the world's {plural(len(flags), 'block')} of data: {told} "
            f"(see: detente world info {name})."
        )
    return (*found, LIMITS)


def certificate(view: View) -> list[str]:
    """Certificate, hashes and version: the foot of every report."""
    c, world = view.provenance["certificate"], view.provenance["world"]
    state = "solved" if c["converged"] else "NOT solved"
    hashes: Sequence[str] = (
        f"world {world['name']} {str(world['hash'])[:12]}",
        f"scenario {str(view.provenance['scenario'].get('hash', ''))[:12] or 'none'}",
        f"detente {view.provenance['version']}",
    )
    rule = view.provenance["settings"]["deficit_rule"]
    one = view.provenance["settings"].get("proportional_to")
    return [
        f"{capital(state)}: largest residual {c['residual']:.1e} of {c['tolerance']:.0e} allowed"
        f" ({c['country']}, {c['sector']}),",
        f"{c['iterations']} iterations, {1e3 * c['seconds']:.0f} ms; deficit rule {rule}"
        f"{f' to {one}' if one else ''}.",
        f"{' · '.join(hashes)}",
    ]
