"""Quantities that a person writes: rates, shares, changes, amounts, codes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, NoReturn

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from detente.scenario.numerals import EXPONENT, NUMERAL, number_schema, pattern, ratio_schema

#: Rates above 1000 % are taken for mistakes.
HIGHEST_RATE = 10.0
ALL = "all"

_PLAIN = re.compile(rf"^[+-]?{NUMERAL}$")
_PERCENT = re.compile(rf"^([+-]?{NUMERAL})\s*%$")
_USD = r"\s+(million|billion)\s+USD"
_MONEY = re.compile(rf"^([+-]?{NUMERAL}{EXPONENT}){_USD}$")
#: An amount of either sign, and one above zero, for the schema.
AMOUNT = rf"^\s*[+-]?{NUMERAL}{EXPONENT}{_USD}\s*$"
_ABOVE = rf"^\s*\+?(?![0.]+(?:[eE]|\s)){NUMERAL}{EXPONENT}{_USD}\s*$"
#: A change of productivity has its sign, so that it is no level.
_SIGNED = rf"^(?=\s*[+-]){pattern(-1, HIGHEST_RATE, scale=100, ends='(]')[1:]}"
_SCALE = {"million": Decimal(1), "billion": Decimal(1000)}


def refuse(what: str, nearest: str | None = None) -> NoReturn:
    """Raise the error that pydantic collects and the scenario turns into its own."""
    raise PydanticCustomError("detente", "{what}", {"what": what, "nearest": nearest})


def plain_number(value: Any) -> float | None:
    """A finite number that is not a percentage, or None if the value is something else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not _PLAIN.match(value.strip()):
            return None
        value = float(value)
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def percentage(value: Any) -> float | None:
    """``"25%"`` or ``"25 %"`` as 0.25 (exact in decimal), or None if it is no percentage."""
    match = _PERCENT.match(value.strip()) if isinstance(value, str) else None
    return float(Decimal(match[1]) / 100) if match else None


def as_written(number: float) -> float | str:
    """A rate as a file may hold it: from 100 % on only a percentage is unmistakable."""
    if abs(number) < 1:
        return number
    return f"{(Decimal(repr(number)) * 100).normalize():f}%"


def ratio(value: Any, kind: str, low: float, high: float) -> float:
    """A number whose unit is one or per cent: 0.25 and "25%" are the same.

    Raises
    ------
    PydanticCustomError
        Not a number; a bare number above one (25: is it 25 % or 2500 %?); out of range.
    """
    number = percentage(value)
    if number is None:
        number = plain_number(value)
        if number is None:
            comma = isinstance(value, str) and "," in value
            point = value.replace(",", ".") if comma else None
            if isinstance(value, str) and "\N{MINUS SIGN}" in value:
                point = value.replace("\N{MINUS SIGN}", "-")
            refuse(f"{value!r} is not a {kind}: write 0.25 or 25%.", point)
        if abs(number) > 1 or (number == 1 and kind == "rate"):
            share = Decimal(repr(number)) / 100
            refuse(
                f"a {kind} of {number:g} without a % sign could mean {number:g} % or "
                f"{number * 100:g} %: from 1 on, write the % sign.",
                nearest=f"{number:g}% ({share:f})" if abs(number) <= 1000 else None,
            )
    if not low <= number <= high:
        refuse(
            f"a {kind} of {number * 100:g} % is outside {low * 100:g} % to {high * 100:g} %."
        )
    return number


def _rate(value: Any) -> float:
    return ratio(value, "rate", 0.0, HIGHEST_RATE)


def _points(value: Any) -> float:
    return ratio(value, "change in percentage points", -HIGHEST_RATE, HIGHEST_RATE)


def _change(value: Any) -> float:
    number = ratio(value, "change", -1.0, HIGHEST_RATE)
    if number <= -1.0:
        refuse(
            "a change of −100 % leaves no cost at all; −99 % is the most that has a meaning."
        )
    return number


def _share(value: Any) -> float:
    return ratio(value, "share", 0.0, 1.0)


def _swiss(value: Any) -> float:
    number = ratio(value, "Swiss coefficient", 0.0, HIGHEST_RATE)
    if number == 0:
        refuse("a Swiss coefficient of 0 abolishes every tariff: write rate: 0.")
    return number


