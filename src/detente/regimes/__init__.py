"""Sanctions as law: regimes, provisions, what they cover of whose trade, from when."""

from detente.regimes.catalogue import load_regime, regime_names
from detente.regimes.schema import Products, Provision, Regime

__all__ = ["Products", "Provision", "Regime", "load_regime", "regime_names"]
