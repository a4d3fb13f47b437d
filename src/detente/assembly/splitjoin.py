"""Putting the new country into the world, with every identity of the others kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.assembly.entropy import amount, amount_within
from detente.errors import InputError, Place
from detente.world.core import World

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Levels:
    """A world in money, million USD.

    Attributes
    ----------
    flows, tariff : ndarray, shape (S, N, N)
    input_use : ndarray, shape (S, S, N)
        [k, s, n], tariff-inclusive.
    final : ndarray, shape (S, N)
        Tariff-inclusive.
    """

    flows: Array
    tariff: Array
    input_use: Array
    final: Array

    @staticmethod
    def of(world: World) -> Levels:
        """The money of a world, negative inputs kept."""
        used = world.input_share * world.output
        final = world.final_share * world.income
        return Levels(world.flows, world.tariff, used, final)

    @property
    def value_added(self) -> Array:
        """Output less inputs, (S, N)."""
        found: Array = self.flows.sum(axis=2) - self.input_use.sum(axis=0)
        return found

    @property
    def spent(self) -> Array:
        """What each country pays for each good, (S, N)."""
        found: Array = (self.flows * (1.0 + self.tariff)).sum(axis=1)
        return found


@dataclass(frozen=True)
class Account:
    """The new country, million USD.

    Attributes
    ----------
    home, final, added : ndarray, shape (S,)
        Home sales, final demand, value added.
    inputs : ndarray, shape (S, S)
        [k, s].
    exports, imports : ndarray, shape (S, N)
        With each country of the world, in its order.
    tariff_out, tariff_in : ndarray, shape (S, N)
        What partners charge it; what it charges them.
    """

    home: Array
    inputs: Array
    final: Array
    added: Array
    exports: Array
    imports: Array
    tariff_out: Array
    tariff_in: Array

    @property
    def output(self) -> Array:
        """Home sales and exports, (S,)."""
        found: Array = self.home + self.exports.sum(axis=1)
        return found


def follow(levels: Levels, flows: Array, tariff: Array) -> tuple[Levels, Array]:
    """The levels once flows are others: all uses of a good follow what there is of it.

    Outputs are for the caller to keep. What a country then has of a good moves all its uses
    of it, inputs and final demand, by one factor; an industry's value added takes what its
    inputs leave, and the deficit the trade. So every identity holds as before.

    Parameters
    ----------
    levels : Levels
        Before.
    flows, tariff : ndarray, shape (S, M, N)
        Who ships what to the N countries now; M exporters.

    Returns
    -------
    (Levels, ndarray (S, N))
        Input use and final demand afterwards, flows as before; the factors.
    """
    spent, before = (flows * (1.0 + tariff)).sum(axis=1), levels.spent
    factor = np.divide(spent, before, out=np.ones_like(spent), where=before > 0)
    moved = replace(
        levels,
        input_use=levels.input_use * factor[:, None, :],
        final=levels.final * factor,
    )
    return moved, factor


def reroute(levels: Levels, extra: Array, labels: World) -> Levels:
    """More on some links, out of what each exporter sells at home; outputs stay.

    Parameters
    ----------
    levels : Levels
    extra : ndarray, shape (S, N, N)
        What is added to [s, i, n], million USD; zero at home.
    labels : World
        Codes for errors.

    Raises
    ------
    InputError
        An exporter that sells less at home than it should give.
    """
    flows = levels.flows + extra
    own = np.arange(flows.shape[1])
    flows[:, own, own] -= extra.sum(axis=2)
    _refuse_negative_home(flows[:, own, own], extra.sum(axis=2), labels)
    moved, _ = follow(levels, flows, levels.tariff)
    found = replace(moved, flows=flows)
    refuse_negative_value_added(found.value_added, labels)
    return found


def _refuse_negative_home(left: Array, given: Array, labels: World) -> None:
    if (left < 0).any():
        s, i = np.unravel_index(int(left.argmin()), left.shape)
        code, sector = labels.countries[int(i)], labels.sectors[int(s)]
        raise InputError(
            f"{code} should ship {amount(float(given[s, i]))} million USD of {sector} that it "
            f"sells at home now; there it sells "
            f"{amount_within(float(left[s, i] + given[s, i]))}. "
            "Lower the imports from it, or split them over other partners."
        )


def refuse_negative_value_added(added: Array, labels: World) -> None:
    """Refuse a partner whose industry would pay more for inputs than it sells.

    Raises
    ------
    InputError
        The first such industry.
    """
    size = np.abs(added).max(initial=0.0)
    if (added < -1e-12 * size).any():
        s, n = np.unravel_index(int(added.argmin()), added.shape)
        raise InputError(
            f"{labels.sectors[int(s)]} in {labels.countries[int(n)]} would be left with a "
            f"value added of {amount(float(added[s, n]))} million USD: the trade with the new "
            "country is too large for it."
        )


# -- a country that the world lacks ------------------------------------------------------
def splice(levels: Levels, account: Account, labels: World) -> tuple[Levels, Array]:
    """Everyone's table with the new country first; partners' outputs unchanged.

    What a partner ships to the new country it no longer sells at home.

    Returns
    -------
    (Levels, ndarray (S, N))
        The new levels, N + 1 countries; the factor on each partner's uses of a good.

    Raises
    ------
    InputError
        A partner that would ship more than it sells at home.
    """
    s, n = levels.final.shape
    flows, tariff = np.zeros((s, n + 1, n + 1)), np.zeros((s, n + 1, n + 1))
    flows[:, 1:, 1:], tariff[:, 1:, 1:] = levels.flows, levels.tariff
    flows[:, 0, 0] = account.home
    flows[:, 0, 1:], flows[:, 1:, 0] = account.exports, account.imports
    tariff[:, 0, 1:], tariff[:, 1:, 0] = account.tariff_out, account.tariff_in
    own = np.arange(1, n + 1)
    flows[:, own, own] -= account.imports
    _refuse_negative_home(flows[:, own, own], account.imports, labels)
    moved, factor = follow(levels, flows[:, :, 1:], tariff[:, :, 1:])
    found = Levels(
        flows,
        tariff,
        np.concatenate([account.inputs[:, :, None], moved.input_use], axis=2),
        np.concatenate([account.final[:, None], moved.final], axis=1),
    )
    refuse_negative_value_added(found.value_added[:, 1:], labels)
    return found, factor


# -- a part of an aggregate --------------------------------------------------------------
def carve(
    levels: Levels,
    account: Account,
    rest: Array,
    a: int,
    labels: World,
    tariffs: Place | None = None,
) -> Levels:
    """Everyone's table with the new country first and the aggregate less by it.

    Parameters
    ----------
    levels : Levels
    account : Account
        Its exports to, and imports from, the aggregate are those with what is left of it.
    rest : ndarray, shape (S,)
        What is left of the aggregate sells itself.
    a : int
        Position of the aggregate.
    labels : World
        Codes for errors.
    tariffs : Place, optional
        Where the new country's tariffs are stated, for errors.

    Returns
    -------
    Levels
        N + 1 countries; nobody else's numbers change.

    Raises
    ------
    InputError
        A stated tariff that leaves the rest of the aggregate one below zero.
    """
    s, n = levels.final.shape
    flows, tariff = np.zeros((s, n + 1, n + 1)), np.zeros((s, n + 1, n + 1))
    flows[:, 1:, 1:], tariff[:, 1:, 1:] = levels.flows, levels.tariff
    flows[:, 0, 0] = account.home
    flows[:, 0, 1:], flows[:, 1:, 0] = account.exports, account.imports
    tariff[:, 0, 0] = levels.tariff[:, a, a]
    tariff[:, 0, 1:], tariff[:, 1:, 0] = account.tariff_out, account.tariff_in
    others = np.arange(n) != a
    left = flows[:, 1:, 1:]
    left[:, a, others] = _left(levels.flows[:, a], account.exports)[:, others]
    left[:, others, a] = _left(levels.flows[:, :, a], account.imports)[:, others]
    left[:, a, a] = rest
    rates = tariff[:, 1:, 1:]
    rates[:, a] = _left_rate(levels, account, a, labels, tariffs, selling=True)
    rates[:, :, a] = _left_rate(levels, account, a, labels, tariffs, selling=False)
    used, final = levels.input_use.copy(), levels.final.copy()
    used[:, :, a] = _left(levels.input_use[:, :, a], account.inputs)
    spent = (flows * (1.0 + tariff)).sum(axis=1)[:, 1 + a]
    wanted = spent - used[:, :, a].sum(axis=1)
    final[:, a] = np.where(levels.final[:, a] > 0, np.maximum(wanted, 0.0), 0.0)
    return Levels(
        flows,
        tariff,
        np.concatenate([account.inputs[:, :, None], used], axis=2),
        np.concatenate([account.final[:, None], final], axis=1),
    )


def _left(there: Array, taken: Array) -> Array:
    """What is left; the last digit of a subtraction is no negative flow."""
    left = there - taken
    found: Array = np.where(np.abs(left) <= 1e-15 * np.abs(there), 0.0, left)
    return found


def _left_rate(
    levels: Levels,
    account: Account,
    a: int,
    labels: World,
    place: Place | None,
    *,
    selling: bool,
) -> Array:
    """Tariffs on what is left of the aggregate, so that nobody's revenue changes; (S, N)."""
    flows = levels.flows[:, a] if selling else levels.flows[:, :, a]
    rate = levels.tariff[:, a] if selling else levels.tariff[:, :, a]
    taken = account.exports if selling else account.imports
    new = account.tariff_out if selling else account.tariff_in
    others = np.arange(flows.shape[1]) != a
    moved = (new != rate) & (taken > 0) & others[None, :]
    left = np.where(moved, flows - taken, 1.0)
    revenue = flows * rate - taken * new
    bad = moved & ((left <= 0) | (revenue < np.minimum(rate, 0.0) * left - 1e-12 * flows))
    if bad.any():
        s, n = (int(x) for x in np.argwhere(bad)[0])
        codes = (labels.countries[a], labels.countries[n])
        pair = "→".join(codes if selling else codes[::-1])
        raise InputError(
            f"the tariff on the new country's {labels.sectors[s]} ({new[s, n]:.4g}) leaves "
            f"the rest of {pair}, which pays {rate[s, n]:.4g} now, a tariff below zero for "
            "the same revenue. Leave the row out: the aggregate's rate then holds.",
            place,
        )
    found: Array = np.where(moved, np.maximum(revenue, 0.0) / left, rate)
    return found


