"""Imposing sanctions law."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from detente.errors import InputError
from detente.regimes.law import Mask, rows_of
from detente.scenario.compose import State
from detente.scenario.lawmeasure import Chosen, LawMeasure, Lines
from detente.scenario.measure import nearest_label
from detente.scenario.quantities import Markup, ratio, refuse
from detente.scenario.registry import measure
from detente.shocks import RENT_OWNERS
from detente.world.core import Array


def _by_partner(value: Any) -> Any:
    """One share, or shares by partner."""
    if isinstance(value, Mapping):
        return {str(k): ratio(v, "share", 0.0, 1.0) for k, v in value.items()}
    return ratio(value, "share", 0.0, 1.0)


_SHARE = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string"}]}
ByPartner = Annotated[
    float | dict[str, float],
    BeforeValidator(_by_partner),
    PlainSerializer(lambda v: dict(v) if isinstance(v, Mapping) else v),
    WithJsonSchema({"anyOf": [_SHARE, {"type": "object", "additionalProperties": _SHARE}]}),
]


@measure("impose")
class Impose(LawMeasure):
    """A regime or some of its provisions, imposed by all or some of its senders.

    Covered lines that nothing closed carry q = (1 − κ) + κ·ℓ·(1 + μ)^−θ of what they did:
    compliance κ of the sender, leakage ℓ of the route, evasion mark-up μ (docs/model.md,
    Bans). A provision that the baseline holds already bans nothing twice; stating κ or ℓ for
    it replaces what the baseline's trade shows by q of the trade before the bans, so that
    ``compliance: 100%`` is maximum pressure. What ends by its own terms ends here too. Caps on
    quantities go to the solver: a shadow mark-up, complementary to the slack, whose rent has
    an owner.
    """

    compliance: ByPartner | None = Field(
        default=None, description="κ: share of covered trade stopped; one share or by sender."
    )
    leakage: ByPartner | None = Field(
        default=None, description="ℓ: share that flows anyway; one share or by partner's route."
    )
    evasion_markup: Markup = Field(default=0.0, description="μ: what evasion adds to the cost.")
    exempt: Lines = Field(
        default=(), description="HS lines spared (humanitarian), in quotes: ['10', '30']."
    )
    rent: str | None = Field(
        default=None, description="Who gets a cap's rent: importer, exporter, burnt or a code."
    )

    @model_validator(mode="after")
    def _markup_needs_leakage(self) -> Impose:
        if self.evasion_markup and self.leakage is None:
            refuse("'evasion_markup' is what leaks at a cost: it needs 'leakage'.")
        return self

    def apply(self, state: State) -> str:
        """Impose, and say which links close anew."""
        chosen = self.chosen(state, self.exempt)
        q, told = self._survival(state, chosen)
        if self.rent is not None:
            self._rent(state, chosen, self.rent)
        self.later(state, chosen)
        rows = chosen.rows & self._not_lapsed(state, chosen)
        closed = chosen.law.impose(chosen.name, rows, chosen.cells, q, told)
        self.without_goods(state, chosen, "imposed")
        stated = chosen.law.reached(chosen.name, rows) & chosen.cells & told
        touched = closed | (stated & chosen.law.traded)
        words = self.words(
            state, chosen, touched, lambda: self._why_nothing(state, chosen, rows)
        )
        if self.rent is not None and not touched.any():
            words = "nothing new closes"
        words += ", complied with as stated" if told.any() and touched.any() else ""
        return words + (f"; rents of its caps to {self.rent}" if self.rent is not None else "")

    def _why_nothing(self, state: State, chosen: Chosen, rows: Mask) -> str:
        """Why imposing closes nothing, as far as can be told."""
        reached = chosen.law.reached(chosen.name, rows) & chosen.cells
        if not chosen.rows.any():
            return "no goods are in it, so that no trade closes"
        if not rows.any():
            return "all that is named has lapsed by its own terms"
        if not (reached & chosen.law.traded).any():
            return "it reaches no goods that are named here and traded"
        day = state.laws.day_of(chosen.law)
        return f"what is named is in force already, in the baseline ({day}) or by this scenario"

    def turns(self) -> tuple[date, ...]:
        """Days after which provisions named here have ended by their own terms."""
        regime = self.own_regime()
        if regime is None or self.on is None:
            return ()
        try:
            named = regime.select(self.provisions) if self.provisions else regime.provisions
        except InputError:
            return ()
        ends = (
            p.until for p in named if p.until and p.until >= self.on and p.holds_on(self.on)
        )
        last = self.until or date.max
        return tuple(end + timedelta(days=1) for end in ends if end < last)

    def _not_lapsed(self, state: State, chosen: Chosen) -> Mask:
        """Provisions that have not ended by their own terms by the day that is shown, (P,).

        One that is named by its id without a date holds by request.
        """
        if self.on is None:
            return np.ones(len(chosen.rows), dtype=bool)
        over = [p for p in chosen.provisions if state.day and p.until and p.until < state.day]
        for p in over:
            after = f"; {p.replaced_by} replaced it" if p.replaced_by else ""
            state.tell(self, f"{p.id} lapsed on {p.until} by its own terms{after}")
        return ~rows_of(chosen.held, tuple(over))

    def remarks(self, state: State) -> list[str]:
        """What was found out, and whether stating compliance opens what the baseline closes."""
        told = super().remarks(state)
        if self.compliance is None and self.leakage is None:
            return told
        chosen = self.chosen(state, self.exempt)
        reached = chosen.law.reached(chosen.name, chosen.rows) & chosen.cells
        cells = chosen.law.links(reached)
        opens = int((cells & (state.opening.link_open > 0)).sum())
        if opens:
            told.append(
                f"warning: at the compliance stated {opens} links carry more than in the "
                "baseline, where more is stopped than that"
            )
        return told

    def _rent(self, state: State, chosen: Chosen, owner: str) -> None:
        valid = (*RENT_OWNERS, *state.world.countries)
        if owner not in valid:
            hint = nearest_label(owner, valid, valid)
            self.fail(
                "rent",
                f"'{owner}' cannot own a rent: {', '.join(RENT_OWNERS)} or a country's code.",
                hint,
            )
        for provision in chosen.provisions:
            chosen.law.rent[chosen.name, provision.id] = owner

    def _survival(self, state: State, chosen: Chosen) -> tuple[Array, np.ndarray[Any, Any]]:
        """q of the covered lines, (G, N), and for whom it is stated, (N,)."""
        world = state.world
        kappa, told_kappa = self._shares(state, chosen, "compliance", 1.0)
        leak, told_leak = self._shares(state, chosen, "leakage", 0.0)
        markup = (1.0 + self.evasion_markup) ** -world.trade_elasticity[chosen.law.sector]
        q = (1.0 - kappa)[None] + (kappa * leak)[None] * markup[:, None]
        return q, (told_kappa | told_leak) & chosen.senders

    def _shares(
        self, state: State, chosen: Chosen, key: str, default: float
    ) -> tuple[Array, np.ndarray[Any, Any]]:
        """A share by partner, (N,), and for whom it is given."""
        given, world = getattr(self, key), state.world
        values = np.full(world.n_countries, default)
        told = np.zeros(world.n_countries, dtype=bool)
        if given is None:
            return values, told
        if not isinstance(given, Mapping):
            values[:], told[:] = given, True
            return values, told
        for code, share in given.items():
            if code not in world.countries:
                hint = nearest_label(code, world.countries, world.country_names)
                self.fail(
                    (key, code), f"unknown country '{code}' in world '{world.name}'.", hint
                )
            n = world.country_index(code)
            if not chosen.senders[n]:
                self.fail((key, code), f"{code} is not among those who act here.")
            values[n], told[n] = share, True
        return values, told
