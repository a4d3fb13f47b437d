"""The Shapley value of a game, exactly: from the worth of every set of players.

Sources: Shapley (1953, Contributions to the Theory of Games II, "A value for n-person games");
Grabisch & Roubens (1999, International Journal of Game Theory 28) for the interaction index.

A set of players is a number: player j belongs to it if bit j is set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, nearest
from detente.world.core import Array

#: 2¹² = 4,096 solves; each player more doubles them.
MOST_PLAYERS = 12
#: Marginal contributions closer than this, relative to the largest, are the same.
_SAME = 1e-9
#: A total below this part of the values' sizes has no shares that mean anything.
_CANCELS = 0.05

Masks = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Game:
    """Players and the worth of every set of them.

    Parameters
    ----------
    players : tuple of str
    worth : array, shape (2**n,)
        By set, as a number whose bit j says that player j belongs to it.

    Raises
    ------
    InputError
        No player or more than `MOST_PLAYERS`, one named twice, a worth that is no number.
    """

    players: tuple[str, ...]
    worth: Array

    def __post_init__(self) -> None:
        require_players(self.players)
        size = 2 ** len(self.players)
        if self.worth.shape != (size,):
            raise InputError(
                f"the worth of {size} sets is needed; {self.worth.size} are given."
            )
        bad = np.flatnonzero(~np.isfinite(self.worth))
        if bad.size:
            named = in_braces(members(self.players, int(bad[0])))
            raise InputError(f"the worth of {named} is {self.worth[bad[0]]}, no number.")

    @property
    def total(self) -> float:
        """V(N) − V(∅): what is attributed."""
        return float(self.worth[-1] - self.worth[0])

    def without(self, *left_out: int) -> Masks:
        """Every set that some players do not belong to, ascending."""
        every = np.arange(2 ** len(self.players))
        for j in left_out:
            every = every[(every >> j) & 1 == 0]
        return every

    def marginal(self, j: int) -> Array:
        """V(S ∪ j) − V(S) for the sets S of `without`, shape (2**(n−1),)."""
        before = self.without(j)
        added: Array = self.worth[before | (1 << j)] - self.worth[before]
        return added

    def value(self, j: int) -> float:
        """Shapley value: the mean of the marginal contribution over all n! orders.

        Σ over S without j of |S|!·(n − |S| − 1)!/n! · (V(S ∪ j) − V(S)).
        """
        n = len(self.players)
        weight = _weights(n, 1)[_sizes(self.without(j), n)]
        return float(weight @ self.marginal(j))

    def interaction(self, j: int, k: int) -> float:
        """Shapley interaction index of two players (Grabisch & Roubens 1999).

        Σ over S without j and k of |S|!·(n − |S| − 2)!/(n − 1)! · Δ(S), with
        Δ(S) = V(S ∪ jk) − V(S ∪ j) − V(S ∪ k) + V(S).
        """
        n, v, before = len(self.players), self.worth, self.without(j, k)
        a, b = 1 << j, 1 << k
        second = v[before | a | b] - v[before | a] - v[before | b] + v[before]
        return float(_weights(n, 2)[_sizes(before, n)] @ second)

    def extreme(self, j: int, *, highest: bool) -> tuple[float, tuple[str, ...]]:
        """Lowest or highest marginal contribution over all orders, and who comes before.

        Where several sets give it, the smallest is named.
        """
        added, before = self.marginal(j), self.without(j)
        best = float(added.max() if highest else added.min())
        close = np.abs(added - best) <= _SAME * max(float(np.abs(added).max()), 1e-300)
        sizes = np.where(close, _sizes(before, len(self.players)), len(self.players))
        return best, members(self.players, int(before[np.argmin(sizes)]))


def _sizes(sets: Masks, n: int) -> Masks:
    found: Masks = ((sets[:, None] >> np.arange(n)) & 1).sum(axis=1)
    return found


def _weights(n: int, together: int) -> Array:
    """|S|!·(n − |S| − m)!/(n − m + 1)! by |S|, for m players that enter together."""
    most = n - together
    whole = factorial(most + 1)
    return np.array([factorial(k) * factorial(most - k) / whole for k in range(most + 1)])


def value_weights(n: int) -> Array:
    """The Shapley values of n players as weights of the worths: φ = M·V, shape (n, 2**n).

    The same sum as `Game.value`, for many games at once (V of shape (2**n, games)).
    """
    sets = np.arange(2**n)
    size = _sizes(sets, n)
    weight = _weights(n, 1)
    found = np.empty((n, sets.size))
    for j in range(n):
        inside = (sets >> j) & 1 == 1
        found[j] = np.where(inside, weight[size - inside], -weight[np.minimum(size, n - 1)])
    return found


def dividends(worth: Array) -> Array:
    """Harsanyi's dividend of every set: Δ(S) = Σ over T ⊆ S of (−1)^(|S| − |T|)·V(T).

    Harsanyi (1959, Contributions to the Theory of Games IV). What the players of S achieve
    together that no smaller set of them does; V(S) is the sum over all subsets of S, and a
    player's Shapley value the sum of Δ(S)/|S| over the sets that it is in.

    Parameters
    ----------
    worth : array, shape (2**n,) or (2**n, games)

    Returns
    -------
    array
        The same shape; that of the empty set is V(∅).
    """
    found: Array = np.array(worth, dtype=np.float64)
    sets, bit = np.arange(len(found)), 1
    while bit < len(found):
        inside = sets[(sets & bit) > 0]
        found[inside] -= found[inside ^ bit]
        bit <<= 1
    return found


def members(players: Sequence[str], mask: int) -> tuple[str, ...]:
    """The players of a set, in their order."""
    return tuple(name for j, name in enumerate(players) if mask >> j & 1)


def in_braces(names: Sequence[str]) -> str:
    """A set of players in words."""
    return f"{{{', '.join(names)}}}" if names else "the empty set"


def require_players(players: Sequence[str]) -> None:
    """Refuse no player, too many, or one named twice.

    Raises
    ------
    InputError
    """
    if not players:
        raise InputError("there is nobody to attribute anything to: no player is named.")
    twice = [name for name in players if list(players).count(name) > 1]
    if twice:
        raise InputError(f"the player '{twice[0]}' is named twice.")
    n = len(players)
    if n > MOST_PLAYERS:
        raise InputError(
            f"{n} players are {2**n:,} equilibria, each of them solved; {MOST_PLAYERS} players "
            f"({2**MOST_PLAYERS:,}) are the most. Put several of them in one group."
        )


def shapley(value: Mapping[frozenset[str], float], players: Sequence[str]) -> pd.DataFrame:
    """Attribute the worth of all players to each of them.

    Parameters
    ----------
    value : mapping of frozenset of players to worth
        All 2ⁿ sets, the empty one too.
    players : sequence of str
        At most `MOST_PLAYERS`.

    Returns
    -------
    DataFrame
        As :func:`table`.

    Raises
    ------
    InputError
        A set without a worth, or one of other players; as `Game`.
    """
    names = tuple(players)
    require_players(names)
    sets = [frozenset(members(names, mask)) for mask in range(2 ** len(names))]
    missing = next((s for s in sets if s not in value), None)
    if missing is not None:
        named = in_braces([p for p in names if p in missing])
        raise InputError(f"the worth of {named} is not given.")
    strange = set(value) - set(sets)
    if strange:
        name = min(min(strange, key=sorted) - set(names))
        what = f"a set holds '{name}', who is no player."
        raise InputError(what, nearest=nearest(name, names))
    return table(Game(names, np.array([value[s] for s in sets], dtype=float)))


def table(game: Game) -> pd.DataFrame:
    """Everything about each player of a game.

    Returns
    -------
    DataFrame
        Index ``player``. ``value``: the Shapley value; ``share`` of the total (NaN where gains
        and losses cancel: a total below a twentieth of their sizes); ``alone`` V({i}) − V(∅),
        as the first; ``last`` V(N) − V(N∖{i});
        ``lowest`` and ``highest`` marginal contribution over all orders, with who comes
        before in the order that gives it (``lowest_after``, ``highest_after``: names joined
        by " + ", empty if nobody). All in the unit of the worth, shares as numbers.
    """
    n, total = len(game.players), game.total
    scale = sum(abs(game.value(j)) for j in range(n))
    rows = []
    for j in range(n):
        added = game.marginal(j)
        low, low_after = game.extreme(j, highest=False)
        high, high_after = game.extreme(j, highest=True)
        value = game.value(j)
        rows.append(
            {
                "value": value,
                "share": value / total if abs(total) > _CANCELS * scale else np.nan,
                "alone": float(added[0]),
                "last": float(added[-1]),
                "lowest": low,
                "highest": high,
                "lowest_after": " + ".join(low_after),
                "highest_after": " + ".join(high_after),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(game.players, name="player"))


def interactions(game: Game) -> pd.DataFrame:
    """What pairs of players do together beyond what each does by itself.

    Returns
    -------
    DataFrame
        ``player``, ``with``; ``interaction``: the Shapley interaction index, the mean over
        what the others do; ``alone``: V(ij) − V(i) − V(j) + V(∅), with nobody else. Above
        zero the two need each other; below, each does a part of the other's work.
    """
    v, n = game.worth, len(game.players)
    rows = [
        {
            "player": game.players[j],
            "with": game.players[k],
            "interaction": game.interaction(j, k),
            "alone": float(v[1 << j | 1 << k] - v[1 << j] - v[1 << k] + v[0]),
        }
        for j in range(n)
        for k in range(j + 1, n)
    ]
    return pd.DataFrame(rows, columns=["player", "with", "interaction", "alone"])
