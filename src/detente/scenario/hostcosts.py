"""What a host's goods will cost: the estimate that trade which cheapens nothing is weighed at.

A zone that leaves prices alone at baseline costs would not do so in equilibrium: its buyers
turn from suppliers whose costs rise to one whose costs do not. So the host's costs are
estimated first, as those of a small open economy: costs and spending abroad stay, and the
host's wage clears its factor market with all that the scenario does (docs/model.md, equations
1 to 7, of one country; quantity caps are left out, and deficits are the baseline's). The
equilibrium itself does not use the estimate.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from detente import model
from detente.scenario.compose import State
from detente.world.core import Array

#: Rounds of the map of costs, which stops where nothing moves more than this.
_ROUNDS, _STILL = 200, 1e-12
#: Bounds of the wage's log, over the baseline's.
_LOW, _HIGH = np.log(0.1), np.log(10.0)


class Host:
    """One country, all others as they are.

    Parameters
    ----------
    state : State
        Tariffs, costs, productivity, labour and money as measures have set them.
    base : ndarray, shape (S, N, N)
        Link weights b.
    country : str
        Its code.
    """

    def __init__(self, state: State, base: Array, country: str) -> None:
        world = state.world
        self.world, self.h = world, world.country_index(country)
        self.theta = world.trade_elasticity
        change = model.trade_cost_power(
            world.tariff, state.tariff, np.log(state.cost_hat), self.theta
        )
        weight = model.link_weight(base, state.productivity_hat, change)
        self.buys, self.sells = weight[:, :, self.h], weight[:, self.h, :]
        self.others = weight.sum(axis=1) - self.sells
        self.tariff_in, self.net_out = state.tariff[:, :, self.h], 1 + state.tariff[:, self.h]
        hired = state.hired
        self.factors = float(world.value_added[self.h] * state.labour_hat[self.h])
        self.factors -= float(hired[self.h].sum())
        self.paid = float(hired[self.h].sum() - hired[:, self.h].sum())
        money = world.deficit + state.transfer + state.payment
        self.money = float(money[self.h])

    def costs(self) -> Array:
        """ĉ by sector, (S,), at the wage that clears its factor market; else the baseline's."""
        if self._idle(_LOW) * self._idle(_HIGH) >= 0:
            return np.ones(self.theta.size)
        return self._costs(float(brentq(self._idle, _LOW, _HIGH, xtol=1e-10)))

    def _costs(self, wage: float) -> Array:
        """ĉ at a wage, (S,): equations 1 and 3, again and again."""
        share, added = self.world.input_share[:, :, self.h], self.world.value_added_share
        own = self.buys[:, self.h]
        abroad = self.buys.sum(axis=1) - own
        log_cost = np.zeros(self.theta.size)
        for _ in range(_ROUNDS):
            power = abroad + own * np.exp(-self.theta * log_cost)
            price = -np.log(np.maximum(power, 1e-300)) / self.theta
            new = added[:, self.h] * wage + share.T @ price
            still = np.abs(new - log_cost).max() < _STILL
            log_cost = new
            if still:
                break
        found: Array = np.exp(log_cost)
        return found

    def _idle(self, wage: float) -> float:
        """Factor income less what producers pay at a wage, million USD (equations 4 to 7)."""
        world, h = self.world, self.h
        power = self._costs(wage) ** -self.theta
        worth = self.buys.copy()
        worth[:, h] *= power
        bought = worth / np.maximum(worth.sum(axis=1, keepdims=True), 1e-300)
        sold = self.sells * power[:, None]
        sold = sold / np.maximum(self.others + sold, 1e-300) * world.expenditure / self.net_out
        sold[:, h] = 0.0
        # X = γY + α(earned + duty·X), Y = home·X + exports: linear in X
        home = bought[:, h] / (1.0 + self.tariff_in[:, h])
        duty = (bought * self.tariff_in / (1.0 + self.tariff_in)).sum(axis=1)
        share, final = world.input_share[:, :, h], world.final_share[:, h]
        earned = np.exp(wage) * (self.factors + self.paid) + self.money
        system = np.eye(home.size) - share * home - np.outer(final, duty)
        spent = np.linalg.solve(system, share @ sold.sum(axis=1) + final * earned)
        output = home * spent + sold.sum(axis=1)
        paid = float(world.value_added_share[:, h] @ output)
        return float(np.exp(wage)) * self.factors - paid