def _positive(value: Any) -> float:
    number = plain_number(value)
    if number is None or number <= 0:
        refuse(f"{value!r} is not a number above zero.")
    return number


def _multiplier(value: Any) -> float:
    number = plain_number(value)
    if number is None or number < 0:
        refuse(f"{value!r} is not a multiplier: a number, zero or above.")
    return number


def _tfp(value: Any) -> float:
    """A factor (1.10) or a signed change (+10%)."""
    change = percentage(value)
    if change is not None:
        if not value.strip().startswith(("+", "-")):
            refuse(f"'{value}' could be a level or a change.", nearest=f"+{value.strip()}")
        if not -1.0 < change <= HIGHEST_RATE:
            refuse(f"a productivity change of {value} is outside −100 % to +1000 %.")
        return float(1 + Decimal(repr(change)))
    factor = plain_number(value)
    if factor is None:
        refuse(f"{value!r} is not a productivity: write 1.10 or +10%.")
    if not 0.2 <= factor <= 5:
        refuse(
            f"total factor productivity × {factor:g} is outside 0.2 to 5: write a factor such "
            "as 1.10, or a change with its sign.",
            nearest=f"+{factor:g}%" if factor > 5 else "+10%",
        )
    return factor


def _tfp_as_written(factor: float) -> float | str:
    if 0.2 <= factor <= 5:
        return factor
    return f"{((Decimal(repr(factor)) - 1) * 100).normalize():+f}%"


def amount(value: Any) -> float | None:
    """Million USD of ``500 million USD`` or ``-2.5 billion USD``, or None if it is neither."""
    match = _MONEY.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    found = float(Decimal(match[1]) * _SCALE[match[2]])
    return found if math.isfinite(found) else None


def _money(value: Any) -> float:
    """Million USD, above zero."""
    found = amount(value)
    if found is None:
        number = plain_number(value)
        hint = "500 million USD" if number is None else f"{number:g} million USD"
        refuse(f"{value!r} is not an amount: a number, million or billion, and USD.", hint)
    if not found > 0:
        refuse(f"an amount of {value} is not above zero; who gives and who gets says its way.")
    return found


def _code(value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # a world's sectors may be called 1, 2, 3
    refuse(f"{value!r} is not a code.")


def _one_code(value: Any) -> str:
    code = _code(value)
    if code == ALL:
        refuse("this is one country; 'all' is neither that nor a code.")
    return code


def _codes(value: Any) -> tuple[str, ...]:
    """One code, ``all``, or a list of codes."""
    if not isinstance(value, list | tuple):
        return (_code(value),)
    codes = tuple(_code(v) for v in value)
    if not codes:
        refuse("an empty list names nothing; leave the key out or write 'all'.")
    repeated = [c for c in codes if codes.count(c) > 1]
    if repeated:
        refuse(f"'{repeated[0]}' stands twice in the list.")
    if ALL in codes and len(codes) > 1:
        refuse("'all' stands in a list with other codes: write 'all' alone, or the codes.")
    return codes


def _coverage(value: Any) -> float | str | dict[str, float]:
    """A share, a mapping of sector to share, or the name of a table in the world."""
    if isinstance(value, Mapping):
        if not value:
            refuse("an empty mapping covers nothing.")
        return {_code(k): _share(v) for k, v in value.items()}
    if percentage(value) is None and plain_number(value) is None and isinstance(value, str):
        return _code(value)
    return _share(value)


def _shares(value: Any) -> float | dict[str, float]:
    found = _coverage(value)
    if isinstance(found, str):
        refuse(
            f"'{found}' is no share: it is a share here, or shares by sector; the name of a "
            "table is for 'ban'."
        )
    return found


def refuse_two_lists_of_sectors(sectors: tuple[str, ...], coverage: object) -> None:
    """A coverage by sector names its sectors itself; a second list could contradict it."""
    if isinstance(coverage, Mapping) and sectors != (ALL,):
        refuse("'coverage' by sector names the sectors already: leave out 'sectors'.")


def _elasticity(value: Any) -> float | dict[str, float]:
    if isinstance(value, Mapping):
        return {_code(k): _positive(v) for k, v in value.items()}
    return _positive(value)


_CODE_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "integer"}]
}
_CODES_SCHEMA: dict[str, Any] = {
    "anyOf": [
        *_CODE_SCHEMA["anyOf"],
        {
            "type": "array",
            "items": {**_CODE_SCHEMA, "not": {"const": ALL}},
            "minItems": 1,
            "uniqueItems": True,
        },
        {"type": "array", "items": {"const": ALL}, "minItems": 1, "maxItems": 1},
    ]
}
_SHARE = ratio_schema(0, 1, 0.4, "40%")
_SHARES: list[dict[str, Any]] = [
    *_SHARE["anyOf"],
    {"type": "object", "additionalProperties": {"anyOf": _SHARE["anyOf"]}, "minProperties": 1},
]
_BY_SECTOR = {"coal": 1, "textiles": 0.8}
#: Any text that is no number: the name of a table.
_NAME = {"type": "string", "pattern": rf"^(?!\s*[+-]?{NUMERAL}\s*%?\s*$)[\s\S]*\S"}
_ABOVE_ZERO = number_schema(0, ends="(]")
_WRITTEN = PlainSerializer(as_written)


