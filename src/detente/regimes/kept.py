"""What laws in one state have in common, and digests that tell one state from another."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from detente.regimes.law import Effects, Held
    from detente.regimes.schema import Regime
    from detente.shocks import Cap
    from detente.world.core import Array

T = TypeVar("T")
#: Regimes as in the baseline, and as lifted, that laws of worlds alike keep.
MOST_SHARED = 24
#: States of the law whose effects and caps are kept: every set of five regimes, lifted or not.
_MOST_STATES = 32


class Kept(Generic[T]):
    """Results by what they follow from, those used last.

    Parameters
    ----------
    most : int
        Kept at a time.
    """

    def __init__(self, most: int) -> None:
        self._found: OrderedDict[Hashable, T] = OrderedDict()
        self._most, self._lock = most, Lock()

    def get(self, key: Hashable) -> T | None:
        """What is kept under a key."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def put(self, key: Hashable, value: T) -> None:
        """Keep it; what was used longest ago goes."""
        with self._lock:
            self._found[key] = value
            while len(self._found) > self._most:
                self._found.popitem(last=False)


def digest(*parts: str | bytes | NDArray[np.generic] | None) -> bytes:
    """BLAKE2b of words, earlier digests and arrays, each with its type and length."""
    found = blake2b(digest_size=32)
    for part in parts:
        if isinstance(part, np.ndarray):
            told, raw = f"{part.dtype.str}{part.shape}", part.tobytes()
        else:
            raw = part.encode() if isinstance(part, str) else part or b""
            told = f"{type(part).__name__}{len(raw)}"
        found.update(told.encode() + b"|" + raw)
    return found.digest()


@dataclass
class Shared:
    """What laws of worlds alike have in common; what depends on flows says whose they are.

    Attributes
    ----------
    held, before
        Regimes as the baseline has them, and what they close together: no flows in it.
    lifted
        A regime after `TargetLaw.lift`, and what that opened, by what was done to it.
    effects, caps
        By `TargetLaw.key`: the world's content, ψ, and what was done to every regime.
    """

    held: dict[Regime, Held] = field(default_factory=dict)
    before: dict[tuple[str, ...], Array] = field(default_factory=dict)
    lifted: Kept[tuple[Held, NDArray[np.bool_]]] = field(
        default_factory=lambda: Kept(MOST_SHARED)
    )
    effects: Kept[Effects] = field(default_factory=lambda: Kept(_MOST_STATES))
    caps: Kept[tuple[Cap, ...]] = field(default_factory=lambda: Kept(_MOST_STATES))
