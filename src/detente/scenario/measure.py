"""What every measure has in common: dates, its place in the file, the links that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from detente.errors import Place, ScenarioError, nearest
from detente.scenario.dates import Day
from detente.scenario.quantities import ALL, Codes, refuse
from detente.world.core import World

if TYPE_CHECKING:
    from detente.scenario.compose import State

Mask = NDArray[np.bool_]
Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """Where something stands in a file: every key's line, below a path."""

    file: str | None = None
    lines: Mapping[Keys, int] = field(default_factory=dict)
    path: Keys = ()

    def place(self, *keys: str | int) -> Place:
        """The place of a key, or of the closest thing above it that has a line."""
        full = (*self.path, *keys)
        named = [str(p) for p in full if not isinstance(p, int) and p != "measures"]
        depth = next((d for d in range(len(full), -1, -1) if full[:d] in self.lines), None)
        line = None if depth is None else self.lines[full[:depth]]
        return Place(self.file, line, ".".join(named) or None)

    def below(self, *keys: str | int) -> Source:
        """The same file, further down."""
        return Source(self.file, self.lines, (*self.path, *keys))


class Measure(BaseModel):
    """A dated change of policy: validated fields and one way to apply them.

    A subclass states its fields, names the formula, law or paper behind it in its
    docstring, and applies itself to a `State`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str] = ""
    #: Whether it is applied after the others, since it reads the state that they make.
    last: ClassVar[bool] = False

    on: Day | None = Field(
        default=None,
        description="First day in force; without it, from the start.",
        examples=["2020-01-01"],
    )
    until: Day | None = Field(
        default=None, description="Last day in force; the measure reverts the day after."
    )
    part: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Part of a package that the measure belongs to: parts act together in "
        "detente package and detente attribute --by part.",
        examples=["railway"],
    )
    needs: Codes | None = Field(
        default=None,
        description="Parts of the package without which it cannot be: while no measure of one "
        "of them is in force it changes nothing.",
        examples=["relief"],
    )
    _source: Source = PrivateAttr(default_factory=Source)

    @model_validator(mode="after")
    def _dates_in_order(self) -> Measure:
        if self.on and self.until and self.until < self.on:
            refuse(f"'until' ({self.until}) is before 'on' ({self.on}).")
        if self.part is not None and self.part in (self.needs or ()):
            refuse(f"a measure of the part '{self.part}' needs itself.")
        return self

    def register(self, state: State) -> None:
        """Make known to the state what the baseline has to be read with, before any applies."""

    def turns(self) -> tuple[date, ...]:
        """Days beside ``on`` and ``until`` on which what it does changes; few measures have."""
        return ()

    def for_folder(self) -> tuple[Measure, Mapping[str, Path | bytes]]:
        """Itself as a folder of its own names its files, and these; none for most measures.

        Returns
        -------
        measure : Measure
        files : mapping of str to Path or bytes
            Name in the folder → where the file is now, or what is in it.
        """
        return self, {}

    def targets(self) -> tuple[str, ...]:
        """Whose law it is about; nobody's for most measures."""
        return ()

    def apply(self, state: State) -> str:
        """Change the state; return in words what was touched."""
        raise NotImplementedError

    def apply_last(self, state: State) -> str:
        """What is left to do once every measure has been applied, where ``last`` is set.

        Returns
        -------
        str
            More words.
        """
        return ""

    def remarks(self, state: State) -> list[str]:
        """What a reader has to know once every measure has been applied."""
        return []

    @property
    def source(self) -> Source:
        """Where the measure stands in a file."""
        return self._source

    def at(self, source: Source) -> Measure:
        """Itself, knowing where it stands in a file."""
        self._source = source
        return self

    def to_dict(self) -> dict[str, Any]:
        """The measure as a file holds it, defaults left out."""
        fields = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {self.kind: fields}

    def fail(self, keys: str | Sequence[str], what: str, hint: str | None = None) -> NoReturn:
        """Refuse the measure, naming the line of a key."""
        path = (keys,) if isinstance(keys, str) else tuple(keys)
        raise ScenarioError(what, self._source.place(*path), hint)

    def countries(self, world: World, codes: Sequence[str], key: str) -> Mask:
        """Which countries a list of codes names, shape (N,); unknown ones are refused."""
        return _chosen(self, codes, key, "country", world)

    def sectors_of(self, world: World, codes: Sequence[str], key: str = "sectors") -> Mask:
        """Which sectors a list of codes names, shape (S,); unknown ones are refused."""
        return _chosen(self, codes, key, "sector", world)


