"""What stays closed and by whom, and what quantity caps hold back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from detente.report.numbers import listed, million, percent, plural, share, usd
from detente.report.parts import Section, Table
from detente.report.view import View

#: A mark-up below this is a cap that does not bind.
_BINDS = 1e-6


def still_closed(view: View, most: int = 8) -> list[Section]:
    """The pairs that some regime still closes, and the caps that bind; [] where neither is."""
    closed, caps = view.tables.get("closed"), view.tables.get("caps")
    binding = pd.DataFrame() if caps is None else caps[caps["markup"] > _BINDS]
    if (closed is None or closed.empty) and binding.empty:
        return []
    tables, notes = [], []
    if closed is not None and not closed.empty:
        tables.append(_pairs(view, closed, most))
        notes.append(
            "Before the bans, at baseline spending. A line is open only when every regime that "
            "names it has lifted it; provisions: --table closed."
        )
    notes += [_cap(view, row) for row in binding.to_dict("records")]
    return [
        Section("closed", "What stays closed, and by whom", (), tuple(tables), tuple(notes))
    ]


def _pairs(view: View, closed: pd.DataFrame, most: int) -> Table:
    rows = [
        (
            f"{view.label(row['exporter'], 17)} → {view.label(row['importer'], 17)}",
            million(row["trade_before"]),
            share(row["closed"]),
            _names(row["regimes"]),
        )
        for row in closed.head(most).to_dict("records")
    ]
    rest = closed.iloc[most:]
    if len(rest):
        before, value = float(rest["trade_before"].sum()), float(rest["closed_value"].sum())
        pairs = plural(len(rest), "other pair")
        rows.append((pairs, million(before), share(value / before), ""))
    headers = ("From → to", "Before, mn USD", "Closed", "By")
    return Table(headers, "lrrl", tuple(rows), sums=1 if len(rest) else 0)


def _names(regimes: str, least: float = 1.0) -> str:
    """Regimes that close one per cent of a pair's trade or more; else the largest."""
    parts = [part.split(":")[0].split(" ") for part in regimes.split("; ") if part]
    named = [name for name, percent_, *_ in parts if float(percent_) >= least]
    return ", ".join(named or [parts[0][0]])


def _cap(view: View, row: Mapping[Any, Any]) -> str:
    """One cap in a sentence."""
    sector = view.sector_names[str(row["sector"])]
    sellers, buyers = (
        listed([view.prose(c) for c in str(row[key]).split(", ")])
        for key in ("exporters", "importers")
    )
    owner = str(row["owner"])
    whose = {"importer": "the importer", "exporter": "the exporter", "burnt": "nobody"}
    return (
        f"The cap on {sector} from {sellers} to {buyers} binds: USD "
        f"{million(float(row['quantity']))} million at baseline prices; scarcity puts "
        f"{percent(float(row['markup']))} on the price, a rent of "
        f"{usd(float(row['rent']))} that goes to {whose.get(owner, owner)}."
    )
