"""A path's files: tables, the chart, and what makes them again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from detente.paths.chart import chart
from detente.paths.result import PathResult
from detente.report.folder import table_bytes, world_bytes, world_options, write_files
from detente.result import WORLD_FILE


def path_files(path: PathResult, country: str | None = None) -> dict[str, bytes]:
    """What a run's folder holds of a path: ``tables/path_*.csv`` and parquet, the chart.

    Parameters
    ----------
    path : PathResult
    country : str, optional
        In focus; by default the most affected.

    Returns
    -------
    dict of relative path to bytes
    """
    found = {
        f"tables/{name}.{ending}": table_bytes(table, ending)
        for name, table in path.tables(country).items()
        for ending in ("parquet", "csv")
    }
    found["charts/path.svg"] = chart(path, country or path.focus).encode()
    return found


def fan_options(path: PathResult) -> list[str]:
    """Options that draw the same fan again."""
    fan = path.fan
    return (
        ["--draws", "0"]
        if fan is None
        else ["--draws", f"{fan.asked}", "--seed", f"{fan.seed}"]
    )


def write_path(directory: Path, path: PathResult, country: str | None = None) -> Path:
    """Write a folder with a path's tables, chart, scenario and ``run.json``.

    Parameters
    ----------
    directory : Path
        Made if it is not there; an older folder of detente's is replaced, another refused. A
        world that does not come with detente is copied into it, and so are regimes' files.
    path : PathResult
    country : str, optional
    """
    facts = path.provenance
    found = path_files(path, country) | dict(path.told.files)
    text = json.dumps(path.to_dict(country), indent=2, ensure_ascii=False, allow_nan=False)
    found["path.json"] = f"{text}\n".encode()
    found["scenario.yaml"] = facts["scenario"]["text"].encode()
    if facts["world"]["file"]:
        found[WORLD_FILE] = world_bytes(path.source_world)
    again = ["detente", "path", "scenario.yaml", *world_options(facts["world"])]
    again += ["--tolerance", str(facts["settings"]["tolerance"])]
    again += ["--country", country or path.focus, *fan_options(path)]
    return write_files(directory, found, {**facts, "run_again": shlex.join(again)})
