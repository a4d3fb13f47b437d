"""A race's folder: tables, the chart, and what makes it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from detente.partners.chart import chart
from detente.partners.race import Race
from detente.partners.tables import as_document, tables
from detente.report.folder import table_bytes, write_files


def write(directory: Path, race: Race, top: Sequence[str] = (), ending: str = "csv") -> Path:
    """Write every table (csv or parquet), partners.svg, partners.json and run.json.

    Parameters
    ----------
    directory : Path
        Made if it is not there; an older folder of detente's is replaced, another refused.
    race : Race
    top : sequence of str
    ending : str
        ``csv`` or ``parquet``.
    """
    document = as_document(race, top)
    found = {
        f"{name}.{ending}": table_bytes(table, ending) for name, table in tables(race).items()
    }
    found["partners.svg"] = chart(race).encode()
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    found["partners.json"] = f"{text}\n".encode()
    settings = race.settings
    again = ["detente", "partners", race.country, "--world", race.world.name]
    again += ["--lift", ",".join(settings.lift) or "none"]
    again += ["--draws", str(settings.draws), "--seed", str(settings.seed)]
    again += [] if settings.elasticities else ["--no-elasticities"]
    again += ["--top", ",".join(top)] if top else []
    facts = {**race.provenance(), "run_again": shlex.join(again)}
    facts["what"] = facts.pop("kind")
    return write_files(directory, found, facts)
