"""Worlds: the baseline, its checks, its files and its tables."""

from detente.world.catalogue import list_worlds, load_world
from detente.world.core import World

__all__ = ["World", "list_worlds", "load_world"]
