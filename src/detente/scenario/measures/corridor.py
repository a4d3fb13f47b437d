"""Corridors: named projects that open or improve railways, roads, ports and crossings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, WithJsonSchema

from detente.corridors.pipelinecase import SUFFIXES
from detente.errors import InputError
from detente.regimes.kept import Kept
from detente.scenario.compose import State
from detente.scenario.corridorcosts import Wanted, charge, shared_out
from detente.scenario.corridorfiles import project_files
from detente.scenario.finance import Finance, shares_of
from detente.scenario.measure import Measure
from detente.scenario.quantities import Codes, Positive
from detente.scenario.registry import measure
from detente.scenario.tolls import Tolls, charge_tolls
from detente.world.core import Array

if TYPE_CHECKING:
    import pandas as pd

    from detente.corridors.cost import CostChange
    from detente.corridors.network import Network
    from detente.corridors.project import Project

_PAD = "corridors"
_FINANCE = {**Finance.model_json_schema(), "description": "Who pays for building it."}
#: Pairs, and full edges, that are named in words.
_NAMED = 3
#: A smaller fall of a pair's cost is none to speak of.
_TRACE = 1e-7


@dataclass(frozen=True, eq=False)
class _Saving:
    """What a change of network saves: d̂, remarks, words, and transit where there are tolls."""

    cost_hat: Array
    remarks: tuple[str, ...]
    words: str
    transit: pd.DataFrame | None


#: Savings found last, by what they hang on: sets of a package ask for the same ones again.
_KEPT: Kept[_Saving] = Kept(512)


def _engine() -> ModuleType:
    """The catalogue of networks; a scenario without a corridor starts without it."""
    return import_module("detente.corridors.catalogue")


@dataclass
class _Together:
    """What the corridors in force share: the network as it is and as they make it."""

    where: str | None
    before: Network
    after: Network
    wanted: list[Wanted] = field(default_factory=list)
    tolls: dict[str, float] = field(default_factory=dict)
    value_of_time: str | None = None
    saving: _Saving | None = None


@measure("corridor")
class Corridor(Measure):
    """A railway, road, port or crossing that opens or improves.

    The projects named change edges of the transport network (:mod:`detente.corridors`); all
    corridors in force act on one network together, so that two halves of a line are worth what
    the whole line is. Freight and the value of time on the cheapest routes before and after
    give the iceberg cost: d̂ = τ′/τ with τ = 1 + g/v for every pair of regions and every sector
    (:mod:`detente.corridors.cost`; Hummels & Schaur 2013 for the value of a day). Routes of
    third countries count too. Where a capacity binds the rest takes the next route, and the
    average cost enters.
    """

    last = True

    use: Codes = Field(
        description="Projects by name (detente corridors list), or files of them.",
        examples=["trans-korean-railway", ["khasan-rajin", "tumen-bridge"]],
    )
    network: str | None = Field(
        default=None, description="Folder of a network of one's own, in place of detente's."
    )
    speed: Positive | None = Field(
        default=None, description="Km per hour on its railways and roads, for a test of it."
    )
    value_of_time: Literal["low", "central", "high"] = Field(
        default="central", description="Which value of a day in transit, by sector."
    )
    transit_fee: Tolls | None = Field(
        default=None,
        description="What lands take on cargo that only passes, by country: a transfer from "
        "its buyers.",
    )
    finance: Annotated[Finance | None, WithJsonSchema(_FINANCE)] = Field(
        default=None, description="Who pays for it; without it nobody is charged."
    )

    def apply(self, state: State) -> str:
        """Put the projects on the network, and charge those who pay."""
        together = self._together(state)
        projects = [self._project(name, together.before) for name in self.use]
        self._share(state, together)
        for project in projects:
            together.after = _with(together.after, project, self.speed)
        if self.finance is not None:
            shares_of(state, self, self.finance.paid_by, "finance")
        together.wanted.append(Wanted(self, tuple(projects), self.finance))
        return ", ".join(p.title for p in projects)

    def apply_last(self, state: State) -> str:
        """Once all corridors are there, and all that opens: what they save."""
        together = self._together(state)
        mine = next(w for w in together.wanted if w.measure is self)
        paid = charge(state, mine, shared_out(together.wanted)[id(self)])
        if together.saving is not None:
            return f"; {paid}; its saving is in that of the first corridor named"
        saving = together.saving = _saving(state, together)
        hat, tolled = saving.cost_hat, []
        if together.tolls and saving.transit is not None:
            tolls = charge_tolls(state, saving.transit, together.tolls)
            tolled, hat = tolls.words, tolls.without_those_who_stay(hat)
        state.cost_hat *= hat
        for remark in saving.remarks:
            state.tell(self, remark)
        return f"; {'; '.join([paid, saving.words, *tolled])}"

    def remarks(self, state: State) -> list[str]:
        """What the network found."""
        return state.told_of(self)

    def for_folder(self) -> tuple[Measure, Mapping[str, Path | bytes]]:
        """Its own projects as ``projects/NAME.yaml``, its own network in ``network/``."""
        own = {name: path for name in self.use if (path := self._own_file(name))}
        try:
            names, texts = project_files(tuple(own.values()))
        except InputError as error:
            where = f"{error.place}: " if error.place else ""
            self.fail("use", f"{where}{error.what}", error.nearest)
        called = dict(zip(own, names, strict=True))
        files: dict[str, Path | bytes] = dict(texts)
        changes: dict[str, object] = {"use": tuple(called.get(n, n) for n in self.use)}
        if self.network is not None:
            folder = self._folder()
            files |= {f"network/{f.name}": f for f in sorted(folder.glob("*.csv"))}
            changes["network"] = "network"
        return (self.model_copy(update=changes).at(self.source) if files else self), files

    def _own_file(self, name: str) -> Path | None:
        """The file that a project is in, where it is one of the user's own."""
        if not name.endswith(SUFFIXES):
            return None
        beside = None if self.source.file is None else Path(self.source.file).parent / name
        found = beside if beside is not None and beside.is_file() else Path(name)
        return found if found.is_file() else None

    # -- parts -----------------------------------------------------------------------
    def _share(self, state: State, together: _Together) -> None:
        """Tolls, and the value of a day, hold for all corridors together."""
        for land, toll in (self.transit_fee or {}).items():
            self.countries(state.world, (land,), "transit_fee")
            if together.tolls.setdefault(land, toll) != toll:
                self.fail(
                    ("transit_fee", land),
                    f"another corridor states {together.tolls[land]:g} USD per TEU for {land}: "
                    "a land has one toll.",
                )
        if together.value_of_time is None:
            together.value_of_time = self.value_of_time
        elif together.value_of_time != self.value_of_time:
            self.fail("value_of_time", "the corridors of a scenario have one value of a day.")

    def _together(self, state: State) -> _Together:
        found: _Together | None = state.pad.get(_PAD)
        if found is None:
            try:
                network = _engine().load_network(
                    None if self.network is None else self._folder()
                )
            except InputError as error:
                self.fail("network", str(error))
            found = state.pad[_PAD] = _Together(self.network, network, network)
        elif found.where != self.network:
            self.fail("network", "the corridors of a scenario are on one network.")
        return found

    def _folder(self) -> Path:
        """The network's folder, counted from the scenario's."""
        assert self.network is not None
        beside = None if self.source.file is None else Path(self.source.file).parent
        here = Path(self.network)
        found = here if beside is None else beside / here
        return found if found.is_dir() else here

    def _project(self, name: str, network: Network) -> Project:
        beside = None if self.source.file is None else Path(self.source.file).parent
        try:
            if network is _engine().load_network() and not name.endswith(SUFFIXES):
                return _embedded(name)
            own: Project = _engine().load_project(name, network, beside)
        except InputError as error:
            where = f"{error.place}: " if error.place else ""
            self.fail("use", f"{where}{error.what}", error.nearest)
        return own


