"""Quantities of energy links as a person writes them: always a number and its unit.

One arithmetic serves gas and power: billion m³ times USD per 1000 m³, and TWh times USD per
MWh, are both million USD. Gas is kept in bcm and USD/1000 m³, power in TWh and USD/MWh.

Conversions of gas: 1 Mt of LNG is 1.38 bcm (older BP Statistical Reviews; the figure that
KOGAS's own numbers fit, docs/pipelines.md) and 1000 m³ hold 35.7 mmbtu (the same reviews; both
recalled; 35.1 to 37.5 by where the gas is from and at what temperature it is measured).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

Carrier = Literal["gas", "power"]

#: bcm of gas in 1 Mt of LNG.
BCM_PER_MT = 1.38
#: Million Btu in 1000 m³ of gas.
MMBTU_PER_1000M3 = 35.7
#: TWh a year of one GW that never stops: hours of a year over 1000.
TWH_PER_GW = 8.76

MINUS = "\N{MINUS SIGN}"
_OF: dict[str, dict[Carrier, str]] = {
    "capacity": {"gas": "bcm/year", "power": "TWh/year"},
    "price": {"gas": "USD/1000m3", "power": "USD/MWh"},
    "transit_fee": {"gas": "USD/1000m3/100km", "power": "USD/MWh/100km"},
}
_NUMBER = r"(?:\d+\.?\d*|\.\d+)"
_ABOVE_ZERO = rf"\+?(?![0.]+(?:\s|%|$)){_NUMBER}"
_M3 = r"1000\s?m(?:3|³)"
_FORMS = {
    "volume": rf"({_ABOVE_ZERO})\s+(bcm/year|Mt/year|TWh/year|GW)",
    "price": rf"({_ABOVE_ZERO})\s+USD/({_M3}|mmbtu|MWh)",
    "fee": rf"(\+?{_NUMBER})\s+USD/({_M3}|MWh)/100\s?km",
    "percent": rf"(\+?{_NUMBER})\s*%",
    "km": rf"({_ABOVE_ZERO})\s+km",
    "days": rf"(\+?{_NUMBER})\s+days?",
    "years": rf"({_ABOVE_ZERO})(?:\s+years?)?",
    "usd": rf"(\+?{_NUMBER})\s+(million|billion)\s+USD",
}
_PATTERNS = {name: re.compile(rf"^\s*{form}\s*$") for name, form in _FORMS.items()}


@dataclass(frozen=True)
class Volume:
    """What a link carries in a year, as written: ``10 bcm/year``, ``7.5 Mt/year``, ``2 GW``."""

    number: float
    unit: str

    @property
    def carrier(self) -> Carrier:
        """Gas or power."""
        return "gas" if self.unit in ("bcm/year", "Mt/year") else "power"

    @property
    def a_year(self) -> float:
        """bcm of gas, or TWh of power."""
        return self.number * {"Mt/year": BCM_PER_MT, "GW": TWH_PER_GW}.get(self.unit, 1.0)

    def __str__(self) -> str:
        return f"{plain(self.number)} {self.unit}"


@dataclass(frozen=True)
class Price:
    """A price of energy, as written: ``382 USD/1000m3``, ``10.7 USD/mmbtu``, ``60 USD/MWh``."""

    number: float
    unit: str

    @property
    def carrier(self) -> Carrier:
        """Gas or power."""
        return "power" if self.unit == "USD/MWh" else "gas"

    @property
    def value(self) -> float:
        """USD per 1000 m³ of gas, or per MWh of power."""
        return self.number * (MMBTU_PER_1000M3 if self.unit == "USD/mmbtu" else 1.0)

    def __str__(self) -> str:
        return f"{plain(self.number)} {self.unit}"


@dataclass(frozen=True)
class Fee:
    """What a transit land takes: ``2 USD/1000m3/100km``, or ad valorem, ``5%``.

    A share is of what arrives at the price of the buyer's alternative, and paid in money. A
    fee in kind would hand over gas, which costs the seller its supply and not that price.
    """

    number: float
    unit: str

    @property
    def carrier(self) -> Carrier | None:
        """Gas or power; None for a share of the worth, which is of either."""
        if self.unit == "%":
            return None
        return "power" if "MWh" in self.unit else "gas"

    def income(self, volume: float, km: float, worth: float) -> float:
        """Million USD a year: f·V·km/100, or the share's worth, s·V·p.

        Parameters
        ----------
        volume : float
            bcm or TWh a year.
        km : float
            On the transit land.
        worth : float
            What a unit is worth where it arrives, USD per 1000 m³ or MWh.
        """
        if self.unit == "%":
            return self.number / 100.0 * volume * worth
        return self.number * volume * km / 100.0

    def __str__(self) -> str:
        return (
            f"{plain(self.number)}%"
            if self.unit == "%"
            else f"{plain(self.number)} {self.unit}"
        )


def plain(number: float) -> str:
    """A number as a file may hold it: no exponent, no idle zeros."""
    text = f"{Decimal(repr(float(number))):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure(number: float, significant: int = 4) -> str:
    """A number for people: ``38,214``, ``144.9``, ``−0.45``; no exponent, no idle zeros."""
    size = float(f"{abs(number):.{significant}g}")
    if size == 0 or not math.isfinite(size):
        return "0" if size == 0 else "n/a"
    places = max(0, significant - 1 - math.floor(math.log10(size)))
    whole = places == 0 or size >= 1000
    text = f"{abs(number):,.0f}" if whole else f"{size:,.{places}f}".rstrip("0").rstrip(".")
    return f"{MINUS}{text}" if number < 0 else text


def for_carrier(key: str, value: Volume | Price | Fee, carrier: Carrier) -> str:
    """The same number in a unit of the other carrier, as what may have been meant."""
    units = _OF.get(key, _OF["price"])
    return f"{plain(value.number)} {units[carrier]}"


def refuse(what: str, nearest: str | None = None) -> NoReturn:
    """Raise the error that pydantic collects and a file's reader turns into one for people."""
    raise PydanticCustomError("detente", "{what}", {"what": what, "nearest": nearest})


