"""What commands on a scenario are asked: its file, its world, its assumptions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import Format
from detente.errors import InputError, Place, ScenarioError, WorldError

if TYPE_CHECKING:
    from detente.scenario import Scenario
    from detente.world import World

File = Annotated[Path, typer.Argument(metavar="FILE", help="A scenario (YAML).")]
WorldName = Annotated[
    str | None,
    typer.Option("--world", metavar="NAME_OR_PATH", help="World; by default the scenario's."),
]
Size = Annotated[str, typer.Option(metavar="un|bok", help="Estimate of the DPRK's economy.")]
Day = Annotated[
    str | None, typer.Option(metavar="DATE", help="State on a day; by default at the end.")
]
Country = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Country in focus; by default the most affected."),
]
Rule = Annotated[
    str | None,
    typer.Option(
        metavar="RULE", help="fixed, balanced, balanced_as_shock or proportional:CODE."
    ),
]
Scale = Annotated[
    float | None, typer.Option(metavar="X", help="Multiply the dormant shares ψ.")
]
Tolerance = Annotated[
    float | None, typer.Option(metavar="X", help="Largest relative residual (1e-10).")
]
Shape = Annotated[Format, typer.Option("--format", help="What to print or write.")]


def assume(scenario: Scenario, key: str, value: Any) -> Scenario:
    """A scenario under another assumption; a mistake is named after its option."""
    try:
        return scenario.with_(**{key: value})
    except InputError as error:
        option = Place(key=None, file=f"--{key.replace('_', '-')}")
        raise InputError(error.what, option, error.nearest) from None


def world_of(scenario: Scenario, file: Path, name: str | None, dprk_size: str) -> World:
    """The world asked for; a path in a scenario counts from the scenario's folder."""
    from detente.world import load_world
    from detente.world.catalogue import DPRK_SIZES, SUFFIXES

    if name is not None or dprk_size not in DPRK_SIZES:
        return load_world(name or scenario.world, dprk_size)
    beside, here = file.parent / scenario.world, Path(scenario.world)
    is_file = beside.is_file() or (beside.suffix in SUFFIXES and not here.is_file())
    try:
        return load_world(beside if is_file else scenario.world, dprk_size)
    except WorldError as error:
        where = f"{error.place}: " if error.place else ""
        near = error.nearest
        if near and is_file:
            near = os.path.relpath(near, file.parent)
        place = scenario.source.place("world")
        raise ScenarioError(f"{where}{error.what}", place, near) from None
