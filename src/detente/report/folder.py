"""A run's folder: everything about a result, written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import shlex
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from detente.errors import InputError, Place
from detente.report.charts import charts
from detente.report.html import page
from detente.report.markdown import summary
from detente.report.view import View
from detente.world.catalogue import DPRK_SIZES
from detente.world.core import World
from detente.world.io import save_world

#: What run.json says first, so that a folder can be known as ours.
KIND = "detente-run"
_RUN = "run.json"
_LISTS = ("tables.json", _RUN)


def write_run(
    directory: Path,
    view: View,
    more: Mapping[str, bytes] | None = None,
    options: Sequence[str] = (),
) -> Path:
    """Write a run's folder.

    Parameters
    ----------
    directory : Path
        Made if it is not there. An older run's folder is replaced, once the new one is
        complete; one that holds anything else is refused.
    view : View
    more : mapping of relative path to bytes, optional
        Other files of the same run: regimes that the scenario names, a path's tables and
        charts.
    options : sequence of str
        Further options of the command that makes the run again.

    Returns
    -------
    Path
        The folder, with ``summary.md``, ``report.html``, ``scenario.yaml``, ``world.npz``
        (a copy, where the world does not come with detente), ``regimes/NAME.yaml`` (where
        the scenario names files), ``tables/NAME.parquet`` and ``.csv``, ``charts/NAME.svg``,
        and ``run.json``: hashes, versions, settings, certificate, the command that runs it
        again, and the SHA-256 of every file.

    Raises
    ------
    InputError
        The folder cannot be made, is a file, or holds files that detente did not write.
    """
    pictures = charts(view)
    for name, data in (more or {}).items():
        if name.startswith("charts/"):
            pictures[name.removeprefix("charts/").removesuffix(".svg")] = data.decode()
    found: dict[str, bytes] = {
        "summary.md": summary(view).encode(),
        "report.html": page(view, pictures).encode(),
    }
    for name, table in view.tables.items():
        for ending in ("parquet", "csv"):
            found[f"tables/{name}.{ending}"] = table_bytes(table, ending)
    for name, picture in pictures.items():
        found[f"charts/{name}.svg"] = picture.encode()
    text = view.provenance["scenario"].get("text")
    if text:
        found["scenario.yaml"] = text.encode()
    if view.provenance["world"]["file"]:
        found[view.provenance["world"]["file"]] = world_bytes(view.world)
    return write_files(directory, {**found, **(more or {})}, _facts(view, options))


def _facts(view: View, options: Sequence[str]) -> dict[str, Any]:
    """What run.json holds beside the list of files."""
    given, settings = view.provenance["scenario"], view.provenance["settings"]
    again = ["detente", "run", "scenario.yaml", "--tolerance", str(settings["tolerance"])]
    again += [*world_options(view.provenance["world"])]
    again += ["--country", view.country] if view.asked else []
    if given.get("at") and not given.get("notes", {}).get("end_of_scenario", True):
        again += ["--at", given["at"]]
    again += options
    packages = ("numpy", "scipy", "pandas")
    return {
        **view.provenance,
        "country": view.country,
        "run_again": shlex.join(again) if given.get("text") else None,
        "software": {
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
    }


def world_options(world: Mapping[str, Any]) -> list[str]:
    """Options that load the same world again, from inside the run's folder."""
    if world["file"]:
        return ["--world", world["file"]]
    name = str(world["name"])
    size = "bok" if name.endswith(DPRK_SIZES["bok"]) else "un"
    return ["--world", name.removesuffix(DPRK_SIZES[size]), "--dprk-size", size]


def world_bytes(world: World) -> bytes:
    """A world's file, for a folder that needs its own copy."""
    with TemporaryDirectory() as folder:
        return save_world(world, Path(folder) / "world.npz").read_bytes()


def table_bytes(table: pd.DataFrame, ending: str) -> bytes:
    """A table as a csv or parquet file."""
    if ending == "csv":
        return table.to_csv(index=False, quoting=csv.QUOTE_MINIMAL).encode()
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def require_folder(directory: Path) -> None:
    """Refuse, before any work, a folder that cannot be written to or is not ours.

    Raises
    ------
    InputError
    """
    place = Place(str(directory))
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise InputError("this is not a folder; -o DIR needs one, or a new name.", place)
    parent = directory.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"nothing can be written to '{parent}'.", place)
    if not directory.is_dir():
        return
    held = _held(directory)
    if not held:
        return
    ours = _ours(directory)
    if not ours:
        raise InputError(
            "this folder is not empty, and no run of detente wrote it. Give -o a new name.",
            place,
        )
    foreign = sorted(held - ours)
    if foreign:
        raise InputError(
            f"this folder holds what detente did not write ({foreign[0]}), and would be "
            "replaced. Move that away, or give -o a new name.",
            place,
        )


def _held(directory: Path) -> set[str]:
    return {p.relative_to(directory).as_posix() for p in directory.rglob("*") if not p.is_dir()}


def _ours(directory: Path) -> set[str]:
    """Files that our own list in the folder names; empty where there is none."""
    for name in _LISTS:
        try:
            facts = json.loads((directory / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(facts, dict) and facts.get("kind") == KIND:
            return {name, *facts.get("files", {})}
    return set()


def write_files(
    directory: Path, found: Mapping[str, bytes], facts: Mapping[str, Any] | None = None
) -> Path:
    """Write files and the list of them to a folder, whole or not at all.

    Parameters
    ----------
    directory : Path
    found : mapping of relative path to bytes
    facts : mapping, optional
        Of a run; they go into ``run.json``. Without them the list is ``tables.json``.
    """
    directory = directory.absolute()
    require_folder(directory)
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in found.items()}
    listed = {"kind": KIND, **(facts or {}), "files": sums}
    text = json.dumps(listed, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    whole = {**found, _LISTS[facts is not None]: text.encode()}
    part = directory.with_name(f".{directory.name}.{os.getpid()}.part")
    try:
        for name, data in whole.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        _swap(part, directory)
    except OSError as error:
        place = Place(str(directory))
        raise InputError(f"it cannot be written ({error.strerror or error}).", place) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return directory


def _swap(part: Path, directory: Path) -> None:
    """Put the new folder in the old one's place; the old one comes back if that fails."""
    if not directory.exists():
        part.rename(directory)
        return
    old = directory.with_name(f".{directory.name}.{os.getpid()}.old")
    directory.rename(old)
    try:
        part.rename(directory)
    except OSError:
        old.rename(directory)
        raise
    shutil.rmtree(old)
