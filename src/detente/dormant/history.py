"""What a country traded before the bans: the reference that relief restores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detente.errors import InputError, nearest
from detente.world.core import Array, World, frozen


@dataclass(frozen=True, eq=False)
class History:
    """Trade of one country before the bans, million USD, net of tariff.

    Parameters
    ----------
    country : str
    reference : str
        The partner that it could trade with, as which the others are read.
    sales, purchases : ndarray, shape (S, N)
        Each partner's in its own reference year; zero where none is known.
    home : ndarray, shape (S,)
        What it sold to itself in the reference partner's year.
    years : mapping of str to int
        Partner to reference year; the key ``*`` stands for all others.
    zeros : tuple of str
        Partners that could trade freely in their year, so that a sector without trade is a
        known zero. Of any other a zero says nothing, and gravity stands in.
    """

    country: str
    reference: str
    sales: Array
    purchases: Array
    home: Array
    years: Mapping[str, int]
    zeros: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("sales", "purchases", "home"):
            array = frozen(getattr(self, key))
            if not np.isfinite(array).all() or (array < 0).any():
                raise InputError(f"history of {self.country}: '{key}' holds a negative or NaN.")
            object.__setattr__(self, key, array)

    def record(self, world: World) -> dict[str, Any]:
        """JSON-able: rows of exporter, importer, sector, value; what a world's meta keeps."""
        rows = []
        for s, sector in enumerate(world.sectors):
            if self.home[s] > 0:
                rows.append([self.country, self.country, sector, _short(self.home[s])])
            for n, code in enumerate(world.countries):
                if self.sales[s, n] > 0:
                    rows.append([self.country, code, sector, _short(self.sales[s, n])])
                if self.purchases[s, n] > 0:
                    rows.append([code, self.country, sector, _short(self.purchases[s, n])])
        return {
            "country": self.country,
            "reference": self.reference,
            "years": dict(self.years),
            "zeros": list(self.zeros),
            "output": _short(world.output.sum()),
            "flows": rows,
        }

    @staticmethod
    def from_record(world: World, record: Mapping[str, Any]) -> History:
        """From what :meth:`record` made, or a user wrote.

        Raises
        ------
        InputError
            An unknown country or sector, with the nearest; a row of two other countries.
        """
        country, reference = str(record["country"]), str(record["reference"])
        _known(country, world.countries)
        _known(reference, world.countries)
        found = History.from_flows(
            world, country, reference, record["flows"], dict(record.get("years", {}))
        )
        # A world in other units than the one recorded: its past is in those units too.
        unit = world.output.sum() / float(record.get("output", world.output.sum()))
        unit = 1.0 if abs(unit - 1.0) < 1e-6 else unit
        return replace(
            found,
            sales=unit * found.sales,
            purchases=unit * found.purchases,
            home=unit * found.home,
            zeros=tuple(record.get("zeros", ())),
        )

    @staticmethod
    def from_flows(
        world: World,
        country: str,
        reference: str,
        flows: Sequence[Sequence[Any]],
        years: Mapping[str, int],
    ) -> History:
        """From rows (exporter, importer, sector, million USD)."""
        shape = (world.n_sectors, world.n_countries)
        sales, purchases, home = np.zeros(shape), np.zeros(shape), np.zeros(shape[0])
        for number, (exporter, importer, sector, value) in enumerate(flows, start=1):
            if not float(value) >= 0.0:
                raise InputError(f"history: row {number}: {value!r} is no trade: zero or more.")
            _known(str(exporter), world.countries, number)
            _known(str(importer), world.countries, number)
            _known(str(sector), world.sectors, number)
            s = world.sector_index(str(sector))
            if exporter == importer == country:
                home[s] += float(value)
            elif exporter == country:
                sales[s, world.country_index(str(importer))] += float(value)
            elif importer == country:
                purchases[s, world.country_index(str(exporter))] += float(value)
            else:
                raise InputError(
                    f"history: row {number} is trade of {exporter} with {importer}; it must be "
                    f"trade of {country}."
                )
        return History(country, reference, sales, purchases, home, years)


def _short(value: float) -> float:
    return float(f"{value:.9g}")


def _known(code: str, labels: tuple[str, ...], row: int | None = None) -> None:
    if code not in labels:
        where = "" if row is None else f" row {row}:"
        raise InputError(
            f"history:{where} '{code}' is not in this world.", None, nearest(code, labels)
        )
