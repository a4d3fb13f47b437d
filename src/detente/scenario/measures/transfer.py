"""Transfers of money between countries."""

from __future__ import annotations

from pydantic import Field, model_validator

from detente.scenario.compose import State
from detente.scenario.measure import Measure
from detente.scenario.quantities import ALL, Code, Money, refuse
from detente.scenario.registry import measure


@measure("transfer")
class Transfer(Measure):
    """Money from one country to another, every year.

    A unilateral transfer as in Dekle, Eaton & Kortum (2008): what one country's income
    loses the other's gains, in million USD of baseline world income, so that transfers
    sum to zero by construction. Several transfers add.
    """

    from_: Code = Field(alias="from", description="Who pays.", examples=["KOR"])
    to: Code = Field(description="Who receives.", examples=["PRK"])
    amount: Money = Field(description="A number, million or billion, and USD.")

    @model_validator(mode="after")
    def _two_countries(self) -> Transfer:
        if self.from_ == self.to:
            refuse(f"'from' and 'to' are both {self.to}.")
        if ALL in (self.from_, self.to):
            refuse("a transfer has one payer and one receiver; 'all' is neither.")
        return self

    def apply(self, state: State) -> str:
        """Move the amount."""
        payer = self.countries(state.world, (self.from_,), "from")
        receiver = self.countries(state.world, (self.to,), "to")
        state.transfer += self.amount * (receiver.astype(float) - payer)
        return f"{self.from_}→{self.to}, {self.amount:,.12g} million USD"
