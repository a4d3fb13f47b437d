"""Project files of one's own as a run's folder keeps them, with the files they include."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from detente.corridors.pipelinecase import SUFFIXES
from detente.errors import InputError
from detente.sources.yamlfile import Lines, parse_yaml, text_of

#: Folder, beside a scenario that was written, of the projects' files that it names.
FOLDER = "projects"


def project_files(paths: Sequence[Path]) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """Names and texts of project files in one folder, so that they can be read there again.

    Parameters
    ----------
    paths : sequence of Path
        Files of one's own, each once or more often.

    Returns
    -------
    names : tuple of str
        ``projects/NAME.yaml`` of each path, in its order; ``NAME-2.yaml`` and so on where
        different files share a name (in whatever case).
    files : dict of str to bytes
        Name → text, of these files and of every file that they include at any depth. A file
        is kept byte for byte, but for the names under ``includes`` that are others now.

    Raises
    ------
    InputError
        A file, or one that it includes, is not there or is no YAML: file, line, key.
    """
    names = _Names()
    given = [names.of(path) for path in paths]
    files: dict[str, bytes] = {}
    waiting = list(dict.fromkeys(path.resolve() for path in paths))
    seen = set(waiting)
    for path in waiting:  # it grows: included files come after those that were given
        text, included = _renamed(path, names)
        files[f"{FOLDER}/{names.of(path)}"] = text
        new = [p for p in dict.fromkeys(included) if p not in seen]
        seen.update(new)
        waiting += new
    return tuple(f"{FOLDER}/{name}" for name in given), files


class _Names:
    """A name in the folder for every file; the same file has the same name."""

    def __init__(self) -> None:
        self._of: dict[Path, str] = {}
        self._taken: set[str] = set()

    def of(self, path: Path) -> str:
        whole = path.resolve()
        if whole not in self._of:
            name, count = path.name, 1
            while name.casefold() in self._taken:
                count += 1
                name = f"{path.stem}-{count}{path.suffix}"
            self._taken.add(name.casefold())
            self._of[whole] = name
        return self._of[whole]


def _renamed(path: Path, names: _Names) -> tuple[bytes, list[Path]]:
    """A file's text with the folder's names of the files it includes, and these files."""
    text = text_of(path)
    data, lines = parse_yaml(text, str(path))
    stated = data.get("includes") if isinstance(data, dict) else None
    if not isinstance(stated, list):
        return path.read_bytes(), []
    found = {
        j: _included(path, name, lines, j)
        for j, name in enumerate(stated)
        if isinstance(name, str) and name.endswith(SUFFIXES)
    }
    changed = {j: names.of(file) for j, file in found.items() if names.of(file) != stated[j]}
    files = list(found.values())
    return (_replaced(text, changed).encode() if changed else path.read_bytes()), files


def _included(path: Path, name: str, lines: Lines, j: int) -> Path:
    """The file that an entry of ``includes`` is, found as `load_project` finds it."""
    beside = path.parent / name
    found = beside if beside.is_file() else Path(name)
    if not found.is_file():
        raise InputError(f"there is no file '{name}'.", lines.place("includes", j))
    return found.resolve()


def _replaced(text: str, changed: dict[int, str]) -> str:
    """The text with other entries of ``includes``, and all else as it was written."""
    for j, node in reversed([*enumerate(_entries(text))]):
        if j in changed and isinstance(node, yaml.ScalarNode):
            after = "\n" if node.style in ("|", ">") else ""  # these end with their line
            word = json.dumps(changed[j], ensure_ascii=False) + after
            text = text[: node.start_mark.index] + word + text[node.end_mark.index :]
    return text


def _entries(text: str) -> Iterator[yaml.nodes.Node]:
    """The entries of ``includes`` with where they stand in the text."""
    whole = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(whole, yaml.MappingNode)
    for key, value in whole.value:
        if key.value == "includes":
            yield from value.value
