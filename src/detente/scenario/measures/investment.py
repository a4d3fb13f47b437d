"""Investment: what is spent on building while it is being built."""

from __future__ import annotations

from pydantic import Field, model_validator

from detente.scenario.compose import State
from detente.scenario.finance import ByCountry, shares_of, spend
from detente.scenario.measure import Measure
from detente.scenario.quantities import Money, OneCode, Share, refuse
from detente.scenario.registry import measure
from detente.scenario.units import figure


@measure("investment")
class Investment(Measure):
    """Money spent on building, spread evenly from ``on`` to ``until``, or a year's worth.

    It buys factors that then make nothing else, and so lowers what the payer can consume
    (:mod:`detente.scenario.finance`); the part spent in the country where it is built is
    handed over with the money. A corridor, pipeline or zone whose ``finance`` says
    ``paid: before`` is charged here, in the years before it opens.
    """

    in_: OneCode = Field(alias="in", description="Where it is built.", examples=["PRK"])
    paid_by: ByCountry = Field(description="A country, or shares that sum to 100 %.")
    amount: Money = Field(
        description="In all where 'on' and 'until' say how long; else a year's."
    )
    local_content: Share = Field(
        default=0.5, description="Share spent on factors of the country where it is built."
    )
    what: str = Field(default="", description="What is built, for the result.")

    @model_validator(mode="after")
    def _both_dates(self) -> Investment:
        if self.until is not None and self.on is None:
            refuse("'investment' with 'until' needs 'on': the amount is spread between them.")
        return self

    @property
    def a_year(self) -> float:
        """Million USD a year while it is in force."""
        if self.on is None or self.until is None:
            return self.amount
        return self.amount * 365.25 / ((self.until - self.on).days + 1)

    def apply(self, state: State) -> str:
        """Take the factors, and hand over what is spent in the host."""
        place = shares_of(state, self, {self.in_: 1.0}, "in")
        payer = shares_of(state, self, self.paid_by, "paid_by")
        spend(state, self, self.a_year, payer, place, self.local_content)
        who = ", ".join(f"{code} {100 * s:.3g} %" for code, s in self.paid_by.items())
        what = f" for {self.what}" if self.what else ""
        return f"{figure(self.a_year)} million USD a year{what} in {self.in_}, paid by {who}"
