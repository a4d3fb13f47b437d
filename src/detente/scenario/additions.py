"""Trade that a measure adds to links, and factors on them: what neither law nor ψ says.

A pipeline, a zone or tied aid adds shipments that are known in million USD and not as a share.
They enter as link weight. Let Δσ[s,i,n] = extra·(1 + t)/X be what the buyer's spending share
rises by at baseline costs, all other suppliers giving way in proportion. With A the suppliers
of n that gain and k = (1 − Σ_A (π + Δσ))/(1 − Σ_A π) what is left to the others, the weights
b = (π + Δσ)/k of A and b = π of the others give exactly these shares (docs/model.md, equations
2 to 4, at ĉ = 1). What is added to b is then (π + Δσ)/k − π, beside what opens or closes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from detente import model
from detente.errors import ScenarioError
from detente.world.core import Array, World


class Additions:
    """What measures add to links beyond law and openings.

    Parameters
    ----------
    world : World
        The baseline.

    Attributes
    ----------
    extra : ndarray, shape (S, N, N)
        Million USD at baseline prices, net of tariff.
    factor : ndarray, shape (S, N, N)
        Multiplies b.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.extra: Array = np.zeros(world.flows.shape)
        self.factor: Array = np.ones(world.flows.shape)

    def add(self, extra: Array) -> None:
        """Add shipments (S, N, N), million USD at baseline prices; several calls add up.

        Raises
        ------
        ScenarioError
            Below zero, not finite, within a country, or more than a buyer spends.
        """
        n = np.arange(self.world.n_countries)
        if not np.isfinite(extra).all() or (extra < 0).any() or extra[:, n, n].any():
            raise ScenarioError("trade that a measure adds is positive, and between countries.")
        self.extra = self.extra + extra
        share = (self._gained() > 0) * (self.world.trade_share + self._gained())
        over = share.sum(axis=1) >= 1.0
        if over.any():
            s, buyer = (int(k) for k in np.argwhere(over)[0])
            w = self.world
            raise ScenarioError(
                f"measures add {self.extra[s, :, buyer].sum():,.6g} million USD of "
                f"{w.sectors[s]} to what {w.countries[buyer]} buys, and all that it spends on "
                f"that sector is {w.expenditure[s, buyer]:,.6g} million USD."
            )

    def scale(self, factor: Array) -> None:
        """Multiply b of links by a factor (S, N, N) of zero or above."""
        self.factor = self.factor * factor

    def _gained(self) -> Array:
        """Δσ of every link, (S, N, N)."""
        spent = self.world.expenditure[:, None, :]
        paid = self.extra * (1.0 + self.world.tariff)
        return np.divide(paid, spent, out=np.where(paid > 0, np.inf, 0.0), where=spent > 0)

    def _added(self) -> Array:
        """What the extra trade adds to b, (S, N, N)."""
        gained, pi = self._gained(), self.world.trade_share
        mine = gained > 0
        left = 1.0 - (mine * (pi + gained)).sum(axis=1, keepdims=True)
        others = 1.0 - (mine * pi).sum(axis=1, keepdims=True)
        return np.where(mine, (pi + gained) * others / left - pi, 0.0)

    def put(self, link: Array, link_open: Array, psi: Array | None) -> Mapping[str, Array]:
        """``link``, ``link_open`` and ``dormant_share`` that give (b·factor + added).

        Parameters
        ----------
        link, link_open, psi : ndarray, shape (S, N, N)
            What law and openings come to; ``psi`` None where the world has none.
        """
        touched = (self.extra > 0) | (self.factor != 1.0)
        if not touched.any():
            found = {"link": link, "link_open": link_open}
            return found if psi is None else found | {"dormant_share": psi}
        pi = self.world.trade_share
        known = np.zeros(pi.shape) if psi is None else psi
        base = model.link_base(pi, link, link_open, known) * self.factor + self._added()
        rises = touched & (base > pi)
        falls = touched & ~rises & (pi > 0)
        share = np.divide(base, pi, out=np.ones(pi.shape), where=falls)
        return {
            "link": np.where(rises, 1.0, np.where(falls, share, link)),
            "link_open": np.where(rises, 1.0, np.where(touched, 0.0, link_open)),
            "dormant_share": np.where(rises, base, known),
        }
