"""Quantity caps by complementarity: a shadow mark-up, and no penalty term.

A capped link's buyers pay (1+μ) on top of cost and tariff; the exporter's revenue is
F′ = π′X′/((1+t′)(1+μ)). μ ≥ 0 is complementary to the slack cap − Σ F′/ĉ ≥ 0.
Rent (customs value − F′) goes to its owner. A burnt rent is dissipated like an iceberg
cost: the exporter's factors are paid for it, since with nobody receiving it world income
would not add up (docs/model.md, Caps).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CapLinks:
    """One cap: links of one sector that share a quantity.

    Parameters
    ----------
    sector : int
    exporters, importers : ndarray of int, shape (L,)
        The links, one pair per position.
    quantity : float
        Largest Σ F′/ĉ, million USD at baseline prices; positive.
    owner : ndarray, shape (L, N)
        Who gets each link's rent: rows sum to one, or to zero where it is burnt.
    """

    sector: int
    exporters: NDArray[np.intp]
    importers: NDArray[np.intp]
    quantity: float
    owner: Array


class CapState:
    """The mark-ups of a solve; keeps the capped cells of the weights up to date.

    Parameters
    ----------
    caps : sequence of CapLinks
        No two caps share a link.
    weight, weight_net : ndarray, shape (S, N, N)
        a and a/(1+t′); capped cells are changed in place.
    theta : ndarray, shape (S,)
    """

    def __init__(
        self, caps: Sequence[CapLinks], weight: Array, weight_net: Array, theta: Array
    ) -> None:
        self.caps, self.weight, self.weight_net = caps, weight, weight_net
        self.theta = theta
        self.log_markup = np.zeros(len(caps))
        self._free = [weight[c.sector, c.exporters, c.importers].copy() for c in caps]
        self._free_net = [weight_net[c.sector, c.exporters, c.importers].copy() for c in caps]

    @property
    def markup(self) -> Array:
        """μ of each cap, shape (number of caps,)."""
        return np.expm1(self.log_markup)

    def update(self, cost_power: Array, log_cost: Array, spent: Array) -> float:
        """Set every μ to its complementary value, given costs and spending.

        Returns
        -------
        float
            Largest change of ln(1+μ): zero when the caps agree with the point.
        """
        if not self.caps:
            return 0.0
        before = self.log_markup.copy()
        # caps on one buyer move each other through its price: sweep until they agree
        for _ in range(60 if len(self.caps) > 1 else 1):
            last = self.log_markup.copy()
            for j, cap in enumerate(self.caps):
                self.log_markup[j] = self._solve_one(j, cap, cost_power, log_cost, spent)
                self._put(j, cap)
            if np.abs(self.log_markup - last).max() < 1e-14:
                break
        return float(np.abs(self.log_markup - before).max())

    def _put(self, j: int, cap: CapLinks) -> None:
        shrink = np.exp(-self.theta[cap.sector] * self.log_markup[j])
        cells = (cap.sector, cap.exporters, cap.importers)
        self.weight[cells] = self._free[j] * shrink
        self.weight_net[cells] = self._free_net[j] * shrink

    def _solve_one(
        self, j: int, cap: CapLinks, cost_power: Array, log_cost: Array, spent: Array
    ) -> float:
        """ln(1+μ): Newton on ln quantity, which falls in ln(1+μ) at a rate of at least 1."""
        s, ex, im = cap.sector, cap.exporters, cap.importers
        theta = self.theta[s]
        mine = np.bincount(im, self._free[j] * cost_power[s, ex], minlength=spent.shape[1])
        now = np.exp(-theta * self.log_markup[j])
        buyers = np.unique(im)
        total = cost_power[s] @ self.weight[s][:, buyers]
        others = np.maximum(total - mine[buyers] * now, 0.0)
        # quantity of each link at μ = 0 weights: a/(1+t′) q X / ĉ
        volume = self._free_net[j] * cost_power[s, ex] * spent[s, im] / np.exp(log_cost[s, ex])
        volume = np.bincount(im, volume, minlength=spent.shape[1])[buyers]
        u, mine = float(self.log_markup[j]), mine[buyers]

        def log_quantity(u: float) -> tuple[float, float]:
            shrink = np.exp(-theta * u)
            share = mine * shrink / (others + mine * shrink)
            parts = volume * np.exp(-(1.0 + theta) * u) / (others + mine * shrink)
            total = float(parts.sum())
            if not total > 0.0:  # far off during the search: the mark-up has to fall
                return -np.inf, -1.0
            slope = -float((parts * (1.0 + theta * (1.0 - share))).sum()) / total
            return float(np.log(total / cap.quantity)), slope

        if volume.sum() <= 0 or log_quantity(0.0)[0] <= 0.0:
            return 0.0
        for _ in range(100):
            gap, slope = log_quantity(u)
            step = float(np.clip(-gap / slope, -2.0, 2.0))
            u = max(u + step, 0.0)
            if abs(step) < 1e-15 * max(1.0, u):
                break
        return u

    def take_rents(self, cost_power: Array, demand: Array, output: Array) -> Array:
        """Rents by country, shape (N,); takes them out of exporters' ``output`` in place.

        Rent = customs value − F′ = customs value · μ/(1+μ), to the cap's owner.
        """
        rents = np.zeros(output.shape[1])
        for j, cap in enumerate(self.caps):
            if self.log_markup[j] == 0.0:
                continue
            s, ex, im = cap.sector, cap.exporters, cap.importers
            customs = self.weight_net[s, ex, im] * cost_power[s, ex] * demand[s, im]
            rent = customs * -np.expm1(-self.log_markup[j])
            # a burnt rent is used up in resources of the exporter: its revenue stays whole,
            # or world income would not add up
            np.subtract.at(output[s], ex, rent * cap.owner.sum(axis=1))
            rents += rent @ cap.owner
        return rents
