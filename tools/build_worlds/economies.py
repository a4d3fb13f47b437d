"""The economies and sectors of the embedded worlds, and how the ICIO's add up to them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of a csv table under detente/data.

    Parameters
    ----------
    name : str
        File name, for example ``economies.csv``.

    Returns
    -------
    list of dict
        Column name to text, one dict a row.
    """
    text = files("detente.data").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@dataclass(frozen=True)
class Grouping:
    """Groups of the ICIO's codes, in the order of the world's axis.

    Attributes
    ----------
    codes, names : tuple of str
        The groups.
    group_of : mapping of str to str
        ICIO code to group.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    group_of: Mapping[str, str]

    def members(self, code: str) -> tuple[str, ...]:
        """ICIO codes of one group."""
        return tuple(m for m, g in self.group_of.items() if g == code)

    def matrix(self, icio_codes: tuple[str, ...]) -> Array:
        """0/1 matrix that adds ICIO rows up to groups.

        Parameters
        ----------
        icio_codes : tuple of str
            The order of the ICIO axis, M codes.

        Returns
        -------
        ndarray, shape (G, M)
            Every column has a single one.

        Raises
        ------
        ValueError
            A code of the ICIO is in no group.
        """
        missing = [c for c in icio_codes if c not in self.group_of]
        if missing:
            raise ValueError(f"in no group: {', '.join(missing)}")
        found = np.zeros((len(self.codes), len(icio_codes)))
        for column, code in enumerate(icio_codes):
            found[self.codes.index(self.group_of[code]), column] = 1.0
        return found


def _grouping(table: str, key: str) -> Grouping:
    rows = read_table(table)
    names = {row[key]: row["name"] for row in rows}
    group_of = {row["icio_code"]: row[key] for row in rows}
    if len(group_of) != len(rows):
        raise ValueError(f"{table}: an ICIO code is in two groups")
    return Grouping(tuple(names), tuple(names.values()), group_of)


def economies() -> Grouping:
    """Economies of the world, the DPRK left out (it is not in the ICIO)."""
    return _grouping("economies.csv", "economy")


def sectors() -> Grouping:
    """Sectors of the world."""
    return _grouping("sectors.csv", "sector")


def is_goods(grouping: Grouping, sector: str) -> bool:
    """Whether a sector is made of ISIC sections A, B and C alone: what customs sees."""
    return all(code[0] in "ABC" for code in grouping.members(sector))
