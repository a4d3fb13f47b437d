"""Outcomes: labelled tables of what an equilibrium means."""

from detente.outcomes.decomposition import cp_decomposition, decomposition
from detente.outcomes.law import caps, closed
from detente.outcomes.sectors import sectors
from detente.outcomes.sensitivity import sensitivity
from detente.outcomes.trade import concentration, creation_diversion, partners, trade
from detente.outcomes.welfare import tariff_revenue, welfare

__all__ = [
    "caps",
    "closed",
    "concentration",
    "cp_decomposition",
    "creation_diversion",
    "decomposition",
    "partners",
    "sectors",
    "sensitivity",
    "tariff_revenue",
    "trade",
    "welfare",
]
