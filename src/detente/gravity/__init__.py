"""Gravity: estimates of what distance, borders and ties do to trade.

Reading order: :mod:`~detente.gravity.panel` (tables as people have them),
:mod:`~detente.gravity.formula`, :mod:`~detente.gravity.ppml` and
:mod:`~detente.gravity.irls` (the numerics), :mod:`~detente.gravity.estimate` and
:mod:`~detente.gravity.results`, :mod:`~detente.gravity.cross` (arrays, a year, by sector),
:mod:`~detente.gravity.equilibrium`, :mod:`~detente.gravity.holdout`,
:mod:`~detente.gravity.replication`. Estimating needs the extra ``estimate``.
"""

from detente.gravity.cross import SectorEstimate, cross_section
from detente.gravity.equilibrium import (
    GravityEquilibrium,
    conditional_general_equilibrium,
    full_endowment_general_equilibrium,
    multilateral_resistances,
    square,
    trade_costs,
)
from detente.gravity.estimate import gravity, structural_gravity
from detente.gravity.formula import border, border_by_year, ln_distance, pair_id
from detente.gravity.holdout import Holdout, holdout, without_pair
from detente.gravity.panel import Panel, filled, panel, with_covariates
from detente.gravity.ppml import EstimationError
from detente.gravity.results import GravityResult
from detente.gravity.table import table

__all__ = [
    "EstimationError",
    "GravityEquilibrium",
    "GravityResult",
    "Holdout",
    "Panel",
    "SectorEstimate",
    "border",
    "border_by_year",
    "conditional_general_equilibrium",
    "cross_section",
    "filled",
    "full_endowment_general_equilibrium",
    "gravity",
    "holdout",
    "ln_distance",
    "multilateral_resistances",
    "pair_id",
    "panel",
    "square",
    "structural_gravity",
    "table",
    "trade_costs",
    "with_covariates",
    "without_pair",
]
