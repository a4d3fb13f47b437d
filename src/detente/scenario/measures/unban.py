"""Lifting bans."""

from __future__ import annotations

from pydantic import Field, model_validator

from detente.scenario.compose import State, covered
from detente.scenario.measure import LinkMeasure, links_in_words
from detente.scenario.quantities import (
    ALL,
    Codes,
    Coverage,
    refuse,
    refuse_two_lists_of_sectors,
)
from detente.scenario.registry import measure


@measure("unban")
class Unban(LinkMeasure):
    """Bans lifted.

    A ban made earlier in the scenario is undone. A ban that the baseline holds is never
    undone by dividing by what is left of the trade, but by opening the link towards its
    dormant share ψ (docs/model.md, Bans), by as much coverage as is lifted. ``coverage`` names
    a table of the world (only that regime is lifted), or is a share (lifted from every ban
    on the link); without it everything is lifted. A link is banned as long as one regime
    bans it: what other tables still cover stays closed, and the notes name them.
    """

    exporter: Codes = Field(default=(ALL,), description="Who ships; all, if a table is named.")
    importer: Codes = Field(default=(ALL,), description="Who buys; all, if a table is named.")
    coverage: Coverage | None = Field(
        default=None, description="Share lifted, a share by sector, or a coverage table's name."
    )
    both_ways: bool = Field(default=False, description="The opposite direction too.")

    @model_validator(mode="after")
    def _named_links(self) -> Unban:
        refuse_two_lists_of_sectors(self.sectors, self.coverage)
        if not isinstance(self.coverage, str):
            missing = {"exporter", "importer"} - self.model_fields_set
            if missing:
                refuse(f"'unban' needs '{min(missing)}' where no coverage table is named.")
        return self

    def apply(self, state: State) -> str:
        """Lift, and open what the baseline shows closed."""
        world = state.world
        cells = self.cells(world)
        if isinstance(self.coverage, str):
            state.table(self, self.coverage)
            lifted = state.lift_table(self.coverage, cells)
        else:
            share = covered(self, world, 1.0 if self.coverage is None else self.coverage)
            lifted = state.lift(share * cells, stated=self.coverage is not None)
        if not lifted.any():
            return "nothing: no ban there to lift"
        return links_in_words(world, lifted)

    def remarks(self, state: State) -> list[str]:
        """Bans that still close these links, and links that have nowhere to go."""
        cells = self.cells(state.world)
        if isinstance(self.coverage, str):
            cells = cells & (state.table(self, self.coverage) > 0)
        return [*state.still_banned(cells), *state.without_dormant(cells)]
