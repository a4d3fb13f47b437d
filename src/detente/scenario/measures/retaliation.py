"""Retaliation: what a country does about duties that others raise on what it sells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from detente.errors import nearest
from detente.scenario.compose import State
from detente.scenario.measure import Mask, Measure
from detente.scenario.quantities import ALL, Codes, OneCode, Rate, Share, refuse
from detente.scenario.registry import measure
from detente.world.core import Array

RULES = ("tit-for-tat", "proportional", "same-trade")
#: Points that are told, since a duty as high as the price is seldom meant.
_HIGH = 1.0
#: Points below this are rounding.
_NOTHING = 1e-12
_PAD = "retaliation"


def _rule(value: Any) -> str:
    if value not in RULES:
        refuse(f"{value!r} is none of {', '.join(RULES)}.", nearest(str(value), RULES))
    return str(value)


Rule = Annotated[str, BeforeValidator(_rule), WithJsonSchema({"enum": list(RULES)})]


@dataclass(frozen=True)
class Answer:
    """What a rule comes to.

    Attributes
    ----------
    points : ndarray, shape (S,)
        Added to the tariff on what the other side sells, by sector.
    unmatched : float
        What ``most``, or too little trade, leaves unanswered; million USD of duty at baseline
        trade.
    """

    points: Array
    unmatched: float


def tit_for_tat(
    raised: Array, bought: Array, allowed: Mask, share: float, most: float
) -> Answer:
    """The same points in the same sectors: min(share·raised, most), every array (S,)."""
    wanted = np.where(allowed, share * raised, 0.0)
    points = np.minimum(wanted, most)
    return Answer(points, float(((wanted - points) * bought).sum()))


def proportional(
    raised: Array, sold: Array, bought: Array, allowed: Mask, share: float, most: float
) -> Answer:
    """One rate on all goods, so that duties on baseline trade are worth the same.

    p·Σ bought = share·Σ raised·sold, in the sense of the WTO's Understanding on the Settlement
    of Disputes, Article 22.4: a suspension equivalent to the nullification or impairment.
    """
    owed = share * float((raised * sold).sum())
    base = float(bought[allowed].sum())
    if base <= 0:
        return Answer(np.zeros_like(raised), owed)
    rate = owed / base
    if rate > most:
        return Answer(np.where(allowed, most, 0.0), owed - most * base)
    return Answer(np.where(allowed, rate, 0.0), 0.0)


def same_trade(
    raised: Array, sold: Array, bought: Array, allowed: Mask, share: float, most: float
) -> Answer:
    """The same average rate on trade of the same value, the largest sectors first.

    Sectors are taken in order of what is bought until their value reaches share·Σ sold over
    the sectors with a raised duty; of the last one a part φ is hit, which is φ of the rate on
    the sector.
    """
    hit = raised > _NOTHING
    value = share * float(sold[hit].sum())
    points = np.zeros_like(raised)
    if value <= 0:
        return Answer(points, 0.0)
    rate = min(float((raised * sold)[hit].sum() / sold[hit].sum()), most)
    left = value
    for s in np.argsort(np.where(allowed, -bought, np.inf), kind="stable"):
        if not allowed[s] or bought[s] <= 0 or left <= 0:
            break
        points[s] = rate * min(1.0, left / float(bought[s]))
        left -= float(bought[s])
    owed = share * float((raised * sold).sum())
    short = owed - float((points * bought).sum())
    return Answer(points, short if short > 1e-12 * owed else 0.0)


@measure("retaliation")
class Retaliation(Measure):
    """A country answers duties that the scenario raises on what it sells to another.

    It reads what the scenario's other measures add to the tariff on ``by``'s exports to
    ``against`` (never what another retaliation adds, so that neither side's place in the file
    counts), and raises the tariff on the way back: ``tit-for-tat`` the same points in the same
    sectors; ``proportional`` one rate on all goods such that the duty on baseline trade is
    worth the same (WTO Dispute Settlement Understanding, Article 22.4: equivalent to the level
    of the nullification or impairment); ``same-trade`` the same average rate on imports of the
    same value, the largest sectors first, as China and the United States did on 6 July 2018.
    Cuts are not answered, and bans are not: only duties are. If nothing was raised, nothing
    changes.
    """

    last = True

    by: OneCode = Field(description="Who answers.", examples=["CHN"])
    against: OneCode = Field(description="Whose duties it answers.", examples=["USA"])
    rule: Rule = Field(
        default="tit-for-tat", description="tit-for-tat, proportional or same-trade."
    )
    most: Rate | None = Field(
        default=None, description="Most points that it adds to a tariff; no limit by default."
    )
    share: Share = Field(default=1.0, description="Share of what was raised that it answers.")
    sectors: Codes = Field(
        default=(ALL,),
        description="Sectors that its answer may hit; all: those that bear a duty anywhere.",
    )

    @model_validator(mode="after")
    def _two_countries(self) -> Retaliation:
        if self.by == self.against:
            refuse(f"'by' and 'against' are both {self.by}.")
        return self

    def apply(self, state: State) -> str:
        """Note what was raised before any side answers."""
        i, n = self._sides(state)
        self.sectors_of(state.world, self.sectors)
        raised = np.maximum(state.tariff - state.world.tariff, 0.0)
        raised[raised < _NOTHING] = 0.0
        noted = state.pad.setdefault(_PAD, {})
        noted[id(self)] = (raised[:, i, n], self._allowed(state))
        return f"{self.by} answers {self.against}, {self.rule}"

    def apply_last(self, state: State) -> str:
        """Raise the tariff on the way back."""
        i, n = self._sides(state)
        raised, allowed = state.pad[_PAD][id(self)]
        self._tell_bans(state)
        if not raised.any():
            return f": nothing, no measure raises a tariff on {self.by}→{self.against}"
        sold, bought = state.world.flows[:, i, n], state.world.flows[:, n, i]
        answer = self._answer(raised, sold, bought, allowed)
        self._refuse_twice(state, answer.points > 0)
        state.tariff[:, n, i] += answer.points
        self._tell(state, answer)
        if self.most == 0:
            return ": nothing, since 'most' is 0 %"
        if not answer.points.any():
            return f": nothing can be hit on {self.against}→{self.by}"
        hit = _duty(answer.points, bought, f"{self.against}→{self.by}")
        cause = _duty(raised, sold, f"{self.by}→{self.against}")
        points = self._points(answer.points)
        return f": {points} on {hit}, for {cause} (baseline trade)"

    def _answer(self, raised: Array, sold: Array, bought: Array, allowed: Mask) -> Answer:
        most = np.inf if self.most is None else self.most
        if self.rule == "tit-for-tat":
            return tit_for_tat(raised, bought, allowed, self.share, most)
        rule = proportional if self.rule == "proportional" else same_trade
        return rule(raised, sold, bought, allowed, self.share, most)

    def _sides(self, state: State) -> tuple[int, int]:
        """Indices of who answers and of whom; unknown codes are refused."""
        self.countries(state.world, (self.by,), "by")
        self.countries(state.world, (self.against,), "against")
        return state.world.country_index(self.by), state.world.country_index(self.against)

    def _allowed(self, state: State) -> Mask:
        """Sectors that may be hit, (S,): those named, or those with a duty on some link."""
        if self.sectors != (ALL,):
            return self.sectors_of(state.world, self.sectors)
        dutiable: Mask = np.any((state.tariff > 0) | (state.world.tariff > 0), axis=(1, 2))
        return dutiable

    def _refuse_twice(self, state: State, hit: NDArray[np.bool_]) -> None:
        """Two answers in force to the same duties would count them twice."""
        answered = state.pad.setdefault(f"{_PAD} answered", {})
        before = answered.get((self.by, self.against))
        if before is not None and (before & hit).any():
            self.fail(
                "by",
                f"another retaliation of {self.by} against {self.against} is in force on the "
                "same sectors: give them dates that do not overlap, or other sectors.",
            )
        answered[(self.by, self.against)] = hit if before is None else before | hit

    def _points(self, points: Array) -> str:
        """What is added, in words."""
        hit = points > 0
        low, high = points[hit].min(), points[hit].max()
        size = f"+{100 * high:.1f}"
        if high - low > 5e-4:
            size = f"+{100 * low:.1f} to {size}"
        sectors = "1 sector" if hit.sum() == 1 else f"{int(hit.sum())} sectors"
        return f"{size} points in {sectors}"

    def _tell(self, state: State, answer: Answer) -> None:
        """What is not matched, and who has how much to lose."""
        if answer.unmatched > _NOTHING:
            binds = self.most is not None and answer.points.max() >= self.most
            why = "'most' binds" if binds else f"{self.by} buys no more from {self.against}"
            state.tell(
                self,
                f"not matched: {_money(answer.unmatched)} million USD of duty, since {why}",
            )
        if answer.points.max() > _HIGH:
            state.tell(
                self,
                f"warning: it adds {100 * answer.points.max():,.0f} points to a tariff, since "
                f"what it may hit on {self.against}→{self.by} is little beside what is "
                "answered; 'most' limits it, 'sectors' widen it",
            )
        one, other = (exposure(state.world.flows, *pair) for pair in self._both(state))
        state.tell(
            self,
            f"to lose: {self.by} sells {one:.1%} of its exports to {self.against}, "
            f"{self.against} {other:.1%} of its exports to {self.by}",
        )

    def _both(self, state: State) -> tuple[tuple[int, int], tuple[int, int]]:
        i, n = self._sides(state)
        return (i, n), (n, i)

    def _tell_bans(self, state: State) -> None:
        i, n = self._sides(state)
        if any(layer.coverage[:, i, n].any() for layer in state.layers.values()):
            state.tell(
                self, f"a ban on {self.by}→{self.against} is not answered: only duties are"
            )

    def remarks(self, state: State) -> list[str]:
        """What the answer covers, what it leaves, and who has how much to lose."""
        return state.told_of(self)


def exposure(flows: Array, i: int, n: int) -> float:
    """Share of what i sells abroad that goes to n; flows (S, N, N)."""
    sold = flows[:, i, :].sum(axis=0)
    abroad = float(sold.sum() - sold[i])
    return float(sold[n]) / abroad if abroad > 0 else 0.0


def _duty(points: Array, trade: Array, way: str) -> str:
    """Trade that points fall on, and the duty, in words."""
    covered, duty = float(trade[points > 0].sum()), float((points * trade).sum())
    return f"{_money(covered)} million USD {way}, duty {_money(duty)}"


def _money(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
