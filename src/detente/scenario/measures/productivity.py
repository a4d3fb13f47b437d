"""Productivity: a gain or loss of total factor productivity."""

from __future__ import annotations

from pydantic import Field

from detente.scenario.compose import State
from detente.scenario.measure import Measure
from detente.scenario.quantities import ALL, Codes, Tfp
from detente.scenario.registry import measure


@measure("productivity")
class Productivity(Measure):
    """Total factor productivity of a country's sectors.

    Eaton & Kortum (2002): a technology T whose unit cost falls by the factor ``tfp`` has
    T̂ = tfp^θ, with θ the sector's trade elasticity. Gains of several measures multiply.
    """

    country: Codes = Field(description="A code, a list, or all.", examples=["PRK"])
    sectors: Codes = Field(
        default=(ALL,), description="Sector codes, or all.", examples=["textiles"]
    )
    tfp: Tfp = Field(description="Factor (1.10) or signed change (+10%).")

    def apply(self, state: State) -> str:
        """Multiply T̂ of the cells named."""
        world = state.world
        sectors = self.sectors_of(world, self.sectors)
        countries = self.countries(world, self.country, "country")
        gain = self.tfp**world.trade_elasticity
        cells = sectors[:, None] & countries
        state.productivity_hat *= (cells * gain[:, None]) + ~cells
        codes = [c for c, used in zip(world.countries, countries, strict=True) if used]
        where = ", ".join(codes) if len(codes) <= 4 else f"{len(codes)} countries"
        return f"{int(sectors.sum())} sectors of {where}, productivity × {self.tfp:g}"
