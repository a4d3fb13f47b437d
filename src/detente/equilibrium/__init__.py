"""The equilibrium: solve, and the certificate of what was solved."""

from detente.equilibrium.batch import solve_batch
from detente.equilibrium.path import between
from detente.equilibrium.problem import Exogenous, build_problem, exogenous
from detente.equilibrium.result import Certificate, Equilibrium
from detente.equilibrium.solve import (
    HasShocks,
    require_arguments,
    solve_equilibrium,
    solve_point,
)

__all__ = [
    "Certificate",
    "Equilibrium",
    "Exogenous",
    "HasShocks",
    "between",
    "build_problem",
    "exogenous",
    "require_arguments",
    "solve_batch",
    "solve_equilibrium",
    "solve_point",
]
