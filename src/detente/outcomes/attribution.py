"""Exact Shapley attribution on solved equilibria: which of several causes an outcome is due to.

The worth V(S) of a set S of players (measures of a scenario, sanctions regimes) is an outcome
of the equilibrium in which exactly the players of S act. All 2ⁿ sets are solved, none is
sampled or interpolated. Shorrocks (2013, Journal of Economic Inequality 11) is the source for
the Shapley value as a decomposition of a model's outcome; `detente.outcomes.shapley` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente.equilibrium import Equilibrium, HasShocks, solve_batch
from detente.errors import (
    DetenteError,
    InputError,
    NoSolutionError,
    NotConvergedError,
    nearest,
)
from detente.outcomes.shapley import (
    MOST_PLAYERS,
    Game,
    in_braces,
    interactions,
    members,
    require_players,
    shapley,
    table,
    value_weights,
)
from detente.regimes.attach import attach_law
from detente.regimes.catalogue import load_regime
from detente.regimes.coverage import target_of
from detente.regimes.schema import Regime
from detente.scenario import Measure, Scenario
from detente.scenario.lawmeasure import LawMeasure
from detente.shocks import Shocks
from detente.solver import DEFAULT_TOLERANCE
from detente.world.core import Array, World

__all__ = [
    "MOST_PLAYERS",
    "OUTCOMES",
    "Attribution",
    "OnDay",
    "attribution",
    "by_measure",
    "by_part",
    "by_regime",
    "lifting",
    "players_of",
    "shapley",
    "with_only",
]

#: What is attributed, and its unit. ``welfare`` is additive over a chain of changes.
OUTCOMES: Mapping[str, str] = {
    "welfare": "100·ln Ŵ, points",
    "percent": "100·(Ŵ − 1), percentage points",
    "ev": "equivalent variation, million USD a year",
    "exports": "exports, million USD a year",
    "trade": "exports plus imports, million USD a year",
}
#: Solved in one batch call; equilibria are not kept beyond it.
_BATCH = 32


# -- on equilibria ---------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Attribution:
    """An outcome of a country, attributed to players over all sets of them.

    Attributes
    ----------
    world : World
    players : tuple of str
    country, outcome : str
        What is shown; :meth:`of` shows another without solving again.
    worths : mapping of str to array, shape (2**n, N)
        Every outcome of every country, by set.
    notes : mapping
        ``Shocks.notes`` of the set of all players.
    label : str
        Title of the set of all players.
    residual, seconds : float
        Largest residual of all solves; what they took together.
    """

    world: World
    players: tuple[str, ...]
    country: str
    outcome: str
    worths: Mapping[str, Array]
    notes: Mapping[str, Any]
    label: str
    residual: float
    seconds: float

    def of(self, country: str | None = None, outcome: str | None = None) -> Attribution:
        """The same solves, another country or outcome.

        Raises
        ------
        InputError
            The world or the table of outcomes does not have it.
        """
        chosen = country or self.country
        self.world.country_index(chosen)
        return replace(self, country=chosen, outcome=_known(outcome or self.outcome))

    @property
    def unit(self) -> str:
        """Of the outcome."""
        return OUTCOMES[self.outcome]

    def game(self, outcome: str | None = None) -> Game:
        """Players and worths of the country, for the outcome shown or another."""
        n = self.world.country_index(self.country)
        return Game(self.players, self.worths[_known(outcome or self.outcome)][:, n])

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a player (:func:`table`)."""
        return table(self.game())

    @cached_property
    def interactions(self) -> pd.DataFrame:
        """A row a pair (:func:`interactions`)."""
        return interactions(self.game())

    @cached_property
    def countries(self) -> pd.DataFrame:
        """Every country's attribution, from the same solves.

        Returns
        -------
        DataFrame
            Index ``country``; ``name``, a column of Shapley values a player, ``total``
            V(all) − V(nobody), and ``not_shared_out``, their sum less the total: rounding.
        """
        worth = self.worths[self.outcome]
        values = value_weights(len(self.players)) @ worth
        total = worth[-1] - worth[0]
        table = pd.DataFrame(values.T, columns=list(self.players))
        table.index = pd.Index(self.world.countries, name="country")
        table.insert(0, "name", list(self.world.country_names))
        return table.assign(total=total, not_shared_out=values.sum(axis=0) - total)

    @cached_property
    def subsets(self) -> pd.DataFrame:
        """Every set: ``players`` (joined by " + "), ``size``, and every outcome."""
        names = [members(self.players, mask) for mask in range(2 ** len(self.players))]
        outcomes = {key: self.game(key).worth for key in OUTCOMES}
        return pd.DataFrame(
            {"players": [" + ".join(s) for s in names], "size": [len(s) for s in names]}
            | outcomes
        )


