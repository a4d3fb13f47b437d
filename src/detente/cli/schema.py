"""``detente schema``: the JSON Schema of scenario files."""

from __future__ import annotations

from detente.cli.options import echo_json


def schema() -> None:
    """Print the JSON Schema of scenario files, for editors to complete and check with.

    Example: detente schema > scenario.schema.json
    """
    from detente.scenario import json_schema

    echo_json(json_schema())
