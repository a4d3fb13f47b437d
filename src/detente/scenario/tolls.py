"""Transit tolls: what a land earns on cargo that only passes through it.

A toll of f USD per TEU on shipments from i to n through a land earns it f·TEU a year, paid by
the buyer, and earned by the land. It uses up nothing, so that it is no part of the
iceberg cost. Pairs of economies whose cargo saves less than it would pay keep their old way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from detente.scenario.numerals import NUMERAL
from detente.scenario.quantities import plain_number, refuse
from detente.scenario.units import figure
from detente.world.core import Array

if TYPE_CHECKING:
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


@dataclass(frozen=True, eq=False)
class Tolled:
    """What tolls do: words, and the pairs (N, N) that keep their old way rather than pay."""

    words: list[str]
    stay: NDArray[np.bool_]

    def without_those_who_stay(self, cost_hat: Array) -> Array:
        """d̂ (S, N, N) with no saving where the tolls would take more than all of it."""
        return np.where(self.stay[None], np.maximum(cost_hat, 1.0), cost_hat)


def charge_tolls(state: State, transit: pd.DataFrame, tolls: Mapping[str, float]) -> Tolled:
    """Move a year's tolls to the lands from those who buy what passes through them.

    A pair of economies whose tolls of all lands together exceed what its cargo saves keeps its
    old way and pays none. An economy of several countries takes its toll once on a way.

    Parameters
    ----------
    state : State
    transit : DataFrame
        :attr:`detente.corridors.cost.CostChange.transit`.
    tolls : mapping of str to float
        Economy → USD per TEU.
    """
    world = state.world
    members = world.meta.get("members", {})
    parts = []
    for land, toll in tolls.items():
        here = transit[transit["country"].isin({land, *members.get(land, ())})]
        here = here.assign(saved=here["saved_usd_per_teu"] * here["teu"])
        # what crosses two countries of one economy crosses it once
        once = here.groupby(["exporter", "importer"])[["teu", "saved"]].max().reset_index()
        parts.append(once.assign(land=land, due=toll * once["teu"]))
    rows = pd.concat(parts)
    pairs = rows.groupby(["exporter", "importer"]).agg({"due": "sum", "saved": "max"})
    too_much = pairs["due"] > pairs["saved"]
    stay = np.zeros((world.n_countries, world.n_countries), dtype=bool)
    for exporter, importer in pairs.index[too_much]:
        stay[world.country_index(exporter), world.country_index(importer)] = True
    keys = pd.MultiIndex.from_frame(rows[["exporter", "importer"]])
    rows = rows.assign(pays=~too_much.reindex(keys).to_numpy(dtype=bool))
    words = []
    for land, toll in tolls.items():
        mine = rows[rows["land"] == land]
        paid = mine[mine["pays"]]
        for importer, amount in (paid.groupby("importer")["due"].sum() / 1e6).items():
            state.payment[world.country_index(str(importer))] -= float(amount)
        total, carried = float(paid["due"].sum()) / 1e6, float(paid["teu"].sum())
        state.payment[world.country_index(land)] += total
        text = (
            f"{land} takes {toll:g} USD per TEU of transit, {figure(total)} million USD a year"
        )
        text += f" on {carried:,.0f} TEU"
        left = float(mine["teu"].sum()) - carried
        if left >= 1:
            text += (
                f" ({left:,.0f} more would save less than tolls take, and keep their old way)"
            )
        words.append(text)
    return Tolled(words, stay)
