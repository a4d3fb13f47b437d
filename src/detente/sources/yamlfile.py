"""YAML read strictly, with the line of every key: plain mappings, lists and scalars only.

It is YAML 1.2's core schema, as in scenario files: dates stay text, ``010`` is ten. Tags,
anchors, aliases and several documents are refused.
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

#: Bytes; what a person writes is a page of text.
LARGEST = 1_000_000
DEEPEST = 20

Keys = tuple[str | int, ...]
_NUMBER = re.compile(r"^[-+]?(\.[0-9]+|[0-9]{1,300}(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?$")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class Lines:
    """Where the keys of a file stand."""

    file: str | None = None
    lines: Mapping[Keys, int] = field(default_factory=dict)

    def place(self, *keys: str | int) -> Place:
        """The place of a key, or of the closest thing above it that has a line."""
        depth = next((d for d in range(len(keys), -1, -1) if keys[:d] in self.lines), None)
        line = None if depth is None else self.lines[keys[:depth]]
        named = ".".join(str(k) for k in keys if not isinstance(k, int))
        return Place(self.file, line, named or None)


def read_yaml(path: str | Path) -> tuple[Any, Lines]:
    """Plain data from a YAML file, and the line of every key.

    Parameters
    ----------
    path : str or Path
        UTF-8, below 1 MB.

    Raises
    ------
    InputError
        No such file (with the nearest), too large, not UTF-8, broken YAML, a repeated key,
        an alias, a tag: with the line.
    """
    return parse_yaml(text_of(Path(path)), str(path))


def parse_yaml(text: str, file: str, *, raw: bool = False) -> tuple[Any, Lines]:
    """Plain data from text, and the line of every key.

    Parameters
    ----------
    text : str
    file : str
        What it is called in messages.
    raw : bool
        Leave every scalar the text that it is: a code may be ``03`` or ``NO``.

    Raises
    ------
    InputError
        As from :func:`read_yaml`.
    """
    try:
        _refuse_events(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"this is no valid YAML: {error.problem or error.context}."
        raise InputError(what, Place(file, mark.line + 1 if mark else None)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character U+{ord(text[error.position]):04X} has no place in YAML."
        raise InputError(what, Place(file, line)) from None
    if node is None:
        raise InputError("the file is empty.", Place(file))
    lines: dict[Keys, int] = {}
    return _plain(node, (), lines, file, raw), Lines(file, lines)


def text_of(path: Path) -> str:
    """The text of a file as :func:`read_yaml` takes it: UTF-8, below 1 MB."""
    place = Place(str(path))
    size = require_file(path).st_size
    if size > LARGEST:
        raise InputError(f"the file has {size / 1e6:,.1f} MB; 1 MB is the most.", place)
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"the file is not UTF-8 text: byte 0x{raw[error.start]:02X} is not."
        raise InputError(what, Place(str(path), line)) from None


def _refuse_events(text: str, file: str) -> None:
    """Refuse what a file like this does not need, before anything is built from it."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        what = ""
        tag = getattr(event, "tag", None)
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


def _plain(node: yaml.Node, path: Keys, lines: dict[Keys, int], file: str, raw: bool) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        as_it_is = raw or node.style is not None
        return node.value if as_it_is else _scalar(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, (*path, j), lines, file, raw) for j, each in enumerate(node.value)]
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
        found[key.value] = _plain(value, here, lines, file, raw)
    return found


def _scalar(text: str) -> Any:
    """A plain scalar by the core schema; anything else stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if not _NUMBER.match(text):
        return text
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)
