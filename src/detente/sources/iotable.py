"""A multi-country input-output table as published, reduced to what a world needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.sources.record import SourceRecord

Array = NDArray[np.float64]


@dataclass(frozen=True)
class IOTable:
    """One year of a table: N countries, S sectors, million current USD, basic prices.

    Every parser of an input-output table returns this. Who uses which country's input is
    summed over using sectors (the model's sourcing is the same for every use), and inputs
    are summed over their source.

    Attributes
    ----------
    countries, sectors : tuple of str
        Codes as published (ISO3 where the source has it; aggregates keep their own code).
    intermediate : ndarray, shape (S, N, N)
        [s, i, n]: sales of sector s of i to all industries of n.
    final : ndarray, shape (S, N, N)
        [s, i, n]: sales to final demand of n, without changes in inventories.
    inventories : ndarray, shape (S, N, N)
        [s, i, n]: changes in inventories and other balancing columns, signed; zero where the
        source does not tell them apart.
    input_use : ndarray, shape (S, S, N)
        [k, s, n]: inputs of k, from every country, in making s in n.
    value_added : ndarray, shape (S, N)
        [s, n]: output less inputs less ``taxes``, signed as published.
    taxes : ndarray, shape (S, N)
        Taxes less subsidies on products paid by industries; zero where not told apart.
    final_taxes : ndarray, shape (N,)
        The same, paid by final demand.
    output : ndarray, shape (S, N)
        [s, n]: gross output as published.
    year : int
    source : SourceRecord
    country_names, sector_names : tuple of str
        Names for people; the codes where the source has none.
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    intermediate: Array
    final: Array
    inventories: Array
    input_use: Array
    value_added: Array
    taxes: Array
    final_taxes: Array
    output: Array
    year: int
    source: SourceRecord
    country_names: tuple[str, ...] = ()
    sector_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        s, n = len(self.sectors), len(self.countries)
        shapes = {
            "intermediate": (s, n, n),
            "final": (s, n, n),
            "inventories": (s, n, n),
            "input_use": (s, s, n),
            "value_added": (s, n),
            "taxes": (s, n),
            "final_taxes": (n,),
            "output": (s, n),
        }
        for key, shape in shapes.items():
            if getattr(self, key).shape != shape:
                found = getattr(self, key).shape
                raise ValueError(f"{key} has shape {found}; the labels ask for {shape}")

    def identities(self) -> dict[str, float]:
        """Largest violation of each of the source's identities, relative to the cell.

        Returns
        -------
        dict
            ``output = sales`` (intermediate + final + inventories over buyers) and
            ``output = costs`` (inputs + taxes + value added).
        """
        sold = (self.intermediate + self.final + self.inventories).sum(axis=2)
        cost = self.input_use.sum(axis=0) + self.taxes + self.value_added
        size = np.maximum(np.abs(self.output), 1e-3 * np.abs(self.output).max())
        return {
            "output = sales": float((np.abs(sold - self.output) / size).max()),
            "output = costs": float((np.abs(cost - self.output) / size).max()),
        }
