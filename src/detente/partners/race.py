"""Whose partner a country becomes: observed, by gravity, and in equilibrium once it opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente._version import __version__
from detente.dormant import AS_BEFORE, NORMAL, DormantShares, recorded
from detente.equilibrium import solve_equilibrium
from detente.errors import InputError, NoSolutionError, NotConvergedError, nearest
from detente.partners.draws import Draw, draw, elasticity_errors
from detente.partners.units import Units, units
from detente.scenario import Scenario
from detente.world.core import Array, World

RELIEF, REFORM = "relief", "reform"
#: What is solved for; gravity's potential is drawn beside them, at today's costs.
STATES = (RELIEF, REFORM)
GRAVITY = "gravity"
RANKED = (GRAVITY, *STATES)
#: Every table of the world's bans, by the name that the command line has for them.
ALL = "all"
#: What a scenario reads of a world's metadata; the rest would only be copied.
_NEEDED = ("coverage_not_in_force",)
_ANCHOR = {RELIEF: AS_BEFORE, REFORM: NORMAL}


@dataclass(frozen=True, eq=False)
class Settings:
    """How a race is run.

    Attributes
    ----------
    lift : tuple of str
        Coverage tables that are lifted; empty lifts none.
    draws : int
        Draws of what is not known; 0 gives the central answer alone.
    seed : int
    elasticities : bool
        Draw the trade elasticities too.
    pair_error : float, optional
        Standard deviation of the log error that gravity makes for a single pair; by default
        that of the estimates.
    deficit_rule : str or mapping
    blocs : mapping, optional
    """

    lift: tuple[str, ...]
    draws: int = 200
    seed: int = 1
    elasticities: bool = True
    pair_error: float | None = None
    deficit_rule: Any = "fixed"
    blocs: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, eq=False)
class Race:
    """The partners of a country before and after it opens.

    Attributes
    ----------
    world : World
    shares : DormantShares
    settings : Settings
    units : Units
        U partners.
    table : DataFrame
        Index partner; see :func:`race`.
    welfare : mapping of str to float
        Welfare of the country as consumed, relative change, by state.
    income : float
        The country's own income in the baseline, million USD.
    totals : mapping of str to ndarray, shape (M, U)
        Trade by state and draw, million USD; the draws that were solved. ``gravity`` is its
        potential, with no equilibrium.
    noisy_totals : mapping of str to ndarray, shape (M, U)
        The same with each pair's own error.
    failed : mapping of str to int
        Draws without an answer, by state; they are left out.
    """

    world: World
    shares: DormantShares
    settings: Settings
    units: Units
    table: pd.DataFrame
    welfare: Mapping[str, float]
    income: float
    totals: Mapping[str, Array]
    noisy_totals: Mapping[str, Array]
    failed: Mapping[str, int] = field(default_factory=dict)

    @property
    def country(self) -> str:
        """Whose partners they are."""
        return self.shares.country

    def rank_probability(self, state: str, *, pair_error: bool = False) -> pd.DataFrame:
        """Probability of each rank over the draws.

        Parameters
        ----------
        state : str
            ``gravity``, ``relief`` or ``reform``.
        pair_error : bool
            Whether single pairs may miss gravity's prediction.

        Returns
        -------
        DataFrame, shape (U, U)
            Index partner, columns ranks from 1; rows and columns sum to one.
        """
        ranks = _ranks((self.noisy_totals if pair_error else self.totals)[state])
        size = len(self.units.codes)
        found = np.stack([(ranks == r).mean(axis=0) for r in range(1, size + 1)], axis=1)
        return pd.DataFrame(
            found,
            index=pd.Index(self.units.codes, name="partner"),
            columns=pd.Index(range(1, size + 1), name="rank"),
        )

    def probability_of_top(
        self, codes: Sequence[str], state: str, *, pair_error: bool = False
    ) -> float:
        """Probability that these partners, in any order, are the largest ones.

        Raises
        ------
        InputError
            A code that is no partner, or is named twice.
        """
        here = [self.units.position(code) for code in codes]
        if len(set(here)) < len(here):
            raise InputError("--top names a partner twice.")
        ranks = _ranks((self.noisy_totals if pair_error else self.totals)[state])
        return float((ranks[:, here] <= len(here)).all(axis=1).mean()) if len(ranks) else np.nan

    def provenance(self) -> dict[str, Any]:
        """World, version, settings: what makes this answer again."""
        return {
            "kind": "partners",
            "country": self.country,
            "version": __version__,
            "world": {"name": self.world.name, "hash": self.world.content_hash},
            "settings": {
                "lift": list(self.settings.lift),
                "draws": self.settings.draws,
                "seed": self.settings.seed,
                "elasticities": self.settings.elasticities,
                "pair_error": self.settings.pair_error,
                "deficit_rule": self.settings.deficit_rule,
            },
            "dormant": {k: v for k, v in self.shares.record.items() if k != "history"},
            "failed_draws": dict(self.failed),
            "welfare": dict(self.welfare),
        }


def race(
    world: World,
    country: str,
    settings: Settings,
    shares: DormantShares | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Race:
    """Partners observed, by gravity, and in equilibrium after relief and after reform.

    *Relief* lifts bans: links return to what they carried before (``as_before``). *Reform*
    lifts them and opens every link of the country to a normal border (``normal``).

    Parameters
    ----------
    world : World
    country : str
    settings : Settings
    shares : DormantShares, optional
        By default those that the world's record describes.
    progress : callable
        Told after every draw how many are done.

    Returns
    -------
    Race
        ``table`` has, by partner: ``name``; ``observed``, ``observed_exports``,
        ``observed_imports``, ``observed_rank``, ``observed_share``; ``potential_as_before``
        and ``potential_normal`` (gravity, at baseline costs and incomes) with ``_rank``; and
        for ``relief`` and ``reform`` the equilibrium: ``X``, ``X_exports``, ``X_imports``,
        ``X_rank``, ``X_share``, and over the draws ``X_low``, ``X_high`` (5 and 95 %; of
        ``potential_normal`` too). Million USD a year, net of tariff.

    Raises
    ------
    InputError
        An unknown country or coverage table; no dormant shares; nothing before a ban known.
    NoSolutionError, NotConvergedError
        The central answer has no equilibrium. A draw without one is counted instead.
    """
    shares = shares or recorded(world, country)
    if AS_BEFORE not in shares.anchors:
        raise InputError(
            f"what {country} traded before the bans is not known to world '{world.name}', so "
            "relief has no reference; give a history (docs/dormant.md)."
        )
    if settings.pair_error is None:
        settings = replace(settings, pair_error=shares.estimates.pair_error)
    if settings.elasticities and settings.draws:
        elasticity_errors(world)
    partners = units(world, country, settings.blocs)
    scenarios = {state: scenario(world, country, settings, state) for state in STATES}
    c = world.country_index(country)
    central = {
        state: solve_equilibrium(ready, scenarios[state].to_shocks(ready))
        for state in STATES
        for ready in (world.with_(dormant=_psi(shares.anchors, c)),)
    }
    totals, noisy, failed = _draws(shares, partners, scenarios, settings, progress)
    frame = _table(shares, partners, {s: eq.flows for s, eq in central.items()}, totals)
    return Race(
        world=world,
        shares=shares,
        settings=settings,
        units=partners,
        table=frame,
        welfare={s: float(eq.welfare_hat[c] - 1.0) for s, eq in central.items()},
        income=float(world.income[c] - world.deficit[c]),
        totals=totals,
        noisy_totals=noisy,
        failed=failed,
    )


def scenario(world: World, country: str, settings: Settings, state: str) -> Scenario:
    """The scenario of a state: bans lifted, and for reform a normal border.

    Raises
    ------
    InputError
        A coverage table that the world does not have.
    """
    off = world.meta.get("coverage_not_in_force", ())
    known = [name for name in world.coverage if name not in off]
    for name in settings.lift:
        if name not in known:
            has = ", ".join(known) or "none"
            raise InputError(
                f"--lift: no ban '{name}' is in force in world '{world.name}': {has}.",
                None,
                nearest(name, known),
            )
    measures: list[dict[str, Any]] = [
        {"unban": {"coverage": name, "exporter": a, "importer": b}}
        for name in settings.lift
        for a, b in ((country, "all"), ("all", country))
    ]
    if state == REFORM:
        measures.append({"open": {"country": country, "share": 1}})
    return Scenario.from_dict(
        {
            "scenario": f"{country}: {state}",
            "world": world.name,
            "openness_anchor": _ANCHOR[state],
            "deficit_rule": settings.deficit_rule,
            "measures": measures,
        }
    )


def _psi(anchors: Mapping[str, Any], country: int) -> dict[str, Array]:
    return {name: anchor.dormant_share(country) for name, anchor in anchors.items()}


def _draws(
    shares: DormantShares,
    partners: Units,
    scenarios: Mapping[str, Scenario],
    settings: Settings,
    progress: Callable[[int], None],
) -> tuple[dict[str, Array], dict[str, Array], dict[str, int]]:
    """Trade by partner, of every draw that has an answer."""
    c = shares.world.country_index(shares.country)
    streams = np.random.SeedSequence(settings.seed).spawn(settings.draws)
    plain: dict[str, list[Array]] = {s: [] for s in RANKED}
    noisy: dict[str, list[Array]] = {s: [] for s in RANKED}
    failed = dict.fromkeys(STATES, 0)
    error = settings.pair_error or 0.0
    slim = {k: v for k, v in shares.world.meta.items() if k in _NEEDED}
    bare = shares.world.with_(meta=slim, dormant={})
    for done, stream in enumerate(streams, start=1):
        drawn = draw(
            shares,
            np.random.default_rng(stream),
            elasticities=settings.elasticities,
            pair_error=error,
        )
        plain[GRAVITY].append(partners.members @ drawn.potential)
        noisy[GRAVITY].append(partners.members @ drawn.potential_noisy)
        for state in STATES:
            found = _solved(bare, c, partners, scenarios[state], drawn)
            if found is None:
                failed[state] += 1
                continue
            plain[state].append(found[0])
            noisy[state].append(found[1])
        progress(done)
    empty = np.zeros((0, len(partners.codes)))
    return (
        {s: np.stack(v) if v else empty for s, v in plain.items()},
        {s: np.stack(v) if v else empty for s, v in noisy.items()},
        failed,
    )


def _solved(
    bare: World, country: int, partners: Units, asked: Scenario, drawn: Draw
) -> tuple[Array, Array] | None:
    """Trade by partner of one draw, without and with pairs' own errors."""
    found = []
    for psi in (drawn.dormant, drawn.dormant_noisy):
        world = bare.with_(trade_elasticity=drawn.theta, dormant=psi)
        try:
            eq = solve_equilibrium(world, asked.to_shocks(world))
        except (NoSolutionError, NotConvergedError):
            return None
        sold, bought = partners.total(eq.flows, country)
        found.append(sold + bought)
    return found[0], found[1]


