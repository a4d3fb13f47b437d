"""The Result: an equilibrium and every table about it, made when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente import outcomes
from detente._version import __version__
from detente.equilibrium import (
    Certificate,
    Equilibrium,
    HasShocks,
    require_arguments,
    solve_batch,
    solve_equilibrium,
)
from detente.errors import InputError, NoSolutionError
from detente.report.documents import document
from detente.scenario import Scenario
from detente.scenario.onday import OnDay
from detente.scenario.regimefiles import Told, regimes_of, told
from detente.shocks import Shocks
from detente.solver import DEFAULT_TOLERANCE, MAX_ITERATIONS
from detente.world.catalogue import list_worlds
from detente.world.core import World
from detente.world.rebase import rebase_report

#: What a run's folder, and the scenario in it, call a world that does not come with detente.
WORLD_FILE = "world.npz"


@dataclass(frozen=True, eq=False)
class Result:
    """What a scenario does to a world.

    Attributes
    ----------
    equilibrium : Equilibrium
        The solved arrays.
    scenario : Scenario or Shocks
        What was asked.
    source_world : World
        The world as given (the baseline in ``equilibrium`` is re-based).
    told : Told or None
        The scenario as a folder holds it, with its regimes' files; None for Shocks.
    """

    equilibrium: Equilibrium
    scenario: Scenario | HasShocks
    source_world: World
    told: Told | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the regimes' files now: they may be others when a folder is written."""
        asked = self.scenario
        object.__setattr__(self, "told", told(asked) if isinstance(asked, Scenario) else None)

    @property
    def certificate(self) -> Certificate:
        """Converged, iterations, seconds, largest residual and where, tolerance."""
        return self.equilibrium.certificate

    @property
    def world(self) -> World:
        """The baseline that the changes are measured from."""
        return self.equilibrium.world

    @property
    def rebased(self) -> bool:
        """Whether the baseline is another than the world as given."""
        moved = self.world.meta.get("rebased")
        return moved is not None and moved != self.source_world.meta.get("rebased")

    @cached_property
    def welfare(self) -> pd.DataFrame:
        """Welfare by country (:func:`detente.outcomes.welfare`)."""
        return outcomes.welfare(self.equilibrium)

    @cached_property
    def trade(self) -> pd.DataFrame:
        """Trade by sector and pair (:func:`detente.outcomes.trade`)."""
        return outcomes.trade(self.equilibrium)

    @cached_property
    def sectors(self) -> pd.DataFrame:
        """Output, value added and trade by country and sector."""
        return outcomes.sectors(self.equilibrium)

    @cached_property
    def tariff_revenue(self) -> pd.DataFrame:
        """Tariff revenue by country."""
        return outcomes.tariff_revenue(self.equilibrium)

    @cached_property
    def creation_diversion(self) -> pd.DataFrame:
        """Trade creation and diversion by importer."""
        return outcomes.creation_diversion(self.equilibrium)

    @cached_property
    def concentration(self) -> pd.DataFrame:
        """Herfindahl–Hirschman index of partners by country."""
        return outcomes.concentration(self.equilibrium)

    @cached_property
    def decomposition(self) -> pd.DataFrame:
        """Exact chained decomposition of ln Ŵ; its parts add up."""
        return outcomes.decomposition(self.equilibrium)

    @cached_property
    def cp_decomposition(self) -> pd.DataFrame:
        """Caliendo & Parro's one-step formula."""
        return outcomes.cp_decomposition(self.equilibrium)

    @cached_property
    def closed(self) -> pd.DataFrame:
        """What the law still closes, by pair and regime (:func:`detente.outcomes.closed`)."""
        return outcomes.closed(self.equilibrium)

    @cached_property
    def caps(self) -> pd.DataFrame:
        """Quantity caps, whether they bind, and the rent (:func:`detente.outcomes.caps`)."""
        return outcomes.caps(self.equilibrium)

    def partners(self, country: str) -> pd.DataFrame:
        """A country's partners, largest after the change first."""
        return outcomes.partners(self.equilibrium, country)

    @property
    def files(self) -> Mapping[str, bytes]:
        """Files that its folder's scenario names: ``regimes/NAME.yaml``."""
        return {} if self.told is None else self.told.files

    @cached_property
    def focus(self) -> str:
        """The country whose welfare changes most, in percent."""
        change = np.abs(np.log(self.equilibrium.welfare_hat))
        # where nothing changes but for rounding, the world's first country
        return self.world.countries[int(np.argmax(np.where(change > 1e-10, change, 0.0)))]

    def sensitivity(self, country: str | None = None) -> pd.DataFrame:
        """The answer at ψ × 0.1 and 10 and under every deficit rule; empty for Shocks."""
        if not isinstance(self.scenario, Scenario):
            return pd.DataFrame()
        prepared = self.scenario.prepare(self.source_world)
        return outcomes.sensitivity(
            prepared, self.scenario, country or self.focus, self.equilibrium
        )

    @property
    def provisional(self) -> bool:
        """Whether the answer rests on dormant shares that are provisional."""
        noted = self.equilibrium.shocks.notes.get("dormant_share", {})
        return bool(noted.get("provisional") and noted.get("used"))

    @property
    def provenance(self) -> dict[str, Any]:
        """Which world, scenario, version and settings made this; enough to make it again.

        The scenario's text names the world that it was solved on: an embedded one by its
        name, any other as ``world.npz``, and regimes of files as ``regimes/NAME.yaml``, which
        a run's folder holds. Its hash is the text's; each regime has its own.
        """
        shocks, world = self.equilibrium.shocks, self.world
        reference = world_reference(self.source_world)
        scenario: dict[str, Any] = {
            "title": shocks.label,
            "at": shocks.notes.get("at"),
            "shocks_hash": shocks.content_hash,
            "notes": dict(shocks.notes),
        }
        if self.told is not None:
            written = self.told.scenario.with_(world=reference)
            scenario |= {
                "hash": written.content_hash,
                "text": written.to_yaml(),
                "regimes": regimes_of(self.told, self.source_world),
            }
        return {
            "version": __version__,
            "world": self._world_facts(WORLD_FILE if reference == WORLD_FILE else None),
            "scenario": scenario,
            "settings": {
                "tolerance": self.certificate.tolerance,
                "deficit_rule": shocks.deficit_rule,
                "proportional_to": shocks.proportional_to,
                "trade_elasticity": dict(
                    zip(world.sectors, map(float, world.trade_elasticity), strict=True)
                ),
            },
            "provisional": self.provisional,
            "certificate": self.certificate.as_dict(),
        }

    def _world_facts(self, file: str | None) -> dict[str, Any]:
        """What the provenance says of the world; ``file`` where it is not embedded."""
        given, world = self.source_world, self.world
        return {
            "name": given.name,
            "file": file,
            "hash": given.content_hash,
            "baseline_hash": world.content_hash,
            "rebased": self.rebased,
            "rebase_moved": world.meta["rebased"]["expenditure"] if self.rebased else 0.0,
            "countries": world.n_countries,
            "sectors": world.n_sectors,
            "description": world.meta.get("description", ""),
        }

    def tables(self, country: str | None = None) -> dict[str, pd.DataFrame]:
        """Every table by name, with plain columns (no index)."""
        focus = country or self.focus
        found = {
            "welfare": self.welfare,
            "partners": self.partners(focus).assign(country=focus),
            "trade": self.trade,
            "sectors": self.sectors,
            "tariff_revenue": self.tariff_revenue,
            "creation_diversion": self.creation_diversion,
            "concentration": self.concentration,
            "decomposition": self.decomposition,
            "cp_decomposition": self.cp_decomposition,
        }
        if "closed" in self.equilibrium.shocks.notes:
            found |= {"closed": self.closed, "caps": self.caps}
        if isinstance(self.scenario, Scenario):
            found["sensitivity"] = self.sensitivity(focus)
        if self.rebased:
            by_country, by_sector = rebase_report(self.world)
            found |= {"rebase_by_country": by_country, "rebase_by_sector": by_sector}
        return {
            key: table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
            for key, table in found.items()
        }

    def to_dict(self, country: str | None = None) -> dict[str, Any]:
        """JSON-able: certificate, world, scenario, version, settings, tables."""
        return document(self.provenance, self.tables(country))

    def save(self, directory: str | Path, country: str | None = None) -> Path:
        """Write a run's folder: run.json, scenario, tables, charts, summary.md, report.html.

        Parameters
        ----------
        directory : str or Path
            Made if it is not there; a file in its place is an error.
        """
        from detente.report.folder import write_run  # noqa: PLC0415 (charts load late)
        from detente.report.view import View  # noqa: PLC0415

        return write_run(Path(directory), View.of(self, country), self.files)


