"""``detente schema``: the JSON Schema of scenario files."""

from __future__ import annotations

from detente.cli.options import echo_json


def schema() -> None:
    """Print the JSON Schema of scenario files.

    Editors complete and check scenarios with it.

    Example: detente schema > scenario.schema.json
    """
    from detente.scenario import json_schema

    echo_json(json_schema())
