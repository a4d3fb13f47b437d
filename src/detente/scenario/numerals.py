"""What the JSON Schema says of numbers: as numbers, and as the text that a file may hold.

A range of text is a pattern: editors check a file with it, and the loader refuses the same.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

#: A number in text: decimal, without an exponent, so that a pattern can bound it.
NUMERAL = r"(?:\d+\.?\d*|\.\d+)"
#: An amount of money may have one.
EXPONENT = r"(?:[eE][+-]?\d{1,2})?"
_ENDS = {1: r"\s*$", 100: r"\s*%\s*$"}


def below(limit: str, *, itself: bool) -> str:
    """A pattern of the numerals without a sign that are below a limit, or up to it.

    Parameters
    ----------
    limit : str
        A decimal number without a sign and without idle zeros: ``1000``, ``0.9``.
    itself : bool
        Whether the limit is among them.
    """
    whole, _, part = limit.partition(".")
    found: list[str] = []
    if whole != "0":
        shorter = [rf"\d{{1,{len(whole) - 1}}}"] if len(whole) > 1 else []
        found += [rf"0*{head}(?:\.\d*)?" for head in [*shorter, *_smaller(whole, True)]]
        found.append(r"\.\d+")
    parts = [rf"{head}\d*" for head in _smaller(part, False)]
    parts += [part[:j] for j in range(len(part))] + ([rf"{part}0*"] if itself else [])
    if parts:
        same, after = "0+" if whole == "0" else f"0*{whole}", f"(?:{'|'.join(parts)})"
        found.append(rf"{same}(?:\.{after})?")
        found += [rf"\.(?=\d){after}"] if whole == "0" else []
    return f"(?:{'|'.join(found)})"


def _smaller(digits: str, fixed: bool) -> list[str]:
    """Beginnings of what is smaller than a row of digits, by the first that differs."""
    return [
        f"{digits[:j]}[0-{int(digit) - 1}]" + rf"\d{{{len(digits) - j - 1}}}" * fixed
        for j, digit in enumerate(digits)
        if digit != "0"
    ]


def pattern(low: float, high: float | None, *, scale: int = 1, ends: str = "[]") -> str:
    """A pattern of text that is a number from ``low`` to ``high``.

    Parameters
    ----------
    low : float
    high : float, optional
        None: there is no upper bound.
    scale : int
        1, or 100 for text with a % sign: the bounds are shares all the same.
    ends : str
        ``[`` or ``(``, then ``]`` or ``)``: whether the bounds are among them.
    """
    least, end = _text(abs(low), scale), _ENDS[scale]
    most = NUMERAL if high is None else below(_text(high, scale), itself=ends[1] == "]")
    found = rf"\+?{most}"
    if low < 0:
        found = rf"(?:{found}|-{below(least, itself=ends[0] == '[')})"
    elif low > 0 or ends[0] == "(":
        found = rf"(?!\+?{below(least, itself=ends[0] == '(')}{end}){found}"
    return rf"^\s*{found}{end}"


def _text(value: float, scale: int) -> str:
    number = Decimal(repr(value)) * scale
    return f"{number.normalize():f}"


def _number(low: float, high: float | None, ends: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "number"}
    found["minimum" if ends[0] == "[" else "exclusiveMinimum"] = low
    if high is not None:
        found["maximum" if ends[1] == "]" else "exclusiveMaximum"] = high
    return found


def ratio_schema(
    low: float, high: float, *examples: Any, ends: str = "[]", one: bool = True
) -> dict[str, Any]:
    """Of a number that may be written with a % sign, and has to be beyond one.

    Parameters
    ----------
    low, high : float
        As shares.
    *examples
    ends : str
        As in :func:`pattern`.
    one : bool
        Whether a bare 1 will do: of a rate it could be 1 %.
    """
    bare = number_schema(low, high, ends=ends)
    if high > 1 or (high == 1 and not one):
        ends_ = ends[0] + ("]" if one else ")")
        bare = number_schema(max(low, -1.0), 1.0, ends=ends_)
    percent = {"type": "string", "pattern": pattern(low, high, scale=100, ends=ends)}
    return {"anyOf": [*bare["anyOf"], percent], "examples": list(examples)}


def number_schema(low: float, high: float | None = None, *, ends: str = "[]") -> dict[str, Any]:
    """Of a number, or the text of one."""
    text = {"type": "string", "pattern": pattern(low, high, ends=ends)}
    return {"anyOf": [_number(low, high, ends), text]}
