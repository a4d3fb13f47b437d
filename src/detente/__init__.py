"""detente: who trades with whom, and who gains, when a closed economy opens."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from detente._version import __version__

if TYPE_CHECKING:
    from detente.assembly.assemble import build_world as build_world
    from detente.assembly.split import split_country as split_country
    from detente.dormant import Geography as Geography
    from detente.dormant import History as History
    from detente.dormant import dormant_shares as dormant_shares
    from detente.errors import DetenteError as DetenteError
    from detente.errors import InputError as InputError
    from detente.errors import NoSolutionError as NoSolutionError
    from detente.errors import NotConvergedError as NotConvergedError
    from detente.errors import ScenarioError as ScenarioError
    from detente.errors import ShockError as ShockError
    from detente.errors import WorldError as WorldError
    from detente.outcomes.attribution import attribution as attribution
    from detente.paths import PathResult as PathResult
    from detente.paths import solve_path as solve_path
    from detente.regimes import load_regime as load_regime
    from detente.regimes.attach import attach_law as attach_law
    from detente.result import Result as Result
    from detente.result import solve as solve
    from detente.result import solve_many as solve_many
    from detente.scenario import Scenario as Scenario
    from detente.scenario import load_scenario as load_scenario
    from detente.shocks import Cap as Cap
    from detente.shocks import Shocks as Shocks
    from detente.world import World as World
    from detente.world import list_worlds as list_worlds
    from detente.world import load_world as load_world
    from detente.world.clean import remove_inventories as remove_inventories

#: Which module has each public name: it is imported when the name is first used, so that
#: ``detente --help`` needs neither pandas nor scipy.
_HOME = {
    "Cap": "shocks",
    "DetenteError": "errors",
    "Geography": "dormant",
    "History": "dormant",
    "InputError": "errors",
    "NoSolutionError": "errors",
    "NotConvergedError": "errors",
    "PathResult": "paths",
    "Result": "result",
    "Scenario": "scenario",
    "ScenarioError": "errors",
    "ShockError": "errors",
    "Shocks": "shocks",
    "World": "world",
    "WorldError": "errors",
    "attach_law": "regimes.attach",
    "attribution": "outcomes.attribution",
    "build_world": "assembly.assemble",
    "dormant_shares": "dormant",
    "list_worlds": "world",
    "load_regime": "regimes",
    "load_scenario": "scenario",
    "load_world": "world",
    "remove_inventories": "world.clean",
    "solve": "result",
    "solve_many": "result",
    "solve_path": "paths",
    "split_country": "assembly.split",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 (names, from the table above)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'detente' has no attribute '{name}'")
    value = getattr(import_module(f"detente.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
