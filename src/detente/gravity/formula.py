"""The formula of a regression: ``trade ~ ln_distance + border | exporter^year + importer``.

Left of ``~`` the flow; then terms joined by ``+``; after ``|`` fixed effects joined by ``+``,
``a^b`` being one effect for every combination. A term is a column, ``log(column)``, or a
product ``a:b`` of those; ``i(column)`` stands for a dummy of every value, so that
``i(year):border`` is a border for every year. Without a column of that name, ``ln_distance``
is the log of the distance, ``border`` is 1 between countries and 0 at home, ``domestic`` the
reverse, ``pair`` the unordered pair and ``directed_pair`` the ordered one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, nearest
from detente.gravity.irls import Array, Codes
from detente.gravity.panel import Panel
from detente.sources.checking import counted, listed

_NAME = r"[A-Za-z_][A-Za-z0-9_.]*"
_FACTOR = re.compile(rf"(?:(log|ln|i)\(\s*({_NAME})\s*\)|({_NAME}))")
#: Columns made where a table has none of that name.
DERIVED = ("ln_distance", "border", "domestic", "pair", "directed_pair")


@dataclass(frozen=True)
class Factor:
    """One factor of a term: a column, and ``log`` or ``i`` of it."""

    column: str
    of: str = ""

    def __str__(self) -> str:
        return f"{self.of}({self.column})" if self.of else self.column


@dataclass(frozen=True)
class Formula:
    """A parsed formula.

    Attributes
    ----------
    outcome : str
        Column of the flow.
    terms : tuple of tuple of Factor
        One tuple of factors a term.
    effects : tuple of tuple of str
        One tuple of columns a fixed effect.
    """

    outcome: str
    terms: tuple[tuple[Factor, ...], ...]
    effects: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        left = " + ".join(":".join(map(str, t)) for t in self.terms)
        right = " + ".join("^".join(e) for e in self.effects)
        return f"{self.outcome} ~ {left}" + (f" | {right}" if right else "")


@dataclass(frozen=True)
class Effect:
    """A fixed effect's codes.

    Attributes
    ----------
    columns : tuple of str
    codes : ndarray of int32, shape (rows,)
    levels : DataFrame
        The level of each code, one column for each of ``columns``.
    """

    columns: tuple[str, ...]
    codes: Codes
    levels: pd.DataFrame

    @property
    def name(self) -> str:
        """As in the formula."""
        return "^".join(self.columns)


@dataclass(frozen=True)
class Design:
    """Arrays of a regression, rows without a missing value; m rows.

    Attributes
    ----------
    flow : ndarray, shape (m,)
    terms : mapping of str to ndarray, shape (m,)
    effects : tuple of Effect
    rows : ndarray of int, shape (m,)
        Positions in the panel.
    missing : mapping of str to int
        Rows left out because this term is missing there.
    notes : tuple of str
    """

    flow: Array
    terms: Mapping[str, Array]
    effects: tuple[Effect, ...]
    rows: NDArray[np.intp]
    missing: Mapping[str, int]
    notes: tuple[str, ...]


def parse(text: str) -> Formula:
    """Read a formula.

    Raises
    ------
    InputError
        No ``~``, an empty part, or a term that cannot be read.
    """
    sides = text.split("~")
    if len(sides) != 2 or not sides[0].strip():
        raise InputError(
            f"the formula '{text}' needs one '~': 'trade ~ ln_distance | exporter + importer'."
        )
    parts = sides[1].split("|")
    if len(parts) > 2:
        raise InputError(
            f"the formula '{text}' has more than one '|'; clusters are given by themselves."
        )
    terms = tuple(_term(t, text) for t in _pieces(parts[0], text))
    effects = tuple(
        tuple(_column(c, text) for c in e.split("^"))
        for e in (_pieces(parts[1], text) if len(parts) == 2 else [])
    )
    if len(set(terms)) < len(terms) or len(set(effects)) < len(effects):
        raise InputError(f"the formula '{text}' has a term or an effect twice.")
    return Formula(_column(sides[0], text), terms, effects)


def _pieces(text: str, whole: str) -> list[str]:
    pieces = [p.strip() for p in text.split("+")]
    if not all(pieces):
        raise InputError(f"the formula '{whole}' has an empty place beside a '+', '~' or '|'.")
    return pieces


def _column(text: str, whole: str) -> str:
    if not re.fullmatch(_NAME, text.strip()):
        raise InputError(f"'{text.strip()}' in the formula '{whole}' is no name of a column.")
    return text.strip()


def _term(text: str, whole: str) -> tuple[Factor, ...]:
    factors = []
    for piece in text.split(":"):
        match = _FACTOR.fullmatch(piece.strip())
        if not match:
            raise InputError(
                f"'{text}' in the formula '{whole}' is no term; a term is a column, "
                f"log(column), i(column), or a product a:b of those."
            )
        of = {"ln": "log", None: ""}.get(match[1], match[1])
        factors.append(Factor(match[2] or match[3], of))
    return tuple(factors)


# -- helper columns ----------------------------------------------------------------------
def ln_distance(panel: Panel) -> Array:
    """Log of the distance, NaN where it is missing; shape (rows,).

    Raises
    ------
    InputError
        A distance that is not positive, with its place.
    """
    return _log(panel, "distance")


def border(panel: Panel) -> Array:
    """1 between countries, 0 at home (INTL_BRDR); shape (rows,)."""
    table = panel.table
    found: Array = (table["exporter"] != table["importer"]).to_numpy().astype(float)
    return found


def border_by_year(panel: Panel, base: int | None = None) -> dict[str, Array]:
    """The border of every year but one (the last by default): its fall since then.

    Returns
    -------
    dict of str to ndarray, shape (rows,)
        ``border:year=1986`` and so on.
    """
    years = panel.numbers("year").astype(int)
    levels = sorted(set(years.tolist()))
    base = levels[-1] if base is None else base
    here = border(panel)
    return {f"border:year={y}": here * (years == y) for y in levels if y != base}


def pair_id(panel: Panel, *, directed: bool = False) -> NDArray[np.object_]:
    """``CHN-KOR``, the same both ways, or ``KOR-CHN`` from exporter to importer if directed."""
    first, second = (panel.table[c].to_numpy(dtype=object) for c in ("exporter", "importer"))
    if not directed:
        swap = first > second
        first, second = np.where(swap, second, first), np.where(swap, first, second)
    joined: NDArray[np.object_] = first + "-" + second
    return joined


def _log(panel: Panel, column: str) -> Array:
    values = panel.numbers(column)
    bad = values <= 0
    if bad.any():
        row = int(np.argmax(bad))
        line = panel.table.iloc[row]
        raise InputError(
            f"the {column} of {line['exporter']} and {line['importer']} is {values[row]:g}; "
            f"its log needs more than 0 ({counted(int(bad.sum()), 'row', 'rows')}).",
            panel.place(row, column),
        )
    with np.errstate(invalid="ignore"):
        found: Array = np.log(values)
    return found


# -- from a panel to arrays --------------------------------------------------------------
def design(panel: Panel, formula: Formula) -> Design:
    """Arrays of a formula on a panel; rows with a missing term are left out and listed.

    Raises
    ------
    InputError
        A column that is not there, a cell that is no number, or no row left.
    """
    flow = panel.numbers(formula.outcome)
    terms: dict[str, Array] = {}
    for factors in formula.terms:
        terms |= _values(panel, factors)
    if not terms:
        raise InputError(f"the formula '{formula}' has no term.")
    absent = {name: ~np.isfinite(values) for name, values in terms.items()}
    absent[formula.outcome] = ~np.isfinite(flow)
    kept = ~np.logical_or.reduce(list(absent.values()))
    if not kept.any():
        worst = max(absent, key=lambda name: int(absent[name].sum()))
        raise InputError(f"no row has every term; '{worst}' is missing most often.")
    notes = _missing_notes(panel, absent)
    rows = np.flatnonzero(kept)
    effects = tuple(effect(panel, columns, rows) for columns in formula.effects)
    return Design(
        flow[rows],
        {name: values[rows] for name, values in terms.items()},
        effects,
        rows,
        {n: int(a.sum()) for n, a in absent.items() if a.any()},
        notes,
    )


def _missing_notes(panel: Panel, absent: Mapping[str, NDArray[np.bool_]]) -> tuple[str, ...]:
    """What is missing where; terms that are missing in the same rows share a note."""
    alike: dict[bytes, list[str]] = {}
    for name, rows in absent.items():
        if rows.any():
            alike.setdefault(rows.tobytes(), []).append(name)
    notes = []
    for names in alike.values():
        rows = absent[names[0]]
        pairs = panel.table.loc[rows, ["exporter", "importer"]].drop_duplicates().to_numpy()
        told = listed([f"{a}-{b}" for a, b in pairs], 6)
        count = counted(int(rows.sum()), "row", "rows")
        verb = "is" if len(names) == 1 else "are"
        notes.append(
            f"{', '.join(names)} {verb} missing in {count}, left out "
            f"({counted(len(pairs), 'pair', 'pairs')}: {told})"
        )
    return tuple(notes)


def _values(panel: Panel, factors: tuple[Factor, ...]) -> dict[str, Array]:
    """A term's columns by name; several where it holds ``i(...)``."""
    found: dict[str, Array] = {"": np.ones(len(panel.table))}
    for factor in factors:
        if factor.of == "i":
            labels = _labels(panel, factor.column)
            levels = sorted(set(labels.tolist()))
            made = {f"{factor.column}={v}": (labels == v).astype(float) for v in levels}
        elif factor.of == "log":
            made = {f"ln_{factor.column}": _log(panel, factor.column)}
        else:
            made = {factor.column: _number(panel, factor.column)}
        found = {
            f"{left}:{right}" if left else right: a * b
            for left, a in found.items()
            for right, b in made.items()
        }
    return found


