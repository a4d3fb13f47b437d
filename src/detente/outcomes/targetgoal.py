"""Goals that a person writes: ``trade(RUS,PRK) = 2 billion USD``.

    goal     = quantity sign amount
    quantity = trade | exports | imports (A,B) or (A); share (A,B); welfare | own_earnings (A)
    sign     = "=" | ">=" | "<="
    amount   = NUMBER million|billion USD | NUMBER % | ×NUMBER

Nothing else is read, and nothing is guessed: an error shows the place with a caret.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from detente.equilibrium import Equilibrium
from detente.errors import InputError, nearest
from detente.scenario.measure import nearest_label
from detente.world.core import Array, World

#: Quantity → how many countries it takes, and what it is.
QUANTITIES: dict[str, tuple[tuple[int, ...], str]] = {
    "trade": ((1, 2), "exports plus imports, million USD"),
    "exports": ((1, 2), "what the first ships to the second, or to all; million USD"),
    "imports": ((1, 2), "what the first buys from the second, or from all; million USD"),
    "share": ((2,), "the second's share in the trade of the first"),
    "welfare": ((1,), "Ŵ − 1, as consumed"),
    "own_earnings": ((1,), "the same without deficits and transfers"),
}
_FLOWS = ("trade", "exports", "imports")
_SIGNS = {"=": "=", ">=": ">=", "<=": "<=", "≥": ">=", "≤": "<="}
_UNITS = {"million": 1.0, "billion": 1000.0}
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_NAME = re.compile(r"[^\W\d]\w*")
_CODE = re.compile(r"\w+")
_SIGN = re.compile(r"[=<>≥≤]+")
_AMOUNT = re.compile(rf"([+−-]?)\s*({_NUMBER})")
_FACTOR = re.compile(rf"[x×*]\s*({_NUMBER})")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Goal:
    """A goal as it was written.

    Attributes
    ----------
    text : str
    quantity : str
        A key of `QUANTITIES`.
    countries : tuple of str
        One or two.
    sign : str
        ``=``, ``>=`` or ``<=``.
    kind : str
        ``level`` (million USD, or a share), ``change`` from today (0.05: 5 % more) or
        ``factor`` of today.
    amount : float
    columns : tuple of int
        Where each country stands in the text, for messages.
    amount_column : int
        Where the amount does.
    """

    text: str
    quantity: str
    countries: tuple[str, ...]
    sign: str
    kind: str
    amount: float
    columns: tuple[int, ...] = ()
    amount_column: int = 0

    @property
    def is_flow(self) -> bool:
        """Whether it is an amount of money; else a share or a change."""
        return self.quantity in _FLOWS

    def require(self, world: World) -> None:
        """Refuse countries that the world does not have, with the place.

        Raises
        ------
        InputError
        """
        for code, column in zip(self.countries, self.columns, strict=True):
            if code not in world.countries:
                near = nearest_label(code, world.countries, world.country_names)
                what = f"unknown country '{code}' in world '{world.name}'."
                fail(self.text, column, what, near)

    def value(self, eq: Equilibrium) -> float:
        """The quantity in an equilibrium: million USD, a share, or a change from today."""
        n = eq.world.country_index(self.countries[0])
        if self.quantity == "welfare":
            return float(eq.welfare_hat[n] - 1.0)
        if self.quantity == "own_earnings":
            return float(eq.own_earnings_hat[n] - 1.0)
        return self._of_flows(eq.world, eq.flows)

    def today(self, world: World) -> float:
        """The same in the baseline."""
        return self._of_flows(world, world.flows) if self.quantity in _OF_FLOWS else 0.0

    def _of_flows(self, world: World, flows: Array) -> float:
        pairs = flows.sum(axis=0)
        np.fill_diagonal(pairs, 0.0)
        a = world.country_index(self.countries[0])
        whole = (float(pairs[a].sum()), float(pairs[:, a].sum()))
        if len(self.countries) == 1:
            sold, bought = whole
        else:
            b = world.country_index(self.countries[1])
            sold, bought = float(pairs[a, b]), float(pairs[b, a])
        if self.quantity == "share":
            return (sold + bought) / sum(whole) if sum(whole) > 0 else 0.0
        return {"exports": sold, "imports": bought, "trade": sold + bought}[self.quantity]

    def target(self, today: float) -> float:
        """The number to reach, in the unit of `value`.

        Raises
        ------
        InputError
            A multiple of nothing.
        """
        if self.kind == "level":
            return self.amount
        if not self.is_flow and self.quantity != "share":
            return self.amount - 1.0 if self.kind == "factor" else self.amount
        if today == 0:
            what = "today there is none, and no multiple of none."
            fail(self.text, self.amount_column, what, _example(self.quantity))
        return today * (self.amount if self.kind == "factor" else 1.0 + self.amount)

    def met(self, value: float, target: float) -> bool:
        """Whether a value meets it; of equality never said without a crossing."""
        if self.sign == "=":
            return value == target
        return value >= target if self.sign == ">=" else value <= target


_OF_FLOWS = (*_FLOWS, "share")


def fail(text: str, column: int, what: str, hint: str | None = None) -> NoReturn:
    """Refuse a goal, with a caret below the place."""
    raise InputError(f"in the goal\n  {text}\n  {' ' * column}^\n{what}", nearest=hint)


def parse_goal(text: str) -> Goal:
    """Read a goal.

    Raises
    ------
    InputError
        Anything that the grammar does not have, with a caret and the nearest valid thing.
    """
    at = _skip(text, 0)
    quantity, at = _quantity(text, at)
    countries, columns, at = _countries(text, at, quantity)
    sign, at = _sign(text, at)
    at = _skip(text, at)
    kind, amount, end = _amount(text, at, quantity)
    if _skip(text, end) < len(text):
        fail(text, _skip(text, end), "the goal ends before this.", text[:end].strip())
    return Goal(text, quantity, countries, sign, kind, amount, columns, at)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _quantity(text: str, at: int) -> tuple[str, int]:
    found = _NAME.match(text, at)
    name = found[0] if found else ""
    if name not in QUANTITIES:
        known = ", ".join(QUANTITIES)
        said = f"'{name}' is no quantity" if name else "a goal begins with a quantity"
        fail(text, at, f"{said}; there are {known}.", nearest(name, QUANTITIES))
    return name, at + len(name)


def _countries(
    text: str, at: int, quantity: str
) -> tuple[tuple[str, ...], tuple[int, ...], int]:
    """The codes in brackets, where each stands, and where they end."""
    wanted = QUANTITIES[quantity][0]
    form = f"{quantity}({'A,B' if 2 in wanted else 'A'})"
    at = _expect(text, at, "(", form)
    codes: list[str] = []
    columns: list[int] = []
    while True:
        at = _skip(text, at)
        found = _CODE.match(text, at)
        if found is None:
            fail(text, at, "a country's code belongs here.", form)
        codes.append(found[0])
        columns.append(at)
        at = _skip(text, found.end())
        if at < len(text) and text[at] == ",":
            at += 1
            continue
        at = _expect(text, at, ")", form)
        break
    if len(codes) not in wanted:
        need = " or ".join("one country" if k == 1 else "two countries" for k in wanted)
        fail(text, columns[-1], f"{quantity} is of {need}; here are {len(codes)}.", form)
    if len(set(codes)) < len(codes):
        fail(text, columns[-1], f"{codes[-1]} stands twice: a country's trade with itself.")
    return tuple(codes), tuple(columns), at


def _expect(text: str, at: int, sign: str, form: str) -> int:
    at = _skip(text, at)
    if at >= len(text) or text[at] != sign:
        fail(text, at, f"'{sign}' belongs here.", form)
    return at + 1


def _sign(text: str, at: int) -> tuple[str, int]:
    at = _skip(text, at)
    found = _SIGN.match(text, at)
    if found is None or found[0] not in _SIGNS:
        near = {"<": "<=", ">": ">=", "==": "=", "=>": ">=", "=<": "<="}
        fail(text, at, "'=', '>=' or '<=' belongs here.", near.get(found[0] if found else ""))
    return _SIGNS[found[0]], found.end()


def _amount(text: str, at: int, quantity: str) -> tuple[str, float, int]:
    """Kind, number and end of the amount."""
    factor = _FACTOR.match(text, at)
    if factor:
        return "factor", _finite(text, at, factor[1]), factor.end()
    usd = text[at : at + 4] == "USD "
    found = _AMOUNT.match(text, _skip(text, at + 3) if usd else at)
    if found is None:
        what = "an amount belongs here: 2 billion USD, 5% or x2."
        fail(text, at, what, _example(quantity))
    number = _finite(text, at, found[2]) * (-1.0 if found[1] in ("-", "−") else 1.0)
    after = _skip(text, found.end())
    if text[after : after + 1] == "%":
        if usd:
            fail(text, at, "money is no percentage.", _example(quantity))
        kind = _percent_kind(text, at, quantity, found[1], found[2])
        return kind, number / 100.0, after + 1
    if text[found.end() : found.end() + 1] == ",":
        fail(text, found.end(), "decimals have a point here, and thousands nothing.")
    return _money(text, at, quantity, number, after, usd)


def _finite(text: str, at: int, number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        fail(text, at, f"{number} is too large a number.")
    return value


def _percent_kind(text: str, at: int, quantity: str, sign: str, number: str) -> str:
    """A percentage is a level of a share, and a change of anything else."""
    if quantity in _FLOWS and not sign:
        what = f"{number} % of what? A change from today has its sign; a multiple is x2."
        fail(text, at, what, f"+{number}%")
    if quantity == "share" and sign:
        fail(text, at, "a share is a level: write it without a sign.", f"{number}%")
    return "level" if quantity == "share" else "change"


def _money(
    text: str, at: int, quantity: str, number: float, after: int, usd: bool
) -> tuple[str, float, int]:
    word = _WORD.match(text, after)
    unit = word[0] if word else ""
    if unit not in _UNITS:
        near = nearest(unit, _UNITS) if unit else None
        units = "million, billion" if quantity in _FLOWS else "%"
        missing = f"the unit is missing: {units}."
        what = f"'{unit}' is no unit: million, billion or %." if unit else missing
        if not unit:
            near = _with_unit(quantity, number)
        fail(text, after if unit else at, what, near or _example(quantity))
    if quantity not in _FLOWS:
        what = f"{quantity} is not measured in money, but in %."
        fail(text, at, what, _example(quantity))
    if number < 0:
        what = f"{quantity} is an amount and never below zero; a change from today is in %."
        fail(text, at, what, f"{-number:g} {unit} USD")
    end = after + len(unit)
    if not usd:
        end = _skip(text, end)
        currency = _WORD.match(text, end)
        if currency is None or currency[0] != "USD":
            fail(text, end, "amounts are in USD.", f"{text[at:after]}{unit} USD")
        end += 3
    return "level", number * _UNITS[unit], end


def _with_unit(quantity: str, number: float) -> str:
    """The number as it was written, with the unit that the quantity most often has."""
    if quantity in _FLOWS:
        return f"{abs(number):.12g} billion USD"
    if quantity == "share":  # one below 1 is meant as a part of the whole
        return f"{100 * abs(number) if abs(number) < 1 else abs(number):.12g}%"
    return f"{number:.12g}%"


def _example(quantity: str) -> str:
    return "2 billion USD" if quantity in _FLOWS else "5%"
