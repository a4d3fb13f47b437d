"""Who counts as one partner: countries, and blocs that stand in for their members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detente.errors import InputError, nearest
from detente.world.core import Array, World


@dataclass(frozen=True)
class Units:
    """Partners of a country, a bloc counted as one.

    Attributes
    ----------
    codes, names : tuple of str
        U partners.
    members : ndarray, shape (U, N)
        1 where a country of the world belongs to a partner.
    bloc_of : mapping of str to str
        Country to the bloc that stands in for it.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    members: Array
    bloc_of: Mapping[str, str]

    def position(self, code: str, where: str = "") -> int:
        """Position of a partner; an unknown one is refused with the nearest."""
        if code not in self.codes:
            label = f"{where}: " if where else ""
            if code in self.bloc_of:
                raise InputError(f"{label}'{code}' is part of {self.bloc_of[code]} here.")
            raise InputError(
                f"{label}'{code}' is no partner here; there are {', '.join(self.codes)}.",
                None,
                nearest(code, self.codes),
            )
        return self.codes.index(code)

    def total(self, flows: Array, country: int) -> tuple[Array, Array]:
        """Exports and imports of a country by partner, shape (U,) each.

        Parameters
        ----------
        flows : ndarray, shape (S, N, N)
        country : int
            Position on the country axis.
        """
        sold, bought = flows[:, country].sum(axis=0), flows[:, :, country].sum(axis=0)
        return self.members @ sold, self.members @ bought


def units(
    world: World, country: str, blocs: Mapping[str, Sequence[str]] | None = None
) -> Units:
    """Every partner of a country.

    Parameters
    ----------
    world : World
    country : str
    blocs : mapping of str to sequence of str, optional
        Code of a bloc to its members, which it replaces. By default ``world.meta["blocs"]``.

    Raises
    ------
    InputError
        A member that the world does not have, that is the country, or is in two blocs.
    """
    chosen = world.meta.get("blocs", {}) if blocs is None else blocs
    owner: dict[str, str] = {}
    for bloc, members in chosen.items():
        for code in members:
            if code not in world.countries or code == country:
                near = nearest(code, [c for c in world.countries if c != country])
                what = f"bloc {bloc}: '{code}' is no partner in world '{world.name}'."
                raise InputError(what, None, near)
            if owner.setdefault(code, bloc) != bloc:
                raise InputError(f"'{code}' is in two blocs, {owner[code]} and {bloc}.")
    named = dict(zip(world.countries, world.country_names, strict=True))
    titles = {code: owner.get(code, code) for code in world.countries if code != country}
    codes = tuple(dict.fromkeys(titles.values()))
    members = np.zeros((len(codes), world.n_countries))
    for code, unit in titles.items():
        members[codes.index(unit), world.country_index(code)] = 1.0
    return Units(codes, tuple(named.get(code, code) for code in codes), members, owner)
