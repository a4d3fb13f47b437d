"""Dormant shares: what a link that the baseline closes would carry if it were open."""

from detente.dormant.anchors import AS_BEFORE, NORMAL, Anchor, Anchors
from detente.dormant.estimates import Estimates, embedded_estimates
from detente.dormant.geography import Geography, embedded_geography
from detente.dormant.history import History
from detente.dormant.shares import DormantShares, dormant_shares, recorded

__all__ = [
    "AS_BEFORE",
    "NORMAL",
    "Anchor",
    "Anchors",
    "DormantShares",
    "Estimates",
    "Geography",
    "History",
    "dormant_shares",
    "embedded_estimates",
    "embedded_geography",
    "recorded",
]