def world_reference(world: World) -> str:
    """How a scenario or command names a world: by name if it is embedded, else a file."""
    known = list_worlds().set_index("name")["hash"]
    begins = str(known.get(world.name, ""))
    return world.name if begins and world.content_hash.startswith(begins) else WORLD_FILE


def solve(
    world: World,
    scenario: Scenario | Shocks | HasShocks,
    *,
    at: date | str | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Result:
    """Solve a scenario, or Shocks built by hand, on a world.

    Parameters
    ----------
    world : World
    scenario : Scenario or Shocks
    at : date or str, optional
        Of a scenario with dates, the state on that day; by default at its end.
    tolerance : float
        Largest relative residual accepted.
    max_iterations : int

    Returns
    -------
    Result

    Raises
    ------
    InputError
        The scenario does not fit the world, or ``at`` is given with Shocks.
    NoSolutionError, NotConvergedError
        Never a silent wrong number.
    """
    require_arguments(world, scenario, tolerance, max_iterations)
    if at is not None and not isinstance(scenario, Scenario):
        raise InputError("'at' is for scenarios with dates; these are Shocks.")
    asked: HasShocks = scenario
    prepared = world
    if isinstance(scenario, Scenario):
        prepared = scenario.prepare(world)
        if at is not None:
            asked = OnDay(scenario, at)
    try:
        eq = solve_equilibrium(
            prepared, asked, tolerance=tolerance, max_iterations=max_iterations
        )
    except NoSolutionError as error:
        if not isinstance(scenario, Scenario):
            raise
        raise NoSolutionError(f"{error}{_in_force(scenario, prepared, at)}") from None
    return Result(eq, scenario, world)


def _in_force(scenario: Scenario, world: World, at: date | str | None) -> str:
    """Which measures, on which lines of the file, are in force where nothing solves."""
    notes = scenario.to_shocks(world, at).notes["measures"]
    active = [f"{m['kind']} (line {m['line']})" for m in notes if m["status"] == "active"]
    if not active:
        return ""
    return f" In force in {scenario.file or 'the scenario'}: {', '.join(active)}."


def solve_many(
    world: World,
    scenarios: Sequence[Scenario | Shocks | HasShocks],
    *,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> list[Result]:
    """Solve several scenarios on one world; each result is as :func:`solve` gives it.

    Raises
    ------
    DetenteError
        Of the first scenario that has no answer; a note says which it is.
    """
    for scenario in scenarios:
        require_arguments(world, scenario, tolerance, max_iterations)
    settings: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    assumes = [isinstance(s, Scenario) and s.prepare(world) is not world for s in scenarios]
    if any(assumes):  # other elasticities are other worlds: nothing to share
        return [solve(world, s, **settings) for s in scenarios]
    solved = solve_batch(world, scenarios, **settings)
    return [Result(eq, s, world) for eq, s in zip(solved, scenarios, strict=True)]