def _known(outcome: str) -> str:
    if outcome not in OUTCOMES:
        raise InputError(
            f"unknown outcome '{outcome}'; there are {', '.join(OUTCOMES)}.",
            nearest=nearest(outcome, OUTCOMES),
        )
    return outcome


def attribution(
    world: World,
    scenario_of: Callable[[frozenset[str]], HasShocks],
    players: Sequence[str],
    outcome: str = "welfare",
    *,
    country: str | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    progress: Callable[[int], None] | None = None,
) -> Attribution:
    """Attribute an outcome to players, every set of them solved.

    Parameters
    ----------
    world : World
    scenario_of : callable
        The Scenario (or Shocks) in which exactly a set of players acts.
    players : sequence of str
        At most `MOST_PLAYERS`.
    outcome : str
        A key of `OUTCOMES`.
    country : str, optional
        By default the one whose welfare all players together change most.
    tolerance : float
        Of each solve.
    progress : callable, optional
        Told how many sets are solved.

    Raises
    ------
    InputError
        Too many players; a scenario that does not fit the world; sets that assume different
        elasticities or deficit rules, so that their baselines differ.
    NoSolutionError, NotConvergedError
        A set without an equilibrium; the message names it. Nothing is put in its place.
    """
    names = tuple(players)
    require_players(names)
    _known(outcome)
    if country is not None:
        world.country_index(country)
    sets = [members(names, mask) for mask in range(2 ** len(names))]
    asked = [scenario_of(frozenset(s)) for s in sets]
    prepared = _one_world(world, asked, sets)
    whole = asked[-1].to_shocks(prepared)  # a mistake in a measure is told without a set
    asked = [s.unnoted() if isinstance(s, OnDay) else s for s in asked]
    worths, residual, seconds = _worths(prepared, asked, sets, whole, tolerance, progress)
    if country is None:
        change = np.abs(worths["welfare"][-1] - worths["welfare"][0])
        country = world.countries[int(np.argmax(change))]
    return Attribution(
        world, names, country, outcome, worths, whole.notes, whole.label, residual, seconds
    )


def _worths(
    world: World,
    asked: Sequence[HasShocks],
    sets: Sequence[tuple[str, ...]],
    whole: Shocks,
    tolerance: float,
    progress: Callable[[int], None] | None,
) -> tuple[dict[str, Array], float, float]:
    """Every outcome of every set and country; the largest residual; seconds."""
    worths = {key: np.empty((len(sets), world.n_countries)) for key in OUTCOMES}
    seconds = residual = 0.0
    for start in range(0, len(sets), _BATCH):
        part = slice(start, start + _BATCH)
        for j, eq in enumerate(_solved(world, asked[part], sets[part], tolerance)):
            _one_rule(eq, whole, sets[start + j])
            for key, values in outcomes_of(eq).items():
                worths[key][start + j] = values
            seconds += eq.certificate.seconds
            residual = max(residual, eq.certificate.residual)
        if progress is not None:
            progress(min(start + _BATCH, len(sets)))
    return worths, residual, seconds


