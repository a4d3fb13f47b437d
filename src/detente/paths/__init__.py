"""A scenario as a path: phases, years, adjustment, discounted totals."""

from detente.paths.result import PathResult
from detente.paths.solve import solve_path

__all__ = ["PathResult", "solve_path"]
