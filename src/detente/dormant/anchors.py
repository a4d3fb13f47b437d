"""The two openness anchors: ``as_before`` and ``normal``, in docs/model.md's odds.

Sales of country c to n are a_c φ_cn E_n / P_n, with E spending, P how contested the market is
(resistance.py) and a_c the country's pull. The anchors differ in where the pull comes from.

- ``normal``: from its size: a_c = Y_c / Π_c (Anderson & van Wincoop 2003). What a country of
  its output, spending and place, behind an average border, would trade.
- ``as_before``: from what it sold, before the ban, to the partner it could trade with.
  Purchases likewise: what it bought there against what it bought at home.

Nothing is read off the home market: a shut border, not low cost, keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.dormant.geography import TERMS, Site
from detente.dormant.history import History
from detente.dormant.kinds import BEFORE, NEVER, NONE, OBSERVED, LinkKinds
from detente.dormant.resistance import resistances
from detente.errors import InputError
from detente.world.core import Array, World

AS_BEFORE, NORMAL = "as_before", "normal"
#: A price of 1 − σ below this would make odds of nothing but rounding.
_LEAST = 1e-6


@dataclass(frozen=True)
class Side:
    """One direction of a country's trade by one anchor, shape (S, N).

    Attributes
    ----------
    value : ndarray
        Million USD, net of tariff, at baseline costs: what gravity says it would carry.
    odds : ndarray
        ψ, in units of π.
    """

    value: Array
    odds: Array


@dataclass(frozen=True)
class Anchor:
    """Both directions by one anchor, and how potential sales were cut to output.

    Attributes
    ----------
    sales, purchases : Side
    kept : ndarray, shape (S,)
        Share of potential sales that output allows; 1 where all.
    """

    sales: Side
    purchases: Side
    kept: Array

    def dormant_share(self, country: int) -> Array:
        """ψ on the country's links, shape (S, N, N); zero elsewhere."""
        s, n = self.sales.odds.shape
        psi = np.zeros((s, n, n))
        psi[:, country] = self.sales.odds
        psi[:, :, country] = self.purchases.odds
        psi[:, country, country] = 0.0
        return psi


@dataclass(frozen=True)
class _Gravity:
    """What the estimates say of the country's links, by place, shape (S, A)."""

    demand: Array  # φ_ca E_a / P_a: sales per unit of the country's pull
    supply: Array  # A_a φ_ac: pull of every place on the country, its own included
    own_pull: Array  # shape (S,): A_c
    start: Array  # ln Π, for the next solve nearby


def freeness(site: Site, coefficient: Array) -> Array:
    """φ = exp(β·z) of every pair of places, shape (S, A, A).

    Parameters
    ----------
    site : Site
    coefficient : ndarray, shape (S, K)
        Semi-elasticities in the order of ``TERMS``.
    """
    if coefficient.shape[1] != len(TERMS):
        raise InputError(
            f"there must be {len(TERMS)} coefficients a sector: {', '.join(TERMS)}."
        )
    found: Array = np.exp(np.tensordot(coefficient, site.covariates, axes=1))
    return found


def tariff_gap(world: World, country: int) -> tuple[Array, Array]:
    """How far tariffs on a country's links depart from the buyer's usual, as (1+t)/(1+t̄).

    Gravity's border holds the usual tariff of a buyer; baseline costs hold this link's own.

    Returns
    -------
    (ndarray, ndarray), shape (S, N) each
        For its sales, and for its purchases; 1 where the buyer imports nothing.
    """
    n = world.n_countries
    abroad = world.flows * ~np.eye(n, dtype=bool)[None]
    others = abroad.copy()
    others[:, country] = 0.0

    def usual(flows: Array) -> Array:
        bought = flows.sum(axis=1)
        duty = (flows * world.tariff).sum(axis=1)
        mean: Array = np.divide(duty, bought, out=np.zeros_like(duty), where=bought > 0)
        return mean

    sales = (1.0 + world.tariff[:, country]) / (1.0 + usual(others))
    mean_here = usual(abroad)[:, [country]]
    purchases = (1.0 + world.tariff[:, :, country]) / (1.0 + mean_here)
    sales[:, country] = purchases[:, country] = 1.0
    return sales, purchases