Rate = Annotated[
    float,
    BeforeValidator(_rate),
    _WRITTEN,
    WithJsonSchema(ratio_schema(0, HIGHEST_RATE, 0.25, "25%", one=False)),
]
Markup = Annotated[
    float,
    BeforeValidator(_rate),
    _WRITTEN,
    WithJsonSchema(ratio_schema(0, HIGHEST_RATE, "30%", one=False)),
]
Points = Annotated[
    float,
    BeforeValidator(_points),
    _WRITTEN,
    WithJsonSchema(ratio_schema(-HIGHEST_RATE, HIGHEST_RATE, 0.05, "5%")),
]
Change = Annotated[
    float,
    BeforeValidator(_change),
    _WRITTEN,
    WithJsonSchema(ratio_schema(-1, HIGHEST_RATE, "-5%", 0.1, ends="(]")),
]
Share = Annotated[float, BeforeValidator(_share), WithJsonSchema(_SHARE)]
Swiss = Annotated[
    float,
    BeforeValidator(_swiss),
    _WRITTEN,
    WithJsonSchema(ratio_schema(0, HIGHEST_RATE, "8%", 0.25, ends="(]")),
]
Positive = Annotated[float, BeforeValidator(_positive), WithJsonSchema(_ABOVE_ZERO)]
Multiplier = Annotated[float, BeforeValidator(_multiplier), WithJsonSchema(number_schema(0))]
Tfp = Annotated[
    float,
    BeforeValidator(_tfp),
    PlainSerializer(_tfp_as_written),
    WithJsonSchema(
        {
            "anyOf": [
                *number_schema(0.2, 5)["anyOf"],
                {"type": "string", "pattern": _SIGNED},
            ],
            "examples": [1.1, "+10%"],
        }
    ),
]
Money = Annotated[
    float,
    BeforeValidator(_money),
    PlainSerializer(lambda amount: f"{amount!r} million USD"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": _ABOVE,
            "examples": ["500 million USD"],
        }
    ),
]
Code = Annotated[str, BeforeValidator(_code), WithJsonSchema(_CODE_SCHEMA)]
#: A code of one country: never all.
OneCode = Annotated[
    str,
    BeforeValidator(_one_code),
    WithJsonSchema({**_CODE_SCHEMA, "not": {"const": ALL}}),
]
Codes = Annotated[
    tuple[str, ...],
    BeforeValidator(_codes),
    PlainSerializer(lambda codes: codes[0] if len(codes) == 1 else list(codes)),
    WithJsonSchema(_CODES_SCHEMA),
]
Coverage = Annotated[
    float | str | dict[str, float],
    BeforeValidator(_coverage),
    WithJsonSchema({"anyOf": [*_SHARES, _NAME], "examples": [0.9, _BY_SECTOR, "unsc-dprk"]}),
]
#: A coverage that names no table.
Shares = Annotated[
    float | dict[str, float],
    BeforeValidator(_shares),
    WithJsonSchema({"anyOf": _SHARES, "examples": [0.9, _BY_SECTOR]}),
]
Elasticity = Annotated[
    float | dict[str, float],
    BeforeValidator(_elasticity),
    WithJsonSchema(
        {
            "anyOf": [
                *_ABOVE_ZERO["anyOf"],
                {"type": "object", "additionalProperties": _ABOVE_ZERO},
            ],
            "examples": [4, {"coal": 15}],
        }
    ),
]
