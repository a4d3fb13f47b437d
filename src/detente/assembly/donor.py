"""Whose technology and taste stand for those of a country that has no table of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, Place
from detente.sources.reading import refuse_below, refuse_duplicates, refuse_unknown
from detente.world.core import World

Array = NDArray[np.float64]

#: Kinds of row of a table of technology.
KINDS = ("input", "value_added", "final", "home_sales")


@dataclass(frozen=True)
class Donor:
    """One country's technology and taste, S sectors.

    Attributes
    ----------
    code : str
        What it is called.
    input_share : ndarray, shape (S, S)
        γ[k, s]: cost of k in making s, over output; not negative.
    value_added_share : ndarray, shape (S,)
        γᵛ[s]; zero where the donor makes none of s.
    final_share : ndarray, shape (S,)
        α[s].
    value_added, home_value_added : ndarray, shape (S,)
        Value added, and that in what is sold at home; only proportions are used.
    """

    code: str
    input_share: Array
    value_added_share: Array
    final_share: Array
    value_added: Array
    home_value_added: Array


def donor_of(world: World, code: str) -> Donor:
    """A country of the world as a donor.

    Parameters
    ----------
    world : World
    code : str
        One of its countries; an unknown one is an error with the nearest.
    """
    n = world.country_index(code)
    inputs = np.maximum(world.input_share[:, :, n], 0.0)
    added = np.where(world.output[:, n] > 0, world.value_added_share[:, n], 0.0)
    return Donor(
        code=code,
        input_share=inputs,
        value_added_share=added,
        final_share=world.final_share[:, n].copy(),
        value_added=world.output[:, n] * added,
        home_value_added=world.flows[:, n, n] * added,
    )


def technology_from_table(
    frame: pd.DataFrame, sectors: tuple[str, ...], name: str, file: str = "technology"
) -> Donor:
    """A donor from a table of technology.

    Parameters
    ----------
    frame : DataFrame
        Columns ``kind`` (``input``, ``value_added``, ``final``, ``home_sales``), ``input``
        (of an ``input`` row: which sector's product), ``sector``, ``value`` in any one unit
        of money; indexed by line. A cell without a row is zero; further columns are not read.
    sectors : tuple of str
        The world's.
    name : str
        What the donor is called.
    file : str
        For messages.

    Raises
    ------
    InputError
        A code or number that is wrong, a row given twice: with its line; nothing made, or
        nothing bought, at all.
    """
    frame = _checked(frame, sectors, file)
    at = {code: j for j, code in enumerate(sectors)}
    s = len(sectors)
    used = np.zeros((s, s))
    found = {kind: np.zeros(s) for kind in KINDS[1:]}
    for row in frame.itertuples(index=False):
        if row.kind == "input":
            used[at[str(row.input)], at[str(row.sector)]] = float(str(row.value))
        else:
            found[str(row.kind)][at[str(row.sector)]] = float(str(row.value))
    output = used.sum(axis=0) + found["value_added"]
    if not output.any() or not found["final"].any():
        raise InputError(
            "it has no 'value_added' or no 'final' rows above zero; a technology needs both.",
            Place(file),
        )
    safe = np.where(output > 0, output, 1.0)
    share = found["value_added"] / safe
    home = found["home_sales"] if found["home_sales"].any() else output
    return Donor(
        code=name,
        input_share=used / safe,
        value_added_share=share,
        final_share=found["final"] / found["final"].sum(),
        value_added=found["value_added"],
        home_value_added=home * share,
    )


def _checked(frame: pd.DataFrame, sectors: tuple[str, ...], file: str) -> pd.DataFrame:
    """The rows, once their kinds, codes and numbers are in order."""
    if "input" not in frame:
        frame = frame.assign(input="")
    refuse_unknown(frame, "kind", KINDS, file)
    refuse_unknown(frame, "sector", sectors, file)
    refuse_unknown(frame[frame["kind"] == "input"], "input", sectors, file)
    absent = frame["value"].isna().to_numpy()
    if absent.any():
        line = int(frame.index[int(np.argmax(absent))])
        raise InputError("there is no number here.", Place(file, line, "value"))
    refuse_below(frame, "value", 0.0, file)
    refuse_duplicates(frame, ("kind", "input", "sector"), file)
    return frame


def require_makes(donor: Donor, wanted: Array, sectors: tuple[str, ...], place: Place) -> None:
    """Refuse a donor that makes none of what the new country makes.

    Raises
    ------
    InputError
        The first such sector.
    """
    lacking = (wanted > 0) & (donor.value_added_share <= 0)
    if lacking.any():
        sector = sectors[int(np.argmax(lacking))]
        raise InputError(
            f"the donor {donor.code} makes no {sector}, which the new country does: its "
            "technology there is unknown. Take another donor, or a table of technology.",
            place,
        )
