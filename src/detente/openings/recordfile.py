"""YAML of the record read strictly, with the line of every key.

The smallest reader that serves: ``detente.assembly.yamlfile`` is in a layer above this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from detente.errors import InputError, Place
from detente.sources.files import require_file

LARGEST = 1_000_000  # bytes
DEEPEST = 12
Keys = tuple[str | int, ...]
_NUMBER = re.compile(r"^[-+]?(\.[0-9]+|[0-9]{1,300}(\.[0-9]*)?)([eE][-+]?[0-9]{1,2})?$")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class Lines:
    """Where the keys of a file stand."""

    file: str
    lines: Mapping[Keys, int] = field(default_factory=dict)

    def place(self, *keys: str | int) -> Place:
        """The place of a key, or of the closest thing above it that has a line."""
        depth = next(d for d in range(len(keys), -1, -1) if d == 0 or keys[:d] in self.lines)
        named = ".".join(str(k) for k in keys if isinstance(k, str))
        return Place(self.file, self.lines.get(keys[:depth]), named or None)


def text_of(path: Path) -> str:
    """The text of a file: UTF-8, below 1 MB.

    Raises
    ------
    InputError
        No such file (with the nearest), too large, not UTF-8.
    """
    size = require_file(path).st_size
    if size > LARGEST:
        what = f"the file has {size / 1e6:,.1f} MB; 1 MB is the most."
        raise InputError(what, Place(str(path)))
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"the file is not UTF-8 text: byte 0x{raw[error.start]:02X} is not."
        raise InputError(what, Place(str(path), line)) from None


def parse(text: str, file: str) -> tuple[Any, Lines]:
    """Plain data by YAML 1.2's core schema (dates stay text), and the line of every key.

    Raises
    ------
    InputError
        Broken YAML, a repeated key, an alias, a tag, a second document: with the line.
    """
    try:
        _refuse(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"this is no valid YAML: {error.problem or error.context}."
        raise InputError(what, Place(file, mark.line + 1 if mark else None)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError("a character has no place in YAML.", Place(file, line)) from None
    if node is None:
        raise InputError("the file is empty.", Place(file))
    lines: dict[Keys, int] = {}
    return _plain(node, (), lines, file), Lines(file, lines)


def _refuse(text: str, file: str) -> None:
    """Refuse what a record does not need, before anything is built from it."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        what, tag = "", getattr(event, "tag", None)
        if getattr(event, "anchor", None) is not None:
            what = "anchors (&) and aliases (*) are not used here; write it out."
        elif tag not in (None, "!"):
            what = f"the tag '{tag}' is not used here."
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            what = "a second document begins; a file holds one." if documents > 1 else ""
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            what = f"nested deeper than {DEEPEST} levels." if depth > DEEPEST else ""
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if what:
            mark = event.start_mark
            raise InputError(what, Place(file, mark.line + 1 if mark else None))


def _plain(node: yaml.Node, path: Keys, lines: dict[Keys, int], file: str) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node.value) if node.style is None else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, (*path, j), lines, file) for j, each in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise InputError("a key is a word, not a list or a mapping.", Place(file, line))
        here = (*path, key.value)
        if key.value in found:
            what = f"the key '{key.value}' stands twice, here and on line {lines[here]}."
            raise InputError(what, Place(file, line, str(key.value)))
        lines[here] = line
        found[key.value] = _plain(value, here, lines, file)
    return found


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if not _NUMBER.match(text):
        return text
    number = float(text)
    # 1992.0 is an integer to JSON Schema, and so it is here
    return int(number) if number.is_integer() else number
