"""Trade costs: an ad valorem change of the iceberg cost."""

from __future__ import annotations

from pydantic import Field

from detente.scenario.compose import State
from detente.scenario.measure import LinkMeasure, links_in_words
from detente.scenario.quantities import Change
from detente.scenario.registry import measure


@measure("trade_cost")
class TradeCost(LinkMeasure):
    """Dearer or cheaper shipping: d̂ = 1 + change on the links named.

    The iceberg cost of Samuelson (1954) as in Eaton & Kortum (2002): what has to be shipped
    for one unit to arrive. A change of −5 % gives d̂ = 0.95. Changes of several measures
    multiply.
    """

    change: Change = Field(description="Change of the iceberg cost: -5% makes it 5 % cheaper.")
    both_ways: bool = Field(default=False, description="The opposite direction too.")

    def apply(self, state: State) -> str:
        """Multiply d̂ of the links named."""
        cells = self.cells(state.world)
        state.cost_hat[cells] *= 1.0 + self.change
        return f"{links_in_words(state.world, cells)}, cost {self.change:+.1%}"
