"""detente: who trades with whom, and who gains, when a closed economy opens."""

from detente._version import __version__
from detente.errors import (
    DetenteError,
    InputError,
    NoSolutionError,
    NotConvergedError,
    ScenarioError,
    ShockError,
    WorldError,
)
from detente.result import Result, solve, solve_many
from detente.scenario import Scenario, load_scenario
from detente.shocks import Cap, Shocks
from detente.world import World, list_worlds, load_world

__all__ = [
    "Cap",
    "DetenteError",
    "InputError",
    "NoSolutionError",
    "NotConvergedError",
    "Result",
    "Scenario",
    "ScenarioError",
    "ShockError",
    "Shocks",
    "World",
    "WorldError",
    "__version__",
    "list_worlds",
    "load_scenario",
    "load_world",
    "solve",
    "solve_many",
]
