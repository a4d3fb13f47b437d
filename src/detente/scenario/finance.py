"""Who pays for what is built: real resources, not a gift.

A static year is charged with the annuity of the capital spent,
A = K·r/(1 − (1 + r)^−T), or K/T at r = 0. The money buys factors, which then make nothing
else (``Shocks.hired``): L̂[i] falls by hired[i]/wL[i] where they come from. The part spent in
the country where the thing stands (``local_content``) uses that country's factors, which the
payer pays at the wages of the new equilibrium: earned, and no gift. The rest uses the payer's
own. So the payer's income falls by what it pays, the host is paid for what it gives up, and the
world is poorer by what was spent. A transfer would make the building a present to the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from detente.scenario.compose import State
from detente.scenario.measure import Measure
from detente.scenario.quantities import Money, Rate, Share, ratio, refuse
from detente.scenario.units import Years, figure
from detente.world.core import Array

#: Shares of payers and places sum to one up to this.
_SUM = 1e-6


def _by_country(value: Any) -> dict[str, float]:
    """A country's code, or a mapping of codes to shares that sum to one."""
    if isinstance(value, str) and value.strip():
        return {value.strip(): 1.0}
    if not isinstance(value, Mapping) or not value:
        refuse(f"{value!r} is neither a country nor shares by country: {{KOR: 60%, PRK: 40%}}.")
    found = {str(code): ratio(share, "share", 0.0, 1.0) for code, share in value.items()}
    total = sum(found.values())
    if abs(total - 1.0) > _SUM:
        refuse(f"the shares sum to {100 * total:g} %; what is paid is paid in full: 100 %.")
    return found


ByCountry = Annotated[
    dict[str, float],
    BeforeValidator(_by_country),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\S"},
                {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {
                        "anyOf": [{"type": "number"}, {"type": "string"}],
                    },
                },
            ],
            "examples": ["KOR", {"KOR": "60%", "PRK": "40%"}],
        }
    ),
]


class Finance(BaseModel):
    """What is spent on building, by whom, over how long, and on whose factors.

    Source of the annuity: any text on project appraisal; the capital recovery factor.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    capex: Money | None = Field(
        default=None,
        description="What is spent in all; by default what the named project states.",
        examples=["3.3 billion USD"],
    )
    paid_by: ByCountry = Field(description="A country, or shares that sum to 100 %.")
    rate: Rate = Field(default=0.04, description="Real interest rate of the annuity.")
    life: Years = Field(default=30.0, description="Years over which it is written off.")
    local_content: Share = Field(
        default=0.5, description="Share spent on factors of the country where it stands."
    )
    paid: Annotated[str, Field(pattern="^(annuity|before)$")] = Field(
        default="annuity",
        description="annuity: charged every year in force; before: paid while it was built "
        "(write that as a measure 'investment' of its own).",
    )

    def with_capex(self, stated: float | None) -> Finance:
        """Itself; where no ``capex`` is given, with the million USD that a project states."""
        known = self.capex is not None or stated is None
        return self if known else self.model_copy(update={"capex": stated})

    @property
    def annuity(self) -> float:
        """Million USD a year: K·r/(1 − (1 + r)^−T); nothing where it was paid before."""
        if self.paid == "before" or self.capex is None:
            return 0.0
        if self.rate == 0:
            return self.capex / self.life
        return self.capex * self.rate / -float(np.expm1(-self.life * np.log1p(self.rate)))

    def charge(self, state: State, measure: Measure, host: Mapping[str, float]) -> str:
        """Take a year's annuity out of the payers' income.

        Parameters
        ----------
        state : State
        measure : Measure
            For messages: its key ``finance`` is named.
        host : mapping of country to share
            Where the thing stands.

        Returns
        -------
        str
            In words.
        """
        where = "finance"
        if self.paid == "before":
            return "its building was paid before"
        if self.capex is None:
            measure.fail(where, "'finance' needs 'capex': what is spent in all.")
        amount = self.annuity
        payer = shares_of(state, measure, self.paid_by, where)
        place = shares_of(state, measure, host, where)
        spend(state, measure, amount, payer, place, self.local_content)
        who = ", ".join(f"{code} {100 * s:.3g} %" for code, s in self.paid_by.items())
        return f"{figure(amount)} million USD a year of capital paid by {who}"


def spend(
    state: State,
    measure: Measure,
    amount: float,
    payer: Array,
    place: Array,
    local_content: float,
) -> None:
    """Use factors worth ``amount`` million USD a year, paid by ``payer`` (N,).

    Parameters
    ----------
    state : State
    measure : Measure
        For messages.
    amount : float
    payer, place : ndarray, shape (N,)
        Shares, each summing to one.
    local_content : float
        Share that uses factors of ``place``; the rest uses the payers' own.
    """
    # factors of the place, paid by payers in their shares; and the payers' own
    state.hired = state.hired + amount * (
        local_content * np.outer(place, payer) + (1.0 - local_content) * np.diag(payer)
    )
    used, have = state.hired.sum(axis=1), state.world.value_added * state.labour_hat
    if (used >= have).any():
        n = int(np.argmax(used - have))
        measure.fail(
            "finance" if "finance" in type(measure).model_fields else "amount",
            f"a year of it takes {figure(used[n])} million USD of factors in "
            f"{state.world.countries[n]}, whose whole factor income is {figure(have[n])} "
            "million USD.",
        )


def shares_of(state: State, measure: Measure, shares: Mapping[str, float], key: str) -> Array:
    """Shares by country as an array (N,); unknown countries are refused at a key."""
    found = np.zeros(state.world.n_countries)
    for code, share in shares.items():
        found += share * measure.countries(state.world, (code,), key)
    return found
