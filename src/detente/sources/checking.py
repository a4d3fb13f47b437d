"""Checks of a frame whose index is the line of a file: numbers, codes, years, repeats."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from detente.errors import InputError, Place, nearest

_NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"


def to_numbers(
    values: pd.Series,
    file: str | Path | None = None,
    *,
    missing: Collection[str] = ("",),
    whole: bool = False,
) -> pd.Series:
    """Text to numbers, or an error that says on which line there is none.

    Parameters
    ----------
    values : Series of str
        Indexed by line, as ``read_table`` gives it; its name is the column's.
    file : str or Path, optional
        For the message.
    missing : collection of str
        Texts that mean NaN.
    whole : bool
        Whole numbers; a missing one is an error then.

    Returns
    -------
    Series of float64, or of int64 where ``whole``

    Raises
    ------
    InputError
        The first cell that is no finite number, with its line.
    """
    text = pd.Series(values.astype("string").str.strip().fillna(""), index=values.index)
    absent = text.isin(list(missing)).to_numpy(dtype=bool)
    plain = text.str.fullmatch(_NUMBER).to_numpy(dtype=bool) & ~absent
    # Arrow's reading is rounded correctly whatever the version of pandas
    cells = pa.array(text.to_numpy(dtype=object), pa.string(), mask=~plain)
    found = cells.cast(pa.float64()).to_numpy(zero_copy_only=False)
    bad = ~absent & ~(plain & np.isfinite(found))
    if whole:
        with np.errstate(invalid="ignore"):
            bad |= absent | (found != np.round(found)) | (np.abs(found) >= 2**53)
    if bad.any():
        first = int(np.argmax(bad))
        raise _no_number(str(text.iloc[first]), values, first, file, whole=whole)
    dtype = np.int64 if whole else np.float64
    return pd.Series(found.astype(dtype), index=values.index, name=values.name)


def refuse_duplicates(
    frame: pd.DataFrame, keys: Sequence[str], file: str | Path | None = None
) -> None:
    """Refuse a frame in which two rows have the same keys.

    Raises
    ------
    InputError
        The first row that repeats another, both lines, and how many there are.
    """
    again = frame.duplicated(list(keys)).to_numpy()
    if not again.any():
        return
    row = int(np.argmax(again))
    same = np.ones(len(frame), dtype=bool)
    for key in keys:
        same &= (frame[key] == frame[key].iloc[row]).to_numpy(dtype=bool)
    told = ", ".join(f"{key} '{frame[key].iloc[row]}'" for key in keys)
    first = frame.index[int(np.argmax(same))]
    raise InputError(
        f"there is a second row for {told}; the first is on line {first}. "
        f"In all, {counted(int(again.sum()), 'row repeats', 'rows repeat')} an earlier one.",
        place(file, frame.index[row]),
    )


def refuse_unknown(
    frame: pd.DataFrame,
    column: str,
    known: Iterable[str],
    file: str | Path | None = None,
    what: str | None = None,
) -> None:
    """Refuse a code that is not among those known.

    Parameters
    ----------
    frame : DataFrame
    column : str
        Column of codes.
    known : iterable of str
        The codes that may occur.
    file : str or Path, optional
    what : str, optional
        What a code is, for the message; the column's name where not given.

    Raises
    ------
    InputError
        The first unknown code with its line, how many there are, and the nearest.
    """
    known = list(dict.fromkeys(map(str, known)))
    wrong = ~frame[column].isin(known).to_numpy(dtype=bool)
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    code = str(frame[column].iloc[row])
    codes = frame[column][wrong].nunique()
    others = f" {codes} codes are unknown, in {int(wrong.sum()):,} rows." if codes > 1 else ""
    raise InputError(
        f"'{code}' is no known {what or column}.{others}",
        place(file, frame.index[row], column),
        nearest(code, known),
    )


def refuse_mixed_years(
    frame: pd.DataFrame,
    file: str | Path | None = None,
    column: str = "year",
    year: int | None = None,
) -> int:
    """Refuse a frame that holds several years, or another than ``year``; give the year.

    Raises
    ------
    InputError
        The years that are there, and the line on which the second begins.
    """
    years = frame[column].to_numpy()
    expected = years[0] if year is None else year
    other = years != expected
    if other.any():
        row = int(np.argmax(other))
        found = listed([str(y) for y in sorted(set(years.tolist()))])
        what = f"{expected} only" if year is not None else "one year only"
        raise InputError(
            f"it should hold {what}; it holds {found}. Filter it first.",
            place(file, frame.index[row], column),
        )
    return int(expected)


def refuse_below(
    frame: pd.DataFrame, column: str, lowest: float, file: str | Path | None = None
) -> None:
    """Refuse a number below ``lowest``; NaN passes.

    Raises
    ------
    InputError
        The first such number, with its line.
    """
    low = (frame[column] < lowest).to_numpy(dtype=bool)
    if low.any():
        row = int(np.argmax(low))
        raise InputError(
            f"{frame[column].iloc[row]:g} is below {lowest:g}; "
            f"so {counted(int(low.sum()), 'is', 'are')} in all.",
            place(file, frame.index[row], column),
        )


def cells(line: str, sep: str, file: str | Path | None = None, number: int = 1) -> list[str]:
    """Split a line into its cells, blanks around them removed.

    Parameters
    ----------
    line : str
    sep : str
        Separator.
    file : str or Path, optional
        For the message.
    number : int
        Of the line in the file, the first being 1.

    Raises
    ------
    InputError
        A cell is longer than the standard library reads: no table, or an open quote.
    """
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=sep), [])]
    except csv.Error as error:
        what = f"it is no table, or a quote is not closed: {error}."
        raise InputError(what, place(file, number)) from None


def refuse_outside(
    frame: pd.DataFrame,
    checks: Mapping[str, tuple[pd.Series, str]],
    file: str | Path | None = None,
) -> None:
    """Refuse a cell that fails its column's check.

    Parameters
    ----------
    frame : DataFrame
    checks : mapping of str to (Series of bool, str)
        Column → which of its cells are good, and why the others are not.
    file : str or Path, optional

    Raises
    ------
    InputError
        The first such cell of the first such column, with its line.
    """
    for name, (good, why) in checks.items():
        wrong = ~good.to_numpy(dtype=bool)
        if wrong.any():
            row = int(np.argmax(wrong))
            at = place(file, frame.index[row], name)
            raise InputError(f"'{frame[name].iloc[row]}': {why}.", at)


def asked_numbers(
    given: int | Iterable[int] | None, what: str = "years"
) -> frozenset[int] | None:
    """Whole numbers as a set, None as it is.

    Raises
    ------
    InputError
        One is no whole number, or none is given.
    """
    if given is None:
        return None
    asked = [given] if isinstance(given, int | np.integer) else list(given)
    wrong = [n for n in asked if not isinstance(n, int | np.integer)]
    if wrong or not asked:
        raise InputError(f"{what} must be whole numbers; {wrong or 'none'} given.")
    return frozenset(int(n) for n in asked)


# -- words ------------------------------------------------------------------------------
def _no_number(
    text: str, values: pd.Series, row: int, file: str | Path | None, *, whole: bool
) -> InputError:
    kind = "whole number" if whole else "number"
    what = f"'{text}' is no {kind}" if text else f"the cell is empty; it needs a {kind}"
    if "," in text:
        what += "; a decimal is written with a point, and thousands without a comma"
    return InputError(f"{what}.", place(file, values.index[row], str(values.name)))


def place(file: str | Path | None, line: Any = None, key: str | None = None) -> Place:
    """File, line and column, whatever types they come in."""
    return Place(None if file is None else str(file), None if line is None else int(line), key)


def listed(items: Iterable[object], most: int = 12) -> str:
    """The first ``most`` items, and how many more there are."""
    told = [str(item) for item in items]
    more = f" and {len(told) - most} more" if len(told) > most else ""
    return ", ".join(told[:most]) + more


def counted(n: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{n:,} {one if n == 1 else many}"
