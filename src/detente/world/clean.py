"""Inventories and negative final demand out of a full input-output table.

A static model has no stocks. What was drawn from stocks is treated as if it had been made
in the same year: its negative entry becomes zero, so that more must be produced, and output
follows from the Leontief inverse with technical and sourcing coefficients held. What went
into stocks is treated as final demand.

Source: Costinot & Rodríguez-Clare (2014, Handbook of International Economics 4, online
appendix), as the documentation of the R package iotr describes their treatment. Status of
the citation: ``unverified`` (the appendix itself was not at hand).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, Place
from detente.world.core import Array

CITATION_STATUS = "unverified"

#: Published output may differ from the row sums by this much in all (WIOD 2008: 0.05 %).
ROUNDING = 0.01


@dataclass(frozen=True)
class CleanTable:
    """A table without inventories and without a negative entry. R = N·S, country-major.

    Parameters
    ----------
    countries, sectors : tuple of str
        Labels; row r is sector r mod S of country r div S.
    intermediate : ndarray, shape (R, R)
        Sales of the row to the column as an input, million USD.
    final : ndarray, shape (R, N)
        Sales of the row to final demand of the column, million USD.
    value_added : ndarray, shape (R,)
        Output less inputs, million USD.
    report : DataFrame
        One row per country: what was drawn from and added to stocks there, other negative
        final demand, output and value added before and after (million USD).
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    intermediate: Array
    final: Array
    value_added: Array
    report: pd.DataFrame

    @property
    def output(self) -> Array:
        """Row sums, million USD; shape (R,)."""
        total: Array = self.intermediate.sum(axis=1) + self.final.sum(axis=1)
        return total

    def arrays(self) -> dict[str, Array]:
        """Sum the table to the money arrays that ``world_from_arrays`` asks for.

        Returns
        -------
        dict of str to ndarray
            flows (S, N, N), input_use (S, S, N), final and value_added (S, N); a table in
            basic prices has no tariffs.
        """
        n, s = len(self.countries), len(self.sectors)
        inputs = self.intermediate.reshape(n, s, n, s)
        sold = inputs.sum(axis=3) + self.final.reshape(n, s, n)
        return {
            "flows": np.ascontiguousarray(sold.transpose(1, 0, 2)),
            "input_use": np.ascontiguousarray(inputs.sum(axis=0).transpose(0, 2, 1)),
            "final": self.final.reshape(n, s, n).sum(axis=0),
            "value_added": np.ascontiguousarray(self.value_added.reshape(n, s).T),
        }


def remove_inventories(
    intermediate: Array,
    final: Array,
    inventories: Array,
    *,
    countries: Sequence[str],
    sectors: Sequence[str],
    output: Array | None = None,
) -> CleanTable:
    """Re-solve a table as if nothing had come from stocks: Y = (I − A)⁻¹ F⁺.

    A = Z/Y holds technical and sourcing coefficients, F⁺ is the sum of the non-negative
    parts of final demand and of inventory changes. Every row of the new table adds up
    exactly, also where the published one is rounded.

    Parameters
    ----------
    intermediate : ndarray, shape (R, R)
        Z, million USD; R = N·S, country-major; no negative entry.
    final : ndarray, shape (R, N)
        Final demand by buying country, inventories left out; negative entries (disposals
        of capital) are treated like stocks that were drawn down.
    inventories : ndarray, shape (R, N)
        Changes in inventories by buying country, of either sign.
    countries, sectors : sequence of str
        Labels.
    output : ndarray, shape (R,), optional
        Published output; the row sums where not given. They may differ by
        ``ROUNDING`` in all.

    Returns
    -------
    CleanTable
        The new table and what changed, by country.

    Raises
    ------
    InputError
        Shapes, NaN, negative inputs, inputs without output, negative value added, or a
        technology that uses more than it makes.
    """
    countries, sectors = tuple(countries), tuple(sectors)
    _validate(intermediate, final, inventories, countries, sectors)
    sold = intermediate.sum(axis=1) + final.sum(axis=1) + inventories.sum(axis=1)
    output = sold if output is None else _published(output, sold)
    short = output - intermediate.sum(axis=0)
    made = output > 0
    idle = "it uses inputs, but its output is not above zero"
    _refuse(~made & (short < output), idle, countries, sectors)
    _refuse(made & (short < 0), "its value added is negative", countries, sectors)
    safe = np.where(made, output, 1.0)
    demanded = np.maximum(final, 0.0) + np.maximum(inventories, 0.0)
    coefficients = intermediate / safe
    solved = _leontief(coefficients, demanded.sum(axis=1), countries, sectors)
    coefficients *= solved  # coefficients become money
    added = solved - coefficients.sum(axis=0)
    columns = {
        "drawn_from_stocks": -np.minimum(inventories, 0.0).sum(axis=0),
        "added_to_stocks": np.maximum(inventories, 0.0).sum(axis=0),
        "other_negative_final": -np.minimum(final, 0.0).sum(axis=0),
        "output_before": _by_country(output, countries),
        "output_after": _by_country(solved, countries),
        "value_added_before": _by_country(short, countries),
        "value_added_after": _by_country(added, countries),
    }
    report = pd.DataFrame(columns, index=pd.Index(countries, name="country"))
    return CleanTable(countries, sectors, coefficients, demanded, added, report)


