"""What the parts of a package are worth together beyond what each is worth alone.

V(S) is an outcome of the equilibrium in which exactly the parts of S act, solved for every set
(:mod:`detente.outcomes.attribution`). Complementarity of two parts is
V(ab) − V(a) − V(b) + V(∅), the second difference of the theory of supermodular functions on
sets (Topkis 1998, Supermodularity and Complementarity); of n parts V(N) − Σ V(i) +
(n − 1)·V(∅), which is the sum of Harsanyi's dividends of all sets of two and more.

Its sign is no property of the parts alone but of the unit: of two amounts a and b that simply
add, shares of income, ln(1 + a + b) − ln(1 + a) − ln(1 + b) ≈ −ab. So welfare is weighed in
both units that it has, points of 100·ln Ŵ and money (equivalent variation), and a word on the
parts is said only where both say it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, nearest
from detente.outcomes.attribution import Attribution, attribution, players_of, with_only
from detente.outcomes.shapley import dividends, members
from detente.scenario import Measure, Scenario
from detente.solver import DEFAULT_TOLERANCE
from detente.world.core import Array, World

__all__ = [
    "INDEPENDENT",
    "MATERIAL",
    "UNITS",
    "Package",
    "additive",
    "package",
    "strength",
    "together",
    "verdicts",
]

Strengths = NDArray[np.intp]

#: Complementarity below this share of the largest effect among the sets is none.
INDEPENDENT = 1e-6
#: Below this share of the smaller of two effects it is too small to tell.
MATERIAL = 0.01
#: Differences of solves below this share of the outcome's own size are the solver's rounding.
_NOISE = 1e-8
#: The units that welfare is weighed in: logarithms and money.
UNITS = ("welfare", "ev")
WORDS = ("independent", "too small to tell", "reinforce", "overlap", "sign depends on the unit")


def together(worth: Array) -> Array:
    """V(N) − Σ V(i) + (n − 1)·V(∅): what all do beyond the sum of what each does alone.

    Parameters
    ----------
    worth : array, shape (2**n,) or (2**n, games)
        By set, as in `Game`.
    """
    n = len(worth).bit_length() - 1
    alone = worth[[1 << j for j in range(n)]]
    found: Array = worth[-1] - alone.sum(axis=0) + (n - 1) * worth[0]
    return found


def additive(worth: Array, players: Sequence[int]) -> tuple[Array, Array, Array]:
    """Complementarity of some players, and the effects that it is measured by.

    Parameters
    ----------
    worth : array, shape (2**n,) or (2**n, games)
    players : sequence of int
        Positions, two or more; nobody else acts.

    Returns
    -------
    array, array, array
        `together` of the game of these players alone; the largest |V(S) − V(∅)| over each of
        them alone and all of them: the yardstick for what counts as none; the second largest
        over each of them alone, of a pair the smaller: the yardstick for what is small.
    """
    bits = [1 << j for j in players]
    rows = [0, *bits, sum(bits)]
    part = worth[rows]
    found = part[-1] - part[1:-1].sum(axis=0) + (len(bits) - 1) * part[0]
    effects = np.abs(part[1:] - part[0])
    return found, effects.max(axis=0), np.sort(effects[:-1], axis=0)[-2]


def strength(value: Array, largest: Array, smaller: Array, floor: Array) -> Strengths:
    """How much of complementarity there is in one unit, with its sign.

    Parameters
    ----------
    value, largest, smaller : array
        As `additive` gives them.
    floor : array
        What of the outcome is rounding of the solves.

    Returns
    -------
    array of int
        0: none; ±1: too small to tell, below `MATERIAL` of the smaller effect; ±2: more.
    """
    none = np.abs(value) <= np.maximum(INDEPENDENT * largest, floor)
    small = np.abs(value) < MATERIAL * smaller
    kind = np.where(none, 0, np.where(small, 1, 2)) * np.sign(value)
    return np.atleast_1d(kind).astype(np.intp)


def verdicts(*units: Strengths) -> list[str]:
    """The word, from the strengths in every unit that the outcome has.

    ``reinforce`` above zero and ``overlap`` below, in every unit and more than a trifle;
    ``sign depends on the unit`` where one unit says more than a trifle and another does not
    have its sign; ``independent`` where none has any; else ``too small to tell``.
    """
    kinds = np.stack(units)
    low, high, size = kinds.min(axis=0), kinds.max(axis=0), np.abs(kinds)
    one_sign = (low > 0) | (high < 0)
    word = np.select(
        [
            size.max(axis=0) == 0,
            one_sign & (size.min(axis=0) == 2) & (low > 0),
            one_sign & (size.min(axis=0) == 2),
            ~one_sign & (size.max(axis=0) == 2),
        ],
        [0, 2, 3, 4],
        1,
    )
    return [WORDS[int(k)] for k in word]


@dataclass(frozen=True, eq=False)
class Package:
    """Parts of a scenario, every set of them solved.

    Attributes
    ----------
    found : Attribution
        Its players are the parts; its country and outcome are those shown.
    parts : mapping of part to number of measures
    always : tuple of str
        Measures of no part, in words: they act in every set, the empty one too.
    left_out : tuple of str
        Parts that were not asked for: they act in no set.
    """

    found: Attribution
    parts: dict[str, int]
    always: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def of(self, country: str | None = None, outcome: str | None = None) -> Package:
        """The same solves, another country or outcome."""
        return replace(self, found=self.found.of(country, outcome))

    @property
    def names(self) -> tuple[str, ...]:
        """The parts, in the order of the file."""
        return self.found.players

    @property
    def worth(self) -> Array:
        """V of every set for every country, shape (2**n, N), in the outcome's unit."""
        return self.found.worths[self.found.outcome]

    @property
    def floor(self) -> Array:
        """What of the outcome is rounding of the solves, by country, shape (N,)."""
        return self._floor(self.found.outcome)

    @property
    def units(self) -> tuple[str, ...]:
        """The outcomes that a verdict rests on: the one shown, and welfare's other unit."""
        shown = self.found.outcome
        return {
            "welfare": UNITS,
            "ev": UNITS[::-1],
            "percent": ("percent", "welfare"),  # money is in proportion to percent
        }.get(shown, (shown,))

    def _floor(self, outcome: str) -> Array:
        worth = self.found.worths[outcome]
        if outcome in ("welfare", "percent"):
            return np.full(worth.shape[1], 100.0 * _NOISE)
        size = self.found.world.income if outcome == "ev" else np.abs(worth).max(axis=0)
        return _NOISE * size

    def _weighed(self, players: Sequence[int]) -> dict[str, tuple[Array, Strengths]]:
        """By outcome: complementarity of some parts for every country, and its strength."""
        found = {}
        for outcome in dict.fromkeys((*self.units, *UNITS)):
            value, *effects = additive(self.found.worths[outcome], players)
            kind = strength(value, effects[0], effects[1], self._floor(outcome))
            found[outcome] = (value, kind)
        return found

    def _countries(self, every: bool) -> list[int]:
        world = self.found.world
        return (
            list(range(world.n_countries))
            if every
            else [world.country_index(self.found.country)]
        )

    def sets(self, every: bool = False) -> pd.DataFrame:
        """Each part alone, then all: ``country``, ``parts``, ``size``, ``worth``, ``change``.

        ``change`` is V(S) − V(∅), ``dividend`` Harsanyi's, and both again in the units of
        welfare (``_welfare``: points of 100·ln Ŵ, ``_ev``: million USD). The first row of a
        country is the empty set.
        """
        n = len(self.names)
        masks = dict.fromkeys([0, *(1 << j for j in range(n)), 2**n - 1])
        return self._rows(masks, every)

    def subsets(self, every: bool = False) -> pd.DataFrame:
        """Every set of parts; columns as `sets`."""
        return self._rows(range(2 ** len(self.names)), every)

    def _rows(self, masks: Sequence[int] | dict[int, None], every: bool) -> pd.DataFrame:
        worth, shares = self.worth, dividends(self.worth)
        both = {unit: (v := self.found.worths[unit], dividends(v)) for unit in UNITS}
        rows = [
            {
                "country": self.found.world.countries[c],
                "parts": " + ".join(members(self.names, mask)),
                "size": mask.bit_count(),
                "worth": float(worth[mask, c]),
                "change": float(worth[mask, c] - worth[0, c]),
                "dividend": float(shares[mask, c]),
                **{f"change_{u}": float(v[mask, c] - v[0, c]) for u, (v, _) in both.items()},
                **{f"dividend_{u}": float(d[mask, c]) for u, (_, d) in both.items()},
            }
            for c in self._countries(every)
            for mask in masks
        ]
        return pd.DataFrame(rows)

    def pairs(self, every: bool = False) -> pd.DataFrame:
        """Complementarity of every pair of parts, nobody else acting.

        Returns
        -------
        DataFrame
            ``country``, ``part``, ``with``; ``first``, ``second``: V(a) − V(∅), V(b) − V(∅);
            ``together`` V(ab) − V(∅); ``complementarity`` V(ab) − V(a) − V(b) + V(∅);
            ``verdict``, a word of `WORDS`, of `units` together; complementarity in points
            of 100·ln Ŵ and in million USD (``complementarity_welfare``, ``_ev``), and the
            word that each of the two would say (``verdict_welfare``, ``_ev``).
        """
        worth, names, found = self.worth, self.names, []
        for j, k in combinations(range(len(names)), 2):
            beyond = self._beyond((j, k))
            a, b = 1 << j, 1 << k
            for c in self._countries(every):
                found.append(
                    {
                        "country": self.found.world.countries[c],
                        "part": names[j],
                        "with": names[k],
                        "first": float(worth[a, c] - worth[0, c]),
                        "second": float(worth[b, c] - worth[0, c]),
                        "together": float(worth[a | b, c] - worth[0, c]),
                        **{key: column[c] for key, column in beyond.items()},
                    }
                )
        table = pd.DataFrame(found)
        order = {code: j for j, code in enumerate(self.found.world.countries)}
        return table.sort_values("country", key=lambda c: c.map(order), kind="stable")

    def _beyond(self, players: Sequence[int]) -> dict[str, list[Any]]:
        """Columns on the complementarity of some parts, an entry a country."""
        weighed = self._weighed(players)
        told = verdicts(*(weighed[outcome][1] for outcome in self.units))
        found: dict[str, list[Any]] = {
            "complementarity": weighed[self.found.outcome][0].tolist(),
            "verdict": told,
        }
        for unit in UNITS:
            value, kind = weighed[unit]
            found[f"complementarity_{unit}"] = value.tolist()
            found[f"verdict_{unit}"] = verdicts(kind)
        return found

    @cached_property
    def countries(self) -> pd.DataFrame:
        """Every country: each part alone, all together, and the n-way complementarity.

        Returns
        -------
        DataFrame
            Index ``country``; ``name``; a column a part: V(i) − V(∅); ``sum`` of them;
            ``together`` V(N) − V(∅); ``complementarity``, ``verdict`` and the rest as in
            `pairs`.
        """
        world, worth = self.found.world, self.worth
        columns = {n: worth[1 << j] - worth[0] for j, n in enumerate(self.names)}
        table = pd.DataFrame(columns, index=pd.Index(world.countries, name="country"))
        total = table.sum(axis=1)
        table.insert(0, "name", list(world.country_names))
        return table.assign(
            sum=total,
            together=worth[-1] - worth[0],
            **self._beyond(range(len(self.names))),
        )

    @cached_property
    def dividends(self) -> pd.DataFrame:
        """Harsanyi's dividend of every set of two and more, of the country shown.

        Returns
        -------
        DataFrame
            ``parts``, ``size``, ``dividend`` (and ``dividend_welfare``, ``_ev``); they sum
            to the n-way complementarity.
        """
        table = self.subsets()
        table = table[table["size"] >= 2].sort_values(["size"], kind="stable")
        columns = ["parts", "size", "dividend", *(f"dividend_{unit}" for unit in UNITS)]
        return table[columns].reset_index(drop=True)


