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

from detente.dormant.geography import TERMS, Site
from detente.dormant.history import History
from detente.dormant.kinds import BEFORE, NEVER, NONE, OBSERVED, LinkKinds
from detente.errors import InputError
from detente.gravity.resistance import resistances
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
    """How far duties on a country's links exceed the buyer's usual, as (1+t)/(1+t̄) ≥ 1.

    Gravity's border holds the usual duty of a buyer; baseline costs hold this link's own. A
    duty below the usual does not raise a potential: usual duties are rough means, and at an
    elasticity of nine a preference on paper would multiply trade (docs/dormant.md).

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
        return ratio((flows * world.tariff).sum(axis=1), flows.sum(axis=1))

    sales = (1.0 + world.tariff[:, country]) / (1.0 + usual(others))
    mean_here = usual(abroad)[:, [country]]
    purchases = (1.0 + world.tariff[:, :, country]) / (1.0 + mean_here)
    sales[:, country] = purchases[:, country] = 1.0
    return np.maximum(sales, 1.0), np.maximum(purchases, 1.0)


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
        if not len(here):
            raise InputError(f"the geography has no place '{country}': gravity needs it.")
        if len(here) != 1:
            raise InputError(
                f"{country} is a group of places; dormant shares are for one place."
            )
        self.place = int(here[0])
        self.spent = world.expenditure
        self.share_sales = world.trade_share[:, self.country]
        self.share_purchases = world.trade_share[:, :, self.country]
        self._gap = tariff_gap(world, self.country)
        linked = (kinds.sales != NONE).any(axis=1) | (kinds.purchases != NONE).any(axis=1)
        self._linked = np.flatnonzero(linked)
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
        """Of the sectors that have links; zero elsewhere."""
        site, c, here = self.site, self.place, self._linked
        phi = freeness(site, coefficient[here])
        sold, bought = (gap[here][:, site.group] ** -theta[here, None] for gap in self._gap)
        phi[:, c, :] *= sold
        phi[:, :, c] *= bought
        output, spending = site.output[here], site.spending[here]
        pull, price = resistances(phi, output, spending, start=self._start)
        if self._start is None:
            share = ratio(output, output.sum(axis=1, keepdims=True))
            made = share > 0
            self._start = np.log(ratio(share, pull, 1.0), out=np.zeros_like(pull), where=made)
        demand, supply = np.zeros_like(site.output), np.zeros_like(site.output)
        demand[here] = phi[:, c] * ratio(spending, price)
        supply[here] = pull * phi[:, :, c]
        own = np.zeros(len(site.output))
        own[here] = pull[:, c]
        return _Gravity(demand, supply, own)

    def _normal(self, gravity: _Gravity) -> Anchor:
        """Gravity's shares; potential sales add up to output by themselves."""
        kinds, tariff = self.kinds, self.site.world.tariff
        sales = gravity.own_pull[:, None] * (gravity.demand @ self.site.member)
        sales = np.where(kinds.sales == NONE, 0.0, sales)
        supply = gravity.supply @ self.site.member
        spent = self.site.world.flows[:, :, self.country].sum(axis=1, keepdims=True)
        bought = spent * ratio(supply, supply.sum(axis=1, keepdims=True))
        value = np.where(kinds.purchases == NONE, 0.0, bought)
        paid = sales * (1.0 + tariff[:, self.country])
        return Anchor(
            Side(sales, self._sales_odds(paid, self.spent)),
            Side(value, self._purchase_odds(supply)),
            np.ones(len(sales)),
        )

    def _as_before(self, gravity: _Gravity, history: History) -> Anchor:
        """Carry the reference partner's trade to the others; keep what each is known for."""
        sales, kept = self._past_sales(gravity, history)
        purchases = self._past_purchases(gravity, history)
        return Anchor(sales, purchases, kept)

    def _past_sales(self, gravity: _Gravity, history: History) -> tuple[Side, Array]:
        world, c, kinds = self.site.world, self.country, self.kinds.sales
        r = world.country_index(history.reference)
        demand = gravity.demand @ self.site.member
        carried = demand * ratio(history.sales[:, r], demand[:, r])[:, None]
        value = np.where(kinds == BEFORE, history.sales, carried)
        value = np.where(np.isin(kinds, (BEFORE, NEVER)), value, 0.0)
        value, kept = self._cut_to_output(value)
        paid, now = (flow * (1.0 + world.tariff[:, c]) for flow in (value, world.flows[:, c]))
        # A market with the past sales in place of today's.
        market = np.where(kinds == BEFORE, self.spent - now + paid, self.spent)
        odds = self._sales_odds(paid, market)
        seen = kinds == OBSERVED
        odds = np.where(seen, self.share_sales, odds)
        value = np.where(kinds == NONE, 0.0, np.maximum(value, world.flows[:, c]))
        return Side(value, odds), kept

    def _past_purchases(self, gravity: _Gravity, history: History) -> Side:
        world, c, kinds = self.site.world, self.country, self.kinds.purchases
        r = world.country_index(history.reference)
        supply = gravity.supply @ self.site.member
        carried = supply * ratio(history.purchases[:, r], supply[:, r])[:, None]
        bought = np.where(kinds == BEFORE, history.purchases, carried)
        bought[:, c] = history.home
        odds = self._purchase_odds(bought)
        odds = np.where(kinds == OBSERVED, self.share_purchases, odds)
        # What each would have of the spending of today, were all open together.
        weight = np.maximum(odds, self.share_purchases)
        value = ratio(weight, weight.sum(axis=1, keepdims=True)) * self.spent[:, [c]]
        value /= 1.0 + world.tariff[:, :, c]
        return Side(np.where(kinds == NONE, 0.0, value), odds)

    # -- from money to odds ------------------------------------------------------------
    def _cut_to_output(self, sales: Array) -> tuple[Array, Array]:
        """Potential sales never exceed output: those never observed give way first."""
        world, c, kinds = self.site.world, self.country, self.kinds.sales
        abroad = np.where(kinds == OBSERVED, world.flows[:, c], 0.0)
        room = world.output[:, c] - abroad.sum(axis=1)
        known, new = kinds == BEFORE, kinds == NEVER
        first, second = (np.where(m, sales, 0.0).sum(axis=1) for m in (known, new))
        keep = np.minimum(1.0, ratio(room, first, 1.0))
        keep_new = np.clip(ratio(room - first * keep, second, 1.0), 0.0, 1.0)
        factor = np.where(known, keep[:, None], np.where(new, keep_new[:, None], 1.0))
        return sales * factor, ratio(first * keep + second * keep_new, first + second, 1.0)

    def _sales_odds(self, paid: Array, market: Array) -> Array:
        """ψ of a single new supplier in each market: σ(1 − π)/(1 − σ)."""
        sigma = np.minimum(ratio(paid, market), 1.0 - _LEAST)
        odds = sigma * (1.0 - self.share_sales) / (1.0 - sigma)
        found: Array = np.where(self.kinds.sales == NONE, 0.0, odds)
        return found

    def _purchase_odds(self, supply: Array) -> Array:
        """ψ of all suppliers together: odds against the country's own sales.

        ``supply``, shape (S, N), is net of tariff, in any unit of a row, its own column the
        home market. Where the country makes nothing itself, against the suppliers it has.
        """
        own = np.arange(supply.shape[1]) == self.country
        paid = supply * (1.0 + self.site.world.tariff[:, :, self.country])
        known = np.where(supply[:, [self.country]] > 0, own, self.share_purchases > 0)
        known = known & (supply > 0)
        held, base = (np.where(known, x, 0.0).sum(axis=1) for x in (self.share_purchases, paid))
        odds = paid * ratio(held, base)[:, None]
        found: Array = np.where((self.kinds.purchases == NONE) | own, 0.0, odds)
        return found


def ratio(above: Array, below: Array, otherwise: float = 0.0) -> Array:
    """Above over below, and something else where below is not positive."""
    above, below = np.broadcast_arrays(above, below)
    out = np.full(above.shape, otherwise)
    found: Array = np.divide(above, below, out=out, where=below > 0)
    return found
