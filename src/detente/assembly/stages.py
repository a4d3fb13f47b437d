"""Stages of a build, each stored when it is done, so that a build can be taken up again.

A stage is known by a key: the hash of its name, of its inputs and settings, and of the key of
the stage before it. A stored stage whose key fits is loaded; another one is made again, and
with it every later one. Nothing is stored but numbers and JSON.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente._version import __version__
from detente.errors import InputError, Place
from detente.sources.catalogue import LARGEST_HASHED
from detente.sources.files import atomic, require_file, sha256
from detente.sources.iotable import IOTable
from detente.sources.record import SourceRecord

Array = NDArray[np.float64]

#: Changes whenever a stage stores something else for the same inputs.
FORMAT = 2

#: Files of stages: number, name, the start of the key.
_STAGE_FILES = f"[0-9]-*-{'[0-9a-f]' * 16}.npz"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Stored:
    """What a stage leaves: arrays by name, and facts that are JSON."""

    arrays: Mapping[str, Array]
    facts: Mapping[str, Any] = field(default_factory=dict)


class Stages:
    """Runs stages in order, from the folder where they are stored or anew.

    Parameters
    ----------
    folder : Path or None
        Where stages are stored; None keeps them in memory only.
    total : int
        How many there will be, for the progress.
    progress : callable, optional
        Called with a stage's name, its number and the total, before it runs.

    Attributes
    ----------
    ran : list of (str, bool)
        Each stage so far, and whether it was loaded.
    """

    def __init__(
        self, folder: Path | None, total: int = 0, progress: Progress | None = None
    ) -> None:
        self.folder, self.total, self.progress = folder, total, progress
        self.ran: list[tuple[str, bool]] = []
        self._key = ""

    def run(self, name: str, inputs: Mapping[str, Any], work: Callable[[], Stored]) -> Stored:
        """What the stage leaves; ``work`` makes it where it is not stored."""
        number = len(self.ran) + 1
        if self.progress is not None:
            self.progress(name, number, self.total)
        told = {"stage": name, "format": FORMAT, "version": __version__, "before": self._key}
        text = json.dumps({**told, "inputs": dict(inputs)}, sort_keys=True)
        self._key = hashlib.sha256(text.encode()).hexdigest()
        found = self._load(number, name)
        self.ran.append((name, found is not None))
        if found is None:
            found = work()
            self._store(number, name, found)
        return found

    @property
    def any_stored(self) -> bool:
        """Whether a stage lies in the folder."""
        return self.folder is not None and any(self.folder.glob(_STAGE_FILES))

    def clear(self) -> None:
        """Delete the stages, and the folder where nothing else lies in it."""
        if self.folder is not None:
            for stage in self.folder.glob(_STAGE_FILES):
                stage.unlink(missing_ok=True)
            self.clear_if_empty()

    def clear_if_empty(self) -> None:
        """Delete the folder where no stage was stored."""
        if self.folder is not None:
            with suppress(OSError):
                self.folder.rmdir()

    def _path(self, number: int, name: str) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{number}-{name}-{self._key[:16]}.npz"

    def _load(self, number: int, name: str) -> Stored | None:
        path = self._path(number, name)
        if path is None or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files if key != "_facts"}
                facts = json.loads(bytes(file["_facts"]).decode())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None  # damaged: made again
        return Stored(arrays, facts["facts"]) if facts.get("key") == self._key else None

    def _store(self, number: int, name: str, found: Stored) -> None:
        path = self._path(number, name)
        if path is None or self.folder is None:
            return
        try:
            self.folder.mkdir(exist_ok=True)
            for old in self.folder.glob(_STAGE_FILES.replace("[0-9]", str(number), 1)):
                old.unlink()
            text = json.dumps({"key": self._key, "facts": dict(found.facts)}).encode()
            buffer = io.BytesIO()
            facts = np.frombuffer(text, dtype=np.uint8)
            np.savez(buffer, _facts=facts, **found.arrays)  # type: ignore[arg-type]
            with atomic(path) as part:
                part.write_bytes(buffer.getbuffer())
        except OSError as error:
            why = error.strerror or str(error)
            what = f"a stage of the build cannot be stored there ({why})."
            raise InputError(what, Place(str(self.folder))) from None


def fingerprint(path: str | Path | None) -> str:
    """What tells two inputs apart: a file's hash, or sizes and times where it is large."""
    if path is None:
        return ""
    path = Path(path)
    if path.is_dir():
        parts = [f for f in sorted(path.rglob("*")) if f.is_file()]
        listed = [(str(f.relative_to(path)), *_stamp(f)) for f in parts]
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    if require_file(path).st_size > LARGEST_HASHED:
        return json.dumps([path.name, *_stamp(path)])
    return sha256(path)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


# -- tables in stages ------------------------------------------------------------------------
_ARRAYS = (
    "intermediate",
    "final",
    "inventories",
    "input_use",
    "value_added",
    "taxes",
    "final_taxes",
    "output",
)
_LABELS = ("countries", "sectors", "country_names", "sector_names")


def stored_table(table: IOTable) -> Stored:
    """A table as a stage stores it."""
    facts: dict[str, Any] = {key: list(getattr(table, key)) for key in _LABELS}
    facts |= {"year": int(table.year), "source": table.source.as_dict()}
    arrays = {key: np.asarray(getattr(table, key), dtype=np.float64) for key in _ARRAYS}
    return Stored(arrays, facts)


def table_of(stored: Stored) -> IOTable:
    """The table that a stage stored."""
    facts = stored.facts
    fields: dict[str, Any] = {key: tuple(facts[key]) for key in _LABELS}
    fields |= {key: stored.arrays[key] for key in _ARRAYS}
    source = record_of(facts["source"])
    return IOTable(**fields, year=int(facts["year"]), source=source)


def record_of(facts: Mapping[str, Any]) -> SourceRecord:
    """A source's record from what ``as_dict`` made of it."""
    return SourceRecord(**{**facts, "notes": tuple(facts["notes"])})


def without_names(table: IOTable) -> IOTable:
    """The table with codes for names where it has none."""
    return replace(
        table,
        country_names=table.country_names or table.countries,
        sector_names=table.sector_names or table.sectors,
    )