def _published(output: Array, sold: Array) -> Array:
    """Accept published output when it is the row sums but for rounding."""
    if np.shape(output) != sold.shape:
        raise InputError(
            f"it has shape {np.shape(output)}; the table has {len(sold)} rows.", Place("output")
        )
    gap = float(np.abs(output - sold).sum() / sold.sum())
    if not gap <= ROUNDING:
        raise InputError(
            f"it differs from the row sums by {gap:.2%} in all; rounding explains "
            f"{ROUNDING:.0%} at most.",
            Place("output"),
        )
    return output


def _leontief(
    coefficients: Array,
    demanded: Array,
    countries: tuple[str, ...],
    sectors: tuple[str, ...],
) -> Array:
    """Y = (I − A)⁻¹ F; with A ≥ 0 productive, Y ≥ F ≥ 0."""
    matrix = np.eye(len(demanded)) - coefficients
    try:
        solved: Array = np.asarray(np.linalg.solve(matrix, demanded), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise InputError(
            "the table has a group of sectors that use all that they make; no output meets "
            "its final demand.",
            Place("intermediate"),
        ) from None
    small = 1e-12 * solved.max()
    _refuse(
        ~(solved >= demanded - small),
        "its technology uses more than it makes, so that no output meets final demand",
        countries,
        sectors,
    )
    return np.maximum(solved, 0.0)


def _by_country(values: Array, countries: tuple[str, ...]) -> Array:
    total: Array = values.reshape(len(countries), -1).sum(axis=1)
    return total


def _validate(
    intermediate: Array,
    final: Array,
    inventories: Array,
    countries: tuple[str, ...],
    sectors: tuple[str, ...],
) -> None:
    rows = len(countries) * len(sectors)
    wanted = {"intermediate": (rows, rows), "final": (rows, len(countries))}
    wanted["inventories"] = wanted["final"]
    given = {"intermediate": intermediate, "final": final, "inventories": inventories}
    for name, array in given.items():
        if np.shape(array) != wanted[name]:
            raise InputError(
                f"it has shape {np.shape(array)}; {len(countries)} countries × "
                f"{len(sectors)} sectors ask for {wanted[name]}.",
                Place(name),
            )
        bad = ~np.isfinite(array).all(axis=1)
        _refuse(bad, f"'{name}' has an entry that is no finite number", countries, sectors)
    negative = (intermediate < 0).any(axis=1)
    _refuse(negative, "it sells a negative amount as an input", countries, sectors)


def _refuse(
    bad: NDArray[np.bool_] | np.bool_,
    why: str,
    countries: tuple[str, ...],
    sectors: tuple[str, ...],
) -> None:
    """Name the first bad row of the table."""
    if bad.any():
        country, sector = divmod(int(np.argmax(bad)), len(sectors))
        more = f" ({int(bad.sum())} such cells)" if bad.sum() > 1 else ""
        raise InputError(f"{sectors[sector]}, {countries[country]}: {why}{more}.")
