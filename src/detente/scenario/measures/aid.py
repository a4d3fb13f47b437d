"""Aid: money from a donor, part of which has to be spent on the donor's goods."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from detente.scenario.compose import State
from detente.scenario.measure import Measure, nearest_label
from detente.scenario.quantities import ALL, Money, OneCode, Share, refuse
from detente.scenario.registry import measure
from detente.scenario.units import figure
from detente.scenario.zones import Mix, closing
from detente.world.core import Array, World

#: A share that lacks less than this is all.
_ALL = 1e-12
#: Million USD below which nothing is told.
_TRACE = 0.01


@measure("aid")
class Aid(Measure):
    """Aid a year: a transfer, its tied part spent on the donor's goods, overhead at home.

    The donor spends the amount A. Overhead h·A uses its own factors, which then make nothing
    else: L̂ = 1 − h·A/wL. Of the rest G = (1 − h)·A the share τ has to buy the donor's goods,
    which cost more by the ``tying_cost`` c than what money would have bought: 15 to 30 %
    (Jepma 1991, as the review of Clay, Geddes, Natali & te Velde 2008 cites it). The excess
    E = τ·G·c/(1 + c) uses the donor's factors as overhead does, and M = τ·G − E buys goods.
    So G − E is a transfer (Dekle, Eaton & Kortum 2008), and transfers sum to zero.

    With ω_s its split over sectors, M spent freely would have bought α_s·π_s·M of sector s
    from the donor, so that Δσ_s = max(ω_s − α_s·π_s, 0)·M/X_s of the recipient's spending moves
    to the donor, at baseline costs, from the other foreign suppliers in proportion: tied goods
    replace imports. Where they are more than these imports all of them move, and the rest is
    spent as the recipient likes, money being fungible. The weights b of the other suppliers
    fall by what the donor's rises, so that Σb stays and tying cheapens nothing; the weight of
    its own goods stays, so that costs at home, which aid raises, make no gain of it either.
    Aid in kind (rice) is tied 100 %; ``tying_cost: 0%`` says that it is worth what it costs.
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
    tying_cost: Share = Field(
        default=0.2,
        description="By how much what is tied costs more than what money would buy.",
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
        if "tying_cost" in self.model_fields_set and not self.tied:
            refuse("'tying_cost' is of tied aid, and nothing is tied: state 'tied'.")
        return self

    @property
    def excess(self) -> float:
        """τ·(1 − h)·A·c/(1 + c): what tied goods cost too much, million USD a year."""
        tied = self.tied * (1.0 - self.overhead) * self.amount
        return tied * self.tying_cost / (1.0 + self.tying_cost)

    @property
    def arrives(self) -> float:
        """What the recipient gets, at prices without a tie, million USD a year."""
        return (1.0 - self.overhead) * self.amount - self.excess

    def apply(self, state: State) -> str:
        """Pay, use up overhead and excess cost, and move what is tied to the donor's goods."""
        world = state.world
        donor = self.countries(world, (self.from_,), "from")
        taker = self.countries(world, (self.to,), "to")
        i, n = world.country_index(self.from_), world.country_index(self.to)
        overhead = self.overhead * self.amount
        used = overhead + self.excess
        if used >= world.value_added[i] * state.labour_hat[i]:
            self.fail(
                "amount",
                f"overhead of {used:,.6g} million USD takes all that {self.from_} earns, "
                f"{world.value_added[i]:,.6g} million USD.",
            )
        state.labour_hat[i] -= used / world.value_added[i]
        state.transfer += self.arrives * (taker.astype(float) - donor)
        words = f"{self.from_}→{self.to}, {self.arrives:,.6g} million USD a year arrive"
        if overhead:
            words += f", {overhead:,.6g} are overhead in {self.from_}"
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
        world = state.world
        money = self.tied * (1.0 - self.overhead) * self.amount - self.excess
        pi, spent = world.trade_share[:, i, n], world.expenditure[:, n]
        split = self._split(world, i, n)
        beyond = np.maximum(split - world.final_share[:, n] * pi, 0.0) * money
        wanted = np.divide(
            beyond, spent, out=np.where(beyond > 0, np.inf, 0.0), where=spent > 0
        )
        over = (wanted > 0) & (wanted >= 1.0)
        if over.any():
            s = int(np.argmax(over))
            self.fail(
                "amount",
                f"tied aid would buy {beyond[s]:,.6g} million USD of {world.sectors[s]} from "
                f"{self.from_} beside what {self.to} buys there, and all that {self.to} spends "
                f"on it is {spent[s]:,.6g} million USD.",
            )
        gain = self._move(state, i, n, wanted)
        moved = float((gain * spent).sum())
        self._told(state, i, n, gain, float(beyond.sum()) - moved)
        words = f"{money + self.excess:,.6g} are tied, "
        if self.excess:
            words += f"{self.excess:,.6g} of it lost as what is tied costs more, "
        return f"{words}and move {moved:,.6g} million USD of spending to {self.from_}'s goods"

    def _move(self, state: State, i: int, n: int, wanted: Array) -> Array:
        """Weight from other foreign suppliers to the donor, Σb as it was; returns Δσ, (S,)."""
        world = state.world
        pi = world.trade_share[:, i, n]
        others = 1.0 - pi - world.trade_share[:, n, n]
        gain = np.minimum(wanted, np.where(others > _ALL, others, 0.0))
        left = np.divide(others - gain, others, out=np.ones(gain.shape), where=others > _ALL)
        factor = np.ones(world.flows.shape)
        factor[:, :, n] = np.maximum(left, 0.0)[:, None]
        factor[:, [i, n], n] = 1.0
        # State.add_trade adds (π + x)·(1 − π)/(1 − π − x) − π to a weight: Δσ at this x
        share = gain * (1.0 - pi) / (1.0 + gain)
        extra = np.zeros(world.flows.shape)
        extra[:, i, n] = share * world.expenditure[:, n] / (1.0 + world.tariff[:, i, n])
        state.scale_links(factor)
        state.add_trade(extra)
        return gain

    def _told(self, state: State, i: int, n: int, gain: Array, rest: float) -> None:
        """Keep which links it moves, and tell what replaces no import."""
        cells = np.zeros(state.world.flows.shape, dtype=bool)
        cells[:, i, n] = gain > 0
        state.pad.setdefault("tied aid", {})[id(self)] = cells
        if rest > _TRACE:
            state.tell(
                self,
                f"{figure(rest)} million USD of what is tied are more than {self.to} imports "
                f"of these goods from others than {self.from_}: they free money that it spends "
                "as it likes",
            )

    def remarks(self, state: State) -> list[str]:
        """Which bans tied goods are exempt from, and what the tie does not move."""
        cells = state.pad.get("tied aid", {}).get(id(self))
        # bans of measures that stand further down are known only now
        by = [] if cells is None else closing(state, cells)
        if not by:
            return state.told_of(self)
        exempt = (
            "what is tied is taken to be exempt from bans in force, as humanitarian goods are: "
            f"{', '.join(by)}"
        )
        return [exempt, *state.told_of(self)]
