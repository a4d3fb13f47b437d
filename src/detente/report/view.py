"""The View: everything that a report shows, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any, Protocol

import pandas as pd
import yaml

from detente.report.numbers import in_prose, in_table
from detente.report.parts import Section
from detente.world.core import World

#: A change of welfare, or of trade over all trade, below this is no effect.
NO_EFFECT = 5e-9


class HasTables(Protocol):
    """What a view is made of (the Result class)."""

    @property
    def provenance(self) -> dict[str, Any]:
        """World, scenario, settings, certificate."""

    @property
    def focus(self) -> str:
        """The country whose welfare changes most."""

    @property
    def source_world(self) -> World:
        """The world as given."""

    def tables(self, country: str | None = None) -> dict[str, pd.DataFrame]:
        """Every table, with plain columns."""


@dataclass(frozen=True)
class View:
    """A result as its reports read it.

    Attributes
    ----------
    provenance : mapping
        As ``Result.provenance``.
    tables : mapping of str to DataFrame
        As ``Result.tables``.
    country : str
        The country in focus.
    asked : bool
        Whether the user named it.
    country_names, sector_names : mapping of code to name
    meta : mapping
        The world's facts.
    world : World
        The world as given.
    more : tuple of Section
        Parts that others add to the report: a path's.
    """

    provenance: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    country: str
    asked: bool
    country_names: Mapping[str, str]
    sector_names: Mapping[str, str]
    meta: Mapping[str, Any]
    world: World
    more: tuple[Section, ...] = ()

    @classmethod
    def of(cls, result: HasTables, country: str | None = None) -> View:
        """The view of a result, about one country (by default the most affected)."""
        focus, world = country or result.focus, result.source_world
        return cls(
            provenance=result.provenance,
            tables=result.tables(focus),
            country=focus,
            asked=country is not None,
            country_names=dict(zip(world.countries, world.country_names, strict=True)),
            sector_names=dict(zip(world.sectors, world.sector_names, strict=True)),
            meta=world.meta,
            world=world,
        )

    # -- names ---------------------------------------------------------------------------
    def prose(self, code: str) -> str:
        """A country inside a sentence."""
        return in_prose(self.country_names[code])

    def label(self, code: str, width: int = 22) -> str:
        """A country in a table."""
        return in_table(self.country_names[code], width)

    def sector(self, code: str, width: int = 26) -> str:
        """A sector in a table."""
        name = self.sector_names[code]
        return name if len(name) <= width else name[: width - 1].rstrip(" ,") + "…"

    # -- the world -----------------------------------------------------------------------
    @property
    def world_line(self) -> str:
        """Name of the world and what it is, in one line."""
        world = self.provenance["world"]
        told = str(self.meta.get("title") or self.meta.get("description") or "")
        size = f"{world['countries']} economies × {world['sectors']} sectors"
        # a title that names the world already is not led by the name again
        return ", ".join(
            part
            for part in (f"{world['name']}: {told}" if told else world["name"], size)
            if part
        )

    @cached_property
    def blocks(self) -> list[dict[str, Any]]:
        """Blocks of the world's data: name, flag, source, year, licence."""
        return blocks_of(self.meta)

    # -- the scenario ----------------------------------------------------------------------
    @property
    def title(self) -> str:
        """The scenario's title."""
        return str(self.provenance["scenario"]["title"] or "Shocks built by hand")

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The scenario as its file holds it; empty for Shocks."""
        return dict(yaml.safe_load(self.provenance["scenario"].get("text") or "{}"))

    @property
    def notes(self) -> Mapping[str, Any]:
        """What the measures did."""
        return dict(self.provenance["scenario"].get("notes", {}))

    @cached_property
    def measures(self) -> list[dict[str, Any]]:
        """Each measure's note, with what the file calls it."""
        given = self.scenario.get("measures", [])
        notes = self.notes.get("measures", [])
        specs = given if len(given) == len(notes) else [{}] * len(notes)
        return [{**n, "label": _named(n, s)} for n, s in zip(notes, specs, strict=True)]

    # -- sizes of the effect -----------------------------------------------------------------
    @cached_property
    def welfare(self) -> pd.DataFrame:
        """Welfare by country code."""
        return self.tables["welfare"].set_index("country")

    @cached_property
    def partners(self) -> pd.DataFrame:
        """Partners of the country in focus, by code."""
        return self.tables["partners"].set_index("partner")

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """The answer under other assumptions; empty where there is none."""
        found = self.tables.get("sensitivity")
        if found is None or found.empty:
            return pd.DataFrame()
        return found.set_index("assumption")

    @cached_property
    def rebased(self) -> pd.DataFrame:
        """What re-basing moved, by country; empty where the baseline is the world as given."""
        found = self.tables.get("rebase_by_country")
        return pd.DataFrame() if found is None else found.set_index("country")

    @cached_property
    def no_effect(self) -> bool:
        """Whether nothing changes anywhere."""
        trade = self.tables["trade"]
        moved = trade["change"].abs().sum() / max(trade["flow"].sum(), 1.0)
        return bool(self.welfare["welfare"].abs().max() < NO_EFFECT and moved < NO_EFFECT)


def row_of(table: pd.DataFrame, label: str) -> dict[str, Any]:
    """One row of a table, by its label."""
    return {str(k): v for k, v in table.loc[[label]].to_dict("records")[0].items()}


def blocks_of(meta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a world's data, from ``meta["blocks"]`` (a list, or a mapping by name)."""
    blocks = meta.get("blocks", [])
    if isinstance(blocks, Mapping):
        return [
            {"name": name, **(facts if isinstance(facts, Mapping) else {"flag": facts})}
            for name, facts in blocks.items()
        ]
    return [{**facts, "name": facts.get("name", facts.get("block", ""))} for facts in blocks]


def _named(note: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """A measure as a line of text names it: its kind, and its regime or country."""
    fields = spec.get(note["kind"]) or {}
    for key in ("regime", "coverage"):
        if isinstance(fields.get(key), str):
            given = fields.get("provisions", ())
            some = given if isinstance(given, list | tuple) else [given]
            only = f" {', '.join(map(str, some))}" if some else ""
            name = PurePath(fields[key]).stem  # a regime of a file goes by the file's name
            return f"{note['kind']} {name}{only}"
    country = fields.get("country")
    return f"{note['kind']} {country}" if isinstance(country, str) else str(note["kind"])
