"""The registry of measures: every module in ``measures/`` is found by itself.

Adding a measure touches one file: a module in ``measures/`` with a class that derives from
`Measure` (or `LinkMeasure`) and carries ``@measure("its-name")``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeVar

from detente.scenario.measure import Measure

T = TypeVar("T", bound=Measure)
_KINDS: dict[str, type[Measure]] = {}


def measure(kind: str) -> Callable[[type[T]], type[T]]:
    """Register a measure under the name that scenarios use.

    Raises
    ------
    ValueError
        Another class has that name already.
    """

    def register(cls: type[T]) -> type[T]:
        known = _KINDS.get(kind)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ValueError(f"two measures are called '{kind}': {known} and {cls}")
        cls.kind = kind
        _KINDS[kind] = cls
        return cls

    return register


@cache
def _import_all() -> None:
    package = importlib.import_module("detente.scenario.measures")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


def kinds() -> Mapping[str, type[Measure]]:
    """Every kind of measure by name, in alphabetical order."""
    _import_all()
    return MappingProxyType(dict(sorted(_KINDS.items())))
