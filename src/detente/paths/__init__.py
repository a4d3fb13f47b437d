"""A scenario as a path: phases, years, adjustment, discounted totals, a fan."""

from detente.paths.draws import with_fan
from detente.paths.fan import Fan
from detente.paths.result import PathResult
from detente.paths.solve import solve_path

__all__ = ["Fan", "PathResult", "solve_path", "with_fan"]
