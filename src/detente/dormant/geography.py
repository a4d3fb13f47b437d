"""Where countries lie: covariates of every pair, and a world laid over them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, nearest
from detente.world.core import Array, World, frozen

if TYPE_CHECKING:
    import pandas as pd

#: Covariates of a pair, in the order of every coefficient vector.
TERMS = ("ln_distance", "contiguity", "common_language", "colony", "border")
_TIES = ("contiguity", "common_language", "colony")
_EMBEDDED = "geography.npz"


@dataclass(frozen=True, eq=False)
class Geography:
    """Places (countries, never groups), what lies between them, and how large they are.

    Parameters
    ----------
    places : tuple of str
        ISO3 codes, A of them.
    covariates : mapping of str to ndarray, shape (A, A)
        ``ln_distance`` (log km, the diagonal too), ``contiguity``, ``common_language``,
        ``colony`` (0 or 1, zero on the diagonal). ``border`` is added: 1 off the diagonal.
    sectors : tuple of str
        Sectors of the sizes; empty where sizes are not by sector.
    output, spending : ndarray, shape (S, A) or (1, A)
        How a group's output and spending divide among its members, any unit. Zero means
        unknown: the place then takes the smallest size of its group.
    source : str
        For people.
    """

    places: tuple[str, ...]
    covariates: Mapping[str, Array]
    sectors: tuple[str, ...]
    output: Array
    spending: Array
    source: str

    def __post_init__(self) -> None:
        size = len(self.places)
        found = {key: frozen(value) for key, value in self.covariates.items()}
        found["border"] = frozen(1.0 - np.eye(size))
        missing = [term for term in TERMS if term not in found]
        if missing:
            raise InputError(f"geography: there is no covariate '{missing[0]}'.")
        for key, value in found.items():
            if value.shape != (size, size) or not np.isfinite(value).all():
                raise InputError(f"geography: '{key}' is not a full {size} × {size} matrix.")
        object.__setattr__(self, "covariates", {term: found[term] for term in TERMS})
        object.__setattr__(self, "output", frozen(self.output))
        object.__setattr__(self, "spending", frozen(self.spending))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of places, covariates and sizes, whatever the order of places."""
        order = np.argsort(np.asarray(self.places))
        named = [self.places[j] for j in order]
        digest = hashlib.sha256("\n".join((*named, *self.sectors)).encode())
        square = np.ix_(order, order)
        for array in self.covariates.values():
            digest.update(array[square].astype("<f8").tobytes())
        for array in (self.output, self.spending):
            digest.update(np.ascontiguousarray(array[:, order]).astype("<f8").tobytes())
        return digest.hexdigest()

    @staticmethod
    def from_pairs(
        pairs: pd.DataFrame, sizes: Mapping[str, float] | None = None, source: str = "given"
    ) -> Geography:
        """From a long table with the columns of ``detente.sources.cepii.read_geodist``.

        Parameters
        ----------
        pairs : DataFrame
            ``exporter``, ``importer``, ``distance`` (km), ``contiguity``,
            ``common_language``, ``colony``; every ordered pair, own pairs included.
        sizes : mapping, optional
            Size of each place (GDP, say): how groups divide. All alike where not given.
        source : str

        Raises
        ------
        InputError
            A pair without a distance, a distance that is not positive, a missing column.
        """
        for column in ("exporter", "importer", "distance", *_TIES):
            if column not in pairs.columns:
                near = nearest(column, map(str, pairs.columns))
                raise InputError(f"geography: the column '{column}' is missing.", None, near)
        places = tuple(sorted(set(pairs["exporter"]) & set(pairs["importer"])))

        def square(column: str) -> Array:
            table = pairs.pivot(index="exporter", columns="importer", values=column)
            found: Array = table.loc[list(places), list(places)].to_numpy(dtype=float)
            return found

        distance = square("distance")
        bad = np.argwhere(~(distance > 0))
        if len(bad):
            i, n = bad[0]
            raise InputError(
                f"geography: the pair {places[i]}, {places[n]} has no positive distance "
                f"({len(bad)} such pairs)."
            )
        ties = {key: square(key) * (1.0 - np.eye(len(places))) for key in _TIES}
        size = np.array(
            [[(sizes or {}).get(code, 1.0 if not sizes else 0.0) for code in places]]
        )
        covariates = {"ln_distance": np.log(distance), **ties}
        return Geography(places, covariates, (), size, size, source)

    def sized_like(self, other: Geography) -> Geography:
        """The same places with another geography's sizes; zero (unknown) where it has none."""
        here = [other.places.index(p) if p in other.places else -1 for p in self.places]
        known = np.array([j >= 0 for j in here])
        return replace(
            self,
            covariates={k: v for k, v in self.covariates.items() if k != "border"},
            sectors=other.sectors,
            output=np.where(known, other.output[:, here], 0.0),
            spending=np.where(known, other.spending[:, here], 0.0),
        )

    def only(self, places: Sequence[str]) -> Geography:
        """Some of the places, in their order."""
        here = [self.places.index(place) for place in places]
        square = np.ix_(here, here)
        return Geography(
            places=tuple(places),
            covariates={k: v[square] for k, v in self.covariates.items() if k != "border"},
            sectors=self.sectors,
            output=self.output[:, here],
            spending=self.spending[:, here],
            source=self.source,
        )

    def save(self, path: Path) -> None:
        """Write the file that :func:`embedded_geography` reads: kilometres and small sizes."""
        km = np.exp(self.covariates["ln_distance"])
        ties = np.stack([self.covariates[key] for key in _TIES])
        np.savez_compressed(
            path,
            places=np.array(self.places),
            sectors=np.array(self.sectors),
            km=km.round(1).astype(np.float32),
            ties=ties.astype(np.uint8),
            output=self.output.astype(np.float32),
            spending=self.spending.astype(np.float32),
            source=np.array(self.source),
        )


