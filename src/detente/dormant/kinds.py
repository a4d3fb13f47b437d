"""Three kinds of link: observed, banned but seen before, never seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.dormant.history import History
from detente.world.core import Array, World

#: Trades now and nobody bans it: what it wants is seen, and keeps its share.
OBSERVED = "observed"
#: Banned now; its share of before is known.
BEFORE = "before"
#: No trade to go by: gravity.
NEVER = "never"
#: No link: services, the country itself, what nobody makes.
NONE = "none"

Kinds = NDArray[np.str_]


@dataclass(frozen=True)
class LinkKinds:
    """The kind of every link of a country, shape (S, N) each."""

    sales: Kinds
    purchases: Kinds


#: Coverage below this is a stray line of a wide heading, not a ban on the sector.
BANNED = 0.01


def bans_in_force(world: World) -> tuple[str, ...]:
    """Names of the coverage tables that the baseline year knows."""
    off = world.meta.get("coverage_not_in_force", ())
    return tuple(name for name in world.coverage if name not in off)


def in_force(world: World) -> Array:
    """Largest share of each link that any regime in force bans, shape (S, N, N)."""
    found = np.zeros(world.flows.shape)
    for name in bans_in_force(world):
        found = np.maximum(found, world.coverage[name])
    return found


def link_kinds(
    world: World, country: str, history: History | None, traded: NDArray[np.bool_]
) -> LinkKinds:
    """Classify every link of a country.

    Parameters
    ----------
    world : World
    country : str
    history : History or None
        Without one no link is of the kind ``before``.
    traded : ndarray of bool, shape (S,)
        Sectors that have links at all: those that customs see.
    """
    c = world.country_index(country)
    banned = in_force(world) > BANNED
    made = world.output > 0
    none = np.zeros((world.n_sectors, world.n_countries))
    past = (none, none) if history is None else (history.sales, history.purchases)
    known = tuple(
        (flows > 0) | (_zeros(world, history) & (flows.sum(axis=0) > 0)) for flows in past
    )
    sales = _kinds(world.flows[:, c], banned[:, c], known[0], traded)
    purchases = _kinds(world.flows[:, :, c], banned[:, :, c], known[1], traded)
    sales[~made[:, c]] = NONE  # what is not made is not sold
    purchases[~made] = NONE
    sales[:, c] = purchases[:, c] = NONE
    return LinkKinds(sales, purchases)


def _zeros(world: World, history: History | None) -> NDArray[np.bool_]:
    """Partners whose zeros of before are known to be zeros, shape (N,)."""
    names = () if history is None else history.zeros
    return np.isin(np.asarray(world.countries), np.asarray(names, dtype=str))


def _kinds(
    flow: Array,
    banned: NDArray[np.bool_],
    known: NDArray[np.bool_],
    traded: NDArray[np.bool_],
) -> Kinds:
    # A partner that trades and that nobody bans shows what it wants, also where that is
    # nothing; a partner without any trade shows nothing.
    open_ = np.broadcast_to(flow.sum(axis=0) > 0, flow.shape)
    kind = np.where(banned & known, BEFORE, NEVER)
    kind = np.where(~banned & open_, OBSERVED, kind)
    kind[~traded] = NONE
    return kind
