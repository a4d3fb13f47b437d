"""Anderson acceleration of a fixed-point map (Walker & Ni 2011, SIAM J. Numer. Anal. 49)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Anderson:
    """Mixes the last ``memory`` steps of z ← z + f(z), f the residual of the map.

    Parameters
    ----------
    size : int
        Length of z.
    memory : int
        How many differences are kept.
    """

    def __init__(self, size: int, memory: int = 16) -> None:
        self.memory = memory
        self._df = np.empty((memory, size))
        self._move = np.empty((memory, size))
        self._gram = np.zeros((memory, memory))
        self.reset()

    def reset(self) -> None:
        """Forget the history; the next step is a plain one."""
        self._count = 0
        self._f: Array | None = None
        self._z: Array | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing has been stepped since the last reset."""
        return self._f is None

    def step(self, z: Array, f: Array) -> Array:
        """The step to the next iterate, from this one and its residual."""
        if self._f is not None and self._z is not None:
            self._remember(f - self._f, z - self._z)
        self._f, self._z = f, z
        kept = min(self._count, self.memory)
        if not kept:
            return f
        mix = self._mix(f, kept)
        step: Array = f - mix @ self._move[:kept]
        return step

    def _remember(self, df: Array, dz: Array) -> None:
        slot = self._count % self.memory
        self._df[slot] = df
        np.add(dz, df, out=self._move[slot])
        self._count += 1
        kept = min(self._count, self.memory)
        self._gram[slot, :kept] = self._gram[:kept, slot] = self._df[:kept] @ df

    def _mix(self, f: Array, kept: int) -> Array:
        """Least squares on the kept differences, through their scaled Gram matrix."""
        gram = self._gram[:kept, :kept]
        scale = np.sqrt(np.maximum(np.diag(gram), 1e-300))
        system = gram / np.outer(scale, scale)
        # a ridge at rounding level: two equal steps must not blow the mix up
        system[np.diag_indices(kept)] += 1e-14
        right = (self._df[:kept] @ f) / scale
        mix: Array = np.linalg.solve(system, right) / scale
        return mix
