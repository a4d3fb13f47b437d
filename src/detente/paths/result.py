"""The PathResult: years, phases and totals of a scenario, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente._version import __version__
from detente.equilibrium import Certificate, Equilibrium
from detente.openings.likely import provenance
from detente.outcomes import partners as partners_of
from detente.paths.fan import Fan
from detente.report.documents import document
from detente.result import WORLD_FILE, world_reference
from detente.scenario import Measure, Scenario
from detente.scenario.dates import status
from detente.scenario.opennesspath import FROM_RECORD as PATHS
from detente.scenario.regimefiles import Told, regimes_of, told
from detente.world.core import Array, World

#: Assumptions that a path reads, beside those of every run.
SETTINGS = (
    "years",
    "adjustment_years",
    "openness_path",
    "discount_rate",
    "capital",
    "capital_share",
    "depreciation",
)


@dataclass(frozen=True)
class PathCertificate:
    """What vouches for a path: how many equilibria, and the worst of them."""

    solves: int
    worst: Certificate
    seconds: float

    def __str__(self) -> str:
        w = self.worst
        return (
            f"{self.solves} equilibria, all converged: largest residual {w.residual:.1e} "
            f"({w.country}, {w.sector}), tolerance {w.tolerance:.0e}, {self.seconds:.2f} s"
        )


@dataclass(frozen=True, eq=False)
class Stage:
    """A phase, and the equilibrium that it would end in if it lasted.

    Attributes
    ----------
    begins, ends : date, optional
        Its first and last day; None where the path has no dates, or where it goes on.
    equilibrium : Equilibrium
        Every link adjusted, capital at rest.
    capital : ndarray, shape (N,)
        K̂ at rest; 1 where capital does not follow income.
    """

    begins: date | None
    ends: date | None
    equilibrium: Equilibrium
    capital: Array


@dataclass(frozen=True, eq=False)
class PathResult:
    """What a scenario does to a world year by year, against a baseline that does not change.

    Attributes
    ----------
    scenario : Scenario
        With its horizon in ``assumptions.years``.
    source_world : World
        The world as given.
    world : World
        The baseline, re-based for the deficit rule.
    calendar : tuple of int
        The years: of the calendar, or counted from 0 where no measure has a date.
    stages : tuple of Stage
        The phases.
    values : mapping of str to ndarray
        Means over each year: ``welfare_hat``, ``own_earnings_hat``, ``capital_hat``,
        ``deficit`` (Y, N); ``pairs`` (Y, N, N); ``output``, ``sector_exports``,
        ``sector_imports`` (Y, S, N). Money in million USD.
    certificate : PathCertificate
    fan : Fan, optional
        What the spread of openings in history makes of it
        (:func:`detente.paths.with_fan`).
    told : Told
        The scenario as a folder holds it, with its regimes' files.
    """

    scenario: Scenario
    source_world: World
    world: World
    calendar: tuple[int, ...]
    stages: tuple[Stage, ...]
    values: Mapping[str, Array]
    certificate: PathCertificate
    fan: Fan | None = None
    told: Told = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the regimes' files now: they may be others when a folder is written."""
        object.__setattr__(self, "told", told(self.scenario))

    # -- by year ---------------------------------------------------------------------
    @cached_property
    def equivalent_variation(self) -> Array:
        """(Ŵ − 1)·I, million USD a year, shape (Y, N)."""
        found: Array = (self.values["welfare_hat"] - 1.0) * self.world.income
        return found

    @cached_property
    def discount(self) -> Array:
        """Value of a year's money as its path begins, shape (Y,): (1 + r)^−y."""
        rate = self.scenario.assumptions.discount_rate
        factors: Array = (1.0 + rate) ** -np.arange(len(self.calendar), dtype=float)
        return factors

    @cached_property
    def years(self) -> pd.DataFrame:
        """Every country in every year.

        Returns
        -------
        DataFrame
            ``country``, ``name``, ``year``; ``welfare`` and ``own_earnings`` (changes as
            shares: 0.01 is 1 %); ``equivalent_variation`` and ``discounted`` (million USD);
            ``capital`` (K̂ − 1); ``exports``, ``imports``, ``trade`` of the baseline and the
            same with ``_new``, ``deficit_new`` (million USD, net of tariff).
        """
        world, values = self.world, self.values
        before = _pairs(world.flows)
        n_years = len(self.calendar)
        money = self.equivalent_variation
        columns = {
            "welfare": values["welfare_hat"] - 1.0,
            "own_earnings": values["own_earnings_hat"] - 1.0,
            "equivalent_variation": money,
            "discounted": money * self.discount[:, None],
            "capital": values["capital_hat"] - 1.0,
            "exports": np.tile(before.sum(axis=1), (n_years, 1)),
            "exports_new": values["pairs"].sum(axis=2),
            "imports": np.tile(before.sum(axis=0), (n_years, 1)),
            "imports_new": values["pairs"].sum(axis=1),
        }
        columns["trade"] = columns["exports"] + columns["imports"]
        columns["trade_new"] = columns["exports_new"] + columns["imports_new"]
        columns["deficit_new"] = values["deficit"]
        return pd.DataFrame(
            {
                "country": np.repeat(world.countries, n_years),
                "name": np.repeat(world.country_names, n_years),
                "year": np.tile(self.calendar, world.n_countries),
                **{key: value.T.ravel() for key, value in columns.items()},
            }
        )

    def of(self, country: str) -> pd.DataFrame:
        """The rows of one country, by year.

        Raises
        ------
        WorldError
            The world does not have it.
        """
        self.world.country_index(country)
        table = self.years
        return table[table["country"] == country].set_index("year").drop(columns="country")

    def partners(self, country: str) -> pd.DataFrame:
        """A country's trade with each partner by year, million USD, net of tariff.

        Returns
        -------
        DataFrame
            ``partner``, ``name``, ``year``, ``exports``, ``exports_new``, ``imports``,
            ``imports_new``, ``trade``, ``trade_new`` (seen from the country) and ``share_new``
            of its trade; largest partners of the last year first.
        """
        world, pairs = self.world, self.values["pairs"]
        c = world.country_index(country)
        before = _pairs(world.flows)
        sold, bought = pairs[:, c], pairs[:, :, c]
        total = sold + bought
        order = [int(j) for j in np.argsort(-total[-1], kind="stable") if j != c]
        whole = total.sum(axis=1)
        parts = [
            pd.DataFrame(
                {
                    "partner": world.countries[j],
                    "name": world.country_names[j],
                    "year": self.calendar,
                    "exports": before[c, j],
                    "exports_new": sold[:, j],
                    "imports": before[j, c],
                    "imports_new": bought[:, j],
                    "trade": before[c, j] + before[j, c],
                    "trade_new": total[:, j],
                    "share_new": total[:, j] / np.where(whole > 0, whole, 1.0),
                }
            )
            for j in order
        ]
        return pd.concat(parts, ignore_index=True)

    def sectors(self, country: str) -> pd.DataFrame:
        """A country's output, exports and imports by sector and year, million USD."""
        world, values = self.world, self.values
        c = world.country_index(country)
        n_years = len(self.calendar)
        abroad = world.flows.copy()
        own = np.arange(world.n_countries)
        abroad[:, own, own] = 0.0
        before = {
            "output": world.output[:, c],
            "exports": abroad[:, c].sum(axis=1),
            "imports": abroad[:, :, c].sum(axis=1),
        }
        after = {
            "output_new": values["output"][:, :, c],
            "exports_new": values["sector_exports"][:, :, c],
            "imports_new": values["sector_imports"][:, :, c],
        }
        return pd.DataFrame(
            {
                "sector": np.repeat(world.sectors, n_years),
                "name": np.repeat(world.sector_names, n_years),
                "year": np.tile(self.calendar, world.n_sectors),
                **{key: np.repeat(value, n_years) for key, value in before.items()},
                **{key: value.T.ravel() for key, value in after.items()},
            }
        )

    @cached_property
    def focus(self) -> str:
        """The country whose welfare is furthest from the baseline in any year, in percent."""
        change = np.abs(np.log(self.values["welfare_hat"])).max(axis=0)
        return self.world.countries[int(np.argmax(np.where(change > 1e-10, change, 0.0)))]

    # -- by phase --------------------------------------------------------------------
    @property
    def phases(self) -> pd.DataFrame:
        """The phases, with figures of the country in focus (:meth:`phases_of`)."""
        return self.phases_of(self.focus)

    def phases_of(self, country: str) -> pd.DataFrame:
        """Each phase between two dates, as if it lasted until everything has adjusted.

        Returns
        -------
        DataFrame
            ``from``, ``to`` (text; empty at an open end), ``in_force`` (measures),
            ``welfare``, ``own_earnings``, ``capital`` (changes as shares),
            ``equivalent_variation``, ``exports_new``, ``imports_new``, ``trade``,
            ``trade_new`` (million USD) of the country, and its three largest ``partners``.
        """
        rows = []
        c = self.world.country_index(country)
        for stage in self.stages:
            eq = stage.equilibrium
            table = partners_of(eq, country)
            top = table["share_new"].head(3)
            rows.append(
                {
                    "from": "" if stage.begins is None else stage.begins.isoformat(),
                    "to": "" if stage.ends is None else stage.ends.isoformat(),
                    "in_force": "; ".join(
                        self.in_force(stage.begins, eq.shocks.notes.get("measures", ()))
                    ),
                    "welfare": float(eq.welfare_hat[c] - 1.0),
                    "own_earnings": float(eq.own_earnings_hat[c] - 1.0),
                    "capital": float(stage.capital[c] - 1.0),
                    "equivalent_variation": float(eq.equivalent_variation[c]),
                    "exports_new": float(table["exports_new"].sum()),
                    "imports_new": float(table["imports_new"].sum()),
                    "trade": float(table["total"].sum()),
                    "trade_new": float(table["total_new"].sum()),
                    "partners": ", ".join(f"{code} {part:.0%}" for code, part in top.items()),
                }
            )
        return pd.DataFrame(rows)

    def in_force(self, day: date | None, notes: Sequence[Mapping[str, Any]] = ()) -> list[str]:
        """The measures in force on a day, in words; those that touch nothing are marked so."""
        said = [str(note["touched"] or "") for note in notes]
        idle = {j for j, words in enumerate(said) if words.startswith("nothing")}
        return [
            measure_in_words(m) + (" [touches nothing]" if j in idle else "")
            for j, m in enumerate(self.told.named)
            if status(m, day) == "active"
        ]

    # -- totals ----------------------------------------------------------------------
    @cached_property
    def totals(self) -> pd.DataFrame:
        """Equivalent variation over all years, by country.

        Returns
        -------
        DataFrame
            ``country``, ``name``, ``first_year``, ``last_year``; ``undiscounted`` and
            ``discounted`` (million USD, at the value of the first year);
            ``share_of_income``: the discounted sum over the baseline's income of as many
            years, discounted too.
        """
        money, income = self.equivalent_variation, self.world.income
        discounted = self.discount @ money
        return pd.DataFrame(
            {
                "country": self.world.countries,
                "name": self.world.country_names,
                "first_year": self.calendar[0],
                "last_year": self.calendar[-1],
                "undiscounted": money.sum(axis=0),
                "discounted": discounted,
                "share_of_income": discounted / (income * self.discount.sum()),
            }
        )

    # -- what made it ------------------------------------------------------------------
    @property
    def provenance(self) -> dict[str, Any]:
        """Which world, scenario, version and settings made this; enough to make it again."""
        given, base = self.source_world, self.world
        reference = world_reference(given)
        written = self.told.scenario.with_(world=reference)
        assumed = self.scenario.assumptions.model_dump(mode="json")
        return {
            "what": "path",
            "version": __version__,
            "world": {
                "name": given.name,
                "file": WORLD_FILE if reference == WORLD_FILE else None,
                "hash": given.content_hash,
                "baseline_hash": base.content_hash,
                "countries": base.n_countries,
                "sectors": base.n_sectors,
            },
            "scenario": {
                "title": written.title,
                "hash": written.content_hash,
                "text": written.to_yaml(),
                "regimes": regimes_of(self.told, given),
            },
            "settings": {
                "tolerance": self.certificate.worst.tolerance,
                "deficit_rule": self.scenario.assumptions.rule,
                **{key: assumed[key] for key in SETTINGS},
                "draws": 0 if self.fan is None else self.fan.asked,
                "seed": None if self.fan is None else self.fan.seed,
            },
            **({"openings": provenance()} if assumed["openness_path"] in PATHS else {}),
            "provisional": self.provisional,
            "certificate": {
                "solves": self.certificate.solves,
                "seconds": self.certificate.seconds,
                "worst": self.certificate.worst.as_dict(),
            },
        }

    @property
    def provisional(self) -> bool:
        """Whether any phase rests on dormant shares that are provisional."""
        noted = [s.equilibrium.shocks.notes.get("dormant_share", {}) for s in self.stages]
        return any(n.get("provisional") and n.get("used") for n in noted)

    def tables(self, country: str | None = None) -> dict[str, pd.DataFrame]:
        """Every table by name, about one country (by default the most affected)."""
        focus = country or self.focus
        found = {
            "path_years": self.years,
            "path_phases": self.phases_of(focus).assign(country=focus),
            "path_totals": self.totals,
            "path_partners": self.partners(focus).assign(country=focus),
            "path_sectors": self.sectors(focus).assign(country=focus),
        }
        if self.fan is not None:
            found["path_fan"] = self.fan.table
            found["path_fan_partners"] = self.fan.partners(focus).assign(country=focus)
        return found

    def to_dict(self, country: str | None = None) -> dict[str, Any]:
        """JSON-able: provenance and every table."""
        return document(self.provenance, self.tables(country))

    def chart(self, country: str | None = None) -> str:
        """Welfare and the largest partners against the baseline, as SVG."""
        from detente.paths.chart import chart  # noqa: PLC0415 (charts load late)

        return chart(self, country or self.focus)

    def save(self, directory: str | Path, country: str | None = None) -> Path:
        """Write a folder: tables (csv and parquet), path.svg, path.json, run.json.

        Parameters
        ----------
        directory : str or Path
            Made if it is not there; an older folder of detente's is replaced, another refused.
        """
        from detente.paths.folder import write_path  # noqa: PLC0415 (charts load late)

        return write_path(Path(directory), self, country)


def measure_in_words(measure: Measure) -> str:
    """A measure's kind and what it is about: ``lift unsc-dprk (2371, 2375-16)``."""
    fields = measure.to_dict()[measure.kind]
    parts = [measure.kind]
    for key in ("regime", "coverage", "country"):
        if isinstance(fields.get(key), str | list | tuple):
            parts.append(_listed(fields[key]))
            break
    else:
        sides = [fields.get(key) for key in ("exporter", "importer")]
        if all(sides):
            parts.append("→".join(_listed(side) for side in sides))
        elif fields.get("from") and fields.get("to"):
            parts.append(f"{fields['from']}→{fields['to']}")
    if fields.get("provisions"):
        parts.append(f"({_listed(fields['provisions'])})")
    if fields.get("senders"):
        parts.append(f"by {_listed(fields['senders'])}")
    return " ".join(parts)


def _listed(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(str(v) for v in value)


def _pairs(flows: Array) -> Array:
    """Trade of all sectors, [i, n], own sales zero."""
    pairs: Array = flows.sum(axis=0)
    np.fill_diagonal(pairs, 0.0)
    return pairs
