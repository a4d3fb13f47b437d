"""A race's folder: tables, the chart, and what makes it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from detente.partners.chart import chart
from detente.partners.pace import option
from detente.partners.race import Race
from detente.partners.tables import as_document, tables
from detente.report.folder import table_bytes, world_bytes, world_options, write_files
from detente.result import WORLD_FILE, world_reference


def write(
    directory: Path,
    race: Race,
    top: Sequence[str] = (),
    ending: str = "csv",
    geodist: Path | None = None,
) -> Path:
    """Write every table (csv or parquet), partners.svg, partners.json and run.json.

    Parameters
    ----------
    directory : Path
        Made if it is not there; an older folder of detente's is replaced, another refused. A
        world that does not come with detente is copied into it.
    race : Race
    top : sequence of str
    ending : str
        ``csv`` or ``parquet``.
    geodist : Path, optional
        The geography that the race was run with, where it is not the embedded one.
    """
    document = as_document(race, top)
    found = {
        f"{name}.{ending}": table_bytes(table, ending) for name, table in tables(race).items()
    }
    found["partners.svg"] = chart(race).encode()
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    found["partners.json"] = f"{text}\n".encode()
    own = world_reference(race.world) == WORLD_FILE
    if own:
        found[WORLD_FILE] = world_bytes(race.world)
    facts = {**race.provenance(), "run_again": again(race, own, top, geodist)}
    facts["what"] = facts.pop("kind")
    return write_files(directory, found, facts)


def again(race: Race, own: bool, top: Sequence[str], geodist: Path | None) -> str:
    """The command that gives the same tables, from inside the folder."""
    given = race.settings
    world = {"name": race.world.name, "file": WORLD_FILE if own else None}
    words = ["detente", "partners", race.country, *world_options(world)]
    words += ["--lift", ",".join(given.lift) or "none"]
    words += ["--draws", str(given.draws), "--seed", str(given.seed)]
    words += ["--deficit-rule", _rule(given.deficit_rule)]
    words += [] if given.elasticities else ["--no-elasticities"]
    pace = given.timing
    if not pace.at_once:
        words += ["--openness-path", option(pace.path), "--after", f"{pace.after!r}"]
    words += ["--top", ",".join(top)] if top else []
    words += ["--geodist", geodist.name] if geodist else []
    return shlex.join(words)


def _rule(rule: object) -> str:
    return f"proportional:{rule['proportional']}" if isinstance(rule, dict) else str(rule)
