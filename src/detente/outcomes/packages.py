"""What the parts of a package are worth together beyond what each is worth alone.

V(S) is an outcome of the equilibrium in which exactly the parts of S act, solved for every set
(:mod:`detente.outcomes.attribution`). Complementarity of two parts is
V(ab) − V(a) − V(b) + V(∅), the second difference of the theory of supermodular functions on
sets (Topkis 1998, Supermodularity and Complementarity); of n parts V(N) − Σ V(i) +
(n − 1)·V(∅), which is the sum of Harsanyi's dividends of all sets of two and more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from detente.errors import InputError, nearest
from detente.outcomes.attribution import Attribution, attribution, players_of, with_only
from detente.outcomes.shapley import dividends, members
from detente.scenario import Measure, Scenario
from detente.solver import DEFAULT_TOLERANCE
from detente.world.core import Array, World

__all__ = ["INDEPENDENT", "Package", "additive", "package", "together", "verdicts"]

#: Complementarity below this share of the largest effect among the sets is none.
INDEPENDENT = 1e-6
#: Differences of solves below this share of the outcome's own size are the solver's rounding.
_NOISE = 1e-8
WORDS = ("independent", "reinforce", "overlap")


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


def additive(worth: Array, players: Sequence[int]) -> tuple[Array, Array]:
    """Complementarity of some players, and the largest effect among their sets.

    Parameters
    ----------
    worth : array, shape (2**n,) or (2**n, games)
    players : sequence of int
        Positions; nobody else acts.

    Returns
    -------
    array, array
        `together` of the game of these players alone, and max |V(S) − V(∅)| over each of
        them alone and all of them: the yardstick for what counts as none.
    """
    bits = [1 << j for j in players]
    rows = [0, *bits, sum(bits)]
    part = worth[rows]
    found = part[-1] - part[1:-1].sum(axis=0) + (len(bits) - 1) * part[0]
    return found, np.abs(part[1:] - part[0]).max(axis=0)


def verdicts(value: Array, scale: Array, floor: Array) -> list[str]:
    """``reinforce`` above zero, ``overlap`` below, ``independent`` within rounding.

    Parameters
    ----------
    value, scale : array
        As `additive` gives them.
    floor : array
        What of the outcome is rounding of the solves.
    """
    none = np.abs(value) <= np.maximum(INDEPENDENT * scale, floor)
    kind = np.where(none, 0, np.where(value > 0, 1, 2))
    return [WORDS[int(k)] for k in np.atleast_1d(kind)]


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

    @cached_property
    def floor(self) -> Array:
        """What of the outcome is rounding of the solves, by country, shape (N,)."""
        if self.found.outcome in ("welfare", "percent"):
            return np.full(self.worth.shape[1], 100.0 * _NOISE)
        size = np.abs(self.worth).max(axis=0)
        return _NOISE * (self.found.world.income if self.found.outcome == "ev" else size)

    def _countries(self, every: bool) -> list[int]:
        world = self.found.world
        return (
            list(range(world.n_countries))
            if every
            else [world.country_index(self.found.country)]
        )

    def sets(self, every: bool = False) -> pd.DataFrame:
        """Each part alone, then all: ``country``, ``parts``, ``size``, ``worth``, ``change``.

        ``change`` is V(S) − V(∅). The first row of a country is the empty set.
        """
        n = len(self.names)
        masks = dict.fromkeys([0, *(1 << j for j in range(n)), 2**n - 1])
        return self._rows(masks, every)

    def subsets(self, every: bool = False) -> pd.DataFrame:
        """Every set of parts, and its Harsanyi ``dividend``; columns as `sets`."""
        return self._rows(range(2 ** len(self.names)), every)

    def _rows(self, masks: Sequence[int] | dict[int, None], every: bool) -> pd.DataFrame:
        worth, shares = self.worth, dividends(self.worth)
        rows = [
            {
                "country": self.found.world.countries[c],
                "parts": " + ".join(members(self.names, mask)),
                "size": mask.bit_count(),
                "worth": float(worth[mask, c]),
                "change": float(worth[mask, c] - worth[0, c]),
                "dividend": float(shares[mask, c]),
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
            ``verdict``: reinforce, overlap or independent.
        """
        worth, names, found = self.worth, self.names, []
        for j, k in combinations(range(len(names)), 2):
            value, scale = additive(worth, (j, k))
            told = verdicts(value, scale, self.floor)
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
                        "complementarity": float(value[c]),
                        "verdict": told[c],
                    }
                )
        table = pd.DataFrame(found)
        order = {code: j for j, code in enumerate(self.found.world.countries)}
        return table.sort_values("country", key=lambda c: c.map(order), kind="stable")

    @cached_property
    def countries(self) -> pd.DataFrame:
        """Every country: each part alone, all together, and the n-way complementarity.

        Returns
        -------
        DataFrame
            Index ``country``; ``name``; a column a part: V(i) − V(∅); ``sum`` of them;
            ``together`` V(N) − V(∅); ``complementarity``; ``verdict``.
        """
        world, worth = self.found.world, self.worth
        columns = {n: worth[1 << j] - worth[0] for j, n in enumerate(self.names)}
        value, scale = additive(worth, range(len(self.names)))
        table = pd.DataFrame(columns, index=pd.Index(world.countries, name="country"))
        total = table.sum(axis=1)
        table.insert(0, "name", list(world.country_names))
        return table.assign(
            sum=total,
            together=worth[-1] - worth[0],
            complementarity=value,
            verdict=verdicts(value, scale, self.floor),
        )

    @cached_property
    def dividends(self) -> pd.DataFrame:
        """Harsanyi's dividend of every set of two and more, of the country shown.

        Returns
        -------
        DataFrame
            ``parts``, ``size``, ``dividend``; they sum to the n-way complementarity.
        """
        table = self.subsets()
        table = table[table["size"] >= 2].sort_values(["size"], kind="stable")
        return table[["parts", "size", "dividend"]].reset_index(drop=True)


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
