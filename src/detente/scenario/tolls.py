"""Transit tolls: what a land earns on cargo that only passes through it.

A toll of f USD per TEU on shipments from i to n through a land earns it f·TEU a year, paid by
the buyer, and earned by the land. It uses up nothing, so that it is no part of the
iceberg cost; a shipment whose saving is below the toll keeps its old way and pays none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from detente.scenario.numerals import NUMERAL
from detente.scenario.quantities import plain_number, refuse

if TYPE_CHECKING:
    import pandas as pd

    from detente.scenario.compose import State

_TOLL = re.compile(rf"^({NUMERAL})\s*USD\s*/\s*TEU$", re.IGNORECASE)
_PATTERN = rf"^\s*{NUMERAL}\s*USD\s*/\s*TEU\s*$"


def _toll(value: Any) -> float:
    match = _TOLL.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        number = plain_number(value)
        hint = "100 USD/TEU" if number is None else f"{abs(number):g} USD/TEU"
        refuse(f"{value!r} is not a toll: a number of zero or more and USD/TEU.", hint)
    return float(match[1])


def _tolls(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping) or not value:
        refuse(
            f"{value!r} names no country: write {{PRK: 100 USD/TEU}}.",
            "{PRK: 100 USD/TEU}",
        )
    return {str(code): _toll(toll) for code, toll in value.items()}


#: Country → USD per TEU of cargo in transit.
Tolls = Annotated[
    dict[str, float],
    BeforeValidator(_tolls),
    PlainSerializer(lambda tolls: {c: f"{t:.12g} USD/TEU" for c, t in tolls.items()}),
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "string", "pattern": _PATTERN},
            "examples": [{"PRK": "100 USD/TEU"}],
        }
    ),
]


def charge_tolls(state: State, transit: pd.DataFrame, land: str, toll: float) -> str:
    """Move a year's tolls to a land from those who buy what passes through it.

    Parameters
    ----------
    state : State
    transit : DataFrame
        :attr:`detente.corridors.cost.CostChange.transit`, of the land's country.
    land : str
        The economy that takes the toll.
    toll : float
        USD per TEU.

    Returns
    -------
    str
        In words.
    """
    pays = transit[transit["saved_usd_per_teu"] >= toll]
    due = pays.groupby("importer")["teu"].sum() * toll / 1e6
    for importer, amount in due.items():
        state.payment[state.world.country_index(str(importer))] -= float(amount)
    total = float(due.sum())
    state.payment[state.world.country_index(land)] += total
    carried = float(pays["teu"].sum())
    words = f"{land} takes {toll:g} USD per TEU of transit, {total:,.3g} million USD a year"
    words += f" on {carried:,.0f} TEU"
    left = float(transit["teu"].sum()) - carried
    if left >= 1:
        words += f" ({left:,.0f} more would save less than the toll)"
    return words