def _bare(value: Any) -> float | None:
    """A number without a unit, where that is what was written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _number(value: Any, form: str, what: str, example: str) -> re.Match[str]:
    """The match of a text; what has no unit, or a wrong one, is refused with the nearest."""
    match = _PATTERNS[form].match(value) if isinstance(value, str) else None
    if match is not None:
        return match
    bare = _bare(value)
    unit = example.split(" ", 1)[1]
    if bare is not None:
        if bare < 0 or (bare == 0 and form in ("volume", "price", "km", "years")):
            refuse(f"{value!r} is not {what}: it has to be above zero.", example)
        refuse(
            f"{value!r} has no unit: {what} is written as {example}.", f"{plain(bare)} {unit}"
        )
    lead = re.match(rf"^\s*([+-]?)({_NUMBER})\s*(\S.*)?$", str(value))
    if lead is None:
        refuse(f"{value!r} is not {what}: it is written as {example}.", example)
    if lead[1] == "-":
        refuse(f"{value!r} is below zero; {what} is not.", example)
    if float(lead[2]) == 0 and form in ("volume", "price", "km", "years"):
        refuse(f"{value!r} is not {what}: it has to be above zero.", example)
    refuse(f"{value!r} is not {what}: it is written as {example}.", f"{lead[2]} {unit}")


def _volume(value: Any) -> Volume:
    if isinstance(value, Volume):
        return value
    if _bare(value) == 0:
        refuse("a link without capacity carries nothing: leave it out.", "10 bcm/year")
    match = _number(value, "volume", "a capacity", "10 bcm/year")
    return Volume(float(match[1]), match[2])


def _price(value: Any) -> Price:
    if isinstance(value, Price):
        return value
    match = _number(value, "price", "a price", "10 USD/mmbtu")
    unit = match[2] if match[2] in ("mmbtu", "MWh") else "1000m3"
    return Price(float(match[1]), f"USD/{unit}")


def _fee(value: Any) -> Fee:
    if isinstance(value, Fee):
        return value
    share = _PATTERNS["percent"].match(value) if isinstance(value, str) else None
    if share is not None:
        if float(share[1]) >= 100:
            refuse(f"a fee of {value} leaves nothing to sell.", "5%")
        return Fee(float(share[1]), "%")
    match = _number(value, "fee", "a transit fee", "2 USD/1000m3/100km")
    return Fee(float(match[1]), "USD/MWh/100km" if match[2] == "MWh" else "USD/1000m3/100km")


def _km(value: Any) -> float:
    return float(_number(value, "km", "a length", "700 km")[1])


def _days(value: Any) -> float:
    days = float(_number(value, "days", "a number of days", "30 days")[1])
    if days > 365:
        refuse(f"{value!r} is more than a year of 365 days.", "365 days")
    return days


def _years(value: Any) -> float:
    """A number and ``years``; a bare number is years as well, since nothing else is meant."""
    bare = None if isinstance(value, str) else _bare(value)
    text = plain(bare) if bare is not None and bare > 0 else value
    return float(_number(text, "years", "a number of years", "30 years")[1])


def _usd(value: Any) -> float:
    match = _number(value, "usd", "an amount", "500 million USD")
    return float(Decimal(match[1]) * (1000 if match[2] == "billion" else 1))


def _percent(value: Any) -> float:
    """A share of 0 to 100 %, with its sign: ``25%``; a bare number up to one will do."""
    match = _PATTERNS["percent"].match(value) if isinstance(value, str) else None
    number = float(Decimal(match[1]) / 100) if match else _bare(value)
    if number is None:
        refuse(f"{value!r} is no share: write 0.25 or 25%.", "25%")
    if not 0.0 <= number <= 1.0 or str(value).strip().startswith("-"):
        more = " without a % sign" if match is None else ""
        refuse(
            f"a share of {value}{more} is outside 0 % to 100 %.", None if match else f"{value}%"
        )
    return number


def _schema(*forms: str, examples: tuple[str, ...]) -> WithJsonSchema:
    patterns = [{"type": "string", "pattern": rf"^\s*{_FORMS[form]}\s*$"} for form in forms]
    body: dict[str, Any] = patterns[0] if len(patterns) == 1 else {"anyOf": patterns}
    return WithJsonSchema({**body, "examples": list(examples)})


_AS_TEXT = PlainSerializer(str, return_type=str)


def _with(unit: str) -> PlainSerializer:
    return PlainSerializer(
        lambda number: f"{plain(number)} {_one(number, unit)}", return_type=str
    )


def _one(number: float, unit: str) -> str:
    """``day`` of one day."""
    return unit[:-1] if number == 1 and unit in ("days", "years") else unit


Capacity = Annotated[
    Volume,
    BeforeValidator(_volume),
    _AS_TEXT,
    _schema("volume", examples=("10 bcm/year", "7.5 Mt/year", "4 TWh/year", "2 GW")),
]
EnergyPrice = Annotated[
    Price,
    BeforeValidator(_price),
    _AS_TEXT,
    _schema("price", examples=("10.7 USD/mmbtu", "382 USD/1000m3", "60 USD/MWh")),
]
TransitFee = Annotated[
    Fee,
    BeforeValidator(_fee),
    _AS_TEXT,
    _schema("fee", "percent", examples=("2 USD/1000m3/100km", "0.5 USD/MWh/100km", "5%")),
]
Kilometres = Annotated[
    float, BeforeValidator(_km), _with("km"), _schema("km", examples=("700 km",))
]
Days = Annotated[
    float, BeforeValidator(_days), _with("days"), _schema("days", examples=("30 days",))
]
Years = Annotated[
    float,
    BeforeValidator(_years),
    _with("years"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": rf"^\s*{_FORMS['years']}\s*$"},
                {"type": "number", "exclusiveMinimum": 0},
            ],
            "examples": ["30 years", 30],
        }
    ),
]
#: Million USD, zero or above.
Usd = Annotated[
    float,
    BeforeValidator(_usd),
    _with("million USD"),
    _schema("usd", examples=("2.5 billion USD", "0 million USD")),
]
#: A share of 0 to 1.
Part = Annotated[
    float,
    BeforeValidator(_percent),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": rf"^\s*{_FORMS['percent']}\s*$"},
                {"type": "string", "pattern": rf"^\s*\+?{_NUMBER}\s*$"},
            ],
            "examples": ["25%", 0.25],
        }
    ),
]


def _contract(value: Any) -> Price | float:
    """A price, or a share of the alternative's."""
    if isinstance(value, str) and "%" in value:
        return _percent(value)
    return _price(value)


def _contract_text(value: Price | float) -> str:
    if isinstance(value, Price):
        return str(value)
    return f"{Decimal(repr(float(value))) * 100:f}%"


#: A stated price, or a share of what the buyer pays for the alternative.
ContractPrice = Annotated[
    Price | float,
    BeforeValidator(_contract),
    PlainSerializer(_contract_text, return_type=str),
    _schema("price", "percent", examples=("8 USD/mmbtu", "85%")),
]
