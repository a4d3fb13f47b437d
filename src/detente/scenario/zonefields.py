"""Types of the fields of a zone: people, amounts in USD, firms, sectors, provisions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from detente.errors import InputError
from detente.scenario.numerals import NUMERAL, number_schema
from detente.scenario.quantities import ALL, Money, plain_number, ratio, refuse
from detente.scenario.zones import Mix, catalogue, known_zone

_USD = re.compile(rf"^\s*({NUMERAL})\s+USD\s*$")
#: People as they are often written, and as a number.
_HEADS = re.compile(r"^([\d.,]+)\s*(thousand|million|)\s*(?:workers|people|persons|)$")
_TIMES = {"thousand": 1e3, "million": 1e6, "": 1.0}
#: Shares of firms sum to one up to this.
_SUM = 1e-6


def _dollars(value: Any) -> float:
    """USD of ``22,700 USD`` without the comma."""
    match = _USD.match(value) if isinstance(value, str) else None
    if match is None:
        bare = value.replace(",", "") if isinstance(value, str) else value
        number = plain_number(bare)
        hint = None if number is None or number < 0 else f"{number:.15g} USD"
        if isinstance(bare, str) and _USD.match(bare):
            hint = bare.strip()
        refuse(f"{value!r} is not an amount in USD: a number, and USD.", hint or "150 USD")
    return float(match[1])


def _people(value: Any, least: str) -> float:
    """A number of persons; 53,000 and 53 thousand are told how to be written."""
    number = plain_number(value)
    if number is not None and (number > 0 or (number == 0 and least == "zero or above")):
        return number
    match = _HEADS.match(value.strip()) if isinstance(value, str) else None
    meant = plain_number(match[1].replace(",", "")) if match else None
    hint = None if match is None or meant is None else f"{meant * _TIMES[match[2]]:.15g}"
    refuse(f"{value!r} is no number of people: a plain number, {least}.", hint)


def _workers(value: Any) -> float:
    return _people(value, "zero or above")


def _workforce(value: Any) -> float:
    return _people(value, "above zero")


def _firms(value: Any) -> dict[str, float]:
    """A country, or shares by country that sum to one."""
    if isinstance(value, str) and value.strip():
        return {value.strip(): 1.0}
    if not isinstance(value, Mapping) or not value:
        refuse(f"{value!r} is neither a country nor shares by country: {{CHN: 70%, RUS: 30%}}.")
    found = {str(code): ratio(share, "share", 0.0, 1.0) for code, share in value.items()}
    total = sum(found.values())
    if abs(total - 1.0) > _SUM:
        refuse(f"the shares sum to {100 * total:g} %, not to 100 % of the zone's trade.")
    return found


def _no_all(value: Any) -> Any:
    if value in (ALL, [ALL], (ALL,)):
        refuse(
            "a zone's sectors have to be named, as [textiles, electronics] or with shares, "
            "{textiles: 60%, food: 40%}; 'all' says no shares."
        )
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        refuse(f"{value!r} is neither true nor false.", "true" if value else "false")
    return value


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
Workers = Annotated[float, BeforeValidator(_workers), WithJsonSchema(number_schema(0))]
Persons = Annotated[
    float, BeforeValidator(_workforce), WithJsonSchema(number_schema(0, ends="(]"))
]
_SHARE: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
Firms = Annotated[
    dict[str, float],
    BeforeValidator(_firms),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\S"},
                {"type": "object", "minProperties": 1, "additionalProperties": _SHARE},
            ],
            "examples": ["CHN", {"CHN": "70%", "RUS": "30%"}],
        }
    ),
]
ZoneMix = Annotated[
    Mix,
    BeforeValidator(_no_all),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\S", "not": {"const": ALL}},
                {
                    "type": "array",
                    "items": {"type": "string", "not": {"const": ALL}},
                    "minItems": 1,
                },
                {"type": "object", "minProperties": 1, "additionalProperties": _SHARE},
            ],
            "examples": [["textiles", "electronics"], {"textiles": "60%", "food": "40%"}],
        }
    ),
]
#: True or false, and not 1.
Flag = Annotated[bool, BeforeValidator(_flag)]
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
