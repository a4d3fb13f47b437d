"""Opening links that the baseline shows closed."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from detente.scenario.compose import State
from detente.scenario.measure import LinkMeasure, Mask, links_in_words
from detente.scenario.quantities import ALL, Codes, Share, refuse
from detente.scenario.registry import measure
from detente.world.core import World


@measure("open")
class Open(LinkMeasure):
    """How far links move from what they trade towards their dormant share ψ.

    docs/model.md, equation 2: b = π·m + link_open·max(ψ − π·m, 0). Name a ``country`` (all its
    links, both directions) or an ``exporter`` and an ``importer``. Of several openings of a
    link the largest holds. A ban that still stands limits an opening: no link opens further
    than the share of its trade that no ban covers.
    """

    country: Codes | None = Field(
        default=None, description="All links of a country, both ways."
    )
    exporter: Codes = Field(default=(ALL,), description="Who ships, if no country is named.")
    importer: Codes = Field(default=(ALL,), description="Who buys, if no country is named.")
    share: Share = Field(description="How far: 0 leaves the links, 1 opens them fully.")
    openness: Share | None = Field(
        default=None,
        description="ψ of these links: 0 is as_before, 1 is normal (linear in odds).",
    )
    both_ways: bool = Field(default=False, description="The opposite direction too.")

    @model_validator(mode="before")
    @classmethod
    def _country_or_pair(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        pair = [key for key in ("exporter", "importer", "both_ways") if key in given]
        if "country" in given and pair:
            refuse(f"'country' already means both directions: leave out '{pair[0]}'.")
        if "country" not in given and not {"exporter", "importer"} <= given.keys():
            refuse("'open' needs 'country', or 'exporter' and 'importer'.")
        return given

    def pairs(self, world: World) -> Mask:
        """The pairs [i, n] that are named, shape (N, N)."""
        found = super().pairs(world)
        if self.country is None:
            return found
        named = self.countries(world, self.country, "country")
        return found & (named[:, None] | named[None, :])

    def apply(self, state: State) -> str:
        """Raise the opening of the links named."""
        cells = self.cells(state.world)
        state.open(cells, self.share)
        if self.openness is not None:
            state.set_openness(cells, self.openness, self.source)
        return f"{links_in_words(state.world, cells)}, opened {self.share:.0%}"

    def remarks(self, state: State) -> list[str]:
        """Bans that still limit the opening, and links that have nowhere to go."""
        cells = self.cells(state.world)
        return [*state.still_banned(cells), *state.without_dormant(cells)]
