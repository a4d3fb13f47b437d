"""How far and how fast what a scenario opens is there: ``openness_path``.

``base-rate`` is what openings in history did, in the middle (:mod:`detente.openings`); ``warm``
and ``cold`` are its two kinds; ``immediate`` is everything on the first day; a mapping states
the numbers; ``adjustment_years`` leaves it to that assumption, with a level of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, WithJsonSchema

from detente.errors import nearest
from detente.openings.likely import before_factor, paces, size_factor
from detente.openings.pace import IMMEDIATE, Array, LinkPace, Pace, half_life_of
from detente.scenario.numerals import number_schema, ratio_schema
from detente.scenario.quantities import plain_number, ratio, refuse

Mask = NDArray[np.bool_]
BASE_RATE, ADJUSTMENT = "base-rate", "adjustment_years"
#: What a word may be; the last is what an ``adjustment_years`` given alone means.
WORDS = (BASE_RATE, "immediate", "warm", "cold", ADJUSTMENT)
#: Paths that are read off the record of openings.
FROM_RECORD = (BASE_RATE, "warm", "cold")
_KEYS = ("level", "half_life", "start")
#: Largest level and half-life that are taken for meant.
MOST_LEVEL, MOST_YEARS = 10.0, 100.0
_EXAMPLE = "{level: 60%, half_life: 4}"


def _path(value: Any) -> str | dict[str, float | str]:
    if isinstance(value, Mapping):
        return _numbers(value)
    if value is None:
        refuse(f"the openness path is empty: {', '.join(WORDS)}, or {_EXAMPLE}.")
    if value not in WORDS:
        refuse(
            f"unknown openness path {value!r}: {', '.join(WORDS)}, or {_EXAMPLE}.",
            nearest(str(value), WORDS),
        )
    return str(value)


def _numbers(given: Mapping[Any, Any]) -> dict[str, float | str]:
    for key in given:
        if key not in _KEYS:
            refuse(
                f"an openness path has no '{key}': it is {_EXAMPLE}, with 'start' if a part of "
                "the level is there at once.",
                nearest(str(key), _KEYS),
            )
    for key in ("level", "half_life"):
        if key not in given:
            refuse(f"an openness path in numbers needs '{key}': {_EXAMPLE}.")
    years = plain_number(given["half_life"])
    if years is None or not 0 <= years <= MOST_YEARS:
        refuse(
            f"{given['half_life']!r} is no half-life: a number of years, 0 (at once) to "
            f"{MOST_YEARS:g}."
        )
    level = ratio(given["level"], "level of an opening", 0.0, MOST_LEVEL)
    # above one it stays text: a number of 1.5 could mean 1.5 %
    found: dict[str, float | str] = {
        "level": level if level <= 1.0 else f"{100.0 * level!r}%",
        "half_life": years,
    }
    if "start" in given:
        found["start"] = ratio(given["start"], "start of an opening", 0.0, 1.0)
    return found


OpennessPath = Annotated[
    str | dict[str, float | str],
    BeforeValidator(_path),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(WORDS)},
                {
                    "type": "object",
                    "properties": {
                        "level": ratio_schema(0, MOST_LEVEL, "60%", 0.6),
                        "half_life": number_schema(0, MOST_YEARS),
                        "start": ratio_schema(0, 1, "10%", 0.1),
                    },
                    "required": ["level", "half_life"],
                    "additionalProperties": False,
                },
            ],
            "examples": [BASE_RATE, {"level": "60%", "half_life": 4}],
        }
    ),
]


def pace_of(path: str | Mapping[str, float | str], adjustment_years: float) -> Pace:
    """The pace that an ``openness_path`` names.

    Parameters
    ----------
    path : str or mapping
        As :class:`detente.scenario.Assumptions` holds it.
    adjustment_years : float
        For the path of that name.
    """
    if isinstance(path, Mapping):
        numbers = {key: float(value) for key, value in path.items() if key != "level"}
        level = ratio(path["level"], "level of an opening", 0.0, MOST_LEVEL)
        return Pace(level, **numbers)
    if path == "immediate":
        return IMMEDIATE
    if path == ADJUSTMENT:
        return Pace(1.0, half_life_of(adjustment_years), 0.0)
    return paces()[path]


def link_pace(
    path: str | Mapping[str, float | str],
    adjustment_years: float,
    potential: Array,
    before: Mask | bool = False,
) -> LinkPace:
    """The pace of every pair.

    Parameters
    ----------
    path : str or mapping
    adjustment_years : float
    potential : ndarray, shape (N, N)
        What the pairs' opened links would carry, million USD.
    before : bool or ndarray of bool, shape (N, N)
        Whether that is what they carried before the bans, and not what gravity says. Where the
        pace is history's, it is a share of what gravity expects of a link of typical size. Of
        gravity's potential larger links reach more
        (:func:`detente.openings.likely.size_factor`); what was carried before is no mean of
        gravity's, and is compared to what ordinary links carry
        (:func:`detente.openings.likely.before_factor`).
    """
    pace = pace_of(path, adjustment_years)
    if not (isinstance(path, str) and path in FROM_RECORD):
        return LinkPace.of(pace)
    return LinkPace.of(pace, record_factor(potential, before))


def record_factor(potential: Array, before: Mask | bool) -> Array:
    """What the record's level is multiplied with, by pair: see :func:`link_pace`."""
    return np.where(before, before_factor(), size_factor(potential))


def words_of(
    path: str | Mapping[str, float | str], adjustment_years: float, before: bool = False
) -> str:
    """An openness path in a clause; arguments as :func:`link_pace`."""
    if path == ADJUSTMENT:
        if adjustment_years == 0:
            return "so does what rises"
        return f"95 % of what rises is there after {adjustment_years:g} years"
    if path == "immediate":
        return "what relief opens is there at once"
    pace = pace_of(path, adjustment_years)
    sized = isinstance(path, str)
    factor = before_factor() if sized and before else 1.0
    five, fifteen = (factor * float(v) for v in pace.share([5.0, 15.0]))
    said = {
        BASE_RATE: "as the middle one of openings in history did",
        "warm": "as warm openings in history did",
        "cold": "as cold openings in history did",
    }.get(path if isinstance(path, str) else "", "as the scenario states")
    size = ", for a link of some two billion USD, more for a larger one, less for a smaller"
    return (
        f"what relief opens comes {said}: {100 * five:.0f} % of its potential after 5 years, "
        f"{100 * fifteen:.0f} % after 15{size if sized and not before else ''}"
    )
