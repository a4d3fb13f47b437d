"""A panel of one's own for ``detente openings``: read, and refused where it would mislead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from detente.errors import InputError, Place
from detente.report.numbers import plural

if TYPE_CHECKING:
    from detente.gravity.panel import Panel

#: Fewer countries than this have no gravity to estimate.
_FEWEST = 4
#: Countries that a message names.
_NAMED = 6
_NEXT = (
    "Every year is estimated by itself, without the record's pairs: it needs trade among "
    "several other countries. Take a larger panel, or leave such years out."
)


def read(file: Path, columns: Mapping[str, str] | None = None, *, zeros: bool = False) -> Panel:
    """A panel that openings can be measured on.

    Parameters
    ----------
    file : Path
        csv (plain, gz, zip) or parquet; columns are found by their names.
    columns : mapping of str to str, optional
        Role → column.
    zeros : bool
        Pairs that are not listed trade nothing.

    Returns
    -------
    Panel
        Its ``notes`` say what of the file is not used.

    Raises
    ------
    InputError
        No years or one, too few countries, a year without trade across a border, a country
        without domestic sales, no distance: with the next step.
    """
    from detente.openings.predicted import read_panel

    flows = read_panel(file, columns=columns, fill=zeros)
    place, table = Place(str(file)), flows.table
    years = sorted(int(y) for y in table["year"].unique())
    if len(years) < 2:
        raise InputError(
            f"it has one year, {years[0]}: shares count years from an event, so give a panel "
            "of several.",
            place,
        )
    if "distance" not in table and "ln_distance" not in table:
        raise InputError(
            "it has no distance, which gravity's expectation needs: add a column 'distance', "
            "or name it, with --column distance=NAME.",
            place,
        )
    _require_trade(table, years, place)
    _require_domestic(table, place)
    return replace(flows, notes=(*flows.notes, *_incomplete(flows, place)))


@contextmanager
def estimable(file: Path) -> Iterator[None]:
    """A year that has no estimate is an error of this file, with what to do."""
    from detente.gravity.ppml import EstimationError

    try:
        yield
    except EstimationError as error:
        what = str(error).rstrip(".")
        raise InputError(
            f"gravity cannot be estimated on it: {what}. {_NEXT}", Place(str(file))
        ) from None


def _require_trade(table: pd.DataFrame, years: Sequence[int], place: Place) -> None:
    countries = {*table["exporter"], *table["importer"]}
    if len(countries) < _FEWEST:
        what = f"it has {len(countries)} countries, too few for gravity. {_NEXT}"
        raise InputError(what, place)
    abroad = table[(table["exporter"] != table["importer"]) & (table["trade"] > 0)]
    empty = sorted(set(years) - {int(y) for y in abroad["year"].unique()})
    if empty:
        raise InputError(f"nothing crosses a border in {spans(empty)}. {_NEXT}", place)


def _require_domestic(table: pd.DataFrame, place: Place) -> None:
    """Every country that trades in a year has sales at home that year."""
    trading = table[table["trade"] > 0]
    own = trading["exporter"] == trading["importer"]
    home = set(zip(trading.loc[own, "exporter"], trading.loc[own, "year"], strict=True))
    if not home:
        raise InputError(
            "it has no domestic sales (exporter and importer the same), without which gravity "
            "cannot tell a border from distance: take a panel that has them (ITPD-E, agtpa), "
            "or add output less exports.",
            place,
        )
    lacking: dict[str, set[int]] = {}
    for side in ("exporter", "importer"):
        ends = trading.loc[~own, [side, "year"]].drop_duplicates()
        for country, year in ends.itertuples(index=False, name=None):
            if (country, year) not in home:
                lacking.setdefault(str(country), set()).add(int(year))
    if not lacking:
        return
    told = [f"{c} in {spans(sorted(years))}" for c, years in sorted(lacking.items())]
    more = f"; and {len(told) - _NAMED} more countries" if len(told) > _NAMED else ""
    raise InputError(
        "there are no domestic sales (exporter and importer the same) of "
        f"{'; '.join(told[:_NAMED])}{more}. What gravity expects of them would be "
        "wrong: add their output less exports, or leave their rows out.",
        place,
    )


def _incomplete(flows: Panel, place: Place) -> list[str]:
    """Rows that lack a term of the formula: how many, and the first.

    Raises
    ------
    InputError
        No row between two countries has the term.
    """
    from detente.gravity.estimate import PAIR_TERMS

    found = []
    table = flows.table
    abroad = (table["exporter"] != table["importer"]).to_numpy()
    given = ("distance",) if "distance" in table else ()
    for term in (*given, *PAIR_TERMS):
        if term not in table or (term == "ln_distance" and given):
            continue
        missing = np.isnan(flows.numbers(term))
        if missing[abroad].all():
            raise InputError(f"no row between two countries has a {term}.", place)
        if missing.any():
            first = table.iloc[int(np.argmax(missing))]
            found.append(
                f"{plural(int(missing.sum()), 'row')} without {term} (the first: "
                f"{first['exporter']} to {first['importer']}, {first['year']}) left out of the "
                "estimate, and nothing is expected of them"
            )
    return found


def spans(years: Sequence[int]) -> str:
    """Years in order as ``1986–1990, 1995``."""
    found: list[list[int]] = []
    for year in years:
        if found and year == found[-1][-1] + 1:
            found[-1].append(year)
        else:
            found.append([year])
    return ", ".join(f"{r[0]}" if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in found)
