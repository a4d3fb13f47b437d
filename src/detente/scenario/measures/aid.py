"""Aid: money from a donor, part of which has to be spent on the donor's goods."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from detente.scenario.compose import State
from detente.scenario.measure import Measure, nearest_label
from detente.scenario.quantities import ALL, Money, OneCode, Share, refuse
from detente.scenario.registry import measure
from detente.scenario.zones import Mix
from detente.world.core import Array, World

#: A share that lacks less than this is all.
_ALL = 1e-12


@measure("aid")
class Aid(Measure):
    """Aid a year: a transfer, its tied part spent on the donor's goods, overhead at home.

    The donor spends the amount A. Overhead h·A uses its own factors, which then make nothing
    else: L̂ = 1 − h·A/wL. The rest, G = (1 − h)·A, is a transfer (Dekle, Eaton & Kortum 2008),
    so that transfers sum to zero. Tied aid τ·G has to buy the donor's goods: with ω_s its
    split over sectors, spent untied it would have bought α_s·π_s·τ·G of sector s from the
    donor, so that Δσ_s = max(ω_s − α_s·π_s, 0)·τ·G/X_s of the recipient's spending on s is
    moved to the donor from all other suppliers in proportion, at baseline costs. The weights
    b of the others fall by k = (1 − π − Δσ)/(1 − π), so that Σb stays what it is and tying by
    itself opens nothing and cheapens nothing. Aid in kind (rice) is tied 100 %. Spending is
    shared over sectors as before (docs/model.md, equation 5): food that arrives as aid
    replaces other food. Tying moves suppliers, and the money is paid once, as the transfer.
    """

    from_: OneCode = Field(alias="from", description="Who gives.", examples=["KOR"])
    to: OneCode = Field(description="Who receives.", examples=["PRK"])
    amount: Money = Field(description="What the donor spends a year, overhead included.")
    tied: Share = Field(
        default=0.0,
        description="Share of what arrives that has to buy the donor's goods; 100% is in kind.",
    )
    sectors: Mix = Field(
        default=(ALL,),
        description="What tied aid buys: shares that sum to 100 %, or sectors, shared as the "
        "recipient's final spending; by default all that the donor exports.",
    )
    overhead: Share = Field(
        default=0.0, description="Share spent on administration, with the donor's own factors."
    )

    @model_validator(mode="after")
    def _two_countries(self) -> Aid:
        if self.from_ == self.to:
            refuse(f"'from' and 'to' are both {self.to}.")
        if "sectors" in self.model_fields_set and not self.tied:
            refuse("'sectors' are what tied aid buys, and nothing is tied: state 'tied'.")
        return self

    @property
    def arrives(self) -> float:
        """(1 − overhead)·amount, million USD a year."""
        return (1.0 - self.overhead) * self.amount

    def apply(self, state: State) -> str:
        """Pay, use up the overhead, and move what is tied to the donor's goods."""
        world = state.world
        donor = self.countries(world, (self.from_,), "from")
        taker = self.countries(world, (self.to,), "to")
        i, n = world.country_index(self.from_), world.country_index(self.to)
        used = self.overhead * self.amount
        if used >= world.value_added[i] * state.labour_hat[i]:
            self.fail(
                "amount",
                f"overhead of {used:,.6g} million USD takes all that {self.from_} earns, "
                f"{world.value_added[i]:,.6g} million USD.",
            )
        state.labour_hat[i] -= used / world.value_added[i]
        state.transfer += self.arrives * (taker.astype(float) - donor)
        words = f"{self.from_}→{self.to}, {self.arrives:,.6g} million USD a year arrive"
        if used:
            words += f", {used:,.6g} are overhead in {self.from_}"
        return words + (f"; {self._tie(state, i, n)}" if self.tied else "")

    def _split(self, world: World, i: int, n: int) -> Array:
        """ω, shares of tied aid by sector, (S,)."""
        if isinstance(self.sectors, dict):
            found = np.zeros(world.n_sectors)
            for code, share in self.sectors.items():
                found[self._sector(world, code)] = share
        else:
            chosen = np.zeros(world.n_sectors, dtype=bool)
            for code in () if self.sectors == (ALL,) else self.sectors:
                chosen[self._sector(world, code)] = True
            if self.sectors == (ALL,):
                abroad = world.flows[:, i].sum(axis=1) - world.flows[:, i, i]
                chosen = abroad > 0
            found = world.final_share[:, n] * chosen
            if not found.any():
                self.fail("sectors", f"{self.to} spends nothing on these: state shares.")
            found = found / found.sum()
        lacking = (found > 0) & (world.output[:, i] <= 0)
        if lacking.any():
            s = world.sectors[int(np.argmax(lacking))]
            self.fail("sectors", f"{self.from_} makes no {s}, and tied aid has to buy its own.")
        return found

    def _sector(self, world: World, code: str) -> int:
        if code not in world.sectors:
            hint = nearest_label(code, world.sectors, world.sector_names)
            self.fail("sectors", f"unknown sector '{code}' in world '{world.name}'.", hint)
        return world.sector_index(code)

    def _tie(self, state: State, i: int, n: int) -> str:
        """Move spending to the donor: Δσ of the docstring, as link weights."""
        world, money = state.world, self.tied * self.arrives
        pi, spent = world.trade_share[:, i, n], world.expenditure[:, n]
        split = self._split(world, i, n)
        beyond = np.maximum(split - world.final_share[:, n] * pi, 0.0) * money
        gain = np.divide(beyond, spent, out=np.where(beyond > 0, np.inf, 0.0), where=spent > 0)
        gain[pi >= 1.0 - _ALL] = 0.0  # all of it is the donor's already
        over = (gain > 0) & (pi + gain >= 1.0)
        if over.any():
            s = int(np.argmax(over))
            self.fail(
                "amount",
                f"tied aid would buy {beyond[s]:,.6g} million USD of {world.sectors[s]} from "
                f"{self.from_} beside what {self.to} buys there, and all that {self.to} spends "
                f"on it is {spent[s]:,.6g} million USD.",
            )
        self._move(state, i, n, pi, gain)
        cells = np.zeros(world.flows.shape, dtype=bool)
        cells[:, i, n] = gain > 0
        if any(state.laws.closing(cells)):
            state.tell(
                self,
                "what is tied is taken to be exempt from bans in force, as humanitarian goods "
                f"are: {', '.join(state.laws.closing(cells))}",
            )
        return (
            f"{money:,.6g} are tied, and move {beyond.sum():,.6g} million USD of spending to "
            f"{self.from_}'s goods"
        )

    def _move(self, state: State, i: int, n: int, pi: Array, gain: Array) -> None:
        """Weights π + Δσ of the donor and π·k of all others: Σb stays one at the baseline."""
        world = state.world
        rest = np.where(pi < 1.0, 1.0 - pi, 1.0)
        factor = np.ones(world.flows.shape)
        factor[:, :, n] = ((1.0 - pi - gain) / rest)[:, None]
        factor[:, i, n] = 1.0
        # State.add_trade adds (π + x)·(1 − π)/(1 − π − x) − π to a weight: Δσ at this x
        share = gain * (1.0 - pi) / (1.0 + gain)
        extra = np.zeros(world.flows.shape)
        extra[:, i, n] = share * world.expenditure[:, n] / (1.0 + world.tariff[:, i, n])
        state.scale_links(factor)
        state.add_trade(extra)

    def remarks(self, state: State) -> list[str]:
        """Which bans tied goods are exempt from."""
        return state.told_of(self)
