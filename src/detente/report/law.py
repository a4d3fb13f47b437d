"""What stays closed and by whom, and what quantity caps hold back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from detente.report.numbers import listed, million, percent, plural, share, usd
from detente.report.parts import Section, Table
from detente.report.view import View

#: A mark-up below this is a cap that binds nobody noticeably.
_BINDS = 5e-4


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
            "Million USD a year: what the pair traded before the bans, or what gravity makes "
            "of it where nobody knows, at baseline spending. A line is open only when every "
            "regime that names it has lifted it; provisions: --table closed."
        )
    notes += [_cap(view, row) for row in binding.to_dict("records")]
    return [
        Section("closed", "What stays closed, and by whom", (), tuple(tables), tuple(notes))
    ]


def _pairs(view: View, closed: pd.DataFrame, most: int) -> Table:
    """A row for each pair, with the regimes that close one per cent of it or more."""
    groups: list[Any] = list(closed.groupby(["exporter", "importer"], sort=False))
    rows = [
        (
            f"{view.label(str(exporter), 17)} → {view.label(str(importer), 17)}",
            million(float(part["potential"].iloc[0])),
            share(float(part["closed"].iloc[0])),
            ", ".join(_regimes(part)),
        )
        for (exporter, importer), part in groups[:most]
    ]
    rest = pd.DataFrame([part.iloc[0] for _, part in groups[most:]])
    if len(rest):
        whole, value = float(rest["potential"].sum()), float(rest["closed_value"].sum())
        pairs = plural(len(rest), "other pair")
        rows.append((pairs, million(whole), share(value / whole), ""))
    headers = ("From → to", "Million USD", "Closed", "By")
    return Table(headers, "lrrl", tuple(rows), sums=1 if len(rest) else 0)


def _regimes(part: pd.DataFrame, least: float = 0.01) -> list[str]:
    named = part.loc[part["closed_by"] >= least, "regime"].tolist()
    return [str(name) for name in named or part["regime"].iloc[:1]]


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
