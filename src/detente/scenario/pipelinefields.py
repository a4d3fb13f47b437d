"""Fields of the measure ``pipeline`` that read more than one form, or refuse in words."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, WithJsonSchema

from detente.corridors.pipelinecase import SUFFIXES
from detente.scenario.finance import Finance
from detente.scenario.quantities import ALL, Codes, refuse
from detente.scenario.units import Kilometres, Years

_FOLDER = "pipelines"
_CODE = [
    {"type": "string", "pattern": r"\S", "not": {"const": ALL}},
    {"type": "integer"},
]


def _name(value: Any) -> str:
    """One case by name, or one file."""
    if not isinstance(value, str) or not value.strip():
        refuse(f"{value!r} is no case: 'use' takes one name, or one file (.yaml).")
    return value.strip()


def _lands(value: Any) -> Any:
    """Transit lands by code: never none, and never all."""
    if isinstance(value, list | tuple) and not value:
        refuse("an empty list names no land; leave 'via' out where nothing lies between.")
    if value == ALL or (isinstance(value, list | tuple) and ALL in value):
        refuse("'all' is no transit land: name them in their order.")
    return value


def _lengths(value: Any) -> Any:
    """Km by country, one at least."""
    if not isinstance(value, Mapping) or not value:
        refuse(f"{value!r} names no country: km: {{PRK: 700 km}}.")
    return value


def _finance(value: Any) -> Any:
    """``finance`` whose life may have its unit here, as ``life`` of the link has."""
    if not isinstance(value, Mapping) or not isinstance(value.get("life"), str):
        return value
    text = value["life"]
    if not text.rstrip().endswith(("year", "years")):
        return value
    return {**value, "life": TypeAdapter(Years).validate_python(text)}


def _finance_schema() -> dict[str, Any]:
    """The schema of ``finance``, with a life that has its unit."""
    found = deepcopy(Finance.model_json_schema())
    life = found["properties"]["life"]
    with_unit = TypeAdapter(Years).json_schema()["anyOf"][0]
    found["properties"]["life"] = {
        **{k: v for k, v in life.items() if k != "anyOf"},
        "anyOf": [*life["anyOf"], with_unit],
    }
    return {**found, "description": "Who pays for building it."}


CaseName = Annotated[
    str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": r"\S"})
]
Lands = Annotated[
    Codes,
    BeforeValidator(_lands),
    WithJsonSchema(
        {
            "anyOf": [
                *_CODE,
                {
                    "type": "array",
                    "items": {"anyOf": _CODE},
                    "minItems": 1,
                    "uniqueItems": True,
                },
            ],
            "examples": ["PRK", ["PRK", "CHN"]],
        }
    ),
]
Lengths = Annotated[dict[str, Kilometres], BeforeValidator(_lengths), Field(min_length=1)]
LinkFinance = Annotated[Finance, BeforeValidator(_finance), WithJsonSchema(_finance_schema())]


def own_file(name: str | None, beside: Path | None) -> Path | None:
    """The file that a case is in, where it is one of the user's own.

    Parameters
    ----------
    name : str or None
        Of a case, or a path.
    beside : Path or None
        Folder that a path counts from first: the scenario's.
    """
    if name is None or not name.endswith(SUFFIXES):
        return None
    here = None if beside is None else beside / name
    found = here if here is not None and here.is_file() else Path(name)
    return found if found.is_file() else None


def in_folder(path: Path) -> str:
    """Its name in a run's folder."""
    return f"{_FOLDER}/{path.name}"
