"""The Result: an equilibrium and every table about it, made when asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
    solve_batch,
    solve_equilibrium,
)
from detente.scenario import Scenario
from detente.shocks import Shocks
from detente.solver import DEFAULT_TOLERANCE, MAX_ITERATIONS
from detente.world.core import World


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
    """

    equilibrium: Equilibrium
    scenario: Scenario | HasShocks
    source_world: World

    @property
    def certificate(self) -> Certificate:
        """Converged, iterations, seconds, largest residual and where, tolerance."""
        return self.equilibrium.certificate

    @property
    def world(self) -> World:
        """The baseline that the changes are measured from."""
        return self.equilibrium.world

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

    def partners(self, country: str) -> pd.DataFrame:
        """A country's partners, largest after the change first."""
        return outcomes.partners(self.equilibrium, country)

    @cached_property
    def focus(self) -> str:
        """The country whose welfare changes most, in percent."""
        change = np.abs(np.log(self.equilibrium.welfare_hat))
        return self.world.countries[int(np.argmax(change))]

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
        """Which world, scenario, version and settings made this; enough to make it again."""
        shocks, world = self.equilibrium.shocks, self.world
        scenario: dict[str, Any] = {
            "title": shocks.label,
            "at": shocks.notes.get("at"),
            "shocks_hash": shocks.content_hash,
            "notes": dict(shocks.notes),
        }
        if isinstance(self.scenario, Scenario):
            scenario["hash"] = self.scenario.content_hash
            scenario["text"] = self.scenario.to_yaml()
        return {
            "version": __version__,
            "world": {
                "name": self.source_world.name,
                "hash": self.source_world.content_hash,
                "baseline_hash": world.content_hash,
                "rebased": world is not self.source_world,
                "rebase_moved": world.meta.get("rebased", {}).get("expenditure", 0.0),
                "countries": world.n_countries,
                "sectors": world.n_sectors,
                "description": world.meta.get("description", ""),
            },
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
        if isinstance(self.scenario, Scenario):
            found["sensitivity"] = self.sensitivity(focus)
        return {
            key: table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
            for key, table in found.items()
        }

    def to_dict(self, country: str | None = None) -> dict[str, Any]:
        """JSON-able: certificate, world, scenario, version, settings, tables."""
        tables = {
            key: json.loads(table.to_json(orient="records", double_precision=15))
            for key, table in self.tables(country).items()
        }
        return self.provenance | {"tables": tables}

    def save(self, directory: str | Path, country: str | None = None) -> Path:
        """Write a run's folder: run.json, tables, charts, summary.md, report.html.

        Parameters
        ----------
        directory : str or Path
            Made if it is not there; a file in its place is an error.
        """
        from detente.report.folder import write_run  # noqa: PLC0415 (charts load late)
        from detente.report.view import View  # noqa: PLC0415

        return write_run(Path(directory), View.of(self, country))


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
        The scenario does not fit the world.
    NoSolutionError, NotConvergedError
        Never a silent wrong number.
    """
    asked: HasShocks = scenario
    prepared = world
    if isinstance(scenario, Scenario):
        prepared = scenario.prepare(world)
        if at is not None:
            asked = scenario.to_shocks(prepared, at)
    eq = solve_equilibrium(prepared, asked, tolerance=tolerance, max_iterations=max_iterations)
    return Result(eq, scenario, world)


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
    settings: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    assumes = [isinstance(s, Scenario) and s.prepare(world) is not world for s in scenarios]
    if any(assumes):  # other elasticities are other worlds: nothing to share
        return [solve(world, s, **settings) for s in scenarios]
    solved = solve_batch(world, scenarios, **settings)
    return [Result(eq, s, world) for eq, s in zip(solved, scenarios, strict=True)]
