"""Bans on trade."""

from __future__ import annotations

from pydantic import Field, model_validator

from detente.scenario.compose import State, covered
from detente.scenario.measure import LinkMeasure, links_in_words
from detente.scenario.quantities import Coverage, Markup, Share, refuse_two_lists_of_sectors
from detente.scenario.registry import measure


@measure("ban")
class Ban(LinkMeasure):
    """A ban on part or all of what links trade.

    docs/model.md, Bans: with coverage c (share of the link's trade in the baseline, by value,
    on the banned lines), leakage ℓ and evasion mark-up μ, what is left of the link is
    m = (1 − c) + c·ℓ·(1 + μ)^−θ. Two bans on a link do not ban twice: the narrower is taken
    to lie within the wider, and the stricter holds where both do. A coverage table that is
    in force in the baseline is banned there already; naming it puts back what was lifted.
    Naming a regime imposes what of it is not closed, as ``impose`` does.
    """

    coverage: Coverage = Field(
        default=1.0, description="Share banned, a share by sector, or a coverage table's name."
    )
    leakage: Share = Field(
        default=0.0, description="Share of the banned trade that flows anyway."
    )
    evasion_markup: Markup = Field(default=0.0, description="What evasion adds to the cost.")
    both_ways: bool = Field(default=False, description="The opposite direction too.")

    @model_validator(mode="after")
    def _one_list(self) -> Ban:
        refuse_two_lists_of_sectors(self.sectors, self.coverage)
        return self

    def apply(self, state: State) -> str:
        """Ban, or put a lifted ban of the baseline back."""
        world = state.world
        cells = self.cells(world)
        if isinstance(self.coverage, str):
            state.table(self, self.coverage)
            if self.coverage in state.remaining or state.laws.holding(self.coverage):
                return self._reimpose(state)
        share = covered(self, world, self.coverage) * cells
        survival = self.leakage * (1.0 + self.evasion_markup) ** -world.trade_elasticity
        name = self.coverage if isinstance(self.coverage, str) else None
        state.ban(name, share, survival)
        return links_in_words(world, share > 0)

    def _reimpose(self, state: State) -> str:
        """A table in force in the baseline, or a regime: what is not closed closes."""
        name = str(self.coverage)
        for key in ("leakage", "evasion_markup"):
            if getattr(self, key):
                self.fail(
                    key,
                    f"'{name}' is in force in the baseline, whose trade shows its leakage "
                    "already; another one cannot be given here (of a regime 'impose' can).",
                )
        back = state.reimpose(name, self.cells(state.world))
        if not back.any():
            return f"nothing: '{name}' is in force there already"
        return f"{links_in_words(state.world, back)}, back under '{name}'"
