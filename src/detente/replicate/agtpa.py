"""The Advanced Guide to Trade Policy Analysis (2016): coefficients and general equilibrium."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from detente.gravity.replication import agtpa as _replicated
from detente.replicate.common import (
    ComparedTable,
    Comparison,
    Shown,
    existing_folder,
    figures,
    shown,
)


def agtpa(folder: str | Path) -> Comparison:
    """Chapters 1 and 2 of the Guide on its own data (:mod:`detente.gravity.replication`).

    Parameters
    ----------
    folder : str or Path
        With ``agtpa_applications.csv`` or ``.csv.gz``.

    Raises
    ------
    InputError
        The folder or the file is not there, or lacks a column.
    """
    found = _replicated(existing_folder(folder, "agtpa_applications.csv.gz"))
    verdict, *notes = found.text.splitlines()
    frames = found.frames
    titles = {
        "coefficients": "Regressions (lines compared, as printed)",
        "largest_differences": "General equilibrium: largest differences, percentage points",
        "selection": "Borders gone, 2006, percent: printed, same steps, settled, solved",
    }
    text = {
        "coefficients": _regressions(found.coefficients),
        "largest_differences": _largest(found.summary),
        "selection": _selection(found.selection),
    }
    tables = tuple(
        ComparedTable(
            name,
            titles.get(name, f"{name.capitalize()}: {len(frame):,} rows, with -o DIR"),
            frame,
            text.get(name, Shown((), ())),
        )
        for name, frame in frames.items()
    )
    return Comparison(
        found.name, found.citation, tables, verdict, found.agrees, tuple(notes), found.facts
    )


def _regressions(table: pd.DataFrame) -> Shown:
    grouped = table.groupby("table", sort=False)["agrees"].agg(["size", "sum"])
    return shown(
        ("Regression", [str(name) for name in grouped.index]),
        ("compared", [str(n) for n in grouped["size"]]),
        ("as printed", [str(int(n)) for n in grouped["sum"]]),
    )


def _largest(table: pd.DataFrame) -> Shown:
    return shown(
        ("Application, figure", [f"{r.application}, {r.figure}" for r in table.itertuples()]),
        ("countries", [str(n) for n in table["countries"]]),
        ("same steps", [f"{x:.0e}" for x in table["largest"]]),
        ("solved: median", figures(table["solved_median"], 2)),
        ("largest", figures(table["solved_largest"], 2)),
    )


def _selection(table: pd.DataFrame) -> Shown:
    columns = [("Country", table["country"].tolist())]
    for figure, label in (("exports", "exports"), ("real_gdp", "GDP")):
        for kind in ("printed", "computed", "settled", "solved"):
            head = {"printed": label, "computed": "same"}.get(kind, kind)
            decimals = 1 if figure == "exports" else 2
            columns.append((head, figures(table[f"{figure}_{kind}"], decimals)))
    return shown(*columns)
