"""Whose partner a country becomes: observed, by gravity, and in equilibrium once it opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from detente._version import __version__
from detente.dormant import AS_BEFORE, NORMAL, DormantShares, recorded
from detente.dormant.kinds import NEVER, bans_in_force
from detente.equilibrium import Equilibrium, HasShocks, solve_equilibrium
from detente.errors import InputError, NoSolutionError, NotConvergedError, nearest
from detente.openings import likely
from detente.openings.record import load_record
from detente.partners import ranks
from detente.partners.draws import ERRORS, Draw, draw
from detente.partners.pace import AT_ONCE, Timing, timing
from detente.partners.units import Units, units
from detente.scenario import Scenario
from detente.scenario.opennesspath import FROM_RECORD
from detente.world.core import Array, World

RELIEF, REFORM = "relief", "reform"
#: What is solved for, and by which anchor.
_ANCHOR = {RELIEF: AS_BEFORE, REFORM: NORMAL}
#: Gravity's potential is drawn beside them, at today's costs.
GRAVITY = "gravity"
#: What a scenario reads of a world's metadata; the rest would only be copied.
_NEEDED = ("coverage_not_in_force", "law", "members")


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
        Draw the trade elasticities too, where the world says how sure they are.
    pair_error : float, optional
        Standard deviation of the log error that gravity makes for a single pair; by default
        that of the estimates. None is drawn with the base rate, whose levels hold it.
    deficit_rule : str or mapping
    blocs : mapping, optional
    openness_path : str or mapping
        How far and how fast what opens is there, as in a scenario; by default all of it, at
        once.
    after : float, optional
        Years after opening, with another path; by default 15.
    """

    lift: tuple[str, ...]
    draws: int = 200
    seed: int = 1
    elasticities: bool = True
    pair_error: float | None = None
    deficit_rule: Any = "fixed"
    blocs: Mapping[str, Sequence[str]] | None = None
    openness_path: Any = AT_ONCE
    after: float | None = None

    @property
    def timing(self) -> Timing:
        """The path and the years, checked."""
        return timing(self.openness_path, self.after)


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
    never_seen : mapping of str to float
        Trade on links of which there is no trade to go by, million USD, by state.
    totals : mapping of str to ndarray, shape (M, U)
        Trade by state and draw, million USD; the draws that were solved. ``gravity`` is its
        potential, with no equilibrium.
    noisy_totals : mapping of str to ndarray, shape (M, U)
        The same with each pair's own error; the same draws where none is drawn.
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
    never_seen: Mapping[str, float]
    totals: Mapping[str, Array]
    noisy_totals: Mapping[str, Array]
    failed: Mapping[str, int] = field(default_factory=dict)

    @property
    def country(self) -> str:
        """Whose partners they are."""
        return self.shares.country

    @property
    def states(self) -> tuple[str, ...]:
        """What was solved for: relief (where there is a history) and reform."""
        return tuple(self.welfare)

    @property
    def ranked(self) -> tuple[str, ...]:
        """What partners are ranked by: gravity's potential, and the states."""
        return (GRAVITY, *self.states)

    @property
    def still_in_force(self) -> tuple[str, ...]:
        """Bans that were not lifted."""
        return tuple(n for n in bans_in_force(self.world) if n not in self.settings.lift)

    def rank_probability(self, state: str, *, pair_error: bool = False) -> pd.DataFrame:
        """Probability of each rank over the draws.

        Parameters
        ----------
        state : str
            One of ``ranked``.
        pair_error : bool
            Whether single pairs may miss gravity's prediction.

        Returns
        -------
        DataFrame, shape (U, U)
            Index partner, columns ranks from 1; a partner without trade has no rank.
        """
        totals = self.noisy_totals if pair_error else self.totals
        return ranks.rank_probability(totals[state], self.units)

    def probability_of_top(
        self, codes: Sequence[str], state: str, *, pair_error: bool = False
    ) -> float:
        """Probability that these partners, in any order, are the largest ones."""
        totals = self.noisy_totals if pair_error else self.totals
        return ranks.probability_of_top(totals[state], self.units, codes)

    def provenance(self) -> dict[str, Any]:
        """World, version, settings: what makes this answer again.

        An ``openness_path`` is named where it is not ``immediate``, with its years, and with
        the hashes of the record of openings and of the curve's draws where it is read off
        them.
        """
        given = self.settings
        paced = {"openness_path": given.openness_path, "after": given.timing.after}
        from_record = given.openness_path in FROM_RECORD
        return {
            "kind": "partners",
            "country": self.country,
            "version": __version__,
            "world": {"name": self.world.name, "hash": self.world.content_hash},
            "settings": {
                "lift": list(given.lift),
                "draws": given.draws,
                "seed": given.seed,
                "elasticities": given.elasticities,
                "pair_error": given.pair_error,
                "deficit_rule": given.deficit_rule,
                **({} if given.timing.at_once else paced),
            },
            **({"openings": _record()} if from_record else {}),
            "still_in_force": list(self.still_in_force),
            "dormant": {k: v for k, v in self.shares.record.items() if k != "history"},
            "failed_draws": dict(self.failed),
            "welfare": dict(self.welfare),
            "never_seen": dict(self.never_seen),
        }


