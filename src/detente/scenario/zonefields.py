"""Types of the fields of a zone: amounts in USD, names of zones, provisions, investment."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from detente.errors import InputError
from detente.scenario.numerals import NUMERAL
from detente.scenario.quantities import Money, plain_number, refuse
from detente.scenario.zones import catalogue, known_zone

_USD = re.compile(rf"^\s*({NUMERAL})\s+USD\s*$")


def _dollars(value: Any) -> float:
    """USD of ``22,700 USD`` without the comma."""
    match = _USD.match(value) if isinstance(value, str) else None
    if match is None:
        number = plain_number(value)
        refuse(
            f"{value!r} is not an amount in USD: write 22700 USD.",
            None if number is None else f"{number:g} USD",
        )
    return float(match[1])


def _known(value: Any) -> str:
    try:
        known_zone(str(value))
    except InputError as error:
        refuse(error.what, error.nearest)
    return str(value)


def _ids(value: Any) -> tuple[str, ...]:
    ids = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(v, bool | float | dict | list | None) for v in ids):
        refuse(f"{value!r} is no list of provisions: write [may24-2, 2375-16].")
    return tuple(str(v).strip() for v in ids)


Dollars = Annotated[
    float,
    BeforeValidator(_dollars),
    PlainSerializer(lambda usd: f"{usd:f} USD"),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^\s*{NUMERAL}\s+USD\s*$", "examples": ["22700 USD"]}
    ),
]
ZoneName = Annotated[
    str, BeforeValidator(_known), WithJsonSchema({"enum": sorted(catalogue().zones)})
]
Ids = Annotated[
    tuple[str, ...],
    BeforeValidator(_ids),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                },
            ]
        }
    ),
]


def _not_empty(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        refuse(f"{value!r} names no sector: write {{textiles: 100 million USD}}.")
    return value


Investment = Annotated[dict[str, Money], BeforeValidator(_not_empty)]