def _ranks(totals: Array) -> NDArray[np.intp]:
    """Rank of every partner in every draw, 1 the largest; shape (M, U)."""
    order = np.argsort(-totals, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, totals.shape[1] + 1)[None, :], axis=1)
    return ranks


def _table(
    shares: DormantShares,
    partners: Units,
    flows: Mapping[str, Array],
    totals: Mapping[str, Array],
) -> pd.DataFrame:
    world, c = shares.world, shares.world.country_index(shares.country)
    columns: dict[str, Any] = {"name": partners.names}
    for label, array in {"observed": world.flows, **flows}.items():
        sold, bought = partners.total(array, c)
        total = sold + bought
        columns[label] = total
        columns[f"{label}_exports"], columns[f"{label}_imports"] = sold, bought
        columns[f"{label}_rank"] = _rank(total)
        columns[f"{label}_share"] = total / total.sum() if total.sum() > 0 else 0.0
        if label in totals and len(totals[label]):
            low, high = np.quantile(totals[label], (0.05, 0.95), axis=0)
            columns[f"{label}_low"], columns[f"{label}_high"] = low, high
    for name, anchor in shares.anchors.items():
        value = partners.members @ (anchor.sales.value + anchor.purchases.value).sum(axis=0)
        columns[f"potential_{name}"] = value
        columns[f"potential_{name}_rank"] = _rank(value)
    if len(totals[GRAVITY]):
        low, high = np.quantile(totals[GRAVITY], (0.05, 0.95), axis=0)
        columns[f"potential_{NORMAL}_low"] = low
        columns[f"potential_{NORMAL}_high"] = high
    frame = pd.DataFrame(columns, index=pd.Index(partners.codes, name="partner"))
    return frame.sort_values([RELIEF, REFORM], ascending=False)


def _rank(total: Array) -> pd.array:  # type: ignore[valid-type]
    """Rank from 1, missing where there is no trade."""
    series = pd.Series(total)
    return series.where(series > 0).rank(ascending=False, method="min").astype("Int64").array