class Anchors:
    """Both anchors of one country, computed again cheaply for other coefficients.

    Parameters
    ----------
    site : Site
        The world laid over a geography; the country must be one place.
    country : str
    kinds : LinkKinds
    history : History or None
        Without one there is no ``as_before``.
    """

    def __init__(
        self, site: Site, country: str, kinds: LinkKinds, history: History | None
    ) -> None:
        world = site.world
        self.site, self.kinds, self.history = site, kinds, history
        self.country = world.country_index(country)
        here = np.flatnonzero(site.group == self.country)
        if len(here) != 1:
            raise InputError(
                f"{country} is a group of places; dormant shares are for one place."
            )
        self.place = int(here[0])
        self.spent = world.expenditure
        self.share_sales = world.trade_share[:, self.country]
        self.share_purchases = world.trade_share[:, :, self.country]
        self._gap = tariff_gap(world, self.country)
        self._start: Array | None = None

    # -- the anchors -------------------------------------------------------------------
    def at(self, coefficient: Array, theta: Array) -> dict[str, Anchor]:
        """Both anchors at some coefficients and elasticities.

        Parameters
        ----------
        coefficient : ndarray, shape (S, K)
        theta : ndarray, shape (S,)
            Trade elasticities: what a tariff out of the usual does.

        Returns
        -------
        dict of str to Anchor
            ``normal``, and ``as_before`` where there is a history.
        """
        gravity = self._gravity(coefficient, theta)
        found = {NORMAL: self._normal(gravity)}
        if self.history is not None:
            found[AS_BEFORE] = self._as_before(gravity, self.history)
        return found

    def _gravity(self, coefficient: Array, theta: Array) -> _Gravity:
        site, c = self.site, self.place
        phi = freeness(site, coefficient)
        sold, bought = (gap[:, site.group] ** -theta[:, None] for gap in self._gap)
        phi[:, c, :] *= sold
        phi[:, :, c] *= bought
        pull, price = resistances(phi, site.output, site.spending, start=self._start)
        total = site.output.sum(axis=1, keepdims=True)
        made = site.output > 0
        log_pi = np.zeros_like(pull)
        np.log(
            site.output / np.where(total > 0, total, 1.0) / np.where(made, pull, 1.0),
            out=log_pi,
            where=made,
        )
        if self._start is None:
            self._start = log_pi
        demand = phi[:, c] * site.spending / np.where(price > 0, price, 1.0)
        return _Gravity(demand, pull * phi[:, :, c], pull[:, c], log_pi)

    def _normal(self, gravity: _Gravity) -> Anchor:
        sales = gravity.own_pull[:, None] * (gravity.demand @ self.site.member)
        supply = gravity.supply @ self.site.member
        return self._anchor(sales, supply, None)

    def _as_before(self, gravity: _Gravity, history: History) -> Anchor:
        """Carry the reference partner's trade to the others; keep what each is known for."""
        r = self.site.world.country_index(history.reference)
        demand = gravity.demand @ self.site.member
        supply = gravity.supply @ self.site.member
        sales = demand * _ratio(history.sales[:, r], demand[:, r])[:, None]
        carried = supply * _ratio(history.purchases[:, r], supply[:, r])[:, None]
        sales = np.where(self.kinds.sales == BEFORE, history.sales, sales)
        carried = np.where(self.kinds.purchases == BEFORE, history.purchases, carried)
        carried[:, self.country] = history.home
        anchor = self._anchor(sales, carried, history)
        keep = self.kinds.sales == OBSERVED, self.kinds.purchases == OBSERVED
        flows = self.site.world.flows
        return Anchor(
            Side(
                np.where(keep[0], flows[:, self.country], anchor.sales.value),
                np.where(keep[0], self.share_sales, anchor.sales.odds),
            ),
            Side(
                np.where(keep[1], flows[:, :, self.country], anchor.purchases.value),
                np.where(keep[1], self.share_purchases, anchor.purchases.odds),
            ),
            anchor.kept,
        )

    # -- from money to odds ------------------------------------------------------------
    def _anchor(self, sales: Array, supply: Array, history: History | None) -> Anchor:
        """Potential sales and relative supplies to both sides' values and odds."""
        kinds = self.kinds
        sales = np.where(kinds.sales == NONE, 0.0, sales)
        opens = np.isin(kinds.sales, (BEFORE, NEVER)) if history else kinds.sales != NONE
        sales, kept = self._cut_to_output(sales, opens)
        return Anchor(self._sales(sales, history), self._purchases(supply), kept)

    def _cut_to_output(self, sales: Array, opens: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Potential sales never exceed output: those never observed give way first."""
        world, c = self.site.world, self.country
        room = world.output[:, c] - np.where(opens, 0.0, world.flows[:, c]).sum(
            axis=1, where=np.arange(world.n_countries) != c
        )
        known = opens & (self.kinds.sales == BEFORE)
        new = opens & ~known
        first, second = (np.where(m, sales, 0.0).sum(axis=1) for m in (known, new))
        keep = np.minimum(1.0, _ratio(room, first, 1.0))
        keep_new = np.clip(_ratio(room - first * keep, second, 1.0), 0.0, 1.0)
        factor = np.where(known, keep[:, None], np.where(new, keep_new[:, None], 1.0))
        total = first + second
        return sales * factor, _ratio(first * keep + second * keep_new, total, 1.0)

    def _sales(self, value: Array, history: History | None) -> Side:
        """ψ of a single new supplier in each market: σ(1 − π)/(1 − σ)."""
        world, c = self.site.world, self.country
        paid = value * (1.0 + world.tariff[:, c])
        now = world.flows[:, c] * (1.0 + world.tariff[:, c])
        # Spending of the market with the past sales in place of today's.
        before = self.spent - now + paid
        held = self.kinds.sales == BEFORE if history else np.zeros(paid.shape, dtype=bool)
        sigma = paid / _safe(np.where(held, before, self.spent))
        sigma = np.minimum(sigma, 1.0 - _LEAST)
        odds = np.where(
            self.kinds.sales == NONE, 0.0, sigma * (1.0 - self.share_sales) / (1.0 - sigma)
        )
        return Side(value, odds)

    def _purchases(self, supply: Array) -> Side:
        """ψ of all suppliers together: odds against the country's own sales.

        Where it makes nothing itself, against the suppliers that it has.
        """
        c, kinds = self.country, self.kinds.purchases
        supply = np.where(kinds == NONE, 0.0, supply) + supply * (
            np.arange(supply.shape[1]) == c
        )
        own = np.arange(supply.shape[1]) == c
        kept = np.where(supply[:, [c]] > 0, own, (self.share_purchases > 0) & (supply > 0))
        scale = _ratio(
            np.where(kept, self.share_purchases, 0.0).sum(axis=1),
            np.where(kept, supply, 0.0).sum(axis=1),
        )
        odds = supply * scale[:, None]
        # Whoever is closed now takes part in what opens; the others keep their share.
        total = np.where(kinds == OBSERVED, np.maximum(odds, self.share_purchases), odds)
        sigma = total / _safe(total.sum(axis=1))[:, None]
        tariff = 1.0 + self.site.world.tariff[:, :, c]
        value = sigma * self.spent[:, [c]] / tariff
        value[:, c] = odds[:, c] = 0.0
        return Side(value, odds)


def _safe(values: Array) -> Array:
    return np.where(values > 0, values, 1.0)


def _ratio(above: Array, below: Array, otherwise: float = 0.0) -> Array:
    out = np.full(np.shape(above), otherwise)
    found: Array = np.divide(above, below, out=out, where=below > 0)
    return found
