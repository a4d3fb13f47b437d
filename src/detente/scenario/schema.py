"""The JSON Schema of scenario files: what editors complete and check with."""

from __future__ import annotations

from typing import Any

from detente.scenario.assumptions import Assumptions
from detente.scenario.core import Header
from detente.scenario.registry import kinds


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a scenario file, made from the measures' models.

    Checks across keys (one form of tariff, dates in order) and names of countries and
    sectors, which depend on the world, are not in it: loading a file does those.
    """
    header, assumptions = (_plain(model.model_json_schema()) for model in (Header, Assumptions))
    definitions = {}
    for kind, model in kinds().items():
        definition = _plain(model.model_json_schema(by_alias=True))
        definition["description"] = _first_paragraph(model.__doc__ or "")
        definitions[kind] = definition
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A detente scenario",
        "type": "object",
        "properties": {
            **header["properties"],
            **assumptions["properties"],
            "measures": {
                "description": "Measures, each {kind: {fields}}.",
                "type": "array",
                "items": {"oneOf": [_item(kind) for kind in definitions]},
            },
        },
        "required": header["required"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _item(kind: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {kind: {"$ref": f"#/$defs/{kind}"}},
        "required": [kind],
        "additionalProperties": False,
    }


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without pydantic's automatic titles, which repeat the keys."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
    return schema


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())