@lru_cache(maxsize=64)
def _embedded(name: str) -> Project:
    """A project that comes with detente, on its network: read and checked once."""
    found: Project = _engine().load_project(name, _engine().load_network())
    return found


_BUILT: Kept[Network] = Kept(64)


def _with(network: Network, project: Project, speed: float | None) -> Network:
    """The network with a project; of those that come with detente, made once."""
    if project is not _known(project.project):
        return network.with_project(project, speed)
    # what projects have stated so far is no part of the content, and bears on the next one
    stated = repr(sorted(network.changes.items(), key=lambda item: item[0]))
    key = (network.content_hash, stated, project.project, speed)
    found = _BUILT.get(key)
    if found is None:
        found = network.with_project(project, speed)
        _BUILT.put(key, found)
    return found


def _known(name: str) -> Project | None:
    return _embedded(name) if name in _engine().project_names() else None


def _saving(state: State, together: _Together) -> _Saving:
    """The saving of the corridors in force, found once for the same networks and volumes."""
    world, volumes = state.world, _volumes(state)
    value_of_time = together.value_of_time or "central"
    key = (
        together.before.content_hash,
        together.after.content_hash,
        world.content_hash,
        hashlib.sha256(np.ascontiguousarray(volumes).tobytes()).digest(),
        value_of_time,
        bool(together.tolls),
    )
    kept = _KEPT.get(key)
    if kept is not None:
        return kept
    from detente.corridors.cost import cost_change  # noqa: PLC0415

    change = cost_change(
        world, together.before, together.after, volumes, value_of_time=value_of_time
    )
    remarks = (*change.remarks, *_full(change))
    transit = change.transit if together.tolls else None
    found = _Saving(change.cost_hat, remarks, _saved(change), transit)
    _KEPT.put(key, found)
    return found