def _chosen(measure: Measure, codes: Sequence[str], key: str, kind: str, world: World) -> Mask:
    labels, names = (
        (world.countries, world.country_names)
        if kind == "country"
        else (world.sectors, world.sector_names)
    )
    if tuple(codes) == (ALL,):
        return np.ones(len(labels), dtype=bool)
    for code in codes:
        if code not in labels:
            measure.fail(
                key,
                f"unknown {kind} '{code}' in world '{world.name}'.",
                nearest_label(code, labels, names),
            )
    return np.isin(np.array(labels), codes)


#: A code that is less like what was written is no suggestion.
_ALIKE = 0.6
#: What countries are called, where neither code nor table says so.
_CALLED = {
    "america": "USA", "britain": "GBR", "dprk": "PRK", "eu": "EU27", "europe": "EU27",
    "north korea": "PRK", "rok": "KOR", "south korea": "KOR", "taiwan": "TWN",
    "uk": "GBR", "us": "USA", "vietnam": "VNM",
}  # fmt: skip


def nearest_label(code: str, labels: Sequence[str], names: Sequence[str]) -> str | None:
    """The code that a person most likely meant: by name first, then by spelling."""
    by_name = {name.casefold(): label for name, label in zip(names, labels, strict=True)}
    if code.casefold() in by_name:
        return by_name[code.casefold()]
    called = _CALLED.get(code.casefold().removeprefix("the "))
    if called in labels:
        return called
    spelled = nearest(code, labels)
    alike = 0.0
    if spelled is not None:
        alike = SequenceMatcher(None, code.casefold(), spelled.casefold()).ratio()
    if alike >= _ALIKE:  # a person's name is no misspelt code
        return spelled
    close = nearest(code, by_name)
    return by_name[close] if close is not None else None


class LinkMeasure(Measure):
    """A measure on links: from exporters to importers, in sectors; never within a country."""

    exporter: Codes = Field(description="Who ships: a code, a list, or all.", examples=["PRK"])
    importer: Codes = Field(description="Who buys: a code, a list, or all.", examples=["CHN"])
    sectors: Codes = Field(
        default=(ALL,), description="Sector codes, or all.", examples=["textiles"]
    )
    except_: Codes | None = Field(
        default=None, alias="except", description="Countries left out where a side says all."
    )

    @model_validator(mode="after")
    def _except_needs_all(self) -> LinkMeasure:
        if self.except_ and (ALL,) not in (self.exporter, self.importer):
            refuse("'except' leaves countries out of 'all', and neither side says all.")
        if self.except_ and ALL in self.except_:
            refuse("'except: all' leaves nothing.")
        return self

    def to_dict(self) -> dict[str, Any]:
        """The measure as a file holds it; an 'all' that was written stays."""
        fields = super().to_dict()[self.kind]
        given = self.model_fields_set & {"exporter", "importer"}
        return {self.kind: dict.fromkeys(sorted(given), ALL) | fields}

    def pairs(self, world: World) -> Mask:
        """The pairs [i, n] that are named, shape (N, N)."""
        sides = []
        for key, codes in (("exporter", self.exporter), ("importer", self.importer)):
            side = self.countries(world, codes, key)
            if self.except_ and codes == (ALL,):
                side = side & ~self.countries(world, self.except_, "except")
            sides.append(side)
        named = sides[0][:, None] & sides[1][None, :]
        if getattr(self, "both_ways", False):
            named = named | named.T
        return named & ~np.eye(world.n_countries, dtype=bool)

    def cells(self, world: World) -> Mask:
        """The links [s, i, n] that are named, shape (S, N, N)."""
        pairs = self.pairs(world)
        if not pairs.any():
            self.fail("importer", "no link between two countries is named here.")
        return self.sectors_of(world, self.sectors)[:, None, None] & pairs


def links_in_words(world: World, cells: Mask, most: int = 3) -> str:
    """Links as a person would name them: ``19 sectors PRK→CHN``."""
    pairs = np.argwhere(cells.any(axis=0))
    if len(pairs) == 0:
        return "nothing"
    sectors = [world.sectors[int(s)] for s in np.unique(np.nonzero(cells)[0])]
    what = ", ".join(sectors) if len(sectors) <= 2 else f"{len(sectors)} sectors"
    if len(pairs) <= most:
        codes = world.countries
        return f"{what} {', '.join(f'{codes[i]}→{codes[n]}' for i, n in pairs)}"
    return f"{what}, {len(pairs)} pairs ({int(cells.sum())} links)"