def _number(panel: Panel, column: str) -> Array:
    if column not in panel.table:
        if column == "border":
            return border(panel)
        if column == "domestic":
            return 1.0 - border(panel)
        if column == "ln_distance" and "distance" in panel.table:
            return ln_distance(panel)
    return panel.numbers(column)


def _labels(panel: Panel, column: str) -> NDArray[np.object_]:
    if column not in panel.table:
        if column in ("pair", "directed_pair"):
            return pair_id(panel, directed=column == "directed_pair")
        if column in ("border", "domestic"):
            return _number(panel, column).astype(int).astype(object)
        raise InputError(
            f"there is no column '{column}' for a fixed effect, a cluster or i(...); there "
            f"are {listed([str(c) for c in panel.table.columns], 20)}.",
            nearest=nearest(column, [*map(str, panel.table.columns), *DERIVED]),
        )
    return panel.table[column].to_numpy(dtype=object)


def effect(panel: Panel, columns: tuple[str, ...], rows: NDArray[np.intp]) -> Effect:
    """Codes of every combination of columns on these rows.

    Raises
    ------
    InputError
        A column that is not there.
    """
    codes = np.zeros(len(rows), dtype=np.int64)
    levels: list[NDArray[np.object_]] = []
    for column in columns:
        found, values = pd.factorize(_labels(panel, column)[rows], sort=False)
        codes = codes * max(len(values), 1) + found
        if (found < 0).any():
            raise InputError(
                f"'{column}' is missing; a fixed effect or a cluster needs it in every row.",
                panel.place(int(rows[np.argmax(found < 0)]), column),
            )
        levels.append(np.asarray(values, dtype=object))
    small, positions = np.unique(codes, return_inverse=True)
    table: dict[str, NDArray[np.object_]] = {}
    for column, values in zip(reversed(columns), reversed(levels), strict=True):
        table[column] = values[small % max(len(values), 1)]
        small = small // max(len(values), 1)
    frame = pd.DataFrame({c: table[c] for c in columns})
    return Effect(columns, positions.astype(np.int32), frame)
