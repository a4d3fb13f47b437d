"""The fan of a path: what the spread of openings in history makes of it.

Every draw is a walk with another pace of what opens: level, half-life and start drawn for each
pair from the record of openings (:mod:`detente.openings`). What the openings of one cause share
is drawn once, since the links of one scenario open together; each pair's own part is drawn by
itself, the same for both directions. All else is as in the path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from detente.world.core import Array

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Names of the quantiles' columns.
NAMES = tuple(f"q{100 * q:02.0f}" for q in QUANTILES)
_WELFARE = ("welfare", "own_earnings")
_TRADE = ("exports", "imports", "trade")


@dataclass(frozen=True, eq=False)
class Fan:
    """Draws of a path.

    Attributes
    ----------
    countries : tuple of str
    calendar : tuple of int
    seed : int
    values : mapping of str to ndarray
        ``welfare``, ``own_earnings`` (changes as shares, (D, Y, N)) and ``pairs`` (million
        USD, (D, Y, N, N)).
    level, half_life, start : ndarray, shape (D, N, N)
        What was drawn; NaN where no link of a pair opens.
    asked : int
        Draws that were asked for; those without a solution are left out.
    """

    countries: tuple[str, ...]
    calendar: tuple[int, ...]
    seed: int
    values: Mapping[str, Array]
    level: Array
    half_life: Array
    start: Array
    asked: int = 0

    @property
    def failed(self) -> int:
        """Draws without a solution."""
        return max(self.asked - self.draws, 0)

    @property
    def draws(self) -> int:
        """How many."""
        return len(self.level)

    def of(self, what: str) -> Array:
        """Draws of ``welfare``, ``own_earnings``, ``exports``, ``imports`` or ``trade``.

        Returns
        -------
        ndarray, shape (D, Y, N)
            Changes as shares; trade in million USD.
        """
        if what in _WELFARE:
            return self.values[what]
        pairs = self.values["pairs"]
        sold, bought = pairs.sum(axis=3), pairs.sum(axis=2)
        found: Array = {"exports": sold, "imports": bought}.get(what, sold + bought)
        return found

    @cached_property
    def table(self) -> pd.DataFrame:
        """Quantiles of every country in every year.

        Returns
        -------
        DataFrame
            ``country``, ``year``, ``what`` (:meth:`of`), ``q05`` to ``q95``.
        """
        parts = []
        for what in (*_WELFARE, *_TRADE):
            values = np.quantile(self.of(what), QUANTILES, axis=0)  # (Q, Y, N)
            keys = {
                "country": np.repeat(self.countries, len(self.calendar)),
                "year": np.tile(self.calendar, len(self.countries)),
                "what": what,
            }
            columns = {name: v.T.ravel() for name, v in zip(NAMES, values, strict=True)}
            parts.append(pd.DataFrame(keys | columns))
        return pd.concat(parts, ignore_index=True)

    def partners(self, country: str) -> pd.DataFrame:
        """Quantiles of a country's trade with each partner by year, million USD.

        Returns
        -------
        DataFrame
            ``partner``, ``year``, ``q05`` to ``q95``; partners of which nothing is drawn
            have five equal numbers, but for what others' openings do to them.
        """
        c = self.countries.index(country)
        pairs = self.values["pairs"]
        both = pairs[:, :, c, :] + pairs[:, :, :, c]
        values = np.quantile(both, QUANTILES, axis=0)
        keep = [j for j in range(len(self.countries)) if j != c]
        return pd.DataFrame(
            {
                "partner": np.repeat([self.countries[j] for j in keep], len(self.calendar)),
                "year": np.tile(self.calendar, len(keep)),
                **{n: v[:, keep].T.ravel() for n, v in zip(NAMES, values, strict=True)},
            }
        )
