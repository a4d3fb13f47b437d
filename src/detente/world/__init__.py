"""Worlds: the baseline, its checks, its files and its tables."""

from detente.world.core import World

__all__ = ["World"]
