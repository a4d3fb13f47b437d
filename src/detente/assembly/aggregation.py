"""Maps from a table's countries and sectors to those of a world.

A map is a short YAML file::

    countries: {EU27: [AUT, BEL, BGR], EastAsia: [CHN, JPN, KOR]}
    sectors: {textiles: [C13T15]}
    rest: keep          # or a code that takes them, or {countries: keep, sectors: other}
    names: {EU27: European Union}

``tables: {countries: FILE.csv}`` reads the groups from a csv instead, with the columns code,
group and perhaps name.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, Place, nearest
from detente.sources.iotable import IOTable
from detente.sources.reading import read_table
from detente.sources.yamlfile import Lines, parse_yaml, text_of

Array = NDArray[np.float64]

AXES = ("countries", "sectors")
_KEYS = ("map", "title", "tables", *AXES, "rest", "names", "absent")
KEEP = "keep"
IGNORE = "ignore"

#: Spellings of a csv's columns; the embedded tables have names of their own.
_COLUMNS = {
    "code": ("code", "icio_code"),
    "group": ("group", "economy", "sector"),
    "name": ("name",),
}


@dataclass(frozen=True)
class Groups:
    """Labels after grouping, and where each old label goes.

    Attributes
    ----------
    labels, names : tuple of str
    position : ndarray of int
        For each old label, the position of its group.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    position: NDArray[np.intp]

    @property
    def indicator(self) -> Array:
        """One where an old label (column) belongs to a new one (row)."""
        return np.eye(len(self.labels))[:, self.position]

    def members(self, old: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Old labels of every new one."""
        found: dict[str, list[str]] = {label: [] for label in self.labels}
        for code, position in zip(old, self.position, strict=True):
            found[self.labels[position]].append(code)
        return {label: tuple(codes) for label, codes in found.items()}


@dataclass(frozen=True)
class _Axis:
    """The groups of one axis as the file has them; every code with its line in ``file``."""

    groups: Mapping[str, tuple[tuple[str, int], ...]]
    line: int
    names: Mapping[str, str]
    rest: str | None
    ignore_absent: bool
    file: str


@dataclass(frozen=True)
class AggregationMap:
    """A map that was read, not yet applied to a table.

    Attributes
    ----------
    file : str
        Where it stands, for messages.
    countries, sectors : object or None
        Groups of an axis; None leaves it as it is.
    title, text : str
        The file's title, and all that was read: its text and that of its tables.
    named : mapping of str to int
        Codes that ``names`` names, and the line.
    """

    file: str
    countries: _Axis | None
    sectors: _Axis | None
    title: str = ""
    text: str = field(default="", repr=False)
    named: Mapping[str, int] = field(default_factory=dict)

    def groups(self, table: IOTable) -> tuple[Groups, Groups]:
        """Groups of a table's countries and sectors.

        Raises
        ------
        InputError
            A code that the table does not have, or that no group has, with its line.
        """
        countries = self._of(self.countries, "country", table.countries, table.country_names)
        sectors = self._of(self.sectors, "sector", table.sectors, table.sector_names)
        codes = [*countries.labels, *sectors.labels]
        codes += [g for axis in (self.countries, self.sectors) if axis for g in axis.groups]
        for code, line in self.named.items():
            if code not in codes:
                what = "it names no country or sector of the result."
                raise InputError(what, Place(self.file, line, code), nearest(code, codes))
        return countries, sectors

    def _of(
        self, axis: _Axis | None, kind: str, old: tuple[str, ...], names: tuple[str, ...]
    ) -> Groups:
        told = dict(zip(old, names or old, strict=True))
        if axis is None:
            return Groups(old, tuple(told.values()), np.arange(len(old)))
        return _resolve(axis, kind, told, self.file)


def named_table(name: str) -> list[tuple[str, ...]]:
    """Rows of a csv that comes with detente, without its header."""
    text = files("detente.data").joinpath(name).read_text(encoding="utf-8-sig")
    return [tuple(row) for row in csv.reader(text.splitlines())][1:]


def named_maps() -> dict[str, str]:
    """Maps that come with detente: name and title."""
    found = {}
    for item in sorted(_folder().iterdir(), key=lambda f: f.name):
        if item.name.endswith(".yaml"):
            name = item.name.removesuffix(".yaml")
            found[name] = read_map(name).title
    return found


def read_map(name_or_path: str | Path) -> AggregationMap:
    """Read a map by its name, or from a YAML file.

    Raises
    ------
    InputError
        An unknown name, a file that is none, an unknown key, a code in two groups: with
        file, line, key and the nearest valid thing.
    """
    text = str(name_or_path)
    is_path = isinstance(name_or_path, Path) or text.endswith((".yaml", ".yml")) or "/" in text
    if is_path:
        path = Path(name_or_path)
        return _parse(text_of(path), str(path), path.parent)
    names = [f.name.removesuffix(".yaml") for f in _folder().iterdir()]
    if text not in names:
        listed = ", ".join(sorted(n for n in names if not n.startswith("__")))
        raise InputError(
            f"there is no map '{text}' (there are: {listed}); a file ends in .yaml.",
            nearest=nearest(text, names),
        )
    content = _folder().joinpath(f"{text}.yaml").read_text(encoding="utf-8")
    return _parse(content, f"map '{text}'", files("detente.data"))


def aggregate_table(table: IOTable, countries: Groups, sectors: Groups) -> IOTable:
    """Add a table up to groups; its identities hold as far as they held before.

    Parameters
    ----------
    table : IOTable
    countries, sectors : Groups
        Of the table's labels.
    """
    g, h = countries.indicator, sectors.indicator

    def links(array: Array) -> Array:
        return np.tensordot(h, g @ array @ g.T, axes=1)

    inputs = np.tensordot(h, np.einsum("ts,ksn->ktn", h, table.input_use), axes=1)
    return replace(
        table,
        countries=countries.labels,
        sectors=sectors.labels,
        country_names=countries.names,
        sector_names=sectors.names,
        intermediate=links(table.intermediate),
        final=links(table.final),
        inventories=links(table.inventories),
        input_use=inputs @ g.T,
        value_added=h @ table.value_added @ g.T,
        taxes=h @ table.taxes @ g.T,
        final_taxes=g @ table.final_taxes,
        output=h @ table.output @ g.T,
    )


# -- reading ---------------------------------------------------------------------------------
def _folder() -> Traversable:
    return files("detente.data").joinpath("maps")


def _parse(text: str, file: str, folder: Traversable | Path) -> AggregationMap:
    data, lines = parse_yaml(text, file, raw=True)
    found = _mapping(data, lines)
    _refuse_unknown(found, _KEYS, lines, "key")
    rest = _rest(found, lines)
    names = {key: _text(value, lines, "names", key) for key, value in _names(found, lines)}
    ignore = _ignores(found, lines)
    axes: dict[str, _Axis | None] = dict.fromkeys(AXES)
    for axis in AXES:
        if axis in found:
            groups = _groups(found[axis], lines, axis)
            line = lines.lines[axis,]
            axes[axis] = _Axis(groups, line, names, rest[axis], ignore, file)
    for axis, value in _tables(found, lines).items():
        name, place = _text(value, lines, "tables", axis), _at(lines, "tables", axis)
        groups, told, content = _from_csv(name, folder, place)
        line = lines.lines["tables", axis]
        axes[axis] = _Axis(groups, line, told | names, rest[axis], ignore, name)
        text += content
    if axes["countries"] is None and axes["sectors"] is None:
        raise InputError("it has neither 'countries' nor 'sectors'.", Place(file))
    title = _text(found.get("title", ""), lines, "title")
    named = {key: lines.lines["names", key] for key in names}
    return AggregationMap(file, axes["countries"], axes["sectors"], title, text, named)


def _at(lines: Lines, *keys: str | int) -> Place:
    """Where a key stands, called by its last name."""
    named = [str(key) for key in keys if isinstance(key, str)]
    return Place(lines.file, lines.place(*keys).line, named[-1] if named else None)


def _mapping(value: Any, lines: Lines, *keys: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        what = f"{keys[-1] if keys else 'the map'} must be a mapping of keys."
        raise InputError(what, Place(lines.file, lines.place(*keys).line))
    return value


def _refuse_unknown(
    given: Mapping[str, Any], known: Sequence[str], lines: Lines, kind: str, *above: str
) -> None:
    for key in given:
        if key not in known:
            what = f"there is no such {kind}."
            raise InputError(what, _at(lines, *above, key), nearest(key, known))


def _text(value: Any, lines: Lines, *keys: str | int) -> str:
    if not isinstance(value, str):
        raise InputError("it must be a single value.", _at(lines, *keys))
    return value


def _names(found: Mapping[str, Any], lines: Lines) -> list[tuple[str, Any]]:
    return list(_mapping(found["names"], lines, "names").items()) if "names" in found else []


def _groups(value: Any, lines: Lines, axis: str) -> dict[str, tuple[tuple[str, int], ...]]:
    """Group → its codes with their lines."""
    found = {}
    for name, given in _mapping(value, lines, axis).items():
        place = _at(lines, axis, name)
        if given == []:
            raise InputError("the group is empty.", place)
        if isinstance(given, list):
            keys = [(axis, name, j) for j in range(len(given))]
            found[name] = tuple(
                (_text(code, lines, *key), lines.lines[key])
                for code, key in zip(given, keys, strict=True)
            )
        else:
            found[name] = ((_text(given, lines, axis, name), lines.lines[axis, name]),)
    _refuse_twice(found, str(lines.file))
    return found


def _refuse_twice(groups: Mapping[str, tuple[tuple[str, int], ...]], file: str) -> None:
    seen: dict[str, str] = {}
    for name, members in groups.items():
        for code, line in members:
            if code in seen:
                what = f"'{code}' is in the group '{seen[code]}' already."
                raise InputError(what, Place(file, line, name))
            seen[code] = name


def _tables(found: Mapping[str, Any], lines: Lines) -> dict[str, Any]:
    """Axes whose groups are in a csv, and in no other place."""
    if "tables" not in found:
        return {}
    tables = _mapping(found["tables"], lines, "tables")
    _refuse_unknown(tables, AXES, lines, "axis", "tables")
    for key in tables:
        if key in found:
            what = (
                f"'{key}' stands under 'tables' and on line {lines.lines[key,]}; say it once."
            )
            raise InputError(what, _at(lines, "tables", key))
    return tables


def _ignores(found: Mapping[str, Any], lines: Lines) -> bool:
    """Whether codes that the table lacks are passed over."""
    if "absent" not in found:
        return False
    value = _text(found["absent"], lines, "absent")
    if value != IGNORE:
        what = f"it may be '{IGNORE}', or be left out; it is '{value}'."
        raise InputError(what, _at(lines, "absent"))
    return True


def _from_csv(
    name: str, folder: Traversable | Path, place: Place
) -> tuple[dict[str, tuple[tuple[str, int], ...]], dict[str, str], str]:
    """Groups, their names and the whole text of a csv: code, group, name."""
    source = folder.joinpath(name)
    if not source.is_file():
        raise InputError(f"there is no file '{name}' beside it.", place)
    with as_file(source) as path:
        frame = read_table(path, columns=_COLUMNS, sep=None, optional=("name",))
        content = path.read_text(encoding="latin-1")
    groups: dict[str, list[tuple[str, int]]] = {}
    names: dict[str, str] = {}
    cells = frame.apply(lambda column: column.str.strip())
    for number, row in zip(map(int, cells.index), cells.to_dict("records"), strict=True):
        if not row["code"] or not row["group"]:
            raise InputError("a row needs a code and a group.", Place(name, number))
        groups.setdefault(row["group"], []).append((row["code"], number))
        if row.get("name"):
            names.setdefault(row["group"], row["name"])
    found = {group: tuple(members) for group, members in groups.items()}
    _refuse_twice(found, name)
    return found, names, content


def _rest(found: Mapping[str, Any], lines: Lines) -> dict[str, str | None]:
    """Where codes go that are in no group, by axis."""
    given = found.get("rest")
    if given is None:
        return dict.fromkeys(AXES)
    if isinstance(given, str):
        return dict.fromkeys(AXES, _target(given, _at(lines, "rest")))
    _refuse_unknown(_mapping(given, lines, "rest"), AXES, lines, "axis", "rest")
    rest: dict[str, str | None] = dict.fromkeys(AXES)
    for key, value in given.items():
        place = Place(lines.file, lines.lines["rest", key], f"rest.{key}")
        rest[key] = _target(_text(value, lines, "rest", key), place)
    return rest


def _target(value: str, place: Place) -> str:
    """``keep`` or a group's code; not what looks like a misspelt ``keep``."""
    if not value or value == "~":
        what = f"it may be '{KEEP}' or the code of a group; it is empty."
        raise InputError(what, place)
    if value != KEEP and get_close_matches(value.casefold(), [KEEP], cutoff=0.8):
        what = f"'{value}' would be one group of all that is left; '{KEEP}' keeps them apart."
        raise InputError(what, place, KEEP)
    return value


# -- applying --------------------------------------------------------------------------------
def _resolve(axis: _Axis, kind: str, names: Mapping[str, str], file: str) -> Groups:
    """The groups of a table's labels: in the map's order, then what is kept, then the rest."""
    group_of: dict[str, str] = {}
    for group, members in axis.groups.items():
        for code, line in members:
            if code in names:
                group_of[code] = group
            elif not axis.ignore_absent:
                raise InputError(
                    f"'{code}' is no {kind} of the table.",
                    Place(axis.file, line, group),
                    nearest(code, names),
                )
    left = [code for code in names if code not in group_of]
    if left and axis.rest is None:
        raise InputError(
            f"'{left[0]}' is in no group ({len(left)} such: {', '.join(left[:8])}). "
            "'rest: keep' keeps them as they are; 'rest: CODE' puts them into one group.",
            Place(file, axis.line),
        )
    for code in left:
        target = code if axis.rest == KEEP else str(axis.rest)
        if axis.rest == KEEP and code in axis.groups:
            what = f"'{code}' is a code of the table that is in no group, and a group's name."
            raise InputError(what, Place(file, axis.line, code))
        group_of[code] = target
    used = set(group_of.values())
    _refuse_taken(used, group_of, axis, file)
    order = [g for g in axis.groups if g in used]
    order += [g for g in dict.fromkeys(group_of[c] for c in left) if g not in order]
    labels = tuple(order)
    position = np.array([labels.index(group_of[code]) for code in names], dtype=np.intp)
    return Groups(labels, tuple(_name(g, axis, names, group_of) for g in labels), position)


def _refuse_taken(used: set[str], group_of: Mapping[str, str], axis: _Axis, file: str) -> None:
    """A group may have a code's name only if it holds that code."""
    for group in sorted(used):
        if group_of.get(group, group) != group:
            what = (
                f"'{group}' is a code of the table, which is in the group "
                f"'{group_of[group]}': give this group another name."
            )
            raise InputError(what, Place(file, axis.line, group))


def _name(
    group: str, axis: _Axis, names: Mapping[str, str], group_of: Mapping[str, str]
) -> str:
    """The map's name, else the only member's, else the code."""
    alone = [code for code, g in group_of.items() if g == group]
    return axis.names.get(group) or (names[alone[0]] if len(alone) == 1 else group)
