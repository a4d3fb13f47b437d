"""Fields of the measure ``pipeline`` that read more than one form, or refuse in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from detente.corridors.pipelinecase import SUFFIXES
from detente.scenario.finance import Finance
from detente.scenario.quantities import ALL, Codes, refuse
from detente.scenario.units import Kilometres

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
_SCHEMA = {**Finance.model_json_schema(), "description": "Who pays for building it."}
LinkFinance = Annotated[Finance | None, WithJsonSchema(_SCHEMA)]


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
