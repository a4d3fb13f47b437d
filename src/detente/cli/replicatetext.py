"""Replications on a terminal: published, computed and difference side by side, 80 columns."""

from __future__ import annotations

from rich.text import Text

from detente.cli.render import console, print_frame, print_lines, rich_table
from detente.replicate import Comparison, Replicated, Replication
from detente.replicate.common import figures
from detente.report.numbers import MINUS, percent_size
from detente.report.sections import Table

#: The figures of the NAFTA counterfactual, as its headers say them.
_FIGURES = {
    "tot": "terms",
    "vot": "volume",
    "welfare": "welfare",
    "realwage": "real wage",
    "real_income_exact": "exact",
}


def print_replication(found: Replicated) -> None:
    """Every table of a replication, then its verdict and what explains the differences."""
    print_lines([found.citation])
    if isinstance(found, Replication):
        _nafta_tables(found)
    elif isinstance(found, Comparison):
        _tables(found)
    else:
        for name, frame in found.frames.items():
            _heading(name)
            print_frame(frame)
    print_lines(["", *found.text.splitlines()])
    if isinstance(found, Replication):
        moved = (
            f"Re-basing moves {percent_size(found.rebased_balanced)} of expenditure with zero "
            f"deficits, {percent_size(found.rebased_observed)} with the observed ones."
        )
        print_lines([moved])
    print_lines(found.facts.get("certificates", ()))


def _tables(found: Comparison) -> None:
    for table in found.tables:
        _heading(table.title)
        if table.shown is None:
            print_frame(table.frame)
        elif not table.shown.headers:
            continue
        else:
            align = "l" + "r" * (len(table.shown.headers) - 1)
            console().print(rich_table(Table(table.shown.headers, align, table.shown.rows)))


def _nafta_tables(found: Replication) -> None:
    """Caliendo & Parro's regions, in blocks that fit."""
    for title, keys, exact in (
        ("Zero deficits, percent; exact: real income", ("welfare", "realwage"), True),
        ("Terms of trade and volume of trade, percent", ("tot", "vot"), False),
    ):
        headers = [h for f in keys for h in (_FIGURES[f], "computed", "diff.")]
        columns = [f"{f}_{p}" for f in keys for p in ("published", "computed", "difference")]
        if exact:
            headers, columns = [*headers, "exact"], [*columns, "real_income_exact"]
        rows = tuple(
            (str(region), *(_difference(v, c) for c, v in row[columns].items()))
            for region, row in found.table.iterrows()
        )
        _heading(title)
        console().print(rich_table(Table(("Region", *headers), "l" + "r" * len(headers), rows)))
    rows = tuple(
        (str(region), *figures(row, 4)) for region, row in found.observed_deficits.iterrows()
    )
    headers = [_FIGURES.get(str(c), str(c)) for c in found.observed_deficits.columns]
    _heading("Observed deficits, percent (no published counterpart)")
    console().print(rich_table(Table(("Region", *headers), "l" + "r" * len(headers), rows)))
    _heading("Figures printed in the paper")
    print_frame(found.printed)


def _heading(title: str) -> None:
    out = console()
    out.print()
    out.print(Text(title, style="bold"))


def _difference(value: float, column: object) -> str:
    text = f"{value:.0e}" if str(column).endswith("difference") else f"{value:.4f}"
    return text.replace("-", MINUS, 1) if value < 0 else text
