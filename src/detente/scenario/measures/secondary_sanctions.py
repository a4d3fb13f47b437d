"""Secondary sanctions: what third countries do, and pay, for their trade with a target."""

from __future__ import annotations

from copy import copy
from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from detente.errors import nearest
from detente.scenario.compose import State, covered
from detente.scenario.measure import Mask, Measure, links_in_words
from detente.scenario.quantities import (
    ALL,
    Codes,
    Markup,
    OneCode,
    Share,
    Shares,
    refuse,
    refuse_two_lists_of_sectors,
)
from detente.scenario.registry import measure
from detente.world.core import Array, World

_SIDES = ("sender", "target", "both")
_SHOWN = 4


def _side(value: object) -> str:
    if value not in _SIDES:
        options = ", ".join(_SIDES)
        refuse(f"{value!r} is none of {options}.", nearest(str(value), _SIDES))
    return str(value)


Side = Annotated[str, BeforeValidator(_side), WithJsonSchema({"enum": list(_SIDES)})]


@measure("secondary_sanctions")
class SecondarySanctions(Measure):
    """A sender makes third countries choose between a target and itself.

    The law behind it: Executive Order 13810 (20 September 2017), sections 1(a)(iv) and 4: a
    person of any country with one significant importation from or exportation to the DPRK may
    be listed, a foreign bank with a significant transaction in trade with it may lose its
    correspondent accounts; the Countering America's Adversaries Through Sanctions Act (Public
    Law 115-44, 2017), titles I to III; section 1245 of the National Defense Authorization Act
    for Fiscal Year 2012 (Public Law 112-81), whose paragraph (d)(4)(D) excepts a country that
    has significantly reduced its crude oil purchases from Iran. None of them is a tariff or
    states a rate: ``cost`` is an assumption.

    Countries that comply stop trading with the target, both ways: a ban on the share
    ``coverage``. The other third countries whose trade with the target is above ``threshold``
    pay the iceberg cost d̂ = 1 + cost (Samuelson 1954), both ways: on all their trade with the
    sender (market access), on their trade with the target, or both. ``sectors`` say which
    trade with the target is meant. The threshold is a share of all the target's trade in
    these sectors in the state that all other measures in force make, at baseline spending and
    costs: docs/model.md's b·X/(1 + t′), without any change the baseline's flows. Costs of
    several measures multiply.
    """

    last = True

    sender: OneCode = Field(description="Who threatens.", examples=["USA"])
    target: OneCode = Field(description="With whom trade is penalised.", examples=["PRK"])
    complying: Codes | None = Field(
        default=None, description="Third countries that stop trading with the target, or all."
    )
    coverage: Shares = Field(
        default=1.0, description="Share of their trade with it that ends, or shares by sector."
    )
    sectors: Codes = Field(
        default=(ALL,), description="Sectors of trade with the target that are meant, or all."
    )
    cost: Markup = Field(
        default=0.0, description="Ad valorem cost for third countries that keep trading."
    )
    falls_on: Side = Field(
        default="sender",
        description="Their trade that the cost falls on: with the sender, the target, or both.",
    )
    threshold: Share = Field(
        default=0.01, description="Share of the target's trade above which a country pays."
    )

    @model_validator(mode="after")
    def _roles(self) -> SecondarySanctions:
        if self.sender == self.target:
            refuse(f"'sender' and 'target' are both {self.sender}.")
        for role in ("sender", "target"):
            if getattr(self, role) in (self.complying or ()):
                refuse(
                    f"'complying' lists {getattr(self, role)}, the {role}; it lists third "
                    "countries. A sender's own ban is 'ban' or 'impose'."
                )
        if self.cost and self.complying == (ALL,):
            refuse("every third country complies: nobody is left to pay 'cost'.")
        refuse_two_lists_of_sectors(self.sectors, self.coverage)
        if "coverage" in self.model_fields_set and self.complying is None:
            refuse("'coverage' is what those who comply stop, and 'complying' names nobody.")
        return self

    def apply(self, state: State) -> str:
        """Ban those who comply; a mistake in who pays is refused here too."""
        world = state.world
        third = self._third(world)
        complying = self._complying(world) & third
        # also where nobody complies or pays: a code that the world lacks is refused
        share = covered(self, world, self.coverage) * self._cells(world)
        if self.cost and not (third & ~complying).any():
            self.fail("complying", "every third country complies: nobody is left to pay.")
        if self.complying:
            return self._ban(state, complying, share)
        return "" if self.cost else "nothing: nobody complies and it costs nothing"

    def apply_last(self, state: State) -> str:
        """Charge those who keep trading in the state that all measures and bans make."""
        if not self.cost:
            return ""
        third = self._third(state.world) & ~self._complying(state.world)
        return f"{'; ' if self.complying else ''}{self._charge(state, third)}"

    def _third(self, world: World) -> Mask:
        """Every country but sender and target, shape (N,)."""
        parties = self.countries(world, (self.sender,), "sender")
        return ~(parties | self.countries(world, (self.target,), "target"))

    def _complying(self, world: World) -> Mask:
        if self.complying is None:
            return np.zeros(world.n_countries, dtype=bool)
        return self.countries(world, self.complying, "complying")

    def _ban(self, state: State, complying: Mask, share: Array) -> str:
        """Add the layer of those who comply."""
        world = state.world
        share = share * _between(world, self.target, complying)
        name = f"secondary sanctions of {self.sender} on {self.target}"
        if name in state.layers:  # two measures are two layers: the stricter holds
            name = f"{name}, no. {len(state.layers) + 1}"
        state.ban(name, share, np.zeros(world.n_sectors))
        ended = float((share * world.flows).sum())
        return (
            f"complying: {_listed(world, complying)}; their trade with {self.target}, "
            f"{links_in_words(world, share > 0)}, is banned: {_money(ended)} million USD in "
            "the baseline"
        )

    def _charge(self, state: State, may_pay: Mask) -> str:
        """Multiply d̂ of those who keep trading above the threshold."""
        world = state.world
        trade = self._trade(state)
        total = float(trade.sum())
        payers = may_pay & (trade > self.threshold * total) & (trade > 0)
        if not payers.any():
            largest = float(np.where(may_pay, trade, 0.0).max()) / (total or 1.0)
            return (
                f"paying: nobody; no other third country has more than {self.threshold:.1%} "
                f"of the trade of {self.target} (at most {largest:.1%})"
            )
        cells = np.zeros(world.flows.shape, dtype=bool)
        if self.falls_on in ("sender", "both"):
            cells |= _between(world, self.sender, payers)
        if self.falls_on in ("target", "both"):
            cells |= self._cells(world) & _between(world, self.target, payers)
        state.cost_hat[cells] *= 1.0 + self.cost
        value = float(world.flows[cells].sum())
        with_whom = {"sender": self.sender, "target": self.target}.get(
            self.falls_on, f"{self.sender} and {self.target}"
        )
        return (
            f"paying: {_listed(world, payers)}, with {trade[payers].sum() / total:.0%} of the "
            f"trade of {self.target} as it would be without the cost; cost {self.cost:+.1%} on "
            f"their trade with {with_whom} ({_money(value)} million USD in the baseline)"
        )

    def _cells(self, world: World) -> Mask:
        return self.sectors_of(world, self.sectors)[:, None, None]

    def _trade(self, state: State) -> Array:
        """Trade with the target, both ways, in the state so far; million USD, shape (N,)."""
        world = state.world
        opening = copy(state).opening  # of a copy: later measures still change the state
        weight = world.trade_share * opening.link
        if opening.link_open.any() and state.dormant_share is not None:
            gap = np.maximum(state.dormant_share - weight, 0.0)
            weight = weight + opening.link_open * gap
        flows = weight * world.expenditure[:, None, :] / (1.0 + state.tariff)
        flows = np.where(self._cells(world), flows, 0.0)
        c = world.country_index(self.target)
        found: Array = flows[:, c, :].sum(axis=0) + flows[:, :, c].sum(axis=0)
        found[c] = 0.0
        return found


def _between(world: World, country: str, others: Mask) -> Mask:
    """Both directions between one country and some others, shape (N, N)."""
    one = np.array(world.countries) == country
    there: Mask = one[:, None] & others[None, :]
    return there | there.T


def _listed(world: World, chosen: Mask) -> str:
    codes = [c for c, used in zip(world.countries, chosen, strict=True) if used]
    more = f" and {len(codes) - _SHOWN} more" if len(codes) > _SHOWN else ""
    return ", ".join(codes[:_SHOWN]) + more


def _money(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
