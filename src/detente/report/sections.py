"""The parts of a report, as text and cells: the terminal, Markdown and HTML print the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from detente.outcomes.sensitivity import NORMAL_BORDER
from detente.outcomes.yearson import YEARS_ON, years_on
from detente.report.answer import answer
from detente.report.law import still_closed
from detente.report.numbers import (
    NO_MONEY,
    TINY,
    capital,
    listed,
    million,
    percent,
    percent_size,
    plural,
    points,
    usd,
)
from detente.report.partnertable import change, partners
from detente.report.parts import Section, Table
from detente.report.view import View, row_of

__all__ = ["TERMS", "Section", "Table", "certificate", "head", "remarks", "sections"]

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
    "A static comparison of two equilibria: no investment or migration, full employment; the "
    "years between: detente path. It says what would follow, not what will happen."
)


def sections(view: View) -> list[Section]:
    """Every section of a report, in the order in which it is read."""
    found = [Section("answer", "The answer", tuple(answer(view)))]
    if view.no_effect and not view.asked:
        return [*found, *view.more, trust(view)]
    told = [gainers(view), partners(view), sources(view)]
    return [*found, *told, *still_closed(view), *view.more, trust(view)]


# -- the head --------------------------------------------------------------------------------
def first_sentence(text: str) -> str:
    """The first sentence of a description."""
    return text.split(". ", maxsplit=1)[0].rstrip(".") + "." if text.strip() else ""


#: Openness anchors in words.
_ANCHORS = {"as_before": "as before the bans", "normal": "to a normal border"}


def head(view: View) -> list[tuple[str, str]]:
    """World, state and measures: label and text of each line."""
    notes, settings = view.notes, view.provenance["settings"]
    day, one = notes.get("at"), settings.get("proportional_to")
    state = "as the measures stand, without dates"
    if day:
        end = notes.get("end_of_scenario")
        state = f"{day}, {'after its last date' if end else 'as asked'}"
    rule = settings["deficit_rule"].replace("_", " ")
    psi = notes.get("dormant_share", {}).get("psi_scale", 1.0)
    held = " in units of world income" if rule == "fixed" else ""
    state += f"; deficits: {rule}{f' to {one}' if one else ''}{held}{_given(view)}"
    state += f"; ψ × {psi:g}" if psi != 1.0 else ""
    anchor = notes.get("dormant_share", {}).get("anchor")
    own = notes.get("dormant_share", {}).get("by_measure")
    told = "as the measures say" if own else _ANCHORS.get(anchor, anchor)
    state += f"; what opens: {told}" if anchor else ""
    rows = [("World", view.world_line), *_baseline(view), ("State", state)]
    rows.append(("θ", _elasticities(view)))
    for name in ("active", "snapped back", "not yet"):
        for measure in (m for m in view.measures if m["status"] == name):
            rows.append((_STATUS[name], _measure(measure)))
    told = (text for text in remarks(view) if not any(t in text for t in _QUIET))
    return rows + [("Note", text) for text in told]


#: Remarks that summary.md and run.json have, and a first screen does not need.
_QUIET = ("have no dormant share above",)


def _given(view: View) -> str:
    """Deficits that the scenario gives, as it writes them."""
    rule = view.scenario.get("deficit_rule")
    given = rule.get("path") if isinstance(rule, Mapping) else None
    if not isinstance(given, Mapping):
        return ""
    deficit = view.welfare["deficit"]
    told = (f"{c} {v} ({million(float(deficit[c]))} before)" for c, v in given.items())
    return f", {', '.join(told)}"


def _baseline(view: View) -> list[tuple[str, str]]:
    """What re-basing moved, and whose factor income most; nothing without re-basing."""
    if view.rebased.empty:
        return []
    balanced = view.provenance["settings"]["deficit_rule"] == "balanced"
    moved = percent_size(view.provenance["world"]["rebase_moved"])
    text = f"re-based to {'zero deficits' if balanced else 'an equilibrium'}: moves {moved} "
    wage = view.rebased["wage"]
    most = str(wage.abs().idxmax())
    if abs(wage[most]) < TINY:
        return [("Baseline", f"{text}of expenditure")]
    whose = f"factor income of {view.prose(most)} {percent(float(wage[most]))}"
    return [("Baseline", f"{text}of expenditure; most: {whose}")]


def _elasticities(view: View) -> str:
    """The trade elasticities in one line: range, and who says so."""
    theta = view.provenance["settings"]["trade_elasticity"]
    low, high = min(theta.values()), max(theta.values())
    span = f"{low:.3g}–{high:.3g} by sector" if low < high else f"{low:.3g} in every sector"
    text = f"trade elasticities {span}"
    blocks = (b for b in view.blocks if "elasticit" in str(b["name"]))
    facts = next(([b.get("source"), b.get("what")] for b in blocks), [])
    source = "; ".join(str(fact) for fact in facts if fact)
    assumed = view.scenario.get("trade_elasticity")
    if isinstance(assumed, Mapping) and len(assumed) < len(theta):
        text += f", {len(assumed)} of them assumed by the scenario"
    elif assumed is not None:
        return f"{text}, assumed by the scenario"
    return f"{text} ({source})" if source else text


def remarks(view: View) -> list[str]:
    """What measures remark on; the same remark with other counts is said once."""
    counts: dict[str, list[str]] = {}
    for measure in view.measures:
        for remark in measure["remarks"]:
            count, of, text = remark.partition(" of these links ")
            counts.setdefault(text if of else remark, []).append(
                f"{count} ({measure['label']})" if of else ""
            )
    return [
        f"of these links, {listed(of)} {text}" if of[0] else text for text, of in counts.items()
    ]


_STATUS = {"active": "In force", "snapped back": "Expired", "not yet": "Not yet"}


def _measure(measure: Mapping[str, Any]) -> str:
    """``unban unsc from 2020-01-01: 19 sectors, 40 pairs (380 links)``."""
    on, until = measure.get("on"), measure.get("until")
    when = (f" from {on}" if on else "") + (f" to {until}" if until else "")
    touched = f": {measure['touched']}" if measure.get("touched") else ""
    return f"{measure['label']}{when}{touched}"


# -- who gains and loses -----------------------------------------------------------------------
def gainers(view: View, most: int = 6) -> Section:
    """Countries by the size of their gain or loss in USD; the rest in one row."""
    table = view.welfare
    money = {str(c): float(v) for c, v in table["equivalent_variation"].items()}
    order = sorted(money, key=lambda c: -abs(money[c]))
    first = [view.country, *(c for c in order if c != view.country)][:most]
    losers = [c for c in order if money[c] < 0 and c not in first][:2]
    first += losers if not any(money[c] < 0 for c in first) else []
    rest = table.drop(index=first)
    if len(rest) == 1:  # a row for one other country may as well name it
        first, rest = [*first, str(rest.index[0])], rest.iloc[:0]
    shown = sorted(first, key=lambda c: -float(money[c]))
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
            *_duties(view, first),
        ),
    )


def _duties(view: View, countries: list[str]) -> list[str]:
    """Countries whose gain is tariff revenue for more than a quarter."""
    change = view.tables["tariff_revenue"].set_index("country")["change"]
    gain = view.welfare["equivalent_variation"]
    much = [c for c in countries if change[c] > 0.25 * gain[c] > 0.25 * NO_MONEY]
    told = [f"{view.prose(c)} {usd(float(change[c]))}" for c in much]
    return [f"Of the gains, new tariff revenue is: {listed(told)}."] if told else []


def _welfare_row(label: str, rows: pd.DataFrame) -> tuple[str, ...]:
    money = float(rows["equivalent_variation"].sum())
    own, wage = "", ""
    if len(rows) == 1:
        own, wage = (percent(float(rows[c].iloc[0])) for c in ("own_earnings", "real_wage"))
    income = float(rows["income"].sum())
    return (label, percent(money / income), own, wage, million(money, plus=True))


# -- where it comes from ---------------------------------------------------------------------
def sources(view: View) -> Section:
    """The decomposition of the focus country's welfare, and the sectors that move most."""
    return Section(
        "sources",
        f"Where the change for {view.prose(view.country)} comes from",
        paragraphs=(_decomposition(view),),
        tables=tuple(_sectors(view)),
    )


