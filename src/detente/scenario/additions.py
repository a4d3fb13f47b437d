"""Trade that a measure adds to links, and factors on them: what neither law nor ψ says.

A pipeline, a zone or tied aid adds shipments that are known in million USD and not as a share.
They enter as link weight. Let Δσ[s,i,n] = extra·(1 + t)/X be what the buyer's spending share
rises by at baseline costs, all other suppliers giving way in proportion. With A the suppliers
of n that gain and k = (1 − Σ_A (π + Δσ))/(1 − Σ_A π) what is left to the others, the weights
b = (π + Δσ)/k of A and b = π of the others give exactly these shares (docs/model.md, equations
2 to 4, at ĉ = 1). What is added to b is then (π + Δσ)/k − π, beside what opens or closes.

A supplier with more weight is more variety: Σb rises to 1/k and the buyer's price falls by
k^(1/θ), −ln k/θ in logs, which grows faster than the trade added. Where the goods are ones that
the buyer has from others already, that gain is none. A *neutral* addition takes it out: the
weights of all suppliers of that buyer and sector, its own country's too, are scaled by
Σb without neutral additions / Σb with all, each b times ĉ^−θ, so that its price stays and the
others give way in proportion. ĉ is one, or what is expected of the host
(:mod:`detente.scenario.hostcosts`).
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
        Million USD at baseline prices, net of tariff; neutral or not.
    counted : ndarray, shape (S, N, N)
        What of it counts as variety.
    factor : ndarray, shape (S, N, N)
        Multiplies b.
    costs : ndarray, shape (S, N)
        ĉ at which neutral additions leave prices alone.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.extra: Array = np.zeros(world.flows.shape)
        self.counted: Array = np.zeros(world.flows.shape)
        self.factor: Array = np.ones(world.flows.shape)
        self.costs: Array = np.ones(world.flows.shape[:2])

    def add(self, extra: Array, neutral: bool = False) -> None:
        """Add shipments (S, N, N), million USD at baseline prices; several calls add up.

        Parameters
        ----------
        extra : ndarray, shape (S, N, N)
        neutral : bool
            Whether the buyer's price, at ``costs``, stays what it is without them.

        Raises
        ------
        ScenarioError
            Below zero, not finite, within a country, or more than a buyer spends.
        """
        n = np.arange(self.world.n_countries)
        if not np.isfinite(extra).all() or (extra < 0).any() or extra[:, n, n].any():
            raise ScenarioError("trade that a measure adds is positive, and between countries.")
        self.extra = self.extra + extra
        if not neutral:
            self.counted = self.counted + extra
        gained = self._gained(self.extra)
        share = (gained > 0) * (self.world.trade_share + gained)
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

    def _gained(self, extra: Array) -> Array:
        """Δσ of every link, (S, N, N)."""
        spent = self.world.expenditure[:, None, :]
        paid = extra * (1.0 + self.world.tariff)
        return np.divide(paid, spent, out=np.where(paid > 0, np.inf, 0.0), where=spent > 0)

    def _added(self, extra: Array) -> Array:
        """What extra trade adds to b, (S, N, N)."""
        gained, pi = self._gained(extra), self.world.trade_share
        mine = gained > 0
        left = 1.0 - (mine * (pi + gained)).sum(axis=1, keepdims=True)
        others = 1.0 - (mine * pi).sum(axis=1, keepdims=True)
        return np.where(mine, (pi + gained) * others / left - pi, 0.0)

    def _neutral(self, bare: Array, base: Array) -> Array:
        """Σb·ĉ^−θ without neutral additions over that with all, (S, 1, N)."""
        power = self.costs ** -self.world.trade_elasticity[:, None]
        worth = power[:, :, None]
        without = ((bare + self._added(self.counted)) * worth).sum(axis=1, keepdims=True)
        total = (base * worth).sum(axis=1, keepdims=True)
        hit = (self.extra > self.counted).any(axis=1, keepdims=True)
        # a buyer whom nobody else supplies has no price to keep
        scale: Array = np.ones(total.shape)
        np.divide(without, total, out=scale, where=hit & (without > 0))
        return scale

    def put(self, link: Array, link_open: Array, psi: Array | None) -> Mapping[str, Array]:
        """``link``, ``link_open`` and ``dormant_share`` that give (b·factor + added).

        Where trade is added, ``at_once`` is the part of b that it makes up, (S, N, N): it is
        there as soon as the measure is, whatever time trade that opens takes. ``opened`` is
        the part that law and openings let in.

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
        whole = model.link_base(pi, link, link_open, known)
        bare, opened = whole * self.factor, (whole - pi * link) * self.factor
        base = bare + self._added(self.extra)
        if (self.extra > self.counted).any():
            scale = self._neutral(bare, base)
            touched, bare, base = touched | (scale != 1.0), bare * scale, base * scale
            opened = opened * scale
        rises = touched & (base > pi)
        falls = touched & ~rises & (pi > 0)
        share = np.divide(base, pi, out=np.ones(pi.shape), where=falls)
        found = {"at_once": np.maximum(base - bare, 0.0)} if self.extra.any() else {}
        return found | {
            "opened": opened,
            "link": np.where(rises, 1.0, np.where(falls, share, link)),
            "link_open": np.where(rises, 1.0, np.where(touched, 0.0, link_open)),
            "dormant_share": np.where(rises, base, known),
        }