def _volumes(state: State) -> Array:
    """Million USD that links carry at baseline prices, what opens included, (S, N, N).

    What opens is taken at ψ as before the bans whatever ψ is assumed, so that lines are filled
    by the trade that was there, and draws of ψ ask for the same network again.
    """
    world, opening = state.world, state.opening
    volumes: Array = world.flows * opening.link
    psi = state.as_before()
    if opening.link_open.any() and psi is not None:
        gained = opening.link_open * np.maximum(psi - world.trade_share * opening.link, 0.0)
        share = gained / (1.0 + gained.sum(axis=1, keepdims=True))
        volumes = volumes + share * world.expenditure[:, None, :] / (1.0 + world.tariff)
    n = np.arange(world.n_countries)
    volumes[:, n, n] = 0.0
    return volumes + state.additions.extra


def _saved(change: CostChange) -> str:
    """The pairs whose trade costs fall most, in words."""
    trade, codes = change.trade, change.world.countries
    total = trade.sum(axis=0)
    saved = (trade * (1.0 - change.cost_hat)).sum(axis=0)
    mean = np.divide(saved, total, out=np.zeros_like(saved), where=total > 0)
    falls = int((mean > _TRACE).sum())
    if not falls:
        return "no route that is used gets cheaper"
    first = np.argsort(-saved, axis=None)[: min(_NAMED, falls)]
    named = ", ".join(
        f"{codes[i]}→{codes[n]} −{100 * mean[i, n]:.2g} %"
        for i, n in (divmod(int(k), len(codes)) for k in first)
    )
    return f"{falls} pairs ship more cheaply, most of all by value {named}"


def _full(change: CostChange) -> list[str]:
    """Edges that are full, in words."""
    loads = change.loads
    full = loads[loads["shadow_usd_per_tonne"] > 1e-6]
    if full.empty:
        return []
    first = full.nlargest(_NAMED, "shadow_usd_per_tonne")
    named = ", ".join(
        f"{row['edge']} ({row['layer']}, {row['capacity_mt']:g} million t a year; one more "
        f"tonne would save {row['shadow_usd_per_tonne']:.3g} USD)"
        for _, row in first.iterrows()
    )
    more = f" and {len(full) - _NAMED} more" if len(full) > _NAMED else ""
    return [f"full: {named}{more}; the rest takes the next route"]