# -- a world out of levels ---------------------------------------------------------------
def assemble(
    world: World, levels: Levels, code: str, name: str, changed: NDArray[np.bool_]
) -> dict[str, Any]:
    """Fields of the new world.

    Parameters
    ----------
    world : World
        Before.
    levels : Levels
        After, the new country first.
    code, name : str
        Of the new country.
    changed : ndarray of bool, shape (N,)
        Countries of the old world whose numbers are others now; the rest keeps its own.

    Returns
    -------
    dict
        Keyword arguments of ``World.with_``.
    """
    output = levels.flows.sum(axis=2)
    made = output > 0
    shares = np.where(made[None], levels.input_use / np.where(made, output, 1.0)[None], 0.0)
    added = np.maximum(1.0 - shares.sum(axis=0), 0.0)
    total = shares.sum(axis=0) + added
    input_share, added_share = shares / total, added / total
    final_share = levels.final / levels.final.sum(axis=0)
    value_added = (added_share * output).sum(axis=0)
    deficit = levels.flows.sum(axis=(0, 1)) - levels.flows.sum(axis=(0, 2))
    kept = np.flatnonzero(~changed)
    # whoever is the same keeps its own, and so does an industry of which nothing is left
    own = ~changed[None, :] | ~made[:, 1:]
    input_share[:, :, 1:] = np.where(own[None], world.input_share, input_share[:, :, 1:])
    added_share[:, 1:] = np.where(own, world.value_added_share, added_share[:, 1:])
    final_share[:, kept + 1] = world.final_share[:, kept]
    value_added[kept + 1], deficit[kept + 1] = world.value_added[kept], world.deficit[kept]
    return {
        "countries": (code, *world.countries),
        "country_names": (name, *world.country_names),
        "flows": levels.flows,
        "tariff": levels.tariff,
        "input_share": input_share,
        "value_added_share": added_share,
        "final_share": final_share,
        "value_added": value_added,
        "deficit": deficit,
        "dormant": _padded(world.dormant),
        "coverage": _padded(world.coverage),
    }


def _padded(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Old links as they were; zero on the new country's."""
    return {key: np.pad(array, ((0, 0), (1, 0), (1, 0))) for key, array in arrays.items()}