@cache
def embedded_geography() -> Geography:
    """The places of the embedded worlds: CEPII GeoDist's covariates, OECD ICIO 2022's sizes."""
    path = files("detente.data").joinpath(_EMBEDDED)
    with path.open("rb") as file, np.load(file) as table:
        ties = table["ties"].astype(np.float64)
        return Geography(
            places=tuple(map(str, table["places"])),
            covariates={
                "ln_distance": np.log(table["km"].astype(np.float64)),
                **{key: ties[j] for j, key in enumerate(_TIES)},
            },
            sectors=tuple(map(str, table["sectors"])),
            output=table["output"].astype(np.float64),
            spending=table["spending"].astype(np.float64),
            source=str(table["source"]),
        )


@dataclass(frozen=True, eq=False)
class Site:
    """A world laid over a geography: every country is one place, or a group of them.

    Attributes
    ----------
    world : World
    places : tuple of str
        A places, those of the world's countries only.
    group : ndarray of int, shape (A,)
        Which country of the world a place belongs to.
    member : ndarray, shape (A, N)
        1 where it does.
    covariates : ndarray, shape (K, A, A)
        In the order of :data:`TERMS`.
    output, spending : ndarray, shape (S, A)
        Million USD, net of tariff; over the members of a country they sum to the world's.
    lacking : tuple of str
        Countries that lie nowhere.
    """

    world: World
    places: tuple[str, ...]
    group: NDArray[np.intp]
    member: Array
    covariates: Array
    output: Array
    spending: Array
    lacking: tuple[str, ...] = ()


def lay(
    world: World, geography: Geography, members: Mapping[str, tuple[str, ...]] | None = None
) -> Site:
    """Lay a world over a geography.

    Parameters
    ----------
    world : World
    geography : Geography
    members : mapping of str to tuple of str, optional
        Places of each country that is a group, beside ``world.meta["members"]``. A country
        that is not named is one place; one that lies nowhere, as a rest of the world does, is
        left out: gravity says nothing of it, and sizes are made to add up without it.

    Raises
    ------
    InputError
        A member that the geography does not have, or a place that is in two countries.
    """
    given: Mapping[str, Any] = {**world.meta.get("members", {}), **(members or {})}
    lacking = tuple(
        code for code in world.countries if code not in given and code not in geography.places
    )
    groups = [
        () if code in lacking else tuple(given.get(code, (code,))) for code in world.countries
    ]
    places = [place for group in groups for place in group]
    for code, group in zip(world.countries, groups, strict=True):
        for place in group:
            if place not in geography.places:
                near = nearest(place, geography.places)
                what = f"the geography has no place '{place}' (country {code})."
                raise InputError(what, None, near)
            if places.count(place) > 1:
                raise InputError(f"the place '{place}' is in two countries of the world.")
    here = np.array([geography.places.index(place) for place in places])
    owner = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    member = np.zeros((len(places), len(groups)))
    member[np.arange(len(places)), owner] = 1.0
    square = np.stack([geography.covariates[term][np.ix_(here, here)] for term in TERMS])
    output, spending = (
        whole[:, owner] * _within(size, geography, world, here, member)
        for whole, size in (
            (world.output, geography.output),
            (world.flows.sum(axis=1), geography.spending),
        )
    )
    if lacking:
        made, used = (x.sum(axis=1, keepdims=True) for x in (output, spending))
        spending *= np.divide(made, used, out=np.ones_like(made), where=used > 0)
    return Site(world, tuple(places), owner, member, square, output, spending, lacking)


def _within(
    size: Array, geography: Geography, world: World, here: NDArray[np.intp], member: Array
) -> Array:
    """Share of each place in its country, shape (S, A), by sector where sizes are."""
    unknown = size.sum(axis=0)[here] <= 0
    if geography.sectors and set(world.sectors) <= set(geography.sectors):
        size = size[[geography.sectors.index(s) for s in world.sectors]]
    else:
        size = np.repeat(size.sum(axis=0, keepdims=True), world.n_sectors, axis=0)
    size = size[:, here]
    # A member of unknown size counts as the smallest of its group; a known zero is zero.
    inside = np.where((size > 0)[:, :, None] & (member > 0)[None], size[:, :, None], np.inf)
    least = inside.min(axis=1)
    least = np.where(np.isfinite(least), least, 1.0) @ member.T
    size = np.where(unknown, least, size)
    total = size @ member @ member.T
    alike = 1.0 / (member.sum(axis=0) @ member.T)
    share: Array = np.where(total > 0, size / np.where(total > 0, total, 1.0), alike)
    return share
