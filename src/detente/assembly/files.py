"""Building a world from files: checked first, stored stage by stage, written at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detente.assembly.aggregation import read_map
from detente.assembly.assemble import STAGES, Built, Inputs, assemble
from detente.assembly.finaldemand import TOLERANCE, Deficits
from detente.assembly.stages import Progress, Stages, fingerprint
from detente.assembly.thetas import CALIENDO_PARRO, read_choice
from detente.errors import InputError, Place, WorldError
from detente.sources.iotable import IOTable
from detente.sources.locking import locked
from detente.sources.reading import read_table, refuse_duplicates
from detente.sources.record import Sourced
from detente.sources.tables import read_io_table
from detente.sources.wits import read_tariffs
from detente.world.io import save_world

#: The world's name in the folder of stages, until it gets its own.
_FINISHED = "world-finished.npz"


@dataclass(frozen=True)
class Plan:
    """What a world is built from.

    Attributes
    ----------
    icio : Path
        The input-output table: a file, or a folder where the source is one.
    source : str or None
        Name in the catalogue; None where the file says itself what it is.
    year : int or None
        Year of the table; needed where the file holds several.
    tariffs, deficits : Path or None
    elasticities : str
        A name, a file, or a number.
    aggregate : str or None
        A map's name or file.
    name, title : str
    tolerance : float
        Largest share of the table that may be negative or misfit.
    usd_per_eur : float or None
        For EXIOBASE, which is in euro.
    """

    icio: Path
    source: str | None = None
    year: int | None = None
    tariffs: Path | None = None
    elasticities: str = CALIENDO_PARRO
    aggregate: str | None = None
    deficits: Path | None = None
    name: str = "my world"
    title: str = ""
    tolerance: float = TOLERANCE
    usd_per_eur: float | None = None


def build_file(
    plan: Plan,
    output: str | Path,
    *,
    force: bool = False,
    keep: bool = False,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
) -> Built:
    """Build a world from files and write it.

    Stages that are done lie in ``OUTPUT.build`` until the world is written; a build that was
    interrupted takes up there, and one whose inputs changed starts where they matter.

    Parameters
    ----------
    plan : Plan
    output : str or Path
        The world's file; ``.world`` or ``.npz``.
    force : bool
        Replace a file that exists.
    keep : bool
        Keep the folder of stages.
    progress : callable, optional
        Told each stage's name, number and the total before it runs.
    waiting : callable, optional
        Called once if another build writes the same file.

    Raises
    ------
    InputError, WorldError
        What is wrong with which file, and where; nothing is written then but finished
        stages.
    """
    output = Path(output)
    _refuse_output(output, force)
    _refuse_input_as_output(plan, output)
    inputs = _read_inputs(plan)
    folder = _folder(output)
    with locked(output, waiting):
        _refuse_output(output, force)
        for left in (".[0-9]-*.npz.*.part", f".{_FINISHED}.*.part"):  # by a killed build
            for part in folder.glob(left):
                part.unlink(missing_ok=True)
        stages = Stages(folder, len(STAGES), progress)
        try:
            built = assemble(inputs, stages, plan.name, plan.title, plan.tolerance)
            folder.mkdir(exist_ok=True)
            save_world(built.world, folder / _FINISHED).replace(output)
        finally:
            stages.clear_if_empty()
        if not keep:
            stages.clear()
    return replace(built, path=output)


def _folder(output: Path) -> Path:
    """Where the stages of a world lie until it is written."""
    return output.with_name(f"{output.name}.build")


def stages_left(output: Path) -> bool:
    """Whether an interrupted build of this world left stages to go on from."""
    return Stages(_folder(output)).any_stored


def _refuse_output(output: Path, force: bool) -> None:
    """Refuse a place that cannot be written to, before anything is read."""
    place = Place(str(output))
    if output.suffix not in (".world", ".npz"):
        raise WorldError("a world's file ends in .world or .npz.", place)
    if output.is_dir():
        raise WorldError("it is a folder; give a file.", place)
    if not output.parent.is_dir():
        raise WorldError(f"the folder '{output.parent}' does not exist. Make it first.", place)
    if output.exists() and not force:
        raise WorldError("it exists; --force replaces it.", place)
    if not os.access(output.parent, os.W_OK):
        raise WorldError(f"the folder '{output.parent}' cannot be written to.", place)


def _refuse_input_as_output(plan: Plan, output: Path) -> None:
    """Refuse to write the world over what it is made from."""
    inputs = (plan.icio, plan.tariffs, plan.elasticities, plan.aggregate, plan.deficits)
    there = [Path(given) for given in inputs if given and Path(given).exists()]
    if output.exists() and any(output.samefile(given) for given in there):
        raise WorldError("it is one of the inputs; give another file.", Place(str(output)))


def _read_inputs(plan: Plan) -> Inputs:
    """Check and read what is small, so that its errors come before the table is read."""
    if not 0 <= plan.tolerance < 1:
        raise InputError(f"a tolerance is a share, from 0 to 1; it is {plan.tolerance:g}.")
    found = read_map(plan.aggregate) if plan.aggregate else None
    thetas = read_choice(plan.elasticities)
    deficits = read_deficits(plan.deficits) if plan.deficits else None
    keys: dict[str, dict[str, Any]] = {
        "read": {
            "icio": fingerprint(plan.icio),
            "source": plan.source,
            "year": plan.year,
            "usd_per_eur": plan.usd_per_eur,
        },
        "tariffs": {
            "file": fingerprint(plan.tariffs),
            "map": found.text if found else "",
        },
        "aggregate": {},
        "elasticities": {"choice": _named(thetas, plan.elasticities)},
        "balance": {
            "deficits": json.dumps(deficits, sort_keys=True),
            "tolerance": plan.tolerance,
        },
    }
    tariffs = plan.tariffs
    return Inputs(
        table=lambda: _read_table(plan),
        tariffs=lambda year: (
            None if tariffs is None else read_tariffs(tariffs, year=year, closest=True)
        ),
        thetas=thetas,
        map=found,
        deficits=deficits,
        keys=keys,
    )


def _named(thetas: float | Sourced | str, given: str) -> str:
    return fingerprint(given) if isinstance(thetas, Sourced) else str(thetas)


def _read_table(plan: Plan) -> IOTable:
    return read_io_table(plan.icio, plan.source, plan.year, usd_per_eur=plan.usd_per_eur)


def read_deficits(path: str | Path) -> Deficits:
    """Read a csv with ``country`` and ``value``: imports less exports, million USD.

    Raises
    ------
    InputError
        A column missing, a country twice, a cell that is no number, each with its line.
    """
    frame = read_table(
        path,
        columns={"country": ("country", "code"), "value": ("value", "deficit")},
        sep=None,
        numbers=("value",),
    )
    refuse_duplicates(frame, ["country"], path)
    empty = frame["value"].isna()
    if empty.any():
        line = int(frame.index[int(empty.to_numpy().argmax())])
        raise InputError("the cell is empty.", Place(str(path), line, "value"))
    pairs = zip(frame["country"], frame["value"], strict=True)
    lines = dict(zip(frame["country"], map(int, frame.index), strict=True))
    return Deficits({str(c): float(v) for c, v in pairs}, str(path), lines)
