"""Snapback: what was lifted or suspended holds again."""

from __future__ import annotations

from detente.scenario.compose import State
from detente.scenario.lawmeasure import LawMeasure
from detente.scenario.registry import measure


@measure("snapback")
class Snapback(LawMeasure):
    """What earlier measures lifted of a regime is back as it was before them.

    Resolution 2231 (2015), paragraphs 11–12, is the model: one participant's notice is
    enough, and provisions return as they had been applied.
    """

    undoes = True

    def apply(self, state: State) -> str:
        """Put back, and say where."""
        chosen = self.chosen(state)
        back = chosen.law.restore(chosen.name, chosen.rows, chosen.cells)
        return self.words(
            state,
            chosen,
            back,
            lambda: (
                f"no measure in force lifts any of this of '{self.regime}', or it is back "
                "already"
            ),
        )