def outcomes_of(eq: Equilibrium) -> dict[str, Array]:
    """Every outcome of every country, shape (N,) each, in the units of `OUTCOMES`."""
    pairs = eq.flows.sum(axis=0)
    np.fill_diagonal(pairs, 0.0)
    exports = pairs.sum(axis=1)
    return {
        "welfare": 100.0 * np.log(eq.welfare_hat),
        "percent": 100.0 * (eq.welfare_hat - 1.0),
        "ev": eq.equivalent_variation,
        "exports": exports,
        "trade": exports + pairs.sum(axis=0),
    }


def _one_world(
    world: World, asked: Sequence[HasShocks], sets: Sequence[tuple[str, ...]]
) -> World:
    """The world that every scenario prepares; different ones are not comparable."""
    found: World | None = None
    for scenario, names in zip(asked, sets, strict=True):
        prepare = getattr(scenario, "prepare", None)
        mine = world if prepare is None else prepare(world)
        if found is None:
            found = mine
        elif not np.array_equal(mine.trade_elasticity, found.trade_elasticity):
            raise InputError(
                f"{in_braces(names)} assumes other trade elasticities than the empty set: "
                "changes from different models are not comparable."
            )
    return world if found is None else found


def _one_rule(eq: Equilibrium, whole: Shocks, names: tuple[str, ...]) -> None:
    mine, all_of_them = ((s.deficit_rule, s.proportional_to) for s in (eq.shocks, whole))
    if mine != all_of_them:
        raise InputError(
            f"{in_braces(names)} has the deficit rule '{mine[0]}' and all players together "
            f"'{all_of_them[0]}': changes from different baselines are not comparable."
        )


def _solved(
    world: World,
    asked: Sequence[HasShocks],
    sets: Sequence[tuple[str, ...]],
    tolerance: float,
) -> list[Equilibrium]:
    """One batch; where it fails, the same solves again one by one find which set did."""
    try:
        return solve_batch(world, asked, tolerance=tolerance)
    except DetenteError:
        for scenario, names in zip(asked, sets, strict=True):
            try:
                solve_batch(world, [scenario], tolerance=tolerance)
            except DetenteError as error:
                raise _about(error, names) from error
        raise


def _about(error: DetenteError, names: tuple[str, ...]) -> DetenteError:
    """The same error, with the set that it is about."""
    told = f"where only {in_braces(names)} acts" if names else "where no player acts"
    if isinstance(error, InputError):
        return InputError(f"{told}: {error.what}", error.place, error.nearest)
    if isinstance(error, NotConvergedError):
        return NotConvergedError(f"{told}: {error}", error.certificate)
    return NoSolutionError(f"{told}: {error}")


# -- players of a scenario -------------------------------------------------------------------
@dataclass(frozen=True)
class OnDay:
    """A part of a scenario, on the whole one's day and on the world that the whole one has.

    Attributes
    ----------
    scenario : Scenario
    day : date, str or None
    prepare : callable
        The world as the whole scenario assumes it.
    """

    scenario: Scenario
    day: date | str | None
    prepare: Callable[[World], World]

    def to_shocks(self, world: World) -> Shocks:
        """The state on the day."""
        return self.scenario.to_shocks(world, self.day)

    def unnoted(self) -> OnDay:
        """The same without notes on what its measures touched, which cost time."""
        given = {f.name: getattr(self.scenario, f.name) for f in fields(self.scenario)}
        return replace(self, scenario=_Unnoted(**given))


class _Unnoted(Scenario):
    """One of many sets of measures, whose notes nobody reads."""

    def _notes(self, *_args: Any, **_more: Any) -> dict[str, Any]:
        return {}


def _law_on_record(world: World, scenario: Scenario) -> World:
    """The world with the law that the whole scenario assumes to hold in the baseline.

    A world that says nothing of a target takes every regime that a scenario names to hold on
    ``law_day``, and a part of the scenario names fewer. Coverage tables stay as they are.
    """
    day = scenario.assumptions.law_day
    file = scenario.file
    named: dict[str, dict[str, Regime]] = {}
    try:
        for measure in scenario.measures:
            if day is not None and isinstance(measure, LawMeasure):
                regime = load_regime(measure.regime, Path(file).parent if file else None)
                named.setdefault(target_of(regime, world), {})[regime.regime] = regime
        for target, regimes in named.items():
            if day is not None and target not in world.meta.get("law", {}):
                world = attach_law(world, tuple(regimes.values()), day, tables=False)
    except InputError:  # said by the measure itself, which knows its line
        return world
    return world


