"""Worlds by name: those that come with detente, and those in files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

import pandas as pd

from detente.errors import WorldError, nearest
from detente.world.core import World
from detente.world.io import load_world_file, read_header

#: Which estimate of the DPRK's economy an embedded world holds, and its name's ending.
DPRK_SIZES = {"un": "", "bok": "-bok"}
SUFFIXES = (".npz", ".world")


def load_world(name_or_path: str | Path, dprk_size: str = "un") -> World:
    """Load an embedded world by its name, or a world file by its path.

    Parameters
    ----------
    name_or_path : str or Path
        A name of ``list_worlds()``, or a path (anything with a folder in it or with the
        ending .npz or .world).
    dprk_size : str
        ``un`` (United Nations estimate) or ``bok`` (Bank of Korea) of the DPRK's economy;
        openness is 1.7 to 1.85 times as high with the first. Embedded worlds only; a name
        that ends in -bok says its size itself.

    Returns
    -------
    World
        The world, its content hash checked.

    Raises
    ------
    WorldError
        An unknown name or size (with the nearest), or a file that cannot be used.
    """
    if dprk_size not in DPRK_SIZES:
        raise WorldError(
            f"unknown dprk_size '{dprk_size}'; there are 'un' and 'bok'.",
            nearest=nearest(dprk_size, DPRK_SIZES),
        )
    if _is_path(name_or_path):
        if dprk_size != "un":
            raise WorldError(
                f"dprk_size '{dprk_size}' is for embedded worlds; '{name_or_path}' is a file."
            )
        return load_world_file(name_or_path)
    name = str(name_or_path).removesuffix(DPRK_SIZES[dprk_size])
    with _embedded(name + DPRK_SIZES[dprk_size]) as path:
        return load_world_file(path)


def list_worlds() -> pd.DataFrame:
    """List the embedded worlds.

    Returns
    -------
    DataFrame
        One row per world: name, title, countries, sectors (counts), vintage, hash.
    """
    rows = []
    for name in _names():
        with _embedded(name) as path:
            header = read_header(path)
        meta = header["meta"]
        rows.append(
            {
                "name": name,
                "title": str(meta.get("title", meta.get("description", header["name"]))),
                "countries": len(header["countries"]),
                "sectors": len(header["sectors"]),
                "vintage": str(meta.get("vintage", "")),
                "hash": str(header["content_hash"])[:12],
            }
        )
    columns = ["name", "title", "countries", "sectors", "vintage", "hash"]
    return pd.DataFrame(rows, columns=columns)


def _is_path(name_or_path: str | Path) -> bool:
    text = str(name_or_path)
    named = text.endswith(SUFFIXES) or "/" in text or "\\" in text
    return isinstance(name_or_path, Path) or named


def _folder() -> Traversable:
    return files("detente.data").joinpath("worlds")


def _names() -> list[str]:
    """Names of the embedded worlds, shortest first: the default of each family leads."""
    folder = _folder()
    if not folder.is_dir():
        return []
    found = [f.name.removesuffix(".npz") for f in folder.iterdir() if f.name.endswith(".npz")]
    return sorted(found, key=lambda name: (len(name), name))


@contextmanager
def _embedded(name: str) -> Iterator[Path]:
    """Find an embedded world's file, wherever the package is installed."""
    names = _names()
    if name not in names:
        listed = ", ".join(names) or "none: this installation has no embedded worlds"
        raise WorldError(
            f"there is no world '{name}' (there are: {listed}). To load a file, give its path "
            "with the ending .npz or .world.",
            nearest=nearest(name, names),
        )
    with as_file(_folder().joinpath(f"{name}.npz")) as path:
        yield path
