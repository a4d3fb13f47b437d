"""Lifting sanctions law."""

from __future__ import annotations

from detente.scenario.compose import State
from detente.scenario.lawmeasure import Chosen, LawMeasure
from detente.scenario.registry import measure


@measure("lift")
class Lift(LawMeasure):
    """A regime or some of its provisions, lifted by all or some of its senders.

    The lines that nothing else closes return towards what they traded before
    (:mod:`detente.regimes.law`): b = min(π + lifted·ψ, max(π, ψ)). A line stays closed as
    long as one provision of any regime closes it: the result's table ``closed`` says which,
    and for whom. A cap that is
    lifted stops binding. Security Council resolutions on the DPRK have no sunset: the Council
    has to lift them by a new resolution.
    """

    undoes = True

    def apply(self, state: State) -> str:
        """Lift, and say where it closed something."""
        chosen = self.chosen(state)
        self.later(state, chosen)
        found = chosen.law.lift(chosen.name, chosen.rows, chosen.cells)
        if found.any() or not chosen.rows.any():
            self.without_goods(state, chosen, "lifted")
        return self.words(state, chosen, found, lambda: self._why_nothing(state, chosen))

    def _why_nothing(self, state: State, chosen: Chosen) -> str:
        """Why a lift lifts nothing, as far as can be told."""
        what = ", ".join(self.provisions) or f"'{self.regime}'"
        reached = chosen.law.reached(chosen.name, chosen.rows) & chosen.cells
        if not chosen.rows.any():
            return f"no goods are in {what}, so that no trade opens"
        if not (reached & chosen.law.traded).any():
            return f"{what} reaches no goods that are named here and traded"
        was = (chosen.held.base[chosen.rows] > 0) & chosen.cells[None]
        if was.any():
            return f"an earlier measure has lifted {what} already"
        return (
            f"{what} is in force neither in the baseline ({state.laws.day_of(chosen.law)}) nor "
            "by this scenario, so that there is nothing to lift"
        )

    def remarks(self, state: State) -> list[str]:
        """What was found out, and links that have nowhere to go."""
        chosen = self.chosen(state)
        reached = chosen.law.reached(chosen.name, chosen.rows) & chosen.cells
        return [*super().remarks(state), *state.without_dormant(chosen.law.links(reached))]