def package(
    world: World,
    scenario: Scenario,
    parts: Sequence[str] | None = None,
    outcome: str = "welfare",
    *,
    by: Callable[[Measure], str | None],
    country: str | None = None,
    day: date | str | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    progress: Callable[[int], None] | None = None,
) -> Package:
    """Solve every set of a scenario's parts.

    Parameters
    ----------
    world : World
    scenario : Scenario
    parts : sequence of str, optional
        Two or more of them; by default all. The others are left out of every set.
    outcome : str
        A key of `OUTCOMES`.
    by : callable
        The part that a measure belongs to; None: it acts in every set.
    country, day, tolerance, progress
        As in `attribution` and `with_only`.

    Raises
    ------
    InputError
        Fewer than two parts, an unknown one, or one named twice; as `attribution`.
    """
    groups = players_of(scenario, by)
    names = _chosen(groups, parts)
    found = attribution(
        world,
        with_only(scenario, groups, day),
        names,
        outcome,
        country=country,
        tolerance=tolerance,
        progress=progress,
    )
    grouped = {id(m) for group in groups.values() for m in group}
    always = tuple(_words(m) for m in scenario.measures if id(m) not in grouped)
    return Package(
        found,
        {name: len(groups[name]) for name in names},
        always,
        tuple(name for name in groups if name not in names),
    )


def _chosen(groups: dict[str, tuple[Measure, ...]], parts: Sequence[str] | None) -> list[str]:
    """The parts asked for, in the file's order."""
    if parts is None:
        names = list(groups)
    else:
        for name in parts:
            if name not in groups:
                what = f"there is no part '{name}'; there are {', '.join(groups)}."
                raise InputError(what, nearest=nearest(name, groups))
        twice = [name for name in parts if list(parts).count(name) > 1]
        if twice:
            raise InputError(f"the part '{twice[0]}' is named twice.")
        names = [name for name in groups if name in parts]
    if len(names) < 2:
        raise InputError(
            f"a package has two parts or more; here is only '{names[0]}'. What one part does "
            "alone detente run says."
        )
    return names


def _words(measure: Measure) -> str:
    line = measure.source.place().line
    return f"{measure.kind} on line {line}" if line else measure.kind