def _record() -> dict[str, str]:
    """Hashes of the record of openings, and of the draws of its curve."""
    return {
        "record": load_record().content_hash,
        "curve": likely.facts()["draws_sha256"],
    }


def race(
    world: World,
    country: str,
    settings: Settings,
    shares: DormantShares | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Race:
    """Partners observed, by gravity, and in equilibrium after relief and after reform.

    *Relief* lifts bans: links return to what they carried before (``as_before``); it needs a
    history. *Reform* lifts them and opens every link of the country to a normal border
    (``normal``).

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
        ``X_rank``, ``X_share``, and over the draws ``X_low``, ``X_median``, ``X_high`` (5, 50
        and 95 %; of ``potential_normal`` too). Million USD a year, net of tariff.

    Raises
    ------
    InputError
        An unknown country or coverage table; no dormant shares.
    NoSolutionError, NotConvergedError
        The central answer has no equilibrium. A draw without one is counted instead.
    """
    shares = shares or recorded(world, country)
    settings = _settled(settings, world, shares)
    pace = settings.timing
    partners = units(world, country, settings.blocs)
    states = [s for s, anchor in _ANCHOR.items() if anchor in shares.anchors]
    scenarios = {state: scenario(world, country, settings, state) for state in states}
    c = world.country_index(country)
    ready = world.with_(
        dormant={name: anchor.dormant_share(c) for name, anchor in shares.anchors.items()}
    )
    central = {
        s: solve_equilibrium(ready, pace.part(asked, pace.middle()))
        for s, asked in scenarios.items()
    }
    totals, noisy, failed = _draws(shares, partners, scenarios, settings, progress)
    baseline = central[REFORM].world
    return Race(
        world=world,
        shares=shares,
        settings=settings,
        units=partners,
        table=_table(shares, partners, central, totals),
        welfare={s: float(eq.welfare_hat[c] - 1.0) for s, eq in central.items()},
        income=float(baseline.income[c] - baseline.deficit[c]),
        never_seen={s: _never_seen(shares, eq) for s, eq in central.items()},
        totals=totals,
        noisy_totals=noisy,
        failed=failed,
    )


def _settled(settings: Settings, world: World, shares: DormantShares) -> Settings:
    """What was left to defaults, filled in."""
    pace, error = settings.timing, settings.pair_error
    if pace.drawn and error:
        raise InputError(
            f"pair_error {error:g}: with the base rate each partner's level is drawn, which "
            "holds what gravity misses of a pair; leave it out."
        )
    if error is None:
        error = 0.0 if pace.drawn else shares.estimates.pair_error
    return replace(
        settings,
        pair_error=error,
        elasticities=settings.elasticities and bool(world.meta.get(ERRORS)),
        openness_path=pace.path,
    )


def scenario(world: World, country: str, settings: Settings, state: str) -> Scenario:
    """The scenario of a state: bans lifted, and for reform a normal border.

    Raises
    ------
    InputError
        A coverage table that the world does not have.
    """
    known = bans_in_force(world)
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


# -- draws -----------------------------------------------------------------------------
_Totals = dict[str, Array]


def _draws(
    shares: DormantShares,
    partners: Units,
    scenarios: Mapping[str, Scenario],
    settings: Settings,
    progress: Callable[[int], None],
) -> tuple[_Totals, _Totals, dict[str, int]]:
    """Trade by partner, of every draw that has an answer."""
    states = (GRAVITY, *scenarios)
    plain: dict[str, list[Array]] = {s: [] for s in states}
    noisy: dict[str, list[Array]] = {s: [] for s in states}
    slim = {k: v for k, v in shares.world.meta.items() if k in _NEEDED}
    bare = shares.world.with_(meta=slim, dormant={})
    c = bare.country_index(shares.country)
    pace = settings.timing
    streams = np.random.SeedSequence(settings.seed).spawn(settings.draws)
    for done, stream in enumerate(streams, start=1):
        rng = np.random.default_rng(stream)
        drawn = _drawn(shares, rng, settings)
        if drawn is not None:
            plain[GRAVITY].append(partners.members @ drawn.potential)
            noisy[GRAVITY].append(partners.members @ drawn.potential_noisy)
            share = pace.draw(rng, bare.n_countries, c)  # last: other draws stay what they are
            for state, whole in scenarios.items():
                asked = pace.part(whole, share)
                total = _solved(bare, c, partners, asked, drawn.theta, drawn.dormant)
                plain[state] += [] if total is None else [total]
                if settings.pair_error:
                    total = _solved(bare, c, partners, asked, drawn.theta, drawn.dormant_noisy)
                noisy[state] += [] if total is None else [total]
        progress(done)
    failed = {s: settings.draws - min(len(plain[s]), len(noisy[s])) for s in states}
    return _stacked(plain, partners), _stacked(noisy, partners), failed


def _stacked(found: Mapping[str, list[Array]], partners: Units) -> _Totals:
    empty = np.zeros((0, len(partners.codes)))
    return {s: np.stack(v) if v else empty for s, v in found.items()}


def _drawn(shares: DormantShares, rng: np.random.Generator, settings: Settings) -> Draw | None:
    try:
        return draw(
            shares,
            rng,
            elasticities=settings.elasticities,
            pair_error=settings.pair_error or 0.0,
        )
    except NotConvergedError:
        return None


def _solved(
    bare: World,
    country: int,
    partners: Units,
    asked: HasShocks,
    theta: Array,
    psi: Mapping[str, Array],
) -> Array | None:
    """Trade by partner of one draw; None where it has no equilibrium."""
    world = bare.with_(trade_elasticity=theta, dormant=psi)
    try:
        eq = solve_equilibrium(world, asked)
    except (NoSolutionError, NotConvergedError):
        return None
    sold, bought = partners.total(eq.flows, country)
    found: Array = sold + bought
    return found


# -- the table -------------------------------------------------------------------------
def _never_seen(shares: DormantShares, eq: Equilibrium) -> float:
    """Trade of the country, once open, on links of the kind ``never``."""
    c, kinds = eq.world.country_index(shares.country), shares.kinds
    sold = eq.flows[:, c][kinds.sales == NEVER].sum()
    return float(sold + eq.flows[:, :, c][kinds.purchases == NEVER].sum())


def _table(
    shares: DormantShares,
    partners: Units,
    central: Mapping[str, Equilibrium],
    totals: Mapping[str, Array],
) -> pd.DataFrame:
    c = shares.world.country_index(shares.country)
    columns: dict[str, Any] = {"name": partners.names}
    # what a rule that re-bases sees as observed is its own baseline
    flows = {"observed": central[REFORM].world.flows}
    for label, array in {**flows, **{s: eq.flows for s, eq in central.items()}}.items():
        sold, bought = partners.total(array, c)
        total = sold + bought
        columns[label] = total
        columns[f"{label}_exports"], columns[f"{label}_imports"] = sold, bought
        columns[f"{label}_rank"] = _rank(total)
        columns[f"{label}_share"] = total / total.sum() if total.sum() > 0 else 0.0
        columns |= _band(label, totals.get(label))
    for name, anchor in shares.anchors.items():
        value = partners.members @ (anchor.sales.value + anchor.purchases.value).sum(axis=0)
        columns[f"potential_{name}"] = value
        columns[f"potential_{name}_rank"] = _rank(value)
    columns |= _band(f"potential_{NORMAL}", totals[GRAVITY])
    frame = pd.DataFrame(columns, index=pd.Index(partners.codes, name="partner"))
    return frame.sort_values([s for s in _ANCHOR if s in central], ascending=False)


def _band(label: str, totals: Array | None) -> dict[str, Array]:
    """5, 50 and 95 % over the draws; nothing without draws."""
    if totals is None or not len(totals):
        return {}
    found = np.quantile(totals, (0.05, 0.5, 0.95), axis=0)
    names = ("low", "median", "high")
    return {f"{label}_{name}": row for name, row in zip(names, found, strict=True)}


def _rank(total: Array) -> pd.array:  # type: ignore[valid-type]
    """Rank from 1, missing where there is no trade."""
    series = pd.Series(total)
    return series.where(series > 0).rank(ascending=False, method="min").astype("Int64").array
