"""Openings under other choices: the table of docs/openings.md, "Other choices".

    python -m tools.openings_choices PANEL

PANEL is the Advanced Guide's, agtpa_applications. Takes about a minute.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd

from detente.gravity.panel import panel
from detente.openings.histories import after, for_curve, histories
from detente.openings.measure import Measured, measure
from detente.openings.predicted import realised
from detente.openings.record import Record, load_record
from detente.openings.rule import find, placebo

YEARS = (1, 5, 10, 15)
LARGE = 500.0


def medians(name: str, table: pd.DataFrame) -> str:
    """A row: how many pairs, and the median share after some years, percent."""
    cells = [table[f"share_{k}"].dropna() for k in YEARS]
    shown = [f"{100 * v.median():.0f} ({len(v)})" if len(v) else "" for v in cells]
    return f"| {name} | {len(table)} | {' | '.join(shown)} |"


def links_of(found: Measured, record: Record) -> pd.DataFrame:
    """The links that the curve is fitted to."""
    rows = for_curve(found.histories, record)
    return found.links.merge(
        rows[["a", "b", "event"]].drop_duplicates(), on=["a", "b", "event"]
    )


def large(table: pd.DataFrame, potential: pd.Series) -> pd.DataFrame:
    """Those whose potential, domestic sales in, is half a billion or more."""
    keys = pd.MultiIndex.from_frame(table[["a", "b"]])
    return table[keys.isin(potential[potential >= LARGE].index)]


def beside_placebo(openings: pd.DataFrame, others: pd.DataFrame) -> list[str]:
    """By which factor an event raises the share over pairs as low and as large, no picks."""
    lines = []
    for k in (5, 10, 15):
        columns = ["potential", "before", f"share_{k}"]
        both = [openings[~openings["picked"]][columns].assign(event=1.0)]
        both.append(others[columns].assign(event=0.0))
        rows = pd.concat(both).dropna()
        log = {c: np.log(rows[c].clip(lower=0.002)) for c in columns}
        X = np.column_stack(
            [np.ones(len(rows)), rows["event"], log["potential"], log["before"]]
        )
        y = log[columns[2]].to_numpy()
        beta, *_ = np.linalg.lstsq(X, y, rcond=None)
        gap = y - X @ beta
        spread = np.linalg.inv(X.T @ X) * (gap @ gap) / (len(y) - X.shape[1])
        error = float(np.sqrt(spread[1, 1]))
        ends = np.exp(beta[1] + np.array([-1.64, 1.64]) * error)
        lines.append(f"{k} years: × {np.exp(beta[1]):.2f} ({ends[0]:.2f} to {ends[1]:.2f})")
    return lines


def main(file: str) -> None:
    """Print the table."""
    record, flows = load_record(), panel(file)
    found = measure(file, record)
    links = links_of(found, record)
    base = after(histories(found.shares, links, record))
    size = base.set_index(["a", "b"])["potential"]
    events = {e.name: e for e in record.events}
    print(medians("as above", base))
    print(
        medians(
            "large (half a billion or more, mean of the years after)",
            base[base["potential"] >= LARGE],
        )
    )
    own = zip(links["event"], links["year0"], strict=True)
    dated = links.assign(year0=[events[e].earlier or year for e, year in own])
    early = after(histories(found.shares, dated))
    print(medians("picked", base[base["picked"]]))
    print(medians("picked, from when trade was let be", early[early["picked"]]))
    bloc = base["group"] == "soviet-bloc"
    print(medians("without the Soviet bloc", base[~bloc]))
    print(medians("large, without it", base[~bloc & (base["potential"] >= LARGE)]))
    table = flows.table
    abroad = replace(flows, table=table[table["exporter"] != table["importer"]])
    shares = realised(abroad, found.shares.left_out)
    other = after(histories(shares, links, record))
    print(medians("against foreign trade alone", other))
    print(medians("large, likewise", large(other, size)))
    control = placebo(found.shares, record)
    print(medians("as low, no event, likewise", after(histories(shares, control))))
    for line in beside_placebo(base, after(histories(found.shares, control))):
        print(line)
    for closed, k, least in ((0.05, 3, 20), (0.2, 3, 20), (0.1, 2, 20), (0.1, 3, 100)):
        other_rule = find(found.shares, record, closed=closed, k=k, least=least)
        chosen = other_rule[other_rule["by_rule"]]
        table = after(histories(found.shares, chosen))
        print(medians(f"rule: {closed:g}, {k} years, {least:g}", table))


if __name__ == "__main__":
    main(sys.argv[1])
