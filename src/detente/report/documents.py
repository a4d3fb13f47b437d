"""Results as JSON-able documents: the command line, Python and folders give the same one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # commands that print no table start without pandas
    import pandas as pd


def records(table: pd.DataFrame) -> Any:
    """A table as JSON-able rows, missing values as null."""
    return json.loads(table.to_json(orient="records", double_precision=15))


def document(
    provenance: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
) -> dict[str, Any]:
    """Provenance and every table: all that is known of a result, JSON-able."""
    return {**provenance, "tables": {key: records(table) for key, table in tables.items()}}
