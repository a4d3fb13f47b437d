"""Tariffs: a new rate, a ceiling, a linear cut, the Swiss formula, percentage points."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from detente.scenario.compose import State
from detente.scenario.measure import LinkMeasure, links_in_words
from detente.scenario.quantities import Points, Rate, Share, Swiss, refuse
from detente.scenario.registry import measure
from detente.world.core import Array

_FORMS = ("rate", "cap", "cut", "swiss", "add")


@measure("tariff")
class Tariff(LinkMeasure):
    """New ad valorem tariffs t′ of importers on exporters' goods.

    Exactly one of five forms, each applied to the rate that is there when the measure
    takes effect: ``rate`` t′; ``cap`` t′ = min(t, cap); ``cut`` t′ = (1 − cut)·t; ``swiss``
    t′ = a·t/(a + t), the formula of the GATT's Tokyo Round and of WTO NAMA negotiations
    (TN/MA/W/103); ``add`` t′ = t + points, which never takes a tariff below zero.
    """

    rate: Rate | None = Field(default=None, description="The new rate.")
    cap: Rate | None = Field(default=None, description="Rates above it fall to it.")
    cut: Share | None = Field(
        default=None, description="Share of the present rate that is cut."
    )
    swiss: Swiss | None = Field(default=None, description="Coefficient a of the Swiss formula.")
    add: Points | None = Field(
        default=None, description="Percentage points added (or taken off)."
    )

    @model_validator(mode="after")
    def _one_form(self) -> Tariff:
        given = [name for name in _FORMS if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} are given" if given else "none is given"
            refuse(f"'tariff' needs exactly one of {', '.join(_FORMS)}; {found}.")
        return self

    def apply(self, state: State) -> str:
        """Replace the rates of the links named."""
        cells = self.cells(state.world)
        now = state.tariff[cells]
        new = self._new_rate(now)
        state.tariff[cells] = new
        words = links_in_words(state.world, cells)
        return f"{words}, simple average {now.mean():.1%} → {new.mean():.1%}"

    def _new_rate(self, now: Array) -> Array:
        if self.rate is not None:
            return np.full_like(now, self.rate)
        if self.cap is not None:
            return np.minimum(now, self.cap)
        if self.cut is not None:
            return now * (1.0 - self.cut)
        if self.swiss is not None:
            taxed = np.maximum(now, 0.0)
            return np.where(now > 0, self.swiss * taxed / (self.swiss + taxed), now)
        # A subsidy that the baseline holds (t < 0) is left as it is when points come off.
        return np.maximum(now + (self.add or 0.0), np.minimum(now, 0.0))
