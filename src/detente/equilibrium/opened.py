"""What of a link's weight is there because it opened, and a state with less of it.

The weight b* of equation 2 (docs/model.md) has three parts: what a measure *adds* (a pipeline's
trade, tied aid's), what is *opened*, and the *rest*, which traded all along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detente import model
from detente.equilibrium.problem import exogenous
from detente.shocks import Shocks
from detente.world.core import Array, World

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Goal:
    """b* of a phase by its parts, each (S, N, N)."""

    rest: Array
    opened: Array
    added: Array

    @property
    def whole(self) -> Array:
        """b*, with everything that opens at its full potential."""
        return self.rest + self.opened + self.added


def goal_of(world: World, shocks: Shocks, base: Array, split: bool) -> Goal:
    """b* of a phase by its parts.

    Parameters
    ----------
    world : World
        The baseline.
    shocks : Shocks
        Of the phase.
    base : ndarray, shape (S, N, N)
        b* as equation 2 has it, links that a cap closes at zero.
    split : bool
        Whether what opens has a pace of its own; if not, it is of the rest.
    """
    none = np.zeros(base.shape)
    added = none if shocks.at_once is None else np.minimum(shocks.at_once, base)
    if not split:
        return Goal(base - added, none, added)
    opened = shocks.opened
    if opened is None:
        kept = model.link_base(world.trade_share, shocks.link)
        whole = model.link_base(
            world.trade_share, shocks.link, shocks.link_open, shocks.dormant_share
        )
        opened = whole - kept
    opened = np.minimum(opened, base - added)
    return Goal(base - added - opened, opened, added)


def potential(world: World, goal: Goal) -> Array:
    """What opened links would carry at baseline costs, both ways, million USD; (N, N).

    b·X/(Σᵢ b·(1 + t)) of what is opened, over all sectors (docs/model.md, equation 3 at ĉ = 1).
    """
    weight = goal.whole.sum(axis=1, keepdims=True)
    part = np.divide(goal.opened, weight, out=np.zeros(goal.opened.shape), where=weight > 0)
    paid = part * world.expenditure[:, None, :] / (1.0 + world.tariff)
    one_way: Array = paid.sum(axis=0)
    return one_way + one_way.T


def as_before(world: World, shocks: Shocks, goal: Goal) -> Mask:
    """Which pairs return to what they carried before the bans, and not to gravity's, (N, N).

    The anchor as_before says so of all, but for links that a measure gives another ψ.
    """
    noted = shocks.notes.get("dormant_share", {})
    pairs = (world.n_countries, world.n_countries)
    if noted.get("anchor") != "as_before":
        return np.zeros(pairs, dtype=bool)
    if not noted.get("by_measure") or shocks.dormant_share is None:
        return np.ones(pairs, dtype=bool)
    own = world.dormant["as_before"] * float(noted.get("psi_scale", 1.0))
    other = (goal.opened > 0) & ~np.isclose(shocks.dormant_share, own, rtol=1e-9, atol=0.0)
    there: Mask = np.asarray(other.any(axis=0), dtype=bool)
    found: Mask = ~(there | there.T)
    return found


def realised(world: World, shocks: Shocks, share: Array | float) -> Shocks:
    """The shocks of a state in which what opens carries a share of its potential.

    Parameters
    ----------
    world : World
        The baseline, re-based for the deficit rule.
    shocks : Shocks
    share : float or ndarray
        0 or more, broadcasts to (S, N, N): b = rest + share·opened + added.
    """
    goal = goal_of(world, shocks, exogenous(world, shocks).base, split=True)
    base = goal.rest + share * goal.opened + goal.added
    return with_links(shocks, world.trade_share, base, None)


def with_links(shocks: Shocks, trade_share: Array, base: Array, labour: Array | None) -> Shocks:
    """The day's shocks with link weights b and more labour (capital) in their place.

    Parameters
    ----------
    shocks : Shocks
        All that holds at once: tariffs, costs, productivity, transfers, caps, deficits.
    trade_share, base : ndarray, shape (S, N, N)
        π of the baseline, and b ≥ 0 that equation 2 has to give.
    labour : ndarray, shape (N,), optional
        Multiplies L̂.
    """
    below, above = base < trade_share, base > trade_share
    share = np.where(below, trade_share, 1.0)
    link = np.where(below, base / share, 1.0)
    if labour is not None:
        labour = labour if shocks.labour_hat is None else labour * shocks.labour_hat
    opens = bool(above.any())
    return replace(
        shocks,
        link=link if below.any() else None,
        link_open=above.astype(float) if opens else None,
        dormant_share=np.where(above, base, 0.0) if opens else None,
        at_once=None,
        opened=None,
        labour_hat=shocks.labour_hat if labour is None else labour,
    )