def _decomposition(view: View) -> str:
    """The parts of 100·ln Ŵ in one sentence, their sum and the gap."""
    parts = row_of(view.tables["decomposition"].set_index("country"), view.country)
    shown = sorted(
        (t for t in TERMS if t in parts and abs(float(parts[t])) >= 5e-7),
        key=lambda t: -abs(float(parts[t])),
    )
    total, gap = 100 * float(parts["total"]), 100 * abs(float(parts["gap"]))
    told = ", ".join(f"{TERMS[t]} {points(100 * float(parts[t]))}" for t in shown)
    change = percent(math.expm1(float(parts["log_welfare"])))
    if not shown:
        return "No part of its welfare changes."
    return (
        f"In points of 100·ln Ŵ: {told}; sum {points(total)} (gap {gap:.0e}), which is "
        f"{change} of welfare."
    )


def _sectors(view: View, most: int = 3) -> list[Table]:
    """The sectors of the country in focus whose output grows and shrinks most."""
    table = view.tables["sectors"]
    mine = table[table["country"] == view.country].to_dict("records")
    moved = sorted(mine, key=lambda r: r["output"] - r["output_new"])
    grow = [r for r in moved if r["output_new"] - r["output"] >= NO_MONEY][:most]
    shrink = [r for r in moved if r["output_new"] - r["output"] <= -NO_MONEY][-most:]
    rows = tuple(
        (
            view.sector(str(r["sector"]), 34),
            change(million(r["output"]), million(r["output_new"])),
            million(r["output_new"] - r["output"], plus=True),
            percent(r["volume"]) if r["output"] > 0 else "new",
        )
        for r in [*grow, *shrink]
    )
    headers = ("Sector", "Output, million USD", "Change", "Volume")
    return [Table(headers, "lrrr", rows)] if rows else []


