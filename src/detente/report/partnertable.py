"""The partners of the country in focus, before and after, and what their trade rests on."""

from __future__ import annotations

import pandas as pd

from detente.report.numbers import million, share
from detente.report.parts import Section, Table
from detente.report.view import View


def partners(view: View, most: int = 8) -> Section:
    """The partners of the country in focus, before and after."""
    table = view.partners
    traded = table[(table["total"] > 0) | (table["total_new"] > 0)]
    kinds = link_kinds(view)
    shown = traded.head(most)
    if not any(kinds.get(str(code)) for code in shown.index):
        kinds = {}  # an empty column would take the names' room
    large = float(shown[["total", "total_new"]].to_numpy().max(initial=0.0)) >= _LARGE
    unit, scale = ("billion", 1e-3) if large else ("million", 1.0)

    def amounts(row: pd.Series, key: str) -> str:
        return change(million(scale * row[key]), million(scale * row[f"{key}_new"]))

    rows = [
        (
            view.label(str(code), 20 if kinds else 22),
            change(rank(r), rank(r, "_new")),
            amounts(r, "exports"),
            amounts(r, "imports"),
            change(share(r["share"]), share(r["share_new"]), unit=" %"),
            *([kinds.get(str(code), "")] if kinds else []),
        )
        for code, r in shown.iterrows()
    ]
    total = table.sum(numeric_only=True)
    sums = [amounts(total, key) for key in ("exports", "imports")]
    rows.append(("All partners", "", *sums, "", *([""] if kinds else [])))
    headers = ("Partner", "Rank", "Exports to", "Imports from", "Share")
    return Section(
        "partners",
        f"Trade partners of {view.prose(view.country)}, {unit} USD a year, before → after",
        tables=(
            Table(
                (*headers, "Basis") if kinds else headers,
                "lrrrrl" if kinds else "lrrrr",
                tuple(rows),
                sums=1,
            ),
        ),
        notes=(_BASIS + (_ADDED if "added" in kinds.values() else ""),) if kinds else (),
    )


#: Trade with one partner, million USD, from which on a table is in billions.
_LARGE = 1e5
_ADDED = " Added = by a measure: a pipeline, a zone, tied aid."
_BASIS = (
    "Basis of most of the trade after: observed = traded now; before = traded before the ban, "
    "its sector split and small partners partly assumed; never = no trade on record: gravity."
)


def rank(row: pd.Series, mark: str = "") -> str:
    """A partner's rank; a dash where it trades nothing."""
    return str(row[f"rank{mark}"]) if row[f"total{mark}"] > 0 else "–"


def link_kinds(view: View) -> dict[str, str]:
    """What most of the trade after the change rests on, by partner.

    ``meta["link_kind"]`` lists, by exporter, importer and sectors, whether a link is
    observed, was observed before a ban, or never.
    """
    given = view.meta.get("link_kind", [])
    kinds = {
        (entry["exporter"], entry["importer"], sector): str(entry["kind"])
        for entry in (given if isinstance(given, list | tuple) else [])
        for sector in entry["sectors"]
    }
    trade, one = view.tables["trade"], view.country
    sums: dict[str, dict[str, float]] = {}
    mine = trade[(trade["exporter"] == one) | (trade["importer"] == one)]
    for row in mine.to_dict("records"):
        kind = kinds.get((row["exporter"], row["importer"], row["sector"]))
        partner = str(row["importer"] if row["exporter"] == one else row["exporter"])
        if kind is not None:
            by_kind = sums.setdefault(partner, {})
            by_kind[kind] = by_kind.get(kind, 0.0) + float(row["flow_new"])
    for row in view.notes.get("added", ()):
        if view.country in (row["exporter"], row["importer"]):
            other = row["importer"] if row["exporter"] == view.country else row["exporter"]
            by_kind = sums.setdefault(other, {})
            by_kind["added"] = by_kind.get("added", 0.0) + float(row["extra"])
            largest = max(
                (k for k in by_kind if k != "added"), key=by_kind.__getitem__, default=""
            )
            if largest:  # what is added is in the trade that is told apart by kind
                by_kind[largest] -= float(row["extra"])
    return {p: max(by, key=lambda k: by[k]) for p, by in sums.items()}


def change(before: str, after: str, unit: str = "") -> str:
    """``5 → 2``; the unit once: ``3 → 22 %``; one number where nothing changed."""
    if before == after:
        return before
    return f"{before.removesuffix(unit)} → {after}" if unit else f"{before} → {after}"
