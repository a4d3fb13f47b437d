"""Scenario files: YAML read strictly, with the line of every key.

The reader walks PyYAML's safe event stream and builds plain mappings, lists and scalars
only. It is YAML 1.2's core schema: dates and ``on`` stay text, ``010`` is ten. Tags,
anchors, aliases and several documents are refused: no scenario needs them, and aliases are
how a few lines explode into gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import yaml

from detente.errors import Place, ScenarioError, nearest
from detente.scenario.core import Scenario
from detente.scenario.measure import Keys

#: Bytes; a scenario is a page of text.
LARGEST_FILE = 1_000_000
DEEPEST = 20

_INT = re.compile(r"^[-+]?[0-9]{1,300}$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?$")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True}
_WORDS |= {"false": False, "False": False, "FALSE": False}


def load_scenario(path: str | FilePath) -> Scenario:
    """Read a scenario file.

    Parameters
    ----------
    path : str or Path
        A YAML file, UTF-8, below 1 MB.

    Raises
    ------
    ScenarioError
        Anything wrong with the file, with file, line, key and the nearest valid thing.
    """
    text = _read(FilePath(path))
    data, lines = parse_yaml(text, str(path))
    return Scenario.from_dict(data, lines, str(path))


def parse_yaml(text: str, file: str | None = None) -> tuple[Any, dict[Keys, int]]:
    """Plain data from YAML text, and the line of every key by its path.

    Raises
    ------
    ScenarioError
        Empty text, broken YAML, a tab, a repeated key, an alias, a tag.
    """
    _refuse_tabs(text, file)
    reader = _Reader(text, file)
    try:
        return reader.document(), reader.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        what = f"this is not valid YAML: {error.problem or error.context}."
        raise ScenarioError(what, Place(file, line)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character U+{ord(text[error.position]):04X} has no place in YAML."
        raise ScenarioError(what, Place(file, line)) from None


def _read(path: FilePath) -> str:
    """The text of a file, refused before reading where it cannot be a scenario."""
    place = Place(str(path))
    if path.is_dir():
        raise ScenarioError("this is a directory, not a scenario file.", place)
    if not path.exists():
        folder = path.parent
        names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        hint = nearest(path.name, names)
        what = "there is no such file." if folder.is_dir() else "there is no such folder."
        raise ScenarioError(what, place, str(folder / hint) if hint else None)
    if not path.is_file():
        raise ScenarioError("this is not a regular file.", place)
    size = path.stat().st_size
    if size > LARGEST_FILE:
        what = f"the file has {size / 1e6:,.1f} MB; a scenario has at most 1 MB."
        raise ScenarioError(what, place)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"the file cannot be read: {error.strerror}.", place) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"the file is not UTF-8 text: byte 0x{raw[error.start]:02X} is not."
        raise ScenarioError(what, Place(str(path), line)) from None


def _refuse_tabs(text: str, file: str | None) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            raise ScenarioError(
                "the line begins with a tab; YAML wants spaces.", Place(file, number)
            )


class _Reader:
    """One document from YAML events, with the line of every key and list item."""

    def __init__(self, text: str, file: str | None) -> None:
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self.file = file
        self.lines: dict[Keys, int] = {}

    def document(self) -> Any:
        """The only document."""
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise ScenarioError("the file is empty.", Place(self.file))
        data = self._node(event, ())
        end = self._next()
        event = self._next() if isinstance(end, yaml.DocumentEndEvent) else end
        if not isinstance(event, yaml.StreamEndEvent):
            self._fail(event, "a second document begins; a file holds one scenario.")
        return data

    def _next(self) -> Any:
        return next(self.events)

    def _fail(self, event: Any, what: str, path: Keys = ()) -> None:
        line = event.start_mark.line + 1 if event.start_mark else None
        key = ".".join(str(p) for p in path if isinstance(p, str)) or None
        raise ScenarioError(what, Place(self.file, line, key))

    def _node(self, event: Any, path: Keys) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._fail(event, "anchors (&) and aliases (*) are not used; write it out.", path)
        if event.tag not in (None, "!") or (event.tag == "!" and event.style is None):
            self._fail(event, f"the tag '{event.tag}' is not used in a scenario.", path)
        if len(path) > DEEPEST:
            self._fail(event, f"nested deeper than {DEEPEST} levels.", path[:3])
        self.lines.setdefault(path, event.start_mark.line + 1)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.style is None else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _sequence(self, path: Keys) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Keys) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._fail(event, "a key is a word, not a list, a mapping or an alias.", path)
            key, here = event.value, (*path, event.value)
            if key in found:
                first = self.lines[here]
                self._fail(event, f"the key '{key}' stands here and on line {first}.", here)
            self.lines[here] = event.start_mark.line + 1
            found[key] = self._node(self._next(), here)
        return found


def _scalar(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema; dates and anything else stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text
