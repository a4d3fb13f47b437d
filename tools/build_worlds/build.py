"""The embedded worlds, from the originals to their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.blocks import describe
from tools.build_worlds.coverage import import_coverage, with_law
from tools.build_worlds.plain import plain_world
from tools.build_worlds.rest import rest_of_table
from tools.build_worlds.shares import members, with_dormant_shares
from tools.build_worlds.specs import Known2022, write_specs

from detente.assembly.split import split_country
from detente.assembly.splitspec import load_split_spec
from detente.world.checks import check
from detente.world.core import World
from detente.world.io import save_world

Array = NDArray[np.float64]

#: File name to (year of the DPRK's block, whose GDP).
WORLDS = {
    "korea": (2018, "un"),
    "korea-before": (2016, "un"),
    "korea-bok": (2018, "bok"),
    "korea-before-bok": (2016, "bok"),
}


@dataclass(frozen=True)
class Sources:
    """Everything that the worlds share."""

    data: Path
    plain: World  # everyone but the DPRK
    specs: dict[tuple[int, str], Path]  # (year, size) to the split spec
    import_coverage: Array  # (S, N), the plain world's order


def read_sources(data: Path, splits: Path) -> Sources:
    """Read and prepare the originals once; write the split specs to ``splits``."""
    rest = rest_of_table(data)
    banned = import_coverage(data, rest.sectors, rest.countries)
    return Sources(
        data=data,
        plain=with_law(plain_world(rest), None),
        specs=write_specs(Known2022(data, rest, banned), splits),
        import_coverage=banned,
    )


def with_dprk(sources: Sources, year: int, size: str) -> World:
    """The plain world with the DPRK of a year, as ``detente world split`` makes it."""
    return split_country(sources.plain, load_split_spec(sources.specs[year, size]))


def build(sources: Sources, name: str) -> World:
    """One embedded world.

    Parameters
    ----------
    sources : Sources
    name : str
        Key of :data:`WORLDS`.

    Returns
    -------
    World
        Its checks have passed.
    """
    year, size = WORLDS[name]
    split = with_dprk(sources, year, size)
    before = split if year == 2016 else with_dprk(sources, 2016, size)
    described = split.with_(meta=describe(split, year, size) | {"members": members()})
    banned = with_law(described, year)
    world = with_dormant_shares(banned, before, year != 2016, sources.data)
    check(world).require()
    return world


def build_all(data: Path, target: Path, splits: Path) -> dict[str, World]:
    """Build the worlds and save them as ``target/NAME.npz``, their specs in ``splits``."""
    sources = read_sources(data, splits)
    target.mkdir(parents=True, exist_ok=True)
    found = {sources.plain.name: sources.plain}
    found |= {name: build(sources, name) for name in WORLDS}
    for name, world in found.items():
        save_world(world, target / f"{name}.npz")
    return found