def by_measure(measure: Measure) -> str:
    """A measure's name as a player: its kind and what it is about."""
    fields = measure.to_dict()[measure.kind]
    said = {key: _in_words(value) for key, value in fields.items()}
    about = next((said[key] for key in ("regime", "country") if key in said), "")
    if isinstance(fields.get("coverage"), str):
        about = said["coverage"]
    for one, other in (("exporter", "importer"), ("sender", "target"), ("from", "to")):
        if not about and one in said and other in said:
            about = f"{said[one]}→{said[other]}"
    for key in ("provisions", "senders", "hs", "sectors"):
        about += f" {said[key]}" if key in said else ""
    return f"{measure.kind} {about}".strip()


def by_regime(measure: Measure) -> str:
    """The regime that a measure names, or a coverage table; else one group for the rest."""
    for key in ("regime", "coverage"):
        named = getattr(measure, key, None)
        if isinstance(named, str):
            return named
    return "other measures"


def by_part(measure: Measure) -> str | None:
    """The part of a package that a measure belongs to; None: it always acts."""
    return measure.part


def _in_words(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def players_of(
    scenario: Scenario, by: Callable[[Measure], str | None] = by_regime
) -> dict[str, tuple[Measure, ...]]:
    """The measures of a scenario in groups that act together, in the order of the file.

    Parameters
    ----------
    scenario : Scenario
    by : callable
        The group that a measure belongs to, or None: it is in no group and always acts. Of
        `by_measure`'s names one that comes again is told apart by its line, for each measure
        is a player of its own there.

    Raises
    ------
    InputError
        A scenario without measures, or of which no measure is in a group.
    """
    if not scenario.measures:
        what = f"'{scenario.title}' has no measures: there is nothing to attribute."
        raise InputError(what, scenario.source.place("measures"))
    found: dict[str, tuple[Measure, ...]] = {}
    for position, measure in enumerate(scenario.measures, start=1):
        name = by(measure)
        if name is None:
            continue
        if by is by_measure and name in found:
            line = measure.source.place().line
            name += f" (line {line})" if line else f" (no. {position})"
        found[name] = (*found.get(name, ()), measure)
    if not found:
        what = f"no measure of '{scenario.title}' says which 'part' of a package it is."
        raise InputError(what, scenario.source.place("measures"), "part: NAME in each measure")
    return found


def with_only(
    scenario: Scenario,
    groups: Mapping[str, Iterable[Measure]],
    day: date | str | None = None,
) -> Callable[[frozenset[str]], OnDay]:
    """What `attribution` asks for: the scenario with only some groups of its measures.

    Parameters
    ----------
    scenario : Scenario
    groups : mapping of player to measures
        Measures of the scenario in no group always act.
    day : date or str, optional
        By default the end of the whole scenario, for every part of it.
    """
    when = scenario.end if day is None else day
    owner = {id(m): name for name, measures in groups.items() for m in measures}

    @cache
    def prepared(world: World) -> World:
        return _law_on_record(scenario.prepare(world), scenario)

    def part(names: frozenset[str]) -> OnDay:
        kept = tuple(
            m for m in scenario.measures if id(m) not in owner or owner[id(m)] in names
        )
        return OnDay(scenario.with_(measures=kept), when, prepared)

    return part


def lifting(regimes: Sequence[str], world: str, **assumed: Any) -> Scenario:
    """A scenario that lifts each regime whole, a measure each.

    Parameters
    ----------
    regimes : sequence of str
    world : str
        Name or path.
    **assumed
        Keys of `Assumptions`.
    """
    return Scenario.from_dict(
        {
            "scenario": f"Lifting {', '.join(regimes)}",
            "world": world,
            **assumed,
            "measures": [{"lift": {"regime": name}} for name in regimes],
        }
    )