# -- how far to trust it -----------------------------------------------------------------------
def trust(view: View) -> Section:
    """Sensitivity, what is provisional or assumed, and what the model leaves out."""
    table = view.sensitivity
    if view.no_effect or table.empty:
        return Section("trust", "How far to trust it", notes=caveats(view))
    marked, note = _other_baseline(view, table)
    return Section(
        "trust",
        "How far to trust it",
        tables=(_sensitivity(view, table, marked),),
        notes=(
            *([note] if note else []),
            *_row_notes(table),
            *_implausible(view, table),
            *caveats(view),
        ),
    )


def _other_baseline(view: View, table: pd.DataFrame) -> tuple[frozenset[str], str]:
    """The rows without deficits where their baseline is not that of the others, and a note."""
    rows = list(map(str, table.index))
    marked = frozenset(row for row in rows if row == _NO_DEFICITS)
    if view.provenance["settings"]["deficit_rule"] == "balanced":
        own = (rows[0], NORMAL_BORDER, *map(years_on, YEARS_ON))
        marked = frozenset(row for row in rows if row in own or row[0] in "ψθ")
    inside = table.index.isin(marked)
    before = [_first(table.loc[chosen, "trade"]) for chosen in (inside, ~inside)]
    if not marked or math.isnan(sum(before)) or math.isclose(*before, rel_tol=1e-9):
        return frozenset(), ""
    here, there = map(usd, before)
    return marked, (
        f"† Another baseline, re-based to zero deficits: trade of {view.prose(view.country)} "
        f"before is {here} in it, {there} in the other rows."
    )


def _row_notes(table: pd.DataFrame) -> list[str]:
    """What was taken out of a row's numbers; a row without numbers says so itself."""
    told = table.loc[table["welfare"].notna() & (table["note"] != ""), "note"]
    return [
        f"{_VARIANTS.get(str(row), str(row)).capitalize()}: {n}." for row, n in told.items()
    ]


def _implausible(view: View, table: pd.DataFrame, most: float = 2.0) -> list[str]:
    """Rows in which the country would trade more than twice what it earns."""
    earned = float(row_of(view.welfare, view.country)["income"])
    found = (table["trade_new"] / earned)[lambda times: times > most]
    if found.empty:
        return []
    name = view.prose(view.country)
    if len(found) > 2:
        low, high = found.min(), found.max()
        return [
            f"In {len(found)} rows trade of {name} would be {low:.1f} to {high:.1f} times its "
            "income: read them as bounds."
        ]
    return [
        f"{capital(_where(str(row)))}, trade of {name} would be {x:.1f} times its income: read "
        "that row as a bound."
        for row, x in found.items()
    ]


def _where(row: str) -> str:
    text = _VARIANTS.get(row, row)
    return text if text.startswith("as ") else f"at {text}"


def _first(values: pd.Series) -> float:
    """The first number, NaN where there is none."""
    return float(next(iter(values.dropna()), math.nan))


def _sensitivity(view: View, table: pd.DataFrame, marked: frozenset[str]) -> Table:
    rows = []
    for label, row in table.iterrows():
        text = _VARIANTS.get(str(label), str(label).replace(f"{view.country}'s ", ""))
        text += "†" if label in marked else ""
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
    headers = (f"{view.country}, if", "Consumed", "Earned", "Trade, mn", "Largest partners, %")
    return Table(headers, "lrrrl", tuple(rows))


_NO_DEFICITS = "no deficits, before or after"

#: Shorter names of the sensitivity table's rows.
_VARIANTS: Mapping[str, str] = {
    _NO_DEFICITS: "no deficits at all",
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
    noted = view.notes.get("dormant_share", {})
    as_before = noted.get("anchor") == "as_before" and not noted.get("by_measure")
    if noted.get("used") and as_before:
        found.append(
            "What opened links carry is what they carried before the bans, or what gravity "
            "makes of that for partners never seen. A normal border is the other bound: "
            f"detente partners {view.country}, docs/dormant.md."
        )
    flags = [str(b.get("flag", "")) for b in view.blocks]
    if flags:
        world = view.provenance["world"]
        command = "" if world["file"] else f": detente world info {world['name']}"
        found.append(
            f"{flags.count('assumed')} of the world's {plural(len(flags), 'block')} of data "
            f"are assumed ({flags.count('observed')} observed, {flags.count('derived')} "
            f"derived){command}."
        )
    return (*found, LIMITS)


def certificate(view: View) -> list[str]:
    """Certificate, hashes and version: the foot of every report."""
    c, world = view.provenance["certificate"], view.provenance["world"]
    scenario = str(view.provenance["scenario"].get("hash", ""))[:12]
    hashes = (
        f"world {world['name']} {str(world['hash'])[:12]}",
        f"scenario {scenario or 'none'}",
        f"detente {view.provenance['version']}",
    )
    return [
        f"{'Solved' if c['converged'] else 'NOT solved'}: {c['iterations']} iterations, "
        f"{1e3 * c['seconds']:.0f} ms, largest residual {c['residual']:.1e} of "
        f"{c['tolerance']:.0e} ({c['country']}, {c['sector']}).",
        " · ".join(hashes),
    ]
